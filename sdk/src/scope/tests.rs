use std::collections::BTreeMap;

use super::{GATEWAY_NAME_LABEL, GatewayWorkload};
use crate::input::Input;
use crate::manifest::{GatewayTopology, Manifests, ObjectName};

fn load(text: &str) -> Manifests {
    let (manifests, diagnostics) = Manifests::load(&[Input::Text {
        name: "a.yaml".to_owned(),
        text: text.to_owned(),
    }]);
    assert_eq!(
        diagnostics.errors(),
        0,
        "{}",
        diagnostics.render(manifests.sources(), false)
    );
    manifests
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
    pairs.iter().map(owned).collect()
}

fn gateway(pairs: &[(&str, &str)]) -> GatewayWorkload {
    GatewayWorkload {
        name: ObjectName::new("egress", "gw"),
        labels: labels(pairs),
        root_namespace: "istio-system".to_owned(),
        topology: GatewayTopology::default(),
    }
}

/// The rules of Istio's policy attachment, with the gateway in the namespace `egress`.
#[test]
fn policies_apply_by_namespace_labels_and_targets() {
    const CLASSIC: &[(&str, &str)] = &[("istio", "egressgateway"), ("app", "gw")];
    const MANAGED: &[(&str, &str)] = &[(GATEWAY_NAME_LABEL, "gw"), ("app", "gw")];
    let target =
        |group: &str, kind: &str, name: &str| format!("targetRefs: [{{group: {group}, kind: {kind}, name: {name}}}]");
    let this = target("gateway.networking.k8s.io", "Gateway", "gw");
    let other = target("gateway.networking.k8s.io", "Gateway", "other");
    let class = target("gateway.networking.k8s.io", "GatewayClass", "gw");
    let service = target("core", "Service", "gw");
    let one = "selector: {matchLabels: {istio: egressgateway}}".to_owned();
    let both = "selector: {matchLabels: {istio: egressgateway, app: gw}}".to_owned();
    let more = "selector: {matchLabels: {istio: egressgateway, tier: x}}".to_owned();
    let value = "selector: {matchLabels: {istio: ingressgateway}}".to_owned();
    let managed_app = "selector: {matchLabels: {app: gw}}".to_owned();
    let none = String::new();
    let rows = [
        ("own namespace, no selector", CLASSIC, "egress", &none, true),
        ("root namespace, no selector", CLASSIC, "istio-system", &none, true),
        ("another namespace", CLASSIC, "prod", &none, false),
        ("another namespace with fitting labels", CLASSIC, "prod", &one, false),
        ("one label", CLASSIC, "egress", &one, true),
        (
            "one label, from the root namespace",
            CLASSIC,
            "istio-system",
            &one,
            true,
        ),
        ("all labels", CLASSIC, "egress", &both, true),
        ("one label too many", CLASSIC, "egress", &more, false),
        ("another value", CLASSIC, "egress", &value, false),
        ("a target, classic gateway", CLASSIC, "egress", &this, false),
        ("this target", MANAGED, "egress", &this, true),
        (
            "this target, from the root namespace",
            MANAGED,
            "istio-system",
            &this,
            false,
        ),
        ("another target", MANAGED, "egress", &other, false),
        ("a class", MANAGED, "egress", &class, false),
        ("a service of that name", MANAGED, "egress", &service, false),
        ("a selector, managed gateway", MANAGED, "egress", &managed_app, true),
        ("no selector, managed gateway", MANAGED, "egress", &none, true),
    ];
    for (name, pods, namespace, attachment, applies) in rows {
        let manifests = load(&format!(
            "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: p, namespace: {namespace}}}\nspec: \
             {{{attachment}}}\n"
        ));
        let gateway = gateway(pods);
        assert_eq!(manifests.policies_for(&gateway).len() == 1, applies, "{name}");
        assert_eq!(manifests.unselected(&[gateway]).is_empty(), applies, "{name}");
    }
}

#[test]
fn a_gateway_in_the_root_namespace_has_each_policy_once() {
    let manifests = load(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p, namespace: istio-system}\nspec: {}\n",
    );
    let mut gateway = gateway(&[]);
    gateway.name.namespace = "istio-system".to_owned();
    assert_eq!(manifests.policies_for(&gateway).len(), 1);
}

#[test]
fn the_reason_is_said_where_it_is() {
    let manifests = load(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p, namespace: egress}\nspec:\n  selector:\n    \
         matchLabels:\n      istio: ingressgateway\n",
    );
    let diagnostics = manifests.unselected(&[gateway(&[("istio", "egressgateway")])]);
    insta::assert_snapshot!(diagnostics.render(manifests.sources(), false));
}

#[test]
fn labels_and_topology_come_from_the_workload() {
    let manifests = load(
        "apiVersion: v1\nkind: Service\nmetadata: {name: gw, namespace: egress}\nspec: {selector: {istio: x}}\n---\napiVersion: \
         apps/v1\nkind: Deployment\nmetadata: {name: gw, namespace: egress}\nspec:\n  template:\n    metadata:\n      labels: {istio: \
         custom}\n      annotations:\n        proxy.istio.io/config: |\n          gatewayTopology:\n            numTrustedProxies: \
         3\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio}\ndata: {mesh: 'defaultConfig: {gatewayTopology: \
         {numTrustedProxies: 1, proxyProtocol: {}}}'}\n",
    );
    let given = labels(&[("istio", "egressgateway"), ("extra", "y")]);
    let known = manifests.gateway_workload(&ObjectName::new("egress", "gw"), &given);
    assert_eq!(known.labels, labels(&[("istio", "custom")]));
    assert_eq!(known.topology.num_trusted_proxies, Some(3));
    assert!(known.topology.proxy_protocol.is_some());
    let unknown = manifests.gateway_workload(&ObjectName::new("egress", "other"), &given);
    assert_eq!(unknown.labels, given);
    assert_eq!(unknown.topology.num_trusted_proxies, Some(1));
}
