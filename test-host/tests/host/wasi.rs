//! WASI preview1 as Envoy has it: the log, the environment, a clock, random numbers, an end — and no files.

use std::time::Duration;

use outgate_test_host::{
    End, Host, HostBuilder, Limits, LogLevel, LogSource, Module, Outcome, Phase, Request, StartFailure, Status,
    TrapKind,
};

use crate::fixture::assemble_with;

const MODULES: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];

/// Each function with its parameters in preview1, some arguments, and the error number for them. 640 is a free place.
const FUNCTIONS: [(&str, &str, &str, u16); 44] = [
    ("args_get", "i32 i32", "0 0", 0),
    ("args_sizes_get", "i32 i32", "640 644", 0),
    ("environ_get", "i32 i32", "640 644", 0),
    ("environ_sizes_get", "i32 i32", "640 644", 0),
    ("clock_res_get", "i32 i32", "0 640", 0),
    ("clock_time_get", "i32 i64 i32", "1 1 640", 0),
    ("fd_advise", "i32 i64 i64 i32", "9 0 0 0", 0),
    ("fd_allocate", "i32 i64 i64", "1 0 0", 0),
    ("fd_close", "i32", "9", 0),
    ("fd_datasync", "i32", "3", 8),
    ("fd_fdstat_get", "i32 i32", "0 640", 8),
    ("fd_fdstat_set_flags", "i32 i32", "1 0", 52),
    ("fd_fdstat_set_rights", "i32 i64 i64", "3 0 0", 8),
    ("fd_filestat_get", "i32 i32", "1 640", 8),
    ("fd_filestat_set_size", "i32 i64", "2 0", 0),
    ("fd_filestat_set_times", "i32 i64 i64 i32", "0 0 0 0", 8),
    ("fd_pread", "i32 i32 i32 i64 i32", "0 640 0 0 640", 52),
    ("fd_prestat_get", "i32 i32", "3 640", 8),
    ("fd_prestat_dir_name", "i32 i32 i32", "3 640 0", 52),
    ("fd_pwrite", "i32 i32 i32 i64 i32", "3 640 0 0 640", 8),
    ("fd_read", "i32 i32 i32 i32", "0 640 0 640", 52),
    ("fd_readdir", "i32 i32 i32 i64 i32", "3 640 0 0 640", 20),
    ("fd_renumber", "i32 i32", "1 2", 58),
    ("fd_seek", "i32 i64 i32 i32", "9 0 0 640", 0),
    ("fd_sync", "i32", "2", 0),
    ("fd_tell", "i32 i32", "1 640", 0),
    ("fd_write", "i32 i32 i32 i32", "0 640 0 640", 8),
    ("path_create_directory", "i32 i32 i32", "3 640 1", 58),
    ("path_filestat_get", "i32 i32 i32 i32 i32", "3 0 640 1 640", 58),
    (
        "path_filestat_set_times",
        "i32 i32 i32 i32 i64 i64 i32",
        "3 0 640 1 0 0 0",
        58,
    ),
    ("path_link", "i32 i32 i32 i32 i32 i32 i32", "3 0 640 1 3 640 1", 58),
    (
        "path_open",
        "i32 i32 i32 i32 i32 i64 i64 i32 i32",
        "3 0 640 1 0 0 0 0 640",
        44,
    ),
    ("path_readlink", "i32 i32 i32 i32 i32 i32", "3 640 1 640 8 640", 58),
    ("path_remove_directory", "i32 i32 i32", "3 640 1", 58),
    ("path_rename", "i32 i32 i32 i32 i32 i32", "3 640 1 3 640 1", 58),
    ("path_symlink", "i32 i32 i32 i32 i32", "640 1 3 640 1", 58),
    ("path_unlink_file", "i32 i32 i32", "3 640 1", 58),
    ("poll_oneoff", "i32 i32 i32 i32", "640 640 1 640", 0),
    ("random_get", "i32 i32", "640 65537", 28),
    ("sched_yield", "", "", 0),
    ("sock_accept", "i32 i32 i32", "3 0 640", 58),
    ("sock_recv", "i32 i32 i32 i32 i32 i32", "3 640 0 0 640 644", 58),
    ("sock_send", "i32 i32 i32 i32 i32", "3 640 0 0 640", 58),
    ("sock_shutdown", "i32 i32", "3 0", 58),
];

