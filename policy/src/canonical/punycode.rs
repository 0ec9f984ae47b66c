//! Labels in the ASCII form of internationalised names: `xn--` and Punycode (RFC 3492).
//!
//! Proxies refuse hosts that are not ASCII, so that such a name comes in this form only. What is looked for is a label that
//! whoever decodes it takes for another one, since nothing, or nothing but ASCII, is encoded in it.

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const FIRST_BIAS: u32 = 72;
/// The first number of a character that is not ASCII.
const FIRST_NUMBER: u32 = 0x80;

/// Whether a label's Punycode, in lower case and without `xn--`, is that of something that is not ASCII.
pub(super) fn is_encoded(punycode: &[u8]) -> bool {
    let delimiter = punycode.iter().rposition(|&byte| byte == b'-');
    // A delimiter that delimits nothing is not written.
    delimiter != Some(0)
        && are_characters(
            delimiter.unwrap_or(0),
            &punycode[delimiter.map_or(0, |place| place + 1)..],
        )
}

/// Whether `digits` are those of characters, at least one, between as many of ASCII. No character is written in two ways, so that
/// it is enough that there are some.
fn are_characters(ascii: usize, digits: &[u8]) -> bool {
    read(ascii, digits).is_some_and(|count| count > 0)
}

/// How many characters there are.
fn read(ascii: usize, mut digits: &[u8]) -> Option<usize> {
    let mut count = u32::try_from(ascii).ok()?;
    let (mut number, mut place, mut bias) = (FIRST_NUMBER, 0_u32, FIRST_BIAS);
    let mut read = 0;
    while !digits.is_empty() {
        let before = place;
        let mut weight = 1_u32;
        let mut step = BASE;
        loop {
            let (&first, rest) = digits.split_first()?;
            digits = rest;
            let digit = value_of(first)?;
            place = place.checked_add(digit.checked_mul(weight)?)?;
            let threshold = step.saturating_sub(bias).clamp(T_MIN, T_MAX);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
            step += BASE;
        }
        count += 1;
        bias = adapted(place - before, count, read == 0);
        number = number.checked_add(place / count)?;
        char::from_u32(number)?;
        place = place % count + 1;
        read += 1;
    }
    Some(read)
}

fn value_of(digit: u8) -> Option<u32> {
    match digit {
        b'a'..=b'z' => Some(u32::from(digit - b'a')),
        b'0'..=b'9' => Some(u32::from(digit - b'0') + 26),
        _ => None,
    }
}

fn adapted(delta: u32, count: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / DAMP } else { delta / 2 };
    delta += delta / count;
    let mut step = 0;
    while delta > ((BASE - T_MIN) * T_MAX) / 2 {
        delta /= BASE - T_MIN;
        step += BASE;
    }
    step + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::is_encoded;

    #[test]
    fn something_is_encoded_in_the_ascii_form_of_a_name() {
        for (punycode, expected) in [
            ("bcher-kva", true),
            ("wgv71a119e", true),
            ("egbpdaj6bu4bxfgehfvwxn", true),
            ("3b-ww4c5e180e575a65lsy2b", true),
            ("ls8h", true),
            ("test-", false),
            ("-", false),
            ("", false),
            ("-kva", false),
            ("bcher-kv!", false),
            ("bcher-k", false),
            ("99999999", false),
        ] {
            assert_eq!(is_encoded(punycode.as_bytes()), expected, "{punycode}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// Another decoder takes and refuses the same.
        #[test]
        fn what_another_decoder_takes_is_encoded(punycode in "[a-z]{0,4}-?[a-z0-9]{0,12}") {
            let decoded = idna::punycode::decode_to_string(&punycode);
            let expected = decoded.is_some_and(|name| !name.is_ascii());
            // A delimiter that delimits nothing is taken there, and written by nobody.
            prop_assert_eq!(is_encoded(punycode.as_bytes()), expected && !punycode.starts_with('-'), "{}", punycode);
        }

        #[test]
        fn what_another_encoder_writes_is_encoded(name in "\\PC{1,12}") {
            if let Some(punycode) = idna::punycode::encode_str(&name)
                && !name.is_ascii() && !name.chars().any(|character| character.is_ascii_uppercase())
            {
                prop_assert!(is_encoded(punycode.as_bytes()), "{name}: {punycode}");
            }
        }
    }
}
