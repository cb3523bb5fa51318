//! What an audit suspects, from records alone; and what looks alike and is innocent.

use std::collections::BTreeMap;

use crate::support::log::Log;
use crate::support::pki::Pki;
use ishibumi::audit::{Audited, ListError, Replay, Suspects, Timeline};
use ishibumi_artifact::record::{
    Accuracy, Body, CertificateBody, CertificateDigestBody, CrlBody, GenTime, Moment, OcspAnswer,
    OcspBody, OcspStatus, Opaque, ProviderEntry, ProviderStatement, Reason, Revocation, Scope,
    StatementCode, Suspicion, TokenBody,
};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{ArtifactType, Certificate, Record};
use ishibumi_tlog::Hash;

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

fn moment(seconds: i64) -> Moment {
    Moment::new("date", Time::from_unix(seconds)).unwrap()
}

/// The record of the list that carried the revocations before it.
fn list(this_update: i64) -> Record {
    Body::Crl(CrlBody {
        issuer_key_hash: [1; 32],
        digest: [2; 32],
        number: Opaque::new("number", []).unwrap(),
        base_number: Opaque::new("base_number", []).unwrap(),
        scope: Scope::default(),
        this_update: moment(this_update),
        next_update: None,
        expired_certs_on: None,
        count: 1,
    })
    .into()
}

/// A response that says this about one certificate.
fn response(serial: u8, status: OcspStatus, this_update: i64, cutoff: Option<i64>) -> Record {
    let answer = OcspAnswer {
        serial: Opaque::new("serial", [serial]).unwrap(),
        status,
        this_update: moment(this_update),
        next_update: None,
        archive_cutoff: cutoff.map(moment),
        cert_hash: (
            Opaque::new("oid", []).unwrap(),
            Opaque::new("hash", []).unwrap(),
        ),
    };
    let answers = vec![answer];
    // Produced far later: what counts is since when the answer was right.
    let body = OcspBody::new([1; 32], [3; 32], [4; 32], moment(9_000), answers);
    Body::Ocsp(body.unwrap()).into()
}

/// A certificate that ends at `not_after`.
fn ends(serial: u8, not_after: i64) -> Record {
    Body::CertificateDigest(CertificateDigestBody {
        tbs_digest: [serial; 32],
        issuer_key_hash: [1; 32],
        serial: Opaque::new("serial", [serial]).unwrap(),
        not_before: moment(0),
        not_after: moment(not_after),
    })
    .into()
}

fn replay(records: &[Record], times: &[(u64, u64)]) -> Suspects {
    let mut log = Log::new();
    for record in records {
        log.add(record);
    }
    audited(&log, times).suspects().clone()
}

fn audited(log: &Log, times: &[(u64, u64)]) -> Audited {
    let mut timeline = Timeline::default();
    for &(size, time) in times {
        timeline.add(size, time);
    }
    let replay = Replay::full(log.checkpoint(log.size()), None).unwrap();
    let mut replay = replay.with_timeline(timeline);
    for path in replay.plan() {
        replay.take(path, &log.file(path)).unwrap();
    }
    replay.finish().unwrap()
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
            revocation(8, Some(1), 10), // key compromise, taken back
            revocation(9, None, 10),    // no reason is for good, too
            list(100),
            ends(8, 1_000),
            revocation(7, Some(8), 20),
            revocation(8, Some(4), 20), // another reason for good: innocent
            revocation(8, Some(8), 30),
            revocation(9, Some(6), 20),
            list(200),
        ],
        &[],
    );
    assert_eq!(
        found(&suspects),
        [
            (Suspicion::SerialReused, 4, Some(1)),
            (Suspicion::Reinstated, 12, Some(6)),
            (Suspicion::Reinstated, 13, Some(7)),
        ]
    );
    assert_eq!(
        suspects.counts,
        BTreeMap::from([(Suspicion::SerialReused, 1), (Suspicion::Reinstated, 2)])
    );
    assert_eq!(suspects.forgotten, 0);
}

