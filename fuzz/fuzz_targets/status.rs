//! Lists and responses beside a good one: what is not signed by the CA says nothing about its
//! certificates, and whatever was read answers.

#![no_main]

use std::sync::LazyLock;

use ishibumi_artifact::history::Word;
use ishibumi_artifact::{Anchors, Certificate, History, StatusInformation};
use libfuzzer_sys::fuzz_target;

struct Truth {
    anchors: Anchors,
    issuing: Certificate,
    seal: Certificate,
    golden: Vec<StatusInformation>,
}

static TRUTH: LazyLock<Truth> = LazyLock::new(|| {
    let read = |bytes: &[u8]| Certificate::parse(bytes).unwrap();
    let issuing = read(include_bytes!("../../testdata/records/issuing.crt"));
    let anchors = Anchors::from_certificates([read(include_bytes!("../../testdata/records/root.crt"))])
        .with_intermediates([issuing.clone()])
        .with_memo(1_000);
    let files: [&[u8]; 3] = [
        include_bytes!("../../testdata/records/issuing.crl"),
        include_bytes!("../../testdata/records/issuing-delta.crl"),
        include_bytes!("../../testdata/records/issuing.ors"),
    ];
    let golden = files.map(|file| StatusInformation::verify(file, &anchors).unwrap()).to_vec();
    let seal = read(include_bytes!("../../testdata/records/seal.crt"));
    Truth { anchors, issuing, seal, golden }
});

fuzz_target!(|octets: &[u8]| {
    let Truth { anchors, issuing, seal, golden } = &*TRUTH;
    if let Ok(read) = StatusInformation::verify(octets, anchors) {
        let sources = [golden.clone(), vec![read]].concat();
        let history = History::of(seal, Some(issuing), &sources);
        let words: Vec<&Word> = history.good().chain(history.revocations().map(|(word, _)| word)).collect();
        // Signatures of the golden CA can be mirrored, which changes a file and not what it says.
        for word in words.iter().filter(|word| word.source == golden.len()) {
            let is_golden = |other: &&&Word| {
                other.source < golden.len()
                    && (other.issued, other.until, &other.says) == (word.issued, word.until, &word.says)
            };
            assert!(words.iter().any(|other| is_golden(&other)));
        }
    }
    // As a list of a CA that everybody trusts: any certificate asks any list.
    if let Ok(certificate) = Certificate::from_der(octets) {
        let _ = History::of(&certificate, Some(issuing), golden);
        let _ = History::of(&certificate, None, golden);
    }
});
