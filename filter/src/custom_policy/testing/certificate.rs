//! A certificate, for tests of a module: proxies hand over a caller's name in nothing else.

/// A certificate as a workload with this identity shows it, in PEM. The identity is written without `spiffe://`, as rules have it.
///
/// Nobody has signed it: the filter reads names, and that they are true is for the proxy to see to.
///
/// ```
/// use outgate_filter::certificate::names_in_pem;
/// use outgate_filter::custom_policy::testing::certificate;
///
/// let pem = certificate("cluster.local/ns/shop/sa/cart");
/// let names = names_in_pem(pem.as_bytes()).unwrap();
/// assert_eq!(names.uris, [b"spiffe://cluster.local/ns/shop/sa/cart"]);
/// ```
#[must_use]
pub fn certificate(principal: &str) -> String {
    let uri = format!("{}{principal}", outgate_policy::pattern::SPIFFE);
    let names = element(0x30, &[&element(0x86, &[uri.as_bytes()])]);
    // 2.5.29.17, the subject's alternative names.
    let extension = element(0x30, &[b"\x06\x03\x55\x1D\x11", &element(0x04, &[&names])]);
    let extensions = element(0xA3, &[&element(0x30, &[&extension])]);
    // ECDSA with SHA-256, and a point of P-256 as the key.
    let algorithm = element(0x30, &[b"\x06\x08\x2A\x86\x48\xCE\x3D\x04\x03\x02"]);
    let curve = b"\x06\x07\x2A\x86\x48\xCE\x3D\x02\x01\x06\x08\x2A\x86\x48\xCE\x3D\x03\x01\x07";
    let key = element(0x30, &[&element(0x30, &[curve]), &element(0x03, &[&[0], &[4; 65]])]);
    let nobody = element(0x30, &[]);
    let validity = element(
        0x30,
        &[&element(0x17, &[b"200101000000Z"]), &element(0x17, &[b"491231235959Z"])],
    );
    let (version, serial) = (b"\xA0\x03\x02\x01\x02", b"\x02\x01\x01");
    let to_be_signed = element(
        0x30,
        &[
            version,
            serial,
            &algorithm,
            &nobody,
            &validity,
            &nobody,
            &key,
            &extensions,
        ],
    );
    pem(&element(
        0x30,
        &[&to_be_signed, &algorithm, &element(0x03, &[&[0; 65]])],
    ))
}

/// An element of DER: a tag, the length, and the content.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let digits = content.len().to_be_bytes();
    let digits = &digits[digits.iter().position(|&digit| digit != 0).unwrap_or(digits.len() - 1)..];
    let mut encoded = vec![tag];
    if content.len() >= 0x80 {
        encoded.push(0x80 | digits.len() as u8);
    }
    encoded.extend_from_slice(digits);
    encoded.extend_from_slice(&content);
    encoded
}

fn pem(der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for line in der.chunks(48) {
        for group in line.chunks(3) {
            let bytes = [group[0], *group.get(1).unwrap_or(&0), *group.get(2).unwrap_or(&0)];
            let bits = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
            for digit in 0..4 {
                let place = (bits >> (18 - 6 * digit)) as usize & 0x3F;
                text.push(if digit > group.len() {
                    '='
                } else {
                    char::from(ALPHABET[place])
                });
            }
        }
        text.push('\n');
    }
    text + "-----END CERTIFICATE-----\n"
}

#[cfg(test)]
mod tests {
    use super::certificate;
    use crate::certificate::names_in_pem;

    #[test]
    fn names_of_any_length_are_in_it() {
        for length in [1, 2, 3, 100, 200, 300, 70_000] {
            let name = "a".repeat(length);
            let names = names_in_pem(certificate(&name).as_bytes()).unwrap();
            assert_eq!(names.uris, [format!("spiffe://{name}").into_bytes()]);
            assert!(names.dns.is_empty());
        }
    }
}
