//! Real artifacts against the verdicts that `artifact/corpus/expected.tsv` expects of them.
//!
//! `scripts/corpus.sh` fetches the artifacts and runs this; without them nothing is tested, and
//! that is said loudly. Each artifact is judged twice: under the default rules, and under rules
//! that accept SHA-1 and RSA-1024 for artifacts that are proven to have existed in 2016 (which an
//! archive would have to vouch for). `--table` prints everything, `--raw` the lines of a new
//! expected.tsv.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ishibumi_artifact::rules::AlgorithmRules;
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Anchors, ArtifactType, Certificate, Record, Verified, admit};

/// 2016-12-31: around then the last browsers stopped to accept SHA-1.
const SHA1_END: i64 = 1_483_142_400;

struct Expected {
    kind: String,
    digest: String,
    issuer: String,
    origin: String,
    today: String,
    archived: String,
    source: String,
    note: String,
}

fn main() -> ExitCode {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let files = folder.join("files");
    let wants = |flag: &str| std::env::args().any(|argument| argument == flag);
    if !files.join("index.tsv").exists() {
        println!("!!! NOT TESTED: the corpus is not here. Fetch it: scripts/fetch-corpus.sh");
        return ExitCode::SUCCESS;
    }
    let certificates = read_certificates(&files.join("certificates"));
    let today = anchors(&files, &certificates);
    let archived = anchors(&files, &certificates).with_algorithm_rules(
        AlgorithmRules::default()
            .with_sha1_until(Time::from_unix(SHA1_END))
            .with_rsa_1024_until(Time::from_unix(SHA1_END))
            .with_proof_of_existence(Time::from_unix(SHA1_END)),
    );
    if wants("--raw") {
        for line in lines(&files.join("index.tsv")) {
            let [kind, digest, source] = fields(&line);
            let bytes = read_artifact(&files, &kind, &digest);
            let (today, archived) = (
                judge(&kind, &bytes, &today),
                judge(&kind, &bytes, &archived),
            );
            println!(
                "{kind}\t{digest}\t{}\t{}\t{source}\t{}",
                today.0, archived.0, today.1
            );
        }
        return ExitCode::SUCCESS;
    }

    let (mut right, mut wrong, mut absent) = (0, 0, 0);
    let mut issuers: BTreeMap<String, usize> = BTreeMap::new();
    let mut real = 0;
    for line in lines(&folder.join("expected.tsv")).iter().skip(1) {
        let [kind, digest, issuer, origin, day, archive, source, note] = fields(line);
        let row = Expected {
            kind,
            digest,
            issuer,
            origin,
            today: day,
            archived: archive,
            source,
            note,
        };
        if !artifact_path(&files, &row.kind, &row.digest).exists() {
            absent += 1;
            println!("!!! absent: {} {} ({})", row.kind, row.digest, row.source);
            continue;
        }
        let bytes = read_artifact(&files, &row.kind, &row.digest);
        let found = [
            judge(&row.kind, &bytes, &today),
            judge(&row.kind, &bytes, &archived),
        ];
        let is_right = found[0].0 == row.today && found[1].0 == row.archived;
        if is_right {
            right += 1;
        } else {
            wrong += 1;
            println!(
                "!!! {} {}: expected {} / {}, found {} ({}) / {} ({})",
                row.kind,
                row.digest,
                row.today,
                row.archived,
                found[0].0,
                found[0].1,
                found[1].0,
                found[1].1
            );
        }
        if row.origin == "real" {
            real += 1;
            *issuers.entry(row.issuer.clone()).or_default() += 1;
        }
        if wants("--table") {
            println!(
                "{:<5} {:<12} {} {:<34.34} {:<8} {:<31} {:<31} {}",
                if is_right { "ok" } else { "WRONG" },
                row.kind,
                &row.digest[..12],
                row.issuer,
                row.origin,
                row.today,
                row.archived,
                row.note
            );
        }
    }
    println!(
        "corpus: {right} as expected, {wrong} not, {absent} absent; {real} real artifacts of {} issuers",
        issuers.len()
    );
    if wrong == 0 && absent == 0 && right > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A code, and its text.
fn judge(kind: &str, bytes: &[u8], anchors: &Anchors) -> (String, String) {
    let artifact_type = match kind {
        "tokens" => ArtifactType::TimestampToken,
        "certificates" => ArtifactType::Certificate,
        "crls" => ArtifactType::Crl,
        _ => ArtifactType::OcspResponse,
    };
    match admit(artifact_type, bytes, anchors) {
        Ok(admitted) => {
            assert_eq!(ArtifactType::detect(bytes), Some(artifact_type));
            // Every admitted record can be logged and read back.
            for record in admitted.records() {
                assert_eq!(Record::decode(&record.encode()).as_ref(), Ok(record));
            }
            let issuer = match admitted.verified() {
                Verified::Token(token) => token.signer().subject(),
                Verified::Certificate(path) => path.certificates()[0].issuer(),
                Verified::Crl(list) => list.path().certificates()[0].subject(),
                Verified::Ocsp(response) => response.responder().subject(),
            };
            let records = admitted.records().len();
            ("admitted".into(), format!("{records} records; {issuer}"))
        }
        Err(refusal) => (refusal.code().into(), refusal.to_string()),
    }
}

fn anchors(files: &Path, known: &[Certificate]) -> Anchors {
    let mut trusted = Vec::new();
    for entry in std::fs::read_dir(files.join("anchors")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        // Block by block: some published roots are too weak, or too odd, to be read at all.
        let blocks = text.split_inclusive("-----END CERTIFICATE-----");
        trusted.extend(blocks.filter_map(|block| Certificate::parse(block.as_bytes()).ok()));
    }
    Anchors::from_certificates(trusted).with_intermediates(known.iter().cloned())
}

fn read_certificates(folder: &Path) -> Vec<Certificate> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let read = |path: &PathBuf| Certificate::parse(&std::fs::read(path).unwrap()).ok();
    paths.iter().filter_map(read).collect()
}

fn artifact_path(files: &Path, kind: &str, digest: &str) -> PathBuf {
    let suffix = match kind {
        "tokens" => "tst",
        "certificates" => "crt",
        "crls" => "crl",
        _ => "ors",
    };
    files.join(kind).join(format!("{digest}.{suffix}"))
}

fn read_artifact(files: &Path, kind: &str, digest: &str) -> Vec<u8> {
    std::fs::read(artifact_path(files, kind, digest)).unwrap()
}

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn fields<const N: usize>(line: &str) -> [String; N] {
    let mut all: Vec<String> = line.split('\t').map(str::to_owned).collect();
    all.resize(N, String::new());
    all.try_into().unwrap()
}
