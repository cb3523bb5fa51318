//! The suite of [`LogStore`].

use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::hash::{EMPTY_ROOT, Hash, leaf_hash, node_hash};
use ishibumi_tlog::key::{NoteSigner, SignatureType};
use ishibumi_tlog::note::Note;
use ishibumi_tlog::tile::{ENTRY_LEN_MAX, TILE_LEN, TILE_WIDTH, Tile, TileNodes, tiles};
use ishibumi_tlog::tree::{Frontier, root};

use crate::{
    Batch, IndexKind, IndexRow, LOOKUP_KEY_LEN_MAX, LogStore, NewRecord, StoreError, StoredTiles,
};

/// The origin that the suite's checkpoints name.
const ORIGIN: &str = "example.com/conformance";

/// A record with its true leaf hash.
pub fn record(octets: impl Into<Vec<u8>>, keys: &[&[u8]]) -> NewRecord {
    let octets = octets.into();
    let leaf = leaf_hash(&octets);
    let keys = keys.iter().map(|key| key.to_vec()).collect();
    NewRecord { octets, leaf, keys }
}

/// A batch of the records `start..end`, each the decimal form of its index.
pub fn batch_of(start: u64, end: u64) -> Batch {
    let records = (start..end).map(|n| record(n.to_string(), &[])).collect();
    Batch {
        records,
        blobs: Vec::new(),
    }
}

/// A signed checkpoint; `seed` tells notes over one head apart.
pub fn note_of(origin: &str, size: u64, root: Hash, seed: u8) -> Note {
    let key = NoteSigner::from_seed(origin, SignatureType::Ed25519, &[seed; 32]).unwrap();
    let text = Checkpoint::new(origin, size, root).to_text();
    let line = key.sign(&text).unwrap();
    Note::new(text, vec![line])
}

/// The root of `leaves` by the definition of RFC 6962 section 2.1.
pub fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(naive_root(left), naive_root(right))
        }
    }
}

/// Runs the suite. `create` makes the store of an empty log of the origin that it is given,
/// `reopen` closes one and opens what it left.
pub fn check_log<S: LogStore>(create: impl Fn(&str) -> S, reopen: impl Fn(S) -> S) {
    empty(&create(ORIGIN));
    refusals(&create(ORIGIN));
    sizes_around_full_tiles(create(ORIGIN), &reopen);
    duplicates(create(ORIGIN), &reopen);
    lookups(create(ORIGIN), &reopen);
    blobs(create(ORIGIN), &reopen);
    heads(create(ORIGIN), &reopen);
    races(&create(ORIGIN));
}

/// Checks everything that a store says about its tree against the records that it should hold.
pub fn check_tree<S: LogStore>(store: &S, expected: &[Vec<u8>]) {
    let size = expected.len() as u64;
    let leaves: Vec<Hash> = expected.iter().map(|octets| leaf_hash(octets)).collect();
    let edge = store.staged().unwrap();
    assert_eq!(edge.size(), size);
    let expected_root = naive_root(&leaves);
    assert_eq!(edge.root(), expected_root);
    assert_eq!(store.records(0, u64::MAX).unwrap(), expected);
    assert_eq!(store.record(size).unwrap(), None);
    for (level, index, width) in tiles(size) {
        check_tile(store, level, index, width, &leaves);
    }
    let tiles = StoredTiles(store);
    let nodes = TileNodes::new(&tiles, size);
    assert_eq!(root(&nodes, size).unwrap(), expected_root);
}

/// A tile, its partial forms, and that it has no more hashes than it should.
fn check_tile<S: LogStore>(store: &S, level: u8, index: u64, width: u16, leaves: &[Hash]) {
    let tile = store.tile(level, index, width).unwrap();
    assert_eq!(tile.hashes().len(), usize::from(width));
    let span = 1 << (8 * usize::from(level));
    let first = usize::try_from(index).unwrap() * usize::from(TILE_WIDTH) * span;
    for (hash, below) in tile.hashes().iter().zip(leaves[first..].chunks(span)) {
        let mut subtree = Frontier::new();
        for &leaf in below {
            subtree.append(leaf, |_, _, _| {});
        }
        assert_eq!(*hash, subtree.root());
    }
    if width == TILE_WIDTH {
        assert_eq!(Tile::encode(tile.hashes()).len(), TILE_LEN);
    }
    for narrow in [1, width / 2, width.saturating_sub(1)]
        .into_iter()
        .filter(|&w| w > 0)
    {
        let partial = store.tile(level, index, narrow).unwrap();
        assert_eq!(partial.hashes(), &tile.hashes()[..usize::from(narrow)]);
    }
    let beyond = store.tile(level, index, width + 1);
    assert!(matches!(beyond, Err(StoreError::Refused { .. })));
}

