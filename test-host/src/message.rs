//! The two messages of a stream.

/// One of the two messages that go through a filter on an HTTP stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// From the client to the upstream.
    Request,
    /// From the upstream to the client.
    Response,
}
