//! What a `.` of Envoy's regular expressions accepts.
//!
//! Istio renders some values as RE2 expressions. Envoy 1.39 and later read them as Latin-1
//! (`envoy.reloadable_features.re2_use_latin1_mode`), so that `.` is any byte but a newline. Before, it was one UTF-8 character, and
//! bytes that are none were matched by nothing.

/// Whether `.*` matches all of `bytes`.
pub(super) fn is_line(bytes: &[u8]) -> bool {
    !bytes.contains(&b'\n')
}

/// Whether `.+` matches all of `bytes`.
pub(super) fn is_non_empty_line(bytes: &[u8]) -> bool {
    !bytes.is_empty() && is_line(bytes)
}

#[cfg(test)]
mod tests {
    use super::{is_line, is_non_empty_line};

    #[test]
    fn accepts_any_byte_but_a_newline() {
        for byte in 0..=u8::MAX {
            assert_eq!(is_line(&[b'a', byte]), byte != b'\n', "{byte:#04x}");
        }
        assert!(is_line(b""));
        assert!(!is_non_empty_line(b""));
        assert!(is_non_empty_line(b"\xFF"));
    }
}
