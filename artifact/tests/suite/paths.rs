//! Paths with constraints, several chains, dated rules for weak algorithms, and the purpose that a
//! certificate states. Made by OpenSSL: one CA key, certified by the root several times with
//! different extensions. NIST PKITS (pkits.rs) is the exhaustive test of the same code.

use std::sync::Arc;

use crate::support::{ASK, Ask, P256, Pki};
use ishibumi_artifact::policy::PolicyRules;
use ishibumi_artifact::qualified::{CertificateKind, OrganizationId, QcStatements, QcType};
use ishibumi_artifact::rules::AlgorithmRules;
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Anchors, ArtifactType, Certificate, Path, admit};

const DATES: (&str, &str) = ("20250101000000Z", "20400101000000Z");

/// The issuing CA's key, certified by the root with other extensions.
fn certify(pki: &Pki, name: &str, extensions: &str) -> Certificate {
    std::fs::copy(pki.path("issuing.csr"), pki.path(&format!("{name}.csr"))).unwrap();
    pki.sign(name, "root", extensions, DATES, &[]);
    pki.certificate(name)
}

fn issue(pki: &Pki, name: &str, subject: &str, extensions: &str) -> Certificate {
    pki.key(name, P256);
    pki.request(name, subject);
    pki.sign(name, "issuing", extensions, DATES, &[]);
    pki.certificate(name)
}

fn anchors(pki: &Pki, known: &[&Certificate]) -> Anchors {
    Anchors::from_certificates([pki.certificate("root")])
        .with_intermediates(known.iter().copied().cloned())
}

fn verdict(kind: ArtifactType, bytes: &[u8], anchors: &Anchors) -> &'static str {
    admit(kind, bytes, anchors).map_or_else(|error| error.code(), |_| "admitted")
}

#[test]
fn constraints_hold_and_another_chain_may_be_free_of_them() {
    let pki = Pki::new();
    let issuing = pki.certificate("issuing");
    let narrow = certify(&pki, "narrow", "v3_ca_names");
    let explicit = certify(&pki, "explicit", "v3_ca_explicit");
    let inside = issue(
        &pki,
        "inside",
        "/C=JP/O=Ishibumi Test/CN=inside",
        "v3_plain",
    );
    let outside = issue(&pki, "outside", "/C=FR/O=Other/CN=outside", "v3_plain");
    let mail = issue(&pki, "mail", "/C=JP/O=Ishibumi Test/CN=mail", "v3_mail");
    let certificate = |certificate: &Certificate, known: &[&Certificate]| {
        verdict(
            ArtifactType::Certificate,
            certificate.der(),
            &anchors(&pki, known),
        )
    };
    assert_eq!(certificate(&inside, &[&narrow]), "admitted");
    assert_eq!(
        certificate(&outside, &[&narrow]),
        "name-constraints-violated"
    );
    assert_eq!(certificate(&mail, &[&narrow]), "name-constraints-violated");
    assert_eq!(certificate(&inside, &[&explicit]), "no-valid-policy");
    // One bad cross-certificate hides no good chain, in any order of certificates.
    for bad in [&narrow, &explicit] {
        assert_eq!(certificate(&outside, &[bad, &issuing]), "admitted");
        assert_eq!(certificate(&outside, &[&issuing, bad]), "admitted");
    }
    // A policy that the caller demands, and no certificate states.
    let demand = PolicyRules {
        require_explicit: true,
        ..PolicyRules::default()
    };
    let known = anchors(&pki, &[&issuing]);
    let end = Arc::new(inside);
    let find = |policies| Path::find(&end, &[], &known, None, policies);
    assert_eq!(find(&demand).unwrap_err().code(), "no-valid-policy");
    assert_eq!(
        find(&PolicyRules::default()).unwrap().certificates().len(),
        3
    );
}

