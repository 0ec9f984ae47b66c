use outgate_test_host::Profile;

use crate::filter::filter;
use crate::rule::{Exchange, Rule};

pub(super) fn rules() -> Vec<Rule> {
    vec![
        Rule::new(
            "lifecycle.start",
            "A VM starts with its root context 1: `on_context_create`, `on_vm_start`, `on_configure`, each once.",
            filter! {
                context_create { r#"(if (i32.eqz (local.get $parent)) (then (call $number $"create" (local.get $id))))"# }
                vm_start { r#"(call $number $"vm_start" (local.get $size)) (i32.const 1)"# }
                configure { r#"(call $number $"configure" (local.get $size)) (i32.const 1)"# }
            },
            &["create = 1", "vm_start = 9", "configure = 10", "client 200"],
        ),
        Rule::new(
            "lifecycle.stream-ids",
            "The context of a stream is created before its first callback; ids go on from 2.",
            filter! {
                context_create { r#"(if (local.get $parent) (then
                    (call $number $"create" (local.get $id)) (call $number $"parent" (local.get $parent))))"# }
                request_headers { r#"(call $number $"headers" (local.get $id)) (i32.const 0)"# }
            },
            &["create = 2", "parent = 1", "headers = 2", "client 200", "create = 3", "parent = 1", "headers = 3", "client 200"],
        )
        .requests(2),
        Rule::new(
            "lifecycle.end",
            "A stream ends with `on_log`, `on_done`, `on_delete`, in this order.",
            filter! {
                log { r#"(call $say $"log")"# }
                done { r#"(call $say $"done") (i32.const 1)"# }
                delete { r#"(call $say $"delete")"# }
            },
            &["log", "done", "delete", "client 200"],
        )
        .otherwise(Profile::Spec, &["done", "log", "delete", "client 200"])
        .otherwise(Profile::Gcp, &["done", "delete", "client 200"]),
        Rule::new(
            "lifecycle.done-false",
            "A stream cannot put off its end: false from `on_done` has no effect.",
            filter! {
                done { r#"(call $say $"done") (i32.const 0)"# }
                delete { r#"(call $say $"delete")"# }
            },
            &["done", "delete", "client 200"],
        ),
        Rule::new(
            "lifecycle.done-call",
            "`proxy_done` from a stream is NOT_FOUND.",
            filter! { request_headers { r#"(call $status $"done" (call $done)) (i32.const 0)"# } },
            &["done -> 1", "client 200"],
        ),
        Rule::new(
            "lifecycle.end-of-stream",
            "A message without a body ends with its headers, and no body callback runs.",
            filter! {
                request_headers { r#"(call $number $"end" (local.get $end)) (i32.const 0)"# }
                request_body { r#"(call $say $"body") (i32.const 0)"# }
                response_headers { r#"(call $number $"end" (local.get $end)) (i32.const 0)"# }
                response_body { r#"(call $say $"body") (i32.const 0)"# }
            },
            &["end = 1", "end = 1", "client 200"],
        )
        .otherwise(Profile::Gcp, &["end = 0", "end = 0", "client 200"]),
        Rule::new(
            "lifecycle.separate-end",
            "Over HTTP/1.1 an empty piece of its own ends a body.",
            filter! {
                request_headers { r#"(call $number $"end" (local.get $end)) (i32.const 0)"# }
                request_body { r#"(call $number $"size" (local.get $size)) (call $number $"end" (local.get $end)) (i32.const 0)"# }
            },
            &["end = 0", "size = 5", "end = 0", "size = 0", "end = 1", "client 200"],
        )
        .exchange(Exchange::with_body(&["hello"])),
    ]
}
