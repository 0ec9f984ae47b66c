//! What connections, upstreams and routes have, when a test does not say it.

use crate::property::Property;

/// Where a connection comes from and goes to.
const SOURCE: (&str, i64) = ("127.0.0.1:50000", 50000);
const DESTINATION: (&str, i64) = ("127.0.0.1:8080", 8080);

/// An attribute of the connection of the stream `context`, by its path.
pub(crate) fn of_connection(path: &[&str], context: u32) -> Option<Property> {
    Some(match path {
        ["source", "address"] => SOURCE.0.into(),
        ["source", "port"] => SOURCE.1.into(),
        ["destination", "address"] => DESTINATION.0.into(),
        ["destination", "port"] => DESTINATION.1.into(),
        ["connection", "id"] => Property::Uint(context.into()),
        // In plaintext both are there: false, and empty.
        ["connection", "mtls"] => false.into(),
        ["connection", "requested_server_name"] => "".into(),
        _ => return None,
    })
}

/// Where a request goes to, and from.
const UPSTREAM: (&str, i64) = ("127.0.0.1:8000", 8000);
const UPSTREAM_LOCAL: &str = "127.0.0.1:40000";

/// An attribute of the upstream that has answered, by its name.
pub(crate) fn of_upstream(name: &str) -> Option<Property> {
    Some(match name {
        "address" => UPSTREAM.0.into(),
        "port" => UPSTREAM.1.into(),
        "local_address" => UPSTREAM_LOCAL.into(),
        "request_attempt_count" => Property::Uint(1),
        "transport_failure_reason" => "".into(),
        _ => return None,
    })
}

/// What a listener and a route have that say nothing of themselves.
pub(crate) fn of_xds(name: &str) -> Option<Property> {
    Some(match name {
        "listener_direction" => 0.into(),
        "route_name" => "".into(),
        _ => return None,
    })
}
