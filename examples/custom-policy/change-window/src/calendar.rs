//! Days, dates and times of a day, without leap seconds.

use std::str::FromStr;

pub(crate) const DAY: i64 = 24 * 60 * 60;

/// A day, by its number: 0 is the first of 1970.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Day(pub(crate) i64);

/// A day of the week.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
pub(crate) enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Weekday {
    const ALL: [Self; 7] = [
        Self::Mon,
        Self::Tue,
        Self::Wed,
        Self::Thu,
        Self::Fri,
        Self::Sat,
        Self::Sun,
    ];
}

impl Day {
    pub(crate) fn weekday(self) -> Weekday {
        // The first of 1970 was a Thursday.
        let place = (self.0 + 3).rem_euclid(7);
        Weekday::ALL[place as usize]
    }

    /// Year, month and day of the month. After Howard Hinnant's `civil_from_days`: years begin in March, so that a leap day is the
    /// last of its year, and 400 of them have always the same length.
    pub(crate) fn date(self) -> (i64, i64, i64) {
        const FOUR_CENTURIES: i64 = 146_097;
        let days = self.0 + 719_468;
        let era = days.div_euclid(FOUR_CENTURIES);
        let day_of_era = days.rem_euclid(FOUR_CENTURIES);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        (year, month, day)
    }

    fn of(year: i64, month: i64, day: i64) -> Self {
        let year = year - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Self(era * 146_097 + day_of_era - 719_468)
    }
}

/// `2026-12-24`.
impl FromStr for Day {
    type Err = ();

    fn from_str(written: &str) -> Result<Self, ()> {
        let mut parts = written.split('-').zip([4, 2, 2]).map(|(digits, length)| {
            let is_number = digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse::<i64>().ok().filter(|_| is_number).ok_or(())
        });
        let mut next = || parts.next().ok_or(())?;
        let (year, month, day) = (next()?, next()?, next()?);
        let found = Self::of(year, month, day);
        // There is no 30th of February, and nothing after the day.
        if found.date() == (year, month, day) && written.len() == 10 {
            Ok(found)
        } else {
            Err(())
        }
    }
}

/// Minutes of `22:00`; `24:00` is the end of a day.
pub(crate) fn minutes(written: &str) -> Option<i64> {
    let (hours, minutes) = written.split_once(':')?;
    let number = |digits: &str| {
        let is_number = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<i64>().ok().filter(|_| is_number)
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let is_time = hours < 24 && minutes < 60 || hours == 24 && minutes == 0;
    is_time.then_some(hours * 60 + minutes)
}

#[cfg(test)]
mod tests {
    use super::{Day, Weekday, minutes};

    #[test]
    fn days_have_dates_and_weekdays() {
        for (written, number, weekday) in [
            ("1970-01-01", 0, Weekday::Thu),
            ("1969-12-31", -1, Weekday::Wed),
            ("2000-02-29", 11_016, Weekday::Tue),
            ("2026-01-01", 20_454, Weekday::Thu),
            ("2026-12-31", 20_818, Weekday::Thu),
            ("2100-03-01", 47_541, Weekday::Mon),
        ] {
            assert_eq!(written.parse(), Ok(Day(number)), "{written}");
            assert_eq!(Day(number).weekday(), weekday, "{written}");
        }
        for number in -200_000..200_000 {
            let (year, month, day) = Day(number).date();
            assert_eq!(Day::of(year, month, day), Day(number));
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for written in [
            "",
            "2026",
            "2026-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "2026-1-1",
            "26-01-01",
            "2026-01-01-01",
            "2026-01-0x",
            "2026-01-+1",
            "２026-01-01",
            "2026-01-01 ",
        ] {
            assert_eq!(written.parse::<Day>(), Err(()), "{written}");
        }
    }

    #[test]
    fn times_end_with_24() {
        for (written, expected) in [
            ("00:00", Some(0)),
            ("23:59", Some(1439)),
            ("24:00", Some(1440)),
            ("24:01", None),
            ("25:00", None),
            ("12:60", None),
            ("1:00", None),
            ("12", None),
            ("+1:00", None),
            ("12:00:00", None),
        ] {
            assert_eq!(minutes(written), expected, "{written}");
        }
    }
}
