//! A blob has to go. The log says so first, then it goes, here and at mirrors; every proof holds as before,
//! and nothing brings the blob back.

use std::path::Path;
use std::process::Command;

use ishibumi_artifact::record::LogStatement;
use ishibumi_artifact::{Body, Record};
use ishibumi_store::{Batch, LogStore as _, RocksLog};
use ishibumi_tests::artifacts::{Artifacts, CRL, TOKEN};
use ishibumi_tests::http;
use ishibumi_tests::process::{Ended, Running, eventually, program, run};
use ishibumi_tests::world::{ORIGIN, Setup, World};
use ishibumi_tlog::Hash;

const REASON: &str = "a court asked for it";

fn erase(world: &World, blob: Hash, reason: &str) -> Ended {
    world.operate(&["erase", &blob.to_hex(), "--reason", reason, "--json"])
}

/// What the published records say about erasures.
fn stated(world: &World) -> Vec<(u64, Hash, String)> {
    let records = (0..).zip(world.records());
    records
        .filter_map(
            |(index, octets)| match Record::decode(&octets).unwrap().body() {
                Body::Log(LogStatement::Erased(erased)) => {
                    let reason = String::from_utf8(erased.reason.as_bytes().to_vec()).unwrap();
                    Some((index, Hash(erased.blob), reason))
                }
                _ => None,
            },
        )
        .collect()
}

/// Puts a blob back into the store that stands: what a crash between the record and the deletion leaves.
fn put_back(world: &World, blob: &[u8]) {
    let store = RocksLog::open(world.path("data"), ORIGIN).unwrap();
    let batch = Batch {
        blobs: vec![blob.to_vec()],
        ..Batch::default()
    };
    store.stage(store.staged().unwrap().size(), &batch).unwrap();
}

fn in_store(world: &World, blob: Hash) -> bool {
    let store = RocksLog::open(world.path("data"), ORIGIN).unwrap();
    store.blob(blob).unwrap().is_some()
}

fn verify(world: &World, drawer: &Path, artifact: &str) -> Ended {
    let policy = world.path("policy.txt").display().to_string();
    let path = |name: &str| drawer.join(name).display().to_string();
    let (anchors, artifact) = (path("anchors"), path(artifact));
    run(
        "ishibumi",
        [
            "verify",
            "--policy",
            &policy,
            "--anchors",
            &anchors,
            &artifact,
        ],
    )
}

