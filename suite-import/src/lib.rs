//! Reads the test suites of the plugin tester of Google's service extensions, for running them elsewhere.
//!
//! That tester runs Proxy-Wasm plugins by files that say, for each test, what goes into a phase of a stream and what is expected
//! of it. The files are written in protobuf's text format or in YAML; both have the same fields:
//!
//! ```text
//! TestSuite ─┬─ env          the module, its configuration, log level, clock
//!            └─ test*  ──┬─ num_chunks or chunk_size, properties
//!                        ├─ request_headers, request_body*,        Invocation: input, result
//!                        │  response_headers, response_body*
//!                        └─ plugin_init, stream_init, stream_destroy    Expectation: logs
//! ```
//!
//! [`read`] turns either into one [`TestSuite`]. What is read is all that the schema has; what it does not have is refused with
//! its place, and so is a value of another type, a second value where one can stand, and two members of a choice. Nothing is
//! opened and nothing is run: files that a suite names are left to the caller, who gives what stands in them to [`http1`].
//!
//! ```
//! use outgate_suite_import::{Pattern, http1, Input, read};
//!
//! let suite = read("tests.textpb", r#"
//!     env { log_level: DEBUG }
//!     test {
//!       name: "refuses strangers"
//!       request_headers {
//!         input { content: "GET /private HTTP/1.1\n" "Host: shop.test\n" }
//!         result {
//!           immediate { http_status: 403 }
//!           log { regex: ".*stranger.*" }
//!         }
//!       }
//!     }
//! "#)?;
//! let request = suite.tests[0].request_headers.as_ref().unwrap();
//! assert_eq!(request.result.immediate.as_ref().unwrap().http_status, Some(403));
//! assert_eq!(request.result.log[0].pattern, Pattern::Regex(".*stranger.*".into()));
//!
//! let Input::Content(content) = &request.input else { panic!("no content") };
//! let headers = http1::parse(content, http1::Head::Request)?;
//! assert_eq!(headers[2].key, ":authority");
//!
//! let error = read("tests.yaml", "test:\n- nam: x\n").unwrap_err();
//! assert!(error.to_string().starts_with("tests.yaml:2:3: `test[0]` has no field `nam`\n  help: did you mean `name`?"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Each notation keeps its own habits. In text format, text stands in quotes and repeated fields stand several times or in
//! brackets. In YAML, a scalar is what its field is, quoted or not; a repeated field is a list even with one entry; and a null
//! leaves the field unset.

mod error;
mod fields;
mod header;
pub mod http1;
mod model;
pub mod re2;
mod scalar;
mod schema;
mod source;
mod text;
mod tree;
mod yaml;

pub use error::ImportError;
pub use header::Header;
pub use model::{
    Delivery, Env, Expectation, Immediate, Input, Invocation, LogLevel, Matcher, Pattern, Placed, Property, Test,
    TestSuite,
};
pub use source::Position;

use error::Problem;
use fields::Fields;
use source::{Source, Syntax};

/// Does the extension of a file's name stand for protobuf's text format?
pub fn is_text_format(name: &str) -> bool {
    Syntax::of_file(name) == Some(Syntax::TextFormat)
}

/// Reads a suite. The name's extension tells the syntax: `.textpb`, `.txtpb`, `.textproto` and `.pbtxt`, or `.yaml` and `.yml`.
///
/// Nothing is opened: the name stands in errors, and paths in the suite are left to whoever runs it.
///
/// # Errors
///
/// The first thing in the text that is not of the format, with its place.
pub fn read(name: &str, text: &str) -> Result<TestSuite, ImportError> {
    let syntax = Syntax::of_file(name);
    let source = Source::new(text, syntax.unwrap_or(Syntax::TextFormat));
    let suite = match syntax {
        None => Err(Problem::new(0, "the file's name does not tell which syntax this is")
            .help("call it `.textpb` for protobuf's text format, or `.yaml`")),
        Some(Syntax::TextFormat) => text::parse(text),
        Some(Syntax::Yaml) => yaml::parse(text),
    };
    suite
        .and_then(|fields| Fields::read_root(&source, &fields, schema::suite))
        .map_err(|problem| problem.in_file(name, &source))
}
