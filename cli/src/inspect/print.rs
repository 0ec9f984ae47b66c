//! What was found, for people.

use std::path::Path;

use super::module::Inspected;
use crate::output::{ERROR, FAINT, PLAIN, STRONG, WARNING};

/// So small a section is not worth a word.
const SMALL: u64 = 1000;

pub(super) fn text(path: &Path, found: &Inspected) {
    anstream::println!("{STRONG}{}{PLAIN}: {}", path.display(), kilobytes(found.size));
    fact("ABI", &or(&found.abi.join(", "), "none"));
    fact("made with", &or(&found.made_with.join(", "), "it does not say"));
    if let Some(memory) = found.memory {
        let most = memory.most.map_or_else(
            || "without a limit of its own".to_owned(),
            |most| format!("at most {}", pages(most)),
        );
        fact("memory", &format!("{} at the start, {most}", pages(memory.pages)));
    }
    let sections = found.sections.iter().filter(|(_, size)| *size >= SMALL);
    let sections: Vec<String> = sections
        .map(|(name, size)| format!("{name} {}", kilobytes(*size)))
        .collect();
    fact("sections", &or(&sections.join(", "), "all small"));
    list("is called", found.called.iter().map(|moment| moment.text()));
    list("can", found.can.iter().map(|capability| capability.text()));
    if !found.wasi.is_empty() {
        list("imports of WASI", found.wasi.iter().map(String::as_str));
    }
    for import in &found.unknown_imports {
        anstream::println!(
            "{WARNING}warning{PLAIN}: `{import}` is neither Proxy-Wasm's nor WASI's: most proxies do not load the module"
        );
    }
    for problem in &found.problems {
        anstream::println!("{ERROR}error{PLAIN}: {problem}");
    }
}

fn fact(name: &str, value: &str) {
    anstream::println!("  {FAINT}{name:<10}{PLAIN} {value}");
}

fn list<'a>(name: &str, lines: impl Iterator<Item = &'a str>) {
    anstream::println!("  {FAINT}{name}{PLAIN}");
    let mut is_empty = true;
    for line in lines {
        is_empty = false;
        anstream::println!("    {line}");
    }
    if is_empty {
        anstream::println!("    nothing");
    }
}

fn or(text: &str, otherwise: &str) -> String {
    if text.is_empty() { otherwise } else { text }.to_owned()
}

fn kilobytes(bytes: u64) -> String {
    format!("{} KB", bytes.div_ceil(1000))
}

fn pages(pages: u64) -> String {
    format!("{} KiB", pages * 64)
}
