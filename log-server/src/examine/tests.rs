//! An index that is not what its records ask for, row by row. The store takes the rows that it is
//! given.

use ishibumi_artifact::record::{Moment, OcspAnswer, OcspBody, OcspStatus, Opaque};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Body, Record};
use ishibumi_store::{Batch, LogStore as _, MemoryLog, NewRecord};
use ishibumi_tlog::Hash;

use super::{Report, Subject, Sums, differences, index, records};
use crate::admission::new_record;

const RESPONSE: &[u8] = b"a response";

/// A response that answers twice for one certificate, so that its record says one key twice.
fn response() -> NewRecord {
    let day = Time::from_generalized(b"20260101000000Z").unwrap();
    let day = Moment::new("day", day).unwrap();
    let answer = OcspAnswer {
        serial: Opaque::new("serial", [1]).unwrap(),
        status: OcspStatus::Good,
        this_update: day,
        next_update: None,
        archive_cutoff: None,
        cert_hash: (
            Opaque::new("algorithm", []).unwrap(),
            Opaque::new("hash", []).unwrap(),
        ),
    };
    let digest = Hash::of(RESPONSE).0;
    let body = OcspBody::new([1; 32], [2; 32], digest, day, vec![answer.clone(), answer]);
    new_record(&Record::from(Body::Ocsp(body.unwrap()))).unwrap()
}

fn opaque(octets: &[u8]) -> NewRecord {
    let body = Opaque::new("opaque", octets).unwrap();
    new_record(&Record::from(Body::Opaque(body))).unwrap()
}

fn examined(records_to_be: Vec<NewRecord>) -> Report {
    let store = MemoryLog::new();
    let batch = Batch {
        records: records_to_be,
        blobs: vec![RESPONSE.to_vec()],
    };
    let staged = store.stage(0, &batch).unwrap();
    let mut wanted = Sums::new();
    let mut found = wanted.clone();
    let subject = Subject {
        store: &store,
        staged: &staged,
        keys: &[],
        outside: None,
        runs: false,
    };
    let (end, mut pace) = (staged.size(), |_| Ok(()));
    let mut report = records(subject, &mut wanted, &mut pace).unwrap();
    index(&store, end, &mut found, &mut pace).unwrap();
    differences(&store, end, &wanted, &found, &mut report, &mut pace).unwrap();
    report
}

#[test]
fn an_index_that_is_as_its_records_ask_is_sound() {
    let report = examined(vec![opaque(b"one"), response(), opaque(b"two")]);
    assert_eq!(report.findings, <[String; 0]>::default());
    assert_eq!(report.records, 3);
}

#[test]
fn a_row_that_is_missing_is_named() {
    let mut cut = response();
    assert_eq!(cut.keys.len(), 3, "the digest, and the serial number twice");
    cut.keys.remove(0);
    let report = examined(vec![opaque(b"one"), cut]);
    assert_eq!(report.wrong, 1, "{:?}", report.findings);
    let finding = &report.findings[0];
    assert!(
        finding.starts_with("record 1 is not found under its key "),
        "{finding}"
    );
}

#[test]
fn a_row_that_no_record_asks_for_is_named() {
    let mut more = response();
    more.keys.push(vec![1, 2, 3]);
    let report = examined(vec![opaque(b"one"), more]);
    let finding = "the index has record 1 under 010203, which is none of its keys";
    assert_eq!(report.findings, [finding]);
}

#[test]
fn a_record_that_is_there_twice_is_named() {
    let report = examined(vec![opaque(b"one"), opaque(b"two"), opaque(b"one")]);
    let finding = "record 2 stands at 0 in the index of leaf hashes";
    assert_eq!(report.findings, [finding]);
}
