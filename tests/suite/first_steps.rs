//! The first pages do what they say: their commands, taken out of the text, run one after another
//! on what a newcomer has, with nothing but the log's address put in.

use std::fs;
use std::path::Path;
use std::process::Command;

use ishibumi_tests::artifacts::Artifacts;
use ishibumi_tests::process::{Ended, program};
use ishibumi_tests::world::{Setup, World, copy_dir};

const PATH_LINE: &str = "export PATH=\"$PWD/target/release:$PATH\"";

const PAGES: [(&str, &str); 6] = [
    ("README.md", include_str!("../../README.md")),
    ("README.ja.md", include_str!("../../README.ja.md")),
    (
        "first-verification.md",
        include_str!("../../docs/first-verification.md"),
    ),
    (
        "first-verification.ja.md",
        include_str!("../../docs/first-verification.ja.md"),
    ),
    ("providers.md", include_str!("../../docs/providers.md")),
    (
        "providers.ja.md",
        include_str!("../../docs/providers.ja.md"),
    ),
];

fn page(name: &str) -> &'static str {
    PAGES.iter().find(|(known, _)| *known == name).unwrap().1
}

/// The code blocks behind a heading, up to the next one of its level, without indentation.
fn blocks(page: &str, heading: &str) -> Vec<String> {
    let (_, behind) = page.split_once(&format!("\n{heading}\n")).unwrap();
    let section = behind.split("\n## ").next().unwrap();
    let mut blocks: Vec<Vec<&str>> = Vec::new();
    let mut inside = false;
    for line in section.lines().map(str::trim_start) {
        if line.starts_with("```") {
            inside = !inside;
            if inside {
                blocks.push(Vec::new());
            }
        } else if inside && let Some(block) = blocks.last_mut() {
            block.push(line);
        }
    }
    blocks.into_iter().map(|block| block.join("\n")).collect()
}

/// A newcomer's state: a log with two of the newcomer's tokens, and `demo/` as the quickstart
/// leaves it.
struct Desk {
    world: World,
}

impl Desk {
    fn new() -> Self {
        let made = Artifacts::new();
        let world = World::new(Setup {
            providers: vec![made.provider()],
            ..Setup::default()
        });
        let path = |name: &str| world.path(name);
        for folder in [
            "anchors",
            "demo/documents",
            "demo/artifacts",
            "demo/private/log",
        ] {
            fs::create_dir_all(path(folder)).unwrap();
        }
        for name in ["root.crt", "issuing.crt"] {
            fs::copy(made.path(name), path(&format!("anchors/{name}"))).unwrap();
        }
        copy_dir(&path("anchors"), &path("demo/anchors"));
        for name in ["policy.txt", "demo/policy.txt"] {
            fs::write(path(name), world.policy_text()).unwrap();
        }
        for (document, token) in [
            ("contract.pdf", "contract.pdf.tst"),
            ("demo/documents/one", "demo/artifacts/one.tst"),
        ] {
            fs::write(path(document), document).unwrap();
            fs::write(path(token), made.token("tsa-one", document.as_bytes())).unwrap();
        }
        let artifacts = path("demo/artifacts");
        fs::write(artifacts.join("e-seal.crt"), made.certificate("seal")).unwrap();
        fs::write(artifacts.join("seal-ca.crl"), made.crl("issuing")).unwrap();
        let serving = format!("listening on {}\n", world.url());
        fs::write(path("demo/private/log/serve.out"), serving).unwrap();
        for name in ["demo/private/log/bearer-token", "bearer-token"] {
            fs::write(path(name), world.token("north")).unwrap();
        }
        fs::write(path("contract.tsr"), made.reply("tsa-two", b"contract")).unwrap();
        fs::create_dir(path("issued")).unwrap();
        for name in ["one", "two"] {
            let reply = made.reply("tsa-one", name.as_bytes());
            fs::write(path(&format!("issued/{name}.tsr")), reply).unwrap();
        }
        // It has a later time than all issued tokens.
        for (name, ca) in [("unit-ca.crl", "issuing"), ("root-ca.crl", "root")] {
            fs::write(path(name), made.crl(ca)).unwrap();
        }
        let desk = Self { world };
        // The provider sent the proof of one token with it; that of the contract the newcomer has
        // to fetch. The log has the issuer's list, and the demo's newcomer collected it.
        let submit = "submit() { ishibumi submit --log https://LOG --token-file demo/private/log/bearer-token \"$@\"; }
            submit --out elsewhere contract.pdf.tst && submit demo/artifacts &&
            mv demo/artifacts/one.tst.tlog-proof demo/artifacts/one.tlog-proof &&
            ishibumi evidence get --from https://LOG --policy demo/policy.txt --anchors demo/anchors demo/artifacts";
        let _ = desk.run(submit).done();
        desk
    }

