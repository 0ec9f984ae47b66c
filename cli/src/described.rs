//! A request as a person describes it, for the policy engine and for the embedded host.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use outgate_policy::{Fields, Headers, JWT_AUTHN, JWT_PAYLOAD, Metadata, MetadataValue, Peer, Request, Unreadable};
use outgate_sdk::manifest::Normalization;
use outgate_sdk::path_normalization::{self, Rejected};
use outgate_test_host as host;
use serde_json::{Map, Value};

/// Where the proxy is taken to run.
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The other end of a TLS connection, by the names in its certificate.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct PeerNames {
    pub(crate) uris: Vec<String>,
    pub(crate) dns: Vec<String>,
    pub(crate) subject: String,
}

impl PeerNames {
    pub(crate) fn workload(principal: &str) -> Self {
        Self {
            uris: vec![format!("spiffe://{principal}")],
            ..Self::default()
        }
    }

    fn peer(&self) -> Peer {
        Peer::new(self.uris.clone(), self.dns.clone(), self.subject.clone())
    }
}

/// What is known of a request before any filter runs.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) peer: Option<PeerNames>,
    pub(crate) source_ip: Option<IpAddr>,
    pub(crate) remote_ip: Option<IpAddr>,
    pub(crate) sni: Option<String>,
    pub(crate) port: u16,
    /// The claims of a validated token.
    pub(crate) claims: Option<Map<String, Value>>,
}

/// A request as it reaches the filters: with the path that the proxy makes of the one that was sent.
#[derive(Debug)]
pub(crate) struct Described {
    description: Description,
    /// Pseudo-headers first.
    lines: Vec<(String, Vec<u8>)>,
    headers: Headers,
    peer: Option<Peer>,
    metadata: Metadata,
}

impl Described {
    /// Reads the URL and makes of the path what the proxy makes of it.
    pub(crate) fn new(description: Description, normalization: Normalization) -> Result<Self, Undescribable> {
        let (scheme, rest) = description
            .url
            .split_once("://")
            .filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
            .ok_or_else(|| Undescribable::Url(description.url.clone()))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.is_empty() {
            return Err(Undescribable::Url(description.url.clone()));
        }
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        let path = path_normalization::normalize(normalization, path.as_bytes()).map_err(Undescribable::Path)?;
        let mut lines = vec![
            (":authority".to_owned(), authority.as_bytes().to_vec()),
            (":path".to_owned(), path),
            (":method".to_owned(), description.method.clone().into_bytes()),
            (":scheme".to_owned(), scheme.as_bytes().to_vec()),
        ];
        for (name, value) in &description.headers {
            match name.to_ascii_lowercase().as_str() {
                // The proxy folds the header into the pseudo-header.
                "host" | ":authority" => lines[0].1 = value.clone().into_bytes(),
                name => lines.push((name.to_owned(), value.clone().into_bytes())),
            }
        }
        let claims = description.claims.as_ref();
        Ok(Self {
            headers: lines.iter().map(|(name, value)| (name, value)).collect(),
            peer: description.peer.as_ref().map(PeerNames::peer),
            metadata: claims
                .map(|claims| Metadata::of_token(convert_all(claims)))
                .unwrap_or_default(),
            lines,
            description,
        })
    }

    /// A connection with whatever is sent over it.
    pub(crate) fn connection(description: Description) -> Self {
        Self {
            lines: Vec::new(),
            headers: Headers::default(),
            peer: description.peer.as_ref().map(PeerNames::peer),
            metadata: Metadata::default(),
            description,
        }
    }

    /// What was described.
    pub(crate) fn description(&self) -> &Description {
        &self.description
    }

