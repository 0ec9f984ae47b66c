//! The gateway's access log, in the format of the example's mesh configuration.
//!
//! The format is read from there and not repeated here, so what users copy is what is tested.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const MESH_CONFIG: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../examples/asm-egress-gateway/mesh-config.yaml"
);

const PATIENCE: Duration = Duration::from_secs(10);

/// The fields of one line. Reading them as strings is itself a check: the format promises nothing but strings.
pub(crate) type LogLine = BTreeMap<String, String>;

/// The access log of one listener.
pub(crate) struct AccessLog(PathBuf);

impl AccessLog {
    pub(crate) fn of(listener: &str, folder: &Path) -> Self {
        Self(folder.join(format!("{listener}.access.log")))
    }

    /// The line of the request with this id, when Envoy has written it.
    pub(crate) fn line_of(&self, request_id: &str) -> LogLine {
        let started = Instant::now();
        loop {
            let lines = self.lines();
            if let Some(line) = lines.iter().find(|line| is_of(line, request_id)) {
                return line.clone();
            }
            assert!(
                started.elapsed() < PATIENCE,
                "no line for request {request_id} in the access log: {lines:?}"
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// All lines, when Envoy has written that of the request with this id.
    pub(crate) fn lines_with(&self, request_id: &str) -> Vec<LogLine> {
        self.line_of(request_id);
        self.lines()
    }

    fn lines(&self) -> Vec<LogLine> {
        let text = fs::read_to_string(&self.0).unwrap_or_default();
        // The last line may be half written.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(parse).collect()
    }
}

fn is_of(line: &LogLine, request_id: &str) -> bool {
    line.get("request_id").is_some_and(|id| id == request_id)
}

/// Envoy's configuration of a listener's log: the example's fields, and the reason for the response.
pub(crate) fn configuration(listener: &str, folder: &Path) -> Value {
    let mut format = example_format();
    format["response_code_details"] = json!("%RESPONSE_CODE_DETAILS%");
    json!({
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": AccessLog::of(listener, folder).0,
            "log_format": {"json_format": format},
        },
    })
}

/// The JSON object under `accessLogFormat`. No value in it has a brace, so it ends at the first one.
fn example_format() -> Value {
    let config = fs::read_to_string(MESH_CONFIG).unwrap_or_else(|error| panic!("{MESH_CONFIG}: {error}"));
    let (_, rest) = config
        .split_once("accessLogFormat:")
        .expect("the mesh configuration has a log format");
    let object = rest
        .find('{')
        .zip(rest.find('}'))
        .map(|(start, end)| &rest[start..=end]);
    let object = object.expect("the log format is a JSON object");
    serde_json::from_str(object).unwrap_or_else(|error| panic!("the log format is not JSON: {error}: {object}"))
}

fn parse(line: &str) -> LogLine {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("not a line of strings: {error}: {line}"))
}
