//! Workers, queues between them, failure policies, chains.

use std::time::Duration;

use outgate_test_host::{Chain, End, FailurePolicy, Host, Request, Response};

use crate::fixture::{host, module};

/// Counts its streams in shared data and in a global, and shows both.
const COUNTING: &str = r#"
  (global $streams (mut i32) (i32.const 0))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (global.set $streams (i32.add (global.get $streams) (i32.const 1)))
    (call $number $"own" (global.get $streams))
    (call $show $"shared" (call $get_shared_data $"seen" &out &number))
    (drop (call $set_shared_data $"seen" $"yes" (i32.const 0)))
    (i32.const 0))"#;

#[test]
fn workers_share_data_and_nothing_else() {
    let mut host = Host::builder(&module(COUNTING)).workers(2).start().unwrap();
    let logs = |host: &mut Host, worker| -> Vec<String> {
        let outcome = host.worker(worker).request(Request::get("http://a/"));
        outcome.logs.iter().map(|line| line.message.clone()).collect()
    };
    assert_eq!(logs(&mut host, 0), ["own = 1", "shared -> 1"]);
    assert_eq!(logs(&mut host, 1), ["own = 1", "shared = yes"]);
    assert_eq!(logs(&mut host, 0), ["own = 2", "shared = yes"]);
}

#[test]
#[should_panic(expected = "there is no worker 2: this host has 2")]
fn a_worker_that_is_not_there_is_named() {
    let mut host = Host::builder(&module(COUNTING)).workers(2).start().unwrap();
    host.worker(2);
}

#[test]
fn an_item_is_told_to_the_worker_that_registered_last() {
    let filter = r#"
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (drop (call $register_queue $"q" &number)) (i32.const 1))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (call $resolve_queue (i32.const 0) (i32.const 0) $"q" &number))
        (drop (call $enqueue (i32.load &number) $"item")) (i32.const 0))
      (func (export "proxy_on_queue_ready") (param i32) (param $queue i32)
        (call $show $"got" (call $dequeue (local.get $queue) &out)))"#;
    let mut host = Host::builder(&module(filter)).workers(2).start().unwrap();
    host.worker(0).request(Request::get("http://a/"));
    assert!(host.worker(1).logs().is_empty(), "told before time moved");
    host.advance(Duration::ZERO);
    assert!(host.worker(0).logs().is_empty());
    assert_eq!(host.worker(1).logs()[0].message, "got = item");
}

#[test]
fn only_the_worker_that_died_is_dead() {
    let filter = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (unreachable))"#;
    let mut host = Host::builder(&module(filter)).workers(2).start().unwrap();
    assert_eq!(host.request(Request::get("http://a/")).status(), 503);
    assert!(host.failure().is_some());
    assert!(host.worker(1).failure().is_none());
}

/// Dies of a path that is one letter long.
const MORTAL: &str = r#"
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $show $"path" (call $get_value (i32.const 0) $":path" &out))
    (drop (call $get_value (i32.const 0) $":path" &out))
    (if (i32.eq (i32.load (i32.const 1028)) (i32.const 1)) (then unreachable))
    (i32.const 0))"#;

#[test]
fn a_dead_vm_is_replaced_when_its_back_off_is_over() {
    let mut host = Host::builder(&module(MORTAL))
        .on_failure(FailurePolicy::RELOAD)
        .start()
        .unwrap();
    host.advance(Duration::from_secs(10));
    assert_eq!(host.request(Request::get("http://a/")).end, End::Failed);
    // Its VM is ten seconds old: no need to wait.
    host.request(Request::get("http://a/fine")).assert().forwarded();
    assert_eq!((host.reloads().success, host.reloads().backoff), (1, 0));

    assert_eq!(host.request(Request::get("http://a/")).end, End::Failed);
    assert_eq!(host.request(Request::get("http://a/fine")).end, End::Failed);
    assert_eq!((host.reloads().success, host.reloads().backoff), (1, 1));
    host.advance(Duration::from_secs(2));
    host.request(Request::get("http://a/fine")).assert().forwarded();
    assert_eq!(host.reloads().success, 2);
}

