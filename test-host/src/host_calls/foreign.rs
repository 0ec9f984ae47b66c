//! Foreign functions: Envoy's own, by name.

use super::compression;
use super::frame::{Answer, Frame};
use crate::abi::Status;
use crate::filter_state::{Declaration, LifeSpan, ReadOnly};
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
    let given = state.process.settings.foreign_functions.find(name);
    let has_own = state.process.settings.profile.has_foreign_functions();
    let answer = match (given, name) {
        (Some(function), _) => {
            function(arguments).map_err(|status| Refusal::new(status, "the test's own function answered this"))?
        }
        (None, _) if !has_own => {
            return Err(Refusal::not_found(
                "Google's service extensions have no foreign functions, and this host is like their tester",
            ));
        }
        (None, b"declare_property") => declare_property(state, arguments).map(|()| Vec::new())?,
        (None, b"set_envoy_filter_state") => set_filter_state(state, arguments).map(|()| Vec::new())?,
        (None, b"compress") => compression::compress(arguments)?,
        (None, b"uncompress") => compression::uncompress(arguments, state.process.settings.limits.host_bytes)?,
        (None, b"clear_route_cache") => {
            if let Some(stream) = state.stream_mut() {
                stream.route_cache_cleared = true;
            }
            Vec::new()
        }
        (None, b"expr_create" | b"expr_evaluate" | b"expr_delete") => {
            return Err(Refusal::not_found(
                "this host has no interpreter of CEL expressions; HostBuilder::foreign_function can stand in for it",
            ));
        }
        (None, b"sign" | b"verify_signature") => {
            return Err(Refusal::not_found(
                "this host signs and verifies nothing; HostBuilder::foreign_function can stand in for it",
            ));
        }
        _ => {
            return Err(Refusal::not_found(format!(
                "this host has no foreign function `{}`; HostBuilder::foreign_function gives it one",
                name.escape_ascii()
            )));
        }
    };
    // A caller that wants no answer gives no place for it.
    if out == 0 && out_len == 0 {
        return Ok(());
    }
    frame.give(&answer, out, out_len)
}

/// The keys of filter state that Envoy makes objects for, as far as they come with Envoy itself.
const OBJECT_FACTORIES: [&[u8]; 8] = [
    b"envoy.network.application_protocols",
    b"envoy.network.upstream_server_name",
    b"envoy.network.upstream_subject_alt_names",
    b"envoy.string",
    b"envoy.tcp_proxy.cluster",
    b"envoy.tcp_proxy.per_connection_idle_timeout_ms",
    b"envoy.upstream.dynamic_host",
    b"envoy.upstream.dynamic_port",
];

/// `SetEnvoyFilterStateArguments`: the path (1), the value (2), the span of its life (3).
fn set_filter_state(state: &mut VmState, arguments: &[u8]) -> Answer {
    let malformed = || Refusal::bad_argument("the arguments are no `SetEnvoyFilterStateArguments`");
    let (mut key, mut value, mut life_span) = (&[][..], &[][..], LifeSpan::Stream);
    let mut rest = arguments;
    while !rest.is_empty() {
        let tag = varint(&mut rest).ok_or_else(malformed)?;
        match (tag >> 3, tag & 7) {
            (1, 2) => key = length_delimited(&mut rest).ok_or_else(malformed)?,
            (2, 2) => value = length_delimited(&mut rest).ok_or_else(malformed)?,
            (3, 0) => life_span = life_span_of(varint(&mut rest).ok_or_else(malformed)?)?,
            _ => return Err(malformed()),
        }
    }
    if !OBJECT_FACTORIES.contains(&key) {
        return Err(Refusal::not_found(format!(
            "Envoy makes no filter state object for the key `{}`",
            key.escape_ascii()
        )));
    }
    let declaration = Declaration {
        key: key.to_vec(),
        is_read_only: false,
        life_span,
    };
    let Some(stream) = state.stream_mut() else {
        return Err(Refusal::not_found("there is no stream here to keep filter state on"));
    };
    stream
        .filter_state
        .set(key, value, Some(&declaration))
        .map_err(|ReadOnly| Refusal::bad_argument("it is set already, and can be set only once"))
}

fn life_span_of(number: u64) -> Result<LifeSpan, Refusal> {
    match number {
        0 | 1 => Ok(LifeSpan::Stream),
        2 => Ok(LifeSpan::Connection),
        _ => Err(Refusal::bad_argument(
            "there is no such span of life: they go from 0 to 2",
        )),
    }
}

fn length_delimited<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint(rest)?).ok()?;
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(bytes)
}

/// `DeclarePropertyArguments`: the name (1), read-only (2), the type (3), its schema (4), the span of its life (5).
///
/// Types other than bytes and strings, and schemas, change how a value is shown to other filters and in logs of other kinds;
/// here every value is its bytes.
fn declare_property(state: &mut VmState, arguments: &[u8]) -> Answer {
    let context = state.context();
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
            (1, 2) => {
                declaration.key.truncate(b"wasm.".len());
                declaration
                    .key
                    .extend_from_slice(length_delimited(&mut rest).ok_or_else(malformed)?);
            }
            (4, 2) => drop(length_delimited(&mut rest).ok_or_else(malformed)?),
            (2, 0) => declaration.is_read_only = varint(&mut rest).ok_or_else(malformed)? != 0,
            (3, 0) => drop(varint(&mut rest).ok_or_else(malformed)?),
            (5, 0) => declaration.life_span = life_span_of(varint(&mut rest).ok_or_else(malformed)?)?,
            _ => return Err(malformed()),
        }
    }
    let (declarations, remark) = if let Some(stream) = state.stream_mut() {
        (
            &mut stream.declarations,
            "it has no effect: `proxy_set_property` looks only at what a root context declares",
        )
    } else if let Some(root) = state.roots.iter_mut().find(|root| root.id == context) {
        (&mut root.declarations, "")
    } else {
        return Err(Refusal::bad_argument(
            "there is no plugin here to declare a property for",
        ));
    };
    if declarations.iter().any(|known| known.key == declaration.key) {
        return Err(Refusal::bad_argument("a property of this name is declared already"));
    }
    declarations.push(declaration);
    state.trace.end(Status::Ok, remark.into());
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
