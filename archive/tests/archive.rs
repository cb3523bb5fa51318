//! Archives of a log that is made here: two volumes, the golden files, damage of every kind of
//! file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ishibumi_archive::volume::{Volume, VolumeWriter};
use ishibumi_archive::{
    ArchiveReader, Beside, ExportError, Exported, Form, LogFiles, check, check_archive, export,
};
use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::hash::{Hash, leaf_hash};
use ishibumi_tlog::key::{NoteSigner, SignatureType};
use ishibumi_tlog::note::Note;
use ishibumi_tlog::tile::{Edge, Tile, TileKind, TilePath, encode_bundle, tiles};

/// The files of a log, by path.
#[derive(Clone, Default)]
struct Log {
    files: BTreeMap<String, Vec<u8>>,
    kept: Vec<u64>,
}

impl LogFiles for Log {
    fn read(&mut self, path: &str, _: usize) -> Result<Option<Vec<u8>>, String> {
        Ok(self.files.get(path).cloned())
    }

    fn kept_sizes(&mut self) -> Result<Vec<u64>, String> {
        Ok(self.kept.clone())
    }
}

fn log(size: u64, kept: &[u64]) -> (Log, Note) {
    let signer = NoteSigner::from_seed("log.example/golden", SignatureType::Ed25519, &[7; 32]);
    let signer = signer.unwrap();
    let mut log = Log {
        kept: kept.to_vec(),
        ..Log::default()
    };
    let (mut edge, mut entries) = (Edge::new(), Vec::new());
    let note = |edge: &Edge| {
        let text = Checkpoint::new("log.example/golden", edge.size(), edge.root()).to_text();
        let line = signer.sign(&text).unwrap();
        Note::new(text, vec![line])
    };
    let mut put = |kind, index, width, octets| {
        let path = TilePath { kind, index, width };
        log.files.insert(path.to_string(), octets);
    };
    let mut notes = Vec::new();
    for number in 0..size {
        let entry = format!("entry {number}").into_bytes();
        edge.append(leaf_hash(&entry), |level, index, tile| {
            put(
                TileKind::Hashes(level),
                index,
                256,
                Tile::encode(tile.hashes()),
            );
        });
        entries.push(entry);
        if kept.contains(&(number + 1)) {
            notes.push((format!("checkpoints/{}", number + 1), note(&edge)));
        }
    }
    for (index, bundle) in (0..).zip(entries.chunks(256)) {
        let width = u16::try_from(bundle.len()).unwrap();
        put(
            TileKind::Entries,
            index,
            width,
            encode_bundle(bundle).unwrap(),
        );
    }
    for (level, index, width) in tiles(size).filter(|(_, _, width)| *width < 256) {
        let octets = Tile::encode(&edge.levels()[usize::from(level)]);
        put(TileKind::Hashes(level), index, width, octets);
    }
    let notes = notes
        .into_iter()
        .map(|(path, note)| (path, note.encode().into_bytes()));
    log.files.extend(notes);
    (log, note(&edge))
}

fn exported(log: &Log, note: &Note, out: &Path, form: Form) -> Exported {
    export(&mut log.clone(), note, out, form, |_, _| {}).unwrap()
}

/// The files below a folder, by path.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(folder)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// What an ordinary tool makes of all the volumes in a folder.
fn unzipped(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for octets in files(folder).into_values() {
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(octets)).unwrap();
        for at in 0..archive.len() {
            let mut entry = archive.by_index(at).unwrap();
            let mut octets = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut octets).unwrap();
            let name = entry.name().unwrap().into_owned();
            if let Some(known) = all.insert(name.clone(), octets.clone()) {
                assert_eq!(known, octets, "{name} has two contents");
            }
        }
    }
    all
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/archive/volumes")
}

