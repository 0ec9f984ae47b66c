//! When something happened: during which call of the guest.

use std::fmt;

/// The call of the guest in which something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Phase {
    /// Instantiation, with the module's start function.
    Instantiate,
    /// `_initialize` and `main`, or `_start`.
    Initialize,
    /// `proxy_on_context_create`
    ContextCreate,
    /// `proxy_on_vm_start`
    VmStart,
    /// `proxy_on_configure`
    Configure,
    /// `proxy_on_request_headers`
    RequestHeaders,
    /// `proxy_on_request_body`
    RequestBody,
    /// `proxy_on_response_headers`
    ResponseHeaders,
    /// `proxy_on_response_body`
    ResponseBody,
    /// `proxy_on_log`
    Log,
    /// `proxy_on_tick`
    Tick,
    /// `proxy_on_done`
    Done,
    /// `proxy_on_delete`
    Delete,
}

impl Phase {
    /// Is this a phase of the response path?
    pub(crate) fn is_response(self) -> bool {
        matches!(self, Self::ResponseHeaders | Self::ResponseBody)
    }

    /// Is this a phase in which a request or a response is being processed?
    pub(crate) fn is_processing(self) -> bool {
        matches!(self, Self::RequestHeaders | Self::RequestBody) || self.is_response()
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Instantiate => "instantiation",
            Self::Initialize => "initialization",
            Self::ContextCreate => "on_context_create",
            Self::VmStart => "on_vm_start",
            Self::Configure => "on_configure",
            Self::RequestHeaders => "on_request_headers",
            Self::RequestBody => "on_request_body",
            Self::ResponseHeaders => "on_response_headers",
            Self::ResponseBody => "on_response_body",
            Self::Log => "on_log",
            Self::Tick => "on_tick",
            Self::Done => "on_done",
            Self::Delete => "on_delete",
        })
    }
}
