//! Generated policies, from alphabets so small that requests often match.

use outgate_policy::Policy;
use outgate_policy::config::Mesh;
use outgate_policy::resource::{
    Action, AuthorizationPolicy, Condition, From, Metadata, Operation, Rule, Source, Spec, To, Values,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub(crate) fn mesh() -> impl Strategy<Value = Mesh> {
    let domains = prop::sample::select(vec![
        &["td"][..],
        &["td", "old"],
        &["td", "old", "cluster.local"],
        &["cluster.local"],
        &["new", "*d", "old"],
        &["td", "*"],
    ]);
    domains.prop_map(|domains| Mesh {
        trust_domain: domains[0].to_owned(),
        trust_domain_aliases: domains[1..].iter().map(ToString::to_string).collect(),
        ..Mesh::default()
    })
}

/// Mostly a few policies, sometimes dozens.
pub(crate) fn set() -> impl Strategy<Value = Vec<Policy>> {
    prop_oneof![8 => vec(policy(), 1..5), 1 => vec(policy(), 5..40)].prop_map(|written| {
        let named = written.into_iter().enumerate().map(|(index, mut policy)| {
            policy.metadata.name = format!("p{index}");
            policy
        });
        named
            .filter_map(|policy| Some(Policy::check(policy).ok()?.policy))
            .collect()
    })
}

fn policy() -> impl Strategy<Value = AuthorizationPolicy> {
    let action = prop_oneof![
        4 => Just(Action::Allow),
        4 => Just(Action::Deny),
        1 => Just(Action::Audit),
    ];
    // More than ten, so that `rule[10]` is sorted before `rule[2]`.
    let rules = prop_oneof![10 => vec(rule(), 0..3), 1 => vec(rule(), 10..13)];
    (
        prop::sample::select(vec!["n", "m"]),
        action,
        prop::bool::weighted(0.2),
        rules,
    )
        .prop_map(|(namespace, action, dry_run, rules)| {
            let mut metadata = Metadata::new(namespace, "");
            if dry_run && action != Action::Audit {
                metadata.annotations = [(Policy::DRY_RUN_ANNOTATION, "true")].into_iter().collect();
            }
            let spec = Spec {
                action: Some(action),
                rules: Some(rules.into_iter().map(Some).collect()),
                ..Spec::default()
            };
            AuthorizationPolicy::new(metadata, spec)
        })
}

fn rule() -> impl Strategy<Value = Rule> {
    let from = vec(source().prop_map(|source| Some(From { source: Some(source) })), 0..3);
    let to = vec(
        operation().prop_map(|operation| {
            Some(To {
                operation: Some(operation),
            })
        }),
        0..3,
    );
    let when = prop_oneof![3 => Just(Vec::new()), 2 => vec(condition().prop_map(Some), 1..3)];
    (from, to, when).prop_map(|(from, to, when)| Rule {
        from: Some(from),
        to: Some(to),
        when: Some(when),
    })
}

/// One field or two of a source, so that the rest does not keep it from matching.
fn source() -> impl Strategy<Value = Source> {
    let field = (0_usize..14, any::<prop::sample::Index>(), any::<prop::sample::Index>());
    vec(field, 1..3).prop_map(|fields| {
        let mut source = Source::default();
        for (field, first, second) in fields {
            let (place, alphabet) = match field {
                0 | 10 => (&mut source.principals, PRINCIPALS),
                1 => (&mut source.not_principals, PRINCIPALS),
                2 => (&mut source.request_principals, REQUEST_PRINCIPALS),
                3 => (&mut source.not_request_principals, REQUEST_PRINCIPALS),
                4 => (&mut source.namespaces, NAMESPACES),
                5 => (&mut source.not_namespaces, NAMESPACES),
                6 => (&mut source.service_accounts, SERVICE_ACCOUNTS),
                7 => (&mut source.not_service_accounts, SERVICE_ACCOUNTS),
                8 => (&mut source.ip_blocks, BLOCKS),
                9 => (&mut source.not_ip_blocks, BLOCKS),
                11 => (&mut source.remote_ip_blocks, BLOCKS),
                12 => (&mut source.trust_domains, TRUST_DOMAINS),
                _ => (&mut source.not_trust_domains, TRUST_DOMAINS),
            };
            *place = two_of(alphabet, first, second);
        }
        source
    })
}

fn operation() -> impl Strategy<Value = Operation> {
    let field = (0_usize..9, any::<prop::sample::Index>(), any::<prop::sample::Index>());
    vec(field, 1..3).prop_map(|fields| {
        let mut operation = Operation::default();
        for (field, first, second) in fields {
            let (place, alphabet) = match field {
                0 => (&mut operation.hosts, HOSTS),
                1 => (&mut operation.not_hosts, HOSTS),
                2 => (&mut operation.methods, METHODS),
                3 => (&mut operation.not_methods, METHODS),
                4 | 8 => (&mut operation.paths, PATHS),
                5 => (&mut operation.not_paths, PATHS),
                6 => (&mut operation.ports, PORTS),
                _ => (&mut operation.not_ports, PORTS),
            };
            *place = two_of(alphabet, first, second);
        }
        operation
    })
}

fn two_of(alphabet: &[&str], first: prop::sample::Index, second: prop::sample::Index) -> Values {
    Some(vec![first.get(alphabet).to_string(), second.get(alphabet).to_string()])
}

fn condition() -> impl Strategy<Value = Condition> {
    let key = prop::sample::select(vec![
        ("request.headers[X-A]", HEADER_VALUES),
        ("request.headers[x-b]", HEADER_VALUES),
        ("request.headers[Host]", HOSTS),
        ("request.headers[:path]", PATH_TEXTS),
        ("request.headers[:method]", METHODS),
        ("source.ip", BLOCKS),
        ("remote.ip", BLOCKS),
        ("destination.ip", BLOCKS),
        ("destination.port", PORTS),
        ("source.namespace", NAMESPACES),
        ("source.serviceAccount", SERVICE_ACCOUNTS),
        ("source.principal", PRINCIPALS),
        ("source.trustDomain", TRUST_DOMAIN_CONDITIONS),
        ("request.auth.principal", REQUEST_PRINCIPALS),
        ("request.auth.audiences", CLAIM_VALUES),
        ("request.auth.presenter", CLAIM_VALUES),
        ("request.auth.claims[iss]", CLAIM_VALUES),
        ("request.auth.claims[scope]", CLAIM_VALUES),
        ("request.auth.claims[a][b]", CLAIM_VALUES),
        ("request.auth.claims[a][b][c]", CLAIM_VALUES),
        ("request.auth.claims[a][b]]", CLAIM_VALUES),
        ("connection.sni", SERVER_NAMES),
        ("experimental.envoy.filters.http.lua[k]", METADATA_VALUES),
    ]);
    key.prop_flat_map(|(key, alphabet)| {
        let some = || vec(prop::sample::select(alphabet).prop_map(str::to_owned), 1..3);
        (option::weighted(0.7, some()), option::weighted(0.4, some())).prop_map(move |(values, not_values)| Condition {
            key: Some(key.to_owned()),
            values,
            not_values,
        })
    })
}

const HOSTS: &[&str] = &[
    "a.com", "A.com", "*.a.com", "a.*", "*", "a.com:80", "*.COM:*", "a.com:*", "*:80", "b.a.com",
];
const METHODS: &[&str] = &["GET", "POST", "P*", "*T", "*", "get"];
const PATHS: &[&str] = &[
    "/x",
    "/x/*",
    "*/y",
    "*",
    "/x/{*}",
    "/{**}/y",
    "/x/{*}/{**}",
    "/x*y",
    "/x/{**}/",
    "/{*}",
    "/x/{**}",
    "*a*",
    "/",
    "/x*",
];
const PATH_TEXTS: &[&str] = &["/x", "/x?*", "*/y", "*", "/x#*"];
const PORTS: &[&str] = &["80", "8080", "08443", "0"];
const PRINCIPALS: &[&str] = &[
    "td/ns/n/sa/s",
    "cluster.local/ns/n/sa/s",
    "old/ns/n/sa/s",
    "td/ns/n/*",
    "*/sa/s",
    "*",
    "*d/ns/n/sa/s",
    "t*/ns/n/sa/s",
    "td/ns/n/sa/s*",
    "*/ns/n/sa/s",
    "other/ns/m/sa/t",
    "td*",
    "*s",
];
const NAMESPACES: &[&str] = &["n", "m", "n*", "*", "*m", "n*m", "n/sa", "*/*", "n/x*"];
const SERVICE_ACCOUNTS: &[&str] = &["n/s", "s", "m/t", "n/t", "s2"];
const TRUST_DOMAINS: &[&str] = &["td", "old", "*", "t*", "*d", "other", "cluster.local"];
const TRUST_DOMAIN_CONDITIONS: &[&str] = &["td", "old", "*", "t*", "*d", "td/ns", "*d/ns", "td/n*"];
const BLOCKS: &[&str] = &[
    "10.0.0.1",
    "10.0.0.0/8",
    "0.0.0.0/0",
    "::/0",
    "2001:db8::/32",
    "::ffff:10.0.0.1",
    "10.0.0.3/30",
    "::ffff:0:0/96",
    "::1",
];
const REQUEST_PRINCIPALS: &[&str] = &[
    "i/s",
    "i/*",
    "*/s",
    "*",
    "i*",
    "*s",
    "https://i/s",
    "i",
    "https*",
    "i/x*",
    "*/x",
    "*i/s",
];
const CLAIM_VALUES: &[&str] = &["x", "y*", "*z", "*", "i", "x y", "1*", "[x]"];
const HEADER_VALUES: &[&str] = &["1", "1*", "*1", "*", "a", "1,2", "é"];
const SERVER_NAMES: &[&str] = &["a.com", "*.a.com", "A.com", "*", "c*"];
const METADATA_VALUES: &[&str] = &["x", "[x]", "*", "[y*]", "[*]", "*z"];