/// `docs/formats/archive.md`. After a deliberate change of the format, `ISHIBUMI_WRITE_GOLDEN=1` in
/// the environment of this test writes the files anew.
#[test]
fn the_golden_volumes_are_written_and_read() {
    let (log, note) = log(300, &[1, 256, 300]);
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("volumes");
    exported(&log, &note, &out, Form::Volumes);
    let made = files(&out);
    assert_eq!(made.keys().collect::<Vec<_>>(), ["000.zip", "side-000.zip"]);
    if std::env::var_os("ISHIBUMI_WRITE_GOLDEN").is_some() {
        let _ = fs::remove_dir_all(golden());
        fs::create_dir_all(golden()).unwrap();
        for (name, octets) in &made {
            fs::write(golden().join(name), octets).unwrap();
        }
    }
    assert!(
        made == files(&golden()),
        "the volumes are not the golden ones"
    );
    let mut place = ArchiveReader::open(&golden()).unwrap();
    assert_eq!(place.kept_sizes().unwrap(), [1, 256, 300]);
    assert_eq!(check(&mut place, &note, |_, _| {}).unwrap().size, 300);
}

#[test]
fn two_volumes_are_the_tree_and_either_reads_back_to_the_same_octets() {
    let (log, note) = log(65_536 + 700, &[3, 65_536, 66_000]);
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    exported(&log, &note, &at("tree"), Form::Tree);
    let report = exported(&log, &note, &at("volumes"), Form::Volumes);
    assert_eq!((report.volumes, report.kept), (3, 3));
    let tree = files(&at("tree"));
    assert!(unzipped(&at("volumes")) == tree);
    for (path, octets) in &log.files {
        assert!(tree.get(path) == Some(octets), "{path}");
    }
    let volumes = files(&at("volumes"));
    let names: Vec<&String> = volumes.keys().collect();
    assert_eq!(names, ["000.zip", "001.zip", "side-000.zip"]);

    // From the tree to volumes and back.
    let again = |from: &str, form, out: &str| {
        let mut from = ArchiveReader::open(&at(from)).unwrap();
        export(&mut from, &note, &at(out), form, |_, _| {}).unwrap();
        files(&at(out))
    };
    assert!(again("tree", Form::Volumes, "volumes-2") == volumes);
    assert!(again("volumes", Form::Tree, "tree-2") == tree);
    for name in ["tree", "volumes"] {
        let checked = check(
            &mut ArchiveReader::open(&at(name)).unwrap(),
            &note,
            |_, _| {},
        );
        assert_eq!(checked.unwrap().root, report.root);
    }

    // A volume that is not there is named by what it would hold.
    fs::remove_file(at("volumes").join("001.zip")).unwrap();
    let missing = check(
        &mut ArchiveReader::open(&at("volumes")).unwrap(),
        &note,
        |_, _| {},
    );
    let missing = missing.unwrap_err().to_string();
    assert!(missing.contains("tile/entries/256"), "{missing}");
    let place = ArchiveReader::open(&at("volumes")).unwrap();
    assert!(place.whereabouts("tile/entries/256").contains("001.zip"));
}

#[test]
fn volumes_of_two_exports_are_not_read_as_one() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("volumes");
    let (one, note) = log(300, &[]);
    exported(&one, &note, &out, Form::Volumes);
    ArchiveReader::open(&out).unwrap();
    let (other, note) = log(301, &[]);
    exported(&other, &note, &place.path().join("other"), Form::Volumes);
    fs::copy(place.path().join("other/000.zip"), out.join("001.zip")).unwrap();
    let mixed = ArchiveReader::open(&out).unwrap_err().to_string();
    assert!(
        mixed.contains("001.zip") && mixed.contains("000.zip"),
        "{mixed}"
    );
}

