//! Evidence files, attacked: by changing octets, and by making a whole file anew with every
//! checksum right. Nothing is ever accepted with a statement that the untouched file does not make.
//!
//! Files are made here by a second writer, after `docs/formats/evidence-file.md` and not after our
//! code. It is one long file on purpose: two tables of forgeries fill 300 lines, that one writer
//! makes all of them, and a reader who looks for a missing row has to see the others.

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::ishibumi;
use crate::support::log::Log;
use crate::support::pki::Pki;
use ishibumi::evidence::renewal::Renewed;
use ishibumi::evidence::{Collection, File, pack_item, status_data};
use ishibumi::{RevocationRule, Verifier};
use ishibumi_artifact::{Anchors, ArtifactType, Certificate};
use ishibumi_tlog::{Hash, Policy};
use serde_json::{Value, json};

struct Scene {
    pki: Pki,
    policy: String,
    octets: Vec<u8>,
    collection: Collection,
}

static SCENE: LazyLock<Scene> = LazyLock::new(Scene::new);

impl Scene {
    fn new() -> Self {
        let pki = Pki::new();
        let anchors = pki.anchors();
        let mut log = Log::new();
        let mut logged = Vec::new();
        for name in ["contract", "lease"] {
            pki.stamp(name, &format!("this is the {name}\n"));
            let token = pki.read(&format!("{name}.tst"));
            logged.push((
                name,
                log.submit(ArtifactType::TimestampToken, &token, &anchors),
            ));
        }
        pki.list("ca.crl", "250101000000Z", &[]);
        let list = log.submit(ArtifactType::Crl, &pki.read("ca.crl"), &anchors);
        log.grow(30);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let times = [now.as_secs() + 60; 3];
        let mut collection = Collection::default();
        for (name, index) in logged {
            let artifact = File::new(&format!("{name}.tst"), pki.read(&format!("{name}.tst")));
            let proof = log.proof(index, &times);
            let packed = pack_item(artifact, proof.as_bytes(), &anchors).unwrap();
            let mut item = packed.content;
            let document = pki.read(&format!("{name}.txt"));
            item.document = Some(File::new(&format!("{name}.txt"), document));
            collection.items.push(item);
            collection.certificates.extend(packed.certificates);
            collection.anchors.extend(packed.anchor);
        }
        let proof = log.proof(list, &times);
        let data = status_data(pki.read("ca.crl"), Some(proof.as_bytes()), &anchors).unwrap();
        collection.revocation.push(data.content);
        collection.policies.push(log.policy().into_bytes());
        let octets = collection.encode().unwrap();
        let collection = Collection::decode(&octets).unwrap();
        Self {
            policy: log.policy(),
            pki,
            octets,
            collection,
        }
    }

    fn anchors(&self, collection: &Collection) -> Anchors {
        self.pki
            .anchors()
            .with_intermediates(collection.known_certificates())
    }

    /// For each item that is proven: name, document, SHA-256 of the artifact, of the record, index,
    /// tree, time. None if the file is refused.
    fn statements(&self, octets: &[u8]) -> Option<Vec<String>> {
        let collection = Collection::decode(octets).ok()?;
        let policy = Policy::parse(self.policy.as_bytes()).unwrap();
        let anchors = self.anchors(&collection);
        let verifier = Verifier::builder(&policy, &anchors)
            .revocation(RevocationRule::NotAsked)
            .build();
        let verdicts = collection.verify(&verifier, |_| ());
        let proven = verdicts.iter().filter_map(|verdict| {
            let report = verdict
                .report
                .as_ref()
                .ok()
                .filter(|report| report.is_proven())?;
            let statement = report.statement().unwrap();
            Some(format!(
                "{} {:?} {} {} {} {} {:?}",
                verdict.artifact,
                verdict.document,
                report.artifact_digest(),
                statement.leaf,
                statement.index,
                statement.root,
                statement.not_after,
            ))
        });
        Some(proven.collect())
    }

    /// The statements of the untouched file.
    fn good(&self) -> Vec<String> {
        self.statements(&self.octets).unwrap()
    }

    fn entries(&self) -> BTreeMap<String, Vec<u8>> {
        let mut archive = zip::ZipArchive::new(Cursor::new(&self.octets)).unwrap();
        let mut entries = BTreeMap::new();
        for place in 0..archive.len() {
            let mut entry = archive.by_index(place).unwrap();
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
            entries.insert(entry.name().unwrap().into_owned(), content);
        }
        entries
    }

