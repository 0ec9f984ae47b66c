//! Pages of the documentation are true: their files are written as they stand there, their commands are run in the page's order, and
//! what they print is what the page shows.

#[path = "pages/page.rs"]
mod page;

use std::fs;
use std::path::Path;
use std::process::Command;

use page::{Step, blocks, is_as_shown, steps};
use tempfile::TempDir;

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

fn is_true(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let page = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let directory = tempfile::tempdir().expect("a directory");
    let mut commands = 0;
    for block in blocks(&page) {
        if let Some((_, file)) = block.info.split_once(' ') {
            fs::write(directory.path().join(file), &block.text).expect("a file can be written");
        } else if block.info == "console" {
            for Step { command, printed } in steps(&block) {
                let output = run(&command, &directory);
                assert!(
                    is_as_shown(&printed, &output),
                    "{command}\nis shown to print\n{printed}\nand prints\n{output}"
                );
                commands += 1;
            }
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
