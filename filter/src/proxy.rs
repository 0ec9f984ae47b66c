//! The host calls of Proxy-Wasm, as the proxy offers them. The one place with `unsafe` code.
//!
//! The usual guest crate is not used: its functions panic on unexpected statuses, decode what is not needed and leave out the
//! details of a local reply; and it exports every callback there is, each of which a proxy then calls for each request, body
//! chunk and response.
#![allow(
    unsafe_code,
    reason = "raw host calls; every pointer comes from a live slice, and memory that the host hands over was made by this \
              module's allocator with the length that the host reports"
)]

use crate::header_block;
use crate::host::{CallNumber, Context, Host, HttpCall, LocalReply, LogLevel, Metric, MetricKind, Status, Version};
use crate::json::Text;

/// The proxy that the module runs in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proxy;

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const REQUEST_HEADERS: u32 = 0;
const RESPONSE_HEADERS: u32 = 2;
const ANSWER_HEADERS: u32 = 6;
const ANSWER_BODY: u32 = 4;
const PLUGIN_CONFIGURATION: u32 = 7;
const REQUEST: u32 = 0;
const DOWNSTREAM: u32 = 2;
const DECLARE_PROPERTY: &[u8] = b"declare_property";
/// Lets the host derive the gRPC status from the HTTP status.
const NO_GRPC_STATUS: i32 = -1;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, message: *const u8, length: usize) -> u32;
    fn proxy_get_buffer_bytes(buffer: u32, start: usize, most: usize, data: *mut *mut u8, length: *mut usize) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, length: *mut usize) -> u32;
    fn proxy_get_property(path: *const u8, path_length: usize, data: *mut *mut u8, length: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_length: usize, value: *const u8, value_length: usize) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_length: usize,
        body: *const u8,
        body_length: usize,
        headers: *const u8,
        headers_length: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_length: usize,
        value: *const u8,
        value_length: usize,
    ) -> u32;
    fn proxy_add_header_map_value(
        map: u32,
        name: *const u8,
        name_length: usize,
        value: *const u8,
        value_length: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_length: usize) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_continue_stream(kind: u32) -> u32;
    fn proxy_close_stream(kind: u32) -> u32;
    fn proxy_http_call(
        cluster: *const u8,
        cluster_length: usize,
        headers: *const u8,
        headers_length: usize,
        body: *const u8,
        body_length: usize,
        trailers: *const u8,
        trailers_length: usize,
        timeout: u32,
        number: *mut u32,
    ) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_length: usize,
        data: *mut *mut u8,
        length: *mut usize,
        version: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(
        key: *const u8,
        key_length: usize,
        value: *const u8,
        value_length: usize,
        version: u32,
    ) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, length: usize, metric: *mut u32) -> u32;
    fn proxy_increment_metric(metric: u32, by: i64) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_call_foreign_function(
        name: *const u8,
        name_length: usize,
        arguments: *const u8,
        arguments_length: usize,
        data: *mut *mut u8,
        length: *mut usize,
    ) -> u32;
    fn proxy_record_metric(metric: u32, value: u64) -> u32;
}

/// The plugin's configuration; only while it is being configured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PluginConfiguration {
    /// How large it is, in bytes.
    pub(crate) size: usize,
}

impl PluginConfiguration {
    /// Large enough that calls do not count, small beside what the module needs anyway.
    const MOST: usize = 64 * 1024;
}

impl Text for PluginConfiguration {
    fn part(&self, start: usize) -> Result<Vec<u8>, Status> {
        let most = Self::MOST.min(self.size.saturating_sub(start));
        if most == 0 {
            return Ok(Vec::new());
        }
        // SAFETY: both out-pointers are to locals that outlive the call.
        receive(|data, length| unsafe { proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, start, most, data, length) })
    }
}

/// Where the host puts what it hands over. [`receive`] takes it back.
pub fn allocate(size: usize) -> *mut u8 {
    Box::into_raw(vec![0_u8; size].into_boxed_slice()).cast()
}

