//! The parsers of what a proxy hands over, by themselves: certificates put together by hand, and any bytes at all.

#[path = "../support/certificates.rs"]
mod certificates;
mod der;
mod json;
#[path = "../support/metadata.rs"]
mod metadata;
mod mutations;
#[path = "../support/random.rs"]
mod random;
mod subject_alt_names;
