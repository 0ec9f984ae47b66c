//! External authorizers: what they are asked, and what becomes of requests.

use std::time::Duration;

use outgate_test_host::{
    Callout, Host, HostBuilder, Outcome, Request, Response, Upstream, UpstreamReplies, UpstreamReply,
};
use serde_json::{Value, json};

use crate::module::{decision, get, logged, module, start};
use crate::policies::{config, deny_paths, with};

const CLUSTER: &str = "outbound|8000||authz.default.svc.cluster.local";

fn custom(provider: &str, paths: &[&str]) -> Value {
    json!({"action": "CUSTOM", "provider": {"name": provider}, "rules": [{"to": [{"operation": {"paths": paths}}]}]})
}

#[allow(clippy::needless_pass_by_value, reason = "written in place by every caller")]
fn provider(name: &str, fields: Value) -> Value {
    json!({"name": name, "cluster": CLUSTER, "envoyExtAuthzHttp": fields})
}

/// A host with one provider `a`, asked about all paths but `/free`, and one policy that denies `/denied`.
fn builder(fields: Value) -> HostBuilder {
    let module = module().expect("callers have asked");
    let custom = json!({"action": "CUSTOM", "provider": {"name": "a"},
        "rules": [{"to": [{"operation": {"notPaths": ["/free"]}}]}]});
    let config = with(
        config(&[custom, deny_paths(&["/denied"])]),
        "providers",
        &json!([provider("a", fields)]),
    );
    Host::builder(module).configuration(config.to_string())
}

fn asked(fields: Value, upstream: Upstream) -> Host {
    let host = builder(fields).upstream(CLUSTER, upstream).start();
    host.unwrap_or_else(|error| panic!("{error}"))
}

fn always(reply: impl Into<UpstreamReplies>) -> Upstream {
    Upstream::new().otherwise(reply)
}

fn lines(callout: &Callout) -> Vec<String> {
    let mut lines: Vec<String> = callout
        .headers
        .iter()
        .map(|(name, value)| format!("{}: {}", String::from_utf8_lossy(name), String::from_utf8_lossy(value)))
        .collect();
    lines.sort();
    lines
}

const RULE: &str = "istio-ext-authz-a-ns[n]-policy[p0]-rule[0]";

#[test]
fn the_question_is_the_request() {
    if module().is_none() {
        return;
    }
    let fields = json!({
        "pathPrefix": "/check",
        "timeout": "0.25s",
        "includeRequestHeadersInCheck": ["x-exact", "x-prefix-*", "*-suffix", "x-envoy-auth-*"],
        "includeAdditionalHeadersInCheck": {"X-Added": "yes", "x-exact": "not the client's"},
    });
    let mut host = asked(fields, always(UpstreamReply::status(200)));
    let request = Request::post("http://a.com/x?y=1")
        .header("authorization", "Bearer t")
        .header("x-exact", "1")
        .header("X-Prefix-A", "2")
        .header("x-prefix-a", "3")
        .header("b-suffix", "4")
        .header("x-other", "5")
        .header("x-envoy-auth-partial-body", "what only the proxy says")
        .header("content-length", "4")
        .body("body");
    assert_eq!(decision(&host.request(request)), "allow");
    let callouts = host.callouts();
    let [callout] = callouts.as_slice() else {
        panic!("{callouts:?}")
    };
    assert_eq!(callout.upstream, CLUSTER);
    assert!(callout.body.is_empty());
    assert_eq!(callout.timeout, Some(Duration::from_millis(250)));
    assert_eq!(
        lines(callout),
        [
            ":authority: a.com",
            ":method: POST",
            ":path: /check/x?y=1",
            "authorization: Bearer t",
            "b-suffix: 4",
            "content-length: 0",
            "x-added: yes",
            "x-exact: not the client's",
            "x-prefix-a: 2,3",
        ]
    );
}