/// Neither an export nor a check passes over a file that is false, and the right one is named.
#[test]
fn damage_of_any_file_is_found_and_named() {
    let (sound, note) = log(65_536 + 700, &[3, 66_000]);
    let place = tempfile::tempdir().unwrap();
    check(&mut sound.clone(), &note, |_, _| {}).unwrap();
    let out = place.path().join("out");
    for (path, at, named) in [
        ("tile/entries/000", 5, "tile/entries/000: entry 0 "),
        ("tile/entries/255", 3000, "tile/entries/255: entry 65"),
        ("tile/entries/256", 4, "tile/entries/256: entry 65536 "),
        (
            "tile/entries/258.p/188",
            5,
            "tile/entries/258.p/188: entry 66048 ",
        ),
        ("tile/0/258.p/188", 40, "checkpoint"),
        ("tile/1/001.p/2", 3, "checkpoint"),
        ("tile/2/000.p/1", 3, "checkpoint"),
        ("checkpoints/3", 30, "checkpoints/3"),
    ] {
        let mut log = sound.clone();
        log.files.get_mut(path).unwrap_or_else(|| panic!("{path}"))[at] ^= 1;
        for exports in [false, true] {
            let outcome = if exports {
                export(&mut log, &note, &out, Form::Volumes, |_, _| {})
            } else {
                check(&mut log, &note, |_, _| {})
            };
            let error = outcome.expect_err(path).to_string();
            assert!(error.contains(named), "{path}: {error}");
        }
        log.files.remove(path);
        let error = check(&mut log, &note, |_, _| {})
            .expect_err(path)
            .to_string();
        assert!(error.contains(path), "{path}: {error}");
    }
    // Tiles that follow from the entries are compared where there are any.
    for path in ["tile/0/007", "tile/1/000"] {
        let mut log = sound.clone();
        log.files.get_mut(path).unwrap()[40] ^= 1;
        let error = check(&mut log, &note, |_, _| {}).unwrap_err().to_string();
        assert!(error.contains(path) && error.contains("hash 1 "), "{error}");
    }
    // Nothing of it is left.
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

fn checked(at: &Path, note: &Note) -> Result<Beside, ExportError> {
    let mut place = ArchiveReader::open(at).unwrap();
    check_archive(&mut place, note, |_, _| {}).map(|exported| exported.beside)
}

/// What the log's signature does not cover is compared, too: of a tree each file, changed or gone,
/// is named.
#[test]
fn a_check_vouches_for_nothing_that_it_did_not_compare() {
    let (log, note) = log(300, &[1, 256, 300]);
    let place = tempfile::tempdir().unwrap();
    let tree = place.path().join("tree");
    exported(&log, &note, &tree, Form::Tree);
    let sound = files(&tree);
    let whole = Beside {
        is_there: true,
        ..Beside::default()
    };
    assert_eq!(checked(&tree, &note).unwrap(), whole);
    for path in sound.keys() {
        let mut octets = sound[path].clone();
        let at = octets.len() / 2;
        octets[at] ^= 1;
        fs::write(tree.join(path), &octets).unwrap();
        let error = checked(&tree, &note).expect_err(path);
        let is_damage = matches!(&error, ExportError::Wrong { .. });
        let error = error.to_string();
        // Tiles accuse the checkpoint, or it them.
        let named = error.contains(path) || path.starts_with("tile/") || path == "checkpoint";
        assert!(is_damage && named, "{path}: {error}");
        fs::remove_file(tree.join(path)).unwrap();
        // A page and a list that are both gone leave others behind.
        let error = match checked(&tree, &note) {
            Err(error) => error.to_string(),
            Ok(beside) => panic!("{path} is gone: {beside:?}"),
        };
        assert!(
            error.contains(path) || error.contains("index.json"),
            "{path}: {error}"
        );
        fs::write(tree.join(path), &sound[path]).unwrap();
    }
    assert_eq!(checked(&tree, &note).unwrap(), whole);

    // A forged page, with a list of sums to match: nothing tells that it is false.
    let page = b"Run this command: true".to_vec();
    fs::write(tree.join("README.txt"), &page).unwrap();
    let (ours, theirs) = (Hash::of(&sound["README.txt"]), Hash::of(&page));
    for list in ["sha256sums-000", "sha256sums-side-000"] {
        let text = String::from_utf8(sound[list].clone()).unwrap();
        let text = text.replace(&ours.to_hex(), &theirs.to_hex());
        fs::write(tree.join(list), text).unwrap();
    }
    assert_eq!(checked(&tree, &note).unwrap().other_pages, ["README.txt"]);
    for path in ["README.txt", "sha256sums-000", "sha256sums-side-000"] {
        fs::write(tree.join(path), &sound[path]).unwrap();
    }
    // A checkpoint of a larger tree belongs to another archive; a stray file belongs to nothing.
    fs::write(tree.join("checkpoints/301"), &sound["checkpoints/300"]).unwrap();
    let error = checked(&tree, &note).unwrap_err().to_string();
    assert!(error.contains("checkpoints/301"), "{error}");
    fs::remove_file(tree.join("checkpoints/301")).unwrap();
    fs::write(tree.join("blob.txt"), "x").unwrap();
    assert_eq!(checked(&tree, &note).unwrap().unlisted, ["blob.txt"]);

    // A bare copy has none of this, and says so.
    let mut bare = log.clone();
    let beside = check_archive(&mut bare, &note, |_, _| {}).unwrap().beside;
    assert_eq!(beside, Beside::default());
}

/// Of what every volume repeats, each copy is compared.
#[test]
fn every_volume_is_compared_and_not_the_first_alone() {
    let (log, note) = log(65_536 + 300, &[3, 65_836]);
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("volumes");
    exported(&log, &note, &out, Form::Volumes);
    assert!(checked(&out, &note).unwrap().is_there);
    let again = |volume: &str, change: &dyn Fn(&str, &mut Vec<u8>) -> bool| {
        let path = out.join(volume);
        let before = fs::read(&path).unwrap();
        let read = Volume::open(std::io::Cursor::new(&before)).unwrap();
        let mut writer = VolumeWriter::new(Vec::new());
        let names: Vec<String> = read.names().map(str::to_owned).collect();
        for name in &names {
            let mut octets = read.read(name, 64 << 20).unwrap().unwrap();
            if change(name, &mut octets) {
                writer.add(name, &octets).unwrap();
            }
        }
        fs::write(&path, writer.finish().unwrap()).unwrap();
        let outcome = checked(&out, &note);
        fs::write(&path, before).unwrap();
        outcome.map_err(|error| error.to_string())
    };
    for volume in ["000.zip", "001.zip", "side-000.zip"] {
        for name in [
            "README.txt",
            "README.ja.txt",
            "tile/1/001.p/1",
            "tile/2/000.p/1",
            &format!("sha256sums-{}", volume.trim_end_matches(".zip")),
        ] {
            let flip = |found: &str, octets: &mut Vec<u8>| {
                if found == name {
                    octets[0] ^= 1;
                }
                true
            };
            let error = again(volume, &flip).unwrap_err();
            let upper = name.starts_with("tile/") && volume == "000.zip";
            assert!(error.contains(name) || upper, "{volume} {name}: {error}");
            let gone = again(volume, &|found, _| found != name).unwrap_err();
            assert!(gone.contains(name) || upper, "{volume} {name}: {gone}");
        }
    }
    // A volume that no list names.
    let stray = out.join("002.zip");
    let mut writer = VolumeWriter::new(Vec::new());
    writer.add("checkpoint", note.encode().as_bytes()).unwrap();
    writer.add("checkpoints/9", b"a note").unwrap();
    fs::write(&stray, writer.finish().unwrap()).unwrap();
    checked(&out, &note).unwrap_err();
    fs::remove_file(&stray).unwrap();
    // Renamed volumes are the same volumes.
    fs::rename(out.join("001.zip"), out.join("second.zip")).unwrap();
    assert!(checked(&out, &note).unwrap().is_there);
    // The one with the rest is missing.
    fs::remove_file(out.join("side-000.zip")).unwrap();
    let error = checked(&out, &note).unwrap_err().to_string();
    assert!(error.contains("side-000"), "{error}");
}

/// A single volume that holds all entries is compared as far as it goes.
#[test]
fn a_volume_by_itself_says_what_it_has_not() {
    let (log, note) = log(300, &[1, 300]);
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("volumes");
    exported(&log, &note, &out, Form::Volumes);
    let beside = checked(&out.join("000.zip"), &note).unwrap();
    assert!(beside.is_there && beside.alone);
}

#[test]
fn nothing_is_written_over() {
    let (log, note) = log(300, &[]);
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let run = || export(&mut log.clone(), &note, &out, Form::Tree, |_, _| {});
    fs::create_dir(place.path().join("out.partial")).unwrap();
    assert!(
        run()
            .unwrap_err()
            .to_string()
            .contains("out.partial exists")
    );
    fs::remove_dir(place.path().join("out.partial")).unwrap();
    run().unwrap();
    let before = files(&out);
    assert!(run().unwrap_err().to_string().contains("out exists"));
    assert!(files(&out) == before);
}
