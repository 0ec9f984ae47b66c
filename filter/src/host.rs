//! What the filter asks of its host, as a trait: the proxy in production, a table in tests.

/// A status other than OK that a host call answered with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Status(pub u32);

impl Status {
    /// What was given does not fit.
    pub const BAD_ARGUMENT: Self = Self(2);
}

/// How grave a log line is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs, reason = "the names are those of Proxy-Wasm")]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Critical,
}

/// A counter or gauge that the host keeps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Metric(pub u32);

/// What a metric does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MetricKind {
    /// Counts up.
    Counter,
    /// Holds a value.
    Gauge,
}

/// A reply that the filter sends instead of the upstream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LocalReply<'a> {
    /// The HTTP status. For gRPC the host derives the gRPC status from it.
    pub status: u32,
    /// What `%RESPONSE_CODE_DETAILS%` shows.
    pub details: &'a str,
    /// The body; the host adds `content-length` and `content-type`.
    pub body: &'a [u8],
}

/// The host calls that the filter makes. Each method is one call; none panics on an unexpected status.
pub trait Host {
    /// The request's header lines, as a Proxy-Wasm pairs block.
    ///
    /// # Errors
    ///
    /// Any status other than OK.
    fn request_headers(&self) -> Result<Vec<u8>, Status>;

    /// A property by its path, segments parted by NUL; `None` when the host has none, or an empty one.
    ///
    /// # Errors
    ///
    /// Any status other than OK and NotFound.
    fn property(&self, path: &[u8]) -> Result<Option<Vec<u8>>, Status>;

    /// Sets a property of one segment, which becomes the stream's filter state `wasm.<name>`.
    ///
    /// # Errors
    ///
    /// Any status other than OK; [`Status::BAD_ARGUMENT`] when it is set already and can only be once.
    fn set_property(&self, name: &str, value: &[u8]) -> Result<(), Status>;

    /// Makes a property one of the connection, not of the stream, that can be set only once. Until then it is like any other.
    ///
    /// # Errors
    ///
    /// Any status other than OK. Then nothing has changed; most hosts but Envoy cannot do this.
    fn keep_with_connection(&self, name: &str) -> Result<(), Status>;

    /// Answers the request in the upstream's place.
    ///
    /// # Errors
    ///
    /// Any status other than OK.
    fn send_local_reply(&self, reply: &LocalReply<'_>) -> Result<(), Status>;

    /// Defines a metric, or finds the one of that name.
    ///
    /// # Errors
    ///
    /// Any status other than OK.
    fn define_metric(&self, kind: MetricKind, name: &str) -> Result<Metric, Status>;

    /// Adds to a counter.
    ///
    /// # Errors
    ///
    /// Any status other than OK.
    fn increment(&self, metric: Metric, by: i64) -> Result<(), Status>;

    /// Sets a gauge.
    ///
    /// # Errors
    ///
    /// Any status other than OK.
    fn record(&self, metric: Metric, value: u64) -> Result<(), Status>;

    /// Asks for ticks; none for a period of 0.
    ///
    /// # Errors
    ///
    /// Any status other than OK.
    fn tick_every(&self, milliseconds: u32) -> Result<(), Status>;

    /// Writes a line into the host's log.
    fn log(&self, level: LogLevel, line: &str);
}
