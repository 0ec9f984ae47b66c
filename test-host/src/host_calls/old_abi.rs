//! The host calls that only ABI 0.1.0 has.

use wasmtime::{Caller, Linker};

use super::frame::{Answer, Frame};
use super::stream_control;
use crate::host_call::HostCall;
use crate::phase::Phase;
use crate::vm_state::VmState;

/// `proxy_continue_stream`'s kinds of stream.
const REQUEST: u32 = 0;
const RESPONSE: u32 = 1;

pub(super) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        HostCall::GetConfiguration.name(),
        |caller: Caller<'_, VmState>, out, out_len| {
            Frame::run(caller, HostCall::GetConfiguration, |frame| {
                get_configuration(frame, out, out_len)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        HostCall::ContinueRequest.name(),
        |caller: Caller<'_, VmState>| {
            Frame::run(caller, HostCall::ContinueRequest, |frame| {
                stream_control::continue_stream(frame, REQUEST)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        HostCall::ContinueResponse.name(),
        |caller: Caller<'_, VmState>| {
            Frame::run(caller, HostCall::ContinueResponse, |frame| {
                stream_control::continue_stream(frame, RESPONSE)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        HostCall::ClearRouteCache.name(),
        |caller: Caller<'_, VmState>| {
            Frame::run(caller, HostCall::ClearRouteCache, |frame| {
                if let Some(stream) = frame.state().stream_mut() {
                    stream.route_cache_cleared = true;
                }
                Ok(())
            })
        },
    )?;
    Ok(())
}

/// The configuration of whatever is being configured: the VM's in `on_vm_start`, otherwise the plugin's.
fn get_configuration(frame: &mut Frame<'_>, out: u32, out_len: u32) -> Answer {
    let state = frame.state();
    let bytes = match state.phase {
        Phase::VmStart => state.process.settings.vm_configuration.clone(),
        _ => state.root().map(|root| root.configuration.to_vec()).unwrap_or_default(),
    };
    frame.give(&bytes, out, out_len)
}
