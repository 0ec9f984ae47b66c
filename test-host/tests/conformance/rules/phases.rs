use crate::filter::filter;
use crate::rule::{Exchange, Message, Rule, Settings};
use outgate_test_host::Profile;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        Rule::new(
            "phases.request-headers-in-body",
            "Once the request headers went on they are gone: a value is BAD_ARGUMENT, the pairs are empty, their size is BAD_ARGUMENT.",
            filter! {
                request_body { r#"(if (local.get $size) (then
                    (call $show $"path" (call $get_value (i32.const 0) $":path" &out))
                    (call $show $"pairs" (call $get_header_map_pairs (i32.const 0) &out))
                    (call $status $"size" (call $get_header_map_size (i32.const 0) (i32.const 1056)))
                    (call $status $"add" (call $add_value (i32.const 0) $"a" $"b"))))
                    (i32.const 0)"# }
            },
            &["path -> 2", "pairs = ", "size -> 2", "add -> 2", "client 200"],
        )
        .exchange(Exchange::with_body(&["hello"]))
        .otherwise(Profile::Gcp, &["path -> 2", "pairs -> 2", "size -> 2", "add -> 2", "client 200"]),
        Rule::new(
            "phases.request-headers-in-response",
            "The response callbacks cannot read the request headers.",
            filter! { response_headers { r#"
                (call $show $"path" (call $get_value (i32.const 0) $":path" &out))
                (call $show $"status" (call $get_value (i32.const 2) $":status" &out)) (i32.const 0)"# } },
            &["path -> 2", "status = 200", "client 200"],
        ),
        Rule::new(
            "phases.response-headers-too-early",
            "Before a response has begun its headers are BAD_ARGUMENT.",
            filter! { request_headers { r#"
                (call $show $"status" (call $get_value (i32.const 2) $":status" &out)) (i32.const 0)"# } },
            &["status -> 2", "client 200"],
        ),
        Rule::new(
            "phases.response-headers-in-body",
            "Once the response headers went on they are gone for the body callback.",
            filter! { response_body { r#"(if (local.get $size) (then
                (call $show $"status" (call $get_value (i32.const 2) $":status" &out))))
                (i32.const 0)"# } },
            &["status -> 2", "client 200 hello"],
        )
        .exchange(Exchange::answered(&["hello"])),
        Rule::new(
            "phases.log-reads",
            "`on_log` reads the headers of request and response again, and a header that is not there is NOT_FOUND.",
            filter! { log { r#"
                (call $show $"path" (call $get_value (i32.const 0) $":path" &out))
                (call $show $"status" (call $get_value (i32.const 2) $":status" &out))
                (call $show $"missing" (call $get_value (i32.const 0) $"x-missing" &out))"# } },
            &["path = /path?q=1", "status = 200", "missing -> 1", "client 200"],
        )
        .not_in(Profile::Gcp),
        Rule::new(
            "phases.log-writes-nothing",
            "`on_log` cannot change headers: BAD_ARGUMENT.",
            filter! { log { r#"
                (call $status $"add" (call $add_value (i32.const 0) $"a" $"b"))
                (call $status $"replace" (call $replace_value (i32.const 2) $"a" $"b"))"# } },
            &["add -> 2", "replace -> 2", "client 200"],
        )
        .not_in(Profile::Gcp),
        Rule::new(
            "phases.log-trailers",
            "`on_log` reads the trailers of the response, and not those of the request: NOT_FOUND.",
            filter! { log { r#"
                (call $show $"request" (call $get_value (i32.const 1) $"x-trailer" &out))
                (call $show $"response" (call $get_value (i32.const 3) $"x-trailer" &out))"# } },
            &["request -> 1", "response = b", "client 200 hello"],
        )
        .exchange(Exchange {
            body: vec!["hello"],
            trailers: vec![("x-trailer", "a")],
            answer: Message {
                body: vec!["hello"],
                trailers: vec![("x-trailer", "b")],
                ..Message::default()
            },
            ..Exchange::default()
        })
        .not_in(Profile::Gcp),
        Rule::new(
            "phases.pause-keeps-headers",
            "As long as `on_request_headers` holds the stream, its headers can be read and changed.",
            filter! {
                configure { r#"(drop (call $set_tick_period (i32.const 10))) (i32.const 1)"# }
                define { r#"(global $stream (mut i32) (i32.const 0))"# }
                request_headers { r#"(global.set $stream (local.get $id)) (i32.const 1)"# }
                tick { r#"(if (global.get $stream) (then
                    (drop (call $set_tick_period (i32.const 0)))
                    (drop (call $set_effective_context (global.get $stream)))
                    (call $status $"add" (call $add_value (i32.const 0) $"x-added" $"late"))
                    (call $show $"added" (call $get_value (i32.const 0) $"x-added" &out))
                    (drop (call $continue_stream (i32.const 0)))))"# }
            },
            &["add -> 0", "added = late", "client 200"],
        )
        .not_in(Profile::Gcp),
        Rule::new(
            "phases.pause-holds-body",
            "A pause in `on_request_headers` holds everything: the body is shown when the stream goes on, in one piece.",
            filter! {
                define { r#"(global $stream (mut i32) (i32.const 0))"# }
                request_headers { r#"(drop (call $set_tick_period (i32.const 300))) (global.set $stream (local.get $id)) (i32.const 1)"# }
                request_body { r#"(call $number $"size" (local.get $size)) (call $number $"end" (local.get $end)) (i32.const 0)"# }
                tick { r#"(if (global.get $stream) (then
                    (drop (call $set_tick_period (i32.const 0)))
                    (call $say $"tick")
                    (drop (call $set_effective_context (global.get $stream)))
                    (drop (call $continue_stream (i32.const 0)))))"# }
            },
            &["tick", "size = 6", "end = 1", "client 200"],
        )
        .exchange(Exchange::with_body(&["abc", "def"]))
        .otherwise(Profile::Gcp, &["size = 3", "end = 0", "size = 3", "end = 0", "size = 0", "end = 1", "client 200"]),
        Rule::new(
            "phases.stop-iteration",
            "With `allow_on_headers_stop_iteration` a pause in `on_request_headers` holds the headers alone: they can be read from \
             the body callback, and go on with it.",
            filter! {
                request_headers { r#"(call $say $"headers") (i32.const 1)"# }
                request_body { r#"(if (local.get $size) (then
                    (call $show $"path" (call $get_value (i32.const 0) $":path" &out))))
                    (i32.const 0)"# }
            },
            &["headers", "path = /path?q=1", "client 200"],
        )
        .exchange(Exchange::with_body(&["hello"]))
        .settings(Settings {
            allow_headers_stop_iteration: true,
            ..Settings::default()
        })
        .not_in(Profile::Gcp),
        Rule::new(
            "phases.configuration",
            "The plugin's configuration is in buffer 7 of `on_configure`, the VM's in buffer 6.",
            filter! {
                vm_start { r#"(call $show $"vm" (call $get_buffer_bytes (i32.const 6) (i32.const 0) (i32.const 99) &out)) (i32.const 1)"# }
                configure { r#"(call $show $"plugin" (call $get_buffer_bytes (i32.const 7) (i32.const 0) (i32.const 99) &out)) (i32.const 1)"# }
            },
            &["vm = of the VM", "plugin = configured", "client 200"],
        )
        .otherwise(Profile::Gcp, &["vm -> 1", "plugin = configured", "client 200"]),
        Rule::new(
            "phases.configuration-elsewhere",
            "Outside of `on_configure` the plugin's configuration is NOT_FOUND.",
            filter! { request_headers { r#"
                (call $show $"plugin" (call $get_buffer_bytes (i32.const 7) (i32.const 0) (i32.const 99) &out)) (i32.const 0)"# } },
            &["plugin -> 1", "client 200"],
        )
        .confirmed()
        .otherwise(Profile::Gcp, &["plugin = configured", "client 200"]),
    ]
}
