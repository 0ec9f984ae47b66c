//! An authorizer for the filter.

use outgate_policy::config::{ExtAuthzHttp, Provider, Timeout};
use outgate_policy::resource::StringMap;

use super::{Address, AuthorizerProblem, Problem, check_http, seen};
use crate::manifest::EnvoyExtAuthzHttp;

/// What the filter's configuration has of a provider.
pub(super) fn provider(name: &str, written: &EnvoyExtAuthzHttp) -> Result<Provider, Problem> {
    let address = Address::read(&written.service, written.port)?;
    check_http(written)?;
    if written.include_request_body_in_check.is_some() {
        return Err(Problem::of("includeRequestBodyInCheck", AuthorizerProblem::Body));
    }
    if written.clear_route_cache == Some(false) && !written.headers_to_upstream_on_allow.is_empty() {
        return Err(Problem::of("clearRouteCache", AuthorizerProblem::RouteCache));
    }
    let timeout = match written.timeout {
        None => None,
        Some(period) => {
            let milliseconds = u32::try_from(period.0.as_millis()).ok();
            let timeout = milliseconds.and_then(Timeout::from_milliseconds);
            Some(timeout.ok_or(Problem::of("timeout", AuthorizerProblem::Timeout))?)
        }
    };
    let added = literals(&written.include_additional_headers_in_check);
    Ok(Provider {
        name: name.to_owned(),
        cluster: address.cluster(),
        envoy_ext_authz_http: ExtAuthzHttp {
            timeout,
            path_prefix: written.path_prefix.clone().unwrap_or_default(),
            fail_open: written.fail_open,
            status_on_error: written.status_on_error,
            include_request_headers_in_check: seen(written).to_vec(),
            include_additional_headers_in_check: added.ok_or(Problem::of(
                "includeAdditionalHeadersInCheck",
                AuthorizerProblem::Command,
            ))?,
            headers_to_upstream_on_allow: written.headers_to_upstream_on_allow.clone(),
            headers_to_downstream_on_deny: written.headers_to_downstream_on_deny.clone(),
            headers_to_downstream_on_allow: written.headers_to_downstream_on_allow.clone(),
        },
    })
}

/// The values that Envoy makes of those that hold none of its commands; `None` when one does.
fn literals(written: &StringMap) -> Option<StringMap> {
    let literal = |(name, value): (&str, &str)| {
        let has_command = value.replace("%%", "").contains('%');
        (!has_command).then(|| (name.to_owned(), value.replace("%%", "%")))
    };
    written
        .iter()
        .map(literal)
        .collect::<Option<Vec<_>>>()
        .map(StringMap::from_iter)
}
