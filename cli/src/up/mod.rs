//! `outgate up`: the manifests' proxies as Envoys on this machine, until Ctrl-C.

mod print;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use outgate_sdk::diagnostic::{Diagnostic, Diagnostics};
use outgate_sdk::filter_config::FilterOptions;
use outgate_sdk::manifest::{Manifest, Manifests};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::arguments::{Up, unselected};
use crate::enforcement::EnforcementPoint;
use crate::failure::{FINE, Failure};
use crate::local::binary::Binary;
use crate::local::mesh::{Applied, LocalMesh};
use crate::local::plan::{Plan, Wishes};
use crate::local::ports::Ports;
use crate::local::process::Event;
use crate::output;
use crate::signals::Signals;
use crate::watch::{self, Watcher};
use print::Printer;

/// How long connections may go on after their listener has been changed.
const DRAIN: Duration = Duration::from_secs(10);

pub(crate) fn run(arguments: &Up) -> Result<ExitCode, Failure> {
    if arguments.gateway.is_some() && arguments.enforcement.at != EnforcementPoint::Sidecar {
        return Err("--gateway is for --at sidecar: every gateway enforces its own policies".into());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(up(arguments))
}

async fn up(arguments: &Up) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let (plan, manifests) = read(arguments)?;
    let binary = Binary::find(arguments.envoy.as_ref())?;
    let mut signals = Signals::new()?;
    let watcher = if arguments.watch {
        Some(Watcher::new(watched(arguments)?)?)
    } else {
        None
    };
    let mut printer = Printer::new(arguments.output, &binary);
    printer.starting(&plan);
    let ports = Ports::new(&arguments.port, arguments.any_ports);
    let (mut mesh, events) = LocalMesh::new(binary, arguments.map.clone(), ports, DRAIN)?;
    let applied = tokio::select! {
        applied = mesh.apply(&plan, &manifests) => applied,
        () = signals.any() => {
            mesh.stop().await;
            return Ok(FINE);
        }
    };
    let result = match applied {
        Ok(applied) => {
            printer.ready(&mesh, &manifests, &applied, started.elapsed());
            run_until_told(arguments, &mut mesh, events, signals, watcher, &mut printer).await
        }
        Err(failure) => Err(failure),
    };
    let count = mesh.proxies().count();
    mesh.stop().await;
    printer.stopped(count);
    result.map(|()| FINE)
}

/// Prints what happens, and follows changes, until a signal or until an Envoy ends by itself.
async fn run_until_told(
    arguments: &Up,
    mesh: &mut LocalMesh,
    mut events: UnboundedReceiver<Event>,
    mut signals: Signals,
    mut watcher: Option<Watcher>,
    printer: &mut Printer,
) -> Result<(), Failure> {
    loop {
        tokio::select! {
            () = signals.any() => return Ok(()),
            event = events.recv() => match event {
                Some(Event::Ended(name, how)) => {
                    return Err(format!("{name}: Envoy has ended by itself ({how}); the others are stopped").into());
                }
                Some(event) => printer.event(&event, mesh),
                None => return Ok(()),
            },
            () = watch::changed(&mut watcher) => follow(arguments, mesh, printer).await?,
        }
    }
}

/// Applies changed manifests, unless they are wrong: then everything stays as it is.
async fn follow(arguments: &Up, mesh: &mut LocalMesh, printer: &mut Printer) -> Result<(), Failure> {
    let (plan, manifests) = match read(arguments) {
        Ok(read) => read,
        Err(failure) => {
            printer.refused(&failure);
            return Ok(());
        }
    };
    let started = Instant::now();
    let applied: Applied = mesh.apply(&plan, &manifests).await?;
    printer.applied(&applied, mesh, started.elapsed());
    Ok(())
}

/// What a run follows.
fn watched(arguments: &Up) -> Result<Vec<PathBuf>, Failure> {
    let mut paths = arguments.input.paths()?;
    if let Some(file) = arguments.extensions.file() {
        let file = file
            .canonicalize()
            .map_err(|error| format!("{}: {error}", file.display()))?;
        paths.push(file);
    }
    Ok(paths)
}

/// Reads the manifests and makes a plan of them; what is doubtful is shown.
fn read(arguments: &Up) -> Result<(Plan, Manifests), Failure> {
    let (manifests, diagnostics) = arguments.input.load();
    output::show_diagnostics(&diagnostics, manifests.sources());
    if diagnostics.errors() > 0 {
        return Err(Failure::Shown);
    }
    let wishes = Wishes {
        clients: arguments.clients.clone(),
        mappings: arguments.map.clone(),
        module: arguments.authorization.module(arguments.filter.as_ref())?,
        options: FilterOptions {
            extensions: arguments.extensions.read()?,
            ..arguments.enforcement.options()
        },
        log_properties: arguments.log.log_properties.clone(),
        gateway: (arguments.gateway.as_ref()).map(|gateway| manifests.gateway_workload(gateway, &BTreeMap::new())),
    };
    let planned = Plan::of_all(&manifests, &wishes);
    let (plan, doubts) = planned.map_err(|refused| refused.failure(&manifests))?;
    output::show_diagnostics(&doubts, manifests.sources());
    output::show_diagnostics(&unenforced(&manifests), manifests.sources());
    Ok((plan, manifests))
}

/// Policies that apply to no gateway.
fn unenforced(manifests: &Manifests) -> Diagnostics {
    let mut gateways = manifests.gateway_proxies().into_iter();
    let mut found = Diagnostics::default();
    if let Some(first) = gateways.next() {
        let workload = manifests.gateway_workload(first.workload(), &std::collections::BTreeMap::new());
        found.extend(unselected(manifests, &workload));
    } else if let Some(policy) = manifests.policies().first() {
        let policy: &Manifest<_> = policy;
        found.push(Diagnostic::warning(format!(
            "AuthorizationPolicy {}: there is no gateway that could enforce it",
            policy.name()
        )));
    }
    found
}