#[test]
fn nobody_is_asked_about_what_no_rule_names() {
    if module().is_none() {
        return;
    }
    let mut host = asked(json!({}), always(UpstreamReply::reset()));
    assert_eq!(decision(&host.request(get("/free"))), "allow");
    assert!(host.callouts().is_empty());
}

#[test]
fn a_request_waits_and_goes_on_as_the_answer_says() {
    if module().is_none() {
        return;
    }
    let fields = json!({"headersToUpstreamOnAllow": ["x-user", "x-prefix-*"]});
    let answer = Response::new(200)
        .header("x-user", "alice")
        .header("x-prefix-a", "1")
        .header("x-other", "2")
        .header("x-envoy-auth-headers-to-remove", "Cookie, x-secret,:path,host,,");
    let mut host = asked(
        fields,
        always(UpstreamReply::from(answer).after(Duration::from_millis(20))),
    );
    let request = Request::post("http://a.com/x")
        .header("x-user", "mallory")
        .header("x-user", "bob")
        .header("cookie", "c")
        .header("x-secret", "s")
        .body("a body that comes meanwhile");
    let outcome = host.request(request);
    assert_eq!(decision(&outcome), "allow");
    assert_eq!(outcome.duration, Duration::from_millis(20));
    let upstream = outcome.upstream.as_ref().expect("it goes on");
    let header = |name: &str| {
        let values: Vec<_> = upstream.headers.get_all(name).collect();
        String::from_utf8(values.join(&b'|')).unwrap()
    };
    assert_eq!(header("x-user"), "alice");
    assert_eq!(header("x-prefix-a"), "1");
    for absent in ["x-other", "cookie", "x-secret", "x-envoy-auth-headers-to-remove"] {
        assert_eq!(header(absent), "", "{absent}");
    }
    assert_eq!(header(":path"), "/x");
    assert_eq!(upstream.body, b"a body that comes meanwhile");
}

#[test]
fn an_answer_that_denies_is_the_answer() {
    if module().is_none() {
        return;
    }
    let answer = Response::new(401)
        .header("www-authenticate", "Basic")
        .header("x-why", "no token")
        .header("set-cookie", "a=1")
        .header("set-cookie", "b=2")
        .header("content-type", "text/html")
        .header("content-length", "5")
        .header("x-envoy-auth-headers-to-remove", "x")
        .body("go on");
    for (fields, passed_on) in [
        (
            json!({}),
            &["www-authenticate", "x-why", "set-cookie", "content-type"][..],
        ),
        (
            json!({"headersToDownstreamOnDeny": ["X-Why"]}),
            &["www-authenticate", "x-why"],
        ),
        (
            json!({"headersToDownstreamOnDeny": ["set-*"]}),
            &["www-authenticate", "set-cookie"],
        ),
    ] {
        let mut host = asked(fields.clone(), always(UpstreamReply::from(answer.clone())));
        let outcome = host.request(get("/x"));
        assert_eq!(decision(&outcome), "deny");
        assert_eq!(logged(&outcome, "rule").as_deref(), Some(RULE));
        assert_eq!((outcome.status(), outcome.details.as_str()), (401, "ext_authz_denied"));
        let response = outcome.response.as_ref().expect("a response");
        assert_eq!(response.body_bytes(), b"go on");
        for name in [
            "www-authenticate",
            "x-why",
            "set-cookie",
            "x-envoy-auth-headers-to-remove",
        ] {
            let is_there = response.headers().get(name).is_some();
            assert_eq!(is_there, passed_on.contains(&name), "{name} with {fields}");
        }
        let type_of = response.headers().text("content-type").unwrap_or_default();
        let expected = if passed_on.contains(&"content-type") {
            "text/html"
        } else {
            "text/plain"
        };
        assert_eq!(type_of, expected);
    }
}

