//! The server behind the gateway. It answers 200 to everything, and remembers what it was asked.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

pub(crate) struct Upstream {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    /// Serves on a port that the kernel picks, until the test process ends.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port can be had");
        let address = listener.local_addr().expect("a bound socket has an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let record = Arc::clone(&record);
                // A connection that breaks is the test's to notice, at its other end.
                thread::spawn(move || serve(&stream, &record).ok());
            }
        });
        Self { address, seen }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests that have arrived since the last call: `GET /path`.
    pub(crate) fn take_seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Answers the requests of one connection. Those of the tests have no body.
fn serve(stream: &TcpStream, seen: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(request_line) = lines.next() {
        let request_line = request_line?;
        let request = request_line.trim_end_matches(" HTTP/1.1").to_owned();
        for line in lines.by_ref() {
            if line?.is_empty() {
                break;
            }
        }
        let body = if request.starts_with("HEAD ") { "" } else { "hello" };
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        // In one write: in pieces, the second would wait for the first to be acknowledged.
        writer.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n{body}").as_bytes())?;
    }
    Ok(())
}