    /// A whole file, every sum and checksum right, after `edit`.
    fn forged(&self, edit: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> Vec<u8> {
        let mut entries = self.entries();
        edit(&mut entries);
        seal(entries)
    }

    /// The file with another index.
    fn indexed(&self, edit: impl FnOnce(&mut Value)) -> Vec<u8> {
        self.forged(|entries| edit_index(entries, edit))
    }
}

const INDEX: &str = "META-INF/evidence.json";
const SUMS: &str = "META-INF/sha256sums.txt";
const PROOF: &str = "META-INF/proofs/1.tlog-multiproof";

/// The members in the order of the format; rows one a line.
fn edit_index(entries: &mut BTreeMap<String, Vec<u8>>, edit: impl FnOnce(&mut Value)) {
    let mut index: Value = serde_json::from_slice(&entries[INDEX]).unwrap();
    edit(&mut index);
    let row = |row: &Value| {
        let members: Vec<String> = [
            "artifact",
            "artifact_name",
            "document",
            "document_name",
            "file",
            "token",
            "log",
            "size",
            "proofs",
            "proof",
            "index",
        ]
        .iter()
        .filter_map(|name| Some(format!("\"{name}\":{}", spelled(row.get(name)?))))
        .collect();
        if row.is_string() {
            row.to_string()
        } else {
            format!("{{{}}}", members.join(","))
        }
    };
    let mut text = format!("{{\n\"format\":{}", index["format"]);
    for list in [
        "items",
        "revocation",
        "checkpoint_tokens",
        "statements",
        "certificates",
        "policies_for_information",
        "anchors_for_information",
    ] {
        let rows: Vec<String> = index[list].as_array().unwrap().iter().map(row).collect();
        let rows = if rows.is_empty() {
            "[]".to_owned()
        } else {
            format!("[\n{}\n]", rows.join(",\n"))
        };
        text.extend([",\n\"", list, "\":", &rows]);
    }
    entries.insert(INDEX.to_owned(), (text + "\n}\n").into_bytes());
}

fn spelled(value: &Value) -> String {
    match value {
        Value::Array(rows) => format!(
            "[{}]",
            rows.iter().map(spelled).collect::<Vec<_>>().join(",")
        ),
        Value::Object(row) => format!("{{\"proof\":{},\"index\":{}}}", row["proof"], row["index"]),
        other => other.to_string(),
    }
}

/// The sums made anew, and the ZIP of `docs/formats/evidence-file.md`.
fn seal(mut entries: BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    entries.remove(SUMS);
    let line = |(name, octets): (&String, &Vec<u8>)| format!("{}  {name}\n", Hash::of(octets));
    let sums: String = entries.iter().map(line).collect();
    entries.insert(SUMS.to_owned(), sums.into_bytes());
    let mimetype = entries.remove_entry("mimetype");
    zipped(
        &mimetype.into_iter().chain(entries).collect::<Vec<_>>(),
        |_, _, _| (),
    )
}

/// May change the local header and the directory's of the entry of this name.
type Bend<'a> = dyn Fn(&str, &mut Vec<u8>, &mut Vec<u8>) + 'a;

/// `bend` may change the local header and the directory's of each entry.
fn zipped(
    entries: &[(String, Vec<u8>)],
    bend: impl Fn(&str, &mut Vec<u8>, &mut Vec<u8>),
) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in entries {
        let length = u32::try_from(content.len()).unwrap().to_le_bytes();
        let mut fields = vec![
            10,
            0,
            0,
            if name.is_ascii() { 0 } else { 8 },
            0,
            0,
            0,
            0,
            0x21,
            0,
        ];
        fields.extend(crc32fast::hash(content).to_le_bytes());
        fields.extend([length, length].concat());
        fields.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        fields.extend([0, 0]);
        let mut local = [b"PK\x03\x04", &fields[..], name.as_bytes()].concat();
        let offset = u32::try_from(file.len()).unwrap().to_le_bytes();
        let (made_by, attributes) = if name.is_ascii() {
            ([10, 0], [0; 4])
        } else {
            ([10, 3], [0, 0, 0xa4, 0x81])
        };
        let mut central = [
            b"PK\x01\x02",
            &made_by[..],
            &fields[..],
            &[0; 6],
            &attributes,
            &offset,
            name.as_bytes(),
        ]
        .concat();
        bend(name, &mut local, &mut central);
        file.extend([&local[..], content].concat());
        directory.extend(central);
    }
    let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
    let number = |octets: &Vec<u8>| u32::try_from(octets.len()).unwrap().to_le_bytes();
    let (size, offset) = (number(&directory), number(&file));
    let end = [
        &b"PK\x05\x06\0\0\0\0"[..],
        &count,
        &count,
        &size,
        &offset,
        &[0, 0],
    ];
    [&file[..], &directory, &end.concat()].concat()
}

