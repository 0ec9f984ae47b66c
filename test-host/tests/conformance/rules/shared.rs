use crate::filter::filter;
use crate::rule::Rule;
use outgate_test_host::Profile;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        Rule::new(
            "shared.data",
            "Shared data: a key that was not set is NOT_FOUND, an old CAS is CAS_MISMATCH, 0 sets whatever was there.",
            filter! { request_headers { r#"
                (call $show $"absent" (call $get_shared_data $"k" &out (i32.const 1056)))
                (call $status $"set" (call $set_shared_data $"k" $"one" (i32.const 0)))
                (call $show $"get" (call $get_shared_data $"k" &out (i32.const 1056)))
                (call $status $"other" (call $set_shared_data $"k" $"two" (i32.add (i32.load (i32.const 1056)) (i32.const 9))))
                (call $status $"same" (call $set_shared_data $"k" $"two" (i32.load (i32.const 1056))))
                (call $show $"get" (call $get_shared_data $"k" &out (i32.const 1060)))
                (call $number $"changed" (i32.ne (i32.load (i32.const 1056)) (i32.load (i32.const 1060)))) (i32.const 0)"# } },
            &[
                "absent -> 1",
                "set -> 0",
                "get = one",
                "other -> 8",
                "same -> 0",
                "get = two",
                "changed = 1",
                "client 200",
            ],
        ),
        Rule::new(
            "shared.queues",
            "Queues: an unknown name or number is NOT_FOUND, an empty queue is EMPTY; items come out in order.",
            filter! { request_headers { r#"
                (call $status $"resolve" (call $resolve_queue (i32.const 0) (i32.const 0) $"q" (i32.const 1056)))
                (call $status $"dequeue" (call $dequeue (i32.const 99) &out))
                (call $status $"enqueue" (call $enqueue (i32.const 99) $"x"))
                (call $status $"register" (call $register_queue $"q" (i32.const 1056)))
                (call $status $"found" (call $resolve_queue (i32.const 0) (i32.const 0) $"q" (i32.const 1060)))
                (call $number $"same" (i32.eq (i32.load (i32.const 1056)) (i32.load (i32.const 1060))))
                (call $status $"empty" (call $dequeue (i32.load (i32.const 1056)) &out))
                (drop (call $enqueue (i32.load (i32.const 1056)) $"one"))
                (drop (call $enqueue (i32.load (i32.const 1056)) $"two"))
                (call $show $"first" (call $dequeue (i32.load (i32.const 1056)) &out))
                (call $show $"second" (call $dequeue (i32.load (i32.const 1056)) &out)) (i32.const 0)"# } },
            &[
                "resolve -> 1",
                "dequeue -> 1",
                "enqueue -> 1",
                "register -> 0",
                "found -> 0",
                "same = 1",
                "empty -> 7",
                "first = one",
                "second = two",
                "client 200",
            ],
        ),
        Rule::new(
            "shared.queue-ready",
            "Who registered a queue is told of a new item later, on its root, not from within the call.",
            filter! {
                request_headers { r#"
                    (drop (call $register_queue $"ready" (i32.const 1056)))
                    (drop (call $enqueue (i32.load (i32.const 1056)) $"one"))
                    (call $say $"enqueued") (i32.const 0)"# }
                queue_ready { r#"(call $number $"context" (local.get $id))
                    (call $show $"item" (call $dequeue (local.get $queue) &out))"# }
            },
            &["enqueued", "context = 1", "item = one", "client 200"],
        ),
        Rule::new(
            "shared.metrics",
            "Metrics: a kind above 2 is BAD_ARGUMENT; counters are numbered 4, 8 …, gauges 5, histograms 6; a new number each time.",
            filter! { request_headers { r#"
                (call $status $"three" (call $define_metric (i32.const 3) $"m" &number))
                (drop (call $define_metric (i32.const 0) $"c" &number)) (call $number $"counter" (i32.load &number))
                (drop (call $define_metric (i32.const 0) $"c" &number)) (call $number $"again" (i32.load &number))
                (drop (call $define_metric (i32.const 1) $"g" &number)) (call $number $"gauge" (i32.load &number))
                (drop (call $define_metric (i32.const 2) $"h" &number)) (call $number $"histogram" (i32.load &number))
                (i32.const 0)"# } },
            &[
                "three -> 2",
                "counter = 4",
                "again = 8",
                "gauge = 5",
                "histogram = 6",
                "client 200",
            ],
        )
        .not_in(Profile::Gcp),
        Rule::new(
            "shared.metric-changes",
            "A counter only grows, recording adds to it; a gauge goes both ways, recording sets it; a histogram is not incremented \
             or read; an unknown metric is NOT_FOUND.",
            filter! {
                define { r#"
                    (func $read (param $id i32)
                        (drop (call $get_metric (local.get $id) &number)) (call $number $"value" (i32.load &number)))"# }
                request_headers { r#"
                    (drop (call $define_metric (i32.const 0) $"c" &number))
                    (drop (call $define_metric (i32.const 1) $"g" &number))
                    (drop (call $define_metric (i32.const 2) $"h" &number))
                    (call $status $"counter +2" (call $increment_metric (i32.const 4) (i64.const 2)))
                    (call $status $"counter -1" (call $increment_metric (i32.const 4) (i64.const -1)))
                    (call $status $"counter := 5" (call $record_metric (i32.const 4) (i64.const 5))) (call $read (i32.const 4))
                    (call $status $"gauge +2" (call $increment_metric (i32.const 5) (i64.const 2)))
                    (call $status $"gauge -1" (call $increment_metric (i32.const 5) (i64.const -1))) (call $read (i32.const 5))
                    (call $status $"gauge := 9" (call $record_metric (i32.const 5) (i64.const 9))) (call $read (i32.const 5))
                    (call $status $"histogram +1" (call $increment_metric (i32.const 6) (i64.const 1)))
                    (call $status $"histogram := 1" (call $record_metric (i32.const 6) (i64.const 1)))
                    (call $status $"histogram?" (call $get_metric (i32.const 6) &number))
                    (call $status $"unknown" (call $increment_metric (i32.const 44) (i64.const 1))) (i32.const 0)"# }
            },
            &[
                "counter +2 -> 0",
                "counter -1 -> 2",
                "counter := 5 -> 0",
                "value = 7",
                "gauge +2 -> 0",
                "gauge -1 -> 0",
                "value = 1",
                "gauge := 9 -> 0",
                "value = 9",
                "histogram +1 -> 2",
                "histogram := 1 -> 0",
                "histogram? -> 2",
                "unknown -> 1",
                "client 200",
            ],
        )
        .not_in(Profile::Gcp),
    ]
}
