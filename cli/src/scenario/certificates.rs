//! Certificates with given names, for peers of the embedded host.

use std::collections::BTreeMap;

use crate::authority::Authority;
use crate::described::PeerNames;
use crate::failure::Failure;

/// Certificates by the names in them, each made once.
pub(crate) struct Certificates {
    authority: Authority,
    pem: BTreeMap<PeerNames, String>,
}

impl Certificates {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self {
            authority: Authority::new("the embedded host")?,
            pem: BTreeMap::new(),
        })
    }

    /// A certificate with these names, as PEM. Nobody verifies it: the host only hands it to the filter.
    pub(crate) fn with_names(&mut self, names: &PeerNames) -> Result<String, Failure> {
        if let Some(pem) = self.pem.get(names) {
            return Ok(pem.clone());
        }
        let pem = self.authority.issue(names)?.certificate;
        self.pem.insert(names.clone(), pem.clone());
        Ok(pem)
    }
}
