//! Name constraints over whole paths (RFC 5280 4.2.1.10), held against OpenSSL and webpki where
//! they agree with the standard, and with the reason where they do not.

use std::fmt;
use std::sync::Arc;

use crate::support::craft::{
    BMP, CN, Draft, EMAIL, IA5, NAME_CONSTRAINTS, O, PRINTABLE, SUBJECT_ALT_NAME, UTF8, attribute,
    name, simple, string,
};
use crate::support::element;
use ishibumi_artifact::policy::PolicyRules;
use ishibumi_artifact::{Anchors, Certificate, Path};
use proptest::prelude::*;
use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm,
    UnixTime, alg_id,
};

const MAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const DIRECTORY: u8 = 0xa4;
const URI: u8 = 0x86;
const IP: u8 = 0x87;

/// 2026-01-01, when every certificate here is valid.
const AT: u64 = 1_767_225_600;

fn general(tag: u8, content: &[u8]) -> Vec<u8> {
    element(tag, content)
}

/// GeneralNames, or the value of nameConstraints with these bases.
fn names(names: &[Vec<u8>]) -> Vec<u8> {
    element(0x30, &names.concat())
}

fn constraints(permitted: &[Vec<u8>], excluded: &[Vec<u8>]) -> Vec<u8> {
    let trees = |tag, bases: &[Vec<u8>]| {
        let trees: Vec<u8> = bases.iter().flat_map(|base| element(0x30, base)).collect();
        if bases.is_empty() {
            Vec::new()
        } else {
            element(tag, &trees)
        }
    };
    element(
        0x30,
        &[trees(0xa0, permitted), trees(0xa1, excluded)].concat(),
    )
}

/// Root, a CA with these constraints, and an end certificate below it.
struct Chain {
    root: Vec<u8>,
    ca: Vec<u8>,
    end: Vec<u8>,
}

impl Chain {
    fn new(constraints: &[u8], subject: &[u8], alternatives: Option<&[u8]>) -> Self {
        let (root, ca) = (simple(O, UTF8, "root"), simple(O, UTF8, "ca"));
        let mut end = Draft::end(&ca, subject, 3);
        if let Some(alternatives) = alternatives {
            end = end.with(SUBJECT_ALT_NAME, false, alternatives);
        }
        Self {
            root: Draft::ca(&root, &root, 1, None).der(1),
            ca: Draft::ca(&root, &ca, 2, None)
                .with(NAME_CONSTRAINTS, true, constraints)
                .der(1),
            end: end.der(2),
        }
    }

    fn ours(&self) -> &'static str {
        let read = |der: &[u8]| Certificate::from_der(der).unwrap();
        let anchors = Anchors::from_certificates([read(&self.root)]);
        let others = [Arc::new(read(&self.ca))];
        Path::find(
            &Arc::new(read(&self.end)),
            &others,
            &anchors,
            None,
            &PolicyRules::default(),
        )
        .map_or_else(|error| error.code(), |_| "found")
    }

    fn openssl(&self) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, der: &[u8]| {
            let label = "CERTIFICATE";
            let pem = pem_rfc7468::encode_string(label, pem_rfc7468::LineEnding::LF, der).unwrap();
            std::fs::write(folder.path().join(name), pem).unwrap();
        };
        file("root", &self.root);
        file("ca", &self.ca);
        file("end", &self.end);
        std::process::Command::new("openssl")
            .args([
                "verify",
                "-attime",
                &AT.to_string(),
                "-CAfile",
                "root",
                "-untrusted",
                "ca",
                "end",
            ])
            .current_dir(folder.path())
            .output()
            .unwrap()
            .status
            .success()
    }

    fn webpki(&self) -> bool {
        let [root, ca, end] =
            [&self.root, &self.ca, &self.end].map(|der| CertificateDer::from(der.as_slice()));
        let anchors = [webpki::anchor_from_trusted_cert(&root).unwrap()];
        let end = webpki::EndEntityCert::try_from(&end).unwrap();
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(AT));
        let usage = webpki::KeyUsage::server_auth();
        end.verify_for_usage(&[&AnySignature], &anchors, &[ca], time, usage, None, None)
            .is_ok()
    }
}

/// Believes every signature: only the consequences of names are compared.
struct AnySignature;

impl fmt::Debug for AnySignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnySignature")
    }
}

