//! The reference in `docs/filter-scenarios.md`: its examples are played, what it prints is what comes out, and it leaves nothing out.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::page::{Block, blocks};
use super::played::{directory, outgate, project, scenario, scenario_of};

fn reference() -> String {
    fs::read_to_string(project().join("docs/filter-scenarios.md")).unwrap()
}

fn indented(text: &str, by: usize) -> String {
    text.lines().map(|line| format!("{:by$}{line}\n", "")).collect()
}

#[test]
fn every_example_holds() {
    let mut played = 0;
    for block in blocks(&reference()).iter().filter(|block| block.info == "yaml") {
        let line = block.line;
        let spec = "filter: {wasm: filter.wasm, config: /admin}\n  upstreams: {authz: []}";
        let text = match block.comment.as_str() {
            "spec" => scenario_of(
                indented(&block.text, 2).trim(),
                "  - {name: one, request: {path: /public}}\n",
            ),
            "case" => scenario(&format!("  - name: one\n{}", indented(&block.text, 4))),
            "cases" => scenario_of(spec, &indented(&block.text, 2)),
            // Played by the console's block below it.
            file if file.ends_with(".yaml") => continue,
            other => panic!("docs/filter-scenarios.md:{line}: what is `{other}`?"),
        };
        let directory = directory(&[("s.yaml", &text), ("policy.json", "{}")]);
        let run = outgate(directory.path(), &["s.yaml"]);
        assert_eq!(run.status, 0, "docs/filter-scenarios.md:{line}\n{text}\n{}", run.text());
        played += 1;
    }
    assert!(played >= 10, "only {played} examples were found");
}

#[test]
fn what_it_prints_is_what_comes_out() {
    let blocks = blocks(&reference());
    let is_file = |block: &&Block| block.comment.ends_with(".yaml");
    let files: Vec<(&str, &str)> = blocks
        .iter()
        .filter(is_file)
        .map(|block| (block.comment.as_str(), block.text.as_str()))
        .collect();
    let directory = directory(&files);
    let mut count = 0;
    for block in blocks.iter().filter(|block| block.info == "console") {
        let (command, expected) = block.text.split_once('\n').unwrap();
        let arguments: Vec<&str> = command.strip_prefix("$ outgate test ").unwrap().split(' ').collect();
        let run = outgate(directory.path(), &arguments);
        assert_eq!(
            run.text().trim_end(),
            expected.trim_end(),
            "docs/filter-scenarios.md:{}",
            block.line
        );
        count += 1;
    }
    assert_eq!((count, files.len()), (3, 3), "each file is played once");
}

#[test]
fn it_tells_of_every_field_every_value_and_every_flag() {
    let document = reference();
    let schema = fs::read_to_string(project().join("docs/schema/filter-scenario.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let mut words = Vec::new();
    for (name, definition) in schema["definitions"].as_object().unwrap() {
        if name != "Metadata" && !name.ends_with("OfTable") {
            words.extend(
                definition["properties"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(field, _)| field.clone()),
            );
            values(definition, &mut words);
        }
    }
    let help = Command::new(env!("CARGO_BIN_EXE_outgate"))
        .args(["test", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let of_others = [
        "--config",
        "--extensions",
        "--in",
        "--map",
        "--envoy",
        "--output",
        "--color",
        "--help",
    ];
    let flags = help
        .lines()
        .filter_map(|line| line.trim().split([' ', ',']).find(|word| word.starts_with("--")));
    words.extend(flags.filter(|flag| !of_others.contains(flag)).map(str::to_owned));
    assert!(words.len() > 100, "{words:?}");
    let missing: Vec<&String> = words.iter().filter(|word| !tells_of(&document, word)).collect();
    assert!(
        missing.is_empty(),
        "docs/filter-scenarios.md says nothing of {missing:?}"
    );
}

/// The words that a value may be.
fn values(part: &Value, words: &mut Vec<String>) {
    match part {
        Value::Array(items) => items.iter().for_each(|item| values(item, words)),
        Value::Object(fields) => {
            let named = fields.get("enum").and_then(Value::as_array).into_iter().flatten();
            words.extend(
                named
                    .chain(fields.get("const"))
                    .filter_map(Value::as_str)
                    .map(str::to_owned),
            );
            fields.values().for_each(|field| values(field, words));
        }
        _ => {}
    }
}

/// A word in code, alone or followed by what it takes, or a key of an example.
fn tells_of(document: &str, word: &str) -> bool {
    ["`", " ", ":"]
        .iter()
        .any(|end| document.contains(&format!("`{word}{end}")) || document.contains(&format!("`spec.{word}{end}")))
        || document.contains(&format!("{{{word}:"))
}

#[test]
fn its_links_lead_somewhere() {
    let document = reference();
    let anchors: Vec<String> = document
        .lines()
        .filter_map(|line| {
            line.split_once("# ")
                .filter(|(marks, _)| marks.bytes().all(|byte| byte == b'#'))
        })
        .map(|(_, title)| format!("#{}", title.to_lowercase().replace(' ', "-")))
        .collect();
    let links: Vec<&str> = document
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .collect();
    assert!(links.len() > 20, "{links:?}");
    for link in links.iter().filter(|link| !link.starts_with("https://")) {
        let leads = if link.starts_with('#') {
            anchors.iter().any(|anchor| anchor == link)
        } else {
            project().join("docs").join(link).exists()
        };
        assert!(leads, "{link}: {anchors:?}");
    }
}