fn empty<S: LogStore>(store: &S) {
    check_tree(store, &[]);
    assert_eq!(store.signed_head().unwrap(), None);
    assert_eq!(store.published().unwrap(), None);
    assert_eq!(store.index_of(leaf_hash(b"")).unwrap(), None);
    assert_eq!(store.blob(Hash::of(b"")).unwrap(), None);
    assert_eq!(store.kept_covering(0).unwrap(), None);
    assert_eq!(store.kept(0).unwrap(), None);
    assert!(store.kept_sizes(0, 9).unwrap().is_empty());
    assert!(store.lookup(b"", 0, 9).unwrap().is_empty());
    assert!(matches!(
        store.tile(0, 0, 1),
        Err(StoreError::Refused { .. })
    ));
    store.stage(0, &Batch::default()).unwrap();
    check_tree(store, &[]);
}

/// A refused write changes nothing, and the store goes on.
fn refusals<S: LogStore>(store: &S) {
    let one = |record| Batch {
        records: vec![record],
        blobs: vec![b"blob".to_vec()],
    };
    let mut wrong_leaf = record("a", &[]);
    wrong_leaf.leaf = leaf_hash(b"b");
    let long_key = [0; LOOKUP_KEY_LEN_MAX + 1];
    let refused = [
        one(wrong_leaf),
        one(record(vec![0; ENTRY_LEN_MAX + 1], &[])),
        one(record("a", &[&long_key])),
    ];
    for batch in &refused {
        assert!(matches!(
            store.stage(0, batch),
            Err(StoreError::Refused { .. })
        ));
    }
    let good = one(record(vec![0; ENTRY_LEN_MAX], &[&long_key[1..], b""]));
    for start in [1, 256, u64::MAX >> 1] {
        assert!(matches!(
            store.stage(start, &good),
            Err(StoreError::Conflict { .. })
        ));
    }
    assert!(matches!(
        store.stage(1 << 63, &good),
        Err(StoreError::Refused { .. })
    ));
    assert_eq!(store.blob(Hash::of(b"blob")).unwrap(), None);
    check_tree(store, &[]);
    store.stage(0, &good).unwrap();
    assert!(matches!(
        store.stage(0, &good),
        Err(StoreError::Conflict { .. })
    ));
    check_tree(store, &[vec![0; ENTRY_LEN_MAX]]);
    for (level, index, width) in [
        (0, 0, 0),
        (0, 0, 2),
        (0, 1, 1),
        (1, 0, 1),
        (8, 0, 1),
        (63, 0, 1),
    ] {
        let beyond = store.tile(level, index, width);
        assert!(
            matches!(beyond, Err(StoreError::Refused { .. })),
            "{level}/{index}/{width}"
        );
    }
}

/// Sizes 256^k and its neighbours, reached in uneven steps, closed and opened at each.
fn sizes_around_full_tiles<S: LogStore>(mut store: S, reopen: &impl Fn(S) -> S) {
    let octets = |end: u64| {
        (0..end)
            .map(|n| n.to_string().into_bytes())
            .collect::<Vec<_>>()
    };
    let mut size = 0;
    for next in [1, 2, 255, 256, 257, 511, 513, 65_535, 65_536, 65_537] {
        let edge = store.stage(size, &batch_of(size, next)).unwrap();
        assert_eq!(edge, store.staged().unwrap());
        size = next;
        check_tree(&store, &octets(size));
        store = reopen(store);
        check_tree(&store, &octets(size));
    }
    assert_eq!(store.records(255, 258).unwrap(), octets(258)[255..]);
    assert_eq!(store.records(65_536, 70_000).unwrap(), [b"65536"]);
    assert!(store.records(9, 9).unwrap().is_empty() && store.records(9, 3).unwrap().is_empty());
    assert!(store.records(65_537, u64::MAX).unwrap().is_empty());
}

/// The first record with a leaf hash is the one that is found: in a batch and across batches.
fn duplicates<S: LogStore>(store: S, reopen: &impl Fn(S) -> S) {
    let records = |names: &[&str]| Batch {
        records: names.iter().map(|&name| record(name, &[])).collect(),
        blobs: Vec::new(),
    };
    let found = |store: &S, names: &[&str]| {
        let leaves = names.iter().map(|name| leaf_hash(name.as_bytes()));
        store.indices_of(&leaves.collect::<Vec<_>>()).unwrap()
    };
    // Leaves that were looked for in vain are told apart from those staged since.
    assert_eq!(found(&store, &["a", "b", "c", "d"]), [None; 4]);
    store.stage(0, &records(&["a", "b", "a", "c"])).unwrap();
    assert_eq!(found(&store, &["d", "c"]), [None, Some(3)]);
    store.stage(4, &records(&["c", "d", "d", "a"])).unwrap();
    assert_eq!(found(&store, &["d", "d", "x"]), [Some(5), Some(5), None]);
    let store = reopen(store);
    for (name, index) in [
        ("a", Some(0)),
        ("b", Some(1)),
        ("c", Some(3)),
        ("d", Some(5)),
        ("e", None),
    ] {
        assert_eq!(
            store.index_of(leaf_hash(name.as_bytes())).unwrap(),
            index,
            "{name}"
        );
    }
    check_tree(
        &store,
        &["a", "b", "a", "c", "c", "d", "d", "a"].map(|name| name.as_bytes().to_vec()),
    );
}

