//! Pull mode against a log that is a folder of files, as any tlog-tiles log may be, and that lies
//! as a test wants.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ishibumi_tlog::Hash;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::tile::{TileKind, TilePath, encode_bundle, tiles};
use ishibumi_tlog::tree::NodeReader as _;
use ishibumi_wire::{Net, NetError, NetFuture, Request, Response};
use ishibumi_witness::mirror::{MirrorHome, MirrorMetrics, PullError, Pulled, Puller, Source};
use tokio::sync::watch;

use super::support::*;
use crate::common::{TestLog, cosigner_named, log};

const URL: &str = "http://log.test/prefix";

/// The files of a log, by path.
#[derive(Clone, Default)]
struct Files(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl Net for Files {
    fn send(&self, request: Request) -> NetFuture<'_> {
        let path = request
            .url
            .strip_prefix(URL)
            .and_then(|path| path.strip_prefix('/'));
        let path = path.map(str::to_owned);
        Box::pin(async move {
            let path = path.ok_or_else(|| NetError(format!("who is {}?", request.url)))?;
            let found = self.0.lock().unwrap().get(&path).cloned();
            let body = found.clone().unwrap_or_default();
            if body.len() > request.answer_len_max {
                return Err(NetError("too long".to_owned()));
            }
            Ok(Response {
                status: if found.is_some() { 200 } else { 404 },
                content_type: None,
                retry_after: None,
                body,
            })
        })
    }
}

impl Files {
    fn put(&self, path: impl Into<String>, octets: impl Into<Vec<u8>>) {
        self.0.lock().unwrap().insert(path.into(), octets.into());
    }

    fn get(&self, path: &str) -> Vec<u8> {
        self.0.lock().unwrap()[path].clone()
    }

    fn remove(&self, path: &str) {
        self.0.lock().unwrap().remove(path).unwrap();
    }

    /// Publishes the first `size` entries, with the partial tiles that a log has just now.
    fn publish(&self, log: &TestLog, size: u64) {
        for (level, index, width) in tiles(size) {
            let places = index * 256..index * 256 + u64::from(width);
            let hash = |n| {
                let Ok(hash) = log.node(8 * level, n);
                hash.0
            };
            let octets: Vec<u8> = places.clone().flat_map(hash).collect();
            let kind = TileKind::Hashes(level);
            self.put(TilePath { kind, index, width }.to_string(), octets);
            if level == 0 {
                let entries: Vec<_> = places.map(entry).collect();
                let kind = TileKind::Entries;
                let octets = encode_bundle(&entries).unwrap();
                self.put(TilePath { kind, index, width }.to_string(), octets);
            }
        }
        self.put("checkpoint", log.note(size).encode());
    }

    fn keep(&self, log: &TestLog, sizes: &[u64]) {
        let list: Vec<String> = sizes.iter().map(u64::to_string).collect();
        let listing = format!("{{\"next\":null,\"sizes\":[{}]}}", list.join(","));
        // The listing may start at any size; known checkpoints are passed over.
        for from in std::iter::once(0).chain(sizes.iter().copied()) {
            let rest: Vec<String> = sizes
                .iter()
                .filter(|&&s| s >= from)
                .map(u64::to_string)
                .collect();
            let listing = listing.replace(&list.join(","), &rest.join(","));
            self.put(format!("checkpoints?from={from}"), listing);
        }
        for &size in sizes {
            let checkpoint = log.checkpoint(size);
            let mut note = log.note(size);
            note.push(
                cosigner_named("witness.example/w1", 9)
                    .cosign(&checkpoint, 77)
                    .unwrap(),
            );
            self.put(format!("checkpoints/{size}"), note.encode());
        }
    }
}

struct World {
    dir: tempfile::TempDir,
    files: Files,
    runtime: tokio::runtime::Runtime,
}

impl World {
    fn new(policy: &str) -> Self {
        let world = Self {
            dir: tempfile::tempdir().unwrap(),
            files: Files::default(),
            runtime: tokio::runtime::Runtime::new().unwrap(),
        };
        let home = world.home();
        home.init(MIRROR).unwrap();
        let source = Source {
            url: Some(URL.to_owned()),
            policy: policy.to_owned(),
        };
        home.add_log(log(0).vkey(), Some(&source)).unwrap();
        world
    }

    fn home(&self) -> MirrorHome {
        MirrorHome::at(self.dir.path().join("m"))
    }

