;; A gate: what its configuration names is forbidden, /public is free, and about everything else it asks the service `authz`.
;; Bodies of more than 16 bytes are refused. Without an SDK, so that it is small enough to read.
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_set_effective_context" (func $set_effective_context (param i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $get_buffer_bytes (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_value" (func $get_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_add_header_map_value" (func $add_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_continue_stream" (func $continue_stream (param i32) (result i32)))
  (import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_http_call" (func $http_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_define_metric" (func $define_metric (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_increment_metric" (func $increment_metric (param i32 i64) (result i32)))
  (import "env" "proxy_set_property" (func $set_property (param i32 i32 i32 i32) (result i32)))

  (memory (export "memory") 2)
  ;; 0: where host calls leave an address, a length and a number. 1024: for each callout, the stream it is for.
  (data (i32.const 16) "/public")
  (data (i32.const 32) ":path")
  (data (i32.const 48) ":status")
  (data (i32.const 64) "x-gate")
  (data (i32.const 80) "authz")
  (data (i32.const 96) "gate.denied")
  (data (i32.const 112) "forbidden\n")
  (data (i32.const 128) "decision")
  (data (i32.const 144) "the configuration is the path to forbid")
  (data (i32.const 192) "authz does not answer")
  (data (i32.const 224) "too_long")
  ;; Three headers: their number, the lengths of names and values, then the texts, each with a NUL.
  (data (i32.const 256) "\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\06\00\00\00\0a\00\00\00\05\00\00\00")
  (data (i32.const 284) ":method\00GET\00:path\00/check\00:authority\00authz\00")

  (global $heap (mut i32) (i32.const 65536))
  (global $forbidden (mut i32) (i32.const 0))
  (global $forbidden_len (mut i32) (i32.const 0))
  (global $denied (mut i32) (i32.const 0))

  (func (export "proxy_abi_version_0_2_1"))
  ;; What a stream takes is used up when the next one comes: nothing is kept but the configuration, which is below.
  (func (export "malloc") (param $size i32) (result i32)
    (global.get $heap)
    (global.set $heap (i32.add (global.get $heap) (local.get $size)))
    (if (i32.gt_u (global.get $heap) (i32.const 120000)) (then (global.set $heap (i32.const 66536)))))

  (func (export "proxy_on_context_create") (param i32 i32))

  (func (export "proxy_on_configure") (param $root i32) (param $size i32) (result i32)
    (if (i32.or (i32.eqz (local.get $size)) (i32.gt_u (local.get $size) (i32.const 1000)))
      (then
        (drop (call $log (i32.const 4) (i32.const 144) (i32.const 39)))
        (return (i32.const 0))))
    (drop (call $get_buffer_bytes (i32.const 7) (i32.const 0) (local.get $size) (i32.const 0) (i32.const 4)))
    (global.set $forbidden (i32.load (i32.const 0)))
    (global.set $forbidden_len (i32.load (i32.const 4)))
    (drop (call $define_metric (i32.const 0) (i32.const 96) (i32.const 11) (i32.const 8)))
    (global.set $denied (i32.load (i32.const 8)))
    (i32.const 1))

  (func (export "proxy_on_request_headers") (param $context i32) (param $count i32) (param $end i32) (result i32)
    (drop (call $get_header (i32.const 0) (i32.const 32) (i32.const 5) (i32.const 0) (i32.const 4)))
    (if (call $path_starts_with (global.get $forbidden) (global.get $forbidden_len))
      (then (call $deny) (return (i32.const 1))))
    (if (call $path_starts_with (i32.const 16) (i32.const 7))
      (then
        (drop (call $add_header (i32.const 0) (i32.const 64) (i32.const 6) (i32.const 17) (i32.const 6)))
        (return (i32.const 0))))
    (if (call $http_call (i32.const 80) (i32.const 5) (i32.const 256) (i32.const 70) (i32.const 0) (i32.const 0)
          (i32.const 0) (i32.const 0) (i32.const 500) (i32.const 8))
      (then (call $unreachable_authz) (return (i32.const 1))))
    (i32.store (call $slot (i32.load (i32.const 8))) (local.get $context))
    (i32.const 1))

  (func (export "proxy_on_http_call_response")
    (param $root i32) (param $token i32) (param $headers i32) (param $body i32) (param $trailers i32)
    (drop (call $set_effective_context (i32.load (call $slot (local.get $token)))))
    (if (i32.eqz (local.get $headers)) (then (call $unreachable_authz) (return)))
    (drop (call $get_header (i32.const 6) (i32.const 48) (i32.const 7) (i32.const 0) (i32.const 4)))
    ;; "200", and whatever stands behind it.
    (if (i32.ne (i32.and (i32.load (i32.load (i32.const 0))) (i32.const 0xffffff)) (i32.const 0x303032))
      (then (call $deny) (return)))
    (drop (call $add_header (i32.const 0) (i32.const 64) (i32.const 6) (i32.const 80) (i32.const 5)))
    (drop (call $continue_stream (i32.const 0))))

  (func (export "proxy_on_request_body") (param $context i32) (param $size i32) (param $end i32) (result i32)
    (if (i32.gt_u (local.get $size) (i32.const 16))
      (then
        (drop (call $reply (i32.const 413) (i32.const 224) (i32.const 8) (i32.const 0) (i32.const 0)
          (i32.const 0) (i32.const 0) (i32.const -1)))
        (return (i32.const 1))))
    ;; Held until it is whole, so that nothing of a body that is too long gets through.
    (i32.eqz (local.get $end)))

  (func $deny
    (drop (call $increment_metric (global.get $denied) (i64.const 1)))
    (drop (call $set_property (i32.const 128) (i32.const 8) (i32.const 96) (i32.const 11)))
    (drop (call $reply (i32.const 403) (i32.const 96) (i32.const 11) (i32.const 112) (i32.const 10)
      (i32.const 0) (i32.const 0) (i32.const -1))))

  (func $unreachable_authz
    (drop (call $log (i32.const 3) (i32.const 192) (i32.const 21)))
    (drop (call $reply (i32.const 503) (i32.const 80) (i32.const 5) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const -1))))

  (func $slot (param $token i32) (result i32)
    (i32.add (i32.const 1024) (i32.mul (i32.const 4) (i32.and (local.get $token) (i32.const 1023)))))

  ;; Does the text whose address and length are at 0 begin with this one?
  (func $path_starts_with (param $prefix i32) (param $len i32) (result i32)
    (local $i i32)
    (if (i32.lt_u (i32.load (i32.const 4)) (local.get $len)) (then (return (i32.const 0))))
    (loop $next
      (if (i32.ge_u (local.get $i) (local.get $len)) (then (return (i32.const 1))))
      (if (i32.ne
            (i32.load8_u (i32.add (i32.load (i32.const 0)) (local.get $i)))
            (i32.load8_u (i32.add (local.get $prefix) (local.get $i))))
        (then (return (i32.const 0))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next))
    (unreachable)))
