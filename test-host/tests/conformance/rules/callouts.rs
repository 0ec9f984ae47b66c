use crate::filter::filter;
use crate::rule::Rule;
use outgate_test_host::Profile;

/// Calls a path of 8 bytes with `GET`; what is behind a `?` only fills it up.
macro_rules! calling {
    ($cluster:literal, $path:literal, $timeout:literal) => {
        concat!(
            r#"(call $status $"call" (call $http_call $""#, $cluster,
            r#"" $"\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\08\00\00\00\0a\00\00\00\01\00\00\00:method\00GET\00:path\00"#,
            $path, r#"\00:authority\00a\00" (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const "#, $timeout,
            r#") (i32.const 1056)))"#
        )
    };
}

/// What tells of an answer, and lets the stream go on.
macro_rules! answered {
    () => {
        r#"(call $number $"id" (local.get $call))
           (call $number $"headers" (i32.gt_u (local.get $n) (i32.const 0)))
           (call $show $"status" (call $get_value (i32.const 6) $":status" &out))
           (call $show $"body" (call $get_buffer_bytes (i32.const 4) (i32.const 0) (i32.const 40) &out))
           (drop (call $get_status (i32.const 1056) &out))
           (call $number $"code" (i32.load (i32.const 1056)))
           (call $show $"message" (i32.const 0))
           (drop (call $set_effective_context (i32.const 2)))
           (drop (call $continue_stream (i32.const 0)))"#
    };
}

/// What tells of the end of a gRPC call, and lets the stream go on.
macro_rules! closed {
    () => {
        r#"(call $number $"context" (local.get $id))
           (call $number $"closed" (local.get $call)) (call $number $"status" (local.get $code))
           (drop (call $get_status &number &out))
           (call $number $"code" (i32.load &number))
           (call $number $"has message" (i32.gt_u (i32.load (i32.const 1028)) (i32.const 0)))
           (drop (call $set_effective_context (i32.const 2)))
           (drop (call $continue_stream (i32.const 0)))"#
    };
}

