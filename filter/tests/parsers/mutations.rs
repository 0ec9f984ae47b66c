//! Valid inputs with a few bytes changed, and bytes that were never valid: a parser says what it read or that it cannot, and
//! never panics.

use outgate_filter::{certificate, dynamic_metadata, forwarded_client_cert, header_block, pem};
use serde_json::json;

use crate::certificates;
use crate::metadata;
use crate::random::Random;

/// What became of many inputs.
#[derive(Debug, Default)]
struct Tally {
    read: u32,
    refused: u32,
}

/// Runs a parser on mutations of `whole`, which it can read, and on noise.
fn tally<T, E>(seed: u64, cases: u32, whole: &[u8], parse: impl Fn(&[u8]) -> Result<T, E>) -> Tally {
    assert!(parse(whole).is_ok(), "the input is valid before it is changed");
    let mut random = Random::new(seed);
    let mut tally = Tally::default();
    for case in 0..cases {
        let input = if case % 16 == 0 {
            random.bytes(64)
        } else {
            random.mutate(whole)
        };
        match parse(&input) {
            Ok(_) => tally.read += 1,
            Err(_) => tally.refused += 1,
        }
    }
    tally
}

const CALLER: &str = "spiffe://td/ns/a/sa/b";

#[test]
fn certificates() {
    let whole = certificates::certificate(&[CALLER, "https://x"], &["a.com"]);
    let tally = tally(1, 200_000, whole.der(), certificate::names_in_der);
    // Most of a certificate is key and signature, which nobody looks into.
    assert!(tally.read > 10_000 && tally.refused > 50_000, "{tally:?}");
}

#[test]
fn certificates_as_text() {
    let whole = certificates::certificate(&[CALLER], &[]).pem();
    let tally_of_pem = tally(2, 100_000, whole.as_bytes(), pem::first_certificate);
    assert!(
        tally_of_pem.read > 5_000 && tally_of_pem.refused > 50_000,
        "{tally_of_pem:?}"
    );
    let tally = tally(3, 100_000, whole.as_bytes(), certificate::names_in_pem);
    assert!(tally.read > 1_000 && tally.refused > 50_000, "{tally:?}");
}

#[test]
fn forwarded_certificates() {
    let pem = certificates::certificate(&[CALLER], &["a.com"]).pem();
    let whole = certificates::forwarded(&pem, "CN=x\\,y", &[CALLER], &["a.com"]);
    let tally = tally(4, 100_000, whole.as_bytes(), forwarded_client_cert::parse);
    assert!(tally.read > 5_000 && tally.refused > 30_000, "{tally:?}");
}

#[test]
fn metadata_messages() {
    let whole = metadata::encode(&json!({
        "envoy.filters.http.lua": {"k": ["x", 1, null, {"l": []}]},
        "envoy.filters.http.jwt_authn": {"payload": {"iss": "i", "n": 2.5, "t": true, "a": {"b": [["x"], {}]}}},
    }));
    let tally = tally(5, 300_000, &whole, dynamic_metadata::parse);
    assert!(tally.read > 10_000 && tally.refused > 100_000, "{tally:?}");
}

#[test]
fn metadata_nested_beyond_reason_is_refused_and_does_not_use_up_the_stack() {
    let depth_that_is_read = (0..200)
        .take_while(|&depth| dynamic_metadata::parse(&metadata::nested_claim(depth)).is_ok())
        .count();
    assert!((32..=100).contains(&depth_that_is_read), "{depth_that_is_read}");
    assert!(dynamic_metadata::parse(&metadata::nested_claim(20_000)).is_err());
}

#[test]
fn header_blocks() {
    let lines: [(&[u8], &[u8]); 4] = [
        (b":authority", b"a.com"),
        (b":path", b"/x"),
        (b"x", b""),
        (b"x", b"\xFF\0"),
    ];
    let mut whole = (lines.len() as u32).to_le_bytes().to_vec();
    for (name, value) in lines {
        whole.extend((name.len() as u32).to_le_bytes());
        whole.extend((value.len() as u32).to_le_bytes());
    }
    for (name, value) in lines {
        whole.extend([name, b"\0", value, b"\0"].concat());
    }
    let tally = tally(6, 300_000, &whole, |block| {
        let headers = header_block::parse(block.to_vec())?;
        // What was read lies within the block, twice eight bytes of lengths and two of NUL for each line.
        let text: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 10).sum();
        assert!(text + 4 == block.len() || block.len() <= 1);
        Ok::<_, header_block::Malformed>(())
    });
    assert!(tally.read > 1_000 && tally.refused > 100_000, "{tally:?}");
}
