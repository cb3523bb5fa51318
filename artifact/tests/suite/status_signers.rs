//! The signers of lists and responses: their certificates are validated as any other's. Each rule
//! beside what it lets through.

use std::sync::Arc;

use crate::support::status::*;
use crate::support::{Node, P256, Pki};
use ishibumi_artifact::history::SilenceKind;
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Anchors, ArtifactType, Certificate, History, StatusInformation, admit};

const DATES: (&str, &str) = ("20250101000000Z", "20400101000000Z");
const BEFORE: (&str, &str) = ("20240101000000Z", "20260101000000Z");

/// What a signer's certificate may say, beside `v3_ocsp`.
const EXTENSIONS: &str = r"
[ocsp_silent]
extendedKeyUsage = OCSPSigning
[ocsp_no_usage]
basicConstraints = critical,CA:FALSE
keyUsage = critical,keyEncipherment
extendedKeyUsage = OCSPSigning
[ocsp_repudiation]
basicConstraints = critical,CA:FALSE
keyUsage = critical,nonRepudiation
extendedKeyUsage = OCSPSigning
[ocsp_any]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = 2.5.29.37.0
[ocsp_none]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
[ocsp_critical]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = OCSPSigning
1.2.3.4.5.6 = critical,ASN1:NULL
[ocsp_no_check]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = OCSPSigning
1.3.6.1.5.5.7.48.1.5 = critical,ASN1:NULL
[ocsp_outside]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = OCSPSigning
subjectAltName = email:someone@example.com
[silent]
subjectKeyIdentifier = hash
[crl_only]
basicConstraints = critical,CA:FALSE
keyUsage = critical,cRLSign
[issuing_critical]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
1.2.3.4.5.6 = critical,ASN1:NULL
";

struct Scene {
    pki: Pki,
    anchors: Anchors,
    issuing: Certificate,
    one: Certificate,
}

impl Scene {
    fn new() -> Self {
        let pki = Pki::new();
        let configuration = String::from_utf8(pki.read("ca.cnf")).unwrap();
        pki.write("ca.cnf", configuration + EXTENSIONS);
        pki.unit("one", P256, "issuing", "v3_plain", DATES);
        Self {
            anchors: pki.anchors(),
            issuing: pki.certificate("issuing"),
            one: pki.certificate("one"),
            pki,
        }
    }

    fn responder(&self, name: &str, extensions: &str, dates: (&str, &str)) -> Certificate {
        self.pki.unit(name, P256, "issuing", extensions, dates);
        self.pki.certificate(name)
    }

    /// "Good" about `one`, by this responder, which it carries.
    fn good(&self, responder: &str) -> Vec<u8> {
        let certificate = self.pki.certificate(responder);
        let id = cert_id(&self.pki, "sha1", &self.issuing, &self.one);
        let response = Response::of(&certificate, vec![single(id, CertStatus::Good, vec![])]);
        response
            .carrying(&[&certificate])
            .signed(&self.pki, responder)
    }

    /// "Revoked" about `about`, by this responder.
    fn revoked(&self, responder: &str, about: &Certificate, code: u8) -> Vec<u8> {
        let certificate = self.pki.certificate(responder);
        let id = cert_id(&self.pki, "sha1", &self.issuing, about);
        let answer = single(id, CertStatus::Revoked(Some(code)), vec![]);
        let response = Response::of(&certificate, vec![answer]);
        response
            .carrying(&[&certificate])
            .signed(&self.pki, responder)
    }

    fn code(&self, kind: ArtifactType, octets: &[u8]) -> &'static str {
        code(kind, octets, &self.anchors)
    }

    fn history(&self, octets: &[&[u8]], latest: Option<&str>) -> History {
        let readings = octets
            .iter()
            .map(|it| StatusInformation::read(it, &self.anchors, &[]));
        let sources: Vec<_> = readings.flat_map(|reading| reading.usable).collect();
        assert_eq!(sources.len(), octets.len());
        let above = [self.issuing.clone(), self.pki.certificate("root")].map(Arc::new);
        let latest = latest.map(|text| Time::from_generalized(text.as_bytes()).unwrap());
        History::of(&self.one, &above, &sources, latest)
    }
}

fn code(kind: ArtifactType, octets: &[u8], anchors: &Anchors) -> &'static str {
    admit(kind, octets, anchors).map_or_else(|error| error.code(), |_| "admitted")
}

