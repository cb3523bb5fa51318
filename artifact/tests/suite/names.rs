//! Names: one comparison for all code that compares them (RFC 5280 7.1), held against OpenSSL's
//! X509_NAME_cmp and against webpki, and the consequences for paths and lists.

use std::sync::Arc;

use crate::support::craft::{
    BMP, CN, Draft, IA5, NAME_CONSTRAINTS, O, PRINTABLE, TELETEX, UNIVERSAL, UTF8, attribute, list,
    name, simple, string,
};
use crate::support::element;
use ishibumi_artifact::name::Name;
use ishibumi_artifact::policy::PolicyRules;
use ishibumi_artifact::revocation::{RevocationState, revocation_state};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Anchors, Certificate, Crl, Path};
use proptest::prelude::*;

/// Attributes of one relative name: type, string type, text.
type Relative = Vec<(usize, usize, String)>;

const TYPES: [&[u8]; 3] = [CN, O, &[0x55, 4, 97]];

/// Those that OpenSSL prepares for comparison.
const STRINGS: [u8; 6] = [UTF8, PRINTABLE, TELETEX, IA5, UNIVERSAL, BMP];

/// Few letters, so that names are often equal. OpenSSL folds ASCII alone, so no other letter here
/// has a case or a second spelling; that we go further is tested in `name_text`.
fn relative() -> impl Strategy<Value = Vec<Relative>> {
    let text = "[aAb1 \t日]{0,4}";
    let one = (0..TYPES.len(), 0..STRINGS.len(), text);
    prop::collection::vec(prop::collection::vec(one, 1..3), 0..3)
}

fn der(relative: &[Relative]) -> Vec<u8> {
    let sets: Vec<Vec<Vec<u8>>> = relative
        .iter()
        .map(|attributes| {
            let mut set: Vec<Vec<u8>> = attributes
                .iter()
                .map(|(id, tag, text)| attribute(TYPES[*id], &string(STRINGS[*tag], text)))
                .collect();
            set.sort();
            set
        })
        .collect();
    let sets: Vec<&[Vec<u8>]> = sets.iter().map(Vec::as_slice).collect();
    name(&sets)
}

/// The same texts under other string types, in other case and with other space, or another name.
fn pair() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    (relative(), relative(), any::<(bool, u8)>()).prop_map(|(one, other, (is_twin, shift))| {
        let mut twin = one.clone();
        for (place, (_, tag, text)) in twin.iter_mut().flatten().enumerate() {
            let wide = !text.is_ascii();
            *tag = match (wide, (usize::from(shift) + place) % STRINGS.len()) {
                (true, 1..=3) => 0,
                (_, tag) => tag,
            };
            if shift & 1 == 1 {
                *text = format!(" {}  ", text.to_ascii_uppercase().replace(' ', "\t "));
            }
        }
        (der(&one), der(if is_twin { &twin } else { &other }))
    })
}

