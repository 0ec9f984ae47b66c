//! The documentation shows code that is there.

use std::fs;
use std::path::Path;

#[test]
fn code_in_the_guide_is_that_of_the_examples() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let guide = fs::read_to_string(root.join("docs/test-your-filter.md")).expect("the guide can be read");
    let mut blocks = 0;
    for part in guide.split("<!-- ").skip(1) {
        let (file, rest) = part
            .split_once(" -->\n```rust\n")
            .expect("a file is named before its code");
        let (code, _) = rest.split_once("```").expect("a block of code ends");
        let source = fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(source.contains(code), "{file} has not:\n{code}");
        blocks += 1;
    }
    assert!(blocks > 3, "the guide shows code: {blocks}");
}
