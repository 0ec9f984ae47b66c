use crate::filter::filter;
use crate::rule::{Exchange, Rule};
use outgate_test_host::Profile;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        Rule::new(
            "buffers.unknown",
            "A buffer above 8 is BAD_ARGUMENT.",
            filter! { request_headers { r#"
                (call $show $"nine" (call $get_buffer_bytes (i32.const 9) (i32.const 0) (i32.const 9) &out)) (i32.const 0)"# } },
            &["nine -> 2", "client 200"],
        ),
        Rule::new(
            "buffers.ranges",
            "A length is clamped; a start beyond the end is OK with no bytes; start and length that overflow together are no error either.",
            filter! { request_body { r#"(if (local.get $size) (then
                (call $show $"all" (call $get_buffer_bytes (i32.const 0) (i32.const 0) (i32.const 99) &out))
                (call $show $"part" (call $get_buffer_bytes (i32.const 0) (i32.const 1) (i32.const 3) &out))
                (call $show $"beyond" (call $get_buffer_bytes (i32.const 0) (i32.const 9) (i32.const 3) &out))
                (call $show $"overflow" (call $get_buffer_bytes (i32.const 0) (i32.const 1) (i32.const -1) &out))))
                (i32.const 0)"# } },
            &["all = hello", "part = ell", "beyond = ", "overflow = ello", "client 200"],
        )
        .exchange(Exchange::with_body(&["hello"]))
        .corrects("start and length that overflow together are BAD_ARGUMENT."),
        Rule::new(
            "buffers.body-outside",
            "Outside of its callback a body reads as OK with no bytes, and writing it is BAD_ARGUMENT.",
            filter! { request_headers { r#"
                (call $show $"read" (call $get_buffer_bytes (i32.const 0) (i32.const 0) (i32.const 99) &out))
                (call $status $"write" (call $set_buffer_bytes (i32.const 0) (i32.const 0) (i32.const 0) $"x"))
                (i32.const 0)"# } },
            &["read = ", "write -> 2", "client 200"],
        )
        .exchange(Exchange::with_body(&["hello"]))
        .confirmed()
        .otherwise(Profile::Gcp, &["read -> 1", "write -> 1", "client 200"]),
        Rule::new(
            "buffers.callout-body-outside",
            "Outside of its callback the body of a callout's answer is NOT_FOUND.",
            filter! { request_headers { r#"
                (call $show $"read" (call $get_buffer_bytes (i32.const 4) (i32.const 0) (i32.const 99) &out)) (i32.const 0)"# } },
            &["read -> 1", "client 200"],
        )
        .confirmed(),
        Rule::new(
            "buffers.write-start",
            "Writing at 0 drops that many bytes there and puts the new ones in their place.",
            filter! { response_body { r#"(if (local.get $size) (then
                (call $status $"write" (call $set_buffer_bytes (i32.const 1) (i32.const 0) (i32.const 1) $"J"))))
                (i32.const 0)"# } },
            &["write -> 0", "client 200 Jello"],
        )
        .exchange(Exchange::answered(&["hello"])),
        Rule::new(
            "buffers.write-end",
            "Writing at the end or beyond appends.",
            filter! {
                response_headers { r#"(drop (call $remove_value (i32.const 2) $"content-length")) (i32.const 0)"# }
                response_body { r#"(if (local.get $size) (then
                (call $status $"write" (call $set_buffer_bytes (i32.const 1) (i32.const 99) (i32.const 0) $" there"))))
                (i32.const 0)"# } },
            &["write -> 0", "client 200 hello there"],
        )
        .exchange(Exchange::answered(&["hello"])),
        Rule::new(
            "buffers.write-middle",
            "Writing between start and end is BAD_ARGUMENT.",
            filter! { response_body { r#"(if (local.get $size) (then
                (call $status $"write" (call $set_buffer_bytes (i32.const 1) (i32.const 1) (i32.const 1) $"a"))))
                (i32.const 0)"# } },
            &["write -> 2", "client 200 hello"],
        )
        .exchange(Exchange::answered(&["hello"]))
        .otherwise(Profile::Spec, &["write -> 0", "client 200 hallo"])
        .otherwise(Profile::Gcp, &["write -> 0", "client 200 hallo"]),
        Rule::new(
            "buffers.configuration-read-only",
            "The configuration cannot be written: BAD_ARGUMENT.",
            filter! { configure { r#"
                (call $status $"write" (call $set_buffer_bytes (i32.const 7) (i32.const 0) (i32.const 0) $"x")) (i32.const 1)"# } },
            &["write -> 2", "client 200"],
        ),

        Rule::new(
            "buffers.status",
            "The status of a buffer is its length, with flags of 0; a body outside of its callback is empty.",
            filter! {
                define { r#"(func $ask (param $buffer i32)
                    (i32.store (i32.const 1060) (i32.const 9))
                    (call $status $"status" (call $get_buffer_status (local.get $buffer) &number (i32.const 1060)))
                    (call $number $"length" (i32.load &number)) (call $number $"flags" (i32.load (i32.const 1060)))
                    (i32.store &number (i32.const 0)))"# }
                request_headers { r#"(call $ask (i32.const 0)) (call $ask (i32.const 7)) (call $ask (i32.const 9)) (i32.const 0)"# }
                request_body { r#"(if (local.get $size) (then (call $ask (i32.const 0)))) (i32.const 0)"# }
            },
            &[
                "status -> 0", "length = 0", "flags = 0", "status -> 1", "length = 0", "flags = 9", "status -> 2", "length = 0",
                "flags = 9", "status -> 0", "length = 5", "flags = 0", "client 200",
            ],
        )
        .exchange(Exchange::with_body(&["hello"]))
        .otherwise(
            Profile::Gcp,
            &[
                "status -> 1", "length = 0", "flags = 9", "status -> 0", "length = 10", "flags = 0", "status -> 2", "length = 0",
                "flags = 9", "status -> 0", "length = 5", "flags = 0", "client 200",
            ],
        ),
    ]
}
