//! Envoy's matcher messages.

use outgate_policy::pattern::{IpBlock, PathTemplate, TemplateSegment, TextPattern};
use serde_json::{Value, json};

/// `envoy.type.matcher.v3.StringMatcher`.
pub(super) fn string(pattern: TextPattern<'_>) -> Value {
    match pattern {
        TextPattern::Present => text_regex(".+"),
        TextPattern::Exact(text) => json!({ "exact": text }),
        TextPattern::Prefix(text) => json!({ "prefix": text }),
        TextPattern::Suffix(text) => json!({ "suffix": text }),
    }
}

/// A `StringMatcher` that takes what a regular expression matches as a whole.
pub(super) fn text_regex(expression: &str) -> Value {
    json!({ "safeRegex": { "regex": expression } })
}

/// `envoy.config.route.v3.HeaderMatcher`.
pub(super) fn header(name: &str, pattern: TextPattern<'_>, ignore_case: bool) -> Value {
    if pattern == TextPattern::Present {
        return json!({ "header": { "name": name, "presentMatch": true } });
    }
    let mut matcher = string(pattern);
    if ignore_case {
        matcher["ignoreCase"] = json!(true);
    }
    json!({ "header": { "name": name, "stringMatch": matcher } })
}

/// `envoy.type.matcher.v3.MetadataMatcher`.
pub(super) fn metadata(filter: &str, path: &[&str], value: &Value) -> Value {
    let path: Vec<Value> = path.iter().map(|key| json!({ "key": key })).collect();
    json!({ "metadata": { "filter": filter, "path": path, "value": value } })
}

/// One value matcher as it is, several as alternatives.
pub(super) fn one_or_any(mut matchers: Vec<Value>) -> Value {
    match matchers.len() {
        1 => matchers.remove(0),
        _ => json!({ "orMatch": { "valueMatchers": matchers } }),
    }
}

/// `envoy.config.core.v3.CidrRange`.
pub(super) fn ip_block(value: &str) -> Value {
    // INVARIANT: a checked value is a block. An empty range would be refused by Envoy.
    value.parse::<IpBlock>().map_or(
        Value::Null,
        |block| json!({ "addressPrefix": block.address(), "prefixLen": block.prefix_len() }),
    )
}

/// The extension that matches path templates.
pub(super) fn template(pattern: PathTemplate<'_>) -> Value {
    let segments = pattern.segments().map(|segment| match segment {
        TemplateSegment::Literal(text) => text,
        TemplateSegment::One => "*",
        TemplateSegment::Many => "**",
    });
    let mut path: String = segments.flat_map(|segment| ["/", segment]).collect();
    if pattern.trailing_slash() {
        path.push('/');
    }
    json!({
        "name": "uri-template",
        "typedConfig": {
            "@type": "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
            "pathTemplate": path,
        }
    })
}

/// A text as a regular expression that matches it alone, quoted as Go's `regexp.QuoteMeta` does.
pub(super) fn regex(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted
}
