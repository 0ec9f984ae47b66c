//! Which of a sidecar's requests and connections leave the mesh.

use outgate_policy::config::Egress;

use crate::header_names::is_any;
use crate::host::Host;

/// Whether the request, or the connection, that the host is in the middle of stays in the mesh, so that there is nothing to decide.
///
/// The proxy's own choice counts, the cluster of the route, and not what the client says. Where it is not known, the request leaves.
pub(crate) fn stays_in_mesh<H: Host>(egress: &Egress, host: &H) -> bool {
    let cluster = host.property(b"xds\0cluster_name").ok().flatten();
    let called = cluster.as_deref().and_then(host_of);
    called.is_some_and(|called| is_any(&egress.internal_hosts, called) && !is_any(&egress.gateways, called))
}

/// The host of a cluster that Istio has named: `outbound|port|subset|host`.
fn host_of(cluster: &[u8]) -> Option<&[u8]> {
    let mut parts = cluster.split(|&byte| byte == b'|');
    match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(b"outbound"), Some(_port), Some(_subset), Some(host), None) if !host.is_empty() => Some(host),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn only_clusters_of_istio_have_a_host() {
        for (cluster, host) in [
            ("outbound|80||test.com", Some("test.com")),
            ("outbound|80|v1|a.b.svc.cluster.local", Some("a.b.svc.cluster.local")),
            ("inbound|80||", None),
            ("outbound|80||", None),
            ("outbound|80||a|b", None),
            ("PassthroughCluster", None),
            ("", None),
        ] {
            assert_eq!(host_of(cluster.as_bytes()), host.map(str::as_bytes), "{cluster}");
        }
    }
}
