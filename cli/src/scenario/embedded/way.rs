//! The way of a request from proxy to proxy.

use std::collections::BTreeMap;
use std::fmt::Write;

use outgate_sdk::manifest::{Redirect, Rewrite};
use outgate_sdk::proxy::{
    Address, ClientCertificates, Cluster, FilterChain, Found, Handler, Proxy, ProxyName, RequestLine, Route,
    RouteAction, WeightedCluster,
};
use outgate_test_host::{Action, Outcome, Response};

use super::{Embedded, access, change};
use crate::described::{Described, Description, PeerNames};
use crate::failure::Failure;
use crate::scenario::observed::Observed;
use crate::scenario::stage::Stage;

/// More proxies than any way has: manifests can send a request in a circle.
const LONGEST: usize = 8;

/// A request that comes to a proxy.
pub(super) struct Arrival {
    pub(super) description: Description,
    /// Whether it comes over TLS.
    pub(super) is_secured: bool,
    /// The certificate that the other end shows, in PEM.
    pub(super) certificate: Option<String>,
    pub(super) protocol: &'static str,
}

/// What a proxy shows of itself.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) names: PeerNames,
    pub(super) certificate: String,
}

/// What the other end of a connection gets.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    status: u32,
    body: String,
}

/// One proxy on the way.
pub(super) struct Visit {
    proxy: ProxyName,
    pub(super) log: BTreeMap<String, String>,
    details: String,
    report: String,
}

/// A request on its way.
pub(super) struct Way<'a> {
    stage: &'a Stage,
    embedded: &'a mut Embedded,
    /// What whoever is reached in the end answers.
    upstream: u32,
    /// In the order in which proxies were reached.
    visits: Vec<Visit>,
}

impl<'a> Way<'a> {
    pub(super) fn new(stage: &'a Stage, embedded: &'a mut Embedded, upstream: u32) -> Self {
        Self {
            stage,
            embedded,
            upstream,
            visits: Vec::new(),
        }
    }

    /// What came of it, as the proxy that decides saw it.
    pub(super) fn observed(self, answer: Option<Answer>, decider: &ProxyName) -> Observed {
        let at_decider = self.visits.iter().find(|visit| visit.proxy == *decider);
        let last = at_decider.or(self.visits.last());
        let mut report = String::new();
        for visit in &self.visits {
            let _ = writeln!(report, "{}: {}", visit.proxy, visit.report);
        }
        Observed {
            status: answer.as_ref().map_or(0, |answer| answer.status),
            body: answer.map(|answer| answer.body).unwrap_or_default(),
            details: last.map(|visit| visit.details.clone()).unwrap_or_default(),
            log: at_decider.map(|visit| visit.log.clone()),
            report,
        }
    }

    /// What a proxy answers; `None` when no connection to it comes about.
    pub(super) fn visit(&mut self, name: &ProxyName, arrival: Arrival) -> Result<Option<Answer>, Failure> {
        let stage = self.stage;
        let Some(proxy) = stage.proxy(name) else {
            return Ok(None);
        };
        let Some(chain) = connect(proxy, &arrival) else {
            return Ok(None);
        };
        let Handler::Http(table) = &chain.handler else {
            return Err(format!(
                "{name}: the request goes to a port that passes connections on unopened; only real proxies can play \
                                that (--in envoy)"
            )
            .into());
        };
        let request = Described::new(arrival.description, proxy.normalization)?;
        let index = self.visits.len();
        if index == LONGEST {
            return Err(
                format!("{name}: the request has come through {LONGEST} proxies, and is sent in a circle").into(),
            );
        }
        self.visits.push(Visit {
            proxy: name.clone(),
            log: access::of_request(&request, arrival.protocol),
            details: String::new(),
            report: String::new(),
        });
        let found = table.find(&line_of(&request, arrival.is_secured));
        if let Found::Route(route) = found {
            let visit = &mut self.visits[index];
            visit.set("route_name", &*route.name);
            if let RouteAction::Forward { clusters, .. } = &route.action
                && let Some(to) = heaviest(clusters)
            {
                visit.set("upstream_cluster", &*to.cluster);
            }
        }
        let answer = if self.embedded.hosts.contains_key(name) {
            self.decide(proxy, &request, arrival.certificate.as_deref(), found, index)?
        } else {
            let (answer, details) = self.route(proxy, &request, found, index)?;
            self.visits[index].details = details;
            answer
        };
        let visit = &mut self.visits[index];
        visit.set("response_code", answer.status.to_string());
        visit.set("response_code_details", visit.details.clone());
        if visit.report.is_empty() {
            visit.report = format!("{} ({})", answer.status, visit.details);
        }
        let is_head = request.description().method == "HEAD";
        Ok(Some(Answer {
            body: if is_head { String::new() } else { answer.body },
            ..answer
        }))
    }

