//! Lets a request through when the service `keys` knows its `x-api-key`, and says to the upstream whose key it is. When the
//! service does not answer, nobody is let through.

use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_http_context(|_, _| -> Box<dyn HttpContext> { Box::new(Stream) });
}}

struct Stream;

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _headers: usize, _end_of_stream: bool) -> Action {
        let Some(key) = self.get_http_request_header("x-api-key") else {
            self.send_http_response(401, vec![], Some(b"a key is needed"));
            return Action::Pause;
        };
        let headers = vec![
            (":method", "GET"),
            (":path", "/owner"),
            (":authority", "keys"),
            ("x-api-key", &key),
        ];
        match self.dispatch_http_call("keys", headers, None, vec![], Duration::from_millis(250)) {
            Ok(_) => Action::Pause,
            Err(status) => {
                log::error!("the keys cannot be asked: {status:?}");
                self.unavailable();
                Action::Pause
            }
        }
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, _call: u32, headers: usize, body_size: usize, _trailers: usize) {
        // A call that failed has no headers, and asking for one ends the filter.
        if headers == 0 {
            return self.unavailable();
        }
        let status = self.get_http_call_response_header(":status");
        match status.as_deref() {
            Some("200") => {
                let owner = self.get_http_call_response_body(0, body_size).unwrap_or_default();
                let owner = String::from_utf8_lossy(&owner).into_owned();
                self.set_http_request_header("x-api-key", None);
                self.set_http_request_header("x-owner", Some(&owner));
                self.resume_http_request();
            }
            Some("404") => self.send_http_response(403, vec![], Some(b"nobody has this key")),
            _ => self.unavailable(),
        }
    }
}

impl Stream {
    fn unavailable(&self) {
        self.send_http_response(503, vec![("retry-after", "1")], Some(b"try again"));
    }
}
