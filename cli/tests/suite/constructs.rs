//! Everything that a suite can say, where it holds and where it does not.

use serde_json::Value;

use super::{directory, outgate};

/// A test, and what of it does not hold: the field, and a part of what was found.
type Row = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Files that tests name.
const FILES: [(&str, &str); 4] = [
    (
        "head.txt",
        "GET https://shop.test:8443/a HTTP/1.1\r\nHost: other\r\nX-Tag: 1\r\n\r\n",
    ),
    ("body.txt", "from a file"),
    ("changed.txt", "from a file!"),
    ("line.txt", "Seen: yes"),
];

fn play(environment: &str, rows: &[Row]) {
    let mut suite = format!("env {{ wasm_path: 'plugin.wasm' {environment} }}\n");
    for (name, test, _) in rows {
        suite += &format!("test {{ name: \"{name}\" {test} }}\n");
    }
    let mut files = FILES.to_vec();
    files.push(("tests.textpb", &suite));
    let directory = directory(&files);
    let run = outgate(directory.path(), &["tests.textpb", "--json"]);
    let report = run.json();
    let cases = report["suites"][0]["cases"].as_array().expect("a suite has cases");
    assert_eq!(cases.len(), rows.len());
    for (case, (name, test, wrong)) in cases.iter().zip(rows) {
        assert_eq!(case["name"], *name);
        let differences = case["differences"].as_array().unwrap();
        let found: Vec<(&str, &str)> = differences
            .iter()
            .map(|one| (text(&one["field"]), text(&one["found"])))
            .collect();
        let is_so = found.len() == wrong.len()
            && found
                .iter()
                .zip(*wrong)
                .all(|(found, wrong)| found.0 == wrong.0 && found.1.contains(wrong.1));
        assert!(is_so, "{name}: {test}\nexpected {wrong:?}\nfound    {found:?}");
        assert_eq!(
            case["fate"],
            if wrong.is_empty() { "passed" } else { "failed" },
            "{name}"
        );
    }
    assert_eq!(run.status, i32::from(rows.iter().any(|row| !row.2.is_empty())));
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn headers() {
    play(
        "",
        &[
            ("nothing at all", "", &[]),
            ("no headers", "request_headers { result { has_header { key: 'seen' value: 'yes' } log { exact: 'request lines = 0' } } }", &[]),
            (
                "repeats are joined",
                "request_headers { input { header { key: 'X-A' value: '1' } header { key: 'x-a' value: '2' } header { key: 'Seen' value: '' } }
                   result { has_header { key: 'x-A' value: '1, 2' } has_header { key: 'seen' value: 'yes' }
                     headers { exact: 'X-A: 1, 2' } log { exact: 'request lines = 2' } } }",
                &[],
            ),
            (
                "names keep their case in lines",
                "request_headers { input { header { key: 'X-A' value: '1' } } result { headers { exact: 'x-a: 1' } } }",
                &[("request_headers.result.headers", "Seen: yes\nX-A: 1")],
            ),
            (
                "added to what is there",
                "request_headers { input { header { key: 'seen' value: 'no' } } result { has_header { key: 'seen' value: 'yes' } } }",
                &[("request_headers.result.has_header", "seen: no, yes")],
            ),
            (
                "one that is missing",
                "response_headers { result { has_header { key: 'x' value: '1' } no_header { key: 'y' value: 'ignored' } } }",
                &[("response_headers.result.has_header", "no header `x`")],
            ),
            (
                "one too many",
                "response_headers { result { no_header { key: 'SEEN' } } }",
                &[("response_headers.result.no_header", "SEEN: yes")],
            ),
            (
                "matchers",
                r"request_headers { input { header { key: ':path' value: '/v1?{a}' } }
                    result { headers { regex: ':path: /v\\d\\?{a}' } headers { regex: 'path' invert: true } headers { file: 'line.txt' } } }",
                &[],
            ),
            (
                "matchers that do not hold",
                "request_headers { result { headers { regex: 'See' } headers { exact: 'Seen: yes' invert: true } } }",
                &[
                    ("request_headers.result.headers", "Seen: yes"),
                    ("request_headers.result.headers", "Seen: yes"),
                ],
            ),
            (
                "HTTP/1 text",
                r#"request_headers { input { content: "POST /a HTTP/1.1\nHost: shop.test\nX-Tag: 1\nX-Tag: 2\n" }
                     result { has_header { key: ':authority' value: 'shop.test' } has_header { key: ':path' value: '/a' }
                       has_header { key: ':method' value: 'POST' } has_header { key: 'x-tag' value: '1, 2' }
                       no_header { key: 'host' } no_header { key: ':scheme' } } }
                   response_headers { input { content: "HTTP/1.1 503 Busy\r\n" } result { headers { exact: ':status: 503' } } }"#,
                &[],
            ),
            (
                "a file of it",
                "request_headers { input { file: 'head.txt' } result { has_header { key: ':authority' value: 'shop.test:8443' }
                   has_header { key: ':scheme' value: 'https' } no_header { key: 'host' } } }",
                &[],
            ),
            (
                "a host among headers is one",
                "request_headers { input { header { key: 'Host' value: 'h' } } result { headers { exact: 'Host: h' } no_header { key: ':authority' } } }",
                &[],
            ),
        ],
    );
}