/// What one certificate's records say together, with a certificate that ends at 1,000 or without.
fn about(known: bool, records: &[Record]) -> Vec<(Suspicion, u64, Option<u64>)> {
    let certificate = if known {
        ends(7, 1_000)
    } else {
        ends(8, 1_000)
    };
    let all = [&[certificate], records].concat();
    found(&replay(&all, &[]))
}

#[test]
fn a_hold_is_held_against_a_revocation_by_the_dates_of_their_lists() {
    let hold = revocation(7, Some(6), 10);
    let for_good = revocation(7, Some(1), 20);
    let pair = |first: &Record, at, second: &Record, then| {
        [first.clone(), list(at), second.clone(), list(then)]
    };
    // In its order: a hold, then for good.
    assert_eq!(about(true, &pair(&hold, 100, &for_good, 200)), []);
    // The old list comes late: it is still history.
    assert_eq!(about(true, &pair(&for_good, 200, &hold, 100)), []);
    // A hold of a later list is no history, with any date of its own and in either order of
    // logging.
    let later = about(true, &pair(&for_good, 100, &hold, 200));
    assert_eq!(later, [(Suspicion::Reinstated, 4, Some(2))]);
    let later = about(true, &pair(&hold, 200, &for_good, 100));
    assert_eq!(later, [(Suspicion::Reinstated, 2, Some(4))]);
    // A later list that repeats the revocation does not make it later.
    let again = revocation(7, Some(4), 20);
    let records = [
        &pair(&for_good, 100, &hold, 200)[..],
        &[again.clone(), list(300)],
    ];
    assert_eq!(
        about(true, &records.concat()),
        [(Suspicion::Reinstated, 4, Some(2))]
    );
    // Without its list a statement has no time; the log's order gives the lesser finding.
    let behind = [for_good.clone(), list(100), hold.clone()];
    let lesser = [(Suspicion::PerhapsReinstated, 4, Some(2))];
    assert_eq!(about(true, &behind), lesser);
    let before = [hold.clone(), token(&[1; 32], 1, 0, 1), for_good, list(100)];
    assert_eq!(about(true, &before), []);
}

#[test]
fn an_answer_good_takes_a_revocation_back() {
    let (good, unknown) = (OcspStatus::Good, OcspStatus::Unknown);
    let revoked = [revocation(7, Some(1), 20), list(100)];
    let after = |answer: Record| about(true, &[&revoked[..], &[answer]].concat());
    let reinstated = [(Suspicion::Reinstated, 4, Some(2))];
    assert_eq!(after(response(7, good, 101, None)), reinstated);
    // Of the list's own time and before it may not have been known.
    assert_eq!(after(response(7, good, 100, None)), []);
    assert_eq!(after(response(7, good, 50, None)), []);
    assert_eq!(after(response(7, unknown, 101, None)), []);
    assert_eq!(after(response(8, good, 101, None)), []);
    // What has expired a responder may forget, unless it says that it does not.
    assert_eq!(after(response(7, good, 1_001, None)), []);
    assert_eq!(after(response(7, good, 1_001, Some(1_001))), []);
    assert_eq!(after(response(7, good, 1_001, Some(1_000))), reinstated);
    let lesser = [(Suspicion::PerhapsReinstated, 4, Some(2))];
    let unclear = [&revoked[..], &[response(7, good, 101, None)]].concat();
    assert_eq!(about(false, &unclear), lesser);
    // The answer was logged before the older list; the revocation may come from a response, too.
    let turned = [&[response(7, good, 101, None)], &revoked[..]].concat();
    assert_eq!(about(true, &turned), [(Suspicion::Reinstated, 2, Some(3))]);
    let by_response = [
        revocation(7, Some(1), 20),
        response(7, OcspStatus::Revoked, 100, None),
        response(7, good, 101, None),
    ];
    assert_eq!(about(true, &by_response), reinstated);
    // A hold may be released.
    let hold = [revocation(7, Some(6), 20), list(100)];
    let released = [&hold[..], &[response(7, good, 101, None)]].concat();
    assert_eq!(about(true, &released), []);
}

