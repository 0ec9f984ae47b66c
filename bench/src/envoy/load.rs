//! The caller: kept-alive connections with mutual TLS, one request after the other on each.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::Error;
use super::authority::GATEWAY;
use crate::call::Call;

const PATIENCE: Duration = Duration::from_secs(60);

/// Connections to one gateway, and the request that is sent on them.
pub(super) struct Load {
    connections: Vec<Connection>,
    request: Vec<u8>,
}

struct Connection {
    stream: StreamOwned<ClientConnection, TcpStream>,
    /// What has come and was not read yet.
    buffer: Vec<u8>,
}

impl Load {
    pub(super) fn new(
        gateway: SocketAddr,
        tls: &Arc<ClientConfig>,
        call: &Call,
        connections: usize,
    ) -> Result<Self, Error> {
        let Call { method, path, host, .. } = call;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: curl/8.5.0\r\naccept: */*\r\n\
             x-b3-traceid: 463ac35c9f6413ad48485a3953bb6124\r\nx-b3-spanid: a2fb4a1d1a96d312\r\nx-b3-sampled: 0\r\n\r\n"
        );
        let connect = || Connection::new(gateway, Arc::clone(tls));
        Ok(Self {
            connections: (0..connections).map(|_| connect()).collect::<Result<_, _>>()?,
            request: request.into_bytes(),
        })
    }

    /// Keeps a request in flight on each connection, wave after wave, for some time; returns how many were answered.
    pub(super) fn waves(&mut self, time: Duration) -> Result<u32, Error> {
        let started = Instant::now();
        let mut count = 0;
        while count == 0 || started.elapsed() < time {
            for connection in &mut self.connections {
                connection.send(&self.request)?;
            }
            for connection in &mut self.connections {
                connection.receive()?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Sends requests one at a time for some time; returns how long each took.
    pub(super) fn latencies(&mut self, time: Duration) -> Result<Vec<Duration>, Error> {
        let connection = self.connections.first_mut().ok_or("no connection")?;
        let started = Instant::now();
        let mut latencies = Vec::new();
        while latencies.is_empty() || started.elapsed() < time {
            let sent = Instant::now();
            connection.send(&self.request)?;
            connection.receive()?;
            latencies.push(sent.elapsed());
        }
        Ok(latencies)
    }
}

impl Connection {
    fn new(gateway: SocketAddr, tls: Arc<ClientConfig>) -> Result<Self, Error> {
        let tcp = TcpStream::connect(gateway)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        let session = ClientConnection::new(tls, ServerName::try_from(GATEWAY)?)?;
        Ok(Self {
            stream: StreamOwned::new(session, tcp),
            buffer: Vec::new(),
        })
    }

    fn send(&mut self, request: &[u8]) -> Result<(), Error> {
        self.stream.write_all(request)?;
        Ok(self.stream.flush()?)
    }

    /// Reads a reply, which must be 200.
    fn receive(&mut self) -> Result<(), Error> {
        let mut chunk = [0; 4096];
        loop {
            if let Some(length) = reply_length(&self.buffer)? {
                self.buffer.drain(..length);
                return Ok(());
            }
            match self.stream.read(&mut chunk)? {
                0 => return Err("Envoy closed a connection".into()),
                read => self.buffer.extend_from_slice(&chunk[..read]),
            }
        }
    }
}

/// The length of the reply at the beginning of what has come; `None` when it is not all there.
fn reply_length(bytes: &[u8]) -> Result<Option<usize>, Error> {
    let Some(head) = bytes.windows(4).position(|end| end == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes[..head])?;
    if !text.starts_with("HTTP/1.1 200 ") {
        return Err(format!("a request that must pass is answered by: {text}").into());
    }
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.ok_or("a reply without a length")?.parse()?;
    let all = head + 4 + length;
    Ok((bytes.len() >= all).then_some(all))
}
