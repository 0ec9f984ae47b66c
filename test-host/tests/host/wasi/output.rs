//! Standard output and error are lines of the log.

use outgate_test_host::{Host, LogLevel, LogSource, Module, Phase};

use super::{IOVEC, filter, iovecs, number, on_request, request, run};

/// A filter that writes `texts` at once to `fd`, and keeps what it was answered.
fn writer(fd: u32, texts: &[&str]) -> Module {
    let (iovecs, count) = (iovecs(texts), texts.len());
    let write = format!(
        r#"{iovecs}
        (call $keep_u64 $"written" (call $fd_write (i32.const {fd}) (i32.const 512) (i32.const {count}) &number))"#
    );
    filter(&format!("{IOVEC} {}", on_request(&write)))
}

#[test]
fn what_is_written_at_once_is_one_line() {
    // As `println!("{} {}", "hello", "world")` ends up when the buffer is written out in pieces.
    let outcome = request(Host::builder(&writer(1, &["hello", " ", "", "world\\0a"])));
    assert_eq!(number(&outcome, "written"), 12);
    assert_eq!(outcome.logs.len(), 1);
    let line = &outcome.logs[0];
    assert_eq!(
        (line.level, line.phase, line.source, line.message.as_str()),
        (LogLevel::Info, Phase::RequestHeaders, LogSource::Stdout, "hello world")
    );
    assert_eq!(line.to_string(), "[info] on_request_headers (stdout): hello world");
    let text = outcome.to_string();
    assert!(
        text.contains(r#"on_request_headers: fd_write(1, "hello world\n") -> OK"#),
        "{text}"
    );
}

#[test]
fn each_write_has_its_line() {
    type Line = Option<(LogLevel, LogSource, &'static str)>;
    let rows: [(&str, u32, &[&str], u64, Line); 5] = [
        (
            "standard error",
            2,
            &["no"],
            2,
            Some((LogLevel::Error, LogSource::Stderr, "no")),
        ),
        (
            "only one newline is trimmed",
            1,
            &["a\\0ab\\0a\\0a"],
            5,
            Some((LogLevel::Info, LogSource::Stdout, "a\nb\n")),
        ),
        (
            "an empty line",
            1,
            &["\\0a"],
            1,
            Some((LogLevel::Info, LogSource::Stdout, "")),
        ),
        ("nothing", 1, &[""], 0, None),
        ("no iovecs", 1, &[], 0, None),
    ];
    for (name, fd, texts, written, line) in rows {
        let outcome = request(Host::builder(&writer(fd, texts)));
        assert_eq!(number(&outcome, "written"), written, "{name}");
        let lines: Vec<_> = outcome
            .logs
            .iter()
            .map(|line| (line.level, line.source, line.message.as_str()))
            .collect();
        assert_eq!(lines, Vec::from_iter(line), "{name}");
    }
}

#[test]
fn output_below_the_level_is_dropped() {
    let outcome = request(Host::builder(&writer(1, &["quiet"])).log_level(LogLevel::Warn));
    assert!(outcome.logs.is_empty(), "{outcome}");
    assert_eq!(number(&outcome, "written"), 5, "the guest does not notice");
}

#[test]
fn a_line_of_proxy_log_says_so() {
    let outcome = run(r#"(call $say $"hello")"#);
    assert_eq!(outcome.logs[0].source, LogSource::ProxyLog);
    assert_eq!(outcome.logs[0].to_string(), "[info] on_request_headers: hello");
}

#[test]
fn a_bad_place_for_the_count_does_not_lose_the_line() {
    let body = format!(
        r#"{} (drop (call $fd_write (i32.const 1) (i32.const 512) (i32.const 1) (i32.const -1)))"#,
        iovecs(&["kept"])
    );
    let outcome = request(Host::builder(&filter(&format!("{IOVEC} {}", on_request(&body)))));
    assert_eq!(outcome.logs[0].message, "kept");
}

#[test]
fn standard_output_can_be_written_to() {
    let outcome = run(
        r#"(i64.store (i32.const 640) (i64.const -1)) (i64.store (i32.const 656) (i64.const -1))
           (drop (call $fd_fdstat_get (i32.const 2) (i32.const 640)))
           (i64.store &number (i64.load (i32.const 640))) (call $keep_u64 $"kind" (i32.const 0))
           (i64.store &number (i64.load (i32.const 648))) (call $keep_u64 $"rights" (i32.const 0))
           (i64.store &number (i64.load (i32.const 656))) (call $keep_u64 $"inheriting" (i32.const 0))"#,
    );
    for (label, expected) in [("kind", 0), ("rights", 64), ("inheriting", 0)] {
        assert_eq!(number(&outcome, label), expected, "{label}");
    }
}
