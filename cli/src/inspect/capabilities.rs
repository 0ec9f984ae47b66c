//! What exports and imports mean to whoever has to trust a module.

use serde::Serialize;

/// When a proxy calls a module.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Moment {
    Configuration,
    RequestHeaders,
    RequestBody,
    RequestTrailers,
    ResponseHeaders,
    ResponseBody,
    ResponseTrailers,
    Connections,
    ConnectionData,
    Answers,
    Ticks,
    Queues,
    Log,
}

impl Moment {
    /// The moment at which an export is called; none for what only keeps a module in order.
    pub(super) fn of(export: &str) -> Option<Self> {
        Some(match export {
            "proxy_on_vm_start" | "proxy_on_configure" | "proxy_validate_configuration" => Self::Configuration,
            "proxy_on_request_headers" => Self::RequestHeaders,
            "proxy_on_request_body" => Self::RequestBody,
            "proxy_on_request_trailers" | "proxy_on_request_metadata" => Self::RequestTrailers,
            "proxy_on_response_headers" => Self::ResponseHeaders,
            "proxy_on_response_body" => Self::ResponseBody,
            "proxy_on_response_trailers" | "proxy_on_response_metadata" => Self::ResponseTrailers,
            "proxy_on_new_connection"
            | "proxy_on_downstream_connection_close"
            | "proxy_on_upstream_connection_close" => Self::Connections,
            "proxy_on_downstream_data" | "proxy_on_upstream_data" => Self::ConnectionData,
            "proxy_on_http_call_response"
            | "proxy_on_grpc_receive"
            | "proxy_on_grpc_receive_initial_metadata"
            | "proxy_on_grpc_receive_trailing_metadata"
            | "proxy_on_grpc_close"
            | "proxy_on_foreign_function" => Self::Answers,
            "proxy_on_tick" => Self::Ticks,
            "proxy_on_queue_ready" => Self::Queues,
            "proxy_on_log" => Self::Log,
            _ => return None,
        })
    }

    /// In words.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Configuration => "when it starts and is configured",
            Self::RequestHeaders => "for each request's headers",
            Self::RequestBody => "for each part of a request's body",
            Self::RequestTrailers => "for a request's trailers",
            Self::ResponseHeaders => "for each response's headers",
            Self::ResponseBody => "for each part of a response's body",
            Self::ResponseTrailers => "for a response's trailers",
            Self::Connections => "when TCP connections are made and closed",
            Self::ConnectionData => "for the data of TCP connections",
            Self::Answers => "when a service or a function of the proxy that it called answers",
            Self::Ticks => "by a timer",
            Self::Queues => "when a shared queue has something",
            Self::Log => "when a stream is logged",
        }
    }
}

/// What a module can ask of a proxy.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Capability {
    ReadHeaders,
    ChangeHeaders,
    ReadBodies,
    ChangeBodies,
    ReadProperties,
    SetProperties,
    Reply,
    ControlStreams,
    CallServices,
    CallFunctions,
    ShareData,
    Count,
    Log,
    Time,
}

impl Capability {
    /// What an import of `env` is for; none for one that Proxy-Wasm does not have.
    pub(super) fn of(import: &str) -> Option<Self> {
        Some(match import {
            "proxy_get_header_map_pairs" | "proxy_get_header_map_value" | "proxy_get_header_map_size" => {
                Self::ReadHeaders
            }
            "proxy_set_header_map_pairs"
            | "proxy_add_header_map_value"
            | "proxy_replace_header_map_value"
            | "proxy_remove_header_map_value" => Self::ChangeHeaders,
            // The configuration comes this way, too.
            "proxy_get_buffer_bytes" | "proxy_get_buffer_status" | "proxy_get_configuration" => Self::ReadBodies,
            "proxy_set_buffer_bytes" => Self::ChangeBodies,
            "proxy_get_property" => Self::ReadProperties,
            "proxy_set_property" => Self::SetProperties,
            "proxy_send_local_response" => Self::Reply,
            "proxy_continue_stream"
            | "proxy_close_stream"
            | "proxy_continue_request"
            | "proxy_continue_response"
            | "proxy_clear_route_cache"
            | "proxy_set_effective_context"
            | "proxy_done"
            | "proxy_get_status" => Self::ControlStreams,
            "proxy_http_call" | "proxy_grpc_call" | "proxy_grpc_stream" | "proxy_grpc_send" | "proxy_grpc_cancel"
            | "proxy_grpc_close" => Self::CallServices,
            "proxy_call_foreign_function" => Self::CallFunctions,
            "proxy_get_shared_data"
            | "proxy_set_shared_data"
            | "proxy_register_shared_queue"
            | "proxy_resolve_shared_queue"
            | "proxy_enqueue_shared_queue"
            | "proxy_dequeue_shared_queue" => Self::ShareData,
            "proxy_define_metric" | "proxy_increment_metric" | "proxy_record_metric" | "proxy_get_metric" => {
                Self::Count
            }
            "proxy_log" | "proxy_get_log_level" => Self::Log,
            "proxy_get_current_time_nanoseconds" | "proxy_set_tick_period_milliseconds" => Self::Time,
            _ => return None,
        })
    }

    /// In words.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::ReadHeaders => "read headers and trailers",
            Self::ChangeHeaders => "change headers and trailers",
            Self::ReadBodies => "read its configuration, and bodies where it is called for them",
            Self::ChangeBodies => "change bodies",
            Self::ReadProperties => "read properties: addresses, certificates, tokens, routes",
            Self::SetProperties => "leave filter state for the access log and for other filters",
            Self::Reply => "answer requests in the upstream's place",
            Self::ControlStreams => "hold streams, let them go on, end them",
            Self::CallServices => "call services that the proxy knows",
            Self::CallFunctions => "call functions that only this proxy has",
            Self::ShareData => "share data and queues with other modules and workers",
            Self::Count => "count, in the proxy's metrics",
            Self::Log => "write to the proxy's log",
            Self::Time => "ask for the time and for a timer",
        }
    }
}
