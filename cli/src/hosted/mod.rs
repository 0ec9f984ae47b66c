//! A filter from a file in the embedded host: what `run`, `serve` and `bench` have in common.
//!
//! | module | holds |
//! | --- | --- |
//! | [`filter`] | which filter, and how its host is set up |
//! | [`exchange`] | a request and what the services around the filter answer, from flags like curl's |
//! | [`property`] | `--property PATH=TYPE:VALUE` |
//! | [`content`] | values that are a text or a file |
//! | [`counts`] | what its callbacks cost |
//! | [`callouts`] | the calls by which it calls out, and clusters that are not there |
//! | [`compile`] | reading and compiling a module, told when it takes long |
//! | [`instant`] | points in time as people write them |
//! | [`numbers`] | numbers as people read them |

pub(crate) mod callouts;
pub(crate) mod compile;
pub(crate) mod content;
pub(crate) mod counts;
pub(crate) mod exchange;
pub(crate) mod filter;
pub(crate) mod instant;
pub(crate) mod numbers;
pub(crate) mod property;
