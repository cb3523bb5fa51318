//! Bits that rot, on disk and below RocksDB's checksums: `fsck` finds them, and nothing is signed
//! over what was not written.

use std::path::{Path, PathBuf};

use ishibumi_tests::oracle;
use ishibumi_tests::process::eventually;
use ishibumi_tests::world::{OPAQUE, Setup, World, copy_dir, opaque_record, restore_dir};
use ishibumi_tlog::Hash;
use rocksdb::{DB, Options};

const RECORDS: u64 = 600;

fn octets(number: u64) -> Vec<u8> {
    format!("record {number}").into_bytes()
}

/// Leaf hashes of what a log says of itself before it takes anything.
struct Opening(Vec<[u8; 32]>);

impl Opening {
    /// The size of the tree with `number` submitted records.
    fn size(&self, number: u64) -> u64 {
        self.0.len() as u64 + number
    }

    /// The root of what was submitted up to `size`, whatever became of the log's files.
    fn root(&self, size: u64) -> Hash {
        let submitted = (0..RECORDS).map(|number| oracle::leaf(&opaque_record(&octets(number))));
        let leaves: Vec<[u8; 32]> = self.0.iter().copied().chain(submitted).collect();
        Hash(oracle::root(&leaves[..usize::try_from(size).unwrap()]))
    }
}

/// A log, running, without any submission.
fn fresh() -> (World, Opening) {
    let world = World::new(Setup::default());
    let records = world.records();
    let opening = records.iter().map(|record| oracle::leaf(record)).collect();
    (world, Opening(opening))
}

/// A log with [`RECORDS`] records, all published; it stands.
fn filled() -> (World, Opening) {
    let (mut world, opening) = fresh();
    put_all(&world, 0..RECORDS);
    let all = opening.size(RECORDS);
    eventually("the last record", || (world.size() == all).then_some(()));
    world.stop_log();
    (world, opening)
}

fn put_all(world: &World, numbers: std::ops::Range<u64>) {
    let mut batch = Vec::new();
    for number in numbers {
        let octets = octets(number);
        batch.push(255);
        batch.extend(u32::try_from(octets.len()).unwrap().to_be_bytes());
        batch.extend(octets);
    }
    let media_type = "application/vnd.ishibumi.batch";
    let _ = world
        .submit("lab", media_type, "?wait=durable", &batch)
        .expect(202);
}

/// Opens the database directly, past the store.
fn raw(path: &Path) -> DB {
    let families = DB::list_cf(&Options::default(), path).unwrap();
    DB::open_cf(&Options::default(), path, families).unwrap()
}

/// Flips a bit of a value, under a checksum that fits it.
fn flip(path: &Path, family: &str, key: &[u8], at: usize) {
    let database = raw(path);
    let family = database.cf_handle(family).unwrap();
    let mut value = database.get_cf(family, key).unwrap().unwrap();
    value[at] ^= 1;
    database.put_cf(family, key, value).unwrap();
}

fn tile_key(level: u8, index: u64) -> Vec<u8> {
    [&[level][..], &index.to_be_bytes()].concat()
}

#[test]
fn fsck_names_what_rotted() {
    let (world, opening) = filled();
    world.assert_sound();
    let (data, whole) = (world.path("data"), world.path("whole"));
    copy_dir(&data, &whole);
    let edge = b"edge".to_vec();
    let leaf = oracle::leaf(&opaque_record(&octets(99))).to_vec();
    let cases: [(&str, Vec<u8>, usize, &[&str]); 7] = [
        (
            "records",
            100_u64.to_be_bytes().to_vec(),
            9,
            &["tile 0 of level 0", "record 100"],
        ),
        (
            "records",
            590_u64.to_be_bytes().to_vec(),
            9,
            &["590", "edge", "root"],
        ),
        (
            "tiles",
            tile_key(0, 1),
            5000,
            &["tile 1 of level 0", "tile/0/001"],
        ),
        (
            "tiles",
            tile_key(0, 0),
            0,
            &["tile 0 of level 0", "tile/0/000"],
        ),
        ("state", edge, 40, &["edge"]),
        ("leaves", leaf, 7, &["index", "stands at"]),
        (
            "kept",
            opening.size(RECORDS).to_be_bytes().to_vec(),
            30,
            &["checkpoint"],
        ),
    ];
    for (family, key, at, words) in cases {
        restore_dir(&whole, &data);
        flip(&data, family, &key, at);
        let ended = world.operate(&["fsck"]);
        let said = format!("{}{}", ended.out, ended.err);
        assert_eq!(ended.code, 1, "{family}: {said}");
        assert!(
            words.iter().any(|word| said.contains(word)),
            "{family}: {said}"
        );
    }
    restore_dir(&whole, &data);
    world.assert_sound();
}

