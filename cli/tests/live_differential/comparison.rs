//! What is compared, and what may differ.

use std::fmt;

use crate::connection::Outcome;
use crate::envoy::access_log::LogLine;

/// What a side did with a request.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    /// Absent when Envoy could not read the request.
    pub(crate) log: Option<LogLine>,
}

/// Fields of the log that differ from one moment or connection to the next.
const VARYING: [&str; 6] = [
    "start_time",
    "duration",
    "upstream_response_time",
    "upstream_service_time",
    "upstream_local_address",
    "downstream_remote_address",
];

impl Answer {
    pub(crate) fn new(outcome: Outcome, log: Option<LogLine>) -> Self {
        let outcome = match outcome {
            Outcome::Reply(reply) => Outcome::Reply(reply.without_times()),
            other => other,
        };
        Self { outcome, log }
    }

    /// A field of the log; `-` when there is nothing to say.
    pub(crate) fn logged(&self, field: &str) -> &str {
        self.log
            .as_ref()
            .and_then(|line| line.get(field))
            .map_or("-", String::as_str)
    }

    fn compared_fields(&self) -> Option<Vec<(&str, &str)>> {
        let is_one_sides = |name: &str| name.starts_with("native_") || name.starts_with("outgate_");
        let fields = self
            .log
            .as_ref()?
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        Some(
            fields
                .filter(|(name, _)| !VARYING.contains(name) && !is_one_sides(name))
                .collect(),
        )
    }
}

/// What is different between the answers, in words; `None` when nothing is.
pub(crate) fn difference(native: &Answer, ours: &Answer) -> Option<&'static str> {
    if native.outcome != ours.outcome {
        return Some("the replies differ");
    }
    if native.compared_fields() != ours.compared_fields() {
        return Some("the log lines differ");
    }
    if !has_decided_alike(native, ours) {
        return Some("our log does not say what was decided");
    }
    (!has_same_shadows(native, ours)).then_some("the dry-run results differ")
}

fn has_decided_alike(native: &Answer, ours: &Answer) -> bool {
    let details = native.logged("response_code_details");
    let denied = details.strip_prefix("rbac_access_denied_matched_policy[");
    match (
        ours.logged("outgate_decision"),
        denied.and_then(|rest| rest.strip_suffix(']')),
    ) {
        ("deny", Some("none")) => ours.logged("outgate_rule") == "-",
        ("deny", Some(rule)) => ours.logged("outgate_rule") == rule,
        ("allow" | "-", None) => true,
        _ => false,
    }
}

/// Each engine of native authorization tells its dry-run result, unless the one before it has denied.
fn has_same_shadows(native: &Answer, ours: &Answer) -> bool {
    let shadows: Vec<&str> = ours.logged("outgate_shadow").split(',').collect();
    let told = ["deny", "allow"].into_iter().filter_map(|action| {
        let result = native.logged(&format!("native_{action}_shadow"));
        let rule = native.logged(&format!("native_{action}_shadow_rule"));
        (result != "-").then(|| format!("{action}:{result}:{rule}"))
    });
    told.into_iter().all(|told| shadows.contains(&told.as_str()))
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Reply(reply) => {
                writeln!(f, "{}", reply.status)?;
                for (name, value) in &reply.headers {
                    writeln!(f, "{name}: {value}")?;
                }
                writeln!(f, "\n{}", reply.body)?;
            }
            other => writeln!(f, "{other:?}")?,
        }
        match &self.log {
            Some(line) => line
                .iter()
                .try_for_each(|(name, value)| writeln!(f, "  {name} = {value}")),
            None => writeln!(f, "  no line in the log"),
        }
    }
}
