//! The text of a format, taken apart into literals and operators as Envoy's own expression for it does:
//! `%NAME(argument):length%`, where the argument and the length may be missing.

use super::error::{FormatError, Problem};
use super::operators::Operator;

/// A parsed text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Template {
    pub(super) parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Literal(String),
    Operator(Operator),
}

/// An operator as it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Call<'a> {
    pub(super) name: &'a str,
    /// Empty also when there are no parentheses: Envoy makes no difference.
    pub(super) argument: &'a str,
    pub(super) length: Option<usize>,
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, FormatError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            literal.push_str(before);
            if let Some(after) = after.strip_prefix('%') {
                literal.push('%');
                rest = after;
                continue;
            }
            let column = text.len() - after.len();
            let (call, after) =
                Call::parse(after).map_err(|problem| FormatError::new(excerpt(after), column, problem))?;
            let operator = Operator::new(call).map_err(|problem| FormatError::new(call.name, column, problem))?;
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(Part::Operator(operator));
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self { parts })
    }
}

impl<'a> Call<'a> {
    /// What begins after a `%`, and the text that follows it.
    fn parse(text: &'a str) -> Result<(Self, &'a str), Problem> {
        let is_of_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let (name, rest) = text.split_at(text.find(|c| !is_of_name(c)).unwrap_or(text.len()));
        if name.is_empty() {
            return Err(Problem::NoName);
        }
        let call = |argument, (length, rest)| (Self { name, argument, length }, rest);
        let Some(inside) = rest.strip_prefix('(') else {
            return ending(rest).map(|end| call("", end)).ok_or(Problem::NotClosed);
        };
        // The argument ends at the first parenthesis after which the operator can end, and on its own line.
        let line = inside.split('\n').next().unwrap_or_default();
        line.match_indices(')')
            .find_map(|(at, _)| ending(&inside[at + 1..]).map(|end| call(&inside[..at], end)))
            .ok_or(Problem::NotClosed)
    }
}

/// The length and the closing `%`, and the text that follows.
fn ending(text: &str) -> Option<(Option<usize>, &str)> {
    if let Some(rest) = text.strip_prefix('%') {
        return Some((None, rest));
    }
    let (digits, rest) = text.strip_prefix(':')?.split_once('%')?;
    // `parse` alone would take a sign.
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let length = digits.parse().ok().filter(|_| is_number)?;
    Some((Some(length), rest))
}

/// As much of a text that is no operator as an error has room for.
fn excerpt(text: &str) -> &str {
    const MOST: usize = 32;
    let word = text.split(['%', '\n']).next().unwrap_or_default();
    let end = word.char_indices().nth(MOST).map_or(word.len(), |(at, _)| at);
    &word[..end]
}
