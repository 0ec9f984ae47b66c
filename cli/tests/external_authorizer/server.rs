//! HTTP/1.1 servers that remember all of what they are asked, and answer as they are told: well, badly or not at all.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// A request as it came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    /// In lower case, in the order in which they came.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn lines(&self, name: &str) -> Vec<&str> {
        let lines = self.headers.iter().filter(|(known, _)| known == name);
        lines.map(|(_, value)| value.as_str()).collect()
    }

    /// What the path ends in, without the query.
    pub(crate) fn last_segment(&self) -> &str {
        let path = self.path.split('?').next().unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default()
    }
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) struct Act {
    after: Duration,
    bytes: Vec<u8>,
    then: Then,
}

#[derive(Clone, Copy, Debug)]
enum Then {
    KeepOpen,
    Close,
    /// Nothing more comes, until the other end gives up.
    Wait,
}

impl Act {
    /// These bytes, and the connection goes on.
    pub(crate) fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            after: Duration::ZERO,
            bytes: bytes.into(),
            then: Then::KeepOpen,
        }
    }

    /// The connection ends with these bytes.
    pub(crate) fn cut(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            then: Then::Close,
            ..Self::bytes(bytes)
        }
    }

    pub(crate) fn silence() -> Self {
        Self {
            then: Then::Wait,
            ..Self::bytes("")
        }
    }

    pub(crate) fn after(self, after: Duration) -> Self {
        Self { after, ..self }
    }
}

/// An answer, to be written in one of the ways that HTTP has.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    head: String,
    body: Vec<u8>,
}

impl Answer {
    pub(crate) fn new(status: u16) -> Self {
        Self {
            head: format!("HTTP/1.1 {status} Whatever\r\n"),
            body: Vec::new(),
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.head += &format!("{name}: {value}\r\n");
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// With its length; the body itself only where there is to be one.
    pub(crate) fn sized(self, has_body: bool) -> Act {
        let head = format!("{}content-length: {}\r\n\r\n", self.head, self.body.len());
        let body = if has_body { self.body } else { Vec::new() };
        Act::bytes([head.into_bytes(), body].concat())
    }

    /// In chunks of this size.
    pub(crate) fn chunked(self, size: usize) -> Act {
        let mut bytes = format!("{}transfer-encoding: chunked\r\n\r\n", self.head).into_bytes();
        for chunk in self.body.chunks(size) {
            bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        Act::bytes(bytes)
    }

    /// The body goes on until the connection ends, which may be too early.
    pub(crate) fn until_closed(self) -> Act {
        Act::cut([self.head.into_bytes(), b"\r\n".to_vec(), self.body].concat())
    }
}

pub(crate) struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Serves on a port that the kernel picks, until the test process ends.
    pub(crate) fn start(act: impl Fn(&Asked) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port can be had");
        let address = listener.local_addr().expect("a bound socket has an address");
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let (record, act) = (Arc::clone(&asked), Arc::new(act));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (record, act) = (Arc::clone(&record), Arc::clone(&act));
                // A connection that breaks is the test's to notice, at its other end.
                thread::spawn(move || serve(stream, &record, act.as_ref()).ok());
            }
        });
        Self { address, asked }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has been asked since the last call.
    pub(crate) fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn serve(mut stream: TcpStream, record: &Mutex<Vec<Asked>>, act: &dyn Fn(&Asked) -> Act) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(asked) = read(&mut reader)? {
        let Act { after, bytes, then } = act(&asked);
        record.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        thread::sleep(after);
        stream.write_all(&bytes)?;
        match then {
            Then::KeepOpen => {}
            Then::Close => return Ok(()),
            Then::Wait => {
                reader.read_to_end(&mut Vec::new())?;
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The next request; `None` at the end of the connection.
fn read(reader: &mut impl BufRead) -> io::Result<Option<Asked>> {
    let first = read_line(reader)?;
    let mut words = first.split(' ');
    let (Some(method), Some(path), Some(_)) = (words.next(), words.next(), words.next()) else {
        return Ok(None);
    };
    let mut asked = Asked {
        method: method.to_owned(),
        path: path.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    loop {
        let line = read_line(reader)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        asked.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    if let Some(length) = asked.lines("content-length").first() {
        asked.body = vec![0; length.parse().map_err(io::Error::other)?];
        reader.read_exact(&mut asked.body)?;
    } else if asked.lines("transfer-encoding") == ["chunked"] {
        asked.body = read_chunks(reader)?;
    }
    Ok(Some(asked))
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = usize::from_str_radix(&read_line(reader)?, 16).map_err(io::Error::other)?;
        let start = body.len();
        body.resize(start + size, 0);
        reader.read_exact(&mut body[start..])?;
        read_line(reader)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

/// A line without its end. Bytes that are no text are shown, and not lost.
fn read_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    Ok(line.trim_ascii_end().escape_ascii().to_string())
}
