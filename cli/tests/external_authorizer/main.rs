//! Our filter against Envoy's own `ext_authz` in a real Envoy, with the same real authorizer.
//!
//! ```text
//! providers, policies ──▶ SDK ──┬──▶ RBAC and ext_authz, native ──┐
//!                               └──▶ our filter's configuration ──┴──▶ one Envoy ──▶ authorizer, server
//! ```
//!
//! Each request goes to both. Compared are the reply, what the authorizer was asked, what arrived at the server behind, and the log.

#[path = "../envoy/mod.rs"]
mod envoy;

mod answers;
mod comparison;
mod gateway;
mod server;

use std::thread;

use answers::LARGE;
use comparison::{STOPPED_BY_AUTHORIZER, differences};
use envoy::client::Request;
use gateway::{Gateway, NO_CLUSTER, NOBODY, REFUSES, SetUp, Side, THERE, policy, provider};

const HOST: &str = "a.com";
/// A provider that shows and passes on some headers of each kind.
const SELECTIVE: &str = "pathPrefix: /check, includeRequestHeadersInCheck: [X-Exact, x-prefix-*, '*-suffix', x-envoy-*], \
                         includeAdditionalHeadersInCheck: {X-Added: 100%%, x-exact-2: own}, headersToUpstreamOnAllow: [x-user, x-up-*], \
                         headersToDownstreamOnDeny: [X-Why, set-*]";

fn get(path: &str) -> Request {
    Request::new("GET", HOST, path)
}

fn post(path: &str) -> Request {
    Request::new("POST", HOST, path)
}

/// A request with headers of every kind that a provider may show, or not.
fn with_headers(path: &str) -> Request {
    post(path)
        .header("authorization", "Bearer t")
        .header("X-Exact", "1")
        .header("x-exact-2", "the client's")
        .header("x-prefix-a", "2")
        .header("X-Prefix-A", "3")
        .header("b-suffix", "")
        .header("x-other", "4")
        .header("cookie", "c=1")
        .header("x-secret", "s")
        .header("x-user", "mallory")
        .header("x-user", "bob")
        .header("x-up-removed", "r")
        .header("x-forwarded-for", "203.0.113.7")
        .header("x-envoy-auth-partial-body", "true")
        .header("x-envoy-auth-headers-to-remove", "x-other")
        .body("a body")
}

/// A row: who decides, a request, and what must come of it on both sides.
struct Row {
    set_up: &'static str,
    request: Request,
    is_http2: bool,
    status: u16,
    decision: &'static str,
}

fn row(set_up: &'static str, request: Request, status: u16, decision: &'static str) -> Row {
    Row {
        set_up,
        request,
        is_http2: false,
        status,
        decision,
    }
}

impl Row {
    fn over_http2(mut self) -> Self {
        self.is_http2 = true;
        self
    }
}

