//! What all rules are made of: texts, subjects and statements, each kept once.

use std::ops::Range;

use crate::facts::Facts;
use crate::index::ValueSet;
use crate::model::{Constraint, Subject};
use crate::request::{Attribute, Request, Unreadable};
use crate::texts::{Numbers, TextNumber, Texts, hash_numbers};
use crate::trust_domain::TrustDomains;

/// The number of a statement.
pub(crate) type StatementNumber = u32;

/// One side of a constraint: that an attribute has one of some values, or that it has not a certain one.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    /// The place of its subject among the subjects.
    subject: u32,
    pub(crate) is_negated: bool,
    /// Where its values stand in the list of values.
    values: Range<u32>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Vocabulary {
    pub(crate) texts: Texts,
    /// There are as many as there are attributes, a handful.
    subjects: Vec<Subject>,
    statements: Vec<Statement>,
    values: Vec<TextNumber>,
    /// Of the statements with many values, by number.
    sets: Vec<(StatementNumber, ValueSet)>,
    /// Finds the number of a statement; empty once nothing is added any more.
    numbers: Numbers,
    /// Room for the values of one constraint.
    scratch: Vec<TextNumber>,
}

impl Vocabulary {
    /// The statements that a constraint makes. Each value that it excludes is a statement of its own, because rules that
    /// exclude one value in common and another by themselves must share the former.
    pub(crate) fn add(&mut self, written: &Constraint, domains: &TrustDomains, statements: &mut Vec<StatementNumber>) {
        let subject = self.subject(written.subject());
        if !written.any_of().is_empty() {
            let mut values = std::mem::take(&mut self.scratch);
            domains.each_value(written.subject(), written.any_of(), &mut |value| {
                values.push(self.texts.number(value));
            });
            statements.push(self.number(subject, false, &values));
            values.clear();
            self.scratch = values;
        }
        domains.each_value(written.subject(), written.none_of(), &mut |value| {
            let value = self.texts.number(value);
            statements.push(self.number(subject, true, &[value]));
        });
    }

    fn subject(&mut self, subject: &Subject) -> u32 {
        let known = self.subjects.iter().position(|known| known == subject);
        known.unwrap_or_else(|| {
            self.subjects.push(subject.clone());
            self.subjects.len() - 1
        }) as u32
    }

    /// The subject and the value of a statement that excludes one.
    pub(crate) fn exclusion(&self, statement: StatementNumber) -> Option<(u32, TextNumber)> {
        let statement = &self.statements[statement as usize];
        match self.texts_of(statement) {
            &[value] if statement.is_negated => Some((statement.subject, value)),
            _ => None,
        }
    }

    /// The statement that excludes several values.
    pub(crate) fn exclude(&mut self, subject: u32, values: &[TextNumber]) -> StatementNumber {
        self.number(subject, true, values)
    }

    fn number(&mut self, subject: u32, is_negated: bool, values: &[TextNumber]) -> StatementNumber {
        let next = self.statements.len() as StatementNumber;
        let head = [subject, u32::from(is_negated)];
        let hash = hash_numbers(head.into_iter().chain(values.iter().copied()));
        let (known, all_values) = (&self.statements, &self.values);
        let number = self.numbers.find_or_insert(hash, next, |number| {
            let known = &known[number as usize];
            known.subject == subject
                && known.is_negated == is_negated
                && all_values[known.values.start as usize..known.values.end as usize] == *values
        });
        if number == next {
            let start = self.values.len() as u32;
            self.values.extend_from_slice(values);
            self.statements.push(Statement {
                subject,
                is_negated,
                values: start..self.values.len() as u32,
            });
        }
        number
    }

    /// Gives back what only new rules need, and makes sets of many values. The index may still add texts.
    pub(crate) fn close(&mut self) {
        self.numbers = Numbers::default();
        self.scratch = Vec::new();
        self.statements.shrink_to_fit();
        self.values.shrink_to_fit();
        let mut texts = std::mem::take(&mut self.texts);
        for (number, statement) in (0..).zip(&self.statements) {
            let values = self.texts_of(statement);
            if values.len() > ValueSet::FEW {
                self.sets
                    .push((number, ValueSet::new(self.subject_of(statement), values, &mut texts)));
            }
        }
        self.texts = texts;
    }

    pub(crate) fn statements(&self) -> &[Statement] {
        &self.statements
    }

    pub(crate) fn subject_of(&self, statement: &Statement) -> &Subject {
        &self.subjects[statement.subject as usize]
    }

    /// The texts of its values.
    pub(crate) fn texts_of(&self, statement: &Statement) -> &[TextNumber] {
        &self.values[statement.values.start as usize..statement.values.end as usize]
    }

    /// Whether a statement is true of a request.
    pub(crate) fn holds<R: Request + ?Sized>(
        &self,
        statement: StatementNumber,
        facts: &Facts<'_, R>,
    ) -> Result<bool, Unreadable> {
        let number = statement;
        let statement = &self.statements[number as usize];
        let (subject, values) = (self.subject_of(statement), self.texts_of(statement));
        let set = (values.len() > ValueSet::FEW)
            .then(|| self.sets.binary_search_by_key(&number, |(number, _)| *number).ok())
            .flatten();
        let matches = match set {
            Some(place) => self.sets[place].1.any_match(subject, &self.texts, facts)?,
            None => facts.any_text_matches(subject, values, &self.texts)?,
        };
        Ok(matches != statement.is_negated)
    }

    /// The attributes that some statement is about.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = Attribute> {
        self.subjects.iter().map(attribute_of)
    }

    /// How much it costs to learn a statement's attribute: headers are always read, a certificate or a token is parsed.
    pub(crate) fn cost(&self, statement: StatementNumber) -> u32 {
        match attribute_of(self.subject_of(&self.statements[statement as usize])) {
            Attribute::Headers => 0,
            Attribute::DestinationPort | Attribute::DestinationIp | Attribute::Sni => 1,
            Attribute::RemoteIp | Attribute::SourceIp => 2,
            Attribute::Peer => 3,
            Attribute::Metadata => 4,
        }
    }
}

const fn attribute_of(subject: &Subject) -> Attribute {
    match subject {
        Subject::Host | Subject::Method | Subject::Path | Subject::Header(_) => Attribute::Headers,
        Subject::Principal | Subject::Namespace | Subject::ServiceAccount | Subject::TrustDomain => Attribute::Peer,
        Subject::SourceIp => Attribute::SourceIp,
        Subject::RemoteIp => Attribute::RemoteIp,
        Subject::DestinationIp => Attribute::DestinationIp,
        Subject::Port => Attribute::DestinationPort,
        Subject::Sni => Attribute::Sni,
        Subject::RequestPrincipal | Subject::Claim(_) | Subject::Metadata { .. } => Attribute::Metadata,
    }
}
