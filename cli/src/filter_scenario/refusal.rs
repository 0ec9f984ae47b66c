//! Configurations that a filter refuses.

use std::path::Path;

use outgate_policy::FieldPath;
use outgate_test_host::LogLine;

use super::difference::Difference;
use super::matcher::Matcher;

/// The filter was to refuse a configuration.
pub(super) fn took_it(place: FieldPath, expected: &Matcher) -> Difference {
    let expected = format!("the filter to refuse its configuration with {expected}");
    Difference::new(place, expected, "it took it")
}

/// The filter has refused a configuration: with one of its lines, or with all that is known, as it was to?
pub(super) fn refused(
    place: FieldPath,
    otherwise: &str,
    expected: Option<&Matcher>,
    error: &str,
    logs: &[LogLine],
    directory: &Path,
) -> Option<Difference> {
    let Some(expected) = expected else {
        return Some(Difference::new(place, otherwise, error));
    };
    let mut said = logs.iter().map(|line| line.message.as_str()).chain([error]);
    let fits = said.any(|text| expected.fits(Some(text.as_bytes()), directory));
    (!fits).then(|| Difference::new(place, expected.to_string(), error))
}
