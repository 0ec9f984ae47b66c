//! The order of calls, configurations, and their replacement.

use std::time::Duration;

use outgate_test_host::{End, Host, LogLevel, Message, Phase, Request, Response, StartFailure, Trap};

use crate::fixture::{host, module};

/// Logs every call of it. Refuses the configuration `bad`, traps on `trap`, and remembers its last configuration.
const DIARY: &str = r#"
  (global $configured (mut i32) (i32.const 0))
  (func (export "_initialize") (call $say $"initialize"))
  (func (export "proxy_on_context_create") (param $id i32) (param $parent i32)
    (if (local.get $parent) (then (call $say $"create stream")) (else (call $say $"create root"))))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
    (call $say $"vm start")
    (i32.const 1))
  (func (export "proxy_on_configure") (param $root i32) (param $len i32) (result i32)
    (drop (call $get_buffer_bytes (i32.const 7) (i32.const 0) (i32.const 100) &out))
    (call $say (i32.load (i32.const 1024)) (i32.load (i32.const 1028)))
    (if (i32.eq (local.get $len) (i32.const 4)) (then unreachable))
    (global.set $configured (i32.load (i32.const 1024)))
    (drop (call $set_tick_period (i32.const 500)))
    (i32.ne (local.get $len) (i32.const 3)))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $say $"request headers") (i32.const 0))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (call $say $"response headers") (i32.const 0))
  (func (export "proxy_on_log") (param i32) (call $say $"log"))
  (func (export "proxy_on_done") (param i32) (result i32) (call $say $"done") (i32.const 1))
  (func (export "proxy_on_delete") (param i32) (call $say $"delete"))
"#;

fn messages(logs: &[outgate_test_host::LogLine]) -> Vec<&str> {
    logs.iter().map(|line| line.message.as_str()).collect()
}

#[test]
fn a_filter_starts_as_in_envoy() {
    let host = Host::builder(&module(DIARY)).configuration("first").start().unwrap();
    assert_eq!(
        messages(host.logs()),
        ["initialize", "create root", "vm start", "first"]
    );
    assert_eq!(host.tick_period(), Some(Duration::from_millis(500)));
    assert!(
        host.start_fuel()
            .iter()
            .any(|&(phase, fuel)| phase == Phase::Configure && fuel > 0)
    );
}

#[test]
fn a_stream_is_created_late_and_ends_with_log_done_delete() {
    let mut host = host(DIARY);
    let outcome = host.request(Request::get("http://a/"));
    assert_eq!(
        messages(&outcome.logs),
        [
            "create stream",
            "request headers",
            "response headers",
            "log",
            "done",
            "delete"
        ]
    );
    assert_eq!(outcome.end, End::Forwarded);
    assert_eq!(
        host.shutdown()
            .unwrap()
            .iter()
            .rev()
            .take(2)
            .map(|l| &*l.message)
            .collect::<Vec<_>>(),
        ["delete", "done"]
    );
}

#[test]
fn a_filter_that_exports_nothing_lets_everything_pass() {
    let outcome = host("").exchange(Request::get("http://a/").body("in"), Response::new(201).body("out"));
    assert_eq!((outcome.end, outcome.status()), (End::Forwarded, 201));
    assert_eq!(outcome.upstream.unwrap().body, b"in");
    assert_eq!(outcome.response.unwrap().body_text(), "out");
    assert_eq!(outcome.fuel, []);
}

#[test]
fn a_refused_configuration_says_what_the_filter_logged() {
    let error = Host::builder(&module(DIARY)).configuration("bad").start().unwrap_err();
    assert!(matches!(error.reason, StartFailure::Refused));
    assert_eq!(error.phase, Phase::Configure);
    assert_eq!(messages(&error.logs).last(), Some(&"bad"));
    let text = error.to_string();
    assert!(
        text.starts_with("the filter refused to start: on_configure returned false"),
        "{text}"
    );
    assert!(text.ends_with("[info] on_configure: bad"), "{text}");
}

#[test]
fn a_configuration_is_replaced_or_the_old_one_stays() {
    let mut host = Host::builder(&module(DIARY)).configuration("first").start().unwrap();
    for (configuration, phase) in [("bad", Phase::Configure), ("trap", Phase::Configure)] {
        let error = host.reconfigure(configuration).unwrap_err();
        assert_eq!(error.phase, phase);
        assert!(
            host.failure().is_none(),
            "a refused configuration does not harm the running VM"
        );
        assert_eq!(messages(host.logs()).last(), Some(&"first"));
        assert_eq!(host.request(Request::get("http://a/")).status(), 200);
    }
    let logs = host.reconfigure("second").unwrap();
    assert_eq!(messages(&logs), ["create root", "vm start", "second"]);
    assert_eq!(host.request(Request::get("http://a/")).status(), 200);
}

