//! The example's proxies by the names that Istio gives their parts, and what is said of manifests that make none.

use std::path::Path;

use super::*;
use crate::input::Input;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/asm-egress-gateway");

fn load(files: &[&str]) -> Manifests {
    let inputs: Vec<Input> = files
        .iter()
        .map(|file| Input::Path(Path::new(EXAMPLE).join(file)))
        .collect();
    let (manifests, diagnostics) = Manifests::load(&inputs);
    assert_eq!(
        diagnostics.errors(),
        0,
        "{}",
        diagnostics.render(manifests.sources(), false)
    );
    manifests
}

fn client_mesh() -> Manifests {
    load(&[
        "mesh-config.yaml",
        "workloads.yaml",
        "service-entry.yaml",
        "gateway.yaml",
        "virtual-service.yaml",
        "destination-rule.yaml",
        "authorization-policy.yaml",
    ])
}

fn read(text: &str) -> Manifests {
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

fn build(manifests: &Manifests, name: &str) -> Proxy {
    let name = name.parse().expect("a proxy's name");
    match manifests.proxy(&name) {
        Ok(built) => built.proxy,
        Err(diagnostics) => panic!("{}", diagnostics.render(manifests.sources(), false)),
    }
}

/// What is said of manifests, beside a gateway's Deployment, when its proxy is made of them.
fn said_of(text: &str) -> Vec<String> {
    const GATEWAY: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: out, namespace: edge}\nspec: {template: {metadata: \
                           {labels: {istio: out}}, spec: {}}}\n---\n";
    let manifests = read(&format!("{GATEWAY}{text}"));
    let name = ProxyName::Gateway(ObjectName::new("edge", "out"));
    let said = match manifests.proxy(&name) {
        Ok(built) => built.doubts,
        Err(diagnostics) => diagnostics,
    };
    said.iter().map(|found| found.message().to_owned()).collect()
}

fn get<'r>(authority: &'r str, path: &'r str) -> RequestLine<'r> {
    RequestLine {
        authority,
        path,
        method: "GET",
        scheme: "http",
        headers: Vec::new(),
    }
}

/// Where a request to a port goes: clusters, or a status.
fn way(proxy: &Proxy, port: u16, server_name: Option<&str>, request: &RequestLine<'_>) -> String {
    let chain = proxy.listener(port).expect("a listener").chain(server_name);
    match &chain.expect("a chain").handler {
        Handler::Tcp { clusters, .. } => clusters[0].cluster.clone(),
        Handler::Http(table) => match table.find(request) {
            Found::Nothing => "404".to_owned(),
            Found::NeedsTls => "needs TLS".to_owned(),
            Found::Route(route) => match &route.action {
                RouteAction::Forward { clusters, .. } => clusters[0].cluster.clone(),
                RouteAction::Answer { status, .. } => format!("{} {status}", route.name),
                RouteAction::Redirect(_) => "redirect".to_owned(),
            },
        },
    }
}

#[test]
fn the_gateways_and_the_clients_are_found() {
    let manifests = load(&["workloads.yaml", "gateway.yaml", "mesh-config.yaml"]);
    let names = |names: Vec<ProxyName>| names.iter().map(ProxyName::to_string).collect::<Vec<_>>();
    assert_eq!(
        names(manifests.gateway_proxies()),
        ["gateway:istio-system/istio-egressgateway"]
    );
    assert_eq!(
        names(manifests.client_proxies()),
        ["sidecar:default/notsleep", "sidecar:default/sleep"]
    );
}

