//! One constraint as Envoy's permissions or principals.

use outgate_policy::pattern::{
    MetadataPattern, PathPattern, PrincipalPattern, RequestPrincipalPattern, SPIFFE, TextPattern,
};
use outgate_policy::{Constraint, JWT_AUTHN, JWT_PAYLOAD, Subject};
use serde_json::{Value, json};

use super::matcher::{header, ip_block, metadata, one_or_any, regex, string, template, text_regex};

/// Which half of a rule is rendered: they say the same things in other words.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Permission,
    Principal,
}

impl Side {
    pub(super) fn all_of(self, all: &[Value]) -> Value {
        match self {
            Self::Permission => json!({ "andRules": { "rules": all } }),
            Self::Principal => json!({ "andIds": { "ids": all } }),
        }
    }

    fn any_of(self, any: &[Value]) -> Value {
        match self {
            Self::Permission => json!({ "orRules": { "rules": any } }),
            Self::Principal => json!({ "orIds": { "ids": any } }),
        }
    }

    fn not(self, one: &Value) -> Value {
        match self {
            Self::Permission => json!({ "notRule": one }),
            Self::Principal => json!({ "notId": one }),
        }
    }

    /// The demands, then the exclusions, each value by itself.
    fn each<'a>(self, constraint: &'a Constraint, one: impl Fn(&'a str) -> Value) -> Vec<Value> {
        self.together(constraint, |values| {
            self.any_of(&values.iter().map(|value| one(value)).collect::<Vec<_>>())
        })
    }

    /// The demands, then the exclusions, all values of each in one matcher.
    fn together<'a>(self, constraint: &'a Constraint, all: impl Fn(&'a [String]) -> Value) -> Vec<Value> {
        let mut rendered = Vec::with_capacity(2);
        if !constraint.any_of().is_empty() {
            rendered.push(all(constraint.any_of()));
        }
        if !constraint.none_of().is_empty() {
            rendered.push(self.not(&all(constraint.none_of())));
        }
        rendered
    }
}

/// Renders a constraint whose trust-domain aliases are written out.
pub(super) fn render(constraint: &Constraint, side: Side) -> Vec<Value> {
    let block = |key: &'static str| side.each(constraint, move |value| json!({ key: ip_block(value) }));
    match constraint.subject() {
        Subject::Principal => side.each(constraint, |value| {
            authenticated(&principal(PrincipalPattern::parse(value).text()))
        }),
        Subject::RequestPrincipal => side.each(constraint, |value| {
            request_principal(RequestPrincipalPattern::parse(value), side)
        }),
        Subject::Namespace => side.each(constraint, |value| authenticated(&namespace(value))),
        Subject::ServiceAccount => side.each(constraint, |value| authenticated(&service_account(value))),
        Subject::TrustDomain => side.each(constraint, |value| authenticated(&trust_domain(value))),
        Subject::SourceIp => block("directRemoteIp"),
        Subject::RemoteIp => block("remoteIp"),
        Subject::DestinationIp => block("destinationIp"),
        Subject::Claim(path) => {
            let path: Vec<&str> = std::iter::once(JWT_PAYLOAD)
                .chain(path.iter().map(String::as_str))
                .collect();
            side.together(constraint, |values| metadata(JWT_AUTHN, &path, &claim(values)))
        }
        Subject::Header(name) => side.each(constraint, |value| header(name, TextPattern::parse(value), false)),
        Subject::Host => side.each(constraint, |value| {
            header(":authority", TextPattern::parse(value), true)
        }),
        Subject::Method => side.each(constraint, |value| header(":method", TextPattern::parse(value), false)),
        Subject::Path => side.each(constraint, path),
        Subject::Port => side.each(constraint, |value| json!({ "destinationPort": port(value) })),
        Subject::Sni => side.each(
            constraint,
            |value| json!({ "requestedServerName": string(TextPattern::parse(value)) }),
        ),
        Subject::Metadata { filter, key } => side.together(constraint, |values| {
            metadata(
                filter,
                &[key],
                &one_or_any(values.iter().map(|value| metadata_value(value)).collect()),
            )
        }),
    }
}

fn authenticated(name: &Value) -> Value {
    json!({ "authenticated": { "principalName": name } })
}

fn principal(pattern: TextPattern<'_>) -> Value {
    match pattern {
        TextPattern::Present => text_regex(".+"),
        TextPattern::Exact(text) => json!({ "exact": format!("{SPIFFE}{text}") }),
        TextPattern::Prefix(text) => json!({ "prefix": format!("{SPIFFE}{text}") }),
        TextPattern::Suffix(text) => text_regex(&format!("{SPIFFE}.*{}", regex(text))),
    }
}

fn namespace(value: &str) -> Value {
    let parts: Vec<String> = value.split('*').map(regex).collect();
    text_regex(&format!(".*/ns/{}/.*", parts.join(".*")))
}

fn service_account(value: &str) -> Value {
    // The name has no slash.
    let (namespace, name) = value.rsplit_once('/').unwrap_or(("", value));
    let (namespace, name) = (regex(namespace), regex(name));
    text_regex(&format!("{SPIFFE}.+/ns/{namespace}/(.+/|)sa/{name}(/.+)?"))
}

fn trust_domain(value: &str) -> Value {
    match value.split_once('*') {
        None => json!({ "prefix": format!("{SPIFFE}{value}/") }),
        Some(("", "")) => json!({ "prefix": SPIFFE }),
        Some((left, right)) => text_regex(&format!("{SPIFFE}{}[^/]*{}/.*", regex(left), regex(right))),
    }
}

fn request_principal(pattern: RequestPrincipalPattern<'_>, side: Side) -> Value {
    let claim = |name: &str, pattern: TextPattern<'_>| {
        metadata(
            JWT_AUTHN,
            &[JWT_PAYLOAD, name],
            &json!({ "stringMatch": string(pattern) }),
        )
    };
    side.all_of(&[claim("iss", pattern.issuer()), claim("sub", pattern.subject())])
}

/// A claim is a string that matches, or a list with one.
fn claim(values: &[String]) -> Value {
    let texts = one_or_any(
        values
            .iter()
            .map(|value| json!({ "stringMatch": string(TextPattern::parse(value)) }))
            .collect(),
    );
    json!({ "orMatch": { "valueMatchers": [{ "listMatch": { "oneOf": texts } }, texts] } })
}

fn path(value: &str) -> Value {
    match PathPattern::parse(value) {
        Ok(PathPattern::Template(pattern)) => json!({ "uriTemplate": template(pattern) }),
        // INVARIANT: a checked value is no invalid template.
        Ok(PathPattern::Text(_)) | Err(_) => json!({ "urlPath": { "path": string(TextPattern::parse(value)) } }),
    }
}

/// A checked value is a number, which may be written with leading zeros.
fn port(value: &str) -> Value {
    value.parse::<u16>().map_or(Value::Null, |port| json!(port))
}

fn metadata_value(value: &str) -> Value {
    match MetadataPattern::parse(value) {
        MetadataPattern::Text(text) => json!({ "stringMatch": string(text) }),
        MetadataPattern::ListWith(text) => json!({ "listMatch": { "oneOf": { "stringMatch": string(text) } } }),
    }
}
