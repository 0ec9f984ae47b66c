//! TLS, and the secrets that it takes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::place::{Delivery, SecretContent};
use super::{At, extension, file_name, set, watched_file};
use crate::manifest::{ObjectName, TlsVersion};
use crate::proxy::{ClientCertificates, Credential, ServerTls, Trust, UpstreamTls};

const TYPES: &str = "envoy.extensions.transport_sockets.tls.v3";
/// The name of the proxy's own certificate.
const MESH_CREDENTIAL: &str = "default";
/// The name of the mesh's authority.
const MESH_AUTHORITY: &str = "ROOTCA";

pub(super) fn upstream(tls: &UpstreamTls, at: At<'_>) -> Value {
    let mut common = json!({});
    if matches!(tls.credential, Some(Credential::Mesh)) {
        common["tls_params"] =
            json!({"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"});
    }
    set(
        &mut common,
        "alpn_protocols",
        (!tls.alpn.is_empty()).then(|| tls.alpn.clone()),
    );
    if let Some(credential) = &tls.credential {
        common["tls_certificate_sds_secret_configs"] = json!([reference(&credential_name(credential, at), at)]);
    }
    validate(&mut common, &tls.trust, names(&tls.subject_alt_names), at);
    let mut context = json!({"common_tls_context": common});
    set(&mut context, "sni", tls.sni.clone());
    extension(
        "envoy.transport_sockets.tls",
        &format!("{TYPES}.UpstreamTlsContext"),
        context,
    )
}

pub(super) fn downstream(tls: &ServerTls, is_http: bool, at: At<'_>) -> Value {
    let credentials: Vec<Value> = tls
        .credentials
        .iter()
        .map(|credential| reference(&credential_name(credential, at), at))
        .collect();
    let mut params = json!({});
    set(
        &mut params,
        "tls_minimum_protocol_version",
        version(tls.oldest).or(Some("TLSv1_2")),
    );
    set(&mut params, "tls_maximum_protocol_version", version(tls.newest));
    set(
        &mut params,
        "cipher_suites",
        (!tls.cipher_suites.is_empty()).then(|| tls.cipher_suites.clone()),
    );
    let mut common = json!({
        "tls_params": params,
        "tls_certificate_sds_secret_configs": credentials,
    });
    if is_http {
        common["alpn_protocols"] = json!(["h2", "http/1.1"]);
    }
    if let ClientCertificates::Required(trust) | ClientCertificates::Optional(trust) = &tls.clients {
        let mut checks = names(&tls.subject_alt_names);
        let list = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
        set(&mut checks, "verify_certificate_hash", list(&tls.certificate_hashes));
        set(&mut checks, "verify_certificate_spki", list(&tls.key_hashes));
        if matches!(trust, Trust::Unchecked) {
            checks["trust_chain_verification"] = "ACCEPT_UNTRUSTED".into();
        }
        validate(&mut common, trust, checks, at);
    }
    extension(
        "envoy.transport_sockets.tls",
        &format!("{TYPES}.DownstreamTlsContext"),
        json!({
            "common_tls_context": common,
            "require_client_certificate": matches!(tls.clients, ClientCertificates::Required(_)),
        }),
    )
}

const fn version(version: Option<TlsVersion>) -> Option<&'static str> {
    match version {
        None | Some(TlsVersion::Auto) => None,
        Some(TlsVersion::V1_0) => Some("TLSv1_0"),
        Some(TlsVersion::V1_1) => Some("TLSv1_1"),
        Some(TlsVersion::V1_2) => Some("TLSv1_2"),
        Some(TlsVersion::V1_3) => Some("TLSv1_3"),
    }
}

/// A validation context that asks for one of these names. Istio does not say which kind of name it means, so both will do.
fn names(names: &[String]) -> Value {
    if names.is_empty() {
        return json!({});
    }
    let matchers = names
        .iter()
        .flat_map(|name| ["DNS", "URI"].map(|kind| json!({"san_type": kind, "matcher": {"exact": name}})));
    json!({"match_typed_subject_alt_names": matchers.collect::<Vec<_>>()})
}

fn validate(common: &mut Value, trust: &Trust, checks: Value, at: At<'_>) {
    match trust_name(trust, at) {
        Some(name) => {
            common["combined_validation_context"] = json!({
                "default_validation_context": checks,
                "validation_context_sds_secret_config": reference(&name, at),
            });
        }
        None if checks == json!({}) => {}
        None => common["validation_context"] = checks,
    }
}

