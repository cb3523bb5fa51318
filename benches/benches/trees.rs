//! The cost of a tree: hashing, growing, proving and checking, at 2^20 leaves.
//!
//! Proofs are made as the log makes them, out of tiles; here the tiles lie in memory, so the
//! figures are without any store. Run with `cargo bench -p ishibumi-benches --bench trees`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ishibumi_tlog::Hash;
use ishibumi_tlog::hash::{leaf_hash, node_hash};
use ishibumi_tlog::tile::{Edge, Tile, TileNodes, TileSource};
use ishibumi_tlog::tree::{
    Frontier, check_consistency, check_inclusion, prove_consistency, prove_inclusion,
};

/// One leaf short of 2^20, so that every level has a right border.
const SIZE: u64 = (1 << 20) - 1;
/// A tree that is a batch smaller.
const EARLIER: u64 = SIZE - 4096;
const INDEX: u64 = 123_457;

/// The tiles of one tree, in memory.
struct Tiles {
    full: HashMap<(u8, u64), Tile>,
    edge: Edge,
}

impl Tiles {
    fn grow(size: u64) -> Self {
        let (mut full, mut edge) = (HashMap::new(), Edge::new());
        for index in 0..size {
            edge.append(leaf(index), |level, index, tile| {
                full.insert((level, index), tile);
            });
        }
        Self { full, edge }
    }
}

impl TileSource for Tiles {
    type Error = Infallible;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Tile, Infallible> {
        let hashes = match self.full.get(&(level, index)) {
            Some(tile) => tile.hashes(),
            None => &self.edge.levels()[usize::from(level)],
        };
        let part = &hashes[..usize::from(width)];
        Ok(Tile::decode(width, &Tile::encode(part)).expect("as many hashes as were asked for"))
    }
}

fn leaf(index: u64) -> Hash {
    leaf_hash(&index.to_be_bytes())
}

fn frontier(size: u64) -> Frontier {
    let mut frontier = Frontier::new();
    for index in 0..size {
        frontier.append(leaf(index), |_, _, _| {});
    }
    frontier
}

fn hashing(c: &mut Criterion) {
    let mut group = c.benchmark_group("hash");
    for len in [200_usize, 1024] {
        let record = vec![0xa5; len];
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(format!("leaf of {len} octets"), |b| {
            b.iter(|| leaf_hash(black_box(&record)));
        });
    }
    let (left, right) = (leaf(0), leaf(1));
    group.throughput(Throughput::Elements(1));
    group.bench_function("node", |b| {
        b.iter(|| node_hash(black_box(left), black_box(right)));
    });
    group.finish();
}

fn growing(c: &mut Criterion) {
    let leaves: Vec<Hash> = (0..4096).map(leaf).collect();
    let mut group = c.benchmark_group("grow by 4096 leaves");
    group.throughput(Throughput::Elements(leaves.len() as u64));
    let start = frontier(EARLIER);
    group.bench_function("frontier and root", |b| {
        b.iter_batched(
            || start.clone(),
            |mut frontier| {
                for &leaf in &leaves {
                    frontier.append(leaf, |_, _, _| {});
                }
                frontier.root()
            },
            BatchSize::SmallInput,
        );
    });
    let start = Tiles::grow(EARLIER).edge;
    group.bench_function("edge with tiles, and root", |b| {
        b.iter_batched(
            || start.clone(),
            |mut edge| {
                for &leaf in &leaves {
                    edge.append(leaf, |level, index, tile| {
                        black_box((level, index, tile));
                    });
                }
                edge.root()
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn proving(c: &mut Criterion) {
    let tiles = Tiles::grow(SIZE);
    let root = tiles.edge.root();
    let earlier_root = frontier(EARLIER).root();
    let inclusion = || {
        let nodes = TileNodes::new(&tiles, SIZE);
        prove_inclusion(&nodes, black_box(INDEX), SIZE)
            .expect("tiles in memory do not fail")
            .expect("the index is in the tree")
    };
    let consistency = || {
        let nodes = TileNodes::new(&tiles, SIZE);
        prove_consistency(&nodes, black_box(EARLIER), SIZE)
            .expect("tiles in memory do not fail")
            .expect("the tree grew")
    };
    let path = inclusion();
    let growth = consistency();
    let mut group = c.benchmark_group("2^20 leaves");
    group.bench_function("prove inclusion", |b| b.iter(inclusion));
    group.bench_function("prove inclusion of 500 leaves in a row", |b| {
        b.iter(|| {
            let nodes = TileNodes::new(&tiles, SIZE);
            for index in INDEX..INDEX + 500 {
                let _ = black_box(prove_inclusion(&nodes, index, SIZE));
            }
        });
    });
    group.bench_function("check inclusion", |b| {
        b.iter(|| check_inclusion(leaf(INDEX), INDEX, SIZE, root, black_box(&path)));
    });
    group.bench_function("prove consistency", |b| b.iter(consistency));
    group.bench_function("check consistency", |b| {
        b.iter(|| check_consistency(EARLIER, earlier_root, SIZE, root, black_box(&growth)));
    });
    group.finish();
    check_inclusion(leaf(INDEX), INDEX, SIZE, root, &path).expect("the measured proof is right");
    check_consistency(EARLIER, earlier_root, SIZE, root, &growth).expect("and so is the other");
}

criterion_group!(trees, hashing, growing, proving);
criterion_main!(trees);
