//! What an audit suspects, from records alone; and what looks alike and is innocent.

mod support;

use std::collections::BTreeMap;

use ishibumi::audit::{Replay, Suspects, Timeline};
use ishibumi_artifact::record::{
    Accuracy, Body, CertificateBody, GenTime, Moment, Opaque, ProviderEntry, ProviderStatement,
    Reason, Revocation, StatementCode, Suspicion, TokenBody,
};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Certificate, Record};
use support::log::Log;
use support::pki::Pki;

/// A token's record: TSU `unit`, serial, genTime as seconds since 1970, and what it is about.
fn token(unit: &[u8; 32], serial: u8, gen_time: i64, content: u8) -> Record {
    let time = Time::from_unix(gen_time).to_generalized();
    Body::Token(TokenBody {
        ess_hash_algorithm: Opaque::new("oid", [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1]).unwrap(),
        ess_hash: Opaque::new("hash", *unit).unwrap(),
        serial: Opaque::new("serial", [serial]).unwrap(),
        gen_time: GenTime::new(time.as_bytes()).unwrap(),
        accuracy: Some(Accuracy::new(1, 0, 0).unwrap()),
        policy: Opaque::new("policy", [0x2a]).unwrap(),
        imprint_algorithm: Opaque::new("oid", [0x2a]).unwrap(),
        content: [content; 32],
    })
    .into()
}

fn revocation(serial: u8, reason: Option<u8>, date: i64) -> Record {
    Body::Revocation(Revocation {
        issuer_key_hash: [1; 32],
        serial: Opaque::new("serial", [serial]).unwrap(),
        revocation_date: Moment::new("date", Time::from_unix(date)).unwrap(),
        reason: reason.map(|code| Reason::new(code).unwrap()),
        invalidity_date: None,
    })
    .into()
}

fn replay(records: &[Record], times: &[(u64, u64)]) -> Suspects {
    let mut log = Log::new();
    for record in records {
        log.add(record);
    }
    let mut timeline = Timeline::default();
    for &(size, time) in times {
        timeline.add(size, time);
    }
    let replay = Replay::full(log.checkpoint(log.size()), None).unwrap();
    let mut replay = replay.with_timeline(timeline);
    for path in replay.plan() {
        replay.take(path, &log.file(path)).unwrap();
    }
    replay.finish().unwrap().suspects().clone()
}

fn found(suspects: &Suspects) -> Vec<(Suspicion, u64, Option<u64>)> {
    let listed = suspects.listed.iter();
    listed
        .map(|it| (it.suspicion, it.index, it.other))
        .collect()
}

#[test]
fn a_reused_serial_and_a_reinstated_certificate_are_seen() {
    let (one, other) = ([1; 32], [2; 32]);
    let suspects = replay(
        &[
            token(&one, 5, 1_000, 1),
            token(&other, 5, 1_000, 2), // another unit
            token(&one, 6, 1_000, 3),   // another serial
            token(&one, 5, 1_000, 4),
            revocation(7, Some(6), 10), // a hold, released: innocent
            revocation(7, Some(8), 20),
            revocation(8, Some(1), 10), // key compromise, taken back
            revocation(8, Some(4), 20), // another reason for good: innocent
            revocation(8, Some(8), 30),
            revocation(9, None, 10), // no reason is for good, too
            revocation(9, Some(6), 20),
        ],
        &[],
    );
    assert_eq!(
        found(&suspects),
        [
            (Suspicion::SerialReused, 4, Some(1)),
            (Suspicion::Reinstated, 9, Some(7)),
            (Suspicion::Reinstated, 11, Some(10)),
        ]
    );
    assert_eq!(
        suspects.counts,
        BTreeMap::from([(Suspicion::SerialReused, 1), (Suspicion::Reinstated, 2)])
    );
    assert_eq!(suspects.forgotten, 0);
}

#[test]
fn times_are_held_against_the_checkpoints_around_a_record() {
    let unit = [1; 32];
    let week = 7 * 86_400;
    // Records 1 and 2 are covered at 1,000,000; 3 to 6 came after that and before 2,000,000.
    let times = [(3, 1_000_000), (7, 2_000_000)];
    let suspects = replay(
        &[
            token(&unit, 1, 1_000_001, 1), // within its accuracy
            token(&unit, 2, 1_000_002, 2),
            token(&unit, 3, 1_500_000, 3),
            token(&unit, 4, 2_000_002, 4),
            token(&unit, 5, 1_000_000 - week - 1, 5), // within its accuracy
            token(&unit, 6, 1_000_000 - week - 2, 6),
        ],
        &times,
    );
    assert_eq!(
        found(&suspects),
        [
            (Suspicion::GenTimeAhead, 2, None),
            (Suspicion::GenTimeAhead, 4, None),
            (Suspicion::Backdating, 6, None),
        ]
    );
    // Without times nothing is said about time.
    assert!(
        replay(&[token(&unit, 1, 9_000_000, 1)], &[])
            .listed
            .is_empty()
    );
}

/// The threshold is the provider's, to whom the unit's certificate leads.
#[test]
fn each_provider_has_its_own_threshold() {
    let pki = Pki::new();
    let [ca, tsa] = ["ca.crt", "tsa.crt"].map(|name| Certificate::parse(&pki.read(name)).unwrap());
    let certificate = |it: &Certificate| -> Record {
        Body::Certificate(CertificateBody {
            issuer_key_hash: ca.key_hash(),
            certificate: Opaque::new("certificate", it.der()).unwrap(),
        })
        .into()
    };
    let accepted = |backdating_seconds, sequence| -> Record {
        let entry = ProviderEntry {
            sequence,
            name: Opaque::new("name", *b"North").unwrap(),
            name_ja: Opaque::new("name_ja", []).unwrap(),
            kinds: vec![Opaque::new("kinds", *b"timestamp-token").unwrap()],
            intermediates: Vec::new(),
            records_per_minute: 0,
            records_per_day: 0,
            backdating_seconds,
            status: Vec::new(),
        };
        let code = StatementCode::ACCEPTED;
        let detail = entry.encode().unwrap();
        let said = ProviderStatement::new(code, "north", vec![ca.digest()], &detail);
        Body::Provider(said.unwrap()).into()
    };
    let unit = tsa.digest();
    let suspects = replay(
        &[
            accepted(60, 0),
            certificate(&ca),
            certificate(&tsa),
            token(&unit, 1, 999_900, 1),
            token(&[9; 32], 1, 999_900, 2), // of nobody that is known: a week is allowed
            accepted(600, 1),
            token(&unit, 2, 999_900, 3),
            accepted(0, 2),
            token(&unit, 3, 1, 4),
        ],
        &[(1, 1_000_000)],
    );
    assert_eq!(found(&suspects), [(Suspicion::Backdating, 4, None)]);
}
