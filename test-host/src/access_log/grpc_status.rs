//! The gRPC status of a response, and its names.

use super::entry::LogEntry;
use super::error::Problem;
use crate::header_map::HeaderMap;

/// How `%GRPC_STATUS(…)%` prints a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GrpcForm {
    /// `PermissionDenied`
    Camel,
    /// `PERMISSION_DENIED`
    Snake,
    /// `7`
    Number,
}

impl GrpcForm {
    pub(super) fn parse(name: &str) -> Result<Self, Problem> {
        match name {
            "" | "CAMEL_STRING" => Ok(Self::Camel),
            "SNAKE_STRING" => Ok(Self::Snake),
            "NUMBER" => Ok(Self::Number),
            _ => Err(Problem::GrpcForm(name.to_owned())),
        }
    }

    /// The name of a status, or nothing where only its number can be printed.
    pub(super) fn name(self, status: i64) -> Option<&'static str> {
        let (camel, snake) = NAMES.get(usize::try_from(status).ok()?)?;
        match self {
            Self::Camel => Some(camel),
            Self::Snake => Some(snake),
            Self::Number => None,
        }
    }
}

/// The status that a gRPC client sees. Like Envoy, this asks the trailers first, then the headers of a trailers-only
/// response, and makes one of the HTTP status when neither has it. A request that is not gRPC has none.
pub(super) fn of(entry: &LogEntry<'_>) -> Option<i64> {
    if !is_grpc(entry.request_headers) {
        return None;
    }
    let in_headers = || entry.response_headers.and_then(written);
    let from_http = || (entry.status != 0).then(|| from_http(entry.status));
    written(entry.response_trailers).or_else(in_headers).or_else(from_http)
}

fn is_grpc(request: &HeaderMap) -> bool {
    let content_type = request.get("content-type").unwrap_or_default();
    let suffix = content_type.strip_prefix(b"application/grpc");
    suffix.is_some_and(|suffix| suffix.is_empty() || suffix[0] == b'+')
}

/// A status that is no number is Envoy's `InvalidCode`.
fn written(headers: &HeaderMap) -> Option<i64> {
    let text = headers.text("grpc-status").filter(|text| !text.is_empty())?;
    Some(text.parse::<u32>().map_or(-1, i64::from))
}

fn from_http(status: u32) -> i64 {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}

const NAMES: [(&str, &str); 17] = [
    ("OK", "OK"),
    ("Canceled", "CANCELLED"),
    ("Unknown", "UNKNOWN"),
    ("InvalidArgument", "INVALID_ARGUMENT"),
    ("DeadlineExceeded", "DEADLINE_EXCEEDED"),
    ("NotFound", "NOT_FOUND"),
    ("AlreadyExists", "ALREADY_EXISTS"),
    ("PermissionDenied", "PERMISSION_DENIED"),
    ("ResourceExhausted", "RESOURCE_EXHAUSTED"),
    ("FailedPrecondition", "FAILED_PRECONDITION"),
    ("Aborted", "ABORTED"),
    ("OutOfRange", "OUT_OF_RANGE"),
    ("Unimplemented", "UNIMPLEMENTED"),
    ("Internal", "INTERNAL"),
    ("Unavailable", "UNAVAILABLE"),
    ("DataLoss", "DATA_LOSS"),
    ("Unauthenticated", "UNAUTHENTICATED"),
];
