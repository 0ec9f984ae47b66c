//! What is told about a measurement of the host.

use std::time::Duration;

use serde_json::{Value, json};

use super::run::{Course, Filter, Measured, Start};
use crate::report::Report;
use crate::table::{Table, bytes, count, nanoseconds};

/// Streams a second that the filter is to take.
const FEWEST_STREAMS: f64 = 150_000.0;
/// What a stream through a filter that does nothing may take.
const MOST_OF_NO_OP: Duration = Duration::from_micros(2);
/// What a start may take, and one from the cache.
const MOST_AT_START: (Duration, Duration) = (Duration::from_millis(300), Duration::from_millis(15));

/// Puts a measurement into words.
#[must_use]
pub fn report(measured: &Measured) -> Report {
    Report {
        name: "host",
        tables: vec![streams(measured), starts(measured)],
        data: data(measured),
        plots: Vec::new(),
    }
}

fn streams(measured: &Measured) -> Table {
    let mut table = Table::new(
        format!(
            "Whole streams of headers alone, on one core: {} at a time, the best of {} (targets: outgate ≥ {} a second, no-op ≤ {})",
            count(measured.streams.into()),
            measured.rounds,
            count(FEWEST_STREAMS as u64),
            shown(MOST_OF_NO_OP),
        ),
        [
            "filter, request",
            "counting instructions",
            "a second",
            "not counting",
            "a second",
            "missed",
        ],
    );
    for course in &measured.courses {
        let missed = [("counting", course.metered), ("not counting", course.unmetered)];
        let missed = missed.into_iter().filter(|(_, time)| misses(course.filter, *time));
        let missed: Vec<&str> = missed.map(|(what, _)| what).collect();
        table.row([
            format!("{}, {}", course.filter.name(), course.what),
            shown(course.metered),
            count(a_second(course.metered) as u64),
            shown(course.unmetered),
            count(a_second(course.unmetered) as u64),
            missed.join(", "),
        ]);
    }
    table
}

fn misses(filter: Filter, time: Duration) -> bool {
    match filter {
        Filter::NoOp => time > MOST_OF_NO_OP,
        Filter::Outgate => a_second(time) < FEWEST_STREAMS,
    }
}

fn starts(measured: &Measured) -> Table {
    let (cold, cached) = MOST_AT_START;
    let mut table = Table::new(
        format!(
            "From a file to a filter that is ready, the best of {} (targets: {}, {} with compiled code in the cache)",
            measured.rounds,
            shown(cold),
            shown(cached)
        ),
        [
            "filter",
            "size",
            "compiled",
            "processor time",
            "from the cache",
            "missed",
        ],
    );
    for start in &measured.starts {
        let missed = [("compiled", start.cold, cold), ("cache", start.cached, cached)];
        let missed = missed.into_iter().filter(|(_, time, most)| time > most);
        let missed: Vec<&str> = missed.map(|(what, ..)| what).collect();
        table.row([
            start.filter.name().to_owned(),
            bytes(start.size as u64),
            shown(start.cold),
            shown(start.processor),
            shown(start.cached),
            missed.join(", "),
        ]);
    }
    table
}

fn a_second(time: Duration) -> f64 {
    1.0 / time.as_secs_f64().max(1e-9)
}

fn shown(time: Duration) -> String {
    nanoseconds(time.as_nanos() as f64)
}

fn data(measured: &Measured) -> Value {
    let course = |course: &Course| {
        json!({
            "filter": course.filter.name(),
            "request": course.what,
            "meteredNs": course.metered.as_nanos() as u64,
            "unmeteredNs": course.unmetered.as_nanos() as u64,
        })
    };
    let start = |start: &Start| {
        json!({
            "filter": start.filter.name(),
            "bytes": start.size,
            "coldNs": start.cold.as_nanos() as u64,
            "coldProcessorNs": start.processor.as_nanos() as u64,
            "cachedNs": start.cached.as_nanos() as u64,
        })
    };
    json!({
        "streams": measured.streams,
        "rounds": measured.rounds,
        "courses": measured.courses.iter().map(course).collect::<Vec<_>>(),
        "starts": measured.starts.iter().map(start).collect::<Vec<_>>(),
    })
}
