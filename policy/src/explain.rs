//! Why each policy matches a request, or does not.
//!
//! This walks every rule of every policy as it is written; it shares the meaning of a single constraint with the engine and
//! nothing of the index.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::FieldPath;
use crate::canonical::canonical_policy;
use crate::config::{Matching, Mesh, PluginType};
use crate::decision::RuleName;
use crate::facts::Facts;
use crate::model::{Action, Constraint, Policy, PolicyName, Rule, Subject};
use crate::request::{MetadataValue, Request, Unreadable};
use crate::trust_domain::TrustDomains;

/// What one policy has to say about a request.
#[derive(Clone, Debug)]
pub struct PolicyExplanation {
    /// The policy.
    pub policy: PolicyName,
    /// Its action.
    pub action: Action,
    /// Whether it is only tried.
    pub dry_run: bool,
    /// Its rules, as written. The policy matches when any of them does.
    pub rules: Vec<RuleExplanation>,
}

impl PolicyExplanation {
    /// Whether the policy matches.
    #[must_use]
    pub fn matched(&self) -> bool {
        self.rules.iter().any(RuleExplanation::matched)
    }
}

/// What one rule has to say about a request.
#[derive(Clone, Debug)]
pub struct RuleExplanation {
    /// The rule.
    pub rule: RuleName,
    /// What keeps it from matching: for each part that fails (`from`, `to`, one `when`), the constraint that fails in each
    /// alternative. Empty when the rule matches.
    pub obstacles: Vec<Obstacle>,
    /// The fields of the rule that ask for something that only HTTP has, and that are not asked of a connection.
    pub left_out: Vec<FieldPath>,
}

impl RuleExplanation {
    /// Whether the rule matches.
    #[must_use]
    pub const fn matched(&self) -> bool {
        self.obstacles.is_empty()
    }
}

/// A constraint that a request fails.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Obstacle {
    /// The field of the policy, from the resource's root.
    pub path: FieldPath,
    /// What the request has, in words.
    pub actual: String,
    /// Why that does not do.
    pub reason: Reason,
}

/// Why a constraint fails.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reason {
    /// None of these values matches.
    NoneOf(Vec<String>),
    /// This value matches and must not.
    Excluded(String),
    /// The rule allows by something that only HTTP has; in a network filter, it allows nothing.
    NeedsHttp,
}

/// Explains what each policy has to say about a request. With canonical matching, it is the canonical form that is to be handed
/// in: [`CanonicalRequest`](crate::canonical::CanonicalRequest).
///
/// # Errors
///
/// When an attribute that a policy needs cannot be read.
pub fn explain<R: Request + ?Sized>(
    plugin_type: PluginType,
    policies: &[Policy],
    mesh: &Mesh,
    request: &R,
) -> Result<Vec<PolicyExplanation>, Unreadable> {
    let explainer = Explainer {
        plugin_type,
        domains: TrustDomains::of(mesh),
        facts: Facts {
            request,
            header_mode: mesh.header_mode,
        },
    };
    let read = |policy: &Policy| match mesh.matching {
        // What has no canonical form is explained as it is written; nothing is enforced with it.
        Matching::Canonical => explainer.policy(&canonical_policy(policy.clone()).unwrap_or_else(|_| policy.clone())),
        Matching::Istio => explainer.policy(policy),
    };
    policies.iter().map(read).collect()
}

struct Explainer<'r, R: ?Sized> {
    plugin_type: PluginType,
    domains: TrustDomains,
    facts: Facts<'r, R>,
}

