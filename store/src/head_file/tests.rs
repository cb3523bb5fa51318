//! Tests of the head file: its octets, its refusals, and what a torn or flipped slot does.

use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::key::{NoteSigner, SignatureType};

use super::slot::SUM_AT;
use super::*;

fn key(name: &str) -> VerifierKey {
    let signer = NoteSigner::from_seed(name, SignatureType::Ed25519, &[7; 32]);
    signer.unwrap().verifier().clone()
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn head(size: u64) -> Head {
    let root = leaf_hash(&size.to_be_bytes());
    Head { size, root }
}

/// Writes the heads of `sizes` and closes the file.
fn written(directory: &Path, sizes: &[u64]) -> PathBuf {
    let key = key("example.com/log");
    let mut file = HeadFile::create(directory, &key).unwrap();
    for &size in sizes {
        file.advance(size, head(size).root).unwrap();
    }
    HeadFile::path(directory, &key)
}

fn read(directory: &Path) -> Result<Option<Head>, StoreError> {
    HeadFile::open(directory, &key("example.com/log"))?.read()
}

#[test]
fn the_octets_of_the_file_are_those_of_its_page() {
    let dir = directory();
    let octets = std::fs::read(written(dir.path(), &[258])).unwrap();
    let id = key("example.com/log").id();
    let slot = |sequence: u8, size: [u8; 2], root: Hash| {
        let mut slot = b"ishiHEAD\x00\x02\x00\x00\x00\x00\x00\x00\x00".to_vec();
        slot.push(sequence);
        slot.extend(id.to_be_bytes());
        slot.extend([0; 6]);
        slot.extend(size);
        slot.extend(root.0);
        // It has no holder.
        slot.extend([0; 77]);
        slot.extend(b"\x0fexample.com/log");
        slot.resize(4064, 0);
        let sum = Hash::of(&slot);
        slot.extend(sum.0);
        slot
    };
    let new = slot(0, [0, 0], EMPTY_ROOT);
    let first = slot(1, [1, 2], head(258).root);
    assert_eq!(octets, [new, first].concat());
    // Printed in docs/formats/head-file.md.
    assert_eq!(format!("{id:08x}"), "702f3c70");
    assert_eq!(
        Hash::of(&octets).to_hex(),
        "fbb5e9fe9201fc3d329cfcc2edca8521aeb5dde7b8fd18140834b558b0ebd502"
    );
}

#[test]
fn heads_come_back_and_are_none_at_first() {
    let dir = directory();
    written(dir.path(), &[]);
    assert_eq!(read(dir.path()).unwrap(), None);
    for sizes in [&[1][..], &[5, 5, 6], &[1, 2, 3, 1000]] {
        let dir = directory();
        written(dir.path(), sizes);
        assert_eq!(
            read(dir.path()).unwrap(),
            sizes.last().map(|&size| head(size))
        );
    }
}

#[test]
fn going_back_or_aside_is_refused() {
    let dir = directory();
    written(dir.path(), &[7]);
    let mut file = HeadFile::open(dir.path(), &key("example.com/log")).unwrap();
    for (size, root) in [(6, head(6).root), (7, head(6).root), (0, EMPTY_ROOT)] {
        assert!(matches!(
            file.advance(size, root),
            Err(StoreError::Conflict { .. })
        ));
        assert_eq!(file.read().unwrap(), Some(head(7)));
    }
    file.advance(7, head(7).root).unwrap();
    file.advance(8, head(8).root).unwrap();
    assert_eq!(file.read().unwrap(), Some(head(8)));
}

#[test]
fn it_is_created_once_opened_only_if_there_and_by_one() {
    let (dir, key) = (directory(), key("example.com/log"));
    assert!(matches!(
        HeadFile::open(dir.path(), &key),
        Err(StoreError::Absent { .. })
    ));
    let held = HeadFile::create(dir.path(), &key).unwrap();
    assert!(matches!(
        HeadFile::create(dir.path(), &key),
        Err(StoreError::Exists { .. })
    ));
    assert!(matches!(
        HeadFile::open(dir.path(), &key),
        Err(StoreError::InUse { .. })
    ));
    drop(held);
    let held = HeadFile::open(dir.path(), &key).unwrap();
    assert!(matches!(
        HeadFile::open(dir.path(), &key),
        Err(StoreError::InUse { .. })
    ));
    drop(held);
    HeadFile::open(dir.path(), &key).unwrap();
}

#[test]
fn the_file_of_another_key_is_foreign() {
    let dir = directory();
    let path = written(dir.path(), &[3]);
    let other = key("example.com/other");
    std::fs::rename(path, HeadFile::path(dir.path(), &other)).unwrap();
    assert!(matches!(
        HeadFile::open(dir.path(), &other),
        Err(StoreError::Foreign { .. })
    ));
}

/// A crash in the middle of the write of head 5 leaves any mixture of old and new octets in its
/// slot.
#[test]
fn a_slot_torn_at_any_octet_leaves_the_older_head() {
    let dir = directory();
    let path = written(dir.path(), &[3, 4]);
    let before = std::fs::read(&path).unwrap();
    let after = std::fs::read(written(directory().path(), &[3, 4, 5])).unwrap();
    for cut in (1..512).chain([SLOT_LEN - 33, SLOT_LEN - 1]) {
        let mut torn = before.clone();
        torn[SLOT_LEN..SLOT_LEN + cut].copy_from_slice(&after[SLOT_LEN..SLOT_LEN + cut]);
        std::fs::write(&path, &torn).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Some(head(4)), "cut at {cut}");
    }
    // The control: the whole slot is the newer head.
    std::fs::write(&path, &after).unwrap();
    assert_eq!(read(dir.path()).unwrap(), Some(head(5)));
}