pub(super) fn rules() -> Vec<Rule> {
    let rules = vec![
        Rule::new(
            "callouts.answer",
            "An HTTP callout is answered on the root: its headers and body can be read there, its number is 4, its status 0.",
            filter! {
                request_headers { calling!("upstream", "/callout", "1000") r#"(i32.const 1)"# }
                http_call_response { r#"(call $number $"context" (local.get $id))"# answered!() }
            },
            &[
                "call -> 0",
                "context = 1",
                "id = 4",
                "headers = 1",
                "status = 200",
                "body = hello",
                "code = 0",
                "message = ",
                "client 200",
            ],
        ),
        Rule::new(
            "callouts.ids",
            "HTTP callouts are numbered 4, 8, 12 …",
            filter! {
                define { r#"(global $open (mut i32) (i32.const 2))"# }
                request_headers { calling!("upstream", "/callout", "1000") r#"(call $number $"id" (i32.load (i32.const 1056)))"#
                    calling!("upstream", "/callout", "1000") r#"(call $number $"id" (i32.load (i32.const 1056))) (i32.const 1)"# }
                http_call_response { r#"
                    (global.set $open (i32.sub (global.get $open) (i32.const 1)))
                    (if (i32.eqz (global.get $open)) (then
                        (drop (call $set_effective_context (i32.const 2)))
                        (drop (call $continue_stream (i32.const 0)))))"# }
            },
            &["call -> 0", "id = 4", "call -> 0", "id = 8", "client 200"],
        ),
        Rule::new(
            "callouts.bad-arguments",
            "A callout to a cluster that is not there, without a needed pseudo header, or with a negative timeout is BAD_ARGUMENT.",
            filter! { request_headers {
                calling!("nowhere", "/callout", "1000")
                calling!("upstream", "/callout", "-1")
                r#"(call $status $"no path" (call $http_call $"upstream"
                     $"\02\00\00\00\07\00\00\00\03\00\00\00\0a\00\00\00\01\00\00\00:method\00GET\00:authority\00a\00"
                     (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 1056)))
                   (i32.const 0)"#
            } },
            &["call -> 2", "call -> 2", "no path -> 2", "client 200"],
        ),
        Rule::new(
            "callouts.id-out-of-bounds",
            "Where the number of a callout goes is checked before it is sent: INVALID_MEMORY_ACCESS.",
            filter! {
                request_headers { r#"(call $status $"call" (call $http_call $"upstream"
                     $"\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\08\00\00\00\0a\00\00\00\01\00\00\00:method\00GET\00:path\00/callout\00:authority\00a\00"
                     (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const -4)))
                   (i32.const 0)"# }
                http_call_response { r#"(call $say $"answered")"# }
            },
            &["call -> 6", "client 200"],
        ),
        Rule::new(
            "callouts.timeout",
            "A callout that takes too long is answered by the proxy: 504 with a body, not a failure.",
            filter! {
                request_headers { calling!("upstream", "/silent?", "50") r#"(i32.const 1)"# }
                http_call_response { answered!() }
            },
            &[
                "call -> 0",
                "id = 4",
                "headers = 1",
                "status = 504",
                "body = upstream request timeout",
                "code = 0",
                "message = ",
                "client 200",
            ],
        )
        .confirmed(),
        Rule::new(
            "callouts.refused",
            "A callout whose connection is refused is answered by the proxy: 503 with a body, not a failure.",
            filter! {
                request_headers { calling!("refused", "/callout", "1000") r#"(i32.const 1)"# }
                http_call_response { answered!() }
            },
            &[
                "call -> 0",
                "id = 4",
                "headers = 1",
                "status = 503",
                "body = upstream connect error or disconnect/res",
                "code = 0",
                "message = ",
                "client 200",
            ],
        )
        .confirmed(),
        Rule::new(
            "callouts.reset",
            "A callout whose answer breaks off fails: 0 headers, no body, status 11 `reset`.",
            filter! {
                request_headers { calling!("upstream", "/reset??", "1000") r#"(i32.const 1)"# }
                http_call_response { answered!() }
            },
            &[
                "call -> 0",
                "id = 4",
                "headers = 0",
                "status -> 2",
                "body -> 1",
                "code = 11",
                "message = reset",
                "client 200",
            ],
        ),
        Rule::new(
            "callouts.no-host",
            "A callout to a cluster without a host fails at once: INTERNAL_FAILURE, and no callback.",
            filter! {
                request_headers { calling!("empty", "/callout", "1000") r#"(i32.const 0)"# }
                http_call_response { r#"(call $say $"answered")"# }
            },
            &["call -> 10", "client 200"],
        )
        .confirmed(),
        Rule::new(
            "callouts.reply",
            "The answer to a callout can reply for the stream that waits for it.",
            filter! {
                request_headers { calling!("upstream", "/callout", "1000") r#"(i32.const 1)"# }
                http_call_response { r#"
                    (drop (call $set_effective_context (i32.const 2)))
                    (call $show $"request" (call $get_value (i32.const 0) $":path" &out))
                    (call $show $"answer" (call $get_value (i32.const 6) $"x-answer" &out))
                    (drop (call $send_local_response (i32.const 403) $"why" $"no" (i32.const 0) (i32.const 0) (i32.const -1)))"# }
            },
            &["call -> 0", "request = /path?q=1", "answer = 42", "client 403 no"],
        ),
        Rule::new(
            "callouts.stream-gone",
            "An answer comes even when the stream that it was for is gone; the context is then unknown: BAD_ARGUMENT.",
            filter! {
                request_headers { calling!("upstream", "/callout", "1000")
                    r#"(drop (call $send_local_response (i32.const 403) $"why" $"no" (i32.const 0) (i32.const 0) (i32.const -1)))
                       (i32.const 1)"# }
                http_call_response { r#"(call $status $"set" (call $set_effective_context (i32.const 2)))"# }
            },
            &["call -> 0", "set -> 2", "client 403 no"],
        ),
        Rule::new(
            "callouts.grpc-unknown-cluster",
            "A gRPC call to a cluster that is not there is PARSE_FAILURE.",
            filter! { request_headers { r#"
                (call $status $"call" (call $grpc_call $"nowhere" $"s" $"m" (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                    (i32.const 100) (i32.const 1056)))
                (call $status $"stream" (call $grpc_stream $"nowhere" $"s" $"m" (i32.const 0) (i32.const 0) (i32.const 1056)))
                (i32.const 0)"# } },
            &["call -> 4", "stream -> 4", "client 200"],
        ),
        Rule::new(
            "callouts.grpc-wrong-kind",
            "Sending on what is no gRPC stream is BAD_ARGUMENT; on one that is not there, NOT_FOUND. Closing and cancelling likewise.",
            filter! { request_headers { r#"
                (call $status $"send to a call" (call $grpc_send (i32.const 5) $"x" (i32.const 0)))
                (call $status $"send to none" (call $grpc_send (i32.const 6) $"x" (i32.const 0)))
                (call $status $"cancel http" (call $grpc_cancel (i32.const 4)))
                (call $status $"cancel none" (call $grpc_cancel (i32.const 5)))
                (call $status $"close none" (call $grpc_close (i32.const 6)))
                (i32.const 0)"# } },
            &[
                "send to a call -> 2",
                "send to none -> 1",
                "cancel http -> 2",
                "cancel none -> 1",
                "close none -> 1",
                "client 200",
            ],
        ),

        Rule::new(
            "callouts.grpc-refused",
            "A gRPC call whose connection is refused is closed on the root with UNAVAILABLE, by its number 5; no other callback runs.",
            filter! {
                request_headers { r#"
                    (call $status $"call" (call $grpc_call $"refused" $"s" $"m" (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                        (i32.const 1000) &number))
                    (call $number $"id" (i32.load &number)) (i32.const 1)"# }
                grpc_close { closed!() }
            },
            &[
                "call -> 0", "id = 5", "context = 1", "closed = 5", "status = 14", "code = 14", "has message = 1", "client 200",
            ],
        ),
        Rule::new(
            "callouts.grpc-http-answer",
            "A gRPC call that is answered like an HTTP request is closed with UNKNOWN.",
            filter! {
                request_headers { r#"
                    (call $status $"call" (call $grpc_call $"upstream" $"s" $"m" (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                        (i32.const 1000) &number))
                    (call $number $"id" (i32.load &number)) (i32.const 1)"# }
                grpc_close { closed!() r#"(call $show $"message" (i32.const 0))"# }
            },
            &[
                "call -> 0", "id = 5", "context = 1", "closed = 5", "status = 2", "code = 2", "has message = 1",
                "message = via_upstream", "client 200",
            ],
        )
        .confirmed(),
        Rule::new(
            "callouts.grpc-streams",
            "gRPC streams are numbered 6, 10 …; what is sent on one before it fails is taken; one that is cancelled is not there any \
             more, and is not told of.",
            filter! {
                request_headers { r#"
                    (call $status $"stream" (call $grpc_stream $"refused" $"s" $"m" (i32.const 0) (i32.const 0) &number))
                    (call $number $"id" (i32.load &number))
                    (call $status $"send" (call $grpc_send (i32.load &number) $"x" (i32.const 0)))
                    (call $status $"stream" (call $grpc_stream $"refused" $"s" $"m" (i32.const 0) (i32.const 0) &number))
                    (call $number $"id" (i32.load &number))
                    (call $status $"cancel" (call $grpc_cancel (i32.load &number)))
                    (call $status $"again" (call $grpc_cancel (i32.load &number))) (i32.const 0)"# }
                grpc_close { r#"(call $number $"closed" (local.get $call)) (call $number $"status" (local.get $code))"# }
            },
            &[
                "stream -> 0", "id = 6", "send -> 0", "stream -> 0", "id = 10", "cancel -> 0", "again -> 1", "closed = 6",
                "status = 14", "client 200",
            ],
        ),
        Rule::new(
            "callouts.in-log",
            "`on_log` can call out, and the answer comes when the stream is gone.",
            filter! {
                log { calling!("upstream", "/callout", "1000") }
                http_call_response { r#"(call $number $"context" (local.get $id))
                    (call $status $"set" (call $set_effective_context (i32.const 2)))"# }
            },
            &["call -> 0", "context = 1", "set -> 2", "client 200"],
        ),
    ];
    // Service extensions call nothing: see the profile.
    rules.into_iter().map(|rule| rule.not_in(Profile::Gcp)).collect()
}
