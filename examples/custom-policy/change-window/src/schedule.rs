//! When something is open.

use crate::calendar::{DAY, Day, Weekday};

/// How far ahead the next opening is looked for, in days.
const HORIZON: i64 = 366;

/// A time by the clock on the wall: seconds since the beginning of 1970 there.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Local(pub(crate) i64);

/// Openings, and days without any.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// By how much the clock on the wall is ahead of UTC, in seconds.
    pub(crate) offset: i64,
    pub(crate) openings: Vec<Opening>,
    pub(crate) except: Vec<Day>,
}

/// From a time of a day on, for so long.
#[derive(Debug)]
pub(crate) struct Opening {
    /// The days on which it begins.
    pub(crate) days: Vec<Weekday>,
    /// Seconds after midnight.
    pub(crate) from: i64,
    /// In seconds; it may end on the next day.
    pub(crate) length: i64,
}

impl Local {
    const fn day(self) -> Day {
        Day(self.0.div_euclid(DAY))
    }
}

impl Schedule {
    /// What the clock on the wall shows, some seconds after the beginning of 1970 in UTC.
    pub(crate) fn local(&self, seconds: u64) -> Local {
        Local(i64::try_from(seconds).unwrap_or(i64::MAX / 2) + self.offset)
    }

    pub(crate) fn is_open(&self, time: Local) -> bool {
        let today = time.day();
        // One that began yesterday may still be going on.
        let mut openings = self.openings_of(today).chain(self.openings_of(Day(today.0 - 1)));
        !self.except.contains(&today) && openings.any(|(from, to)| from <= time && time < to)
    }

    /// The first moment after a time at which it is closed when it is open.
    pub(crate) fn opens_after(&self, time: Local) -> Option<Local> {
        let first = time.day().0;
        let moments = (first..=first + HORIZON).flat_map(|day| {
            // Midnight is one, too, when an opening runs on into a day after one without any.
            let midnight = Local(day * DAY);
            self.openings_of(Day(day)).map(|(from, _)| from).chain([midnight])
        });
        moments.filter(|&moment| moment > time && self.is_open(moment)).min()
    }

    /// A local time as RFC 3339 has it, to the minute: `2026-01-05T22:00+02:00`.
    pub(crate) fn written(&self, time: Local) -> String {
        let (year, month, day) = time.day().date();
        let minute = time.0.rem_euclid(DAY) / 60;
        let sign = if self.offset < 0 { '-' } else { '+' };
        let offset = self.offset.abs() / 60;
        format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}{sign}{:02}:{:02}",
            minute / 60,
            minute % 60,
            offset / 60,
            offset % 60
        )
    }

    /// The openings that begin on a day: from when to when.
    fn openings_of(&self, day: Day) -> impl Iterator<Item = (Local, Local)> {
        let of_day = self.openings.iter();
        let of_day = of_day.filter(move |opening| opening.days.contains(&day.weekday()));
        of_day.map(move |opening| {
            let from = day.0 * DAY + opening.from;
            (Local(from), Local(from + opening.length))
        })
    }
}