/// A statement that nothing makes of a revocation does not stand for another that does.
#[test]
fn every_statement_before_a_revocation_is_held_against_it() {
    let good = |at| response(7, OcspStatus::Good, at, None);
    let hold = |at| [revocation(7, Some(6), 10), list(at)];
    let revoked = [revocation(7, Some(1), 20), list(100)];
    let reinstated = [(Suspicion::Reinstated, 2)];
    let found = |records: &[&[Record]]| -> Vec<(Suspicion, u64)> {
        let found = about(true, &records.concat()).into_iter();
        found
            .map(|(suspicion, index, _)| (suspicion, index))
            .collect()
    };
    // The later one is excused by the expiry at 1,000.
    assert_eq!(found(&[&[good(200), good(2_000)], &revoked]), reinstated);
    assert_eq!(found(&[&[good(200)], &revoked, &[good(2_000)]]), reinstated);
    assert_eq!(found(&[&hold(200), &[good(2_000)], &revoked]), reinstated);
    // Neither is of after the revocation.
    assert_eq!(found(&[&hold(50), &[good(60), good(2_000)], &revoked]), []);
}

/// A log of lists, and its findings once they are compared.
struct Lists {
    pki: Pki,
    log: Log,
    octets: Vec<Vec<u8>>,
}

impl Lists {
    fn new() -> Self {
        Self {
            pki: Pki::new(),
            log: Log::new(),
            octets: Vec::new(),
        }
    }

    fn submit(&mut self, kind: ArtifactType, file: &str) -> u64 {
        let octets = self.pki.read(file);
        let admitted =
            ishibumi_artifact::admit(kind, &octets, &self.pki.anchors()).expect("is admitted");
        let mut index = 0;
        for record in admitted.records() {
            // As a log does: no record twice.
            let leaf = ishibumi_tlog::hash::leaf_hash(&record.encode());
            index = match self.log.index_of(leaf) {
                Some(index) => index,
                None => self.log.add(record),
            };
        }
        self.octets.extend(admitted.blobs().iter().cloned());
        index
    }

    /// A list of that day with these entries; the index of its record.
    fn list(&mut self, day: &str, revoked: &[(&str, &str, &str)]) -> u64 {
        self.pki.list("any.crl", &format!("{day}000000Z"), revoked);
        self.submit(ArtifactType::Crl, "any.crl")
    }

    fn compared(&self) -> Audited {
        let mut audited = audited(&self.log, &[]);
        for list in audited.lists().to_vec() {
            let blob = |octets: &&Vec<u8>| Hash::of(octets) == Hash(list.digest);
            let octets = self.octets.iter().find(blob).expect("the blob");
            audited.compare(&list, octets).expect("compares");
        }
        audited
    }

    fn found(&self) -> Vec<(Suspicion, u64, Option<u64>)> {
        found(self.compared().suspects())
    }
}

const COMPROMISED: (&str, &str, &str) = ("tsa.crt", "270101000000Z", "keyCompromise");
const OTHER: (&str, &str, &str) = ("seal.crt", "270101000000Z", "superseded");

#[test]
fn a_later_list_that_leaves_out_a_revocation_is_seen_if_the_lists_are_read() {
    let mut lists = Lists::new();
    let first = lists.list("270102", &[COMPROMISED, OTHER]);
    // The same entries and one fewer: no record says so.
    let second = lists.list("270103", &[OTHER]);
    lists.list("270104", &[OTHER]);
    // It is not known yet whether the certificate was valid then: TSU certificates may be
    // short-lived.
    assert_eq!(lists.found(), []);
    lists.submit(ArtifactType::Certificate, "tsa.crt");
    assert_eq!(found(audited(&lists.log, &[]).suspects()), []);
    let unlisted = (Suspicion::Unlisted, second, Some(first));
    assert_eq!(lists.found(), [unlisted]);
    // An older list without it comes late: innocent.
    lists.list("270101", &[]);
    assert_eq!(lists.found(), [unlisted]);
    // Another file than the log's says nothing.
    let mut audited = audited(&lists.log, &[]);
    let list = audited.lists()[0];
    assert_eq!(audited.compare(&list, b"else"), Err(ListError::Digest));
}

