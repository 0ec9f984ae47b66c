//! What the filter asks of its host, as a trait: the proxy in production, a table in tests.

/// A status other than OK that a host call answered with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Status(pub u32);

impl Status {
    /// What was given does not fit.
    pub const BAD_ARGUMENT: Self = Self(2);
    /// Somebody else has set the value in between.
    pub const CAS_MISMATCH: Self = Self(8);
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

/// A header line: a name and a value.
pub type HeaderLine = (Vec<u8>, Vec<u8>);

/// A reply that the filter sends instead of the upstream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LocalReply<'a> {
    /// The HTTP status. For gRPC the host derives the gRPC status from it.
    pub status: u32,
    /// What `%RESPONSE_CODE_DETAILS%` shows.
    pub details: &'a str,
    /// The body; the host adds `content-length`, and `content-type` unless it is among the headers.
    pub body: &'a [u8],
    /// Header lines, each a name and a value.
    pub headers: &'a [HeaderLine],
}

/// A request to a service that the proxy knows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HttpCall {
    /// The proxy's name for the service, its cluster.
    pub cluster: String,
    /// Header lines, each a name and a value. `:method`, `:path` and `:authority` have to be there.
    pub headers: Vec<HeaderLine>,
    /// The body.
    pub body: Vec<u8>,
    /// How long to wait for the answer, in milliseconds.
    pub timeout: u32,
}

/// The number of a call, by which its answer is known.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct CallNumber(pub u32);

/// The context of a stream, by the host's number.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Context(pub u32);

/// Which version of a shared value somebody has seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Version(pub u32);

impl Version {
    /// Of a value that is to be set whatever it is.
    pub const ANY: Self = Self(0);
    /// Of a value that is to be set only if nobody has: hosts number versions from 1, and none comes this far.
    pub const ABSENT: Self = Self(u32::MAX);
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

    /// Sets a header of the request that the host is in the middle of; one line is left of several.
    ///
    /// # Errors
    ///
    /// Any status other than OK.
    fn set_request_header(&self, name: &[u8], value: &[u8]) -> Result<(), Status>;

    /// Removes all lines of a header of the request that the host is in the middle of.
    ///
    /// # Errors
    ///
    /// Any status other than OK.
    fn remove_request_header(&self, name: &[u8]) -> Result<(), Status>;

    /// Adds a header line to the response that the host is in the middle of.
    ///
    /// # Errors
    ///
    /// Any status other than OK.
    fn add_response_header(&self, name: &[u8], value: &[u8]) -> Result<(), Status>;

    /// Makes what follows be about another stream than the one that the host is in the middle of, until this callback ends.
    ///
    /// # Errors
    ///
    /// Any status other than OK: the stream is gone.
    fn act_for(&self, stream: Context) -> Result<(), Status>;

    /// Lets a request go on that was held.
    ///
    /// # Errors
    ///
    /// Any status other than OK.
    fn continue_request(&self) -> Result<(), Status>;

    /// Closes the connection of the client.
    ///
    /// # Errors
    ///
    /// Any status other than OK.
    fn close_connection(&self) -> Result<(), Status>;

    /// Sends a request to a service. The answer comes in a callback of its own.
    ///
    /// # Errors
    ///
    /// Any status other than OK: there is no such service, or no host of it; and no answer will come.
    fn call(&self, call: &HttpCall) -> Result<CallNumber, Status>;

    /// The header lines of the answer that is being handed over, as a Proxy-Wasm pairs block.
    ///
    /// # Errors
    ///
    /// Any status other than OK.
    fn answer_headers(&self) -> Result<Vec<u8>, Status>;

    /// The body of the answer that is being handed over, of this many bytes.
    ///
    /// # Errors
    ///
    /// Any status other than OK.
    fn answer_body(&self, size: usize) -> Result<Vec<u8>, Status>;

    /// A value that all virtual machines of the proxy share, and its version; `None` when nobody has set it.
    ///
    /// # Errors
    ///
    /// Any status other than OK and NotFound.
    fn shared(&self, key: &[u8]) -> Result<Option<(Vec<u8>, Version)>, Status>;

    /// Sets a value that all virtual machines of the proxy share, if it still has this version.
    ///
    /// # Errors
    ///
    /// Any status other than OK; [`Status::CAS_MISMATCH`] when it has another version by now.
    fn set_shared(&self, key: &[u8], value: &[u8], version: Version) -> Result<(), Status>;

    /// What time it is, in nanoseconds since the beginning of 1970.
    ///
    /// # Errors
    ///
    /// Any status other than OK.
    fn now(&self) -> Result<u64, Status>;

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
