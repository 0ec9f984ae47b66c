//! Numbers as text, without the machinery of formatting.

/// Hands on the decimal digits of a number.
pub(crate) fn with_digits<T>(number: usize, use_digits: impl FnOnce(&str) -> T) -> T {
    const MOST: usize = usize::MAX.ilog10() as usize + 1;
    let mut digits = [b'0'; MOST];
    let mut rest = number;
    let mut start = digits.len();
    while rest > 0 || start == digits.len() {
        start -= 1;
        // A digit is less than ten.
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    use_digits(str::from_utf8(&digits[start..]).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::with_digits;

    #[test]
    fn numbers_are_written_as_formatting_does() {
        for number in [0, 7, 10, 80, 8080, 65_535, usize::MAX] {
            assert_eq!(with_digits(number, str::to_owned), number.to_string());
        }
    }
}
