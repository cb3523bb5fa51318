//! The log with its threads: its answers while it stops, and the cost of its own faults.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ishibumi_log::config::{Config, UploadLimits};
use ishibumi_log::core::{Core, Handle, Running, SubmitError, start};
use ishibumi_log::core::{Endpoint, HeadSigner, Item, LogKeys, Publisher, Sequencer, Standing};
use ishibumi_log::metrics::Metrics;
use ishibumi_log::operate::{init::init, serve::serve};
use ishibumi_store::{HeadFile, LogStore, MemoryLog, NewRecord, RocksLog, SystemClock};
use ishibumi_tlog::cosignature::Cosigner;
use ishibumi_tlog::hash::{EMPTY_ROOT, leaf_hash};
use ishibumi_tlog::key::{NoteSigner, SignatureType};
use ishibumi_tlog::note::Note;
use ishibumi_tlog::protocol::{AddCheckpoint, encode_signatures, encode_size};
use ishibumi_tlog::{Checkpoint, Policy};
use ishibumi_wire::{Method, Net, NetFuture, Request, Response};
use tokio::sync::Semaphore;

const ORIGIN: &str = "log.example/running";
const LONG: Duration = Duration::from_secs(60);

/// A witness without a network: `conduct` gives its answer to the nth request, counted from 0.
struct Wire<F> {
    /// One permit for each request that may be answered.
    answers: Semaphore,
    asked: AtomicUsize,
    conduct: F,
    /// The checkpoint that it shows; none is a 404.
    shows: Option<Note>,
}

impl<F: Fn(usize, AddCheckpoint) -> (u16, String) + Send + Sync + 'static> Wire<F> {
    fn new(answers: usize, conduct: F) -> Arc<Self> {
        Self::showing(None, answers, conduct)
    }

    fn showing(shows: Option<Note>, answers: usize, conduct: F) -> Arc<Self> {
        Arc::new(Self {
            answers: Semaphore::new(answers),
            asked: AtomicUsize::new(0),
            conduct,
            shows,
        })
    }
}

impl<F> Wire<F> {
    fn show(&self) -> Response {
        let body = self.shows.as_ref().map(|note| note.encode().into_bytes());
        Response {
            status: if body.is_some() { 200 } else { 404 },
            content_type: None,
            retry_after: None,
            body: body.unwrap_or_default(),
        }
    }
}

fn log_key() -> NoteSigner {
    NoteSigner::from_seed(ORIGIN, SignatureType::Ed25519, &[1; 32]).unwrap()
}

/// A checkpoint of this log with another tree, signed by `key`.
fn checkpoint_by(key: &NoteSigner, size: u64) -> Note {
    let text = Checkpoint::new(ORIGIN, size, leaf_hash(b"another")).to_text();
    let line = key.sign(&text).unwrap();
    Note::new(text, vec![line])
}

impl<F: Fn(usize, AddCheckpoint) -> (u16, String) + Send + Sync + 'static> Net for Wire<F> {
    fn send(&self, request: Request) -> NetFuture<'_> {
        Box::pin(async move {
            if request.method == Method::Get {
                return Ok(self.show());
            }
            self.answers.acquire().await.unwrap().forget();
            let nth = self.asked.fetch_add(1, Ordering::SeqCst);
            let request = AddCheckpoint::parse(&request.body).unwrap();
            let (status, body) = (self.conduct)(nth, request);
            Ok(Response {
                status,
                content_type: None,
                retry_after: None,
                body: body.into_bytes(),
            })
        })
    }
}

fn witness() -> Cosigner {
    let key = NoteSigner::from_seed("w.example", SignatureType::CosignatureV1, &[9; 32]);
    Cosigner::new(key.unwrap()).unwrap()
}

fn cosigned(request: &AddCheckpoint) -> (u16, String) {
    let line = witness().cosign(&request.checkpoint, 1_700_000_000);
    (200, encode_signatures(&[line.unwrap()]))
}

fn items(numbers: std::ops::Range<u64>) -> Vec<Item> {
    let item = |number: u64| {
        let octets = format!("record {number}").into_bytes();
        let record = NewRecord {
            leaf: leaf_hash(&octets),
            octets,
            keys: Vec::new(),
        };
        Item {
            records: vec![record],
            ..Item::default()
        }
    };
    numbers.map(item).collect()
}

