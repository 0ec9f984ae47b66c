//! All proxies of a run: started, changed, stopped.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use outgate_sdk::envoy::{Configuration, Connections, Delivery, Place, Placed, Secrets, Unplaced};
use outgate_sdk::manifest::{Manifests, ObjectName};
use outgate_sdk::proxy::{Address, Listener, Proxy, ProxyName};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep};

use super::access;
use super::admin::Admin;
use super::binary::Binary;
use super::plan::{Mapping, Plan, Planned};
use super::ports::Ports;
use super::process::{Event, Process};
use super::secrets::Issuers;
use crate::failure::Failure;

/// A change that an Envoy has not spoken of for so long is told as such.
const CHANGE_LIMIT: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(10);

/// Where the authorities of the system are, on one system or another.
const SYSTEM_AUTHORITIES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The Envoys of a run. All of them end when this is dropped, and their files go with it.
pub(crate) struct LocalMesh {
    binary: Binary,
    mappings: Vec<Mapping>,
    ports: Ports,
    pub(crate) issuers: Issuers,
    /// Where endpoints are that nothing else is known of.
    pub(crate) stand_ins: Placed,
    running: BTreeMap<ProxyName, Running>,
    events: UnboundedSender<Event>,
    drain: Duration,
    // Dropped last: Envoys read from it.
    directory: TempDir,
}

struct Running {
    process: Process,
    proxy: Proxy,
    addresses: BTreeMap<u16, SocketAddr>,
    endpoints: Placed,
    directory: PathBuf,
    files: BTreeMap<String, Value>,
}

/// What a change came to.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    pub(crate) started: Vec<ProxyName>,
    pub(crate) stopped: Vec<ProxyName>,
    pub(crate) changed: Vec<Changed>,
    /// Endpoints that requests cannot reach here.
    pub(crate) unplaced: Vec<Unplaced>,
}

/// A file that a running Envoy has read again.
#[derive(Debug)]
pub(crate) struct Changed {
    pub(crate) proxy: ProxyName,
    pub(crate) file: String,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// It is in effect.
    Accepted,
    /// It was refused: what was in effect before still is.
    Rejected,
    /// Envoy has not said.
    Unknown,
}

impl LocalMesh {
    /// A mesh without proxies, and what will be told about them. `drain` is how long connections may go on that came to a listener
    /// before it was changed.
    pub(crate) fn new(
        binary: Binary,
        mappings: Vec<Mapping>,
        ports: Ports,
        drain: Duration,
    ) -> Result<(Self, UnboundedReceiver<Event>), Failure> {
        let (events, receiver) = unbounded_channel();
        let directory = tempfile::Builder::new().prefix("outgate-").tempdir()?;
        let mesh = Self {
            binary,
            mappings,
            ports,
            issuers: Issuers::new()?,
            stand_ins: Placed::new(),
            running: BTreeMap::new(),
            events,
            drain,
            directory,
        };
        Ok((mesh, receiver))
    }

    /// Makes the proxies what a plan says: starts, changes and stops. On failure, what has been started is running.
    pub(crate) async fn apply(&mut self, plan: &Plan, manifests: &Manifests) -> Result<Applied, Failure> {
        let mut applied = Applied::default();
        let addresses = self.choose_ports(plan)?;
        let endpoints = self.endpoints(plan, manifests, &addresses);
        let named = self.issuers.named(manifests)?;
        let is_planned = |name: &ProxyName| plan.proxies.iter().any(|planned| planned.proxy.name == *name);
        let gone: Vec<ProxyName> = self.running.keys().filter(|name| !is_planned(name)).cloned().collect();
        let mut starting = Vec::new();
        for planned in &plan.proxies {
            let name = &planned.proxy.name;
            let directory = self.directory_of(name);
            let place = Place {
                listeners: addresses.get(name).cloned().unwrap_or_default(),
                endpoints: endpoints.clone(),
                connections: Connections::Addressed,
                admin: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
                secrets: Secrets {
                    mesh: self.issuers.workload(&planned.proxy.identity)?,
                    named: named.clone(),
                },
                system_authorities: system_authorities(),
                authorization: planned.authorization.clone(),
                delivery: Delivery::Watched(directory.clone()),
                access_logs: access::logs_beside(&planned.proxy, &plan.log_properties),
            };
            let configuration = Configuration::new(&planned.proxy, &place);
            applied.unplaced.extend(configuration.unplaced.iter().cloned());
            if self.running.contains_key(name) {
                applied
                    .changed
                    .extend(self.change(planned, place, configuration).await?);
            } else {
                self.start(planned, directory, place, configuration)?;
                starting.push(name.clone());
            }
        }
        for name in &starting {
            if let Some(running) = self.running.get_mut(name) {
                let addresses: Vec<SocketAddr> = running.addresses.values().copied().collect();
                running.process.await_ready(&addresses).await?;
            }
        }
        applied.started = starting;
        for name in gone {
            if let Some(running) = self.running.remove(&name) {
                running.process.stop().await;
                applied.stopped.push(name);
            }
        }
        // A proxy that runs here and does not listen would not do so in a cluster, either.
        applied
            .unplaced
            .retain(|missing| !is_planned(&ProxyName::Gateway(missing.workload.clone())));
        applied.unplaced.sort();
        applied.unplaced.dedup();
        Ok(applied)
    }

