//! Who calls: certificates with every combination of names, server names, addresses and protocols.

use rustls::pki_types::ServerName;

use crate::aim;
use crate::attribute::About;
use crate::envoy::authority::Identity;
use crate::policies::{Constraint, PolicySet};
use crate::random::Random;

/// A caller's connection.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// `None`: no certificate.
    pub(crate) identity: Option<Identity>,
    pub(crate) server_name: Option<String>,
    pub(crate) protocol: Protocol,
    /// Which of the gateway's addresses it connects to; the last one when there are not so many.
    pub(crate) address: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    /// Its name in the TLS handshake.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
            Self::Http2 => "h2",
        }
    }
}

/// The callers of a set's gateway.
pub(crate) fn generate(random: &mut Random, set: &PolicySet) -> Vec<Caller> {
    let of_rules: Vec<(&str, &Constraint)> = set
        .rules()
        .flat_map(|(namespace, rule)| rule.constraints().map(move |constraint| (namespace, constraint)))
        .filter(|(_, constraint)| constraint.attribute.about.is_of_caller())
        .collect();
    let count = 6 + of_rules.len().min(4);
    (0..count).map(|index| caller(random, &of_rules, index)).collect()
}

fn caller(random: &mut Random, of_rules: &[(&str, &Constraint)], index: usize) -> Caller {
    let mut uris = Vec::new();
    let mut server_name = Some(random.text(SERVER_NAMES));
    if !of_rules.is_empty() && (index < of_rules.len() || random.chance(70)) {
        let (namespace, constraint) = of_rules[if index < of_rules.len() {
            index
        } else {
            random.below(of_rules.len())
        }];
        let values: Vec<&String> = constraint.any_of.iter().chain(&constraint.none_of).collect();
        let value = random.pick(&values);
        if constraint.attribute.about == About::ServerName {
            server_name = Some(aim::text(random, value, &["x", "api", "a.b", "80"]));
        } else {
            uris.push(aim::caller_uri(random, constraint.attribute.about, value, namespace));
        }
    }
    if random.chance(8) {
        server_name = None;
    }
    Caller {
        identity: identity(random, uris),
        // TLS takes DNS names alone; what is none is not sent.
        server_name: server_name.filter(|name| ServerName::try_from(name.as_str()).is_ok()),
        protocol: random.pick(&[Protocol::Http1, Protocol::Http1, Protocol::Http2]),
        address: usize::from(random.chance(25)),
    }
}

/// Mostly one URI, as Istio issues certificates; sometimes everything else.
fn identity(random: &mut Random, mut uris: Vec<String>) -> Option<Identity> {
    if uris.is_empty() && random.chance(70) {
        uris.push(random.text(URIS));
    }
    if random.chance(15) {
        let second = random.text(URIS);
        let place = random.below(uris.len() + 1);
        uris.insert(place, second);
    }
    let mut dns_names = Vec::new();
    let mut common_name = String::new();
    if random.chance(20) {
        dns_names.push(random.text(DNS_NAMES));
    }
    if random.chance(5) {
        dns_names.push(random.text(DNS_NAMES));
    }
    if random.chance(20) {
        common_name = random.text(COMMON_NAMES);
    }
    if random.chance(6) {
        return None;
    }
    Some(Identity::named(&uris, &dns_names, &common_name))
}

const SERVER_NAMES: &[&str] = &[
    "test.com",
    "TEST.com",
    "api.test.com",
    "a.b.local",
    "outbound_.80_._.istio-egressgateway.istio-system.svc.cluster.local",
];
const URIS: &[&str] = &[
    "spiffe://cluster.local/ns/default/sa/sleep",
    "spiffe://cluster.local/ns/default/sa/notsleep",
    "spiffe://cluster.local/ns/prod/sa/web.v1",
    "spiffe://cluster.local/ns/prod/sa/webxv1",
    "spiffe://td/ns/default/sa/sleep",
    "spiffe://old/ns/default/sa/sleep",
    "spiffe://xtd/ns/default/sa/sleep/more",
    "spiffe://td/ns/default/x/sa/sleep",
    "spiffe://td/ns/default",
    "spiffe://td",
    "spiffe:///ns/default/sa/sleep",
    "spiffe://td/ns//sa/sleep",
    "SPIFFE://td/ns/default/sa/sleep",
    "https://td/ns/default/sa/sleep",
    "urn:x:/ns/prod/y",
    "spiffe://td/ns/default/sa/sleep;URI=spiffe://old/ns/prod/sa/y",
    "spiffe://td/ns/default/sa/\"sl,eep\"",
    "spiffe://td/ns/a%20b/sa/sleep?x#y",
];
const DNS_NAMES: &[&str] = &[
    "client.example",
    "spiffe://td/ns/default/sa/sleep",
    "x/ns/prod/y",
    "*.example",
];
const COMMON_NAMES: &[&str] = &[
    "client",
    "/ns/default/x",
    "spiffe://td/ns/default/sa/sleep",
    "a,b=\"c\"+d",
    "é",
];
