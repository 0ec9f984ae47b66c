//! A model of Envoy's RBAC filter: what each matcher of the configuration says of a request.
//!
//! Written from Envoy's documentation and sources, straight down: no index, no cleverness, regular expressions where Envoy has
//! them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use regex::bytes::Regex;
use serde_json::Value;

use crate::coverage::Coverage;
use crate::requests::World;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    Allow,
    Deny,
    Log,
}

/// One RBAC filter.
pub(crate) struct Filter {
    pub(crate) rules: Option<Rules>,
    pub(crate) shadow_rules: Option<Rules>,
}

impl Filter {
    pub(crate) fn read(filter: &Value) -> Self {
        let config = &filter["typedConfig"];
        let rules = |name| config.get(name).map(Rules::read);
        Self {
            rules: rules("rules"),
            shadow_rules: rules("shadowRules"),
        }
    }

    pub(crate) fn action(&self) -> Action {
        let rules = self.rules.as_ref().or(self.shadow_rules.as_ref());
        rules.expect("a filter has rules").action
    }
}

/// Policies by name; a map in byte order, as Envoy's.
pub(crate) struct Rules {
    pub(crate) action: Action,
    policies: BTreeMap<String, (Vec<Matcher>, Vec<Matcher>)>,
}

impl Rules {
    fn read(rules: &Value) -> Self {
        let action = match rules.get("action").and_then(Value::as_str) {
            None | Some("ALLOW") => Action::Allow,
            Some("DENY") => Action::Deny,
            Some("LOG") => Action::Log,
            Some(other) => panic!("action {other}"),
        };
        let all = |list: &Value| list.as_array().expect("a list").iter().map(Matcher::read).collect();
        let policies = rules["policies"].as_object().expect("policies").iter();
        let policies =
            policies.map(|(name, policy)| (name.clone(), (all(&policy["permissions"]), all(&policy["principals"]))));
        Self {
            action,
            policies: policies.collect(),
        }
    }

    /// The first policy of which any permission and any principal match.
    pub(crate) fn first_match(&self, world: &World, coverage: &Coverage) -> Option<String> {
        let any = |matchers: &[Matcher]| matchers.iter().any(|matcher| matcher.matches(world, coverage));
        let matched = self
            .policies
            .iter()
            .find(|(_, (permissions, principals))| any(permissions) && any(principals));
        matched.map(|(name, _)| name.clone())
    }
}

/// A permission or a principal: the messages differ, the matchers are the same.
enum Matcher {
    Any,
    All(Vec<Matcher>),
    OneOf(Vec<Matcher>),
    Not(Box<Matcher>),
    Header(String, Option<Text>),
    UrlPath(Text),
    UriTemplate(Regex),
    Address(WhichAddress, IpAddr, u8),
    Port(u64),
    ServerName(Text),
    Authenticated(Text),
    Metadata(String, Vec<String>, ValueMatcher),
}

#[derive(Clone, Copy)]
enum WhichAddress {
    Direct,
    Remote,
    Destination,
}

