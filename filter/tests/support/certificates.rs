//! Certificates as peers show them, and the header by which a proxy forwards one.

use rcgen::string::Ia5String;
use rcgen::{Certificate, CertificateParams, DistinguishedName, KeyPair, SanType};

/// A certificate with these names and an empty subject; the DNS names stand before the URIs.
pub(crate) fn certificate(uris: &[&str], dns: &[&str]) -> Certificate {
    let ia5 = |text: &&str| Ia5String::try_from(*text).expect("names are ASCII");
    let dns = dns.iter().map(|name| SanType::DnsName(ia5(name)));
    let uris = uris.iter().map(|uri| SanType::URI(ia5(uri)));
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.subject_alt_names = dns.chain(uris).collect();
    sign(&parameters)
}

pub(crate) fn sign(parameters: &CertificateParams) -> Certificate {
    let key = KeyPair::generate().expect("there is randomness");
    parameters.self_signed(&key).expect("the parameters make a certificate")
}

/// `x-forwarded-client-cert` as Envoy writes it under `SANITIZE_SET` with certificate, subject, URIs and DNS names: only the
/// certificate is encoded, everything else stands there as it is.
pub(crate) fn forwarded(pem: &str, subject: &str, uris: &[&str], dns: &[&str]) -> String {
    let mut header = format!(
        "By=spiffe://td/ns/istio-system/sa/gateway;Hash={};Cert=\"{}\";Subject=\"{subject}\"",
        "0a".repeat(32),
        url_encode(pem)
    );
    let none = [""];
    for uri in if uris.is_empty() { &none } else { uris } {
        header += &format!(";URI={uri}");
    }
    for name in dns {
        header += &format!(";DNS={name}");
    }
    header
}

/// The five replacements that Envoy makes in a PEM text.
fn url_encode(pem: &str) -> String {
    let mut encoded = pem.to_owned();
    for (character, code) in [("\n", "%0A"), (" ", "%20"), ("+", "%2B"), ("/", "%2F"), ("=", "%3D")] {
        encoded = encoded.replace(character, code);
    }
    encoded
}
