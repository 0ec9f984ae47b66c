//! One constraint as Envoy's permissions or principals.

use outgate_policy::pattern::{
    MetadataPattern, NamespacePattern, PathPattern, PrincipalPattern, RequestPrincipalPattern, SPIFFE, ServiceAccount,
    TextPattern, TrustDomainPattern,
};
use outgate_policy::{Constraint, JWT_AUTHN, JWT_PAYLOAD, Values};
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
    fn each<T>(self, values: &Values<T>, one: impl Fn(&T) -> Value) -> Vec<Value> {
        self.together(values, |values| {
            self.any_of(&values.iter().map(&one).collect::<Vec<_>>())
        })
    }

    /// The demands, then the exclusions, all values of each in one matcher.
    fn together<T>(self, values: &Values<T>, all: impl Fn(&[T]) -> Value) -> Vec<Value> {
        let mut rendered = Vec::with_capacity(2);
        if !values.any_of.is_empty() {
            rendered.push(all(&values.any_of));
        }
        if !values.none_of.is_empty() {
            rendered.push(self.not(&all(&values.none_of)));
        }
        rendered
    }
}

/// Renders a constraint whose trust-domain aliases are written out.
pub(super) fn render(constraint: &Constraint, side: Side) -> Vec<Value> {
    match constraint {
        Constraint::Principal(values) => side.each(values, |value| authenticated(&principal(value))),
        Constraint::RequestPrincipal(values) => side.each(values, |value| request_principal(value, side)),
        Constraint::Namespace(values) => side.each(values, |value| authenticated(&namespace(value))),
        Constraint::ServiceAccount(values) => side.each(values, |value| authenticated(&service_account(value))),
        Constraint::TrustDomain(values) => side.each(values, |value| authenticated(&trust_domain(value))),
        Constraint::SourceIp(values) => side.each(values, |block| json!({ "directRemoteIp": ip_block(block) })),
        Constraint::RemoteIp(values) => side.each(values, |block| json!({ "remoteIp": ip_block(block) })),
        Constraint::DestinationIp(values) => side.each(values, |block| json!({ "destinationIp": ip_block(block) })),
        Constraint::Claim { path, values } => {
            let path: Vec<&str> = std::iter::once(JWT_PAYLOAD)
                .chain(path.iter().map(String::as_str))
                .collect();
            side.together(values, |values| metadata(JWT_AUTHN, &path, &claim(values)))
        }
        Constraint::Header { name, values } => side.each(values, |value| header(name, value, false)),
        Constraint::Host(values) => side.each(values, |value| header(":authority", value, true)),
        Constraint::Method(values) => side.each(values, |value| header(":method", value, false)),
        Constraint::Path(values) => side.each(values, path),
        Constraint::Port(values) => side.each(values, |port| json!({ "destinationPort": port })),
        Constraint::Sni(values) => side.each(values, |value| json!({ "requestedServerName": string(value) })),
        Constraint::Metadata { filter, key, values } => side.together(values, |values| {
            metadata(filter, &[key], &one_or_any(values.iter().map(metadata_value).collect()))
        }),
    }
}

fn authenticated(name: &Value) -> Value {
    json!({ "authenticated": { "principalName": name } })
}

fn principal(pattern: &PrincipalPattern) -> Value {
    match pattern.text() {
        TextPattern::Present => text_regex(".+"),
        TextPattern::Exact(text) => json!({ "exact": format!("{SPIFFE}{text}") }),
        TextPattern::Prefix(text) => json!({ "prefix": format!("{SPIFFE}{text}") }),
        TextPattern::Suffix(text) => text_regex(&format!("{SPIFFE}.*{}", regex(text))),
    }
}

fn namespace(pattern: &NamespacePattern) -> Value {
    let parts: Vec<String> = pattern.as_str().split('*').map(regex).collect();
    text_regex(&format!(".*/ns/{}/.*", parts.join(".*")))
}

fn service_account(account: &ServiceAccount) -> Value {
    let (namespace, name) = (regex(account.namespace()), regex(account.name()));
    text_regex(&format!("{SPIFFE}.+/ns/{namespace}/(.+/|)sa/{name}(/.+)?"))
}

fn trust_domain(pattern: &TrustDomainPattern) -> Value {
    match pattern.as_str().split_once('*') {
        None => json!({ "prefix": format!("{SPIFFE}{}/", pattern.as_str()) }),
        Some(("", "")) => json!({ "prefix": SPIFFE }),
        Some((left, right)) => text_regex(&format!("{SPIFFE}{}[^/]*{}/.*", regex(left), regex(right))),
    }
}

fn request_principal(pattern: &RequestPrincipalPattern, side: Side) -> Value {
    let claim = |name: &str, pattern: &TextPattern| {
        metadata(
            JWT_AUTHN,
            &[JWT_PAYLOAD, name],
            &json!({ "stringMatch": string(pattern) }),
        )
    };
    side.all_of(&[claim("iss", pattern.issuer()), claim("sub", pattern.subject())])
}

/// A claim is a string that matches, or a list with one.
fn claim(values: &[TextPattern]) -> Value {
    let texts = one_or_any(
        values
            .iter()
            .map(|value| json!({ "stringMatch": string(value) }))
            .collect(),
    );
    json!({ "orMatch": { "valueMatchers": [{ "listMatch": { "oneOf": texts } }, texts] } })
}

fn path(pattern: &PathPattern) -> Value {
    match pattern {
        PathPattern::Text(text) => json!({ "urlPath": { "path": string(text) } }),
        PathPattern::Template(pattern) => json!({ "uriTemplate": template(pattern) }),
    }
}

fn metadata_value(pattern: &MetadataPattern) -> Value {
    match pattern {
        MetadataPattern::Text(text) => json!({ "stringMatch": string(text) }),
        MetadataPattern::ListWith(text) => json!({ "listMatch": { "oneOf": { "stringMatch": string(text) } } }),
    }
}
