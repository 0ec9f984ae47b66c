//! Filters that fail, and command lines that are wrong.

use crate::hosted::Filter;

#[test]
fn a_trap_is_a_finding_with_its_last_words() {
    let filter = Filter::new(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $show $"x" (call $get_value (i32.const 2) $":status" &out))
             (drop (call $log (i32.const 4) $"\1b[31mgiving up"))
             unreachable)"#,
    );
    let run = filter.run("run", &["/"]);
    run.assert(
        "text",
        1,
        &[
            // What the filter asked too early, and why it got nothing.
            "proxy_get_header_map_value(response headers, \":status\") -> BAD_ARGUMENT\n      there are no response headers",
            "[error] \u{fffd}[31mgiving up",
            "→ trap",
            "the stream failed; the client got 503 (wasm_fail_stream)",
            "the filter trapped in on_request_headers: wasm trap: wasm `unreachable` instruction executed",
            "the upstream saw nothing",
        ],
    );
    assert!(!run.out.contains('\u{1b}'), "a filter must not paint over the terminal");
    let report = filter.run("run", &["--json", "/"]).json();
    assert_eq!(report["end"], "failed");
    assert!(
        report["trap"]
            .as_str()
            .unwrap()
            .starts_with("the filter trapped in on_request_headers")
    );
}

#[test]
fn a_filter_that_never_stops_is_stopped() {
    let loops = |body: &str| {
        Filter::new(&format!(
            r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                 (loop $again {body} (br $again)) (i32.const 0))"#
        ))
    };
    loops("")
        .run("run", &["/"])
        .assert("around nothing", 1, &["Limits::fuel"]);
    let chatty = loops(r#"(call $say $"again")"#);
    let parts = ["more events", "at least ", "Limits::host_calls"];
    chatty.run("run", &["/"]).assert("around a host call", 1, &parts);
}

#[test]
fn a_trap_after_the_response_is_a_finding_too() {
    let filter = Filter::new(r#"(func (export "proxy_on_log") (param i32) unreachable)"#);
    let parts = ["the client got 200", "the filter trapped in on_log"];
    filter.run("run", &["/"]).assert("on_log", 1, &parts);
}

#[test]
fn a_filter_that_does_not_start_is_a_finding() {
    let rows = [
        (
            "a refused configuration",
            Filter::gate(),
            "error: the filter refused to start: on_configure returned false\n  it logged:\n    [error] on_configure: the \
             configuration is the path to forbid",
        ),
        (
            "a trap",
            Filter::new(r#"(func (export "proxy_on_vm_start") (param i32 i32) (result i32) unreachable)"#),
            "the filter trapped in on_vm_start",
        ),
        (
            "no WebAssembly",
            Filter::of(b"PK\x03\x04"),
            "error: filter.wasm: this is no WebAssembly",
        ),
        (
            "no filter",
            Filter::bare("(module (memory (export \"memory\") 1))"),
            "error: filter.wasm: this is no Proxy-Wasm filter",
        ),
        (
            "an import that nobody has",
            Filter::importing(r#"(import "env" "fly" (func))"#, ""),
            "error: filter.wasm: the filter imports what this host does not provide: env.fly",
        ),
    ];
    for (case, filter, words) in rows {
        for command in ["run", "bench"] {
            let run = filter.run(command, &["/"]);
            run.assert(&format!("{command}, {case}"), 1, &[words]);
            assert_eq!(run.out, "", "{command}, {case}");
        }
    }
}

#[test]
fn a_command_line_that_is_wrong_is_told_so_before_anything_runs() {
    let rows: &[(&[&str], &str)] = &[
        (&[], "<URL>"),
        (&["/", "/again"], "unexpected argument '/again'"),
        (&[""], "expected scheme://authority/path?query"),
        (&["http://a/b c"], "expected scheme://authority/path?query"),
        (&["/", "-H", "no colon"], "expected NAME: VALUE"),
        (&["/", "-H", ": empty"], "expected NAME: VALUE"),
        (&["/", "-H", "a b: c"], "`a b` is no name of a header"),
        (
            &["/", "--config", "missing.json"],
            "missing.json: No such file or directory",
        ),
        (&["/", "--config", ""], "expected a file, JSON, or text:TEXT"),
        (&["/", "-d", "@missing"], "missing: No such file or directory"),
        (
            &["/", "--response-body", "@missing"],
            "missing: No such file or directory",
        ),
        (&["/", "--upstream", "authz"], "expected CLUSTER=STATUS or CLUSTER=FILE"),
        (&["/", "--upstream", "=200"], "expected CLUSTER=STATUS or CLUSTER=FILE"),
        (&["/", "--upstream", "authz=999"], "999 is no HTTP status"),
        (
            &["/", "--upstream", "authz=missing"],
            "missing: No such file or directory",
        ),
        (&["/", "--response", "99"], "99 is not in 100..=599"),
        (&["/", "--source", "10.0.0.1"], "'--source <IP:PORT>'"),
        (&["/", "--clock", "noon"], "2026-01-31T12:30:00Z"),
        (&["/", "--profile", "nginx"], "envoy, spec, gcp"),
        (
            &["/", "--log-level", "loud"],
            "trace, debug, info, warn, error, critical",
        ),
        (&["/", "--env", "ZONE"], "expected KEY=VALUE"),
        (&["/", "--property", "a.b"], "expected PATH=TYPE:VALUE"),
        (&["/", "--property", "=string:x"], "has an empty segment"),
        (&["/", "--property", "a=text:x"], "there is no type `text`"),
        (&["/", "--property", "a=int:x"], "`x` is no integer of 64 bits"),
        (&["/", "--property", "a=bool:yes"], "`yes` is no boolean"),
        (&["/", "--property", "a=bytes:?"], "`?` is no base64"),
        (&["/", "--property", "a=json:{"], "no JSON"),
        (&["/", "--property", "[1]=string:x"], "is no JSON array of texts"),
        (&["/", "--property", "a=timestamp:x"], "2026-01-31T12:30:00Z"),
    ];
    let filter = Filter::new("");
    for (arguments, words) in rows {
        for command in ["run", "bench"] {
            let run = filter.run(command, arguments);
            run.assert(&format!("{command} {arguments:?}"), 2, &[words]);
            assert_eq!(run.out, "", "{command} {arguments:?}");
        }
    }
    let missing = Filter::new("");
    std::fs::remove_file(missing.path().join("filter.wasm")).unwrap();
    missing
        .run("run", &["/"])
        .assert("no such file", 2, &["error: filter.wasm: No such file or directory"]);
}

#[test]
fn whoever_reads_no_further_is_not_told_of_a_panic() {
    let filter = Filter::new(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $i i32)
             (loop $again
               (call $say $"again")
               (local.set $i (i32.add (local.get $i) (i32.const 1)))
               (br_if $again (i32.lt_u (local.get $i) (i32.const 9000))))
             (i32.const 0))"#,
    );
    for arguments in [&["/"][..], &["--json", "/"]] {
        let mut child = filter.command("run", arguments).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*said), (Some(0), ""), "{arguments:?}");
    }
}
