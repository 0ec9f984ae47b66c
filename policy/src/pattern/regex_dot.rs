//! What a `.` of Envoy's regular expressions accepts.
//!
//! Istio renders some values as RE2 expressions, whose `.` is one UTF-8 character other than a newline. A certificate may carry
//! any byte, so "any text" and "any bytes" differ exactly where an attacker would look.

/// Whether `.*` matches all of `bytes`.
///
/// RE2 accepts overlong three- and four-byte sequences and code points above U+10FFFF here, and so does this function.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let continuation = match first {
            b'\n' => return false,
            0x00..=0x7F => 0,
            0xC2..=0xDF => 1,
            0xE0..=0xEF => 2,
            0xF0..=0xF4 => 3,
            _ => return false,
        };
        let Some((sequence, after)) = tail.split_at_checked(continuation) else {
            return false;
        };
        if !sequence.iter().all(|byte| matches!(byte, 0x80..=0xBF)) {
            return false;
        }
        rest = after;
    }
    true
}

/// Whether `.+` matches all of `bytes`.
pub(super) fn is_non_empty_text(bytes: &[u8]) -> bool {
    !bytes.is_empty() && is_text(bytes)
}

#[cfg(test)]
mod tests {
    use super::is_text;

    #[test]
    fn accepts_what_re2_accepts() {
        for (bytes, expected) in [
            (&b""[..], true),
            (b"plain", true),
            (b"a\nb", false),
            (b"\r\t\0", true),
            ("é∂🦀".as_bytes(), true),
            (b"\x80", false),
            (b"\xC1\x80", false),
            (b"\xC3", false),
            (b"\xE0\x80\x80", true),
            (b"\xED\xA0\x80", true),
            (b"\xF4\xBF\xBF\xBF", true),
            (b"\xF5\x80\x80\x80", false),
        ] {
            assert_eq!(is_text(bytes), expected, "{bytes:?}");
        }
    }
}
