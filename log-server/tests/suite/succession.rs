//! A log that opens as the successor of another one: what `init` takes, and that it makes nothing
//! otherwise.

use std::path::Path;

use ishibumi_artifact::record::{Body, LogEnding, LogOpened, LogStatement, Moment, Opaque, Record};
use ishibumi_artifact::time::Time;
use ishibumi_log::config::Config;
use ishibumi_log::operate::init::init;
use ishibumi_log::operate::keys::create_keys;
use ishibumi_log::operate::predecessor::PredecessorFiles;
use ishibumi_store::{LogStore as _, RocksLog};
use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::cosignature::Cosigner;
use ishibumi_tlog::hash::{leaf_hash, node_hash};
use ishibumi_tlog::key::{NoteSigner, SignatureType, VerifierKey};
use ishibumi_tlog::note::Note;
use ishibumi_tlog::proof::TlogProof;

const ORIGIN: &str = "log.example/heir";
const OLD: &str = "log.example/old";

fn config(directory: &Path) -> Config {
    let text = format!(
        "origin = \"{ORIGIN}\"\ndata_dir = \"data\"\nhead_dir = \"heads\"\nkey_file = \"key\"\n\
         policy_file = \"policy\"\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\n"
    );
    Config::parse(&text, directory).unwrap()
}

/// The two records of a log that is gone, its key and its witness.
struct Old {
    key: NoteSigner,
    witness: Cosigner,
    records: [Vec<u8>; 2],
}

impl Old {
    fn new(second: Body) -> Self {
        let key = NoteSigner::from_seed(OLD, SignatureType::Ed25519, &[1; 32]).unwrap();
        let witness = NoteSigner::from_seed("w", SignatureType::CosignatureV1, &[2; 32]);
        let opened = LogOpened::new(OLD, &[&key.verifier().to_string()], None).unwrap();
        let opened = Record::from(Body::Log(LogStatement::Opened(opened)));
        Self {
            key,
            witness: Cosigner::new(witness.unwrap()).unwrap(),
            records: [opened.encode(), Record::from(second).encode()],
        }
    }

    fn closed(successor: &[VerifierKey]) -> Self {
        let lines: Vec<String> = successor.iter().map(ToString::to_string).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let date = Moment::new("date", Time::from_unix(1_799_999_000)).unwrap();
        let ending = LogEnding::new(date, ("retired", ""), &lines, &[]).unwrap();
        Self::new(Body::Log(LogStatement::Closed(ending)))
    }

    fn note(&self, cosigned: bool) -> Note {
        let [first, second] = [0, 1].map(|at: usize| leaf_hash(&self.records[at]));
        let checkpoint = Checkpoint::new(OLD, 2, node_hash(first, second));
        let text = checkpoint.to_text();
        let mut lines = vec![self.key.sign(&text).unwrap()];
        lines.extend(cosigned.then(|| self.witness.cosign(&checkpoint, 1_800_000_000).unwrap()));
        Note::new(text, lines)
    }

    /// Writes what its operator hands over.
    fn hand_over(&self, folder: &Path, cosigned: bool) -> PredecessorFiles {
        let file = |name: &str, octets: &[u8]| {
            let path = folder.join(name);
            std::fs::write(&path, octets).unwrap();
            path
        };
        let note = self.note(cosigned);
        let policy = format!(
            "log {}\nwitness w {}\nquorum w\n",
            self.key.verifier(),
            self.witness.verifier()
        );
        let proof = TlogProof {
            index: 1,
            hashes: vec![leaf_hash(&self.records[0])],
            checkpoint: self.note(true),
        };
        file("closed.tlog-proof", proof.encode().as_bytes());
        PredecessorFiles {
            checkpoint: file("checkpoint", note.encode().as_bytes()),
            policy: file("old-policy.txt", policy.as_bytes()),
            closing: Some(file("closed", &self.records[1])),
            abandoned: false,
        }
    }
}

#[track_caller]
fn refused(config: &Config, files: &PredecessorFiles, why: &str) {
    let error = init(config, true, Some(files)).unwrap_err().to_string();
    assert!(error.contains(why), "{error}");
    assert!(!config.data_dir.exists(), "nothing is made");
}

/// Record 0 of the log that `init` made.
fn opened(config: &Config) -> LogOpened {
    let store = RocksLog::open(&config.data_dir, ORIGIN).unwrap();
    let record = Record::decode(&store.record(0).unwrap().unwrap()).unwrap();
    match record.body() {
        Body::Log(LogStatement::Opened(opened)) => opened.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_successor_opens_only_after_the_log_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let keys = create_keys(&config).unwrap();
    assert!(create_keys(&config).is_err(), "made once");

    // Another heir; a record that closes nothing; no quorum; no closing record.
    let other = NoteSigner::from_seed("other", SignatureType::Ed25519, &[3; 32]).unwrap();
    let unnamed = Old::closed(&[other.verifier().clone()]).hand_over(folder.path(), true);
    refused(&config, &unnamed, "does not name this log's key");
    let opaque = Body::Opaque(Opaque::new("body", b"anything").unwrap());
    let open = Old::new(opaque).hand_over(folder.path(), true);
    refused(&config, &open, "no closing record");
    let old = Old::closed(&keys);
    refused(&config, &old.hand_over(folder.path(), false), "quorum");
    let files = old.hand_over(folder.path(), true);
    let silent = PredecessorFiles {
        closing: None,
        ..files.clone()
    };
    refused(&config, &silent, "--abandoned");
    let proof = folder.path().join("closed.tlog-proof");
    let text = std::fs::read_to_string(&proof).unwrap();
    std::fs::write(&proof, text.replace("index 1", "index 0")).unwrap();
    refused(&config, &files, "inclusion proof");
    std::fs::write(&proof, text).unwrap();

    assert_eq!(init(&config, true, Some(&files)).unwrap(), keys);
    let opened = opened(&config);
    let before = opened.predecessor().expect("it continues a log");
    let note = Note::parse(before.checkpoint()).unwrap();
    assert_eq!(
        note,
        old.note(false),
        "the log's own signature, and no cosignature"
    );
    let vkey = old.key.verifier().to_string();
    assert_eq!(before.keys().collect::<Vec<_>>(), [vkey.as_bytes()]);
}

#[test]
fn a_successor_of_a_log_that_vanished_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let opaque = Body::Opaque(Opaque::new("body", b"anything").unwrap());
    let old = Old::new(opaque);
    let files = PredecessorFiles {
        closing: None,
        abandoned: true,
        ..old.hand_over(folder.path(), true)
    };
    init(&config, false, Some(&files)).unwrap();
    assert!(opened(&config).predecessor().is_some());
}