#[test]
fn a_responder_is_validated_as_any_other() {
    let scene = Scene::new();
    let cases = [
        ("v3_ocsp", DATES, "admitted"),
        ("ocsp_silent", DATES, "admitted"),
        ("ocsp_repudiation", DATES, "admitted"),
        ("ocsp_no_check", DATES, "admitted"),
        ("v3_ocsp", BEFORE, "ocsp-responder-not-valid-then"),
        ("ocsp_no_usage", DATES, "ocsp-responder-unauthorized"),
        ("ocsp_any", DATES, "ocsp-responder-unauthorized"),
        ("ocsp_none", DATES, "ocsp-responder-unauthorized"),
        ("silent", DATES, "ocsp-responder-unauthorized"),
        ("ocsp_critical", DATES, "critical-extension-unknown"),
    ];
    for (place, (extensions, dates, expected)) in cases.into_iter().enumerate() {
        let name = format!("responder-{place}");
        scene.responder(&name, extensions, dates);
        let octets = scene.good(&name);
        assert_eq!(
            scene.code(ArtifactType::OcspResponse, &octets),
            expected,
            "{extensions}"
        );
        // What cannot be used may be about the certificate that it answers about.
        let reading = StatusInformation::read(&octets, &scene.anchors, &[]);
        let concerns = reading
            .unusable
            .iter()
            .any(|it| it.may_concern(&scene.one, Some(&scene.issuing)));
        assert_eq!(concerns, expected != "admitted");
    }
}

/// Names that the CA may not issue for, and a CA that was not valid when the responder answered.
#[test]
fn the_path_of_a_responder_goes_through_the_cas_with_all_their_rules() {
    let scene = Scene::new();
    let pki = &scene.pki;
    let under = |name: &str, extensions: &str, dates| {
        std::fs::copy(pki.path("issuing.csr"), pki.path(&format!("{name}.csr"))).unwrap();
        std::fs::copy(pki.path("issuing.key"), pki.path(&format!("{name}.key"))).unwrap();
        pki.sign(name, "root", extensions, dates, &[]);
        let root = Anchors::from_certificates([pki.certificate("root")]);
        root.with_intermediates([pki.certificate(name)])
    };
    scene.responder("outside", "ocsp_outside", DATES);
    let octets = scene.good("outside");
    let kind = ArtifactType::OcspResponse;
    assert_eq!(
        code(kind, &octets, &under("free", "v3_issuing", DATES)),
        "admitted"
    );
    let named = under("named", "v3_ca_names", DATES);
    assert_eq!(code(kind, &octets, &named), "name-constraints-violated");
    let ended = under("ended", "v3_issuing", BEFORE);
    assert_eq!(code(kind, &octets, &ended), "certificate-not-valid-then");
    let critical = under("critical", "issuing_critical", DATES);
    assert_eq!(code(kind, &octets, &critical), "critical-extension-unknown");
    // The CA's own answers and lists, by the same rules; another certificate of its key may be
    // sound.
    let list = List::of(&scene.issuing, vec![]).signed(pki, "issuing");
    for (kind, octets) in [(kind, scene.good("issuing")), (ArtifactType::Crl, list)] {
        assert_eq!(code(kind, &octets, &scene.anchors), "admitted");
        assert_eq!(code(kind, &octets, &ended), "certificate-not-valid-then");
        assert_eq!(code(kind, &octets, &critical), "critical-extension-unknown");
        let both = under("ended", "v3_issuing", BEFORE);
        let both = both.with_intermediates([scene.issuing.clone()]);
        assert_eq!(code(kind, &octets, &both), "admitted");
    }
}

#[test]
fn who_signs_lists_is_a_ca_or_says_that_it_signs_lists() {
    let scene = Scene::new();
    let pki = &scene.pki;
    let by = |name: &str, extensions: &str| {
        scene.responder(name, extensions, DATES);
        let certificate = pki.certificate(name);
        let octets = List::of(&certificate, vec![]).signed(pki, name);
        // As an anchor, too.
        let trusted = Anchors::from_certificates([pki.certificate("root"), certificate.clone()]);
        let known = pki.anchors().with_intermediates([certificate]);
        let code = |anchors| code(ArtifactType::Crl, &octets, anchors);
        (code(&known), code(&trusted))
    };
    assert_eq!(by("lists", "crl_only"), ("admitted", "admitted"));
    let refused = ("crl-issuer-unregistered", "crl-issuer-unregistered");
    assert_eq!(by("unit", "v3_tsu"), refused);
    // Version 3, and says nothing: no CA.
    assert_eq!(by("silent", "silent"), refused);
}

