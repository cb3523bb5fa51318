//! Evidence records: octets are kept; nothing but the golden times is ever proven of the golden
//! data, and nothing of other data; and a renewal of whatever was read reads again.

#![no_main]

use std::sync::LazyLock;

use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Anchors, Certificate, EvidenceRecord};
use libfuzzer_sys::fuzz_target;

const DATA: &[u8] = include_bytes!("../../testdata/evidence-record/data");

static ANCHORS: LazyLock<Anchors> = LazyLock::new(|| {
    let anchor = include_bytes!("../../testdata/evidence-record/anchor.crt");
    Anchors::from_certificates([Certificate::parse(anchor).unwrap()]).with_memo(100)
});

static TIMES: LazyLock<Vec<Time>> = LazyLock::new(|| {
    let golden: [&[u8]; 4] = [
        include_bytes!("../../testdata/evidence-record/tree-rehashed.ers"),
        include_bytes!("../../testdata/evidence-record/rehashed.ers"),
        include_bytes!("../../testdata/evidence-record/group.ers"),
        include_bytes!("../../testdata/evidence-record/late.ers"),
    ];
    golden.into_iter().flat_map(|octets| times(&EvidenceRecord::parse(octets).unwrap()).unwrap()).collect()
});

fn times(record: &EvidenceRecord) -> Option<Vec<Time>> {
    let verified = record.verify(DATA, &ANCHORS).ok()?;
    Some(verified.stamps().iter().map(|stamp| stamp.latest()).collect())
}

fuzz_target!(|octets: &[u8]| {
    let Ok(record) = EvidenceRecord::parse(octets) else {
        return;
    };
    assert_eq!(record.as_octets(), octets);
    for time in times(&record).into_iter().flatten() {
        assert!(TIMES.contains(&time));
    }
    assert!(record.verify(b"other data", &ANCHORS).is_err());
});
