//! All rules of one action, compiled.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::decision::RuleName;
use crate::facts::Facts;
use crate::index::{Branch, ConstraintNumber, Index, NumberOfText, RuleNumber, build};
use crate::model::{Constraint, Policy, Rule, Values, VisitValues};
use crate::order::{in_order, sort_pairs};
use crate::request::{Attribute, Request, Unreadable};
use crate::trust_domain::TrustDomains;

/// A rule with more combinations of sources and operations than this keeps its shorter side as alternatives.
const MOST_COMBINATIONS: usize = 64;

/// The rules of all policies with one action, ready to be matched.
///
/// A set without rules is still a set: an `ALLOW` policy that allows nothing denies everything.
#[derive(Clone, Debug)]
pub(crate) struct RuleSet {
    /// In byte order.
    names: Vec<RuleName>,
    constraints: Vec<Constraint>,
    branches: Vec<Branch>,
    index: Index,
}

impl RuleSet {
    /// Compiles the rules of policies that share an action; `None` when there is no policy.
    pub(crate) fn new<'p>(policies: impl IntoIterator<Item = &'p Policy>, domains: &TrustDomains) -> Option<Self> {
        let mut policies = policies.into_iter().peekable();
        policies.peek()?;
        let rules: Vec<(RuleName, &Rule)> = policies
            .flat_map(|policy| {
                let rules = policy.rules().iter().enumerate();
                rules.map(|(index, rule)| (RuleName::new(policy.name(), policy.action(), index), rule))
            })
            .collect();
        let order = in_order(rules.len(), &|a, b| rules[a].0.cmp(&rules[b].0));
        let mut cutter = Cutter {
            domains,
            constraints: Vec::new(),
            numbers: HashMap::default(),
            branches: Vec::new(),
            known: NumberOfText::default(),
        };
        for (number, &place) in order.iter().enumerate() {
            cutter.cut(number as RuleNumber, rules[place as usize].1);
        }
        let index = build(&cutter.branches, &cutter.constraints);
        Some(Self {
            names: order.iter().map(|&place| rules[place as usize].0.clone()).collect(),
            constraints: cutter.constraints,
            branches: cutter.branches,
            index,
        })
    }

    /// The first rule that matches, in the byte order of names.
    pub(crate) fn first_match<R: Request + ?Sized>(
        &self,
        facts: &Facts<'_, R>,
    ) -> Result<Option<&RuleName>, Unreadable> {
        let number = self.index.first_match(&self.branches, &self.constraints, facts)?;
        Ok(number.map(|number| &self.names[number as usize]))
    }

    /// The attributes that some rule needs.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = Attribute> {
        self.constraints.iter().map(attribute_of)
    }
}

/// Cuts rules into branches and numbers their constraints, equal ones once.
struct Cutter<'a> {
    domains: &'a TrustDomains,
    constraints: Vec<Constraint>,
    numbers: HashMap<Constraint, ConstraintNumber, FixedState>,
    branches: Vec<Branch>,
    /// A later rule that says the same as an earlier one is never the first to match.
    known: NumberOfText,
}

impl Cutter<'_> {
    fn cut(&mut self, rule: RuleNumber, written: &Rule) {
        let when = self.conjunction(&written.when);
        let mut from = self.conjunctions(&written.from);
        let mut to = self.conjunctions(&written.to);
        if from.len().saturating_mul(to.len()) <= MOST_COMBINATIONS {
            for (from, to) in from.iter().flat_map(|from| to.iter().map(move |to| (from, to))) {
                self.branch(rule, &[when.as_slice(), from, to].concat(), Vec::new());
            }
        } else {
            if from.len() < to.len() {
                std::mem::swap(&mut from, &mut to);
            }
            for longer in from {
                self.branch(rule, &[when.as_slice(), &longer].concat(), to.clone());
            }
        }
    }

    fn branch(&mut self, rule: RuleNumber, all: &[ConstraintNumber], any: Vec<Vec<ConstraintNumber>>) {
        let by_cost = all
            .iter()
            .map(|&number| (cost(&self.constraints[number as usize]), number));
        let mut all: Vec<ConstraintNumber> = sort_pairs(by_cost).map(|(_, number)| number).collect();
        all.dedup();
        if any.is_empty() {
            let said: Vec<u8> = all.iter().flat_map(|number| number.to_le_bytes()).collect();
            if self.known.insert(said.into(), rule).is_some() {
                return;
            }
        }
        self.branches.push(Branch {
            rule,
            all: all.into(),
            any: any.into_iter().map(Vec::into_boxed_slice).collect(),
        });
    }

    /// Each conjunction's constraints; no conjunction at all is one that asks for nothing.
    fn conjunctions(&mut self, written: &[Vec<Constraint>]) -> Vec<Vec<ConstraintNumber>> {
        if written.is_empty() {
            return vec![Vec::new()];
        }
        written.iter().map(|all| self.conjunction(all)).collect()
    }

    fn conjunction(&mut self, written: &[Constraint]) -> Vec<ConstraintNumber> {
        let mut numbers = Vec::with_capacity(written.len());
        for constraint in written {
            for half in self.domains.expand(constraint).visit(&InHalves) {
                numbers.push(self.number(half));
            }
        }
        numbers
    }

    fn number(&mut self, constraint: Constraint) -> ConstraintNumber {
        let constraints = &mut self.constraints;
        *self.numbers.entry(constraint).or_insert_with_key(|constraint| {
            constraints.push(constraint.clone());
            constraints.len() as ConstraintNumber - 1
        })
    }
}

/// A constraint's demands and its exclusions, as constraints of their own, so that rules share them.
struct InHalves;

impl VisitValues for InHalves {
    type Output = Vec<Constraint>;

    fn visit<T: Clone>(&self, values: &Values<T>, constraint: &dyn Fn(Values<T>) -> Constraint) -> Vec<Constraint> {
        let demands = Values {
            any_of: values.any_of.clone(),
            none_of: Vec::new(),
        };
        let exclusions = Values {
            any_of: Vec::new(),
            none_of: values.none_of.clone(),
        };
        [demands, exclusions]
            .into_iter()
            .filter(|half| !half.any_of.is_empty() || !half.none_of.is_empty())
            .map(constraint)
            .collect()
    }
}

fn attribute_of(constraint: &Constraint) -> Attribute {
    match constraint {
        Constraint::Host(_) | Constraint::Method(_) | Constraint::Path(_) | Constraint::Header { .. } => {
            Attribute::Headers
        }
        Constraint::Principal(_)
        | Constraint::Namespace(_)
        | Constraint::ServiceAccount(_)
        | Constraint::TrustDomain(_) => Attribute::Peer,
        Constraint::SourceIp(_) => Attribute::SourceIp,
        Constraint::RemoteIp(_) => Attribute::RemoteIp,
        Constraint::DestinationIp(_) => Attribute::DestinationIp,
        Constraint::Port(_) => Attribute::DestinationPort,
        Constraint::Sni(_) => Attribute::Sni,
        Constraint::RequestPrincipal(_) | Constraint::Claim { .. } | Constraint::Metadata { .. } => Attribute::Metadata,
    }
}

/// How much it costs to learn the attribute of a constraint: headers are always read, a certificate or a token is parsed.
fn cost(constraint: &Constraint) -> u32 {
    match attribute_of(constraint) {
        Attribute::Headers => 0,
        Attribute::DestinationPort | Attribute::DestinationIp | Attribute::Sni => 1,
        Attribute::RemoteIp | Attribute::SourceIp => 2,
        Attribute::Peer => 3,
        Attribute::Metadata => 4,
    }
}