/// The negative control of all that follows: the second writer makes the very same file.
#[test]
fn a_second_writer_after_the_format_page_makes_the_same_octets() {
    let scene = &*SCENE;
    assert!(scene.forged(|_| ()) == scene.octets);
    assert!(scene.indexed(|_| ()) == scene.octets);
    assert_eq!(scene.good().len(), 2);
}

/// Pages for people are not verified: pages that another version, or a forger, wrote are named, and
/// only pages can stand there.
#[test]
fn pages_that_are_not_this_version_s_are_named() {
    let scene = &*SCENE;
    let foreign = |octets: &[u8]| {
        let opened = Renewed::open(octets).unwrap();
        opened.foreign_pages().to_vec()
    };
    assert!(foreign(&scene.octets).is_empty());
    let lying = b"Everything in here is proven. Pay to account 7.\n";
    for page in [
        "META-INF/README.txt",
        "META-INF/README.ja.txt",
        "META-INF/formats/record.md",
        "META-INF/formats/another-page.md",
    ] {
        let forged = scene.forged(|entries| {
            entries.insert(page.to_owned(), lying.to_vec());
        });
        assert_eq!(foreign(&forged), [page]);
        std::fs::write(scene.pki.path("page.zip"), &forged).unwrap();
        std::fs::write(scene.pki.path("policy.txt"), &scene.policy).unwrap();
        let terms = "--policy policy.txt --anchors anchors";
        for line in [
            "evidence show page.zip".to_owned(),
            format!("evidence verify --without-revocation {terms} page.zip"),
        ] {
            let said = ishibumi(scene.pki.folder(), &line).expect(0).stdout;
            assert!(
                said.contains(page) && said.contains("nothing verifies"),
                "{said}"
            );
            let said = ishibumi(scene.pki.folder(), &format!("{line} --lang ja")).expect(0);
            assert!(said.stdout.contains(page) && said.stdout.contains("説明ページ"));
            let value = ishibumi(scene.pki.folder(), &format!("{line} --json")).expect(0);
            assert_eq!(value.json()["foreign_pages"], json!([page]));
        }
    }
    for place in [
        "META-INF/formats/page.html",
        "META-INF/formats/page",
        "META-INF/formats/.md",
        "META-INF/formats/more/page.md",
        "META-INF/formats/page 2.md",
        "META-INF/formats/\u{9801}.md",
        "META-INF/README.md",
    ] {
        let forged = scene.forged(|entries| {
            entries.insert(place.to_owned(), lying.to_vec());
        });
        let refused = Collection::decode(&forged).unwrap_err();
        assert!(
            refused.to_string().contains("not as an evidence file"),
            "{place}: {refused}"
        );
    }
    let long = scene.forged(|entries| {
        entries.insert("META-INF/README.txt".to_owned(), vec![b'x'; (1 << 20) + 1]);
    });
    assert!(Collection::decode(&long).is_err());
}

/// Names that are not ASCII, as the page has them; and as they were written before.
#[test]
fn japanese_names_are_spelled_as_the_page_has_them() {
    let scene = &*SCENE;
    let mut collection = scene.collection.clone();
    for item in &mut collection.items {
        let name = format!("\u{5951}\u{7d04}{}", item.artifact.name);
        item.artifact = File::new(&name, item.artifact.octets.clone());
    }
    let octets = collection.encode().unwrap();
    let mut archive = zip::ZipArchive::new(Cursor::new(&octets)).unwrap();
    let mut entries = Vec::new();
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place).unwrap();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        let name = entry.name().unwrap().into_owned();
        let mode = entry.unix_mode();
        assert_eq!(
            mode.map(|mode| mode & 0o777),
            (!name.is_ascii()).then_some(0o644)
        );
        entries.push((name, content));
    }
    assert!(entries.iter().any(|(name, _)| name.starts_with('\u{5951}')));
    assert!(zipped(&entries, |_, _, _| ()) == octets);
    let before = zipped(&entries, |_, _, central| {
        central[4..6].copy_from_slice(&[10, 0]);
        central[38..42].fill(0);
    });
    assert!(before != octets);
    assert_eq!(
        Collection::decode(&before).unwrap(),
        Collection::decode(&octets).unwrap()
    );
    // Read and written again, it is of today.
    assert!(Collection::decode(&before).unwrap().encode().unwrap() == octets);
}

