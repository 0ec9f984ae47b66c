//! The names in an X.509 certificate: just enough DER to find them.
//!
//! The proxy has verified the certificate; it only does not tell all of its names. What does not read as a certificate is an
//! error, never "no names".

use crate::pem;

/// The URI and DNS names of a certificate's subject alternative name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SubjectAltNames {
    /// In the certificate's order.
    pub uris: Vec<Vec<u8>>,
    /// In the certificate's order.
    pub dns: Vec<Vec<u8>>,
}

/// The bytes do not read as a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Malformed;

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const BOOLEAN: u8 = 0x01;
const VERSION: u8 = 0xA0;
const EXTENSIONS: u8 = 0xA3;
const DNS_NAME: u8 = 0x82;
const URI: u8 = 0x86;
/// 2.5.29.17
const SUBJECT_ALT_NAME: [u8; 3] = [0x55, 0x1D, 0x11];

/// Reads the first certificate of a PEM text.
///
/// # Errors
///
/// When it is no certificate.
pub fn names_in_pem(pem: &[u8]) -> Result<SubjectAltNames, Malformed> {
    names_in_der(&pem::first_certificate(pem).map_err(|pem::Malformed| Malformed)?)
}

/// Reads a certificate.
///
/// # Errors
///
/// When it is no certificate, or has more than one subject alternative name extension.
pub fn names_in_der(der: &[u8]) -> Result<SubjectAltNames, Malformed> {
    let mut to_be_signed = Der(Der(Der(der).expect(SEQUENCE)?).expect(SEQUENCE)?);
    to_be_signed.optional(VERSION)?;
    to_be_signed.expect(INTEGER)?;
    for _signature_issuer_validity_subject_key in 0..5 {
        to_be_signed.expect(SEQUENCE)?;
    }
    let mut names = None;
    while let Some((tag, content)) = to_be_signed.next()? {
        if tag != EXTENSIONS {
            continue;
        }
        let mut extensions = Der(Der(content).expect(SEQUENCE)?);
        while let Some((SEQUENCE, content)) = extensions.next()? {
            let mut extension = Der(content);
            if extension.expect(OBJECT_IDENTIFIER)? != SUBJECT_ALT_NAME {
                continue;
            }
            extension.optional(BOOLEAN)?;
            if names.replace(alt_names(extension.expect(OCTET_STRING)?)?).is_some() {
                return Err(Malformed);
            }
        }
    }
    Ok(names.unwrap_or_default())
}

fn alt_names(der: &[u8]) -> Result<SubjectAltNames, Malformed> {
    let mut general_names = Der(Der(der).expect(SEQUENCE)?);
    let mut names = SubjectAltNames::default();
    while let Some((tag, content)) = general_names.next()? {
        match tag {
            URI => names.uris.push(content.to_vec()),
            DNS_NAME => names.dns.push(content.to_vec()),
            _ => {}
        }
    }
    Ok(names)
}

/// What is left to read of a sequence of DER elements.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    #[inline(never)]
    fn next(&mut self) -> Result<Option<(u8, &'a [u8])>, Malformed> {
        let [tag, rest @ ..] = self.0 else {
            return Ok(None);
        };
        let (&first, rest) = rest.split_first().ok_or(Malformed)?;
        let (length, rest) = match first {
            0x00..=0x7F => (usize::from(first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x0F)).ok_or(Malformed)?;
                let length = digits
                    .iter()
                    .fold(0_u64, |length, digit| length << 8 | u64::from(*digit));
                (usize::try_from(length).map_err(|_| Malformed)?, rest)
            }
            _ => return Err(Malformed),
        };
        let (content, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(Some((*tag, content)))
    }

    fn expect(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        match self.next()? {
            Some((found, content)) if found == tag => Ok(content),
            _ => Err(Malformed),
        }
    }

    fn optional(&mut self, tag: u8) -> Result<(), Malformed> {
        if self.0.first() == Some(&tag) {
            self.next()?;
        }
        Ok(())
    }
}
