//! `outgate build --for envoy`.

use std::collections::BTreeMap;
use std::path::Path;

use outgate_sdk::envoy::{Authorization, Configuration, Place, SecretContent, Secrets};
use outgate_sdk::filter_config::Site;
use outgate_sdk::manifest::{Manifest, Manifests};
use outgate_sdk::proxy::{Proxy, ProxyName};

use crate::arguments::{Build, unselected};
use crate::failure::Failure;
use crate::local::plan::{Wishes, authorization_in};
use crate::output;

/// The bootstrap of one of the mesh's proxies, for an Envoy in its pod.
pub(super) fn bootstrap(arguments: &Build, manifests: &Manifests) -> Result<String, Failure> {
    let proxy = arguments.envoy.proxy.as_ref().ok_or("--proxy is missing")?;
    let mut built = manifests
        .proxy(proxy)
        .map_err(|diagnostics| Failure::input(&diagnostics, manifests.sources()))?;
    for log in &mut built.proxy.access_logs {
        log.format.add(&arguments.log.log_properties);
    }
    output::show_diagnostics(&built.doubts, manifests.sources());
    let place = Place {
        secrets: secrets(manifests, &arguments.envoy.certificates),
        authorization: authorization(arguments, manifests, &built.proxy)?,
        ..Place::default()
    };
    let configuration = Configuration::new(&built.proxy, &place);
    Ok(serde_json::to_string_pretty(&configuration.bootstrap)? + "\n")
}

fn authorization(arguments: &Build, manifests: &Manifests, proxy: &Proxy) -> Result<Authorization, Failure> {
    if arguments.names_type() {
        return Err("--for envoy builds what decides requests and what decides connections: leave out --type".into());
    }
    let options = arguments.filter.options()?;
    match &proxy.name {
        ProxyName::Sidecar(_) if options.site == Site::Gateway => return Ok(Authorization::None),
        ProxyName::Sidecar(_) => {}
        ProxyName::Gateway(gateway) => {
            let workload = manifests.gateway_workload(gateway, &BTreeMap::new());
            output::show_diagnostics(&unselected(manifests, &workload), manifests.sources());
        }
    }
    let wishes = Wishes {
        module: arguments.envoy.authorization.module(arguments.envoy.module.as_ref())?,
        options,
        gateway: arguments.named_gateway(manifests),
        ..Wishes::default()
    };
    authorization_in(manifests, &wishes, proxy).map_err(|refused| refused.failure(manifests))
}

/// The Secrets among the manifests as they are; the others, and the proxy's own certificate, in files.
fn secrets(manifests: &Manifests, directory: &Path) -> Secrets {
    let files = |directory: &Path| SecretContent::Files {
        certificate: directory.join("tls.crt"),
        key: directory.join("tls.key"),
        authorities: directory.join("ca.crt"),
    };
    let issued = manifests.certificates().iter().map(|certificate| {
        let name = certificate.content().secret(certificate.name());
        let files = files(&directory.join(&name.namespace).join(&name.name));
        (name, files)
    });
    let written = manifests
        .secrets()
        .iter()
        .map(|secret: &Manifest<_>| (secret.name().clone(), SecretContent::from(secret.content())));
    Secrets {
        mesh: files(&directory.join("mesh")),
        named: issued.chain(written).collect(),
    }
}
