//! Tests that a suite wants measured.

use super::{directory, outgate};

const SUITE: &str = r#"
env { wasm_path: "plugin.wasm" num_additional_streams: 5 }
test { name: "not measured" }
test {
  name: "measured"
  benchmark: true
  chunk_size: 2
  request_headers { input { header { key: ":path" value: "/" } } result { has_header { key: "seen" value: "no" } } }
  request_body { input { content: "abcdef" } }
  response_headers { }
}
test { name: "measured, too" benchmark: true }
test { name: "dead" benchmark: true request_headers { input { header { key: "x-do" value: "trap" } } } }
"#;

#[test]
fn benchmarks_are_measured_without_a_verdict() {
    let directory = directory(&[("tests.textpb", SUITE)]);
    let run = outgate(directory.path(), &["tests.textpb", "--json"]);
    let report = run.json();
    // The verdict is that of the expectations, as without.
    assert_eq!(
        (&report["passed"], &report["failed"]),
        (&2.into(), &2.into()),
        "{}",
        run.err
    );
    let benchmarks = report["suites"][0]["benchmarks"]
        .as_array()
        .expect("there are benchmarks");
    let names: Vec<_> = benchmarks.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["plugin lifecycle", "stream lifecycle", "measured", "measured, too"]
    );
    let number = |index: usize, field: &str| benchmarks[index][field].as_u64().expect("a number");
    for (index, benchmark) in benchmarks[..3].iter().enumerate() {
        assert!(number(index, "fuel") > 10 && number(index, "timeNs") > 0, "{benchmark}");
        assert!(
            number(index, "rounds") > 1 && number(index, "memory") == 4 << 16,
            "{benchmark}"
        );
        assert_eq!(benchmark["trap"], serde_json::Value::Null);
    }
    // Nothing is called but what stands around a stream.
    assert_eq!(number(3, "fuel"), 0);
    // Only callbacks of messages count: three pieces cost more than the ends of a stream.
    assert!(number(2, "fuel") > 3 * number(1, "fuel"), "{report}");

    let again = outgate(directory.path(), &["tests.textpb", "--json"]).json();
    for (index, benchmark) in benchmarks.iter().enumerate() {
        assert_eq!(again["suites"][0]["benchmarks"][index]["fuel"], benchmark["fuel"]);
    }
}

#[test]
fn streams_that_are_open_meanwhile_make_a_plugin_keep_what_it_keeps() {
    // It keeps a page for each stream until the stream is deleted, and never more than it has kept.
    let plugin = r#"(module
      (func (export "proxy_abi_version_0_2_1")) (memory (export "memory") 1)
      (global $open (mut i32) (i32.const 0))
      (func (export "malloc") (param i32) (result i32) (i32.const 1024))
      (func (export "proxy_on_context_create") (param $id i32) (param $parent i32)
        (if (local.get $parent) (then (global.set $open (i32.add (global.get $open) (i32.const 1)))
          (if (i32.gt_u (global.get $open) (memory.size)) (then (drop (memory.grow (i32.const 1))))))))
      (func (export "proxy_on_delete") (param $id i32) (global.set $open (i32.sub (global.get $open) (i32.const 1))))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0)))"#;
    let suite = |streams: u32| {
        format!(
            "env {{ num_additional_streams: {streams} additional_stream_advance_rate: 2 }} test {{ name: 'a' benchmark: true request_headers {{ }} }}"
        )
    };
    let (few, many) = (suite(0), suite(20));
    let directory = directory(&[("few.textpb", &few), ("many.textpb", &many)]);
    std::fs::write(directory.path().join("plugin.wasm"), wat::parse_str(plugin).unwrap()).unwrap();
    let memory = |file: &str| {
        let run = outgate(directory.path(), &[file, "--filter", "plugin.wasm", "--json"]);
        run.json()["suites"][0]["benchmarks"][2]["memory"]
            .as_u64()
            .expect("a number")
            >> 16
    };
    assert_eq!((memory("few.textpb"), memory("many.textpb")), (1, 21));
}
