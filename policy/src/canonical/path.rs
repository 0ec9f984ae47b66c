//! Paths.

use std::borrow::Cow;

use crate::path_normalization::{Steps, escape, needs_escape, normalize};
use crate::request::without_query;

/// A path in its canonical form, with its query.
pub(super) struct Path<'a> {
    pub(super) text: Cow<'a, [u8]>,
    /// Whether servers may differ about it.
    pub(super) is_ambiguous: bool,
}

/// More rounds than this change nothing in any path that a client would send.
const MOST_ROUNDS: usize = 4;

impl<'a> Path<'a> {
    pub(super) fn of(written: &'a [u8]) -> Self {
        let path = without_query(written);
        // `*`, of OPTIONS, and what a codec would not have taken.
        if !path.starts_with(b"/") {
            return Self {
                text: Cow::Borrowed(written),
                is_ambiguous: path != b"*",
            };
        }
        let in_ascii = escaped(path);
        let mut canonical = in_ascii.clone();
        let mut is_stable = false;
        for _ in 0..MOST_ROUNDS {
            let Ok(next) = normalize(Steps::DECODE_AND_MERGE_SLASHES, &canonical) else {
                break;
            };
            // Two slashes and nothing else are left as they are by the proxy.
            let next = if next == b"//" { b"/".to_vec() } else { next };
            is_stable = next == *canonical;
            canonical = Cow::Owned(next);
            if is_stable {
                break;
            }
        }
        let is_ambiguous = !is_stable || canonical != in_ascii || may_be_read_on(&canonical);
        if canonical == path {
            return Self {
                text: Cow::Borrowed(written),
                is_ambiguous,
            };
        }
        let mut text = canonical.into_owned();
        text.extend_from_slice(&written[path.len()..]);
        Self {
            text: Cow::Owned(text),
            is_ambiguous,
        }
    }
}

/// The path with escapes in capital letters, and with escapes for what needs one: both are the same to every server.
fn escaped(path: &[u8]) -> Cow<'_, [u8]> {
    let is_escape = |window: &[u8]| matches!(window, [b'%', high, low] if is_digit(*high) && is_digit(*low));
    let is_small = |window: &[u8]| is_escape(window) && window.iter().any(u8::is_ascii_lowercase);
    if !path.iter().any(|&byte| needs_escape(byte)) && !path.windows(3).any(is_small) {
        return Cow::Borrowed(path);
    }
    let mut escaped = Vec::with_capacity(path.len() + 8);
    let mut place = 0;
    while let Some(&byte) = path.get(place) {
        match path.get(place..place + 3) {
            Some(escape) if is_escape(escape) => {
                escaped.extend_from_slice(&escape.to_ascii_uppercase());
                place += 2;
            }
            _ if needs_escape(byte) => escaped.extend_from_slice(&escape(byte)),
            _ => escaped.push(byte),
        }
        place += 1;
    }
    Cow::Owned(escaped)
}

const fn is_digit(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

/// Whether a server that decodes once more, or that takes parameters out of segments, has something other to serve than one that
/// does not.
fn may_be_read_on(path: &[u8]) -> bool {
    let is_read_on = |after_percent: &[u8]| match after_percent {
        // An escaped escape.
        [b'2', b'5', high, low, ..] => is_digit(*high) && is_digit(*low),
        // `#`, `;`, `?`
        [b'2', b'3', ..] | [b'3', b'B' | b'F', ..] => true,
        // Control characters, and longer forms of ASCII in what was once taken for UTF-8.
        [b'0' | b'1', digit, ..] => is_digit(*digit),
        [b'7', b'F', ..] | [b'C', b'0' | b'1', ..] => true,
        _ => false,
    };
    path.contains(&b';') || path.split(|&byte| byte == b'%').skip(1).any(is_read_on)
}

#[cfg(test)]
mod tests {
    use super::Path;

    #[test]
    fn paths_have_one_form() {
        for (path, canonical, is_ambiguous) in [
            ("/", "/", false),
            ("/headers", "/headers", false),
            ("/headers?a=//&b=%2F", "/headers?a=//&b=%2F", false),
            ("/Headers", "/Headers", false),
            ("/headers/", "/headers/", false),
            ("//headers", "/headers", true),
            ("//headers?x=//", "/headers?x=//", true),
            ("/%2fheaders", "/headers", true),
            ("/%2Fheaders", "/headers", true),
            ("/%5cheaders", "/headers", true),
            ("/a/../headers", "/headers", true),
            ("/a/%2e%2e/headers", "/headers", true),
            ("/a%2f..%2fheaders", "/headers", true),
            ("/.;/headers", "/headers", true),
            ("/..;x/headers", "/headers", true),
            ("/%2e;/headers", "/headers", true),
            ("//", "/", true),
            ("///", "/", true),
            ("/%2F", "/", true),
            ("/%68eaders", "/headers", true),
            ("/caf%c3%a9", "/caf%C3%A9", false),
            ("/caf%C3%A9", "/caf%C3%A9", false),
            ("/caf\u{e9}", "/caf%C3%A9", false),
            ("/a%20b", "/a%20b", false),
            ("/headers;x=1", "/headers;x=1", true),
            ("/headers%3bx=1", "/headers%3Bx=1", true),
            ("/headers%3Fx", "/headers%3Fx", true),
            ("/headers%23x", "/headers%23x", true),
            ("/%252e%252e/headers", "/%252e%252e/headers", true),
            ("/%25%32%46headers", "/%252Fheaders", true),
            ("/a%0a", "/a%0A", true),
            ("/a%00", "/a%00", true),
            ("/%c0%afheaders", "/%C0%AFheaders", true),
            ("/%zz", "/%zz", false),
            ("/a|b", "/a%7Cb", false),
            ("/100%25", "/100%25", false),
            ("/100%25/a", "/100%25/a", false),
            ("*", "*", false),
            ("http://a/b", "http://a/b", true),
            ("", "", true),
        ] {
            let found = Path::of(path.as_bytes());
            let text = String::from_utf8_lossy(&found.text).into_owned();
            assert_eq!(
                (text, found.is_ambiguous),
                (canonical.to_owned(), is_ambiguous),
                "{path}"
            );
        }
    }

    #[test]
    fn the_form_of_a_form_is_itself() {
        let pieces = [
            "/", "%2f", "%5C", ".", "%2e", ";", "a", "%", "25", "%61", "\\", "?", "%C3", "|",
        ];
        let mut seed = 7_u64;
        for _ in 0..200_000 {
            let mut path = String::from("/");
            for _ in 0..8 {
                seed = seed
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                path.push_str(pieces[(seed >> 33) as usize % pieces.len()]);
            }
            let once = Path::of(path.as_bytes());
            let twice = Path::of(&once.text);
            assert_eq!(twice.text, once.text, "{path}");
            assert!(!twice.is_ambiguous || once.is_ambiguous, "{path}");
        }
    }
}
