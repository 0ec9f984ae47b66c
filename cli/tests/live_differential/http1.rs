//! Requests over HTTP/1.1.

use std::io::{self, Write};

use crate::connection::{Outcome, Stream, Written};
use crate::envoy::reply::Reply;
use crate::requests::Body;

pub(crate) struct Http1(Stream);

impl Http1 {
    pub(crate) fn new(stream: Stream) -> Self {
        Self(stream)
    }

    /// What came of the request, and whether the connection can be used again.
    pub(crate) fn exchange(&mut self, request: &Written) -> io::Result<(Outcome, bool)> {
        self.0.write_all(&bytes(request))?;
        let reply = Reply::read(&mut self.0, request.method == "HEAD")?;
        let closes = reply
            .headers
            .iter()
            .any(|(name, value)| name == "connection" && value == "close");
        Ok((Outcome::Reply(reply), !closes))
    }
}

fn bytes(request: &Written) -> Vec<u8> {
    let absolute = request.absolute.as_ref();
    let absolute = absolute.map_or_else(String::new, |authority| format!("{}://{authority}", request.scheme));
    let mut bytes = format!("{} {absolute}", request.method).into_bytes();
    bytes.extend_from_slice(&request.path);
    bytes.extend_from_slice(b" HTTP/1.1\r\n");
    let mut line = |name: &str, value: &[u8]| {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    };
    for host in &request.hosts {
        line("Host", host.as_bytes());
    }
    for (name, value) in &request.headers {
        line(name, value);
    }
    match &request.body {
        Body::None => bytes.extend_from_slice(b"\r\n"),
        Body::Sized(text) => {
            line("content-length", text.len().to_string().as_bytes());
            bytes.extend_from_slice(format!("\r\n{text}").as_bytes());
        }
        Body::Open(text, trailers) => {
            line("transfer-encoding", b"chunked");
            bytes.extend_from_slice(format!("\r\n{:x}\r\n{text}\r\n0\r\n", text.len()).as_bytes());
            for (name, value) in trailers {
                bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
            bytes.extend_from_slice(b"\r\n");
        }
    }
    bytes
}
