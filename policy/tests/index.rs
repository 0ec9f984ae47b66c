//! The index finds what a plain walk over all rules finds.
//!
//! `OUTGATE_CASES` says how many requests are compared.

#![allow(clippy::type_complexity, reason = "a row's type is the table's heading")]

mod support;

use outgate_policy::config::{Mesh, PluginType};
use outgate_policy::resource::AuthorizationPolicy;
use outgate_policy::{Action, Engine, Policy, RuleName, Verdict, explain};
use serde_json::{Value, json};
use support::Call;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // Knuth's multiplier and increment; the upper bits are the good ones.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.roll(texts.len())]
    }

    /// One of many texts, and now and then a pattern that takes several of them.
    fn value(&mut self, many: usize, stem: &str) -> String {
        let number = self.roll(many);
        match self.roll(60) {
            0 => format!("{stem}{}*", number % 10),
            1 => format!("*{}", number % 100),
            2 => "*".to_owned(),
            _ => format!("{stem}{number}"),
        }
    }

    fn values(&mut self, many: usize, stem: &str) -> Value {
        // Beyond 32, values are looked up.
        let count = [1, 1, 1, 2, 3, 12, 1, 1, 2, 40][self.roll(10)];
        json!((0..count).map(|_| self.value(many, stem)).collect::<Vec<_>>())
    }
}

const MOSTLY_PRINCIPALS: &[&str] = &[
    "principals",
    "principals",
    "principals",
    "principals",
    "principals",
    "notPrincipals",
];
const MOSTLY_HOSTS: &[&str] = &[
    "hosts", "hosts", "hosts", "hosts", "hosts", "hosts", "hosts", "notHosts",
];
const MOSTLY_PATHS: &[&str] = &["paths", "paths", "paths", "paths", "paths", "paths", "notPaths"];

/// A rule over so many hosts, paths and principals that rules share some of them.
fn rule(dice: &mut Dice, many: usize) -> Value {
    let mut from = Vec::new();
    let mut to = Vec::new();
    let mut when = Vec::new();
    // Now and then more combinations than are multiplied out.
    let alternatives = [1, 1, 1, 2, 9][dice.roll(5)];
    for _ in 0..alternatives {
        let mut source = json!({});
        if dice.roll(3) > 0 {
            source[dice.pick(MOSTLY_PRINCIPALS)] = dice.values(many, "td/ns/a/sa/s");
        }
        if dice.roll(4) == 0 {
            source["ipBlocks"] = json!([format!("10.0.{}.0/{}", dice.roll(4), 20 + dice.roll(5))]);
        }
        if source != json!({}) {
            from.push(json!({ "source": source }));
        }
        let mut operation = json!({});
        if dice.roll(3) > 0 {
            operation[dice.pick(MOSTLY_HOSTS)] = dice.values(many, "h");
        }
        if dice.roll(2) == 0 {
            let number = dice.roll(many);
            operation[dice.pick(MOSTLY_PATHS)] = match dice.roll(5) {
                0 => json!([format!("/p{number}/{{*}}")]),
                1 => json!([format!("/{{**}}/q{}", number % 7)]),
                2 => json!([format!("/p{number}/*")]),
                _ => json!([format!("/p{number}")]),
            };
        }
        if dice.roll(6) == 0 {
            operation["methods"] = json!([dice.pick(&["GET", "POST", "*"])]);
        }
        if operation != json!({}) {
            to.push(json!({ "operation": operation }));
        }
    }
    if to.is_empty() {
        to.push(json!({"operation": {"hosts": dice.values(many, "h"), "paths": [format!("/p{}", dice.roll(many))]}}));
    }
    if dice.roll(5) == 0 {
        let key = dice.pick(&["values", "notValues"]);
        when.push(json!({"key": "request.headers[x]", key: dice.values(9, "v")}));
    }
    json!({"from": from, "to": to, "when": when})
}

fn policies(dice: &mut Dice, count: usize, many: usize) -> Vec<Policy> {
    let checked = (0..count).map(|number| {
        let rules: Vec<Value> = (0..=dice.roll(3)).map(|_| rule(dice, many)).collect();
        // Most of them deny, so that which rule is the first to match is asked often.
        let action = dice.pick(&["DENY", "DENY", "DENY", "ALLOW"]);
        let written = json!({
            "metadata": {"namespace": "n", "name": format!("p{number}")},
            "spec": {"action": action, "rules": rules}
        });
        let written: AuthorizationPolicy = serde_json::from_value(written).unwrap();
        Policy::check(written).unwrap().policy
    });
    checked.collect()
}

fn call(dice: &mut Dice, many: usize) -> Call {
    let number = dice.roll(many);
    let path = match dice.roll(4) {
        0 => format!("/p{number}/x"),
        1 => format!("/y/q{}", number % 7),
        _ => format!("/p{number}"),
    };
    let call = Call::get(&format!("h{}{path}", dice.roll(many))).source_ip(&format!(
        "10.0.{}.{}",
        dice.roll(5),
        dice.roll(255)
    ));
    let call = match dice.roll(8) {
        0 => call,
        _ => call.by(&format!("td/ns/a/sa/s{}", dice.roll(many))),
    };
    match dice.roll(3) {
        0 => call.header("x", format!("v{}", dice.roll(9))),
        _ => call,
    }
}