    /// Runs a block as a terminal would.
    fn run(&self, block: &str) -> Ended {
        let programs = program("ishibumi");
        let programs = Path::new(&programs).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let block = block.replace("https://LOG", self.world.url());
        let mut bash = Command::new("bash");
        bash.args(["-c", &block]).current_dir(self.world.path(""));
        bash.env("PATH", format!("{}:{path}", programs.display()));
        bash.env("LC_ALL", "C.UTF-8");
        Ended::from(bash.output().unwrap())
    }
}

#[test]
fn the_own_verification_of_both_pages_goes_as_they_say() {
    for (name, heading, proven) in [
        ("first-verification.md", "## Verify your own", "PROVEN"),
        (
            "first-verification.ja.md",
            "## ご自身のものを検証する",
            "証明済み",
        ),
    ] {
        let desk = Desk::new();
        let steps = blocks(page(name), heading);
        let [get, verify, pack] = &steps[..] else {
            panic!("{steps:#?}");
        };
        // The control: before the proof is fetched there is nothing to verify.
        assert_eq!(desk.run(verify).code, 3);
        let _ = desk.run(get).done();
        let said = desk.run(verify).done();
        assert!(said.starts_with(proven), "{said}");
        let _ = desk.run(pack).done();
        assert!(desk.world.path("contract.evidence.zip").is_file());

        let heading = if proven == "PROVEN" {
            "## Verify"
        } else {
            "## 検証する"
        };
        let steps = blocks(page(name), heading);
        let said = desk.run(&steps[0]).done();
        assert!(said.starts_with(proven), "{said}");
    }
}

#[test]
fn the_tour_of_both_readmes_goes_as_they_say() {
    for (name, heading, words) in [
        (
            "README.md",
            "## Five-minute tour",
            ["PROVEN (TOTAL-PASSED)", "DISPROVEN"],
        ),
        (
            "README.ja.md",
            "## 五分間の案内",
            ["証明済み (TOTAL-PASSED)", "TOTAL-FAILED"],
        ),
    ] {
        let desk = Desk::new();
        let steps = blocks(page(name), heading);
        let steps: Vec<&str> = steps[0]
            .lines()
            .filter(|it| !it.starts_with("kill "))
            .collect();
        let ended = desk.run(&steps.join("\n"));
        let said = format!("{}{}", ended.out, ended.err);
        for word in words {
            assert!(said.contains(word), "{name}: no {word} in {said}");
        }
        assert!(!said.contains("command not found"), "{said}");
        // The last step is the one that a log has to answer.
        assert_eq!(ended.code, 0, "{name}: {said}");
        assert!(desk.world.path("demo/seen").is_file(), "{said}");
    }
}

#[test]
fn a_provider_sends_one_and_many_as_the_pages_say() {
    for (name, [one, many, lists]) in [
        (
            "providers.md",
            [
                "## One token, with curl",
                "## Many at once",
                "## Your revocation lists, every day",
            ],
        ),
        (
            "providers.ja.md",
            [
                "## 一件を curl で",
                "## まとめて送る",
                "## 失効リストは毎日残してください",
            ],
        ),
    ] {
        let desk = Desk::new();
        let steps = blocks(page(name), one);
        let [curl, submit] = &steps[..] else {
            panic!("{steps:#?}");
        };
        assert_eq!(desk.run(curl).done().trim(), "200", "{name}");
        let verify = "mv contract.tsr.answer contract.tsr.tlog-proof &&
            ishibumi verify --revocation unit-ca.crl --policy policy.txt --anchors anchors contract.tsr";
        let _ = desk.run(verify).done();
        let steps = blocks(page(name), many);
        let [python, batch] = &steps[..] else {
            panic!("{steps:#?}");
        };
        fs::write(desk.world.path("batch.py"), python).unwrap();
        let said = desk.run(batch).done();
        assert!(said.contains("leaf") && !said.contains("error"), "{said}");
        let _ = desk.run(submit).done();
        assert!(desk.world.path("issued/two.tsr.tlog-proof").is_file());
        let steps = blocks(page(name), lists);
        let _ = desk.run(&steps[0]).done();
        assert!(desk.world.path("unit-ca.crl.tlog-proof").is_file());
        // The control: a made-up token is refused, and the proof stays what it is.
        fs::write(desk.world.path("bearer-token"), "stranger").unwrap();
        assert_eq!(desk.run(curl).code, 22, "{name}");
        let _ = desk
            .run("ishibumi verify --revocation unit-ca.crl --policy policy.txt --anchors anchors contract.tsr")
            .done();
    }
}

/// `ishibumi` is not in the PATH before the user puts it there.
#[test]
fn every_first_page_puts_the_programs_into_the_path() {
    for (name, page) in PAGES {
        let commands = page.match_indices("\nishibumi").map(|(at, _)| at);
        let Some(first) = commands.min() else {
            panic!("{name}: no command");
        };
        let line = page.find(PATH_LINE);
        assert!(line.is_some_and(|line| line < first), "{name}");
    }
}
