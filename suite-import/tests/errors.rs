//! What is not of the format is refused with its place, and with what would be right.

use outgate_suite_import::read;

/// Rows of a text, the place of its error, and what message and help contain.
fn check(name: &str, rows: &[(&str, usize, usize, &str, &str)]) {
    for &(text, line, column, message, help) in rows {
        let error = read(name, text).expect_err(text);
        assert_eq!((error.line, error.column), (line, column), "{text}\n{error}");
        assert!(error.message.contains(message), "{text}\n{error}");
        assert!(
            error.help.as_deref().unwrap_or_default().contains(help),
            "{text}\n{error}"
        );
        assert_eq!(error.file, name);
    }
}

#[test]
fn in_text_format() {
    check(
        "a.textpb",
        &[
            (
                "test { name: 'x' }\ntests { }",
                2,
                1,
                "a test suite has no field `tests`",
                "did you mean `test`? known here: `env` and `test`",
            ),
            (
                "runtime { }",
                1,
                1,
                "no field `runtime`",
                "known here: `env` and `test`",
            ),
            (
                "test { }\ntest { request_headers {\n result { has_headr { key: 'a' } } } }",
                3,
                11,
                "`test[1].request_headers.result` has no field `has_headr`",
                "did you mean `has_header`?",
            ),
            ("env { } env { }", 1, 9, "`env` stands twice", "does on line 1"),
            (
                "test {\n name: 'a'\n name: 'b'\n}",
                3,
                2,
                "`test[0].name` stands twice",
                "on line 2",
            ),
            (
                "test { name: ['a'] }",
                1,
                14,
                "`test[0].name` is one value, not a list",
                "",
            ),
            (
                "test { name: a }",
                1,
                14,
                "is text in quotes, not `a` without quotes",
                "",
            ),
            (
                "test { name { } }",
                1,
                13,
                "is text in quotes, not fields of its own",
                "",
            ),
            ("test { name: '\\xff' }", 1, 14, "`test[0].name` is not UTF-8", "bodies"),
            ("test: 'x'", 1, 7, "`test` is fields of its own, not text in quotes", ""),
            (
                "test: [{ }, { nam: 'x' }]",
                1,
                15,
                "`test[1]` has no field `nam`",
                "`name`",
            ),
            ("test { benchmark: yes }", 1, 19, "is `true` or `false`, not `yes`", ""),
            ("test { benchmark: 'true' }", 1, 19, "not text in quotes", ""),
            ("test { num_chunks: 1.5 }", 1, 20, "is a whole number, not `1.5`", ""),
            (
                "test { num_chunks: 0 }",
                1,
                20,
                "out of range",
                "at least 1 and at most 2147483647",
            ),
            ("test { chunk_size: -1 }", 1, 20, "out of range", "at least 1"),
            (
                "env { time_secs: 18446744073709551616 }",
                1,
                18,
                "`env.time_secs` is out of range",
                "18446744073709551615",
            ),
            ("env { time_secs: -1 }", 1, 18, "out of range", "at least 0"),
            (
                "env { log_level: INF }",
                1,
                18,
                "has no value `INF`",
                "did you mean `INFO`?",
            ),
            ("env { log_level: 7 }", 1, 18, "has no value `7`", "`CRITICAL`"),
            (
                "env { log_level: 'INFO' }",
                1,
                18,
                "a name without quotes, not text in quotes",
                "",
            ),
            (
                "test { num_chunks: 2\nchunk_size: 3 }",
                2,
                1,
                "`test[0]` has both `num_chunks` and `chunk_size`",
                "one of `num_chunks` and `chunk_size`",
            ),
            (
                "test { request_body { input { content: 'a' file: 'b' } } }",
                1,
                44,
                "`test[0].request_body[0].input` has both `content` and `file`",
                "`header`, `content` and `file`",
            ),
            (
                "test { plugin_init { log { exact: 'a' regex: 'b' } } }",
                1,
                39,
                "`test[0].plugin_init.log[0]` has both `exact` and `regex`",
                "",
            ),
            (
                "test { plugin_init { log { invert: true } } }",
                1,
                26,
                "says nothing to compare with",
                "give it `exact`, `regex` or `file`",
            ),
            (
                "test { num_chunks: 2 request_body { } request_body { } }",
                1,
                52,
                "`test[0].request_body` stands more than once",
                "one invocation",
            ),
            (
                "test { properties { value: 'x' } }",
                1,
                19,
                "`test[0].properties[0]` needs its `path`",
                "`path`",
            ),
            (
                "test { request_headers { input { header { } } } }",
                1,
                41,
                "header[0]` needs its `key`",
                "",
            ),
            (
                "test { stream_init { has_header { kye: 'a' } } }",
                1,
                35,
                "has_header[0]` has no field `kye`",
                "did you mean `key`?",
            ),
            (
                "test { stream_init { headers { has_header { } } } }",
                1,
                32,
                "headers[0]` has no field `has_header`",
                "known here: `invert`, `exact`, `regex` and `file`",
            ),
            ("test {\n  name: 'x'", 1, 6, "no `}` closes this", ""),
            ("test {\n  name: 'x\n'}", 2, 9, "no end on its line", "\\n"),
            (
                "test { name 'x' }",
                1,
                13,
                "expected `:` or `{` after `name`, found a string",
                "",
            ),
            (
                "test { // note\n}",
                1,
                8,
                "'/' has no place here",
                "comments start with `#`",
            ),
            ("# ü\ntest { name: 'ü' $ }", 2, 18, "'$' has no place", ""),
        ],
    );
}

