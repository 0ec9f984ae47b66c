//! Long lists of exclusions.
//!
//! Each excluded value is a statement of its own at first, so that rules that exclude it in common are passed over together. A
//! value that one rule alone excludes gains nothing by that; where a rule has many of them, they become one statement, whose
//! values are looked up.

use crate::index::{Branches, ValueSet};
use crate::order::{pack, second, sort};
use crate::vocabulary::{StatementNumber, Vocabulary};

/// Which rule a statement is of, if there is only one.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Owner {
    None,
    One(u32),
    Several,
}

/// Puts together what single rules exclude.
pub(crate) fn gather<'b>(sets: impl Iterator<Item = &'b mut Branches>, vocabulary: &mut Vocabulary) {
    let mut sets: Vec<&mut Branches> = sets.collect();
    let mut owners = vec![Owner::None; vocabulary.statements().len()];
    let mut rules_before = 0;
    for set in &sets {
        set.each_conjunction(|rule, statements| {
            let rule = rules_before + rule;
            for &statement in statements {
                let owner = &mut owners[statement as usize];
                *owner = match *owner {
                    Owner::None => Owner::One(rule),
                    Owner::One(known) if known == rule => Owner::One(rule),
                    _ => Owner::Several,
                };
            }
        });
        rules_before += set.rules();
    }
    for set in &mut sets {
        set.change_conjunctions(|statements| {
            if statements.len() > ValueSet::FEW {
                gather_in(statements, &owners, vocabulary);
            }
        });
    }
}

fn gather_in(statements: &mut Vec<StatementNumber>, owners: &[Owner], vocabulary: &mut Vocabulary) {
    let is_own = |statement: StatementNumber| matches!(owners.get(statement as usize), Some(Owner::One(_)));
    let own = statements.iter().copied().filter(|&statement| is_own(statement));
    let mut excluded: Vec<u64> = own
        .filter_map(|statement| vocabulary.exclusion(statement))
        .map(|(subject, value)| pack(subject, value))
        .collect();
    sort(&mut excluded);
    for group in excluded.chunk_by(|a, b| a >> 32 == b >> 32) {
        if group.len() <= ValueSet::FEW {
            continue;
        }
        let subject = (group[0] >> 32) as u32;
        statements.retain(|&statement| {
            let is_in_group = vocabulary.exclusion(statement).is_some_and(|(of, _)| of == subject);
            !(is_own(statement) && is_in_group)
        });
        let values: Vec<u32> = group.iter().map(|&value| second(value)).collect();
        statements.push(vocabulary.exclude(subject, &values));
    }
    let mut by_cost = statements
        .iter()
        .map(|&statement| pack(vocabulary.cost(statement), statement))
        .collect();
    sort(&mut by_cost);
    statements.clear();
    statements.extend(by_cost.into_iter().map(second));
}