#[test]
fn replies() {
    let rows: &[Row] = &[
        (
            "expected",
            "request_headers { input { header { key: 'x-do' value: 'reply' } } result { immediate { http_status: 403 grpc_status: 7
               details: 'not for you' } body { exact: 'no' } has_header { key: 'x-why' value: '1' } headers { exact: 'X-Why: 1' }
               no_header { key: 'seen' } no_header { key: ':status' } } }",
            &[],
        ),
        (
            "of any kind",
            "response_headers { input { header { key: 'x-do' value: 'reply' } } result { immediate { } } }",
            &[],
        ),
        (
            "another one",
            "request_headers { input { header { key: 'x-do' value: 'reply' } } result { immediate { http_status: 401 grpc_status: 16
               details: '' } body { regex: 'yes' } } }",
            &[
                ("request_headers.result.body", "no"),
                ("request_headers.result.immediate.http_status", "403"),
                ("request_headers.result.immediate.grpc_status", "7"),
                ("request_headers.result.immediate.details", "\"not for you\""),
            ],
        ),
        (
            "unexpected",
            "request_headers { input { header { key: 'x-do' value: 'reply' } } }",
            &[("request_headers.result.immediate", "403 (not for you)")],
        ),
        (
            "missing",
            "request_headers { result { immediate { http_status: 403 } } }",
            &[("request_headers.result.immediate", "the callback went on")],
        ),
        (
            "a stop without one",
            "request_headers { input { header { key: 'x-do' value: 'pause' } } } response_headers { }",
            &[("request_headers.result.immediate", "stopped, without a local reply")],
        ),
        (
            "a stop is none",
            "response_headers { input { header { key: 'x-do' value: 'pause' } } result { immediate { } } }",
            &[("response_headers.result.immediate", "none, though the callback stopped")],
        ),
        (
            "one without a status, expected",
            "request_headers { input { header { key: 'x-do' value: 'zero' } } result { immediate { } } }",
            &[("request_headers.result.immediate", "one without a status")],
        ),
        (
            "one without a status",
            "request_headers { input { header { key: 'x-do' value: 'zero' } } }",
            &[("request_headers.result.immediate", "it stopped")],
        ),
        (
            "nothing is left after it",
            "request_headers { input { header { key: 'x-do' value: 'reply' } } result { immediate { } } }
             request_body { input { content: 'abc' } result { body { exact: '' } log { regex: '.*' invert: true } no_header { key: 'x-why' } } }
             response_headers { input { header { key: ':status' value: '200' } } result { no_header { key: ':status' } headers { regex: '.*' invert: true } } }
             response_body { input { content: 'abc' } result { body { exact: '' } } }",
            &[],
        ),
        (
            "nor another one",
            "request_headers { input { header { key: 'x-do' value: 'reply' } } result { immediate { } } }
             request_body { result { immediate { } } } response_headers { result { immediate { } } }",
            &[
                ("request_body[0].result.immediate", "after a local reply nothing is called"),
                ("response_headers.result.immediate", "after a local reply nothing is called"),
            ],
        ),
        (
            "to a body",
            "request_body { input { content: 'deny' } result { immediate { http_status: 403 } body { exact: 'no' }
               has_header { key: 'x-why' value: '1' } } }",
            &[],
        ),
        (
            "to a body, and not to the next",
            "request_body { input { content: 'abc' } result { immediate { } body { exact: 'abc!' } } }",
            &[("request_body[0].result.immediate", "none: the callback went on")],
        ),
        (
            "to a response's body there is none",
            "response_body { input { content: 'deny' } result { body { exact: 'deny!' } } }",
            &[],
        ),
        (
            "after pieces",
            "chunk_size: 4 request_body { input { content: 'passdenyrest' } result { immediate { } body { exact: 'pass!no' }
               has_header { key: 'x-why' value: '1' } log { regex: '.*' invert: true } } }",
            &[],
        ),
    ];
    play("", rows);
}

