//! A server behind the proxy: it answers with bytes of the test's choosing, and remembers the bytes that it got.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::PATIENCE;

/// What a server does with the bytes of a whole request. Nothing is sent for `None`, and the connection stays open.
type Answer = dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Mutex<Receiver<String>>,
}

impl Server {
    /// Answers every request alike, as it stands.
    pub(crate) fn answering(response: impl AsRef<[u8]>) -> Self {
        let response = response.as_ref().to_vec();
        Self::start(move |_| Some(response.clone()))
    }

    /// Says nothing, ever.
    pub(crate) fn silent() -> Self {
        Self::start(|_| None)
    }

    pub(crate) fn start(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port can be had");
        let address = listener.local_addr().expect("it has an address");
        let (sender, seen) = channel();
        let answer: Arc<Answer> = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, sender) = (answer.clone(), sender.clone());
                // A connection that breaks is the test's to notice, at its other end.
                thread::spawn(move || serve(&stream, &*answer, &sender).ok());
            }
        });
        Self {
            address,
            seen: Mutex::new(seen),
        }
    }

    /// As the flags of the command have it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next request that it got, byte by byte.
    pub(crate) fn seen(&self) -> String {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.recv_timeout(PATIENCE).expect("a request comes to the server")
    }

    /// Did nothing come that has not been looked at?
    pub(crate) fn has_seen_all(&self) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.try_recv().is_err()
    }
}

fn serve(mut stream: &TcpStream, answer: &Answer, seen: &Sender<String>) -> io::Result<()> {
    let request = read_request(&mut BufReader::new(stream))?;
    // A test that has seen enough does not listen any more.
    seen.send(request.clone()).ok();
    match answer(&request) {
        Some(response) => stream.write_all(&response),
        // Until the proxy hangs up.
        None => io::copy(&mut stream, &mut io::sink()).map(drop),
    }
}

/// Reads a request: its head, and the body that the head promises.
pub(crate) fn read_request(reader: &mut impl BufRead) -> io::Result<String> {
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if reader.read_line(&mut request)? == 0 {
            return Ok(request);
        }
    }
    let head = request.to_ascii_lowercase();
    if head.contains("transfer-encoding: chunked") {
        // The last chunk, then the trailers, which end with an empty line.
        while !request.ends_with("\r\n0\r\n") && reader.read_line(&mut request)? > 0 {}
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line)?;
            request.push_str(&line);
        }
    } else if let Some((_, rest)) = head.split_once("content-length: ") {
        let length = rest.lines().next().and_then(|length| length.parse().ok()).unwrap_or(0);
        reader.take(length).read_to_string(&mut request)?;
    }
    Ok(request)
}
