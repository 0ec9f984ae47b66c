//! What a suite says, in the words of its schema.

use std::num::{NonZeroU32, NonZeroU64};

use crate::header::Header;
use crate::source::Position;

/// A file of tests for one plugin.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TestSuite {
    /// The plugin, and what it runs in.
    pub env: Env,
    /// The tests, in the order of the file.
    pub tests: Vec<Test>,
}

/// The plugin, and what it runs in. The tester's flags override the paths.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Env {
    /// The path of the suite itself; the tester fills it in for its own messages.
    pub test_path: Option<String>,
    /// The module. The tester takes it relative to the directory that it runs in.
    pub wasm_path: Option<String>,
    /// The plugin's configuration, relative to the same directory.
    pub config_path: Option<String>,
    /// The lowest level that matchers get to see. `UNDEFINED` is `None`, and means [`LogLevel::Info`].
    pub log_level: Option<LogLevel>,
    /// The file to which the tester appends what the plugin logs.
    pub log_path: Option<String>,
    /// The instant at which the plugin's clock stands, in seconds since 1970. 0 means the same as nothing.
    pub time_secs: Option<u64>,
    /// For benchmarks: how many streams are open beside the measured one.
    pub num_additional_streams: Option<u64>,
    /// For benchmarks: how many of those take a step in each round.
    pub additional_stream_advance_rate: Option<u64>,
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum LogLevel {
    /// Host calls and the like.
    Trace,
    /// For those who look for a fault.
    Debug,
    /// The level where none is given.
    Info,
    /// Something may be wrong.
    Warn,
    /// Something is wrong.
    Error,
    /// The plugin cannot go on.
    Critical,
}

/// One request and its response on one stream. Each test has a machine and a plugin of its own.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Test {
    /// Where the test starts.
    pub at: Position,
    /// The name. The schema wants it unique; nothing enforces that.
    pub name: String,
    /// Whether the tester also measures this test.
    pub benchmark: bool,
    /// How bodies are handed to the plugin.
    pub delivery: Delivery,
    /// What the plugin reads as properties on this stream.
    pub properties: Vec<Property>,
    /// The request's headers.
    pub request_headers: Option<Invocation>,
    /// The request's body: one entry for each time that the plugin is called.
    // INVARIANT: at most one entry unless delivery is whole; the same for the response's body.
    pub request_body: Vec<Invocation>,
    /// The response's headers.
    pub response_headers: Option<Invocation>,
    /// The response's body, as the request's.
    pub response_body: Vec<Invocation>,
    /// What is expected of the plugin's start. Only logs count here, and in the two that follow.
    pub plugin_init: Expectation,
    /// What is expected when the stream is created.
    pub stream_init: Expectation,
    /// What is expected when the stream is destroyed.
    pub stream_destroy: Expectation,
}

/// How a body is handed to the plugin.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Delivery {
    /// Each body invocation is one call.
    #[default]
    Whole,
    /// In this many pieces of the same size, rounded down; what remains goes into the last one.
    NumChunks(NonZeroU32),
    /// In pieces of this many bytes; the last one may be shorter.
    ChunkSize(NonZeroU64),
}

/// A property that the plugin can read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Property {
    /// The path, its segments separated by dots.
    pub path: String,
    /// The bytes that the plugin gets, in the encoding of the property's type.
    pub value: Vec<u8>,
}

/// A phase of a stream: what goes in, and what is expected.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Invocation {
    /// Where the phase starts.
    pub at: Position,
    /// What the plugin is given.
    pub input: Input,
    /// What is expected afterwards.
    pub result: Expectation,
}

/// What the plugin is given in a phase.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Input {
    /// Headers as they are, with pseudo headers; for bodies they mean nothing. Without entries: no headers, or an empty body.
    Headers(Vec<Header>),
    /// A body, or [HTTP/1 text](crate::http1) where headers are due. Never empty.
    Content(Vec<u8>),
    /// A file with such content, relative to the suite.
    File(String),
}

impl Default for Input {
    fn default() -> Self {
        Self::Headers(Vec::new())
    }
}

/// What is expected of a phase. In the phases of headers, even an expectation that says nothing forbids a local reply.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Expectation {
    /// Headers that are there with exactly this value, repeats joined by `, `.
    pub has_header: Vec<Placed<Header>>,
    /// Names of headers that are not there.
    pub no_header: Vec<Placed<String>>,
    /// Matchers for lines of the form `key: value`.
    pub headers: Vec<Matcher>,
    /// Matchers for the whole body, of the message or of the local reply.
    pub body: Vec<Matcher>,
    /// The local reply: there is one exactly if this is given.
    pub immediate: Option<Immediate>,
    /// Matchers for the lines that were logged in this phase.
    pub log: Vec<Matcher>,
}

/// Something with the place where it starts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Placed<T> {
    /// Where it starts.
    pub at: Position,
    /// What it is.
    pub value: T,
}

/// A local reply. What is `None` is not compared.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Immediate {
    /// Where the expectation of it starts.
    pub at: Position,
    /// The HTTP status.
    pub http_status: Option<u32>,
    /// The gRPC status.
    pub grpc_status: Option<u32>,
    /// The details, as Envoy's access log has them.
    pub details: Option<String>,
}

/// Is met when some line matches or, inverted, when none does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Matcher {
    /// Where the matcher starts.
    pub at: Position,
    /// Whether no line may match.
    pub invert: bool,
    /// What a line is compared with.
    pub pattern: Pattern,
}

/// What a line is compared with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Pattern {
    /// The whole line, byte for byte.
    Exact(Vec<u8>),
    /// An RE2 expression for the whole line. It has not been compiled here.
    Regex(String),
    /// A file that holds the whole line, relative to the suite.
    File(String),
}
