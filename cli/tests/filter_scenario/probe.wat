;; A filter that does one thing, by the first letter of its configuration, so that a scenario can be about that thing:
;;
;;   p PATH  replies with a property, or with 500 and the status of reading it     m  replies with the VM's configuration
;;   d       dies on request headers                                               t  ticks every 100 ms, and dies of it
;;   s       ticks every 100 ms: a line, a counter, a histogram                    b  413 for a piece of body above 4 bytes
;;   r       puts its own into the response: header, body, trailer                 q  the same of the request
;;   g       asks the gRPC service `limits`, and logs all that comes of it         G  the same on a stream of messages
;;   e c n   replies with its environment, the time, random numbers                l  logs at each level
;;   h x     holds the request; closes its stream                                  H  holds the request's body
;;   k       counts requests that have ended                                       w  dies on the path /die only
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_property" (func $get_property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $get_buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_buffer_bytes" (func $set_buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_value" (func $get_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_add_header_map_value" (func $add_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_tick_period_milliseconds" (func $tick_every (param i32) (result i32)))
  (import "env" "proxy_define_metric" (func $define_metric (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
  (import "env" "proxy_record_metric" (func $measure (param i32 i64) (result i32)))
  (import "env" "proxy_close_stream" (func $close (param i32) (result i32)))
  (import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
  (import "env" "proxy_grpc_call"
    (func $grpc_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_grpc_stream" (func $grpc_stream (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_grpc_send" (func $grpc_send (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))

  (memory (export "memory") 4)
  ;; 0: where host calls leave an address, a length, a number.
  (data (i32.const 16) "x-probe")
  (data (i32.const 32) "yes")
  (data (i32.const 48) "probed body")
  (data (i32.const 64) "limits")
  (data (i32.const 80) "test.Limits")
  (data (i32.const 96) "Ask")
  (data (i32.const 112) "hello")
  (data (i32.const 128) "closed")
  (data (i32.const 144) "tick")
  (data (i32.const 160) "ticks")
  (data (i32.const 176) "tick.size")
  (data (i32.const 192) "ended")
  (data (i32.const 208) ":path")
  (data (i32.const 224) "too_long")

  (global $heap (mut i32) (i32.const 131072))
  (global $mode (mut i32) (i32.const 0))
  (global $config (mut i32) (i32.const 0))
  (global $config_len (mut i32) (i32.const 0))
  (global $ticks (mut i32) (i32.const 0))
  (global $sizes (mut i32) (i32.const 0))
  (global $ended (mut i32) (i32.const 0))

  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param $size i32) (result i32)
    (global.get $heap)
    (global.set $heap (i32.add (global.get $heap) (local.get $size)))
    (if (i32.gt_u (global.get $heap) (i32.const 260000)) (then (global.set $heap (i32.const 135168)))))

  (func (export "proxy_on_configure") (param $root i32) (param $size i32) (result i32)
    (if (i32.eqz (local.get $size)) (then (return (i32.const 0))))
    (drop (call $get_buffer (i32.const 7) (i32.const 0) (local.get $size) (i32.const 0) (i32.const 4)))
    (global.set $config (i32.load (i32.const 0)))
    (global.set $config_len (local.get $size))
    (global.set $mode (i32.load8_u (global.get $config)))
    (global.set $ticks (call $metric (i32.const 0) (i32.const 160) (i32.const 5)))
    (global.set $sizes (call $metric (i32.const 2) (i32.const 176) (i32.const 9)))
    (global.set $ended (call $metric (i32.const 0) (i32.const 192) (i32.const 5)))
    (if (i32.or (call $is (i32.const 115)) (call $is (i32.const 116)))
      (then (drop (call $tick_every (i32.const 100)))))
    (i32.const 1))

  (func (export "proxy_on_tick") (param $root i32)
    (if (call $is (i32.const 116)) (then (unreachable)))
    (drop (call $log (i32.const 2) (i32.const 144) (i32.const 4)))
    (drop (call $increment (global.get $ticks) (i64.const 1)))
    (drop (call $measure (global.get $sizes) (i64.const 7))))

  (func (export "proxy_on_request_headers") (param $context i32) (param $count i32) (param $end i32) (result i32)
    (local $status i32)
    (if (call $is (i32.const 100)) (then (unreachable)))
    (if (call $is (i32.const 119)) ;; w
      (then
        (drop (call $get_header (i32.const 0) (i32.const 208) (i32.const 5) (i32.const 0) (i32.const 4)))
        (if (i32.eq (i32.load (i32.load (i32.const 0))) (i32.const 0x6569642f)) (then (unreachable)))))
    (if (call $is (i32.const 112)) ;; p
      (then
        (local.set $status (call $get_property
          (i32.add (global.get $config) (i32.const 1)) (i32.sub (global.get $config_len) (i32.const 1))
          (i32.const 0) (i32.const 4)))
        (if (local.get $status)
          (then (call $answer (i32.add (i32.const 500) (local.get $status)) (i32.const 0) (i32.const 0)))
          (else (call $answer (i32.const 200) (i32.load (i32.const 0)) (i32.load (i32.const 4)))))
        (return (i32.const 1))))
    (if (call $is (i32.const 109)) ;; m
      (then
        (drop (call $get_buffer (i32.const 6) (i32.const 0) (i32.const 1000) (i32.const 0) (i32.const 4)))
        (call $answer (i32.const 200) (i32.load (i32.const 0)) (i32.load (i32.const 4)))
        (return (i32.const 1))))
    (if (call $is (i32.const 101)) ;; e
      (then
        (drop (call $environ_sizes (i32.const 0) (i32.const 4)))
        (drop (call $environ (i32.const 512) (i32.const 1024)))
        (call $answer (i32.const 200) (i32.const 1024) (i32.load (i32.const 4)))
        (return (i32.const 1))))
    (if (call $is (i32.const 99)) ;; c
      (then
        (drop (call $now (i32.const 0)))
        (call $answer (i32.const 200) (i32.const 0) (i32.const 8))
        (return (i32.const 1))))
    (if (call $is (i32.const 110)) ;; n
      (then
        (drop (call $random (i32.const 0) (i32.const 8)))
        (call $answer (i32.const 200) (i32.const 0) (i32.const 8))
        (return (i32.const 1))))
    (if (call $is (i32.const 108)) ;; l
      (then
        (local.set $status (i32.const 0))
        (loop $next
          (drop (call $log (local.get $status) (i32.const 144) (i32.const 4)))
          (local.set $status (i32.add (local.get $status) (i32.const 1)))
          (br_if $next (i32.lt_u (local.get $status) (i32.const 6))))))
    (if (call $is (i32.const 104)) (then (return (i32.const 1)))) ;; h
    (if (call $is (i32.const 120)) ;; x
      (then (drop (call $close (i32.const 0))) (return (i32.const 1))))
    (if (call $is (i32.const 113)) (then (call $put (i32.const 0)))) ;; q
    (if (call $is (i32.const 103)) ;; g
      (then
        (drop (call $grpc_call (i32.const 64) (i32.const 6) (i32.const 80) (i32.const 11) (i32.const 96) (i32.const 3)
          (i32.const 0) (i32.const 0) (i32.const 112) (i32.const 5) (i32.const 300) (i32.const 8)))
        (return (i32.const 1))))
    (if (call $is (i32.const 71)) ;; G
      (then
        (drop (call $grpc_stream (i32.const 64) (i32.const 6) (i32.const 80) (i32.const 11) (i32.const 96) (i32.const 3)
          (i32.const 0) (i32.const 0) (i32.const 8)))
        (drop (call $grpc_send (i32.load (i32.const 8)) (i32.const 112) (i32.const 5) (i32.const 0)))
        (drop (call $grpc_send (i32.load (i32.const 8)) (i32.const 32) (i32.const 3) (i32.const 1)))
        (return (i32.const 1))))
    (i32.const 0))

  (func (export "proxy_on_grpc_receive") (param $root i32) (param $token i32) (param $size i32)
    (drop (call $get_buffer (i32.const 5) (i32.const 0) (local.get $size) (i32.const 0) (i32.const 4)))
    (drop (call $log (i32.const 2) (i32.load (i32.const 0)) (i32.load (i32.const 4)))))
  (func (export "proxy_on_grpc_close") (param $root i32) (param $token i32) (param $status i32)
    (drop (call $log (i32.const 3) (i32.const 128) (i32.const 6))))

  (func (export "proxy_on_request_body") (param $context i32) (param $size i32) (param $end i32) (result i32)
    (if (i32.and (call $is (i32.const 98)) (i32.gt_u (local.get $size) (i32.const 4))) ;; b
      (then
        (drop (call $reply (i32.const 413) (i32.const 224) (i32.const 8) (i32.const 0) (i32.const 0)
          (i32.const 0) (i32.const 0) (i32.const -1)))
        (return (i32.const 1))))
    (if (call $is (i32.const 72)) (then (return (i32.const 1)))) ;; H
    (if (call $is (i32.const 113)) (then (return (call $replace (i32.const 0) (local.get $end)))))
    (i32.const 0))
  (func (export "proxy_on_request_trailers") (param $context i32) (param $count i32) (result i32)
    (if (call $is (i32.const 113)) (then (call $put (i32.const 1))))
    (i32.const 0))
  (func (export "proxy_on_response_headers") (param $context i32) (param $count i32) (param $end i32) (result i32)
    (if (call $is (i32.const 114)) (then (call $put (i32.const 2)))) ;; r
    (i32.const 0))
  (func (export "proxy_on_response_body") (param $context i32) (param $size i32) (param $end i32) (result i32)
    (if (call $is (i32.const 114)) (then (return (call $replace (i32.const 1) (local.get $end)))))
    (i32.const 0))
  (func (export "proxy_on_response_trailers") (param $context i32) (param $count i32) (result i32)
    (if (call $is (i32.const 114)) (then (call $put (i32.const 3))))
    (i32.const 0))
  (func (export "proxy_on_log") (param $context i32)
    (if (call $is (i32.const 107)) (then (drop (call $increment (global.get $ended) (i64.const 1))))))

  (func $is (param $letter i32) (result i32)
    (i32.eq (global.get $mode) (local.get $letter)))
  (func $metric (param $kind i32) (param $name i32) (param $len i32) (result i32)
    (drop (call $define_metric (local.get $kind) (local.get $name) (local.get $len) (i32.const 8)))
    (i32.load (i32.const 8)))
  (func $answer (param $status i32) (param $body i32) (param $len i32)
    (drop (call $reply (local.get $status) (i32.const 0) (i32.const 0) (local.get $body) (local.get $len)
      (i32.const 0) (i32.const 0) (i32.const -1))))
  (func $put (param $map i32)
    (drop (call $add_header (local.get $map) (i32.const 16) (i32.const 7) (i32.const 32) (i32.const 3))))
  ;; The body is held until it is whole, and then is another.
  (func $replace (param $buffer i32) (param $end i32) (result i32)
    (if (i32.eqz (local.get $end)) (then (return (i32.const 1))))
    (drop (call $set_buffer (local.get $buffer) (i32.const 0) (i32.const -1) (i32.const 48) (i32.const 11)))
    (i32.const 0)))
