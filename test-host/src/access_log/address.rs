//! The text of a socket address, taken apart as Envoy does it.

/// Host and port of an address such as `10.0.0.7:80` or `[::1]:80`. The brackets belong to neither.
///
/// What has no port, such as the path of a Unix socket, is all host.
pub(super) fn split(address: &str) -> (&str, Option<u16>) {
    if let Some((host, rest)) = address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let port = rest.strip_prefix(':').and_then(|port| port.parse().ok());
        return (host, port);
    }
    match address.rsplit_once(':') {
        // A second colon makes it an IPv6 address without a port.
        Some((host, port)) if !host.contains(':') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (address, None),
        },
        _ => (address, None),
    }
}
