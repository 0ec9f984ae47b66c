//! Filters in WAT: a shared prelude, and two abbreviations that make them readable.
//!
//! * `$"text"` stands for two operands, the address and the length of that text in the guest's memory;
//! * `&out` stands for two operands, where a host call writes address and length of its answer.
//!
//! The prelude imports the host calls by their names without `proxy_`. `$keep LABEL STATUS` shows what a call answered as
//! filter state `wasm.LABEL`: the bytes at `&out` when the status is 0, otherwise `!` and the status in two digits.
//! `$keep_u64` shows the 8 bytes at `&number` instead. `$say LABEL` logs at info.
//!
//! What is logged can be compared with what a real proxy logs: `$status LABEL STATUS` logs `label -> 2`, `$show LABEL STATUS`
//! logs `label = text` with the bytes at `&out`, or the status, `$number LABEL N` logs `label = 7`.

use outgate_test_host::{Host, Module, ModuleError};

/// Where text constants begin; below are the places for answers.
const FIRST_TEXT: usize = 2048;

const PRELUDE: &str = r#"
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_current_time_nanoseconds" (func $get_current_time (param i32) (result i32)))
  (import "env" "proxy_set_tick_period_milliseconds" (func $set_tick_period (param i32) (result i32)))
  (import "env" "proxy_set_effective_context" (func $set_effective_context (param i32) (result i32)))
  (import "env" "proxy_done" (func $done (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $get_buffer_bytes (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_buffer_bytes" (func $set_buffer_bytes (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_size" (func $get_header_map_size (param i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_pairs" (func $get_header_map_pairs (param i32 i32 i32) (result i32)))
  (import "env" "proxy_set_header_map_pairs" (func $set_header_map_pairs (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_value" (func $get_value (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_add_header_map_value" (func $add_value (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_replace_header_map_value" (func $replace_value (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_remove_header_map_value" (func $remove_value (param i32 i32 i32) (result i32)))
  (import "env" "proxy_continue_stream" (func $continue_stream (param i32) (result i32)))
  (import "env" "proxy_close_stream" (func $close_stream (param i32) (result i32)))
  (import "env" "proxy_send_local_response"
    (func $send_local_response (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_shared_data" (func $get_shared_data (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_shared_data" (func $set_shared_data (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_define_metric" (func $define_metric (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_increment_metric" (func $increment_metric (param i32 i64) (result i32)))
  (import "env" "proxy_record_metric" (func $record_metric (param i32 i64) (result i32)))
  (import "env" "proxy_get_metric" (func $get_metric (param i32 i32) (result i32)))
  (import "env" "proxy_get_property" (func $get_property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_property" (func $set_property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_call_foreign_function"
    (func $call_foreign_function (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_status" (func $get_buffer_status (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_status" (func $get_status (param i32 i32 i32) (result i32)))
  (import "env" "proxy_http_call"
    (func $http_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_grpc_call"
    (func $grpc_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_grpc_stream" (func $grpc_stream (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_grpc_send" (func $grpc_send (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_grpc_cancel" (func $grpc_cancel (param i32) (result i32)))
  (import "env" "proxy_grpc_close" (func $grpc_close (param i32) (result i32)))
  (import "env" "proxy_register_shared_queue" (func $register_queue (param i32 i32 i32) (result i32)))
  (import "env" "proxy_resolve_shared_queue" (func $resolve_queue (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_enqueue_shared_queue" (func $enqueue (param i32 i32 i32) (result i32)))
  (import "env" "proxy_dequeue_shared_queue" (func $dequeue (param i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (global $heap (mut i32) (i32.const 131072))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param $size i32) (result i32)
    (global.get $heap)
    (global.set $heap (i32.add (global.get $heap) (local.get $size))))
  (func $say (param $label i32) (param $len i32)
    (drop (call $log (i32.const 2) (local.get $label) (local.get $len))))
  (func $keep_failure (param $label i32) (param $len i32) (param $status i32)
    (i32.store8 (i32.const 1040) (i32.const 0x21))
    (i32.store8 (i32.const 1041) (i32.add (i32.const 48) (i32.div_u (local.get $status) (i32.const 10))))
    (i32.store8 (i32.const 1042) (i32.add (i32.const 48) (i32.rem_u (local.get $status) (i32.const 10))))
    (drop (call $set_property (local.get $label) (local.get $len) (i32.const 1040) (i32.const 3))))
  (func $keep (param $label i32) (param $len i32) (param $status i32)
    (if (local.get $status)
      (then (call $keep_failure (local.get $label) (local.get $len) (local.get $status)))
      (else (drop (call $set_property (local.get $label) (local.get $len)
        (i32.load (i32.const 1024)) (i32.load (i32.const 1028))))))
    (i64.store (i32.const 1024) (i64.const 0)))
  (func $keep_u64 (param $label i32) (param $len i32) (param $status i32)
    (if (local.get $status)
      (then (call $keep_failure (local.get $label) (local.get $len) (local.get $status)))
      (else (drop (call $set_property (local.get $label) (local.get $len) (i32.const 1056) (i32.const 8)))))
    (i64.store (i32.const 1056) (i64.const 0)))
  (global $line (mut i32) (i32.const 0))
  (func $begin_line (param $label i32) (param $len i32)
    (memory.copy (i32.const 1200) (local.get $label) (local.get $len))
    (global.set $line (i32.add (i32.const 1200) (local.get $len))))
  (func $append (param $text i32) (param $len i32)
    (memory.copy (global.get $line) (local.get $text) (local.get $len))
    (global.set $line (i32.add (global.get $line) (local.get $len))))
  (func $append_digit (param $digit i32)
    (i32.store8 (global.get $line) (i32.add (i32.const 48) (local.get $digit)))
    (global.set $line (i32.add (global.get $line) (i32.const 1))))
  (func $append_number (param $n i32)
    (if (i32.ge_u (local.get $n) (i32.const 10))
      (then (call $append_number (i32.div_u (local.get $n) (i32.const 10)))))
    (call $append_digit (i32.rem_u (local.get $n) (i32.const 10))))
  (func $end_line (call $say (i32.const 1200) (i32.sub (global.get $line) (i32.const 1200))))
  (data (i32.const 1100) " -> " " = ")
  (func $status (param $label i32) (param $len i32) (param $status i32)
    (call $begin_line (local.get $label) (local.get $len))
    (call $append (i32.const 1100) (i32.const 4))
    (call $append_number (local.get $status))
    (call $end_line))
  (func $number (param $label i32) (param $len i32) (param $n i32)
    (call $begin_line (local.get $label) (local.get $len))
    (call $append (i32.const 1104) (i32.const 3))
    (call $append_number (local.get $n))
    (call $end_line))
  (func $show (param $label i32) (param $len i32) (param $status i32)
    (if (local.get $status)
      (then (call $status (local.get $label) (local.get $len) (local.get $status)))
      (else
        (call $begin_line (local.get $label) (local.get $len))
        (call $append (i32.const 1104) (i32.const 3))
        (call $append (i32.load (i32.const 1024)) (i32.load (i32.const 1028)))
        (call $end_line)))
    (i64.store (i32.const 1024) (i64.const 0)))
"#;

/// The module of a filter whose functions are `body`.
pub(crate) fn module(body: &str) -> Module {
    Module::from_bytes(&assemble(body)).expect("the fixture is a filter")
}

/// A running filter, with an empty configuration.
pub(crate) fn host(body: &str) -> Host {
    Host::builder(&module(body)).start().expect("the fixture starts")
}

/// The binary of a filter whose functions are `body`.
pub(crate) fn assemble(body: &str) -> Vec<u8> {
    assemble_with("", body)
}

/// The binary of a filter that imports `imports` besides the prelude, and whose functions are `body`.
pub(crate) fn assemble_with(imports: &str, body: &str) -> Vec<u8> {
    let mut data = String::new();
    let mut address = FIRST_TEXT;
    let mut pieces = body.split("$\"");
    let mut code = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (text, rest) = piece.split_once('"').expect("a text constant ends");
        // `\00` and its like are one byte.
        let len = text.len() - 2 * text.matches('\\').count();
        code += &format!("(i32.const {address}) (i32.const {len}){rest}");
        data += &format!("  (data (i32.const {address}) \"{text}\")\n");
        address += len;
    }
    let code = code
        .replace("&out", "(i32.const 1024) (i32.const 1028)")
        .replace("&number", "(i32.const 1056)");
    wat::parse_str(format!("(module {imports} {PRELUDE}\n{data}\n{code})")).expect("the fixture is valid WAT")
}

/// What loading a module says, for a module written without the prelude.
pub(crate) fn refusal(wat: &str) -> ModuleError {
    let wasm = wat::parse_str(wat).expect("the fixture is valid WAT");
    Module::from_bytes(&wasm).expect_err("the module should be refused")
}