#[test]
fn a_ca_for_other_purposes_issues_no_tsu() {
    let pki = Pki::new();
    pki.unit("tsu-p256", P256, "issuing", "v3_tsu", DATES);
    let token = pki.token(Ask {
        tsu: "tsu-p256",
        certificates: false,
        ..ASK
    });
    let tsu = pki.certificate("tsu-p256");
    let web = certify(&pki, "web", "v3_ca_web");
    let stamps = certify(&pki, "stamps", "v3_ca_stamps");
    let judge = |ca: &Certificate| {
        verdict(
            ArtifactType::TimestampToken,
            &token,
            &anchors(&pki, &[ca, &tsu]),
        )
    };
    assert_eq!(judge(&web), "issuer-purpose");
    assert_eq!(judge(&stamps), "admitted");
}

#[test]
fn sha1_counts_by_a_dated_rule_only() {
    let pki = Pki::new();
    let list = pki.crl("issuing", &["-md", "sha1"]);
    let end = Time::from_unix(1_483_142_400);
    let judge = |rules| {
        let anchors = pki.anchors().with_memo(10).with_algorithm_rules(rules);
        verdict(ArtifactType::Crl, &list, &anchors)
    };
    let rules = AlgorithmRules::default();
    let dated = rules.with_sha1_until(end);
    let later = Time::from_unix(end.unix_seconds() + 1);
    assert_eq!(judge(rules), "hash-algorithm-refused");
    assert_eq!(
        judge(rules.with_proof_of_existence(end)),
        "hash-algorithm-refused"
    );
    assert_eq!(judge(dated), "hash-algorithm-refused");
    assert_eq!(
        judge(dated.with_proof_of_existence(later)),
        "hash-algorithm-refused"
    );
    assert_eq!(judge(dated.with_proof_of_existence(end)), "admitted");
}

#[test]
fn what_a_certificate_says_it_is() {
    let pki = Pki::new();
    let organisation = "/C=JP/O=Test/organizationIdentifier=NTRJP-8040001079502/CN=Test";
    let person = "/C=JP/givenName=Hanako/surname=Yamada/CN=Hanako Yamada";
    let site = "/C=JP/O=Test/CN=example.com";
    for (name, subject, extensions, kind) in [
        ("seal", organisation, "v3_seal", CertificateKind::ESeal),
        ("silent", organisation, "v3_plain", CertificateKind::ESeal),
        (
            "signed",
            organisation,
            "v3_esign",
            CertificateKind::ESignature,
        ),
        ("person", person, "v3_plain", CertificateKind::ESignature),
        ("site", site, "v3_web", CertificateKind::Website),
        ("device", site, "v3_device", CertificateKind::Device),
        (
            "tsu",
            organisation,
            "v3_tsu",
            CertificateKind::TimeStampingUnit,
        ),
        ("nothing", site, "v3_plain", CertificateKind::Other),
    ] {
        let certificate = issue(&pki, name, subject, extensions);
        assert_eq!(CertificateKind::of(&certificate), kind, "{name}");
    }
    let idevid = {
        pki.key("idevid", P256);
        pki.request("idevid", "/C=JP/O=Test/CN=idevid/serialNumber=SN1");
        let forever = ("20250101000000Z", "99991231235959Z");
        pki.sign("idevid", "issuing", "v3_plain", forever, &[]);
        pki.certificate("idevid")
    };
    assert_eq!(CertificateKind::of(&idevid), CertificateKind::Device);
    assert_eq!(
        CertificateKind::of(&pki.certificate("issuing")),
        CertificateKind::Ca
    );

    let statements = QcStatements::of(&issue(&pki, "full", organisation, "v3_qc"))
        .unwrap()
        .unwrap();
    assert!(statements.compliance && statements.device);
    assert_eq!(statements.types, [QcType::ESeal]);
    assert_eq!(statements.legislation, ["JP"]);
    let identifiers = pki.certificate("full").organization_identifiers();
    let parsed = OrganizationId::parse(&identifiers[0]).unwrap();
    assert_eq!(
        (parsed.country.as_str(), parsed.identifier.as_str()),
        ("JP", "8040001079502")
    );
    assert_eq!(QcStatements::of(&pki.certificate("nothing")), Ok(None));
}