    /// The filter decides, and what it lets pass is routed.
    fn decide(
        &mut self,
        proxy: &Proxy,
        request: &Described,
        certificate: Option<&str>,
        found: Found<'_>,
        index: usize,
    ) -> Result<Answer, Failure> {
        let connection = self.embedded.connections.of(request.description().peer.as_ref());
        let gone = || Failure::from(format!("{}: the embedded host has lost a stream", proxy.name));
        let host = self.embedded.hosts.get_mut(&proxy.name).ok_or_else(gone)?;
        let mut arriving = request.to_host(certificate, connection);
        if let Some(cluster) = self.visits[index].log.get("upstream_cluster") {
            arriving = arriving.property(["xds", "cluster_name"], cluster.as_str());
        }
        let mut stream = host.http_stream(arriving);
        let id = stream.id();
        let goes_on = stream.request_headers().action == Action::Continue;
        let (answer, details) = if goes_on {
            self.route(proxy, request, found, index)?
        } else {
            (reply(0), String::new())
        };
        let host = self.embedded.hosts.get_mut(&proxy.name).ok_or_else(gone)?;
        let mut stream = host.stream(id).ok_or_else(gone)?;
        if goes_on {
            stream.response_headers(Response::new(answer.status));
        }
        let outcome = stream.finish();
        let visit = &mut self.visits[index];
        access::add_filter_state(&mut visit.log, &outcome);
        visit.report = outcome.to_string();
        Ok(concluded(visit, answer, details, goes_on, &outcome))
    }

    /// What becomes of a request that may pass, and the response code details.
    fn route(
        &mut self,
        proxy: &Proxy,
        request: &Described,
        found: Found<'_>,
        index: usize,
    ) -> Result<(Answer, String), Failure> {
        let said = |status, details: &str| Ok((reply(status), details.to_owned()));
        let route = match found {
            Found::Nothing => {
                self.visits[index].set("response_flags", "NR");
                return said(404, "route_not_found");
            }
            Found::NeedsTls => return said(301, "redirect"),
            Found::Route(route) => route,
        };
        match &route.action {
            RouteAction::Redirect(Redirect { redirect_code, .. }) => {
                said(redirect_code.map_or(301, u32::from), "direct_response")
            }
            RouteAction::Answer { status, body } => {
                let answer = Answer {
                    status: u32::from(*status),
                    body: body.clone(),
                };
                Ok((answer, "direct_response".to_owned()))
            }
            RouteAction::Forward { clusters, rewrite, .. } => {
                let to = heaviest(clusters).and_then(|to| proxy.cluster(&to.cluster));
                self.forward(proxy, request, (route, rewrite.as_ref()), to, index)
            }
        }
    }

    fn forward(
        &mut self,
        proxy: &Proxy,
        request: &Described,
        (route, rewrite): (&Route, Option<&Rewrite>),
        to: Option<&Cluster>,
        index: usize,
    ) -> Result<(Answer, String), Failure> {
        let unavailable = |way: &mut Self, flag: &str, details: &str| {
            way.visits[index].set("response_flags", flag);
            Ok((reply(503), details.to_owned()))
        };
        let Some(cluster) = to else {
            return unavailable(self, "NC", "cluster_not_found");
        };
        let place = self.place_of(cluster);
        let Some((shown, place)) = place else {
            return unavailable(self, "UH", "no_healthy_upstream");
        };
        self.visits[index].set("upstream_host", shown);
        self.visits[index].set("response_flags", "-");
        let answer = match place {
            None => Some(reply(self.upstream)),
            Some((next, port)) => {
                let arrival = self.arrival(proxy, cluster, change::sent_on(request, route, rewrite), port)?;
                self.visit(&next, arrival)?
            }
        };
        match answer {
            Some(answer) => Ok((answer, "via_upstream".to_owned())),
            None => unavailable(self, "UF", "upstream_reset_before_response_started"),
        }
    }