#[test]
fn a_stream_keeps_its_root_until_it_ends() {
    let mut host = Host::builder(&module(DIARY)).configuration("first").start().unwrap();
    let mut stream = host.http_stream(Request::get("http://a/"));
    stream.request_headers();
    let id = stream.id();
    host.reconfigure("second").unwrap();
    let outcome = host.stream(id).unwrap().finish();
    assert_eq!(messages(&outcome.logs).last(), Some(&"delete"));
    assert!(host.stream(id).is_none());
    assert_eq!(
        messages(&host.shutdown().unwrap()),
        ["create root", "vm start", "second", "done", "delete"]
    );
}

#[test]
fn streams_may_overlap() {
    let mut host = host(DIARY);
    let first = host.http_stream(Request::get("http://a/1")).id();
    let second = host.http_stream(Request::get("http://a/2")).id();
    host.stream(first).unwrap().request_headers();
    host.stream(second).unwrap().request_headers();
    let outcome = host.stream(first).unwrap().finish();
    assert_eq!(messages(&outcome.logs)[..2], ["create stream", "request headers"]);
    assert_eq!(outcome.upstream.unwrap().headers.get(":path"), Some(&b"/1"[..]));
    assert_eq!(host.stream(second).unwrap().finish().end, End::Forwarded);
}

#[test]
fn lines_below_the_level_are_dropped() {
    let mut host = Host::builder(&module(DIARY)).log_level(LogLevel::Warn).start().unwrap();
    assert_eq!(host.logs(), []);
    assert_eq!(host.request(Request::get("http://a/")).logs, []);
}

#[test]
fn time_moves_only_when_it_is_told_to() {
    let filter = r#"
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $keep_u64 $"now" (call $get_current_time &number)) (i32.const 0))"#;
    let mut host = Host::builder(&module(filter)).clock(1_000).start().unwrap();
    let now = |host: &mut Host| host.request(Request::get("http://a/")).filter_state[0].1.clone();
    assert_eq!(now(&mut host), 1_000u64.to_le_bytes());
    assert_eq!(now(&mut host), 1_000u64.to_le_bytes());
    host.advance(Duration::from_nanos(5));
    assert_eq!(now(&mut host), 1_005u64.to_le_bytes());
}

/// Counts its ticks in a metric and asks for another period with the third.
const TICKING: &str = r#"
  (global $ticks (mut i32) (i32.const 0))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (drop (call $define_metric (i32.const 0) $"ticks" (i32.const 1032)))
    (drop (call $set_tick_period (i32.const 500)))
    (i32.const 1))
  (func (export "proxy_on_tick") (param i32)
    (call $say $"tick")
    (drop (call $increment_metric (i32.load (i32.const 1032)) (i64.const 1)))
    (global.set $ticks (i32.add (global.get $ticks) (i32.const 1)))
    (if (i32.eq (global.get $ticks) (i32.const 3)) (then (drop (call $set_tick_period (i32.const 2000)))))
    (if (i32.eq (global.get $ticks) (i32.const 5)) (then (drop (call $set_tick_period (i32.const 0)))))
    (if (i32.gt_u (global.get $ticks) (i32.const 5)) (then unreachable)))
"#;

#[test]
fn a_plugin_ticks_when_the_clock_is_moved_past_its_period() {
    let mut host = host(TICKING);
    let start = host.logs().len();
    for (milliseconds, ticks) in [
        (0, 0),
        (499, 0),
        (1, 1),
        (1_000, 3),
        (1_999, 3),
        (1, 4),
        (2_000, 5),
        (3_600_000, 5),
    ] {
        host.advance(Duration::from_millis(milliseconds));
        assert_eq!(host.metric("ticks"), Some(ticks), "after {milliseconds} ms more");
    }
    assert_eq!(host.tick_period(), None);
    assert_eq!(messages(&host.logs()[start..]), ["tick"; 5]);
    host.advance(Duration::MAX);
    assert!(host.failure().is_none());
}

