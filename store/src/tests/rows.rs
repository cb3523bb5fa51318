//! A second reader of the data directory, made from `docs/formats/store-rows.md` alone: it shares
//! no code with the store but the database's library, and finds what the store says.

use std::collections::BTreeMap;
use std::path::Path;

use ishibumi_tlog::hash::{Hash, leaf_hash};
use ishibumi_tlog::tile::Edge;
use rocksdb::{DB, IteratorMode, Options};

use super::{ORIGIN, Paths};
use crate::codec;
use crate::conformance::{batch_of, note_of};
use crate::{IndexKind, LogStore, RocksLog};

const PAGE: &str = include_str!("../../../docs/formats/store-rows.md");

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

fn families(path: &Path) -> BTreeMap<String, Rows> {
    let options = Options::default();
    let names = DB::list_cf(&options, path).unwrap();
    let database = DB::open_cf_for_read_only(&options, path, &names, false).unwrap();
    let rows = |name: &String| {
        let family = database.cf_handle(name).unwrap();
        let all = database.iterator_cf(family, IteratorMode::Start);
        all.map(|row| row.map(|(key, value)| (key.into_vec(), value.into_vec())))
            .collect::<Result<Rows, _>>()
            .unwrap()
    };
    names
        .iter()
        .map(|name| (name.clone(), rows(name)))
        .collect()
}

/// Takes octets from the front.
struct Front<'a>(&'a [u8]);

impl<'a> Front<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (front, rest) = self.0.split_at(count);
        self.0 = rest;
        front
    }

    fn number(&mut self) -> u64 {
        u64::from_be_bytes(self.take(8).try_into().unwrap())
    }
}

fn leaf_row(octets: &[u8]) -> u64 {
    let mut front = Front(octets);
    assert_eq!(front.take(1), [1]);
    let index = front.number();
    assert!(front.0.is_empty());
    index
}

/// Size, and the hashes of each level.
fn edge_row(octets: &[u8]) -> (u64, Vec<Vec<[u8; 32]>>) {
    let mut front = Front(octets);
    assert_eq!(front.take(1), [1]);
    let size = front.number();
    let levels = front.number();
    let mut read = Vec::new();
    for level in 0..u32::try_from(levels).unwrap() {
        let count = front.number();
        assert_eq!(count, (size >> (8 * level)) % 256);
        let hashes = (0..count).map(|_| front.take(32).try_into().unwrap());
        read.push(hashes.collect());
    }
    assert!(front.0.is_empty());
    (size, read)
}

fn hashes(edge: &Edge) -> Vec<Vec<[u8; 32]>> {
    let of = |level: &Vec<Hash>| level.iter().map(|hash| hash.0).collect();
    edge.levels().iter().map(of).collect()
}

#[test]
fn a_directory_is_what_its_page_says() {
    let paths = Paths::new();
    let path = paths.fresh();
    let log = RocksLog::create(&path, ORIGIN).unwrap();
    // The last two hundred are the first ones again: a leaf row is of the first.
    for (start, first) in [(0, 0), (200, 200), (400, 0)] {
        let mut batch = batch_of(first, first + 200);
        for record in &mut batch.records {
            record.keys = vec![b"one key".to_vec(), record.octets.clone()];
        }
        batch.blobs.push(format!("a list of {start}").into_bytes());
        log.stage(start, &batch).unwrap();
    }
    let edge = log.staged().unwrap();
    let head = note_of(ORIGIN, 600, edge.root(), 1);
    log.swap_signed_head(None, &head).unwrap();
    log.publish(600, &head, true).unwrap();
    let records = log.records(0, 600).unwrap();
    let keys = log.index_rows(IndexKind::Keys, None, usize::MAX).unwrap();
    let tiles: Vec<_> = (0..2).map(|n| log.tile(0, n, 256).unwrap()).collect();
    drop(log);

    let found = families(&path);
    let mut names: Vec<&str> = found.keys().map(String::as_str).collect();
    names.sort_unstable();
    // Each stands on the page, and the page names no other.
    let listed = PAGE.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut listed: Vec<&str> = listed.filter_map(|line| line.split('`').next()).collect();
    let states = listed.split_off(names.len());
    listed.sort_unstable();
    assert_eq!(names, listed);

    let label = format!("an Ishibumi log store, version 1, of {ORIGIN}");
    let format = Rows::from([(b"format".to_vec(), label.into_bytes())]);
    assert_eq!(found["default"], format);
    let numbered = (0_u64..).zip(&records);
    let wanted: Rows = numbered
        .map(|(index, record)| (index.to_be_bytes().to_vec(), record.clone()))
        .collect();
    assert_eq!(found["records"], wanted);
    for (index, tile) in (0_u64..).zip(&tiles) {
        let key = [&[0][..], &index.to_be_bytes()].concat();
        let octets: Vec<u8> = tile.hashes().iter().flat_map(|hash| hash.0).collect();
        assert_eq!(found["tiles"][&key], octets);
    }
    assert_eq!(found["tiles"].len(), tiles.len());
    let mut first = BTreeMap::new();
    for (index, record) in (0..).zip(&records) {
        first.entry(leaf_hash(record).0.to_vec()).or_insert(index);
    }
    let leaves = found["leaves"].iter();
    let leaves = leaves.map(|(key, row)| (key.clone(), leaf_row(row)));
    assert_eq!(leaves.collect::<BTreeMap<_, u64>>(), first);
    let mut looked_up = Vec::new();
    for (key, value) in &found["lookup"] {
        let mut front = Front(key);
        let len = front.take(1)[0];
        looked_up.push((front.take(len.into()).to_vec(), front.number()));
        assert!(front.0.is_empty() && value.is_empty());
    }
    let keys: Vec<_> = keys.into_iter().map(|row| (row.key, row.index)).collect();
    assert_eq!(keys.len(), 1200);
    assert_eq!(looked_up, keys);
    assert_eq!(found["blobs"].len(), 3);
    for (key, blob) in &found["blobs"] {
        assert_eq!(*key, Hash::of(blob).0);
    }
    let note = head.encode().into_bytes();
    let kept = Rows::from([(600_u64.to_be_bytes().to_vec(), note.clone())]);
    assert_eq!(found["kept"], kept);

    let state = &found["state"];
    assert_eq!(edge_row(&state[&b"edge"[..]]), (600, hashes(&edge)));
    assert_eq!(state[&b"signed"[..]], note);
    let published = [&600_u64.to_be_bytes()[..], &note].concat();
    assert_eq!(state[&b"published"[..]], published);
    assert!(state[&b"paged"[..]].is_empty());
    for row in state.keys() {
        assert!(states.iter().any(|listed| listed.as_bytes() == row));
    }

    let mark = std::fs::read(path.join("ACKNOWLEDGED")).unwrap();
    assert_eq!(mark.len(), 48);
    assert_eq!(mark[..8], *b"ishiACK1");
    assert_ne!(mark[8..16], [0; 8]);
    assert_eq!(mark[16..], Hash::of(&mark[..16]).0);
}

/// The example of the page, octet by octet.
#[test]
fn the_example_of_the_page_is_what_is_written() {
    let mut edge = Edge::new();
    for record in [b"0", b"1", b"2"] {
        edge.append(leaf_hash(record), |_, _, _| {});
    }
    let row = codec::encode_edge(&edge);
    let (_, behind) = PAGE.split_once("(one octet each):\n\n```\n").unwrap();
    let (example, _) = behind.split_once("```").unwrap();
    let example: String = example.split_whitespace().collect();
    assert_eq!(hex::encode(&row), example);
    assert_eq!(edge_row(&row), (3, hashes(&edge)));
}
