//! Tiles, bundles and paths; and what forged tiles can do, which has to be nothing.
//!
//! The tile reader of Go's checksum database trusted child tiles that nothing had compared with a
//! parent (CVE-2026-56865): its tests flipped bits in proofs, never in tiles. Here bits flip in
//! tiles.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;

use ishibumi_tlog::Hash;
use ishibumi_tlog::tile::{
    BundleError, TILE_LEN, Tile, TileKind, TileNodes, TilePath, TileSource, decode_bundle,
    encode_bundle, tile_width, tiles,
};
use ishibumi_tlog::tree::{
    NodeReader as _, check_consistency, check_inclusion, prove_consistency, prove_inclusion, root,
};
use proptest::prelude::*;

use super::memory::{Nodes, leaves};
use super::tampering::flipped;

type Place = (u8, u64);

/// The tiles of one tree, some of which may be forged, and a list of those that were read.
struct Shelf {
    tiles: BTreeMap<Place, Vec<Hash>>,
    read: RefCell<Vec<Place>>,
}

impl Shelf {
    fn of(nodes: &Nodes, size: u64) -> Self {
        let all = nodes.first(size);
        let tile = |(level, index, width): (u8, u64, u16)| {
            let hashes = (index * 256..index * 256 + u64::from(width)).map(|n| {
                let Ok(hash) = all.node(8 * level, n);
                hash
            });
            ((level, index), hashes.collect())
        };
        Self {
            tiles: tiles(size).map(tile).collect(),
            read: RefCell::default(),
        }
    }

    fn reads(&self) -> Vec<Place> {
        let mut read = self.read.take();
        let asked = read.len();
        read.sort_unstable();
        read.dedup();
        assert_eq!(read.len(), asked, "each tile is asked for once");
        read
    }

    fn with_flipped(&self, changes: &[(Place, usize)]) -> Self {
        let mut tiles = self.tiles.clone();
        for (place, at) in changes {
            let hash = &mut tiles.get_mut(place).unwrap()[*at];
            *hash = flipped(*hash, 9);
        }
        Self {
            tiles,
            read: RefCell::default(),
        }
    }
}

impl TileSource for Shelf {
    type Error = Infallible;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Tile, Infallible> {
        self.read.borrow_mut().push((level, index));
        let hashes = &self.tiles[&(level, index)];
        assert_eq!(hashes.len(), usize::from(width));
        Ok(Tile::decode(width, &Tile::encode(hashes)).unwrap())
    }
}

fn path(shelf: &Shelf, index: u64, size: u64) -> Vec<Hash> {
    let Ok(path) = prove_inclusion(&TileNodes::new(shelf, size), index, size);
    path.unwrap()
}

fn consistency(shelf: &Shelf, old: u64, new: u64) -> Vec<Hash> {
    let Ok(proof) = prove_consistency(&TileNodes::new(shelf, new), old, new);
    proof.unwrap()
}

#[test]
fn a_tree_of_70000_has_the_tiles_that_c2sp_lists() {
    let mut shape: BTreeMap<(u8, u16), u64> = BTreeMap::new();
    for (level, _, width) in tiles(70_000) {
        *shape.entry((level, width)).or_default() += 1;
    }
    let listed = [
        ((0, 256), 273),
        ((0, 112), 1),
        ((1, 256), 1),
        ((1, 17), 1),
        ((2, 1), 1),
    ];
    assert_eq!(shape, listed.into());
    assert_eq!(tiles(256).collect::<Vec<_>>(), [(0, 0, 256), (1, 0, 1)]);
    assert_eq!(tiles(0).count(), 0);
}

#[test]
fn widths_are_the_formula_of_c2sp() {
    for size in (0..1200)
        .chain(65_400..65_700)
        .chain([70_000, 256 * 65_536 + 1])
    {
        for level in 0..4_u8 {
            let nodes = size / 256_u64.pow(u32::from(level));
            let (full, partial) = (nodes / 256, nodes % 256);
            assert_eq!(u64::from(tile_width(level, full, size)), partial);
            assert_eq!(tile_width(level, full + 1, size), 0);
            if full > 0 {
                assert_eq!(tile_width(level, full - 1, size), 256);
            }
        }
    }
}

