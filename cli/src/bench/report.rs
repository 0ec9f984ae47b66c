//! What was measured, summed up.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use outgate_test_host::Phase;
use serde::Serialize;

use super::measure::Measured;
use crate::hosted::counts::Counts;

/// What `--json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) filter: String,
    pub(super) abi: String,
    pub(super) start: Start,
    pub(super) stream: Stream,
    pub(super) memory: Memory,
    pub(super) throughput: Throughput,
    /// The status that the client got.
    pub(super) status: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Start {
    pub(super) compile_ns: u64,
    pub(super) instantiate_ns: u64,
    /// From the compiled module to the configured filter.
    pub(super) total_ns: u64,
    pub(super) phases: Vec<StartPhase>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StartPhase {
    pub(super) phase: String,
    #[serde(flatten)]
    pub(super) counts: Counts,
    pub(super) time_ns: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stream {
    /// Do all streams use the same?
    pub(super) is_constant: bool,
    /// In the middle one of the streams that were counted.
    #[serde(flatten)]
    pub(super) counts: Counts,
    pub(super) fuel_least: u64,
    pub(super) fuel_most: u64,
    pub(super) phases: Vec<StreamPhase>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StreamPhase {
    pub(super) phase: String,
    #[serde(flatten)]
    pub(super) counts: Counts,
    pub(super) median_ns: Option<u64>,
    pub(super) p99_ns: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Memory {
    pub(super) after_start: usize,
    pub(super) after_streams: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Throughput {
    pub(super) streams: u32,
    pub(super) took_ns: u64,
    pub(super) streams_per_second: f64,
}

impl Report {
    pub(super) fn new(path: &Path, measured: &Measured) -> Self {
        let guest: Duration = measured.start_times.iter().map(|(_, time)| *time).sum();
        let seconds = measured.took.as_secs_f64();
        Self {
            filter: path.display().to_string(),
            abi: measured.abi.to_string(),
            start: Start {
                compile_ns: nanoseconds(measured.compile),
                instantiate_ns: nanoseconds(measured.start.saturating_sub(guest)),
                total_ns: nanoseconds(measured.start),
                phases: start_phases(measured),
            },
            stream: stream(measured),
            memory: Memory {
                after_start: measured.memory_after_start,
                after_streams: measured.memory_after_streams,
            },
            throughput: Throughput {
                streams: measured.timed,
                took_ns: nanoseconds(measured.took),
                streams_per_second: if seconds > 0.0 {
                    f64::from(measured.timed) / seconds
                } else {
                    0.0
                },
            },
            status: measured.status,
        }
    }
}

fn start_phases(measured: &Measured) -> Vec<StartPhase> {
    let counts = Counts::by_phase(&measured.start_journal);
    let time = |phase: Phase| {
        let times = measured.start_times.iter().filter(|(known, _)| *known == phase);
        times.map(|(_, time)| nanoseconds(*time)).reduce(u64::saturating_add)
    };
    counts
        .into_iter()
        .map(|(phase, counts)| StartPhase {
            phase: phase.to_string(),
            counts,
            time_ns: time(phase),
        })
        .collect()
}

fn stream(measured: &Measured) -> Stream {
    let mut streams: Vec<(Counts, BTreeMap<Phase, Counts>)> = measured
        .streams
        .iter()
        .map(|journal| {
            let phases = Counts::by_phase(journal);
            (phases.values().sum(), phases)
        })
        .collect();
    streams.sort_by_key(|(counts, _)| *counts);
    let fuel = |stream: Option<&(Counts, _)>| stream.map_or(0, |(counts, _): &(Counts, _)| counts.fuel);
    let (fuel_least, fuel_most) = (fuel(streams.first()), fuel(streams.last()));
    let is_constant = streams.windows(2).all(|pair| pair[0] == pair[1]);
    let middle = streams.len() / 2;
    let (counts, phases) = streams.into_iter().nth(middle).unwrap_or_default();
    let phases = phases.into_iter().map(|(phase, counts)| {
        let mut times: Vec<Duration> = measured
            .times
            .iter()
            .filter(|(known, _)| *known == phase)
            .map(|(_, time)| *time)
            .collect();
        times.sort_unstable();
        StreamPhase {
            phase: phase.to_string(),
            counts,
            median_ns: at(&times, 50),
            p99_ns: at(&times, 99),
        }
    });
    Stream {
        is_constant,
        counts,
        fuel_least,
        fuel_most,
        phases: phases.collect(),
    }
}

/// The time that so many percent of all do not exceed.
fn at(sorted: &[Duration], percent: usize) -> Option<u64> {
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).map(|time| nanoseconds(*time))
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
