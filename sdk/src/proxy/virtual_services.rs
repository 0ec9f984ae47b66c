//! `VirtualService` as routes: which of them count at a place, and where they send to.

use outgate_policy::FieldPath;

use crate::diagnostic::Diagnostic;
use crate::manifest::{Destination, HttpMatch, HttpRoute, Manifest, Rendered, VirtualService};
use crate::source::Span;

use super::cluster::outbound_name;
use super::host_name::full_name;
use super::route::{Route, RouteAction, WeightedCluster};
use super::{Builder, Place, is_exported, rendered};

/// The gateway that means all sidecars.
pub(super) const MESH: &str = "mesh";

/// A `VirtualService` and where it is.
#[derive(Clone, Copy)]
pub(super) struct Written<'m> {
    pub(super) object: &'m Manifest<Rendered<VirtualService>>,
    pub(super) service: &'m VirtualService,
}

impl Written<'_> {
    pub(super) fn namespace(&self) -> &str {
        &self.object.name().namespace
    }

    /// The hosts, in full and in lower case.
    pub(super) fn hosts(&self) -> Vec<String> {
        let hosts = self.service.hosts.iter();
        hosts.map(|host| full_name(host, self.namespace())).collect()
    }

    pub(super) fn span(&self, path: &FieldPath) -> Span {
        self.object.span_at(path)
    }

    /// Whether routes count at a gateway: `mesh`, or `namespace/name`.
    pub(super) fn is_at(&self, gateway: &str) -> bool {
        if self.service.gateways.is_empty() {
            return gateway == MESH;
        }
        names_gateway(&self.service.gateways, self.namespace(), gateway)
    }
}

/// Whether a list of gateways of an object in `namespace` has `gateway` in it.
fn names_gateway(names: &[String], namespace: &str, gateway: &str) -> bool {
    names.iter().any(|name| full_gateway(name, namespace) == gateway)
}

/// `namespace/name`, or `mesh`.
pub(super) fn full_gateway(name: &str, namespace: &str) -> String {
    if name == MESH || name.contains('/') {
        name.to_owned()
    } else {
        format!("{namespace}/{name}")
    }
}

/// Where routes are to be made: a gateway or `mesh`, and the port that requests come to.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) gateway: &'a str,
    pub(super) port: u16,
}

impl<'m> Builder<'m> {
    /// The `VirtualService` objects that a proxy sees and that count at a gateway, by namespace and name.
    pub(super) fn virtual_services(&self, place: &Place<'_>, gateway: &str) -> Vec<Written<'m>> {
        let mut found: Vec<_> = rendered(self.manifests.virtual_services())
            .map(|(object, service)| Written { object, service })
            .filter(|written| {
                let export_to = &written.service.export_to;
                written.is_at(gateway) && is_exported(export_to, &[], written.namespace(), place.namespace())
            })
            .collect();
        found.sort_by(|a, b| a.object.name().cmp(b.object.name()));
        found
    }

    /// The HTTP routes that count at a place, in their order.
    pub(super) fn http_routes(&mut self, written: Written<'m>, place: &Place<'_>, at: At<'_>) -> Vec<Route> {
        let http = FieldPath::root().field("spec").field("http");
        let mut routes = Vec::new();
        for (index, route) in written.service.http.iter().enumerate() {
            let path = http.index(index);
            let counting = |wanted: &&HttpMatch| counts(wanted, written.namespace(), place, at);
            let matches: Vec<Option<&HttpMatch>> = if route.matches.is_empty() {
                vec![None]
            } else {
                route.matches.iter().filter(counting).map(Some).collect()
            };
            if matches.is_empty() {
                continue;
            }
            let Some(action) = self.action(written, route, &path) else {
                continue;
            };
            routes.extend(matches.into_iter().map(|wanted| Route {
                name: route.name.clone().unwrap_or_default(),
                matches: wanted.cloned(),
                action: action.clone(),
                headers: route.headers.clone().unwrap_or_default(),
                span: Some(written.span(&path.field("route"))),
            }));
        }
        routes
    }

    fn action(&mut self, written: Written<'m>, route: &HttpRoute, path: &FieldPath) -> Option<RouteAction> {
        let given = [
            !route.route.is_empty(),
            route.redirect.is_some(),
            route.direct_response.is_some(),
        ];
        if given.iter().filter(|given| **given).count() != 1 {
            let message = format!(
                "VirtualService {}: a route has exactly one of `route`, `redirect` and `directResponse`",
                written.object.name()
            );
            self.diagnostics.push(
                Diagnostic::error(message)
                    .at(written.span(path), "")
                    .in_field(path.clone()),
            );
            return None;
        }
        if let Some(redirect) = &route.redirect {
            if !matches!(redirect.redirect_code, None | Some(301 | 302 | 303 | 307 | 308)) {
                let path = path.field("redirect").field("redirectCode");
                let message = format!("VirtualService {}: no redirect has this status", written.object.name());
                let diagnostic = Diagnostic::error(message).at(written.span(&path), "").in_field(path);
                self.diagnostics
                    .push(diagnostic.help("it is one of 301, 302, 303, 307 and 308"));
                return None;
            }
            return Some(RouteAction::Redirect(redirect.clone()));
        }
        if let Some(answer) = &route.direct_response {
            let body = answer.body.as_ref().and_then(|body| body.string.clone());
            return Some(RouteAction::Answer {
                status: answer.status,
                body: body.unwrap_or_default(),
            });
        }
        let mut clusters = Vec::with_capacity(route.route.len());
        for (index, to) in route.route.iter().enumerate() {
            let path = path.field("route").index(index).field("destination");
            clusters.push(WeightedCluster {
                cluster: self.destination(written, &to.destination, &path)?,
                weight: to.weight,
                headers: to.headers.clone().unwrap_or_default(),
            });
        }
        Some(RouteAction::Forward {
            clusters,
            rewrite: route.rewrite.clone(),
            timeout: route.timeout,
            retries: route.retries.clone(),
        })
    }

    /// The cluster of a destination. The port may be left out when the host has one only.
    pub(super) fn destination(
        &mut self,
        written: Written<'m>,
        destination: &Destination,
        path: &FieldPath,
    ) -> Option<String> {
        let host = full_name(&destination.host, written.namespace());
        let port = match destination.port {
            Some(port) => port.number,
            None => {
                let known = self.catalog.hosts().iter().find(|known| known.name == host);
                match known.map(|known| known.ports.as_slice()) {
                    Some([only]) => only.number,
                    Some(_) => {
                        let message = format!(
                            "VirtualService {}: `{host}` has several ports, and the destination names none",
                            written.object.name()
                        );
                        let diagnostic = Diagnostic::error(message)
                            .at(written.span(path), "")
                            .in_field(path.clone())
                            .help("add `port: {number: …}`");
                        self.diagnostics.push(diagnostic);
                        return None;
                    }
                    // That it is unknown is said of all routes alike.
                    None => 80,
                }
            }
        };
        Some(outbound_name(port, destination.subset.as_deref(), &host))
    }
}

/// Whether a match counts at a place, whatever the request.
fn counts(wanted: &HttpMatch, namespace: &str, place: &Place<'_>, at: At<'_>) -> bool {
    (wanted.gateways.is_empty() || names_gateway(&wanted.gateways, namespace, at.gateway))
        && wanted.port.is_none_or(|port| port == at.port)
        && (at.gateway != MESH
            || (wanted
                .source_labels
                .iter()
                .all(|(key, value)| place.workload.labels.get(key) == Some(value))
                && wanted
                    .source_namespace
                    .as_ref()
                    .is_none_or(|namespace| namespace == place.namespace())))
}
