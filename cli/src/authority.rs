//! Certificates that are good for the time of one run.

use std::fmt;

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};

use crate::described::PeerNames;
use crate::failure::Failure;

/// An authority whose key is nowhere but in memory.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Result<Self, Failure> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// Its own certificate, in PEM.
    pub(crate) fn certificate(&self) -> String {
        self.0.pem()
    }

    /// A certificate with these names, for either end of a connection.
    pub(crate) fn issue(&self, names: &PeerNames) -> Result<Issued, Failure> {
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(&names.subject)?;
        let uris = names.uris.iter().map(|uri| Ok(SanType::URI(ascii(uri)?)));
        let dns = names.dns.iter().map(|name| Ok(SanType::DnsName(ascii(name)?)));
        params.subject_alt_names = uris.chain(dns).collect::<Result<_, Failure>>()?;
        params.use_authority_key_identifier_extension = true;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        Ok(Issued {
            certificate: params.signed_by(&key, &self.0)?.pem(),
            key: key.serialize_pem(),
        })
    }
}

/// Keys stay out of logs.
impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Issued")
    }
}

/// A subject as Envoy writes it: `CN=name,O=organisation`.
fn subject(text: &str) -> Result<DistinguishedName, Failure> {
    let mut subject = DistinguishedName::new();
    // Envoy writes the last part first.
    for part in text.split(',').rev().filter(|part| !part.is_empty()) {
        let (kind, value) = part.split_once('=').unwrap_or((part, ""));
        let kind = match kind.trim() {
            "CN" => DnType::CommonName,
            "O" => DnType::OrganizationName,
            "OU" => DnType::OrganizationalUnitName,
            "C" => DnType::CountryName,
            "ST" => DnType::StateOrProvinceName,
            "L" => DnType::LocalityName,
            _ => return Err(format!("`{text}` is no subject; write it as CN=name,O=organisation").into()),
        };
        subject.push(kind, value.trim());
    }
    Ok(subject)
}

fn ascii(text: &str) -> Result<Ia5String, Failure> {
    Ia5String::try_from(text)
        .map_err(|_| Failure::Message(format!("`{text}` cannot stand in a certificate: it is not ASCII")))
}
