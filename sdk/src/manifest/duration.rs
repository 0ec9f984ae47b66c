//! Lengths of time as Istio's manifests write them.

use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// A length of time, such as `5s`, `1m30s` or `250ms`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Period(pub Duration);

impl Period {
    /// As Protobuf's JSON has it: seconds, with a fraction of three, six or nine digits.
    #[must_use]
    pub fn to_proto(self) -> String {
        let (seconds, nanos) = (self.0.as_secs(), self.0.subsec_nanos());
        match (nanos % 1_000_000, nanos % 1_000) {
            _ if nanos == 0 => format!("{seconds}s"),
            (0, _) => format!("{seconds}.{:03}s", nanos / 1_000_000),
            (_, 0) => format!("{seconds}.{:06}s", nanos / 1_000),
            _ => format!("{seconds}.{nanos:09}s"),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        const UNITS: [(&str, f64); 6] = [
            ("h", 3600.0),
            ("ms", 1e-3),
            ("us", 1e-6),
            ("ns", 1e-9),
            ("m", 60.0),
            ("s", 1.0),
        ];
        let mut seconds = 0.0;
        let mut rest = text;
        while !rest.is_empty() {
            let digits = rest.find(|letter: char| !matches!(letter, '0'..='9' | '.'))?;
            let number: f64 = rest[..digits].parse().ok()?;
            let (unit, factor) = UNITS.iter().find(|(unit, _)| rest[digits..].starts_with(unit))?;
            seconds += number * factor;
            rest = &rest[digits + unit.len()..];
        }
        let period = Duration::try_from_secs_f64(seconds).ok()?;
        (!text.is_empty()).then_some(Self(period))
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is no length of time; write it as `5s` or `250ms`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_and_written_for_envoy() {
        let rows = [
            ("5s", Some("5s")),
            ("250ms", Some("0.250s")),
            ("2us", Some("0.000002s")),
            ("1s1ns", Some("1.000000001s")),
            ("1m30s", Some("90s")),
            ("1.5s", Some("1.500s")),
            ("0s", Some("0s")),
            ("5", None),
            ("", None),
            ("s", None),
            ("-1s", None),
            ("5 s", None),
        ];
        for (text, expected) in rows {
            let read = Period::parse(text).map(Period::to_proto);
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }
}
