//! What a plain scalar means: the rules of the YAML library that `kubectl` and the API server use (YAML 1.1, with JSON's numbers).

use super::{Number, Value};

/// The value of an unquoted scalar.
pub(super) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Bool {
                value: true,
                text: text.into(),
            };
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool {
                value: false,
                text: text.into(),
            };
        }
        _ => {}
    }
    match number(text) {
        Some(value) => Value::Number {
            value,
            text: text.into(),
        },
        None => Value::String(text.into()),
    }
}

fn number(text: &str) -> Option<Number> {
    match text {
        ".nan" | ".NaN" | ".NAN" => return Some(Number::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(Number::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => return Some(Number::Float(f64::NEG_INFINITY)),
        _ => {}
    }
    // Most plain scalars are words: decide on the first byte.
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return None;
    }
    let digits = text.replace('_', "");
    integer(&digits).or_else(|| float(&digits).map(Number::Float))
}

fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    // `from_str_radix` would take a second sign.
    if !digits.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    match (negative, i64::try_from(magnitude)) {
        (false, Ok(value)) => Some(Number::Integer(value)),
        (false, Err(_)) => Some(Number::Unsigned(magnitude)),
        (true, Ok(value)) => Some(Number::Integer(-value)),
        (true, Err(_)) => (magnitude == i64::MIN.unsigned_abs()).then_some(Number::Integer(i64::MIN)),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    let mantissa_fits = all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    (mantissa_fits && exponent_fits).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_mean_what_they_mean_to_kubectl() {
        let bools = [
            ("yes", true),
            ("Y", true),
            ("on", true),
            ("True", true),
            ("no", false),
            ("OFF", false),
            ("n", false),
        ];
        for (text, expected) in bools {
            assert!(
                matches!(resolve(text), Value::Bool { value, .. } if value == expected),
                "{text}"
            );
        }
        for text in ["", "~", "null", "NULL"] {
            assert_eq!(resolve(text), Value::Null, "{text}");
        }
        let strings = [
            "nULL",
            "yEs",
            "test.com",
            "1.2.3.4",
            "10.0.0.0/8",
            "2024-01-01",
            "1:30",
            "0x",
            "--1",
            "-",
            "+",
            ".",
            "e5",
            "1e",
            "08x",
            "0b2",
            "*",
            "v1",
        ];
        for text in strings {
            assert_eq!(resolve(text), Value::String(text.into()), "{text}");
        }
    }

    #[test]
    fn numbers() {
        let rows = [
            ("80", Number::Integer(80)),
            ("-80", Number::Integer(-80)),
            ("+1", Number::Integer(1)),
            ("010", Number::Integer(8)),
            ("0o10", Number::Integer(8)),
            ("0x1F", Number::Integer(31)),
            ("0b11", Number::Integer(3)),
            ("1_000", Number::Integer(1000)),
            ("0", Number::Integer(0)),
            ("18446744073709551615", Number::Unsigned(u64::MAX)),
            ("-9223372036854775808", Number::Integer(i64::MIN)),
            ("08", Number::Float(8.0)),
            ("1.5", Number::Float(1.5)),
            (".5", Number::Float(0.5)),
            ("5.", Number::Float(5.0)),
            ("1e3", Number::Float(1000.0)),
            ("18446744073709551616", Number::Float(18_446_744_073_709_551_616.0)),
            ("-.inf", Number::Float(f64::NEG_INFINITY)),
        ];
        for (text, expected) in rows {
            assert_eq!(
                resolve(text),
                Value::Number {
                    value: expected,
                    text: text.into()
                },
                "{text}"
            );
        }
    }
}