#[test]
fn proofs_out_of_tiles_are_the_proofs() {
    let nodes = Nodes::over(&leaves(70_000));
    for size in [
        1, 2, 255, 256, 257, 300, 511, 512, 513, 65_535, 65_536, 65_537, 70_000,
    ] {
        let shelf = Shelf::of(&nodes, size);
        let memory = nodes.first(size);
        assert_eq!(
            root(&TileNodes::new(&shelf, size), size),
            root(&memory, size)
        );
        for index in [0, 1, size / 3, size / 2, size.saturating_sub(2), size - 1] {
            let index = index.min(size - 1);
            let Ok(expected) = prove_inclusion(&memory, index, size);
            assert_eq!(Some(path(&shelf, index, size)), expected);
            let Ok(expected) = prove_consistency(&memory, index, size);
            assert_eq!(Some(consistency(&shelf, index, size)), expected);
        }
    }
}

/// Every hash of every tile that a path is made of, flipped one at a time. A proof either does not
/// touch that hash, and is the honest one, or does not verify.
#[test]
fn one_forged_hash_in_a_tile_never_verifies() {
    let nodes = Nodes::over(&leaves(70_000));
    let cases: &[(u64, &[u64])] = &[
        (1, &[0]),
        (2, &[0, 1]),
        (7, &[0, 3, 6]),
        (255, &[0, 128, 254]),
        (256, &[0, 255]),
        (257, &[0, 255, 256]),
        (511, &[3, 300, 510]),
        (600, &[73, 511, 599]),
        (65_535, &[0, 65_534]),
        (65_537, &[4, 65_536]),
        (70_000, &[3, 66_000, 69_999]),
    ];
    let (mut refused, mut untouched) = (0, 0);
    for &(size, indices) in cases {
        let honest = Shelf::of(&nodes, size);
        let Ok(head) = root(&nodes.first(size), size);
        for &index in indices {
            let leaf = nodes.leaf(index);
            let good = path(&honest, index, size);
            check_inclusion(leaf, index, size, head, &good).unwrap();
            let good_growth = consistency(&honest, index + 1, size);
            let Ok(old_root) = root(&nodes.first(index + 1), index + 1);
            check_consistency(index + 1, old_root, size, head, &good_growth).unwrap();
            for place in honest.reads_of(|| path(&honest, index, size)) {
                for at in 0..honest.tiles[&place].len() {
                    let forged = honest.with_flipped(&[(place, at)]);
                    let bad = path(&forged, index, size);
                    let held = check_inclusion(leaf, index, size, head, &bad).is_ok();
                    assert_eq!(
                        held,
                        bad == good,
                        "{place:?} hash {at}: leaf {index} of {size}"
                    );
                    *(if held { &mut untouched } else { &mut refused }) += 1;
                }
            }
            for place in honest.reads_of(|| consistency(&honest, index + 1, size)) {
                for at in 0..honest.tiles[&place].len() {
                    let forged = honest.with_flipped(&[(place, at)]);
                    let bad = consistency(&forged, index + 1, size);
                    let held = check_consistency(index + 1, old_root, size, head, &bad).is_ok();
                    assert_eq!(
                        held,
                        bad == good_growth,
                        "{place:?} hash {at}: {index} of {size}"
                    );
                }
            }
        }
    }
    assert!(
        refused > 4_000 && untouched > 0,
        "{refused} refused, {untouched} untouched"
    );
}

