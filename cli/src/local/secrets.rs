//! The certificates of a run.

use std::collections::BTreeMap;

use outgate_sdk::envoy::SecretContent;
use outgate_sdk::manifest::{Certificate, Manifest, Manifests, ObjectName};
use outgate_sdk::proxy::Trust;

use crate::authority::{Authority, Issued};
use crate::described::PeerNames;
use crate::failure::Failure;

/// The authorities of a run, and what they have issued. The same is never issued twice, so that what does not change looks the
/// same to a proxy.
pub(crate) struct Issuers {
    mesh: Authority,
    /// By the name of cert-manager's issuer.
    others: BTreeMap<String, Authority>,
    issued: BTreeMap<(Option<String>, PeerNames), Issued>,
    /// The issuer of each secret that was made.
    made: BTreeMap<ObjectName, String>,
}

impl Issuers {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self {
            mesh: Authority::new("the mesh, for the time of this run")?,
            others: BTreeMap::new(),
            issued: BTreeMap::new(),
            made: BTreeMap::new(),
        })
    }

    /// A workload's own certificate, with the mesh's authority beside it.
    pub(crate) fn workload(&mut self, identity: &str) -> Result<SecretContent, Failure> {
        self.secret(None, &PeerNames::workload(identity))
    }

    /// A certificate that a gateway which trusts like this takes; `None` when only the manifests' author can make one.
    pub(crate) fn trusted(&mut self, trust: &Trust, names: &PeerNames) -> Result<Option<Issued>, Failure> {
        match trust {
            Trust::Mesh => self.issue(None, names).map(Some),
            Trust::Secret(secret) => match self.made.get(secret).cloned() {
                Some(issuer) => self.issue(Some(&issuer), names).map(Some),
                None => Ok(None),
            },
            // Any will do.
            Trust::Unchecked => self.issue(None, names).map(Some),
            Trust::File(_) | Trust::System => Ok(None),
        }
    }

    /// The secrets of the manifests, and those that are to be made from a `Certificate`.
    pub(crate) fn named(&mut self, manifests: &Manifests) -> Result<BTreeMap<ObjectName, SecretContent>, Failure> {
        let mut named = BTreeMap::new();
        self.made.clear();
        for object in manifests.certificates() {
            let certificate = object.content();
            let issuer = &certificate.issuer_ref.name;
            let content = self.secret(Some(issuer), &names(certificate))?;
            let secret = certificate.secret(object.name());
            self.made.insert(secret.clone(), issuer.clone());
            named.insert(secret, content);
        }
        for secret in manifests.secrets() {
            let secret: &Manifest<_> = secret;
            self.made.remove(secret.name());
            named.insert(secret.name().clone(), SecretContent::from(secret.content()));
        }
        Ok(named)
    }

    fn secret(&mut self, issuer: Option<&str>, names: &PeerNames) -> Result<SecretContent, Failure> {
        let Issued { certificate, key } = self.issue(issuer, names)?;
        Ok(SecretContent::Text {
            certificate,
            key,
            authorities: self.authority(issuer)?.certificate(),
        })
    }

    fn issue(&mut self, issuer: Option<&str>, names: &PeerNames) -> Result<Issued, Failure> {
        let known = (issuer.map(str::to_owned), names.clone());
        if let Some(issued) = self.issued.get(&known) {
            return Ok(issued.clone());
        }
        let issued = self.authority(issuer)?.issue(names)?;
        self.issued.insert(known, issued.clone());
        Ok(issued)
    }

    fn authority(&mut self, issuer: Option<&str>) -> Result<&Authority, Failure> {
        let Some(name) = issuer else {
            return Ok(&self.mesh);
        };
        if !self.others.contains_key(name) {
            self.others.insert(name.to_owned(), Authority::new(name)?);
        }
        self.others
            .get(name)
            .ok_or_else(|| Failure::from(format!("there is no issuer {name}")))
    }
}

fn names(certificate: &Certificate) -> PeerNames {
    PeerNames {
        uris: certificate.uris.clone(),
        dns: certificate.dns_names.clone(),
        subject: certificate
            .common_name
            .as_ref()
            .map(|name| format!("CN={name}"))
            .unwrap_or_default(),
    }
}