#[test]
fn no_answer_is_a_failure() {
    if module().is_none() {
        return;
    }
    let troubles = [
        UpstreamReply::reset(),
        UpstreamReply::refused(),
        UpstreamReply::unreachable(),
        UpstreamReply::silence(),
        UpstreamReply::status(500),
        UpstreamReply::status(599),
    ];
    for trouble in troubles {
        let mut closed = asked(json!({"timeout": "1s"}), always(trouble.clone()));
        let outcome = closed.request(get("/x"));
        assert_eq!(decision(&outcome), "error", "{trouble:?}");
        assert_eq!((outcome.status(), outcome.details.as_str()), (403, "ext_authz_error"));
        let rule = logged(&outcome, "rule").unwrap_or_default();
        assert_eq!(rule, format!("authorizer has no answer from {CLUSTER}"));

        let mut other = asked(
            json!({"timeout": "1s", "statusOnError": "503"}),
            always(trouble.clone()),
        );
        assert_eq!(other.request(get("/x")).status(), 503, "{trouble:?}");

        let mut open = asked(json!({"timeout": "1s", "failOpen": true}), always(trouble.clone()));
        assert_eq!(decision(&open.request(get("/x"))), "allow", "{trouble:?}");
        open.advance(Duration::from_secs(1));
        let failures = open.metric("outgate_failed_calls_cluster.=.outbound|8000||authz.default.svc.cluster.local;.;");
        assert_eq!(failures, Some(1), "{trouble:?}");
    }
    // A cluster that the proxy does not have.
    let mut host = builder(json!({})).start().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(decision(&host.request(get("/x"))), "error");
}

#[test]
fn policies_decide_what_an_authorizer_lets_through_on_what_it_has_made_of_it() {
    let Some(module) = module() else { return };
    let mut host = asked(json!({}), always(UpstreamReply::status(200)));
    let outcome = host.request(get("/denied"));
    assert_eq!(decision(&outcome), "deny");
    assert_eq!(logged(&outcome, "rule").as_deref(), Some("ns[n]-policy[p1]-rule[0]"));
    assert_eq!(host.callouts().len(), 1, "it is asked first");

    let by_header =
        json!({"action": "DENY", "rules": [{"when": [{"key": "request.headers[x-role]", "values": ["guest"]}]}]});
    let config = with(
        config(&[custom("a", &["*"]), by_header]),
        "providers",
        &json!([provider("a", json!({"headersToUpstreamOnAllow": ["x-role"]}))]),
    );
    let answer = Response::new(200).header("x-role", "guest");
    let host = Host::builder(module)
        .configuration(config.to_string())
        .upstream(CLUSTER, always(answer))
        .start();
    let outcome = host
        .unwrap_or_else(|error| panic!("{error}"))
        .request(get("/x").header("x-role", "admin"));
    assert_eq!(decision(&outcome), "deny", "{outcome}");
}

#[test]
fn every_authorizer_must_agree_in_the_order_of_names() {
    let Some(module) = module() else { return };
    let path_of = |callout: &Callout| callout.headers.text(":path").unwrap_or_default();
    for (b_says, a_says, expected, asked) in [
        (200, 200, "allow", &["/a/x", "/b/x"][..]),
        (403, 200, "deny", &["/a/x", "/b/x"]),
        (200, 403, "deny", &["/a/x"]),
        (200, 500, "error", &["/a/x"]),
    ] {
        let config = with(
            config(&[custom("b", &["/x"]), custom("a", &["/x"]), custom("c", &["/other"])]),
            "providers",
            &json!([
                provider("c", json!({"pathPrefix": "/c"})),
                provider("b", json!({"pathPrefix": "/b"})),
                provider("a", json!({"pathPrefix": "/a"})),
            ]),
        );
        let upstream = Upstream::new()
            .when(
                move |callout| path_of(callout).starts_with("/a"),
                UpstreamReply::status(a_says),
            )
            .otherwise(UpstreamReply::status(b_says));
        let host = Host::builder(module)
            .configuration(config.to_string())
            .upstream(CLUSTER, upstream)
            .start();
        let mut host = host.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(decision(&host.request(get("/x"))), expected);
        let paths: Vec<_> = host.callouts().iter().map(path_of).collect();
        assert_eq!(paths, asked);
    }
}

