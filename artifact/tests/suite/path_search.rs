//! The path that is found among many candidates, the work that it may cost, and policies of every
//! shape. Made by OpenSSL; look-alikes of a CA, whose keys signed nothing, by changing a number in
//! its certificate.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::support::{ASK, Ask, Node, P256, Pki, signed_data};
use ishibumi_artifact::path::SIGNATURES_MAX;
use ishibumi_artifact::policy::PolicyRules;
use ishibumi_artifact::{Anchors, ArtifactType, Bounds, Certificate, Path, Work, admit_within};

const DATES: (&str, &str) = ("20250101000000Z", "20400101000000Z");
const RSA: &[&str] = &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"];

/// Signs a certificate by `ca` with the extensions of one section of `more.cnf`.
fn issue(pki: &Pki, name: &str, ca: &str, section: &str) -> Certificate {
    pki.key(name, P256);
    pki.request(name, &format!("/C=JP/O=Ishibumi Test/CN={name}"));
    let (cert, key) = (format!("{ca}.crt"), format!("{ca}.key"));
    let by = ["-cert", &cert, "-keyfile", &key, "-extfile", "more.cnf"];
    pki.sign(name, "issuing", section, DATES, &by);
    pki.certificate(name)
}

/// The root, and an RSA CA below it that issues.
fn landscape(sections: &str) -> Pki {
    let pki = Pki::new();
    pki.unit("ca", RSA, "root", "v3_issuing", DATES);
    pki.write("more.cnf", sections);
    pki
}

fn find(end: &Certificate, known: &[Certificate], pki: &Pki) -> Result<Path, String> {
    let anchors = Anchors::from_certificates([pki.certificate("root")])
        .with_intermediates(known.iter().cloned());
    let end = Arc::new(end.clone());
    Path::find(&end, &[], &anchors, None, &PolicyRules::default())
        .map_err(|error| error.code().to_owned())
}

/// CAs that differ from this one in their key, its identifier and, if `serials`, the serial.
fn look_alikes(ca: &Certificate, count: usize, serials: bool) -> Vec<Certificate> {
    let identifier = [6, 3, 0x55, 0x1d, 0x0e];
    (0..count)
        .map(|number| {
            let mut all = Node::read(ca.der());
            let number = u16::try_from(number).unwrap().to_be_bytes();
            let tbs = all.child(0);
            if serials {
                *tbs.child(1).bytes() = [&[0x20][..], &number].concat();
            }
            let modulus = tbs.child(6).child(1).bytes();
            modulus[40..42].copy_from_slice(&number);
            let extensions = tbs.children().last_mut().unwrap().child(0);
            let mut its = extensions.children().iter_mut();
            let its = its
                .find(|it| it.der()[2..].starts_with(&identifier))
                .unwrap();
            let value = its.children().last_mut().unwrap().bytes();
            value[4..6].copy_from_slice(&number);
            Certificate::from_der(&all.der()).unwrap()
        })
        .collect()
}

const HINTS: &str = "
[none]
keyUsage = critical,nonRepudiation
authorityKeyIdentifier = none
[key]
keyUsage = critical,nonRepudiation
authorityKeyIdentifier = keyid:always
[place]
keyUsage = critical,nonRepudiation
authorityKeyIdentifier = issuer:always
[wrong]
keyUsage = critical,nonRepudiation
2.5.29.35 = ASN1:SEQUENCE:wrong_identifier
[wrong_identifier]
key = IMPLICIT:0,FORMAT:HEX,OCTETSTRING:0102030405
[garbage]
keyUsage = critical,nonRepudiation
2.5.29.35 = ASN1:NULL
[unit]
keyUsage = critical,nonRepudiation
extendedKeyUsage = critical,timeStamping
authorityKeyIdentifier = none
";

#[test]
fn hints_order_the_issuers_of_one_name_and_exclude_none() {
    let pki = landscape(HINTS);
    let ca = pki.certificate("ca");
    let many = SIGNATURES_MAX + 20;
    for (section, others, expected) in [
        ("key", many, Ok(3)),
        ("place", many, Ok(3)),
        // Nothing tells them apart: found as long as the work suffices, and never "there is none".
        ("none", 60, Ok(3)),
        ("none", many, Err("path-search-limit")),
        ("wrong", 60, Ok(3)),
        ("wrong", many, Err("path-search-limit")),
        ("garbage", 60, Ok(3)),
    ] {
        let end = issue(&pki, &format!("end-{section}"), "ca", section);
        let mut known = look_alikes(&ca, others, section == "place");
        known.push(ca.clone());
        let found = find(&end, &known, &pki).map(|path| path.certificates().len());
        assert_eq!(found, expected.map_err(str::to_owned), "{section} {others}");
    }
}

