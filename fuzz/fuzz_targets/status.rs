//! Lists and responses beside a good one: data that the CA did not sign say nothing about its
//! certificates, all data that were read give an answer, and their order does not change it.

#![no_main]

use std::sync::{Arc, LazyLock};

use ishibumi_artifact::history::StatusEvent;
use ishibumi_artifact::record::Revocation;
use ishibumi_artifact::{Anchors, Certificate, History, StatusInformation};
use libfuzzer_sys::fuzz_target;

struct Truth {
    anchors: Anchors,
    above: Vec<Arc<Certificate>>,
    seal: Certificate,
    golden: Vec<StatusInformation>,
}

static TRUTH: LazyLock<Truth> = LazyLock::new(|| {
    let read = |bytes: &[u8]| Certificate::parse(bytes).unwrap();
    let issuing = read(include_bytes!("../../testdata/records/issuing.crt"));
    let root = read(include_bytes!("../../testdata/records/root.crt"));
    let anchors = Anchors::from_certificates([root.clone()])
        .with_intermediates([issuing.clone()])
        .with_memo(1_000);
    let files: [&[u8]; 3] = [
        include_bytes!("../../testdata/records/issuing.crl"),
        include_bytes!("../../testdata/records/issuing-delta.crl"),
        include_bytes!("../../testdata/records/issuing.ors"),
    ];
    let golden = files.map(|file| StatusInformation::verify(file, &anchors).unwrap()).to_vec();
    let seal = read(include_bytes!("../../testdata/records/seal.crt"));
    let above = vec![Arc::new(issuing), Arc::new(root)];
    Truth { anchors, above, seal, golden }
});

fn revocations(history: &History) -> Vec<&Revocation> {
    let mut all: Vec<_> = history.revocations().map(|(_, entry)| entry).collect();
    all.sort_by_key(|entry| ishibumi_artifact::status::mildness(entry));
    all
}

fuzz_target!(|octets: &[u8]| {
    let Truth { anchors, above, seal, golden } = &*TRUTH;
    let reading = StatusInformation::read(octets, anchors, &[]);
    // An answer that cannot be used still tells which certificates it may be about; one that is
    // used is about a known certificate.
    for unusable in &reading.unusable {
        let _ = unusable.may_concern(seal, above.first().map(AsRef::as_ref));
        let _ = unusable.may_concern(seal, None);
    }
    for read in reading.usable {
        let sources = [golden.clone(), vec![read]].concat();
        let history = History::of(seal, above, &sources, None);
        let words: Vec<&StatusEvent> = history.good().chain(history.revocations().map(|(word, _)| word)).collect();
        // Signatures of the golden CA can be mirrored, which changes a file and not what it says.
        for word in words.iter().filter(|word| word.source == golden.len()) {
            let is_golden = |other: &&&StatusEvent| {
                other.source < golden.len()
                    && (other.issued, other.until, &other.says) == (word.issued, word.until, &word.says)
            };
            assert!(words.iter().any(|other| is_golden(&other)));
        }
        let turned: Vec<StatusInformation> = sources.into_iter().rev().collect();
        let other = History::of(seal, above, &turned, None);
        assert_eq!(revocations(&history), revocations(&other));
        assert_eq!(history.good().count(), other.good().count());
        assert_eq!(history.silences().len(), other.silences().len());
    }
    // As a list of a CA that everybody trusts: any certificate asks any list.
    if let Ok(certificate) = Certificate::from_der(octets) {
        let _ = History::of(&certificate, above, golden, None);
        let _ = History::of(&certificate, &[], golden, None);
    }
});