#[test]
fn no_octet_can_be_changed() {
    let scene = &*SCENE;
    let last = scene.octets.len();
    let pages = scene
        .octets
        .windows(16)
        .position(|it| it == b"META-INF/formats")
        .unwrap();
    let after = scene
        .octets
        .windows(17)
        .position(|it| it == b"META-INF/informat")
        .unwrap();
    // All but the pages, whose octets are all of one kind: of them, some.
    let places = (0..pages)
        .chain((pages..after).step_by(97))
        .chain(after..last);
    let mut tried = 0;
    for place in places {
        let mut octets = scene.octets.clone();
        octets[place] ^= 1 << (place % 8);
        assert!(Collection::decode(&octets).is_err(), "octet {place}");
        tried += 1;
    }
    assert!(tried > 10_000, "{tried}");
    for cut in (0..last).step_by(211).chain(last - 100..last) {
        assert!(Collection::decode(&scene.octets[..cut]).is_err(), "{cut}");
    }
    for tail in [
        &b"\0"[..],
        b"PK\x05\x06",
        &scene.octets[last - 22..],
        &scene.octets,
    ] {
        assert!(Collection::decode(&[&scene.octets[..], tail].concat()).is_err());
    }
}

/// Sums and checksums are right, since a forger makes them too.
#[test]
// A table of attacks.
#[allow(clippy::too_many_lines)]
fn a_forged_file_states_nothing_new() {
    let scene = &*SCENE;
    let good = scene.good();
    let other = Pki::new();
    other.stamp("forged", "this is forged\n");
    let text = |octets: &[u8], from: &str, to: &str| {
        let text = String::from_utf8(octets.to_vec()).unwrap();
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1).into_bytes()
    };
    let swap = |entries: &mut BTreeMap<String, Vec<u8>>, one: &str, other: &str| {
        let kept = entries[one].clone();
        let moved = entries.insert(other.to_owned(), kept).unwrap();
        entries.insert(one.to_owned(), moved);
    };
    let proof = String::from_utf8(scene.entries()[PROOF].clone()).unwrap();
    let line = |number: usize| proof.lines().nth(number).unwrap().to_owned();
    let note_at = proof.find("\n\n").unwrap();
    let forged: Vec<(&str, Vec<u8>)> = vec![
        (
            "artifacts swapped",
            scene.forged(|it| swap(it, "contract.tst", "lease.tst")),
        ),
        (
            "documents swapped",
            scene.forged(|it| swap(it, "contract.txt", "lease.txt")),
        ),
        (
            "document changed",
            scene.forged(|it| it.get_mut("lease.txt").unwrap().push(b'!')),
        ),
        (
            "another token",
            scene.forged(|it| {
                it.insert("contract.tst".to_owned(), other.read("forged.tst"));
            }),
        ),
        (
            "indices swapped",
            scene.indexed(|index| {
                let first = index["items"][0]["proofs"][0]["index"].take();
                let second = index["items"][1]["proofs"][0]["index"].take();
                index["items"][0]["proofs"][0]["index"] = second;
                index["items"][1]["proofs"][0]["index"] = first;
            }),
        ),
        (
            "one proof for both",
            scene.indexed(|index| {
                let first = index["items"][0]["proofs"].clone();
                index["items"][1]["proofs"] = first;
            }),
        ),
        (
            "documents exchanged in the index",
            scene.indexed(|index| {
                index["items"][0]["document"] = json!("lease.txt");
                index["items"][1]["document"] = json!("contract.txt");
            }),
        ),
        (
            "names exchanged in the index",
            scene.indexed(|index| {
                index["items"][0]["artifact_name"] = json!("lease.tst");
                index["items"][1]["artifact_name"] = json!("contract.tst");
            }),
        ),
        (
            "an entry of the log changed",
            scene.forged(|it| {
                let changed = text(&it[PROOF], &line(1), &line(1).replacen("AQ", "AR", 1));
                it.insert(PROOF.to_owned(), changed);
            }),
        ),
        (
            "a hash changed",
            scene.forged(|it| {
                let hash = line(4);
                let changed = text(&it[PROOF], &hash, &format!("{}=", "B".repeat(42) + "A"));
                it.insert(PROOF.to_owned(), changed);
            }),
        ),
        (
            "a smaller tree",
            scene.forged(|it| {
                let changed = text(&it[PROOF], "\n30\n", "\n29\n");
                it.insert(PROOF.to_owned(), changed);
            }),
        ),
        (
            "no cosignature",
            scene.forged(|it| {
                let signed = proof[note_at + 2..].find("\n\n").unwrap() + note_at + 4;
                let first = proof[signed..].find('\n').unwrap();
                it.insert(
                    PROOF.to_owned(),
                    proof.as_bytes()[..=signed + first].to_vec(),
                );
            }),
        ),
        (
            "an own anchor",
            scene.forged(|it| {
                let anchor = it
                    .keys()
                    .find(|name| name.contains("/anchors/"))
                    .unwrap()
                    .clone();
                it.insert(anchor, other.read("ca.crt"));
            }),
        ),
        (
            "a list of somebody else",
            scene.forged(|it| {
                let list = it
                    .keys()
                    .find(|name| name.starts_with("META-INF/revocation/"))
                    .unwrap()
                    .clone();
                other.list("ca.crl", "250101000000Z", &[]);
                it.insert(list, other.read("ca.crl"));
            }),
        ),
    ];
    for (what, octets) in forged {
        assert!(octets != scene.octets, "{what}: nothing was changed");
        for statement in scene.statements(&octets).unwrap_or_default() {
            assert!(good.contains(&statement), "{what}: {statement}");
        }
    }
}