#[test]
fn a_vm_that_cannot_be_replaced_stays_dead_until_the_next_back_off_is_over() {
    // Whoever has died once refuses to be configured, until it is forgiven.
    let filter = r#"
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (call $get_shared_data $"died" &out &number))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (call $set_shared_data $"died" $"yes" (i32.const 0))) unreachable)"#;
    let mut host = Host::builder(&module(filter))
        .on_failure(FailurePolicy::RELOAD)
        .start()
        .unwrap();
    host.advance(Duration::from_secs(10));
    assert_eq!(host.request(Request::get("http://a/")).end, End::Failed);
    for (failure, backoff) in [(1, 0), (1, 1), (2, 1)] {
        let outcome = host.request(Request::get("http://a/"));
        assert_eq!((outcome.end, outcome.status()), (End::Failed, 503));
        let reloads = host.reloads();
        assert_eq!(
            (reloads.success, reloads.failure, reloads.backoff),
            (0, failure, backoff)
        );
        if backoff == 1 {
            host.advance(Duration::from_secs(2));
        }
    }
}

#[test]
fn a_plugin_that_fails_open_lets_later_streams_pass() {
    let mut host = Host::builder(&module(MORTAL))
        .on_failure(FailurePolicy::Open)
        .start()
        .unwrap();
    assert_eq!(host.request(Request::get("http://a/")).status(), 503);
    let outcome = host.request(Request::get("http://a/fine"));
    outcome.assert().forwarded();
    assert!(outcome.logs.is_empty() && outcome.trap.is_some(), "{outcome}");
}

#[test]
fn a_chain_hands_on_what_each_filter_made_of_a_message() {
    let adding = |name: &str| {
        host(&format!(
            r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                 (drop (call $add_value (i32.const 0) $"x-way" $"{name}"))
                 (call $show $"state" (call $get_property $"left" &out))
                 (drop (call $set_property $"left" $"{name}")) (i32.const 0))
               (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
                 (drop (call $add_value (i32.const 2) $"x-back" $"{name}")) (i32.const 0))"#
        ))
    };
    let mut chain = Chain::new([adding("a"), adding("b")]);
    let outcome = chain.exchange(Request::get("http://test/"), Response::new(200));
    let values = |map: &outgate_test_host::HeaderMap, name: &str| -> Vec<String> {
        let values = map.iter().filter(|(known, _)| *known == name.as_bytes());
        values
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
            .collect()
    };
    assert_eq!(values(&outcome.upstream.as_ref().unwrap().headers, "x-way"), ["a", "b"]);
    assert_eq!(
        values(outcome.response.as_ref().unwrap().headers(), "x-back"),
        ["b", "a"]
    );
    assert_eq!(outcome.outcomes[1].logs[0].message, "state = a", "{outcome}");
}

#[test]
fn a_reply_goes_back_through_the_filters_before_it() {
    let first = host(
        r#"(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
             (call $show $"status" (call $get_value (i32.const 2) $":status" &out)) (i32.const 0))"#,
    );
    let denying = host(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (drop (call $send_local_response (i32.const 403) $"why" $"no" (i32.const 0) (i32.const 0) (i32.const -1)))
             (i32.const 1))"#,
    );
    let unreached = host(r#"(func (export "proxy_on_log") (param i32) (call $say $"log"))"#);
    let mut chain = Chain::new([first, denying, unreached]);
    let outcome = chain.exchange(Request::get("http://test/"), Response::new(200));
    assert_eq!((outcome.status(), outcome.upstream.is_none()), (403, true), "{outcome}");
    assert_eq!(outcome.outcomes.len(), 2);
    assert_eq!(outcome.outcomes[0].logs[0].message, "status = 403");
}
