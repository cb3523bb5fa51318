//! Evidence records (RFC 4998): those that Bouncy Castle made (`scripts/ers-interop.sh`), renewed
//! in the years to come, and our own over OpenSSL's tokens. What is shown for each: the right time,
//! and the exact reason where there is none.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::support::{ASK, Ask, Pki};
use ishibumi_artifact::evidence_record::{
    Break, EvidenceRecordError, Imprint, VerifiedRecord, VerifiedStamp, time_stamp_query,
};
use ishibumi_artifact::hash::HashAlgorithm;
use ishibumi_artifact::rules::{AlgorithmEnds, end_of_day};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Anchors, Certificate, EvidenceRecord};

fn file(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/evidence-record")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn anchors() -> Anchors {
    Anchors::from_certificates([Certificate::parse(&file("anchor.crt")).unwrap()])
}

fn verified(name: &str) -> Result<VerifiedRecord, EvidenceRecordError> {
    EvidenceRecord::parse(&file(name))?.verify(&file("data"), &anchors())
}

fn day(text: &str) -> Time {
    end_of_day(text).unwrap()
}

fn ends(rules: &str) -> AlgorithmEnds {
    AlgorithmEnds::parse(rules).unwrap()
}

#[test]
fn records_by_bouncy_castle_verify() {
    for (name, shape, now) in [
        ("one.ers", vec![1], "2030-01-01"),
        ("tree.ers", vec![1], "2030-01-01"),
        ("group.ers", vec![1], "2030-01-01"),
        ("renewed.ers", vec![2], "2040-01-01"),
        ("rehashed.ers", vec![2, 1], "2060-01-01"),
        ("tree-rehashed.ers", vec![2, 1], "2060-01-01"),
    ] {
        let read = EvidenceRecord::parse(&file(name)).unwrap();
        assert_eq!(read.shape(), shape, "{name}");
        assert_eq!(read.as_octets(), file(name));
        let record = read.verify(&file("data"), &anchors()).unwrap();
        let proven = record.proven_time(&AlgorithmEnds::default(), day(now));
        // genTime and its accuracy.
        let expected = Time::from_generalized(b"20260601000001Z").unwrap();
        assert_eq!(proven, Ok(expected), "{name}");
        // Not for anything else.
        let other = read.verify(b"what is to be kept", &anchors()).unwrap_err();
        assert_eq!(other.code(), "evidence-record-not-covering", "{name}");
    }
}

#[test]
fn a_link_that_was_not_renewed_in_time_breaks_the_chain() {
    let nothing = AlgorithmEnds::default();
    // It was not renewed, and its unit's certificate ended with 2035.
    let one = verified("one.ers").unwrap();
    assert!(one.proven_time(&nothing, day("2035-12-31")).is_ok());
    let broken = one.proven_time(&nothing, day("2036-01-01")).unwrap_err();
    assert!(
        matches!(&broken, Break::Expired { renewed: None, .. }),
        "{broken}"
    );
    // Renewed half a year later: that mends nothing, however sound the second is.
    let late = verified("late.ers").unwrap();
    let broken = late.proven_time(&nothing, day("2040-01-01")).unwrap_err();
    assert!(
        matches!(&broken, Break::Expired { at, renewed: Some(_), .. } if at.stamp == 1),
        "{broken}"
    );
    assert_eq!(broken.code(), "renewal-after-expiry");
    // In time: the same day, with the renewal of 2035.
    let renewed = verified("renewed.ers").unwrap();
    assert!(renewed.proven_time(&nothing, day("2040-01-01")).is_ok());
    // A token of the future is none.
    let broken = renewed
        .proven_time(&nothing, day("2030-01-01"))
        .unwrap_err();
    assert_eq!(broken.code(), "time-stamp-in-the-future");
    let backwards = verified("backwards.ers").unwrap_err();
    assert!(
        matches!(backwards, EvidenceRecordError::Order { .. }),
        "{backwards}"
    );
}