#[test]
fn each_flipped_bit_of_the_newest_slot_falls_back_and_both_slots_damaged_is_an_error() {
    let dir = directory();
    let path = written(dir.path(), &[3, 4]);
    let good = std::fs::read(&path).unwrap();
    for bit in (0..400 * 8).chain(SUM_AT * 8..SLOT_LEN * 8) {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &bad).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Some(head(3)), "bit {bit}");
        bad[SLOT_LEN + 30] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        assert!(
            matches!(read(dir.path()), Err(StoreError::Damaged { .. })),
            "bit {bit}"
        );
    }
}

#[test]
fn a_file_of_another_length_is_damaged() {
    let dir = directory();
    let path = written(dir.path(), &[3]);
    let good = std::fs::read(&path).unwrap();
    for len in [0, 1, SLOT_LEN, FILE_LEN - 1, FILE_LEN + 1] {
        let mut bad = good.clone();
        bad.resize(len, 0);
        std::fs::write(&path, bad).unwrap();
        assert!(
            matches!(read(dir.path()), Err(StoreError::Damaged { .. })),
            "{len} octets"
        );
    }
}

#[test]
fn a_sealed_head_file_takes_no_head_any_more() {
    let directory = directory();
    let mut file = HeadFile::create(&directory, &key("example.com/log")).unwrap();
    file.advance(1, head(1).root).unwrap();
    assert!(!file.sealed().unwrap());
    file.seal().unwrap();
    file.seal().unwrap();
    assert!(HeadFile::is_sealed(&directory, &key("example.com/log")).unwrap());
    assert!(
        !HeadFile::is_sealed(&directory, &key("example.com/other")).unwrap(),
        "another log's"
    );
    // The head that it has is no new one.
    file.advance(1, head(1).root).unwrap();
    let refused = file.advance(2, head(2).root).unwrap_err();
    assert!(matches!(refused, StoreError::Conflict { .. }), "{refused}");
    drop(file);
    let mut file = HeadFile::open(&directory, &key("example.com/log")).unwrap();
    assert!(file.sealed().unwrap());
    assert!(file.advance(2, head(2).root).is_err());
    std::fs::remove_file(
        directory
            .path()
            .join(format!("{:08x}.closed", key("example.com/log").id())),
    )
    .unwrap();
    file.advance(2, head(2).root).unwrap();
}

fn machine(id: u8, boot: u8) -> Machine {
    Machine {
        id: Some(Hash([id; 32])),
        boot: Some([boot; 16]),
    }
}

fn open(directory: &Path) -> HeadFile {
    HeadFile::open(directory, &key("example.com/log")).unwrap()
}

/// What a process leaves that is killed: nothing is given up.
fn killed(directory: &Path, here: &Machine) {
    let file = open(directory);
    // The lock goes with the descriptor.
    let mut file = std::mem::ManuallyDrop::new(file);
    file.claim(here).unwrap();
    file.file.unlock().unwrap();
}

#[test]
fn one_that_was_given_up_is_taken_and_one_that_moved_says_so() {
    let dir = directory();
    written(dir.path(), &[3]);
    assert!(!open(dir.path()).claim(&machine(1, 1)).unwrap());
    assert!(!open(dir.path()).claim(&machine(1, 2)).unwrap());
    assert!(open(dir.path()).claim(&machine(2, 3)).unwrap(), "it moved");
    assert!(!open(dir.path()).claim(&machine(2, 3)).unwrap());
    assert_eq!(read(dir.path()).unwrap(), Some(head(3)), "the head stays");
}

/// The process of these tests runs. So a file that names it as its holder, and is not locked, is a
/// copy.
#[test]
fn a_copy_of_a_file_whose_holder_runs_is_refused() {
    let (dir, copy) = (directory(), directory());
    written(dir.path(), &[3]);
    let here = Machine::here();
    let mut held = open(dir.path());
    held.claim(&here).unwrap();
    let name = HeadFile::path("", &key("example.com/log"));
    std::fs::copy(dir.path().join(&name), copy.path().join(&name)).unwrap();
    let refused = open(copy.path()).claim(&here).unwrap_err();
    assert!(matches!(refused, StoreError::Copied { .. }), "{refused}");
    let refused = open(copy.path()).take_over(&here).unwrap_err();
    assert!(matches!(refused, StoreError::Copied { .. }), "{refused}");
    // Control: given up in order, the original is taken again; its copy is still what it was.
    held.advance(4, head(4).root).unwrap();
    drop(held);
    open(dir.path()).claim(&here).unwrap();
    assert!(open(copy.path()).claim(&here).is_err());
}

