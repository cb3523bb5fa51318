//! Which key may sign by which algorithm, and which algorithms are taken at all. Made by OpenSSL;
//! what it refuses to make, a key that signs by what it is not for, is made by taking certificates
//! apart.

use crate::support::{ASK, Ask, Node, P256, Pki};
use ishibumi_artifact::{Anchors, ArtifactType, Certificate, TimestampToken, admit};

const DATES: (&str, &str) = ("20250101000000Z", "20400101000000Z");
const RSA: &[&str] = &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"];

fn curve(name: &str) -> Vec<String> {
    let parameter = format!("ec_paramgen_curve:{name}");
    ["EC", "-pkeyopt", &parameter].map(str::to_owned).to_vec()
}

/// A key, by OpenSSL's name of its algorithm.
fn key(pki: &Pki, name: &str, algorithm: &[String]) {
    let words: Vec<&str> = algorithm.iter().map(String::as_str).collect();
    pki.key(name, &words);
}

fn oid(octets: &[u8]) -> Node {
    Node::Leaf(0x06, octets.to_vec())
}

fn null() -> Node {
    Node::Leaf(0x05, vec![])
}

fn sequence(children: Vec<Node>) -> Node {
    Node::Tree(0x30, children)
}

/// 1.2.840.113549.1.1.N
fn pkcs1(number: u8) -> Node {
    oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, number])
}

/// 2.16.840.1.101.3.4.2.N
fn hash(number: u8) -> Node {
    oid(&[0x60, 0x86, 0x48, 1, 101, 3, 4, 2, number])
}

const SHA256: u8 = 1;
const SHA512: u8 = 3;

/// RSASSA-PSS-params with one hash for both, NULL beside neither.
fn pss_parameters(number: u8, salt: u8) -> Node {
    let algorithm = sequence(vec![hash(number)]);
    let mask = sequence(vec![pkcs1(8), algorithm.clone()]);
    let field = |number: u8, inner| Node::Tree(0xa0 | number, vec![inner]);
    sequence(vec![
        field(0, algorithm),
        field(1, mask),
        field(2, Node::Leaf(0x02, vec![salt])),
    ])
}

fn pss(parameters: Option<Node>) -> Node {
    sequence(
        [Some(pkcs1(10)), parameters]
            .into_iter()
            .flatten()
            .collect(),
    )
}

/// `certificate` changed by `change`, with this signature algorithm, signed by the key of that
/// name.
fn resigned(
    pki: &Pki,
    certificate: &[u8],
    change: impl FnOnce(&mut Node),
    algorithm: &Node,
    (key, options): (&str, &[&str]),
) -> Certificate {
    let mut all = Node::read(certificate);
    let tbs = all.child(0);
    *tbs.child(2) = algorithm.clone();
    change(tbs);
    pki.write("tbs.der", tbs.der());
    let key = format!("{key}.key");
    let fixed = ["dgst", "-sign", &key];
    let value = pki.openssl(&[&fixed[..], options, &["tbs.der"]].concat());
    *all.child(1) = algorithm.clone();
    *all.child(2) = Node::Leaf(0x03, [&[0][..], &value].concat());
    Certificate::from_der(&all.der()).unwrap()
}

fn plain_rsa(number: u8) -> Node {
    sequence(vec![pkcs1(number), null()])
}

fn verdict(anchors: &Anchors, certificate: &Certificate) -> String {
    match admit(ArtifactType::Certificate, certificate.der(), anchors) {
        Ok(_) => "admitted".into(),
        Err(error) => error.to_string(),
    }
}

const SHA256_PKCS1: &[&str] = &["-sha256"];
const PSS: [&str; 4] = [
    "-sigopt",
    "rsa_padding_mode:pss",
    "-sigopt",
    "rsa_pss_saltlen:32",
];
const SHA256_PSS_32: &[&str] = &["-sha256", PSS[0], PSS[1], PSS[2], PSS[3]];
const SHA512_PSS_32: &[&str] = &["-sha512", PSS[0], PSS[1], PSS[2], PSS[3]];
const SHA256_PSS_20: &[&str] = &["-sha256", PSS[0], PSS[1], PSS[2], "rsa_pss_saltlen:20"];