#[test]
fn bodies() {
    play(
        "",
        &[
            (
                "each invocation is a piece, and ends the body",
                "request_body { input { content: 'ab' } result { body { exact: 'ab!' } log { exact: 'piece = ab' } log { exact: 'end = 1' } } }
                 request_body { input { content: 'c' } result { body { exact: 'c!' } log { exact: 'piece = c' } log { exact: 'end = 1' } } }",
                &[],
            ),
            (
                "in so many pieces, the rest in the last",
                "num_chunks: 3 request_body { input { content: 'abcdefgh' } result { body { exact: 'ab!cd!efgh!' }
                   log { exact: 'piece = efgh' } log { exact: 'end = 1' } log { exact: 'end = 0' invert: true } } }",
                &[],
            ),
            (
                "in pieces of a size",
                "chunk_size: 3 response_body { input { content: 'abcdefgh' } result { body { exact: 'abc!def!gh!' } log { exact: 'piece = gh' } } }",
                &[],
            ),
            (
                "pieces that come out even",
                "chunk_size: 4 response_body { input { content: 'abcdefgh' } result { body { exact: 'abcd!efgh!' } } }",
                &[],
            ),
            (
                "an empty body is one empty piece",
                "chunk_size: 4 request_body { input { content: '' } result { body { exact: '!' } log { exact: 'piece = ' } } }",
                &[],
            ),
            (
                "no input is an empty body",
                "response_body { result { body { exact: '!' } } }",
                &[],
            ),
            (
                "files",
                "request_body { input { file: 'body.txt' } result { body { file: 'changed.txt' } body { file: 'body.txt' invert: true } } }",
                &[],
            ),
            (
                "another body",
                "request_body { input { content: 'a' } result { body { exact: 'a' } body { regex: 'b!' } body { file: 'body.txt' } } }",
                &[
                    ("request_body[0].result.body", "a!"),
                    ("request_body[0].result.body", "a!"),
                    ("request_body[0].result.body", "a!"),
                ],
            ),
            (
                "a body has no headers",
                "request_headers { } request_body { result { no_header { key: 'seen' } headers { regex: '.*' invert: true } has_header { key: 'seen' value: 'yes' } } }",
                &[("request_body[0].result.has_header", "no header `seen`")],
            ),
        ],
    );
}

#[test]
fn logs() {
    let rows: &[Row] = &[
        (
            "each phase has its own",
            "plugin_init { log { exact: 'plugin created' } log { exact: 'started' } log { exact: 'configuration = ' } log { exact: 'VM' invert: true } }
             stream_init { log { exact: 'stream created' } log { exact: 'plugin created' invert: true } }
             stream_destroy { log { exact: 'done' } log { exact: 'deleted' } log { exact: 'logged' invert: true } log { exact: 'stream created' invert: true } }
             request_headers { result { log { regex: 'end = [01]' } log { exact: 'end = 0' } log { regex: 'response.*' invert: true } log { exact: 'stream created' invert: true } } }
             response_headers { result { log { exact: 'response lines = 0' } log { regex: 'request.*' invert: true } } }",
            &[],
        ),
        (
            "what is not logged",
            "plugin_init { log { exact: 'x' } } stream_init { log { exact: 'x' } } stream_destroy { log { exact: 'x' } }
             response_headers { result { log { exact: 'x' } } }",
            &[
                ("plugin_init.result.log", "plugin created\nstarted\nconfiguration = "),
                ("stream_init.result.log", "stream created"),
                ("response_headers.result.log", "response lines = 0"),
                ("stream_destroy.result.log", "done\ndeleted"),
            ],
        ),
        (
            "lifecycle phases have nothing but logs",
            "plugin_init { immediate { } has_header { key: 'x' value: 'y' } body { exact: 'z' } }",
            &[],
        ),
        (
            "of the usual level",
            "request_headers { result { log { exact: 'a warning' } log { exact: 'a detail' invert: true } } }",
            &[],
        ),
    ];
    play("", rows);
    let detail: Row = ("debug", "request_headers { result { log { exact: 'a detail' } } }", &[]);
    play("log_level: DEBUG", &[detail]);
    let quiet =
        "request_headers { result { log { exact: 'a warning' invert: true } } } plugin_init { log { regex: '.*' } }";
    play(
        "log_level: ERROR",
        &[("error", quiet, &[("plugin_init.result.log", "nothing")])],
    );
}

#[test]
fn properties_and_time() {
    play(
        "",
        &[
            (
                "given",
                "properties { path: 'request.client_region' value: 'BR' } request_headers { result { log { exact: 'region = BR' } } }",
                &[],
            ),
            (
                "not given",
                "request_headers { result { log { exact: 'region -> 1' } } }",
                &[],
            ),
            (
                "a millisecond after 1970",
                "request_headers { result { log { exact: 'milliseconds = 1' } } }",
                &[],
            ),
        ],
    );
    let time = "request_headers { result { log { exact: 'milliseconds = 123000' } } }";
    play("time_secs: 123", &[("set", time, &[])]);
    let unset = "request_headers { result { log { exact: 'milliseconds = 1' } } }";
    play("time_secs: 0", &[("set to nothing", unset, &[])]);
}

#[test]
fn a_plugin_that_dies_has_failed() {
    play(
        "",
        &[
            (
                "in a phase, after which there is none",
                "request_headers { input { header { key: 'x-do' value: 'trap' } } result { immediate { } } } response_headers { result { immediate { } } }
                 stream_destroy { log { exact: 'never' } }",
                &[("request_headers", "the filter trapped in on_request_headers")],
            ),
            (
                "when everything is over",
                "request_headers { input { header { key: 'x-do' value: 'die' } } }",
                &[("plugin_init", "the filter trapped in on_done")],
            ),
        ],
    );
}
