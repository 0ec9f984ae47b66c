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
    /// `proxy_on_request_trailers`
    RequestTrailers,
    /// `proxy_on_response_headers`
    ResponseHeaders,
    /// `proxy_on_response_body`
    ResponseBody,
    /// `proxy_on_response_trailers`
    ResponseTrailers,
    /// `proxy_on_new_connection`
    NewConnection,
    /// `proxy_on_downstream_data`
    DownstreamData,
    /// `proxy_on_upstream_data`
    UpstreamData,
    /// `proxy_on_downstream_connection_close`
    DownstreamClose,
    /// `proxy_on_upstream_connection_close`
    UpstreamClose,
    /// `proxy_on_http_call_response`
    HttpCallResponse,
    /// `proxy_on_grpc_receive_initial_metadata`
    GrpcInitialMetadata,
    /// `proxy_on_grpc_receive`
    GrpcReceive,
    /// `proxy_on_grpc_receive_trailing_metadata`
    GrpcTrailingMetadata,
    /// `proxy_on_grpc_close`
    GrpcClose,
    /// `proxy_on_queue_ready`
    QueueReady,
    /// `proxy_on_foreign_function`
    ForeignFunction,
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
    /// Is this a phase of the response path, or of data from the upstream?
    pub(crate) fn is_response(self) -> bool {
        matches!(
            self,
            Self::ResponseHeaders | Self::ResponseBody | Self::ResponseTrailers | Self::UpstreamData
        )
    }

    /// Is the filter being started or configured?
    pub(crate) fn is_start(self) -> bool {
        matches!(
            self,
            Self::Instantiate | Self::Initialize | Self::VmStart | Self::Configure
        )
    }

    /// Can a reply be sent from here? Not while a stream ends.
    pub(crate) fn can_reply(self) -> bool {
        !matches!(self, Self::ContextCreate | Self::Log | Self::Done | Self::Delete) && !self.is_start()
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
            Self::RequestTrailers => "on_request_trailers",
            Self::ResponseHeaders => "on_response_headers",
            Self::ResponseBody => "on_response_body",
            Self::ResponseTrailers => "on_response_trailers",
            Self::NewConnection => "on_new_connection",
            Self::DownstreamData => "on_downstream_data",
            Self::UpstreamData => "on_upstream_data",
            Self::DownstreamClose => "on_downstream_connection_close",
            Self::UpstreamClose => "on_upstream_connection_close",
            Self::HttpCallResponse => "on_http_call_response",
            Self::GrpcInitialMetadata => "on_grpc_receive_initial_metadata",
            Self::GrpcReceive => "on_grpc_receive",
            Self::GrpcTrailingMetadata => "on_grpc_receive_trailing_metadata",
            Self::GrpcClose => "on_grpc_close",
            Self::QueueReady => "on_queue_ready",
            Self::ForeignFunction => "on_foreign_function",
            Self::Log => "on_log",
            Self::Tick => "on_tick",
            Self::Done => "on_done",
            Self::Delete => "on_delete",
        })
    }
}
