//! Deltas, indirect lists, scopes and OCSP, made by OpenSSL: which statements they become, and what
//! they say about a certificate.

use crate::support::{P256, Pki};
use ishibumi_artifact::record::{Body, OcspStatus, Reason, kind};
use ishibumi_artifact::revocation::{RevocationState, revocation_state};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{
    Anchors, ArtifactType, Crl, LookupKey, OcspResponse, Record, VerifiedCrl, admit,
};

const DATES: (&str, &str) = ("20250101000000Z", "20400101000000Z");

fn pki() -> Pki {
    let pki = Pki::new();
    for name in ["one", "two", "three"] {
        pki.key(name, P256);
        pki.request(name, &format!("/C=JP/CN={name}"));
        pki.sign(name, "issuing", "v3_plain", DATES, &[]);
    }
    pki
}

fn list(bytes: &[u8], anchors: &Anchors) -> VerifiedCrl {
    Crl::parse(bytes).unwrap().verify(anchors).unwrap()
}

/// In the validity of every list of these tests.
fn now(list: &VerifiedCrl) -> Time {
    Time::from_unix(list.this_update().unix_seconds() + 60)
}

fn reasons(records: &[Record]) -> Vec<Option<u8>> {
    let reason = |record: &Record| match record.body() {
        Body::Revocation(entry) => Some(entry.reason.map(Reason::code)),
        _ => None,
    };
    records.iter().filter_map(reason).collect()
}

#[test]
fn a_delta_speaks_before_its_base() {
    let pki = pki();
    let anchors = pki.anchors();
    pki.revoke("one", "issuing", &["-crl_hold", "holdInstructionReject"]);
    let base = pki.crl("issuing", &[]);
    pki.revoke("two", "issuing", &["-crl_reason", "superseded"]);
    let later = pki.crl("issuing", &["-crlexts", "crl_delta"]);
    let admitted = admit(ArtifactType::Crl, &later, &anchors).unwrap();
    let record = admitted.record();
    let Body::Crl(body) = record.body() else {
        panic!("a list has a list's record")
    };
    assert_eq!(body.base_number.as_bytes(), [1]);
    assert_eq!(Record::decode(&record.encode()).as_ref(), Ok(record));

    let (base, delta) = (list(&base, &anchors), list(&later, &anchors));
    assert!(delta.is_delta() && !base.is_delta());
    assert!(base.covers(&pki.certificate("three")) && !delta.covers(&pki.certificate("three")));
    assert!(
        !base.covers(&pki.certificate("issuing")),
        "another CA's certificate"
    );
    let at = now(&delta);
    let state = |name: &str, lists: &[VerifiedCrl]| {
        revocation_state(&pki.certificate(name), lists, &anchors, at)
    };
    assert_eq!(
        state("two", std::slice::from_ref(&base)),
        RevocationState::NotRevoked
    );
    let both = [base, delta];
    assert!(matches!(state("two", &both), RevocationState::Revoked(_)));
    assert!(matches!(state("one", &both), RevocationState::Revoked(_)));
    assert_eq!(state("three", &both), RevocationState::NotRevoked);
    // A delta alone covers nothing.
    assert_eq!(state("three", &both[1..]), RevocationState::Unknown);
    // No list, or none that was valid then: unknown is not good.
    assert_eq!(state("three", &[]), RevocationState::Unknown);
    let too_early = Time::from_unix(0);
    assert_eq!(
        revocation_state(&pki.certificate("three"), &both, &anchors, too_early),
        RevocationState::Unknown
    );
}