    /// Waits until no proxy has connections any more that came to a listener before it was changed.
    pub(crate) async fn drained(&self) {
        let started = Instant::now();
        for admin in self.running.values().filter_map(|running| running.process.admin()) {
            while started.elapsed() < CHANGE_LIMIT {
                let draining = admin.statistics("total_listeners_draining").await.unwrap_or_default();
                if draining.values().all(|count| count == "0") {
                    break;
                }
                sleep(STEP).await;
            }
        }
    }

    /// Stops all proxies.
    pub(crate) async fn stop(mut self) {
        let running = std::mem::take(&mut self.running);
        let stopping: Vec<_> = running
            .into_values()
            .map(|running| tokio::spawn(running.process.stop()))
            .collect();
        for stopped in stopping {
            stopped.await.ok();
        }
    }

    /// The proxies, with where their ports are.
    pub(crate) fn proxies(&self) -> impl Iterator<Item = (&Proxy, &BTreeMap<u16, SocketAddr>)> {
        self.running
            .values()
            .map(|running| (&running.proxy, &running.addresses))
    }

    /// The process of a proxy.
    pub(crate) fn process(&self, name: &ProxyName) -> Option<&Process> {
        self.running.get(name).map(|running| &running.process)
    }

    /// Where a proxy's port is.
    pub(crate) fn address(&self, name: &ProxyName, port: u16) -> Option<SocketAddr> {
        self.running.get(name)?.addresses.get(&port).copied()
    }

    /// The proxy whose port this is, and the number of the port in its pod.
    pub(crate) fn at(&self, address: SocketAddr) -> Option<(&Proxy, u16)> {
        self.proxies().find_map(|(proxy, addresses)| {
            let found = addresses.iter().find(|(_, known)| **known == address);
            found.map(|(port, _)| (proxy, *port))
        })
    }

    /// The endpoint of a proxy's cluster that is at an address of this machine, as the manifests have it.
    pub(crate) fn endpoint(&self, name: &ProxyName, cluster: &str, address: SocketAddr) -> Option<String> {
        let running = self.running.get(name)?;
        let endpoints = running.proxy.cluster(cluster)?.endpoints.iter();
        let mut placed = endpoints
            .filter(|endpoint| running.endpoints.get(&(endpoint.address.clone(), endpoint.port)) == Some(&address));
        placed.next().map(ToString::to_string)
    }

    fn choose_ports(&mut self, plan: &Plan) -> Result<BTreeMap<ProxyName, BTreeMap<u16, SocketAddr>>, Failure> {
        let mut addresses: BTreeMap<ProxyName, BTreeMap<u16, SocketAddr>> = BTreeMap::new();
        for Planned { proxy, .. } in &plan.proxies {
            let ports = addresses.entry(proxy.name.clone()).or_default();
            for port in opened(proxy) {
                ports.insert(port, self.ports.choose(&proxy.name, port)?);
            }
        }
        Ok(addresses)
    }

    /// Where endpoints are: as the user says, or at a proxy that runs here, in a pod of its own or behind its load balancer.
    fn endpoints(
        &self,
        plan: &Plan,
        manifests: &Manifests,
        addresses: &BTreeMap<ProxyName, BTreeMap<u16, SocketAddr>>,
    ) -> Placed {
        let gateway = |workload: ObjectName, port: u16| {
            let ports = addresses.get(&ProxyName::Gateway(workload))?;
            ports.get(&port).copied()
        };
        let mut placed = self.stand_ins.clone();
        for endpoint in plan.clusters().flat_map(|cluster| &cluster.endpoints) {
            let found = match &endpoint.address {
                Address::Pods(workload) => gateway(workload.clone(), endpoint.port),
                Address::Network(address) => manifests
                    .behind_load_balancer(address, endpoint.port)
                    .and_then(|(workload, port)| gateway(workload, port)),
            };
            placed.extend(found.map(|found| ((endpoint.address.clone(), endpoint.port), found)));
        }
        placed.extend(plan.mapped(&self.mappings));
        placed
    }

    fn directory_of(&self, name: &ProxyName) -> PathBuf {
        self.directory.path().join(name.to_string().replace([':', '/'], "-"))
    }

