//! The same suite in both notations, with everything that the schema has.

use outgate_suite_import::{
    Delivery, Expectation, Header, Immediate, Input, LogLevel, Pattern, Position, Property, TestSuite, read,
};

const TEXT: &str = include_str!("suites/everything.textpb");
const YAML: &str = include_str!("suites/everything.yaml");

fn suite(name: &str, text: &str) -> TestSuite {
    read(name, text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn everything_that_the_schema_has_is_read() {
    let suite = suite("everything.textpb", TEXT);

    let env = &suite.env;
    assert_eq!(env.test_path.as_deref(), Some("everything.textpb"));
    assert_eq!(env.wasm_path.as_deref(), Some("plugin.wasm"));
    assert_eq!(env.config_path.as_deref(), Some("plugin.json"));
    assert_eq!(env.log_level, Some(LogLevel::Warn));
    assert_eq!(env.log_path.as_deref(), Some("/dev/stderr"));
    assert_eq!(env.time_secs, Some(u64::MAX));
    assert_eq!(env.num_additional_streams, Some(16));
    assert_eq!(env.additional_stream_advance_rate, Some(2));

    let [stroll, chunks, sizes] = suite.tests.as_slice() else {
        panic!("{} tests", suite.tests.len());
    };
    assert_eq!(
        (stroll.name.as_str(), stroll.benchmark),
        ("a stroll through all phases", true)
    );
    assert_eq!(stroll.delivery, Delivery::Whole);
    let properties = [("source.address", "10.0.0.7:5000"), ("request.id", "7-€")].map(|(path, value)| Property {
        path: path.to_owned(),
        value: value.into(),
    });
    assert_eq!(stroll.properties, properties);

    let request = stroll.request_headers.as_ref().unwrap();
    let input = [
        (":method", "PUT"),
        (":path", "/basket"),
        ("X-Item", "pear"),
        ("x-item", "plum"),
    ];
    assert_eq!(
        request.input,
        Input::Headers(input.map(|(key, value)| Header::new(key, value)).to_vec())
    );
    let expected = &request.result;
    let there: Vec<_> = expected.has_header.iter().map(|header| &header.value).collect();
    assert_eq!(
        there,
        [&Header::new("x-item", "pear, plum"), &Header::new("x-count", "2")]
    );
    let absent: Vec<_> = expected.no_header.iter().map(|name| name.value.as_str()).collect();
    assert_eq!(absent, ["cookie", "authorization"]);
    let lines: Vec<_> = expected
        .headers
        .iter()
        .map(|matcher| (matcher.invert, &matcher.pattern))
        .collect();
    let exact = Pattern::Exact(b":path: /basket".to_vec());
    let (regex, file) = (
        Pattern::Regex("x-secret: .*".to_owned()),
        Pattern::File("line.txt".to_owned()),
    );
    assert_eq!(lines, [(false, &exact), (true, &regex), (false, &file)]);
    assert_eq!(expected.log.len(), 1);
    assert_eq!(expected.immediate, None);

    let bodies: Vec<_> = stroll.request_body.iter().map(|body| &body.input).collect();
    assert_eq!(
        bodies,
        [
            &Input::Content(b"one\ntwo".to_vec()),
            &Input::File("body.bin".to_owned())
        ]
    );
    let response = stroll.response_headers.as_ref().unwrap();
    assert_eq!(
        response.input,
        Input::Content(b"HTTP/1.1 201 Created\r\nServer: shop\r\n".to_vec())
    );
    let immediate = Immediate {
        at: Position { line: 40, column: 17 },
        http_status: Some(503),
        grpc_status: Some(14),
        details: Some(String::new()),
    };
    assert_eq!(response.result.immediate, Some(immediate));
    assert_eq!(response.result.body[0].pattern, Pattern::Exact(b"busy".to_vec()));
    assert_eq!(stroll.response_body.len(), 1);
    assert_eq!(stroll.response_body[0].input, Input::default());
    for lifecycle in [&stroll.plugin_init, &stroll.stream_init, &stroll.stream_destroy] {
        assert_eq!(lifecycle.log.len(), 1);
    }

    assert_eq!(chunks.delivery, Delivery::NumChunks(3.try_into().unwrap()));
    assert_eq!(sizes.delivery, Delivery::ChunkSize(4096.try_into().unwrap()));
    assert_eq!(sizes.request_headers.as_ref().unwrap().result, Expectation::default());
}

#[test]
fn both_notations_say_the_same() {
    // Places differ, and nothing else.
    let placeless = |suite: &TestSuite| {
        let printed = format!("{suite:#?}");
        let lines = printed.lines().filter(|line| {
            let line = line.trim_start();
            !line.starts_with("line: ") && !line.starts_with("column: ")
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let text = placeless(&suite("everything.textpb", TEXT));
    assert_eq!(text, placeless(&suite("everything.yaml", YAML)));
}

#[test]
fn tests_phases_and_expectations_know_their_place() {
    for (name, text, test, phase, matcher, header) in [
        (
            "a.textpb",
            "\ntest {\n  request_headers {\n    result { log { exact: 'x' } no_header { key: 'a' } }\n  }\n}",
            (2, 6),
            (3, 19),
            (4, 18),
            (4, 43),
        ),
        (
            "a.yaml",
            "\ntest:\n- request_headers:\n    result:\n      log:\n      - exact: x\n      no_header: [{key: a}]\n",
            (3, 3),
            (4, 5),
            (6, 9),
            (7, 19),
        ),
    ] {
        let suite = suite(name, text);
        let found_phase = suite.tests[0].request_headers.as_ref().unwrap();
        let result = &found_phase.result;
        let found = [
            suite.tests[0].at,
            found_phase.at,
            result.log[0].at,
            result.no_header[0].at,
        ];
        assert_eq!(
            found,
            [test, phase, matcher, header].map(|(line, column)| Position { line, column }),
            "{name}"
        );
    }
}

#[test]
fn what_is_not_given_has_its_default() {
    let empty = TestSuite::default();
    for (name, text) in [
        ("a.textpb", ""),
        ("a.textpb", "# nothing"),
        ("a.textpb", "env { wasm_path: '' log_level: UNDEFINED }"),
        ("a.textpb", "env { log_level: 0 } test: []"),
        ("a.yaml", ""),
        ("a.yaml", "# nothing"),
        ("a.yaml", "{}"),
        ("a.yaml", "env:\ntest:\n"),
        ("a.yaml", "env: {log_level: ~, wasm_path: ''}\ntest: []\n"),
    ] {
        assert_eq!(suite(name, text), empty, "{text:?}");
    }
}

#[test]
fn an_input_without_content_is_one_without_headers() {
    for (name, text) in [
        ("a.textpb", "test { request_headers { } }"),
        ("a.textpb", "test { request_headers { input { content: '' } } }"),
        ("a.yaml", "test: [{request_headers: {input: {header: [], file: ''}}}]"),
        (
            "a.yaml",
            "test: [{request_headers: {input: {header: , content: null}}}]",
        ),
    ] {
        let suite = suite(name, text);
        let phase = suite.tests[0].request_headers.as_ref().unwrap();
        assert_eq!(phase.input, Input::Headers(Vec::new()), "{text}");
    }
}

#[test]
fn an_immediate_that_says_nothing_is_still_there() {
    for (name, text, there) in [
        (
            "a.textpb",
            "test { request_headers { result { immediate { } } } }",
            true,
        ),
        ("a.yaml", "test: [{request_headers: {result: {immediate: {}}}}]", true),
        ("a.yaml", "test: [{request_headers: {result: {immediate: }}}]", false),
    ] {
        let suite = suite(name, text);
        let phase = suite.tests[0].request_headers.as_ref().unwrap();
        assert_eq!(phase.result.immediate.is_some(), there, "{text}");
    }
}

#[test]
fn values_in_yaml_are_what_their_fields_are() {
    let text = "
- &again
  name: 12
  benchmark: 'true'
  num_chunks: '3'
  properties: [{path: 'null', value: true}]
- *again
";
    let suite = suite("a.yml", &format!("test:{}", text.replace('\n', "\n  ")));
    for test in &suite.tests {
        assert_eq!((test.name.as_str(), test.benchmark), ("12", true));
        assert_eq!(test.delivery, Delivery::NumChunks(3.try_into().unwrap()));
        assert_eq!(
            (test.properties[0].path.as_str(), test.properties[0].value.as_slice()),
            ("null", &b"true"[..])
        );
    }
    assert_eq!(suite.tests.len(), 2);
}

#[test]
fn bytes_need_not_be_text_in_text_format() {
    let suite = suite(
        "a.textpb",
        r#"test { properties { path: "source.port" value: "\210\x13\0\0\0\0\0\0" } }"#,
    );
    assert_eq!(suite.tests[0].properties[0].value, 5000_u64.to_le_bytes());
}
