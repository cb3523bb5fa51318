//! A quorum that needs a mirror is reached only when the mirror has everything: it gets records
//! before they are published, and what it holds is the log's, octet by octet.

use ishibumi_tests::http;
use ishibumi_tests::process::eventually;
use ishibumi_tests::world::{OPAQUE, Setup, World, opaque_record, tile_path};
use ishibumi_tlog::note::Note;
use ishibumi_tlog::tile::{TileKind, TilePath, tile_width};
use ishibumi_tlog::{Checkpoint, Hash};

const BATCH: &str = "application/vnd.ishibumi.batch";

fn world(config: &str) -> World {
    World::new(Setup {
        witnesses: 2,
        mirrors: 1,
        config,
        ..Setup::default()
    })
}

/// The mirror's answer at `path` below the log's prefix.
fn mirrored(world: &World, path: &str) -> http::Answer {
    let url = format!("http://{}", world.mirrors[0].address);
    let origin = Hash::of(ishibumi_tests::world::ORIGIN.as_bytes());
    http::get(&url, &format!("/{origin}{path}")).unwrap()
}

fn mirrored_size(world: &World) -> u64 {
    let note = Note::parse(&mirrored(world, "/checkpoint").expect(200).body).unwrap();
    Checkpoint::parse(note.text()).unwrap().size
}

/// The copy of what is published is the log's, octet by octet.
fn assert_mirrored(world: &World) {
    let size = world.size();
    assert!(mirrored_size(world) >= size, "published before it was held");
    for index in 0..size.div_ceil(256) {
        let width = tile_width(0, index, size);
        let hashes = TilePath {
            kind: TileKind::Hashes(0),
            index,
            width,
        };
        for path in [tile_path(index, width), format!("/{hashes}")] {
            let (ours, theirs) = (world.get(&path), mirrored(world, &path));
            assert_eq!(ours.expect(200).body, theirs.expect(200).body, "{path}");
        }
    }
}

fn records(name: &str, count: u32) -> Vec<Vec<u8>> {
    let record = |number| format!("{name} {number} {}", "and so on ".repeat(20)).into_bytes();
    (0..count).map(record).collect()
}

/// Submits all of them at once and waits until they are durable, not until they are published.
fn submit_durable(world: &World, records: &[Vec<u8>]) {
    let mut batch = Vec::new();
    for record in records {
        batch.push(255);
        batch.extend(u32::try_from(record.len()).unwrap().to_be_bytes());
        batch.extend(record);
    }
    let answer = world.submit("lab", BATCH, "?wait=durable", &batch);
    assert!([200, 202].contains(&answer.status), "{answer}");
}

fn figure(world: &World, name: &str) -> u64 {
    world.status(name).as_u64().unwrap()
}

#[test]
fn nothing_is_published_before_the_mirror_holds_it() {
    // Few records in each request, so that catching up takes many.
    let mut world = world("[upload]\npackages_max = 2\n[sequencing]\nquorum_deadline_ms = 400");
    for number in 0..5 {
        let record = format!("record {number}").into_bytes();
        let answer = eventually("the quorum", || {
            let answer = world.submit("lab", OPAQUE, "", &record);
            (answer.status == 200).then_some(answer)
        });
        let proof = world.verified(&answer.body, &opaque_record(&record));
        let names = |name: &str| {
            let lines = proof.checkpoint.signatures().iter();
            lines.filter(|line| line.name == name).count()
        };
        assert_eq!(names("mirror1.example"), 2, "with both keys");
        assert_mirrored(&world);
    }

    world.kill_mirror(0);
    let published = world.size();
    let late = records("late", 3000);
    submit_durable(&world, &late);
    for _ in 0..3 {
        let _ = world.submit("lab", OPAQUE, "", &late[0]).expect(202);
    }
    assert_eq!(world.size(), published, "the quorum fails closed");
    assert_eq!(
        figure(&world, "staged_size"),
        published + 3000,
        "and nothing is lost"
    );
    assert!(figure(&world, "signed_size") >= published);
    // Not by a restart either.
    world.kill_log();
    world.start_log();
    assert_eq!(figure(&world, "staged_size"), published + 3000);
    assert_eq!(figure(&world, "published_size"), published);

    world.start_mirror(0);
    for record in [&late[0], &late[1500], &late[2999]] {
        world.proven(&opaque_record(record));
    }
    assert_eq!(world.size(), published + 3000);
    assert_mirrored(&world);
    world.stop_log();
    world.assert_sound();
}

/// A mirror that the quorum can do without delays no submitter, however far it is behind.
#[test]
fn a_mirror_that_is_far_behind_delays_nobody() {
    let mut world = world("[upload]\npackages_max = 1");
    let needed = world.policy_text();
    // The witnesses alone are the quorum.
    let optional = needed.replace("quorum held", "quorum g");
    assert_ne!(needed, optional);
    world.stop_log();
    std::fs::write(world.path("policy.txt"), &optional).unwrap();
    world.kill_mirror(0);
    world.start_log();
    submit_durable(&world, &records("before", 4000));
    let first = world.put(b"without the mirror");
    world.verified(&first.body, &opaque_record(b"without the mirror"));
    assert_eq!(world.cosigners(), 2);
    let behind = figure(&world, "signed_size");

    world.start_mirror(0);
    let mut number = 0_u32;
    eventually("the mirror to catch up", || {
        // Meanwhile every submission gets its proof.
        number += 1;
        let record = format!("meanwhile {number}").into_bytes();
        world.verified(&world.put(&record).body, &opaque_record(&record));
        let checkpoint = mirrored(&world, "/checkpoint");
        (checkpoint.status == 200 && mirrored_size(&world) >= behind).then_some(())
    });
    // And its cosignature is collected.
    eventually("the mirror's cosignature", || {
        (world.cosigners() == 3).then_some(())
    });
    eventually("the whole copy", || {
        (mirrored_size(&world) >= world.size()).then_some(())
    });
    assert_mirrored(&world);
    let status = world.status("witnesses");
    let mirror = status
        .as_array()
        .unwrap()
        .iter()
        .find(|w| w["mirror"] == true);
    assert_eq!(mirror.unwrap()["name"], "mirror1.example");
}

/// The mirrors in the configuration have to be in the policy.
#[test]
fn a_mirror_that_the_policy_does_not_know_is_refused() {
    let world = World::prepared(Setup::default());
    world.reconfigure(|config| {
        config.insert("mirrors".into(), vec!["m7"].into());
    });
    let ended = world.try_start_log().unwrap_err();
    ended.refused(1, &["mirrors", "\"m7\"", "policy.txt"]);
}
