//! Routes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{At, file_name, set};
use crate::manifest::{HeaderChanges, HeaderOperations, HttpMatch, Period, Redirect, Retries, Rewrite, StringMatch};
use crate::proxy::{Handler, Route, RouteAction, RouteTable, VirtualHost, WeightedCluster};

/// What Istio tries again when nothing else is said, and how often.
const RETRY_ON: &str = "connect-failure,refused-stream,unavailable,cancelled";
const RETRIES: u32 = 2;

/// The routes of all listeners, as files: they change without the listeners, whose connections go on.
pub(super) fn watched(at: At<'_>) -> Vec<(String, Value)> {
    let chains = at.proxy.listeners.iter().flat_map(|listener| &listener.chains);
    let tables = chains.filter_map(|chain| match &chain.handler {
        Handler::Http(table) => Some(table),
        Handler::Tcp { .. } => None,
    });
    let rendered = tables.map(|table| {
        let routes = super::response("envoy.config.route.v3.RouteConfiguration", vec![route_config(table)]);
        (file(table), routes)
    });
    rendered.collect()
}

/// The file of a listener's routes.
pub(super) fn file(table: &RouteTable) -> String {
    format!("routes-{}.json", file_name(&table.name))
}

pub(super) fn route_config(table: &RouteTable) -> Value {
    json!({
        "name": table.name,
        "virtual_hosts": table.virtual_hosts.iter().map(virtual_host).collect::<Vec<_>>(),
        "ignore_port_in_host_matching": true,
        "validate_clusters": false,
    })
}

fn virtual_host(host: &VirtualHost) -> Value {
    let mut rendered = json!({
        "name": host.name,
        "domains": host.domains,
        "routes": host.routes.iter().map(route).collect::<Vec<_>>(),
    });
    if host.requires_tls {
        rendered["require_tls"] = "ALL".into();
    }
    rendered
}

fn route(route: &Route) -> Value {
    let anything = HttpMatch::default();
    let mut rendered = json!({"match": route_match(route.matches.as_ref().unwrap_or(&anything))});
    set(
        &mut rendered,
        "name",
        (!route.name.is_empty()).then(|| route.name.clone()),
    );
    change_headers(&mut rendered, &route.headers);
    match &route.action {
        RouteAction::Forward {
            clusters,
            rewrite,
            timeout,
            retries,
        } => {
            let mut action = forward(clusters);
            action["timeout"] = timeout.map_or_else(|| "0s".to_owned(), Period::to_proto).into();
            set(&mut action, "retry_policy", retry_policy(retries.as_ref()));
            rewrite_request(&mut action, rewrite.as_ref(), &route.headers);
            rendered["route"] = action;
        }
        RouteAction::Redirect(to) => rendered["redirect"] = redirect(to),
        RouteAction::Answer { status, body } => {
            let mut answer = json!({"status": status});
            set(
                &mut answer,
                "body",
                (!body.is_empty()).then(|| json!({"inline_string": body})),
            );
            rendered["direct_response"] = answer;
        }
    }
    rendered
}

fn route_match(wanted: &HttpMatch) -> Value {
    let mut rendered = match wanted.uri.as_ref() {
        Some(StringMatch { exact: Some(exact), .. }) => json!({"path": exact}),
        Some(StringMatch {
            prefix: Some(prefix), ..
        }) => json!({"prefix": prefix}),
        Some(StringMatch { regex: Some(regex), .. }) => json!({"safe_regex": {"regex": regex}}),
        _ => json!({"prefix": "/"}),
    };
    if wanted.ignore_uri_case {
        rendered["case_sensitive"] = false.into();
    }
    let pseudo = [
        (":method", &wanted.method),
        (":authority", &wanted.authority),
        (":scheme", &wanted.scheme),
    ];
    let pseudo = pseudo
        .into_iter()
        .filter_map(|(name, wanted)| Some(matcher(name, wanted.as_ref()?)));
    let own = wanted.headers.iter().map(|(name, wanted)| matcher(name, wanted));
    let without = wanted.without_headers.iter().map(|(name, wanted)| {
        let mut matcher = matcher(name, wanted);
        matcher["invert_match"] = true.into();
        matcher
    });
    let headers: Vec<Value> = pseudo.chain(own).chain(without).collect();
    set(&mut rendered, "headers", (!headers.is_empty()).then_some(headers));
    let parameters: Vec<Value> = wanted
        .query_params
        .iter()
        .map(|(name, wanted)| matcher(name, wanted))
        .collect();
    set(
        &mut rendered,
        "query_parameters",
        (!parameters.is_empty()).then_some(parameters),
    );
    rendered
}

