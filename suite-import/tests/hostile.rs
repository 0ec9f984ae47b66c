//! No text makes a reader panic, overflow its stack or run away.

use outgate_suite_import::http1::{self, Head};
use outgate_suite_import::read;

const SUITES: [(&str, &str); 2] = [
    ("a.textpb", include_str!("suites/everything.textpb")),
    ("a.yaml", include_str!("suites/everything.yaml")),
];
const HEAD: &[u8] = b"GET http://u@[::1]:81/a?b#c HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a: 2\r\n\r\nbody";

/// Reads whatever is left of bytes that need not be text any more.
fn read_bytes(name: &str, bytes: &[u8]) {
    if let Err(error) = read(name, &String::from_utf8_lossy(bytes)) {
        assert!(error.line > 0 && error.column > 0 && !error.message.is_empty());
    }
}

/// What bytes are replaced by: everything that means something to a lexer, and what is none.
const REPLACEMENTS: &[u8] = b"\0\n\r\t \"'\\#{}<>[]:,;-.&*!|%@`0x~\xFF";

#[test]
fn every_prefix_is_read_or_refused() {
    for (name, text) in SUITES {
        for end in 0..text.len() {
            read_bytes(name, &text.as_bytes()[..end]);
        }
    }
    for end in 0..HEAD.len() {
        let _ = http1::parse(&HEAD[..end], Head::Request);
        let _ = http1::parse(&HEAD[..end], Head::Response);
    }
}

#[test]
fn every_replaced_byte_is_read_or_refused() {
    for (name, text) in SUITES {
        let mut bytes = text.as_bytes().to_vec();
        for (index, original) in text.bytes().enumerate() {
            // All of them at each place would take half a minute.
            for &byte in REPLACEMENTS.iter().skip(index % 4).step_by(4) {
                bytes[index] = byte;
                read_bytes(name, &bytes);
            }
            bytes[index] = original;
        }
    }
    let mut head = HEAD.to_vec();
    for index in 0..HEAD.len() {
        for byte in 0..=u8::MAX {
            head[index] = byte;
            let _ = http1::parse(&head, Head::Request);
        }
        head[index] = HEAD[index];
    }
}

#[test]
fn deep_and_growing_texts_are_refused() {
    for (name, text) in [
        ("a.textpb", "test {".repeat(100_000)),
        ("a.textpb", "test [{".repeat(100_000)),
        ("a.yaml", "[".repeat(100_000)),
        ("a.yaml", "{a: ".repeat(100_000)),
        ("a.yaml", "- ".repeat(100_000)),
        ("a.yaml", bomb()),
    ] {
        assert!(read(name, &text).is_err(), "{}", &text[..40]);
    }
}

/// Each line holds nine of the one before.
fn bomb() -> String {
    let mut text = "a0: &a0 x\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        text += &format!("a{level}: &a{level} [{aliases}]\n");
    }
    text
}
