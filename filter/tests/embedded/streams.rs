//! Many streams and several configurations in one virtual machine.

use outgate_test_host::{Action, Host, Module, Property, Request, Response, StreamId};
use serde_json::{Value, json};

use crate::certificates::certificate;
use crate::identities::shows;
use crate::module::{decision, get, logged, module, start};
use crate::policies::{config, deny_from, deny_paths, with};
use crate::random::Random;

/// A host for long runs: it keeps no trace.
fn tireless(module: &Module, config: &Value) -> Host {
    let host = Host::builder(module).trace_depth(0).configuration(config.to_string());
    host.start().unwrap_or_else(|error| panic!("{error}"))
}

fn with_revision(revision: &str, path: &str) -> Value {
    with(config(&[deny_paths(&[path])]), "revision", &json!(revision))
}

#[test]
fn streams_that_overlap_do_not_see_each_other() {
    let Some(module) = module() else { return };
    let mut host = tireless(module, &config(&[deny_paths(&["/x"])]));
    let mut random = Random::new(1);
    let mut open: Vec<(StreamId, bool, bool)> = Vec::new();
    let mut finished = 0;
    while finished < 2_000 {
        match random.below(3) {
            0 if open.len() < 100 => {
                let denied = random.below(2) == 0;
                let stream = host.http_stream(get(if denied { "/x" } else { "/y" }));
                open.push((stream.id(), denied, false));
            }
            1 if !open.is_empty() => {
                let place = random.below(open.len());
                let (id, denied, decided) = &mut open[place];
                if !std::mem::replace(decided, true) {
                    let action = host.stream(*id).unwrap().request_headers().action;
                    assert_eq!(action == Action::Pause, *denied);
                }
            }
            2 if !open.is_empty() => {
                let (id, denied, decided) = open.swap_remove(random.below(open.len()));
                let mut stream = host.stream(id).unwrap();
                if decided {
                    stream.response_headers(Response::new(204));
                }
                let outcome = stream.finish();
                if decided {
                    assert_eq!(decision(&outcome), if denied { "deny" } else { "allow" });
                    assert_eq!(outcome.status(), if denied { 403 } else { 204 });
                } else {
                    assert!(outcome.trap.is_none() && outcome.filter_state.is_empty(), "{outcome}");
                }
                finished += 1;
            }
            _ => {}
        }
    }
}

#[test]
fn a_stream_is_decided_by_the_configuration_under_which_it_began() {
    let Some(module) = module() else { return };
    let mut host = start(module, &with_revision("one", "/x"));
    let decided_before = {
        let mut stream = host.http_stream(get("/x"));
        stream.request_headers();
        stream.id()
    };
    let begun_before = host.http_stream(get("/x")).id();
    host.reconfigure(with_revision("two", "/y").to_string()).unwrap();

    let mut stream = host.stream(begun_before).unwrap();
    assert_eq!(stream.request_headers().action, Action::Pause);
    let old = stream.finish();
    assert_eq!(
        (decision(&old).as_str(), logged(&old, "revision").as_deref()),
        ("deny", Some("one"))
    );
    let old = host.stream(decided_before).unwrap().finish();
    assert_eq!(
        (decision(&old).as_str(), logged(&old, "revision").as_deref()),
        ("deny", Some("one"))
    );

    for (path, decided) in [("/x", "allow"), ("/y", "deny")] {
        let new = host.request(get(path));
        assert_eq!(
            (decision(&new).as_str(), logged(&new, "revision").as_deref()),
            (decided, Some("two"))
        );
    }
}

#[test]
fn configurations_side_by_side_do_not_mix() {
    let Some(module) = module() else { return };
    // Each has a stream that keeps it alive.
    let mut host = start(module, &with_revision("0", "/0"));
    let mut streams = Vec::new();
    for number in 1..=8 {
        for path in 0..=8 {
            streams.push((number - 1, path, host.http_stream(get(&format!("/{path}"))).id()));
        }
        host.reconfigure(with_revision(&number.to_string(), &format!("/{number}")).to_string())
            .unwrap();
    }
    let mut random = Random::new(2);
    while !streams.is_empty() {
        let (number, path, id) = streams.swap_remove(random.below(streams.len()));
        let mut stream = host.stream(id).unwrap();
        stream.request_headers();
        stream.response_headers(Response::new(200));
        let outcome = stream.finish();
        let decided = if path == number { "deny" } else { "allow" };
        assert_eq!(decision(&outcome), decided, "/{path} under {number}");
        assert_eq!(logged(&outcome, "revision"), Some(number.to_string()));
    }
    assert_eq!(decision(&host.request(get("/8"))), "deny");
}

#[test]
fn fifty_thousand_streams_leave_no_memory_behind() {
    let Some(module) = module() else { return };
    let mut host = tireless(
        module,
        &config(&[deny_paths(&["/x"]), deny_from(&json!({"principals": ["x"]}))]),
    );
    let requests = [
        get("/x"),
        get("/y"),
        get("/z").mtls(true),
        get("/").header("x", "y".repeat(5_000)),
    ];
    let mut warm = 0;
    for number in 0..50_000 {
        let outcome = host.request(&requests[number % requests.len()]);
        if number == 2_000 {
            warm = outcome.memory;
        }
        assert!(
            number <= 2_000 || outcome.memory == warm,
            "stream {number}: {} bytes",
            outcome.memory
        );
    }
}

#[test]
fn connections_without_end_do_not_fill_the_memory() {
    let Some(module) = module() else { return };
    let mut host = tireless(module, &config(&[deny_from(&json!({"principals": ["td/ns/a/sa/b"]}))]));
    let callers = [
        (
            shows(&certificate(&["spiffe://td/ns/a/sa/b"], &["a.com"]).pem()),
            "deny",
        ),
        (shows(&certificate(&["spiffe://td/ns/a/sa/c"], &[]).pem()), "allow"),
        (get("/"), "allow"),
    ];
    let mut warm = 0;
    for connection in 0..10_000 {
        let (request, decided) = &callers[connection % callers.len()];
        let on_it: Request = request
            .clone()
            .property("connection.id", Property::Uint(connection as u64));
        for request in [&on_it, &on_it] {
            assert_eq!(decision(&host.request(request)), *decided, "connection {connection}");
        }
        if connection == 3_000 {
            warm = host.memory_size();
        }
    }
    assert_eq!(host.memory_size(), warm);
}

#[test]
fn configurations_come_and_go_without_leaving_memory_behind() {
    let Some(module) = module() else { return };
    let config = |round: usize| {
        let paths: Vec<Value> = (0..200)
            .map(|number| deny_paths(&[&format!("/{round}/{number}*")]))
            .collect();
        config(&paths).to_string()
    };
    let mut host = Host::builder(module)
        .trace_depth(0)
        .configuration(config(0))
        .start()
        .unwrap();
    let mut warm = 0;
    for round in 1..=60 {
        host.reconfigure(config(round)).unwrap();
        assert_eq!(decision(&host.request(get(&format!("/{round}/7")))), "deny");
        assert_eq!(decision(&host.request(get(&format!("/{}/7", round - 1)))), "allow");
        if round == 10 {
            warm = host.memory_size();
        }
    }
    assert_eq!(host.memory_size(), warm);
}
