//! The canonical form of a request: one spelling for what servers take as the same host and the same path.
//!
//! Native RBAC compares bytes, and the bytes go upstream as they came. A `DENY` of the host `test.com` and the path `/headers` is
//! walked round with `Host: test.com:80`, with `//headers` or with `%2Fheaders`. Where the mesh says `matching: canonical`, rules
//! are about this instead:
//!
//! ```text
//! :authority   TEST.com.:80        ──▶  test.com      lower case, no port, no trailing dot, no escapes, usual addresses
//! :path        /a/..//%2fheaders?q ──▶  /headers?q    as DECODE_AND_MERGE_SLASHES leaves it, again until nothing changes
//! ```
//!
//! What a rule says must have that form already, or it would match nothing: see [`canonical_policy`]. What a server may read in two
//! ways has an [`Ambiguity`], which the mesh can have refused.

mod host;
mod path;
mod policy;
mod punycode;
mod request;

use std::borrow::Cow;
use std::fmt;

use crate::request::Headers;
use host::Host;
use path::Path;

pub use policy::{NotCanonical, canonical_host_pattern, canonical_policy};
pub use request::CanonicalRequest;

/// What rules are about, where a request is spelled otherwise.
#[derive(Clone, Debug)]
pub struct Canonical {
    /// The header lines, with the canonical forms of `:authority` and `:path`.
    pub headers: Headers,
    /// What the registry is asked about: the canonical host, with the port that the request names.
    pub authority: Option<Vec<u8>>,
    /// Whether, and in what, servers may differ about the request.
    pub ambiguity: Option<Ambiguity>,
}

/// What servers may read differently.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Ambiguity {
    /// The host: a trailing dot, escapes, something that is no host name or only looks like an internationalised one, an address in
    /// an unusual notation.
    Host,
    /// The path: slashes in a row, dot segments, escapes of slashes and of other bytes that parts of a URL begin with.
    Path,
}

impl Ambiguity {
    /// The word used in log lines and in output for machines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Path => "path",
        }
    }

    /// The name by which logs and counters know that a request was refused for it: `ambiguous[host]`.
    #[must_use]
    pub fn rule(self) -> String {
        ["ambiguous[", self.as_str(), "]"].concat()
    }
}

impl fmt::Display for Ambiguity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The canonical form of a request; `None` when it has that form.
#[must_use]
#[inline(never)]
pub fn canonical(headers: &Headers) -> Option<Canonical> {
    let written_host = headers.first(":authority");
    let written_path = headers.first(":path");
    let host = written_host.map(Host::of);
    let path = written_path.map(Path::of);
    let is_host_ambiguous = host.as_ref().is_some_and(|host| host.is_ambiguous);
    let is_path_ambiguous = path.as_ref().is_some_and(|path| path.is_ambiguous);
    let ambiguity = match (is_host_ambiguous, is_path_ambiguous) {
        (true, _) => Some(Ambiguity::Host),
        (false, true) => Some(Ambiguity::Path),
        (false, false) => None,
    };
    let other_host = host.as_ref().filter(|host| written_host != Some(&host.name));
    let other_path = path.as_ref().filter(|path| written_path != Some(&path.text));
    if ambiguity.is_none() && other_host.is_none() && other_path.is_none() {
        return None;
    }
    let replaced = [
        (":authority", other_host.map(|host| &*host.name)),
        (":path", other_path.map(|path| &*path.text)),
    ];
    Some(Canonical {
        headers: headers.replaced(replaced.into_iter().filter_map(|(name, value)| Some((name, value?)))),
        authority: host.map(Host::into_authority),
        ambiguity,
    })
}

/// The canonical form of a host, without the port that may stand behind it.
#[must_use]
pub fn canonical_host(authority: &[u8]) -> Cow<'_, [u8]> {
    Host::of(authority).name
}

/// Turns ASCII letters into small ones, without a copy where there are no others.
fn lower_case(text: &[u8]) -> Cow<'_, [u8]> {
    if text.iter().any(u8::is_ascii_uppercase) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}