impl<R: Request + ?Sized> Explainer<'_, R> {
    fn policy(&self, policy: &Policy) -> Result<PolicyExplanation, Unreadable> {
        let rules_path = FieldPath::root().field("spec").field("rules");
        let mut rules = Vec::with_capacity(policy.rules().len());
        for (index, rule) in policy.rules().iter().enumerate() {
            let path = rules_path.index(index);
            let (obstacles, left_out) = match rule.read_by(self.plugin_type, policy.action()) {
                Some(Cow::Borrowed(_)) => (self.rule(rule, &path)?, Vec::new()),
                Some(Cow::Owned(_)) => (self.rule(rule, &path)?, rule.places(&path, Subject::is_http)),
                None => {
                    let obstacle = Obstacle {
                        path,
                        actual: "this is a connection, not a request".to_owned(),
                        reason: Reason::NeedsHttp,
                    };
                    (vec![obstacle], Vec::new())
                }
            };
            rules.push(RuleExplanation {
                rule: RuleName::new(policy.name(), policy.action(), index),
                obstacles,
                left_out,
            });
        }
        Ok(PolicyExplanation {
            policy: policy.name().clone(),
            action: policy.action().clone(),
            dry_run: policy.dry_run(),
            rules,
        })
    }

    fn rule(&self, rule: &Rule, path: &FieldPath) -> Result<Vec<Obstacle>, Unreadable> {
        let from = path.field("from");
        let mut obstacles = self.any(&rule.from, |position| from.index(position).field("source"))?;
        let to = path.field("to");
        obstacles.extend(self.any(&rule.to, |position| to.index(position).field("operation"))?);
        for (position, constraint) in rule.when.iter().enumerate() {
            obstacles.extend(self.obstacle(constraint, |_| path.field("when").index(position))?);
        }
        Ok(obstacles)
    }

    /// The first obstacle of each alternative, or none when an alternative has none.
    fn any(
        &self,
        alternatives: &[Vec<Constraint>],
        path: impl Fn(usize) -> FieldPath,
    ) -> Result<Vec<Obstacle>, Unreadable> {
        let mut obstacles = Vec::new();
        for (position, all) in alternatives.iter().enumerate() {
            let mut failed = None;
            for constraint in all {
                failed = self.obstacle(constraint, |field| path(position).field(field))?;
                if failed.is_some() {
                    break;
                }
            }
            match failed {
                Some(obstacle) => obstacles.push(obstacle),
                None => return Ok(Vec::new()),
            }
        }
        Ok(obstacles)
    }

    fn obstacle(
        &self,
        constraint: &Constraint,
        path: impl Fn(&str) -> FieldPath,
    ) -> Result<Option<Obstacle>, Unreadable> {
        let is_left_out = !self.plugin_type.is_http() && constraint.subject().is_http();
        let constraint = self.domains.expand(constraint);
        if is_left_out || self.facts.hold(&constraint)? {
            return Ok(None);
        }
        let [field, not_field] = constraint.subject().fields();
        for value in constraint.none_of() {
            if self.facts.any_match(constraint.subject(), std::iter::once(&**value))? {
                return Ok(Some(Obstacle {
                    path: path(not_field),
                    actual: self.actual(constraint.subject())?,
                    reason: Reason::Excluded(value.clone()),
                }));
            }
        }
        Ok(Some(Obstacle {
            path: path(field),
            actual: self.actual(constraint.subject())?,
            reason: Reason::NoneOf(constraint.any_of().iter().map(ToString::to_string).collect()),
        }))
    }

    /// What the request has for a subject, in words.
    fn actual(&self, subject: &Subject) -> Result<String, Unreadable> {
        let request = self.facts.request;
        Ok(match subject {
            Subject::Principal | Subject::Namespace | Subject::ServiceAccount | Subject::TrustDomain => {
                match request.peer()? {
                    None => "the connection has no peer certificate".to_owned(),
                    Some(peer) => format!(
                        "the peer is {}",
                        quote_all(peer.names().filter(|name| !name.is_empty()))
                    ),
                }
            }
            Subject::RequestPrincipal => match self.facts.issuer()?.zip(self.facts.token_subject()?) {
                None => "there is no token with an issuer and a subject".to_owned(),
                Some((issuer, subject)) => format!("the token is {}", quote(&[issuer, b"/", subject].concat())),
            },
            Subject::Claim(path) => {
                let claim = request.metadata()?.claim(path);
                format!("the claim `{}` is {}", path.join("."), describe(claim))
            }
            Subject::Metadata { filter, key } => {
                let value = request.metadata()?.get(filter, key);
                format!("`{key}` of `{filter}` is {}", describe(value))
            }
            Subject::SourceIp => address("direct peer", request.source_ip()?),
            Subject::RemoteIp => address("client", request.remote_ip()?),
            Subject::DestinationIp => address("proxy", request.destination_ip()?),
            Subject::Port => match request.destination_port()? {
                None => "the proxy's port is not known".to_owned(),
                Some(port) => format!("the proxy listens on port {port}"),
            },
            Subject::Host => self.header("host", ":authority")?,
            Subject::Method => self.header("method", ":method")?,
            Subject::Header(name) => self.header(&format!("header `{name}`"), name)?,
            Subject::Path => match self.facts.path()? {
                None => "there is no path".to_owned(),
                Some(path) => format!("the path is {}", quote(path)),
            },
            Subject::Sni => match request.sni()? {
                None => "the client named no server (SNI)".to_owned(),
                Some(name) => format!("the server name is {}", quote(name)),
            },
        })
    }

    fn header(&self, what: &str, name: &str) -> Result<String, Unreadable> {
        let headers = self.facts.request.headers()?;
        Ok(match headers.first(name) {
            None => format!("there is no {what}"),
            Some(_) => format!("the {what} is {}", quote_all(headers.lines(name))),
        })
    }
}

fn address(whose: &str, address: Option<IpAddr>) -> String {
    match address {
        None => format!("the {whose}'s address is not known"),
        Some(address) => format!("the {whose}'s address is {address}"),
    }
}

fn quote(bytes: &[u8]) -> String {
    format!("`{}`", bytes.escape_ascii())
}

fn quote_all<'a>(all: impl Iterator<Item = &'a [u8]>) -> String {
    let all: Vec<String> = all.map(quote).collect();
    if all.is_empty() {
        "nameless".to_owned()
    } else {
        all.join(", ")
    }
}

fn describe(value: Option<&MetadataValue>) -> String {
    match value {
        None => "absent".to_owned(),
        Some(MetadataValue::Null) => "null, which never matches".to_owned(),
        Some(MetadataValue::Bool(value)) => format!("the boolean {value}, which never matches"),
        Some(MetadataValue::Number(value)) => format!("the number {value}, which never matches"),
        Some(MetadataValue::Struct(_)) => "an object, which never matches".to_owned(),
        Some(MetadataValue::String(text)) => quote(text),
        Some(value @ MetadataValue::List(_)) => {
            format!("a list with the texts {}", quote_all(value.texts()))
        }
    }
}
