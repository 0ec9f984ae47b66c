//! A call as the test host sends it through the module: with a certificate, on a connection.

use std::fmt;

use outgate_policy::{JWT_AUTHN, JWT_PAYLOAD};
use outgate_test_host::{Property, Request};
use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ED25519, SanType, SerialNumber};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;

use crate::call::{Call, PORT};

/// Turns calls into requests for the test host. The same call is the same bytes in every run and on every machine: keys,
/// signatures and serial numbers are fixed, because instructions are counted.
pub struct Embedding {
    key: KeyPair,
}

/// A certificate cannot be made, as the library that makes it says.
#[derive(Debug)]
pub struct NoCertificate(rcgen::Error);

impl fmt::Display for NoCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a certificate cannot be made: {}", self.0)
    }
}

impl std::error::Error for NoCertificate {}

impl From<rcgen::Error> for NoCertificate {
    fn from(error: rcgen::Error) -> Self {
        Self(error)
    }
}

/// What stands before the 32 bytes of an Ed25519 key in PKCS #8.
const ED25519_PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

impl Embedding {
    /// Makes the key that all certificates are signed with: Ed25519, whose signatures are not random.
    ///
    /// # Errors
    ///
    /// When the cryptography library does not take the key.
    pub fn new() -> Result<Self, NoCertificate> {
        let mut key = ED25519_PKCS8.to_vec();
        key.extend([7; 32]);
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key));
        Ok(Self {
            key: KeyPair::from_der_and_sign_algo(&key, &PKCS_ED25519)?,
        })
    }

    /// The request, on a connection with this number.
    ///
    /// # Errors
    ///
    /// When the caller's names cannot stand in a certificate.
    pub fn request(&self, call: &Call, connection: u64) -> Result<Request, NoCertificate> {
        let request = Request::from_headers(call.header_lines())
            .property("connection.id", Property::Uint(connection))
            .mtls(true)
            .peer_certificate_pem(&self.certificate(call)?)
            .subject("")
            .sni("api.example.com")
            .source_address(&format!("{}:41000", call.source))
            .destination_address(&format!("127.0.0.1:{PORT}"));
        Ok(match &call.claims {
            Some(claims) => request.dynamic_metadata(&json!({JWT_AUTHN: {JWT_PAYLOAD: claims}})),
            None => request,
        })
    }

    fn certificate(&self, call: &Call) -> Result<String, NoCertificate> {
        let names = call.principals.iter();
        let names = names.map(|principal| Ia5String::try_from(format!("spiffe://{principal}")).map(SanType::URI));
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = DistinguishedName::new();
        parameters.serial_number = Some(SerialNumber::from(1_u64));
        parameters.subject_alt_names = names.collect::<Result<_, _>>()?;
        Ok(parameters.self_signed(&self.key)?.pem())
    }
}

impl fmt::Debug for Embedding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedding").finish_non_exhaustive()
    }
}
