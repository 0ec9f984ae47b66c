//! Every row was measured on Envoy 1.40.

use super::{Rejected, normalize};
use crate::manifest::Normalization;

const ALL: [Normalization; 5] = [
    Normalization::None,
    Normalization::Default,
    Normalization::Base,
    Normalization::MergeSlashes,
    Normalization::DecodeAndMergeSlashes,
];

/// What is sent, and what becomes of it with `NONE`, `BASE`, `MERGE_SLASHES` and `DECODE_AND_MERGE_SLASHES`. `=` is the column
/// before.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str);

#[track_caller]
fn assert_rows(rows: &[Row]) {
    for (sent, none, base, merge, decode) in rows {
        let columns = [
            (Normalization::None, none),
            (Normalization::Base, base),
            (Normalization::Default, &"="),
            (Normalization::MergeSlashes, merge),
            (Normalization::DecodeAndMergeSlashes, decode),
        ];
        let mut expected = sent;
        for (normalization, column) in columns {
            if *column != "=" {
                expected = column;
            }
            let normalized = normalize(normalization, sent.as_bytes()).unwrap();
            let normalized = String::from_utf8_lossy(&normalized);
            assert_eq!(normalized, *expected, "{sent} with {normalization:?}");
        }
    }
}

#[test]
fn dot_segments_are_resolved() {
    assert_rows(&[
        ("/app/../admin", "=", "/admin", "=", "="),
        ("/app/%2E./admin", "=", "/admin", "=", "="),
        ("/a/%2e%2E/b", "=", "/b", "=", "="),
        ("/a/.%2E", "=", "/", "=", "="),
        ("/a/.", "=", "/a/", "=", "="),
        ("/a/./b", "=", "/a/b", "=", "="),
        ("/a/..", "=", "/", "=", "="),
        ("/a/..?x", "=", "/?x", "=", "="),
        ("/..", "=", "/", "=", "="),
        ("/../..", "=", "/", "=", "="),
        ("/%2e%2e", "=", "/", "=", "="),
        ("/...", "=", "=", "=", "="),
        ("/a/..b", "=", "=", "=", "="),
        ("/a/b..", "=", "=", "=", "="),
        ("/%252e%252e/x", "=", "=", "=", "="),
    ]);
}

#[test]
fn dot_segments_written_plainly_lose_their_parameters() {
    assert_rows(&[
        ("/..;/admin", "=", "/admin", "=", "="),
        ("/x/.;/..;/y", "=", "/y", "=", "="),
        ("/;/..;x/a", "=", "/a", "=", "="),
        ("/a/.;", "=", "/a/", "=", "="),
        ("/.;<", "=", "/", "=", "="),
        ("/..;|/[", "=", "/[", "=", "="),
        ("/a;b/../c", "=", "/c", "=", "="),
        ("/a..;/b", "=", "=", "=", "="),
        ("/..%3b/a", "=", "=", "=", "="),
        ("/%2e;x/", "=", "/.;x/", "=", "="),
        ("/a/.%2e;x/b", "=", "/a/..;x/b", "=", "="),
        ("/..;\\a", "=", "/", "=", "="),
        ("/\\..;a", "=", "//..;a", "/..;a", "="),
        ("/a/..;%2fb", "=", "/", "=", "/b"),
        ("/a%2f..;x%2fb", "=", "=", "=", "/b"),
    ]);
}

#[test]
fn slashes_are_turned_unescaped_and_merged() {
    assert_rows(&[
        ("/app//", "=", "=", "/app/", "="),
        ("/app%2f/", "=", "=", "=", "/app/"),
        ("/app\\admin", "=", "/app/admin", "=", "="),
        ("/%2Fapp%5cadmin", "=", "=", "=", "/app/admin"),
        ("/\\\\a", "=", "///a", "/a", "="),
        ("//a", "=", "=", "/a", "="),
        // With nothing between the slashes, the first and the last stay.
        ("//", "=", "=", "=", "="),
        ("///", "=", "=", "//", "="),
        ("/%2f", "=", "=", "=", "//"),
        // Dot segments come before merging.
        ("//..", "=", "/", "=", "="),
        ("/a//../b", "=", "/a/b", "=", "="),
        ("/a///..//b", "=", "/a///b", "/a/b", "="),
        ("/a\\..", "=", "/", "=", "="),
        ("/a/..%5cb", "=", "=", "=", "/b"),
        ("/a/%2e%2e%2f..%2fb", "=", "/a/..%2f..%2fb", "=", "/b"),
        ("/a%2F%2F..%2F", "=", "=", "=", "/a/"),
        ("/%252f", "=", "=", "=", "="),
    ]);
}