    /// Where a cluster leads: the address as the manifests have it, and the proxy there, if there is one.
    #[allow(clippy::type_complexity, reason = "a place in words, and as a proxy and its port")]
    fn place_of(&self, cluster: &Cluster) -> Option<(String, Option<(ProxyName, u16)>)> {
        if cluster.discovery == outgate_sdk::proxy::Discovery::OriginalDestination {
            return Some((String::new(), None));
        }
        let endpoint = cluster.endpoints.first()?;
        let found = match &endpoint.address {
            Address::Pods(workload) => Some((workload.clone(), endpoint.port)),
            Address::Network(address) => self.stage.manifests.behind_load_balancer(address, endpoint.port),
        };
        let place = found
            .map(|(workload, port)| (ProxyName::Gateway(workload), port))
            .filter(|(name, _)| self.stage.proxy(name).is_some());
        Some((endpoint.to_string(), place))
    }

    /// How a request comes to the next proxy: with the certificate that this one shows.
    fn arrival(
        &mut self,
        proxy: &Proxy,
        cluster: &Cluster,
        description: Description,
        port: u16,
    ) -> Result<Arrival, Failure> {
        let tls = cluster.tls.as_ref();
        let shown = match tls.and_then(|tls| tls.credential.as_ref()) {
            Some(credential) => Some(self.embedded.shown(proxy, credential)?),
            None => None,
        };
        Ok(Arrival {
            description: Description {
                peer: shown.as_ref().map(|shown| shown.names.clone()),
                sni: tls.and_then(|tls| tls.sni.clone()),
                port,
                ..description
            },
            is_secured: tls.is_some(),
            certificate: shown.map(|shown| shown.certificate),
            protocol: if cluster.http2 { "HTTP/2" } else { "HTTP/1.1" },
        })
    }
}

/// The chain that takes a connection, if it comes about.
fn connect<'p>(proxy: &'p Proxy, arrival: &Arrival) -> Option<&'p FilterChain> {
    let listener = proxy.listener(arrival.description.port)?;
    let name = arrival.description.sni.as_deref().map(str::to_ascii_lowercase);
    let chain = listener.chain(name.as_deref().filter(|_| arrival.is_secured))?;
    let is_taken = match &chain.tls {
        None => !arrival.is_secured,
        Some(tls) => {
            let needs_certificate = matches!(tls.clients, ClientCertificates::Required(_));
            arrival.is_secured && (!needs_certificate || arrival.certificate.is_some())
        }
    };
    is_taken.then_some(chain)
}

fn line_of(request: &Described, is_secured: bool) -> RequestLine<'_> {
    let mut line = RequestLine {
        scheme: if is_secured { "https" } else { "http" },
        ..RequestLine::default()
    };
    for (name, value) in request.lines() {
        match name {
            ":authority" => line.authority = value,
            ":path" => line.path = value,
            ":method" => line.method = value,
            _ => line.headers.push((name, value)),
        }
    }
    line
}

/// The cluster that most requests go to; of several, the first.
fn heaviest(clusters: &[WeightedCluster]) -> Option<&WeightedCluster> {
    clusters.iter().rev().max_by_key(|cluster| cluster.weight)
}

/// What the client gets, and why: from the filter, or from further on.
fn concluded(visit: &mut Visit, answer: Answer, details: String, goes_on: bool, outcome: &Outcome) -> Answer {
    if goes_on && outcome.details == "via_upstream" {
        visit.details = details;
        return answer;
    }
    visit.details.clone_from(&outcome.details);
    Answer {
        status: outcome.status(),
        body: outcome.response.as_ref().map(Response::body_text).unwrap_or_default(),
    }
}

const fn reply(status: u32) -> Answer {
    Answer {
        status,
        body: String::new(),
    }
}
