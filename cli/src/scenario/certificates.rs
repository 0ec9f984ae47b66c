//! Certificates with given names, for peers of the embedded host.

use std::collections::BTreeMap;

use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, SanType};

use crate::described::PeerNames;
use crate::failure::Failure;

/// Certificates by the names in them, each made once.
pub(crate) struct Certificates {
    key: KeyPair,
    pem: BTreeMap<PeerNames, String>,
}

impl Certificates {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self {
            key: KeyPair::generate()?,
            pem: BTreeMap::new(),
        })
    }

    /// A certificate with these names, as PEM. Nobody verifies it: the host only hands it to the filter.
    pub(crate) fn with_names(&mut self, names: &PeerNames) -> Result<String, Failure> {
        if let Some(pem) = self.pem.get(names) {
            return Ok(pem.clone());
        }
        let mut certificate = CertificateParams::default();
        certificate.distinguished_name = DistinguishedName::new();
        for uri in &names.uris {
            certificate.subject_alt_names.push(SanType::URI(ia5(uri)?));
        }
        for name in &names.dns {
            certificate.subject_alt_names.push(SanType::DnsName(ia5(name)?));
        }
        let pem = certificate.self_signed(&self.key)?.pem();
        self.pem.insert(names.clone(), pem.clone());
        Ok(pem)
    }
}

fn ia5(text: &str) -> Result<Ia5String, Failure> {
    Ia5String::try_from(text)
        .map_err(|_| Failure::Message(format!("`{text}` cannot stand in a certificate: it is not ASCII")))
}