/// Staged records that are not yet signed have no other witness than the log itself.
#[test]
fn nothing_is_signed_over_what_rotted() {
    let (mut world, opening) = fresh();
    let signed = opening.size(301);
    put_all(&world, 0..300);
    eventually("the records", || (world.size() + 1 == signed).then_some(()));
    for number in 0..3 {
        world.kill_witness(number);
    }
    // A first head may still be signed without them, but none after it.
    let _ = world
        .submit("lab", OPAQUE, "?wait=durable", &octets(300))
        .expect(202);
    eventually("one head ahead", || {
        (world.status("signed_size") == signed).then_some(())
    });
    put_all(&world, 301..RECORDS);
    assert_eq!(world.status("signed_size"), signed);
    world.stop_log();
    for number in 0..3 {
        world.start_witness(number);
    }
    let (data, whole) = (world.path("data"), world.path("whole"));
    copy_dir(&data, &whole);
    for (family, key, at) in [
        ("records", 310_u64.to_be_bytes().to_vec(), 9),
        ("records", 500_u64.to_be_bytes().to_vec(), 12),
        ("records", (RECORDS).to_be_bytes().to_vec(), 9),
        ("tiles", tile_key(0, 1), 60 * 32),
        ("tiles", tile_key(0, 0), 32),
        ("state", b"edge".to_vec(), 50),
    ] {
        restore_dir(&whole, &data);
        flip(&data, family, &key, at);
        let ended = match world.try_start_log() {
            Err(ended) => ended,
            Ok(log) => log.ended(),
        };
        assert_eq!(ended.code, 1, "{family} {key:?}: {}", ended.err);
        for number in 0..3 {
            let url = format!("http://{}", world.witnesses[number].address);
            let path = format!(
                "/{}/checkpoint",
                Hash::of(ishibumi_tests::world::ORIGIN.as_bytes())
            );
            let note = ishibumi_tests::http::get(&url, &path)
                .unwrap()
                .expect(200)
                .text();
            let size: u64 = note.lines().nth(1).unwrap().parse().unwrap();
            assert!(size <= signed, "{family} {key:?}: {size} was signed");
            assert!(note.contains(&opening.root(size).to_base64()), "{note}");
        }
    }
    restore_dir(&whole, &data);
    world.start_log();
    eventually("the rest", || {
        (world.size() == opening.size(RECORDS)).then_some(())
    });
    let head = world.checkpoint().checkpoint().clone();
    assert_eq!(head.root, opening.root(opening.size(RECORDS)));
}

fn scrub_every(world: &World, milliseconds: i64) {
    world.reconfigure(|config| {
        let store = toml::Table::from_iter([("scrub_period_ms".to_owned(), milliseconds.into())]);
        config.insert("store".to_owned(), store.into());
    });
}

/// The smallest key of a column family.
fn first_key(path: &Path, family: &str) -> Vec<u8> {
    let database = raw(path);
    let family = database.cf_handle(family).unwrap();
    let mut rows = database.iterator_cf(family, rocksdb::IteratorMode::Start);
    rows.next().unwrap().unwrap().0.into_vec()
}