#[test]
fn a_blob_goes_and_every_proof_stays() {
    let made = Artifacts::new();
    let mut world = World::new(Setup {
        witnesses: 1,
        quorum: 1,
        providers: vec![made.provider()],
        ..Setup::default()
    });
    // The mirror finds the log again where it was.
    let address = world.url().trim_start_matches("http://").to_owned();
    world.reconfigure(|config| {
        config.insert("listen".into(), address.into());
    });
    let drawer = tempfile::tempdir().unwrap();
    let drawer = drawer.path();
    std::fs::create_dir(drawer.join("anchors")).unwrap();
    for name in ["root.crt", "issuing.crt"] {
        std::fs::copy(made.path(name), drawer.join("anchors").join(name)).unwrap();
    }
    made.revoke("seal", "superseded");
    let (list, other) = (made.crl("issuing"), made.crl("root"));
    let (blob, kept) = (Hash::of(&list), Hash::of(&other));
    for (name, media_type, octets) in [
        ("issuing.crl", CRL, list.clone()),
        ("root.crl", CRL, other.clone()),
        ("a.tst", TOKEN, made.token("tsa-one", b"a document")),
    ] {
        let answer = world.submit("north", media_type, "", &octets).expect(200);
        std::fs::write(drawer.join(name), &octets).unwrap();
        std::fs::write(drawer.join(format!("{name}.tlog-proof")), answer.body).unwrap();
        assert_eq!(verify(&world, drawer, name).code, 0, "{name}");
    }
    let path = format!("/blob/{blob}");
    assert_eq!(world.get(&path).expect(200).body, list);
    let mirror = Mirror::new(&world);
    eventually("the mirror to have the list", || {
        (mirror.blob(blob).status == 200).then_some(())
    });

    // Not while it runs, and nothing that is not there.
    let running = erase(&world, blob, REASON);
    assert_eq!(running.code, 1, "{running:?}");
    world.stop_log();
    erase(&world, Hash::of(b"nothing"), REASON).refused(1, &["no blob with SHA-256"]);
    erase(&world, blob, "").refused(1, &["reason"]);
    assert!(in_store(&world, blob));
    erase(&world, blob, REASON).done();
    assert!(!in_store(&world, blob) && in_store(&world, kept));
    // Once more states nothing more.
    assert!(
        erase(&world, blob, "again")
            .done()
            .contains("\"stated_before\":true")
    );
    put_back(&world, &list);
    assert!(in_store(&world, blob));
    world.assert_sound();

    world.start_log();
    let said = eventually("the erasure to be published", || stated(&world).pop());
    assert_eq!((said.1, said.2.as_str()), (blob, REASON));
    assert_eq!(stated(&world).len(), 1);
    let gone = world.get(&path);
    gone.expect_problem(410, "blob-erased");
    assert!(
        gone.text().contains(&format!("record {}", said.0)),
        "{gone}"
    );
    assert_eq!(world.get(&format!("/blob/{kept}")).expect(200).body, other);
    let found = world.get(&format!("/v1/lookup/erased/{blob}")).expect(200);
    assert!(found.text().contains(&said.0.to_string()), "{found}");

    // All proofs still hold; a changed one does not (the control).
    for name in ["issuing.crl", "root.crl", "a.tst"] {
        assert_eq!(verify(&world, drawer, name).code, 0, "{name}");
    }
    let record = world
        .records()
        .swap_remove(usize::try_from(said.0).unwrap());
    world.proven(&record);
    std::fs::write(drawer.join("b.crl"), &list[..list.len() - 1]).unwrap();
    std::fs::copy(
        drawer.join("issuing.crl.tlog-proof"),
        drawer.join("b.crl.tlog-proof"),
    )
    .unwrap();
    assert_ne!(verify(&world, drawer, "b.crl").code, 0);
    assert_eq!(world.audit().code, 0);

    // Sent again: its record is there, the blob stays away.
    let again = world.submit("north", CRL, "", &list).expect(200);
    assert!(again.number("ishibumi-index") < said.0);
    world.get(&path).expect_problem(410, "blob-erased");
    eventually("the mirror to drop the list", || {
        (mirror.blob(blob).status == 404).then_some(())
    });
    assert_eq!(mirror.blob(kept).status, 200);
    world.stop_log();
    assert!(
        !in_store(&world, blob),
        "the start finished what a crash had left"
    );
    world.assert_sound();
}

/// A mirror that pulls the log of a world.
struct Mirror(Running);

impl Mirror {
    fn new(world: &World) -> Self {
        let dir = world.path("mirror").display().to_string();
        let policy = world.path("policy.txt").display().to_string();
        let call = |arguments: &[&str]| {
            run("ishibumi-witness", [&["mirror"], arguments].concat()).done();
        };
        call(&["init", "--dir", &dir, "--name", "mirror.example/m1"]);
        call(&[
            "add-log",
            "--dir",
            &dir,
            "--vkey",
            world.vkey(),
            "--url",
            world.url(),
            "--policy",
            &policy,
        ]);
        let mut command = Command::new(program("ishibumi-witness"));
        command.args(["mirror", "serve", "--listen", "127.0.0.1:0"]);
        let command = command.args(["--pull-interval", "1", "--dir", &dir]);
        Self(Running::start(command).expect("the mirror starts"))
    }

    fn blob(&self, blob: Hash) -> http::Answer {
        let id = Hash::of(ORIGIN.as_bytes());
        http::get(&self.0.url, &format!("/{id}/blob/{blob}")).expect("an answer")
    }
}
