//! The cost of admission: encoding and decoding a record, and verifying a real token of OpenSSL
//! down to its record, with the memo of verified certificates that the log uses and without.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use ishibumi_artifact::{Anchors, ArtifactType, Certificate, Record, admit};
use ishibumi_benches::tsa::{Tsa, TsuKey};

fn artifacts(c: &mut Criterion) {
    for (name, key) in [("RSA-2048", TsuKey::Rsa2048), ("P-256", TsuKey::P256)] {
        let folder = tempfile::tempdir().expect("a folder");
        let tsa = Tsa::open(folder.path(), key).expect("OpenSSL makes a TSA");
        let token = tsa.token(0).expect("OpenSSL makes a token");
        let record = one_token(c, name, &tsa.anchor(), &token);
        if key == TsuKey::Rsa2048 {
            records(c, &record);
        }
    }
}

fn one_token(c: &mut Criterion, name: &str, anchor: &Path, token: &[u8]) -> Record {
    let anchors = || {
        let octets = std::fs::read(anchor).expect("the anchor is there");
        Anchors::from_certificates(Certificate::parse_bundle(&octets).expect("a certificate"))
    };
    let admitted = |anchors: &Anchors| {
        admit(ArtifactType::TimestampToken, black_box(token), anchors).expect("a good token")
    };
    let mut group = c.benchmark_group(format!("admit a token, {name}"));
    let remembering = anchors().with_memo(10_000);
    group.bench_function("chain known", |b| b.iter(|| admitted(&remembering)));
    let forgetful = anchors();
    group.bench_function("chain verified anew", |b| b.iter(|| admitted(&forgetful)));
    group.finish();
    admitted(&forgetful).record().clone()
}

fn records(c: &mut Criterion, record: &Record) {
    let octets = record.encode();
    let mut group = c.benchmark_group(format!("record of a token, {} octets", octets.len()));
    group.bench_function("encode", |b| b.iter(|| black_box(record).encode()));
    group.bench_function("decode", |b| b.iter(|| Record::decode(black_box(&octets))));
    group.finish();
    assert_eq!(Record::decode(&octets).as_ref(), Ok(record));
}

criterion_group!(all, artifacts);
criterion_main!(all);