/// A certificate of version 3 that does not say that it is a CA issues nothing, also as an anchor;
/// one of version 1 cannot say so, and may.
#[test]
fn an_anchor_that_could_say_that_it_is_a_ca_and_does_not_is_none() {
    let pki = Pki::new();
    let make = |name: &str, more: &str| {
        pki.key(name, P256);
        let key = format!("{name}.key");
        let out = format!("{name}.crt");
        pki.write("plain.cnf", "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=Silent\n[v3]\nsubjectKeyIdentifier=hash\n");
        pki.request(name, &format!("/CN={name}"));
        let csr = format!("{name}.csr");
        let mut line = vec![
            "x509", "-req", "-in", &csr, "-signkey", &key, "-out", &out, "-days", "3650",
        ];
        line.extend(more.split_whitespace());
        pki.openssl(&line);
        pki.certificate(name)
    };
    let below = |ca: &str| {
        let name = format!("below-{ca}");
        pki.key(&name, P256);
        pki.request(&name, &format!("/CN={name}"));
        let (csr, out) = (format!("{name}.csr"), format!("{name}.crt"));
        let (crt, key) = (format!("{ca}.crt"), format!("{ca}.key"));
        pki.openssl(&[
            "x509",
            "-req",
            "-in",
            &csr,
            "-CA",
            &crt,
            "-CAkey",
            &key,
            "-set_serial",
            "7",
            "-out",
            &out,
            "-days",
            "365",
        ]);
        pki.certificate(&name)
    };
    let old = make("old", "");
    let new = make("new", "-extfile plain.cnf -extensions v3");
    for (name, anchor, list, response, certificate) in [
        ("old", old, "admitted", "admitted", "admitted"),
        (
            "new",
            new,
            "crl-issuer-unregistered",
            "ocsp-issuer-unregistered",
            "issuer-not-ca",
        ),
    ] {
        let end = below(name);
        let anchors = Anchors::from_certificates([anchor.clone()]);
        let mut made = List::of(&anchor, vec![]);
        made.this_update = utc("270101000000Z");
        made.next_update = None;
        let octets = made.signed(&pki, name);
        assert_eq!(code(ArtifactType::Crl, &octets, &anchors), list, "{name}");
        let id = cert_id(&pki, "sha1", &anchor, &end);
        let made = Response::of(&anchor, vec![single(id, CertStatus::Good, vec![])]);
        let octets = made.signed(&pki, name);
        assert_eq!(
            code(ArtifactType::OcspResponse, &octets, &anchors),
            response,
            "{name}"
        );
        assert_eq!(
            code(ArtifactType::Certificate, end.der(), &anchors),
            certificate,
            "{name}"
        );
    }
}

#[test]
fn a_responder_that_anybody_says_is_revoked_is_not_believed() {
    let scene = Scene::new();
    let first = scene.responder("first", "v3_ocsp", DATES);
    scene.responder("second", "ocsp_no_check", DATES);
    let second = scene.pki.certificate("second");
    let believed = |octets: &[&[u8]]| {
        let history = scene.history(octets, None);
        let unusable = history
            .silences()
            .iter()
            .any(|it| it.kind == SilenceKind::Unusable);
        assert_ne!(history.good().any(|word| word.source == 0), unusable);
        !unusable
    };
    let good = scene.good("first");
    assert!(believed(&[&good]));
    // By the CA, by another responder, and by itself; by a list and by a response.
    let list = List::of(&scene.issuing, vec![entry(&first, vec![reason(1)])]);
    let list = list.signed(&scene.pki, "issuing");
    assert!(!believed(&[&good, &list]));
    for by in ["issuing", "second", "first"] {
        assert!(!believed(&[&good, &scene.revoked(by, &first, 1)]), "{by}");
    }
    // An orderly end after it had answered spares it; before, it does not.
    let ended = |date: &str| {
        let entry = sequence(vec![
            integer(first.serial()),
            utc(date),
            sequence(vec![reason(5)]),
        ]);
        List::of(&scene.issuing, vec![entry]).signed(&scene.pki, "issuing")
    };
    assert!(believed(&[&good, &ended("260301000000Z")]));
    assert!(!believed(&[&good, &ended("260115000000Z")]));
    // A hold that has ended spares it, too.
    let hold = List::of(&scene.issuing, vec![entry(&first, vec![reason(6)])]);
    let hold = hold.signed(&scene.pki, "issuing");
    let later = List::of(&scene.issuing, vec![])
        .at(3)
        .number(6)
        .signed(&scene.pki, "issuing");
    assert!(!believed(&[&good, &hold]));
    assert!(believed(&[&good, &hold, &later]) && believed(&[&good, &later, &hold]));
    // What cannot be read about it leaves it in doubt; another's entry does not.
    let unread = |about: &Certificate| {
        let list = List::of(&scene.issuing, vec![entry(about, vec![reason(7)])]);
        list.signed(&scene.pki, "issuing")
    };
    assert!(!believed(&[&good, &unread(&first)]));
    assert!(believed(&[&good, &unread(&second)]));
    // id-pkix-ocsp-nocheck, which says that there is no need to ask, does not make the CA's own
    // statement untrue.
    let good = scene.good("second");
    assert!(believed(&[&good]));
    assert!(!believed(&[&good, &scene.revoked("issuing", &second, 1)]));
    // What a responder that is not believed says against a certificate is not believed either.
    let against = scene.revoked("first", &scene.one, 1);
    let history = scene.history(&[&against], None);
    assert_eq!(history.revocations().count(), 1);
    let history = scene.history(&[&against, &list], None);
    assert_eq!(history.revocations().count(), 0);
    assert_eq!(history.silences()[0].kind, SilenceKind::Unusable);
}

