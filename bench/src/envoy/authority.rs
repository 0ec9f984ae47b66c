//! Who certifies the gateway and its caller.

use std::sync::Arc;

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::Error;

/// The name in the gateway's certificate.
pub(super) const GATEWAY: &str = "egress-gateway.test";

/// An authority for one measurement.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its key.
pub(super) struct Credential {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Credential {
    pub(super) fn certificate_pem(&self) -> String {
        self.certificate.pem()
    }

    pub(super) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }
}

impl Authority {
    pub(super) fn new() -> Result<Self, Error> {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = DistinguishedName::new();
        parameters
            .distinguished_name
            .push(DnType::CommonName, "bench authority");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        Ok(Self {
            issuer: CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?,
        })
    }

    pub(super) fn certificate_pem(&self) -> String {
        self.issuer.pem()
    }

    pub(super) fn gateway(&self) -> Result<Credential, Error> {
        self.certify(SanType::DnsName(Ia5String::try_from(GATEWAY)?))
    }

    /// TLS of a caller whose certificate says who it is as Istio's do: by one URI.
    pub(super) fn caller(&self, principal: &str) -> Result<Arc<ClientConfig>, Error> {
        let uri = Ia5String::try_from(format!("spiffe://{principal}"))?;
        let Credential { certificate, key } = self.certify(SanType::URI(uri))?;
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone())?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![certificate.der().clone()], key)?;
        Ok(Arc::new(config))
    }

    fn certify(&self, name: SanType) -> Result<Credential, Error> {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = DistinguishedName::new();
        parameters.subject_alt_names = vec![name];
        parameters.use_authority_key_identifier_extension = true;
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        Ok(Credential {
            certificate: parameters.signed_by(&key, &self.issuer)?,
            key,
        })
    }
}
