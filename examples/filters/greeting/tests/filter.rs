//! The greeting, tested in the module that would be deployed.

use outgate_test_host::{Host, LogLevel, Request, filter_under_test};

#[test]
fn requests_go_on_with_the_greeting() {
    let module = filter_under_test!();
    let mut host = Host::builder(&module).configuration("hello").start().unwrap();

    let outcome = host.request(Request::get("https://api.example.com/").header("x-greeting", "forged"));

    outcome
        .assert()
        .forwarded()
        .upstream_header("x-greeting", "hello")
        .strict();
}

#[test]
fn an_empty_greeting_is_refused_in_words() {
    let module = filter_under_test!();
    let error = Host::builder(&module).configuration(" ").start().unwrap_err();

    assert!(error.logs.iter().any(|line| line.level == LogLevel::Error), "{error}");
}

#[test]
fn a_new_greeting_is_used_from_the_next_request_on() {
    let module = filter_under_test!();
    let mut host = Host::builder(&module).configuration("hello").start().unwrap();
    host.reconfigure("good evening").unwrap();
    assert!(host.reconfigure("").is_err(), "an empty greeting should be refused");

    let outcome = host.request(Request::get("https://api.example.com/"));

    outcome.assert().upstream_header("x-greeting", "good evening");
}
