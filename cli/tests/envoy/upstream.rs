//! The server behind the gateway. It answers 200 to everything, and remembers what it was asked.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Requests whose path begins like this are answered when the test says so.
pub(crate) const HELD: &str = "/held";

const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The requests that have arrived: `GET /path`.
    seen: Vec<String>,
    /// Those that may be answered although they are to be held.
    released: Vec<String>,
}

impl Upstream {
    /// Serves on a port that the kernel picks, until the test process ends.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port can be had");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::<Shared>::default();
        let record = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let record = Arc::clone(&record);
                // A connection that breaks is the test's to notice, at its other end.
                thread::spawn(move || serve(&stream, &record).ok());
            }
        });
        Self { address, shared }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests that have arrived since the last call: `GET /path`.
    pub(crate) fn take_seen(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().seen)
    }

    /// Waits until a request has arrived: `GET /path`.
    pub(crate) fn await_request(&self, request: &str) {
        self.shared
            .wait_until(|state| state.seen.iter().any(|seen| seen == request));
    }

    /// Lets a request that is held be answered.
    pub(crate) fn release(&self, request: &str) {
        self.shared.lock().released.push(request.to_owned());
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until(&self, holds: impl Fn(&State) -> bool) {
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), PATIENCE, |state| !holds(state));
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "waited in vain at the server: {:?}", state.seen);
    }
}

/// Answers the requests of one connection.
fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let request = request.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
        let length = read_head(&mut reader)?;
        io::copy(&mut reader.by_ref().take(length), &mut io::sink())?;
        let body = if request.starts_with("HEAD ") { "" } else { "hello" };
        shared.lock().seen.push(request.clone());
        shared.changed.notify_all();
        if request.split(' ').nth(1).is_some_and(|path| path.starts_with(HELD)) {
            shared.wait_until(|state| state.released.contains(&request));
        }
        // In one write: in pieces, the second would wait for the first to be acknowledged.
        writer.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n{body}").as_bytes())?;
    }
}

/// Reads the rest of a head and returns the length of the body.
fn read_head(reader: &mut impl BufRead) -> io::Result<u64> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(length);
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
}
