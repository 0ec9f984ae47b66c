//! What the user sees: steps, their results and times, and failures.
//!
//! Colours are for a person at a terminal: none when output is not a terminal, in CI, or when `NO_COLOR` is set.

use std::env;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use crate::failure::Failure;

/// Writes steps to standard output and failures to standard error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    colours: bool,
    /// Whether a line may be redrawn in place.
    interactive: bool,
}

impl Console {
    pub(crate) fn detect() -> Self {
        let interactive = io::stdout().is_terminal() && !is_ci();
        Self {
            colours: interactive && env::var_os("NO_COLOR").is_none(),
            interactive,
        }
    }

    pub(crate) fn colours(self) -> bool {
        self.colours
    }

    /// Announces a step before it runs.
    pub(crate) fn step(self, what: impl fmt::Display) {
        self.line(format_args!("{} {what}", self.paint(Colour::Blue, "==>")));
    }

    /// A step's good result, with the time it took.
    pub(crate) fn done(self, what: impl fmt::Display, took: Duration) {
        let mark = self.paint(Colour::Green, " ok");
        self.line(format_args!("{mark} {what} ({})", seconds(took)));
    }

    /// Something that the user should know, which stops nothing.
    pub(crate) fn note(self, what: impl fmt::Display) {
        let mark = self.paint(Colour::Yellow, "note:");
        self.line(format_args!("{mark} {what}"));
    }

    /// Tells that a silent step is still at work. At a terminal the line is redrawn in place.
    pub(crate) fn still_running(self, elapsed: Duration) {
        if self.interactive {
            print!("\r    {} so far ", seconds(elapsed));
            flush();
        } else {
            self.line(format_args!("    {} so far", seconds(elapsed)));
        }
    }

    /// Removes what [`Console::still_running`] drew.
    pub(crate) fn clear_progress(self) {
        if self.interactive {
            print!("\r\x1b[K");
            flush();
        }
    }

    /// How often a silent step should show that it is alive.
    pub(crate) fn heartbeat(self) -> Duration {
        Duration::from_secs(if self.interactive { 1 } else { 10 })
    }

    pub(crate) fn line(self, text: impl fmt::Display) {
        println!("{text}");
        flush();
    }

    pub(crate) fn failure(self, failure: &Failure) {
        eprintln!("{} {failure}", self.paint(Colour::Red, "error:"));
        if let Some(advice) = failure.advice() {
            eprintln!("{} {advice}", self.paint(Colour::Blue, " help:"));
        }
    }

    pub(crate) fn paint(self, colour: Colour, text: &str) -> String {
        if self.colours {
            format!("\x1b[1;{}m{text}\x1b[0m", colour as u8)
        } else {
            text.to_owned()
        }
    }
}

/// A colour, as the terminal's code for it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Colour {
    Red = 31,
    Green = 32,
    Yellow = 33,
    Blue = 34,
}

/// Whether this is a CI run: `CI` is set, and not to something that means no.
pub(crate) fn is_ci() -> bool {
    env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// A duration as people say it: `0.4 s`, `12 s`, `3 min 05 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    match whole {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{whole} s"),
        _ => format!("{} min {:02} s", whole / 60, whole % 60),
    }
}

/// Standard output that cannot be flushed has nobody reading it: nothing is lost.
fn flush() {
    io::stdout().flush().ok();
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::seconds;

    #[test]
    fn durations_read_as_people_say_them() {
        for (millis, expected) in [(0, "0.0 s"), (430, "0.4 s"), (12_900, "12 s"), (185_000, "3 min 05 s")] {
            assert_eq!(seconds(Duration::from_millis(millis)), expected, "{millis} ms");
        }
    }
}
