//! PEM, as a proxy writes it: one certificate, or several with the peer's own first.
//!
//! A crate for this would be a tenth of the module.

/// The text holds no certificate in PEM.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Malformed;

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

/// The first certificate in a text.
///
/// # Errors
///
/// When there is none, or it is not encoded as PEM.
pub fn first_certificate(text: &[u8]) -> Result<Vec<u8>, Malformed> {
    let body = text.trim_ascii_start().strip_prefix(BEGIN).ok_or(Malformed)?;
    let end = body
        .windows(END.len())
        .position(|window| window == END)
        .ok_or(Malformed)?;
    decode_base64(&body[..end])
}

/// Standard alphabet; line breaks between digits, padding at the end only.
fn decode_base64(text: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut digits = text.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n'));
    let mut ended = false;
    while let Some(first) = digits.next() {
        let mut group = [first, 0, 0, 0];
        for digit in &mut group[1..] {
            *digit = digits.next().ok_or(Malformed)?;
        }
        let padding = group.iter().rev().take_while(|&&digit| digit == b'=').count();
        if ended || padding > 2 {
            return Err(Malformed);
        }
        ended = padding > 0;
        let mut bits = 0_u32;
        for digit in &group[..4 - padding] {
            bits = bits << 6 | u32::from(value(*digit)?);
        }
        bits <<= 6 * padding;
        bytes.extend_from_slice(&bits.to_be_bytes()[1..4 - padding]);
    }
    Ok(bytes)
}

fn value(digit: u8) -> Result<u8, Malformed> {
    Ok(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return Err(Malformed),
    })
}

#[cfg(test)]
mod tests {
    use super::{Malformed, decode_base64, first_certificate};

    #[test]
    fn decodes_the_standard_vectors() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("Zg==", b"f"),
            ("Zm8=", b"fo"),
            ("Zm9v", b"foo"),
            ("Zm9vYg==", b"foob"),
            ("Zm9v\nYmFy\r\n", b"foobar"),
            ("+/+/", b"\xFB\xFF\xBF"),
        ] {
            assert_eq!(decode_base64(text.as_bytes()).as_deref(), Ok(bytes), "{text}");
        }
        for text in ["Z", "Zg", "Zg=", "Zg==Zg==", "=", "====", "Z===", "Zg= =", "Zm9\u{e9}"] {
            assert_eq!(decode_base64(text.as_bytes()), Err(Malformed), "{text}");
        }
    }

    #[test]
    fn takes_the_first_certificate() {
        let one = "-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\n";
        let two = "-----BEGIN CERTIFICATE-----\nYmFy\n-----END CERTIFICATE-----\n";
        assert_eq!(
            first_certificate([one, two].concat().as_bytes()).as_deref(),
            Ok(&b"foo"[..])
        );
        for text in [
            "",
            "Zm9v",
            "-----BEGIN CERTIFICATE-----\nZm9v",
            "-----BEGIN PRIVATE KEY-----\nZm9v",
        ] {
            assert_eq!(first_certificate(text.as_bytes()), Err(Malformed), "{text}");
        }
    }
}
