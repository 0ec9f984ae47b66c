//! The properties that the access log shows beside the proxy's own fields.

use std::fmt::Write;

use outgate_policy::config::{LogField, Revision};
use outgate_policy::{Decision, Peer, Request, RuleName, Shadow, ShadowVerdict, Unreadable};

use crate::host::{Host, LogLevel, Status};

/// The word for a request that could not be decided, beside the verdicts.
const ERROR: &str = "error";

/// Writes the chosen properties. A field that has nothing to say is not set; the log shows `-` for it.
pub fn write<H: Host + ?Sized>(
    host: &H,
    fields: &[LogField],
    revision: &Revision,
    request: &impl Request,
    outcome: Result<&Decision<'_>, &Unreadable>,
) {
    for field in fields {
        let value = match field {
            LogField::Decision => Some(
                outcome
                    .map_or(ERROR, |decision| decision.verdict.as_str())
                    .as_bytes()
                    .to_vec(),
            ),
            LogField::Rule => match outcome {
                Ok(decision) => decision.rule.map(|rule| rule.as_str().as_bytes().to_vec()),
                Err(unreadable) => Some(unreadable.to_string().into_bytes()),
            },
            // An identity that cannot be read was not needed for the decision, or is what the error is about.
            LogField::Principal => request.peer().ok().flatten().and_then(Peer::principal).map(escape),
            LogField::Shadow => outcome.ok().and_then(|decision| shadow(&decision.shadow)),
            LogField::Revision => Some(revision.0.as_bytes().to_vec()),
        };
        if let Some(value) = value
            && let Err(Status(status)) = host.set_property(field.property(), &value)
        {
            host.log(
                LogLevel::Warn,
                &format!(
                    "{} cannot be written for the access log: status {status}",
                    field.property()
                ),
            );
        }
    }
}

/// A name comes from a certificate, so it may hold anything: what could end a quoted text or a line is escaped.
fn escape(name: &[u8]) -> Vec<u8> {
    name.escape_ascii().collect()
}

/// `deny:denied:<rule>,allow:allowed:-`; nothing when there is no dry-run policy.
fn shadow(shadow: &Shadow<'_>) -> Option<Vec<u8>> {
    let mut text = String::new();
    for (action, verdict) in [("deny", shadow.deny), ("allow", shadow.allow)] {
        let Some(verdict) = verdict else { continue };
        let (verdict, rule) = match verdict {
            ShadowVerdict::Allowed(rule) => ("allowed", rule),
            ShadowVerdict::Denied(rule) => ("denied", rule),
            ShadowVerdict::Unreadable => (ERROR, None),
        };
        let comma = if text.is_empty() { "" } else { "," };
        let rule = rule.map_or("-", RuleName::as_str);
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{comma}{action}:{verdict}:{rule}");
    }
    (!text.is_empty()).then(|| text.into_bytes())
}
