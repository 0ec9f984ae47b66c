//! The numbers of the Proxy-Wasm ABI, as types.

use std::fmt;

/// The version of the ABI that a module declares by its marker export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AbiVersion {
    /// `proxy_abi_version_0_1_0`: header callbacks do not say whether the stream ends, and a missing header reads as empty.
    V0_1_0,
    /// `proxy_abi_version_0_2_0`
    V0_2_0,
    /// `proxy_abi_version_0_2_1`
    V0_2_1,
}

impl fmt::Display for AbiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V0_1_0 => "0.1.0",
            Self::V0_2_0 => "0.2.0",
            Self::V0_2_1 => "0.2.1",
        })
    }
}

/// What a host call answers to the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Status {
    /// 0
    Ok = 0,
    /// 1
    NotFound = 1,
    /// 2
    BadArgument = 2,
    /// 3
    SerializationFailure = 3,
    /// 4
    ParseFailure = 4,
    /// 5
    BadExpression = 5,
    /// 6
    InvalidMemoryAccess = 6,
    /// 7
    Empty = 7,
    /// 8
    CasMismatch = 8,
    /// 9
    ResultMismatch = 9,
    /// 10
    InternalFailure = 10,
    /// 11
    BrokenConnection = 11,
    /// 12
    Unimplemented = 12,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::NotFound => "NOT_FOUND",
            Self::BadArgument => "BAD_ARGUMENT",
            Self::SerializationFailure => "SERIALIZATION_FAILURE",
            Self::ParseFailure => "PARSE_FAILURE",
            Self::BadExpression => "BAD_EXPRESSION",
            Self::InvalidMemoryAccess => "INVALID_MEMORY_ACCESS",
            Self::Empty => "EMPTY",
            Self::CasMismatch => "CAS_MISMATCH",
            Self::ResultMismatch => "RESULT_MISMATCH",
            Self::InternalFailure => "INTERNAL_FAILURE",
            Self::BrokenConnection => "BROKEN_CONNECTION",
            Self::Unimplemented => "UNIMPLEMENTED",
        })
    }
}

/// The level of a log line; also the level below which the host drops lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum LogLevel {
    /// 0
    Trace = 0,
    /// 1
    Debug = 1,
    /// 2
    Info = 2,
    /// 3
    Warn = 3,
    /// 4
    Error = 4,
    /// 5: where the Rust SDK reports a panic
    Critical = 5,
}

impl LogLevel {
    pub(crate) fn from_abi(level: u32) -> Option<Self> {
        Some(match level {
            0 => Self::Trace,
            1 => Self::Debug,
            2 => Self::Info,
            3 => Self::Warn,
            4 => Self::Error,
            5 => Self::Critical,
            _ => return None,
        })
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Critical => "critical",
        })
    }
}

/// What a callback asks the proxy to do with the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Let what was seen go on.
    Continue,
    /// Hold it. What exactly is held depends on the callback; guests of the C++ SDK can choose.
    Pause,
}

/// The header maps that a guest can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MapKind {
    RequestHeaders,
    RequestTrailers,
    ResponseHeaders,
    ResponseTrailers,
    /// 4
    GrpcInitialMetadata,
    /// 5
    GrpcTrailingMetadata,
    /// 6
    CalloutHeaders,
    /// 7
    CalloutTrailers,
}

impl MapKind {
    pub(crate) fn from_abi(value: u32) -> Option<Self> {
        Some(match value {
            0 => Self::RequestHeaders,
            1 => Self::RequestTrailers,
            2 => Self::ResponseHeaders,
            3 => Self::ResponseTrailers,
            4 => Self::GrpcInitialMetadata,
            5 => Self::GrpcTrailingMetadata,
            6 => Self::CalloutHeaders,
            7 => Self::CalloutTrailers,
            _ => return None,
        })
    }
}

/// The name of a header map for people; any number is accepted.
pub(crate) fn map_name(value: u32) -> &'static str {
    match value {
        0 => "request headers",
        1 => "request trailers",
        2 => "response headers",
        3 => "response trailers",
        4 => "gRPC initial metadata",
        5 => "gRPC trailing metadata",
        6 => "callout response headers",
        7 => "callout response trailers",
        _ => "unknown map",
    }
}

/// The name of a buffer for people; any number is accepted.
pub(crate) fn buffer_name(value: u32) -> &'static str {
    match value {
        0 => "request body",
        1 => "response body",
        2 => "downstream data",
        3 => "upstream data",
        4 => "callout response body",
        5 => "gRPC message",
        6 => "VM configuration",
        7 => "plugin configuration",
        8 => "foreign function arguments",
        _ => "unknown buffer",
    }
}

/// The three kinds of metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum MetricKind {
    /// Only grows.
    Counter = 0,
    /// Goes up and down.
    Gauge = 1,
    /// Takes samples; cannot be read back by the guest.
    Histogram = 2,
}

impl MetricKind {
    pub(crate) fn from_abi(value: u32) -> Option<Self> {
        Some(match value {
            0 => Self::Counter,
            1 => Self::Gauge,
            2 => Self::Histogram,
            _ => return None,
        })
    }
}