/// Each look-alike that a token carries costs a signature, and would cost it anew under the anchors
/// of every provider that the token may be of.
#[test]
fn one_artifact_has_one_budget_under_however_many_anchors() {
    const SETS: usize = 20;
    const CARRIED: usize = 30;
    let pki = landscape(HINTS);
    let ca = pki.certificate("ca");
    issue(&pki, "unit", "ca", "unit");
    let token = pki.token(Ask { tsu: "unit", ..ASK });
    let mut mesh = Node::read(&token);
    let carried = signed_data(&mut mesh).child(3).children();
    carried.extend(
        look_alikes(&ca, CARRIED, true)
            .iter()
            .map(|it| Node::read(it.der())),
    );
    let mesh = mesh.der();
    let stranger = Anchors::from_certificates([pki.certificate("stranger")]);
    let home = Anchors::from_certificates([pki.certificate("root")]).with_intermediates([ca]);
    let under = |token: &[u8], sets: &[&Anchors]| {
        let mut bounds = Bounds {
            work: Work::among(sets.len()),
            ..Bounds::default()
        };
        let mut last = "";
        for anchors in sets {
            let kind = ArtifactType::TimestampToken;
            let admitted = admit_within(kind, token, anchors, &mut bounds);
            last = admitted.map_or_else(|refusal| refusal.code(), |_| "admitted");
        }
        (last, bounds.work.signatures())
    };
    // Alone it stays within the budget: CARRIED signatures, and a part of one for the names.
    let (said, spent) = under(&mesh, &[&stranger]);
    assert_eq!(
        (said, spent),
        ("certificate-signature-invalid", CARRIED + 1)
    );
    let mut sets = vec![&stranger; SETS];
    let (said, spent) = under(&mesh, &sets);
    assert_eq!(said, "path-search-limit");
    assert!(spent < 2 * SIGNATURES_MAX, "{spent} of {}", SETS * CARRIED);
    // Control: an honest token is found under the last of as many.
    sets.push(&home);
    let (said, spent) = under(&token, &sets);
    assert_eq!(said, "admitted");
    assert!(spent < 5, "{spent}");
}

/// Keys of another kind than the signature's cost nothing: no signature is tried.
#[test]
fn only_real_verifications_count() {
    let pki = landscape(HINTS);
    let ca = pki.certificate("ca");
    let end = issue(&pki, "end", "ca", "none");
    let key_of =
        |certificate: &Certificate| Node::read(certificate.der()).child(0).child(6).clone();
    let other = key_of(&pki.certificate("issuing"));
    let mut known: Vec<Certificate> = look_alikes(&ca, SIGNATURES_MAX + 20, true)
        .iter()
        .map(|it| {
            let mut all = Node::read(it.der());
            *all.child(0).child(6) = other.clone();
            Certificate::from_der(&all.der()).unwrap()
        })
        .collect();
    known.push(ca);
    assert_eq!(
        find(&end, &known, &pki).map(|path| path.certificates().len()),
        Ok(3)
    );
}

/// CAs that certify one another lead nowhere, and the reason is what was missing.
#[test]
fn cross_certificates_lead_back_to_nothing() {
    let pki =
        landscape("[ca]\nbasicConstraints = critical,CA:TRUE\n[none]\nkeyUsage = nonRepudiation\n");
    for name in ["x", "y"] {
        pki.unit(name, P256, "stranger", "v3_issuing", DATES);
    }
    let certify = |name: &str, by: &str| {
        std::fs::copy(pki.path(&format!("{name}.csr")), pki.path("cross.csr")).unwrap();
        let (cert, key) = (format!("{by}.crt"), format!("{by}.key"));
        let by = ["-cert", &cert, "-keyfile", &key, "-extfile", "more.cnf"];
        pki.sign("cross", "issuing", "ca", DATES, &by);
        pki.certificate("cross")
    };
    let known: Vec<Certificate> = (0..6)
        .flat_map(|_| [certify("x", "y"), certify("y", "x")])
        .collect();
    let end = issue(&pki, "end", "x", "none");
    assert_eq!(find(&end, &known, &pki).unwrap_err(), "issuer-unregistered");
    // With a way out, it is found.
    pki.unit("x-home", P256, "root", "v3_issuing", DATES);
    std::fs::copy(pki.path("x.csr"), pki.path("home.csr")).unwrap();
    pki.sign("home", "root", "v3_root", DATES, &[]);
    let home = [known, vec![pki.certificate("home")]].concat();
    assert_eq!(
        find(&end, &home, &pki).map(|path| path.certificates().len()),
        Ok(3)
    );
}

