//! What a scenario says of the filter and its proxy.

use super::played::{check, check_beside, directory, outgate, scenario_of};

#[test]
fn a_configuration_is_a_text_a_file_or_json() {
    const GATE: &str = "filter: {wasm: filter.wasm, config: /admin}";
    check_beside(
        GATE,
        &[("path.txt", "/from-file")],
        r#"
the scenario's is for all cases
    request: {path: /admin}, expect: {reply: {status: 403}}
a case may have its own
    config: /own, request: {path: /own}, expect: {reply: {status: 403}}
it may be in a file
    config: {file: path.txt}, request: {path: /from-file}, expect: {reply: {status: 403}}
an object is handed over as JSON
    config: {b: 1, a: [true]}, request: {path: '{"a":[true],"b":1}'}, expect: {reply: {status: 403}}
a list, too
    config: [1, a], request: {path: '[1,"a"]'}, expect: {reply: {status: 403}}
"#,
    );
    check_beside(
        "filter: {wasm: filter.wasm, config: {file: path.txt}}",
        &[("path.txt", "/from-file")],
        "the scenario's may be in a file\n    request: {path: /from-file}, expect: {reply: {status: 403}}",
    );
}

#[test]
fn the_vm_has_what_the_scenario_says() {
    for (spec, rows) in [
        (
            "config: m, vmConfig: {a: 1}",
            r#"
its configuration
    expect: {reply: {body: '{"a":1}'}}
"#,
        ),
        (
            "config: m, vmConfig: text",
            r#"
its configuration as a text
    expect: {reply: {body: text}}
"#,
        ),
        (
            "config: e, env: {POD: a, ZONE: b}",
            r#"
environment variables, in order
    expect: {reply: {body: "POD=a\0ZONE=b\0"}}
"#,
        ),
        (
            "config: c",
            r#"
a clock that stands at the beginning of 2026
    expect: {reply: {body: {base64: AAD67VFyhhg=}}}
"#,
        ),
        (
            "config: c, clock: '1970-01-01T00:00:01Z'",
            r#"
a clock that stands where it says
    expect: {reply: {body: {base64: AMqaOwAAAAA=}}}
"#,
        ),
        (
            "config: c, clock: 258",
            r#"
a clock in nanoseconds
    expect: {reply: {body: {base64: AgEAAAAAAAA=}}}
"#,
        ),
        (
            "config: pplugin_name, name: shop",
            r#"
a name
    expect: {reply: {body: shop}}
"#,
        ),
        (
            "config: pplugin_root_id, rootId: root",
            r#"
a root id
    expect: {reply: {body: root}}
"#,
        ),
        (
            "config: pplugin_vm_id, vmId: vm",
            r#"
a VM's id
    expect: {reply: {body: vm}}
"#,
        ),
        (
            r#"config: "pxds\0cluster_name", properties: {xds.cluster_name: up}"#,
            r#"
properties that all requests have
    expect: {reply: {body: up}}
and which a request may have otherwise
    request: {properties: {xds.cluster_name: own}}, expect: {reply: {body: own}}
"#,
        ),
    ] {
        check(&format!("filter: {{wasm: probe.wasm, {spec}}}"), rows);
    }
}

#[test]
fn random_numbers_follow_from_the_seed() {
    let of_seed = |seed: u64| {
        scenario_of(
            &format!("filter: {{wasm: probe.wasm, config: 'n', seed: {seed}}}"),
            "  - {name: one, expect: {reply: {body: {file: random}}}}\n  - {name: two, expect: {reply: {body: {file: random}}}}\n",
        )
    };
    let directory = directory(&[("7.yaml", &of_seed(7)), ("8.yaml", &of_seed(8))]);
    let play = |arguments: &[&str]| outgate(directory.path(), arguments).status;
    assert_eq!(play(&["7.yaml", "--update"]), 0, "both cases have the same numbers");
    assert_eq!((play(&["7.yaml"]), play(&["8.yaml"])), (0, 1));
}

#[test]
fn a_dead_filter_is_treated_as_the_scenario_says() {
    const TWO: &str = "steps: [{requestHeaders: {path: /die}, expect: {trap: true}}, {requestHeaders: {path: /}}";
    for (policy, rows) in [
        (
            "closed",
            format!("later requests fail\n    {TWO}], expect: {{end: failed, response: {{status: 503}}}}"),
        ),
        (
            "open",
            format!("later requests pass it by\n    {TWO}], expect: {{end: forwarded}}"),
        ),
        (
            "reload",
            format!(
                "it comes back after a while\n    {TWO}, {{advance: 2s}}, {{requestHeaders: {{path: /}}}}], expect: {{end: forwarded}}"
            ),
        ),
    ] {
        check(
            &format!("filter: {{wasm: probe.wasm, config: w, onFailure: {policy}}}"),
            &rows,
        );
    }
}

#[test]
fn a_proxy_is_what_the_scenario_says() {
    for (profile, row) in [
        (
            "envoy",
            "a filter that pauses at headers holds the request\n    expect: {end: paused}",
        ),
        (
            "gcp",
            "one that the service extensions run holds nothing\n    expect: {end: forwarded}",
        ),
    ] {
        check(
            &format!("filter: {{wasm: probe.wasm, config: h, profile: {profile}}}"),
            row,
        );
    }
    check(
        "filter: {wasm: probe.wasm, config: H, bufferLimit: 8}",
        "a body above its buffer overflows\n    request: {body: '123456789'}, expect: {end: overflowed, response: {status: 413}}
one below it does not\n    request: {body: '12345678'}, expect: {end: paused}",
    );
    for (allows, called) in [(false, false), (true, true)] {
        check(
            &format!("filter: {{wasm: probe.wasm, config: h, allowOnHeadersStopIteration: {allows}}}"),
            &format!("bodies come or do not come to a filter that holds headers
    steps: [{{requestHeaders: {{}}, expect: {{action: pause}}}}, {{requestBody: {{chunk: a}}, expect: {{called: {called}}}}}]"),
        );
    }
    check(
        "filter: {wasm: probe.wasm, config: s, workers: 2}",
        "each worker has a VM of its own, and logs are those of all
    steps: [{worker: 1}, {requestHeaders: {}}, {advance: 100ms, expect: {metrics: {ticks: +2}, logs: {contains: tick}}}, {worker: 0},
    {expect: {logs: {notContains: tick}}}]",
    );
}
