//! Hosts.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::lower_case;
use super::punycode::is_encoded;
use crate::path_normalization::escaped;

/// A host in its canonical form, and the port that stood behind it.
pub(super) struct Host<'a> {
    pub(super) name: Cow<'a, [u8]>,
    port: &'a [u8],
    /// Whether servers may differ about it. Neither the case of letters nor a port makes it so.
    pub(super) is_ambiguous: bool,
}

impl<'a> Host<'a> {
    pub(super) fn of(authority: &'a [u8]) -> Self {
        let (written, port) = without_port(authority);
        let is_port = match port {
            [] => true,
            [_colon, digits @ ..] => (1..=5).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit),
        };
        let name = match unescaped(written) {
            Cow::Borrowed(name) => lower_case(without_dot(name)),
            Cow::Owned(name) => Cow::Owned(without_dot(&name).to_ascii_lowercase()),
        };
        let canonical = address(&name).map(Cow::Owned);
        let is_host = canonical.is_some() || is_host_name(&name);
        let name = canonical.unwrap_or(name);
        Self {
            is_ambiguous: !is_port || !is_host || !name.eq_ignore_ascii_case(written),
            name,
            port,
        }
    }

    pub(super) const fn has_port(&self) -> bool {
        !self.port.is_empty()
    }

    pub(super) fn into_authority(self) -> Vec<u8> {
        let mut authority = self.name.into_owned();
        authority.extend_from_slice(self.port);
        authority
    }
}

/// The host, and the rest from the colon on. The colons of an address in brackets are its own.
fn without_port(authority: &[u8]) -> (&[u8], &[u8]) {
    let bracket = authority.iter().rposition(|&byte| byte == b']').unwrap_or(0);
    let colon = authority[bracket..].iter().position(|&byte| byte == b':');
    authority.split_at(colon.map_or(authority.len(), |colon| bracket + colon))
}

/// A name may be told to be one of the root by a dot behind it.
fn without_dot(name: &[u8]) -> &[u8] {
    name.strip_suffix(b".").unwrap_or(name)
}

/// The host as parsers of URLs read it, who decode escapes in it as everywhere.
fn unescaped(host: &[u8]) -> Cow<'_, [u8]> {
    if !host.contains(&b'%') {
        return Cow::Borrowed(host);
    }
    let mut name = Vec::with_capacity(host.len());
    let mut rest = host;
    while let [first, after @ ..] = rest {
        let (byte, after) = escaped(rest).unwrap_or((*first, after));
        name.push(byte);
        rest = after;
    }
    Cow::Owned(name)
}

/// An address as it is usually written, if the host is one.
fn address(host: &[u8]) -> Option<Vec<u8>> {
    if let [b'[', address @ .., b']'] = host {
        let address: Ipv6Addr = std::str::from_utf8(address).ok()?.parse().ok()?;
        return Some(format!("[{address}]").into_bytes());
    }
    Some(ipv4(host)?.to_string().into_bytes())
}

/// An address in any notation that resolvers take: one to four numbers, decimal, octal or hexadecimal, of which the last fills
/// what is left.
fn ipv4(host: &[u8]) -> Option<Ipv4Addr> {
    let numbers = || host.split(|&byte| byte == b'.');
    let parts = numbers().count();
    if parts > 4 {
        return None;
    }
    let mut address = 0_u32;
    for (index, part) in numbers().enumerate() {
        let number = number(part)?;
        // How many bytes this number stands for.
        let bytes = if index + 1 == parts { 4 - index } else { 1 };
        if number >> (8 * bytes) != 0 {
            return None;
        }
        let shift = 8 * (4 - index - bytes);
        address |= u32::try_from(number << shift).ok()?;
    }
    Some(Ipv4Addr::from_bits(address))
}