#[test]
fn a_sidecar_sends_a_registered_host_through_the_egress_gateway() {
    let proxy = build(&client_mesh(), "sidecar:default/sleep");
    assert_eq!(proxy.identity, "cluster.local/ns/default/sa/sleep");
    let gateway = "outbound|80||istio-egressgateway.istio-system.svc.cluster.local";
    let rows = [
        ("test.com", gateway),
        ("TEST.com:80", gateway),
        ("other.com", "block_all 502"),
        ("istio-egressgateway.istio-system", gateway),
    ];
    for (authority, expected) in rows {
        assert_eq!(way(&proxy, 80, None, &get(authority, "/")), expected, "{authority}");
    }
    let tls = proxy
        .cluster(gateway)
        .and_then(|cluster| cluster.tls.as_ref())
        .expect("mesh TLS");
    assert_eq!(
        tls.sni.as_deref(),
        Some("outbound_.80_._.istio-egressgateway.istio-system.svc.cluster.local")
    );
    assert_eq!((&tls.credential, &tls.trust), (&Some(Credential::Mesh), &Trust::Mesh));
}

#[test]
fn without_the_service_entry_nothing_is_registered() {
    let manifests = load(&["mesh-config.yaml", "workloads.yaml"]);
    let proxy = build(&manifests, "sidecar:default/sleep");
    assert_eq!(way(&proxy, 80, None, &get("test.com", "/")), "block_all 502");
    assert_eq!(way(&proxy, 15001, None, &get("test.com", "/")), "BlackHoleCluster");
}

#[test]
fn a_mesh_that_is_open_lets_everything_pass() {
    let manifests = load(&["workloads.yaml"]);
    let proxy = build(&manifests, "sidecar:default/sleep");
    assert_eq!(way(&proxy, 80, None, &get("test.com", "/")), "PassthroughCluster");
    assert_eq!(way(&proxy, 15001, None, &get("test.com", "/")), "PassthroughCluster");
}

#[test]
fn the_egress_gateway_originates_tls_with_the_secret() {
    let proxy = build(&with_secret(), "gateway:istio-system/istio-egressgateway");
    let server_name = Some("outbound_.80_._.istio-egressgateway.istio-system.svc.cluster.local");
    assert_eq!(
        way(&proxy, 8080, server_name, &get("test.com", "/")),
        "outbound|443||test.com"
    );
    assert_eq!(way(&proxy, 8080, server_name, &get("other.com", "/")), "404");
    let cluster = proxy.cluster("outbound|443||test.com").expect("a cluster");
    let tls = cluster.tls.as_ref().expect("TLS");
    let secret = ObjectName::new("istio-system", "test.client");
    assert_eq!(tls.credential, Some(Credential::Secret(secret.clone())));
    assert_eq!(tls.trust, Trust::Secret(secret));
    assert_eq!(tls.sni.as_deref(), Some("test.com"));
    assert!(
        proxy
            .cluster("outbound|80||test.com")
            .is_some_and(|cluster| cluster.tls.is_none())
    );
}

/// The client mesh with a secret, whose bytes nothing here looks at.
fn with_secret() -> Manifests {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: test.client, namespace: istio-system}\nstringData: {tls.crt: c, \
                  tls.key: k, ca.crt: a}\n";
    let mut inputs: Vec<Input> = [
        "mesh-config",
        "workloads",
        "service-entry",
        "gateway",
        "virtual-service",
        "destination-rule",
    ]
    .iter()
    .map(|file| Input::Path(Path::new(EXAMPLE).join(format!("{file}.yaml"))))
    .collect();
    inputs.push(Input::Text {
        name: "secret.yaml".to_owned(),
        text: secret.to_owned(),
    });
    let (manifests, diagnostics) = Manifests::load(&inputs);
    assert_eq!(
        diagnostics.errors(),
        0,
        "{}",
        diagnostics.render(manifests.sources(), false)
    );
    manifests
}

