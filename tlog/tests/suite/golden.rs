//! The files under `testdata/tlog/` are what this crate makes of fixed seeds, octet by octet, so
//! that a change of any format shows as a change of a committed file. `ISHIBUMI_BLESS=1` writes
//! them anew; `testdata/tlog/README.md` is the recipe for everybody else.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ishibumi_tlog::cosignature::{Cosigner, check_subtree};
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::key::{NoteSigner, SignatureType};
use ishibumi_tlog::multiproof::Multiproof;
use ishibumi_tlog::note::{Note, SignatureLine};
use ishibumi_tlog::policy::AlgorithmRequirement;
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::protocol::add_entries::{Event, Package, UploadHead, UploadReader};
use ishibumi_tlog::protocol::mirror_info::MirrorInfo;
use ishibumi_tlog::tile::{
    Tile, TileKind, TileNodes, TilePath, TileSource, decode_bundle, encode_bundle, tiles,
};
use ishibumi_tlog::tree::{
    Frontier, NodeReader as _, Subtree, check_consistency, check_inclusion,
    check_subtree_consistency, prove_consistency, prove_inclusion, prove_subtree_consistency, root,
};
use ishibumi_tlog::{Checkpoint, Hash, Policy};

use super::memory::{Nodes, Prefix};
use super::oracle;

const ORIGIN: &str = "ishibumi.example/golden";
const SIZE: u64 = 600;
const PROVEN: u64 = 73;
const MULTIPROVEN: [u64; 4] = [73, 74, 255, 599];
const TIMES: [u64; 3] = [1_800_000_060, 1_800_000_000, 1_800_000_120];
const ML_DSA_TIME: u64 = 1_800_000_180;
const SUBTREES: [(u64, u64, u64); 9] = [
    (0, 0, 600),
    (0, 600, 600),
    (0, 300, 600),
    (5, 6, 7),
    (4, 8, 14),
    (8, 13, 14),
    (256, 512, 600),
    (512, 530, 600),
    (512, 600, 600),
];
const INCLUSIONS: [(u64, u64); 9] = [
    (0, 1),
    (0, 2),
    (1, 2),
    (6, 7),
    (0, 256),
    (255, 257),
    (73, 600),
    (512, 600),
    (599, 600),
];
const CONSISTENCIES: [(u64, u64); 9] = [
    (1, 1),
    (1, 2),
    (3, 7),
    (4, 7),
    (6, 8),
    (255, 256),
    (256, 600),
    (300, 600),
    (599, 600),
];

fn entry(index: u64) -> Vec<u8> {
    format!("ishibumi golden entry {index}").into_bytes()
}

fn leaves() -> Vec<oracle::H> {
    (0..SIZE).map(|index| oracle::leaf(&entry(index))).collect()
}

fn keys() -> (NoteSigner, [Cosigner; 3]) {
    let log = NoteSigner::from_seed(ORIGIN, SignatureType::Ed25519, &[0x10; 32]).unwrap();
    let witness = |n: u8| {
        let name = format!("witness{n}.example/golden");
        let seed = [0x20 + n; 32];
        let key = NoteSigner::from_seed(&name, SignatureType::CosignatureV1, &seed).unwrap();
        Cosigner::new(key).unwrap()
    };
    (log, [witness(0), witness(1), witness(2)])
}

/// The ML-DSA-44 keys: the log's second one, and a fourth witness's.
fn ml_dsa_keys() -> (NoteSigner, Cosigner) {
    let make = |name, seed| NoteSigner::from_seed(name, SignatureType::SubtreeV1, &[seed; 32]);
    let witness = make("witness3.example/golden", 0x31).unwrap();
    (make(ORIGIN, 0x30).unwrap(), Cosigner::new(witness).unwrap())
}

fn ml_dsa_policy_file() -> String {
    let (log, witness) = ml_dsa_keys();
    let (log, witness) = (log.verifier(), witness.verifier());
    format!("# Post-quantum keys only.\nlog {log}\n\nwitness witness3 {witness}\nquorum witness3\n")
}