/// RFC 4055 1.2 and 3.3: what the issuer's SubjectPublicKeyInfo says binds its key.
#[test]
fn a_key_signs_by_what_it_is_for_only() {
    let pki = Pki::new();
    pki.unit("ca", RSA, "root", "v3_issuing", DATES);
    pki.unit("end", P256, "root", "v3_plain", DATES);
    let ca = pki.certificate("ca");
    let root = Anchors::from_certificates([pki.certificate("root")]);
    // The CA's certificate with another kind of key around the same numbers.
    let with_kind = |kind: Node| {
        let change = |tbs: &mut Node| *tbs.child(6).child(0) = kind;
        resigned(
            &pki,
            ca.der(),
            change,
            &plain_rsa(11),
            ("root", SHA256_PKCS1),
        )
    };
    let issuer = Node::read(ca.der()).child(0).child(5).clone();
    let issued = |algorithm: Node, options| {
        let change = |tbs: &mut Node| *tbs.child(3) = issuer.clone();
        let end = pki.certificate("end");
        resigned(&pki, end.der(), change, &algorithm, ("ca", options))
    };
    let by_pkcs1 = issued(plain_rsa(11), SHA256_PKCS1);
    let by_pss = issued(pss(Some(pss_parameters(SHA256, 32))), SHA256_PSS_32);
    let by_pss_512 = issued(pss(Some(pss_parameters(SHA512, 32))), SHA512_PSS_32);
    let by_pss_short = issued(pss(Some(pss_parameters(SHA256, 20))), SHA256_PSS_20);
    let restricted = |hash, salt| pss(Some(pss_parameters(hash, salt)));
    for (kind, which, expected) in [
        (plain_rsa(1), "rsaEncryption", [true; 4]),
        (
            sequence(vec![pkcs1(1)]),
            "rsaEncryption without NULL",
            [true; 4],
        ),
        (pss(None), "id-RSASSA-PSS", [false, true, true, true]),
        (
            restricted(SHA256, 32),
            "SHA-256, 32",
            [false, true, false, false],
        ),
        (
            restricted(SHA256, 20),
            "SHA-256, 20",
            [false, true, false, true],
        ),
        (
            restricted(SHA512, 20),
            "SHA-512, 20",
            [false, false, true, false],
        ),
        // Every field has its default: SHA-1, by which no signature here is made.
        (pss(Some(sequence(vec![]))), "SHA-1, 20", [false; 4]),
        // Parameters that are none: no such key.
        (pss(Some(null())), "id-RSASSA-PSS with NULL", [false; 4]),
        (
            sequence(vec![pkcs1(1), sequence(vec![])]),
            "rsaEncryption with more",
            [false; 4],
        ),
        (sequence(vec![pkcs1(7)]), "id-RSAES-OAEP", [false; 4]),
    ] {
        let anchors = root.clone().with_intermediates([with_kind(kind)]);
        let ends = [&by_pkcs1, &by_pss, &by_pss_512, &by_pss_short];
        for (end, expected) in ends.into_iter().zip(expected) {
            let found = verdict(&anchors, end);
            assert_eq!(found == "admitted", expected, "{which}: {found}");
            // Refused for what it is, never as a wrong value: nothing here is forged.
            assert!(!found.contains("does not verify"), "{which}: {found}");
        }
    }
}

/// RFC 4055 5, RFC 5758 3.2, RFC 8410 3: as others take them, see `signature`.
#[test]
fn parameters_beside_a_signature_are_null_or_absent() {
    let pki = Pki::new();
    pki.unit("end", P256, "root", "v3_plain", DATES);
    let end = pki.certificate("end");
    let anchors = pki.anchors();
    let ecdsa = oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]);
    for (ca, algorithm, admitted) in [
        ("root", plain_rsa(11), true),
        ("root", sequence(vec![pkcs1(11)]), true),
        ("root", sequence(vec![pkcs1(11), sequence(vec![])]), false),
        ("issuing", sequence(vec![ecdsa.clone()]), true),
        ("issuing", sequence(vec![ecdsa.clone(), null()]), true),
        ("issuing", sequence(vec![ecdsa.clone(), ecdsa]), false),
    ] {
        let issuer = Node::read(pki.certificate(ca).der())
            .child(0)
            .child(5)
            .clone();
        let change = |tbs: &mut Node| *tbs.child(3) = issuer;
        let made = resigned(&pki, end.der(), change, &algorithm, (ca, SHA256_PKCS1));
        let found = verdict(&anchors, &made);
        assert_eq!(found == "admitted", admitted, "{ca} {algorithm:?}: {found}");
    }
}

