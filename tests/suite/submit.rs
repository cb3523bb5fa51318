//! A provider sends a folder or a list, is interrupted, and gives the same command again.

use std::fs;

use ishibumi_tests::artifacts::Artifacts;
use ishibumi_tests::process::{Ended, run};
use ishibumi_tests::world::{Setup, World};
use serde_json::Value;

/// A provider's folder with three tokens and a document, and its command.
struct Sender {
    world: World,
    folder: String,
}

impl Sender {
    fn new() -> Self {
        let made = Artifacts::new();
        let world = World::new(Setup {
            witnesses: 1,
            quorum: 1,
            providers: vec![made.provider()],
            ..Setup::default()
        });
        let folder = world.path("outgoing");
        fs::create_dir(&folder).unwrap();
        for number in 0..3_u8 {
            let reply = made.reply("tsa-one", &[number]);
            fs::write(folder.join(format!("{number}.tsr")), reply).unwrap();
        }
        fs::write(folder.join("contract.txt"), "we agree\n").unwrap();
        fs::write(world.path("token"), world.token("north")).unwrap();
        let folder = folder.display().to_string();
        Self { world, folder }
    }

    fn send(&self, url: &str, words: &[&str]) -> Ended {
        let token = self.world.path("token").display().to_string();
        let fixed = ["--json", "submit", "--log", url, "--token-file", &token];
        run("ishibumi", [&fixed[..], words].concat())
    }
}

fn counts(ended: &Ended) -> [u64; 4] {
    let said: Value =
        serde_json::from_str(&ended.out).unwrap_or_else(|it| panic!("{it}: {ended:?}"));
    ["submitted", "of", "proven_before", "no_artifacts"].map(|name| said[name].as_u64().unwrap())
}

#[test]
fn what_has_its_proof_is_passed_over() {
    let sender = Sender::new();
    let url = sender.world.url().to_owned();
    let first = format!("{}/0.tsr", sender.folder);
    assert_eq!(counts(&sender.send(&url, &[&first])), [1, 1, 0, 0]);
    let rest = sender.send(&url, &[&sender.folder]);
    assert_eq!((counts(&rest), rest.code), ([2, 2, 1, 1], 0));
    // All of it again, as a list: nothing is left to be sent.
    let list = sender.world.path("list");
    let names = (0..3).map(|number| format!("{}/{number}.tsr\n", sender.folder));
    fs::write(&list, names.collect::<String>()).unwrap();
    let again = sender.send(&url, &["--list", list.to_str().unwrap()]);
    assert_eq!((counts(&again), again.code), ([0, 0, 3, 0], 0));
    // The named file is sent, whatever lies beside it: the record is the same.
    assert_eq!(counts(&sender.send(&url, &[&first])), [1, 1, 0, 0]);
    assert_eq!(sender.send(&url, &[]).code, 2);
}

#[test]
fn a_log_that_does_not_answer_is_not_asked_for_every_file() {
    let sender = Sender::new();
    // No process listens there: the port was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let words = ["--jobs", "1", "--give-up", "2", &sender.folder];
    let ended = sender.send(&nobody, &words);
    assert_eq!((counts(&ended), ended.code), ([0, 3, 0, 1], 3));
    assert_eq!(
        ended.out.matches("not sent: nobody answered").count(),
        1,
        "{}",
        ended.out
    );
    // The control: all three are tried.
    let ended = sender.send(&nobody, &["--jobs", "1", "--give-up", "0", &sender.folder]);
    assert!(!ended.out.contains("not sent"), "{}", ended.out);
}
