use crate::filter::filter;
use crate::rule::{Exchange, Rule};
use outgate_test_host::Profile;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        Rule::new(
            "replies.continue-is-pause",
            "A filter that replies itself stops the request, whatever its callback answers: no further request callback runs.",
            filter! {
                request_headers { r#"
                    (call $status $"reply" (call $send_local_response (i32.const 403) $"why" $"no" (i32.const 0) (i32.const 0)
                        (i32.const -1)))
                    (i32.const 0)"# }
                request_body { r#"(call $say $"body") (i32.const 0)"# }
            },
            &["reply -> 0", "client 403 no"],
        )
        .exchange(Exchange::with_body(&["hello"])),
        Rule::new(
            "replies.own-response",
            "A local reply goes through the response callbacks of the filter that gave it: headers, then body.",
            filter! {
                request_headers { r#"
                    (drop (call $send_local_response (i32.const 403) $"why" $"no" (i32.const 0) (i32.const 0) (i32.const -1)))
                    (i32.const 1)"# }
                response_headers { r#"(call $show $"status" (call $get_value (i32.const 2) $":status" &out)) (i32.const 0)"# }
                response_body { r#"(call $number $"size" (local.get $size)) (call $number $"end" (local.get $end)) (i32.const 0)"# }
            },
            &["status = 403", "size = 2", "end = 1", "client 403 no"],
        )
        .otherwise(Profile::Gcp, &["client 403 no"]),
        Rule::new(
            "replies.first-wins",
            "Of two replies in a callback, the first is sent; the second is answered OK.",
            filter! { request_headers { r#"
                (drop (call $send_local_response (i32.const 401) $"why" $"one" (i32.const 0) (i32.const 0) (i32.const -1)))
                (call $status $"second"
                    (call $send_local_response (i32.const 402) $"why" $"two" (i32.const 0) (i32.const 0) (i32.const -1)))
                (i32.const 1)"# } },
            &["second -> 0", "client 401 one"],
        )
        .otherwise(Profile::Gcp, &["second -> 0", "client 402 two"]),
        Rule::new(
            "replies.details",
            "White space in the details of a reply becomes `_`.",
            filter! {
                request_headers { r#"
                    (drop (call $send_local_response (i32.const 403) $"not for you" $"no" (i32.const 0) (i32.const 0) (i32.const -1)))
                    (i32.const 1)"# }
                log { r#"(call $show $"details" (call $get_property $"response\00code_details" &out))"# }
            },
            &["details = not_for_you", "client 403 no"],
        )
        .not_in(Profile::Gcp)
        .confirmed(),
        Rule::new(
            "replies.in-response",
            "A reply in place of a response goes straight to the client: the filter's callbacks do not see it.",
            filter! {
                response_headers { r#"(call $show $"status" (call $get_value (i32.const 2) $":status" &out))
                    (drop (call $send_local_response (i32.const 502) $"why" $"bad" (i32.const 0) (i32.const 0) (i32.const -1)))
                    (i32.const 0)"# }
                response_body { r#"(call $say $"body") (i32.const 0)"# }
            },
            &["status = 200", "client 502 bad"],
        )
        .exchange(Exchange::answered(&["hello"])),
        Rule::new(
            "replies.from-tick",
            "A tick can reply for a paused stream that it has chosen.",
            filter! {
                configure { r#"(drop (call $set_tick_period (i32.const 10))) (i32.const 1)"# }
                define { r#"(global $stream (mut i32) (i32.const 0))"# }
                request_headers { r#"(global.set $stream (local.get $id)) (i32.const 1)"# }
                tick { r#"(if (global.get $stream) (then
                    (drop (call $set_tick_period (i32.const 0)))
                    (drop (call $set_effective_context (global.get $stream)))
                    (call $status $"reply" (call $send_local_response (i32.const 429) $"why" $"slow" (i32.const 0) (i32.const 0)
                        (i32.const -1)))))"# }
            },
            &["reply -> 0", "client 429 slow"],
        )
        .not_in(Profile::Gcp),
        Rule::new(
            "replies.on-root",
            "A reply without a stream is answered OK and has no effect.",
            filter! { configure { r#"
                (call $status $"reply" (call $send_local_response (i32.const 429) $"why" $"slow" (i32.const 0) (i32.const 0)
                    (i32.const -1)))
                (i32.const 1)"# } },
            &["reply -> 0", "client 200"],
        ),
        Rule::new(
            "replies.close",
            "`proxy_close_stream` resets the stream once its callback has returned.",
            filter! {
                request_headers { r#"(call $status $"close" (call $close_stream (i32.const 0))) (call $say $"still here") (i32.const 0)"# }
                response_headers { r#"(call $say $"response") (i32.const 0)"# }
            },
            &["close -> 0", "still here", "client closed"],
        )
        .not_in(Profile::Gcp),

        Rule::new(
            "replies.headers",
            "The headers of a reply are added to its own, names in lower case; it has a length, and a type when it brings none.",
            filter! {
                request_headers { r#"
                    (drop (call $send_local_response (i32.const 403) $"why" $"no"
                        $"\02\00\00\00\03\00\00\00\01\00\00\00\03\00\00\00\01\00\00\00X-A\001\00x-a\002\00" (i32.const -1)))
                    (i32.const 1)"# }
                response_headers { r#"(call $number $"lines" (local.get $n)) (call $number $"end" (local.get $end))
                    (call $show $"a" (call $get_value (i32.const 2) $"x-a" &out))
                    (call $show $"type" (call $get_value (i32.const 2) $"content-type" &out))
                    (call $show $"length" (call $get_value (i32.const 2) $"content-length" &out)) (i32.const 0)"# }
            },
            &["lines = 5", "end = 0", "a = 1", "type = text/plain", "length = 2", "client 403 no"],
        )
        .otherwise(Profile::Gcp, &["client 403 no"]),
        Rule::new(
            "replies.empty",
            "A reply without a body ends with its headers, and has neither a type nor a length.",
            filter! {
                request_headers { r#"
                    (drop (call $send_local_response (i32.const 403) $"" $"" (i32.const 0) (i32.const 0) (i32.const -1)))
                    (i32.const 1)"# }
                response_headers { r#"(call $number $"lines" (local.get $n)) (call $number $"end" (local.get $end)) (i32.const 0)"# }
                response_body { r#"(call $say $"body") (i32.const 0)"# }
            },
            &["lines = 1", "end = 1", "client 403"],
        )
        .otherwise(Profile::Gcp, &["client 403"]),
        Rule::new(
            "replies.grpc",
            "A gRPC client is replied to with 200, and the reply's gRPC status and body in `grpc-status` and `grpc-message`.",
            filter! {
                request_headers { r#"
                    (drop (call $send_local_response (i32.const 403) $"why" $"no" (i32.const 0) (i32.const 0) (i32.const 7)))
                    (i32.const 1)"# }
                response_headers { r#"(call $number $"end" (local.get $end))
                    (call $show $"status" (call $get_value (i32.const 2) $":status" &out))
                    (call $show $"grpc-status" (call $get_value (i32.const 2) $"grpc-status" &out))
                    (call $show $"grpc-message" (call $get_value (i32.const 2) $"grpc-message" &out)) (i32.const 0)"# }
            },
            &["end = 1", "status = 200", "grpc-status = 7", "grpc-message = no", "client 200"],
        )
        .exchange(Exchange {
            headers: vec![("content-type", "application/grpc")],
            ..Exchange::default()
        })
        .otherwise(Profile::Gcp, &["client 200"]),
        Rule::new(
            "replies.after-headers",
            "A reply when the response's headers have left resets the stream.",
            filter! {
                response_body { r#"(call $number $"size" (local.get $size))
                    (drop (call $send_local_response (i32.const 502) $"why" $"bad" (i32.const 0) (i32.const 0) (i32.const -1)))
                    (i32.const 0)"# }
                log { r#"(call $show $"details" (call $get_property $"response\00code_details" &out))"# }
            },
            &["size = 3", "details = why", "client closed"],
        )
        .exchange(Exchange::answered(&["hel", "lo"]))
        .otherwise(Profile::Gcp, &["size = 3", "size = 2", "size = 0", "client 200 hello"]),
    ]
}
