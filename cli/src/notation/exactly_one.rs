//! Keys that exclude each other.

use serde::de::Error;

/// Of keys of which exactly one has to be there: the ones that are.
pub(crate) fn exactly_one<E: Error>(keys: &[(&str, bool)]) -> Result<(), E> {
    let given: Vec<&str> = keys.iter().filter(|(_, given)| *given).map(|(key, _)| *key).collect();
    match given[..] {
        [_] => Ok(()),
        [] => {
            let all: Vec<String> = keys.iter().map(|(key, _)| format!("`{key}`")).collect();
            Err(E::custom(format_args!("one of {} is required", all.join(", "))))
        }
        [one, other, ..] => Err(E::custom(format_args!("`{one}` and `{other}` cannot stand together"))),
    }
}