fn number(text: &[u8]) -> Option<u64> {
    let (digits, radix) = match text {
        [b'0', b'x', digits @ ..] => (digits, 16),
        [b'0', digits @ ..] if !digits.is_empty() => (digits, 8),
        [] => return None,
        digits => (digits, 10),
    };
    digits.iter().try_fold(0_u64, |number, &digit| {
        let number = number * radix + u64::from(char::from(digit).to_digit(radix as u32)?);
        (number <= u64::from(u32::MAX)).then_some(number)
    })
}

const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

/// Labels of letters, digits, hyphens and underscores, with dots between them. One that claims to be the ASCII form of another must
/// be one.
fn is_host_name(name: &[u8]) -> bool {
    (1..=LONGEST_NAME).contains(&name.len()) && name.split(|&byte| byte == b'.').all(is_label)
}

fn is_label(label: &[u8]) -> bool {
    let is_letter = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    let is_plain = (1..=LONGEST_LABEL).contains(&label.len()) && label.iter().all(is_letter);
    is_plain && label.strip_prefix(b"xn--").is_none_or(is_encoded)
}

#[cfg(test)]
mod tests {
    use super::Host;

    #[test]
    fn hosts_have_one_form() {
        for (authority, name, is_ambiguous) in [
            ("test.com", "test.com", false),
            ("TEST.com", "test.com", false),
            ("test.com:80", "test.com", false),
            ("TEST.com:65535", "test.com", false),
            ("test.com.", "test.com", true),
            ("test.com.:80", "test.com", true),
            ("test.com..", "test.com.", true),
            ("test.com:", "test.com", true),
            ("test.com:http", "test.com", true),
            ("test.com:123456", "test.com", true),
            ("test.com:80:80", "test.com", true),
            ("a.com,b.com", "a.com,b.com", true),
            ("user@test.com", "user@test.com", true),
            ("test.com@evil.com:80", "test.com@evil.com", true),
            ("te%73t.com", "test.com", true),
            ("TEST%2Ecom%2e:80", "test.com", true),
            ("te%7.com", "te%7.com", true),
            ("test.com%", "test.com%", true),
            ("test%2525.com", "test%25.com", true),
            ("b%C3%BCcher.example", "b\u{fc}cher.example", true),
            ("xn--bcher-kva.example", "xn--bcher-kva.example", false),
            ("XN--BCHER-KVA.example:80", "xn--bcher-kva.example", false),
            ("xn--test-.com", "xn--test-.com", true),
            ("xn--.com", "xn--.com", true),
            ("a.xn--9999999", "a.xn--9999999", true),
            (".test.com", ".test.com", true),
            ("a..test.com", "a..test.com", true),
            ("te st.com", "te st.com", true),
            ("_srv.test-1.com", "_srv.test-1.com", false),
            ("10.0.0.1", "10.0.0.1", false),
            ("10.0.0.1:8080", "10.0.0.1", false),
            ("10.0.0.1.", "10.0.0.1", true),
            ("10.1", "10.0.0.1", true),
            ("010.0.0.1", "8.0.0.1", true),
            ("0x7F.1", "127.0.0.1", true),
            ("2130706433", "127.0.0.1", true),
            ("0x", "0.0.0.0", true),
            ("127.0.0.256", "127.0.0.256", false),
            ("127.0.0.+1", "127.0.0.+1", true),
            ("1.2.3.4.5", "1.2.3.4.5", false),
            ("[::1]", "[::1]", false),
            ("[::1]:443", "[::1]", false),
            ("[0:0::1]", "[::1]", true),
            ("[2001:DB8::1]:443", "[2001:db8::1]", false),
            ("[fe80::1%25eth0]", "[fe80::1%eth0]", true),
            ("[::1", "[", true),
            ("::1", "", true),
            ("", "", true),
            ("\u{e9}.com", "\u{e9}.com", true),
        ] {
            let host = Host::of(authority.as_bytes());
            let found = (String::from_utf8_lossy(&host.name).into_owned(), host.is_ambiguous);
            assert_eq!(found, (name.to_owned(), is_ambiguous), "{authority}");
        }
    }
}