#[test]
fn characters_are_escaped_or_left_alone() {
    assert_rows(&[
        ("/a\"<>^`{}|", "=", "/a%22%3C%3E%5E%60%7B%7D%7C", "=", "="),
        ("/[]'()*+,:;@!$&=-._~", "=", "=", "=", "="),
        ("/a%41%7E%7e%2d%5F%30", "=", "/aA~~-_0", "=", "="),
        ("/%c3%A9%25%3b%23%3F", "=", "=", "=", "="),
    ]);
}

#[test]
fn what_is_no_escape_stays_and_does_not_become_one() {
    assert_rows(&[
        ("/%zz%", "=", "=", "=", "="),
        ("/%2/", "=", "=", "=", "="),
        ("/%/%41B", "=", "/%/AB", "=", "="),
        ("/%%41e", "=", "/%25Ae", "=", "="),
        ("/%F%41", "=", "/%25FA", "=", "="),
        ("/%%34%31", "=", "/%2541", "=", "="),
        ("/%%300", "=", "/%2500", "=", "="),
        ("/%/../%41B", "=", "/AB", "=", "="),
        ("/%\\../a%41", "=", "/aA", "=", "="),
    ]);
}

#[test]
fn queries_stay_and_fragments_go() {
    assert_rows(&[
        ("/a?x=//y/../z", "=", "=", "=", "="),
        ("/a?b%2fc\\%00<%41", "=", "=", "=", "="),
        ("/?", "=", "=", "=", "="),
        ("/#", "/", "=", "=", "="),
        ("/a#%00", "/a", "=", "=", "="),
        ("/a#b?c", "/a", "=", "=", "="),
        ("/a?b#c", "/a?b", "=", "=", "="),
    ]);
}

#[test]
fn an_escape_is_resolved_only_when_its_character_needs_none() {
    for byte in 0x01..=0xFF_u8 {
        let needs_none = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        for escape in [format!("%{byte:02x}"), format!("%{byte:02X}")] {
            let resolved = if needs_none {
                char::from(byte).to_string()
            } else {
                escape.clone()
            };
            let (sent, expected) = (format!("/x{escape}y"), format!("/x{resolved}y"));
            let normalized = normalize(Normalization::Base, sent.as_bytes());
            assert_eq!(normalized, Ok(expected.into_bytes()), "{sent}");
            assert_eq!(normalize(Normalization::None, sent.as_bytes()), Ok(sent.into_bytes()));
        }
    }
}

#[test]
fn what_no_request_line_holds_is_rejected() {
    for byte in (0x00..=0x20).chain(0x7F..=0xFF_u8) {
        for before in ["/a", "/a?", "/a#"] {
            let sent = [before.as_bytes(), &[byte], b"b"].concat();
            for normalization in ALL {
                assert_eq!(normalize(normalization, &sent), Err(Rejected::Byte), "{sent:?}");
            }
        }
    }
    for sent in ["", "*", "a", "a/b", "?a", "#a", "\\a", "%2fa", "../a"] {
        for normalization in ALL {
            let normalized = normalize(normalization, sent.as_bytes());
            assert_eq!(normalized, Err(Rejected::NoSlash), "{sent}");
        }
    }
}

#[test]
fn an_escaped_nul_is_rejected_where_escapes_are_resolved() {
    for sent in ["/a%00", "/%00/../a", "/a%00b?c", "/..;/%00"] {
        for normalization in ALL {
            let normalized = normalize(normalization, sent.as_bytes());
            let expected = match normalization {
                Normalization::None => Ok(sent.as_bytes().to_vec()),
                _ => Err(Rejected::EscapedNul),
            };
            assert_eq!(normalized, expected, "{sent} with {normalization:?}");
        }
    }
    assert!(
        normalize(Normalization::Base, b"/..;%00").is_ok(),
        "parameters go first"
    );
}
