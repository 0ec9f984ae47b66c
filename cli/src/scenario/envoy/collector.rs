//! What proxies log about a request, put together to the way that it took.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use outgate_sdk::proxy::ProxyName;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use super::RealWay;
use crate::failure::Failure;
use crate::local::access::Access;
use crate::local::mesh::LocalMesh;
use crate::local::process::Event;
use crate::scenario::observed::ABSENT;

/// A proxy logs a request a moment after the client has its answer.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Collector {
    events: UnboundedReceiver<Event>,
    /// The last line of each proxy's own log: the line about a request comes right before ours.
    last_lines: BTreeMap<ProxyName, String>,
    stops: VecDeque<Stop>,
}

/// A request at one proxy.
pub(super) struct Stop {
    pub(super) proxy: ProxyName,
    pub(super) access: Access,
    line: Option<String>,
}

impl Collector {
    pub(super) fn new(events: UnboundedReceiver<Event>) -> Self {
        Self {
            events,
            last_lines: BTreeMap::new(),
            stops: VecDeque::new(),
        }
    }

    /// Follows a request from the proxy where it came in, as long as each proxy says that it sent it to another.
    pub(super) async fn way(&mut self, first: &ProxyName, case: &str, mesh: &LocalMesh) -> Result<RealWay, Failure> {
        let mut way = Vec::new();
        let mut next = Some(first.clone());
        while let Some(proxy) = next {
            // A connection that came to nothing is not logged.
            let Some(stop) = self.stop(&proxy, case).await? else {
                break;
            };
            let upstream = stop.access.upstream.as_deref();
            let address: Option<SocketAddr> = upstream.and_then(|upstream| upstream.parse().ok());
            let found = address.and_then(|address| mesh.at(address));
            next = found.map(|(proxy, _)| proxy.name.clone());
            way.push(stop);
        }
        Ok(RealWay(way))
    }

    async fn stop(&mut self, proxy: &ProxyName, case: &str) -> Result<Option<Stop>, Failure> {
        let is_wanted = |stop: &Stop| stop.proxy == *proxy && stop.access.case.as_deref() == Some(case);
        loop {
            if let Some(index) = self.stops.iter().position(is_wanted) {
                return Ok(self.stops.remove(index));
            }
            match timeout(PATIENCE, self.events.recv()).await {
                Ok(Some(event)) => self.take(event)?,
                Ok(None) | Err(_) => return Ok(None),
            }
        }
    }

    fn take(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Line(proxy, line) => {
                self.last_lines.insert(proxy, line);
            }
            Event::Access(proxy, access) => {
                let line = self.last_lines.remove(&proxy);
                self.stops.push_back(Stop {
                    proxy,
                    access: *access,
                    line,
                });
            }
            Event::Said(..) => {}
            Event::Ended(proxy, how) => return Err(format!("{proxy}: Envoy has ended by itself ({how})").into()),
        }
        Ok(())
    }
}

impl Stop {
    /// The fields of the proxy's log, with addresses as they are in the cluster.
    pub(super) fn log(&self, mesh: &LocalMesh) -> BTreeMap<String, String> {
        let written: Option<Value> = self.line.as_ref().and_then(|line| serde_json::from_str(line).ok());
        let mut fields = self.own_fields();
        for (name, value) in written.iter().filter_map(Value::as_object).flatten() {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Null => ABSENT.to_owned(),
                other => other.to_string(),
            };
            fields.insert(name.clone(), text);
        }
        for value in fields.values_mut() {
            if let Some(in_cluster) = self.in_cluster(value, mesh) {
                *value = in_cluster;
            }
        }
        fields
    }

    /// What is known whatever the manifests want logged.
    fn own_fields(&self) -> BTreeMap<String, String> {
        let access = &self.access;
        let status = Some(access.status.to_string());
        let fields = [
            ("authority_for", &access.authority),
            ("method", &access.method),
            ("path", &access.path),
            ("response_code", &status),
            ("response_code_details", &access.details),
            ("response_flags", &access.flags),
            ("requested_server_name", &access.server_name),
            ("upstream_cluster", &access.cluster),
            ("upstream_host", &access.upstream),
            ("upstream_transport_failure_reason", &access.failure),
            ("outgate_decision", &access.decision),
            ("outgate_rule", &access.rule),
            ("outgate_principal", &access.principal),
            ("outgate_shadow", &access.shadow),
        ];
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| ABSENT.to_owned());
        fields
            .into_iter()
            .map(|(name, found)| (name.to_owned(), value(found)))
            .collect()
    }

    /// An address of this machine as the one that it stands for.
    fn in_cluster(&self, value: &str, mesh: &LocalMesh) -> Option<String> {
        let address: SocketAddr = value.parse().ok()?;
        if let Some(cluster) = &self.access.cluster
            && self.access.upstream.as_deref() == Some(value)
            && let Some(endpoint) = mesh.endpoint(&self.proxy, cluster, address)
        {
            return Some(endpoint);
        }
        mesh.at(address)
            .map(|(_, port)| SocketAddr::new(address.ip(), port).to_string())
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Access { status, details, .. } = &self.access;
        write!(f, "{}: {status} ({})", self.proxy, details.as_deref().unwrap_or(ABSENT))?;
        if let Some(line) = &self.line {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}