fn policy_file() -> String {
    let (log, witnesses) = keys();
    let mut text = format!("# Any two of three witnesses.\nlog {}\n\n", log.verifier());
    for (n, witness) in witnesses.iter().enumerate() {
        writeln!(text, "witness witness{n} {}", witness.verifier()).unwrap();
    }
    text + "group two-of-three 2 witness0 witness1 witness2\nquorum two-of-three\n"
}

fn hashes(list: &[Hash]) -> String {
    list.iter()
        .fold(String::new(), |line, hash| line + " " + &hash.to_hex())
}

fn multiproof(all: &Prefix<'_>, note: Note) -> Multiproof {
    let several = MULTIPROVEN.map(|index| {
        let Ok(path) = prove_inclusion(all, index, SIZE);
        (index, entry(index), path.unwrap())
    });
    let several = several.each_ref();
    let several = several.map(|(index, entry, path)| (*index, &entry[..], &path[..]));
    Multiproof::merge(note, &several).unwrap()
}

/// Every file of the folder, by its path.
fn files() -> BTreeMap<PathBuf, Vec<u8>> {
    let nodes = Nodes::over(&leaves());
    let all = nodes.first(SIZE);
    let mut files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    let mut put = |path: &str, content: Vec<u8>| files.insert(path.into(), content);

    let mut frontier = Frontier::new();
    let mut roots = format!("0 {}\n", frontier.root());
    for index in 0..SIZE {
        frontier.append(leaf_hash(&entry(index)), |_, _, _| ());
        writeln!(roots, "{} {}", frontier.size(), frontier.root()).unwrap();
    }
    put("roots.txt", roots.into_bytes());

    let mut text = String::new();
    for (index, size) in INCLUSIONS {
        let Ok(proof) = prove_inclusion(&nodes.first(size), index, size);
        writeln!(text, "{index} {size}{}", hashes(&proof.unwrap())).unwrap();
    }
    put("inclusion.txt", text.into_bytes());
    let mut text = String::new();
    for (old, new) in CONSISTENCIES {
        let Ok(proof) = prove_consistency(&nodes.first(new), old, new);
        writeln!(text, "{old} {new}{}", hashes(&proof.unwrap())).unwrap();
    }
    put("consistency.txt", text.into_bytes());

    let mut text = String::new();
    for (start, end, size) in SUBTREES {
        let subtree = Subtree::new(start, end).unwrap();
        let Ok(hash) = subtree.hash(&nodes.first(end));
        let Ok(proof) = prove_subtree_consistency(&nodes.first(size), subtree, size);
        let proof = hashes(&proof.unwrap());
        writeln!(text, "{start} {end} {size} {hash}{proof}").unwrap();
    }
    put("subtree-consistency.txt", text.into_bytes());

    for (level, index, width) in tiles(SIZE) {
        let places = index * 256..index * 256 + u64::from(width);
        let tile = places.clone().map(|n| {
            let Ok(hash) = all.node(8 * level, n);
            hash
        });
        let path = TilePath {
            kind: TileKind::Hashes(level),
            index,
            width,
        };
        put(
            &format!("log/{path}"),
            Tile::encode(&tile.collect::<Vec<_>>()),
        );
        if level == 0 {
            let entries: Vec<_> = places.map(entry).collect();
            let path = TilePath {
                kind: TileKind::Entries,
                index,
                width,
            };
            put(&format!("log/{path}"), encode_bundle(&entries).unwrap());
        }
    }

    let (log, witnesses) = keys();
    let checkpoint = Checkpoint::new(ORIGIN, SIZE, frontier.root());
    let text = checkpoint.to_text();
    let mut note = Note::new(text.clone(), vec![log.sign(&text).unwrap()]);
    put("checkpoint.unwitnessed", note.encode().into_bytes());
    for (witness, time) in witnesses.iter().zip(TIMES) {
        note.push(witness.cosign(&checkpoint, time).unwrap());
    }
    put("log/checkpoint", note.encode().into_bytes());
    put("policy.txt", policy_file().into_bytes());

    let (log, witness) = ml_dsa_keys();
    let mut post_quantum = Note::new(text.clone(), vec![log.sign(&text).unwrap()]);
    post_quantum.push(witness.cosign(&checkpoint, ML_DSA_TIME).unwrap());
    put("ml-dsa-44/checkpoint", post_quantum.encode().into_bytes());
    put("ml-dsa-44/policy.txt", ml_dsa_policy_file().into_bytes());
    let private = format!("{}\n", log.to_private_text());
    put("ml-dsa-44/log.private-key", private.into_bytes());
    let part = Subtree::new(512, 530).unwrap();
    let Ok(hash) = part.hash(&all);
    let line = witness.sign_subtree(ORIGIN, part, hash).unwrap();
    put(
        "ml-dsa-44/subtree-512-530.signature",
        format!("{line}\n").into_bytes(),
    );
    let together = multiproof(&all, note.clone());
    put("entries.tlog-multiproof", together.encode().into_bytes());
    let Ok(hashes) = prove_inclusion(&all, PROVEN, SIZE);
    let proof = TlogProof {
        index: PROVEN,
        hashes: hashes.unwrap(),
        checkpoint: note,
    };
    put("entry-73.tlog-proof", proof.encode().into_bytes());
    put("entry-73", entry(PROVEN));

    let (body, info) = upload_files(&all);
    put("upload-500-600.add-entries", body);
    put("upload-500-600.mirror-info", info);
    files
}