impl Matcher {
    fn read(matcher: &Value) -> Self {
        let (kind, body) = only_entry(matcher);
        let list = |name: &str| body[name].as_array().expect("a list").iter().map(Self::read).collect();
        let address = |which| {
            let address = body["addressPrefix"].as_str().expect("an address");
            let length = body["prefixLen"].as_u64().expect("a length");
            Self::Address(
                which,
                address.parse().expect("an address"),
                u8::try_from(length).expect("a length"),
            )
        };
        match kind {
            "any" => Self::Any,
            "andRules" => Self::All(list("rules")),
            "andIds" => Self::All(list("ids")),
            "orRules" => Self::OneOf(list("rules")),
            "orIds" => Self::OneOf(list("ids")),
            "notRule" | "notId" => Self::Not(Box::new(Self::read(body))),
            "header" => {
                let text = body.get("stringMatch").map(Text::read);
                assert!(text.is_some() || body["presentMatch"] == true, "{body}");
                Self::Header(body["name"].as_str().expect("a name").to_ascii_lowercase(), text)
            }
            "urlPath" => Self::UrlPath(Text::read(&body["path"])),
            "uriTemplate" => {
                let template = body["typedConfig"]["pathTemplate"].as_str().expect("a template");
                Self::UriTemplate(template_regex(template))
            }
            "directRemoteIp" => address(WhichAddress::Direct),
            "remoteIp" => address(WhichAddress::Remote),
            "destinationIp" => address(WhichAddress::Destination),
            "destinationPort" => Self::Port(body.as_u64().expect("a port")),
            "requestedServerName" => Self::ServerName(Text::read(body)),
            "authenticated" => Self::Authenticated(Text::read(&body["principalName"])),
            "metadata" => {
                let path = body["path"].as_array().expect("a path").iter();
                let path = path
                    .map(|step| step["key"].as_str().expect("a key").to_owned())
                    .collect();
                let filter = body["filter"].as_str().expect("a filter").to_owned();
                Self::Metadata(filter, path, ValueMatcher::read(&body["value"]))
            }
            other => panic!("matcher {other}"),
        }
    }

    fn matches(&self, world: &World, coverage: &Coverage) -> bool {
        let matched = match self {
            Self::Any => true,
            Self::All(all) => all.iter().all(|matcher| matcher.matches(world, coverage)),
            Self::OneOf(any) => any.iter().any(|matcher| matcher.matches(world, coverage)),
            Self::Not(matcher) => !matcher.matches(world, coverage),
            Self::Header(name, text) => {
                let mut lines = world.headers.iter().filter(|(known, _)| known == name);
                lines.any(|(_, line)| text.as_ref().is_none_or(|text| text.matches(line)))
            }
            Self::UrlPath(text) => world.path().is_some_and(|path| text.matches(path)),
            Self::UriTemplate(template) => world.path().is_some_and(|path| template.is_match(path)),
            Self::Address(which, network, length) => {
                let address = match which {
                    WhichAddress::Direct => world.direct,
                    WhichAddress::Remote => world.remote,
                    WhichAddress::Destination => world.destination,
                };
                address.is_some_and(|address| leading_bits(address, *length) == leading_bits(*network, *length))
            }
            Self::Port(port) => world.port.map(u64::from) == Some(*port),
            Self::ServerName(text) => text.matches(world.sni.as_deref().unwrap_or_default()),
            Self::Authenticated(name) => world.peer.as_ref().is_some_and(|peer| {
                let sans = peer.uris.iter().chain(&peer.dns);
                sans.chain([&peer.subject]).any(|known| name.matches(known))
            }),
            Self::Metadata(filter, path, matcher) => {
                let value = path
                    .iter()
                    .try_fold(&world.metadata[filter], |value, key| value.as_object()?.get(key));
                value.is_some_and(|value| matcher.matches(value))
            }
        };
        coverage.matcher(self.kind(), matched);
        matched
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::All(_) => "and",
            Self::OneOf(_) => "or",
            Self::Not(_) => "not",
            Self::Header(_, None) => "header present",
            Self::Header(_, Some(_)) => "header",
            Self::UrlPath(_) => "path",
            Self::UriTemplate(_) => "template",
            Self::Address(WhichAddress::Direct, ..) => "direct address",
            Self::Address(WhichAddress::Remote, ..) => "remote address",
            Self::Address(WhichAddress::Destination, ..) => "destination address",
            Self::Port(_) => "port",
            Self::ServerName(_) => "server name",
            Self::Authenticated(Text::Regex(_)) => "authenticated, expression",
            Self::Authenticated(_) => "authenticated",
            Self::Metadata(_, _, ValueMatcher::Text(_)) => "metadata text",
            Self::Metadata(..) => "metadata list or text",
        }
    }
}

/// `StringMatcher`.
enum Text {
    Exact(Vec<u8>, bool),
    Prefix(Vec<u8>, bool),
    Suffix(Vec<u8>, bool),
    Regex(Regex),
}

