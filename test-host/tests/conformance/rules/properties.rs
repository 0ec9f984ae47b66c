use crate::filter::filter;
use crate::rule::{Exchange, Message, Rule};
use outgate_test_host::Profile;

/// `$int LABEL STATUS` logs the number that was read, `$some LABEL STATUS` only whether it is more than 0: a proxy adds headers.
macro_rules! int {
    () => {
        r#"(func $read (param $label i32) (param $len i32) (param $status i32) (param $most i32) (local $value i32)
             (if (local.get $status)
               (then (call $status (local.get $label) (local.get $len) (local.get $status)))
               (else
                 (local.set $value (i32.load (i32.load (i32.const 1024))))
                 (if (i32.gt_u (local.get $value) (local.get $most))
                   (then (call $begin_line (local.get $label) (local.get $len)) (call $append $" > " ) (call $append_digit (i32.const 0)) (call $end_line))
                   (else (call $number (local.get $label) (local.get $len) (local.get $value))))))
             (i64.store (i32.const 1024) (i64.const 0)))
           (func $int (param i32) (param i32) (param i32)
             (call $read (local.get 0) (local.get 1) (local.get 2) (i32.const 1000)))
           (func $some (param i32) (param i32) (param i32)
             (call $read (local.get 0) (local.get 1) (local.get 2) (i32.const 0)))"#
    };
}

/// `$response` tells of all that can be known of the response.
macro_rules! response {
    () => {
        r#"(func $response
             (call $show $"details" (call $get_property $"response\00code_details" &out))
             (call $int $"flags" (call $get_property $"response\00flags" &out))
             (call $int $"grpc" (call $get_property $"response\00grpc_status" &out))
             (call $int $"size" (call $get_property $"response\00size" &out))
             (call $some $"total" (call $get_property $"response\00total_size" &out))
             (call $some $"headers" (call $get_property $"response\00headers_bytes" &out))
             (call $status $"latency" (call $get_property $"response\00backend_latency" &out))
             (call $show $"trailer" (call $get_property $"response\00trailers\00x-trailer" &out))
             (call $show $"header" (call $get_property $"response\00headers\00x-b" &out))
             (call $some $"all headers" (call $get_property $"response\00headers" &out)))"#
    };
}