#[test]
fn what_has_expired_may_be_dropped_unless_the_list_keeps_it() {
    let mut lists = Lists::new();
    lists.submit(ArtifactType::Certificate, "tsa.crt");
    let first = lists.list("270102", &[COMPROMISED]);
    // OpenSSL's CA gave it 365 days, and this list is of three years later.
    lists.list("300101", &[]);
    assert_eq!(lists.found(), []);

    let pki = &lists.pki;
    pki.keeping_list("any.crl", "300102000000Z", "300101000000Z", &[]);
    lists.submit(ArtifactType::Crl, "any.crl");
    assert_eq!(lists.found(), []);
    let pki = &lists.pki;
    pki.keeping_list("any.crl", "300103000000Z", "260101000000Z", &[]);
    let keeping = lists.submit(ArtifactType::Crl, "any.crl");
    assert_eq!(lists.found(), [(Suspicion::Unlisted, keeping, Some(first))]);
}

/// The hold has its record from before the revocation, so a later list that repeats it adds no
/// record.
#[test]
fn a_hold_that_is_said_again_is_seen_if_the_lists_are_read() {
    let held = (
        "tsa.crt",
        "270101000000Z",
        "holdInstruction,holdInstructionReject",
    );
    let mut lists = Lists::new();
    lists.list("270102", &[held]);
    let for_good = lists.list("270103", &[COMPROMISED]);
    assert_eq!(lists.found(), []);
    let again = lists.list("270104", &[held]);
    assert_eq!(found(audited(&lists.log, &[]).suspects()), []);
    assert_eq!(
        lists.found(),
        [(Suspicion::Reinstated, again, Some(for_good))]
    );
}

/// In one list a hold and a revocation of one serial, in either order: the revocation is not taken
/// back.
#[test]
fn a_serial_that_stands_twice_in_a_list_is_the_worst_of_both() {
    let held = "holdInstruction,holdInstructionReject";
    for reasons in [[held, "keyCompromise"], ["keyCompromise", held]] {
        let mut lists = Lists::new();
        lists.list("270102", &[COMPROMISED]);
        let rows = [
            ("tsa.crt", "270101000000Z", reasons[0]),
            ("seal.crt", "270101000000Z", reasons[1]),
        ];
        lists.pki.list("any.crl", "270103000000Z", &rows);
        // OpenSSL writes no serial twice: the second becomes the first. An audit looks at no
        // signature.
        let serial = |name: &str| {
            let certificate = Certificate::parse(&lists.pki.read(name)).unwrap();
            [&[0x02, 0x02], certificate.serial()].concat()
        };
        let (first, second) = (serial("tsa.crt"), serial("seal.crt"));
        let mut octets = lists.pki.der_of_list("any.crl");
        let place = octets.windows(4).position(|it| it == second).unwrap();
        octets[place..place + 4].copy_from_slice(&first);
        let Body::Crl(mut body) = list(1_799_107_200).body().clone() else {
            panic!("a list")
        };
        let Body::Crl(earlier) = Record::decode(lists.log.record(lists.log.size() - 1))
            .unwrap()
            .body()
            .clone()
        else {
            panic!("a list")
        };
        body.issuer_key_hash = earlier.issuer_key_hash;
        body.digest = Hash::of(&octets).0;
        lists.log.add(&Body::Crl(body).into());
        lists.octets.push(octets);
        assert_eq!(lists.found(), [], "{reasons:?}");
    }
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
