//! The names in a certificate.

use outgate_filter::certificate::{Malformed, SubjectAltNames, names_in_der, names_in_pem};
use rcgen::string::Ia5String;
use rcgen::{CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType};

use crate::certificates::{certificate, sign};
use crate::der::{self, DNS_NAME, SEQUENCE, SET, URI, VERSION_3, element, extension, extensions, subject_alt_name};

fn names(uris: &[&str], dns: &[&str]) -> SubjectAltNames {
    let bytes = |names: &[&str]| names.iter().map(|name| name.as_bytes().to_vec()).collect();
    SubjectAltNames {
        uris: bytes(uris),
        dns: bytes(dns),
    }
}

const CALLER: &str = "spiffe://td/ns/a/sa/b";

#[test]
fn certificates_of_a_library_give_their_names_in_order() {
    let many: Vec<String> = (0..200).map(|number| format!("spiffe://td/ns/a/sa/{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (uris, dns) in [
        (&[][..], &[][..]),
        (&[CALLER], &[]),
        (&["https://z", CALLER, "a:b"], &[]),
        (&[], &["b.com", "a.com", "*.c.com"]),
        (&[CALLER, CALLER], &["a.com"]),
        (&[""], &[""]),
        (&many, &["a.com"]),
    ] {
        let certificate = certificate(uris, dns);
        assert_eq!(names_in_der(certificate.der()), Ok(names(uris, dns)));
        assert_eq!(names_in_pem(certificate.pem().as_bytes()), Ok(names(uris, dns)));
    }
}

#[test]
fn other_kinds_of_names_and_other_extensions_are_passed_over() {
    let ia5 = |text: &str| Ia5String::try_from(text).unwrap();
    let mut parameters = CertificateParams::default();
    parameters.subject_alt_names = vec![
        SanType::Rfc822Name(ia5("spiffe://td/mail")),
        SanType::URI(ia5(CALLER)),
        SanType::IpAddress([10, 0, 0, 1].into()),
        SanType::OtherName((vec![1, 2, 3], "spiffe://td/other".into())),
        SanType::DnsName(ia5("a.com")),
    ];
    parameters.is_ca = IsCa::ExplicitNoCa;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    parameters.use_authority_key_identifier_extension = true;
    parameters.custom_extensions = vec![CustomExtension::from_oid_content(
        &[2, 5, 29, 18],
        b"spiffe://td/issuer".into(),
    )];
    assert_eq!(names_in_der(sign(&parameters).der()), Ok(names(&[CALLER], &["a.com"])));
}

#[test]
fn names_are_found_wherever_the_extension_stands() {
    let ours = subject_alt_name(false, &[(URI, CALLER), (DNS_NAME, "a.com")]);
    let critical = subject_alt_name(true, &[(URI, CALLER), (DNS_NAME, "a.com")]);
    let [usage, constraints] = [
        extension(15, true, &[3, 2, 7, 128]),
        extension(19, false, &[SEQUENCE, 0]),
    ];
    for (name, order) in [
        ("alone", vec![ours.clone()]),
        ("critical", vec![critical]),
        ("first", vec![ours.clone(), usage.clone(), constraints.clone()]),
        ("in the middle", vec![usage.clone(), ours.clone(), constraints.clone()]),
        ("last", vec![usage, constraints, ours]),
    ] {
        let certificate = der::certificate(&VERSION_3, &extensions(&order));
        assert_eq!(names_in_der(&certificate), Ok(names(&[CALLER], &["a.com"])), "{name}");
    }
}

#[test]
fn a_certificate_of_an_older_version_has_no_names() {
    let unique_identifiers = [[0x81, 2, 0, 1], [0x82, 2, 0, 2]].concat();
    for (name, version, rest) in [
        ("version 1", &[][..], &[][..]),
        ("version 2", &[0xA0, 3, 2, 1, 1], &unique_identifiers),
        ("version 3 without extensions", &VERSION_3, &[]),
        (
            "version 3 with other extensions",
            &VERSION_3,
            &extensions(&[extension(15, true, &[3, 2, 7, 128])]),
        ),
        ("no extension in the list", &VERSION_3, &extensions(&[])),
    ] {
        assert_eq!(
            names_in_der(&der::certificate(version, rest)),
            Ok(names(&[], &[])),
            "{name}"
        );
    }
    let with_both = [
        unique_identifiers,
        extensions(&[subject_alt_name(false, &[(URI, CALLER)])]),
    ]
    .concat();
    assert_eq!(
        names_in_der(&der::certificate(&VERSION_3, &with_both)),
        Ok(names(&[CALLER], &[]))
    );
}

#[test]
fn names_of_two_extensions_are_refused() {
    let first = subject_alt_name(false, &[(URI, CALLER)]);
    let second = subject_alt_name(false, &[(URI, "spiffe://td/ns/a/sa/c")]);
    let none = subject_alt_name(false, &[]);
    for rest in [
        extensions(&[first.clone(), second.clone()]),
        extensions(&[first.clone(), first.clone()]),
        extensions(&[none, first.clone()]),
        [extensions(&[first]), extensions(&[second])].concat(),
    ] {
        assert_eq!(names_in_der(&der::certificate(&VERSION_3, &rest)), Err(Malformed));
    }
    let mut parameters = CertificateParams::default();
    parameters.subject_alt_names = vec![SanType::URI(Ia5String::try_from(CALLER).unwrap())];
    let more = element(SEQUENCE, &[&element(URI, &[b"spiffe://td/ns/a/sa/c"])]);
    parameters.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 17], more)];
    assert_eq!(names_in_der(sign(&parameters).der()), Err(Malformed));
}

#[test]
fn what_does_not_read_as_a_certificate_is_an_error_and_not_nameless() {
    let san = |value: &[u8]| extensions(&[extension(17, false, value)]);
    let uri = element(URI, &[CALLER.as_bytes()]);
    for (name, rest) in [
        ("names that are no sequence", san(&element(SET, &[&uri]))),
        ("names that break off", san(&[SEQUENCE, 10, URI, 8])),
        ("a name of no definite length", san(&[SEQUENCE, 4, URI, 0x80, 0, 0])),
        ("no names at all", san(&[])),
        ("extensions that are no sequence", element(0xA3, &[&element(SET, &[])])),
        ("extensions that break off", vec![0xA3, 4, SEQUENCE, 9, 0, 0]),
        (
            "an extension without a value",
            extensions(&[element(SEQUENCE, &[&[der::OBJECT_IDENTIFIER, 3, 0x55, 0x1D, 17]])]),
        ),
        (
            "an extension without an identifier",
            extensions(&[element(SEQUENCE, &[&[der::INTEGER, 1, 0]])]),
        ),
    ] {
        assert_eq!(
            names_in_der(&der::certificate(&VERSION_3, &rest)),
            Err(Malformed),
            "{name}"
        );
    }
    let whole = der::certificate(&VERSION_3, &extensions(&[subject_alt_name(false, &[(URI, CALLER)])]));
    for end in 0..whole.len() {
        assert_eq!(names_in_der(&whole[..end]), Err(Malformed), "{end} bytes");
    }
    for text in ["", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"] {
        assert_eq!(names_in_pem(text.as_bytes()), Err(Malformed), "{text:?}");
    }
}

#[test]
fn lengths_of_every_form_are_read() {
    for length in [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x1_0000] {
        let name = "x".repeat(length);
        let certificate = der::certificate(&VERSION_3, &extensions(&[subject_alt_name(false, &[(URI, &name)])]));
        assert_eq!(names_in_der(&certificate), Ok(names(&[&name], &[])), "{length}");
    }
}