fn answered_in_full() -> Exchange {
    Exchange {
        answer: Message {
            headers: vec![("x-b", "1"), ("x-b", "2")],
            body: vec!["hello"],
            trailers: vec![("x-trailer", "a")],
        },
        ..Exchange::default()
    }
}

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

        Rule::new(
            "properties.declared-on-stream",
            "Only what a root declares counts: a declaration by a stream is taken, and has no effect.",
            filter! { request_headers { r#"
                (call $status $"declare" (call $call_foreign_function $"declare_property" $"\0a\01x\10\01" &out))
                (call $status $"again" (call $call_foreign_function $"declare_property" $"\0a\01x\10\01" &out))
                (call $status $"set" (call $set_property $"x" $"one"))
                (call $status $"set again" (call $set_property $"x" $"two")) (i32.const 0)"# } },
            &["declare -> 0", "again -> 2", "set -> 0", "set again -> 0", "client 200"],
        )
        .not_in(Profile::Gcp)
        .confirmed(),
        Rule::new(
            "properties.request-size",
            "`request.size` is what has arrived of the body; `request.total_size` adds the headers, as long as they are there.",
            filter! {
                define { int!() }
                request_headers { r#"
                    (call $int $"size" (call $get_property $"request\00size" &out))
                    (call $some $"headers" (call $get_property $"request\00headers_bytes" &out))
                    (call $some $"total" (call $get_property $"request\00total_size" &out)) (i32.const 0)"# }
                request_body { r#"
                    (call $int $"size" (call $get_property $"request\00size" &out))
                    (call $int $"total" (call $get_property $"request\00total_size" &out))
                    (call $int $"headers" (call $get_property $"request\00headers_bytes" &out)) (i32.const 0)"# }
                log { r#"
                    (call $int $"size" (call $get_property $"request\00size" &out))
                    (call $some $"total" (call $get_property $"request\00total_size" &out))"# }
            },
            &[
                "size = 0", "headers > 0", "total > 0", "size = 3", "total = 3", "headers = 0", "size = 6", "total = 6", "headers = 0",
                "size = 6", "total = 6", "headers = 0", "size = 6", "total > 0", "client 200",
            ],
        )
        .exchange(Exchange::with_body(&["abc", "def"]))
        .not_in(Profile::Gcp),
        Rule::new(
            "properties.request-length",
            "When the request headers are there and have a `content-length`, that is `request.size`.",
            filter! {
                define { int!() }
                request_headers { r#"
                    (call $int $"size" (call $get_property $"request\00size" &out))
                    (drop (call $replace_value (i32.const 0) $"content-length" $"77"))
                    (call $int $"size" (call $get_property $"request\00size" &out))
                    (drop (call $replace_value (i32.const 0) $"content-length" $"6")) (i32.const 0)"# }
                request_body { r#"(call $int $"size" (call $get_property $"request\00size" &out)) (i32.const 0)"# }
            },
            &["size = 6", "size = 77", "size = 6", "size = 6", "client 200"],
        )
        .exchange(Exchange::with_body(&["abcdef"]))
        .not_in(Profile::Gcp)
        .confirmed(),
        Rule::new(
            "properties.response-early",
            "Before there is a response, its sizes and flags are 0, its headers and trailers empty; the rest is NOT_FOUND.",
            filter! {
                define { int!() response!() }
                request_headers { r#"(call $response) (i32.const 0)"# }
            },
            &[
                "details -> 1", "flags = 0", "grpc -> 1", "size = 0", "total = 0", "headers = 0", "latency -> 1", "trailer -> 1",
                "header -> 1", "all headers = 0", "client 200 hello",
            ],
        )
        .exchange(answered_in_full())
        .not_in(Profile::Gcp)
        .confirmed(),
        Rule::new(
            "properties.response-headers",
            "With the response's headers come its details and a gRPC status, which is UNKNOWN when it has none.",
            filter! {
                define { int!() response!() }
                response_headers { r#"(call $response) (i32.const 0)"# }
            },
            &[
                "details = via_upstream", "flags = 0", "grpc = 2", "size = 0", "total > 0", "headers > 0", "latency -> 1", "trailer -> 1",
                "header = 1,2", "all headers > 0", "client 200 hello",
            ],
        )
        .exchange(answered_in_full())
        .not_in(Profile::Gcp)
        .corrects("of a response only its headers and its code can be read before `on_log`."),
        Rule::new(
            "properties.response-body",
            "In the body callback the response's headers are gone, and what it had before stays.",
            filter! {
                define { int!() response!() }
                response_body { r#"(call $int $"code" (call $get_property $"response\00code" &out)) (call $response) (i32.const 0)"# }
            },
            &[
                "code = 200", "details = via_upstream", "flags = 0", "grpc = 2", "size = 0", "total = 0", "headers = 0",
                "latency -> 1", "trailer -> 1", "header -> 1", "all headers = 0", "client 200 hello",
            ],
        )
        .exchange(answered_in_full())
        .not_in(Profile::Gcp)
        .confirmed(),
        Rule::new(
            "properties.response-trailers",
            "In the trailers callback there are the trailers, what has been sent, and how long the upstream took.",
            filter! {
                define { int!() response!() }
                response_trailers { r#"(call $response) (i32.const 0)"# }
            },
            &[
                "details = via_upstream", "flags = 0", "grpc = 2", "size = 5", "total > 0", "headers = 0", "latency -> 0", "trailer = a",
                "header -> 1", "all headers = 0", "client 200 hello",
            ],
        )
        .exchange(answered_in_full())
        .not_in(Profile::Gcp)
        .confirmed(),
        Rule::new(
            "properties.response-log",
            "In `on_log` all of it is there.",
            filter! {
                define { int!() response!() }
                log { r#"(call $response)"# }
            },
            &[
                "details = via_upstream", "flags = 0", "grpc = 2", "size = 5", "total > 0", "headers > 0", "latency -> 0", "trailer = a",
                "header = 1,2", "all headers > 0", "client 200 hello",
            ],
        )
        .exchange(answered_in_full())
        .not_in(Profile::Gcp),
        Rule::new(
            "properties.groups",
            "A whole group is SERIALIZATION_FAILURE, and `node` is none; what is no map has no parts: NOT_FOUND.",
            filter! { request_headers { r#"
                (call $status $"request" (call $get_property $"request" &out))
                (call $status $"response" (call $get_property $"response" &out))
                (call $status $"source" (call $get_property $"source" &out))
                (call $status $"connection" (call $get_property $"connection" &out))
                (call $status $"upstream" (call $get_property $"upstream" &out))
                (call $status $"xds" (call $get_property $"xds" &out))
                (call $status $"filter_state" (call $get_property $"filter_state" &out))
                (call $status $"node" (call $get_property $"node" &out))
                (call $status $"part" (call $get_property $"request\00path\00x" &out)) (i32.const 0)"# } },
            &[
                "request -> 3", "response -> 3", "source -> 3", "connection -> 3", "upstream -> 3", "xds -> 3", "filter_state -> 3",
                "node -> 1", "part -> 1", "client 200",
            ],
        )
        .not_in(Profile::Gcp)
        .corrects("`node` is a group like the others."),
        Rule::new(
            "properties.maps",
            "All headers of a request can be read as a map; a stream without dynamic metadata has an empty message of it.",
            filter! {
                request_headers { r#"
                    (call $status $"headers" (call $get_property $"request\00headers" &out))
                    (call $number $"has some" (i32.gt_u (i32.load (i32.load (i32.const 1024))) (i32.const 3)))
                    (call $show $"metadata" (call $get_property $"metadata" &out))
                    (call $status $"filter_metadata" (call $get_property $"metadata\00filter_metadata" &out))
                    (call $number $"bytes" (i32.load (i32.const 1028)))
                    (call $status $"of a filter" (call $get_property $"metadata\00filter_metadata\00x" &out)) (i32.const 0)"# }
                response_headers { r#"
                    (call $status $"headers" (call $get_property $"request\00headers" &out))
                    (call $number $"bytes" (i32.load (i32.const 1028))) (i32.const 0)"# }
            },
            &[
                "headers -> 0", "has some = 1", "metadata = ", "filter_metadata -> 0", "bytes = 4", "of a filter -> 1", "headers -> 0", "bytes = 4",
                "client 200",
            ],
        )
        .not_in(Profile::Gcp)
        .corrects("headers cannot be read as a whole, and a stream without dynamic metadata has none."),
        Rule::new(
            "properties.upstream",
            "What is known of the upstream is there once it answers: its addresses, the number of attempts, an empty reason of failure.",
            filter! {
                define { int!() }
                request_headers { r#"(call $status $"early" (call $get_property $"upstream\00address" &out)) (i32.const 0)"# }
                response_headers { r#"
                    (call $status $"address" (call $get_property $"upstream\00address" &out))
                    (call $status $"port" (call $get_property $"upstream\00port" &out))
                    (call $status $"local_address" (call $get_property $"upstream\00local_address" &out))
                    (call $int $"attempts" (call $get_property $"upstream\00request_attempt_count" &out))
                    (call $show $"failure" (call $get_property $"upstream\00transport_failure_reason" &out))
                    (call $status $"tls_version" (call $get_property $"upstream\00tls_version" &out)) (i32.const 0)"# }
            },
            &[
                "early -> 1", "address -> 0", "port -> 0", "local_address -> 0", "attempts = 1", "failure = ", "tls_version -> 1",
                "client 200",
            ],
        )
        .not_in(Profile::Gcp),
        Rule::new(
            "properties.xds",
            "A route without a name has an empty one; a listener's direction is a number, 0 when it says none.",
            filter! {
                define { int!() }
                request_headers { r#"
                    (call $show $"route" (call $get_property $"xds\00route_name" &out))
                    (call $int $"direction" (call $get_property $"xds\00listener_direction" &out))
                    (call $status $"unknown" (call $get_property $"xds\00nonesuch" &out)) (i32.const 0)"# }
            },
            &["route = ", "direction = 0", "unknown -> 1", "client 200"],
        )
        .not_in(Profile::Gcp),
        Rule::new(
            "properties.connection",
            "Addresses and ports of both ends, and the connection's number, are there; without TLS its version is not, nor a reason of \
             failure before there is one.",
            filter! { request_headers { r#"
                (call $status $"source" (call $get_property $"source\00address" &out))
                (call $status $"port" (call $get_property $"source\00port" &out))
                (call $status $"destination" (call $get_property $"destination\00address" &out))
                (call $status $"id" (call $get_property $"connection\00id" &out))
                (call $number $"bytes" (i32.load (i32.const 1028)))
                (call $status $"tls_version" (call $get_property $"connection\00tls_version" &out))
                (call $status $"termination" (call $get_property $"connection\00termination_details" &out))
                (call $status $"failure" (call $get_property $"connection\00transport_failure_reason" &out))
                (call $status $"local san" (call $get_property $"connection\00uri_san_local_certificate" &out))
                (call $status $"digest" (call $get_property $"connection\00sha256_peer_certificate_digest" &out)) (i32.const 0)"# } },
            &[
                "source -> 0", "port -> 0", "destination -> 0", "id -> 0", "bytes = 8", "tls_version -> 1", "termination -> 1",
                "failure -> 1", "local san -> 1", "digest -> 1", "client 200",
            ],
        )
        .not_in(Profile::Gcp)
        .confirmed(),
    ]
}
