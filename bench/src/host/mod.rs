//! The test host by itself: how many streams it takes through a filter in a second, and how soon a filter is ready.
//!
//! Both are measured as tests have them: a host with its usual settings, which counts everything and keeps the last host calls.
//! Streams are timed by the processor time of the thread that they run on, where the system tells it, so that other work on the
//! machine does not count. A compilation uses all cores: starts are timed by the clock on the wall, too.

mod report;
mod run;
mod stopwatch;

pub use report::report;
pub use run::{Error, Measured, Options, measure};
