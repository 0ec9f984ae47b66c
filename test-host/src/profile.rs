//! The proxies that a host can be like, where they differ.

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
    /// Google's service extensions, as their tester runs plugins: after a local reply nothing is called any more, every piece
    /// of body goes on whatever the filter answers, headers never end a stream, and `on_log` is not called.
    Gcp,
}

/// The callbacks that end a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Log,
    Done,
    Delete,
}

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

    /// May a body be replaced from its middle on?
    pub(crate) fn writes_into_the_middle(self) -> bool {
        self != Self::Envoy
    }

    pub(crate) fn emits_every_chunk(self) -> bool {
        self == Self::Gcp
    }

    pub(crate) fn headers_never_end(self) -> bool {
        self == Self::Gcp
    }

    /// Does a configuration get tried out in a VM of its own?
    pub(crate) fn has_canary(self) -> bool {
        self == Self::Envoy
    }
}