/// Any set of the tiles on a path forged together, a leaf that was never logged at the bottom: the
/// forger may even recompute every parent inside of the tiles, and still not reach the root.
#[test]
fn any_set_of_forged_tiles_never_verifies() {
    let mut all = leaves(70_000);
    let nodes = Nodes::over(&all);
    for (size, index) in [
        (300, 3),
        (600, 580),
        (65_536, 1000),
        (69_999, 3),
        (70_000, 66_001),
    ] {
        let honest = Shelf::of(&nodes, size);
        let Ok(head) = root(&nodes.first(size), size);
        let places = honest.reads_of(|| path(&honest, index, size));
        let at = usize::try_from(index).unwrap();
        let true_leaf = std::mem::replace(&mut all[at], [7; 32]);
        let other = Nodes::over(&all[..usize::try_from(size).unwrap()]);
        all[at] = true_leaf;
        let lying = Shelf::of(&other, size);
        for forged in 0..1_u32 << places.len() {
            let mut mixed = honest.with_flipped(&[]);
            for (bit, place) in places.iter().enumerate() {
                if forged >> bit & 1 == 1 {
                    mixed.tiles.insert(*place, lying.tiles[place].clone());
                }
            }
            let proof = path(&mixed, index, size);
            check_inclusion(Hash([7; 32]), index, size, head, &proof).unwrap_err();
            // The siblings of the path do not change with the leaf: the true leaf still verifies.
            check_inclusion(nodes.leaf(index), index, size, head, &proof).unwrap();
        }
        // Every hash of every tile in the set flipped: nothing verifies.
        for forged in 1..1_u32 << places.len() {
            let chosen = (0..)
                .zip(&places)
                .filter(|&(bit, _)| forged >> bit & 1 == 1);
            let changes: Vec<_> = chosen
                .flat_map(|(_, &place)| (0..honest.tiles[&place].len()).map(move |n| (place, n)))
                .collect();
            let proof = path(&honest.with_flipped(&changes), index, size);
            check_inclusion(nodes.leaf(index), index, size, head, &proof).unwrap_err();
        }
    }
}

impl Shelf {
    fn reads_of<T>(&self, prove: impl FnOnce() -> T) -> Vec<Place> {
        self.read.take();
        prove();
        self.reads()
    }
}

/// A source that answers everything with one tile.
struct Same(Tile);

impl TileSource for Same {
    type Error = Infallible;

    fn tile(&self, _: u8, _: u64, _: u16) -> Result<Tile, Infallible> {
        Ok(self.0.clone())
    }
}

/// A reader for a smaller tree than the one that is proven gets zeros, not nodes of another tree.
#[test]
fn nodes_that_a_tree_does_not_have_verify_nothing() {
    let nodes = Nodes::over(&leaves(12));
    let seven = Tile::decode(7, &Tile::encode(&Shelf::of(&nodes, 7).tiles[&(0, 0)])).unwrap();
    let short = Same(seven);
    let Ok(head) = root(&nodes.first(12), 12);
    let Ok(made) = prove_inclusion(&TileNodes::new(&short, 12), 0, 12);
    check_inclusion(nodes.leaf(0), 0, 12, head, &made.unwrap()).unwrap_err();
    assert_eq!(TileNodes::new(&short, 12).node(3, 0), Ok(Hash([0; 32])));
}

#[test]
fn tiles_have_exactly_their_width() {
    let octets = vec![5; TILE_LEN];
    assert_eq!(Tile::decode(256, &octets).unwrap().hashes().len(), 256);
    for width in [1_u16, 2, 255, 256] {
        let full = usize::from(width) * 32;
        let tile = Tile::decode(width, &octets[..full]).unwrap();
        assert_eq!(Tile::encode(tile.hashes()), octets[..full]);
        for wrong in [0, 1, 31, 32 * usize::from(width) - 32, full - 1] {
            assert_eq!(
                Tile::decode(width, &octets[..wrong]),
                None,
                "{width} from {wrong}"
            );
        }
    }
    assert_eq!(Tile::decode(1, &octets[..33]), None);
    assert_eq!(Tile::decode(0, &[]), None);
    assert_eq!(Tile::decode(257, &vec![5; 257 * 32]), None);
    assert_eq!(Tile::decode(256, &[5; TILE_LEN + 1]), None);
}

