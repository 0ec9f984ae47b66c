//! What is told about a measurement in a real Envoy.

use serde_json::json;

use super::run::{Measured, Measurement};
use super::variant::Variant;
use crate::plot::{self, Series};
use crate::report::Report;
use crate::table::{Table, bytes, count, nanoseconds};

/// How many times what a module that does nothing costs our filter may cost.
const MOST_OVER_NO_OP: f64 = 2.5;
/// From so many policies on, native RBAC must cost so many times what our filter costs.
const LEAST_UNDER_NATIVE: [(usize, f64); 2] = [(200, 1.0), (10_000, 100.0)];

/// Puts a measurement into words.
#[must_use]
pub fn report(measurement: &Measurement) -> Report {
    let rows = &measurement.rows;
    Report {
        name: "envoy",
        tables: vec![costs(measurement), ratios(rows), starts(rows)],
        data: json!({
            "family": measurement.family.name,
            "rounds": measurement.rounds,
            "rows": rows.iter().map(|row| json!({
                "policies": row.size, "variant": row.variant.name(), "nanoseconds": row.cost, "addedNanoseconds": row.added,
                "aloneNanoseconds": row.cost_alone, "addedAloneNanoseconds": row.added_alone,
                "p50Nanoseconds": row.p50, "p99Nanoseconds": row.p99, "residentBytes": row.resident,
                "readySeconds": row.ready.as_secs_f64(),
                "configureSeconds": row.configured.map(|time| time.as_secs_f64()),
                "virtualMachines": row.virtual_machines,
            })).collect::<Vec<_>>(),
        }),
        plots: vec![("envoy".to_owned(), drawing(rows))],
    }
}

fn costs(measurement: &Measurement) -> Table {
    let title = format!(
        "Envoy's processor time per request and latency (family `{}`: {}; {} rounds)",
        measurement.family.name, measurement.family.about, measurement.rounds
    );
    let mut table = Table::new(
        title,
        [
            "policies, filter",
            "processor time",
            "added",
            "one at a time",
            "added",
            "p50",
            "p99",
            "resident memory",
        ],
    );
    for row in &measurement.rows {
        table.row([
            format!("{}, {}", count(row.size as u64), row.variant.name()),
            nanoseconds(row.cost),
            nanoseconds(row.added),
            nanoseconds(row.cost_alone),
            nanoseconds(row.added_alone),
            nanoseconds(row.p50),
            nanoseconds(row.p99),
            bytes(row.resident),
        ]);
    }
    table
}

fn ratios(rows: &[Measured]) -> Table {
    let mut table = Table::new(
        format!(
            "What is added, as ratios; of the two stand-ins, which have no policies, the median over all sizes (targets: outgate ≤ {MOST_OVER_NO_OP}× no-op; native RBAC dearer from 200 policies on, 100× at 10,000)"
        ),
        [
            "policies",
            "outgate / no-op",
            "one at a time",
            "outgate / calls alone",
            "one at a time",
            "native RBAC / outgate",
            "one at a time",
            "missed",
        ],
    );
    for size in sizes(rows) {
        let ratio = |added: Added, over, under| {
            let added = |variant| find(rows, size, variant).map_or(f64::NAN, added);
            added(over) / added(under)
        };
        let over = |added: Added, stand_in| {
            find(rows, size, Variant::Filter).map_or(f64::NAN, added) / usual(rows, stand_in, added)
        };
        let over_no_op = |added| over(added, Variant::NoOp);
        let over_calls = |added| over(added, Variant::Calls);
        let under_native = |added| ratio(added, Variant::Native, Variant::Filter);
        let (in_waves, alone): (Added, Added) = (|row| row.added, |row| row.added_alone);
        let least = LEAST_UNDER_NATIVE.iter().rev().find(|(from, _)| size >= *from);
        let missed = [
            (over_no_op(in_waves) > MOST_OVER_NO_OP, "no-op"),
            (
                least.is_some_and(|(_, least)| under_native(in_waves) < *least),
                "native",
            ),
        ];
        let missed: Vec<&str> = missed.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect();
        table.row([
            count(size as u64),
            format!("{:.2}×", over_no_op(in_waves)),
            format!("{:.2}×", over_no_op(alone)),
            format!("{:.2}×", over_calls(in_waves)),
            format!("{:.2}×", over_calls(alone)),
            format!("{:.1}×", under_native(in_waves)),
            format!("{:.1}×", under_native(alone)),
            missed.join(", "),
        ]);
    }
    table
}

fn starts(rows: &[Measured]) -> Table {
    let mut table = Table::new(
        "Start: until Envoy is ready, the filter's configuration in one V8, and resident memory beyond the no-op's",
        [
            "policies",
            "none",
            "no-op",
            "calls alone",
            "native RBAC",
            "outgate",
            "configuration",
            "memory",
            "virtual machines",
        ],
    );
    for size in sizes(rows) {
        let ready = Variant::ALL.map(|variant| {
            find(rows, size, variant).map_or_else(String::new, |row| nanoseconds(row.ready.as_secs_f64() * 1e9))
        });
        let filter = find(rows, size, Variant::Filter);
        let no_op = find(rows, size, Variant::NoOp);
        let configured = filter.and_then(|row| row.configured);
        let memory = filter
            .zip(no_op)
            .map(|(filter, no_op)| filter.resident.saturating_sub(no_op.resident));
        let rest = [
            configured.map_or_else(String::new, |time| nanoseconds(time.as_secs_f64() * 1e9)),
            memory.map_or_else(String::new, bytes),
            filter.map_or_else(String::new, |row| row.virtual_machines.to_string()),
        ];
        table.row([count(size as u64)].into_iter().chain(ready).chain(rest));
    }
    table
}

/// What a variant adds to the processor time of a request.
type Added = fn(&Measured) -> f64;

/// The sizes that were measured, each once.
fn sizes(rows: &[Measured]) -> Vec<usize> {
    let mut sizes: Vec<usize> = rows.iter().map(|row| row.size).collect();
    sizes.dedup();
    sizes
}

/// The median over all sizes: of what has no policies, each size is another measurement.
fn usual(rows: &[Measured], variant: Variant, added: Added) -> f64 {
    let of_variant = rows.iter().filter(|row| row.variant == variant);
    let mut values: Vec<f64> = of_variant.map(added).collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn find(rows: &[Measured], size: usize, variant: Variant) -> Option<&Measured> {
    rows.iter().find(|row| row.size == size && row.variant == variant)
}

fn drawing(rows: &[Measured]) -> String {
    let series = [Variant::Native, Variant::Filter, Variant::Calls, Variant::NoOp].map(|variant| Series {
        name: variant.name().to_owned(),
        points: rows
            .iter()
            .filter(|row| row.variant == variant)
            .map(|row| (row.size as f64, row.added))
            .collect(),
        stands_out: true,
    });
    plot::draw(
        "Processor time that a request costs Envoy more with",
        &series,
        nanoseconds,
    )
}
