//! Suites of the service extensions' plugin tester, as the command plays them.

mod benchmarks;
mod commands;
mod constructs;
mod documentation;
#[path = "../../../test-host/tests/host/fixture.rs"]
#[allow(dead_code)]
mod fixture;
#[path = "../pages/page.rs"]
mod page;
#[path = "../command/run.rs"]
mod run;
mod watch;

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use run::Run;

/// Does what the header `x-do` of a message says, or a body with `deny` in it; and tells of everything.
const PLUGIN: &str = r#"
  (func (export "_initialize") (call $say $"VM"))
  (func (export "proxy_on_context_create") (param $id i32) (param $parent i32)
    (if (local.get $parent) (then (call $say $"stream created")) (else (call $say $"plugin created"))))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (call $say $"started") (i32.const 1))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (call $show $"configuration" (call $get_buffer_bytes (i32.const 7) (i32.const 0) (i32.const 99) &out))
    (i32.ne (local.get 1) (i32.const 7)))
  (func (export "proxy_on_done") (param $id i32) (result i32)
    (if (i32.eq (local.get $id) (i32.const 1)) (then (if (global.get $dies) (then unreachable))))
    (call $say $"done") (i32.const 1))
  (func (export "proxy_on_delete") (param i32) (call $say $"deleted"))
  (func (export "proxy_on_log") (param i32) (call $say $"logged"))
  (global $dies (mut i32) (i32.const 0))
  (func $reply
    (drop (call $send_local_response (i32.const 403) $"not for you" $"no" $"\01\00\00\00\05\00\00\00\01\00\00\00X-Why\001\00"
      (i32.const 7))))
  ;; By the first letter of what is to be done.
  (func $obey (param $map i32) (result i32) (local $letter i32)
    (if (i32.eqz (call $get_value (local.get $map) $"x-do" &out))
      (then (local.set $letter (i32.load8_u (i32.load (i32.const 1024))))))
    (i64.store (i32.const 1024) (i64.const 0))
    (if (i32.eq (local.get $letter) (i32.const 114)) (then (call $reply)))           ;; reply
    (if (i32.eq (local.get $letter) (i32.const 116)) (then unreachable))             ;; trap
    (if (i32.eq (local.get $letter) (i32.const 100)) (then (global.set $dies (i32.const 1)))) ;; die at the end
    (if (i32.eq (local.get $letter) (i32.const 122))                                 ;; zero
      (then (drop (call $send_local_response (i32.const 0) $"" $"" (i32.const 0) (i32.const 0) (i32.const -1)))))
    (i32.eq (local.get $letter) (i32.const 112)))                                    ;; pause
  (func (export "proxy_on_request_headers") (param $id i32) (param $n i32) (param $end i32) (result i32)
    (call $number $"request lines" (local.get $n))
    (call $number $"end" (local.get $end))
    (drop (call $log (i32.const 1) $"a detail"))
    (drop (call $log (i32.const 3) $"a warning"))
    (call $show $"region" (call $get_property $"request\00client_region" &out))
    (drop (call $get_current_time &number))
    (call $number $"milliseconds" (i32.wrap_i64 (i64.div_u (i64.load &number) (i64.const 1000000))))
    (i64.store &number (i64.const 0))
    (drop (call $add_value (i32.const 0) $"Seen" $"yes"))
    (call $obey (i32.const 0)))
  (func $body (param $buffer i32) (param $size i32) (param $end i32)
    (call $show $"piece" (call $get_buffer_bytes (local.get $buffer) (i32.const 0) (local.get $size) &out))
    (call $number $"end" (local.get $end))
    (if (i32.eq (local.get $size) (i32.const 4)) (then
      (drop (call $get_buffer_bytes (local.get $buffer) (i32.const 0) (i32.const 4) &out))
      (if (i32.eq (i32.load (i32.load (i32.const 1024))) (i32.const 0x796e6564)) (then (call $reply)))))
    (drop (call $set_buffer_bytes (local.get $buffer) (local.get $size) (i32.const 0) $"!")))
  (func (export "proxy_on_request_body") (param $id i32) (param $size i32) (param $end i32) (result i32)
    (call $body (i32.const 0) (local.get $size) (local.get $end)) (i32.const 0))
  (func (export "proxy_on_response_headers") (param $id i32) (param $n i32) (param $end i32) (result i32)
    (call $number $"response lines" (local.get $n))
    (drop (call $add_value (i32.const 2) $"Seen" $"yes"))
    (call $obey (i32.const 2)))
  (func (export "proxy_on_response_body") (param $id i32) (param $size i32) (param $end i32) (result i32)
    (call $body (i32.const 1) (local.get $size) (local.get $end)) (i32.const 1))"#;

/// A directory with the plugin and these files.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("plugin.wasm"), fixture::assemble(PLUGIN)).unwrap();
    for (name, content) in files {
        fs::write(directory.path().join(name), content).unwrap();
    }
    directory
}

fn outgate(directory: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outgate"));
    command.current_dir(directory).arg("test").args(arguments);
    command.env_remove("OUTGATE_FILTER_WASM");
    // Compiled code stays with the test.
    Run::of(command.env("XDG_CACHE_HOME", directory), "")
}