/// The last entries on their way to a mirror, the rest of one bundle and a partial one; and what
/// asks for them.
fn upload_files(nodes: &Prefix<'_>) -> (Vec<u8>, Vec<u8>) {
    let head = upload();
    let mut body = head.encode().unwrap();
    for range in head.packages() {
        let entries = (range.start()..range.end()).map(entry).collect();
        let Ok(proof) = Package::prove(nodes, range, SIZE);
        let package = Package::new(range, entries, proof.unwrap()).unwrap();
        body.extend(package.encode());
    }
    let info = MirrorInfo {
        size: SIZE,
        next: head.start,
        ticket: head.ticket,
    };
    (body, info.encode().into_bytes())
}

fn upload() -> UploadHead {
    UploadHead {
        origin: ORIGIN.to_owned(),
        start: 500,
        end: SIZE,
        ticket: b"golden ticket".to_vec(),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/tlog")
}

fn golden(path: &str) -> Vec<u8> {
    std::fs::read(folder().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_committed_files_are_what_is_made_today() {
    let bless = std::env::var_os("ISHIBUMI_BLESS").is_some();
    for (path, content) in files() {
        let place = folder().join(&path);
        if bless {
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::fs::write(&place, &content).unwrap();
        }
        assert!(
            golden(path.to_str().unwrap()) == content,
            "{} differs",
            path.display()
        );
    }
}

fn text_lines(path: &str) -> Vec<(u64, u64, Vec<Hash>)> {
    let text = String::from_utf8(golden(path)).unwrap();
    let line = |line: &str| {
        let mut words = line.split(' ');
        let mut number = || words.next().unwrap().parse().unwrap();
        let (first, second) = (number(), number());
        (
            first,
            second,
            words.map(|word| Hash::from_hex(word).unwrap()).collect(),
        )
    };
    text.lines().map(line).collect()
}

/// Not by what the crate makes, but by what the files say: every line holds under the oracle.
#[test]
fn the_committed_files_hold_under_the_oracle() {
    let leaves = leaves();
    let mth = |size: u64| Hash(oracle::mth(&leaves[..usize::try_from(size).unwrap()]));
    let roots = String::from_utf8(golden("roots.txt")).unwrap();
    assert_eq!(roots.lines().count(), 601);
    for (size, line) in (0..).zip(roots.lines()) {
        assert_eq!(line, format!("{size} {}", mth(size)));
    }
    for (index, size, proof) in text_lines("inclusion.txt") {
        let leaf = leaf_hash(&entry(index));
        check_inclusion(leaf, index, size, mth(size), &proof).unwrap();
        let tree = &leaves[..usize::try_from(size).unwrap()];
        let expected = oracle::path(usize::try_from(index).unwrap(), tree);
        assert_eq!(proof, expected.into_iter().map(Hash).collect::<Vec<_>>());
    }
    for (old, new, proof) in text_lines("consistency.txt") {
        check_consistency(old, mth(old), new, mth(new), &proof).unwrap();
    }
}

/// The upload by itself: its octets as the specification counts them, and what a mirror makes of
/// them.
#[test]
fn the_committed_upload_is_believed() {
    let body = golden("upload-500-600.add-entries");
    let origin = u16::try_from(ORIGIN.len()).unwrap().to_be_bytes();
    let ticket = 13_u16.to_be_bytes();
    let (start, end) = (500_u64.to_be_bytes(), 600_u64.to_be_bytes());
    let parts = [
        &origin[..],
        ORIGIN.as_bytes(),
        &start,
        &end,
        &ticket,
        b"golden ticket",
    ];
    let mut expected = parts.concat();
    for (places, proven) in [(500..512, 256..512), (512..600, 512..600)] {
        for index in places {
            let entry = entry(index);
            expected.extend(u16::try_from(entry.len()).unwrap().to_be_bytes());
            expected.extend(entry);
        }
        let proof = oracle::subtree_proof(proven.start, proven.end, &leaves());
        expected.push(u8::try_from(proof.len()).unwrap());
        expected.extend(proof.concat());
    }
    assert_eq!(body, expected);

    let leaves = leaves();
    let checkpoint = Checkpoint::new(ORIGIN, SIZE, Hash(oracle::mth(&leaves)));
    let (mut reader, mut rest, mut read) = (UploadReader::new(), &body[..], 500);
    let head = reader.read(&mut rest).unwrap();
    assert_eq!(head, Some(Event::Head(upload())));
    while let Some(Event::Package(package)) = reader.read(&mut rest).unwrap() {
        let range = package.range();
        let known = leaves.iter().take(usize::try_from(range.start()).unwrap());
        let known = known.skip(usize::try_from(range.bundle_start()).unwrap());
        let before: Vec<Hash> = known.copied().map(Hash).collect();
        for (_, octets) in package.check(&before, &checkpoint).unwrap().into_entries() {
            assert_eq!(octets, entry(read));
            read += 1;
        }
    }
    assert!(reader.is_complete() && rest.is_empty() && read == SIZE);
    let info = MirrorInfo::parse(&golden("upload-500-600.mirror-info")).unwrap();
    assert_eq!((info.size, info.next), (600, 500));
    assert_eq!(info.ticket, b"golden ticket");
}

/// A static log on disk, as a relying party would read it from a mirror.
struct Mirror;

impl TileSource for Mirror {
    type Error = Infallible;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Tile, Infallible> {
        let path = TilePath {
            kind: TileKind::Hashes(level),
            index,
            width,
        };
        Ok(Tile::decode(width, &golden(&format!("log/{path}"))).unwrap())
    }
}

#[test]
fn the_committed_log_can_be_verified_from_its_files_alone() {
    let policy = Policy::parse(&golden("policy.txt")).unwrap();
    let proof = TlogProof::parse(&golden("entry-73.tlog-proof")).unwrap();
    let proven = policy.check_proof(&proof, &golden("entry-73")).unwrap();
    assert_eq!(proven.record(), b"ishibumi golden entry 73");
    assert_eq!(
        (proven.index(), proven.head().not_after()),
        (73, Some(TIMES[0]))
    );

    let several = Multiproof::parse(&golden("entries.tlog-multiproof")).unwrap();
    let several = policy.check_multiproof(&several).unwrap();
    let entries = several.iter().map(|leaf| (leaf.index(), leaf.record()));
    let expected = MULTIPROVEN.map(|index| (index, entry(index)));
    assert!(entries.eq(expected.iter().map(|(index, entry)| (*index, &entry[..]))));

    let note = Note::parse(&golden("log/checkpoint")).unwrap();
    let head = policy.check_checkpoint(&note).unwrap().checkpoint().clone();
    let nodes = TileNodes::new(&Mirror, head.size);
    assert_eq!(root(&nodes, head.size), Ok(head.root));
    assert_eq!(
        prove_inclusion(&nodes, 73, head.size),
        Ok(Some(proof.hashes))
    );
    for (_, index, width) in tiles(head.size).filter(|&(level, _, _)| level == 0) {
        let path = TilePath {
            kind: TileKind::Entries,
            index,
            width,
        };
        let bundle = golden(&format!("log/{path}"));
        let tile = Mirror.tile(0, index, width).unwrap();
        let entries = decode_bundle(width, &bundle).unwrap();
        let hashed: Vec<Hash> = entries.into_iter().map(leaf_hash).collect();
        assert_eq!(hashed, tile.hashes());
    }

    let unwitnessed = Note::parse(&golden("checkpoint.unwitnessed")).unwrap();
    policy.check_checkpoint(&unwitnessed).unwrap_err();
}

/// The post-quantum half: the files alone, and the subtree hashes from the oracle.
#[test]
fn the_committed_post_quantum_signatures_hold() {
    let text = |path| String::from_utf8(golden(path)).unwrap();
    let leaves = leaves();
    let mth = |start: u64, end: u64| {
        let place = |n| usize::try_from(n).unwrap();
        Hash(oracle::mth(&leaves[place(start)..place(end)]))
    };
    for line in text("subtree-consistency.txt").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u64>().unwrap();
        let (start, end, size) = (number(0), number(1), number(2));
        let hashes = words[3..].iter().map(|word| Hash::from_hex(word).unwrap());
        let hashes: Vec<Hash> = hashes.collect();
        let subtree = Subtree::new(start, end).unwrap();
        assert_eq!(hashes[0], mth(start, end));
        check_subtree_consistency(subtree, hashes[0], size, mth(0, size), &hashes[1..]).unwrap();
    }

    let policy = Policy::parse(&golden("ml-dsa-44/policy.txt")).unwrap();
    let note = Note::parse(&golden("ml-dsa-44/checkpoint")).unwrap();
    let head = policy
        .check_checkpoint_with(&note, AlgorithmRequirement::PostQuantum)
        .unwrap();
    assert_eq!(head.not_after(), Some(ML_DSA_TIME));
    assert_eq!(head.checkpoint().root, mth(0, SIZE));
    let classical = Policy::parse(&golden("policy.txt")).unwrap();
    let cosigned = Note::parse(&golden("log/checkpoint")).unwrap();
    classical.check_checkpoint(&cosigned).unwrap();
    let demanded = classical.check_checkpoint_with(&cosigned, AlgorithmRequirement::PostQuantum);
    demanded.unwrap_err();

    let private = text("ml-dsa-44/log.private-key");
    let log = NoteSigner::from_private_text(private.trim_end()).unwrap();
    assert_eq!(log.verifier(), &policy.logs()[0].key);
    assert_eq!(log.sign(note.text()).unwrap(), note.signatures()[0]);

    let line = text("ml-dsa-44/subtree-512-530.signature");
    let line = SignatureLine::parse(line.trim_end()).unwrap();
    let part = Subtree::new(512, 530).unwrap();
    let key = &policy.witnesses()[0].key;
    let checked = check_subtree(key, ORIGIN, part, mth(512, 530), &line);
    assert_eq!(checked, Ok(None));
    check_subtree(key, ORIGIN, part, mth(512, 531), &line).unwrap_err();
}
