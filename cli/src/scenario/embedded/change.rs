//! What a route changes in a request before it is sent on.

use outgate_sdk::manifest::{HeaderChanges, HttpMatch, Rewrite, StringMatch};
use outgate_sdk::proxy::Route;

use crate::described::{Described, Description};

/// The request as the next proxy gets it.
pub(super) fn sent_on(request: &Described, route: &Route, rewrite: Option<&Rewrite>) -> Description {
    let header = |name| request.header(name).unwrap_or_default();
    let (mut authority, mut path) = (header(":authority"), header(":path"));
    let mut headers = request.description().headers.clone();
    headers.retain(|(name, _)| !name.eq_ignore_ascii_case("host") && !name.eq_ignore_ascii_case(":authority"));
    change(&mut headers, &mut authority, &route.headers);
    if let Some(rewrite) = rewrite {
        if let Some(host) = &rewrite.authority {
            authority.clone_from(host);
        }
        if let Some(uri) = &rewrite.uri {
            path = rewritten(&path, route.matches.as_ref(), uri);
        }
    }
    let scheme = request
        .description()
        .url
        .split_once("://")
        .map_or("http", |(scheme, _)| scheme);
    Description {
        url: format!("{scheme}://{authority}{path}"),
        headers,
        ..request.description().clone()
    }
}

/// The beginning that the route matched is replaced; where it matched all of the path, all of it.
fn rewritten(path: &str, matches: Option<&HttpMatch>, uri: &str) -> String {
    let matched = match matches.and_then(|wanted| wanted.uri.as_ref()) {
        Some(StringMatch { exact: Some(exact), .. }) => exact.len(),
        Some(StringMatch {
            prefix: Some(prefix), ..
        }) => prefix.len(),
        _ => 1,
    };
    format!("{uri}{}", path.get(matched..).unwrap_or_default())
}

fn change(headers: &mut Vec<(String, String)>, authority: &mut String, changes: &HeaderChanges) {
    let Some(changes) = &changes.request else { return };
    for (name, value) in &changes.set {
        if name.eq_ignore_ascii_case("host") || name == ":authority" {
            authority.clone_from(value);
            continue;
        }
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        headers.push((name.clone(), value.clone()));
    }
    headers.extend(changes.add.iter().map(|(name, value)| (name.clone(), value.clone())));
    headers.retain(|(known, _)| !changes.remove.iter().any(|name| known.eq_ignore_ascii_case(name)));
}
