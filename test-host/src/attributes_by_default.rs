//! What every connection has, when a test does not say it.

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