#[test]
fn in_yaml() {
    check(
        "a.yaml",
        &[
            (
                "test:\n- nmae: x\n",
                2,
                3,
                "`test[0]` has no field `nmae`",
                "did you mean `name`?",
            ),
            (
                "env:\n  logLevel: INFO\n",
                2,
                3,
                "`env` has no field `logLevel`",
                "did you mean `log_level`?",
            ),
            ("env:\n  bogus:\n", 2, 3, "`env` has no field `bogus`", ""),
            (
                "test:\n  name: x\n",
                2,
                3,
                "`test` is a list, not fields of its own",
                "start each entry with `- `",
            ),
            (
                "test:\n- request_headers:\n    result:\n      log: {exact: x}\n",
                4,
                12,
                "`test[0].request_headers.result.log` is a list",
                "`- `",
            ),
            (
                "test:\n- name: [x]\n",
                2,
                9,
                "`test[0].name` is one value, not a list",
                "",
            ),
            ("test:\n- name: {a: b}\n", 2, 9, "is text, not fields of its own", ""),
            ("test:\n- x\n", 2, 3, "`test` is fields of its own, not `x`", ""),
            ("test:\n-\n- {}\n", 2, 2, "`test` is fields of its own, not nothing", ""),
            ("env:\n  time_secs: 0x10\n", 2, 14, "is a whole number, not `0x10`", ""),
            (
                "env:\n  log_level: info\n",
                2,
                14,
                "has no value `info`",
                "did you mean `INFO`?",
            ),
            (
                "test:\n- name: a\n  name: b\n",
                3,
                3,
                "`test[0].name` stands twice",
                "on line 2",
            ),
            (
                "env: {}\ntest: []\ntest: []\n",
                3,
                1,
                "`test` stands twice",
                "on line 2",
            ),
            ("test:\n- num_chunks: 1\n  chunk_size: 1\n", 3, 3, "has both", ""),
            (
                "test:\n- benchmark: yes\n",
                2,
                14,
                "is `true` or `false`, not `yes`",
                "",
            ),
            ("- a\n", 1, 1, "a test suite is a map, not a list", ""),
            ("env: {}\n---\ntest: []\n", 2, 1, "one document", "files of their own"),
            ("env: !custom {}\n", 1, 6, "the tag `!custom` has no place here", ""),
            ("[a]: b\n", 1, 1, "a key is the name of a field, not a list", ""),
            (
                "env:\n\tlog_level: INFO\n",
                2,
                2,
                "a tab stands in the indentation",
                "spaces",
            ),
            ("env: {\n", 1, 6, "this is no YAML", ""),
            ("test: &a [*a]\n", 1, 11, "inside of the value that it names", ""),
        ],
    );
}

#[test]
fn the_name_must_tell_the_syntax() {
    let error = read("suite.json", "{}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "suite.json:1:1: the file's name does not tell which syntax this is\n  \
         help: call it `.textpb` for protobuf's text format, or `.yaml`"
    );
}
