//! The engine by itself, built natively: what one decision takes, by family, request and number of policies.
//!
//! Criterion measures. It takes the median of samples, each the mean over a batch of decisions: a single one is as short as the
//! clock's own cost. The same request again and again finds everything in the processor's caches; `spread` sends requests all over
//! the configuration in turn, as traffic does.

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{fs, io};

use clap::Parser;
use criterion::{BenchmarkId, Criterion};
use outgate_bench::families::{Case, Family, Kind};
use outgate_bench::in_memory::InMemory;
use outgate_bench::plot::{self, Series};
use outgate_bench::report::Report;
use outgate_bench::table::{Table, nanoseconds};
use outgate_policy::Engine;
use outgate_policy::config::Config;
use serde_json::{Value, json};

/// How much a decision may grow from the smallest to the largest size.
const MOST_GROWTH: f64 = 1.5;
/// What a decision may take, in nanoseconds.
const MOST_TIME: f64 = 1_000.0;
/// How many requests `spread` sends in turn, at every size, so that the requests themselves take the same room in the caches.
const SPREAD: usize = 1024;

/// Measures decisions of the engine, natively.
#[derive(Parser)]
#[command(name = "engine")]
struct Args {
    /// Fewer policies and shorter measurements
    #[arg(long)]
    quick: bool,
    /// Only the families whose names have this in them
    #[arg(long, value_name = "TEXT", default_value = "")]
    family: String,
    /// Numbers of policies, least first
    #[arg(long, value_name = "COUNT", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    sizes: Vec<u32>,
    /// Where the report goes
    #[arg(long, value_name = "DIR", default_value_os_t = Report::usual_directory())]
    out: PathBuf,
    /// What cargo tells every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let families: Vec<&Family> = Family::all()
        .filter(|family| family.name.contains(&args.family))
        .collect();
    if families.is_empty() {
        return Err(format!("no family has `{}` in its name", args.family).into());
    }
    let mut sizes: Vec<usize> = match (&args.sizes[..], args.quick) {
        ([], true) => vec![10, 1_000],
        ([], false) => vec![10, 1_000, 100_000],
        (sizes, _) => sizes.iter().map(|&size| size as usize).collect(),
    };
    sizes.sort_unstable();
    sizes.dedup();
    let raw = args.out.join("criterion");
    // Figures of an earlier run would stand in for what this one does not measure.
    match fs::remove_dir_all(&raw) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let (warm_up, time) = if args.quick { (50, 150) } else { (150, 450) };
    let mut criterion = Criterion::default()
        .without_plots()
        .output_directory(&raw)
        .sample_size(if args.quick { 20 } else { 50 })
        .nresamples(1_001)
        .warm_up_time(Duration::from_millis(warm_up))
        .measurement_time(Duration::from_millis(time));
    let mut rows = Vec::new();
    for (place, family) in families.iter().enumerate() {
        eprintln!("family {} of {}: {}", place + 1, families.len(), family.name);
        rows.extend(measure(family, &sizes, &mut criterion, &raw)?);
    }
    let report = report(&rows, &sizes);
    report.write(&args.out)?;
    println!("\n{}", report.text());
    Ok(())
}

/// One request of one family, at every size.
struct Row {
    family: &'static str,
    kind: Kind,
    /// Nanoseconds, by size.
    medians: Vec<f64>,
    /// The most that one decision allocated, at any size.
    allocations: u64,
    /// Whether an allocation is accepted: something matched, or a template or a claim is looked at.
    may_allocate: bool,
    /// Seconds that reading and compiling the configuration took, by size.
    read: Vec<f64>,
    compiled: Vec<f64>,
}

struct Compiled {
    engine: Engine,
    read: f64,
    compiled: f64,
}

fn measure(
    family: &Family,
    sizes: &[usize],
    criterion: &mut Criterion,
    raw: &Path,
) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut engines = Vec::new();
    for &size in sizes {
        engines.push(compile(&family.configuration(size))?);
    }
    let mut rows = Vec::new();
    for kind in Kind::ALL {
        let mut row = Row {
            family: family.name,
            kind,
            medians: Vec::new(),
            allocations: 0,
            may_allocate: kind != Kind::Miss && kind != Kind::Worst
                || ["template", "claim"].iter().any(|word| family.name.contains(word)),
            read: engines.iter().map(|compiled| compiled.read).collect(),
            compiled: engines.iter().map(|compiled| compiled.compiled).collect(),
        };
        // The sizes one after the other: what disturbs the machine then disturbs them alike.
        let mut group = criterion.benchmark_group(family.name);
        for (Compiled { engine, .. }, &size) in engines.iter().zip(sizes) {
            let cases: Vec<Case> = match kind {
                Kind::Spread => family.spread(size, SPREAD),
                _ => family
                    .cases(size)
                    .into_iter()
                    .filter(|case| case.kind == kind)
                    .collect(),
            };
            if cases.is_empty() {
                continue;
            }
            let mut calls = Vec::with_capacity(cases.len());
            for case in &cases {
                let call = InMemory::from(&case.call);
                let decision = engine.decide(&call)?;
                let rule = decision.rule.map(ToString::to_string);
                if rule != case.rule {
                    let expected = case.rule.as_deref().unwrap_or("no rule");
                    let found = rule.as_deref().unwrap_or("no rule");
                    let request = format!("{} of `{}` at {size} policies", kind.name(), family.name);
                    return Err(format!("{request} is decided by {found}, where {expected} is right").into());
                }
                row.may_allocate |= kind == Kind::Worst && rule.is_some();
                calls.push(call);
            }
            let allocated = allocation_counter::measure(|| {
                let _ = black_box(engine.decide(&calls[0]));
            });
            row.allocations = row.allocations.max(allocated.count_total);
            let mut turn = 0;
            group.bench_function(BenchmarkId::new(kind.name(), size), |bencher| {
                bencher.iter(|| {
                    turn = (turn + 1) % calls.len();
                    black_box(engine.decide(black_box(&calls[turn])))
                });
            });
        }
        group.finish();
        for size in sizes {
            row.medians.extend(median(raw, family.name, kind.name(), *size)?);
        }
        if row.medians.len() == sizes.len() {
            rows.push(row);
        }
    }
    Ok(rows)
}