/// RFC 6960 4.2.2.2 (1): a responder that the relying party trusts itself.
#[test]
fn a_responder_that_the_caller_trusts_answers_for_every_ca() {
    let scene = Scene::new();
    let pki = &scene.pki;
    pki.unit("own", P256, "stranger", "v3_ocsp", DATES);
    let octets = scene.good("own");
    let kind = ArtifactType::OcspResponse;
    assert_eq!(scene.code(kind, &octets), "ocsp-responder-unauthorized");
    let trusting = |name: &str| pki.anchors().with_responders([pki.certificate(name)]);
    assert_eq!(code(kind, &octets, &trusting("own")), "admitted");
    // Known, or trusted for certificates, is not trusted to answer; nor is another responder
    // trusted.
    let known = pki.anchors().with_intermediates([pki.certificate("own")]);
    assert_eq!(code(kind, &octets, &known), "ocsp-responder-unauthorized");
    let anchor = Anchors::from_certificates([pki.certificate("root"), pki.certificate("own")]);
    let anchor = anchor.with_intermediates([pki.certificate("issuing")]);
    assert_eq!(code(kind, &octets, &anchor), "ocsp-responder-unauthorized");
    scene.responder("other", "v3_ocsp", DATES);
    assert_eq!(
        code(kind, &octets, &trusting("other")),
        "ocsp-responder-unauthorized"
    );
    // Its certificate is asked all the same when it ends, and what its key is for.
    for (name, extensions, dates, expected) in [
        ("ended", "v3_ocsp", BEFORE, "ocsp-responder-not-valid-then"),
        ("stamps", "v3_tsu", DATES, "ocsp-responder-unauthorized"),
        (
            "encrypts",
            "ocsp_no_usage",
            DATES,
            "ocsp-responder-unauthorized",
        ),
        (
            "strange",
            "ocsp_critical",
            DATES,
            "critical-extension-unknown",
        ),
        ("plain", "ocsp_none", DATES, "admitted"),
    ] {
        pki.unit(name, P256, "stranger", extensions, dates);
        let octets = scene.good(name);
        assert_eq!(code(kind, &octets, &trusting(name)), expected, "{name}");
    }
    // It is trusted for answers alone: a list that it signs counts for no certificate.
    let list = List::of(&pki.certificate("own"), vec![]).signed(pki, "own");
    assert_eq!(
        code(ArtifactType::Crl, &list, &trusting("own")),
        "crl-issuer-unregistered"
    );
    // Not the CA of an unknown certificate, either.
    let unknown = Anchors::from_certificates([pki.certificate("stranger")]);
    let unknown = unknown.with_responders([pki.certificate("own")]);
    assert_eq!(code(kind, &octets, &unknown), "ocsp-issuer-unregistered");
    // Revoked by its own CA, it is not believed.
    let trusting =
        Anchors::from_certificates([pki.certificate("root"), pki.certificate("stranger")])
            .with_intermediates([pki.certificate("issuing")])
            .with_responders([pki.certificate("own")]);
    let list = List::of(
        &pki.certificate("stranger"),
        vec![entry(&pki.certificate("own"), vec![reason(1)])],
    );
    let list = list.signed(pki, "stranger");
    let above = [scene.issuing.clone(), pki.certificate("root")].map(Arc::new);
    let read = |octets: &[u8]| StatusInformation::verify(octets, &trusting).unwrap();
    let both = [read(&octets), read(&list)];
    assert_eq!(
        History::of(&scene.one, &above, &both[..1], None)
            .good()
            .count(),
        1
    );
    let history = History::of(&scene.one, &above, &both, None);
    assert_eq!((history.good().count(), history.silences().len()), (0, 1));
}