/// Keys that are prefixes of each other, or look like one with an index, do not mix.
fn lookups<S: LogStore>(store: S, reopen: &impl Fn(S) -> S) {
    let tricky: [&[u8]; 5] = [b"", b"k", b"k\0\0\0\0\0\0\0\x01", b"\x01k", b"kk"];
    for n in 0..30_u64 {
        let keys: Vec<&[u8]> = tricky
            .iter()
            .copied()
            .skip(usize::try_from(n % 5).unwrap())
            .collect();
        let batch = Batch {
            records: vec![record(n.to_string(), &keys)],
            blobs: Vec::new(),
        };
        store.stage(n, &batch).unwrap();
    }
    let store = reopen(store);
    for (place, key) in (0..5).zip(tricky) {
        let all: Vec<u64> = (0..30).filter(|n| n % 5 <= place).collect();
        assert_eq!(store.lookup(key, 0, usize::MAX).unwrap(), all);
        assert_eq!(store.lookup(key, 0, 3).unwrap(), all[..3]);
        let later: Vec<u64> = all.iter().copied().filter(|&n| n >= 11).take(2).collect();
        assert_eq!(store.lookup(key, 11, 2).unwrap(), later);
        assert!(store.lookup(key, 30, 9).unwrap().is_empty());
        assert!(store.lookup(key, u64::MAX, 9).unwrap().is_empty());
    }
    index_rows(&store, &tricky);
    assert!(store.lookup(b"k\0", 0, 9).unwrap().is_empty());
    let long = [0; LOOKUP_KEY_LEN_MAX + 1];
    assert!(matches!(
        store.lookup(&long, 0, 9),
        Err(StoreError::Refused { .. })
    ));
}

/// Read page by page, each index has every row once, and nothing else.
fn index_rows<S: LogStore>(store: &S, tricky: &[&[u8]; 5]) {
    let all = |kind, most| {
        let mut rows: Vec<IndexRow> = Vec::new();
        loop {
            let page = store.index_rows(kind, rows.last(), most).unwrap();
            assert!(page.len() <= most);
            if page.is_empty() {
                return rows;
            }
            rows.extend(page);
        }
    };
    for most in [1, 7, 1000] {
        let mut leaves = all(IndexKind::Leaves, most);
        leaves.sort_by_key(|row| row.index);
        let expected: Vec<IndexRow> = (0..30_u64)
            .map(|index| IndexRow {
                key: leaf_hash(index.to_string().as_bytes()).0.to_vec(),
                index,
            })
            .collect();
        assert_eq!(leaves, expected);
        let mut keys = all(IndexKind::Keys, most);
        let sort = |rows: &mut Vec<IndexRow>| rows.sort_by_key(|row| (row.key.clone(), row.index));
        sort(&mut keys);
        let mut expected: Vec<IndexRow> = (0..30_u64)
            .flat_map(|index| {
                let keys = tricky.iter().skip(usize::try_from(index % 5).unwrap());
                keys.map(move |key| IndexRow {
                    key: key.to_vec(),
                    index,
                })
            })
            .collect();
        sort(&mut expected);
        assert_eq!(keys, expected);
    }
}

fn blobs<S: LogStore>(store: S, reopen: &impl Fn(S) -> S) {
    let large = vec![7; 1 << 20];
    let blobs = vec![b"crl".to_vec(), large.clone(), Vec::new(), b"crl".to_vec()];
    store
        .stage(
            0,
            &Batch {
                records: Vec::new(),
                blobs,
            },
        )
        .unwrap();
    let again = Batch {
        records: batch_of(0, 1).records,
        blobs: vec![b"crl".to_vec()],
    };
    store.stage(0, &again).unwrap();
    let store = reopen(store);
    for blob in [&b"crl"[..], &large, b""] {
        assert_eq!(store.blob(Hash::of(blob)).unwrap().unwrap(), blob);
    }
    assert_eq!(store.blob(Hash::of(b"other")).unwrap(), None);
    assert_eq!(store.staged().unwrap().size(), 1);

    // An erased blob is gone, for ever, and nothing else is.
    let (erased, others) = (Hash::of(b"crl"), [&large[..], b""]);
    assert!(!store.erase_blob(Hash::of(b"other")).unwrap());
    assert!(store.erase_blob(erased).unwrap());
    assert!(!store.erase_blob(erased).unwrap());
    let store = reopen(store);
    assert_eq!(store.blob(erased).unwrap(), None);
    for blob in others {
        assert_eq!(store.blob(Hash::of(blob)).unwrap().unwrap(), blob);
    }
    let record = batch_of(0, 1).records.remove(0).octets;
    assert_eq!(store.record(0).unwrap(), Some(record));
}