#[test]
fn a_bundle_is_read_whole_or_not_at_all() {
    let longest = vec![9; 65_535];
    let entries: [&[u8]; 3] = [b"first", b"", &longest];
    let bytes = encode_bundle(&entries).unwrap();
    assert_eq!(bytes[..9], *b"\x00\x05first\x00\x00");
    assert_eq!(decode_bundle(3, &bytes).unwrap(), entries);
    assert_eq!(decode_bundle(2, &bytes), Err(BundleError::Trailing(65_537)));
    assert_eq!(decode_bundle(4, &bytes), Err(BundleError::CutOff(3)));
    assert_eq!(decode_bundle(1, &[]), Err(BundleError::CutOff(0)));
    for (cut, entry) in [
        (1, 0),
        (2, 0),
        (6, 0),
        (7, 1),
        (8, 1),
        (9, 2),
        (10, 2),
        (11, 2),
    ] {
        assert_eq!(
            decode_bundle(3, &bytes[..cut]),
            Err(BundleError::CutOff(entry)),
            "{cut}"
        );
    }
    for width in [0, 257, u16::MAX] {
        let refused = Err(BundleError::Width(usize::from(width)));
        assert_eq!(decode_bundle(width, &bytes), refused);
    }
    let long = vec![0; 65_536];
    assert_eq!(
        encode_bundle(&[&long]),
        Err(BundleError::EntryTooLong(65_536))
    );
    assert_eq!(encode_bundle::<&[u8]>(&[]), Err(BundleError::Width(0)));
    assert_eq!(encode_bundle(&[b""; 257]), Err(BundleError::Width(257)));
    assert_eq!(encode_bundle(&[b""; 256]).unwrap().len(), 512);
}

#[test]
fn one_tile_has_one_path() {
    for (text, kind, index, width) in [
        ("tile/0/000", TileKind::Hashes(0), 0, 256),
        ("tile/63/999", TileKind::Hashes(63), 999, 256),
        ("tile/1/x001/000.p/1", TileKind::Hashes(1), 1000, 1),
        (
            "tile/entries/x001/x234/067",
            TileKind::Entries,
            1_234_067,
            256,
        ),
        (
            "tile/entries/x001/x000/000.p/255",
            TileKind::Entries,
            1_000_000,
            255,
        ),
    ] {
        let path = TilePath { kind, index, width };
        assert_eq!(path.to_string(), text);
        assert_eq!(TilePath::parse(text), Some(path));
    }
    for text in [
        "",
        "/tile/0/000",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile//000",
        "tile/64/000",
        "tile/00/000",
        "tile/+1/000",
        "tile/-1/000",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000/000",
        "tile/0/x001",
        "tile/0/001/000",
        "tile/0/x1/000",
        "tile/0/x0001/000",
        "tile/0/x001/x000",
        "tile/0/000/",
        "tile/0//000",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/00",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/-1",
        "tile/0/000.p/1/",
        "tile/0/000.p/1.p/1",
        "tile/0/../../000",
        "tile/0/%2e",
        "tile/0/x1000/000",
        "tile/0/000?x",
        "tile/0/ 000",
        "tile/0/0\u{660}0",
        "tile/Entries/000",
        "TILE/0/000",
        "tile/entries/x000/001",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert_eq!(TilePath::parse(text), None, "{text:?}");
    }
}

proptest! {
    #[test]
    fn every_place_has_a_path_that_reads_back(
        level in prop::option::of(0_u8..64),
        index in any::<u64>(),
        width in 1_u16..=256,
    ) {
        let kind = level.map_or(TileKind::Entries, TileKind::Hashes);
        let path = TilePath { kind, index, width };
        prop_assert_eq!(TilePath::parse(&path.to_string()), Some(path));
    }

    #[test]
    fn what_reads_as_a_path_is_its_only_spelling(
        text in "tile/([0-9]{1,2}|entries)(/x[0-9]{3}){0,3}/[0-9]{2,4}(\\.p/[0-9]{1,3})?",
    ) {
        if let Some(path) = TilePath::parse(&text) {
            prop_assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn bundles_read_back(
        entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..=256),
        cut in any::<prop::sample::Index>(),
    ) {
        let bytes = encode_bundle(&entries).unwrap();
        let width = u16::try_from(entries.len()).unwrap();
        prop_assert_eq!(decode_bundle(width, &bytes).unwrap(), entries);
        prop_assert!(decode_bundle(width, &bytes[..cut.index(bytes.len())]).is_err());
    }
}