/// Imports all of WASI, each function by its name.
fn imports(module: &str) -> String {
    let function = |&(name, params, ..): &(&str, &str, &str, u16)| {
        format!("(import \"{module}\" \"{name}\" (func ${name} (param {params}) (result i32)))\n")
    };
    let exit = format!("(import \"{module}\" \"proc_exit\" (func $proc_exit (param i32)))\n");
    FUNCTIONS.iter().map(function).collect::<String>() + &exit
}

fn filter(body: &str) -> Module {
    Module::from_bytes(&assemble_with(&imports(MODULES[0]), body)).expect("the fixture is a filter")
}

fn on_request(body: &str) -> String {
    format!(r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {body} (i32.const 0))"#)
}

fn builder(body: &str) -> HostBuilder {
    Host::builder(&filter(&on_request(body)))
}

fn run(body: &str) -> Outcome {
    request(builder(body))
}

fn request(builder: HostBuilder) -> Outcome {
    builder
        .start()
        .expect("the fixture starts")
        .request(Request::get("http://a/"))
}

/// Stores iovecs at 512 for the operands `$"text"`.
fn iovecs(texts: &[&str]) -> String {
    let mut code = String::new();
    for (index, text) in texts.iter().enumerate() {
        let at = 512 + 8 * index;
        code += &format!("(call $iovec (i32.const {at}) $\"{text}\")\n");
    }
    code
}

const IOVEC: &str = r#"(func $iovec (param $at i32) (param $start i32) (param $len i32)
  (i32.store (local.get $at) (local.get $start))
  (i32.store offset=4 (local.get $at) (local.get $len)))"#;

/// A filter that writes `texts` at once to `fd`, and keeps what it was answered.
fn writer(fd: u32, texts: &[&str]) -> Module {
    let (iovecs, count) = (iovecs(texts), texts.len());
    let write = format!(
        r#"{iovecs}
        (call $keep_u64 $"written" (call $fd_write (i32.const {fd}) (i32.const 512) (i32.const {count}) &number))"#
    );
    filter(&format!("{IOVEC} {}", on_request(&write)))
}

fn number(outcome: &Outcome, label: &str) -> u64 {
    let key = format!("wasm.{label}");
    let entry = outcome.filter_state.iter().find(|(known, _)| *known == key);
    let (_, bytes) = entry.unwrap_or_else(|| panic!("{label} was not kept: {outcome}"));
    u64::from_le_bytes(bytes[..].try_into().expect("eight bytes"))
}