/// The verdict and the rule that a walk over all policies gives.
fn walk(policies: &[Policy], call: &Call) -> (Verdict, Option<RuleName>) {
    let explanations = explain(PluginType::Http, policies, &Mesh::default(), call).unwrap();
    let first = |action: &Action| {
        let of_action = explanations.iter().filter(|explanation| explanation.action == *action);
        let matched = of_action
            .flat_map(|explanation| &explanation.rules)
            .filter(|rule| rule.matched());
        matched.map(|rule| rule.rule.clone()).min()
    };
    if let Some(rule) = first(&Action::Deny) {
        return (Verdict::Deny, Some(rule));
    }
    if !policies.iter().any(|policy| *policy.action() == Action::Allow) {
        return (Verdict::Allow, None);
    }
    match first(&Action::Allow) {
        Some(rule) => (Verdict::Allow, Some(rule)),
        None => (Verdict::Deny, None),
    }
}

#[test]
fn the_index_finds_what_a_walk_finds() {
    let cases: usize = std::env::var("OUTGATE_CASES").map_or(6_000, |cases| cases.parse().unwrap());
    let mut dice = Dice(1);
    let mut matched = 0;
    let mut compared = 0;
    while compared < cases {
        let count = [1, 3, 10, 40, 150, 600, 2000][dice.roll(7)];
        let many = [2, 20, 500][dice.roll(3)];
        let policies = policies(&mut dice, count, many);
        let engine = Engine::compile(PluginType::Http, &policies, &Mesh::default(), None).unwrap();
        // A walk over many policies is slow; the work is about the same for each size.
        for _ in 0..(20_000 / count).clamp(20, 200) {
            let call = call(&mut dice, many);
            let decision = engine.decide(&call).unwrap();
            let walked = walk(&policies, &call);
            assert_eq!(
                (decision.verdict, decision.rule),
                (walked.0, walked.1.as_ref()),
                "{call:?} with {count} policies"
            );
            matched += usize::from(decision.rule.is_some());
            compared += 1;
        }
    }
    println!("{compared} requests compared, {matched} decided by a rule");
    assert!(
        matched * 5 > compared && matched * 20 < compared * 19,
        "{matched} of {compared} decided by a rule"
    );
}

/// Policies that are alike but for one field, each of which must still be told from the others.
#[test]
fn policies_that_differ_in_one_field_are_told_apart() {
    const COUNT: usize = 500;
    let families: [(&str, fn(usize) -> Value, fn(usize) -> Call); 8] = [
        (
            "the last principal",
            |n| json!({"from": [{"source": {"principals": [format!("td/ns/a/sa/s{n}")]}}], "to": [{"operation": {"hosts": ["h"], "paths": ["/p"], "methods": ["GET"]}}]}),
            |n| Call::get("h/p").by(&format!("td/ns/a/sa/s{n}")),
        ),
        (
            "the last path",
            |n| json!({"to": [{"operation": {"hosts": ["h"], "paths": [format!("/p{n}")]}}]}),
            |n| Call::get(&format!("h/p{n}")),
        ),
        (
            "the last suffix",
            |n| json!({"to": [{"operation": {"hosts": [format!("*.d{n}")]}}]}),
            |n| Call::get(&format!("a.b.d{n}/")),
        ),
        (
            "the last template",
            |n| json!({"to": [{"operation": {"paths": [format!("/{{*}}/p{n}/{{**}}")]}}]}),
            |n| Call::get(&format!("h/a/p{n}/x/y")),
        ),
        (
            "the last network",
            |n| json!({"from": [{"source": {"ipBlocks": [format!("10.{}.{}.0/24", n / 250, n % 250)]}}]}),
            |n| Call::get("h/").source_ip(&format!("10.{}.{}.7", n / 250, n % 250)),
        ),
        (
            "the last exclusion",
            |n| json!({"from": [{"source": {"notPrincipals": ["td/ns/a/sa/x"]}}], "to": [{"operation": {"hosts": [format!("h{n}")]}}]}),
            |n| Call::get(&format!("h{n}/")),
        ),
        (
            "the last service account",
            |n| json!({"from": [{"source": {"serviceAccounts": [format!("a/s{n}")]}}]}),
            |n| Call::get("h/").by(&format!("td/ns/a/sa/s{n}")),
        ),
        (
            "the last claim",
            |n| json!({"when": [{"key": "request.auth.claims[c]", "values": [format!("v{n}")]}]}),
            |n| Call::get("h/").claim("c", &json!(format!("v{n}"))),
        ),
    ];
    for (name, rule, call) in families {
        let policies: Vec<Policy> = (0..COUNT)
            .map(|n| {
                let written = json!({
                    "metadata": {"namespace": "n", "name": format!("p{n:03}")},
                    "spec": {"action": "DENY", "rules": [rule(n)]}
                });
                Policy::check(serde_json::from_value(written).unwrap()).unwrap().policy
            })
            .collect();
        let engine = Engine::compile(PluginType::Http, &policies, &Mesh::default(), None).unwrap();
        for n in [0, 1, COUNT / 2, COUNT - 1] {
            let call = call(n);
            let rule = engine.decide(&call).unwrap().rule.map(ToString::to_string);
            assert_eq!(rule, Some(format!("ns[n]-policy[p{n:03}]-rule[0]")), "{name}");
        }
        assert_eq!(
            engine.decide(&call(COUNT)).unwrap().verdict,
            Verdict::Allow,
            "{name}, beyond the last"
        );
    }
}

