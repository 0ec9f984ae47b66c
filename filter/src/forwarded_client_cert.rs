//! The `x-forwarded-client-cert` header, as a gateway writes it that overwrites what clients send
//! (`forwardClientCertDetails: SANITIZE_SET`).
//!
//! Only the certificate in it is used: names stand in the header unquoted, so a name with a semicolon could pose as another.

use crate::certificate::{Malformed, SubjectAltNames, names_in_pem};

/// What the header says of the client's certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForwardedCertificate {
    /// The names in it.
    pub names: SubjectAltNames,
    /// Its subject, as the proxy writes it; empty when the header does not have it.
    pub subject: Vec<u8>,
}

const HASH: &[u8] = b"Hash=";

/// Reads the header.
///
/// # Errors
///
/// When there is no `Cert`, it is no certificate, or the header is not well-formed up to there.
pub fn parse(header: &[u8]) -> Result<ForwardedCertificate, Malformed> {
    let mut rest = header;
    let mut names = None;
    let mut subject = Vec::new();
    while !rest.is_empty() {
        let equals = rest.iter().position(|&byte| byte == b'=').ok_or(Malformed)?;
        let (key, value) = (&rest[..equals], &rest[equals + 1..]);
        // The proxy writes these two quoted, and before any name of the client.
        let quoted = matches!(key, b"Cert" | b"Subject");
        let (value, after) = if quoted { unquote(value)? } else { plain(value) };
        match key {
            b"Cert" => names = Some(names_in_pem(&percent_decode(&value)?)?),
            b"Subject" => subject = value,
            b"URI" | b"DNS" => break,
            _ => {}
        }
        rest = match after {
            [] => after,
            [b';', after @ ..] => after,
            _ => return Err(Malformed),
        };
    }
    // Each element that a proxy writes has a hash. A second one means that someone in front was believed.
    if rest.windows(HASH.len()).any(|window| window == HASH) {
        return Err(Malformed);
    }
    Ok(ForwardedCertificate {
        names: names.ok_or(Malformed)?,
        subject,
    })
}

fn unquote(text: &[u8]) -> Result<(Vec<u8>, &[u8]), Malformed> {
    let mut rest = text.strip_prefix(b"\"").ok_or(Malformed)?;
    let mut value = Vec::new();
    loop {
        match rest {
            [b'"', after @ ..] => return Ok((value, after)),
            [b'\\', escaped, after @ ..] => {
                value.push(*escaped);
                rest = after;
            }
            [byte, after @ ..] => {
                value.push(*byte);
                rest = after;
            }
            [] => return Err(Malformed),
        }
    }
}

fn plain(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let end = text
        .iter()
        .position(|byte| matches!(byte, b';' | b','))
        .unwrap_or(text.len());
    (text[..end].to_vec(), &text[end..])
}

fn percent_decode(text: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = if *byte == b'%' {
            let [high, low, after @ ..] = after else {
                return Err(Malformed);
            };
            let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(Malformed);
            decoded.push((digit(*high)? * 16 + digit(*low)?) as u8);
            after
        } else {
            decoded.push(*byte);
            after
        };
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::{Malformed, parse};

    #[test]
    fn what_is_not_one_proxys_own_element_is_refused() {
        for header in [
            "",
            "By=x",
            "Hash=1;Subject=\"CN=a\"",
            "Hash=1;Cert=\"not a certificate\"",
            "Hash=1;Cert=\"unterminated",
            "Hash=1;Cert=unquoted",
            "Hash=1;Cert=\"%4\"",
            "Hash=1;Cert=\"%zz\"",
            "Hash",
        ] {
            assert_eq!(parse(header.as_bytes()), Err(Malformed), "{header}");
        }
    }
}
