//! A module that is no filter is refused when it is loaded, and the error says what to do.

use outgate_test_host::{AbiVersion, HostCall, Module, ModuleError};

use crate::fixture::refusal;

const ABI: &str = r#"(func (export "proxy_abi_version_0_2_0"))"#;
const MEMORY: &str = r#"(memory (export "memory") 1)"#;
const MALLOC: &str = r#"(func (export "malloc") (param i32) (result i32) i32.const 0)"#;

#[test]
fn a_minimal_module_is_accepted_in_every_version() {
    for (marker, version) in [
        ("proxy_abi_version_0_1_0", AbiVersion::V0_1_0),
        ("proxy_abi_version_0_2_0", AbiVersion::V0_2_0),
        ("proxy_abi_version_0_2_1", AbiVersion::V0_2_1),
    ] {
        for allocator in ["malloc", "proxy_on_memory_allocate"] {
            let wat = format!(
                r#"(module (func (export "{marker}")) {MEMORY}
                     (func (export "{allocator}") (param i32) (result i32) i32.const 0))"#
            );
            let module = Module::from_bytes(&wat::parse_str(wat).unwrap()).unwrap();
            assert_eq!(module.abi_version(), version);
        }
    }
}

#[test]
fn each_bad_module_is_refused_by_name() {
    let rows = [
        (
            "no marker",
            format!("(module {MEMORY} {MALLOC})"),
            "exports no `proxy_abi_version_0_1_0`",
        ),
        (
            "a callback of a newer version",
            format!(
                r#"(module (func (export "proxy_abi_version_0_1_0")) {MEMORY} {MALLOC}
                     (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) i32.const 0))"#
            ),
            "where the ABI has (i32, i32) -> (i32)",
        ),
        (
            "no allocator",
            format!("(module {ABI} {MEMORY})"),
            "neither `malloc` nor `proxy_on_memory_allocate`",
        ),
        (
            "no memory",
            format!("(module {ABI} {MALLOC})"),
            "exports no 32-bit memory",
        ),
        (
            "a memory of 64 bits",
            format!(r#"(module {ABI} {MALLOC} (memory (export "memory") i64 1))"#),
            "32-bit memory",
        ),
        (
            "an export of another type",
            format!(r#"(module {ABI} {MEMORY} {MALLOC} (func (export "proxy_on_request_headers") (param i32 i32)))"#),
            "`proxy_on_request_headers` as (i32, i32) -> (), where the ABI has (i32, i32, i32) -> (i32)",
        ),
        (
            "an allocator that is no function",
            format!(r#"(module {ABI} {MEMORY} (global (export "malloc") i32 (i32.const 0)))"#),
            "`malloc` as no function",
        ),
        (
            "unknown imports",
            format!(
                r#"(module (import "env" "getenv" (func)) (import "wasi_unstable" "proc_raise" (func))
                     {ABI} {MEMORY} {MALLOC})"#
            ),
            "env.getenv, wasi_unstable.proc_raise; of WASI it provides the functions of preview1 that Envoy provides",
        ),
        (
            "an import of another type",
            format!(r#"(module (import "env" "proxy_log" (func (param i64))) {ABI} {MEMORY} {MALLOC})"#),
            "env::proxy_log",
        ),
        (
            "an import of WASI of another type",
            format!(r#"(module (import "wasi_unstable" "fd_write" (func)) {ABI} {MEMORY} {MALLOC})"#),
            "wasi_unstable::fd_write",
        ),
    ];
    for (name, wat, expected) in rows {
        let error = refusal(&wat).to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn bytes_that_are_no_module_are_told_apart() {
    let component = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];
    let cut = [0, b'a', b's', b'm', 1, 0, 0, 0, 1];
    assert!(matches!(Module::from_bytes(b"hello, world"), Err(ModuleError::NotWasm)));
    assert!(matches!(Module::from_bytes(&component), Err(ModuleError::Component)));
    assert!(matches!(Module::from_bytes(&cut), Err(ModuleError::Invalid(_))));
    let error = Module::load("no/such/filter.wasm").unwrap_err();
    assert!(
        error.to_string().starts_with("cannot read no/such/filter.wasm: "),
        "{error}"
    );
}

#[test]
fn an_unknown_proxy_import_is_linked() {
    let wat = format!(
        r#"(module (import "env" "proxy_from_the_future" (func (param i64) (result i32))) {ABI} {MEMORY} {MALLOC})"#
    );
    assert!(Module::from_bytes(&wat::parse_str(wat).unwrap()).is_ok());
}

#[test]
fn every_host_call_of_the_list_is_linked() {
    for call in HostCall::ALL {
        let wat = format!(r#"(module (import "env" "{call}" (func (param f64))) {ABI} {MEMORY} {MALLOC})"#);
        // One that were not linked would be an unknown import, not one of another type.
        let error = refusal(&wat).to_string();
        assert!(error.contains("incompatible import type"), "{call}: {error}");
    }
}