    /// All header lines, pseudo-headers first.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.lines.iter();
        lines.map(|(name, value)| (name.as_str(), std::str::from_utf8(value).unwrap_or_default()))
    }

    /// A header as the filters see it.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers
            .first(name)
            .map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// The server name of the TLS handshake, as the proxy keeps it.
    pub(crate) fn server_name(&self) -> Option<String> {
        self.description.sni.as_deref().map(str::to_ascii_lowercase)
    }

    /// The request for the embedded host, with the certificate that the peer shows.
    pub(crate) fn to_host(&self, certificate: Option<&str>, connection: u64) -> host::Request {
        let described = &self.description;
        let remote = described.remote_ip.or(described.source_ip).unwrap_or(PROXY);
        let mut request = host::Request::from_headers(self.lines.iter().map(|(name, value)| (name, value)))
            .property("connection.id", host::Property::Uint(connection))
            .source_address(&SocketAddr::new(remote, 50_000).to_string())
            .destination_address(&SocketAddr::new(PROXY, described.port).to_string());
        if let (Some(peer), Some(pem)) = (&described.peer, certificate) {
            request = request.mtls(true).peer_certificate_pem(pem).subject(&peer.subject);
            if let Some(uri) = peer.uris.first() {
                request = request.uri_san(uri);
            }
            if let Some(name) = peer.dns.first() {
                request = request.dns_san(name);
            }
        }
        if let Some(name) = &described.sni {
            request = request.sni(name);
        }
        if let Some(claims) = &described.claims {
            request = request.dynamic_metadata(&serde_json::json!({ JWT_AUTHN: { JWT_PAYLOAD: claims } }));
        }
        if let (Some(direct), Some(_)) = (described.source_ip, described.remote_ip) {
            // What a proxy that trusts others in front of it appends before any filter runs.
            request = request.header("x-forwarded-for", direct.to_string());
        }
        request
    }
}

impl Request for Described {
    fn headers(&self) -> Result<&Headers, Unreadable> {
        Ok(&self.headers)
    }

    fn peer(&self) -> Result<Option<&Peer>, Unreadable> {
        Ok(self.peer.as_ref())
    }

    fn source_ip(&self) -> Result<Option<IpAddr>, Unreadable> {
        Ok(self.description.source_ip)
    }

    fn remote_ip(&self) -> Result<Option<IpAddr>, Unreadable> {
        Ok(self.description.remote_ip.or(self.description.source_ip))
    }

    fn destination_ip(&self) -> Result<Option<IpAddr>, Unreadable> {
        Ok(Some(PROXY))
    }

    fn destination_port(&self) -> Result<Option<u16>, Unreadable> {
        Ok(Some(self.description.port))
    }

    fn sni(&self) -> Result<Option<&[u8]>, Unreadable> {
        Ok(self.description.sni.as_deref().map(str::as_bytes))
    }

    fn metadata(&self) -> Result<&Metadata, Unreadable> {
        Ok(&self.metadata)
    }
}

/// A description that is no request to a filter.
#[derive(Debug)]
pub(crate) enum Undescribable {
    /// No absolute `http` or `https` URL.
    Url(String),
    /// The proxy answers this path itself.
    Path(Rejected),
}

impl std::fmt::Display for Undescribable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Url(url) => write!(f, "`{url}` is no URL; expected http://HOST/PATH or https://HOST/PATH"),
            Self::Path(rejected) => write!(f, "the proxy answers this request before any policy: {rejected}"),
        }
    }
}

fn convert_all(fields: &Map<String, Value>) -> Fields {
    fields
        .iter()
        .map(|(name, value)| (name.clone(), convert(value)))
        .collect()
}

fn convert(value: &Value) -> MetadataValue {
    match value {
        Value::Null => MetadataValue::Null,
        Value::Bool(value) => MetadataValue::Bool(*value),
        Value::Number(number) => MetadataValue::Number(number.as_f64().unwrap_or_default()),
        Value::String(text) => MetadataValue::String(text.clone().into()),
        Value::Array(elements) => MetadataValue::List(elements.iter().map(convert).collect()),
        Value::Object(fields) => MetadataValue::Struct(convert_all(fields)),
    }
}
