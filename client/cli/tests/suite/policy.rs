//! `policy explain`, `--post-quantum`, `proof verify` and `audit --any-entries`: the demand is
//! explained, and the explained demand is the one that decides.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::log::Log;
use crate::support::pki::Pki;
use crate::support::{command, ishibumi};
use ishibumi_artifact::ArtifactType;
use ishibumi_tlog::hash::leaf_hash;
use tempfile::TempDir;

const T: u64 = 1_800_000_000;

/// A folder with a policy, and a log of `size` records.
fn scene(policy: impl Fn(&Log) -> String, size: u64) -> (TempDir, Log) {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::new();
    log.grow(size);
    fs::write(folder.path().join("policy.txt"), policy(&log)).unwrap();
    (folder, log)
}

/// The first witness, or both of two that one operator seems to run.
fn nested(log: &Log) -> String {
    let policy = log.policy().replace(
        "group two 2 w1 w2 w3\nquorum two\n",
        "group pair all w2 w3\ngroup either any w1 pair\nquorum either\n",
    );
    let with_url = |line: &str| match line.split(' ').nth(1) {
        Some(name @ ("w2" | "w3")) if line.starts_with("witness") => {
            format!("{line} https://ops.example/{name}\n")
        }
        _ => format!("{line}\n"),
    };
    policy.lines().map(with_url).collect()
}

