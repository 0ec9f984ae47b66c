//! Expressions of RE2 mean to `regex` what they mean to RE2.

use outgate_suite_import::re2::to_regex;
use regex::bytes::Regex;

/// Compiles an expression as the tester uses it: it must match a whole line.
fn whole(expression: &str) -> Regex {
    let translated = to_regex(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    Regex::new(&translated).unwrap_or_else(|error| panic!("{expression} as {translated}: {error}"));
    Regex::new(&format!(r"\A(?:{translated})\z")).expect("what is an expression is one in a group")
}

#[test]
fn expressions_match_what_they_match_in_re2() {
    // Each with texts that it matches as a whole, and some that it does not.
    type Row<'a> = (&'a str, &'a [&'a [u8]], &'a [&'a [u8]]);
    let rows: &[Row<'_>] = &[
        ("", &[b""], &[b"a"]),
        ("a|bc", &[b"a", b"bc"], &[b"abc", b"ac"]),
        (".*stranger.*", &[b"a stranger", b"stranger"], &[b"a\nstranger"]),
        (".*no entry$", &[b"no entry"], &[b"no entry\n"]),
        ("(?s).*b", &[b"a\nb"], &[b"a"]),
        ("(?i)abc", &[b"aBC"], &[b"ab"]),
        ("(?P<n>a)(?:b)", &[b"ab"], &[b"a"]),
        (r"\d+", &[b"07"], &["٣".as_bytes(), b""]),
        (r"\w\W", &[b"a-", b"_ "], &["é-".as_bytes(), b"ab"]),
        (r"\s\S", &[b" a", b"\ta"], &[b"\x0Ba", "\u{a0}a".as_bytes()]),
        (r"a\b.*", &[b"a b", "aé".as_bytes()], &[b"ab"]),
        (r"a\B.", &[b"ab"], &[b"a "]),
        (r#"{"a":\d}"#, &[br#"{"a":1}"#], &[b"a:1"]),
        ("a{2}b{1,}c{0,1}", &[b"aab", b"aabbc"], &[b"ab", b"aabcc"]),
        ("a{,2}", &[b"a{,2}"], &[b"aa"]),
        ("a{", &[b"a{"], &[b"a"]),
        ("a}", &[b"a}"], &[b"a"]),
        ("[[a]", &[b"[", b"a"], &[b"]"]),
        ("[]a]", &[b"]", b"a"], &[b"["]),
        ("[^]a]", &[b"b"], &[b"]", b"a"]),
        ("[a&&b]", &[b"a", b"&", b"b"], &[b"c"]),
        ("[~~x]", &[b"~", b"x"], &[b"y"]),
        ("[+--]", &[b"+", b",", b"-"], &[b"."]),
        ("[a-]", &[b"a", b"-"], &[b"b"]),
        ("[-a]", &[b"a", b"-"], &[b"b"]),
        (r"[\d\-x]", &[b"7", b"-", b"x"], &[b"a"]),
        (r"[\D]", &[b"a"], &[b"7"]),
        (r"[^\D]", &[b"7"], &[b"a"]),
        (r"[\x41-\x{43}\n]", &[b"B", b"\n"], &[b"D"]),
        ("[[:alpha:]_]", &[b"a", b"_"], &[b"7", "é".as_bytes()]),
        ("[[:^digit:]]", &[b"a"], &[b"7"]),
        ("[[:a]", &[b"[", b":", b"a"], &[b"b"]),
        (r"\Qa.b\E.", &[b"a.bc"], &[b"axbc"]),
        (r"\Qa+", &[b"a+"], &[b"aa"]),
        (r"\101\0\x41\x{20ac}", &["A\0A€".as_bytes()], &[b"A"]),
        (
            r"\pL\p{Greek}\P{Greek}\p{^Greek}",
            &["aαbb".as_bytes()],
            &["aαβb".as_bytes()],
        ),
        (r"\/\-\ \<\>\'\%", &[b"/- <>'%"], &[b"/"]),
        (r"\a\f\n\r\t\v", &[b"\x07\x0C\n\r\t\x0B"], &[b""]),
        (r"\Aa\C\z", &[b"a\xFF", b"a\n"], &[b"a"]),
        (".", &["€".as_bytes()], &[b"\xFF"]),
        ("#x y", &[b"#x y"], &[b""]),
    ];
    for (expression, matching, other) in rows {
        let regex = whole(expression);
        for text in *matching {
            assert!(regex.is_match(text), "{expression} matches {}", text.escape_ascii());
        }
        for text in *other {
            assert!(
                !regex.is_match(text),
                "{expression} does not match {}",
                text.escape_ascii()
            );
        }
    }
}

#[test]
fn what_is_no_expression_of_re2_is_refused() {
    for expression in [
        r"\",
        r"\Z",
        r"\E",
        r"\1",
        r"\8",
        r"\k",
        r"\_",
        r"\é",
        r"\x",
        r"\x4",
        r"\xzz",
        r"\x{",
        r"\x{}",
        r"\x{110000}",
        r"\p",
        r"\p{L",
        "[",
        "[a",
        "[^]",
        r"[\",
        r"[a-\d]",
        r"[\b]",
        r"[\Q]",
        "[[:nonsense:]]",
        "(?x)a",
        "(?u:a)",
        "(?i-R)a",
    ] {
        assert!(to_regex(expression).is_err(), "{expression}");
    }
    // These are for `regex` to refuse.
    for expression in ["(", "a)(b", "(?=a)", "*", "{2}", "[b-a]", r"\p{Nonsense}"] {
        let translated = to_regex(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
        assert!(Regex::new(&translated).is_err(), "{expression} as {translated}");
    }
}

#[test]
fn nothing_makes_the_translation_panic() {
    let letters: Vec<char> = r"\[]{}()?^-:,.*|+aQEpxz01{€é".chars().collect();
    let mut number: u64 = 7;
    for _ in 0..50_000 {
        let mut expression = String::new();
        for _ in 0..8 {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            expression.push(letters[(number >> 33) as usize % letters.len()]);
        }
        if let Ok(translated) = to_regex(&expression) {
            _ = Regex::new(&translated);
        }
    }
}