/// RSA ends with 2035, SHA-256 with 2045: time-stamps that were renewed before by a stronger
/// algorithm still count.
#[test]
fn dated_rules_decide_what_was_sound_when() {
    let now = day("2060-01-01");
    let rehashed = verified("rehashed.ers").unwrap();
    let sound = "rsa-below-3072 2035-12-31\nsha-256 2045-12-31\necdsa-p256 2045-12-31\n";
    assert!(rehashed.proven_time(&ends(sound), now).is_ok());
    for (rules, code, chain, stamp) in [
        // RSA had ended when the second stamp came.
        (
            "rsa-below-3072 2035-05-31",
            "renewal-after-algorithm-end",
            1,
            1,
        ),
        // P-256 had ended when the third came.
        ("ecdsa-p256 2045-05-31", "renewal-after-algorithm-end", 1, 2),
        // So had SHA-256: that is the chain's.
        ("sha-256 2045-05-31", "renewal-after-hash-end", 1, 1),
        // What holds now has no renewal.
        ("ecdsa-p384 2059-12-31", "renewal-after-algorithm-end", 2, 1),
        ("sha-512 2059-12-31", "renewal-after-hash-end", 2, 1),
    ] {
        let broken = rehashed.proven_time(&ends(rules), now).unwrap_err();
        assert_eq!(broken.code(), code, "{rules}: {broken}");
        let (Break::Algorithm { at, .. } | Break::Hash { at, .. }) = broken else {
            panic!("{broken}");
        };
        assert_eq!((at.chain, at.stamp), (chain, stamp), "{rules}");
    }
    // Time-stamp renewal alone does not mend a hash function.
    let renewed = verified("renewed.ers").unwrap();
    let broken = renewed.proven_time(&ends("sha-256 2039-12-31"), day("2040-01-01"));
    assert_eq!(broken.unwrap_err().code(), "renewal-after-hash-end");
}

/// Any octet, changed: no other time, nor other data, is ever proven.
#[test]
fn no_octet_can_be_changed_to_any_effect() {
    let (data, anchors) = (file("data"), anchors());
    let original = EvidenceRecord::parse(&file("tree-rehashed.ers")).unwrap();
    let covered = original.verify(&data, &anchors).unwrap();
    let times: Vec<Time> = covered.stamps().iter().map(VerifiedStamp::latest).collect();
    let (mut refused, mut same) = (0, 0);
    for at in 0..original.as_octets().len() {
        for change in [0x01] {
            let mut octets = original.as_octets().to_vec();
            octets[at] ^= change;
            let read = EvidenceRecord::parse(&octets);
            let Ok(verified) = read.and_then(|read| read.verify(&data, &anchors)) else {
                refused += 1;
                continue;
            };
            // Nothing but what no signature covers, in the last token.
            let changed: Vec<Time> = verified
                .stamps()
                .iter()
                .map(VerifiedStamp::latest)
                .collect();
            assert_eq!(changed, times, "octet {at} ^ {change}");
            same += 1;
        }
    }
    assert!(
        refused > 100 * same,
        "{refused} refused, {same} without effect"
    );
    for length in 0..original.as_octets().len() {
        assert!(EvidenceRecord::parse(&original.as_octets()[..length]).is_err());
    }
}

/// Chains and stamps cannot be taken out, put elsewhere, or exchanged with those of another record.
#[test]
fn links_cannot_be_moved() {
    let rehashed = EvidenceRecord::parse(&file("rehashed.ers")).unwrap();
    let tokens: Vec<Vec<u8>> = rehashed.tokens().map(|(_, token)| token.to_vec()).collect();
    let one = EvidenceRecord::parse(&file("one.ers")).unwrap();
    // The token of 2045 covers the chain of two; behind the chain of one it covers nothing.
    let moved = one.renew_hash_tree(HashAlgorithm::Sha512, &file("data"), &tokens[2]);
    assert_eq!(moved.unwrap_err().code(), "imprint-mismatch");
    assert_eq!(
        one.renew_timestamp(&tokens[2]).unwrap_err().code(),
        "imprint-mismatch"
    );
    // Where it belongs it is taken, and the record is Bouncy Castle's but for how hash trees are
    // written.
    let twice = one.renew_timestamp(&tokens[1]).unwrap();
    assert!(twice.verify(&file("data"), &anchors()).is_ok());
    // Weaker or the same hash: no renewal.
    for weak in [HashAlgorithm::Sha1, HashAlgorithm::Sha256] {
        let refused = Imprint::of_hash_tree(&one, weak, &file("data")).unwrap_err();
        assert_eq!(refused.code(), "hash-not-stronger");
    }
}

