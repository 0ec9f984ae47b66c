//! What was measured, for people.

use std::time::Duration;

use super::report::Report;
use crate::hosted::counts::Counts;
use crate::hosted::numbers::{counted, grouped, kibibytes, time};
use crate::output::{FAINT, PLAIN, STRONG, WARNING};

pub(super) fn text(report: &Report) {
    anstream::println!(
        "{STRONG}{}{PLAIN}  {FAINT}ABI {}, the client got {}{PLAIN}",
        report.filter,
        report.abi,
        report.status
    );
    start(report);
    stream(report);
    let memory = &report.memory;
    anstream::println!(
        "\n{STRONG}memory{PLAIN}  {} after the start, {} after the streams",
        kibibytes(memory.after_start),
        kibibytes(memory.after_streams)
    );
    let throughput = &report.throughput;
    anstream::println!(
        "{STRONG}speed{PLAIN}   {} a second on one worker, in this host  {FAINT}({} in {}){PLAIN}",
        counted(throughput.streams_per_second as u64, "stream"),
        counted(throughput.streams.into(), "stream"),
        shown(throughput.took_ns)
    );
    anstream::println!(
        "\n{FAINT}Fuel, host calls, allocations and memory are counted: they are the same on every machine. Times are this machine's, \
         just now,\nof code that does not count its fuel; those of a proxy differ.{PLAIN}"
    );
}

fn start(report: &Report) {
    let start = &report.start;
    heading("cold start", "time", "");
    plain("compilation", start.compile_ns);
    plain("instantiation", start.instantiate_ns);
    for phase in &start.phases {
        row(&phase.phase, &phase.counts, phase.time_ns, None);
    }
}

fn stream(report: &Report) {
    let stream = &report.stream;
    heading("one stream", "median", "p99");
    for phase in &stream.phases {
        row(&phase.phase, &phase.counts, phase.median_ns, phase.p99_ns);
    }
    row("in all", &stream.counts, None, None);
    if !stream.is_constant {
        anstream::println!(
            "  {WARNING}streams differ{PLAIN}: {} to {} fuel; the middle one is shown",
            grouped(stream.fuel_least),
            grouped(stream.fuel_most)
        );
    }
}

fn heading(name: &str, first: &str, second: &str) {
    let columns = format!(
        "{:>12}{:>12}{:>13}{first:>12}{second:>12}",
        "fuel", "host calls", "allocations"
    );
    anstream::println!("\n{STRONG}{name:<28}{PLAIN}{FAINT}{}{PLAIN}", columns.trim_end());
}

fn plain(name: &str, nanoseconds: u64) {
    anstream::println!("  {name:<26}{:>37}{:>12}", "", shown(nanoseconds));
}

fn row(name: &str, counts: &Counts, first: Option<u64>, second: Option<u64>) {
    let name = if counts.calls > 1 && name != "in all" {
        format!("{name} × {}", counts.calls)
    } else {
        name.to_owned()
    };
    let shown = |time: Option<u64>| time.map(shown).unwrap_or_default();
    let line = format!(
        "  {name:<26}{:>12}{:>12}{:>13}{:>12}{:>12}",
        grouped(counts.fuel),
        grouped(counts.host_calls),
        grouped(counts.allocations),
        shown(first),
        shown(second)
    );
    anstream::println!("{}", line.trim_end());
}

fn shown(nanoseconds: u64) -> String {
    time(Duration::from_nanos(nanoseconds))
}