/// Sends each row to both sides, and says everything that is not as it must be.
fn compare(gateway: &Gateway, rows: &[Row]) {
    let mut wrong = String::new();
    for row in rows {
        let send = |side| match row.is_http2 {
            true => gateway.send_http2(side, row.set_up, &row.request),
            false => gateway.send(side, row.set_up, &row.request),
        };
        let (native, ours) = (send(Side::Native), send(Side::Filter));
        let mut found = differences(&native, &ours);
        if native.reply.status != row.status {
            found += &format!(
                "  native answers {}, expected was {}\n",
                native.reply.status, row.status
            );
        }
        if ours.log["outgate_decision"] != row.decision {
            found += &format!("  our log says {:?}, expected was {}\n", ours.log, row.decision);
        }
        if !found.is_empty() {
            wrong += &format!("{} {}\n{found}", row.set_up, row.request.line());
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn answers_mean_the_same() {
    let set_ups = [
        SetUp::one("plain", THERE, ""),
        SetUp::one("selective", THERE, &format!("{SELECTIVE}, clearRouteCache: true")),
    ];
    let Some(gateway) = Gateway::start(&set_ups) else {
        return;
    };
    let mut rows = vec![
        row("plain", get("/free"), 200, "allow"),
        row("plain", get("/ok?x=1&y=/z#"), 400, "-"),
        row("plain", get("/ok?x=1&y=/z"), 200, "allow"),
        row("plain", Request::new("GET", "A.com:8443", "/ok"), 200, "allow"),
        row("plain", Request::new("HEAD", HOST, "/ok"), 200, "allow"),
        row("plain", Request::new("OPTIONS", HOST, "/ok"), 200, "allow"),
        row("plain", post("/ok").body("x"), 200, "allow"),
        row("plain", post("/ok").chunked("a body of unknown length"), 200, "allow"),
        row("plain", get("/../ok/./x/../ok"), 200, "allow"),
        row("plain", Request::new("HEAD", HOST, "/denial-headers"), 403, "deny"),
        row("plain", Request::new("HEAD", HOST, "/large"), 403, "deny"),
        row("plain", get("/ok").over_grpc(), 200, "allow"),
        row("plain", get("/continue"), 200, "allow"),
        // A body where there is to be none: no answer at all.
        row("plain", get("/204"), 403, "error"),
    ];
    for set_up in ["plain", "selective"] {
        rows.extend([
            row(set_up, with_headers("/ok"), 200, "allow"),
            row(set_up, with_headers("/ok"), 200, "allow").over_http2(),
            row(set_up, with_headers("/headers"), 200, "allow"),
            row(set_up, with_headers("/headers"), 200, "allow").over_http2(),
            row(set_up, get("/user"), 200, "allow"),
            row(set_up, get("/denial-headers"), 403, "deny"),
            row(set_up, get("/denial-headers"), 403, "deny").over_http2(),
            row(set_up, get("/unauthorized"), 401, "deny"),
            row(set_up, get("/redirect"), 302, "deny"),
            row(set_up, get("/too-many"), 429, "deny"),
            row(set_up, get("/created"), 201, "deny"),
            row(set_up, get("/no-content"), 204, "deny"),
            row(set_up, get("/not-modified"), 304, "deny"),
            row(set_up, get("/json"), 403, "deny"),
            row(set_up, get("/json"), 403, "deny").over_http2(),
            row(set_up, get("/binary"), 403, "deny"),
            row(set_up, get("/empty"), 403, "deny"),
            row(set_up, get("/many"), 403, "deny"),
            row(set_up, get("/chunked"), 403, "deny"),
            row(set_up, get("/large"), 403, "deny"),
            row(set_up, get("/large"), 403, "deny").over_http2(),
            row(set_up, get("/large-chunked"), 403, "deny"),
            row(set_up, get("/until-closed"), 403, "deny"),
            row(set_up, get("/418"), 418, "deny"),
            row(set_up, get("/499"), 499, "deny"),
            row(set_up, get("/299"), 299, "deny"),
            row(set_up, get("/600"), 600, "deny"),
            row(set_up, get("/999"), 999, "deny"),
        ]);
        for status in [401, 403, 404, 429] {
            let path = format!("/{status}");
            rows.push(row(set_up, post(&path).over_grpc(), 200, "deny"));
            rows.push(row(set_up, post(&path).over_grpc(), 200, "deny").over_http2());
        }
        rows.push(row(set_up, post("/grpc").over_grpc(), 200, "deny").over_http2());
        rows.push(row(set_up, post("/json").over_grpc(), 200, "deny").over_http2());
    }
    compare(&gateway, &rows);
}

/// Of an authorizer's answer that lets a request pass, the client gets what is named; the upstream's own headers stay.
#[test]
fn headers_of_answers_reach_the_client() {
    let set_ups = [
        SetUp::one("one", THERE, "headersToDownstreamOnAllow: [x-user]"),
        SetUp::one("patterns", THERE, "headersToDownstreamOnAllow: [x-down-*, '*-user']"),
    ];
    let Some(gateway) = Gateway::start_changing_responses(&set_ups) else {
        return;
    };
    let mut rows = Vec::new();
    for set_up in ["one", "patterns"] {
        rows.extend([
            row(set_up, get("/user"), 200, "allow"),
            row(set_up, get("/user"), 200, "allow").over_http2(),
            row(set_up, with_headers("/headers"), 200, "allow"),
            row(set_up, with_headers("/headers"), 200, "allow").over_http2(),
            row(set_up, Request::new("HEAD", HOST, "/user"), 200, "allow"),
            row(set_up, post("/user").over_grpc(), 200, "allow").over_http2(),
            row(set_up, get("/free"), 200, "allow"),
            row(set_up, get("/denial-headers"), 403, "deny"),
        ]);
    }
    compare(&gateway, &rows);
    let seen = gateway.send(Side::Filter, "one", &get("/user"));
    let user = seen.reply.headers.iter().find(|(name, _)| name == "x-user");
    assert_eq!(user.map(|(_, value)| value.as_str()), Some("alice"), "{seen:?}");
}

#[test]
fn failures_are_the_same() {
    const SHORT: &str = "timeout: 0.08s";
    let closed = |name, port| SetUp::one(name, port, SHORT);
    let open = |name, port| SetUp::one(name, port, "timeout: 0.08s, failOpen: true");
    let set_ups = [
        closed("closed", THERE),
        open("open", THERE),
        SetUp::one("own-status", THERE, "timeout: 0.08s, statusOnError: \"503\""),
        closed("refused", REFUSES),
        open("refused-open", REFUSES),
        closed("nobody", NOBODY),
        open("nobody-open", NOBODY),
        closed("no-cluster", NO_CLUSTER),
        open("no-cluster-open", NO_CLUSTER),
    ];
    let Some(gateway) = Gateway::start(&set_ups) else {
        return;
    };
    let mut rows = Vec::new();
    for trouble in [
        "silent",
        "late",
        "late-denial",
        "reset",
        "cut-head",
        "cut-body",
        "garbage",
        "500",
        "502",
        "503",
        "504",
        "599",
    ] {
        let path = format!("/{trouble}");
        rows.extend([
            row("closed", get(&path), 403, "error"),
            row("closed", post(&path).over_grpc(), 200, "error").over_http2(),
            row("own-status", get(&path), 503, "error"),
            row("open", post(&path).body("goes on"), 200, "allow"),
        ]);
    }
    for (set_up, status, decision) in [
        ("refused", 403, "error"),
        ("refused-open", 200, "allow"),
        ("nobody", 403, "error"),
        ("nobody-open", 200, "allow"),
        ("no-cluster", 403, "error"),
        ("no-cluster-open", 200, "allow"),
    ] {
        rows.push(row(set_up, get("/x"), status, decision));
        rows.push(row(set_up, post("/x").body("x"), status, decision).over_http2());
        rows.push(row(set_up, get("/free"), 200, "allow"));
    }
    compare(&gateway, &rows);
}

#[test]
fn bodies_wait_with_their_requests() {
    let Some(gateway) = Gateway::start(&[SetUp::one("plain", THERE, "")]) else {
        return;
    };
    let rows = [1, 16 * 1024, LARGE, 3 * LARGE].into_iter().flat_map(|size| {
        let body = "0123456789abcdef".repeat(size.div_ceil(16));
        [
            row("plain", post("/late").body(body.clone()), 200, "allow"),
            row("plain", post("/late").chunked(&body), 200, "allow"),
            row("plain", post("/late").body(body.clone()), 200, "allow").over_http2(),
            row("plain", post("/denial-headers").body(body), 403, "deny"),
        ]
    });
    compare(&gateway, &rows.collect::<Vec<_>>());
}

#[test]
fn authorizers_and_policies_decide_in_the_same_order() {
    let ask = |provider: &str, path: &str| {
        policy(
            &format!("ask-{provider}"),
            &format!(
                "action: CUSTOM, provider: {{name: {provider}}}, rules: [{{to: [{{operation: {{paths: ['{path}']}}}}]}}]"
            ),
        )
    };
    let by_user = "rules: [{when: [{key: 'request.headers[x-user]', values: [guest]}]}]";
    let set_ups = [
        SetUp {
            name: "several",
            // Out of order, and with one name at the beginning of another.
            providers: [
                provider("b", THERE, "pathPrefix: /b"),
                provider("a", THERE, "pathPrefix: /a, headersToUpstreamOnAllow: [x-user]"),
                provider("ab", THERE, "pathPrefix: /ab, includeRequestHeadersInCheck: [x-user]"),
                provider("unused", NO_CLUSTER, ""),
            ]
            .join(", "),
            policies: ask("b", "*") + &ask("ab", "/both/*") + &ask("a", "/both/*"),
        },
        SetUp::one("before-deny", THERE, "headersToUpstreamOnAllow: [x-user]")
            .and("deny", &format!("action: DENY, {by_user}")),
        SetUp::one("before-allow", THERE, "headersToUpstreamOnAllow: [x-user]")
            .and("allow", &format!("action: ALLOW, {by_user}"))
            .and(
                "deny",
                "action: DENY, rules: [{to: [{operation: {paths: ['/denied/*']}}]}]",
            ),
    ];
    let Some(gateway) = Gateway::start(&set_ups) else {
        return;
    };
    let rows = [
        row("several", get("/both/user"), 200, "allow"),
        row("several", get("/one/user"), 200, "allow"),
        row("several", get("/both/403"), 403, "deny"),
        row("several", get("/both/500"), 403, "error"),
        row("before-deny", get("/user"), 200, "allow"),
        row("before-deny", get("/guest"), 403, "deny"),
        row("before-deny", get("/user").header("x-user", "guest"), 200, "allow"),
        row("before-deny", get("/ok").header("x-user", "guest"), 403, "deny"),
        row("before-deny", get("/401").header("x-user", "guest"), 401, "deny"),
        row("before-deny", get("/free").header("x-user", "guest"), 403, "deny"),
        row("before-allow", get("/guest"), 200, "allow"),
        row("before-allow", get("/user"), 403, "deny"),
        row("before-allow", get("/free"), 403, "deny"),
        row("before-allow", get("/denied/guest"), 403, "deny"),
        row("before-allow", get("/denied/401"), 401, "deny"),
        row("before-allow", get("/denied/500"), 403, "error"),
    ];
    compare(&gateway, &rows);
    let seen = gateway.send(Side::Filter, "several", &get("/both/user"));
    let paths: Vec<&str> = seen.asked.iter().map(|asked| asked.path.as_str()).collect();
    assert_eq!(paths, ["/a/both/user", "/ab/both/user", "/b/both/user"]);
    assert_eq!(
        seen.asked[1].lines("x-user"),
        ["alice"],
        "one sees what another has changed"
    );
}

/// What the documentation says that differs: that it does is part of what it says.
#[test]
fn what_differs_is_known() {
    let set_ups = [
        SetUp::one("plain", THERE, ""),
        SetUp::one("routed", THERE, "headersToUpstreamOnAllow: [x-up-*]"),
    ];
    let Some(gateway) = Gateway::start(&set_ups) else {
        return;
    };
    let both = |set_up, request: &Request, field: &str| {
        [Side::Native, Side::Filter].map(|side| gateway.send(side, set_up, request).log[field].clone())
    };
    for stopped in ["/denial-headers", "/500"] {
        let flags = both("plain", &get(stopped), "response_flags");
        assert_eq!(flags, [STOPPED_BY_AUTHORIZER, "-"], "{stopped}");
    }
    let clusters = both("routed", &get("/headers"), "upstream_cluster");
    assert_eq!(clusters, ["outbound|80||test.com", "by-header"]);
}

#[test]
fn a_client_that_goes_away_leaves_its_question_and_nothing_else() {
    let Some(gateway) = Gateway::start(&[SetUp::one("plain", THERE, "")]) else {
        return;
    };
    // Envoy's own filter takes its question back; a Wasm filter cannot, and has its answer thrown away when it comes.
    gateway.abandon(Side::Native, "plain", &get("/silent"));
    gateway.wait_for_questions(0);
    gateway.abandon(Side::Filter, "plain", &get("/silent"));
    thread::sleep(answers::A_WHILE);
    gateway.wait_for_questions(1);
    // The virtual machine is alive and decides.
    let seen = gateway.send(Side::Filter, "plain", &get("/ok"));
    assert_eq!(
        (seen.reply.status, seen.log["outgate_decision"].as_str()),
        (200, "allow")
    );
}