const QUALIFIERS: &str = "
[cps]
2.5.29.32 = critical,ASN1:SEQUENCE:list_cps
[list_cps]
one = SEQUENCE:policy_cps
[policy_cps]
id = OID:1.2.3.4
qualifiers = SEQUENCE:all_cps
[all_cps]
one = SEQUENCE:its_cps
[its_cps]
id = OID:1.3.6.1.5.5.7.2.1
value = IA5STRING:https://example.com/cps
[unknown]
2.5.29.32 = ASN1:SEQUENCE:list
[unknown_critical]
2.5.29.32 = critical,ASN1:SEQUENCE:list
[list]
one = SEQUENCE:policy
[policy]
id = OID:1.2.3.4
qualifiers = SEQUENCE:all
[all]
one = SEQUENCE:its
[its]
id = OID:1.2.3.4.5
value = IA5STRING:hi
[twice]
2.5.29.32 = ASN1:SEQUENCE:list_twice
[twice_critical]
2.5.29.32 = critical,ASN1:SEQUENCE:list_twice
[list_twice]
one = SEQUENCE:plain
two = SEQUENCE:plain
[plain]
id = OID:1.2.3.4
[constraints_empty]
2.5.29.36 = critical,DER:3000
";

#[test]
fn what_a_critical_policy_says_has_to_be_understood() {
    let pki = landscape(QUALIFIERS);
    let known = [pki.certificate("ca")];
    for (section, expected) in [
        ("cps", Ok(())),
        ("unknown", Ok(())),
        ("unknown_critical", Err("critical-extension-unknown")),
        ("twice", Ok(())),
        ("twice_critical", Err("certificate-extension-malformed")),
        ("constraints_empty", Err("certificate-extension-malformed")),
    ] {
        let end = issue(&pki, section, "ca", section);
        let found = find(&end, &known, &pki).map(|_| ());
        assert_eq!(found, expected.map_err(str::to_owned), "{section}");
    }
}

/// Forty policies, each mapped to each: a tree of RFC 5280 would have 40^5 leaves.
#[test]
fn mapped_policies_do_not_grow() {
    const COUNT: usize = 40;
    let mut sections = String::from(
        "[ca]\nbasicConstraints = critical,CA:TRUE\n2.5.29.32 = ASN1:SEQUENCE:list\n\
         2.5.29.33 = ASN1:SEQUENCE:maps\npolicyConstraints = requireExplicitPolicy:0\n\
         [end]\ncertificatePolicies = 1.2.3.7\n[stranger]\ncertificatePolicies = 1.2.4.1\n[list]\n",
    );
    for policy in 0..COUNT {
        writeln!(sections, "p{policy} = SEQUENCE:policy{policy}").unwrap();
    }
    sections.push_str("[maps]\n");
    for pair in 0..COUNT * COUNT {
        writeln!(sections, "m{pair} = SEQUENCE:map{pair}").unwrap();
    }
    for policy in 0..COUNT {
        writeln!(sections, "[policy{policy}]\nid = OID:1.2.3.{policy}").unwrap();
    }
    for pair in 0..COUNT * COUNT {
        let (from, to) = (pair / COUNT, pair % COUNT);
        writeln!(
            sections,
            "[map{pair}]\nfrom = OID:1.2.3.{from}\nto = OID:1.2.3.{to}"
        )
        .unwrap();
    }
    let pki = landscape(&sections);
    let mut known = Vec::new();
    let mut above = "root".to_owned();
    for level in 0..5 {
        let name = format!("ca{level}");
        known.push(issue(&pki, &name, &above, "ca"));
        above = name;
    }
    let end = issue(&pki, "end", &above, "end");
    assert_eq!(
        find(&end, &known, &pki).map(|path| path.certificates().len()),
        Ok(7)
    );
    let stranger = issue(&pki, "stranger-end", &above, "stranger");
    assert_eq!(
        find(&stranger, &known, &pki).unwrap_err(),
        "no-valid-policy"
    );
}