#[test]
fn an_old_configuration_ticks_as_long_as_it_has_streams() {
    let mut host = host(TICKING);
    let old = host.http_stream(Request::get("http://a/")).id();
    host.reconfigure("").unwrap();
    host.advance(Duration::from_millis(500));
    assert_eq!(host.metric("ticks"), Some(2));
    host.stream(old).unwrap().finish();
    host.advance(Duration::from_millis(500));
    assert_eq!(host.metric("ticks"), Some(3));
}

#[test]
fn a_plugin_that_dies_of_a_tick_ticks_no_more() {
    let mut host = host(&TICKING.replace("(i32.const 5)) (then unreachable)", "(i32.const 0)) (then unreachable)"));
    host.advance(Duration::MAX);
    assert_eq!(host.failure().map(Trap::phase), Some(Phase::Tick));
    assert_eq!(host.metric("ticks"), Some(1));
    assert_eq!(host.request(Request::get("http://a/")).status(), 503);
}

#[test]
fn hosts_and_modules_can_be_shared_between_threads() {
    fn sendable<T: Send>(_: &T) {}
    fn shareable<T: Send + Sync>(_: &T) {}
    let module = module(DIARY);
    shareable(&module);
    let mut host = Host::builder(&module).start().unwrap();
    sendable(&host);
    let thread = std::thread::spawn(move || host.request(Request::get("http://a/")).status());
    assert_eq!(thread.join().unwrap(), 200);
}

#[test]
fn fuel_is_the_same_in_every_run() {
    let run = || {
        let mut host = host(DIARY);
        host.request(Request::get("http://a/")).fuel
    };
    assert_eq!(run(), run());
    assert!(run().iter().all(|&(_, fuel)| fuel > 0));
}

#[test]
fn a_stream_tells_of_itself_between_its_steps() {
    let mut host = host(
        r#"(func (export "proxy_on_context_create") (param i32 i32) (if (local.get 1) (then (call $say $"create"))))
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (drop (call $add_value (i32.const 0) $"x-seen" $"yes")) (call $say $"headers") (i32.const 1))"#,
    );
    let mut stream = host.http_stream(Request::post("http://a/").body("hello"));
    assert!(stream.logs().is_empty() && stream.trap().is_none());
    assert_eq!(stream.headers(Message::Request).text(":path").as_deref(), Some("/"));
    assert!(stream.headers(Message::Response).is_empty());

    let step = stream.create_context();
    assert_eq!(
        (step.phase, step.called, step.paused()),
        (Phase::ContextCreate, true, false)
    );
    assert!(!stream.create_context().called, "a context is created once");
    assert_eq!(stream.logs().len(), 1);
    // Held, it is there to be looked at, and nothing of the body has gone on.
    assert!(stream.request_headers().paused());
    assert_eq!(stream.headers(Message::Request).text("x-seen").as_deref(), Some("yes"));
    stream.request_body(b"hello", true);
    assert!(stream.passed_body(Message::Request).is_empty());
    assert_eq!(stream.logs()[1].message, "headers");
    assert!(
        !stream.response_headers(Response::new(200)).called,
        "a request that is held has no response"
    );
    assert!(stream.local_reply().is_none());
    drop(stream.finish());
}

#[test]
fn a_stream_tells_of_a_reply_in_place_of_a_response() {
    let mut host = host(
        r#"(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
             (drop (call $send_local_response (i32.const 502) $"why" $"no" (i32.const 0) (i32.const 0) (i32.const -1)))
             (i32.const 0))"#,
    );
    let mut stream = host.http_stream(Request::post("http://a/").body("hello"));
    stream.request_headers();
    stream.request_body(b"hello", true);
    assert_eq!(stream.passed_body(Message::Request), b"hello");
    stream.response_headers(Response::from_headers([(":status", "200"), ("x-up", "1")]));
    let reply = stream.local_reply().expect("the filter replied");
    assert_eq!((reply.status, reply.details.as_str()), (502, "why"));
    // What the client gets.
    assert_eq!(
        stream.headers(Message::Response).text(":status").as_deref(),
        Some("502")
    );
    assert_eq!(stream.passed_body(Message::Response), b"no");
}

#[test]
fn a_trap_at_the_end_is_told() {
    let dying = r#"(func (export "proxy_on_done") (param i32) (result i32) (call $say $"bye") unreachable)"#;
    let trap = host(dying).shutdown().unwrap_err();
    assert_eq!(trap.phase(), Phase::Done);
    // One that was dead already has said so before.
    let mut dead = host(dying);
    assert!(dead.request(Request::get("http://a/")).trap.is_some());
    assert!(dead.shutdown().is_ok());
}
