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
    ]
}
