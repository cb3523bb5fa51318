//! Growing a log in this process: its sequencer, its signer with both keys, its store. No HTTP, no
//! witnesses. With --keep it leaves a whole log: `ishibumi-log --config DIR/log.toml fsck` reads
//! it.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ishibumi_artifact::record::{GenTime, LogOpened, LogStatement, Opaque, RecordError, TokenBody};
use ishibumi_artifact::{Body, Record};
use ishibumi_log::admission::new_record;
use ishibumi_log::core::{HeadSigner, Item, LogKeys, Sequencer};
use ishibumi_store::{CACHE_LEN, HeadFile, LogStore, NewRecord, RocksLog, private};
use ishibumi_tlog::hash::Hash;
use ishibumi_tlog::key::{NoteSigner, SignatureType};

use super::options::{GrowOptions, Shape};
use super::table::{Moment, Row, Table};
use crate::error::LoadError;

const ORIGIN: &str = "log.example/grow";

/// Batches after which the head is signed and published: about what is staged while witnesses
/// answer.
const ROUND_BATCHES: u64 = 8;

/// At most this often a published checkpoint is kept for ever, as the log does by default.
const KEEP_INTERVAL: Duration = Duration::from_secs(1);

fn failed(error: &dyn std::fmt::Display) -> LoadError {
    LoadError::Unreachable(error.to_string())
}

pub(super) fn grow<F: FnMut(&Row)>(
    options: &GrowOptions,
    dir: &Path,
    table: &mut Table<F>,
) -> Result<(), LoadError> {
    if dir.exists() {
        let why = format!("{} exists: nothing is overwritten", dir.display());
        return Err(LoadError::Usage(why));
    }
    let data = dir.join("data");
    let grown = Growing::start(dir, options).and_then(|growing| {
        let pid = std::process::id();
        let mut growing = growing;
        while growing.size() < options.records {
            let (from, begun) = (growing.size(), Moment::now(pid));
            let end = options.records.min(from + options.step);
            let mut longest = Duration::ZERO;
            while growing.size() < end {
                let batch = Instant::now();
                growing = growing.batch(end)?;
                longest = longest.max(batch.elapsed());
            }
            let longest = longest.as_secs_f64() * 1e3;
            let size = growing.size();
            let row = begun.row(&Moment::now(pid), size - from, size, &data, longest);
            table.push(&row)?;
        }
        Ok(())
    });
    if options.keep {
        return grown;
    }
    let removed = std::fs::remove_dir_all(dir).map_err(|error| failed(&error));
    grown.and(removed)
}

/// Writes configuration, policy and keys, and gives record 0.
fn write_files(dir: &Path, keys: &[&NoteSigner; 2]) -> Result<Record, Box<dyn std::error::Error>> {
    let config = format!(
        "origin = \"{ORIGIN}\"\ndata_dir = \"data\"\nhead_dir = \"heads\"\nkey_file = \"log.key\"\n\
         policy_file = \"policy.txt\"\n[lab]\naccept_opaque = true\nallow_no_quorum = true\n"
    );
    std::fs::write(dir.join("log.toml"), config)?;
    let verifiers: Vec<String> = keys.iter().map(|key| key.verifier().to_string()).collect();
    let lines: Vec<String> = verifiers.iter().map(|key| format!("log {key}\n")).collect();
    std::fs::write(dir.join("policy.txt"), lines.concat() + "quorum none\n")?;
    for (key, name) in keys.iter().zip(["log.key", "log.key.ml-dsa-44"]) {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(dir.join(name))?;
        file.write_all(key.to_private_text().as_bytes())?;
    }
    let verifiers: Vec<&str> = verifiers.iter().map(String::as_str).collect();
    let opened = LogOpened::new(ORIGIN, &verifiers, None)?;
    Ok(Body::Log(LogStatement::Opened(opened)).into())
}

struct Growing {
    store: Arc<dyn LogStore>,
    sequencer: Sequencer,
    signer: HeadSigner,
    work: Work,
    batch: u64,
    batches: u64,
    kept: Instant,
}