/// A log of one record whose only witness is behind `net`.
fn log(heads: &Path, net: Arc<dyn Net>) -> (Handle, Running) {
    let key = log_key();
    let verifier = key.verifier().clone();
    let head_file = HeadFile::create(heads, &verifier).unwrap();
    let store: Arc<dyn LogStore> = Arc::new(MemoryLog::new());
    let sequencer = Sequencer::open(Arc::clone(&store)).unwrap();
    let (sequencer, _) = sequencer.stage(items(0..1)).unwrap();
    let keys = LogKeys {
        ed25519: Arc::new(key),
        ml_dsa_44: None,
    };
    let signer = HeadSigner::open(Arc::clone(&store), keys, head_file).unwrap();
    let witness = witness().verifier().clone();
    let policy = format!("log {verifier}\nwitness w {witness}\nquorum w\n");
    let policy = Policy::parse(policy.as_bytes()).unwrap();
    let publisher = Publisher::open(Arc::clone(&store), policy, signer, LONG, LONG).unwrap();
    start(Core {
        store,
        sequencer,
        publisher,
        witnesses: vec![Endpoint {
            url: "http://w.example".into(),
            witness_keys: vec![witness],
            mirror_keys: Vec::new(),
            deadline: LONG,
            upload: UploadLimits {
                deadline: LONG,
                packages_max: 1,
                len_max: 1,
            },
        }],
        distrusted: Vec::new(),
        net,
        clock: Arc::new(SystemClock),
        settings: settings(),
        care: None,
        metrics: Arc::new(Metrics::new().unwrap()),
    })
}

fn config(directory: &Path) -> Config {
    let text = format!(
        "origin = \"{ORIGIN}\"\ndata_dir = \"data\"\nhead_dir = \"heads\"\nkey_file = \"key\"\n\
         policy_file = \"policy\"\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\n"
    );
    Config::parse(&text, directory).unwrap()
}

fn settings() -> ishibumi_log::config::Sequencing {
    config(Path::new(".")).sequencing
}

/// A record was staged, and while its submitter waits for the proof, a witness shows that this log
/// is an old copy. The submitter is not told that the record is safe here.
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_while_the_log_stops_is_told_so() {
    let heads = tempfile::tempdir().unwrap();
    let newer = checkpoint_by(&log_key(), 1000);
    let net = Wire::showing(Some(newer), 0, |_, _| (409, encode_size(1000)));
    let (handle, running) = log(heads.path(), Arc::<Wire<_>>::clone(&net) as Arc<dyn Net>);
    let placed = handle.submit(items(1..2)).await.unwrap();
    assert_eq!(placed[0].index, 1);
    // Control: as long as the log lives, waiting too long is no error.
    let short = Duration::from_millis(20);
    assert!(handle.covered(1, short).await.unwrap().is_none());
    let waiting = handle.covered(1, LONG);
    net.answers.add_permits(1);
    let Err(SubmitError::Forked(why)) = waiting.await else {
        panic!("the log is an old copy")
    };
    assert!(why.contains("FORKED OR ROLLED BACK"), "{why}");
    let again = handle.covered(1, short).await;
    assert!(matches!(again, Err(SubmitError::Forked(_))));
    let refused = handle.submit(items(2..3)).await;
    assert!(matches!(refused, Err(SubmitError::Forked(_))));
    drop(handle);
    tokio::task::spawn_blocking(move || running.finish())
        .await
        .unwrap();
}

/// A word is no proof: the only witness says that it knows more, and shows nothing, or what the
/// log's key did not sign. Nothing is accepted while it says so, and everything once it cosigns.
#[tokio::test(flavor = "multi_thread")]
async fn a_word_holds_the_log_and_a_cosignature_frees_it() {
    let stranger = NoteSigner::from_seed(ORIGIN, SignatureType::Ed25519, &[2; 32]).unwrap();
    for shows in [None, Some(checkpoint_by(&stranger, 1000))] {
        for (status, said) in [(409, encode_size(1000)), (422, "no\n".to_owned())] {
            let heads = tempfile::tempdir().unwrap();
            let lies = Arc::new(AtomicBool::new(true));
            let lying = Arc::clone(&lies);
            let net = Wire::showing(shows.clone(), 1000, move |_, request| {
                if lying.load(Ordering::SeqCst) {
                    (status, said.clone())
                } else {
                    cosigned(&request)
                }
            });
            let (handle, running) = log(heads.path(), Arc::<Wire<_>>::clone(&net) as Arc<dyn Net>);
            let mut standing = handle.standing();
            let held = standing.wait_for(|standing| standing.why().is_some()).await;
            let held = held.unwrap().clone();
            assert!(
                matches!(&held, Standing::Held(why) if why.contains("CONTRADICTED")),
                "{held:?}"
            );
            let refused = handle.submit(items(1..2)).await;
            assert!(matches!(refused, Err(SubmitError::Forked(_))));
            lies.store(false, Ordering::SeqCst);
            let freed = standing
                .wait_for(|standing| *standing == Standing::Running)
                .await;
            drop(freed.unwrap());
            let placed = handle.submit(items(1..2)).await.unwrap();
            assert!(
                handle
                    .covered(placed[0].index, LONG)
                    .await
                    .unwrap()
                    .is_some()
            );
            drop((handle, standing));
            tokio::task::spawn_blocking(move || running.finish())
                .await
                .unwrap();
        }
    }
}

