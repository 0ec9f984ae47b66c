use crate::filter::filter;
use crate::rule::{Exchange, Rule};
use outgate_test_host::Profile;

fn duplicates() -> Exchange {
    Exchange {
        headers: vec![("x-a", "1"), ("X-A", "2")],
        ..Exchange::default()
    }
}

pub(super) fn rules() -> Vec<Rule> {
    vec![
        Rule::new(
            "headers.get",
            "A name is found in any case; of several lines the first is given; a header that is not there is NOT_FOUND.",
            filter! { request_headers { r#"
                (call $show $"lower" (call $get_value (i32.const 0) $"x-a" &out))
                (call $show $"upper" (call $get_value (i32.const 0) $"X-A" &out))
                (call $show $"missing" (call $get_value (i32.const 0) $"x-b" &out)) (i32.const 0)"# } },
            &["lower = 1", "upper = 1", "missing -> 1", "client 200"],
        )
        .exchange(duplicates())
        .otherwise(Profile::Gcp, &["lower = 1, 2", "upper = 1, 2", "missing -> 1", "client 200"]),
        Rule::new(
            "headers.host",
            "`host` is another name of `:authority`.",
            filter! { request_headers { r#"
                (call $show $"host" (call $get_value (i32.const 0) $"host" &out)) (i32.const 0)"# } },
            &["host = test.com", "client 200"],
        )
        .otherwise(Profile::Gcp, &["host -> 1", "client 200"]),
        Rule::new(
            "headers.add",
            "Adding appends a line and lower-cases its name.",
            filter! { response_headers { r#"
                (call $status $"add" (call $add_value (i32.const 2) $"X-B" $"1"))
                (call $status $"add" (call $add_value (i32.const 2) $"x-b" $"2"))
                (call $show $"get" (call $get_value (i32.const 2) $"x-b" &out)) (i32.const 0)"# } },
            &["add -> 0", "add -> 0", "get = 1", "client 200"],
        )
        .otherwise(Profile::Gcp, &["add -> 0", "add -> 0", "get = 1, 2", "client 200"]),
        Rule::new(
            "headers.replace",
            "Replacing sets a header that is not there, and makes several lines one.",
            filter! { request_headers { r#"
                (call $status $"replace" (call $replace_value (i32.const 0) $"x-a" $"3"))
                (call $show $"get" (call $get_value (i32.const 0) $"x-a" &out))
                (drop (call $remove_value (i32.const 0) $"x-a"))
                (call $show $"gone" (call $get_value (i32.const 0) $"x-a" &out))
                (drop (call $replace_value (i32.const 0) $"x-a" $"4"))
                (call $show $"new" (call $get_value (i32.const 0) $"x-a" &out)) (i32.const 0)"# } },
            &["replace -> 0", "get = 3", "gone -> 1", "new = 4", "client 200"],
        )
        .exchange(duplicates()),
        Rule::new(
            "headers.remove",
            "Removing takes all lines of a name; one that is not there is OK.",
            filter! { request_headers { r#"
                (call $status $"remove" (call $remove_value (i32.const 0) $"x-a"))
                (call $show $"get" (call $get_value (i32.const 0) $"x-a" &out))
                (call $status $"again" (call $remove_value (i32.const 0) $"x-a")) (i32.const 0)"# } },
            &["remove -> 0", "get -> 1", "again -> 0", "client 200"],
        )
        .exchange(duplicates()),
        Rule::new(
            "headers.empty-value",
            "An empty value is OK with no bytes.",
            filter! { request_headers { r#"
                (drop (call $add_value (i32.const 0) $"x-empty" (i32.const 0) (i32.const 0)))
                (call $show $"empty" (call $get_value (i32.const 0) $"x-empty" &out)) (i32.const 0)"# } },
            &["empty = ", "client 200"],
        ),
        Rule::new(
            "headers.unknown-map",
            "A header map above 7 is BAD_ARGUMENT; so is writing to a callout's.",
            filter! { request_headers { r#"
                (call $show $"eight" (call $get_value (i32.const 8) $"a" &out))
                (call $status $"six" (call $add_value (i32.const 6) $"a" $"b")) (i32.const 0)"# } },
            &["eight -> 2", "six -> 2", "client 200"],
        ),
        Rule::new(
            "headers.callout-map",
            "Outside of a callout's answer its headers are BAD_ARGUMENT, and its pairs empty.",
            filter! { request_headers { r#"
                (call $show $"value" (call $get_value (i32.const 6) $":status" &out))
                (call $show $"pairs" (call $get_header_map_pairs (i32.const 6) &out)) (i32.const 0)"# } },
            &["value -> 2", "pairs = ", "client 200"],
        )
        .otherwise(Profile::Gcp, &["value -> 2", "pairs -> 2", "client 200"]),

        Rule::new(
            "headers.set-pairs",
            "Setting the pairs replaces the whole map; its size is that of its names and values, in bytes.",
            filter! { response_headers { r#"
                (call $status $"set" (call $set_header_map_pairs (i32.const 2)
                  $"\02\00\00\00\07\00\00\00\03\00\00\00\03\00\00\00\01\00\00\00:status\00201\00X-A\001\00"))
                (call $show $"a" (call $get_value (i32.const 2) $"x-a" &out))
                (call $status $"size" (call $get_header_map_size (i32.const 2) &number))
                (call $number $"size" (i32.load &number))
                (call $status $"pairs" (call $get_header_map_pairs (i32.const 2) &out))
                (call $number $"pairs" (i32.load (i32.load (i32.const 1024)))) (i32.const 0)"# } },
            &["set -> 0", "a = 1", "size -> 0", "size = 14", "pairs -> 0", "pairs = 2", "client 201"],
        )
        .otherwise(Profile::Gcp, &["set -> 0", "a = 1", "size -> 0", "size = 2", "pairs -> 0", "pairs = 2", "client 201"]),
        Rule::new(
            "headers.set-malformed",
            "Pairs that are none empty the map.",
            filter! { response_headers { r#"
                (call $status $"set" (call $set_header_map_pairs (i32.const 2) $"\02\00\00\00\07\00\00\00"))
                (call $show $"status" (call $get_value (i32.const 2) $":status" &out))
                (call $status $"add" (call $add_value (i32.const 2) $":status" $"202")) (i32.const 0)"# } },
            &["set -> 0", "status -> 1", "add -> 0", "client 202"],
        ),
        Rule::new(
            "headers.anything-goes",
            "Pseudo headers can be changed like others; a name without letters and a value with a line break are taken.",
            filter! { response_headers { r#"
                (call $status $"status" (call $replace_value (i32.const 2) $":status" $"203"))
                (call $status $"no name" (call $add_value (i32.const 2) (i32.const 0) (i32.const 0) $"x"))
                (call $status $"line break" (call $add_value (i32.const 2) $"x-n" $"a\0ab")) (i32.const 0)"# } },
            &["status -> 0", "no name -> 0", "line break -> 0", "client 203"],
        )
        .confirmed(),
    ]
}
