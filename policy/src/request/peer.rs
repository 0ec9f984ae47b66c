//! The names of the other end of a TLS connection.

use crate::pattern::SPIFFE;

/// The names of a TLS peer, in the order in which rules try them: every URI SAN, every DNS SAN, the subject.
///
/// A peer without a certificate has one name, an empty subject.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Peer {
    names: Vec<Box<[u8]>>,
}

impl Peer {
    /// The peer with these names.
    #[must_use]
    pub fn new<N: Into<Vec<u8>>>(
        uri_sans: impl IntoIterator<Item = N>,
        dns_sans: impl IntoIterator<Item = N>,
        subject: impl Into<Vec<u8>>,
    ) -> Self {
        let names = uri_sans.into_iter().chain(dns_sans).map(Into::into);
        Self {
            names: names
                .chain(std::iter::once(subject.into()))
                .map(Vec::into_boxed_slice)
                .collect(),
        }
    }

    /// A mesh workload: one SPIFFE identity, written without `spiffe://`.
    #[must_use]
    pub fn workload(principal: &str) -> Self {
        Self::new([format!("{SPIFFE}{principal}")], [], "")
    }

    /// Every name, in the order in which rules try them.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.names.iter().map(AsRef::as_ref)
    }

    /// The identity to write into a log: the first SPIFFE name without `spiffe://`, else the first name that is not empty.
    #[must_use]
    pub fn principal(&self) -> Option<&[u8]> {
        self.names()
            .find_map(|name| name.strip_prefix(SPIFFE.as_bytes()))
            .or_else(|| self.names().find(|name| !name.is_empty()))
    }
}
