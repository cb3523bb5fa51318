//! Admission that one sender cannot take: a provider that sends thousands of artifacts holds up no
//! other, and a sender of refused artifacts uses up its own quota. The order is asserted, no times.

use std::sync::mpsc::channel;

use ishibumi_tests::artifacts::{Artifacts, REPLY};
use ishibumi_tests::process::eventually;
use ishibumi_tests::world::{OPAQUE, Setup, World, submit};

const BATCH: &str = "application/vnd.ishibumi.batch";

/// A batch of this reply, so many times.
fn batch(reply: &[u8], times: usize) -> Vec<u8> {
    let len = u32::try_from(reply.len()).unwrap().to_be_bytes();
    [&[1][..], &len, reply].concat().repeat(times)
}

/// How many artifacts were tried so far.
fn tried(world: &World) -> u64 {
    let metrics = ishibumi_tests::http::get(&world.running().admin_url, "/metrics");
    let metrics = metrics.unwrap().expect(200).text();
    let name = "ishibumi_log_admission_seconds_count ";
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap().trim().parse().unwrap()
}

#[test]
fn a_batch_of_one_provider_holds_up_no_single_of_another() {
    const TIMES: usize = 3000;
    let made = Artifacts::new();
    let world = World::new(Setup {
        witnesses: 1,
        quorum: 1,
        providers: vec![made.provider()],
        ..Setup::default()
    });
    // Signed by a stranger: read, and verified, and refused.
    let refused = batch(&made.reply("tsu-stranger", b"of somebody else"), TIMES);
    let (tell, told) = channel();
    std::thread::scope(|scope| {
        let (url, token) = (world.url(), world.token("north"));
        scope.spawn(move || {
            let answer = submit(url, token, BATCH, "", &refused);
            tell.send(answer).unwrap();
        });
        let before = eventually("the batch begins", || {
            Some(tried(&world)).filter(|tried| *tried > 0)
        });
        for number in 0..5 {
            drop(world.put(format!("beside a batch {number}").as_bytes()));
        }
        // Five have come and gone, one after the other, and the batch, which was there first, is
        // still at work.
        let after = tried(&world);
        assert!(told.try_recv().is_err(), "{before}, {after} of {TIMES}");
        let answer = told.recv().unwrap().unwrap().expect(200).json();
        let results = answer["results"].as_array().unwrap();
        assert_eq!(results.len(), TIMES);
        let name = "urn:ishibumi:error:issuer-unregistered";
        assert!(results.iter().all(|it| it["error"]["type"] == name));
    });
}

#[test]
fn who_sends_what_is_refused_uses_up_his_own_quota() {
    let made = Artifacts::new();
    let mut world = World::new(Setup {
        witnesses: 1,
        quorum: 1,
        providers: vec![made.provider()],
        ..Setup::default()
    });
    world.stop_log();
    world.reconfigure(|config| {
        let quota: toml::Table = "quota = { per_day = 20 }".parse().unwrap();
        let providers = config["provider"].as_array_mut().unwrap();
        let mut north = providers
            .iter_mut()
            .filter(|it| it["id"].as_str() == Some("north"));
        north.next().unwrap().as_table_mut().unwrap().extend(quota);
    });
    world.start_log();
    let (strange, good) = (
        made.reply("tsu-stranger", b"of somebody else"),
        made.reply("tsa-one", b"a contract"),
    );
    let before = tried(&world);
    let answer = world.submit("north", BATCH, "", &batch(&strange, 100));
    let answer = answer.expect(200).json();
    let kind = |name: &str| {
        let name = format!("urn:ishibumi:error:{name}");
        let results = answer["results"].as_array().unwrap().iter();
        results.filter(|it| it["error"]["type"] == *name).count()
    };
    assert_eq!(
        (kind("issuer-unregistered"), kind("quota-exceeded")),
        (20, 80)
    );
    // All that follows is refused by the head alone, what is good as well.
    let after = tried(&world);
    for octets in [&strange, &good] {
        let answer = world.submit("north", REPLY, "", octets);
        assert!(answer.number("retry-after") > 0, "{answer}");
        answer.expect_problem(429, "quota-exceeded");
    }
    assert_eq!(tried(&world), after);
    assert!(after > before);
    // Control: another provider has its own.
    let _ = world.submit("lab", OPAQUE, "", b"of another").expect(200);
    world.stop_log();
}
