//! What is told about a measurement of the module.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Cost;
use super::run::{Decision, Measured, Start};
use crate::report::Report;
use crate::table::{Table, bytes, count, nanoseconds};

/// Host calls that a request may make.
const MOST_HOST_CALLS: u32 = 6;
/// Bytes that the module may have.
const MOST_BYTES: u64 = 250_000;
/// Seconds and bytes that a start may take, by number of policies.
const MOST_AT_START: [(usize, f64, usize); 2] = [(10_000, 0.060, 8_000_000), (100_000, 1.0, 80_000_000)];

/// Puts a measurement into words.
#[must_use]
pub fn report(measured: &Measured) -> Report {
    Report {
        name: "wasm",
        tables: vec![
            module(measured),
            instructions(measured),
            host_calls(measured),
            starts(&measured.starts),
        ],
        data: data(measured),
        plots: Vec::new(),
    }
}

fn module(measured: &Measured) -> Table {
    let file = &measured.file;
    let mut table = Table::new(
        format!(
            "The module (target: at most {}, exports only what it uses)",
            bytes(MOST_BYTES)
        ),
        ["what", "value"],
    );
    let excess = if file.size > MOST_BYTES { ", missed" } else { "" };
    table.row(["size".to_owned(), format!("{}{excess}", bytes(file.size))]);
    for (name, size) in &file.sections {
        table.row([format!("of it {name}"), bytes(*size)]);
    }
    let exports = file.exports.iter().map(|name| ("export", name));
    let imports = file.imports.iter().map(|name| ("import", name));
    for (what, name) in exports.chain(imports) {
        table.row([what.to_owned(), name.clone()]);
    }
    table
}

fn instructions(measured: &Measured) -> Table {
    let sizes = measured.sizes.iter().map(|&size| count(size as u64));
    let columns = ["family, request".to_owned()].into_iter().chain(sizes);
    let columns = columns.chain(["growth", "first of a connection"].map(str::to_owned));
    let mut table = Table::new(
        "Wasm instructions (fuel) of one request, by number of policies",
        columns,
    );
    for row in &measured.decisions {
        let cells = [format!("{}, {}", row.family, row.kind.name())].into_iter();
        let cells = cells.chain(row.costs.iter().map(|cost| count(cost.fuel)));
        let first = row.costs.last().map_or_else(String::new, |cost| count(cost.first_fuel));
        table.row(cells.chain([growth(row), first]));
    }
    table
}

fn growth(row: &Decision) -> String {
    match (row.costs.first(), row.costs.last()) {
        (Some(first), Some(last)) if row.costs.len() > 1 => format!("{:.2}×", last.fuel as f64 / first.fuel as f64),
        _ => String::new(),
    }
}

/// Few families differ: those that do not are one row.
fn host_calls(measured: &Measured) -> Table {
    let mut alike: BTreeMap<(String, u32), Vec<&'static str>> = BTreeMap::new();
    for row in &measured.decisions {
        for cost in &row.costs {
            let verdict = if cost
                .host_calls
                .iter()
                .any(|(name, _)| name == "proxy_send_local_response")
            {
                "deny"
            } else {
                "allow"
            };
            let families = alike
                .entry((format!("{verdict}: {}", by_name(cost)), cost.host_calls_in_all()))
                .or_default();
            if !families.contains(&row.family) {
                families.push(row.family);
            }
        }
    }
    let mut table = Table::new(
        format!(
            "Host calls of one request on a known connection, all log fields on (target: at most {MOST_HOST_CALLS})"
        ),
        ["calls", "in all", "missed", "families"],
    );
    for ((calls, in_all), families) in alike {
        let missed = if in_all > MOST_HOST_CALLS { "missed" } else { "" };
        let families = match families.len() {
            0..=3 => families.join(", "),
            many => format!("{}, … ({many})", families[..2].join(", ")),
        };
        table.row([calls, in_all.to_string(), missed.to_owned(), families]);
    }
    table
}

fn by_name(cost: &Cost) -> String {
    let calls = cost.host_calls.iter();
    let calls = calls.map(|(name, count)| format!("{count} {}", name.strip_prefix("proxy_").unwrap_or(name)));
    calls.collect::<Vec<_>>().join(", ")
}

fn starts(starts: &[Start]) -> Table {
    let mut table = Table::new(
        "Start with a configuration, in wasmtime (targets: 10,000 policies in 60 ms and 8 MB, 100,000 in 1 s and 80 MB)",
        [
            "family, policies",
            "configuration",
            "time",
            "instructions",
            "memory",
            "missed",
        ],
    );
    for start in starts {
        table.row([
            format!("{}, {}", start.family, count(start.size as u64)),
            bytes(start.configuration as u64),
            nanoseconds(start.time.as_secs_f64() * 1e9),
            count(start.fuel),
            bytes(start.memory as u64),
            missed(start).join(", "),
        ]);
    }
    table
}

fn missed(start: &Start) -> Vec<&'static str> {
    let target = MOST_AT_START.iter().find(|(size, ..)| *size == start.size);
    let Some((_, seconds, memory)) = target else {
        return Vec::new();
    };
    let missed = [
        (start.time.as_secs_f64() > *seconds, "time"),
        (start.memory > *memory, "memory"),
    ];
    missed.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect()
}

fn data(measured: &Measured) -> Value {
    let file = &measured.file;
    let cost = |cost: &Cost| {
        let calls: serde_json::Map<String, Value> = cost
            .host_calls
            .iter()
            .map(|(name, count)| (name.clone(), json!(count)))
            .collect();
        json!({"fuel": cost.fuel, "firstFuel": cost.first_fuel, "hostCalls": calls})
    };
    let decisions = measured.decisions.iter().map(|row| {
        let costs: Vec<Value> = row.costs.iter().map(cost).collect();
        json!({"family": row.family, "request": row.kind.name(), "costs": costs})
    });
    let starts = measured.starts.iter().map(|start| {
        json!({
            "family": start.family, "policies": start.size, "configurationBytes": start.configuration,
            "seconds": start.time.as_secs_f64(), "fuel": start.fuel, "memoryBytes": start.memory,
            "missed": missed(start),
        })
    });
    json!({
        "module": {"bytes": file.size, "exports": file.exports, "imports": file.imports},
        "policies": measured.sizes,
        "decisions": decisions.collect::<Vec<_>>(),
        "starts": starts.collect::<Vec<_>>(),
    })
}
