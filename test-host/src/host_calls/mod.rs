//! The functions that a guest imports: the host's side of the ABI.
//!
//! Each is a small function on a [`Frame`]. Around each, [`Frame::run`] counts, traces, injects faults and keeps the
//! limits. None calls the guest, except to allocate memory for an answer.

mod attributes;
mod buffers;
mod callouts;
mod compression;
mod emscripten;
mod foreign;
mod frame;
mod header_maps;
mod log;
mod metrics;
mod old_abi;
mod properties;
mod queues;
mod shared_data;
mod stream_control;
mod timing;
mod wasi;

use std::sync::Arc;

use wasmtime::{Caller, FuncType, Linker, Val, ValType};

use crate::abi::Status;
use crate::host_call::HostCall;
use crate::vm_state::VmState;
use frame::Frame;

/// The module from which a filter imports the functions of the ABI.
pub(crate) const ABI_MODULE: &str = "env";

/// Defines a host call in the linker: its parameters are `u32` unless said otherwise.
macro_rules! define {
    ($linker:ident, $call:ident, $implementation:path $(, $arg:ident $(: $ty:ty)?)*) => {
        $linker.func_wrap(
            ABI_MODULE,
            HostCall::$call.name(),
            |caller: Caller<'_, VmState> $(, $arg: define!(@type $($ty)?))*| {
                Frame::run(caller, HostCall::$call, |frame| $implementation(frame $(, $arg)*))
            },
        )?;
    };
    (@type) => { u32 };
    (@type $ty:ty) => { $ty };
}

/// Links every host call that this host has.
pub(crate) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    define!(linker, Log, log::log, level, text, len);
    define!(linker, GetLogLevel, log::get_log_level, out);

    define!(linker, GetCurrentTime, timing::get_current_time, out);
    define!(linker, SetTickPeriod, timing::set_tick_period, period);

    define!(linker, SetEffectiveContext, stream_control::set_effective_context, id);
    define!(linker, Done, stream_control::done);
    define!(linker, ContinueStream, stream_control::continue_stream, kind);
    define!(linker, CloseStream, stream_control::close_stream, kind);
    define!(linker, GetStatus, stream_control::get_status, code, message, len);
    define!(
        linker,
        SendLocalResponse,
        stream_control::send_local_response,
        status,
        details,
        details_len,
        body,
        body_len,
        headers,
        headers_len,
        grpc_status
    );

    define!(
        linker,
        GetBufferBytes,
        buffers::get_bytes,
        buffer,
        start,
        max,
        out,
        out_len
    );
    define!(
        linker,
        SetBufferBytes,
        buffers::set_bytes,
        buffer,
        start,
        size,
        data,
        len
    );
    define!(linker, GetBufferStatus, buffers::get_status, buffer, out_len, out_flags);

    define!(linker, GetHeaderMapSize, header_maps::get_size, map, out);
    define!(linker, GetHeaderMapPairs, header_maps::get_pairs, map, out, out_len);
    define!(linker, SetHeaderMapPairs, header_maps::set_pairs, map, block, len);
    define!(
        linker,
        GetHeaderMapValue,
        header_maps::get_value,
        map,
        key,
        key_len,
        out,
        out_len
    );
    define!(
        linker,
        AddHeaderMapValue,
        header_maps::add_value,
        map,
        key,
        key_len,
        value,
        value_len
    );
    define!(
        linker,
        ReplaceHeaderMapValue,
        header_maps::replace_value,
        map,
        key,
        key_len,
        value,
        value_len
    );
    define!(
        linker,
        RemoveHeaderMapValue,
        header_maps::remove_value,
        map,
        key,
        key_len
    );

    define!(
        linker,
        GetSharedData,
        shared_data::get,
        key,
        key_len,
        out,
        out_len,
        out_cas
    );
    define!(
        linker,
        SetSharedData,
        shared_data::set,
        key,
        key_len,
        value,
        value_len,
        cas
    );

    define!(linker, DefineMetric, metrics::define, kind, name, len, out);
    define!(linker, IncrementMetric, metrics::increment, id, offset: i64);
    define!(linker, RecordMetric, metrics::record, id, value: u64);
    define!(linker, GetMetric, metrics::get, id, out);

    define!(linker, GetProperty, properties::get, path, path_len, out, out_len);
    define!(linker, SetProperty, properties::set, path, path_len, value, value_len);

    define!(
        linker,
        CallForeignFunction,
        foreign::call,
        name,
        name_len,
        arguments,
        arguments_len,
        out,
        out_len
    );
    link_queues(linker)?;
    link_callouts(linker)?;
    old_abi::link(linker)?;
    emscripten::link(linker)?;
    wasi::link(linker)
}

