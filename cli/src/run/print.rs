//! A run, for people.

use std::path::Path;
use std::time::Duration;

use outgate_test_host::{CallRecord, Event, HeaderMap, LogLevel, LogSource, MetricKind, Outcome, Status};

use super::narrate::{answered, told};
use super::{Journal, Ran};
use crate::hosted::numbers::{counted, grouped, kibibytes, time};
use crate::output::{ERROR, FAINT, GOOD, PLAIN, STRONG, WARNING, harmless};

/// As much of a body is shown.
const MOST_BODY: usize = 400;

pub(super) fn text(path: &Path, ran: &Ran) {
    let abi = ran.host.module().abi_version();
    anstream::println!("{STRONG}{}{PLAIN}  {FAINT}ABI {abi}{PLAIN}", path.display());
    section("start");
    let began = journal(&ran.start, None);
    section("stream");
    journal(&ran.stream, began);
    if let Some(period) = ran.host.tick_period() {
        anstream::println!(
            "  {FAINT}asked for a tick every {}; time stands still here{PLAIN}",
            time(period)
        );
    }
    ending(&ran.outcome);
    callouts(ran);
    state(ran);
    let counts = ran.counts();
    let least = if ran.stream.dropped > 0 { "at least " } else { "" };
    anstream::println!(
        "\n{FAINT}{least}{} fuel, {}, {} of guest memory for answers, {} of memory{PLAIN}",
        grouped(counts.fuel),
        counted(counts.host_calls, "host call"),
        counted(counts.allocations, "allocation"),
        kibibytes(ran.outcome.memory)
    );
}

fn section(name: &str) {
    anstream::println!("\n{STRONG}{name}{PLAIN}");
}

/// Prints what happened, and the time at its end.
fn journal(journal: &Journal, began: Option<u64>) -> Option<u64> {
    if journal.events.is_empty() {
        anstream::println!("  {FAINT}the filter has no function for any of it{PLAIN}");
    }
    let mut now = began;
    let mut events = journal.events.iter().peekable();
    while let Some(event) = events.next() {
        match event {
            Event::Called(called) => {
                if let Some(before) = now.filter(|before| *before < called.time) {
                    let later = time(Duration::from_nanos(called.time - before));
                    anstream::println!("  {FAINT}{later} later{PLAIN}");
                }
                now = Some(called.time);
                anstream::println!("  {STRONG}{}{PLAIN}  {FAINT}{}{PLAIN}", called.phase, told(called));
            }
            // The line that it logged says it all.
            Event::HostCall(call) if is_log(call) && matches!(events.peek(), Some(Event::Log(_))) => {}
            Event::HostCall(call) => host_call(call),
            Event::Log(line) => {
                let style = match line.level {
                    LogLevel::Error | LogLevel::Critical => ERROR,
                    LogLevel::Warn => WARNING,
                    _ => STRONG,
                };
                let source = match line.source {
                    LogSource::Stdout => " (stdout)",
                    LogSource::Stderr => " (stderr)",
                    _ => "",
                };
                let message = harmless(&line.message);
                anstream::println!("    {style}[{}]{PLAIN}{source} {message}", line.level);
            }
            Event::Returned(returned) => {
                let style = if returned.trapped { ERROR } else { STRONG };
                let answer = answered(returned);
                let gap = if answer.is_empty() { "" } else { "  " };
                anstream::println!(
                    "    {FAINT}→{PLAIN} {style}{answer}{PLAIN}{gap}{FAINT}{} fuel{PLAIN}",
                    grouped(returned.fuel)
                );
            }
            _ => {}
        }
    }
    if journal.dropped > 0 {
        anstream::println!("  … and {} more events", grouped(journal.dropped));
    }
    now
}

fn is_log(call: &CallRecord) -> bool {
    matches!(call.name(), "proxy_log" | "fd_write" | "fd_pwrite")
}

