//! Lists and responses that break the standards and that other programs read nevertheless (OpenSSL,
//! Bouncy Castle, EU DSS): what they say about a certificate is heard. A log refuses what it cannot
//! take whole, and says so; an unreadable part about the certificate itself makes its state
//! unclear.

use std::sync::Arc;

use crate::support::status::*;
use crate::support::{Node, P256, Pki};
use ishibumi_artifact::history::SilenceKind;
use ishibumi_artifact::record::Reason;
use ishibumi_artifact::{Anchors, ArtifactType, Certificate, History, StatusInformation, admit};

struct Scene {
    pki: Pki,
    anchors: Anchors,
    issuing: Certificate,
    one: Certificate,
    two: Certificate,
}

impl Scene {
    fn new() -> Self {
        let pki = Pki::new();
        for name in ["one", "two"] {
            pki.unit(
                name,
                P256,
                "issuing",
                "v3_plain",
                ("20250101000000Z", "20400101000000Z"),
            );
        }
        let (issuing, one) = (pki.certificate("issuing"), pki.certificate("one"));
        Self {
            anchors: pki.anchors(),
            issuing,
            one,
            two: pki.certificate("two"),
            pki,
        }
    }

    /// The list of the issuing CA.
    fn list(&self, entries: Vec<Node>) -> List {
        List::of(&self.issuing, entries)
    }

    fn history(&self, certificate: &Certificate, octets: &[u8]) -> History {
        let above = [self.issuing.clone(), self.pki.certificate("root")].map(Arc::new);
        let reading = StatusInformation::read(octets, &self.anchors, &[]);
        assert_eq!(reading.unusable.len(), 0, "{:?}", reading.unusable);
        History::of(certificate, &above, &reading.usable, None)
    }

    /// How `octets` leave the certificate: the reason, "good", "silent" or "unclear"; the worst of
    /// them.
    fn state(&self, certificate: &Certificate, octets: &[u8]) -> String {
        let history = self.history(certificate, octets);
        if let Some((_, entry)) = history.revocations().next() {
            return entry.reason.map_or("no reason", Reason::name).to_owned();
        }
        match history.silences().first().map(|silence| silence.kind) {
            Some(SilenceKind::Unusable) => "unclear",
            Some(SilenceKind::Unknown) => "unknown",
            _ if history.good().next().is_some() => "good",
            _ => "silent",
        }
        .to_owned()
    }

    fn admission(&self, kind: ArtifactType, octets: &[u8]) -> &'static str {
        admit(kind, octets, &self.anchors).map_or_else(|error| error.code(), |_| "admitted")
    }

    fn single(&self, certificate: &Certificate, status: CertStatus, extensions: Vec<Node>) -> Node {
        let id = cert_id(&self.pki, "sha1", &self.issuing, certificate);
        single(id, status, extensions)
    }

    fn response(&self, singles: Vec<Node>) -> Response {
        Response::of(&self.issuing, singles)
    }
}

fn boolean(value: u8) -> Node {
    Node::Leaf(0x01, vec![value])
}