    /// A round of a mirror that starts for it.
    fn round(&self) -> Result<Pulled, PullError> {
        let metrics = Arc::new(MirrorMetrics::new().unwrap());
        let mirror = Arc::new(self.home().open(metrics.alarms()).unwrap());
        let net: Arc<dyn Net> = Arc::new(self.files.clone());
        let (_stop, stopped) = watch::channel(false);
        let _entered = self.runtime.enter();
        let mut pullers = Puller::all(&mirror, &metrics, &net, &stopped).unwrap();
        assert_eq!(pullers.len(), 1);
        pullers[0].round()
    }

    /// The next entry, the size of the mirror checkpoint, and the kept sizes below it.
    fn standing(&self) -> (u64, u64, Vec<u64>) {
        let mirror = self.home().open(Box::new(|_| {})).unwrap();
        let copy = mirror.copies().next().unwrap();
        let size = copy.newest().unwrap().map_or(0, |newest| newest.size);
        let mut kept = copy.store().kept_sizes(0, 100).unwrap();
        kept.retain(|&kept| kept < size);
        (copy.next().unwrap(), size, kept)
    }
}

#[test]
fn a_growing_log_is_followed() {
    let world = World::new("");
    let log = log(6000);
    let mut before = 0;
    for size in [0, 1, 255, 256, 300, 700, 6000] {
        world.files.publish(&log, size);
        let pulled = world.round().unwrap();
        assert_eq!((pulled.entries, pulled.size), (size - before, size));
        before = size;
        if size == 300 {
            // A log may drop its partial tiles once full ones are there.
            for path in ["tile/entries/001.p/44", "tile/0/001.p/44"] {
                world.files.remove(path);
            }
            let pulled = world.round().unwrap();
            assert_eq!((pulled.entries, pulled.size), (0, 300));
        }
    }
    let mirror = world.home().open(Box::new(|_| {})).unwrap();
    let copy = mirror.copies().next().unwrap();
    copy.check_stored(0, 6000, log.checkpoint(6000).root)
        .unwrap();
}

/// The pending checkpoint is that of a log that grew and dropped its partial tiles before the
/// entries came.
#[test]
fn full_bundles_stand_for_partial_ones() {
    let world = World::new("");
    let log = log(600);
    world.files.publish(&log, 300);
    world.files.remove("tile/entries/001.p/44");
    world.round().unwrap_err();
    assert_eq!(world.standing(), (256, 0, vec![]));
    let old = world.files.get("checkpoint");
    world.files.publish(&log, 600);
    world.files.put("checkpoint", old);
    assert_eq!(world.round().unwrap().size, 300);
}

#[test]
fn nothing_that_is_forged_is_stored() {
    let log = log(600);
    // An entry of each bundle, a hash of each tile that proofs need, and the checkpoint.
    for path in [
        "tile/entries/000",
        "tile/entries/002.p/88",
        "tile/1/000.p/2",
        "checkpoint",
    ] {
        let world = World::new("");
        world.files.publish(&log, 600);
        let honest = world.files.get(path);
        let mut forged = honest.clone();
        forged[3] ^= 1;
        world.files.put(path, forged);
        let error = world.round().unwrap_err();
        let (next, size, _) = world.standing();
        assert_eq!(size, 0, "{path}: {error}");
        assert!(next < 600, "{path}: {error}");
        world.files.put(path, honest);
        assert_eq!(world.round().unwrap().size, 600, "{path}");
    }
}

#[test]
fn a_log_that_forks_is_not_followed() {
    let world = World::new("");
    let (honest, forked) = (log(600), TestLog::new(600, 100));
    world.files.publish(&honest, 300);
    world.round().unwrap();
    // The same size, a larger one, and a smaller one than the copy has.
    for size in [300, 600, 200] {
        world.files.publish(&forked, size);
        let error = world.round().unwrap_err().to_string();
        let told = ["two roots", "consistent", "two histories"];
        assert!(
            told.iter().any(|word| error.contains(word)),
            "{size}: {error}"
        );
        assert_eq!(world.standing(), (300, 300, vec![]));
    }
    let mirror = world.home().open(Box::new(|_| {})).unwrap();
    let state = mirror.follower().logs().unwrap().remove(0);
    assert!(mirror.follower().fork(&state).unwrap().is_some());
    drop(mirror);
    // A cache that is behind is no fork.
    world.files.publish(&honest, 200);
    assert_eq!(world.round().unwrap().size, 300);
    world.files.publish(&honest, 600);
    assert_eq!(world.round().unwrap().size, 600);
}

