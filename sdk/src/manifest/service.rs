//! Kubernetes' `Service`, as far as proxies route to it. The schema belongs to Kubernetes and is not checked here.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// `spec` of a `Service`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Service {
    /// Labels of its pods.
    pub selector: Option<BTreeMap<String, String>>,
    /// Its ports.
    pub ports: Option<Vec<ServicePortSpec>>,
    /// `LoadBalancer`, `ClusterIP`, …
    #[serde(rename = "type")]
    pub service_type: Option<String>,
    /// The address that it is given inside of the cluster.
    #[serde(rename = "clusterIP")]
    pub cluster_ip: Option<String>,
    /// The address that its load balancer is asked to have.
    #[serde(rename = "loadBalancerIP")]
    pub load_balancer_ip: Option<String>,
    /// Addresses from outside that lead to it.
    #[serde(rename = "externalIPs")]
    pub external_ips: Option<Vec<String>>,
}

impl Service {
    /// Whether pods with these labels are behind it. Without a selector, none are.
    pub(crate) fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        self.selector.as_ref().is_some_and(|wanted| {
            !wanted.is_empty() && wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
        })
    }
}

/// One port of a `Service`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePortSpec {
    /// Its name; the part before the first dash is the protocol.
    #[serde(default)]
    pub name: Option<String>,
    /// The port.
    pub port: u16,
    /// The pods' port, by number or name; absent: the same.
    #[serde(default)]
    pub target_port: Option<TargetPort>,
    /// The protocol; goes before what the name says.
    #[serde(default)]
    pub app_protocol: Option<String>,
    /// `TCP` or `UDP`.
    #[serde(default)]
    pub protocol: Option<String>,
}

/// `targetPort`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum TargetPort {
    /// By number.
    Number(u16),
    /// By name.
    Name(String),
}

/// The part of a `Service` that [`Service`] is read from.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    #[serde(default)]
    pub(super) spec: Service,
    #[serde(default, rename = "metadata")]
    _metadata: IgnoredAny,
    #[serde(default)]
    pub(super) status: Status,
}

/// `status`, as the cluster fills it in.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    load_balancer: LoadBalancerStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LoadBalancerStatus {
    ingress: Vec<IngressPoint>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct IngressPoint {
    ip: Option<String>,
    hostname: Option<String>,
}

impl Document {
    /// The service, with the addresses that its load balancer has got among the external ones.
    pub(super) fn into_service(self) -> Service {
        let mut service = self.spec;
        let points = self.status.load_balancer.ingress.into_iter();
        let given = points.flat_map(|point| [point.ip, point.hostname]).flatten();
        let asked = service.load_balancer_ip.clone();
        service
            .external_ips
            .get_or_insert_default()
            .extend(asked.into_iter().chain(given));
        service
    }
}
