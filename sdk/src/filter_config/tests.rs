use std::collections::BTreeMap;

use outgate_policy::config::{Identity, Matching, Mesh, OnAmbiguous, PluginType};
use outgate_policy::resource::{Action, AuthorizationPolicy, Metadata, Spec};

use super::{FilterConfig, FilterConfigBuilder, FilterOptions, Site};
use crate::input::Input;
use crate::manifest::{ForwardClientCertDetails, Manifests, ObjectName};

fn build_with(text: &str, options: &FilterOptions) -> Result<FilterConfig, String> {
    let (manifests, _) = Manifests::load(&[Input::Text {
        name: "a.yaml".to_owned(),
        text: text.to_owned(),
    }]);
    let labels = BTreeMap::from([("istio".to_owned(), "egressgateway".to_owned())]);
    let gateway = manifests.gateway_workload(&ObjectName::new("istio-system", "istio-egressgateway"), &labels);
    manifests
        .filter_config(&gateway, options)
        .map_err(|diagnostics| diagnostics.render(manifests.sources(), false))
}

fn build(text: &str) -> Result<FilterConfig, String> {
    build_with(text, &FilterOptions::default())
}

fn policy(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata:\n  name: {name}\n  namespace: istio-system\n  labels: \
         {{a: b}}\n  annotations: {{\"istio.io/dry-run\": \"false\", other: x}}\nspec: {spec}\n"
    )
}

fn mesh(mesh: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio, namespace: istio-system}}\ndata: {{mesh: '{mesh}'}}\n"
    )
}

const DENY: &str = "{action: DENY, rules: [{to: [{operation: {paths: [/headers], ports: [\"8443\"]}}]}]}";
const FROM_IP: &str = "{rules: [{from: [{source: {ipBlocks: [10.0.0.0/8]}}]}]}";

#[test]
fn a_configuration_holds_what_decides() {
    let text = policy("z", DENY)
        + &policy("a", DENY)
        + &policy("elsewhere", DENY).replace("namespace: istio-system", "namespace: prod")
        + &mesh(
            "{trustDomain: td, trustDomainAliases: [old], outboundTrafficPolicy: {mode: REGISTRY_ONLY}, defaultConfig: {gatewayTopology: {numTrustedProxies: 1}}}",
        )
        + "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: t}\nspec: {hosts: [test.com], ports: [{number: 80, name: h}]}\n";
    let config = build(&text).unwrap();
    let names: Vec<_> = config
        .policies
        .iter()
        .map(|policy| policy.metadata.name.as_str())
        .collect();
    assert_eq!(names, ["a", "z"]);
    assert_eq!(
        serde_json::to_value(&config.policies[0]).unwrap(),
        serde_json::json!({
            "metadata": {"name": "a", "namespace": "istio-system", "annotations": {"istio.io/dry-run": "false"}},
            "spec": {"action": "DENY", "rules": [{"to": [{"operation": {"paths": ["/headers"], "ports": ["8443"]}}]}]},
        })
    );
    assert_eq!(config.mesh.trust_domain, "td");
    assert_eq!(config.mesh.trust_domain_aliases, ["old"]);
    assert_eq!(config.mesh.num_trusted_proxies, 1);
    assert_eq!(config.registry.as_ref().unwrap().hosts[0].host, "test.com");
    let json = serde_json::to_string(&config).unwrap();
    let back: FilterConfig = serde_json::from_str(&json).expect("what is written can be read");
    assert_eq!(serde_json::to_string(&back).unwrap(), json);
    outgate_policy::Engine::new(&back).expect("what is built compiles");
}

#[test]
fn any_host_may_be_called_unless_the_mesh_says_otherwise() {
    assert!(build(&policy("a", DENY)).unwrap().registry.is_none());
}

