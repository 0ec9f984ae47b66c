//! What of a provider the filter takes, what it refuses, and where that is said.

use outgate_policy::config::{ExtAuthzHttp, PluginType, StatusCode, Timeout};
use serde_json::json;

use super::AuthorizerProblem;
use crate::input::Input;
use crate::manifest::Manifests;

const POLICY: &str = "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: ask, namespace: istio-system}\n\
                      spec: {action: CUSTOM, provider: {name: a}, rules: [{}]}\n";

/// A mesh with these providers, and a policy that asks `a`.
fn mesh(providers: &str) -> Manifests {
    let text = format!(
        "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {{name: m}}\nspec: {{meshConfig: {{extensionProviders: \
         [{providers}]}}}}\n{POLICY}"
    );
    let name = "a.yaml".to_owned();
    let (manifests, diagnostics) = Manifests::load(&[Input::Text { name, text }]);
    assert_eq!(
        diagnostics.errors(),
        0,
        "{}",
        diagnostics.render(manifests.sources(), false)
    );
    manifests
}

fn http(fields: &str) -> String {
    format!("{{name: a, envoyExtAuthzHttp: {{service: authz.default.svc.cluster.local, port: 8000{fields}}}}}")
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_provider_is_taken_as_the_mesh_has_it() {
    let plain = mesh(&http("")).authorizer("a").unwrap();
    assert_eq!(plain.cluster, "outbound|8000||authz.default.svc.cluster.local");
    assert_eq!(plain.envoy_ext_authz_http, ExtAuthzHttp::default());

    let full = mesh(&http(
        ", timeout: 250ms, pathPrefix: /check, failOpen: true, statusOnError: \"503\", includeRequestHeadersInCheck: [a, b*], \
         includeHeadersInCheck: [c], includeAdditionalHeadersInCheck: {d: 5%%}, headersToUpstreamOnAllow: [e], \
         headersToDownstreamOnDeny: ['*f'], headersToDownstreamOnAllow: [g], clearRouteCache: true",
    ));
    assert_eq!(
        full.authorizer("a").unwrap().envoy_ext_authz_http,
        ExtAuthzHttp {
            timeout: Timeout::from_milliseconds(250),
            path_prefix: "/check".to_owned(),
            fail_open: true,
            status_on_error: StatusCode::new(503),
            include_request_headers_in_check: strings(&["a", "b*"]),
            include_additional_headers_in_check: [("d", "5%")].into_iter().collect(),
            headers_to_upstream_on_allow: strings(&["e"]),
            headers_to_downstream_on_deny: strings(&["*f"]),
            headers_to_downstream_on_allow: strings(&["g"]),
        }
    );
    // The older field counts where the newer one is not given; a namespace in front of the host names no other cluster.
    let older = mesh("{name: a, envoyExtAuthzHttp: {service: ns/authz.example, port: 80, includeHeadersInCheck: [c]}}");
    let older = older.authorizer("a").unwrap();
    assert_eq!(older.cluster, "outbound|80||authz.example");
    assert_eq!(older.envoy_ext_authz_http.include_request_headers_in_check, ["c"]);
}

#[test]
fn what_the_filter_cannot_do_is_refused_where_it_stands_and_envoy_does_it() {
    use AuthorizerProblem::{
        Body, Command, Everything, Grpc, NoAuthorizer, NoPort, NoService, PathPrefix, RouteCache, Timeout, Twice,
        Unknown,
    };
    let grpc = "{name: a, envoyExtAuthzGrpc: {service: authz.example, port: 80}}".to_owned();
    let rows = [
        (String::new(), Unknown, "a.yaml:9:41", false),
        ("{name: b}, {name: a}, {name: a}".to_owned(), Twice, "a.yaml:4:", false),
        (
            "{name: a, zipkin: {service: z}}".to_owned(),
            NoAuthorizer,
            "a.yaml:4:",
            false,
        ),
        (grpc, Grpc, "a.yaml:4:", true),
        (
            "{name: a, envoyExtAuthzHttp: {port: 80}}".to_owned(),
            NoService,
            "a.yaml:4:",
            false,
        ),
        (
            "{name: a, envoyExtAuthzHttp: {service: a}}".to_owned(),
            NoPort,
            "a.yaml:4:",
            false,
        ),
        (
            http(", includeRequestBodyInCheck: {maxRequestBytes: 9}"),
            Body,
            "a.yaml:4:",
            true,
        ),
        (
            http(", headersToUpstreamOnAllow: [x], clearRouteCache: false"),
            RouteCache,
            "a.yaml:4:",
            true,
        ),
        (http(", pathPrefix: check"), PathPrefix, "a.yaml:4:", false),
        (http(", timeout: 0s"), Timeout, "a.yaml:4:", true),
        (http(", timeout: 1200h"), Timeout, "a.yaml:4:", true),
        (
            http(", headersToDownstreamOnDeny: [x, '*']"),
            Everything,
            "a.yaml:4:",
            false,
        ),
        (
            http(", includeAdditionalHeadersInCheck: {x: '%REQ(:path)%'}"),
            Command,
            "a.yaml:4:",
            true,
        ),
    ];
    for (providers, problem, place, envoy_can) in rows {
        let manifests = mesh(&providers);
        let refused = manifests.authorizer("a").expect_err(&providers);
        assert_eq!(refused.problem(), problem, "{providers}");
        let located = refused.located(&manifests, &manifests.policies()[0]);
        let shown = crate::diagnostic::Diagnostics::from_iter([located]).render(manifests.sources(), false);
        assert!(shown.contains(place), "{providers}: {shown}");
        assert_eq!(manifests.native_authorizer("a").is_ok(), envoy_can, "{providers}");
    }
}

#[test]
fn a_misspelt_provider_is_told_with_the_one_that_is_meant() {
    let manifests = mesh(&http("").replace("name: a", "name: opa-http"));
    let refused = manifests.authorizer("opa-htp").unwrap_err();
    let shown = refused.located(&manifests, &manifests.policies()[0]);
    let shown = crate::diagnostic::Diagnostics::from_iter([shown]).render(manifests.sources(), false);
    assert!(shown.contains("did you mean `opa-http`?"), "{shown}");
}

#[test]
fn what_is_rendered_natively_has_only_what_is_given() {
    let manifests = mesh(&http(", clearRouteCache: true, timeout: 1ms"));
    let authorizer = manifests.native_authorizer("a").unwrap();
    let filter = authorizer.filter(PluginType::Http).unwrap();
    let config = &filter["typedConfig"];
    assert_eq!(config["clearRouteCache"], true);
    assert_eq!(
        config["httpService"],
        json!({"serverUri": {
            "uri": "http://authz.default.svc.cluster.local",
            "cluster": "outbound|8000||authz.default.svc.cluster.local",
            "timeout": "0.001s",
        }})
    );
    let fields: Vec<&String> = config.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        [
            "@type",
            "clearRouteCache",
            "filterEnabledMetadata",
            "httpService",
            "transportApiVersion"
        ]
    );
}
