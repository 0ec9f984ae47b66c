;; A gate for tokens: a request without `x-token` is refused, and one with it goes on without it. Responses say that they came
;; through here. Without an SDK, so that it is small enough to read.
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_value" (func $get_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_add_header_map_value" (func $add_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_remove_header_map_value" (func $remove_header (param i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))

  (memory (export "memory") 1)
  ;; 0: where host calls leave an address and a length.
  (data (i32.const 16) "x-token")
  (data (i32.const 32) "via")
  (data (i32.const 48) "gate")
  (data (i32.const 64) "no token")
  (data (i32.const 80) "let in")
  (data (i32.const 96) "Show your token.\n")

  (global $heap (mut i32) (i32.const 1024))

  (func (export "proxy_abi_version_0_2_1"))
  ;; What a stream takes is used up when the next one comes.
  (func (export "malloc") (param $size i32) (result i32)
    (if (i32.gt_u (i32.add (global.get $heap) (local.get $size)) (i32.const 65536))
      (then (global.set $heap (i32.const 1024))))
    (global.get $heap)
    (global.set $heap (i32.add (global.get $heap) (local.get $size))))

  (func (export "proxy_on_context_create") (param i32 i32))

  (func (export "proxy_on_request_headers") (param $context i32) (param $count i32) (param $end i32) (result i32)
    (if (call $get_header (i32.const 0) (i32.const 16) (i32.const 7) (i32.const 0) (i32.const 4))
      (then
        (drop (call $log (i32.const 3) (i32.const 64) (i32.const 8)))
        (drop (call $reply (i32.const 403) (i32.const 64) (i32.const 8) (i32.const 96) (i32.const 17)
          (i32.const 0) (i32.const 0) (i32.const -1)))
        (return (i32.const 1))))
    (drop (call $log (i32.const 2) (i32.const 80) (i32.const 6)))
    (drop (call $remove_header (i32.const 0) (i32.const 16) (i32.const 7)))
    (i32.const 0))

  (func (export "proxy_on_response_headers") (param $context i32) (param $count i32) (param $end i32) (result i32)
    (drop (call $add_header (i32.const 2) (i32.const 32) (i32.const 3) (i32.const 48) (i32.const 4)))
    (i32.const 0)))
