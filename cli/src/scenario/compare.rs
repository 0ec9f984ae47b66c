//! What was expected and what became of it; and whether two runs agree.

use super::file::Case;
use super::observed::{Field, Observed};
use super::report::Difference;

/// The expectations that do not hold.
pub(super) fn differences(case: &Case, observed: &Observed) -> Vec<Difference> {
    let expect = &case.expect;
    let mut differences = Vec::new();
    let mut compare = |field: &str, expected: &str, actual: String| {
        if !fits(expected, &actual) {
            differences.push(Difference {
                field: field.to_owned(),
                expected: expected.to_owned(),
                actual,
            });
        }
    };
    compare("status", &expect.status.to_string(), observed.status.to_string());
    if let Some(body) = &expect.body {
        compare("body", body, observed.body.clone());
    }
    if let Some(details) = &expect.details {
        compare("details", details, observed.details.clone());
    }
    for (name, expected) in expect.log_fields() {
        match observed.field(name) {
            Field::Known(actual) => compare(name, expected, actual),
            // To be checked where it is known.
            Field::OfTheMoment => {}
            Field::NotReached => compare(name, expected, "(the request did not get to the gateway)".to_owned()),
            Field::Unknown => compare(name, expected, "(the access log has no such field)".to_owned()),
        }
    }
    differences
}

/// The expectations that this run cannot check.
pub(super) fn unchecked(case: &Case, observed: &Observed) -> usize {
    let fields = case.expect.log_fields();
    fields
        .filter(|(name, _)| observed.field(name) == Field::OfTheMoment)
        .count()
}

/// What two runs of a case say differently, of all that both know.
pub(super) fn disagreements(embedded: &Observed, real: &Observed) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |field: &str, embedded: String, real: String| {
        if embedded != real {
            found.push(Difference {
                field: field.to_owned(),
                expected: embedded,
                actual: real,
            });
        }
    };
    compare("status", embedded.status.to_string(), real.status.to_string());
    compare("details", embedded.details.clone(), real.details.clone());
    match (&embedded.log, &real.log) {
        (Some(of_embedded), Some(of_real)) => {
            for (name, value) in of_embedded {
                if let Some(actual) = of_real.get(name) {
                    compare(name, value.clone(), actual.clone());
                }
            }
        }
        (of_embedded, of_real) => {
            let reached = |log: bool| if log { "reached" } else { "not reached" }.to_owned();
            compare("gateway", reached(of_embedded.is_some()), reached(of_real.is_some()));
        }
    }
    found
}

/// Whether a value is as expected. `*` in the expectation stands for anything, and alone for anything that is there.
fn fits(expected: &str, actual: &str) -> bool {
    if expected == "*" {
        return actual != super::observed::ABSENT && !actual.is_empty();
    }
    let mut parts = expected.split('*');
    let Some(rest) = parts.next().and_then(|first| actual.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    let mut rest = rest;
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asterisk_stands_for_anything_and_alone_for_anything_that_is_there() {
        let rows = [
            ("a", "a", true),
            ("a", "b", false),
            ("", "", true),
            ("*", "a", true),
            ("*", "-", false),
            ("*", "", false),
            ("192.0.2.80:*", "192.0.2.80:443", true),
            ("192.0.2.80:*", "192.0.2.81:443", false),
            ("*:443", "192.0.2.80:443", true),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("ab*ba", "aba", false),
        ];
        for (expected, actual, fit) in rows {
            assert_eq!(fits(expected, actual), fit, "{expected} {actual}");
        }
    }
}
