//! The measurement: rounds over variants, for each number of policies.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::Error;
use super::authority::Authority;
use super::gateway;
use super::load::Load;
use super::process::{Envoy, Log};
use super::variant::Variant;
use crate::families::{Family, Kind};

/// What is measured, and for how long.
#[derive(Clone, Debug)]
pub struct Options {
    /// The Envoy binary.
    pub envoy: PathBuf,
    /// The filter's module.
    pub filter: PathBuf,
    /// The family whose policies and request that none of them matches are taken.
    pub family: &'static Family,
    /// Numbers of policies.
    pub sizes: Vec<usize>,
    /// How often each variant has its turn.
    pub rounds: usize,
    /// How long the requests of a turn go on.
    pub turn: Duration,
}

/// Requests in flight while processor time is counted. One at a time, an Envoy mostly goes to sleep and wakes up.
const CONNECTIONS: usize = 8;
/// V8 first runs what it has compiled in a hurry; what it compiles well replaces that after some thousand calls.
const WARM_UP: Duration = Duration::from_millis(1500);

/// One variant with so many policies.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    pub(super) size: usize,
    pub(super) variant: Variant,
    /// Processor time of a request, nanoseconds, median over rounds.
    pub(super) cost: f64,
    /// How much more that is than without a filter, median over rounds of the difference.
    pub(super) added: f64,
    /// The same with one request at a time: Envoy sleeps in between, and finds less in the processor's caches.
    pub(super) cost_alone: f64,
    pub(super) added_alone: f64,
    /// Nanoseconds, of requests one at a time.
    pub(super) p50: f64,
    pub(super) p99: f64,
    /// Bytes, after the load.
    pub(super) resident: u64,
    /// From the start of the process.
    pub(super) ready: Duration,
    /// The longest time that one virtual machine took for the configuration.
    pub(super) configured: Option<Duration>,
    pub(super) virtual_machines: u64,
}

/// An Envoy at work, with what was counted so far.
struct Contender {
    variant: Variant,
    // Dropped in this order: Envoy goes before its folder.
    envoy: Envoy,
    load: Load,
    costs: Costs,
    latencies: Vec<f64>,
    configured: Option<Duration>,
    _directory: TempDir,
}

/// Processor time of a request, a value for each round.
#[derive(Clone, Default)]
struct Costs {
    in_waves: Vec<f64>,
    alone: Vec<f64>,
}

/// Measures every variant at every size.
///
/// # Errors
///
/// When an Envoy does not start, or does not let a request pass that no policy denies.
pub fn measure(options: &Options) -> Result<Measurement, Error> {
    let mut rows = Vec::new();
    for (place, &size) in options.sizes.iter().enumerate() {
        eprintln!("{} of {}: {size} policies", place + 1, options.sizes.len());
        rows.extend(contenders(options, size)?);
    }
    Ok(Measurement {
        family: options.family,
        rounds: options.rounds,
        rows,
    })
}

/// What was measured.
#[derive(Debug)]
pub struct Measurement {
    pub(super) family: &'static Family,
    pub(super) rounds: usize,
    pub(super) rows: Vec<Measured>,
}

/// Lets all variants with so many policies have their turns.
fn contenders(options: &Options, size: usize) -> Result<Vec<Measured>, Error> {
    let authority = Authority::new()?;
    let mut contenders = Vec::new();
    for variant in Variant::ALL {
        contenders.push(Contender::start(variant, options, size, &authority)?);
    }
    for contender in &mut contenders {
        contender.load.waves(WARM_UP)?;
    }
    for round in 0..options.rounds {
        // Each has every place in the order of turns.
        contenders.rotate_left(usize::from(round > 0));
        for contender in &mut contenders {
            contender.turn(options.turn)?;
        }
    }
    contenders.sort_by_key(|contender| contender.variant);
    let without: Costs = contenders
        .iter()
        .find(|contender| contender.variant == Variant::None)
        .map(|contender| contender.costs.clone())
        .unwrap_or_default();
    contenders
        .iter_mut()
        .map(|contender| contender.measured(size, &without))
        .collect()
}

impl Contender {
    fn start(variant: Variant, options: &Options, size: usize, authority: &Authority) -> Result<Self, Error> {
        let directory = tempfile::tempdir()?;
        let path: &Path = directory.path();
        let filters = variant.filters(options.family, size, &options.filter, path)?;
        let bootstrap = gateway::bootstrap(filters, authority)?;
        // Writing each call down would cost those that are measured: another Envoy does it, and is gone.
        let configured = match variant {
            Variant::Filter => Envoy::start(&options.envoy, &bootstrap, path, Log::WasmCalls)?.longest_configure()?,
            _ => None,
        };
        let envoy = Envoy::start(&options.envoy, &bootstrap, path, Log::Warnings)?;
        let cases = options.family.cases(size);
        let miss = cases.iter().find(|case| case.kind == Kind::Miss);
        let call = &miss.ok_or("a family without a request that passes")?.call;
        let [principal] = &call.principals[..] else {
            return Err("a caller must have one name".into());
        };
        let load = Load::new(envoy.listener()?, &authority.caller(principal)?, call, CONNECTIONS)?;
        Ok(Self {
            variant,
            envoy,
            load,
            costs: Costs::default(),
            latencies: Vec::new(),
            configured,
            _directory: directory,
        })
    }

    fn turn(&mut self, time: Duration) -> Result<(), Error> {
        let before = self.envoy.processor_time()?;
        let requests = self.load.waves(time)?;
        let after = self.envoy.processor_time()?;
        self.costs.in_waves.push((after - before) as f64 / f64::from(requests));
        let before = self.envoy.processor_time()?;
        let latencies = self.load.latencies(time)?;
        let after = self.envoy.processor_time()?;
        self.costs.alone.push((after - before) as f64 / latencies.len() as f64);
        self.latencies
            .extend(latencies.iter().map(|latency| latency.as_secs_f64() * 1e9));
        Ok(())
    }

    fn measured(&mut self, size: usize, without: &Costs) -> Result<Measured, Error> {
        Ok(Measured {
            size,
            variant: self.variant,
            added: added(&self.costs.in_waves, &without.in_waves),
            added_alone: added(&self.costs.alone, &without.alone),
            cost: quantile(&mut self.costs.in_waves, 0.5),
            cost_alone: quantile(&mut self.costs.alone, 0.5),
            p50: quantile(&mut self.latencies, 0.5),
            p99: quantile(&mut self.latencies, 0.99),
            resident: self.envoy.resident()?,
            ready: self.envoy.ready,
            configured: self.configured,
            virtual_machines: self.envoy.virtual_machines()?,
        })
    }
}

/// The median over rounds of the difference within a round.
fn added(costs: &[f64], without: &[f64]) -> f64 {
    let differences = costs.iter().zip(without).map(|(cost, without)| cost - without);
    quantile(&mut differences.collect::<Vec<_>>(), 0.5)
}

/// The value that this share of all is below; 0 when there is none.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * share) as usize;
    values
        .get(place.min(values.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quantiles_are_values_that_occur() {
        let mut values = [5.0, 1.0, 3.0, 2.0, 4.0];
        assert_eq!(quantile(&mut values, 0.5), 3.0);
        assert_eq!(quantile(&mut values, 0.99), 5.0);
        assert_eq!(quantile(&mut [], 0.5), 0.0);
    }
}
