//! Foreign functions: Envoy's own, by name.

use super::frame::{Answer, Frame};
use crate::filter_state::{Declaration, LifeSpan};
use crate::refusal::Refusal;
use crate::vm_state::VmState;

pub(super) fn call(
    frame: &mut Frame<'_>,
    name: u32,
    name_len: u32,
    arguments: u32,
    arguments_len: u32,
    out: u32,
    out_len: u32,
) -> Answer {
    let (memory, state) = frame.split()?;
    let (name, arguments) = (memory.slice(name, name_len)?, memory.slice(arguments, arguments_len)?);
    state.trace.text(name);
    state.budget.take_bytes(arguments.len())?;
    match name {
        b"declare_property" => declare_property(state, arguments)?,
        _ => {
            return Err(Refusal::not_found(format!(
                "this host has no foreign function `{}`",
                name.escape_ascii()
            )));
        }
    }
    frame.give(&[], out, out_len)
}

/// `DeclarePropertyArguments`: the name (1), read-only (2), the type (3), its schema (4), the span of its life (5).
///
/// Types other than bytes and strings, and schemas, change how a value is shown to other filters and in logs of other kinds;
/// here every value is its bytes.
fn declare_property(state: &mut VmState, arguments: &[u8]) -> Answer {
    let malformed = || Refusal::bad_argument("the arguments are no `DeclarePropertyArguments`");
    let mut declaration = Declaration {
        key: b"wasm.".to_vec(),
        is_read_only: false,
        life_span: LifeSpan::Stream,
    };
    let mut rest = arguments;
    while !rest.is_empty() {
        let tag = varint(&mut rest).ok_or_else(malformed)?;
        match (tag >> 3, tag & 7) {
            (1 | 4, 2) => {
                let length = varint(&mut rest).and_then(|length| usize::try_from(length).ok());
                let length = length.filter(|&length| length <= rest.len()).ok_or_else(malformed)?;
                let (text, after) = rest.split_at(length);
                rest = after;
                if tag >> 3 == 1 {
                    declaration.key.truncate(b"wasm.".len());
                    declaration.key.extend_from_slice(text);
                }
            }
            (2, 0) => declaration.is_read_only = varint(&mut rest).ok_or_else(malformed)? != 0,
            (3, 0) => drop(varint(&mut rest).ok_or_else(malformed)?),
            (5, 0) => {
                declaration.life_span = match varint(&mut rest).ok_or_else(malformed)? {
                    0 | 1 => LifeSpan::Stream,
                    2 => LifeSpan::Connection,
                    _ => {
                        return Err(Refusal::bad_argument(
                            "there is no such span of life: they go from 0 to 2",
                        ));
                    }
                };
            }
            _ => return Err(malformed()),
        }
    }
    let Some(root) = state.root_mut() else {
        return Err(Refusal::bad_argument(
            "there is no plugin here to declare a property for",
        ));
    };
    if root.declarations.iter().any(|known| known.key == declaration.key) {
        return Err(Refusal::bad_argument("a property of this name is declared already"));
    }
    root.declarations.push(declaration);
    Ok(())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
