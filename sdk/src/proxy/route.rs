//! Where requests go.

use regex::Regex;

use crate::manifest::{HeaderChanges, HttpMatch, Period, Redirect, Retries, Rewrite, StringMatch};
use crate::source::Span;

use super::host_name;

/// The routes of a listener.
#[derive(Clone, Debug)]
pub struct RouteTable {
    /// Its name.
    pub name: String,
    /// What counts in logs and statistics: `outbound_0.0.0.0_80`.
    pub stat_prefix: String,
    /// By host.
    pub virtual_hosts: Vec<VirtualHost>,
}

/// The routes of some hosts.
#[derive(Clone, Debug)]
pub struct VirtualHost {
    /// `host:port`.
    pub name: String,
    /// The hosts, in lower case; may start with `*`.
    pub domains: Vec<String>,
    /// The routes; the first that matches counts.
    pub routes: Vec<Route>,
    /// Whether plain HTTP is redirected to HTTPS.
    pub requires_tls: bool,
}

/// One route.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its name in logs; may be empty.
    pub name: String,
    /// What a request must be like; `None`: anything.
    pub matches: Option<HttpMatch>,
    /// What becomes of it.
    pub action: RouteAction,
    /// What is changed in headers.
    pub headers: HeaderChanges,
    /// Where it is written; `None` for what is not written anywhere.
    pub span: Option<Span>,
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum RouteAction {
    /// It is sent on.
    Forward {
        /// Where to, by weight.
        clusters: Vec<WeightedCluster>,
        /// What is changed in the request line.
        rewrite: Option<Rewrite>,
        /// How long the answer may take.
        timeout: Option<Period>,
        /// How often it is tried again; `None`: as Istio does by default.
        retries: Option<Retries>,
    },
    /// The client is sent elsewhere.
    Redirect(Redirect),
    /// The proxy answers.
    Answer {
        /// The status.
        status: u16,
        /// The body.
        body: String,
    },
}

/// One of several clusters.
#[derive(Clone, Debug)]
pub struct WeightedCluster {
    /// Its name.
    pub cluster: String,
    /// Its share.
    pub weight: u32,
    /// What is changed in headers for it.
    pub headers: HeaderChanges,
}

impl WeightedCluster {
    /// All of the requests.
    pub fn only(cluster: impl Into<String>) -> Self {
        Self {
            cluster: cluster.into(),
            weight: 1,
            headers: HeaderChanges::default(),
        }
    }
}

/// A request, as far as routes look at it.
#[derive(Clone, Debug, Default)]
pub struct RequestLine<'r> {
    /// The host, with its port if it has one.
    pub authority: &'r str,
    /// The path with the query.
    pub path: &'r str,
    /// The method.
    pub method: &'r str,
    /// `http` or `https`.
    pub scheme: &'r str,
    /// The headers by lower-case name.
    pub headers: Vec<(&'r str, &'r str)>,
}

/// What a route table makes of a request.
#[derive(Clone, Copy, Debug)]
pub enum Found<'t> {
    /// This route.
    Route(&'t Route),
    /// Nothing: 404.
    Nothing,
    /// The host takes HTTPS only, and this is not: the client is sent there.
    NeedsTls,
}

impl RouteTable {
    /// The route that takes a request, by Envoy's rules: the most exact host, then the first route.
    #[must_use]
    pub fn find(&self, request: &RequestLine<'_>) -> Found<'_> {
        let virtual_host = self.virtual_host(request.authority);
        if virtual_host.is_some_and(|host| host.requires_tls && request.scheme != "https") {
            return Found::NeedsTls;
        }
        let mut routes = virtual_host.iter().flat_map(|host| &host.routes);
        routes
            .find(|route| route.takes(request))
            .map_or(Found::Nothing, Found::Route)
    }

    /// The most exact virtual host for an authority.
    fn virtual_host(&self, authority: &str) -> Option<&VirtualHost> {
        let host = host_name::without_port(authority);
        let exactness = |domain: &String| match domain.as_str() {
            exact if exact == host => usize::MAX,
            pattern if host_name::matches(pattern, &host) => pattern.len(),
            _ => 0,
        };
        let hosts = self.virtual_hosts.iter().map(|virtual_host| {
            let best = virtual_host.domains.iter().map(exactness).max();
            (best.unwrap_or_default(), virtual_host)
        });
        let hosts = hosts.filter(|(exactness, _)| *exactness > 0);
        hosts.max_by_key(|(exactness, _)| *exactness).map(|(_, host)| host)
    }
}

impl Route {
    /// Whether every request matches.
    pub(super) fn is_catch_all(&self) -> bool {
        let Some(wanted) = &self.matches else {
            return true;
        };
        let any_path = wanted
            .uri
            .as_ref()
            .is_none_or(|uri| uri.prefix.as_deref() == Some("/") || uri.regex.as_deref() == Some("*"));
        any_path
            && wanted.headers.is_empty()
            && wanted.without_headers.is_empty()
            && wanted.query_params.is_empty()
            && wanted.method.is_none()
            && wanted.authority.is_none()
            && wanted.scheme.is_none()
    }

    fn takes(&self, request: &RequestLine<'_>) -> bool {
        let Some(wanted) = &self.matches else {
            return true;
        };
        let (path, query) = request.path.split_once('?').unwrap_or((request.path, ""));
        let path_fits = wanted.uri.as_ref().is_none_or(|uri| {
            if wanted.ignore_uri_case {
                fits(&folded(uri), &path.to_ascii_lowercase())
            } else {
                fits(uri, path)
            }
        });
        let is = |wanted: &Option<StringMatch>, text: &str| wanted.as_ref().is_none_or(|wanted| fits(wanted, text));
        let header = |name: &str| {
            let name = name.to_ascii_lowercase();
            let mut found = request.headers.iter().filter(|(known, _)| *known == name);
            found.next().map(|(_, value)| *value)
        };
        let parameter = |name: &str| {
            let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
        };
        path_fits
            && is(&wanted.scheme, request.scheme)
            && is(&wanted.method, request.method)
            && is(&wanted.authority, request.authority)
            && wanted
                .headers
                .iter()
                .all(|(name, wanted)| header(name).is_some_and(|value| fits(wanted, value)))
            && wanted
                .without_headers
                .iter()
                .all(|(name, wanted)| !header(name).is_some_and(|value| fits(wanted, value)))
            && wanted
                .query_params
                .iter()
                .all(|(name, wanted)| parameter(name).is_some_and(|value| fits(wanted, value)))
    }
}

fn fits(wanted: &StringMatch, text: &str) -> bool {
    wanted.exact.as_ref().is_none_or(|exact| exact == text)
        && wanted
            .prefix
            .as_ref()
            .is_none_or(|prefix| text.starts_with(prefix.as_str()))
        && wanted
            .regex
            .as_ref()
            .is_none_or(|regex| Regex::new(&format!("^(?:{regex})$")).is_ok_and(|regex| regex.is_match(text)))
}

fn folded(wanted: &StringMatch) -> StringMatch {
    StringMatch {
        exact: wanted.exact.as_deref().map(str::to_ascii_lowercase),
        prefix: wanted.prefix.as_deref().map(str::to_ascii_lowercase),
        regex: wanted.regex.as_ref().map(|regex| format!("(?i){regex}")),
    }
}
