//! `outgate explain`: a request, or a connection, through a gateway's policies.

mod report;
mod text;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use outgate_policy::canonical::{Ambiguity, CanonicalRequest};
use outgate_policy::config::{Matching, OnAmbiguous, PluginType};
use outgate_policy::{Decision, Engine, PolicyExplanation, RuleName, Verdict};
use outgate_sdk::filter_config::{FilterOptions, Site};
use outgate_sdk::manifest::Manifests;
use outgate_sdk::scope::GatewayWorkload;
use serde_json::{Map, Value};

use crate::arguments::{self, Explain, OutputFormat, RequestArguments};
use crate::described::{Described, Description, PeerNames};
use crate::failure::{FINE, Failure};
use crate::output;

pub(crate) fn run(arguments: &Explain) -> Result<ExitCode, Failure> {
    let (files, request_line) = arguments.split()?;
    let (manifests, diagnostics) = arguments::load(files, arguments.mesh_config.as_ref());
    output::show_diagnostics(&diagnostics, manifests.sources());
    if diagnostics.errors() > 0 {
        return Err(Failure::Shown);
    }
    let gateway = arguments.gateway.find(&manifests);
    let subject = match request_line {
        Some((method, url)) => {
            let description = describe(method, url, &arguments.request)?;
            Described::new(description, manifests.normalization())?
        }
        None => Described::connection(describe("", "", &arguments.request)?),
    };
    let question = Question {
        manifests: &manifests,
        gateway: &gateway,
        options: FilterOptions {
            plugin_type: arguments.plugin_type(),
            ..arguments.enforcement.options()
        },
        subject: &subject,
    };
    question.check()?;
    question.explain(|explained| match arguments.output {
        OutputFormat::Json => output::print_json(&report::Report::new(explained)),
        OutputFormat::Text => {
            text::print(&question, explained, arguments.request.principal.as_deref());
            Ok(())
        }
    })?;
    Ok(FINE)
}

/// What is to be explained.
struct Question<'a> {
    manifests: &'a Manifests,
    gateway: &'a GatewayWorkload,
    options: FilterOptions,
    subject: &'a Described,
}

/// The explanation.
struct Explained<'a> {
    decision: Decision<'a>,
    /// Authorizers that are asked first.
    custom: Vec<Asked<'a>>,
    policies: Vec<PolicyExplanation>,
    /// What rules were compared with, with canonical matching.
    canonical: Option<Compared<'a>>,
}

impl Explained<'_> {
    /// In what the request is ambiguous, where that is why it is refused.
    fn refused_for(&self) -> Option<(Ambiguity, OnAmbiguous)> {
        let compared = self.canonical.as_ref()?;
        Some((compared.ambiguity?, compared.on_ambiguous?))
    }
}

/// An authorizer that is asked.
struct Asked<'a> {
    provider: &'a str,
    /// Where it is; `None` where the manifests do not say, or not so that the filter could ask.
    cluster: Option<String>,
    /// The rule because of which it is asked.
    rule: &'a RuleName,
}

/// What rules are compared with, where that is the canonical form.
struct Compared<'a> {
    host: String,
    path: String,
    ambiguity: Option<Ambiguity>,
    on_ambiguous: Option<OnAmbiguous>,
    /// The decision on the request as it is spelled, where that is another one.
    literal: Option<(Verdict, Option<&'a RuleName>)>,
}

impl Question<'_> {
    /// Refuses what the filter would refuse to be configured with.
    fn check(&self) -> Result<(), Failure> {
        // What is usual needs no configuration, and so no input without errors.
        if self.options == FilterOptions::default() {
            return Ok(());
        }
        let config = self.manifests.filter_config(self.gateway, &self.options);
        config.map_err(|diagnostics| Failure::input(&diagnostics, self.manifests.sources()))?;
        Ok(())
    }

    fn explain(&self, show: impl FnOnce(&Explained<'_>) -> Result<(), Failure>) -> Result<(), Failure> {
        let policies = self.manifests.checked_policies_for(self.gateway);
        let mesh = outgate_policy::config::Mesh {
            matching: self.options.matching,
            ..self.manifests.mesh(self.gateway)
        };
        let plugin_type = self.options.plugin_type;
        let registry = self.manifests.registry(&self.gateway.name.namespace);
        let registry = (self.options.site == Site::Gateway).then_some(&registry);
        let engine = Engine::compile(plugin_type, &policies, &mesh, registry).map_err(|error| error.to_string())?;
        let spelled = self.subject;
        if mesh.matching == Matching::Istio || plugin_type == PluginType::Network {
            return show(&Explained {
                decision: engine.decide(spelled)?,
                custom: self.asked(&engine, spelled)?,
                policies: outgate_policy::explain(plugin_type, &policies, &mesh, spelled)?,
                canonical: None,
            });
        }
        let canonical = CanonicalRequest::of(spelled)?;
        let decision = engine.decide(&canonical)?;
        let compared = self.compared(&engine, &canonical, &decision)?;
        show(&Explained {
            custom: self.asked(&engine, &canonical)?,
            policies: outgate_policy::explain(plugin_type, &policies, &mesh, &canonical)?,
            canonical: Some(compared),
            decision,
        })
    }

    fn compared<'e>(
        &self,
        engine: &'e Engine,
        canonical: &CanonicalRequest<'_, Described>,
        decision: &Decision<'e>,
    ) -> Result<Compared<'e>, Failure> {
        use outgate_policy::Request;
        let headers = canonical.headers()?;
        let shown = |name| String::from_utf8_lossy(headers.first(name).unwrap_or_default()).into_owned();
        let literal = engine.decide(self.subject)?;
        let is_other = (literal.verdict, literal.rule) != (decision.verdict, decision.rule);
        let ambiguity = canonical.form().and_then(|form| form.ambiguity);
        Ok(Compared {
            host: shown(":authority"),
            path: shown(":path"),
            ambiguity,
            on_ambiguous: self.options.on_ambiguous,
            literal: is_other.then_some((literal.verdict, literal.rule)),
        })
    }

    fn asked<'e>(&self, engine: &'e Engine, request: &impl outgate_policy::Request) -> Result<Vec<Asked<'e>>, Failure> {
        let mut asked = Vec::new();
        for (place, provider) in engine.authorizers().enumerate() {
            if let Some(rule) = engine.asks(place, request)? {
                asked.push(Asked {
                    provider,
                    cluster: self.manifests.authorizer(provider).ok().map(|known| known.cluster),
                    rule,
                });
            }
        }
        Ok(asked)
    }
}

fn describe(method: &str, url: &str, arguments: &RequestArguments) -> Result<Description, Failure> {
    Ok(Description {
        method: method.to_owned(),
        url: url.to_owned(),
        headers: arguments.headers.clone(),
        peer: arguments.principal.as_deref().map(PeerNames::workload),
        source_ip: arguments.source_ip,
        remote_ip: arguments.remote_ip,
        sni: arguments.sni.clone(),
        port: arguments.port,
        claims: arguments.jwt_claims.as_deref().map(read_claims).transpose()?,
    })
}

fn read_claims(file: &Path) -> Result<Map<String, Value>, Failure> {
    let shown = file.display();
    let text = fs::read_to_string(file).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let claims: Value = serde_json::from_str(&text).map_err(|error| format!("{shown}: {error}"))?;
    match claims {
        Value::Object(claims) => Ok(claims),
        _ => Err(Failure::Message(format!(
            "{shown}: expected a JSON object, the token's claims"
        ))),
    }
}
