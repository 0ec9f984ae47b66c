//! `docs/proxy-wasm-host.md`: the table of rules, generated.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use outgate_test_host::Profile;

use crate::rule::{Origin, Rule};

/// Set to anything, the document is written instead of compared.
const UPDATE: &str = "OUTGATE_UPDATE";

const HEAD: &str = "\
# What a Proxy-Wasm host owes a filter

Each rule here is a tiny filter that logs what it meets. It runs in the test host, in each of its profiles, and in a real Envoy,
and the same lines must be logged: the rules and this page are made by `test-host/tests/conformance`, where each rule's filter can
be read.

* **envoy**, **spec**, **gcp**: the profiles of the test host; `gcp` is what the tester of Google's service extensions does. `yes`:
  the rule holds. `otherwise`: in this profile something else holds, which is tested as well. `—`: the rule means nothing there.
* **real Envoy**: `yes`: the very filter was run in it, and was answered so. `confirmed`: so was a rule that had only been concluded
  or remembered before. `corrected`: the trial showed a rule to be other than was believed; below the tables is what was believed.

To write it anew: `OUTGATE_UPDATE=1 cargo test -p outgate-test-host --test conformance`, with `ENVOY` set to an Envoy.
";

/// Compares the document with the rules.
pub(crate) fn check(rules: &[Rule]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/proxy-wasm-host.md");
    let text = render(rules);
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&path, text).expect("the document can be written");
        return;
    }
    let known = fs::read_to_string(&path).expect("docs/proxy-wasm-host.md can be read");
    assert!(
        known == text,
        "docs/proxy-wasm-host.md is not the table of the rules any more: {UPDATE}=1 writes it anew"
    );
}

fn render(rules: &[Rule]) -> String {
    let mut text = HEAD.to_owned();
    let mut group = "";
    for rule in rules {
        let (of, _) = rule.id.split_once('.').unwrap_or((rule.id, ""));
        if of != group {
            group = of;
            _ = write!(
                text,
                "\n## {group}\n\n| rule | | envoy | spec | gcp | real Envoy |\n|---|---|---|---|---|---|\n"
            );
        }
        let profile = |profile| match rule.expected(profile) {
            None => "—",
            Some(seen) if rule.expected(Profile::Envoy) == Some(seen) => "yes",
            Some(_) => "otherwise",
        };
        let envoy = match rule.origin {
            Origin::Written => "yes",
            Origin::Confirmed => "confirmed",
            Origin::Corrected(_) => "corrected",
        };
        _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} | {envoy} |",
            rule.id,
            rule.says,
            profile(Profile::Envoy),
            profile(Profile::Spec),
            profile(Profile::Gcp)
        );
    }
    let corrected = rules.iter().filter_map(|rule| match rule.origin {
        Origin::Corrected(belief) => Some((rule, belief)),
        _ => None,
    });
    text += "\n## What was believed\n\n";
    for (rule, belief) in corrected {
        _ = writeln!(text, "* `{}`: {belief}", rule.id);
    }
    text
}
