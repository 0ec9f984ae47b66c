//! `docs/plugin-tester-suites.md` shows what the command prints.

use std::fs;
use std::path::{Path, PathBuf};

use super::page::{blocks, steps};
use super::{directory, outgate};

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Times are another machine's: they are compared by their units' places only.
fn without_times(text: &str) -> String {
    let shown = text.lines().map(|line| {
        let words = line.split(' ').collect::<Vec<_>>();
        let is_time = |index: usize| matches!(words.get(index + 1), Some(&("ns" | "µs" | "ms")));
        let words = words
            .iter()
            .enumerate()
            .filter(|(index, word)| !word.is_empty() && !is_time(*index));
        let words = words.map(|(_, word)| {
            if matches!(*word, "ns" | "µs" | "ms") {
                "TIME"
            } else {
                word
            }
        });
        words.collect::<Vec<_>>().join(" ")
    });
    shown.collect::<Vec<_>>().join("\n").trim().to_owned()
}

#[test]
fn the_page_shows_what_the_command_prints() {
    let page = fs::read_to_string(project().join("docs/plugin-tester-suites.md")).expect("the page can be read");
    let example = project().join("examples/plugin-tester");
    let suite = fs::read_to_string(example.join("tests.textpb")).expect("the suite can be read");
    let directory = directory(&[("tests.textpb", &suite)]);
    let wasm = wat::parse_file(example.join("plugin.wat")).expect("the plugin is one");
    fs::write(directory.path().join("plugin.wasm"), wasm).unwrap();

    let blocks = blocks(&page);
    let shown = blocks.iter().find(|block| block.info == "textproto");
    let shown = shown.expect("the page shows a part of the suite");
    assert!(suite.contains(&shown.text), "the page shows a part of the suite");
    let of_console = blocks.iter().filter(|block| block.text.starts_with("$ "));
    let [passes, fails] = &of_console.flat_map(steps).collect::<Vec<_>>()[..] else {
        panic!("the page has two commands");
    };
    assert_eq!(passes.command, "outgate test tests.textpb");
    assert_eq!(fails.command, "outgate test tests.textpb --case 'without a token'");
    let passing = outgate(directory.path(), &["tests.textpb"]);
    assert_eq!(
        without_times(&passes.printed),
        without_times(&passing.out),
        "{}",
        passing.err
    );
    let wrong = suite.replace("http_status: 403", "http_status: 401");
    fs::write(directory.path().join("tests.textpb"), wrong).unwrap();
    let failing = outgate(directory.path(), &["tests.textpb", "--case", "without a token"]);
    assert_eq!(without_times(&fails.printed), without_times(&failing.out));
}
