//! An HTTP/1.1 reply, taken apart as little as can be.

use std::io::{self, Read};

/// The head in the order in which it came, and the body with chunks joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    /// Reads one reply and no further. Waiting for Envoy to close would take the second that it gives clients to do so.
    ///
    /// A reply to HEAD has no body, whatever its head says.
    pub(crate) fn read(stream: &mut impl Read, to_head: bool) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            if let Some(reply) = Self::parse(&String::from_utf8_lossy(&bytes), to_head) {
                return Ok(reply);
            }
            match stream.read(&mut buffer)? {
                0 => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the reply ends in its middle",
                    ));
                }
                count => bytes.extend_from_slice(&buffer[..count]),
            }
        }
    }

    /// The reply without what differs from one moment to the next.
    pub(crate) fn without_times(mut self) -> Self {
        self.headers
            .retain(|(name, _)| name != "date" && name != "x-envoy-upstream-service-time");
        self
    }

    /// The reply in `text`, if all of it is there.
    fn parse(text: &str, to_head: bool) -> Option<Self> {
        let (head, rest) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("not a status line: {status_line:?}"));
        let mut reply = Self {
            status,
            headers: lines.map(header).collect(),
            body: String::new(),
        };
        if to_head {
            // There is none, unless Envoy could not read the request and so does not know what it replies to.
            rest.clone_into(&mut reply.body);
        } else if reply.header("transfer-encoding") == Some("chunked") {
            reply.body = join_chunks(rest)?;
        } else {
            let length = reply
                .header("content-length")
                .map_or(0, |length| length.parse().expect("a length is a number"));
            rest.get(..length)?.clone_into(&mut reply.body);
        }
        Some(reply)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

fn header(line: &str) -> (String, String) {
    let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("not a header: {line:?}"));
    (name.to_owned(), value.trim().to_owned())
}

/// The chunks' content, if the last one is there.
fn join_chunks(mut rest: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n")?;
        let size = usize::from_str_radix(size, 16).unwrap_or_else(|_| panic!("not a chunk's size: {size:?}"));
        if size == 0 {
            return Some(body);
        }
        body.push_str(after.get(..size)?);
        rest = after.get(size..)?.strip_prefix("\r\n")?;
    }
}