/// RFC 5639 and RFC 9688, with what OpenSSL makes; what no kept library verifies is refused by its
/// name.
#[test]
fn brainpool_and_sha3_are_verified() {
    let pki = Pki::new();
    let root = pki.certificate("root");
    let ca = |name: &str, algorithm: &[String], digest: &str| {
        key(&pki, name, algorithm);
        pki.request(name, &format!("/C=JP/O=Ishibumi Test/CN={name}"));
        pki.sign(name, "root", "v3_issuing", DATES, &["-md", digest]);
    };
    let rsa: Vec<String> = RSA.iter().map(|word| (*word).to_owned()).collect();
    for (name, algorithm, digest) in [
        ("brainpool256", curve("brainpoolP256r1"), "sha256"),
        ("brainpool384", curve("brainpoolP384r1"), "sha384"),
        ("rsa3-256", rsa.clone(), "sha3-256"),
        ("rsa3-384", rsa.clone(), "sha3-384"),
        ("rsa3-512", rsa, "sha3-512"),
        ("p384-3", curve("P-384"), "sha3-384"),
        ("brainpool-3", curve("brainpoolP256r1"), "sha3-512"),
    ] {
        ca(name, &algorithm, digest);
        let (cert, private) = (format!("{name}.crt"), format!("{name}.key"));
        let by = ["-cert", &cert, "-keyfile", &private, "-md", digest];
        let unit = format!("unit-{name}");
        key(&pki, &unit, &algorithm);
        pki.request(&unit, &format!("/C=JP/O=Ishibumi Test/CN={unit}"));
        pki.sign(&unit, "issuing", "v3_tsu", DATES, &by);
        let known = [pki.certificate(name), pki.certificate("issuing")];
        let anchors = Anchors::from_certificates([root.clone()]).with_intermediates(known);
        assert_eq!(verdict(&anchors, &pki.certificate(&unit)), "admitted");

        let list = pki.crl("issuing", &by);
        let taken = admit(ArtifactType::Crl, &list, &anchors).map(|_| ());
        assert_eq!(taken, Ok(()), "list by {name}");

        let token = pki.token(Ask { tsu: &unit, ..ASK });
        // OpenSSL signs certificates by ECDSA with SHA-3, and no CMS.
        let signed_by = if name.ends_with("-3") {
            "sha512"
        } else {
            digest
        };
        let token = pki.cms_token(&token, &unit, &["-cades", "-md", signed_by]);
        let verified = TimestampToken::parse(&token).unwrap().verify(&anchors);
        let verified = verified.unwrap_or_else(|error| panic!("token by {unit}: {error}"));
        let names: Vec<String> = verified
            .primitives()
            .iter()
            .map(ToString::to_string)
            .collect();
        let rests_on = |what: &str| names.iter().any(|it| it.contains(what));
        assert_eq!(rests_on("SHA3"), digest.contains("sha3-"), "{names:?}");
        assert_eq!(
            rests_on("brainpool"),
            name.contains("brainpool"),
            "{names:?}"
        );
        let mut broken = token;
        *broken.last_mut().unwrap() ^= 1;
        let refused = TimestampToken::parse(&broken).unwrap().verify(&anchors);
        assert_eq!(refused.unwrap_err().code(), "signature-invalid", "{unit}");
    }
}

#[test]
fn keys_that_nothing_here_verifies_are_refused_by_their_name() {
    let pki = Pki::new();
    let anchors = Anchors::from_certificates([pki.certificate("root")]);
    for (algorithm, name) in [
        (
            curve("brainpoolP512r1"),
            "brainpoolP512r1 (1.3.36.3.3.2.8.1.1.13)",
        ),
        (
            curve("brainpoolP256t1"),
            "brainpoolP256t1 (1.3.36.3.3.2.8.1.1.8)",
        ),
        (curve("secp256k1"), "secp256k1 (1.3.132.0.10)"),
        (
            [
                curve("P-256"),
                vec!["-pkeyopt".into(), "ec_param_enc:explicit".into()],
            ]
            .concat(),
            "the curve is not named",
        ),
    ] {
        key(&pki, "other", &algorithm);
        pki.request("other", "/C=JP/O=Ishibumi Test/CN=other");
        pki.sign("other", "root", "v3_issuing", DATES, &[]);
        pki.key("below", P256);
        pki.request("below", "/C=JP/O=Ishibumi Test/CN=below");
        let by = [
            "-cert",
            "other.crt",
            "-keyfile",
            "other.key",
            "-md",
            "sha256",
        ];
        pki.sign("below", "issuing", "v3_plain", DATES, &by);
        let known = anchors
            .clone()
            .with_intermediates([pki.certificate("other")]);
        let found = verdict(&known, &pki.certificate("below"));
        assert!(found.contains(name), "{name}: {found}");
    }
}
