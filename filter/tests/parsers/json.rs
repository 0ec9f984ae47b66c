//! The reader of configurations beside the usual one: whatever a text is, both take it or neither does, and both read the same.

use outgate_filter::host::Status;
use outgate_filter::json::{self, Text};
use serde_json::Value;

use crate::random::Random;

/// A text in parts of a certain size.
struct InParts<'t> {
    text: &'t [u8],
    size: usize,
}

impl Text for InParts<'_> {
    fn part(&self, start: usize) -> Result<Vec<u8>, Status> {
        let rest = self.text.get(start..).unwrap_or_default();
        Ok(rest[..self.size.min(rest.len())].to_vec())
    }
}

fn read(text: &[u8], size: usize) -> Result<Value, String> {
    json::read(&InParts { text, size }).map_err(|error| error.to_string())
}

/// Floating-point numbers, and whole ones beyond 64 bits: no configuration has any, and they are refused.
fn has_other_numbers(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(values) => values.iter().any(has_other_numbers),
        Value::Object(values) => values.values().any(has_other_numbers),
        _ => false,
    }
}

fn is_number_refused(read: &Result<Value, String>) -> bool {
    matches!(read, Err(error) if error.contains("expected any valid JSON value, not "))
}

const WHOLE: &str = concat!(
    r#" {"name": "a\"b\\c\/d\b\f\n\r\t\u00e4\uD83D\uDE00 ü€😀", "empty": "", "list": [1, 0, -7, 18446744073709551615,"#,
    r#" -9223372036854775808, true, false, null, [], {}, [[["x"]]]], "":{"\u0041":"a string that is longer than eight bytes",
    "other"  :"0123456789abcdef\n"} } "#,
);

#[test]
fn reads_what_the_usual_reader_reads() {
    let expected: Value = serde_json::from_str(WHOLE).unwrap();
    for size in 1..=WHOLE.len() {
        assert_eq!(
            read(WHOLE.as_bytes(), size).as_ref(),
            Ok(&expected),
            "in parts of {size}"
        );
    }
    let mut random = Random::new(17);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..300_000 {
        let text = random.mutate(WHOLE.as_bytes());
        let size = 1 + random.below(40);
        let ours = read(&text, size);
        match serde_json::from_slice::<Value>(&text) {
            // It takes a negative zero for one of them.
            Ok(theirs) if has_other_numbers(&theirs) => {
                assert!(is_number_refused(&ours) || text.windows(2).any(|pair| pair == b"-0"));
            }
            // Of a name that is there twice, it shows the last value only.
            Ok(_) if is_number_refused(&ours) => {}
            Ok(theirs) => {
                taken += 1;
                assert_eq!(ours.as_ref(), Ok(&theirs), "{} in parts of {size}", text.escape_ascii());
            }
            Err(error) => {
                refused += 1;
                assert!(ours.is_err(), "{}: {error}", text.escape_ascii());
            }
        }
        assert_eq!(
            ours,
            read(&text, text.len().max(1)),
            "{} in parts of {size}",
            text.escape_ascii()
        );
    }
    assert!(taken > 20_000 && refused > 100_000, "{taken} {refused}");
}

#[test]
fn says_what_is_wrong_and_where() {
    for (text, expected) in [
        ("", "the text ends where a value is expected at line 1, column 1"),
        ("{\"a\": 1,\n  \"b\" 2}", "expected `:` at line 2, column 7"),
        ("[1 2]", "[0]: expected `,` or `]` at line 1, column 4"),
        ("{\"a\": 1; \"b\": 2}", "a: expected `,` or `}` at line 1, column 8"),
        ("[1,]", "[1]: expected a value at line 1, column 4"),
        ("{1: 2}", "expected a name in quotation marks at line 1, column 2"),
        ("[\n\n 01]", "[0]: this is not a number at line 3, column 2"),
        ("[nul]", "[0]: expected a value at line 1, column 2"),
        (
            "[\"a\nb\"]",
            "[0]: a control character in a string must be escaped at line 1, column 2",
        ),
        ("[\"abc", "[0]: the text ends in a string at line 1, column 2"),
        ("[\"\\x\"]", "[0]: there is no such escape at line 1, column 2"),
        (
            "[\"\\ud800\"]",
            "[0]: half a surrogate pair is no character at line 1, column 2",
        ),
        (
            "[\"\\u12g4\"]",
            "[0]: expected four hexadecimal digits at line 1, column 2",
        ),
        ("[] []", "expected nothing more at line 1, column 4"),
        (
            "[1.5]",
            "[0]: expected any valid JSON value, not 1.5 at line 1, column 2",
        ),
    ] {
        for size in 1..=text.len().max(1) {
            assert_eq!(read(text.as_bytes(), size), Err(expected.to_owned()), "{text}");
        }
    }
    let latin1 = read(b"[\"a\", \"\xE4\"]", 3);
    assert_eq!(
        latin1,
        Err("[1]: this string is not UTF-8 at line 1, column 7".to_owned())
    );
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
    assert!(read(nested(127).as_bytes(), 9).is_ok());
    for depth in [129, 100_000] {
        let error = read(nested(depth).as_bytes(), 9).unwrap_err();
        assert!(
            error.contains("[0][0]: this is nested too deeply at line 1, column 129"),
            "{error}"
        );
    }
}
