//! The measurement: every family at every size.

use std::path::Path;
use std::time::{Duration, Instant};

use outgate_test_host::Module;

use super::module_file::ModuleFile;
use super::{COUNTED, Cost, Error, Plugin, load};
use crate::embedded::Embedding;
use crate::families::{Family, Kind};

/// What is measured.
#[derive(Clone, Debug)]
pub struct Options {
    /// Numbers of policies whose decisions are counted.
    pub sizes: Vec<usize>,
    /// Numbers of policies whose start is measured.
    pub start_sizes: Vec<usize>,
    /// Only the families whose names have this in them.
    pub family: String,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measured {
    pub(super) file: ModuleFile,
    pub(super) sizes: Vec<usize>,
    pub(super) decisions: Vec<Decision>,
    pub(super) starts: Vec<Start>,
}

/// One request of one family, at every size.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    pub(super) family: &'static str,
    pub(super) kind: Kind,
    /// By size.
    pub(super) costs: Vec<Cost>,
}

/// The start with a configuration.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub(super) family: &'static str,
    pub(super) size: usize,
    pub(super) configuration: usize,
    pub(super) fuel: u64,
    pub(super) time: Duration,
    pub(super) memory: usize,
}

/// A start that takes longer is ended.
const LONGEST_START: Duration = Duration::from_secs(600);
/// A start is timed so often; the shortest counts, which other work on the machine has disturbed least.
const STARTS: usize = 3;

/// Measures a module.
///
/// # Errors
///
/// When the module cannot be run, or decides a request otherwise than its family says.
pub fn measure(path: &Path, options: &Options) -> Result<Measured, Error> {
    let families: Vec<&Family> = Family::all()
        .filter(|family| family.name.contains(&options.family))
        .collect();
    if families.is_empty() {
        return Err(format!("no family has `{}` in its name", options.family).into());
    }
    let file = ModuleFile::read(path)?;
    let metered = load(path)?;
    let unmetered = Module::options().unmetered(LONGEST_START).load(path)?;
    let embedding = Embedding::new()?;
    let mut measured = Measured {
        file,
        sizes: options.sizes.clone(),
        decisions: Vec::new(),
        starts: Vec::new(),
    };
    for (place, family) in families.iter().enumerate() {
        eprintln!("family {} of {}: {}", place + 1, families.len(), family.name);
        let mut rows = COUNTED.map(|kind| Decision {
            family: family.name,
            kind,
            costs: Vec::new(),
        });
        for &size in &options.sizes {
            let mut plugin = Plugin::start(&metered, &embedding, family, size)?;
            let cases = family.cases(size);
            for row in &mut rows {
                let case = cases.iter().find(|case| case.kind == row.kind);
                row.costs.extend(case.map(|case| plugin.cost(case)).transpose()?);
            }
        }
        measured.decisions.extend(rows);
        for &size in &options.start_sizes {
            measured
                .starts
                .push(start(family, size, &metered, &unmetered, &embedding)?);
        }
    }
    Ok(measured)
}

fn start(
    family: &Family,
    size: usize,
    metered: &Module,
    unmetered: &Module,
    embedding: &Embedding,
) -> Result<Start, Error> {
    let configuration = family.configuration(size);
    let plugin = Plugin::configured(metered, embedding, &configuration)?;
    let (fuel, memory) = (plugin.start_fuel(), plugin.memory());
    drop(plugin);
    let mut time = Duration::MAX;
    for _ in 0..STARTS {
        let started = Instant::now();
        let plugin = Plugin::configured(unmetered, embedding, &configuration)?;
        time = time.min(started.elapsed());
        drop(plugin);
    }
    Ok(Start {
        family: family.name,
        size,
        configuration: configuration.len(),
        fuel,
        time,
        memory,
    })
}
