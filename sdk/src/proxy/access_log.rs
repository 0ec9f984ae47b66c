//! Where a proxy logs accesses, and in what words: the mesh configuration, unless a `Telemetry` says otherwise.

use outgate_policy::FieldPath;
use serde_json::Value;

use crate::access_log::LogProperty;
use crate::diagnostic::Diagnostic;
use crate::manifest::{AccessLogEncoding, Manifest, MeshConfig, Telemetry};

use super::{Builder, Place, rendered};

/// One access log.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessLog {
    /// The file.
    pub path: String,
    /// What a line is.
    pub format: LogFormat,
    /// Which accesses are logged, in the Common Expression Language; `None`: all.
    pub filter: Option<String>,
}

/// What a line of a log is, with Envoy's operators in it.
#[derive(Clone, Debug, PartialEq)]
pub enum LogFormat {
    /// Text.
    Text(String),
    /// An object, its fields in order.
    Json(Value),
}

impl LogFormat {
    /// Adds what custom policies write, where there are fields: a text stays as it is.
    pub fn add(&mut self, of_policies: &[LogProperty]) {
        if let Self::Json(Value::Object(fields)) = self {
            let added = of_policies
                .iter()
                .map(|property| (property.as_str().to_owned(), property.value().into()));
            fields.extend(added);
        }
    }

    /// The text that Istio logs when nothing else is said.
    #[must_use]
    pub fn istio_text() -> Self {
        Self::Text(
            "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% \
             %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% \
             %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \
             \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_ADDRESS% \
             %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n"
                .to_owned(),
        )
    }

    /// The object that Istio logs when JSON is asked for and no fields are named.
    #[must_use]
    pub fn istio_json() -> Self {
        let fields = [
            ("start_time", "%START_TIME%"),
            ("route_name", "%ROUTE_NAME%"),
            ("method", "%REQ(:METHOD)%"),
            ("path", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"),
            ("protocol", "%PROTOCOL%"),
            ("response_code", "%RESPONSE_CODE%"),
            ("response_flags", "%RESPONSE_FLAGS%"),
            ("response_code_details", "%RESPONSE_CODE_DETAILS%"),
            ("connection_termination_details", "%CONNECTION_TERMINATION_DETAILS%"),
            ("bytes_received", "%BYTES_RECEIVED%"),
            ("bytes_sent", "%BYTES_SENT%"),
            ("duration", "%DURATION%"),
            ("upstream_service_time", "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%"),
            ("x_forwarded_for", "%REQ(X-FORWARDED-FOR)%"),
            ("user_agent", "%REQ(USER-AGENT)%"),
            ("request_id", "%REQ(X-REQUEST-ID)%"),
            ("authority", "%REQ(:AUTHORITY)%"),
            ("upstream_host", "%UPSTREAM_HOST%"),
            ("upstream_cluster", "%UPSTREAM_CLUSTER%"),
            ("upstream_local_address", "%UPSTREAM_LOCAL_ADDRESS%"),
            ("downstream_local_address", "%DOWNSTREAM_LOCAL_ADDRESS%"),
            ("downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"),
            ("requested_server_name", "%REQUESTED_SERVER_NAME%"),
            (
                "upstream_transport_failure_reason",
                "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
            ),
        ];
        Self::Json(Value::Object(
            fields
                .map(|(name, operator)| (name.to_owned(), operator.into()))
                .into_iter()
                .collect(),
        ))
    }
}

impl Builder<'_> {
    pub(super) fn access_logs(&mut self, place: &Place<'_>) -> Vec<AccessLog> {
        match self.telemetry(place) {
            Some((_, telemetry)) => self.of_telemetry(telemetry),
            None => self.of_mesh().into_iter().collect(),
        }
    }

