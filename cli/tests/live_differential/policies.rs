//! Generated policies, and the mesh in which they apply.

use serde_json::{Map, Value, json};

use crate::attribute::{About, Attribute, CONDITION, OPERATION, SOURCE};
use crate::random::Random;

/// The gateway's namespace; that of the mesh is Istio's own.
pub(crate) const GATEWAY_NAMESPACE: &str = "egress";
pub(crate) const GATEWAY_NAME: &str = "istio-egressgateway";
const ROOT_NAMESPACE: &str = "istio-system";

/// What one pair of filter chains enforces.
#[derive(Debug)]
pub(crate) struct PolicySet {
    pub(crate) policies: Vec<Policy>,
    pub(crate) mesh: Mesh,
}

#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) namespace: &'static str,
    name: String,
    action: &'static str,
    dry_run: bool,
    pub(crate) rules: Vec<Rule>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Rule {
    pub(crate) from: Vec<Vec<Constraint>>,
    pub(crate) to: Vec<Vec<Constraint>>,
    pub(crate) when: Vec<Constraint>,
}

/// Values of one attribute that a rule demands, and values that it excludes.
#[derive(Clone, Debug)]
pub(crate) struct Constraint {
    pub(crate) attribute: Attribute,
    pub(crate) any_of: Vec<String>,
    pub(crate) none_of: Vec<String>,
}

/// The settings of the mesh and of the gateway that change a decision.
#[derive(Clone, Debug)]
pub(crate) struct Mesh {
    trust_domain: &'static str,
    aliases: &'static [&'static str],
    pub(crate) normalization: &'static str,
    pub(crate) trusted_proxies: u32,
    /// Whether the filter learns the caller's names from the header that forwards them.
    pub(crate) forwarded_identity: bool,
}

impl PolicySet {
    /// The sets of a run take turns at the attributes, so that none is left out. `port` is the gateway's.
    pub(crate) fn generate(random: &mut Random, number: usize, port: u16) -> Self {
        let count = if random.chance(5) { 8 } else { random.between(1, 3) };
        let mut policies: Vec<Policy> = (0..count).map(|index| Policy::generate(random, index, port)).collect();
        let first = &mut policies[0];
        first.rules = vec![Rule::with_turn(random, number, port)];
        if random.chance(80) {
            (first.action, first.dry_run) = (random.pick(&["ALLOW", "DENY"]), false);
        }
        Self {
            policies,
            mesh: Mesh::generate(random),
        }
    }

    /// Every rule by itself, in the same mesh.
    pub(crate) fn apart(&self) -> Vec<Self> {
        let alone = |policy: &Policy, rule: &Rule| Self {
            policies: vec![Policy {
                rules: vec![rule.clone()],
                ..policy.clone()
            }],
            mesh: self.mesh.clone(),
        };
        let policies = self.policies.iter();
        policies
            .flat_map(|policy| policy.rules.iter().map(move |rule| alone(policy, rule)))
            .collect()
    }

    /// All rules, with the namespaces of their policies.
    pub(crate) fn rules(&self) -> impl Iterator<Item = (&'static str, &Rule)> {
        let policies = self.policies.iter();
        policies.flat_map(|policy| policy.rules.iter().map(move |rule| (policy.namespace, rule)))
    }

    /// The rule that native authorization calls by this name.
    pub(crate) fn rule_named(&self, name: &str) -> Option<&Rule> {
        self.policies.iter().find_map(|policy| {
            let prefix = format!("ns[{}]-policy[{}]-rule[", policy.namespace, policy.name);
            let index = name.strip_prefix(&prefix)?.strip_suffix(']')?;
            policy.rules.get(index.parse::<usize>().ok()?)
        })
    }

    /// The objects of a cluster that has these policies, one JSON document each.
    pub(crate) fn manifest(&self) -> String {
        let objects = std::iter::once(self.mesh.manifest()).chain(self.policies.iter().map(Policy::manifest));
        let documents: Vec<String> = objects.map(|object| format!("{object:#}\n")).collect();
        documents.join("---\n")
    }
}

impl Policy {
    fn generate(random: &mut Random, index: usize, port: u16) -> Self {
        let action = random.pick(&["ALLOW", "ALLOW", "ALLOW", "DENY", "DENY", "DENY", "AUDIT"]);
        // More than ten, so that `rule[10]` is sorted before `rule[2]`.
        let rules = match random.below(20) {
            0 => 12,
            1..12 => 1,
            12 if action != "DENY" => 0,
            _ => 2,
        };
        Self {
            namespace: random.pick(&[GATEWAY_NAMESPACE, ROOT_NAMESPACE]),
            name: format!("p{index}"),
            action,
            dry_run: action != "AUDIT" && random.chance(15),
            rules: (0..rules).map(|_| Rule::generate(random, port)).collect(),
        }
    }

    fn manifest(&self) -> Value {
        let mut metadata = json!({"namespace": self.namespace, "name": self.name});
        if self.dry_run {
            metadata["annotations"] = json!({"istio.io/dry-run": "true"});
        }
        json!({
            "apiVersion": "security.istio.io/v1",
            "kind": "AuthorizationPolicy",
            "metadata": metadata,
            "spec": {
                "action": self.action,
                "rules": self.rules.iter().map(Rule::manifest).collect::<Vec<_>>(),
            },
        })
    }
}