fn link_queues(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    define!(linker, RegisterSharedQueue, queues::register, name, len, out);
    define!(
        linker,
        ResolveSharedQueue,
        queues::resolve,
        vm_id,
        vm_id_len,
        name,
        len,
        out
    );
    define!(linker, EnqueueSharedQueue, queues::enqueue, id, item, len);
    define!(linker, DequeueSharedQueue, queues::dequeue, id, out, out_len);
    Ok(())
}

fn link_callouts(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        HostCall::HttpCall.name(),
        |caller: Caller<'_, VmState>, u, ul, h, hl, b, bl, t, tl, timeout, out| {
            Frame::run(caller, HostCall::HttpCall, |frame| {
                callouts::http_call(frame, (u, ul), (h, hl), (b, bl), (t, tl), timeout, out)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        HostCall::GrpcCall.name(),
        |caller: Caller<'_, VmState>, u, ul, s, sl, m, ml, md, mdl, msg, msgl, timeout, out| {
            Frame::run(caller, HostCall::GrpcCall, |frame| {
                let target = ((s, sl), (m, ml));
                callouts::grpc_call(frame, (u, ul), target, (md, mdl), (msg, msgl), timeout, out)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        HostCall::GrpcStream.name(),
        |caller: Caller<'_, VmState>, u, ul, s, sl, m, ml, md, mdl, out| {
            Frame::run(caller, HostCall::GrpcStream, |frame| {
                callouts::grpc_stream(frame, (u, ul), ((s, sl), (m, ml)), (md, mdl), out)
            })
        },
    )?;
    define!(linker, GrpcSend, callouts::grpc_send, id, message, len, end);
    define!(linker, GrpcCancel, callouts::grpc_cancel, id);
    define!(linker, GrpcClose, callouts::grpc_close, id);
    Ok(())
}

/// Does [`link`] define this import?
pub(crate) fn is_linked(module: &str, name: &str) -> bool {
    let of_abi = || HostCall::ALL.iter().any(|call| call.name() == name);
    module == ABI_MODULE && (of_abi() || emscripten::NAMES.contains(&name)) || wasi::is_linked(module, name)
}

/// Links a host call that this host does not have. It answers UNIMPLEMENTED, as hosts must, and is reported by name.
pub(crate) fn link_stub(linker: &mut Linker<VmState>, name: &str, ty: FuncType) -> wasmtime::Result<()> {
    let import = name;
    let name: Arc<str> = name.into();
    let result_types: Vec<ValType> = ty.results().collect();
    // A module may import the same function twice.
    linker.allow_shadowing(true);
    linker.func_new(ABI_MODULE, import, ty, move |mut caller, _, results| {
        Frame::stub(&mut caller, &name)?;
        for (index, (result, ty)) in results.iter_mut().zip(&result_types).enumerate() {
            *result = match (index, ty) {
                (0, ValType::I32) => Val::I32(Status::Unimplemented as i32),
                (_, ty) => Val::default_for_ty(ty).unwrap_or(Val::I32(0)),
            };
        }
        Ok(())
    })?;
    Ok(())
}
