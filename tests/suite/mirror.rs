//! A log is destroyed. All its proofs are fetched from one mirror that had pulled it, and verified
//! offline.

use std::path::Path;
use std::process::Command;

use ishibumi_tests::artifacts::{Artifacts, CERTIFICATE, CRL, REPLY, TOKEN};
use ishibumi_tests::http;
use ishibumi_tests::process::{Ended, Running, eventually, program, run};
use ishibumi_tests::world::{ORIGIN, Setup, World, opaque_record};
use ishibumi_tlog::note::Note;
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::{Checkpoint, Hash, Policy};

/// A mirror that pulls the log of `world`.
struct Mirror {
    running: Running,
    /// The prefix of the log's copy.
    prefix: String,
}

impl Mirror {
    fn new(world: &World) -> Self {
        let dir = world.path("mirror").display().to_string();
        let policy = world.path("policy.txt").display().to_string();
        let call = |arguments: &[&str]| {
            run("ishibumi-witness", [&["mirror"], arguments].concat()).done();
        };
        call(&["init", "--dir", &dir, "--name", "mirror.example/m1"]);
        let log = [
            "--vkey",
            world.vkey(),
            "--url",
            world.url(),
            "--policy",
            &policy,
        ];
        call(&[&["add-log", "--dir", &dir][..], &log].concat());
        let mut command = Command::new(program("ishibumi-witness"));
        command.args(["mirror", "serve", "--listen", "127.0.0.1:0"]);
        let command = command.args(["--pull-interval", "1", "--dir", &dir]);
        let running = Running::start(command).expect("the mirror starts");
        let id = Hash::of(ORIGIN.as_bytes());
        let prefix = format!("{}/{id}", running.url);
        Self { running, prefix }
    }

    fn get(&self, path: &str) -> http::Answer {
        let id = Hash::of(ORIGIN.as_bytes());
        http::get(&self.running.url, &format!("/{id}/{path}")).expect("an answer")
    }

    fn size(&self) -> u64 {
        let answer = self.get("checkpoint");
        if answer.status != 200 {
            return 0;
        }
        let note = Note::parse(&answer.body).expect("a note");
        Checkpoint::parse(note.text()).expect("a checkpoint").size
    }

    fn kept(&self) -> Vec<u64> {
        let answer = self.get("checkpoints").expect(200).json();
        serde_json::from_value(answer["sizes"].clone()).expect("sizes")
    }
}

/// Fetches the proof of `artifact` from the log's copy at `prefix` and verifies it before it is
/// written.
fn fetch(prefix: &str, drawer: &Path, artifact: &str) -> Ended {
    let path = |name: &str| drawer.join(name).display().to_string();
    let (anchors, policy) = (path("anchors"), path("policy.txt"));
    let terms = ["--anchors", &anchors, "--policy", &policy];
    let fixed = ["evidence", "get", "--timeout", "5", "--log", prefix];
    run(
        "ishibumi",
        [&fixed[..], &terms, &[&path(artifact)]].concat(),
    )
}

fn verify(drawer: &Path, artifact: &str) -> Ended {
    let path = |name: &str| drawer.join(name).display().to_string();
    let (anchors, policy) = (path("anchors"), path("policy.txt"));
    let terms = ["--anchors", &anchors, "--policy", &policy];
    run(
        "ishibumi",
        [
            &["verify", "--without-revocation", "--json"][..],
            &terms,
            &[&path(artifact)],
        ]
        .concat(),
    )
}

/// The log goes, with its data, its heads and its keys, and the witnesses with it.
fn destroy(world: &mut World) {
    world.stop_log();
    for place in ["data", "heads", "log.key"] {
        let place = world.path(place);
        assert!(place.exists(), "{}", place.display());
        let _ = std::fs::remove_dir_all(&place);
        let _ = std::fs::remove_file(&place);
        assert!(!place.exists());
    }
    for number in 0..3 {
        world.kill_witness(number);
    }
}

/// Every size that the log keeps, once it keeps that of its newest record.
fn kept_by(world: &World) -> Vec<u64> {
    eventually("the newest checkpoint to be kept", || {
        let sizes = world.get("/checkpoints").expect(200).json()["sizes"].clone();
        let sizes: Vec<u64> = serde_json::from_value(sizes).expect("sizes");
        sizes.contains(&world.size()).then_some(sizes)
    })
}

