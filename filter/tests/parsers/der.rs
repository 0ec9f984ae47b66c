//! Certificates put together from DER elements, to have them as no library would make them.

pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const URI: u8 = 0x86;
pub(crate) const DNS_NAME: u8 = 0x82;

/// An element: tag, length, content.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len();
    let mut encoded = vec![tag];
    if length < 0x80 {
        encoded.push(length as u8);
    } else {
        let digits = length.to_be_bytes();
        let first = digits.iter().position(|&digit| digit != 0).unwrap_or_default();
        encoded.push(0x80 | (digits.len() - first) as u8);
        encoded.extend_from_slice(&digits[first..]);
    }
    encoded.extend_from_slice(&content);
    encoded
}

/// An extension 2.5.29.`number`.
pub(crate) fn extension(number: u8, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[0x01, 0x01, 0xFF] } else { &[] };
    let identifier = element(OBJECT_IDENTIFIER, &[&[0x55, 0x1D, number]]);
    element(SEQUENCE, &[&identifier, critical, &element(OCTET_STRING, &[value])])
}

/// The extension that holds names, each with its tag.
pub(crate) fn subject_alt_name(critical: bool, names: &[(u8, &str)]) -> Vec<u8> {
    let names: Vec<Vec<u8>> = names
        .iter()
        .map(|(tag, name)| element(*tag, &[name.as_bytes()]))
        .collect();
    extension(17, critical, &element(SEQUENCE, &[&names.concat()]))
}

/// The element that holds a certificate's extensions.
pub(crate) fn extensions(extensions: &[Vec<u8>]) -> Vec<u8> {
    element(0xA3, &[&element(SEQUENCE, &[&extensions.concat()])])
}

/// A certificate; `version` stands before its serial number, `rest` after its key. Nothing that is not read means anything.
pub(crate) fn certificate(version: &[u8], rest: &[u8]) -> Vec<u8> {
    let algorithm = element(SEQUENCE, &[&element(OBJECT_IDENTIFIER, &[&[0x2A, 3, 4]])]);
    let time = element(0x17, &[b"260101000000Z"]);
    let name = element(SEQUENCE, &[&element(SET, &[&element(SEQUENCE, &[b"x"])])]);
    let key = element(SEQUENCE, &[&algorithm, &element(BIT_STRING, &[&[0; 66]])]);
    let to_be_signed = element(
        SEQUENCE,
        &[
            version,
            &element(INTEGER, &[&[1]]),
            &algorithm,
            &name,
            &element(SEQUENCE, &[&time, &time]),
            &name,
            &key,
            rest,
        ],
    );
    element(
        SEQUENCE,
        &[&to_be_signed, &algorithm, &element(BIT_STRING, &[&[0; 73]])],
    )
}

/// What says that a certificate is of version 3.
pub(crate) const VERSION_3: [u8; 5] = [0xA0, 3, INTEGER, 1, 2];
