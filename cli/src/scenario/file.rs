//! Scenario files.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use outgate_policy::resource::Metadata;
use outgate_policy::{FieldPath, config::LogField};
use outgate_sdk::diagnostic::Diagnostic;
use outgate_sdk::located::Node;
use outgate_sdk::source::Sources;
use serde::Deserialize;
use serde_json::{Map, Value};

use outgate_sdk::manifest::ObjectName;

use crate::arguments::object_name;
use crate::described::{Description, PeerNames};
use crate::enforcement::Enforcement;
use crate::test::documents::Found;

/// A scenario and where it is.
pub(crate) struct Scenario {
    pub(crate) file: PathBuf,
    pub(crate) name: String,
    pub(crate) spec: Spec,
    node: Node,
    pub(crate) sources: Sources,
}

impl Scenario {
    /// Checks a document of kind `Scenario`.
    pub(crate) fn read(found: Found) -> Result<Self, (Diagnostic, Sources)> {
        let Found { file, node, sources } = found;
        match node.read::<Document>() {
            Ok(document) => Ok(Self {
                file,
                name: document.metadata.name,
                spec: document.spec,
                node,
                sources,
            }),
            Err(error) => Err((error.into(), sources)),
        }
    }

    /// The line that a request of a step starts in.
    pub(crate) fn line(&self, step: usize, request: usize) -> usize {
        let path = FieldPath::root().field("spec").field("steps").index(step);
        let span = self.node.span_at(&path.field("requests").index(request));
        self.sources.place(span).position.line
    }

    /// The files and directories that a step is about.
    pub(crate) fn manifests(&self, step: &Step) -> Vec<PathBuf> {
        let directory = self.file.parent().unwrap_or(Path::new("."));
        match step.manifests.as_ref().or(self.spec.manifests.as_ref()) {
            Some(paths) => paths.iter().map(|path| directory.join(path)).collect(),
            None => vec![directory.to_owned()],
        }
    }

    /// The gateway that decides a step, as it is written.
    pub(crate) fn gateway<'a>(&'a self, step: &'a Step) -> Option<&'a str> {
        step.gateway.as_deref().or(self.spec.gateway.as_deref())
    }

    /// How the gateway's policies are enforced in a step.
    pub(crate) fn enforcement(&self, step: &Step) -> Enforcement {
        step.enforcement.or(self.spec.enforcement).unwrap_or_default()
    }

    /// Manifests that stand in the scenario itself, with what diagnostics call them.
    pub(crate) fn inline(&self, step: &Step) -> Option<(String, String)> {
        let text = step.inline.as_ref()?;
        Some((
            format!("{}, step `{}`, inline", self.file.display(), step.name),
            text.clone(),
        ))
    }

    /// The labels of the gateway's pods, where they are given.
    pub(crate) fn labels(&self, step: &Step) -> BTreeMap<String, String> {
        step.labels
            .clone()
            .or_else(|| self.spec.labels.clone())
            .unwrap_or_default()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "what was looked at before the document was read as a scenario")]
struct Document {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

/// What a scenario says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Spec {
    /// Files and directories, from where the scenario stands; absent: its own directory.
    manifests: Option<Vec<String>>,
    /// `namespace/name`.
    gateway: Option<String>,
    /// Of the gateway's pods, when the manifests do not say.
    labels: Option<BTreeMap<String, String>>,
    /// Where the gateway's policies are enforced, and what requests are compared as.
    enforcement: Option<Enforcement>,
    pub(crate) steps: Vec<Step>,
}

/// A part of a scenario, which may have manifests or a gateway of its own.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) name: String,
    manifests: Option<Vec<String>>,
    /// More manifests, as YAML.
    inline: Option<String>,
    gateway: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    enforcement: Option<Enforcement>,
    pub(crate) requests: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) request: RequestSpec,
    /// What the upstream answers when it is reached.
    #[serde(default)]
    pub(crate) upstream: Upstream,
    pub(crate) expect: Expectation,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Upstream {
    pub(crate) status: u32,
}