#[test]
fn one_mirror_holds_all_the_evidence_of_a_log_that_is_destroyed() {
    let made = Artifacts::new();
    let mut world = World::new(Setup {
        providers: vec![made.provider()],
        ..Setup::default()
    });
    let drawer = tempfile::tempdir().unwrap();
    let drawer = drawer.path();
    std::fs::create_dir(drawer.join("anchors")).unwrap();
    for name in ["root", "issuing"] {
        let place = drawer.join(format!("anchors/{name}.crt"));
        std::fs::write(place, made.certificate(name)).unwrap();
    }
    std::fs::write(drawer.join("policy.txt"), world.policy_text()).unwrap();
    let mirror = Mirror::new(&world);

    // Whatever the log was given, while the mirror pulls.
    let mut artifacts = Vec::new();
    let mut submit = |name: String, media_type: &str, octets: Vec<u8>| {
        let answer = world.submit("north", media_type, "", &octets).expect(200);
        std::fs::write(drawer.join(&name), &octets).unwrap();
        artifacts.push((name, answer.number("ishibumi-index")));
    };
    for n in 0..12 {
        let document = format!("contract {n}").into_bytes();
        submit(format!("{n}.tsr"), REPLY, made.reply("tsa-one", &document));
        submit(format!("{n}.tst"), TOKEN, made.token("tsa-two", &document));
    }
    submit("seal.crt".to_owned(), CERTIFICATE, made.certificate("seal"));
    made.revoke("seal", "cessationOfOperation");
    let list = made.crl("issuing");
    submit("issuing.crl".to_owned(), CRL, list.clone());
    let mut opaque = Vec::new();
    for n in 0..300 {
        opaque.push(format!("opaque {n}").into_bytes());
        world.put(opaque.last().unwrap());
    }

    let size = world.size();
    let (records, newest) = (world.records(), world.checkpoint());
    let sizes = kept_by(&world);
    eventually("the mirror to have everything", || {
        let all = |kept: Vec<u64>| sizes.iter().all(|size| kept.contains(size));
        (mirror.size() == size && all(mirror.kept())).then_some(())
    });
    let blob = Hash::of(&list).to_hex();
    eventually("the list", || {
        (mirror.get(&format!("blob/{blob}")).status == 200).then_some(())
    });
    let absent = fetch(&mirror.prefix, drawer, "policy.txt");
    assert_eq!(absent.code, 2, "{}", absent.err);

    let url = world.url().to_owned();
    destroy(&mut world);
    made.destroy_keys();
    let gone = fetch(&url, drawer, "0.tsr");
    assert_eq!(gone.code, 3, "{}", gone.err);

    // Every artifact's evidence, from the mirror alone.
    for (name, index) in &artifacts {
        let fetched = fetch(&mirror.prefix, drawer, name);
        assert_eq!(fetched.code, 0, "{name}: {}{}", fetched.out, fetched.err);
        let proof = std::fs::read(drawer.join(format!("{name}.tlog-proof"))).unwrap();
        let proof = TlogProof::parse(&proof).unwrap();
        assert_eq!(proof.index, *index);
        // The earliest kept checkpoint that covers the record, not just the newest.
        let proven = Checkpoint::parse(proof.checkpoint.text()).unwrap().size;
        let earliest = sizes.iter().find(|&&size| size > *index).unwrap();
        assert_eq!(proven, *earliest, "{name}");
    }
    let policy = Policy::parse(&std::fs::read(drawer.join("policy.txt")).unwrap()).unwrap();
    for octets in &opaque {
        let record = opaque_record(octets);
        let leaf = ishibumi_tlog::hash::leaf_hash(&record);
        let answer = mirror.get(&format!("v1/proof/{leaf}")).expect(200);
        let proof = TlogProof::parse(&answer.body).unwrap();
        let proven = policy.check_proof(&proof, &record).unwrap();
        assert!(proven.head().not_after().is_some());
    }
    // Every record, under the checkpoint that the log published, and what lies beside it.
    let shown = Note::parse(&mirror.get("checkpoint").expect(200).body).unwrap();
    let trusted = policy.check_checkpoint(&shown).unwrap();
    assert_eq!(trusted.checkpoint(), newest.checkpoint());
    for (index, chunk) in (0..).zip(records.chunks(256)) {
        let width = u16::try_from(chunk.len()).unwrap();
        let kind = ishibumi_tlog::tile::TileKind::Entries;
        let path = ishibumi_tlog::tile::TilePath { kind, index, width };
        let bundle = mirror.get(&path.to_string()).expect(200).body;
        let entries = ishibumi_tlog::tile::decode_bundle(width, &bundle).unwrap();
        assert!(entries.iter().eq(chunk.iter()));
    }
    assert_eq!(mirror.get(&format!("blob/{blob}")).expect(200).body, list);

    // Then the mirror goes, too.
    let ended = mirror.running.terminate();
    assert_eq!(ended.code, 0, "{}", ended.err);
    drop((world, made));
    for (name, _) in artifacts.iter().filter(|(name, _)| name != "seal.crt") {
        let verified = verify(drawer, name);
        assert_eq!(verified.code, 0, "{name}: {}{}", verified.out, verified.err);
    }
    // Nothing but the artifact is proven by its proof.
    let swapped = std::fs::read(drawer.join("1.tst.tlog-proof")).unwrap();
    std::fs::write(drawer.join("0.tst.tlog-proof"), swapped).unwrap();
    assert_eq!(verify(drawer, "0.tst").code, 1);
}