impl SignatureVerificationAlgorithm for AnySignature {
    fn verify_signature(&self, _: &[u8], _: &[u8], _: &[u8]) -> Result<(), InvalidSignature> {
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }
}

const OUT: &str = "name-constraints-violated";
const OPEN: &str = "name-constraints-unprocessable";

/// Form, name, base, then our answers if the base is permitted and if it is excluded, and
/// OpenSSL's.
type Row = (
    u8,
    &'static [u8],
    &'static [u8],
    [&'static str; 2],
    [bool; 2],
);

const ROWS: [Row; 24] = [
    (DNS, b"a.example", b"example", ["found", OUT], [true, false]),
    (DNS, b"A.EXAMPLE", b"example", ["found", OUT], [true, false]),
    (DNS, b"aexample", b"example", [OUT, "found"], [false, true]),
    (
        DNS,
        b"a.example",
        b".example",
        ["found", OUT],
        [true, false],
    ),
    (DNS, b"a.example", b"", ["found", OUT], [true, false]),
    // OpenSSL compares texts: a dot at the end, and the names that a star stands for, slip through.
    (
        DNS,
        b"bad.example.",
        b"bad.example",
        ["found", OUT],
        [false, true],
    ),
    (DNS, b"*.example", b"bad.example", [OUT, OUT], [false, true]),
    (
        DNS,
        b"*.bad.example",
        b"bad.example",
        ["found", OUT],
        [true, false],
    ),
    (
        MAIL,
        b"a@b.example",
        b"b.example",
        ["found", OUT],
        [true, false],
    ),
    (
        MAIL,
        b"a@B.EXAMPLE",
        b"b.example",
        ["found", OUT],
        [true, false],
    ),
    (
        MAIL,
        b"a@c.b.example",
        b".b.example",
        ["found", OUT],
        [true, false],
    ),
    (
        MAIL,
        b"a@b.example",
        b"a@b.example",
        ["found", OUT],
        [true, false],
    ),
    (
        MAIL,
        b"c@b.example",
        b"a@b.example",
        [OUT, "found"],
        [false, true],
    ),
    // OpenSSL takes a base with an @ in front for a host. No form of the standard has one.
    (
        MAIL,
        b"a@b.example",
        b"@b.example",
        [OPEN, OPEN],
        [true, false],
    ),
    // The last @ is OpenSSL's, the first one may be another program's.
    (
        MAIL,
        b"a@x@b.example",
        b"b.example",
        [OPEN, OPEN],
        [true, false],
    ),
    (
        URI,
        b"https://a.example/",
        b"a.example",
        ["found", OUT],
        [true, false],
    ),
    (
        URI,
        b"https://b.a.example:8/",
        b".a.example",
        ["found", OUT],
        [true, false],
    ),
    (
        URI,
        b"https://b.a.example/",
        b"a.example",
        [OUT, "found"],
        [false, true],
    ),
    (URI, b"urn:a", b"a.example", [OPEN, OPEN], [false, false]),
    // OpenSSL takes what stands before the @ for the host.
    (
        URI,
        b"https://good.example@bad.example/",
        b"bad.example",
        ["found", OUT],
        [false, true],
    ),
    (
        IP,
        &[192, 0, 2, 7],
        &[192, 0, 2, 0, 255, 255, 255, 0],
        ["found", OUT],
        [true, false],
    ),
    (
        IP,
        &[192, 0, 3, 7],
        &[192, 0, 2, 0, 255, 255, 255, 0],
        [OUT, "found"],
        [false, true],
    ),
    // A mask with holes is none (RFC 4632); OpenSSL applies it.
    (
        IP,
        &[192, 1, 2, 7],
        &[192, 0, 2, 0, 255, 0, 255, 0],
        [OPEN, OPEN],
        [true, false],
    ),
    (0x88, &[0x2a], &[0x2a], [OPEN, OPEN], [false, false]),
];

#[test]
fn every_form_is_compared_or_refused() {
    for (tag, name, base, ours, openssl) in ROWS {
        let alternatives = names(&[general(tag, name)]);
        let base = [general(tag, base)];
        for (place, constraints) in [constraints(&base, &[]), constraints(&[], &base)]
            .iter()
            .enumerate()
        {
            let chain = Chain::new(constraints, &simple(O, UTF8, "end"), Some(&alternatives));
            let shown = name.escape_ascii();
            assert_eq!(chain.ours(), ours[place], "{shown} {place}");
            assert_eq!(chain.openssl(), openssl[place], "{shown} {place}");
        }
    }
}

#[test]
fn an_address_in_the_subject_is_a_mailbox() {
    let base = |text: &str| [general(MAIL, text.as_bytes())];
    let subject = |tag, text: &str| name(&[&[attribute(EMAIL, &string(tag, text))]]);
    let judge = |constraints: &[u8], subject: &[u8], alternatives: Option<&[u8]>| {
        Chain::new(constraints, subject, alternatives).ours()
    };
    let excluded = constraints(&[], &base("foo@example.com"));
    let permitted = constraints(&base("foo@example.com"), &[]);
    // 4.1.2.6: an address in a subject has no case, which excludes; what permits is read closely.
    assert_eq!(
        judge(&excluded, &subject(IA5, "FOO@Example.COM"), None),
        OUT
    );
    assert_eq!(
        judge(&permitted, &subject(IA5, "FOO@Example.COM"), None),
        OUT
    );
    assert_eq!(
        judge(&permitted, &subject(IA5, "foo@Example.COM"), None),
        "found"
    );
    assert_eq!(
        judge(&excluded, &subject(IA5, "bar@example.com"), None),
        "found"
    );
    // Under any string type, and beside any subjectAltName.
    assert_eq!(
        judge(&excluded, &subject(BMP, "foo@example.com"), None),
        OUT
    );
    assert_eq!(
        judge(&excluded, &subject(PRINTABLE, "foo@example.com"), None),
        OUT
    );
    let harmless = names(&[general(MAIL, b"bar@example.org")]);
    assert_eq!(
        judge(&excluded, &subject(IA5, "foo@example.com"), Some(&harmless)),
        OUT
    );
    assert_eq!(judge(&excluded, &subject(IA5, "no address"), None), OPEN);
    assert_eq!(
        judge(
            &constraints(&[], &[general(DNS, b"a")]),
            &subject(IA5, "no address"),
            None
        ),
        "found"
    );
    // SmtpUTF8Mailbox is a mailbox that is not compared.
    let smtp = [
        &[0x06, 8, 0x2b, 6, 1, 5, 5, 7, 8, 9][..],
        &element(0xa0, &string(UTF8, "fóo@example.com")),
    ];
    let smtp = names(&[general(0xa0, &smtp.concat())]);
    assert_eq!(judge(&excluded, &simple(O, UTF8, "end"), Some(&smtp)), OPEN);
}

#[test]
fn empty_names_and_empty_constraints() {
    let tokyo = [general(DIRECTORY, &simple(O, UTF8, "東京"))];
    let none = name(&[]);
    let alternatives = names(&[general(DNS, b"a.example")]);
    let judge =
        |constraints: &[u8], alternatives| Chain::new(constraints, &none, alternatives).ours();
    // No subject is no name, unless it is all that there is.
    assert_eq!(
        judge(&constraints(&tokyo, &[]), Some(&alternatives)),
        "found"
    );
    assert_eq!(judge(&constraints(&tokyo, &[]), None), OUT);
    let everything = [general(DIRECTORY, &none)];
    assert_eq!(judge(&constraints(&everything, &[]), None), "found");
    assert_eq!(judge(&constraints(&[], &everything), None), OUT);
    for empty in [
        element(0x30, &[]),
        element(0x30, &element(0xa0, &[])),
        element(0x30, &element(0xa1, &[])),
    ] {
        assert_eq!(
            judge(&empty, Some(&alternatives)),
            "certificate-extension-malformed"
        );
    }
    // subjectAltName that cannot be read is ignored, but not where a name in it could be excluded.
    let garbage = [0x04, 1, 0];
    let excluded = constraints(&[], &[general(DNS, b"a.example")]);
    assert_eq!(
        judge(&excluded, Some(&garbage)),
        "certificate-extension-malformed"
    );
}

#[test]
fn a_mapped_address_is_excluded_as_what_it_is() {
    let mut mapped = [0; 16];
    mapped[10..].copy_from_slice(&[0xff, 0xff, 192, 0, 2, 7]);
    let alternatives = names(&[general(IP, &mapped)]);
    let net = [general(IP, &[192, 0, 2, 0, 255, 255, 255, 0])];
    let judge = |constraints: &[u8]| {
        Chain::new(constraints, &simple(O, UTF8, "end"), Some(&alternatives)).ours()
    };
    assert_eq!(judge(&constraints(&[], &net)), OUT);
    assert_eq!(judge(&constraints(&net, &[])), OUT);
}

/// Constraints do not hold for a CA's own renewals, but for any end certificate, whatever its name.
#[test]
fn self_issued_certificates_are_passed_over_unless_last() {
    let (root, ca) = (simple(O, UTF8, "root"), simple(O, UTF8, "ca"));
    let excluded = constraints(&[], &[general(DIRECTORY, &ca)]);
    let anchors = Anchors::from_certificates([Draft::ca(&root, &root, 1, None).certificate(1)]);
    let first = Draft::ca(&root, &ca, 2, None).with(NAME_CONSTRAINTS, true, &excluded);
    let renewed = simple(O, BMP, "CA ");
    let second = Draft::ca(&ca, &renewed, 3, None);
    let others = [first.certificate(1), second.certificate(2)].map(Arc::new);
    let find = |subject: &[u8]| {
        let end = Draft::end(&renewed, subject, 4).certificate(3);
        Path::find(
            &Arc::new(end),
            &others,
            &anchors,
            None,
            &PolicyRules::default(),
        )
        .map_or_else(|error| error.code(), |_| "found")
    };
    assert_eq!(find(&simple(CN, UTF8, "end")), "found");
    assert_eq!(find(&ca), OUT);
    assert_eq!(find(&renewed), OUT);
}

fn host() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "B", "bad", "xn--a"]), 1..4)
        .prop_map(|labels| labels.join("."))
}

