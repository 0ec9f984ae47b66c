//! Why each policy matches a request, or does not.
//!
//! This walks every rule of every policy as it is written; it shares the meaning of a single constraint with the engine and
//! nothing of the index.

use crate::FieldPath;
use crate::config::Mesh;
use crate::decision::RuleName;
use crate::facts::{AddressSubject, Facts};
use crate::model::{Action, Constraint, Policy, PolicyName, Values, VisitValues};
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
}

/// Explains what each policy has to say about a request.
///
/// # Errors
///
/// When an attribute that a policy needs cannot be read.
pub fn explain<R: Request + ?Sized>(
    policies: &[Policy],
    mesh: &Mesh,
    request: &R,
) -> Result<Vec<PolicyExplanation>, Unreadable> {
    let explainer = Explainer {
        domains: TrustDomains::of(mesh),
        facts: Facts {
            request,
            header_mode: mesh.header_mode,
        },
    };
    policies.iter().map(|policy| explainer.policy(policy)).collect()
}

struct Explainer<'r, R: ?Sized> {
    domains: TrustDomains,
    facts: Facts<'r, R>,
}

impl<R: Request + ?Sized> Explainer<'_, R> {
    fn policy(&self, policy: &Policy) -> Result<PolicyExplanation, Unreadable> {
        let rules_path = FieldPath::root().field("spec").field("rules");
        let mut rules = Vec::with_capacity(policy.rules().len());
        for (index, rule) in policy.rules().iter().enumerate() {
            let path = rules_path.index(index);
            let from = path.field("from");
            let mut obstacles = self.any(&rule.from, |position| from.index(position).field("source"))?;
            let to = path.field("to");
            obstacles.extend(self.any(&rule.to, |position| to.index(position).field("operation"))?);
            for (position, constraint) in rule.when.iter().enumerate() {
                obstacles.extend(self.obstacle(constraint, |_| path.field("when").index(position))?);
            }
            rules.push(RuleExplanation {
                rule: RuleName::new(policy.name(), policy.action(), index),
                obstacles,
            });
        }
        Ok(PolicyExplanation {
            policy: policy.name().clone(),
            action: policy.action().clone(),
            dry_run: policy.dry_run(),
            rules,
        })
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
        let constraint = self.domains.expand(constraint);
        if self.facts.hold(&constraint)? {
            return Ok(None);
        }
        let [field, not_field] = fields(&constraint);
        for (value, exclusion) in constraint.visit(&Exclusions) {
            if !self.facts.hold(&exclusion)? {
                return Ok(Some(Obstacle {
                    path: path(not_field),
                    actual: self.actual(&constraint)?,
                    reason: Reason::Excluded(value),
                }));
            }
        }
        Ok(Some(Obstacle {
            path: path(field),
            actual: self.actual(&constraint)?,
            reason: Reason::NoneOf(constraint.visit(&Demands)),
        }))
    }

    /// What the request has for a constraint, in words.
    fn actual(&self, constraint: &Constraint) -> Result<String, Unreadable> {
        let request = self.facts.request;
        Ok(match constraint {
            Constraint::Principal(_)
            | Constraint::Namespace(_)
            | Constraint::ServiceAccount(_)
            | Constraint::TrustDomain(_) => match request.peer()? {
                None => "the connection has no peer certificate".to_owned(),
                Some(peer) => format!(
                    "the peer is {}",
                    quote_all(peer.names().filter(|name| !name.is_empty()))
                ),
            },
            Constraint::RequestPrincipal(_) => match self.facts.issuer()?.zip(self.facts.token_subject()?) {
                None => "there is no token with an issuer and a subject".to_owned(),
                Some((issuer, subject)) => format!("the token is {}", quote(&[issuer, b"/", subject].concat())),
            },
            Constraint::Claim { path, .. } => {
                let claim = request.metadata()?.claim(path);
                format!("the claim `{}` is {}", path.join("."), describe(claim))
            }
            Constraint::Metadata { filter, key, .. } => {
                let value = request.metadata()?.get(filter, key);
                format!("`{key}` of `{filter}` is {}", describe(value))
            }
            Constraint::SourceIp(_) => self.address("direct peer", AddressSubject::Source)?,
            Constraint::RemoteIp(_) => self.address("client", AddressSubject::Remote)?,
            Constraint::DestinationIp(_) => self.address("proxy", AddressSubject::Destination)?,
            Constraint::Port(_) => match request.destination_port()? {
                None => "the proxy's port is not known".to_owned(),
                Some(port) => format!("the proxy listens on port {port}"),
            },
            Constraint::Host(_) => self.header("host", ":authority")?,
            Constraint::Method(_) => self.header("method", ":method")?,
            Constraint::Header { name, .. } => self.header(&format!("header `{name}`"), name)?,
            Constraint::Path(_) => match self.facts.path()? {
                None => "there is no path".to_owned(),
                Some(path) => format!("the path is {}", quote(path)),
            },
            Constraint::Sni(_) => match request.sni()? {
                None => "the client named no server (SNI)".to_owned(),
                Some(name) => format!("the server name is {}", quote(name)),
            },
        })
    }

    fn address(&self, whose: &str, subject: AddressSubject) -> Result<String, Unreadable> {
        Ok(match self.facts.address(subject)? {
            None => format!("the {whose}'s address is not known"),
            Some(address) => format!("the {whose}'s address is {address}"),
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

/// The names of a constraint's field and its `not` form, where sources, operations and conditions write it.
const fn fields(constraint: &Constraint) -> [&'static str; 2] {
    match constraint {
        Constraint::Principal(_) => ["principals", "notPrincipals"],
        Constraint::RequestPrincipal(_) => ["requestPrincipals", "notRequestPrincipals"],
        Constraint::Namespace(_) => ["namespaces", "notNamespaces"],
        Constraint::ServiceAccount(_) => ["serviceAccounts", "notServiceAccounts"],
        Constraint::TrustDomain(_) => ["trustDomains", "notTrustDomains"],
        Constraint::SourceIp(_) => ["ipBlocks", "notIpBlocks"],
        Constraint::RemoteIp(_) => ["remoteIpBlocks", "notRemoteIpBlocks"],
        Constraint::Host(_) => ["hosts", "notHosts"],
        Constraint::Method(_) => ["methods", "notMethods"],
        Constraint::Path(_) => ["paths", "notPaths"],
        Constraint::Port(_) => ["ports", "notPorts"],
        Constraint::DestinationIp(_)
        | Constraint::Claim { .. }
        | Constraint::Header { .. }
        | Constraint::Sni(_)
        | Constraint::Metadata { .. } => ["values", "notValues"],
    }
}

/// Each excluded value, and a constraint that excludes it alone.
struct Exclusions;

impl VisitValues for Exclusions {
    type Output = Vec<(String, Constraint)>;

    fn visit<T: Clone + std::fmt::Display>(
        &self,
        values: &Values<T>,
        constraint: &dyn Fn(Values<T>) -> Constraint,
    ) -> Self::Output {
        let alone = |value: &T| Values {
            any_of: Vec::new(),
            none_of: vec![value.clone()],
        };
        let none_of = values.none_of.iter();
        none_of
            .map(|value| (value.to_string(), constraint(alone(value))))
            .collect()
    }
}

/// Each demanded value, as written.
struct Demands;

impl VisitValues for Demands {
    type Output = Vec<String>;

    fn visit<T: Clone + std::fmt::Display>(
        &self,
        values: &Values<T>,
        _: &dyn Fn(Values<T>) -> Constraint,
    ) -> Self::Output {
        values.any_of.iter().map(ToString::to_string).collect()
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