#[test]
fn the_revision_names_the_content() {
    let revision = |text: &str| build(text).unwrap().revision.to_string();
    let one = revision(&(policy("a", DENY) + &policy("b", DENY)));
    assert!(
        one.len() == 12 && one.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{one}"
    );
    assert_eq!(
        one,
        revision(&(policy("b", DENY) + &policy("a", DENY).replace("a: b", "c: d")))
    );
    assert_ne!(
        one,
        revision(&(policy("a", DENY) + &policy("b", &DENY.replace("DENY", "ALLOW"))))
    );
    assert_ne!(
        one,
        revision(&(policy("a", DENY) + &policy("b", DENY) + &mesh("{trustDomain: x}")))
    );
}

#[test]
fn what_the_filter_cannot_enforce_is_refused_where_it_stands() {
    let custom = policy("c", "{action: CUSTOM, provider: {name: opa}, rules: [{}]}")
        .replace("\"istio.io/dry-run\": \"false\", ", "");
    let hidden = policy("h", FROM_IP) + &mesh("{defaultConfig: {gatewayTopology: {proxyProtocol: {}}}}");
    insta::assert_snapshot!("custom", build(&custom).unwrap_err());
    insta::assert_snapshot!("hidden_peer", build(&hidden).unwrap_err());
    assert!(build(&policy("h", FROM_IP)).is_ok());
    let helped = FilterOptions {
        direct_address_filter_state: Some("direct".to_owned()),
        ..FilterOptions::default()
    };
    assert!(build_with(&hidden, &helped).is_ok());
    let when = hidden.replace(FROM_IP, "{rules: [{when: [{key: source.ip, notValues: [10.0.0.1]}]}]}");
    assert!(build(&when).unwrap_err().contains("spec.rules[0].when[0].key"));
}

#[test]
fn nothing_is_built_from_incomplete_input() {
    let text = policy("a", DENY) + &policy("b", "{action: DENY}");
    assert!(build(&text).unwrap_err().contains("nothing is built from it"));
}

#[test]
fn identities_come_from_no_header_that_clients_write() {
    let builder = |details| {
        let mesh = Mesh {
            identity: Identity::ForwardedClientCert,
            ..Mesh::default()
        };
        let builder = FilterConfigBuilder::new().mesh(mesh);
        builder.client_cert_header(details).build().is_ok()
    };
    assert!(builder(None));
    assert!(builder(Some(ForwardClientCertDetails::SanitizeSet)));
    assert!(!builder(Some(ForwardClientCertDetails::AppendForward)));
    assert!(!builder(Some(ForwardClientCertDetails::AlwaysForwardOnly)));
}

#[test]
fn a_builder_checks_what_it_is_given() {
    let valid = AuthorizationPolicy::new(Metadata::new("n", "p"), Spec::default());
    let mut invalid = valid.clone();
    invalid.spec.action = Some(Action::Deny);
    assert!(FilterConfigBuilder::new().policy(valid.clone()).build().is_ok());
    let refused = FilterConfigBuilder::new().policy(invalid).build().unwrap_err();
    assert!(refused[0].to_string().contains("would never trigger"), "{refused:?}");
    let refused = FilterConfigBuilder::new()
        .policy(valid.clone())
        .policy(valid)
        .build()
        .unwrap_err();
    assert_eq!(refused[0].to_string(), "two policies have this name");
}

fn at(site: Site, plugin_type: PluginType) -> FilterOptions {
    FilterOptions {
        site,
        plugin_type,
        ..FilterOptions::default()
    }
}

