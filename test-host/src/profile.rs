//! The proxies that a host can be like, where they differ.

use std::sync::Arc;

use crate::abi::Status;
use crate::header_map::HeaderMap;
use crate::host_call::HostCall;
use crate::phase::Phase;
use crate::stream_state::Protocol;

/// Whose behaviour the host has where the specification of Proxy-Wasm leaves a choice, or where a proxy differs from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Profile {
    /// Envoy, and with it Istio.
    #[default]
    Envoy,
    /// The letter of the specification: a stream ends with done, log, delete; a body can be written in its middle.
    Spec,
    /// Google's service extensions, as their tester runs plugins. It is simpler than a proxy:
    ///
    /// * Callbacks can come in any order, and whatever a filter answers, the next one comes: nothing is held. Only a local reply
    ///   ends a stream; the last one of a callback counts, it goes through no callback, and it can be given in
    ///   `on_request_headers`, `on_request_body` and `on_response_headers`.
    /// * Headers are there in their own callback only, in a map of [the joining kind](crate::HeaderMap::joining), and never end a
    ///   message. So is a body. The plugin's configuration is always there.
    /// * A stream has the properties that it was given, and no others.
    /// * There are no ticks and foreign functions. Metrics and callouts, and what continues or closes a stream, answer `UNIMPLEMENTED`.
    /// * A stream ends with done, delete.
    Gcp,
}

/// The callbacks that end a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Log,
    Done,
    Delete,
}

/// What [`Profile::Gcp`] has no answer to.
const NOT_IN_GCP: [HostCall; 17] = [
    HostCall::ContinueStream,
    HostCall::CloseStream,
    HostCall::GetStatus,
    HostCall::SetProperty,
    HostCall::DefineMetric,
    HostCall::IncrementMetric,
    HostCall::RecordMetric,
    HostCall::GetMetric,
    HostCall::HttpCall,
    HostCall::GrpcCall,
    HostCall::GrpcStream,
    HostCall::GrpcSend,
    HostCall::GrpcCancel,
    HostCall::GrpcClose,
    HostCall::ContinueRequest,
    HostCall::ContinueResponse,
    HostCall::ClearRouteCache,
];

impl Profile {
    pub(crate) fn endings(self, protocol: Protocol) -> &'static [Ending] {
        match (self, protocol) {
            (Self::Envoy, Protocol::Http) => &[Ending::Log, Ending::Done, Ending::Delete],
            (Self::Envoy, Protocol::Tcp) | (Self::Spec, _) => &[Ending::Done, Ending::Log, Ending::Delete],
            (Self::Gcp, _) => &[Ending::Done, Ending::Delete],
        }
    }

    /// Does a local reply go through the response callbacks of the filter that gave it?
    pub(crate) fn shows_local_replies(self) -> bool {
        self != Self::Gcp
    }

    /// Can a filter that is called in this phase reply itself?
    pub(crate) fn takes_reply_in(self, phase: Phase) -> bool {
        match self {
            Self::Envoy | Self::Spec => phase.can_reply(),
            Self::Gcp => matches!(
                phase,
                Phase::RequestHeaders | Phase::RequestBody | Phase::ResponseHeaders
            ),
        }
    }

    /// Of several replies in a callback, is it the last one that counts?
    pub(crate) fn takes_last_reply(self) -> bool {
        self == Self::Gcp
    }

    /// Does white space in a reply's details become `_`?
    pub(crate) fn joins_details(self) -> bool {
        self != Self::Gcp
    }

    /// May a body be replaced from its middle on?
    pub(crate) fn writes_into_the_middle(self) -> bool {
        self != Self::Envoy
    }

    /// Does a callback that pauses hold the stream, and keep its maps and buffers?
    pub(crate) fn holds(self) -> bool {
        self != Self::Gcp
    }

    /// Must a message begin with its headers, and a response come after its request?
    pub(crate) fn keeps_order(self) -> bool {
        self != Self::Gcp
    }

    /// Is a header map one of the joining kind?
    pub(crate) fn joins_headers(self) -> bool {
        self == Self::Gcp
    }

    /// The headers of a message as a filter has them.
    pub(crate) fn headers_of_message(self, headers: &Arc<HeaderMap>) -> Arc<HeaderMap> {
        if self.joins_headers() {
            headers.joined()
        } else {
            headers.clone()
        }
    }

    /// Does what a filter asks for and is not there read as empty, where it is a body or the pairs of a map?
    pub(crate) fn reads_absent_as_empty(self) -> bool {
        self != Self::Gcp
    }

    /// What a root context is told that asks for headers.
    pub(crate) fn status_without_stream(self) -> Status {
        match self {
            Self::Envoy | Self::Spec => Status::BadArgument,
            Self::Gcp => Status::Unimplemented,
        }
    }

    pub(crate) fn headers_never_end(self) -> bool {
        self == Self::Gcp
    }

    /// Can the plugin's configuration be read at any time, and the VM's at none?
    pub(crate) fn keeps_configuration(self) -> bool {
        self == Self::Gcp
    }

    /// Does a stream have attributes besides those that a test gives it?
    pub(crate) fn derives_attributes(self) -> bool {
        self != Self::Gcp
    }

    /// Are Envoy's own foreign functions there?
    pub(crate) fn has_foreign_functions(self) -> bool {
        self != Self::Gcp
    }

    pub(crate) fn ticks(self) -> bool {
        self != Self::Gcp
    }

    /// Is there no such host call?
    pub(crate) fn lacks(self, call: HostCall) -> bool {
        self == Self::Gcp && NOT_IN_GCP.contains(&call)
    }

    /// Does a configuration get tried out in a VM of its own?
    pub(crate) fn has_canary(self) -> bool {
        self == Self::Envoy
    }
}
