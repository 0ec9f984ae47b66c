//! Blots out card numbers, four groups of four digits, in the bodies of responses.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_http_context(|_, _| -> Box<dyn HttpContext> { Box::new(Stream) });
}}

const CARD: &[u8] = b"dddd-dddd-dddd-dddd";

struct Stream;

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_response_headers(&mut self, _headers: usize, _end_of_stream: bool) -> Action {
        // The body may get shorter.
        self.set_http_response_header("content-length", None);
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !end_of_stream {
            // A number may be cut in two: the body is looked at when it is all there.
            return Action::Pause;
        }
        let body = self.get_http_response_body(0, size).unwrap_or_default();
        self.set_http_response_body(0, size, &redact(&body));
        Action::Continue
    }
}

fn redact(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((&byte, after)) = rest.split_first() {
        if is_card(rest) {
            out.extend_from_slice(b"[card]");
            rest = rest.get(CARD.len()..).unwrap_or_default();
        } else {
            out.push(byte);
            rest = after;
        }
    }
    out
}

fn is_card(text: &[u8]) -> bool {
    text.len() >= CARD.len()
        && CARD.iter().zip(text).all(|(&form, &byte)| match form {
            b'd' => byte.is_ascii_digit(),
            form => form == byte,
        })
}
