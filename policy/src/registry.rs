//! Which hosts may be called at all.

use crate::ascii::with_lower_case;
use crate::config::{self, OutboundMode};
use crate::texts::Texts;

/// The registered hosts, ready for lookup.
///
/// A request's `:authority` names a registered host the way Istio's virtual hosts name it: `host`, `host:port` for a registered
/// port, the same with the dot of an absolute name, ASCII case ignored. A wildcard `*.example.com` takes any host that ends in
/// `.example.com`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registry {
    exact: Hosts,
    /// Without the star: `.example.com`.
    wildcards: Hosts,
}

#[derive(Clone, Debug, Default)]
struct Hosts {
    names: Texts,
    /// By the number of the name.
    ports: Vec<Vec<u16>>,
}

impl Hosts {
    fn add(&mut self, name: &str, ports: &[u16]) {
        let number = self.names.number(name) as usize;
        if number == self.ports.len() {
            self.ports.push(Vec::new());
        }
        self.ports[number].extend(ports);
    }

    fn serve(&self, name: &[u8], port: Option<u16>) -> bool {
        let ports = self.names.find(name).map(|number| &self.ports[number as usize]);
        ports.is_some_and(|ports| port.is_none_or(|port| ports.contains(&port)))
    }
}

impl Registry {
    /// `None` when any host may be called.
    pub(crate) fn new(written: Option<&config::Registry>) -> Option<Self> {
        let written = written.filter(|registry| registry.mode == OutboundMode::RegistryOnly)?;
        let mut registry = Self::default();
        for entry in &written.hosts {
            let host = entry.host.to_ascii_lowercase();
            match host.strip_prefix('*') {
                Some(suffix) => registry.wildcards.add(suffix, &entry.ports),
                None => registry.exact.add(&host, &entry.ports),
            }
        }
        Some(registry)
    }

    pub(crate) fn knows(&self, authority: &[u8]) -> bool {
        let Some((host, port)) = split_port(authority) else {
            return false;
        };
        with_lower_case(host, |host| self.serves(host, port))
    }

    fn serves(&self, host: &[u8], port: Option<u16>) -> bool {
        let absolute = host.strip_suffix(b".").filter(|host| !host.is_empty());
        self.exact.serve(absolute.unwrap_or(host), port)
            || (0..host.len())
                .filter(|&dot| dot > 0 && host[dot] == b'.')
                .any(|dot| self.wildcards.serve(&host[dot..], port))
            || (!host.is_empty() && self.wildcards.serve(b"", port))
    }
}

/// `host` and `port` of an authority; `None` when the port is no port.
fn split_port(authority: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let bracket = authority.iter().rposition(|&byte| byte == b']');
    let colon = authority.iter().rposition(|&byte| byte == b':');
    match colon.filter(|&colon| bracket.is_none_or(|bracket| bracket < colon)) {
        None => Some((authority, None)),
        Some(colon) => {
            let digits = &authority[colon + 1..];
            if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                return None;
            }
            let port = std::str::from_utf8(digits).ok()?.parse().ok()?;
            Some((&authority[..colon], Some(port)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Registry;
    use crate::config::{self, OutboundMode, RegisteredHost};

    #[test]
    fn hosts_are_found_as_virtual_hosts_find_them() {
        let host = |host: &str, ports: &[u16]| RegisteredHost {
            host: host.to_owned(),
            ports: ports.to_vec(),
        };
        let written = config::Registry {
            mode: OutboundMode::RegistryOnly,
            hosts: vec![
                host("test.com", &[80, 443]),
                host("test.com", &[8080]),
                host("*.Wild.org", &[443]),
                host("[2001:db8::1]", &[80]),
            ],
        };
        let registry = Registry::new(Some(&written)).unwrap();
        for (authority, known) in [
            ("test.com", true),
            ("TEST.com", true),
            ("test.com:80", true),
            ("test.com:8080", true),
            ("test.com:81", false),
            ("test.com:", false),
            ("test.com:+80", false),
            ("test.com:99999", false),
            ("test.com.", true),
            ("test.com.:443", true),
            ("test.com..", false),
            ("www.test.com", false),
            ("a.wild.org", true),
            ("a.b.wild.org:443", true),
            ("a.wild.org:80", false),
            (".wild.org", false),
            ("wild.org", false),
            ("a.wild.org.", false),
            ("[2001:db8::1]:80", true),
            ("[2001:db8::1]", true),
            ("test.com,test.com", false),
            ("", false),
        ] {
            assert_eq!(registry.knows(authority.as_bytes()), known, "{authority:?}");
        }
        assert!(Registry::new(Some(&config::Registry::default())).is_none());
    }
}
