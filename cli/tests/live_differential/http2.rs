//! Requests over HTTP/2, written frame by frame: libraries refuse to send what is worth sending here.

use std::io::{self, Read, Write};

use httlib_hpack::Decoder;

use crate::connection::{Outcome, Stream, Written};
use crate::envoy::reply::Reply;
use crate::requests::Body;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

/// The size of the table of the gateway's encoder, when nothing else is said.
const TABLE_SIZE: u32 = 4096;

pub(crate) struct Http2 {
    stream: Stream,
    decoder: Decoder<'static>,
    next_id: u32,
    /// Whether the gateway takes no more requests.
    is_going: bool,
}

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Http2 {
    pub(crate) fn new(mut stream: Stream) -> io::Result<Self> {
        let mut start = PREFACE.to_vec();
        push_frame(&mut start, SETTINGS, 0, 0, &[]);
        stream.write_all(&start)?;
        Ok(Self {
            stream,
            decoder: Decoder::with_dynamic_size(TABLE_SIZE),
            next_id: 1,
            is_going: false,
        })
    }

    /// What came of the request, and whether the connection can be used again.
    pub(crate) fn exchange(&mut self, request: &Written) -> io::Result<(Outcome, bool)> {
        let id = self.next_id;
        self.next_id += 2;
        self.stream.write_all(&bytes(request, id))?;
        let mut reply = Reply {
            status: 0,
            headers: Vec::new(),
            body: String::new(),
        };
        loop {
            let frame = self.read_frame()?;
            let is_ours = frame.stream == id;
            match frame.kind {
                HEADERS => {
                    let fields = self.read_fields(&frame)?;
                    if is_ours {
                        add_fields(&mut reply, fields);
                    }
                }
                DATA => {
                    self.give_back(frame.payload.len())?;
                    if is_ours {
                        reply.body += &String::from_utf8_lossy(unpadded(&frame));
                    }
                }
                RST_STREAM if is_ours => return Ok((Outcome::Reset(number(&frame.payload)), !self.is_going)),
                SETTINGS if frame.flags & ACK == 0 => self.write(SETTINGS, ACK, &[])?,
                PING if frame.flags & ACK == 0 => self.write(PING, ACK, &frame.payload)?,
                // After an error Envoy keeps the connection for a while, but says nothing more.
                GOAWAY if number(&frame.payload[4..]) != 0 => return Ok((Outcome::Closed, false)),
                GOAWAY => self.is_going = true,
                _ => {}
            }
            let ends = matches!(frame.kind, HEADERS | DATA) && frame.flags & END_STREAM != 0;
            if is_ours && ends {
                return Ok((Outcome::Reply(reply), !self.is_going));
            }
        }
    }

    /// Lets the gateway send as much again.
    fn give_back(&mut self, length: usize) -> io::Result<()> {
        if length == 0 {
            return Ok(());
        }
        let length = u32::try_from(length).expect("a frame's length fits");
        self.write(WINDOW_UPDATE, 0, &length.to_be_bytes())
    }

    fn write(&mut self, kind: u8, flags: u8, payload: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::new();
        push_frame(&mut bytes, kind, flags, 0, payload);
        self.stream.write_all(&bytes)
    }

    fn read_frame(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head)?;
        let length = number(&[0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).expect("a frame's length fits")];
        self.stream.read_exact(&mut payload)?;
        Ok(Frame {
            kind: head[3],
            flags: head[4],
            stream: number(&head[5..]) & 0x7FFF_FFFF,
            payload,
        })
    }

    /// The fields of a head, read in any case: the decoder's table is the connection's.
    fn read_fields(&mut self, first: &Frame) -> io::Result<Vec<(String, String)>> {
        let mut block = unpadded(first).to_vec();
        let mut flags = first.flags;
        while flags & END_HEADERS == 0 {
            let frame = self.read_frame()?;
            assert_eq!(frame.kind, CONTINUATION, "nothing stands between the parts of a head");
            block.extend_from_slice(&frame.payload);
            flags = frame.flags;
        }
        let mut fields = Vec::new();
        self.decoder
            .decode(&mut block, &mut fields)
            .unwrap_or_else(|error| panic!("a head that is not HPACK: {error:?}"));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(fields
            .iter()
            .map(|(name, value, _)| (text(name), text(value)))
            .collect())
    }
}

/// A second head is the trailers.
fn add_fields(reply: &mut Reply, fields: Vec<(String, String)>) {
    let is_trailers = reply.status != 0;
    for (name, value) in fields {
        if name == ":status" {
            reply.status = value.parse().expect("a status is a number");
        } else if is_trailers {
            reply.headers.push((format!("trailer {name}"), value));
        } else {
            reply.headers.push((name, value));
        }
    }
}

fn unpadded(frame: &Frame) -> &[u8] {
    if frame.flags & PADDED == 0 {
        return &frame.payload;
    }
    let padding = usize::from(frame.payload[0]);
    &frame.payload[1..frame.payload.len() - padding]
}

fn number(bytes: &[u8]) -> u32 {
    bytes[..4].iter().fold(0, |number, &byte| number << 8 | u32::from(byte))
}

fn bytes(request: &Written, id: u32) -> Vec<u8> {
    let (body, trailers): (&str, &[(String, String)]) = match &request.body {
        Body::None => ("", &[]),
        Body::Sized(text) => (text, &[]),
        Body::Open(text, trailers) => (text, trailers),
    };
    let ends = |is_last: bool| if is_last { END_STREAM } else { 0 };
    let mut bytes = Vec::new();
    let flags = END_HEADERS | ends(request.body == Body::None);
    push_frame(&mut bytes, HEADERS, flags, id, &head(request));
    if request.body != Body::None {
        push_frame(&mut bytes, DATA, ends(trailers.is_empty()), id, body.as_bytes());
    }
    if !trailers.is_empty() {
        let mut block = Vec::new();
        for (name, value) in trailers {
            push_field(&mut block, name, value.as_bytes());
        }
        push_frame(&mut bytes, HEADERS, END_HEADERS | END_STREAM, id, &block);
    }
    bytes
}

fn head(request: &Written) -> Vec<u8> {
    let mut block = Vec::new();
    push_field(&mut block, ":method", request.method.as_bytes());
    push_field(&mut block, ":scheme", request.scheme.as_bytes());
    push_field(&mut block, ":path", &request.path);
    for (index, host) in request.hosts.iter().enumerate() {
        let name = if index == 0 { ":authority" } else { "host" };
        push_field(&mut block, name, host.as_bytes());
    }
    for (name, value) in &request.headers {
        push_field(&mut block, &name.to_ascii_lowercase(), value);
    }
    if let Body::Sized(text) = &request.body {
        push_field(&mut block, "content-length", text.len().to_string().as_bytes());
    }
    block
}

/// A field in HPACK's plainest form: a literal with a literal name, not indexed.
fn push_field(block: &mut Vec<u8>, name: &str, value: &[u8]) {
    block.push(0);
    for text in [name.as_bytes(), value] {
        push_length(block, text.len());
        block.extend_from_slice(text);
    }
}

/// HPACK's integer with a prefix of seven bits.
fn push_length(block: &mut Vec<u8>, length: usize) {
    let byte = |number: usize| u8::try_from(number).expect("seven bits fit");
    if length < 127 {
        return block.push(byte(length));
    }
    block.push(127);
    let mut rest = length - 127;
    while rest >= 128 {
        block.push(128 | byte(rest % 128));
        rest /= 128;
    }
    block.push(byte(rest));
}

fn push_frame(bytes: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("a frame's length fits");
    bytes.extend_from_slice(&length.to_be_bytes()[1..]);
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
}
