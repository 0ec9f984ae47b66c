use crate::filter::filter;
use crate::rule::Rule;
use outgate_test_host::Profile;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        Rule::new(
            "contexts.unknown",
            "`proxy_set_effective_context` with an id that no context has is BAD_ARGUMENT.",
            filter! { request_headers { r#"(call $status $"set" (call $set_effective_context (i32.const 77))) (i32.const 0)"# } },
            &["set -> 2", "client 200"],
        ),
        Rule::new(
            "contexts.reset",
            "The effective context is that of its own call only: the next call begins without one.",
            filter! {
                request_headers { r#"(call $status $"set" (call $set_effective_context (i32.const 1)))
                    (call $show $"path" (call $get_value (i32.const 0) $":path" &out)) (i32.const 0)"# }
                response_headers { r#"(call $show $"status" (call $get_value (i32.const 2) $":status" &out)) (i32.const 0)"# }
            },
            &["set -> 0", "path -> 2", "status = 200", "client 200"],
        )
        .otherwise(Profile::Gcp, &["set -> 0", "path -> 12", "status = 200", "client 200"]),
        Rule::new(
            "contexts.tick-without-stream",
            "In a tick there is no stream: its headers are BAD_ARGUMENT, its properties and `proxy_set_property` NOT_FOUND.",
            filter! {
                configure { r#"(drop (call $set_tick_period (i32.const 10))) (i32.const 1)"# }
                define { r#"(global $stream (mut i32) (i32.const 0))"# }
                request_headers { r#"(global.set $stream (local.get $id)) (i32.const 1)"# }
                tick { r#"(if (global.get $stream) (then
                    (drop (call $set_tick_period (i32.const 0)))
                    (call $show $"path" (call $get_value (i32.const 0) $":path" &out))
                    (call $show $"pairs" (call $get_header_map_pairs (i32.const 0) &out))
                    (call $show $"property" (call $get_property $"request\00path" &out))
                    (call $status $"set_property" (call $set_property $"a" $"b"))
                    (drop (call $set_effective_context (global.get $stream)))
                    (drop (call $continue_stream (i32.const 0)))))"# }
            },
            &[
                "path -> 2",
                "pairs = ",
                "property -> 1",
                "set_property -> 1",
                "client 200",
            ],
        )
        .not_in(Profile::Gcp),
        Rule::new(
            "contexts.tick-for-stream",
            "A tick that chooses a paused stream reads its headers, and lets it go on.",
            filter! {
                configure { r#"(drop (call $set_tick_period (i32.const 10))) (i32.const 1)"# }
                define { r#"(global $stream (mut i32) (i32.const 0))"# }
                request_headers { r#"(global.set $stream (local.get $id)) (i32.const 1)"# }
                tick { r#"(if (global.get $stream) (then
                    (drop (call $set_tick_period (i32.const 0)))
                    (call $status $"set" (call $set_effective_context (global.get $stream)))
                    (call $show $"path" (call $get_value (i32.const 0) $":path" &out))
                    (call $status $"continue" (call $continue_stream (i32.const 0)))
                    (call $show $"path" (call $get_value (i32.const 0) $":path" &out))))"# }
            },
            &[
                "set -> 0",
                "path = /path?q=1",
                "continue -> 0",
                "path -> 2",
                "client 200",
            ],
        )
        .not_in(Profile::Gcp),
        Rule::new(
            "contexts.continue-kinds",
            "`proxy_continue_stream`: of an upstream UNIMPLEMENTED, of a kind above 3 BAD_ARGUMENT.",
            filter! { request_headers { r#"
                (call $status $"upstream" (call $continue_stream (i32.const 3)))
                (call $status $"four" (call $continue_stream (i32.const 4))) (i32.const 0)"# } },
            &["upstream -> 12", "four -> 2", "client 200"],
        )
        .not_in(Profile::Gcp),
        Rule::new(
            "contexts.log-level",
            "A log level above 5 is BAD_ARGUMENT.",
            filter! { request_headers { r#"(call $status $"log" (call $log (i32.const 6) $"x")) (i32.const 0)"# } },
            &["log -> 2", "client 200"],
        ),
        Rule::new(
            "contexts.out-of-bounds",
            "A pointer outside the guest's memory is INVALID_MEMORY_ACCESS.",
            filter! { request_headers { r#"
                (call $status $"log" (call $log (i32.const 2) (i32.const -1) (i32.const 9)))
                (call $status $"time" (call $get_current_time (i32.const -4)))
                (call $status $"value" (call $get_value (i32.const 0) $":path" (i32.const -4) (i32.const 1028)))
                (i32.const 0)"# } },
            &["log -> 6", "time -> 6", "value -> 6", "client 200"],
        ),
    ]
}
