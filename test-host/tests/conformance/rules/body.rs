use crate::filter::filter;
use crate::rule::{Exchange, Rule, Settings};
use outgate_test_host::Profile;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        Rule::new(
            "body.accumulates",
            "While the body callback pauses, it is shown all of the body so far with each piece.",
            filter! { request_body { r#"(call $number $"size" (local.get $size)) (call $number $"end" (local.get $end))
                (i32.xor (local.get $end) (i32.const 1))"# } },
            &["size = 3", "end = 0", "size = 6", "end = 0", "size = 6", "end = 1", "client 200"],
        )
        .exchange(Exchange::with_body(&["abc", "def"]))
        .otherwise(
            Profile::Gcp,
            &["size = 3", "end = 0", "size = 3", "end = 0", "size = 0", "end = 1", "client 200"],
        ),
        Rule::new(
            "body.passes-on",
            "A body callback that goes on is shown each piece once.",
            filter! { request_body { r#"(call $number $"size" (local.get $size)) (i32.const 0)"# } },
            &["size = 3", "size = 3", "size = 0", "client 200"],
        )
        .exchange(Exchange::with_body(&["abc", "def"])),
        Rule::new(
            "body.replaced-whole",
            "A buffered body can be replaced as a whole when it has ended.",
            filter! {
                response_headers { r#"(drop (call $remove_value (i32.const 2) $"content-length")) (i32.const 0)"# }
                response_body { r#"(if (local.get $end) (then
                    (call $status $"write" (call $set_buffer_bytes (i32.const 1) (i32.const 0) (local.get $size) $"bye"))))
                    (i32.xor (local.get $end) (i32.const 1))"# }
            },
            &["write -> 0", "client 200 bye"],
        )
        .exchange(Exchange::answered(&["hel", "lo"]))
        .not_in(Profile::Gcp),
        Rule::new(
            "body.request-too-large",
            "A filter that holds more of a request than the buffer takes has it answered with 413, through its own response \
             callbacks.",
            filter! {
                request_body { r#"(call $number $"size" (local.get $size)) (i32.const 1)"# }
                response_headers { r#"(call $show $"status" (call $get_value (i32.const 2) $":status" &out)) (i32.const 0)"# }
            },
            &["size = 20", "status = 413", "client 413 Payload Too Large"],
        )
        .exchange(Exchange::with_body(&["twenty bytes of body"]))
        .settings(Settings {
            buffer_limit: 10,
            ..Settings::default()
        })
        .not_in(Profile::Gcp),
        Rule::new(
            "body.response-too-large",
            "A filter that holds more of a response than the buffer takes has it answered with 500, when the headers have not left.",
            filter! {
                response_headers { r#"(call $say $"headers") (i32.const 1)"# }
                response_body { r#"(call $number $"size" (local.get $size)) (i32.const 1)"# }
            },
            &["headers", "size = 20", "client 500 Internal Server Error"],
        )
        .exchange(Exchange::answered(&["twenty bytes of body"]))
        .settings(Settings {
            allow_headers_stop_iteration: true,
            buffer_limit: 10,
            ..Settings::default()
        })
        .not_in(Profile::Gcp),

        Rule::new(
            "body.no-buffer",
            "Of C++'s answers, 3 drops the piece: it is neither shown again nor goes on.",
            filter! {
                define { r#"(global $seen (mut i32) (i32.const 0))"# }
                response_body { r#"(call $number $"size" (local.get $size)) (call $number $"end" (local.get $end))
                    (global.set $seen (i32.add (global.get $seen) (i32.const 1)))
                    (select (i32.const 3) (i32.const 0) (i32.eq (global.get $seen) (i32.const 1)))"# }
            },
            &["size = 3", "end = 0", "size = 3", "end = 0", "size = 0", "end = 1", "client 200 def"],
        )
        .exchange(Exchange::answered(&["abc", "def"]))
        .otherwise(
            Profile::Gcp,
            &["size = 3", "end = 0", "size = 3", "end = 0", "size = 0", "end = 1", "client 200 abcdef"],
        ),
        Rule::new(
            "body.watermark",
            "Of C++'s answers, 2 keeps the piece out of the filter's sight: the next one is shown alone, and both go on.",
            filter! {
                define { r#"(global $seen (mut i32) (i32.const 0))"# }
                response_body { r#"(call $number $"size" (local.get $size)) (call $number $"end" (local.get $end))
                    (global.set $seen (i32.add (global.get $seen) (i32.const 1)))
                    (select (i32.const 2) (i32.const 0) (i32.eq (global.get $seen) (i32.const 1)))"# }
            },
            &["size = 3", "end = 0", "size = 3", "end = 0", "size = 0", "end = 1", "client 200 abcdef"],
        )
        .exchange(Exchange::answered(&["abc", "def"])),
        Rule::new(
            "body.continued",
            "A body that is held can be read and changed from a tick, and goes on when it is continued.",
            filter! {
                define { r#"(global $stream (mut i32) (i32.const 0))"# }
                response_body { r#"(call $number $"size" (local.get $size)) (call $number $"end" (local.get $end))
                    (drop (call $set_tick_period (i32.const 300))) (global.set $stream (local.get $id)) (i32.const 1)"# }
                tick { r#"(if (global.get $stream) (then
                    (drop (call $set_tick_period (i32.const 0)))
                    (drop (call $set_effective_context (global.get $stream)))
                    (call $show $"body" (call $get_buffer_bytes (i32.const 1) (i32.const 0) (i32.const 99) &out))
                    (call $status $"write" (call $set_buffer_bytes (i32.const 1) (i32.const 99) (i32.const 0) $"!"))
                    (call $status $"continue" (call $continue_stream (i32.const 1)))))"# }
            },
            &[
                "size = 3", "end = 0", "size = 6", "end = 0", "size = 6", "end = 1", "body = abcdef", "write -> 0", "continue -> 0",
                "client 200 abcdef!",
            ],
        )
        .exchange(Exchange::answered(&["abc", "def"]))
        .not_in(Profile::Gcp),
    ]
}