/// Hold, release and another reason are statements of their own; a second submission brings the
/// same records, so that a log adds nothing.
#[test]
fn hold_release_and_a_changed_reason_are_statements() {
    let pki = pki();
    let anchors = pki.anchors();
    let records = |bytes: &[u8]| {
        admit(ArtifactType::Crl, bytes, &anchors)
            .unwrap()
            .into_parts()
            .0
    };
    pki.revoke("one", "issuing", &["-crl_hold", "holdInstructionReject"]);
    let hold = records(&pki.crl("issuing", &[]));
    assert_eq!(reasons(&hold), [Some(6)]);
    let index = String::from_utf8(pki.read("issuing/index.txt")).unwrap();
    let change = |reason: &str| {
        let text = index.replace(",holdInstruction,holdInstructionReject", reason);
        assert_ne!(text, index);
        pki.write("issuing/index.txt", text);
        records(&pki.crl("issuing", &[]))
    };
    let released = change(",removeFromCRL");
    let changed = change(",keyCompromise");
    assert_eq!(reasons(&released), [Some(8)]);
    assert_eq!(reasons(&changed), [Some(1)]);
    assert_ne!(hold[0], released[0]);
    assert_ne!(hold[0], changed[0]);
    let again = pki.crl("issuing", &[]);
    assert_eq!(records(&again), records(&again));
    assert_eq!(records(&again)[0], changed[0]);
}

#[test]
fn the_last_list_is_known_as_such() {
    let pki = pki();
    let anchors = pki.anchors();
    let ordinary = list(&pki.crl("issuing", &[]), &anchors);
    let last = pki.crl("issuing", &["-crl_nextupdate", "99991231235959Z"]);
    let last = list(&last, &anchors);
    assert!(last.is_last() && !ordinary.is_last());
    assert_eq!(last.is_later_than(&ordinary), Some(true));
    assert_eq!(ordinary.is_later_than(&last), Some(false));
    let in_a_century = Time::from_unix(4_900_000_000);
    let state = |lists: &[VerifiedCrl]| {
        revocation_state(&pki.certificate("one"), lists, &anchors, in_a_century)
    };
    assert_eq!(state(&[last]), RevocationState::NotRevoked);
    assert_eq!(state(&[ordinary]), RevocationState::Unknown);
}

/// An indirect list of another signer: its entries are about the CA that they name, and join with
/// that CA's certificates.
#[test]
fn an_indirect_list_speaks_for_the_ca_that_it_names() {
    let pki = pki();
    pki.revoke("one", "issuing", &[]);
    pki.revoke("two", "issuing", &[]);
    let plain = pki.crl("issuing", &["-crlexts", "crl_indirect"]);
    let anchors = pki.anchors();
    assert!(list(&plain, &anchors).scope().unwrap().indirect);

    // The same entries, under the root's signature, the first one naming the issuing CA.
    let issuer = pki.certificate("issuing");
    let indirect = pki.indirect_list("root", &plain, &issuer);
    let verified = list(&indirect, &anchors);
    assert_eq!(
        verified.issuer_key_hash(),
        pki.certificate("root").key_hash()
    );
    for revocation in verified.revocations() {
        assert_eq!(revocation.issuer_key_hash, issuer.key_hash(), "sticky");
    }
    assert!(verified.revocation_of(&pki.certificate("two")).is_some());
    assert!(verified.revocation_of(&pki.certificate("three")).is_none());
    // The issuing CA must be known, or the statements could not be joined.
    let alone = Anchors::from_certificates([pki.certificate("root")]);
    let error = admit(ArtifactType::Crl, &indirect, &alone).unwrap_err();
    assert_eq!(error.code(), "crl-entry-issuer-unregistered");
    assert_eq!(list(&indirect, &alone).revocations().count(), 0);
    assert!(admit(ArtifactType::Crl, &indirect, &anchors).is_ok());
}