#[test]
fn encrypted_data_and_other_versions_are_named() {
    let mut other = file("one.ers");
    let version = other.windows(3).position(|it| it == [2, 1, 1]).unwrap();
    other[version + 2] = 2;
    assert_eq!(
        EvidenceRecord::parse(&other),
        Err(EvidenceRecordError::Version(2))
    );
    // At the position of cryptoInfos, with the tag of encryptionInfo.
    let record = file("one.ers");
    let body = &record[4..];
    let algorithms_end = 3 + 2 + usize::from(body[4]);
    let (before, after) = body.split_at(algorithms_end);
    let fields = [before, &[0xa1, 2, 5, 0], after].concat();
    let length = u16::try_from(fields.len()).unwrap().to_be_bytes();
    let whole = [&[0x30, 0x82, length[0], length[1]], &fields[..]].concat();
    assert_eq!(
        EvidenceRecord::parse(&whole),
        Err(EvidenceRecordError::Encrypted)
    );
    // And with the tag of cryptoInfos it is kept, and renewals keep it.
    let whole = [&whole[..4], before, &[0xa0, 2, 5, 0], after].concat();
    let kept = EvidenceRecord::parse(&whole).unwrap();
    assert!(kept.verify(&file("data"), &anchors()).is_ok());
}

fn with_pki<T>(work: impl FnOnce(&Pki) -> T) -> T {
    static PKI: OnceLock<std::sync::Mutex<Pki>> = OnceLock::new();
    let pki = PKI.get_or_init(|| Pki::new().with_units().into());
    work(
        &pki.lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner),
    )
}

/// Our own queries, answered by `openssl ts -reply`.
#[test]
fn records_over_tokens_by_openssl() {
    with_pki(|pki| {
        let data = b"evidence of today".as_slice();
        let stamped = |imprint: &Imprint, tsu: &'static str| {
            let ask = Ask { tsu, ..ASK };
            pki.answer(ask, &time_stamp_query(imprint))
        };
        let first = Imprint::of_data(HashAlgorithm::Sha256, data);
        let record = EvidenceRecord::begin(&first, &stamped(&first, "tsu-rsa")).unwrap();
        let next = Imprint::of_last_timestamp(&record);
        let renewed = record.renew_timestamp(&stamped(&next, "tsu-p256")).unwrap();
        let stronger = Imprint::of_hash_tree(&renewed, HashAlgorithm::Sha512, data).unwrap();
        let reply = stamped(&stronger, "tsu-p521");
        let rehashed = renewed
            .renew_hash_tree(HashAlgorithm::Sha512, data, &reply)
            .unwrap();
        assert_eq!(rehashed.shape(), [2, 1]);
        let verified = rehashed.verify(data, &pki.anchors()).unwrap();
        assert_eq!(verified.stamps().len(), 3);
        assert_eq!(verified.stamps()[2].algorithm, HashAlgorithm::Sha512);
        if let Ok(folder) = std::env::var("ISHIBUMI_ERS_OUT") {
            // For scripts/ers-interop.sh.
            let folder = std::path::Path::new(&folder);
            std::fs::write(folder.join("data"), data).unwrap();
            for (name, record) in [
                ("one", &record),
                ("renewed", &renewed),
                ("rehashed", &rehashed),
            ] {
                std::fs::write(folder.join(format!("{name}.ers")), record.as_octets()).unwrap();
            }
        }
        // The first chain is part of the new record, octet by octet.
        let (old, new) = (record.tokens().next().unwrap().1, rehashed.as_octets());
        assert!(new.windows(old.len()).any(|it| it == old));
        // A reply to another query is refused.
        let other = renewed.renew_timestamp(&reply).unwrap_err();
        assert!(
            matches!(other, EvidenceRecordError::OtherImprint { .. }),
            "{other}"
        );
        let unknown = rehashed.verify(data, &anchors()).unwrap_err();
        assert!(
            matches!(unknown, EvidenceRecordError::Token { .. }),
            "{unknown}"
        );
    });
}