impl Text {
    fn read(matcher: &Value) -> Self {
        let ignore_case = matcher["ignoreCase"] == true;
        let text = |name: &str| {
            let text = matcher.get(name)?.as_str()?.as_bytes();
            Some(if ignore_case {
                text.to_ascii_lowercase()
            } else {
                text.to_vec()
            })
        };
        if let Some(exact) = text("exact") {
            Self::Exact(exact, ignore_case)
        } else if let Some(prefix) = text("prefix") {
            Self::Prefix(prefix, ignore_case)
        } else if let Some(suffix) = text("suffix") {
            Self::Suffix(suffix, ignore_case)
        } else {
            let expression = matcher["safeRegex"]["regex"].as_str().expect("an expression");
            Self::Regex(whole(expression))
        }
    }

    fn matches(&self, text: &[u8]) -> bool {
        let folded = |ignore_case: bool| {
            if ignore_case {
                text.to_ascii_lowercase()
            } else {
                text.to_vec()
            }
        };
        match self {
            Self::Exact(exact, ignore_case) => folded(*ignore_case) == *exact,
            Self::Prefix(prefix, ignore_case) => folded(*ignore_case).starts_with(prefix),
            Self::Suffix(suffix, ignore_case) => folded(*ignore_case).ends_with(suffix),
            Self::Regex(expression) => expression.is_match(text),
        }
    }
}

/// `ValueMatcher`.
enum ValueMatcher {
    Text(Text),
    OneOfList(Box<ValueMatcher>),
    Or(Vec<ValueMatcher>),
}

impl ValueMatcher {
    fn read(matcher: &Value) -> Self {
        let (kind, body) = only_entry(matcher);
        match kind {
            "stringMatch" => Self::Text(Text::read(body)),
            "listMatch" => Self::OneOfList(Box::new(Self::read(&body["oneOf"]))),
            "orMatch" => {
                let matchers = body["valueMatchers"].as_array().expect("a list");
                Self::Or(matchers.iter().map(Self::read).collect())
            }
            other => panic!("value matcher {other}"),
        }
    }

    fn matches(&self, value: &Value) -> bool {
        match self {
            Self::Text(text) => value.as_str().is_some_and(|value| text.matches(value.as_bytes())),
            Self::OneOfList(element) => {
                let elements = value.as_array().map(Vec::as_slice).unwrap_or_default();
                elements.iter().any(|value| element.matches(value))
            }
            Self::Or(any) => any.iter().any(|matcher| matcher.matches(value)),
        }
    }
}

fn only_entry(object: &Value) -> (&str, &Value) {
    let object = object.as_object().expect("an object");
    assert_eq!(object.len(), 1, "{object:?}");
    let (key, value) = object.iter().next().expect("one entry");
    (key, value)
}

/// Envoy takes an expression that matches the whole text, and reads both byte by byte.
fn whole(expression: &str) -> Regex {
    Regex::new(&format!(r"(?-u)\A(?:{expression})\z")).expect("an expression")
}

/// Envoy makes an expression of a template, too. The characters are those of Envoy 1.40.
fn template_regex(template: &str) -> Regex {
    const CLASS: &str = r"A-Za-z0-9\-._~%!$&'()*+,;:@=";
    let segments = template
        .strip_prefix('/')
        .expect("a slash")
        .split('/')
        .map(|segment| match segment {
            "*" => format!("[{CLASS}]+"),
            "**" => format!("[{CLASS}/]*"),
            literal => regex::escape(literal),
        });
    whole(&format!("/{}", segments.collect::<Vec<_>>().join("/")))
}

/// The family and the first bits of an address.
fn leading_bits(address: IpAddr, length: u8) -> (bool, Vec<bool>) {
    let octets = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let bits = octets
        .iter()
        .flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1 == 1));
    (address.is_ipv4(), bits.take(usize::from(length)).collect())
}
