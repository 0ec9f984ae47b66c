//! Which hosts have a window, and when it is open.

use outgate_filter::custom_policy::{HostPattern, Invalid, Peer, PrincipalPattern};
use serde::Deserialize;

use crate::calendar::{DAY, Day, Weekday, minutes};
use crate::schedule::{Opening, Schedule};

/// `extensions.change-window`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Settings {
    windows: Vec<WindowSettings>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WindowSettings {
    name: String,
    hosts: Vec<HostPattern>,
    #[serde(default)]
    principals: Vec<PrincipalPattern>,
    #[serde(default)]
    utc_offset: Option<String>,
    open: Vec<OpeningSettings>,
    #[serde(default)]
    except: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OpeningSettings {
    days: Vec<Weekday>,
    from: String,
    to: String,
}

/// When some callers may call some hosts.
#[derive(Debug)]
pub(crate) struct Window {
    /// What logs call it.
    pub(crate) name: String,
    hosts: Vec<HostPattern>,
    principals: Vec<PrincipalPattern>,
    pub(crate) schedule: Schedule,
}

impl Settings {
    pub(crate) fn check(self) -> Result<Vec<Window>, Invalid> {
        if self.windows.is_empty() {
            return Err(Invalid::field(
                "windows",
                "there is none; leave the policy out with `change-window: null`",
            ));
        }
        let windows = self.windows.into_iter().enumerate();
        windows
            .map(|(index, window)| window.check(&format!("windows[{index}]")))
            .collect()
    }
}

impl WindowSettings {
    fn check(self, path: &str) -> Result<Window, Invalid> {
        let field = |name: &str| format!("{path}.{name}");
        if self.name.is_empty() {
            return Err(Invalid::field(field("name"), "a denial is to be logged by it"));
        }
        if self.hosts.is_empty() {
            return Err(Invalid::field(field("hosts"), "there is none; all hosts are [\"*\"]"));
        }
        let offset = match &self.utc_offset {
            None => 0,
            Some(written) => offset(written).ok_or_else(|| {
                Invalid::field(
                    field("utcOffset"),
                    "expected an offset such as +02:00 or -05:30, at most 14 hours",
                )
            })?,
        };
        let openings = self.open.iter().enumerate();
        let openings = openings
            .map(|(index, opening)| opening.check(&format!("{path}.open[{index}]")))
            .collect::<Result<_, _>>()?;
        let days = self.except.iter().enumerate();
        let except = days
            .map(|(index, day)| {
                let invalid =
                    |()| Invalid::field(format!("{path}.except[{index}]"), "expected a day such as 2026-12-24");
                day.parse::<Day>().map_err(invalid)
            })
            .collect::<Result<_, _>>()?;
        Ok(Window {
            name: self.name,
            hosts: self.hosts,
            principals: self.principals,
            schedule: Schedule {
                offset,
                openings,
                except,
            },
        })
    }
}

impl OpeningSettings {
    fn check(&self, path: &str) -> Result<Opening, Invalid> {
        let time = |name: &str, written: &str| {
            let invalid = || {
                Invalid::field(
                    [path, ".", name].concat(),
                    "expected a time such as 22:00, 24:00 at most",
                )
            };
            Ok(minutes(written).ok_or_else(invalid)? * 60)
        };
        let (from, to) = (time("from", &self.from)?, time("to", &self.to)?);
        if self.days.is_empty() {
            return Err(Invalid::field([path, ".days"].concat(), "there is none"));
        }
        if from == DAY {
            return Err(Invalid::field([path, ".from"].concat(), "a day begins at 00:00"));
        }
        // What does not end later ends on the next day.
        let length = if to > from { to - from } else { to + DAY - from };
        Ok(Opening {
            days: self.days.clone(),
            from,
            length,
        })
    }
}

/// Seconds of `+02:00`.
fn offset(written: &str) -> Option<i64> {
    let (sign, time) = written.split_at_checked(1)?;
    let seconds = minutes(time).filter(|minutes| *minutes <= 14 * 60)? * 60;
    match sign {
        "+" => Some(seconds),
        "-" => Some(-seconds),
        _ => None,
    }
}

impl Window {
    pub(crate) fn is_about(&self, host: &[u8], caller: Option<&Peer>) -> bool {
        let is_called = || self.hosts.iter().any(|pattern| pattern.matches(host));
        let is_caller = || {
            let is_meant = |peer| self.principals.iter().any(|pattern| pattern.matches(peer));
            self.principals.is_empty() || caller.is_some_and(is_meant)
        };
        is_called() && is_caller()
    }
}