    /// The `Telemetry` that counts: with the pods' labels, else of the namespace, else of the root namespace.
    fn telemetry<'b>(
        &'b self,
        place: &Place<'_>,
    ) -> Option<(&'b Manifest<crate::manifest::Rendered<Telemetry>>, &'b Telemetry)> {
        let workload = place.workload;
        let mut found: Vec<_> = rendered(self.manifests.telemetries())
            .filter(|(_, telemetry)| !telemetry.access_logging.is_empty())
            .filter_map(|(object, telemetry)| {
                let namespace = &object.name().namespace;
                let is_own = *namespace == workload.name.namespace;
                let preference = match &telemetry.selector {
                    Some(selector) if is_own => selector.selects(&workload.labels).then_some(0)?,
                    None if is_own => 1,
                    None if *namespace == workload.root_namespace => 2,
                    _ => return None,
                };
                Some((preference, object, telemetry))
            })
            .collect();
        found.sort_by_key(|(preference, object, _)| (*preference, object.name()));
        found.first().map(|(_, object, telemetry)| (*object, *telemetry))
    }

    fn of_mesh(&self) -> Option<AccessLog> {
        let mesh = self.mesh_settings()?;
        let path = mesh.access_log_file.clone().filter(|path| !path.is_empty())?;
        Some(AccessLog {
            path,
            format: format_of(mesh),
            filter: None,
        })
    }

    fn mesh_settings(&self) -> Option<&MeshConfig> {
        self.manifests.mesh_config().map(Manifest::content)
    }

    fn of_telemetry(&self, telemetry: &Telemetry) -> Vec<AccessLog> {
        let mut logs = Vec::new();
        for logging in &telemetry.access_logging {
            if logging.disabled {
                continue;
            }
            let filter = logging.filter.as_ref().map(|filter| filter.expression.clone());
            if logging.providers.is_empty() {
                logs.extend(self.of_mesh().map(|log| AccessLog { filter, ..log }));
                continue;
            }
            for provider in &logging.providers {
                logs.extend(self.of_provider(&provider.name).map(|log| AccessLog {
                    filter: filter.clone(),
                    ..log
                }));
            }
        }
        logs
    }

    /// The log of one of the mesh configuration's `extensionProviders`; `envoy` is the log of the mesh itself.
    fn of_provider(&self, name: &str) -> Option<AccessLog> {
        let mesh = self.mesh_settings();
        let providers = mesh.map_or(&[][..], |mesh| &mesh.extension_providers);
        let provider = providers.iter().find(|provider| provider.name == name);
        let Some(provider) = provider else {
            let format = mesh.map_or_else(LogFormat::istio_text, format_of);
            return (name == "envoy").then(|| AccessLog {
                path: "/dev/stdout".to_owned(),
                format,
                filter: None,
            });
        };
        let file = provider.envoy_file_access_log.as_ref()?;
        let format = match (file.pointer("/logFormat/text"), file.pointer("/logFormat/labels")) {
            (Some(Value::String(text)), _) => LogFormat::Text(text.clone()),
            (_, Some(labels)) => LogFormat::Json(labels.clone()),
            _ => mesh.map_or_else(LogFormat::istio_text, format_of),
        };
        Some(AccessLog {
            path: file["path"].as_str().unwrap_or("/dev/stdout").to_owned(),
            format,
            filter: None,
        })
    }

    /// Providers that are named and cannot be rendered.
    pub(super) fn review_log_providers(&mut self, place: &Place<'_>) {
        let Some((object, telemetry)) = self.telemetry(place) else {
            return;
        };
        let mut found = Vec::new();
        let path = FieldPath::root().field("spec").field("accessLogging");
        for (index, logging) in telemetry.access_logging.iter().enumerate() {
            for (number, provider) in logging.providers.iter().enumerate() {
                if self.of_provider(&provider.name).is_none() {
                    let path = path.index(index).field("providers").index(number).field("name");
                    let message = format!(
                        "Telemetry {}: the mesh configuration has no provider `{}` that logs to a file",
                        object.name(),
                        provider.name
                    );
                    found.push(
                        Diagnostic::error(message)
                            .at(object.span_at(&path), "")
                            .in_field(path)
                            .help("only `envoyFileAccessLog` providers are rendered"),
                    );
                }
            }
        }
        for diagnostic in found {
            self.diagnostics.push(diagnostic);
        }
    }
}

/// The format that the mesh configuration asks for.
fn format_of(mesh: &MeshConfig) -> LogFormat {
    let written = mesh.access_log_format.as_deref().filter(|format| !format.is_empty());
    if mesh.access_log_encoding == Some(AccessLogEncoding::Json) {
        let object = written.and_then(|text| serde_json::from_str(text).ok());
        return object.map_or_else(LogFormat::istio_json, LogFormat::Json);
    }
    written.map_or_else(LogFormat::istio_text, |text| {
        let mut text = text.to_owned();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        LogFormat::Text(text)
    })
}
