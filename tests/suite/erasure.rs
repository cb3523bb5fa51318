//! A list that lies beside the log is erased: the log says so, its octets are in no file any more,
//! and every proof stays.

use std::path::Path;
use std::process::Command;

use ishibumi_artifact::record::{LogErased, LogStatement, Moment, Opaque};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Body, Record};
use ishibumi_store::{Batch, LogStore as _, NewRecord, RocksLog};
use ishibumi_tests::artifacts::{Artifacts, CRL, TOKEN};
use ishibumi_tests::http;
use ishibumi_tests::process::{Running, eventually, program, run};
use ishibumi_tests::world::{ORIGIN, Setup, World};
use ishibumi_tlog::Hash;
use ishibumi_tlog::hash::leaf_hash;

const REASON: &str = "order of the court of Example";

/// A log with tokens and two lists, stopped; and its provider.
fn scene() -> (World, Artifacts, [Vec<u8>; 2]) {
    let made = Artifacts::new();
    let mut world = World::new(Setup {
        providers: vec![made.provider()],
        ..Setup::default()
    });
    for n in 0..3 {
        let token = made.token("tsa-one", format!("contract {n}").as_bytes());
        assert_eq!(world.submit("north", TOKEN, "", &token).status, 200);
    }
    made.revoke("seal", "superseded");
    let lists = [made.crl("issuing"), made.crl("root")];
    for list in &lists {
        assert_eq!(world.submit("north", CRL, "", list).status, 200);
    }
    world.stop_log();
    (world, made, lists)
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("JSON")
}

/// Whether any file below `folder` has these octets in it.
fn holds(folder: &Path, octets: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, octets);
        }
        let content = std::fs::read(&path).unwrap();
        content.windows(octets.len()).any(|window| window == octets)
    })
}

/// Octets that no other artifact has and no compression shortens: the end of the signature.
fn mark(list: &[u8]) -> &[u8] {
    &list[list.len() - 48..]
}

#[test]
fn what_is_erased_is_gone_and_every_proof_stays() {
    let (mut world, _made, [list, other]) = scene();
    let digest = Hash::of(&list).to_hex();
    let erase = |world: &World, digest: &str| {
        world.operate(&["--json", "erase", digest, "--reason", REASON])
    };

    // Only what a record names can be erased.
    let unknown = Hash::of(b"another").to_hex();
    erase(&world, &unknown).refused(1, &["no record of this log names", &unknown]);
    erase(&world, "5f70").refused(2, &["64 hexadecimal digits"]);
    let data = world.path("data");
    assert!(holds(&data, mark(&list)) && holds(&data, mark(&other)));

    let first = json(&erase(&world, &digest).done());
    assert_eq!(first["was_there"], true);
    assert!(!holds(&data, mark(&list)), "its octets are still in a file");
    assert!(holds(&data, mark(&other)));
    // Once more changes nothing: there is one record of it.
    let again = json(&erase(&world, &digest).done());
    assert_eq!(
        (&again["record"], &again["was_there"]),
        (&first["record"], &false.into())
    );
    world.operate(&["fsck"]).done();

    world.start_log();
    let size = first["record"].as_u64().unwrap() + 1;
    eventually("the erasure to be published", || {
        (world.size() == size).then_some(())
    });
    let gone = world.get(&format!("/blob/{digest}"));
    let record = format!("record {}", first["record"]);
    gone.expect_problem(410, "blob-erased");
    assert!(gone.text().contains(&record), "{gone}");
    let others = world.get(&format!("/blob/{}", Hash::of(&other).to_hex()));
    assert_eq!(others.expect(200).body, other);
    // Every record, that of the list and that of its erasure too, is proven as before.
    let records = world.records();
    assert_eq!(records.len() as u64, size);
    for record in &records {
        world.proven(record);
    }
    let found = world
        .get(&format!("/v1/lookup/erased/{digest}"))
        .expect(200);
    assert!(
        found.text().contains(&first["record"].to_string()),
        "{found}"
    );
    // Submitting it again brings nothing back.
    assert_eq!(world.submit("north", CRL, "", &list).status, 200);
    assert_eq!(world.get(&format!("/blob/{digest}")).status, 410);
    assert_eq!(world.size(), size);
    assert!(!holds(&data, mark(&list)));
}