impl Growing {
    fn start(dir: &Path, options: &GrowOptions) -> Result<Self, LoadError> {
        let (data, heads) = (dir.join("data"), dir.join("heads"));
        private::make_dir(&heads).map_err(|error| failed(&error))?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| failed(&error))?;
        let key = |kind| {
            let key = NoteSigner::from_seed(ORIGIN, kind, &seed);
            key.map_err(|error| failed(&error))
        };
        let (ed25519, ml_dsa_44) = (key(SignatureType::Ed25519)?, key(SignatureType::SubtreeV1)?);
        let opening = write_files(dir, &[&ed25519, &ml_dsa_44]).map_err(|error| failed(&error))?;
        let head_file = HeadFile::create(heads, ed25519.verifier()).map_err(|e| failed(&e))?;
        let cache_len = options.cache_mib.map_or(CACHE_LEN, |mib| mib << 20);
        let store = RocksLog::create_with(data, ORIGIN, cache_len).map_err(|e| failed(&e))?;
        let store: Arc<dyn LogStore> = Arc::new(store);
        let keys = LogKeys {
            ed25519: Arc::new(ed25519),
            ml_dsa_44: Some(Arc::new(ml_dsa_44)),
        };
        let sequencer = Sequencer::open(Arc::clone(&store)).map_err(|e| failed(&e))?;
        let opened = new_record(&opening).map_err(|e| failed(&e))?;
        let first = Item {
            records: vec![opened],
            ..Item::default()
        };
        let (sequencer, _) = sequencer.stage(vec![first]).map_err(|e| failed(&e))?;
        Ok(Self {
            sequencer,
            signer: HeadSigner::open(Arc::clone(&store), keys, head_file)
                .map_err(|e| failed(&e))?,
            store,
            work: Work::new(options)?,
            batch: u64::from(options.batch),
            batches: 0,
            kept: Instant::now(),
        })
    }

    fn size(&self) -> u64 {
        self.sequencer.size()
    }

    /// Stages one batch, which ends at `end` records at the latest; every few of them signs and
    /// publishes.
    fn batch(mut self, end: u64) -> Result<Self, LoadError> {
        let count = self.batch.min(end - self.size());
        let items = (0..count).map(|_| self.work.item());
        let items = items.collect::<Result<Vec<_>, _>>()?;
        let (sequencer, placed) = self.sequencer.stage(items).map_err(|e| failed(&e))?;
        self.sequencer = sequencer;
        if placed.iter().any(|placed| placed.added != 1) {
            return Err(failed(
                &"a record was in the log already, though no two are alike",
            ));
        }
        self.batches += 1;
        if self.batches.is_multiple_of(ROUND_BATCHES) || self.size() == end {
            self.signer = self.signer.advance().map_err(|e| failed(&e))?;
            let keep = self.kept.elapsed() >= KEEP_INTERVAL;
            if keep {
                self.kept = Instant::now();
            }
            if let Some(head) = self.signer.head() {
                let published = self.store.publish(head.checkpoint.size, &head.note, keep);
                published.map_err(|e| failed(&e))?;
            }
        }
        Ok(self)
    }
}

/// Makes records, no two alike.
struct Work {
    shape: Shape,
    run: [u8; 8],
    made: u64,
    filler: Vec<u8>,
}

impl Work {
    fn new(options: &GrowOptions) -> Result<Self, LoadError> {
        let mut run = [0; 8];
        getrandom::fill(&mut run).map_err(|error| failed(&error))?;
        Ok(Self {
            shape: options.shape,
            run,
            made: 0,
            filler: vec![0xa5; usize::from(options.record_bytes).saturating_sub(16)],
        })
    }

    fn item(&mut self) -> Result<Item, LoadError> {
        self.made += 1;
        let unique = [self.run, self.made.to_be_bytes()].concat();
        let body = match self.shape {
            Shape::Opaque => opaque(&[&unique[..], &self.filler].concat()),
            Shape::Token => token(&unique),
        };
        let record = Record::from(body?);
        let record: NewRecord = new_record(&record).map_err(|e| failed(&e))?;
        Ok(Item {
            records: vec![record],
            ..Item::default()
        })
    }
}

fn opaque(octets: &[u8]) -> Result<Body, LoadError> {
    let opaque = Opaque::new("opaque", octets).map_err(|e| failed(&e))?;
    Ok(Body::Opaque(opaque))
}

/// The record of a token that nobody signed: its fields as long as real ones.
fn token(unique: &[u8]) -> Result<Body, LoadError> {
    let digest = Hash::of(unique).0;
    let body = || {
        Ok::<_, RecordError>(TokenBody {
            ess_hash_algorithm: Opaque::new("ess_hash_algorithm", SHA256_OID)?,
            ess_hash: Opaque::new("ess_hash", [7; 32])?,
            serial: Opaque::new("serial", &digest[..16])?,
            gen_time: GenTime::new(b"20261130120000Z")?,
            accuracy: None,
            policy: Opaque::new("policy", [0x2a, 3, 4, 5])?,
            imprint_algorithm: Opaque::new("imprint_algorithm", SHA256_OID)?,
            content: digest,
        })
    };
    body().map(Body::Token).map_err(|e| failed(&e))
}

/// 2.16.840.1.101.3.4.2.1, contents octets.
const SHA256_OID: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