fn host_call(call: &CallRecord) {
    let text = call.text().to_string();
    let text = harmless(&text);
    if call.status() == Status::Ok {
        anstream::println!("    {text}");
    } else {
        anstream::println!("    {WARNING}{text}{PLAIN}");
    }
    if !call.reason().is_empty() {
        anstream::println!("      {FAINT}{}{PLAIN}", harmless(call.reason()));
    }
}

fn ending(outcome: &Outcome) {
    let summary = outcome.to_string();
    let summary = harmless(summary.lines().next().unwrap_or_default()).into_owned();
    let style = if outcome.trap.is_some() { ERROR } else { GOOD };
    anstream::println!("\n{style}{summary}{PLAIN}");
    if let Some(trap) = &outcome.trap {
        anstream::println!("{}", harmless(&trap.to_string()));
    }
    match &outcome.upstream {
        None => anstream::println!("\n{STRONG}the upstream{PLAIN} saw nothing"),
        Some(request) => {
            anstream::println!("\n{STRONG}the upstream{PLAIN} saw");
            message(&request.headers, &request.body, &request.trailers);
        }
    }
    match &outcome.response {
        None => anstream::println!("\n{STRONG}the client{PLAIN} got nothing"),
        Some(response) => {
            anstream::println!("\n{STRONG}the client{PLAIN} got");
            message(response.headers(), response.body_bytes(), response.trailers());
        }
    }
}

fn message(headers: &HeaderMap, body: &[u8], trailers: &HeaderMap) {
    lines(headers);
    if !body.is_empty() {
        anstream::println!("\n  {}", shown_body(body).replace('\n', "\n  "));
    }
    if !trailers.is_empty() {
        anstream::println!("\n  {FAINT}trailers{PLAIN}");
        lines(trailers);
    }
}

fn lines(headers: &HeaderMap) {
    for (name, value) in headers {
        let text = |bytes| harmless(&String::from_utf8_lossy(bytes)).into_owned();
        anstream::println!("  {FAINT}{}:{PLAIN} {}", text(name), text(value));
    }
}

fn shown_body(body: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(body) else {
        return format!("({}, no text)", counted(body.len() as u64, "byte"));
    };
    match text.char_indices().nth(MOST_BODY) {
        None => harmless(text).into_owned(),
        Some((end, _)) => format!(
            "{}… ({} in all)",
            harmless(&text[..end]),
            counted(body.len() as u64, "byte")
        ),
    }
}

fn callouts(ran: &Ran) {
    if ran.callouts.is_empty() && ran.unknown_clusters.is_empty() {
        return;
    }
    section("callouts");
    let pending = ran.host.pending_callouts();
    for callout in &ran.callouts {
        let waits = pending.iter().any(|waiting| waiting.id == callout.id);
        let waits = if waits { "  not answered" } else { "" };
        anstream::println!("  {}{waits}", harmless(&callout.to_string()));
        if !callout.body.is_empty() {
            anstream::println!("    {}", shown_body(&callout.body).replace('\n', "\n    "));
        }
    }
    for name in &ran.unknown_clusters {
        let name = harmless(name);
        anstream::println!("  {WARNING}there is no cluster `{name}`{PLAIN}: --upstream {name}=200 has it answer 200");
    }
}

fn state(ran: &Ran) {
    let outcome = &ran.outcome;
    if !outcome.filter_state.is_empty() {
        section("filter state");
    }
    for (key, value) in &outcome.filter_state {
        let value = match std::str::from_utf8(value) {
            Ok(text) => format!("{text:?}"),
            Err(_) => format!("{value:02x?}"),
        };
        anstream::println!("  {} = {value}", harmless(key));
    }
    if !ran.metrics.is_empty() {
        section("metrics");
    }
    for (name, kind, change) in &ran.metrics {
        let change = match kind {
            MetricKind::Histogram => counted(change.unsigned_abs(), "sample"),
            _ => format!("{change:+}"),
        };
        anstream::println!("  {} {change}", harmless(name));
    }
}
