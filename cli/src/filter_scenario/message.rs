//! Requests and responses as scenario files describe them.

use std::path::Path;

use outgate_test_host::{Request, Response};

use crate::hosted::exchange;
use crate::hosted::property::PropertyPath;
use crate::notation::{Ordered, Texts};

use super::property::{DynamicMetadata, PropertyValue};
use super::values::{Bytes, HttpStatus, Unreadable};

/// Header lines: a text, or several.
pub(super) type Headers = Ordered<Texts>;

impl Headers {
    /// Name and value of each line.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter()
            .flat_map(|(name, lines)| lines.0.iter().map(|line| (name.as_str(), line.as_str())))
    }

    /// These, and of the others those with other names, in front.
    fn over(&self, base: &Self) -> Self {
        let named = |name: &str| self.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        let kept = base.0.iter().filter(|(name, _)| !named(name));
        Self(kept.chain(&self.0).cloned().collect())
    }
}

/// A request. What it leaves out comes from the scenario's defaults.
#[derive(Clone, Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RequestSpec {
    /// The method; `GET` without it.
    method: Option<String>,
    /// `scheme://authority/path?query`; `http://example.com/` without it.
    url: Option<String>,
    /// `:scheme`, in place of the URL's.
    scheme: Option<String>,
    /// `:authority`, in place of the URL's.
    authority: Option<String>,
    /// `:path` with the query, in place of the URL's.
    path: Option<String>,
    /// Header lines, in order. They replace those with the same name in the defaults; pseudo headers replace the URL's.
    headers: Headers,
    /// The body. Without one, the headers end the request.
    pub(super) body: Option<Bytes>,
    /// Trailer lines, in order.
    pub(super) trailers: Headers,
    /// Properties by their paths: `xds.cluster_name`, or `["metadata", "filter_metadata", "my.filter"]` where a segment has a dot
    /// in it. They go before what follows from the rest of the request.
    properties: Ordered<PropertyValue, PropertyPath>,
    /// `request.protocol`; `HTTP/1.1` without it.
    protocol: Option<String>,
    /// `source.address` and `source.port`, as `ip:port`.
    source: Option<String>,
    /// `destination.address` and `destination.port`, as `ip:port`.
    destination: Option<String>,
    /// `connection.mtls`: whether the client has shown a certificate. It has when it shows a name.
    mtls: Option<bool>,
    /// The first URI SAN of the client's certificate, such as `spiffe://cluster.local/ns/shop/sa/cart`.
    uri_san: Option<String>,
    /// The first DNS SAN of the client's certificate.
    dns_san: Option<String>,
    /// The subject of the client's certificate.
    subject: Option<String>,
    /// The server name in the TLS handshake.
    sni: Option<String>,
    /// Dynamic metadata: by the name of a filter, what that has set.
    metadata: Option<DynamicMetadata>,
}

/// What a request has that says nothing else. Real requests have an authority.
const DEFAULT_URL: &str = "http://example.com/";

impl RequestSpec {
    /// This one, with what it leaves out from `base`. A URL replaces all parts of another one.
    pub(super) fn over(&self, base: &Self) -> Self {
        let own = self.clone();
        let places = self.url.is_none().then_some(base);
        Self {
            method: own.method.or_else(|| base.method.clone()),
            url: own.url.or_else(|| base.url.clone()),
            scheme: own.scheme.or_else(|| places?.scheme.clone()),
            authority: own.authority.or_else(|| places?.authority.clone()),
            path: own.path.or_else(|| places?.path.clone()),
            headers: own.headers.over(&base.headers),
            body: own.body.or_else(|| base.body.clone()),
            trailers: own.trailers.over(&base.trailers),
            properties: {
                // The host lets the last one of a path win.
                let all = base.properties.0.iter().chain(&own.properties.0);
                Ordered(all.cloned().collect())
            },
            protocol: own.protocol.or_else(|| base.protocol.clone()),
            source: own.source.or_else(|| base.source.clone()),
            destination: own.destination.or_else(|| base.destination.clone()),
            mtls: own.mtls.or(base.mtls),
            uri_san: own.uri_san.or_else(|| base.uri_san.clone()),
            dns_san: own.dns_san.or_else(|| base.dns_san.clone()),
            subject: own.subject.or_else(|| base.subject.clone()),
            sni: own.sni.or_else(|| base.sni.clone()),
            metadata: own.metadata.or_else(|| base.metadata.clone()),
        }
    }