    fn start(
        &mut self,
        planned: &Planned,
        directory: PathBuf,
        place: Place,
        configuration: Configuration,
    ) -> Result<(), Failure> {
        // A proxy of this name may have run before: nothing of it may be taken for this one's.
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        fs::create_dir_all(&directory)?;
        for (name, content) in &configuration.watched {
            write(&directory, name, content)?;
        }
        write(&directory, "bootstrap.json", &configuration.bootstrap)?;
        let name = &planned.proxy.name;
        let running = Running {
            process: Process::start(&self.binary, name, &directory, self.drain, &self.events)?,
            proxy: planned.proxy.clone(),
            addresses: place.listeners,
            endpoints: place.endpoints,
            directory,
            files: configuration.watched.into_iter().collect(),
        };
        self.running.insert(name.clone(), running);
        Ok(())
    }

    /// Writes what has changed for a running Envoy, and waits for what it says.
    async fn change(
        &mut self,
        planned: &Planned,
        place: Place,
        configuration: Configuration,
    ) -> Result<Vec<Changed>, Failure> {
        let name = &planned.proxy.name;
        let Some(running) = self.running.get_mut(name) else {
            return Ok(Vec::new());
        };
        running.proxy = planned.proxy.clone();
        running.addresses = place.listeners;
        running.endpoints = place.endpoints;
        let mut written = Vec::new();
        for (file, content) in configuration.watched {
            if running.files.get(&file) == Some(&content) {
                continue;
            }
            let asked = running.process.admin().zip(Subject::of(&file));
            let rejected = match asked {
                Some((admin, subject)) => subject.rejected(admin).await,
                None => 0,
            };
            write(&running.directory, &file, &content)?;
            let version = content["version_info"].as_str().unwrap_or_default().to_owned();
            written.push((file.clone(), asked, version, rejected));
            running.files.insert(file, content);
        }
        // All are there before any is waited for: a listener that is new asks for routes that are new.
        let mut changed = Vec::with_capacity(written.len());
        for (file, asked, version, rejected) in written {
            let outcome = match asked {
                Some((admin, subject)) => subject.await_outcome(admin, &version, rejected).await,
                None => Outcome::Accepted,
            };
            changed.push(Changed {
                proxy: name.clone(),
                file,
                outcome,
            });
        }
        Ok(changed)
    }
}

/// What an Envoy counts about a file that it watches.
#[derive(Clone, Copy)]
struct Subject(&'static str);

impl Subject {
    /// By the name of the file; secrets come too late to be waited for, since only connections use them.
    fn of(file: &str) -> Option<Self> {
        match file {
            "listeners.json" => Some(Self("listener_manager.lds")),
            "clusters.json" => Some(Self("cluster_manager.cds")),
            routes if routes.starts_with("routes-") => Some(Self("http.*\\.rds")),
            "authorization.json" => Some(Self("extension_config_discovery.http_filter")),
            "network-authorization.json" => Some(Self("extension_config_discovery.network_filter")),
            _ => None,
        }
    }

    /// How often an Envoy has refused it.
    async fn rejected(self, admin: Admin) -> u64 {
        let counts = admin
            .statistics(&format!("{}.*update_rejected", self.0))
            .await
            .unwrap_or_default();
        counts.values().filter_map(|count| count.parse::<u64>().ok()).sum()
    }

    async fn await_outcome(self, admin: Admin, version: &str, rejected_before: u64) -> Outcome {
        let started = Instant::now();
        while started.elapsed() < CHANGE_LIMIT {
            let versions = admin
                .statistics(&format!("{}.*version_text", self.0))
                .await
                .unwrap_or_default();
            if versions.values().any(|known| known == version) {
                return Outcome::Accepted;
            }
            if self.rejected(admin).await > rejected_before {
                return Outcome::Rejected;
            }
            sleep(STEP).await;
        }
        Outcome::Unknown
    }
}

/// The ports that a proxy listens on here: all but the one that everything is redirected to in a pod.
fn opened(proxy: &Proxy) -> impl Iterator<Item = u16> {
    let listeners = proxy.listeners.iter();
    let listeners = listeners.filter(|listener: &&Listener| listener.name != "virtualOutbound");
    listeners.map(|listener| listener.port)
}

/// Puts a file into the place of another in one step: nobody reads half of it. Only its owner can read it.
fn write(directory: &Path, name: &str, content: &Value) -> Result<(), Failure> {
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(content.to_string().as_bytes())?;
    file.persist(directory.join(name))?;
    Ok(())
}

fn system_authorities() -> PathBuf {
    let mut known = SYSTEM_AUTHORITIES.into_iter().map(PathBuf::from);
    known
        .clone()
        .find(|path| path.is_file())
        .or_else(|| known.next())
        .unwrap_or_default()
}