/// Nothing is asked of a witness, and it shows that the log has gone on elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_copy_learns_that_it_is_one() {
    for (size, forked) in [(1000, true), (1, true)] {
        let heads = tempfile::tempdir().unwrap();
        let newer = checkpoint_by(&log_key(), size);
        let net = Wire::showing(Some(newer), 1000, |_, request| cosigned(&request));
        let (handle, running) = log(heads.path(), Arc::<Wire<_>>::clone(&net) as Arc<dyn Net>);
        let published = handle.covered(0, LONG).await.unwrap();
        assert_eq!(published.unwrap().checkpoint().size, 1);
        let mut standing = handle.standing();
        let word = standing.wait_for(|standing| standing.why().is_some());
        let word = tokio::time::timeout(Duration::from_secs(5), word).await;
        // One that the quorum has outvoted, of the size that is published, stops nothing.
        let told = word.map(|word| word.unwrap().word());
        assert_eq!(
            told.is_ok_and(|word| word == "forked"),
            forked && size > 1,
            "{size}"
        );
        drop((handle, standing));
        tokio::task::spawn_blocking(move || running.finish())
            .await
            .unwrap();
    }
}

/// The log itself fails while asking a witness: it is asked again, and the log lives.
#[tokio::test(flavor = "multi_thread")]
async fn a_fault_while_asking_costs_that_witness_a_moment() {
    let heads = tempfile::tempdir().unwrap();
    let net = Wire::new(100, |nth, request| {
        assert_ne!(nth, 0, "a fault");
        cosigned(&request)
    });
    let (handle, running) = log(heads.path(), Arc::<Wire<_>>::clone(&net) as Arc<dyn Net>);
    let published = handle.covered(0, LONG).await.unwrap().unwrap();
    assert_eq!(published.checkpoint().size, 1);
    let placed = handle.submit(items(1..2)).await.unwrap();
    let published = handle.covered(placed[0].index, LONG).await.unwrap();
    assert!(published.is_some());
    drop(handle);
    tokio::task::spawn_blocking(move || running.finish())
        .await
        .unwrap();
}

/// `init` was killed before record 0 was there. Serving would give index 0 to something else.
#[test]
fn an_interrupted_init_does_not_serve() {
    let directory = tempfile::tempdir().unwrap();
    let config = config(directory.path());
    let keys = init(&config, false, None).unwrap();
    let witness = witness().verifier().clone();
    let line = |lines: String, key| format!("{lines}log {key}\n");
    let lines = keys.iter().fold(String::new(), line);
    let policy = format!("{lines}witness w {witness} http://127.0.0.1:1\nquorum w\n");
    std::fs::write(&config.policy_file, policy).unwrap();
    std::fs::remove_dir_all(&config.data_dir).unwrap();
    drop(RocksLog::create(&config.data_dir, ORIGIN).unwrap());
    let refused = serve(&config, |_, _| panic!("it serves")).unwrap_err();
    assert!(refused.to_string().contains("init --keep-key"), "{refused}");
    let store = RocksLog::open(&config.data_dir, ORIGIN).unwrap();
    assert_eq!(store.staged().unwrap().size(), 0, "nothing was staged");
    drop(store);
    // An empty database beside a head that was signed is a rollback: the operator must not be told
    // to start anew.
    let mut head_file = HeadFile::open(&config.head_dir, &keys[0]).unwrap();
    let before = std::fs::read(HeadFile::path(&config.head_dir, &keys[0])).unwrap();
    head_file.advance(7, EMPTY_ROOT).unwrap();
    drop(head_file);
    let refused = serve(&config, |_, _| panic!("it serves")).unwrap_err();
    let said = refused.to_string();
    assert!(
        said.contains("ROLLED BACK") && said.contains("Remove nothing"),
        "{said}"
    );
    assert!(!said.contains("--keep-key"), "{said}");
    std::fs::write(HeadFile::path(&config.head_dir, &keys[0]), before).unwrap();
    // The advice in the message helps: nothing has to be removed.
    assert_eq!(init(&config, true, None).unwrap(), keys);
    let store = RocksLog::open(&config.data_dir, ORIGIN).unwrap();
    assert_eq!(store.staged().unwrap().size(), 1);
    drop(store);
    let again = init(&config, true, None).unwrap_err();
    assert!(again.to_string().contains("exists already"), "{again}");
}
