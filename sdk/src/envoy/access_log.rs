//! Access logs.

use serde_json::{Value, json};

use super::extension;
use crate::proxy::{AccessLog, LogFormat};

pub(super) fn access_log(log: &AccessLog) -> Value {
    let format = match &log.format {
        LogFormat::Text(text) => json!({"text_format_source": {"inline_string": text}}),
        LogFormat::Json(object) => json!({"json_format": object}),
    };
    let mut logger = extension(
        "envoy.access_loggers.file",
        "envoy.extensions.access_loggers.file.v3.FileAccessLog",
        json!({"path": log.path, "log_format": format}),
    );
    if let Some(expression) = &log.filter {
        logger["filter"] = json!({"extension_filter": extension(
            "envoy.access_loggers.extension_filters.cel",
            "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
            json!({"expression": expression}),
        )});
    }
    logger
}
