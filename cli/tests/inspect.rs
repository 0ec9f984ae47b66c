//! `outgate inspect` as its users call it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// Runs the command on a file with this content: exit status, standard output, standard error.
fn inspect(content: &[u8], options: &[&str]) -> (i32, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("filter.wasm");
    fs::write(&file, content).unwrap();
    inspect_file(&file, options)
}

fn inspect_file(file: &Path, options: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_outgate"))
        .arg("inspect")
        .arg(file)
        .args(options)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().unwrap_or_default(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

const SMALL: &str = r#"(module
  (import "env" "proxy_log" (func (param i32 i32 i32) (result i32)))
  (import "env" "proxy_add_header_map_value" (func (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_replace_header_map_value" (func (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_launch_rocket" (func (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2 16)
  (func (export "proxy_abi_version_0_2_0"))
  (func (export "malloc") (param i32) (result i32) (i32.const 0))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (i32.const 0))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0)))"#;

#[test]
fn what_a_module_is_and_can_touch_is_told() {
    let (status, out, err) = inspect(&wat::parse_str(SMALL).unwrap(), &["--output", "json"]);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found["abi"], json!(["0.2.0"]));
    assert_eq!(found["memory"], json!({"pages": 2, "most": 16}));
    assert_eq!(found["called"], json!(["requestHeaders", "responseHeaders"]));
    assert_eq!(found["can"], json!(["changeHeaders", "log"]));
    assert_eq!(found["wasi"], json!(["fd_write"]));
    assert_eq!(found["unknownImports"], json!(["env.proxy_launch_rocket"]));
    assert_eq!(found["problems"], json!([]));

    let (status, out, _) = inspect(&wat::parse_str(SMALL).unwrap(), &[]);
    assert_eq!(status, 0);
    for part in [
        "ABI        0.2.0",
        "128 KiB at the start, at most 1024 KiB",
        "for each request's headers",
        "change headers and trailers",
        "`env.proxy_launch_rocket` is neither",
    ] {
        assert!(out.contains(part), "{part} is not in {out}");
    }
}

#[test]
fn what_no_proxy_could_run_is_a_finding() {
    for (text, problem) in [
        (
            "(module (memory (export \"memory\") 1))",
            "exports no `proxy_abi_version_0_2_1`",
        ),
        (
            "(module (memory (export \"memory\") 1) (func (export \"proxy_abi_version_0_2_1\")))",
            "neither `proxy_on_memory_allocate` nor `malloc`",
        ),
        (
            "(module (memory 1) (func (export \"proxy_abi_version_0_2_1\")) (func (export \"malloc\") (param i32) (result i32) i32.const 0))",
            "does not export its memory",
        ),
        (
            "(module (func (export \"proxy_abi_version_0_3_0\")))",
            "no proxy speaks the version 0.3.0",
        ),
        (
            "(module (import \"env\" \"memory\" (memory 1)) (func (export \"proxy_abi_version_0_2_1\")))",
            "`env.memory`, which is no function",
        ),
    ] {
        let (status, out, err) = inspect(&wat::parse_str(text).unwrap(), &[]);
        assert_eq!((status, err.as_str()), (1, ""), "{text}");
        assert!(out.contains(problem), "{problem} is not in {out}");
    }
}

#[test]
fn what_is_no_module_is_refused_in_words() {
    let whole = wat::parse_str(SMALL).unwrap();
    for (content, words) in [
        (&b"PK\x03\x04"[..], "this is no WebAssembly"),
        (b"", "this is no WebAssembly"),
        (b" (module)", "WebAssembly as text"),
        (b"\0asm\x0d\0\x01\0", "this is a component"),
        (&whole[..whole.len() - 3], "this is no valid module"),
    ] {
        let (status, out, err) = inspect(content, &[]);
        assert_eq!((status, out.as_str()), (2, ""), "{err}");
        assert!(
            err.contains(words) && err.contains("filter.wasm"),
            "{words} is not in {err}"
        );
    }
    let (status, _, err) = inspect_file(Path::new("/nowhere/filter.wasm"), &[]);
    assert_eq!(status, 2);
    assert!(err.contains("/nowhere/filter.wasm"), "{err}");
}