/// A bit that flips in old data, where nothing that is done every day would meet it: the scrub
/// finds it, the log stops, and does not come back before fsck has found nothing.
#[test]
fn the_scrub_stops_a_log_whose_old_data_changed() {
    let (mut world, _) = filled();
    let (data, whole) = (world.path("data"), world.path("whole"));
    copy_dir(&data, &whole);
    let leaf = oracle::leaf(&opaque_record(&octets(40))).to_vec();
    // No tile: of so small a log the opening reads them all.
    let cases: [(&str, Vec<u8>, usize, &str); 3] = [
        (
            "records",
            100_u64.to_be_bytes().to_vec(),
            9,
            "tile 0 of level 0",
        ),
        ("leaves", leaf, 8, "in the index of leaf hashes"),
        ("kept", first_key(&data, "kept"), 30, "a kept checkpoint"),
    ];
    restore_dir(&whole, &data);
    for (family, key, at, words) in cases {
        restore_dir(&whole, &data);
        flip(&data, family, &key, at);
        // The control: a log that never looks takes records over it and signs them.
        scrub_every(&world, 0);
        world.start_log();
        world.put(format!("over a flipped {family}").as_bytes());
        world.stop_log();

        scrub_every(&world, 1000);
        let ended = match world.try_start_log() {
            Err(ended) => ended,
            Ok(log) => log.ended(),
        };
        ended.refused(1, &["the log stopped: the scrub found", words]);
        let damaged = &["DAMAGED DATA", "found changed while the log ran", words];
        world.operate(&["serve"]).refused(1, damaged);
        assert_eq!(world.operate(&["fsck"]).code, 1, "{family}");
        world.operate(&["serve"]).refused(1, damaged);
        // Mended, it starts once fsck has said so.
        flip(&data, family, &key, at);
        world.operate(&["serve"]).refused(1, damaged);
        world.assert_sound();
        copy_dir(&data, &world.path(family));
        std::fs::remove_dir_all(&whole).unwrap();
        std::fs::rename(world.path(family), &whole).unwrap();
    }
    world.start_log();
    eventually("a whole pass", || {
        let metrics = ishibumi_tests::http::get(&world.running().admin_url, "/metrics");
        let metrics = metrics.unwrap().expect(200).text();
        let name = "ishibumi_log_scrub_completed_timestamp_seconds ";
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        (line.unwrap() != "0").then_some(())
    });
    world.put(b"goes on");
}

fn files(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| path.metadata().unwrap().len() > 0)
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            // RocksDB's own diary and its lock decide nothing.
            !name.starts_with("LOG") && name != "LOCK"
        })
        .collect();
    files.sort();
    files
}

/// Bits and ends of the files themselves: whatever starts in spite of it tells the truth.
#[test]
fn rotten_files_are_refused_or_do_not_matter() {
    let (mut world, opening) = filled();
    let (data, whole) = (world.path("data"), world.path("whole"));
    copy_dir(&data, &whole);
    let root = opening.root(opening.size(RECORDS));
    let (mut refused, mut served) = (0, 0);
    for file in files(&whole) {
        let name = file.file_name().unwrap();
        let len = usize::try_from(file.metadata().unwrap().len()).unwrap();
        let whole_file = std::fs::read(&file).unwrap();
        let flipped = [0, len / 3, len * 2 / 3, len - 1].map(|at| {
            let mut octets = whole_file.clone();
            octets[at] ^= 1;
            octets
        });
        let cut = [len / 2, 0].map(|end| whole_file[..end].to_vec());
        for octets in flipped.into_iter().chain(cut) {
            restore_dir(&whole, &data);
            std::fs::write(data.join(name), octets).unwrap();
            let log = match world.try_start_log() {
                Err(ended) => {
                    assert_eq!(ended.code, 1, "{name:?}: {}", ended.err);
                    refused += 1;
                    continue;
                }
                Ok(log) => log,
            };
            world.log = Some(log);
            // It may find out later and stop; if it answers, what it answers is true.
            let answer = ishibumi_tests::http::get(world.url(), "/checkpoint");
            if let Some(answer) = answer.ok().filter(|answer| answer.status == 200) {
                assert!(
                    answer.text().contains(&root.to_base64()),
                    "{name:?}: {answer}"
                );
                served += 1;
            }
            world.kill_log();
        }
    }
    assert!(
        refused > 10 && served > 0,
        "{refused} refused, {served} served"
    );
    restore_dir(&whole, &data);
    world.assert_sound();
    world.start_log();
    world.put(b"goes on");
}

/// A head file that rotted is not passed over.
#[test]
fn a_rotten_head_file_is_refused() {
    let (mut world, _) = filled();
    let mut heads = files(&world.path("heads"));
    // Beside it lies what commands show to the running log.
    heads.retain(|path| path.extension().is_some_and(|it| it == "head"));
    let [head] = heads.as_slice() else {
        panic!("one head file: {heads:?}")
    };
    let whole = std::fs::read(head).unwrap();
    let half = whole.len() / 2;
    let mut both = whole.clone();
    both[20] ^= 1;
    both[half + 20] ^= 1;
    for rotten in [&both[..], &whole[..half], &whole[..100], b""] {
        std::fs::write(head, rotten).unwrap();
        world
            .operate(&["serve"])
            .refused(1, &["head file", "damaged"]);
    }
    // One slot of the two: a crash while writing leaves as much.
    for slot in [0, half] {
        let mut one = whole.clone();
        one[slot + 20] ^= 1;
        std::fs::write(head, one).unwrap();
        world.start_log();
        world.put(format!("slot {slot}").as_bytes());
        world.stop_log();
    }
}
