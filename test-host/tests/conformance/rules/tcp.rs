use crate::filter::filter;
use crate::rule::Rule;
use outgate_test_host::Profile;

pub(super) fn rules() -> Vec<Rule> {
    let rules = vec![
        Rule::new(
            "tcp.callbacks",
            "A connection is told of as new, then its data both ways, then its ends.",
            filter! {
                new_connection { r#"(call $say $"new") (i32.const 0)"# }
                downstream_data { r#"(call $number $"downstream" (local.get $size)) (call $number $"end" (local.get $end))
                    (i32.const 0)"# }
                upstream_data { r#"(call $number $"upstream" (local.get $size)) (call $number $"end" (local.get $end))
                    (i32.const 0)"# }
                downstream_close { r#"(call $number $"downstream closed by" (local.get $peer))"# }
                upstream_close { r#"(call $number $"upstream closed by" (local.get $peer))"# }
                done { r#"(call $say $"done") (i32.const 1)"# }
                log { r#"(call $say $"log")"# }
                delete { r#"(call $say $"delete")"# }
            },
            &[
                "new", "downstream = 5", "end = 0", "upstream = 8", "end = 0", "downstream = 0", "end = 1", "upstream = 0", "end = 1",
                "upstream closed by = 0", "downstream closed by = 1", "done", "log", "delete", "client re:hello",
            ],
        )
        .connection(&["hello"]),
        Rule::new(
            "tcp.accumulates",
            "While the data callback pauses, it is shown all of the data so far with each piece; what it lets go on goes on as a \
             whole.",
            filter! { downstream_data { r#"
                (call $show $"data" (call $get_buffer_bytes (i32.const 2) (i32.const 0) (i32.const 99) &out))
                (i32.lt_u (local.get $size) (i32.const 6))"# } },
            &["data = abc", "data = abcdef", "data = ", "client re:abcdef"],
        )
        .connection(&["abc", "def"]),
        Rule::new(
            "tcp.writes",
            "Data can be changed both ways, in buffers 2 and 3.",
            filter! {
                downstream_data { r#"(if (local.get $size) (then
                    (call $status $"write" (call $set_buffer_bytes (i32.const 2) (i32.const 0) (i32.const 1) $"J"))))
                    (i32.const 0)"# }
                upstream_data { r#"(if (local.get $size) (then
                    (call $status $"append" (call $set_buffer_bytes (i32.const 3) (i32.const 99) (i32.const 0) $"!"))))
                    (i32.const 0)"# }
            },
            &["write -> 0", "append -> 0", "client re:Jello!"],
        )
        .connection(&["hello"]),
        Rule::new(
            "tcp.no-headers",
            "A connection has no headers: BAD_ARGUMENT; its attributes are there.",
            filter! { new_connection { r#"
                (call $show $"headers" (call $get_value (i32.const 0) $":path" &out))
                (call $show $"path" (call $get_property $"request\00path" &out))
                (call $status $"mtls" (call $get_property $"connection\00mtls" &out)) (i32.const 0)"# } },
            &["headers -> 2", "path -> 1", "mtls -> 0", "client re:hello"],
        )
        .connection(&["hello"]),
        Rule::new(
            "tcp.close",
            "`proxy_close_stream` of a connection closes it: nothing more goes on.",
            filter! { downstream_data { r#"
                (call $status $"close" (call $close_stream (i32.const 2))) (i32.const 1)"# } },
            &["close -> 0", "client "],
        )
        .connection(&["hello"]),
        Rule::new(
            "tcp.pause-new",
            "A pause in `on_new_connection` keeps data from the filter.",
            filter! {
                new_connection { r#"(call $say $"new") (i32.const 1)"# }
                downstream_data { r#"(call $number $"downstream" (local.get $size)) (i32.const 0)"# }
            },
            &["new", "client "],
        )
        .connection(&["hello"])
        .corrects("data comes to the filter all the same."),
    ];
    // Service extensions know no connections: see the profile.
    rules.into_iter().map(|rule| rule.not_in(Profile::Gcp)).collect()
}
