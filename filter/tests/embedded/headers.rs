//! Decisions by what is called: host, path, method, and any header.

use outgate_test_host::{Module, Request};
use serde_json::{Value, json};

use crate::module::{decide, get, module};
use crate::policies::{config, config_in, deny_paths, deny_to, deny_when};

fn rows(module: &Module, rows: impl IntoIterator<Item = (&'static str, Value, Request, &'static str)>) {
    for (name, policy, request, decided) in rows {
        assert_eq!(decide(module, &config(&[policy]), request), decided, "{name}");
    }
}

fn without(header: &str) -> Request {
    get("/x").without_header(header)
}

#[test]
fn the_host_is_the_authority_as_received() {
    let Some(module) = module() else { return };
    let hosts = |hosts: &[&str]| deny_to(&json!({"hosts": hosts}));
    let to = |authority: &str| Request::get(&format!("http://{authority}/"));
    rows(
        module,
        [
            ("the host", hosts(&["a.com"]), to("a.com"), "deny"),
            ("case does not count", hosts(&["A.com"]), to("a.COM"), "deny"),
            ("a port counts", hosts(&["a.com"]), to("a.com:80"), "allow"),
            ("a port by prefix", hosts(&["a.com:*"]), to("a.com:80"), "deny"),
            ("a suffix", hosts(&["*.a.com"]), to("x.a.com"), "deny"),
            (
                "a suffix is not its own host",
                hosts(&["*.a.com"]),
                to("a.com"),
                "allow",
            ),
            ("any host", hosts(&["*"]), to("a.com"), "deny"),
            ("an empty one is there", hosts(&["*"]), to(""), "deny"),
            ("none is not", hosts(&["*"]), without(":authority"), "allow"),
            (
                "none is not another",
                deny_to(&json!({"notHosts": ["b.com"]})),
                without(":authority"),
                "deny",
            ),
            (
                "as a header",
                deny_when("request.headers[Host]", &["a.com"]),
                get("/"),
                "deny",
            ),
            (
                "bytes",
                hosts(&["a*"]),
                Request::from_headers([(":authority", b"a\xFF\x80")]),
                "deny",
            ),
        ],
    );
}

#[test]
fn the_path_ends_at_its_query() {
    let Some(module) = module() else { return };
    let not = |path: &str| deny_to(&json!({"notPaths": [path]}));
    rows(
        module,
        [
            ("the path", deny_paths(&["/x"]), get("/x?y=/z"), "deny"),
            ("another", deny_paths(&["/x"]), get("/x/"), "allow"),
            ("case counts", deny_paths(&["/x"]), get("/X"), "allow"),
            ("a prefix", deny_paths(&["/x*"]), get("/x/y"), "deny"),
            (
                "the query is no suffix",
                deny_paths(&["*.txt"]),
                get("/x?.txt"),
                "allow",
            ),
            ("a template", deny_paths(&["/{*}/x"]), get("/a/x?b"), "deny"),
            (
                "a template, two segments",
                deny_paths(&["/{*}/x"]),
                get("/a/b/x"),
                "allow",
            ),
            ("any", deny_paths(&["*"]), get("/"), "deny"),
            ("none is not any", deny_paths(&["*"]), without(":path"), "allow"),
            ("none is not another", not("/y"), without(":path"), "deny"),
            (
                "an empty one",
                deny_paths(&["*"]),
                get("/").set_header(":path", ""),
                "allow",
            ),
            (
                "only a query",
                deny_paths(&["*"]),
                get("/").set_header(":path", "?x"),
                "allow",
            ),
            (
                "the whole as a header",
                deny_when("request.headers[:path]", &["/x?y"]),
                get("/x?y"),
                "deny",
            ),
            (
                "bytes",
                deny_paths(&["*é"]),
                get("/").set_header(":path", b"/\xFF\xC3\xA9"),
                "deny",
            ),
        ],
    );
}

#[test]
fn the_method_counts_with_its_case() {
    let Some(module) = module() else { return };
    let methods = |methods: &[&str]| deny_to(&json!({"methods": methods}));
    rows(
        module,
        [
            ("the method", methods(&["POST", "GET"]), get("/"), "deny"),
            ("another", methods(&["POST"]), get("/"), "allow"),
            ("lower case", methods(&["get"]), get("/"), "allow"),
            ("none", methods(&["*"]), without(":method"), "allow"),
            (
                "none is not another",
                deny_to(&json!({"notMethods": ["GET"]})),
                without(":method"),
                "deny",
            ),
        ],
    );
}

#[test]
fn a_header_is_compared_line_by_line() {
    let Some(module) = module() else { return };
    let when = |value: &str| deny_when("request.headers[X-Team]", &[value]);
    let team = |values: &[&[u8]]| {
        values
            .iter()
            .fold(get("/"), |request, value| request.header("x-team", value))
    };
    let unless =
        json!({"action": "DENY", "rules": [{"when": [{"key": "request.headers[x-team]", "notValues": ["a"]}]}]});
    rows(
        module,
        [
            ("the value", when("a"), team(&[b"a"]), "deny"),
            ("case counts", when("a"), team(&[b"A"]), "allow"),
            ("the second line", when("b"), team(&[b"a", b"b"]), "deny"),
            ("the lines joined", when("a,b"), team(&[b"a", b"b"]), "allow"),
            ("a line with a comma", when("a,b"), team(&[b"a,b"]), "deny"),
            ("present", when("*"), team(&[b"a"]), "deny"),
            ("present and empty", when("*"), team(&[b""]), "deny"),
            ("absent", when("*"), get("/"), "allow"),
            ("absent is not another", unless.clone(), get("/"), "deny"),
            ("one line of two excludes", unless, team(&[b"b", b"a"]), "allow"),
            (
                "the same lines again",
                when("b"),
                team(&[b"a", b"a", b"b", b"b"]),
                "deny",
            ),
            ("bytes of UTF-8", when("é*"), team(&[b"\xC3\xA9\xFF"]), "deny"),
            ("bytes of Latin-1 are others", when("é*"), team(&[b"\xE9"]), "allow"),
            ("white space counts", when("a"), team(&[b" a"]), "allow"),
        ],
    );
}

#[test]
fn lines_are_joined_where_the_proxy_is_of_the_older_kind() {
    let Some(module) = module() else { return };
    let request = || {
        get("/")
            .header("x-team", "a")
            .header("x-other", "")
            .header("x-team", "b")
    };
    for (value, individually, joined) in [
        ("a", "deny", "allow"),
        ("b", "deny", "allow"),
        ("a,b", "allow", "deny"),
        ("a*", "deny", "deny"),
        ("*", "deny", "deny"),
    ] {
        let policy = deny_when("request.headers[x-team]", &[value]);
        for (mode, decided) in [("individual", individually), ("joined", joined)] {
            let config = config_in(&json!({"headerMode": mode}), std::slice::from_ref(&policy));
            assert_eq!(decide(module, &config, request()), decided, "{value}, {mode}");
        }
    }
}
