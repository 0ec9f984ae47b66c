//! Times as `%START_TIME(…)%` prints them: in UTC, by a format of `strftime`, with Envoy's own fractions of a second.

use std::fmt::{self, Write as _};

use super::error::Problem;

/// What Envoy prints when no format is given.
const DEFAULT: &str = "%Y-%m-%dT%H:%M:%S.%3fZ";

const NANOSECONDS: u64 = 1_000_000_000;

/// A parsed format.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TimeFormat(Vec<Piece>);

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Literal(char),
    /// A letter of `strftime`, among [`FIELDS`].
    Field(char),
    /// This many digits of the fraction of the second.
    Fraction(usize),
}

/// What stands for one value. Letters that stand for several are spelled out by [`composite`].
const FIELDS: &str = "YCymdejHkIlMSpaAbBhuwUWzZs";

impl TimeFormat {
    /// Parses a format; the empty one is the default.
    pub(super) fn parse(format: &str) -> Result<Self, Problem> {
        let mut pieces = Vec::new();
        push(if format.is_empty() { DEFAULT } else { format }, &mut pieces)?;
        Ok(Self(pieces))
    }

    /// The time that is `since_epoch` nanoseconds after the epoch.
    pub(super) fn format(&self, since_epoch: u64) -> String {
        let time = Civil::new(since_epoch / NANOSECONDS);
        let fraction = format!("{:09}", since_epoch % NANOSECONDS);
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(c) => out.push(*c),
                Piece::Fraction(digits) => out.push_str(&fraction[..*digits]),
                // INVARIANT: writing to a string does not fail.
                Piece::Field(letter) => time.write(*letter, &mut out).unwrap_or_default(),
            }
        }
        out
    }
}

fn push(format: &str, pieces: &mut Vec<Piece>) -> Result<(), Problem> {
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            pieces.push(Piece::Literal(c));
            continue;
        }
        let letter = rest.next();
        match letter {
            Some('%') => pieces.push(Piece::Literal('%')),
            Some('t') => pieces.push(Piece::Literal('\t')),
            Some('f') => pieces.push(Piece::Fraction(9)),
            Some(digit @ '1'..='9') if rest.as_str().starts_with('f') => {
                rest.next();
                pieces.push(Piece::Fraction(digit as usize - '0' as usize));
            }
            // Envoy refuses it: a log format may end up in a header.
            Some('n') => return Err(Problem::TimeNewline),
            Some(letter) if FIELDS.contains(letter) => pieces.push(Piece::Field(letter)),
            _ => match letter.and_then(composite) {
                Some(parts) => push(parts, pieces)?,
                None => {
                    return Err(Problem::TimeSpecifier(format!(
                        "%{}",
                        letter.map_or(String::new(), String::from)
                    )));
                }
            },
        }
    }
    Ok(())
}

/// As in the C locale, which is Envoy's.
fn composite(letter: char) -> Option<&'static str> {
    Some(match letter {
        'T' | 'X' => "%H:%M:%S",
        'R' => "%H:%M",
        'r' => "%I:%M:%S %p",
        'F' => "%Y-%m-%d",
        'D' | 'x' => "%m/%d/%y",
        'c' => "%a %b %e %H:%M:%S %Y",
        _ => return None,
    })
}

/// A second of UTC in the calendar. Only seconds since the epoch can be logged, so nothing here is negative.
struct Civil {
    since_epoch: u64,
    year: u64,
    /// 1 to 12.
    month: usize,
    /// 1 to 31.
    day: u64,
    /// 0 to 365.
    day_of_year: u64,
    /// 0 is Sunday.
    weekday: u64,
    /// 0 to 23.
    hour: u64,
}

const SECONDS_OF_DAY: u64 = 86_400;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

impl Civil {
    fn new(since_epoch: u64) -> Self {
        let days = since_epoch / SECONDS_OF_DAY;
        // Hinnant's `civil_from_days`. Years begin in March here, so that the leap day is the last of one; eras are the 400
        // years after which the calendar repeats.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let since_march = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * since_march + 2) / 153;
        let day = since_march - (153 * march_month + 2) / 5 + 1;
        let is_next_year = march_month >= 10;
        let month = if is_next_year { march_month - 9 } else { march_month + 3 };
        let year = year_of_era + era * 400 + u64::from(is_next_year);
        let is_leap = (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
        let day_of_year = if is_next_year {
            since_march - 306
        } else {
            since_march + 59 + u64::from(is_leap)
        };
        Self {
            since_epoch,
            year,
            month: month as usize,
            day,
            day_of_year,
            // The epoch was a Thursday.
            weekday: (days + 4) % 7,
            hour: since_epoch % SECONDS_OF_DAY / 3600,
        }
    }

    /// Appends the value of one of [`FIELDS`].
    fn write(&self, field: char, out: &mut String) -> fmt::Result {
        let month = MONTHS[self.month - 1];
        let weekday = WEEKDAYS[self.weekday as usize];
        let hour_of_twelve = (self.hour + 11) % 12 + 1;
        match field {
            'Y' => write!(out, "{}", self.year),
            'C' => write!(out, "{:02}", self.year / 100),
            'y' => write!(out, "{:02}", self.year % 100),
            'm' => write!(out, "{:02}", self.month),
            'd' => write!(out, "{:02}", self.day),
            'e' => write!(out, "{:2}", self.day),
            'j' => write!(out, "{:03}", self.day_of_year + 1),
            'H' => write!(out, "{:02}", self.hour),
            'k' => write!(out, "{:2}", self.hour),
            'I' => write!(out, "{hour_of_twelve:02}"),
            'l' => write!(out, "{hour_of_twelve:2}"),
            'M' => write!(out, "{:02}", self.since_epoch / 60 % 60),
            'S' => write!(out, "{:02}", self.since_epoch % 60),
            'p' => out.write_str(if self.hour < 12 { "AM" } else { "PM" }),
            'a' => out.write_str(&weekday[..3]),
            'A' => out.write_str(weekday),
            'b' | 'h' => out.write_str(&month[..3]),
            'B' => out.write_str(month),
            'u' => write!(out, "{}", (self.weekday + 6) % 7 + 1),
            'w' => write!(out, "{}", self.weekday),
            'U' => write!(out, "{:02}", (self.day_of_year + 7 - self.weekday) / 7),
            'W' => write!(out, "{:02}", (self.day_of_year + 7 - (self.weekday + 6) % 7) / 7),
            'z' => out.write_str("+0000"),
            'Z' => out.write_str("UTC"),
            's' => write!(out, "{}", self.since_epoch),
            _ => Ok(()),
        }
    }
}
