use crate::filter::filter;
use crate::rule::{Exchange, Rule, Settings};
use outgate_test_host::Profile;

const OPEN: Settings = Settings {
    fails_open: true,
    allow_headers_stop_iteration: false,
    buffer_limit: 0,
};

pub(super) fn rules() -> Vec<Rule> {
    vec![
        Rule::new(
            "failures.closed",
            "A trap fails its stream with 503, and every later one.",
            filter! { request_headers { r#"(call $say $"headers") (unreachable)"# } },
            &["headers", "client 503", "client 503"],
        )
        .requests(2),
        Rule::new(
            "failures.open",
            "In a plugin that fails open the stream that a trap hits gets 503 all the same; later ones pass the filter by.",
            filter! {
                request_headers { r#"(call $say $"headers") (unreachable)"# }
                response_headers { r#"(call $say $"response") (i32.const 0)"# }
            },
            &["headers", "client 503", "client 200"],
        )
        .requests(2)
        .corrects("the stream that a trap hits goes on, too, as the open answer of the failed callback would have it.")
        .settings(OPEN),
        Rule::new(
            "failures.in-response",
            "A trap in `on_response_headers` answers 503 in place of the response.",
            filter! { response_headers { r#"(call $say $"response") (unreachable)"# } },
            &["response", "client 503"],
        )
        .exchange(Exchange::answered(&["hello"])),
        Rule::new(
            "failures.in-tick",
            "A trap in a tick leaves the streams that were held where they are: nobody answers them.",
            filter! {
                configure { r#"(drop (call $set_tick_period (i32.const 10))) (i32.const 1)"# }
                define { r#"(global $stream (mut i32) (i32.const 0))"# }
                request_headers { r#"(call $say $"headers") (global.set $stream (local.get $id)) (i32.const 1)"# }
                tick { r#"(if (global.get $stream) (then (call $say $"tick") (unreachable)))"# }
            },
            &["headers", "tick", "client closed"],
        )
        .corrects("all other streams of the VM fail at once.")
        .not_in(Profile::Gcp),
        Rule::new(
            "failures.no-log",
            "A dead VM is told nothing of the end of its streams.",
            filter! {
                request_headers { r#"(unreachable)"# }
                log { r#"(call $say $"log")"# }
                done { r#"(call $say $"done") (i32.const 1)"# }
            },
            &["client 503"],
        )
        .not_in(Profile::Gcp),
    ]
}