/// A matcher of a header or of a query parameter, which have the same form.
fn matcher(name: &str, wanted: &StringMatch) -> Value {
    let text = match wanted {
        StringMatch { exact: Some(exact), .. } => json!({"exact": exact}),
        StringMatch {
            prefix: Some(prefix), ..
        } => json!({"prefix": prefix}),
        StringMatch { regex: Some(regex), .. } => json!({"safe_regex": {"regex": regex}}),
        _ => return json!({"name": name, "present_match": true}),
    };
    json!({"name": name, "string_match": text})
}

fn forward(clusters: &[WeightedCluster]) -> Value {
    if let [only] = clusters
        && is_unchanged(&only.headers)
    {
        return json!({"cluster": only.cluster});
    }
    let clusters = clusters.iter().map(|to| {
        let mut rendered = json!({"name": to.cluster, "weight": to.weight.max(u32::from(clusters.len() == 1))});
        change_headers(&mut rendered, &to.headers);
        set(&mut rendered, "host_rewrite_literal", host_header(&to.headers));
        rendered
    });
    json!({"weighted_clusters": {"clusters": clusters.collect::<Vec<_>>()}})
}

fn retry_policy(retries: Option<&Retries>) -> Option<Value> {
    let attempts = retries.map_or(RETRIES, |retries| retries.attempts);
    if attempts == 0 {
        return None;
    }
    let retry_on = retries
        .and_then(|retries| retries.retry_on.clone())
        .unwrap_or_else(|| RETRY_ON.to_owned());
    let mut policy = json!({
        "retry_on": retry_on,
        "num_retries": attempts,
        "retry_host_predicate": [super::extension(
            "envoy.retry_host_predicates.previous_hosts",
            "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
            json!({}),
        )],
        "host_selection_retry_max_attempts": 5,
    });
    let timeout = retries.and_then(|retries| retries.per_try_timeout);
    set(&mut policy, "per_try_timeout", timeout.map(Period::to_proto));
    Some(policy)
}

fn rewrite_request(action: &mut Value, rewrite: Option<&Rewrite>, headers: &HeaderChanges) {
    set(
        action,
        "prefix_rewrite",
        rewrite.and_then(|rewrite| rewrite.uri.clone()),
    );
    let authority = rewrite.and_then(|rewrite| rewrite.authority.clone());
    set(
        action,
        "host_rewrite_literal",
        authority.or_else(|| host_header(headers)),
    );
}

fn redirect(to: &Redirect) -> Value {
    let mut rendered = json!({});
    set(&mut rendered, "path_redirect", to.uri.clone());
    set(&mut rendered, "host_redirect", to.authority.clone());
    set(&mut rendered, "port_redirect", to.port);
    set(&mut rendered, "scheme_redirect", to.scheme.clone());
    let code = match to.redirect_code {
        Some(302) => "FOUND",
        Some(303) => "SEE_OTHER",
        Some(307) => "TEMPORARY_REDIRECT",
        Some(308) => "PERMANENT_REDIRECT",
        _ => "MOVED_PERMANENTLY",
    };
    rendered["response_code"] = code.into();
    rendered
}

fn is_unchanged(headers: &HeaderChanges) -> bool {
    headers.request.is_none() && headers.response.is_none()
}

fn change_headers(target: &mut Value, changes: &HeaderChanges) {
    let mut apply = |changes: Option<&HeaderOperations>, kind: &str| {
        let Some(changes) = changes else { return };
        let added =
            values(&changes.add, "APPEND_IF_EXISTS_OR_ADD").chain(values(&changes.set, "OVERWRITE_IF_EXISTS_OR_ADD"));
        let added: Vec<Value> = added.collect();
        set(
            target,
            &format!("{kind}_headers_to_add"),
            (!added.is_empty()).then_some(added),
        );
        let removed = (!changes.remove.is_empty()).then(|| changes.remove.clone());
        set(target, &format!("{kind}_headers_to_remove"), removed);
    };
    apply(changes.request.as_ref(), "request");
    apply(changes.response.as_ref(), "response");
}

fn values<'h>(headers: &'h BTreeMap<String, String>, how: &'h str) -> impl Iterator<Item = Value> + 'h {
    let own = headers.iter().filter(|(name, _)| !is_host(name));
    own.map(move |(name, value)| {
        Value::Object(Map::from_iter([
            ("header".to_owned(), json!({"key": name, "value": value})),
            ("append_action".to_owned(), how.into()),
        ]))
    })
}

/// The host that a request gets: Envoy does not change it like other headers.
fn host_header(changes: &HeaderChanges) -> Option<String> {
    let set = &changes.request.as_ref()?.set;
    set.iter()
        .find(|(name, _)| is_host(name))
        .map(|(_, value)| value.clone())
}

fn is_host(name: &str) -> bool {
    name.eq_ignore_ascii_case("host") || name == ":authority"
}