/// "Of 2035" says nothing in favour today; what speaks against is heard.
#[test]
fn what_is_of_a_later_time_than_any_that_has_been_says_nothing_in_favour() {
    let scene = Scene::new();
    let good = scene.good("issuing");
    let of = |latest: Option<&str>| {
        let history = scene.history(&[&good], latest);
        (history.good().count(), history.silences().len())
    };
    assert_eq!(of(None), (1, 0));
    assert_eq!(of(Some("20260201000000Z")), (1, 0));
    assert_eq!(
        of(Some("20260131235700Z")),
        (1, 0),
        "clocks differ by minutes"
    );
    assert_eq!(of(Some("20260131000000Z")), (0, 1));
    let list = |entries| List::of(&scene.issuing, entries).signed(&scene.pki, "issuing");
    let history = scene.history(&[&list(vec![])], Some("20250601000000Z"));
    assert_eq!((history.good().count(), history.silences().len()), (0, 1));
    let against = list(vec![entry(&scene.one, vec![reason(1)])]);
    let history = scene.history(&[&against], Some("20250601000000Z"));
    assert_eq!(
        (history.revocations().count(), history.silences().len()),
        (1, 1)
    );
    // It ends no hold.
    let hold = list(vec![entry(&scene.one, vec![reason(6)])]);
    let later = List::of(&scene.issuing, vec![])
        .at(3)
        .number(6)
        .signed(&scene.pki, "issuing");
    let on_hold = |latest| {
        scene
            .history(&[&hold, &later], latest)
            .revocations()
            .count()
    };
    assert_eq!((on_hold(None), on_hold(Some("20260215000000Z"))), (0, 1));
}

/// RFC 5280 6.3.3 (f): a CA may have another key for its lists. Under another anchor it is another
/// CA.
#[test]
fn a_list_in_the_name_of_the_issuer_by_another_key_is_its_own_below_the_same_anchor_only() {
    let scene = Scene::new();
    let pki = &scene.pki;
    let second = |name: &str, ca: &str| {
        pki.key(name, P256);
        pki.request(name, "/C=JP/O=Ishibumi Test/CN=Issuing CA");
        pki.sign(name, ca, "v3_issuing", DATES, &[]);
        pki.certificate(name)
    };
    let (own, strange) = (second("rolled", "root"), second("namesake", "stranger"));
    let anchors =
        Anchors::from_certificates([pki.certificate("root"), pki.certificate("stranger")])
            .with_intermediates([scene.issuing.clone(), own, strange]);
    let above = [scene.issuing.clone(), pki.certificate("root")].map(Arc::new);
    let says = |signer: &str| {
        let list = List::of(&scene.issuing, vec![entry(&scene.one, vec![reason(1)])]);
        let list = StatusInformation::verify(&list.signed(pki, signer), &anchors).unwrap();
        let history = History::of(&scene.one, &above, &[list], None);
        let unusable = history
            .silences()
            .iter()
            .any(|it| it.kind == SilenceKind::Unusable);
        (history.revocations().count(), unusable)
    };
    assert_eq!(says("issuing"), (1, false));
    assert_eq!(says("rolled"), (1, false));
    assert_eq!(says("namesake"), (0, true));
    // An unknown key: no forgery, but no known signer either.
    pki.key("unknown", P256);
    std::fs::copy(pki.path("issuing.crt"), pki.path("unknown.crt")).unwrap();
    let list = List::of(&scene.issuing, vec![]).signed(pki, "unknown");
    let reading = StatusInformation::read(&list, &anchors, &[]);
    assert!(reading.unusable[0].may_concern(&scene.one, Some(&scene.issuing)));
    let _ = Node::read(&list);
}
