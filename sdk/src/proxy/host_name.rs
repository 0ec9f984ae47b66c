//! Host names and patterns of them: `a.example`, `*.example`, `*`.

/// Whether `pattern` covers `host`, which may be a pattern itself. Both are in lower case.
#[must_use]
pub fn matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        None => pattern == host,
        Some("") => true,
        // `*.example` covers `a.example` and `*.a.example`, and itself, but not `example`.
        Some(suffix) => host.strip_prefix('*').unwrap_or(host).ends_with(suffix),
    }
}

/// The narrower of two patterns that cover something in common.
pub(super) fn intersection(a: &str, b: &str) -> Option<String> {
    if matches(a, b) {
        Some(b.to_owned())
    } else if matches(b, a) {
        Some(a.to_owned())
    } else {
        None
    }
}

/// The part of an authority before its port, in lower case.
pub(super) fn without_port(authority: &str) -> String {
    let end = match authority.rfind(':') {
        // Not a colon of an IPv6 address.
        Some(colon) if authority[colon + 1..].bytes().all(|byte| byte.is_ascii_digit()) => colon,
        _ => authority.len(),
    };
    authority[..end].to_ascii_lowercase()
}

/// The full name of a host that a manifest of `namespace` names: without a dot, it is a service beside it.
pub(super) fn full_name(host: &str, namespace: &str) -> String {
    if host.contains('.') || host == "*" {
        host.to_lowercase()
    } else {
        format!("{}.{namespace}.svc.cluster.local", host.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_hosts_and_narrower_patterns() {
        let rows = [
            ("a.com", "a.com", true),
            ("a.com", "b.com", false),
            ("*", "a.com", true),
            ("*.com", "a.com", true),
            ("*.com", "com", false),
            ("*.a.com", "*.b.a.com", true),
            ("*.b.a.com", "*.a.com", false),
            ("*.a.com", "*.a.com", true),
            ("a.com", "*.com", false),
        ];
        for (pattern, host, expected) in rows {
            assert_eq!(matches(pattern, host), expected, "{pattern} {host}");
        }
        assert_eq!(intersection("*.com", "a.com").as_deref(), Some("a.com"));
        assert_eq!(intersection("a.com", "*").as_deref(), Some("a.com"));
        assert_eq!(intersection("a.com", "b.com"), None);
    }

    #[test]
    fn authorities_lose_their_port() {
        let rows = [
            ("A.com:80", "a.com"),
            ("a.com", "a.com"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
        ];
        for (authority, expected) in rows {
            assert_eq!(without_port(authority), expected);
        }
    }
}