impl Host for Proxy {
    fn request_headers(&self) -> Result<Vec<u8>, Status> {
        // SAFETY: both pointers are to locals that outlive the call.
        receive(|data, length| unsafe { proxy_get_header_map_pairs(REQUEST_HEADERS, data, length) })
    }

    fn property(&self, path: &[u8]) -> Result<Option<Vec<u8>>, Status> {
        // SAFETY: `path` is a live slice, both out-pointers are to locals that outlive the call.
        let result = receive(|data, length| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, length) });
        match result {
            Ok(value) if value.is_empty() => Ok(None),
            Ok(value) => Ok(Some(value)),
            Err(Status(NOT_FOUND)) => Ok(None),
            Err(status) => Err(status),
        }
    }

    fn set_property(&self, name: &str, value: &[u8]) -> Result<(), Status> {
        // SAFETY: `name` and `value` are live slices.
        check(unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
    }

    fn keep_with_connection(&self, name: &str) -> Result<(), Status> {
        // `DeclarePropertyArguments`, Envoy's, in protobuf: the name (1); that it is read-only (2) once it is set; the span
        // (5) of its life, which is the connection's.
        let arguments = [
            &[0x0A, u8::try_from(name.len()).unwrap_or(0)],
            name.as_bytes(),
            &[0x10, 1, 0x28, 2],
        ]
        .concat();
        // SAFETY: `DECLARE_PROPERTY` and `arguments` are live slices, both out-pointers are to locals that outlive the call.
        receive(|data, length| unsafe {
            proxy_call_foreign_function(
                DECLARE_PROPERTY.as_ptr(),
                DECLARE_PROPERTY.len(),
                arguments.as_ptr(),
                arguments.len(),
                data,
                length,
            )
        })
        .map(drop)
    }

    fn send_local_reply(&self, reply: &LocalReply<'_>) -> Result<(), Status> {
        let headers = header_block::write(reply.headers);
        // SAFETY: all three buffers are live.
        check(unsafe {
            proxy_send_local_response(
                reply.status,
                reply.details.as_ptr(),
                reply.details.len(),
                reply.body.as_ptr(),
                reply.body.len(),
                headers.as_ptr(),
                headers.len(),
                NO_GRPC_STATUS,
            )
        })
    }

    fn set_request_header(&self, name: &[u8], value: &[u8]) -> Result<(), Status> {
        // SAFETY: `name` and `value` are live slices.
        check(unsafe {
            proxy_replace_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len(), value.as_ptr(), value.len())
        })
    }

    fn remove_request_header(&self, name: &[u8]) -> Result<(), Status> {
        // SAFETY: `name` is a live slice.
        check(unsafe { proxy_remove_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len()) })
    }

    fn add_response_header(&self, name: &[u8], value: &[u8]) -> Result<(), Status> {
        // SAFETY: `name` and `value` are live slices.
        check(unsafe {
            proxy_add_header_map_value(RESPONSE_HEADERS, name.as_ptr(), name.len(), value.as_ptr(), value.len())
        })
    }

    fn act_for(&self, stream: Context) -> Result<(), Status> {
        // SAFETY: no memory is passed.
        check(unsafe { proxy_set_effective_context(stream.0) })
    }

    fn continue_request(&self) -> Result<(), Status> {
        // SAFETY: no memory is passed.
        check(unsafe { proxy_continue_stream(REQUEST) })
    }

    fn close_connection(&self) -> Result<(), Status> {
        // SAFETY: no memory is passed.
        check(unsafe { proxy_close_stream(DOWNSTREAM) })
    }

    fn call(&self, call: &HttpCall) -> Result<CallNumber, Status> {
        let headers = header_block::write(&call.headers);
        let trailers = header_block::write(&[]);
        let mut number = 0;
        // SAFETY: all four buffers are live, `number` is a local that outlives the call.
        check(unsafe {
            proxy_http_call(
                call.cluster.as_ptr(),
                call.cluster.len(),
                headers.as_ptr(),
                headers.len(),
                call.body.as_ptr(),
                call.body.len(),
                trailers.as_ptr(),
                trailers.len(),
                call.timeout,
                &raw mut number,
            )
        })?;
        Ok(CallNumber(number))
    }

    fn answer_headers(&self) -> Result<Vec<u8>, Status> {
        // SAFETY: both pointers are to locals that outlive the call.
        receive(|data, length| unsafe { proxy_get_header_map_pairs(ANSWER_HEADERS, data, length) })
    }

    fn answer_body(&self, size: usize) -> Result<Vec<u8>, Status> {
        if size == 0 {
            return Ok(Vec::new());
        }
        // SAFETY: both out-pointers are to locals that outlive the call.
        receive(|data, length| unsafe { proxy_get_buffer_bytes(ANSWER_BODY, 0, size, data, length) })
    }

    fn shared(&self, key: &[u8]) -> Result<Option<(Vec<u8>, Version)>, Status> {
        let mut version = 0;
        // SAFETY: `key` is a live slice, all out-pointers are to locals that outlive the call.
        let result = receive(|data, length| unsafe {
            proxy_get_shared_data(key.as_ptr(), key.len(), data, length, &raw mut version)
        });
        match result {
            Ok(value) => Ok(Some((value, Version(version)))),
            Err(Status(NOT_FOUND)) => Ok(None),
            Err(status) => Err(status),
        }
    }

    fn set_shared(&self, key: &[u8], value: &[u8], version: Version) -> Result<(), Status> {
        // SAFETY: `key` and `value` are live slices.
        check(unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), version.0) })
    }

    fn now(&self) -> Result<u64, Status> {
        let mut time = 0;
        // SAFETY: the pointer is to a local that outlives the call.
        check(unsafe { proxy_get_current_time_nanoseconds(&raw mut time) })?;
        Ok(time)
    }

    fn define_metric(&self, kind: MetricKind, name: &str) -> Result<Metric, Status> {
        let kind = match kind {
            MetricKind::Counter => 0,
            MetricKind::Gauge => 1,
        };
        let mut metric = 0;
        // SAFETY: `name` is a live slice, `metric` a local that outlives the call.
        check(unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut metric) })?;
        Ok(Metric(metric))
    }

    fn increment(&self, metric: Metric, by: i64) -> Result<(), Status> {
        // SAFETY: no memory is passed.
        check(unsafe { proxy_increment_metric(metric.0, by) })
    }

    fn record(&self, metric: Metric, value: u64) -> Result<(), Status> {
        // SAFETY: no memory is passed.
        check(unsafe { proxy_record_metric(metric.0, value) })
    }

    fn tick_every(&self, milliseconds: u32) -> Result<(), Status> {
        // SAFETY: no memory is passed.
        check(unsafe { proxy_set_tick_period_milliseconds(milliseconds) })
    }

    fn log(&self, level: LogLevel, line: &str) {
        // SAFETY: `line` is a live slice. A log line that cannot be written has nowhere to be reported.
        let _ = unsafe { proxy_log(level as u32, line.as_ptr(), line.len()) };
    }
}

fn check(status: u32) -> Result<(), Status> {
    if status == OK { Ok(()) } else { Err(Status(status)) }
}

/// Takes over a buffer that the host filled.
fn receive(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>, Status> {
    let mut data: *mut u8 = std::ptr::null_mut();
    let mut length = 0_usize;
    check(call(&raw mut data, &raw mut length))?;
    if data.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: the host got the buffer from [`allocate`], which hands out boxed slices of just the
    // length asked for, and gives up the buffer with this call.
    Ok(unsafe { Vec::from_raw_parts(data, length, length) })
}
