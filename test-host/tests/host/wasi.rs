//! WASI preview1 as Envoy has it: the log, the environment, a clock, random numbers, an end — and no files.

mod lifecycle;
mod output;
mod process;

use outgate_test_host::{Host, HostBuilder, Module, Outcome, Request, Status};

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