/// A file that is no evidence file is refused before anything in it is judged.
#[test]
// A table of attacks.
#[allow(clippy::too_many_lines)]
fn a_file_in_another_spelling_is_refused() {
    let scene = &*SCENE;
    let named = |name: &str| scene.forged(|it| drop(it.insert(name.to_owned(), b"x".to_vec())));
    let entries = || {
        let mut entries = scene.entries();
        let mimetype = entries.remove_entry("mimetype");
        mimetype.into_iter().chain(entries).collect::<Vec<_>>()
    };
    let bent = |bend: &Bend<'_>| zipped(&entries(), bend);
    assert!(bent(&|_, _, _| ()) == scene.octets);
    let is_token = |name: &str| name == "contract.tst";
    for (what, octets, why) in [
        ("unlisted", named("other.tst"), "left over"),
        (
            "unlisted below META-INF",
            named("META-INF/manifest.xml"),
            "left over",
        ),
        ("leads outside", named("../x"), "not allowed"),
        ("absolute", named("/etc/x"), "not allowed"),
        ("two cases", named("Contract.tst"), "there twice"),
        (
            "missing",
            scene.forged(|it| drop(it.remove("lease.txt"))),
            "missing",
        ),
        (
            "missing proof",
            scene.forged(|it| drop(it.remove(PROOF))),
            "missing",
        ),
        (
            "no index",
            scene.forged(|it| drop(it.remove(INDEX))),
            "missing",
        ),
        (
            "a false media type",
            scene.forged(|it| {
                it.insert(
                    "mimetype".to_owned(),
                    b"application/vnd.etsi.asic-s+zip".to_vec(),
                );
            }),
            "left over",
        ),
        (
            "names a missing entry",
            scene.indexed(|index| {
                index["items"][0]["document"] = json!("nowhere.txt");
            }),
            "missing",
        ),
        (
            "names the index",
            scene.indexed(|index| {
                index["items"][0]["document"] = json!(INDEX);
            }),
            "left over",
        ),
        (
            "names no entry of the proof",
            scene.indexed(|index| {
                index["items"][0]["proofs"][0]["index"] = json!(29);
            }),
            "proves no entry 29",
        ),
        (
            "names a proof outside",
            scene.indexed(|index| {
                index["items"][0]["proofs"][0]["proof"] = json!("../x");
            }),
            "missing",
        ),
        (
            "rows out of order",
            scene.indexed(|index| {
                index["items"].as_array_mut().unwrap().reverse();
            }),
            "left over",
        ),
        (
            "a row twice",
            scene.indexed(|index| {
                let row = index["items"][0].clone();
                index["items"].as_array_mut().unwrap().insert(0, row);
            }),
            "left over",
        ),
        (
            "another version",
            scene.indexed(|index| {
                index["format"] = json!("ishibumi/evidence/v2");
            }),
            "v2",
        ),
        (
            "other spaces",
            scene.forged(|it| it.get_mut(INDEX).unwrap().push(b' ')),
            "left over",
        ),
        (
            "a sum left out",
            {
                let mut entries = entries();
                let sums = entries.iter_mut().find(|(name, _)| name == SUMS).unwrap();
                sums.1.truncate(sums.1.len() - 90);
                zipped(&entries, |_, _, _| ())
            },
            "SHA-256",
        ),
        (
            "another name in the directory",
            bent(&|name, _, central| {
                if is_token(name) {
                    let at = central.len() - 3;
                    central[at] = b'x';
                }
            }),
            "directory",
        ),
        (
            "another size in the directory",
            bent(&|name, _, central| {
                if is_token(name) {
                    central[24] ^= 1;
                }
            }),
            "directory",
        ),
        (
            "a link",
            bent(&|name, _, central| {
                if is_token(name) {
                    central[5] = 3;
                    central[40..42].copy_from_slice(&0o120_777_u16.to_le_bytes());
                }
            }),
            "directory",
        ),
        (
            "compressed, and said to be 4 GiB",
            bent(&|name, local, central| {
                if is_token(name) {
                    (local[8], central[10]) = (8, 8);
                    local[22..26].fill(0xff);
                    central[24..28].fill(0xff);
                }
            }),
            "compressed",
        ),
        (
            "encrypted",
            bent(&|name, local, central| {
                if is_token(name) {
                    (local[6], central[8]) = (1, 1);
                }
            }),
            "not stored as",
        ),
        (
            "sizes behind the content",
            bent(&|name, local, central| {
                if is_token(name) {
                    (local[6], central[8]) = (8, 8);
                }
            }),
            "not stored as",
        ),
        (
            "dated",
            bent(&|name, local, central| {
                if is_token(name) {
                    (local[12], central[14]) = (0x22, 0x22);
                }
            }),
            "dated",
        ),
    ] {
        let refused = Collection::decode(&octets)
            .map(drop)
            .unwrap_err()
            .to_string();
        assert!(refused.contains(why), "{what}: {refused}");
    }
}