fn equal(one: &[u8], other: &[u8]) -> bool {
    Name::from_der(one).unwrap() == Name::from_der(other).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// The hashes that `openssl x509` prints are of the octets that X509_NAME_cmp compares.
    #[test]
    fn openssl_agrees((issuer, subject) in pair()) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.crt");
        std::fs::write(&file, Draft::end(&issuer, &subject, 1).der(1)).unwrap();
        let output = std::process::Command::new("openssl")
            .args(["x509", "-noout", "-inform", "DER", "-issuer_hash", "-subject_hash", "-in"])
            .arg(&file)
            .output()
            .unwrap();
        let hashes = String::from_utf8(output.stdout).unwrap();
        let hashes: Vec<_> = hashes.lines().collect();
        prop_assert_eq!(hashes.len(), 2);
        prop_assert_eq!(equal(&issuer, &subject), hashes[0] == hashes[1]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// webpki compares octets: what it chains, we chain. It looks at names before it looks at
    /// signatures.
    #[test]
    fn webpki_chains_no_more_than_we_do((issuer, subject) in pair()) {
        let end = Draft::end(&issuer, &simple(CN, UTF8, "end"), 2).der(1);
        let root = Draft::ca(&subject, &subject, 1, None).der(1);
        let root = rustls_pki_types::CertificateDer::from(root);
        let anchors = [webpki::anchor_from_trusted_cert(&root).unwrap()];
        let end = rustls_pki_types::CertificateDer::from(end);
        let end = webpki::EndEntityCert::try_from(&end).unwrap();
        let time = rustls_pki_types::UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_767_225_600));
        let usage = webpki::KeyUsage::server_auth();
        let verdict = end.verify_for_usage(&[], &anchors, &[], time, usage, None, None);
        let is_chained = !matches!(verdict, Err(webpki::Error::UnknownIssuer));
        prop_assert_eq!(is_chained, issuer == subject);
        prop_assert!(!is_chained || equal(&issuer, &subject));
    }

    #[test]
    fn the_comparison_is_an_equivalence(one in relative(), other in pair()) {
        let names = [der(&one), other.0, other.1];
        for left in &names {
            prop_assert!(equal(left, left));
            for right in &names {
                prop_assert_eq!(equal(left, right), equal(right, left));
                for third in &names {
                    prop_assert!(!equal(left, right) || !equal(right, third) || equal(left, third));
                }
            }
        }
    }

    /// Octets of any kind as a value are one name with themselves alone, unless they are text.
    #[test]
    fn any_octets_are_compared(tag in 0_u8..0x1f, one: Vec<u8>, other: Vec<u8>) {
        prop_assume!(one.len() < 100 && other.len() < 100);
        let name = |value: &[u8]| name(&[&[attribute(CN, &element(tag, value))]]);
        let (left, right) = (name(&one), name(&other));
        prop_assert!(equal(&left, &left));
        prop_assert_eq!(equal(&left, &right), equal(&right, &left));
        let is_text = [UTF8, 0x12, PRINTABLE, TELETEX, IA5, 0x1a, UNIVERSAL, BMP].contains(&tag);
        prop_assert!(is_text || equal(&left, &right) == (one == other));
    }
}

const TOKYO: &str = "東京";
const OSAKA: &str = "大阪";

fn root() -> Vec<u8> {
    simple(CN, UTF8, "root")
}

/// The verdict about `end`, by `certificates` below a root of key 1.
fn path(end: &Certificate, certificates: &[Certificate]) -> &'static str {
    let root = Draft::ca(&root(), &root(), 1, None).certificate(1);
    let anchors = Anchors::from_certificates([root]);
    let others: Vec<_> = certificates.iter().cloned().map(Arc::new).collect();
    let end = Arc::new(end.clone());
    Path::find(&end, &others, &anchors, None, &PolicyRules::default())
        .map_or_else(|error| error.code(), |_| "found")
}

#[test]
fn another_name_is_not_self_issued_in_any_string_type() {
    for tag in [UTF8, BMP, UNIVERSAL] {
        let (upper, lower) = (simple(CN, tag, TOKYO), simple(CN, tag, OSAKA));
        let ca = Draft::ca(&root(), &upper, 2, Some(0)).certificate(1);
        let sub = Draft::ca(&upper, &lower, 3, None).certificate(2);
        let end = Draft::end(&lower, &simple(CN, UTF8, "end"), 4).certificate(3);
        assert_eq!(
            path(&end, &[ca.clone(), sub]),
            "path-length-exceeded",
            "{tag:x}"
        );
        // Its own name under another type is its own name: self-issued certificates do not count.
        let again = simple(CN, if tag == BMP { UTF8 } else { BMP }, TOKYO);
        let renewed = Draft::ca(&upper, &again, 3, None).certificate(2);
        let end = Draft::end(&again, &simple(CN, UTF8, "end"), 4).certificate(3);
        assert_eq!(path(&end, &[ca, renewed]), "found", "{tag:x}");
    }
}