#[test]
fn each_function_has_its_type_and_answers_as_in_envoy() {
    for module in MODULES {
        let mut body = String::new();
        for (name, params, args, _) in FUNCTIONS {
            let types = params.split_whitespace();
            let operands = types.zip(args.split_whitespace());
            let operands: String = operands.map(|(ty, value)| format!("({ty}.const {value})")).collect();
            body += &format!("(call $keep $\"{name}\" (call ${name} {operands}))\n");
        }
        let wasm = assemble_with(&imports(module), &on_request(&body));
        let outcome = request(Host::builder(&Module::from_bytes(&wasm).unwrap()).trace_depth(200));
        for (name, _, _, errno) in FUNCTIONS {
            let expected = if errno == 0 {
                String::new()
            } else {
                format!("!{errno:02}")
            };
            let kept = outcome.filter_state(&format!("wasm.{name}"));
            assert_eq!(kept, Some(expected), "{module}.{name}");

            let calls: Vec<_> = outcome.trace.iter().filter(|call| call.name() == name).collect();
            assert_eq!(calls.len(), 1, "{module}.{name}");
            assert_eq!(calls[0].wasi_errno(), (errno != 0).then_some(errno), "{name}");
            assert_eq!(calls[0].status() == Status::Ok, errno == 0, "{name}");
            assert!(errno == 0 || !calls[0].reason().is_empty(), "{name} has no reason");
        }
    }
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
    let rows: [(&str, u32, &[&str], u64, Option<(LogLevel, LogSource, &str)>); 5] = [
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
fn pointers_out_of_bounds_are_faults() {
    // The memory ends at 262144. At 512 are two iovecs, the second of which points outside; at 528 is an endless one.
    let setup = r#"(i32.store (i32.const 516) (i32.const 1))
        (i32.store (i32.const 520) (i32.const 262140)) (i32.store (i32.const 524) (i32.const 5))
        (i32.store (i32.const 528) (i32.const 8)) (i32.store (i32.const 532) (i32.const -1))"#;
    let rows = [
        (
            "iovecs",
            "$fd_write (i32.const 1) (i32.const 262140) (i32.const 1) &number",
        ),
        (
            "iovecs at the end",
            "$fd_write (i32.const 1) (i32.const -4) (i32.const 1) &number",
        ),
        (
            "more iovecs than fit",
            "$fd_write (i32.const 1) (i32.const 261000) (i32.const -1) &number",
        ),
        (
            "a text",
            "$fd_write (i32.const 2) (i32.const 512) (i32.const 2) &number",
        ),
        (
            "an endless text",
            "$fd_write (i32.const 2) (i32.const 528) (i32.const 1) &number",
        ),
        (
            "where the count goes",
            "$fd_write (i32.const 1) (i32.const 512) (i32.const 1) (i32.const 262141)",
        ),
        (
            "at an offset",
            "$fd_pwrite (i32.const 1) (i32.const -8) (i32.const 1) (i64.const 7) &number",
        ),
        ("time", "$clock_time_get (i32.const 0) (i64.const 0) (i32.const 262137)"),
        ("resolution", "$clock_res_get (i32.const 0) (i32.const -1)"),
        ("random bytes", "$random_get (i32.const 262143) (i32.const 2)"),
        ("count of variables", "$environ_sizes_get (i32.const 262141) &number"),
        ("size of variables", "$environ_sizes_get &number (i32.const -1)"),
        (
            "pointers to variables",
            "$environ_get (i32.const 262141) (i32.const 640)",
        ),
        ("variables", "$environ_get (i32.const 640) (i32.const 262141)"),
        ("the second variable", "$environ_get (i32.const 640) (i32.const 262138)"),
        ("count of arguments", "$args_sizes_get (i32.const -1) &number"),
        ("size of arguments", "$args_sizes_get &number (i32.const 262144)"),
        (
            "events",
            "$poll_oneoff (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)",
        ),
        ("position", "$fd_tell (i32.const 1) (i32.const 262140)"),
        (
            "entries",
            "$fd_readdir (i32.const 3) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const -1)",
        ),
        (
            "link",
            "$path_readlink (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)",
        ),
        ("socket", "$sock_accept (i32.const 3) (i32.const 0) (i32.const -1)"),
        (
            "flags of a message",
            "$sock_recv (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) &number (i32.const 262143)",
        ),
        (
            "sent",
            "$sock_send (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)",
        ),
    ];
    for (name, call) in rows {
        let body = format!(r#"{setup} (call $keep $"errno" (call {call}))"#);
        let outcome = request(builder(&body).env("A", "1").env("B", "2"));
        assert_eq!(
            outcome.filter_state("wasm.errno").as_deref(),
            Some("!21"),
            "{name}: {outcome}"
        );
        let text = outcome.to_string();
        assert!(
            text.contains("-> EFAULT: ") && text.contains("outside the guest's memory"),
            "{name}: {text}"
        );
    }
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
fn a_path_out_of_bounds_is_refused_as_any_other() {
    let outcome = run(
        r#"(call $keep $"errno" (call $path_open (i32.const 3) (i32.const 0) (i32.const -1) (i32.const 9)
             (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 640)))
           (call $keep $"status" (call $fd_fdstat_get (i32.const 1) (i32.const -1)))"#,
    );
    assert_eq!(outcome.filter_state("wasm.errno").as_deref(), Some("!44"));
    assert_eq!(outcome.filter_state("wasm.status").as_deref(), Some(""), "as in Envoy");
    assert!(
        outcome.to_string().contains("fd_fdstat_get(1) -> OK: 24 bytes at"),
        "{outcome}"
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let outcome = run(
        r#"(drop (call $path_open (i32.const 3) (i32.const 0) $"etc/hosts" (i32.const 0) (i64.const 0) (i64.const 0)
             (i32.const 0) (i32.const 640)))"#,
    );
    let line = r#"path_open("etc/hosts") -> ENOENT: a filter has no files but its standard output and error"#;
    assert!(outcome.to_string().contains(line), "{outcome}");
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

#[test]
fn the_environment_is_the_builders() {
    let body = r#"(call $keep_u64 $"errno" (call $environ_sizes_get &number (i32.const 1060)))
        (drop (call $environ_sizes_get (i32.const 640) (i32.const 1028)))
        (drop (call $environ_get (i32.const 656) (i32.const 700)))
        (i32.store (i32.const 1024) (i32.const 700))
        (call $keep $"text" (i32.const 0))
        (i64.store &number (i64.load (i32.const 656)))
        (call $keep_u64 $"pointers" (i32.const 0))"#;
    let outcome = request(builder(body).env("ZONE", "old").env("A", "b=c").env("ZONE", "x"));
    assert_eq!(outcome.filter_state("wasm.text").as_deref(), Some("ZONE=x\0A=b=c\0"));
    assert_eq!(number(&outcome, "errno"), 2 | 13 << 32, "two variables of 13 bytes");
    assert_eq!(number(&outcome, "pointers"), 700 | 707 << 32);
}

#[test]
fn without_variables_and_arguments_there_are_none() {
    for function in ["environ_sizes_get", "args_sizes_get"] {
        let outcome = run(&format!(
            r#"(i64.store &number (i64.const -1))
               (call $keep_u64 $"sizes" (call ${function} &number (i32.const 1060)))"#
        ));
        assert_eq!(number(&outcome, "sizes"), 0, "{function}");
    }
}

#[test]
fn both_clocks_follow_the_test() {
    let clock = |id: u32, label: &str| {
        format!(r#"(call $keep_u64 $"{label}" (call $clock_time_get (i32.const {id}) (i64.const 0) &number))"#)
    };
    let body = [clock(0, "real"), clock(1, "monotonic"), clock(2, "cpu")].concat();
    let mut host = builder(&body).clock(5_000).start().unwrap();
    for expected in [5_000, 5_000 + 250_000_000] {
        let outcome = host.request(Request::get("http://a/"));
        assert_eq!(number(&outcome, "real"), expected);
        assert_eq!(number(&outcome, "monotonic"), expected);
        assert_eq!(outcome.filter_state("wasm.cpu").as_deref(), Some("!58"));
        host.advance(Duration::from_millis(250));
    }
}

#[test]
fn random_numbers_are_repeatable() {
    let body = r#"
        (call $keep_u64 $"first" (call $random_get &number (i32.const 8)))
        (call $keep_u64 $"second" (call $random_get &number (i32.const 8)))
        (call $keep $"none" (call $random_get (i32.const -1) (i32.const 0)))
        (call $keep $"most" (call $random_get (i32.const 131072) (i32.const 65536)))"#;
    let numbers = |outcome: &Outcome| (number(outcome, "first"), number(outcome, "second"));
    let default = request(builder(body));
    // The first numbers of SplitMix64 from 0.
    assert_eq!(numbers(&default), (0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4));
    for label in ["none", "most"] {
        assert_eq!(
            default.filter_state(&format!("wasm.{label}")).as_deref(),
            Some(""),
            "{label}"
        );
    }
    let seeded = || numbers(&request(builder(body).seed(7)));
    assert_eq!(seeded(), seeded());
    assert_ne!(seeded(), numbers(&default));
}

#[test]
fn every_vm_starts_from_the_same_seed() {
    let body = r#"(call $keep_u64 $"random" (call $random_get &number (i32.const 8)))
        (if (i32.eqz (call $get_value (i32.const 0) $"x-bomb" &out)) (then unreachable))"#;
    let mut host = builder(body).seed(9).start().unwrap();
    let first = number(&host.request(Request::get("http://a/")), "random");
    let later = number(&host.request(Request::get("http://a/").header("x-bomb", "1")), "random");
    assert_ne!(first, later);
    host.reconfigure("").unwrap();
    assert_eq!(number(&host.request(Request::get("http://a/")), "random"), first);
}

#[test]
fn a_command_runs_when_the_filter_starts() {
    for module in MODULES {
        let body = format!(
            r#"{IOVEC}
            (func (export "_start")
              (drop (call $args_sizes_get (i32.const 640) (i32.const 644)))
              (drop (call $environ_get (i32.const 640) (i32.const 700)))
              (drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 656)))
              (drop (call $random_get (i32.const 664) (i32.const 8)))
              (drop (call $fd_prestat_get (i32.const 3) (i32.const 672)))
              (drop (call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 680)))
              (call $iovec (i32.const 512) (i32.const 700) (i32.const 3))
              (drop (call $fd_write (i32.const 2) (i32.const 512) (i32.const 1) (i32.const 688))))"#
        );
        let filter = Module::from_bytes(&assemble_with(&imports(module), &body)).unwrap();
        let mut host = Host::builder(&filter).env("X", "1").start().unwrap();
        let line = &host.logs()[0];
        assert_eq!(
            (line.phase, line.level, line.message.as_str()),
            (Phase::Initialize, LogLevel::Error, "X=1")
        );
        let calls = host.host_calls();
        assert!(calls.iter().any(|call| call == ("fd_write", 1)) && calls.total() == 7);
        assert_eq!(calls.unimplemented().count(), 0);
        assert_eq!(host.request(Request::get("http://a/")).end, End::Forwarded);
    }
}

