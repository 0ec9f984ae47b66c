//! No request costs more instructions than it did: a guard that is exact, because instructions are counted and not timed.
//!
//! The bounds are in `fuel.tsv`. A change that makes requests cheaper tightens them, one that has a reason to make them dearer
//! raises them, both by the same command, and the difference is part of the change:
//!
//! ```sh
//! cargo xtask wasm && OUTGATE_FUEL=write cargo test -p outgate-bench --test fuel
//! ```
//!
//! They are what was counted, to the instruction. Another release of the compiler makes other instructions of the same code: it
//! comes with a table of its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use outgate_bench::embedded::Embedding;
use outgate_bench::families::Family;
use outgate_bench::wasm::{COUNTED, Plugin, load};

const POLICIES: usize = 1_000;

/// Bounds by family and request.
type Bounds = BTreeMap<(String, String), u64>;

#[test]
fn no_request_costs_more_instructions_than_its_bound() {
    let Some(module) = module() else { return };
    let module = load(&module).expect("the module loads");
    let embedding = Embedding::new().expect("certificates can be made");
    let mut counted = Vec::new();
    for family in Family::all() {
        let plugin = Plugin::start(&module, &embedding, family, POLICIES);
        let mut plugin = plugin.unwrap_or_else(|error| panic!("{}: {error}", family.name));
        for case in family.cases(POLICIES) {
            let kind = case.kind.name();
            let cost = plugin.cost(&case);
            let cost = cost.unwrap_or_else(|error| panic!("{}, {kind}: {error}", family.name));
            counted.push((family.name, kind, cost.fuel));
        }
    }
    assert_eq!(counted.len(), Family::all().count() * COUNTED.len());
    if env::var("OUTGATE_FUEL").is_ok_and(|wish| wish == "write") {
        fs::write(table(), written(&counted)).expect("the bounds can be written");
        return;
    }
    let bounds = bounds(&fs::read_to_string(table()).expect("the bounds can be read"));
    let mut wrong = String::new();
    for (family, kind, fuel) in &counted {
        match bounds.get(&((*family).to_owned(), (*kind).to_owned())) {
            Some(bound) if fuel <= bound => {}
            Some(bound) => {
                let _ = writeln!(wrong, "{family}, {kind}: {fuel} instructions, the bound is {bound}");
            }
            None => {
                let _ = writeln!(wrong, "{family}, {kind}: {fuel} instructions, and no bound");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}see {} for how bounds are changed", file!());
}

fn table() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuel.tsv")
}

fn written(counted: &[(&str, &str, u64)]) -> String {
    let mut text = format!("# family, request, most instructions at {POLICIES} policies; written by tests/fuel.rs\n");
    for (family, kind, fuel) in counted {
        let _ = writeln!(text, "{family}\t{kind}\t{fuel}");
    }
    text
}

fn bounds(text: &str) -> Bounds {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [family, kind, bound] = fields[..] else {
                panic!("not a family, a request and a bound: {line:?}")
            };
            let bound = bound.parse().unwrap_or_else(|_| panic!("not a bound: {line:?}"));
            ((family.to_owned(), kind.to_owned()), bound)
        })
        .collect()
}

/// The module that `OUTGATE_FILTER_WASM` names, else the one that the workspace has built. `None`, and a word on the terminal,
/// where there is none; where `CI` is set, there must be one.
fn module() -> Option<PathBuf> {
    let built = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/wasm/outgate_filter.wasm");
    let path = env::var_os("OUTGATE_FILTER_WASM").map_or_else(built, PathBuf::from);
    if path.is_file() {
        return Some(path);
    }
    let advice = format!(
        "there is no module {}; build it with `cargo xtask wasm`",
        path.display()
    );
    assert!(env::var_os("CI").is_none(), "{advice}");
    // Written to the terminal itself: what tests print is shown only when they fail.
    let _ = writeln!(std::io::stderr(), "skipped: {advice}");
    None
}
