//! The server behind the gateway: it answers with the head that it got, so that comparing replies compares that, too.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Serves on a port that the kernel picks, until the test process ends.
pub(crate) fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port can be had");
    let address = listener.local_addr().expect("a bound socket has an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A connection that breaks is the test's to notice, at its other end.
            thread::spawn(move || serve(&stream).ok());
        }
    });
    address
}

fn serve(stream: &TcpStream) -> io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(head) = read_head(&mut reader)? {
        read_body(&mut reader, &head)?;
        let body = if head.starts_with("HEAD ") { "" } else { &head };
        let length = head.len();
        // In one piece: the second of two would wait for the first to be acknowledged.
        let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
        writer.write_all(reply.as_bytes())?;
    }
    Ok(())
}

/// The lines up to the empty one; `None` at the end of the connection.
fn read_head(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut head = String::new();
    loop {
        let line = read_line(reader)?;
        match line.as_str() {
            "" if head.is_empty() => return Ok(None),
            "" | "\r\n" => return Ok(Some(head)),
            line => head += line,
        }
    }
}

fn read_body(reader: &mut impl BufRead, head: &str) -> io::Result<()> {
    let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    if let Some(length) = value("content-length: ") {
        let mut body = vec![0; length.trim().parse().expect("a length is a number")];
        return reader.read_exact(&mut body);
    }
    if value("transfer-encoding: ").is_none() {
        return Ok(());
    }
    loop {
        let size = read_line(reader)?;
        let size = usize::from_str_radix(size.trim(), 16).expect("a chunk has a size");
        if size == 0 {
            // The trailers, and the empty line after them.
            while !matches!(read_line(reader)?.as_str(), "" | "\r\n") {}
            return Ok(());
        }
        reader.read_exact(&mut vec![0; size + "\r\n".len()])?;
    }
}

fn read_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    // Bytes that are no text are shown, and not lost.
    Ok(match line.strip_suffix(b"\r\n") {
        Some(line) => format!("{}\r\n", line.escape_ascii()),
        None => line.escape_ascii().to_string(),
    })
}
