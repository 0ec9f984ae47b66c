//! Port numbers.

/// Go's `strconv.ParseUint`, bounded: digits only, leading zeros taken.
pub(crate) fn parse_port(value: &str) -> Option<u16> {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| value.parse().ok()).flatten()
}