/// The process died between the record and the erasure: the next start ends it.
#[test]
fn an_erasure_that_was_cut_off_is_ended() {
    let (mut world, _made, [list, other]) = scene();
    let erased = LogErased {
        blob: Hash::of(&list).0,
        date: Moment::new("date", Time::from_unix(1_800_000_000)).unwrap(),
        reason: Opaque::new("reason", REASON).unwrap(),
    };
    let record = Record::from(Body::Log(LogStatement::Erased(erased)));
    let octets = record.encode();
    let data = world.path("data");
    {
        let store = RocksLog::open(&data, ORIGIN).unwrap();
        let record = NewRecord {
            leaf: leaf_hash(&octets),
            octets,
            keys: record
                .lookup_keys()
                .iter()
                .map(|key| key.to_bytes().to_vec())
                .collect(),
        };
        let batch = Batch {
            records: vec![record],
            blobs: Vec::new(),
        };
        store.stage(store.staged().unwrap().size(), &batch).unwrap();
        assert!(store.blob(Hash::of(&list)).unwrap().is_some());
    }
    assert!(holds(&data, mark(&list)));
    // Nor does it matter that the log was closed meanwhile: no key is needed to end it.
    let close = ["close", "--yes", "--without-mirror", "--reason", "the end"];
    world.operate(&close).done();
    assert!(holds(&data, mark(&list)));
    world.start_log();
    let path = format!("/blob/{}", Hash::of(&list).to_hex());
    assert_eq!(world.get(&path).status, 410);
    assert!(!holds(&data, mark(&list)));
    // A closed log can state no other.
    world.stop_log();
    let other = Hash::of(&other).to_hex();
    let refused = world.operate(&["erase", &other, "--reason", REASON]);
    refused.refused(1, &["the log is closed"]);
}

/// A mirror's copy is its operator's to erase.
#[test]
fn a_mirror_keeps_its_copy_until_its_own_operator_erases_it() {
    let (mut world, _made, [list, _]) = scene();
    world.start_log();
    let dir = world.path("mirror").display().to_string();
    let call = |arguments: &[&str]| {
        let arguments = [&["mirror"], arguments, &["--dir", &dir]].concat();
        run("ishibumi-witness", arguments)
    };
    call(&["init", "--name", "mirror.example/m"]).done();
    call(&["add-log", "--vkey", world.vkey(), "--url", world.url()]).done();
    call(&["follow"]).done();
    let digest = Hash::of(&list).to_hex();
    let path = format!("/{}/blob/{digest}", Hash::of(ORIGIN.as_bytes()));
    let served = || {
        let mut command = Command::new(program("ishibumi-witness"));
        command.args(["mirror", "serve", "--listen", "127.0.0.1:0", "--dir", &dir]);
        let mirror = Running::start(&mut command).expect("the mirror starts");
        let answer = http::get(&mirror.url, &path).expect("an answer");
        assert_eq!(mirror.terminate().code, 0);
        answer
    };
    assert_eq!(served().expect(200).body, list);

    world.stop_log();
    let erased = world.operate(&["erase", &digest, "--reason", REASON]);
    erased.done();
    world.start_log();
    call(&["add-log", "--vkey", world.vkey(), "--url", world.url()]).done();
    let followed = json(&call(&["follow", "--json"]).done());
    assert_eq!(followed["logs"][0]["missing_blobs"], 0);
    assert_eq!(served().expect(200).body, list);

    let erase = ["erase", "--json", "--origin", ORIGIN, "--blob", &digest];
    assert_eq!(json(&call(&erase).done())["was_there"], true);
    assert_eq!(json(&call(&erase).done())["was_there"], false);
    let copy = Path::new(&dir).join("logs");
    assert!(!holds(&copy, mark(&list)));
    call(&["follow"]).done();
    assert_eq!(served().status, 404);

    // One that comes later finds a log without it, and misses nothing.
    let late = world.path("late").display().to_string();
    let call = |arguments: &[&str]| {
        let arguments = [&["mirror"], arguments, &["--dir", &late]].concat();
        run("ishibumi-witness", arguments)
    };
    call(&["init", "--name", "mirror.example/late"]).done();
    call(&["add-log", "--vkey", world.vkey(), "--url", world.url()]).done();
    let followed = json(&call(&["follow", "--json"]).done());
    assert_eq!(followed["logs"][0]["missing_blobs"], 0);
    assert_eq!(followed["logs"][0]["blobs"], 1);
}