/// Where Envoy finds a secret.
fn reference(name: &str, at: At<'_>) -> Value {
    match &at.place.delivery {
        Delivery::Whole => json!({"name": name}),
        Delivery::Watched(directory) => {
            json!({"name": name, "sds_config": watched_file(directory, &secret_file(name))})
        }
    }
}

/// The file of a secret.
pub(super) fn secret_file(name: &str) -> String {
    format!("secret-{}.json", file_name(name))
}

/// The name by which a proxy asks for what `credentialName` means, with the namespace where it is another than the proxy's.
fn secret_name(secret: &ObjectName, at: At<'_>) -> String {
    if secret.namespace == at.proxy.name.workload().namespace {
        format!("kubernetes://{}", secret.name)
    } else {
        format!("kubernetes://{secret}")
    }
}

fn credential_name(credential: &Credential, at: At<'_>) -> String {
    match credential {
        Credential::Mesh => MESH_CREDENTIAL.to_owned(),
        Credential::Secret(secret) => secret_name(secret, at),
        Credential::Files { certificate, key } => format!("file-cert:{certificate}~{key}"),
    }
}

fn trust_name(trust: &Trust, at: At<'_>) -> Option<String> {
    match trust {
        Trust::Mesh => Some(MESH_AUTHORITY.to_owned()),
        Trust::Secret(secret) => Some(format!("{}-cacert", secret_name(secret, at))),
        Trust::File(path) => Some(format!("file-root:{path}")),
        Trust::System => Some("file-root:system".to_owned()),
        Trust::Unchecked => None,
    }
}

/// The secrets that a proxy uses, by name.
pub(super) fn secrets(at: At<'_>) -> BTreeMap<String, Value> {
    let mut secrets = BTreeMap::new();
    let upstream = at.proxy.clusters.iter().filter_map(|cluster| cluster.tls.as_ref());
    for tls in upstream {
        secrets.extend(tls.credential.iter().map(|credential| of_credential(credential, at)));
        secrets.extend(of_trust(&tls.trust, at));
    }
    let chains = at.proxy.listeners.iter().flat_map(|listener| &listener.chains);
    for tls in chains.filter_map(|chain| chain.tls.as_ref()) {
        secrets.extend(tls.credentials.iter().map(|credential| of_credential(credential, at)));
        if let ClientCertificates::Required(trust) | ClientCertificates::Optional(trust) = &tls.clients {
            secrets.extend(of_trust(trust, at));
        }
    }
    secrets
}

fn of_credential(credential: &Credential, at: At<'_>) -> (String, Value) {
    let name = credential_name(credential, at);
    let (chain, key) = match credential {
        Credential::Mesh => credential_sources(&at.place.secrets.mesh),
        Credential::Secret(secret) => {
            let missing = SecretContent::Missing;
            credential_sources(at.place.secrets.named.get(secret).unwrap_or(&missing))
        }
        Credential::Files { certificate, key } => (json!({"filename": certificate}), json!({"filename": key})),
    };
    let secret = json!({"name": name, "tls_certificate": {"certificate_chain": chain, "private_key": key}});
    (name, secret)
}

fn of_trust(trust: &Trust, at: At<'_>) -> Option<(String, Value)> {
    let name = trust_name(trust, at)?;
    let authorities = match trust {
        Trust::Mesh => authorities_source(&at.place.secrets.mesh),
        Trust::Secret(secret) => {
            let missing = SecretContent::Missing;
            authorities_source(at.place.secrets.named.get(secret).unwrap_or(&missing))
        }
        Trust::File(path) => json!({"filename": path}),
        Trust::System => json!({"filename": at.place.system_authorities}),
        Trust::Unchecked => return None,
    };
    let secret = json!({"name": name, "validation_context": {"trusted_ca": authorities}});
    Some((name, secret))
}

fn credential_sources(content: &SecretContent) -> (Value, Value) {
    match content {
        SecretContent::Missing => (json!({"inline_string": ""}), json!({"inline_string": ""})),
        SecretContent::Text { certificate, key, .. } => {
            (json!({"inline_string": certificate}), json!({"inline_string": key}))
        }
        SecretContent::Files { certificate, key, .. } => (json!({"filename": certificate}), json!({"filename": key})),
    }
}

fn authorities_source(content: &SecretContent) -> Value {
    match content {
        SecretContent::Missing => json!({"inline_string": ""}),
        SecretContent::Text { authorities, .. } => json!({"inline_string": authorities}),
        SecretContent::Files { authorities, .. } => json!({"filename": authorities}),
    }
}
