//! Witnesses come and go: two of three are enough, one is not, and who comes late is still
//! collected.

use ishibumi_tests::process::eventually;
use ishibumi_tests::world::{OPAQUE, Setup, World, opaque_record};

#[test]
fn two_of_three_are_enough_with_one_dead() {
    let mut world = World::new(Setup::default());
    world.put(b"all three");
    world.kill_witness(1);
    let answer = world.put(b"two");
    let record = opaque_record(b"two");
    world.verified(&answer.body, &record);
    assert_eq!(world.cosigners(), 2);
    // Back again, it is behind; it catches up and its cosignature is collected.
    world.start_witness(1);
    world.put(b"three again");
    eventually("the third cosignature", || {
        (world.cosigners() == 3).then_some(())
    });
}

#[test]
fn without_a_quorum_nothing_is_proven_and_nothing_lost() {
    let mut world = World::new(Setup {
        config: "[sequencing]\nquorum_deadline_ms = 300",
        ..Setup::default()
    });
    world.put(b"before");
    let published = world.checkpoint().checkpoint().clone();
    world.kill_witness(0);
    world.kill_witness(2);
    let late = |octets: &[u8]| world.submit("lab", OPAQUE, "", octets).expect(202);
    let first = late(b"late 1");
    let place = first.json();
    assert_eq!(first.number("retry-after"), 1);
    let again = late(b"late 1");
    assert_eq!(
        (again.json(), again.number("ishibumi-added")),
        (place.clone(), 0)
    );
    // One head ahead of its witnesses at most: it is signed with the first record, and none after
    // it.
    let signed = published.size + 1;
    eventually("the head with the first", || {
        (world.status("signed_size") == signed).then_some(())
    });
    late(b"late 2");
    // A checkpoint without its quorum is not served; and one witness is no quorum.
    assert_eq!(*world.checkpoint().checkpoint(), published);
    let path = place["proof"].as_str().unwrap();
    let _ = world.get(path).expect(202);
    late(b"late 3");
    assert_eq!(world.status("staged_size"), published.size + 3);
    assert_eq!(world.status("signed_size"), signed);

    // Neither a restart nor time makes a quorum.
    world.kill_log();
    world.start_log();
    let _ = world.get(path).expect(202);
    world.start_witness(2);
    for octets in [b"late 1", b"late 2", b"late 3"] {
        let proof = world.proven(&opaque_record(octets));
        assert_eq!(
            proof.checkpoint.signatures().len(),
            6,
            "the log's two keys and those of two witnesses"
        );
    }
    assert_eq!(world.size(), published.size + 3);
    // The third comes long after the quorum had published.
    world.start_witness(0);
    eventually("the third cosignature", || {
        (world.cosigners() == 3).then_some(())
    });
    world.assert_one_history(&[published]);
}

#[test]
fn a_log_whose_witnesses_were_never_there_says_so() {
    let mut world = World::prepared(Setup {
        config: "[sequencing]\nquorum_deadline_ms = 200",
        ..Setup::default()
    });
    for number in 0..3 {
        world.kill_witness(number);
    }
    world.start_log();
    let checkpoint = world.get("/checkpoint");
    checkpoint.expect_problem(503, "no-quorum-yet");
    assert_eq!(checkpoint.number("retry-after"), 1);
    world.get("/readyz").expect_problem(503, "no-quorum-yet");
    let _ = world.get("/healthz").expect(200);
    let _ = world.submit("lab", OPAQUE, "", b"waits").expect(202);
    world
        .get("/tile/entries/000.p/1")
        .expect_problem(404, "not-found");
    for number in 0..3 {
        world.start_witness(number);
    }
    world.proven(&opaque_record(b"waits"));
    let _ = world.get("/readyz").expect(200);
}