fn compile(configuration: &str) -> Result<Compiled, Box<dyn Error>> {
    let started = Instant::now();
    let config: Config = serde_json::from_str(configuration)?;
    let read = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let engine = Engine::new(&config).map_err(|error| error.to_string())?;
    Ok(Compiled {
        engine,
        read,
        compiled: started.elapsed().as_secs_f64(),
    })
}

/// What Criterion has found; `None` when it has not measured this.
fn median(raw: &Path, family: &str, kind: &str, size: usize) -> Result<Option<f64>, Box<dyn Error>> {
    let file = raw
        .join(family)
        .join(kind)
        .join(size.to_string())
        .join("new/estimates.json");
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{}: {error}", file.display()).into()),
    };
    let estimates: Value = serde_json::from_str(&text)?;
    Ok(estimates["median"]["point_estimate"].as_f64())
}

impl Row {
    fn growth(&self) -> Option<f64> {
        match (self.medians.first(), self.medians.last()) {
            (Some(first), Some(last)) if self.medians.len() > 1 => Some(last / first),
            _ => None,
        }
    }

    /// Which targets this row misses.
    fn missed(&self) -> Vec<&'static str> {
        let slowest = self.medians.iter().copied().fold(0.0, f64::max);
        let missed = [
            (self.growth().is_some_and(|growth| growth > MOST_GROWTH), "growth"),
            (slowest > MOST_TIME, "time"),
            (self.allocations > 0 && !self.may_allocate, "allocations"),
        ];
        missed.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect()
    }
}

fn report(rows: &[Row], sizes: &[usize]) -> Report {
    let size_names = || sizes.iter().map(|&size| outgate_bench::table::count(size as u64));
    let columns = ["family, request".to_owned()].into_iter().chain(size_names());
    let columns = columns.chain(["growth", "allocations", "missed"].map(str::to_owned));
    let title = format!(
        "One decision of the engine, median, by number of policies (targets: growth ≤ {MOST_GROWTH}×, ≤ {}, no allocation when nothing matches)",
        nanoseconds(MOST_TIME)
    );
    let mut decisions = Table::new(title, columns);
    for row in rows {
        let missed = row.missed();
        let cells = [format!("{}, {}", row.family, row.kind.name())].into_iter();
        let cells = cells.chain(row.medians.iter().map(|&median| nanoseconds(median)));
        let growth = row.growth().map_or_else(String::new, |growth| format!("{growth:.2}×"));
        decisions.row(cells.chain([growth, row.allocations.to_string(), missed.join(", ")]));
    }
    let columns = ["family".to_owned()].into_iter();
    let columns = columns.chain(size_names().map(|size| format!("{size}: read")));
    let columns = columns.chain(size_names().map(|size| format!("{size}: compile")));
    let mut building = Table::new("Reading the configuration's JSON and compiling it, natively", columns);
    let by_family: BTreeMap<&str, &Row> = rows.iter().map(|row| (row.family, row)).collect();
    for (family, row) in by_family {
        let times = row.read.iter().chain(&row.compiled);
        building.row(
            [family.to_owned()]
                .into_iter()
                .chain(times.map(|seconds| nanoseconds(seconds * 1e9))),
        );
    }
    let missed = rows.iter().filter(|row| !row.missed().is_empty()).count();
    let mut summary = Table::new("Targets of the engine", ["rows", "that miss one"]);
    summary.row([rows.len().to_string(), missed.to_string()]);
    let data = rows.iter().map(|row| {
        json!({
            "family": row.family, "request": row.kind.name(), "nanoseconds": row.medians, "growth": row.growth(),
            "allocations": row.allocations, "missed": row.missed(),
            "readSeconds": row.read, "compileSeconds": row.compiled,
        })
    });
    Report {
        name: "engine",
        data: json!({"policies": sizes, "rows": data.collect::<Vec<_>>()}),
        plots: vec![("engine".to_owned(), drawing(rows, sizes))],
        tables: vec![decisions, building, summary],
    }
}

/// Each family's slowest request; what grows stands out.
fn drawing(rows: &[Row], sizes: &[usize]) -> String {
    let mut slowest: BTreeMap<&str, &Row> = BTreeMap::new();
    for row in rows {
        let known = slowest.entry(row.family).or_insert(row);
        if row.medians.last() > known.medians.last() {
            *known = row;
        }
    }
    let series: Vec<Series> = slowest
        .values()
        .map(|row| Series {
            name: format!("{}, {}", row.family, row.kind.name()),
            points: sizes
                .iter()
                .map(|&size| size as f64)
                .zip(row.medians.iter().copied())
                .collect(),
            stands_out: row.growth().is_some_and(|growth| growth > MOST_GROWTH),
        })
        .collect();
    plot::draw(
        "One decision of the engine: each family's slowest request",
        &series,
        nanoseconds,
    )
}
