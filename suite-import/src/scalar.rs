//! What a scalar says, by the rules of the notation that it stands in.

use crate::tree::Kind;

/// Protobuf has more words for it than YAML, and numbers.
pub(crate) fn flag(kind: &Kind) -> Option<bool> {
    match kind {
        Kind::Bare(word) => match word.as_str() {
            "true" | "True" | "t" | "1" => Some(true),
            "false" | "False" | "f" | "0" => Some(false),
            _ => None,
        },
        Kind::Scalar(word) => match word.as_str() {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// A whole number; `Some(None)` for one that is larger than any field's.
pub(crate) fn integer(kind: &Kind) -> Option<Option<i128>> {
    match kind {
        Kind::Bare(written) => {
            let (sign, digits) = signed(written);
            let (digits, radix) = match digits.as_bytes() {
                [b'0', b'x' | b'X', ..] => (&digits[2..], 16),
                [b'0', _, ..] => (&digits[1..], 8),
                _ => (digits, 10),
            };
            magnitude(digits, radix).map(|value| value.map(|value| sign * value))
        }
        // A leading zero is no octal number here: the tester reads YAML's numbers as decimal ones.
        Kind::Scalar(written) => {
            let (sign, digits) = signed(written);
            magnitude(digits, 10).map(|value| value.map(|value| sign * value))
        }
        _ => None,
    }
}

fn signed(written: &str) -> (i128, &str) {
    match written.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, written),
    }
}

fn magnitude(digits: &str, radix: u32) -> Option<Option<i128>> {
    let whole = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    whole.then(|| i128::from_str_radix(digits, radix).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_each_notation_has_them() {
        let bare = |text: &str| integer(&Kind::Bare(text.to_owned()));
        let scalar = |text: &str| integer(&Kind::Scalar(text.to_owned()));
        for (text, in_text_format, in_yaml) in [
            ("0", Some(0), Some(0)),
            ("-7", Some(-7), Some(-7)),
            ("017", Some(15), Some(17)),
            ("0x1F", Some(31), None),
            ("-0X1f", Some(-31), None),
            ("1.5", None, None),
            ("1e3", None, None),
            ("", None, None),
            ("-", None, None),
            ("--1", None, None),
            ("+1", None, None),
            ("inf", None, None),
        ] {
            assert_eq!(bare(text), in_text_format.map(Some), "{text:?} in text format");
            assert_eq!(scalar(text), in_yaml.map(Some), "{text:?} in YAML");
        }
        assert_eq!(bare(&"9".repeat(50)), Some(None));
        assert_eq!(integer(&Kind::Quoted(b"1".to_vec())), None);
    }

    #[test]
    fn flags_are_read_as_each_notation_has_them() {
        for (text, in_text_format, in_yaml) in [
            ("true", Some(true), Some(true)),
            ("TRUE", None, Some(true)),
            ("t", Some(true), None),
            ("0", Some(false), None),
            ("False", Some(false), Some(false)),
            ("yes", None, None),
        ] {
            assert_eq!(
                flag(&Kind::Bare(text.to_owned())),
                in_text_format,
                "{text} in text format"
            );
            assert_eq!(flag(&Kind::Scalar(text.to_owned())), in_yaml, "{text} in YAML");
        }
    }
}
