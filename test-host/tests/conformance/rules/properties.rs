use crate::filter::filter;
use crate::rule::Rule;
use outgate_test_host::Profile;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        Rule::new(
            "properties.absent",
            "A property that is not there is NOT_FOUND; an empty path is SERIALIZATION_FAILURE.",
            filter! { request_headers { r#"
                (call $show $"unknown" (call $get_property $"no_such_thing" &out))
                (call $show $"unknown of a group" (call $get_property $"request\00no_such_thing" &out))
                (call $show $"empty" (call $get_property (i32.const 0) (i32.const 0) &out)) (i32.const 0)"# } },
            &["unknown -> 1", "unknown of a group -> 1", "empty -> 3", "client 200"],
        )
        .confirmed()
        .otherwise(Profile::Gcp, &["unknown -> 1", "unknown of a group -> 1", "empty -> 1", "client 200"]),
        Rule::new(
            "properties.request",
            "Attributes of a request come from its headers.",
            filter! { request_headers { r#"
                (call $show $"path" (call $get_property $"request\00path" &out))
                (call $show $"url_path" (call $get_property $"request\00url_path" &out))
                (call $show $"query" (call $get_property $"request\00query" &out))
                (call $show $"host" (call $get_property $"request\00host" &out))
                (call $show $"method" (call $get_property $"request\00method" &out))
                (call $show $"protocol" (call $get_property $"request\00protocol" &out))
                (call $show $"header" (call $get_property $"request\00headers\00x-exchange" &out)) (i32.const 0)"# } },
            &[
                "path = /path?q=1", "url_path = /path", "query = q=1", "host = test.com", "method = GET", "protocol = HTTP/1.1",
                "header = 0", "client 200",
            ],
        )
        .otherwise(Profile::Gcp, &["path -> 1", "url_path -> 1", "query -> 1", "host -> 1", "method -> 1", "protocol -> 1", "header -> 1", "client 200"]),
        Rule::new(
            "properties.request-gone",
            "What comes from the request's headers is gone with them, and is back in `on_log`.",
            filter! {
                response_headers { r#"(call $show $"response" (call $get_property $"request\00path" &out)) (i32.const 0)"# }
                log { r#"(call $show $"log" (call $get_property $"request\00path" &out))"# }
            },
            &["response -> 1", "log = /path?q=1", "client 200"],
        )
        .not_in(Profile::Gcp)
        .confirmed(),
        Rule::new(
            "properties.response-code",
            "`response.code` is there as soon as the response is, in 8 bytes.",
            filter! {
                request_headers { r#"(call $status $"request" (call $get_property $"response\00code" &out)) (i32.const 0)"# }
                response_headers { r#"
                    (call $status $"response" (call $get_property $"response\00code" &out))
                    (call $number $"bytes" (i32.load (i32.const 1028)))
                    (call $number $"code" (i32.load (i32.load (i32.const 1024)))) (i32.const 0)"# }
            },
            &["request -> 1", "response -> 0", "bytes = 8", "code = 200", "client 200"],
        )
        .corrects("`response.code` is not there before the stream is complete.")
        .not_in(Profile::Gcp),
        Rule::new(
            "properties.plaintext",
            "Without TLS `connection.mtls` is one byte of 0, `connection.requested_server_name` is empty, and there is no peer \
             certificate.",
            filter! { request_headers { r#"
                (call $status $"mtls" (call $get_property $"connection\00mtls" &out))
                (call $number $"bytes" (i32.load (i32.const 1028)))
                (call $number $"value" (i32.load8_u (i32.load (i32.const 1024))))
                (call $show $"sni" (call $get_property $"connection\00requested_server_name" &out))
                (call $show $"san" (call $get_property $"connection\00uri_san_peer_certificate" &out)) (i32.const 0)"# } },
            &["mtls -> 0", "bytes = 1", "value = 0", "sni = ", "san -> 1", "client 200"],
        )
        .not_in(Profile::Gcp),
        Rule::new(
            "properties.plugin",
            "A plugin knows its names: `plugin_name`, `plugin_root_id`, `plugin_vm_id`.",
            filter! { configure { r#"
                (call $show $"name" (call $get_property $"plugin_name" &out))
                (call $show $"root" (call $get_property $"plugin_root_id" &out))
                (call $show $"vm" (call $get_property $"plugin_vm_id" &out)) (i32.const 1)"# } },
            &["name = properties.plugin", "root = root", "vm = properties.plugin", "client 200"],
        )
        .otherwise(Profile::Gcp, &["name -> 1", "root = root", "vm -> 1", "client 200"]),
        Rule::new(
            "properties.filter-state",
            "What is set as `x` is read as `x`, and as `filter_state` `wasm.x`; it can be set again.",
            filter! { request_headers { r#"
                (call $status $"set" (call $set_property $"x" $"one"))
                (call $status $"again" (call $set_property $"x" $"two"))
                (call $show $"x" (call $get_property $"x" &out))
                (call $show $"filter_state" (call $get_property $"filter_state\00wasm.x" &out)) (i32.const 0)"# } },
            &["set -> 0", "again -> 0", "x = two", "filter_state = two", "client 200"],
        )
        .not_in(Profile::Gcp),
        Rule::new(
            "properties.filter-state-segments",
            "A path of several segments is one key, with its NULs: it cannot be walked into by segments.",
            filter! { request_headers { r#"
                (call $status $"set" (call $set_property $"a\00b" $"one"))
                (call $show $"as it was set" (call $get_property $"a\00b" &out))
                (call $show $"filter_state" (call $get_property $"filter_state\00wasm.a\00b" &out)) (i32.const 0)"# } },
            &["set -> 0", "as it was set -> 1", "filter_state -> 1", "client 200"],
        )
        .confirmed()
        .not_in(Profile::Gcp),
        Rule::new(
            "properties.declared-read-only",
            "A property that was declared read-only is set once: BAD_ARGUMENT. So is declaring it twice.",
            filter! {
                configure { r#"
                    (call $status $"declare" (call $call_foreign_function $"declare_property" $"\0a\01x\10\01" &out))
                    (call $status $"again" (call $call_foreign_function $"declare_property" $"\0a\01x\10\01" &out))
                    (i32.const 1)"# }
                request_headers { r#"
                    (call $status $"set" (call $set_property $"x" $"one"))
                    (call $status $"set again" (call $set_property $"x" $"two")) (i32.const 0)"# }
            },
            &["declare -> 0", "again -> 2", "set -> 0", "set again -> 2", "client 200"],
        )
        .not_in(Profile::Gcp),
        Rule::new(
            "properties.foreign",
            "A foreign function that is not there is NOT_FOUND; a caller may give no place for the answer.",
            filter! { request_headers { r#"
                (call $status $"unknown" (call $call_foreign_function $"no_such_function" $"x" &out))
                (call $status $"no place" (call $call_foreign_function $"clear_route_cache" $"" (i32.const 0) (i32.const 0)))
                (i32.const 0)"# } },
            &["unknown -> 1", "no place -> 0", "client 200"],
        )
        .not_in(Profile::Gcp),
        Rule::new(
            "properties.compression",
            "`compress` and `uncompress` are each other's inverse; what is no zlib stream is SERIALIZATION_FAILURE.",
            filter! { request_headers { r#"
                (call $status $"compress" (call $call_foreign_function $"compress" $"hello hello hello" &out))
                (call $show $"uncompress" (call $call_foreign_function $"uncompress"
                    (i32.load (i32.const 1024)) (i32.load (i32.const 1028)) &out))
                (call $status $"garbage" (call $call_foreign_function $"uncompress" $"garbage" &out)) (i32.const 0)"# } },
            &["compress -> 0", "uncompress = hello hello hello", "garbage -> 3", "client 200"],
        )
        .not_in(Profile::Gcp),
    ]
}
