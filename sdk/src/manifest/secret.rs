//! `Secret`: certificates and keys; and cert-manager's `Certificate`, from which a secret is made.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::object::{Object, ObjectName};
use crate::diagnostic::Diagnostic;
use crate::located::Node;

/// The content of a `Secret`, of whatever type.
#[derive(Clone, Default)]
pub struct Secret {
    data: BTreeMap<String, Vec<u8>>,
}

/// Keys stay out of logs.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.data.keys()).finish()
    }
}

impl Secret {
    /// A secret with a certificate chain, its key and the certificates of authorities, all in PEM.
    #[must_use]
    pub fn of_pem(certificate: &str, key: &str, authorities: &str) -> Self {
        let entries = [("tls.crt", certificate), ("tls.key", key), ("ca.crt", authorities)];
        Self {
            data: entries
                .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))
                .into(),
        }
    }

    /// The certificate chain in PEM: `tls.crt`, or `cert`.
    #[must_use]
    pub fn certificate(&self) -> Option<&str> {
        self.text(&["tls.crt", "cert"])
    }

    /// Its key in PEM: `tls.key`, or `key`.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.text(&["tls.key", "key"])
    }

    /// The certificates of authorities in PEM: `ca.crt`, or `cacert`.
    #[must_use]
    pub fn authorities(&self) -> Option<&str> {
        self.text(&["ca.crt", "cacert"])
    }

    fn text(&self, names: &[&str]) -> Option<&str> {
        let bytes = names.iter().find_map(|name| self.data.get(*name))?;
        std::str::from_utf8(bytes).ok().filter(|text| !text.is_empty())
    }

    pub(super) fn read(object: &Object) -> Result<Self, Diagnostic> {
        let mut data = BTreeMap::new();
        for entry in object.node.get("data").map_or(&[][..], Node::entries) {
            let refuse = |why: &str| {
                let message = format!("Secret {}: `data.{}` {why}", object.name, entry.key);
                Diagnostic::error(message).at(entry.value.span, "")
            };
            let text = entry.value.as_str().ok_or_else(|| refuse("is no string"))?;
            let compact: String = text.split_ascii_whitespace().collect();
            let bytes = STANDARD.decode(compact).map_err(|error| {
                refuse(&format!("is not base64: {error}")).help("plain text belongs under `stringData`")
            })?;
            data.insert(entry.key.to_string(), bytes);
        }
        for entry in object.node.get("stringData").map_or(&[][..], Node::entries) {
            if let Some(text) = entry.value.as_str() {
                data.insert(entry.key.to_string(), text.as_bytes().to_vec());
            }
        }
        Ok(Self { data })
    }
}

/// `spec` of cert-manager's `Certificate`: a secret that an issuer makes. What it says about renewal and storage is accepted and
/// means nothing here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// The name of the secret, in the object's namespace.
    pub secret_name: String,
    /// The common name in the certificate's subject.
    #[serde(default)]
    pub common_name: Option<String>,
    /// DNS names.
    #[serde(default)]
    pub dns_names: Vec<String>,
    /// URIs.
    #[serde(default)]
    pub uris: Vec<String>,
    /// Who issues it.
    #[serde(default)]
    pub issuer_ref: IssuerRef,
}

impl Certificate {
    /// The secret that is made for an object of this name.
    #[must_use]
    pub fn secret(&self, object: &ObjectName) -> ObjectName {
        ObjectName::new(&object.namespace, &self.secret_name)
    }
}

/// The part of a `Certificate` that is read.
#[derive(Deserialize)]
pub(super) struct Document {
    pub(super) spec: Certificate,
}

/// `issuerRef`.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct IssuerRef {
    /// The issuer's name. Certificates of one issuer come from one authority.
    #[serde(default)]
    pub name: String,
}