#[test]
fn constraints_hold_for_names_in_any_string_type() {
    for tag in [UTF8, BMP, UNIVERSAL] {
        let base = element(0xa4, &simple(O, tag, TOKYO));
        let constraints = |place| element(0x30, &element(place, &element(0x30, &base)));
        let inside = simple(O, UTF8, TOKYO);
        let outside = simple(O, tag, OSAKA);
        let with = |subject: &[u8], place| {
            let ca = Draft::ca(&root(), &inside, 2, None)
                .with(NAME_CONSTRAINTS, true, &constraints(place))
                .certificate(1);
            let sub = Draft::ca(&inside, subject, 3, None).certificate(2);
            let end = Draft::end(subject, subject, 4).certificate(3);
            path(&end, &[ca, sub])
        };
        assert_eq!(with(&inside, 0xa0), "found");
        assert_eq!(with(&outside, 0xa0), "name-constraints-violated", "{tag:x}");
        assert_eq!(with(&inside, 0xa1), "name-constraints-violated");
        assert_eq!(with(&outside, 0xa1), "found");
        // A name that cannot be read may be the excluded one.
        let unread = name(&[&[attribute(O, &element(BMP, &[0xd8, 0x00]))]]);
        assert_ne!(with(&unread, 0xa1), "found");
        assert_ne!(with(&unread, 0xa0), "found");
    }
}

#[test]
fn an_issuer_of_another_name_is_no_issuer() {
    for tag in [UTF8, BMP, UNIVERSAL, TELETEX] {
        let (upper, lower) = match tag {
            TELETEX => (simple(CN, tag, "é"), simple(CN, tag, "è")),
            _ => (simple(CN, tag, TOKYO), simple(CN, tag, OSAKA)),
        };
        let ca = Draft::ca(&root(), &upper, 2, None).certificate(1);
        let end = |issuer: &[u8]| Draft::end(issuer, &simple(CN, UTF8, "end"), 4).certificate(2);
        assert_eq!(path(&end(&upper), std::slice::from_ref(&ca)), "found");
        assert_eq!(path(&end(&lower), &[ca]), "issuer-unregistered", "{tag:x}");
    }
}

#[test]
fn a_list_of_another_name_revokes_nothing() {
    let at = Time::from_unix(1_767_225_600 + 60);
    for tag in [UTF8, BMP, UNIVERSAL] {
        let (own, stranger) = (simple(CN, tag, TOKYO), simple(CN, tag, OSAKA));
        let ca = Draft::ca(&own, &own, 1, None).certificate(1);
        let other = Draft::ca(&stranger, &stranger, 2, None).certificate(2);
        let end = Draft::end(&own, &simple(CN, UTF8, "end"), 4).certificate(1);
        let anchors = Anchors::from_certificates([ca, other]);
        let verified = |octets: &[u8]| Crl::parse(octets).unwrap().verify(&anchors).unwrap();
        let state = |list| revocation_state(&end, &[list], &anchors, at);
        let theirs = verified(&list(&stranger, &[&[4]], 2));
        assert_eq!(theirs.revocation_of(&end), None, "{tag:x}");
        assert_eq!(state(theirs), RevocationState::Unknown, "{tag:x}");
        let respelled = simple(CN, if tag == BMP { UTF8 } else { BMP }, TOKYO);
        for issuer in [&own, &respelled] {
            let ours = verified(&list(issuer, &[&[4]], 1));
            assert!(ours.revocation_of(&end).is_some());
            assert!(matches!(state(ours), RevocationState::Revoked(_)));
        }
        // Nor may it be signed under a name that the key does not have.
        let borrowed = Crl::parse(&list(&own, &[&[4]], 2)).unwrap();
        assert_eq!(
            borrowed.verify(&anchors).unwrap_err().code(),
            "signature-invalid"
        );
    }
}