#[test]
fn ocsp_responses_of_the_ca_and_of_its_delegate() {
    let pki = pki();
    let anchors = pki.anchors();
    for (name, extensions) in [("responder", "v3_ocsp"), ("impostor", "v3_plain")] {
        pki.key(name, P256);
        pki.request(name, &format!("/C=JP/CN={name}"));
        pki.sign(name, "issuing", extensions, DATES, &[]);
    }
    pki.revoke("two", "issuing", &["-crl_reason", "cessationOfOperation"]);
    for signer in ["issuing", "responder"] {
        let response = pki.ocsp("issuing", &["one", "two"], signer);
        assert_eq!(
            ArtifactType::detect(&response),
            Some(ArtifactType::OcspResponse)
        );
        let admitted = admit(ArtifactType::OcspResponse, &response, &anchors).unwrap();
        assert_eq!(reasons(admitted.records()), [Some(5)]);
        assert_eq!(admitted.record().kind(), kind::OCSP_RESPONSE);
        assert_eq!(admitted.blobs(), std::slice::from_ref(&response));
        let Body::Ocsp(body) = admitted.record().body() else {
            panic!("a response has a response's record")
        };
        assert_eq!(body.issuer_key_hash, pki.certificate("issuing").key_hash());
        assert_eq!(body.responder_key_hash, pki.certificate(signer).key_hash());
        let decoded = Record::decode(&admitted.record().encode());
        assert_eq!(decoded.as_ref(), Ok(admitted.record()));
        // It meets the certificates that it is about.
        let one = admit(
            ArtifactType::Certificate,
            pki.certificate("one").der(),
            &anchors,
        )
        .unwrap();
        let serial = |key: &&LookupKey| matches!(key, LookupKey::IssuerSerial { .. });
        let keys = one.record().lookup_keys();
        let key = keys.iter().find(serial).unwrap();
        assert!(admitted.record().lookup_keys().contains(key));

        let verified = OcspResponse::parse(&response)
            .unwrap()
            .verify(&anchors)
            .unwrap();
        let status = |name| {
            verified
                .answer_for(&pki.certificate(name))
                .map(|it| it.status)
        };
        assert_eq!(status("one"), Some(OcspStatus::Good));
        assert_eq!(status("two"), Some(OcspStatus::Revoked));
        assert_eq!(status("three"), None);
    }
    let code = |bytes: &[u8], anchors: &Anchors| {
        admit(ArtifactType::OcspResponse, bytes, anchors)
            .map_or_else(|error| error.code(), |_| "admitted")
    };
    let by_impostor = pki.ocsp("issuing", &["one"], "impostor");
    assert_eq!(code(&by_impostor, &anchors), "ocsp-responder-unauthorized");
    let by_other_ca = pki.ocsp("issuing", &["one"], "root");
    assert_eq!(code(&by_other_ca, &anchors), "ocsp-responder-unauthorized");
    let good = pki.ocsp("issuing", &["one"], "issuing");
    let strangers = Anchors::from_certificates([pki.certificate("stranger")]);
    assert_eq!(code(&good, &strangers), "ocsp-issuer-unregistered");
    assert_eq!(
        code(&[0x30, 0x03, 0x0a, 0x01, 0x06], &anchors),
        "ocsp-not-successful"
    );
    // Every octet counts except those of certificates that are not needed.
    assert_eq!(code(&good, &anchors), "admitted");
    let original = admit(ArtifactType::OcspResponse, &good, &anchors)
        .unwrap()
        .record()
        .clone();
    for position in 0..good.len() {
        let mut changed = good.clone();
        changed[position] ^= 1;
        if let Ok(admitted) = admit(ArtifactType::OcspResponse, &changed, &anchors) {
            assert_ne!(*admitted.record(), original, "octet {position}");
            assert!(
                position > good.len() - pki.certificate("issuing").der().len() - 16,
                "octet {position} is signed"
            );
        }
    }
}

/// `100,000` entries within ten seconds and 512 MiB, by a wide margin; the figures are printed.
#[test]
fn a_hundred_thousand_entries() {
    let pki = pki();
    let entry = |serial: u32| {
        format!(
            "R\t400101000000Z\t250601000000Z,superseded\t{:08X}\tunknown\t/CN={serial}",
            0x1000_0000 + serial
        )
    };
    let index: Vec<String> = (0..100_000).map(entry).collect();
    pki.write("issuing/index.txt", index.join("\n") + "\n");
    let bytes = pki.crl("issuing", &[]);
    let der = pki.der_of("crl", &bytes);
    let start = std::time::Instant::now();
    let admitted = admit(ArtifactType::Crl, &der, &pki.anchors()).unwrap();
    assert_eq!(admitted.records().len(), 100_001);
    println!(
        "{} octets, {} records in {:?}; {}",
        der.len(),
        admitted.records().len(),
        start.elapsed(),
        std::fs::read_to_string("/proc/self/status")
            .unwrap_or_default()
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .unwrap_or("no /proc")
    );
}