#[test]
fn sidecars_decide_what_goes_to_the_gateway_and_what_leaves_the_mesh() {
    const SERVICES: &str = "---
apiVersion: v1
kind: Service
metadata: {name: way-out, namespace: istio-system}
spec: {selector: {istio: egressgateway}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: other, namespace: istio-system}
spec: {selector: {istio: ingressgateway}, ports: [{port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: inside}
spec: {hosts: [db.internal], location: MESH_INTERNAL, ports: [{number: 80, name: h}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside}
spec: {hosts: [test.com], ports: [{number: 80, name: h}]}
";
    let allow = policy("p", "{rules: [{to: [{operation: {paths: [/headers]}}]}]}");
    let config = build_with(&(allow.clone() + SERVICES), &at(Site::Sidecar, PluginType::Http)).unwrap();
    let egress = config.egress.unwrap();
    assert_eq!(egress.gateways, ["way-out.istio-system.svc.cluster.local"]);
    assert_eq!(egress.internal_hosts, ["*.svc.cluster.local", "db.internal"]);
    assert_eq!(config.mesh.identity, Identity::Workload);
    assert!(config.registry.is_none());
    let config = build_with(&allow, &at(Site::Sidecar, PluginType::Http)).unwrap();
    assert_eq!(
        config.egress.unwrap().gateways,
        ["istio-egressgateway.istio-system.svc.cluster.local"],
        "without a Service, the one that Istio's chart makes"
    );
}

#[test]
fn what_is_another_thing_at_a_sidecar_is_refused_where_it_stands() {
    let refused: Vec<String> = [
        ("{rules: [{to: [{operation: {ports: [\"443\"]}}]}]}", "ports"),
        (
            "{rules: [{from: [{source: {notIpBlocks: [10.0.0.0/8]}}]}]}",
            "notIpBlocks",
        ),
        (
            "{rules: [{from: [{source: {remoteIpBlocks: [10.0.0.0/8]}}]}]}",
            "remoteIpBlocks",
        ),
        (
            "{rules: [{from: [{source: {requestPrincipals: [\"*\"]}}]}]}",
            "requestPrincipals",
        ),
        (
            "{rules: [{when: [{key: \"request.auth.claims[a]\", values: [b]}]}]}",
            "request.auth.claims[a]",
        ),
        (
            "{rules: [{when: [{key: destination.ip, values: [10.0.0.1]}]}]}",
            "destination.ip",
        ),
        (
            "{rules: [{when: [{key: connection.sni, values: [a.com]}]}]}",
            "connection.sni",
        ),
    ]
    .iter()
    .map(|(spec, field)| {
        let error = build_with(&policy("p", spec), &at(Site::Sidecar, PluginType::Http)).unwrap_err();
        assert!(error.contains("at a sidecar") && error.contains(field), "{error}");
        assert!(build(&policy("p", spec)).is_ok(), "{spec}");
        error
    })
    .collect();
    insta::assert_snapshot!(refused[0]);
    let by_name = policy("p", "{rules: [{when: [{key: connection.sni, values: [a.com]}]}]}");
    assert!(build_with(&by_name, &at(Site::Sidecar, PluginType::Network)).is_ok());
}

#[test]
fn connections_are_asked_of_nobody_and_have_no_custom_policies() {
    let network = at(Site::Gateway, PluginType::Network);
    let custom = policy("p", "{action: CUSTOM, provider: {name: authz}, rules: [{}]}")
        .replace("\"istio.io/dry-run\": \"false\", ", "");
    let error = build_with(&custom, &network).unwrap_err();
    assert!(
        error.contains("an external authorizer is asked about requests"),
        "{error}"
    );
    let extended = FilterOptions {
        extensions: Some(serde_json::Map::new()),
        ..network
    };
    let error = build_with("", &extended).unwrap_err();
    assert!(error.contains("custom policies decide requests"), "{error}");
}

#[test]
fn what_is_ambiguous_is_told_by_canonical_matching() {
    let options = FilterOptions {
        on_ambiguous: Some(OnAmbiguous::Deny),
        ..FilterOptions::default()
    };
    let error = build_with("", &options).unwrap_err();
    assert!(error.contains("set `matching: canonical`"), "{error}");
    let options = FilterOptions {
        matching: Matching::Canonical,
        ..options
    };
    assert_eq!(
        build_with("", &options).unwrap().mesh.on_ambiguous,
        Some(OnAmbiguous::Deny)
    );
}

#[test]
fn a_host_that_no_canonical_request_has_is_told_with_the_one_that_requests_have() {
    let options = FilterOptions {
        matching: Matching::Canonical,
        ..FilterOptions::default()
    };
    let error = build_with(
        &policy("p", "{rules: [{to: [{operation: {hosts: [b\u{fc}cher.example]}}]}]}"),
        &options,
    );
    insta::assert_snapshot!(error.unwrap_err());
}
