//! IP addresses and CIDR ranges.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An address or a CIDR range of a policy. Host bits may be set and are ignored.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct IpBlock {
    address: IpAddr,
    length: u8,
}

impl IpBlock {
    /// The address as written, host bits included.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// How many leading bits count: 0 to 32, or 0 to 128.
    #[must_use]
    pub const fn prefix_len(&self) -> u8 {
        self.length
    }

    /// The same range without host bits.
    #[must_use]
    pub fn network(&self) -> Self {
        let address = match self.address {
            IpAddr::V4(address) => {
                let host_bits = u32::MAX.checked_shr(u32::from(self.length)).unwrap_or(0);
                IpAddr::V4((address.to_bits() & !host_bits).into())
            }
            IpAddr::V6(address) => {
                let host_bits = u128::MAX.checked_shr(u32::from(self.length)).unwrap_or(0);
                IpAddr::V6((address.to_bits() & !host_bits).into())
            }
        };
        Self {
            address,
            length: self.length,
        }
    }

    /// The range of this many bits that an address lies in; `None` when an address of its family has fewer.
    pub(crate) fn around(address: IpAddr, length: u8) -> Option<Self> {
        let widest = if address.is_ipv4() { 32 } else { 128 };
        (length <= widest).then(|| Self { address, length }.network())
    }

    /// Whether an address lies in the range. Families must agree: `0.0.0.0/0` holds no IPv6 address, and an IPv4 address mapped
    /// into IPv6 stays IPv6.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        Self::around(address, self.length) == Some(self.network())
    }
}

impl FromStr for IpBlock {
    type Err = InvalidIpBlock;

    /// Reads what Go's `netip` reads, which is what Istio validates with: no leading zeros in an octet or a length.
    fn from_str(value: &str) -> Result<Self, Self::Err> {
        let (address, length) = match value.split_once('/') {
            None => (value, None),
            Some((address, length)) => (address, Some(length)),
        };
        let address: IpAddr = address.parse().map_err(|_| InvalidIpBlock)?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => widest,
            Some(digits) => {
                let canonical = digits == "0" || digits.starts_with(|c: char| matches!(c, '1'..='9'));
                let length: u8 = digits.parse().map_err(|_| InvalidIpBlock)?;
                if !canonical || length > widest {
                    return Err(InvalidIpBlock);
                }
                length
            }
        };
        Ok(Self { address, length })
    }
}

impl fmt::Display for IpBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = if self.address.is_ipv4() { 32 } else { 128 };
        if self.length == widest {
            write!(f, "{}", self.address)
        } else {
            write!(f, "{}/{}", self.address, self.length)
        }
    }
}

/// A value is neither an IP address nor a CIDR range.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InvalidIpBlock;

impl fmt::Display for InvalidIpBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected an IP address or a CIDR range, such as 10.1.2.3, 10.0.0.0/8 or 2001:db8::/32")
    }
}

impl std::error::Error for InvalidIpBlock {}

#[cfg(test)]
mod tests {
    use super::IpBlock;

    #[test]
    fn reads_what_go_reads() {
        for (value, valid) in [
            ("1.2.3.4", true),
            ("127.3.2.1/8", true),
            ("0.0.0.0/0", true),
            ("::/0", true),
            ("2001:db8::1", true),
            ("::ffff:1.2.3.4", true),
            ("::ffff:1.2.3.4/120", true),
            ("01.2.3.4", false),
            ("1.2.3", false),
            ("1.2.3.4/", false),
            ("1.2.3.4/08", false),
            ("1.2.3.4/+8", false),
            ("1.2.3.4/33", false),
            ("::/129", false),
            ("::1/300", false),
            ("fe80::1%eth0", false),
            (" 1.2.3.4", false),
            ("", false),
        ] {
            assert_eq!(value.parse::<IpBlock>().is_ok(), valid, "{value:?}");
        }
    }

    #[test]
    fn families_never_mix() {
        for (block, address, expected) in [
            ("127.3.2.1/8", "127.0.0.1", true),
            ("127.3.2.1/8", "128.0.0.1", false),
            ("1.2.3.4", "1.2.3.4", true),
            ("1.2.3.4", "1.2.3.5", false),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "::1", true),
            ("::/0", "1.2.3.4", false),
            ("::ffff:1.2.3.4", "1.2.3.4", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("2001:db8::1/128", "2001:db8::2", false),
            ("::/8", "1.2.3.4", false),
            ("2001:db8::/64", "1.2.3.4", false),
        ] {
            let block: IpBlock = block.parse().unwrap();
            assert_eq!(block.contains(address.parse().unwrap()), expected, "{block} {address}");
        }
    }
}