    /// Without what comes after the headers: in a case with steps, that is steps.
    pub(super) fn headers_only(self) -> Self {
        Self {
            body: None,
            trailers: Headers::default(),
            ..self
        }
    }

    pub(super) fn build(&self, directory: &Path) -> Result<Request, Unreadable> {
        let method = self.method.as_deref().unwrap_or("GET");
        let mut request = Request::new(method, self.url.as_deref().unwrap_or(DEFAULT_URL));
        let parts = [
            (":scheme", &self.scheme),
            (":authority", &self.authority),
            (":path", &self.path),
        ];
        for (name, value) in parts {
            if let Some(value) = value {
                request = request.set_header(name, value);
            }
        }
        for (name, value) in self.headers.lines() {
            request = exchange::with_header(request, name, value);
        }
        if let Some(body) = &self.body {
            request = request.body(body.load(directory)?);
        }
        for (name, value) in self.trailers.lines() {
            request = request.trailer(name, value);
        }
        Ok(self.with_facts(request))
    }

    /// What the proxy knows besides the message.
    fn with_facts(&self, mut request: Request) -> Request {
        type Set = fn(Request, &str) -> Request;
        let texts: [(&Option<String>, Set); 7] = [
            (&self.protocol, Request::protocol),
            (&self.source, Request::source_address),
            (&self.destination, Request::destination_address),
            (&self.uri_san, Request::uri_san),
            (&self.dns_san, Request::dns_san),
            (&self.subject, Request::subject),
            (&self.sni, Request::sni),
        ];
        for (value, set) in texts {
            if let Some(value) = value {
                request = set(request, value);
            }
        }
        // Whoever shows a name shows it in a certificate.
        let is_named = self.uri_san.is_some() || self.dns_san.is_some() || self.subject.is_some();
        if let Some(mtls) = self.mtls.or(is_named.then_some(true)) {
            request = request.mtls(mtls);
        }
        if let Some(metadata) = &self.metadata {
            request = request.dynamic_metadata(&metadata.0);
        }
        for (path, value) in self.properties.iter() {
            request = match value {
                PropertyValue::Value(value) => request.property(&*path.segments(), value.clone()),
                PropertyValue::Error(status) => request.property_error(&*path.segments(), *status),
            };
        }
        request
    }

    /// How a report names it: `GET example.com/path`.
    pub(super) fn shown(&self) -> String {
        let request = Request::new("GET", self.url.as_deref().unwrap_or(DEFAULT_URL));
        let part = |given: &Option<String>, name: &str| {
            given
                .clone()
                .or_else(|| request.headers().text(name))
                .unwrap_or_default()
        };
        format!(
            "{} {}{}",
            self.method.as_deref().unwrap_or("GET"),
            part(&self.authority, ":authority"),
            part(&self.path, ":path")
        )
    }
}

/// What the upstream of the request answers. What it leaves out comes from the scenario's defaults.
#[derive(Clone, Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ResponseSpec {
    /// The status; 200 without it.
    status: Option<HttpStatus>,
    /// Header lines, in order.
    headers: Headers,
    /// The body. Without one, the headers end the response.
    pub(super) body: Option<Bytes>,
    /// Trailer lines, in order.
    pub(super) trailers: Headers,
}

impl ResponseSpec {
    /// This one, with what it leaves out from `base`.
    pub(super) fn over(&self, base: &Self) -> Self {
        Self {
            status: self.status.or(base.status),
            headers: self.headers.over(&base.headers),
            body: self.body.clone().or_else(|| base.body.clone()),
            trailers: self.trailers.over(&base.trailers),
        }
    }

    /// Without what comes after the headers: in a case with steps, that is steps.
    pub(super) fn headers_only(self) -> Self {
        Self {
            body: None,
            trailers: Headers::default(),
            ..self
        }
    }

    pub(super) fn build(&self, directory: &Path) -> Result<Response, Unreadable> {
        response(
            self.status,
            &self.headers,
            self.body.as_ref(),
            &self.trailers,
            directory,
        )
    }
}

pub(super) fn response(
    status: Option<HttpStatus>,
    headers: &Headers,
    body: Option<&Bytes>,
    trailers: &Headers,
    directory: &Path,
) -> Result<Response, Unreadable> {
    let mut response = Response::new(status.map_or(200, |status| status.0));
    for (name, value) in headers.lines() {
        response = response.header(name, value);
    }
    if let Some(body) = body {
        response = response.body(body.load(directory)?);
    }
    for (name, value) in trailers.lines() {
        response = response.trailer(name, value);
    }
    Ok(response)
}
