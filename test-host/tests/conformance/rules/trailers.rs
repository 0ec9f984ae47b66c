use crate::filter::filter;
use crate::rule::{Exchange, Message, Rule};
use outgate_test_host::Profile;

fn both() -> Exchange {
    Exchange {
        body: vec!["hello"],
        trailers: vec![("x-trailer", "a")],
        answer: Message {
            body: vec!["hello"],
            trailers: vec![("x-trailer", "b")],
            ..Message::default()
        },
        ..Exchange::default()
    }
}

pub(super) fn rules() -> Vec<Rule> {
    vec![
        Rule::new(
            "trailers.callbacks",
            "Trailers have their own callbacks, in which they can be read; the body before them does not end the message.",
            filter! {
                request_body { r#"(call $number $"end" (local.get $end)) (i32.const 0)"# }
                request_trailers { r#"(call $number $"lines" (local.get $n))
                    (call $show $"request" (call $get_value (i32.const 1) $"x-trailer" &out)) (i32.const 0)"# }
                response_trailers { r#"(call $show $"response" (call $get_value (i32.const 3) $"x-trailer" &out)) (i32.const 0)"# }
            },
            &["end = 0", "lines = 1", "request = a", "response = b", "client 200 hello"],
        )
        .exchange(both()),
        Rule::new(
            "trailers.none",
            "A message without trailers has none to read: BAD_ARGUMENT, or no pairs.",
            filter! { request_headers { r#"
                (call $show $"value" (call $get_value (i32.const 1) $"x-trailer" &out))
                (call $show $"pairs" (call $get_header_map_pairs (i32.const 1) &out)) (i32.const 0)"# } },
            &["value -> 2", "pairs = ", "client 200"],
        )
        .otherwise(Profile::Gcp, &["value -> 2", "pairs -> 2", "client 200"]),
        Rule::new(
            "trailers.created",
            "The body callback that ends a message can give it trailers; an earlier one cannot.",
            filter! {
                response_body { r#"
                    (call $number $"end" (local.get $end))
                    (call $status $"add" (call $add_value (i32.const 3) $"x-made" $"1")) (i32.const 0)"# }
                log { r#"(call $show $"made" (call $get_value (i32.const 3) $"x-made" &out))"# }
            },
            &["end = 0", "add -> 2", "end = 0", "add -> 2", "end = 1", "add -> 0", "made = 1", "client 200 hello"],
        )
        .exchange(Exchange::answered(&["hel", "lo"]))
        .not_in(Profile::Gcp),
        Rule::new(
            "trailers.pause",
            "A pause in the trailers callback holds the message until it is continued.",
            filter! {
                define { r#"(global $stream (mut i32) (i32.const 0))"# }
                request_trailers { r#"(drop (call $set_tick_period (i32.const 150))) (call $say $"trailers") (global.set $stream (local.get $id)) (i32.const 1)"# }
                response_headers { r#"(call $say $"response") (i32.const 0)"# }
                tick { r#"(if (global.get $stream) (then
                    (drop (call $set_tick_period (i32.const 0)))
                    (call $say $"tick")
                    (drop (call $set_effective_context (global.get $stream)))
                    (drop (call $continue_stream (i32.const 0)))))"# }
            },
            &["trailers", "tick", "response", "client 200 hello"],
        )
        .exchange(both())
        .not_in(Profile::Gcp),
    ]
}
