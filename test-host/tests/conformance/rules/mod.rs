//! The rules, by what they are about.

mod body;
mod buffers;
mod callouts;
mod contexts;
mod failures;
mod headers;
mod lifecycle;
mod phases;
mod properties;
mod replies;
mod shared;
mod tcp;
mod trailers;

use crate::rule::Rule;

/// All of them, in the order of the document.
pub(crate) fn all() -> Vec<Rule> {
    [
        lifecycle::rules(),
        contexts::rules(),
        phases::rules(),
        headers::rules(),
        buffers::rules(),
        body::rules(),
        trailers::rules(),
        replies::rules(),
        callouts::rules(),
        failures::rules(),
        properties::rules(),
        shared::rules(),
        tcp::rules(),
    ]
    .concat()
}