/// The same content, zipped anew by an ordinary tool.
#[test]
fn a_file_that_was_zipped_anew_is_refused_and_says_why() {
    let scene = &*SCENE;
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in scene.entries() {
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored);
        writer.start_file(name, options).unwrap();
        writer.write_all(&content).unwrap();
    }
    let octets = writer.finish().unwrap().into_inner();
    let refused = Collection::decode(&octets).unwrap_err().to_string();
    assert!(refused.contains("zipped anew"), "{refused}");
}

/// A certificate that a file brings helps to find a path, and is not trusted: not even the CA of a
/// stranger, below which everything in the file verifies.
#[test]
fn certificates_in_the_file_are_not_trusted() {
    let scene = &*SCENE;
    let stranger = Pki::new();
    stranger.stamp("contract", "this is the contract\n");
    let mut log = Log::new();
    let token = stranger.read("contract.tst");
    let index = log.submit(ArtifactType::TimestampToken, &token, &stranger.anchors());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let proof = log.proof(index, &[now.as_secs() + 60; 3]);
    let artifact = File::new("contract.tst", token);
    let packed = pack_item(artifact, proof.as_bytes(), &stranger.anchors()).unwrap();
    let mut collection = scene.collection.clone();
    collection.items = vec![packed.content];
    let ca = Certificate::parse(&stranger.read("ca.crt")).unwrap();
    collection.certificates.push(ca.der().to_vec());
    collection.anchors.push(ca.der().to_vec());
    collection.revocation.clear();
    let octets = collection.encode().unwrap();
    assert_eq!(scene.statements(&octets), Some(Vec::new()));
}

/// Entries of a line each have audit paths of half a kilobyte: many of them are refused before they
/// are taken apart.
#[test]
fn more_proofs_than_are_read_are_refused() {
    let scene = &*SCENE;
    let proof = String::from_utf8(scene.entries()[PROOF].clone()).unwrap();
    let note = proof[proof.find("\n\n").unwrap()..].replacen("\n30\n", "\n65536\n", 1);
    let lines = (0..65_536).fold(String::new(), |lines, n| lines + &format!("entry {n} \n"));
    let many = format!("ishibumi/multiproof/v1\n{}{}", lines, &note[1..]);
    let with = |count: usize| {
        let octets = scene.forged(|it| {
            for number in 2..2 + count {
                let name = format!("META-INF/proofs/{number}.tlog-multiproof");
                it.insert(name, many.clone().into_bytes());
            }
        });
        Collection::decode(&octets)
            .map(drop)
            .unwrap_err()
            .to_string()
    };
    assert!(with(1).contains("left over"), "{}", with(1));
    assert!(with(2).contains("131068"), "{}", with(2));
}