impl Default for Upstream {
    fn default() -> Self {
        Self { status: 200 }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RequestSpec {
    #[serde(default = "get")]
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, Lines>,
    /// The workload, or the service account, whose sidecar takes the request: `namespace/name`. Without it, the request goes to
    /// the gateway itself.
    from: Option<String>,
    /// The caller's mesh identity, without `spiffe://`.
    principal: Option<String>,
    /// The caller's certificate, where it is not a workload's.
    peer: Option<PeerSpec>,
    source_ip: Option<IpAddr>,
    remote_ip: Option<IpAddr>,
    sni: Option<String>,
    port: Option<u16>,
    claims: Option<Map<String, Value>>,
}

fn get() -> String {
    "GET".to_owned()
}

/// Where a gateway's pod listens for what its service calls port 80.
const DEFAULT_PORT: u16 = 8080;

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Lines {
    One(String),
    Several(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PeerSpec {
    #[serde(default)]
    uris: Vec<String>,
    #[serde(default)]
    dns: Vec<String>,
    #[serde(default)]
    subject: String,
}

impl RequestSpec {
    /// The client whose sidecar takes the request.
    pub(crate) fn client(&self) -> Result<Option<ObjectName>, String> {
        let Some(from) = &self.from else {
            return Ok(None);
        };
        let of_connection = [
            ("principal", self.principal.is_some()),
            ("peer", self.peer.is_some()),
            ("sourceIp", self.source_ip.is_some()),
            ("remoteIp", self.remote_ip.is_some()),
            ("sni", self.sni.is_some()),
            ("claims", self.claims.is_some()),
        ];
        if let Some((field, _)) = of_connection.iter().find(|(_, given)| *given) {
            return Err(format!(
                "`{field}` goes with a request to the gateway itself; with `from`, the proxies see to it"
            ));
        }
        object_name(from).map(Some).map_err(|error| format!("`from`: {error}"))
    }

    /// Whether it goes to the gateway itself.
    pub(crate) const fn is_direct(&self) -> bool {
        self.from.is_none()
    }

    pub(crate) fn method(&self) -> &str {
        &self.method
    }

    /// The URL without its scheme.
    pub(crate) fn target(&self) -> &str {
        self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest)
    }

    /// The port of the gateway's pod.
    pub(crate) fn gateway_port(&self) -> u16 {
        self.port.unwrap_or(DEFAULT_PORT)
    }

    /// The port of the host that a client calls: the URL's.
    pub(crate) fn url_port(&self) -> u16 {
        let (scheme, rest) = self.url.split_once("://").unwrap_or_default();
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let port = rest[..end].rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        port.unwrap_or(if scheme == "https" { 443 } else { 80 })
    }

    pub(crate) fn describe(&self) -> Result<Description, String> {
        let peer = match (&self.principal, &self.peer) {
            (Some(_), Some(_)) => return Err("give `principal` or `peer`, not both".to_owned()),
            (Some(principal), None) => Some(PeerNames::workload(principal)),
            (None, Some(peer)) => Some(PeerNames {
                uris: peer.uris.clone(),
                dns: peer.dns.clone(),
                subject: peer.subject.clone(),
            }),
            (None, None) => None,
        };
        let mut headers = Vec::new();
        for (name, lines) in &self.headers {
            match lines {
                Lines::One(line) => headers.push((name.clone(), line.clone())),
                Lines::Several(lines) => headers.extend(lines.iter().map(|line| (name.clone(), line.clone()))),
            }
        }
        Ok(Description {
            method: self.method.clone(),
            url: self.url.clone(),
            headers,
            peer,
            source_ip: self.source_ip,
            remote_ip: self.remote_ip,
            sni: self.sni.clone(),
            port: self.gateway_port(),
            claims: self.claims.clone(),
        })
    }
}

/// What must become of a request. Each field is checked when it is given.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Expectation {
    /// What the client gets.
    pub(crate) status: u32,
    pub(crate) body: Option<String>,
    /// The response code details.
    pub(crate) details: Option<String>,
    /// `allow`, `deny`, `unregistered` or `error`.
    pub(crate) decision: Option<String>,
    /// The rule that decided; `-` when a default did.
    pub(crate) rule: Option<String>,
    /// Fields of the access log.
    #[serde(default)]
    pub(crate) log: BTreeMap<String, String>,
}

impl Expectation {
    /// The expectations of the access log, those with fields of their own included.
    pub(crate) fn log_fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = [
            (LogField::Decision.property(), &self.decision),
            (LogField::Rule.property(), &self.rule),
        ];
        let own = own
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)));
        own.chain(self.log.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }
}
