//! Where a proxy listens, and what it does with connections.

use crate::source::Span;

use super::route::{RouteAction, RouteTable, WeightedCluster};
use super::tls::ServerTls;

/// One port that a proxy listens on.
#[derive(Clone, Debug)]
pub struct Listener {
    /// `0.0.0.0_port`, or a name of Istio's own.
    pub name: String,
    /// The port in the pod.
    pub port: u16,
    /// What is done with connections; the first whose server names fit.
    pub chains: Vec<FilterChain>,
}

/// What is done with connections of one kind.
#[derive(Clone, Debug)]
pub struct FilterChain {
    /// The server names that clients ask for, in lower case; empty: any, and none.
    pub server_names: Vec<String>,
    /// How connections are secured; `None`: they are taken as they come.
    pub tls: Option<ServerTls>,
    /// What is done with what comes.
    pub handler: Handler,
}

/// What is done with a connection's content.
#[derive(Clone, Debug)]
pub enum Handler {
    /// It is HTTP, and routed.
    Http(RouteTable),
    /// It is passed on.
    Tcp {
        /// For statistics.
        name: String,
        /// Where to.
        clusters: Vec<WeightedCluster>,
        /// Where that is written.
        span: Option<Span>,
    },
}

impl Listener {
    /// The clusters that connections and requests go to, and where that is written.
    pub(super) fn destinations(&self) -> impl Iterator<Item = (&str, Option<Span>)> {
        self.chains.iter().flat_map(|chain| match &chain.handler {
            Handler::Tcp { clusters, span, .. } => clusters.iter().map(|to| (to.cluster.as_str(), *span)).collect(),
            Handler::Http(table) => table
                .virtual_hosts
                .iter()
                .flat_map(|host| &host.routes)
                .filter_map(|route| match &route.action {
                    RouteAction::Forward { clusters, .. } => Some((clusters, route.span)),
                    _ => None,
                })
                .flat_map(|(clusters, span)| clusters.iter().map(move |to| (to.cluster.as_str(), span)))
                .collect::<Vec<_>>(),
        })
    }

    /// The chain that takes a connection with this server name.
    #[must_use]
    pub fn chain(&self, server_name: Option<&str>) -> Option<&FilterChain> {
        let exact = |chain: &&FilterChain| {
            let mut names = chain.server_names.iter();
            names.any(|name| Some(name.as_str()) == server_name)
        };
        let by_pattern = |chain: &&FilterChain| {
            let mut names = chain.server_names.iter();
            server_name.is_some_and(|asked| names.any(|name| super::host_name::matches(name, asked)))
        };
        let rest = |chain: &&FilterChain| chain.server_names.is_empty();
        let mut chains = self.chains.iter();
        chains
            .clone()
            .find(exact)
            .or_else(|| chains.clone().find(by_pattern))
            .or_else(|| chains.find(rest))
    }
}
