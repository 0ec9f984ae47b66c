//! Pages of the documentation are true: their files are written as they stand there, their commands are run in the page's order, and
//! what they print is what the page shows.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// What a page leaves out of an output.
const ELISION: &str = "…";

/// A block of code: what stands behind its fence, and its lines.
struct Block<'p> {
    info: &'p str,
    text: &'p str,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let inside = page.split("```").skip(1).step_by(2);
    inside
        .map(|block| {
            let (info, text) = block.split_once('\n').expect("a block has lines");
            Block { info, text }
        })
        .collect()
}

/// Runs one line of the page, as a shell does.
fn run(line: &str, directory: &TempDir) -> String {
    let outgate = Path::new(env!("CARGO_BIN_EXE_outgate"))
        .parent()
        .expect("its directory");
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("sh")
        .args(["-c", &format!("{line} 2>&1")])
        .current_dir(directory)
        .env("PATH", format!("{}:{path}", outgate.display()))
        .output()
        .expect("sh");
    String::from_utf8(output.stdout).expect("text")
}

/// Whether an output is as it is shown: whole from the first line to the last, but for what is elided.
fn is_as_shown(shown: &str, output: &str) -> bool {
    let parts: Vec<&str> = shown.split(ELISION).map(str::trim).collect();
    let output = output.trim();
    let [first, .., last] = parts.as_slice() else {
        return output == shown.trim();
    };
    let mut rest = output;
    let in_order = parts.iter().all(|part| match rest.split_once(*part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    });
    in_order && output.starts_with(first) && output.ends_with(last)
}

fn is_true(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let page = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let directory = tempfile::tempdir().expect("a directory");
    let mut commands = 0;
    for Block { info, text } in blocks(&page) {
        match info.split_once(' ') {
            Some((_, file)) => fs::write(directory.path().join(file), text).expect("a file can be written"),
            None if info == "console" => {
                for step in text.split("\n$ ") {
                    let step = step.trim_start_matches("$ ");
                    let (command, shown) = step.split_once('\n').unwrap_or((step, ""));
                    let output = run(command, &directory);
                    assert!(
                        is_as_shown(shown, &output),
                        "{command}\nis shown to print\n{shown}\nand prints\n{output}"
                    );
                    commands += 1;
                }
            }
            None => {}
        }
    }
    assert!(commands > 0, "a page without a command shows nothing");
}

#[test]
fn the_page_on_canonical_matching_is_true() {
    is_true("canonical-matching.md");
}

#[test]
fn the_page_on_connections_is_true() {
    is_true("connections.md");
}

#[test]
fn the_page_on_external_authorizers_is_true() {
    is_true("external-authorizer.md");
}

#[test]
fn the_page_on_sidecars_is_true() {
    is_true("sidecar.md");
}

#[test]
fn what_is_not_as_shown_is_seen() {
    for (shown, output, expected) in [
        ("a\nb", "a\nb\n", true),
        ("a\n…\nc", "a\nb\nc\n", true),
        ("…\nb", "a\nb\n", true),
        ("a\n…", "a\nb\n", true),
        ("a", "a\nb\n", false),
        ("b", "a\nb\n", false),
        ("a\n…\nd", "a\nb\nc\n", false),
        ("b\n…\na", "a\nb\n", false),
        ("", "a\n", false),
    ] {
        assert_eq!(is_as_shown(shown, output), expected, "{shown:?} {output:?}");
    }
}
