//! Points in time as people write them.

const SECONDS_PER_DAY: i64 = 86_400;

/// Nanoseconds since the epoch of a time as RFC 3339 writes it, such as `2026-01-31T12:30:00Z`.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    read(text).ok_or_else(|| {
        "expected a time between 1970 and 2500 as RFC 3339 has it, such as 2026-01-31T12:30:00Z".to_owned()
    })
}

fn read(text: &str) -> Option<u64> {
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let zone = rest.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = rest.split_at_checked(zone)?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));

    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let fits = (1970..2500).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in_month).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !fits || fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: i64 = format!("{fraction:0<9}").parse().ok()?;
    let seconds = days_since_epoch(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
    let total = (seconds - offset(zone)?)
        .checked_mul(1_000_000_000)?
        .checked_add(nanoseconds)?;
    u64::try_from(total).ok()
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let parts: Vec<&str> = text.split(separator).collect();
    let is_number = |part: &&str| !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !parts.iter().all(is_number) {
        return None;
    }
    let numbers: Vec<i64> = parts.iter().filter_map(|part| part.parse().ok()).collect();
    numbers.try_into().ok()
}

/// Seconds east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    let sign = match zone.chars().next()? {
        'Z' | 'z' if zone.len() == 1 => return Some(0),
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let [hours, minutes, _] = numbers(&format!("{}:0", &zone[1..]), ':')?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Counts years from March, so that the leap day is a year's last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    const FROM_YEAR_0_TO_EPOCH: i64 = 719_468;
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - FROM_YEAR_0_TO_EPOCH
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn times_are_read_as_rfc_3339_has_them() {
        for (text, milliseconds) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-01-01T00:00:00Z", Some(1_767_225_600_000)),
            ("2024-02-29T23:59:59.25Z", Some(1_709_251_199_250)),
            ("2026-01-01T01:30:00+01:30", Some(1_767_225_600_000)),
            ("2025-12-31T19:00:00-05:00", Some(1_767_225_600_000)),
            ("2026-02-29T00:00:00Z", None),
            ("2026-01-01T00:00:00", None),
            ("2026-01-01", None),
            ("1969-12-31T23:59:59Z", None),
            ("1970-01-01T00:00:00+01:00", None),
            ("2026-01-01T00:00:00+é", None),
            ("é026-01-01T00:00:00Z", None),
            ("9999-99-99T99:99:99Z", None),
        ] {
            let read = parse(text).ok().map(|nanoseconds| nanoseconds / 1_000_000);
            assert_eq!(read, milliseconds, "{text}");
        }
    }
}