#[test]
fn a_policy_is_explained_as_the_tree_that_it_is() {
    let (folder, _) = scene(nested, 1);
    let said = ishibumi(folder.path(), "policy explain policy.txt")
        .expect(0)
        .stdout;
    for words in [
        "\n  any one of the 2 of the group either:\n    w1 (w1.example, Ed25519)\n",
        "\n    all 2 of the group pair:\n      w2 (w2.example, Ed25519)\n      w3",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    // `pair` counts both; `either` would count any two of its members once.
    assert!(said.contains("warning: the witnesses w2 and w3"), "{said}");
    assert!(said.contains("the same host ops.example"), "{said}");
    assert!(!said.contains("w1 and"), "{said}");
    let japanese = ishibumi(folder.path(), "policy explain policy.txt --lang ja")
        .expect(0)
        .stdout;
    assert!(japanese.contains("グループ pair の 2 者全員"), "{japanese}");
    assert!(japanese.contains("警告: 証人 w2"), "{japanese}");
    let json = ishibumi(folder.path(), "policy explain policy.txt --json")
        .expect(0)
        .json();
    assert_eq!(json["warnings"][0]["kind"], "counts-twice");
    assert_eq!(json["checkpoint"], serde_json::Value::Null);

    // No post-quantum quorum can be reached here.
    let line = "policy explain policy.txt --post-quantum";
    let said = ishibumi(folder.path(), line).expect(4).stdout;
    assert!(said.contains("can never be met"), "{said}");
    ishibumi(folder.path(), "policy explain absent.txt").expect(3);
    fs::write(folder.path().join("bad.txt"), "frobnicate\n").unwrap();
    let bad = ishibumi(folder.path(), "policy explain bad.txt")
        .expect(2)
        .stdout;
    assert!(
        bad.contains("line 1") && bad.contains("frobnicate"),
        "{bad}"
    );
}

#[test]
fn a_checkpoint_is_explained_and_the_exit_code_is_the_decision() {
    let (folder, log) = scene(nested, 5);
    let explain = |note: String, flags: &str| {
        fs::write(folder.path().join("checkpoint"), note).unwrap();
        let line = format!("policy explain policy.txt --checkpoint checkpoint {flags}");
        ishibumi(folder.path(), &line)
    };
    let met = explain(log.note(5, &[T]).encode(), "").expect(0).stdout;
    for words in [
        "[x] any one of the 2 of the group either: 1 have, enough since 2027-01-15T08:00:00Z",
        "[x] w1 (w1.example, Ed25519): cosigned at 2027-01-15T08:00:00Z",
        "[ ] w3 (w3.example, Ed25519): missing",
        "[ ] all 2 of the group pair: 0 have, too few",
        "quorum: MET",
    ] {
        assert!(met.contains(words), "{words}: {met}");
    }
    // The log alone, and w2 without w3: not trusted, and the missing witness is named.
    let lone = explain(log.note(5, &[]).encode(), "--json")
        .expect(4)
        .json();
    assert_eq!(lone["checkpoint"]["signed_by_log"], true);
    assert_eq!(lone["checkpoint"]["trusted"], false);
    let note = log.note(5, &[T, T + 1]).encode();
    let without_first: String = note
        .lines()
        .filter(|line| !line.contains("w1.example"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let json = explain(without_first, "--json").expect(4).json();
    let members = json["checkpoint"]["members"].as_array().unwrap();
    let satisfied: Vec<(&str, bool)> = members
        .iter()
        .map(|member| {
            let name = member["group"].as_str().or(member["witness"].as_str());
            (name.unwrap(), member["satisfied"].as_bool().unwrap())
        })
        .collect();
    assert_eq!(
        satisfied,
        [
            ("either", false),
            ("w1", false),
            ("pair", false),
            ("w2", true),
            ("w3", false)
        ]
    );
    assert_eq!(json["checkpoint"]["not_after"], serde_json::Value::Null);

    // A signature by a known key over another text, another log's checkpoint, and no note at all.
    let forged = log.note(5, &[T]).encode().replace("\n5\n", "\n4\n");
    explain(forged, "").expect(1);
    let other = log
        .note(5, &[T])
        .encode()
        .replace("t.example/log\n5", "u.example/log\n5");
    explain(other, "").expect(4);
    explain("no note".to_owned(), "").expect(4);

    let mut child = command(folder.path())
        .args(["policy", "explain", "policy.txt", "--checkpoint", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let note = log.note(5, &[T]).encode();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(note.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_post_quantum_quorum_is_met_by_post_quantum_keys_alone() {
    let (folder, log) = scene(Log::mixed_policy, 9);
    let folder = folder.path();
    let write = |name: &str, note| fs::write(folder.join(name), log.proof_under(7, note)).unwrap();
    write("classic", log.mixed_note(9, &[T, T, T], &[T]));
    write("quantum", log.mixed_note(9, &[T, T], &[T + 5, T + 9]));
    let leaf = leaf_hash(log.record(7)).to_hex();
    let verify = |flags: &str, proof: &str| {
        let line = format!("proof verify --json --policy policy.txt {flags} --leaf {leaf} {proof}");
        ishibumi(folder, &line)
    };
    verify("", "classic").expect(0);
    let refused = verify("--post-quantum", "classic").expect(4).stdout;
    assert!(
        refused.contains("q1.example") && !refused.contains("w1.example"),
        "{refused}"
    );
    let any = verify("", "quantum").expect(0).json();
    assert_eq!(any["not_after"], "2027-01-15T08:00:00Z");
    // The proven time rests on them alone too.
    let quantum = verify("--post-quantum", "quantum").expect(0).json();
    assert_eq!(quantum["not_after"], "2027-01-15T08:00:09Z");
    assert_eq!(quantum["post_quantum"], true);
    assert_eq!(quantum["witnesses_in_policy"], 2);

    // A policy that can never be met this way is the caller's mistake.
    fs::write(folder.join("policy.txt"), log.policy()).unwrap();
    verify("--post-quantum", "quantum").expect(2);
    fs::write(
        folder.join("note"),
        log.mixed_note(9, &[T, T, T], &[T]).encode(),
    )
    .unwrap();
    fs::write(folder.join("policy.txt"), log.mixed_policy()).unwrap();
    let line = "policy explain policy.txt --checkpoint note --post-quantum";
    let said = ishibumi(folder, line).expect(4).stdout;
    assert!(
        said.contains("w1 (w1.example, Ed25519), which does not count here"),
        "{said}"
    );
    assert!(
        said.contains("q1 (q1.example, ML-DSA-44): cosigned"),
        "{said}"
    );
}

#[test]
fn a_proof_of_any_log_is_verified_by_entry_or_leaf_hash() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::foreign();
    for n in 0..300_u32 {
        log.add_octets(format!("entry of others {n}").into_bytes());
    }
    let folder = folder.path();
    fs::write(folder.join("policy.txt"), log.policy()).unwrap();
    fs::write(folder.join("entry"), "entry of others 271").unwrap();
    fs::write(folder.join("other"), "entry of others 272").unwrap();
    fs::write(folder.join("proof"), log.proof(271, &[T, T])).unwrap();
    fs::write(folder.join("alone"), log.proof(271, &[])).unwrap();
    let verify = |flags: &str, proof: &str| {
        ishibumi(
            folder,
            &format!("proof verify --policy policy.txt {flags} {proof}"),
        )
    };
    let said = verify("--entry entry", "proof").expect(0).stdout;
    assert!(said.contains("number 271 in a tree of 300"), "{said}");
    let leaf = leaf_hash(b"entry of others 271").to_hex();
    verify(&format!("--leaf {leaf}"), "proof").expect(0);
    verify("--entry other", "proof").expect(1);
    verify("--entry entry", "entry").expect(4);
    verify("--entry entry", "alone").expect(4);
    verify("--entry entry", "absent").expect(3);
    verify("", "proof").expect(2);
    verify("--leaf 12", "proof").expect(2);
    let proof = fs::read_to_string(folder.join("proof")).unwrap();
    fs::write(
        folder.join("moved"),
        proof.replace("index 271", "index 270"),
    )
    .unwrap();
    verify("--entry entry", "moved").expect(1);

    let nobody = log.policy().replace("quorum two", "quorum none");
    fs::write(folder.join("policy.txt"), nobody).unwrap();
    verify("--entry entry", "alone").expect(2);
    let said = verify("--allow-no-quorum --entry entry", "alone")
        .expect(0)
        .stdout;
    assert!(said.contains("no time is proven"), "{said}");
    verify("--allow-no-quorum --entry other", "alone").expect(1);
}

#[test]
fn a_log_of_others_is_audited_without_reading_its_entries() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut log = Log::foreign();
    for n in 0..300_u32 {
        log.add_octets(format!("entry of others {n}").into_bytes());
    }
    log.publish(&folder.join("log"), T);
    fs::write(folder.join("policy.txt"), log.policy()).unwrap();
    let audit = |flags: &str| {
        ishibumi(
            folder,
            &format!("audit --json --policy policy.txt --state seen {flags} log"),
        )
    };
    // Its first entry is no opening statement of ours.
    audit("").expect(1);
    let json = audit("--any-entries").expect(0).json();
    assert_eq!(json["entries_not_read"], 300);
    assert_eq!(json["kinds"], serde_json::json!({}));
    for n in 300..700_u32 {
        log.add_octets(format!("entry of others {n}").into_bytes());
    }
    log.publish(&folder.join("log"), T);
    let json = audit("--any-entries").expect(0).json();
    assert_eq!(json["grew_from"]["tree_size"], 300);
    assert_eq!(json["entries_not_read"], 400);

    // Not reading entries is not trusting them.
    let bundle = folder.join("log/tile/entries/001");
    let mut octets = fs::read(&bundle).unwrap();
    octets[5] ^= 1;
    fs::write(&bundle, octets).unwrap();
    audit("--any-entries --full").expect(1);
}

#[test]
fn a_verdict_says_that_it_rests_on_post_quantum_keys() {
    let pki = Pki::new();
    pki.stamp("d0", "document 0\n");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let time = now.as_secs() + 5;
    let mut log = Log::new();
    let token = pki.read("d0.tst");
    let index = log.submit(ArtifactType::TimestampToken, &token, &pki.anchors());
    fs::write(pki.path("policy.txt"), log.mixed_policy()).unwrap();
    let verify = |quantum: &[u64], flags: &str| {
        let note = log.mixed_note(log.size(), &[time, time], quantum);
        fs::write(pki.path("d0.tst.tlog-proof"), log.proof_under(index, note)).unwrap();
        let line = format!(
            "verify --without-revocation --json --policy policy.txt --anchors anchors {flags} d0.tst"
        );
        ishibumi(pki.folder(), &line)
    };
    let any = verify(&[time, time + 9], "").expect(0).json();
    assert_eq!(any["statement"]["post_quantum"], false);
    let json = verify(&[time, time + 9], "--post-quantum").expect(0).json();
    assert_eq!(json["statement"]["post_quantum"], true);
    assert_eq!(json["statement"]["witnesses"].as_array().unwrap().len(), 2);
    assert_eq!(json["statement"]["witnesses_in_policy"], 2);
    let not_after = ishibumi_cli::render::rfc3339(time + 9);
    assert_eq!(json["statement"]["not_after"], not_after);
    for (language, words) in [("en", "(ML-DSA-44) alone"), ("ja", "耐量子署名")] {
        let said = json["sentences"][language].to_string();
        assert!(said.contains(words), "{said}");
        assert!(!any["sentences"][language].to_string().contains(words));
    }
    // A token over the checkpoint, stamped before the witnesses saw it, is no post-quantum proof.
    let other = Pki::new();
    other.stamp("over", log.mixed_note(log.size(), &[], &[]).text());
    fs::copy(other.path("over.tst"), pki.path("over.tst")).unwrap();
    fs::copy(other.path("ca.crt"), pki.path("anchors/other.crt")).unwrap();
    let stamped = |flags: &str| {
        let flags = format!("{flags} --checkpoint-token over.tst");
        verify(&[time, time + 9], &flags).expect(0).json()
    };
    assert_eq!(stamped("")["existence"]["by"], "checkpoint-token");
    let json = stamped("--post-quantum");
    assert_eq!(json["existence"]["by"], "witnesses");
    let refused = json["checkpoint_tokens"][0]["refused"].to_string();
    assert!(refused.contains("not post-quantum"), "{refused}");

    // One of two, and three Ed25519 cosignatures beside it: the policy is met, the demand is not.
    verify(&[time], "").expect(0);
    let json = verify(&[time], "--post-quantum").expect(4).json();
    assert_eq!(json["sub_indication"], "NO_POE");
}
