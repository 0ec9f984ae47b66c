//! The properties that the access log shows beside the proxy's own fields.
//!
//! Each is a host call for each request, but for the principal where it is the connection's own: that stays with the connection,
//! and is written only until the connection has it. The revision cannot do the same. Requests that an older configuration has
//! decided may still be under way on a connection, and are logged later; the connection can show one revision only.

use std::borrow::Cow;
use std::fmt::Write;

use outgate_policy::config::{self, Identity, LogField, Revision};
use outgate_policy::{Peer, RuleName, Shadow, ShadowVerdict};

use crate::host::{Host, LogLevel, Status};
use crate::record::{ERROR, Record};
use crate::stream::Stream;

/// What one configuration writes.
#[derive(Debug)]
pub struct AccessLog {
    fields: Vec<LogField>,
    revision: Revision,
    /// Whether a connection can be told who its caller is, once and for all of its requests.
    names_connections: bool,
}

impl AccessLog {
    /// The log of a configuration with this revision.
    #[must_use]
    pub fn new(config: config::AccessLog, revision: Revision) -> Self {
        Self {
            fields: config.fields,
            revision,
            names_connections: false,
        }
    }

    /// The configuration's revision.
    #[must_use]
    pub const fn revision(&self) -> &Revision {
        &self.revision
    }

    /// Whether a field is one that it writes.
    pub(crate) fn shows(&self, field: LogField) -> bool {
        self.fields.contains(&field)
    }

    /// Has the host keep with a connection what is the connection's.
    ///
    /// It can then be set only once. Whoever comes second is refused, and so knows that it is there: the same filter with the
    /// next request, with another configuration, or in another place of the chain. A filter that takes identities from requests
    /// and shares a chain with one that does not is refused as well, instead of showing the caller of one request with another.
    pub fn set_up<H: Host>(&mut self, host: &H, identity: Identity) {
        let principal = LogField::Principal;
        // One's own workload is the caller on all connections, and that one of them shows it says nothing of the others.
        self.names_connections = identity == Identity::PeerCertificate
            && self.shows(principal)
            && host.keep_with_connection(principal.property()).is_ok();
    }

    /// Writes the chosen properties. A field that has nothing to say is not set; the log shows `-` for it.
    pub fn write<H: Host>(&self, host: &H, stream: &Stream<'_, H>, record: &Record<'_>) {
        for &field in &self.fields {
            if field == LogField::Principal {
                self.write_principal(host, stream);
            } else if let Some(value) = self.value(field, record)
                && let Err(status) = host.set_property(field.property(), &value)
            {
                report(host, field.property(), status);
            }
        }
    }

    /// An identity that cannot be read was not needed for the decision, or is what the error is about.
    fn write_principal<H: Host>(&self, host: &H, stream: &Stream<'_, H>) {
        let Ok(caller) = stream.caller() else { return };
        if caller.is_on_record.get() {
            return;
        }
        let Some(name) = caller.peer.as_ref().and_then(Peer::principal) else {
            return;
        };
        match host.set_property(LogField::Principal.property(), &escape(name)) {
            // Where another filter has set it for the stream, the connection still does not have it.
            Ok(()) => {}
            Err(Status::BAD_ARGUMENT) if self.names_connections => caller.is_on_record.set(true),
            Err(status) => report(host, LogField::Principal.property(), status),
        }
    }

    fn value<'v>(&'v self, field: LogField, record: &'v Record<'_>) -> Option<Cow<'v, [u8]>> {
        let text = match field {
            LogField::Decision => record.verdict,
            LogField::Rule => record.rule.as_deref()?,
            LogField::Shadow => return shadow(&record.shadow).map(Cow::from),
            LogField::Literal => {
                let (verdict, rule) = record.literal?;
                let rule = rule.map_or("-", RuleName::as_str);
                return Some([verdict.as_str(), ":", rule].concat().into_bytes().into());
            }
            LogField::Revision => &self.revision.0,
            LogField::Principal => return None,
        };
        Some(text.as_bytes().into())
    }
}

/// Tells the operator of a field that the proxy does not take.
pub(crate) fn report<H: Host + ?Sized>(host: &H, property: &str, Status(status): Status) {
    let line = format!("{property} cannot be written for the access log: status {status}");
    host.log(LogLevel::Warn, &line);
}

/// What comes from a certificate or from a request may hold anything: what could end a quoted text or a line is escaped.
pub(crate) fn escape(name: &[u8]) -> Vec<u8> {
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