#[test]
fn one_that_was_not_given_up_is_free_here_and_not_elsewhere() {
    for (here, free) in [
        (machine(1, 2), true),
        (machine(2, 2), false),
        // It cannot be told.
        (
            Machine {
                id: None,
                boot: Some([2; 16]),
            },
            true,
        ),
    ] {
        let dir = directory();
        written(dir.path(), &[3]);
        killed(dir.path(), &machine(1, 1));
        let before = std::fs::read(HeadFile::path(dir.path(), &key("example.com/log"))).unwrap();
        let claimed = open(dir.path()).claim(&here);
        assert_eq!(claimed.is_ok(), free, "{here:?}: {claimed:?}");
        if let Err(refused) = claimed {
            assert!(
                matches!(refused, StoreError::HeldElsewhere { .. }),
                "{refused}"
            );
            let after = std::fs::read(HeadFile::path(dir.path(), &key("example.com/log")));
            assert_eq!(after.unwrap(), before, "nothing was written");
            open(dir.path()).take_over(&here).unwrap();
            assert!(!open(dir.path()).claim(&here).unwrap());
        }
    }
}

/// A disk that two machines write to: the lock of the one is none for the other.
#[test]
fn who_was_taken_over_signs_nothing_any_more() {
    let dir = directory();
    let path = written(dir.path(), &[3]);
    let mut first = open(dir.path());
    first.claim(&machine(1, 1)).unwrap();
    first.unchanged().unwrap();
    // As if there were no lock.
    first.file.unlock().unwrap();
    let mut second = open(dir.path());
    second.take_over(&machine(2, 2)).unwrap();
    for refused in [
        first.unchanged(),
        first.advance(4, head(4).root),
        first.read().map(drop),
    ] {
        let refused = refused.unwrap_err();
        assert!(matches!(refused, StoreError::TakenOver { .. }), "{refused}");
    }
    second.advance(4, head(4).root).unwrap();
    drop(first);
    second.advance(5, head(5).root).unwrap();

    // The file was replaced by one with the same octets, or older ones; or removed.
    let good = std::fs::read(&path).unwrap();
    let replaced = |octets: &[u8]| {
        let new = path.with_extension("new");
        std::fs::write(&new, octets).unwrap();
        std::fs::rename(&new, &path).unwrap();
    };
    let mut older = good.clone();
    older[SLOT_LEN..].fill(0);
    for octets in [&older, &good] {
        second.unchanged().unwrap();
        let away = path.with_extension("away");
        std::fs::rename(&path, &away).unwrap();
        assert!(second.unchanged().is_err());
        replaced(octets);
        assert!(second.unchanged().is_err());
        std::fs::rename(&away, &path).unwrap();
    }
    // Control: the file itself.
    second.advance(6, head(6).root).unwrap();
}

/// A file of version 1, as an older program wrote it, goes on, and is none for that program
/// afterwards.
#[test]
fn a_file_of_version_1_is_read_and_leaves_no_slot_of_it() {
    let dir = directory();
    let path = written(dir.path(), &[]);
    let slot = |sequence, size| Slot {
        sequence,
        owner: Owner::of(&key("example.com/log")),
        head: head(size),
        holder: None,
    };
    let old = [slot(4, 8).encode(), slot(3, 7).encode()].concat();
    assert_eq!(old[9], 1, "the version");
    std::fs::write(&path, old).unwrap();
    assert_eq!(read(dir.path()).unwrap(), Some(head(8)));
    assert!(!open(dir.path()).claim(&machine(1, 1)).unwrap());
    assert_eq!(read(dir.path()).unwrap(), Some(head(8)));
    let octets = std::fs::read(&path).unwrap();
    assert_eq!((octets[9], octets[SLOT_LEN + 9]), (2, 2));
}

#[test]
fn what_speaks_against_a_copy_stays_until_it_is_settled() {
    let dir = directory();
    written(dir.path(), &[3]);
    let file = open(dir.path());
    assert_eq!(file.accusation().unwrap(), None);
    file.accuse(b"first").unwrap();
    file.accuse(b"second").unwrap();
    let (path, octets) = file.accusation().unwrap().unwrap();
    assert_eq!(octets, b"first");
    assert!(path.ends_with("702f3c70.forked"), "{}", path.display());
    drop(file);
    let file = open(dir.path());
    assert!(file.accusation().unwrap().is_some());
    file.settle().unwrap();
    assert_eq!(file.accusation().unwrap(), None);
    assert!(path.with_extension("forked-settled").exists());
    let kept = file.keep_evidence(b"elsewhere").unwrap();
    assert!(
        kept.ends_with("702f3c70.signed-elsewhere"),
        "{}",
        kept.display()
    );
    assert_eq!(file.kept_evidence().unwrap().unwrap(), b"elsewhere");
    assert_eq!(file.accusation().unwrap(), None);
}