fn network() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let v4 = (any::<[u8; 4]>(), any::<[u8; 4]>(), 0_u32..=32).prop_map(|(one, other, bits)| {
        let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0).to_be_bytes();
        let name = if bits % 2 == 0 { one } else { other };
        (name.to_vec(), [one, mask].concat())
    });
    let v6 = (any::<[u8; 16]>(), any::<[u8; 16]>(), 0_u32..=128).prop_map(|(one, other, bits)| {
        let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0).to_be_bytes();
        let name = if bits % 2 == 0 { one } else { other };
        (name.to_vec(), [one, mask].concat())
    });
    prop_oneof![v4, v6]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn webpki_agrees_about_hosts(name in host(), base in host(), is_permitted: bool, dot: bool) {
        let base = [general(DNS, format!("{}{base}", if dot { "." } else { "" }).as_bytes())];
        let constraints = if is_permitted { constraints(&base, &[]) } else { constraints(&[], &base) };
        let alternatives = names(&[general(DNS, name.as_bytes())]);
        let chain = Chain::new(&constraints, &simple(O, UTF8, "end"), Some(&alternatives));
        prop_assert_eq!(chain.ours() == "found", chain.webpki());
    }

    #[test]
    fn webpki_agrees_about_addresses((name, base) in network(), is_permitted: bool) {
        let base = [general(IP, &base)];
        let constraints = if is_permitted { constraints(&base, &[]) } else { constraints(&[], &base) };
        let alternatives = names(&[general(IP, &name)]);
        let chain = Chain::new(&constraints, &simple(O, UTF8, "end"), Some(&alternatives));
        prop_assert_eq!(chain.ours() == "found", chain.webpki());
    }

    /// Any text has an answer, and no base that excludes is passed over for being written oddly: a
    /// name that is not within is not within the other way round either.
    #[test]
    fn any_text_is_answered(
        tag in prop::sample::select(vec![MAIL, DNS, URI]),
        name in "[a-c@.*:/ %\\-]{0,12}",
        base in "[a-c@.*:/ %\\-]{0,6}",
    ) {
        let alternatives = names(&[general(tag, name.as_bytes())]);
        let base = [general(tag, base.as_bytes())];
        let judge = |constraints: &[u8]| Chain::new(constraints, &simple(O, UTF8, "end"), Some(&alternatives)).ours();
        let (permitted, excluded) = (judge(&constraints(&base, &[])), judge(&constraints(&[], &base)));
        prop_assert!(permitted != "found" || excluded == OUT);
        prop_assert!((permitted == OPEN) == (excluded == OPEN));
    }
}
