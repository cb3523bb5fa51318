//! Proofs with the fewest signatures, from the log and from a whole proof: smaller, and proof of
//! the same.

use std::fs;
use std::path::Path;

use ishibumi_tests::http;
use ishibumi_tests::process::{Ended, run};
use ishibumi_tests::world::{OPAQUE, Setup, World};
use ishibumi_tlog::proof::TlogProof;

const ENTRY: &[u8] = b"what the proof is about";

struct Proofs {
    world: World,
    leaf: String,
}

impl Proofs {
    fn new() -> Self {
        let world = World::new(Setup::default());
        let answer = world
            .submit("lab", OPAQUE, "?wait=quorum", ENTRY)
            .expect(200);
        let leaf = answer.header("ishibumi-leaf").unwrap().to_owned();
        Self { world, leaf }
    }

    fn ask(&self, query: &str) -> http::Answer {
        let path = format!("/v1/proof/{}{query}", self.leaf);
        http::get(self.world.url(), &path).expect("an answer")
    }

    /// Keeps a proof as a file.
    fn keep(&self, name: &str, proof: &[u8]) -> String {
        let path = self.world.path(name);
        fs::write(&path, proof).unwrap();
        path.display().to_string()
    }

    fn proof(&self, command: &[&str]) -> Ended {
        let policy = self.world.path("policy.txt").display().to_string();
        let fixed = ["proof", command[0], "--policy", &policy];
        run("ishibumi", [&fixed[..], &command[1..]].concat())
    }

    fn verify(&self, proof: &str, more: &[&str]) -> i32 {
        let words = [&["verify", "--leaf", &self.leaf, proof], more].concat();
        self.proof(&words).code
    }
}

fn signatures(proof: &[u8]) -> usize {
    TlogProof::parse(proof)
        .unwrap()
        .checkpoint
        .signatures()
        .len()
}

#[test]
fn a_proof_with_the_least_signatures_is_one_by_the_policy() {
    let proofs = Proofs::new();
    let whole = proofs.ask("").expect(200).body;
    let least = proofs.ask("?signatures=least").expect(200).body;
    let quantum = proofs
        .ask("?fresh&signatures=least-post-quantum")
        .expect(200)
        .body;
    // Two keys of the log and of at least two witnesses; against one of the log and of two.
    assert!(signatures(&whole) >= 6);
    assert_eq!((signatures(&least), signatures(&quantum)), (3, 3));
    assert!(
        least.len() < 1000 && whole.len() > 10 * least.len(),
        "{} {}",
        whole.len(),
        least.len()
    );
    let names = ["whole", "least", "quantum"];
    let files = [&whole, &least, &quantum];
    let paths: Vec<String> = names
        .iter()
        .zip(files)
        .map(|(name, it)| proofs.keep(name, it))
        .collect();
    for path in &paths {
        assert_eq!(proofs.verify(path, &[]), 0, "{path}");
    }
    // The control: a verifier that asks for more misses the lines that were cut off.
    let codes = paths
        .iter()
        .map(|path| proofs.verify(path, &["--post-quantum"]));
    assert_eq!(codes.collect::<Vec<_>>(), [0, 4, 0]);

    // A whole proof becomes such a one without the log, and is not written over.
    let cut = proofs.world.path("cut").display().to_string();
    let made = proofs.proof(&["least", "--out", &cut, &paths[0]]);
    assert_eq!(made.code, 0, "{made:?}");
    assert_eq!(signatures(&fs::read(&cut).unwrap()), 3);
    assert_eq!(proofs.verify(&cut, &[]), 0);
    let onto_itself = proofs.proof(&["least", "--out", &paths[0], &paths[0]]);
    assert_eq!(onto_itself.code, 2);
    assert_eq!(fs::read(&paths[0]).unwrap(), whole);
    // Files that are there already as they should be are done.
    assert_eq!(proofs.proof(&["least", "--out", &cut, &paths[0]]).code, 0);
    let other = proofs.world.path("other").display().to_string();
    let refused = proofs.proof(&["least", "--post-quantum", "--out", &other, &paths[1]]);
    assert_eq!(
        (refused.code, Path::new(&other).exists()),
        (4, false),
        "{refused:?}"
    );
}

#[test]
fn submissions_are_answered_with_it_on_demand() {
    let proofs = Proofs::new();
    let answer = proofs
        .world
        .submit("lab", OPAQUE, "?wait=quorum&signatures=least", b"another");
    assert_eq!(signatures(&answer.expect(200).body), 3);
    let again = proofs
        .world
        .submit("lab", OPAQUE, "?signatures=least", ENTRY);
    assert_eq!(signatures(&again.expect(200).body), 3);
    for query in ["?signatures=few", "?signature=least", "?wait=quorum&fresh"] {
        let refused = proofs.world.submit("lab", OPAQUE, query, ENTRY);
        refused.expect_problem(400, "malformed-query");
    }
    proofs
        .ask("?wait=quorum")
        .expect_problem(400, "malformed-query");
}

#[test]
fn who_comes_to_a_wrong_place_is_told_the_right_ones() {
    let world = World::new(Setup {
        mirrors: 1,
        ..Setup::default()
    });
    let mirror = format!("http://{}", world.mirrors[0].address);
    let witness = format!("http://{}", world.witnesses[0].address);
    for (url, words) in [
        (world.url(), "/v1/submit"),
        (&*mirror, "SHA-256 of the log's origin"),
        (&*witness, "/add-checkpoint"),
    ] {
        for path in ["/", "/v2/submit", "/favicon.ico"] {
            let answer = http::get(url, path).unwrap().expect(404);
            assert!(answer.text().contains(words), "{path}: {answer}");
        }
    }
    // The configuration may be named on either side of the command.
    let config = world.path("log.toml").display().to_string();
    let after = run("ishibumi-log", ["vkey", "--config", &config]);
    assert_eq!((after.code, after.out), (0, world.operate(&["vkey"]).out));
}