/// Fields with fifty values, more than are compared one by one, and their `not` forms.
#[test]
fn long_lists_mean_what_short_ones_do() {
    const COUNT: usize = 50;
    type Field = (&'static str, &'static str, fn(usize) -> String, fn(usize) -> Call);
    let fields: [Field; 16] = [
        (
            "from",
            "principals",
            |n| format!("td/ns/a/sa/s{n}"),
            |n| Call::get("h/").by(&format!("td/ns/a/sa/s{n}")),
        ),
        (
            "from",
            "principals",
            |n| format!("td/ns/{n}/*"),
            |n| Call::get("h/").by(&format!("td/ns/{n}/sa/x")),
        ),
        (
            "from",
            "namespaces",
            |n| format!("ns{n}"),
            |n| Call::get("h/").by(&format!("td/ns/ns{n}/sa/x")),
        ),
        (
            "from",
            "trustDomains",
            |n| format!("td{n}"),
            |n| Call::get("h/").by(&format!("td{n}/ns/a/sa/x")),
        ),
        (
            "from",
            "ipBlocks",
            |n| format!("10.{n}.0.0/{}", 16 + n % 9),
            |n| Call::get("h/").source_ip(&format!("10.{n}.0.1")),
        ),
        (
            "to",
            "hosts",
            |n| format!("H{n}.com"),
            |n| Call::get(&format!("h{n}.com/")),
        ),
        (
            "to",
            "hosts",
            |n| format!("*.h{n}.com"),
            |n| Call::get(&format!("a.h{n}.COM/")),
        ),
        ("to", "paths", |n| format!("/p{n}"), |n| Call::get(&format!("h/p{n}?q"))),
        (
            "to",
            "paths",
            |n| format!("/p{n}/*"),
            |n| Call::get(&format!("h/p{n}/x")),
        ),
        (
            "to",
            "paths",
            |n| format!("*/p{n}"),
            |n| Call::get(&format!("h/x/p{n}")),
        ),
        (
            "to",
            "paths",
            |n| format!("/{{*}}/p{n}/{{**}}"),
            |n| Call::get(&format!("h/x/p{n}/y/z")),
        ),
        (
            "to",
            "ports",
            |n| (8000 + n).to_string(),
            |n| Call::get("h/").port(8000 + n as u16),
        ),
        (
            "when",
            "connection.sni",
            |n| format!("s{n}"),
            |n| Call::get("h/").sni(&format!("s{n}")),
        ),
        (
            "when",
            "request.headers[x]",
            |n| format!("v{n}"),
            |n| Call::get("h/").header("x", format!("v{n}")),
        ),
        // All but the last are found by a key.
        (
            "when",
            "request.headers[x]",
            |n| if n + 1 < COUNT { format!("v{n}") } else { "*".to_owned() },
            |n| {
                if n < COUNT {
                    Call::get("h/").header("x", format!("v{n}"))
                } else {
                    Call::get("h/")
                }
            },
        ),
        (
            "when",
            "request.auth.claims[c]",
            |n| format!("v{n}"),
            |n| Call::get("h/").claim("c", &json!([format!("v{n}")])),
        ),
    ];
    for (part, field, value, call) in fields {
        let values: Vec<String> = (0..COUNT).map(value).collect();
        for is_negated in [false, true] {
            let name = match is_negated {
                true => format!("not{}{}", field[..1].to_uppercase(), &field[1..]),
                false => field.to_owned(),
            };
            let rule = match part {
                "from" => json!({"from": [{"source": {name: values}}]}),
                "to" => json!({"to": [{"operation": {name: values}}]}),
                _ if is_negated => json!({"when": [{"key": field, "notValues": values}]}),
                _ => json!({"when": [{"key": field, "values": values}]}),
            };
            let written = json!({
                "metadata": {"namespace": "n", "name": "p"},
                "spec": {"action": "DENY", "rules": [rule]}
            });
            let policies = [Policy::check(serde_json::from_value(written).unwrap()).unwrap().policy];
            let engine = Engine::compile(PluginType::Http, &policies, &Mesh::default(), None).unwrap();
            for n in [0, 1, COUNT / 2, COUNT - 1, COUNT, COUNT + 1] {
                let call = call(n);
                let verdict = engine.decide(&call).unwrap().verdict;
                let case = format!("{field}, value {n}, negated: {is_negated}");
                assert_eq!(verdict, walk(&policies, &call).0, "{case}");
                assert_eq!(verdict == Verdict::Deny, (n < COUNT) != is_negated, "{case}");
            }
        }
    }
}
