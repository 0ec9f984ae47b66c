//! A certificate authority that lives as long as its lab.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// What a certificate says about its owner. Names left empty are left out of the certificate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    uris: Vec<String>,
    dns_names: Vec<String>,
    common_name: String,
}

impl Identity {
    /// A mesh workload: its certificate has one URI and an empty subject, as Istio issues them.
    pub(crate) fn workload(principal: &str) -> Self {
        Self {
            uris: vec![format!("spiffe://{principal}")],
            ..Self::default()
        }
    }

    /// A caller with several names, or with none.
    pub(crate) fn named(uris: &[String], dns_names: &[String], common_name: &str) -> Self {
        Self {
            uris: uris.to_vec(),
            dns_names: dns_names.to_vec(),
            common_name: common_name.to_owned(),
        }
    }

    /// A caller known by a DNS name alone.
    pub(crate) fn dns(name: &str) -> Self {
        Self {
            dns_names: vec![name.to_owned()],
            ..Self::default()
        }
    }

    /// A caller whose certificate has a subject and no other name.
    pub(crate) fn subject(common_name: &str) -> Self {
        Self {
            common_name: common_name.to_owned(),
            ..Self::default()
        }
    }
}

/// A certificate and its key.
pub(crate) struct Credential {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Credential {
    pub(crate) fn certificate_pem(&self) -> String {
        self.certificate.pem()
    }

    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    pub(crate) fn certificate_der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    pub(crate) fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }
}

pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = params_for(&Identity::subject("lab authority"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let issuer = CertifiedIssuer::self_signed(params, new_key()).expect("the authority can sign itself");
        Self { issuer }
    }

    pub(crate) fn certificate_pem(&self) -> String {
        self.issuer.pem()
    }

    pub(crate) fn certificate_der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// A certificate for `identity`, good for both ends of a connection.
    pub(crate) fn certify(&self, identity: &Identity) -> Credential {
        let mut params = params_for(identity);
        params.use_authority_key_identifier_extension = true;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = new_key();
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("the authority can sign a certificate");
        Credential { certificate, key }
    }
}

fn params_for(identity: &Identity) -> CertificateParams {
    let ia5 = |name: &String| name.as_str().try_into().expect("a name in a certificate is ASCII");
    let mut params = CertificateParams::default();
    // The default subject is the library's name: ours are exact, for they are matched against.
    params.distinguished_name = DistinguishedName::new();
    if !identity.common_name.is_empty() {
        params
            .distinguished_name
            .push(DnType::CommonName, identity.common_name.as_str());
    }
    let uris = identity.uris.iter().map(|uri| SanType::URI(ia5(uri)));
    let dns_names = identity.dns_names.iter().map(|name| SanType::DnsName(ia5(name)));
    params.subject_alt_names = uris.chain(dns_names).collect();
    params
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a key can be generated")
}
