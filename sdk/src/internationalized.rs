//! Hosts with letters that are not ASCII.
//!
//! Proxies take hosts in ASCII only (Envoy answers 400 to any other), so that a policy about `bücher.example` is about nothing.

/// How a host, or a pattern of hosts, is written in requests: with the ASCII form of its labels. `None` when it is ASCII, or has no
/// such form.
pub(crate) fn ascii_form(written: &str) -> Option<String> {
    if written.is_ascii() {
        return None;
    }
    let (name, port) = match written.rsplit_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (written, None),
    };
    // The part of a label beside a star has no form of its own.
    let (before, name) = match name.strip_prefix("*.") {
        Some(name) => ("*.", name),
        None => ("", name),
    };
    let (name, after) = match name.strip_suffix(".*") {
        Some(name) => (name, ".*"),
        None => (name, ""),
    };
    let name = idna::domain_to_ascii_strict(name).ok()?;
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    Some(format!("{before}{name}{after}{port}"))
}

#[cfg(test)]
mod tests {
    use super::ascii_form;

    #[test]
    fn hosts_are_written_in_ascii() {
        for (written, expected) in [
            ("test.com", None),
            ("b\u{fc}cher.example", Some("xn--bcher-kva.example")),
            ("B\u{dc}CHER.example", Some("xn--bcher-kva.example")),
            ("bu\u{308}cher.example", Some("xn--bcher-kva.example")),
            ("b\u{fc}cher.example:*", Some("xn--bcher-kva.example:*")),
            ("*.b\u{fc}cher.example", Some("*.xn--bcher-kva.example")),
            ("b\u{fc}cher.*", Some("xn--bcher-kva.*")),
            ("*b\u{fc}cher.example", None),
            ("b\u{fc} cher.example", None),
        ] {
            assert_eq!(ascii_form(written).as_deref(), expected, "{written}");
        }
    }
}