/// An extension whose criticality is written out as this octet.
fn written_out(id: &str, critical: u8, value: &Node) -> Node {
    sequence(vec![
        oid(id),
        boolean(critical),
        Node::Leaf(0x04, value.der()),
    ])
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn oddities_of_lists_that_others_read_are_read() {
    let scene = Scene::new();
    let Scene { one, two, pki, .. } = &scene;
    let bad = || entry(one, vec![reason(1)]);
    let list = || scene.list(vec![bad()]);
    let long = [&[1][..], &[0; 19]].concat();
    let dated = |date: Node| sequence(vec![integer(one.serial()), date, sequence(vec![reason(1)])]);
    let scope = |field: Node| written_out(DISTRIBUTION_POINT, 0x01, &sequence(vec![field]));
    let number = |content: &[u8]| extension(CRL_NUMBER, false, &integer(content));
    let mut no_next = list();
    no_next.next_update = None;
    let mut version_1 = scene.list(vec![entry(one, vec![])]);
    version_1.version = None;
    version_1.extensions = None;
    let mut written_version_1 = version_1.clone();
    written_version_1.version = Some(integer(&[0]));
    let mut fraction = list();
    fraction.this_update = generalized("20260201000000.000Z");
    fraction.next_update = Some(generalized("202603010000+0000"));
    let mut after_2050 = list();
    after_2050.next_update = Some(utc("500101000000Z"));
    let set = |extension: Node| {
        let mut list = list();
        list.extensions = Some(vec![extension]);
        list
    };
    let cases: Vec<(&str, List, &str)> = vec![
        ("the plain one", list(), "admitted"),
        ("no nextUpdate", no_next, "admitted"),
        ("fractions, no seconds, an offset", fraction, "admitted"),
        ("nextUpdate of 2050 as UTCTime", after_2050, "admitted"),
        (
            "GeneralizedTime before 2050",
            scene.list(vec![dated(generalized("20260101000000Z"))]),
            "admitted",
        ),
        (
            "a revocation date with a fraction",
            scene.list(vec![dated(generalized("20260101000000.50Z"))]),
            "admitted",
        ),
        ("a negative number", set(number(&[0xff])), "admitted"),
        ("a number of 20 octets", set(number(&long)), "admitted"),
        (
            "a number of 40 octets",
            set(number(&[&long[..], &long].concat())),
            "record-bounds",
        ),
        (
            "a number that is none",
            set(extension(CRL_NUMBER, false, &utc("1"))),
            "admitted",
        ),
        ("a padded number", set(number(&[0, 1])), "admitted"),
        (
            "criticality written out",
            set(written_out(CRL_NUMBER, 0, &integer(&[5]))),
            "admitted",
        ),
        (
            "a critical number",
            set(written_out(CRL_NUMBER, 1, &integer(&[5]))),
            "admitted",
        ),
        (
            "an unknown extension",
            list().with(extension(UNKNOWN, false, &utc(""))),
            "admitted",
        ),
        (
            "a FALSE in the scope",
            list().with(scope(Node::Leaf(0x84, vec![0]))),
            "admitted",
        ),
        (
            "expiredCertsOnCRL as UTCTime",
            list().with(extension(EXPIRED_CERTS, false, &utc("200101000000Z"))),
            "admitted",
        ),
        (
            "an unknown extension of the entry",
            scene.list(vec![entry(
                one,
                vec![reason(1), extension(UNKNOWN, false, &utc(""))],
            )]),
            "admitted",
        ),
        (
            "invalidityDate with .000",
            scene.list(vec![entry(
                one,
                vec![
                    reason(1),
                    extension(INVALIDITY_DATE, false, &generalized("20250101000000.000Z")),
                ],
            )]),
            "admitted",
        ),
        (
            "another entry with reason 7",
            scene.list(vec![entry(two, vec![reason(7)]), bad()]),
            "crl-incomplete",
        ),
        (
            "another entry with a date that is none",
            scene.list(vec![
                sequence(vec![integer(two.serial()), utc("261301000000Z")]),
                bad(),
            ]),
            "crl-incomplete",
        ),
        (
            "another entry with an extension twice",
            scene.list(vec![entry(two, vec![reason(1), reason(1)]), bad()]),
            "crl-incomplete",
        ),
        (
            "another entry with a broken extension",
            scene.list(vec![entry(two, vec![utc("")]), bad()]),
            "crl-incomplete",
        ),
        (
            "another entry with a padded serial",
            scene.list(vec![
                sequence(vec![integer(&[0, 1]), utc("260101000000Z")]),
                bad(),
            ]),
            "crl-incomplete",
        ),
        (
            "a scope that cannot be read",
            list().with(extension(DISTRIBUTION_POINT, false, &utc(""))),
            "crl-incomplete",
        ),
    ];
    for (name, list, admission) in cases {
        let octets = list.signed(pki, "issuing");
        assert_eq!(scene.state(one, &octets), "keyCompromise", "{name}");
        assert_eq!(
            scene.admission(ArtifactType::Crl, &octets),
            admission,
            "{name}"
        );
    }
    for list in [version_1, written_version_1] {
        let octets = list.signed(pki, "issuing");
        assert_eq!(scene.state(one, &octets), "no reason");
        assert_eq!(scene.state(two, &octets), "good");
        assert_eq!(scene.admission(ArtifactType::Crl, &octets), "admitted");
    }
    let mut empty = scene.list(vec![]);
    empty.entries = Some(vec![]);
    let octets = empty.signed(pki, "issuing");
    assert_eq!(scene.state(one, &octets), "good");
    assert_eq!(scene.admission(ArtifactType::Crl, &octets), "admitted");
}

/// What an extension that cannot be read would have permitted is not permitted.
#[test]
fn what_cannot_be_read_permits_nothing() {
    let scene = Scene::new();
    let Scene { one, two, pki, .. } = &scene;
    let ended = ("20200101000000Z", "20210101000000Z");
    pki.unit("ended", P256, "issuing", "v3_plain", ended);
    let ended = pki.certificate("ended");
    let kept = |date: Node| {
        let list = scene
            .list(vec![])
            .with(extension(EXPIRED_CERTS, false, &date));
        scene.state(&ended, &list.signed(pki, "issuing"))
    };
    assert_eq!(kept(generalized("20200601000000Z")), "good");
    assert_eq!(kept(utc("200601000000Z")), "silent");
    // A scope, or a base, that cannot be read: the list's silence says nothing, its entries do.
    let unread = |id| {
        let list = scene.list(vec![entry(one, vec![reason(4)])]);
        let octets = list
            .with(extension(id, false, &utc("")))
            .signed(pki, "issuing");
        (scene.state(one, &octets), scene.state(two, &octets))
    };
    for id in [DISTRIBUTION_POINT, DELTA] {
        assert_eq!(unread(id), ("superseded".to_owned(), "silent".to_owned()));
    }
    // Attribute certificates have serials of their own.
    let scope = sequence(vec![Node::Leaf(0x85, vec![0xff])]);
    let attributes = scene.list(vec![entry(one, vec![reason(1)])]);
    let attributes = attributes.with(extension(DISTRIBUTION_POINT, true, &scope));
    let octets = attributes.signed(pki, "issuing");
    assert_eq!(scene.state(one, &octets), "silent");
    assert_eq!(
        scene.admission(ArtifactType::Crl, &octets),
        "crl-scope-unsupported"
    );
}

#[test]
fn what_cannot_be_read_about_the_certificate_is_unclear() {
    let scene = Scene::new();
    let Scene { one, two, pki, .. } = &scene;
    let serial = || integer(one.serial());
    let cases = [
        ("reason 7", entry(one, vec![reason(7)])),
        (
            "a reason that is none",
            entry(one, vec![extension(REASON, false, &utc(""))]),
        ),
        ("reason twice", entry(one, vec![reason(8), reason(1)])),
        (
            "a date that is none",
            sequence(vec![serial(), utc("261301000000Z")]),
        ),
        (
            "something behind it",
            sequence(vec![
                serial(),
                utc("260101000000Z"),
                sequence(vec![]),
                serial(),
            ]),
        ),
        (
            "a padded serial",
            sequence(vec![
                integer(&[&[0], one.serial()].concat()),
                utc("260101000000Z"),
            ]),
        ),
    ];
    for (name, about_one) in cases {
        let octets = scene.list(vec![about_one]).signed(pki, "issuing");
        assert_eq!(scene.state(one, &octets), "unclear", "{name}");
        assert_eq!(scene.state(two, &octets), "good", "{name}");
        assert_eq!(
            scene.admission(ArtifactType::Crl, &octets),
            "crl-incomplete",
            "{name}"
        );
    }
    // An entry without a serial may be about any certificate.
    for nobody in [sequence(vec![]), utc("260101000000Z")] {
        let octets = scene.list(vec![nobody]).signed(pki, "issuing");
        assert_eq!(scene.state(two, &octets), "unclear");
    }
    // Revoked it is; since when it is invalid is not told. Both are heard.
    let date = extension(INVALIDITY_DATE, false, &generalized("2025"));
    let octets = scene
        .list(vec![entry(one, vec![reason(4), date])])
        .signed(pki, "issuing");
    assert_eq!(scene.state(one, &octets), "superseded");
    let history = scene.history(one, &octets);
    assert_eq!(history.silences()[0].kind, SilenceKind::Unusable);
}

/// RFC 5280 5.2 and 5.3: such a list must not be used to tell about any certificate.
#[test]
fn lists_that_must_not_be_used_are_not() {
    let scene = Scene::new();
    let Scene {
        one,
        two,
        pki,
        issuing,
        ..
    } = &scene;
    let bad = || entry(one, vec![reason(1)]);
    let critical = || extension(UNKNOWN, true, &utc(""));
    let list = |entries| scene.list(entries);
    let cases = [
        ("crl-critical-extension", list(vec![bad()]).with(critical())),
        (
            "crl-critical-extension",
            list(vec![entry(two, vec![critical()]), bad()]),
        ),
        (
            "crl-critical-extension",
            list(vec![bad()]).with(extension(DISTRIBUTION_POINT, true, &utc(""))),
        ),
        (
            "crl-malformed",
            list(vec![bad()]).with(extension(CRL_NUMBER, false, &integer(&[5]))),
        ),
    ];
    for (code, list) in cases {
        let octets = list.signed(pki, "issuing");
        let reading = StatusInformation::read(&octets, &scene.anchors, &[]);
        assert!(reading.usable.is_empty());
        let why = reading.unusable[0].why();
        assert!(why.contains(code), "{why}");
        assert!(reading.unusable[0].may_concern(one, Some(issuing)));
        assert!(!reading.unusable[0].may_concern(issuing, Some(&pki.certificate("root"))));
        assert_eq!(scene.admission(ArtifactType::Crl, &octets), code);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn oddities_of_responses_that_others_read_are_read() {
    let scene = Scene::new();
    let Scene {
        one,
        two,
        pki,
        issuing,
        ..
    } = &scene;
    let bad = || scene.single(one, CertStatus::Revoked(Some(1)), vec![]);
    let about = |extensions| scene.single(one, CertStatus::Revoked(Some(1)), extensions);
    let response = || scene.response(vec![bad()]);
    let nonce = Node::Leaf(0x04, vec![1, 2, 3]);
    let mut by_key = response();
    let key = key_info(issuing).child(1).bytes()[1..].to_vec();
    by_key.responder = Node::Tree(0xa2, vec![Node::Leaf(0x04, pki.digest("sha1", &key))]);
    let mut fraction = response();
    fraction.produced_at = generalized("20260201000000.000Z");
    let other = |hash: &str| single(cert_id(pki, hash, issuing, two), CertStatus::Good, vec![]);
    let mut broken = scene.single(two, CertStatus::Good, vec![]);
    *broken.child(2) = generalized("soon");
    let cases: Vec<(&str, Response, &str)> = vec![
        ("the plain one", response(), "admitted"),
        (
            "a critical nonce",
            response().with(extension(NONCE, true, &nonce)),
            "ocsp-critical-extension",
        ),
        (
            "an unknown extension",
            response().with(extension(UNKNOWN, false, &nonce)),
            "admitted",
        ),
        (
            "an unknown extension of the answer",
            scene.response(vec![about(vec![extension(UNKNOWN, false, &nonce)])]),
            "admitted",
        ),
        (
            "an archiveCutoff that is none",
            scene.response(vec![about(vec![extension(
                "1.3.6.1.5.5.7.48.1.6",
                false,
                &utc("20"),
            )])]),
            "admitted",
        ),
        (
            "a certHash that is none",
            scene.response(vec![about(vec![extension(
                "1.3.36.8.3.13",
                false,
                &utc(""),
            )])]),
            "admitted",
        ),
        ("by key", by_key, "admitted"),
        ("producedAt with a fraction", fraction, "admitted"),
        (
            "certificates of others",
            response().carrying(&[two, issuing]),
            "admitted",
        ),
        (
            "another answer that cannot be read",
            scene.response(vec![broken, bad()]),
            "ocsp-incomplete",
        ),
        (
            "another answer by a hash that is not known",
            scene.response(vec![other("md5"), bad()]),
            "ocsp-incomplete",
        ),
        (
            "another answer with an extension twice",
            scene.response(vec![
                scene.single(
                    two,
                    CertStatus::Good,
                    vec![
                        extension(UNKNOWN, false, &nonce),
                        extension(UNKNOWN, false, &nonce),
                    ],
                ),
                bad(),
            ]),
            "ocsp-incomplete",
        ),
        (
            "another answer with a critical extension",
            scene.response(vec![
                scene.single(
                    two,
                    CertStatus::Good,
                    vec![extension(UNKNOWN, true, &nonce)],
                ),
                bad(),
            ]),
            "ocsp-incomplete",
        ),
    ];
    for (name, response, admission) in cases {
        let octets = response.signed(pki, "issuing");
        let reading = StatusInformation::read(&octets, &scene.anchors, &[]);
        let above = [issuing.clone(), pki.certificate("root")].map(Arc::new);
        let history = History::of(one, &above, &reading.usable, None);
        let reasons: Vec<_> = history
            .revocations()
            .map(|(_, entry)| entry.reason.map(Reason::code))
            .collect();
        assert_eq!(reasons, [Some(1)], "{name}");
        assert!(
            reading
                .unusable
                .iter()
                .all(|it| !it.may_concern(one, Some(issuing))),
            "{name}"
        );
        assert_eq!(
            scene.admission(ArtifactType::OcspResponse, &octets),
            admission,
            "{name}"
        );
    }
    // The answer about the certificate itself, broken as well.
    let mut broken = bad();
    *broken.child(2) = generalized("soon");
    let cases = [
        broken,
        about(vec![extension(UNKNOWN, true, &nonce)]),
        about(vec![
            extension(UNKNOWN, false, &nonce),
            extension(UNKNOWN, false, &nonce),
        ]),
        scene.single(one, CertStatus::Revoked(Some(7)), vec![]),
    ];
    for unread in cases {
        let octets = scene.response(vec![unread]).signed(pki, "issuing");
        assert_eq!(scene.state(one, &octets), "unclear");
        assert_eq!(
            scene.admission(ArtifactType::OcspResponse, &octets),
            "ocsp-incomplete"
        );
    }
    let unknown = single(cert_id(pki, "md5", issuing, one), CertStatus::Good, vec![]);
    let octets = scene.response(vec![unknown]).signed(pki, "issuing");
    let reading = StatusInformation::read(&octets, &scene.anchors, &[]);
    assert!(reading.unusable[0].may_concern(one, Some(issuing)));
    assert!(!reading.unusable[0].may_concern(two, Some(issuing)));
    for (code, response) in [
        (
            "ocsp-critical-extension",
            response().with(extension(UNKNOWN, true, &nonce)),
        ),
        (
            "ocsp-malformed",
            response()
                .with(extension(NONCE, false, &nonce))
                .with(extension(NONCE, false, &nonce)),
        ),
    ] {
        let octets = response.signed(pki, "issuing");
        assert_eq!(scene.admission(ArtifactType::OcspResponse, &octets), code);
        let reading = StatusInformation::read(&octets, &scene.anchors, &[]);
        assert!(reading.usable.is_empty() && reading.unusable[0].may_concern(one, Some(issuing)));
        assert!(!reading.unusable[0].may_concern(two, Some(issuing)));
    }
}

/// BER lengths, and algorithm parameters that are NULL on one side, change nothing that is said.
#[test]
fn encodings_that_are_not_der_are_used_and_not_logged() {
    let scene = Scene::new();
    let Scene { one, pki, .. } = &scene;
    let list = scene.list(vec![entry(one, vec![reason(1)])]);
    let octets = list.signed(pki, "issuing");
    let tree = Node::read(&octets);
    let Node::Tree(_, parts) = &tree else {
        panic!("a list")
    };
    let parts: Vec<Vec<u8>> = parts.iter().map(Node::der).collect();
    let indefinite = tree.indefinite(&parts);
    assert_eq!(scene.state(one, &indefinite), "keyCompromise");
    assert_eq!(
        scene.admission(ArtifactType::Crl, &indefinite),
        "crl-malformed"
    );
    assert_eq!(scene.admission(ArtifactType::Crl, &octets), "admitted");

    // RSA with NULL inside and no parameters outside.
    let octets = List::of(&pki.certificate("root"), vec![]).signed(pki, "root");
    let mut tree = Node::read(&octets);
    tree.child(1).children().truncate(1);
    assert_eq!(scene.admission(ArtifactType::Crl, &tree.der()), "admitted");
    *tree.child(1).child(0) = oid("1.2.840.113549.1.1.12");
    assert_eq!(
        scene.admission(ArtifactType::Crl, &tree.der()),
        "crl-malformed"
    );
}

/// Files that are cut off, too large or of another kind: the issuer that they may be from.
#[test]
fn what_is_no_list_may_be_anybodys_or_nobodys() {
    let scene = Scene::new();
    let Scene {
        one, pki, issuing, ..
    } = &scene;
    let concerns = |octets: &[u8]| {
        let reading = StatusInformation::read(octets, &scene.anchors, &[]);
        assert!(reading.usable.is_empty());
        reading
            .unusable
            .iter()
            .any(|it| it.may_concern(one, Some(issuing)))
    };
    let own = scene
        .list(vec![entry(one, vec![reason(1)])])
        .signed(pki, "issuing");
    let others = List::of(&pki.certificate("stranger"), vec![]).signed(pki, "stranger");
    for cut in 1..40 {
        assert!(concerns(&own[..own.len() - cut]));
        assert!(!concerns(&others[..others.len() - cut]));
    }
    assert!(!concerns(&others), "a stranger's, and whole");
    let forged = List::of(issuing, vec![]).signed(pki, "stranger");
    assert!(concerns(&forged), "in the name of the CA, by another key");
    let large = |list: &[u8]| [list, &vec![0; ishibumi_artifact::crl::CRL_INPUT_MAX]].concat();
    assert!(concerns(&large(&own)));
    assert!(!concerns(&large(&others)));
    let late = [0x30, 3, 0x0a, 1, 3];
    for anybodys in [
        &b""[..],
        b"<html>log in first</html>",
        &late,
        b"-----BEGIN X509 CRL-----\n!",
    ] {
        assert!(concerns(anybodys));
    }
    // A certificate is plainly no list.
    assert!(!concerns(one.der()));
}