#[test]
fn streams_that_wait_do_not_mix() {
    if module().is_none() {
        return;
    }
    let fields = json!({"headersToUpstreamOnAllow": ["x-path"]});
    let echo = |delay: u64, path: &str| {
        UpstreamReply::from(Response::new(200).header("x-path", path)).after(Duration::from_millis(delay))
    };
    let is = |path: &'static str| move |callout: &Callout| callout.headers.get(":path") == Some(path.as_bytes());
    let upstream = Upstream::new()
        .when(is("/slow"), echo(30, "/slow"))
        .when(is("/quick"), echo(10, "/quick"))
        .otherwise(UpstreamReply::silence());
    let mut host = asked(fields, upstream);
    let ids: Vec<_> = ["/slow", "/gone", "/quick"]
        .into_iter()
        .map(|path| {
            let mut stream = host.http_stream(get(path));
            stream.request_headers();
            stream.id()
        })
        .collect();
    // The client of one goes away while it waits.
    let gone = host.stream(ids[1]).expect("it waits").finish();
    assert!(gone.upstream.is_none(), "{gone}");
    host.advance(Duration::from_millis(40));
    for (id, path) in [(ids[0], "/slow"), (ids[2], "/quick")] {
        let mut stream = host.stream(id).expect("it is there");
        stream.response_headers(Response::new(200));
        let outcome = stream.finish();
        assert_eq!(decision(&outcome), "allow");
        let upstream = outcome.upstream.as_ref().expect("it goes on");
        assert_eq!(upstream.headers.text("x-path").as_deref(), Some(path));
    }
}

#[test]
fn an_unregistered_host_is_not_asked_about() {
    let Some(module) = module() else { return };
    let config = with(
        config(&[custom("a", &["*"])]),
        "providers",
        &json!([provider("a", json!({}))]),
    );
    let config = with(config, "registry", &json!({"mode": "REGISTRY_ONLY", "hosts": []}));
    let mut host = start(module, &config);
    assert_eq!(decision(&host.request(get("/x"))), "unregistered");
    assert!(host.callouts().is_empty());
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let Some(module) = module() else { return };
    let with_provider = |fields: Value| {
        with(
            config(&[custom("a", &["*"])]),
            "providers",
            &json!([provider("a", fields)]),
        )
    };
    let twice = json!([provider("a", json!({})), provider("a", json!({}))]);
    for (config, words) in [
        (
            with(config(&[custom("a", &["*"])]), "providers", &json!([])),
            "provider `a`",
        ),
        (
            with(config(&[custom("a", &["*"])]), "providers", &twice),
            "not exactly one",
        ),
        (
            with_provider(json!({"headersToDownstreamOnAllow": ["x"]})),
            "response_headers",
        ),
        (
            with_provider(json!({"timeout": "5"})),
            "providers[0].envoyExtAuthzHttp.timeout",
        ),
        (
            with_provider(json!({"statusOnError": "418"})),
            "an HTTP status that Envoy knows",
        ),
        (
            with_provider(json!({"includeRequestBodyInCheck": {}})),
            "unknown field `includeRequestBodyInCheck`",
        ),
        (
            with(with_provider(json!({})), "type", &json!("NETWORK")),
            "NETWORK decides connections",
        ),
    ] {
        let error = Host::builder(module).configuration(config.to_string()).start();
        let error = error.expect_err("it is refused").to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn a_denial_reads_like_any_other_to_grpc() {
    if module().is_none() {
        return;
    }
    let mut host = asked(json!({}), always(Response::new(403).body("no")));
    let request = Request::post("http://a.com/s/M").header("content-type", "application/grpc");
    let outcome: Outcome = host.request(request);
    let response = outcome.response.as_ref().expect("a response");
    assert_eq!(response.headers().text("grpc-status").as_deref(), Some("7"));
    assert_eq!(outcome.status(), 200);
}
