//! Points in time as people write them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Nanoseconds since the epoch of a time as RFC 3339 writes it, such as `2026-01-31T12:30:00Z`; negative before 1970.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    let read = OffsetDateTime::parse(text, &Rfc3339).ok();
    // 64 bits of nanoseconds, as filters get them, end in the year 2262.
    read.and_then(|time| i64::try_from(time.unix_timestamp_nanos()).ok())
        .ok_or_else(|| {
            format!(
                "`{text}` is no time between 1678 and 2261 as RFC 3339 has it; write it as 2026-01-31T12:30:00Z, or with +01:00 in \
                 place of Z"
            )
        })
}

/// The same for the clock of a host, which cannot stand before 1970.
pub(crate) fn parse_clock(text: &str) -> Result<u64, String> {
    u64::try_from(parse(text)?).map_err(|_| format!("`{text}` is before 1970: no clock of a proxy stands there"))
}

#[cfg(test)]
mod tests {
    use super::{parse, parse_clock};

    #[test]
    fn times_are_read_as_rfc_3339_has_them_to_the_nanosecond() {
        for (text, nanoseconds) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-01-01T00:00:00Z", Some(1_767_225_600_000_000_000)),
            ("2024-02-29T23:59:59.25Z", Some(1_709_251_199_250_000_000)),
            ("2024-02-29T12:30:15.000000001Z", Some(1_709_209_815_000_000_001)),
            ("2026-01-01T01:30:00+01:30", Some(1_767_225_600_000_000_000)),
            ("2025-12-31T19:00:00-05:00", Some(1_767_225_600_000_000_000)),
            ("1969-12-31T23:59:59Z", Some(-1_000_000_000)),
            ("2262-04-11T23:47:16.854775807Z", Some(i64::MAX)),
            ("2262-04-11T23:47:16.854775808Z", None),
            ("2026-02-29T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-01-01T00:00:00", None),
            ("2026-01-01", None),
            ("2026-01-01T00:00:00+é", None),
            ("é026-01-01T00:00:00Z", None),
            ("9999-99-99T99:99:99Z", None),
            ("9999999999999999-01-01T00:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(parse(text).ok(), nanoseconds, "{text}");
        }
    }

    #[test]
    fn a_clock_starts_in_1970() {
        assert_eq!(parse_clock("1970-01-01T00:00:00Z"), Ok(0));
        for text in ["1969-12-31T23:59:59Z", "1970-01-01T00:00:00+01:00"] {
            let refused = parse_clock(text).unwrap_err();
            assert!(refused.contains("before 1970"), "{refused}");
        }
    }
}