#[test]
fn another_logs_checkpoint_is_refused() {
    let world = World::new("");
    let honest = log(300);
    world.files.publish(&honest, 300);
    let other = TestLog::named("log.example/other", 2, 300, u64::MAX);
    world.files.put("checkpoint", other.note(300).encode());
    let error = world.round().unwrap_err().to_string();
    assert!(error.contains("log.example/other"), "{error}");
    // The same name, another key.
    let other = TestLog::named(crate::common::ORIGIN, 2, 300, u64::MAX);
    world.files.put("checkpoint", other.note(300).encode());
    world.round().unwrap_err();
    assert_eq!(world.standing(), (0, 0, vec![]));
    world.files.publish(&honest, 300);
    assert_eq!(world.round().unwrap().size, 300);
}

#[test]
fn kept_checkpoints_come_along_and_have_to_fit() {
    let cosigner = cosigner_named("witness.example/w1", 9);
    let witness = cosigner.verifier();
    let policy = format!("log {}\nwitness w {witness}\nquorum w\n", log(0).vkey());
    let world = World::new(&policy);
    let log = log(700);
    world.files.publish(&log, 600);
    world.files.keep(&log, &[100, 256, 600, 601]);
    // 601 is beyond the copy: it waits.
    let pulled = world.round().unwrap();
    assert_eq!(pulled.kept, 3);
    assert_eq!(world.standing(), (600, 600, vec![100, 256]));
    let mirror = world.home().open(Box::new(|_| {})).unwrap();
    let copy = mirror.copies().next().unwrap();
    let kept = copy.store().kept(256).unwrap().unwrap();
    assert_eq!(
        kept.note.encode().into_bytes(),
        world.files.get("checkpoints/256")
    );
}

/// One kept checkpoint at a time that must not be kept, and then the true one.
#[test]
fn kept_checkpoints_that_do_not_fit_are_refused() {
    let cosigner = cosigner_named("witness.example/w1", 9);
    let witness = cosigner.verifier();
    let policy = format!("log {}\nwitness w {witness}\nquorum w\n", log(0).vkey());
    let (honest, forked) = (log(600), TestLog::new(600, 100));
    let path = "checkpoints/256";
    let forgeries: [(&str, Vec<u8>); 5] = [
        ("no quorum", honest.note(256).encode().into_bytes()),
        ("another root", {
            let mut note = forked.note(256);
            note.push(cosigner.cosign(&forked.checkpoint(256), 77).unwrap());
            note.encode().into_bytes()
        }),
        ("another size", honest.note(300).encode().into_bytes()),
        ("not signed by the log", {
            let checkpoint = honest.checkpoint(256);
            let line = cosigner.cosign(&checkpoint, 77).unwrap();
            Note::new(checkpoint.to_text(), vec![line])
                .encode()
                .into_bytes()
        }),
        ("nonsense", b"nonsense".to_vec()),
    ];
    for (what, forged) in forgeries {
        let world = World::new(&policy);
        world.files.publish(&honest, 600);
        world.files.keep(&honest, &[256]);
        let true_one = world.files.get(path);
        world.files.put(path, forged);
        world.round().expect_err(what);
        assert_eq!(world.standing(), (600, 600, vec![]), "{what}");
        world.files.put(path, true_one);
        assert_eq!(world.round().unwrap().kept, 1, "{what}");
    }
}

#[test]
fn a_mirror_that_serves_pulls() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        // The log is a mirror itself: its copy is a tlog-tiles log like any other.
        let first = Server::create(&dir.path().join("first"), None).await;
        let log = log(600);
        first.add_checkpoint(&log, 0, 600).await;
        first.signed(&first.add_entries(body(&log, 0, 600)).await, &log, 600);
        let id = Hash::of(crate::common::ORIGIN.as_bytes());
        let source = Source {
            url: Some(format!("{}/{id}", first.url)),
            policy: String::new(),
        };
        let dir = dir.path().join("second");
        let home = MirrorHome::at(&dir);
        home.init("mirror.example/m2").unwrap();
        home.add_log(log.vkey(), Some(&source)).unwrap();
        let second = Server::start(&dir, ishibumi_wire::Limits::default()).await;
        while second.get("checkpoint").await.status != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        second.serves(&log, 600).await;
        first.end().await;
        second.serves(&log, 600).await;
        second.end().await;
    });
}
