//! Which port of this machine stands for which port of a pod.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use outgate_sdk::manifest::ObjectName;
use outgate_sdk::proxy::ProxyName;

use crate::failure::Failure;

/// Ports that only an administrator may open are moved up by this much.
const MOVE: u16 = 10_000;

/// The choices that have been made, which stay for the whole run.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    wanted: BTreeMap<(ObjectName, u16), u16>,
    /// Whether to leave every choice to the kernel.
    any: bool,
    chosen: BTreeMap<(ProxyName, u16), SocketAddr>,
}

/// The port of a workload on this machine, as a person asks for it.
#[derive(Clone, Debug)]
pub(crate) struct WantedPort {
    workload: ObjectName,
    port: u16,
    local: u16,
}

impl WantedPort {
    /// Reads `NAMESPACE/NAME:PORT=LOCAL`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let parsed = || {
            let (of, local) = text.split_once('=')?;
            let (workload, port) = of.rsplit_once(':')?;
            Some(Self {
                workload: crate::arguments::object_name(workload).ok()?,
                port: port.parse().ok()?,
                local: local.parse().ok()?,
            })
        };
        parsed().ok_or_else(|| "expected NAMESPACE/NAME:PORT=LOCAL-PORT, such as default/sleep:80=8888".to_owned())
    }
}

impl Ports {
    pub(crate) fn new(wanted: &[WantedPort], any: bool) -> Self {
        let wanted = wanted.iter().cloned();
        Self {
            wanted: wanted
                .map(|wanted| ((wanted.workload, wanted.port), wanted.local))
                .collect(),
            any,
            chosen: BTreeMap::new(),
        }
    }

    /// Where a proxy's port is on this machine.
    pub(crate) fn choose(&mut self, proxy: &ProxyName, port: u16) -> Result<SocketAddr, Failure> {
        let key = (proxy.clone(), port);
        if let Some(chosen) = self.chosen.get(&key) {
            return Ok(*chosen);
        }
        let address = match self.wanted.get(&(proxy.workload().clone(), port)) {
            Some(wanted) => free(*wanted).ok_or_else(|| {
                format!("port {wanted}, which {proxy} is to have for its port {port}, is in use: stop what uses it, or name another")
            })?,
            None => self.usual(port)?,
        };
        self.chosen.insert(key, address);
        Ok(address)
    }

    /// The same number, or one that resembles it, or any that is free.
    fn usual(&self, port: u16) -> Result<SocketAddr, Failure> {
        let similar = if port < 1024 { port + MOVE } else { port };
        let is_chosen = |address: &SocketAddr| self.chosen.values().any(|chosen| chosen == address);
        let similar = (!self.any)
            .then(|| free(similar))
            .flatten()
            .filter(|address| !is_chosen(address));
        if let Some(address) = similar {
            return Ok(address);
        }
        // The kernel does not give a port twice in a row, but it may after a while.
        let fresh = (0..64).filter_map(|_| free(0)).find(|address| !is_chosen(address));
        fresh.ok_or_else(|| Failure::from("this machine has no free port left"))
    }
}

fn free(port: u16) -> Option<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
    listener.local_addr().ok()
}