impl Rule {
    /// A rule with the attribute whose turn it is, and perhaps another constraint.
    fn with_turn(random: &mut Random, number: usize, port: u16) -> Self {
        let mut rule = if random.chance(30) {
            Self::generate(random, port)
        } else {
            Self::default()
        };
        let constraint = |random: &mut Random, attribute| vec![Constraint::generate(random, attribute, port)];
        let turns = SOURCE.len() + OPERATION.len() + CONDITION.len();
        let turn = number % turns;
        if let Some(attribute) = SOURCE.get(turn) {
            rule.from = vec![constraint(random, *attribute)];
        } else if let Some(attribute) = OPERATION.get(turn - SOURCE.len()) {
            rule.to = vec![constraint(random, *attribute)];
        } else {
            rule.when = constraint(random, CONDITION[turn - SOURCE.len() - OPERATION.len()]);
        }
        rule
    }

    fn generate(random: &mut Random, port: u16) -> Self {
        // Few constraints, so that one does not keep the others from being decisive.
        let mut rule = Self::default();
        while rule.constraints().next().is_none() && !random.chance(2) {
            if random.chance(50) {
                let count = random.between(1, 2);
                rule.from = (0..count).map(|_| source(random, port)).collect();
            }
            if random.chance(45) {
                let count = random.between(1, 2);
                rule.to = (0..count).map(|_| some(random, &OPERATION, port)).collect();
            }
            if random.chance(45) {
                rule.when = some(random, &CONDITION, port);
            }
        }
        rule
    }

    pub(crate) fn constraints(&self) -> impl Iterator<Item = &Constraint> {
        self.from.iter().chain(&self.to).flatten().chain(&self.when)
    }

    fn manifest(&self) -> Value {
        let list = |sets: &[Vec<Constraint>], kind: &str| {
            let of_set = |set: &Vec<Constraint>| json!({ kind: fields(set) });
            sets.iter().map(of_set).collect::<Vec<_>>()
        };
        let mut rule = Map::new();
        let parts = [
            ("from", list(&self.from, "source")),
            ("to", list(&self.to, "operation")),
        ];
        let when = self.when.iter().map(condition).collect();
        for (name, part) in parts.into_iter().chain([("when", when)]) {
            if !part.is_empty() {
                rule.insert(name.to_owned(), part.into());
            }
        }
        rule.into()
    }
}

/// One attribute or two.
fn some(random: &mut Random, attributes: &[Attribute], port: u16) -> Vec<Constraint> {
    let (first, second) = (random.pick(attributes), random.pick(attributes));
    let mut constraints = vec![Constraint::generate(random, first, port)];
    if random.chance(30) && second != first {
        constraints.push(Constraint::generate(random, second, port));
    }
    constraints
}

/// Admission does not take service accounts beside principals or namespaces.
fn source(random: &mut Random, port: u16) -> Vec<Constraint> {
    let mut constraints = some(random, &SOURCE, port);
    let has_account = constraints
        .iter()
        .any(|constraint| constraint.attribute.about == About::ServiceAccount);
    if has_account {
        constraints.retain(|constraint| !matches!(constraint.attribute.about, About::Principal | About::Namespace));
    }
    constraints
}

impl Constraint {
    fn generate(random: &mut Random, attribute: Attribute, port: u16) -> Self {
        let values = |random: &mut Random| {
            let count = random.between(1, 2);
            (0..count).map(|_| attribute.about.value(random, port)).collect()
        };
        let (any_of, none_of) = match random.below(10) {
            0..6 => (values(random), Vec::new()),
            6..9 => (Vec::new(), values(random)),
            _ => (values(random), values(random)),
        };
        Self {
            attribute,
            any_of,
            none_of,
        }
    }
}

/// The constraints of a source or an operation, as its fields.
fn fields(constraints: &[Constraint]) -> Value {
    let named = constraints.iter().flat_map(|constraint| {
        let Attribute { name, negated, .. } = constraint.attribute;
        [(name, &constraint.any_of), (negated, &constraint.none_of)]
    });
    let given = named.filter(|(_, values)| !values.is_empty());
    given.map(|(name, values)| (name.to_owned(), json!(values))).collect()
}

fn condition(constraint: &Constraint) -> Value {
    let mut condition = json!({"key": constraint.attribute.name});
    for (name, values) in [("values", &constraint.any_of), ("notValues", &constraint.none_of)] {
        if !values.is_empty() {
            condition[name] = json!(values);
        }
    }
    condition
}

impl Mesh {
    fn generate(random: &mut Random) -> Self {
        let domains: [&'static [&'static str]; 5] = [
            &["cluster.local"],
            &["td", "old"],
            &["td", "old", "cluster.local"],
            &["new", "*d", "old"],
            &["td", "*"],
        ];
        let domains = random.pick(&domains);
        let normalizations = ["NONE", "BASE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"];
        Self {
            trust_domain: domains[0],
            aliases: &domains[1..],
            normalization: random.pick(&normalizations),
            trusted_proxies: random.pick(&[0, 0, 1, 2]),
            forwarded_identity: random.chance(25),
        }
    }

    fn manifest(&self) -> Value {
        let config = json!({
            "trustDomain": self.trust_domain,
            "trustDomainAliases": self.aliases,
            "rootNamespace": ROOT_NAMESPACE,
            "pathNormalization": {"normalization": self.normalization},
            "defaultConfig": {"gatewayTopology": {"numTrustedProxies": self.trusted_proxies}},
        });
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"namespace": ROOT_NAMESPACE, "name": "istio"},
            "data": {"mesh": config.to_string()},
        })
    }
}