#[test]
fn what_names_nothing_that_is_there_is_told() {
    const GATEWAY: &str = "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: edge}\nspec: {selector: \
                           {istio: out}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}\n---\n";
    const ENTRY: &str = "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: e, namespace: edge}\nspec: {hosts: \
                         [a.com], resolution: DNS, ports: [{number: 443, name: https, protocol: HTTPS}]}\n---\n";
    let service = |name: &str, gateway: &str, host: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}, namespace: edge}}\nspec: {{hosts: \
             [a.com], gateways: [{gateway}], http: [{{route: [{{destination: {{host: {host}, port: {{number: 443}}}}}}]}}]}}\n---\n"
        )
    };
    let rule = |host: &str, tls: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: d, namespace: edge}}\nspec: {{host: {host}, \
             trafficPolicy: {{tls: {{{tls}}}}}}}\n---\n"
        )
    };
    let rows = [
        (
            format!("{GATEWAY}{ENTRY}{}", service("v", "gg", "a.com")),
            "VirtualService edge/v: there is no Gateway edge/gg",
        ),
        (
            format!("{GATEWAY}{ENTRY}{}", service("v", "g", "b.com")),
            "nothing is registered that this route could send to: there is no cluster outbound|443||b.com",
        ),
        (
            format!(
                "{GATEWAY}{ENTRY}{}{}",
                service("v", "g", "a.com"),
                service("w", "g", "a.com")
            ),
            "VirtualService edge/v and VirtualService edge/w both have routes for `a.com` at Gateway edge/g",
        ),
        (
            format!("{ENTRY}{}", rule("a.com", "mode: SIMPLE, credentialName: nosuch")),
            "there is no Secret edge/nosuch",
        ),
        (
            format!("{ENTRY}{}", rule("b.com", "mode: DISABLE")),
            "DestinationRule edge/d: nobody registers `b.com`",
        ),
        (
            GATEWAY.replace("istio: out", "istio: elsewhere"),
            "Gateway edge/g: its selector matches no workload here",
        ),
    ];
    for (text, expected) in rows {
        assert_eq!(said_of(&text), [expected], "{text}");
    }
}

#[test]
fn a_field_that_is_not_rendered_is_refused() {
    let rows = [
        (
            "VirtualService",
            "hosts: [a.com], http: [{fault: {abort: {httpStatus: 500, percentage: {value: 100}}}, route: [{destination: {host: a.com}}]}]",
            "fault",
        ),
        (
            "DestinationRule",
            "host: a.com, trafficPolicy: {outlierDetection: {}}",
            "outlierDetection",
        ),
        ("Sidecar", "ingress: []", "ingress"),
    ];
    for (kind, spec, field) in rows {
        let text = format!(
            "apiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: x, namespace: edge}}\nspec: {{{spec}}}\n"
        );
        let said = said_of(&text);
        assert!(said.iter().any(|said| said.contains(field)), "{text}{said:?}");
    }
}

#[test]
fn an_authorizer_must_be_a_service_that_the_gateway_knows() {
    let ask = "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: ask, namespace: edge}\nspec: {action: \
               CUSTOM, provider: {name: a}, rules: [{}]}\n";
    let mesh = |kind: &str, service: &str, port: u16| {
        format!(
            "---\napiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {{name: m}}\nspec: {{meshConfig: \
             {{extensionProviders: [{{name: a, {kind}: {{service: {service}, port: {port}}}}}]}}}}\n"
        )
    };
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: authz, namespace: apps}\nspec: {ports: [{name: http, port: 8000}]}\n";
    let cannot = |cluster: &str| {
        vec![format!(
            "the extension provider `a` cannot be asked by edge/out: there is no cluster {cluster}"
        )]
    };
    let full = "authz.apps.svc.cluster.local";
    for kind in ["envoyExtAuthzHttp", "envoyExtAuthzGrpc"] {
        for (host, port, expected) in [
            (full, 8000, Vec::new()),
            ("apps/authz.apps.svc.cluster.local", 8000, Vec::new()),
            (full, 9000, cannot("outbound|9000||authz.apps.svc.cluster.local")),
            ("authz.apps", 8000, cannot("outbound|8000||authz.apps")),
            ("authz.example", 8000, cannot("outbound|8000||authz.example")),
        ] {
            let text = format!("{service}{ask}{}", mesh(kind, host, port));
            assert_eq!(said_of(&text), expected, "{text}");
        }
    }
    // Nobody is asked without a policy, and what is unknown altogether is told elsewhere.
    assert_eq!(
        said_of(&format!("{service}{}", mesh("envoyExtAuthzHttp", "authz", 80))),
        [""; 0]
    );
    assert_eq!(said_of(&format!("{service}{ask}")), [""; 0]);
}