#[test]
fn a_command_may_not_make_host_calls() {
    let body = r#"(func (export "_start") (drop (call $set_tick_period (i32.const 1))))"#;
    let error = Host::builder(&filter(body)).start().unwrap_err();
    let expected = "proxy_set_tick_period_milliseconds may not be called before on_vm_start";
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn an_exit_is_a_trap_that_says_so() {
    let outcome = run("(call $proc_exit (i32.const 3))");
    assert_eq!((outcome.end, outcome.status()), (End::Failed, 503));
    let trap = outcome.trap.unwrap();
    assert_eq!(trap.kind(), &TrapKind::Exit(3));
    let text = trap.to_string();
    for part in [
        "the filter trapped in on_request_headers: the filter called proc_exit(3)",
        "proc_exit(3) -> INTERNAL_FAILURE: the guest was ended: the filter called proc_exit(3)",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn an_exit_at_the_start_is_a_start_error() {
    let rows = [
        (
            Phase::Initialize,
            r#"(func (export "_start") (call $proc_exit (i32.const 0)))"#,
        ),
        (
            Phase::Instantiate,
            "(func $begin (call $proc_exit (i32.const 0))) (start $begin)",
        ),
    ];
    for (phase, body) in rows {
        let error = Host::builder(&filter(body)).start().unwrap_err();
        assert_eq!(error.phase, phase);
        assert!(matches!(error.reason, StartFailure::Trapped(_)), "{error}");
        assert!(error.to_string().contains("the filter called proc_exit(0)"), "{error}");
    }
}

#[test]
fn an_allocator_may_log_and_read_the_clock() {
    let rows = [
        (
            "fd_write",
            "(i32.const 1) (i32.const 0) (i32.const 0) (i32.const 8)",
            true,
        ),
        ("clock_time_get", "(i32.const 1) (i64.const 0) (i32.const 8)", true),
        ("random_get", "(i32.const 8) (i32.const 8)", false),
        ("environ_sizes_get", "(i32.const 8) (i32.const 12)", false),
        ("sched_yield", "", false),
    ];
    for (name, operands, allowed) in rows {
        let wat = format!(
            r#"(module {}
              (import "env" "proxy_get_property" (func $get_property (param i32 i32 i32 i32) (result i32)))
              (memory (export "memory") 1)
              (data (i32.const 64) "plugin_root_id")
              (func (export "proxy_abi_version_0_2_1"))
              (func (export "malloc") (param i32) (result i32) (drop (call ${name} {operands})) (i32.const 1024))
              (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (call $get_property (i32.const 64) (i32.const 14) (i32.const 16) (i32.const 20))))"#,
            imports(MODULES[0])
        );
        let module = Module::from_bytes(&wat::parse_str(wat).unwrap()).unwrap();
        let outcome = request(Host::builder(&module).root_id("root"));
        let expected = if allowed { End::Forwarded } else { End::Failed };
        assert_eq!(outcome.end, expected, "{name}: {outcome}");
        let forbidden = format!("{name} may not be called while the guest allocates memory for the host");
        assert_eq!(outcome.to_string().contains(&forbidden), !allowed, "{name}: {outcome}");
    }
}

#[test]
fn calls_count_against_the_limits() {
    let mut limits = Limits::default();
    limits.host_calls = 10_000;
    limits.host_bytes = 1 << 20;
    let rows = [
        (
            "calls",
            "(loop (drop (call $sched_yield)) (br 0))",
            "the limit on host calls",
        ),
        (
            "random bytes",
            "(loop (drop (call $random_get (i32.const 0) (i32.const 65536))) (br 0))",
            "the limit on bytes",
        ),
        (
            "output",
            "(i32.store (i32.const 516) (i32.const 65536))
             (loop (drop (call $fd_write (i32.const 1) (i32.const 512) (i32.const 1) (i32.const 640))) (br 0))",
            "the limit on bytes",
        ),
        (
            "empty iovecs",
            "(loop (drop (call $fd_write (i32.const 1) (i32.const 65536) (i32.const 16384) (i32.const 640))) (br 0))",
            "the limit on bytes",
        ),
        (
            "variables",
            "(loop (drop (call $environ_get (i32.const 640) (i32.const 1024))) (br 0))",
            "the limit on bytes",
        ),
    ];
    for (name, body, expected) in rows {
        let outcome = request(builder(body).env("LONG", &"x".repeat(4096)).limits(limits));
        let trap = outcome.trap.expect("it was ended").to_string();
        assert!(trap.contains(expected), "{name}: {trap}");
    }
}

#[test]
fn emscripten_finds_what_it_imports() {
    let imports = r#"
      (import "env" "pthread_equal" (func $pthread_equal (param i32 i32) (result i32)))
      (import "env" "emscripten_notify_memory_growth" (func $notify (param i32)))"#;
    let body = r#"(call $notify (i32.const 0))
      (i32.store &number (call $pthread_equal (i32.const 5) (i32.const 5)))
      (i32.store (i32.const 1060) (call $pthread_equal (i32.const 5) (i32.const 6)))
      (call $keep_u64 $"equal" (i32.const 0))"#;
    let wasm = assemble_with(imports, &on_request(body));
    let outcome = request(Host::builder(&Module::from_bytes(&wasm).unwrap()));
    assert_eq!(number(&outcome, "equal"), 1);
}