fn heads<S: LogStore>(store: S, reopen: &impl Fn(S) -> S) {
    let mut notes = Vec::new();
    for size in 1..=6 {
        let edge = store.stage(size - 1, &batch_of(size - 1, size)).unwrap();
        notes.push(note_of(ORIGIN, size, edge.root(), 1));
    }
    let conflict = |result| assert!(matches!(result, Err(StoreError::Conflict { .. })));
    conflict(store.swap_signed_head(Some(&notes[0]), &notes[1]));
    store.swap_signed_head(None, &notes[1]).unwrap();
    conflict(store.swap_signed_head(None, &notes[2]));
    conflict(store.swap_signed_head(Some(&notes[0]), &notes[2]));
    store.swap_signed_head(Some(&notes[1]), &notes[5]).unwrap();

    store.publish(2, &notes[1], true).unwrap();
    store.publish(3, &notes[2], false).unwrap();
    store.publish(5, &notes[4], true).unwrap();
    conflict(store.publish(4, &notes[3], true));
    let again = note_of(ORIGIN, 5, store.staged().unwrap().root(), 2);
    store.publish(5, &again, true).unwrap();

    // The kept note takes a late signature and loses none.
    let mut late = notes[4].clone();
    late.push(note_of(ORIGIN, 5, naive_root(&[]), 3).signatures()[0].clone());
    store.publish(5, &late, true).unwrap();
    store.publish(5, &notes[4], true).unwrap();
    store.publish(5, &again, true).unwrap();

    // Checkpoints that others published are kept by the same rules, and publish nothing here.
    store.keep(5, &notes[4]).unwrap();
    store.keep(1, &notes[0]).unwrap();
    store.keep(1, &note_of(ORIGIN, 1, EMPTY_ROOT, 2)).unwrap();

    let store = reopen(store);
    assert_eq!(store.signed_head().unwrap().as_ref(), Some(&notes[5]));
    assert_eq!(store.published().unwrap(), Some(again), "the newest");
    assert_eq!(store.kept(1).unwrap().unwrap().note, notes[0]);
    assert_eq!(
        store.kept(5).unwrap().unwrap().note,
        late,
        "the first of its size, with what was added"
    );
    assert_eq!(store.kept_sizes(0, 9).unwrap(), [1, 2, 5]);
    assert_eq!(store.kept_sizes(3, 9).unwrap(), [5]);
    assert_eq!(store.kept_sizes(0, 1).unwrap(), [1]);
    for (asked, size) in [
        (0, Some(1)),
        (2, Some(2)),
        (3, Some(5)),
        (5, Some(5)),
        (6, None),
    ] {
        let kept = store.kept_covering(asked).unwrap();
        assert_eq!(kept.map(|kept| kept.size), size, "covering {asked}");
    }
    assert_eq!(store.kept(3).unwrap(), None);
    conflict(store.publish(4, &notes[3], false));
    conflict(store.swap_signed_head(Some(&notes[1]), &notes[2]));
}

/// If several threads stage on the same size, one wins each time; readers see whole batches only.
fn races<S: LogStore>(store: &S) {
    let won: u64 = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while store.staged().unwrap().size() < 30 {
                let edge = store.staged().unwrap();
                assert_eq!(edge.size() % 3, 0);
                let octets = store.records(0, edge.size()).unwrap();
                let leaves: Vec<Hash> = octets.iter().map(|octets| leaf_hash(octets)).collect();
                assert_eq!(naive_root(&leaves), edge.root());
            }
        });
        let writer = || {
            let mut won = 0;
            while store.staged().unwrap().size() < 30 {
                let start = store.staged().unwrap().size();
                won += u64::from(store.stage(start, &batch_of(start, start + 3)).is_ok());
            }
            won
        };
        let writers: Vec<_> = (0..3).map(|_| scope.spawn(writer)).collect();
        let won = writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .sum();
        reader.join().unwrap();
        won
    });
    let size = won * 3;
    let expected: Vec<Vec<u8>> = (0..size).map(|n| n.to_string().into_bytes()).collect();
    check_tree(store, &expected);
}
