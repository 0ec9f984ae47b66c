//! Values that a pattern of a policy matches, or just misses.

use serde_json::{Value, json};

use crate::attribute::About;
use crate::random::Random;

/// How many of the values are changed a little, in percent.
const MISSES: usize = 22;

/// A text for a pattern with one wildcard, the wildcard filled with one of `fillers`.
pub(crate) fn text(random: &mut Random, pattern: &str, fillers: &[&str]) -> String {
    let hit = hit(random, pattern, fillers);
    if random.chance(MISSES) {
        mutated(random, &hit)
    } else {
        hit
    }
}

fn hit(random: &mut Random, pattern: &str, fillers: &[&str]) -> String {
    let mut filler = || random.text(fillers);
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => filler() + end,
        (None, Some(start)) => start.to_owned() + &filler(),
        (None, None) => pattern.to_owned(),
    }
}

/// The text with one small change.
pub(crate) fn mutated(random: &mut Random, text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let place = random.below(characters.len() + 1);
    match random.below(5) {
        0 => characters.insert(place, random.pick(&['x', '/', '.', '-', '1'])),
        1 => characters.push(random.pick(&['x', '/', '.', '1'])),
        2 => drop(characters.pop()),
        3 if place < characters.len() => drop(characters.remove(place)),
        _ => {
            let letters = characters.iter_mut().filter(|letter| letter.is_ascii_lowercase());
            if let Some(letter) = letters.last() {
                letter.make_ascii_uppercase();
            }
        }
    }
    characters.into_iter().collect()
}

/// A name in a certificate for a constraint on the caller; `namespace` is that of the policy.
pub(crate) fn caller_uri(random: &mut Random, about: About, value: &str, namespace: &str) -> String {
    let domain = random.text(&["cluster.local", "td", "old", "other"]);
    match about {
        About::Namespace => {
            let parts: Vec<&str> = value.split('*').collect();
            let name = parts.join(&random.text(&["", "x", "a/b"]));
            let name = if random.chance(MISSES) {
                mutated(random, &name)
            } else {
                name
            };
            format!("spiffe://{domain}/ns/{name}/sa/sleep")
        }
        About::ServiceAccount => {
            let (namespace, account) = value.split_once('/').unwrap_or((namespace, value));
            let account = text(random, account, &[]);
            let extra = random.text(&["", "", "", "x/"]);
            let tail = random.text(&["", "", "", "/more"]);
            format!("spiffe://{domain}/ns/{namespace}/{extra}sa/{account}{tail}")
        }
        About::TrustDomain => {
            let domain = text(random, value, &["td", "x", "a.b", "local"]);
            format!("spiffe://{domain}/ns/default/sa/sleep")
        }
        _ => {
            let fillers = [
                "x",
                "td/ns/default/sa/sleep",
                "ns/default/sa/sleep",
                "ns/default",
                "leep",
            ];
            format!("spiffe://{}", text(random, value, &fillers))
        }
    }
}

/// A path for a path pattern, text or template.
pub(crate) fn path(random: &mut Random, pattern: &str) -> String {
    if !pattern.contains('{') {
        return text(random, pattern, &["", "x", "/x", "/a/b", "/y", "index"]);
    }
    let segments: Vec<String> = pattern
        .split('/')
        .map(|segment| template_segment(random, segment))
        .collect();
    let path = segments.join("/");
    if random.chance(MISSES) {
        mutated(random, &path)
    } else {
        path
    }
}

fn template_segment(random: &mut Random, segment: &str) -> String {
    match segment {
        "{*}" => random.text(&[
            "a", "7", "a;v=1", "%41", "%zz", "a%20b", "", "a*b", "a=b", "é", "a\"b", "a,b", "~", "a|b",
        ]),
        "{**}" => random.text(&[
            "a", "a/b", "", "/", "a//b", "a/b=c", "..", "a/../b", "x/é", "a/*", "a^b",
        ]),
        literal => literal.to_owned(),
    }
}

/// The issuer and the subject for a request principal.
pub(crate) fn request_principal(random: &mut Random, pattern: &str) -> (String, String) {
    let (issuer, subject) = pattern.rsplit_once('/').unwrap_or((pattern, "*"));
    let issuer = text(random, issuer, &["https://issuer.example", "i", "https://x.example"]);
    (issuer, text(random, subject, &["alice", "bob", "s"]))
}

/// A claim's value that has the aimed-at text in it somewhere, or nearly.
pub(crate) fn claim(random: &mut Random, pattern: &str) -> Value {
    let text = text(random, pattern, &["x", "read", "1", ""]);
    match random.below(12) {
        0..5 => json!(text),
        5..8 => json!(["other", text]),
        8 => json!([1, null, [text], text]),
        9 => json!([[text]]),
        10 => json!(format!("{text} other")),
        _ => odd_claim(random),
    }
}

/// A claim's value of any type.
pub(crate) fn odd_claim(random: &mut Random) -> Value {
    let values = [
        json!(null),
        json!(true),
        json!(1),
        json!(1.5),
        json!(""),
        json!([]),
        json!({}),
        json!({"b": "x"}),
        json!({"b": {"c": ["x", "read"]}}),
        json!({"b": ["x"]}),
        json!("x"),
        json!("read write"),
        json!(["read", "write"]),
        json!([""]),
    ];
    random.pick(&values)
}

/// An address in a block, or near it.
pub(crate) fn address(random: &mut Random, block: &str) -> String {
    let base = block.split('/').next().unwrap_or_default();
    match (base, random.below(4)) {
        ("10.0.0.0", _) => "10.1.2.3".to_owned(),
        ("0.0.0.0", 0) => "203.0.113.8".to_owned(),
        ("::" | "0.0.0.0", _) | (_, 0) => {
            random.text(&["10.1.2.200", "192.168.7.9", "2001:db8::7", "203.0.113.7", "::1"])
        }
        _ => base.to_owned(),
    }
}
