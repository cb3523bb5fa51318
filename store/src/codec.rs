//! Rows of internal state as octets: the only use of bincode in the project.
//!
//! A row is one version octet and then the bincode encoding with fixed-width big-endian integers,
//! which docs/formats/store-rows.md says octet by octet, so that the rows outlive the crate.
//! Decoding refuses another version, a row longer than [`ROW_LEN_MAX`] and octets after its end.
//! Octets that leave the process, are hashed or have to be read in ten years never come through
//! here: records, tiles and notes are stored as their own octets. To replace bincode, replace this
//! file (docs/decisions/0002-rocksdb.md).

use bincode::{Decode, Encode};
use ishibumi_tlog::hash::{HASH_LEN, Hash};
use ishibumi_tlog::tile::Edge;

use crate::StoreError;

/// The version of every row below. A change of any of them is a new version.
const VERSION: u8 = 1;

/// The longest row, in octets: an edge of 8 levels of 255 hashes and its lengths fit.
pub(crate) const ROW_LEN_MAX: usize = 1 << 17;

fn config() -> impl bincode::config::Config {
    bincode::config::standard()
        .with_big_endian()
        .with_fixed_int_encoding()
        .with_limit::<ROW_LEN_MAX>()
}

/// The edge of the staged tree.
#[derive(Encode, Decode)]
struct EdgeRow {
    size: u64,
    levels: Vec<Vec<[u8; HASH_LEN]>>,
}

/// The index of the first record with some leaf hash.
#[derive(Encode, Decode)]
struct LeafRow {
    index: u64,
}

/// The row of an edge.
pub(crate) fn encode_edge(edge: &Edge) -> Vec<u8> {
    let hashes = |level: &Vec<Hash>| level.iter().map(|hash| hash.0).collect();
    encode(&EdgeRow {
        size: edge.size(),
        levels: edge.levels().iter().map(hashes).collect(),
    })
}

/// Reads the row of an edge; its widths have to fit its size.
pub(crate) fn decode_edge(octets: &[u8]) -> Result<Edge, StoreError> {
    let EdgeRow { size, levels } = decode("the edge row", octets)?;
    let levels = levels
        .into_iter()
        .map(|level| level.into_iter().map(Hash).collect())
        .collect();
    Edge::from_levels(size, levels).ok_or_else(|| StoreError::Damaged {
        what: "the edge row".into(),
        detail: format!("its partial tiles are not those of a tree of {size} leaves"),
    })
}

/// The row of a leaf hash.
pub(crate) fn encode_leaf(index: u64) -> Vec<u8> {
    encode(&LeafRow { index })
}

/// Reads the row of a leaf hash.
pub(crate) fn decode_leaf(leaf: Hash, octets: &[u8]) -> Result<u64, StoreError> {
    let LeafRow { index } = decode(&format!("the index row of leaf {leaf}"), octets)?;
    Ok(index)
}

fn encode<T: Encode>(row: &T) -> Vec<u8> {
    let body = bincode::encode_to_vec(row, config()).expect("rows are integers and hashes only");
    std::iter::once(VERSION).chain(body).collect()
}

fn decode<T: Decode<()>>(what: &str, octets: &[u8]) -> Result<T, StoreError> {
    let damaged = |detail: String| StoreError::Damaged {
        what: what.to_owned(),
        detail,
    };
    let body = match octets.split_first() {
        Some((&VERSION, body)) => body,
        Some((version, _)) => {
            let detail = format!("row version {version}, this program reads {VERSION}");
            return Err(damaged(detail));
        }
        None => return Err(damaged("it is empty".into())),
    };
    let (row, read) = bincode::decode_from_slice(body, config())
        .map_err(|error| damaged(format!("it does not decode: {error}")))?;
    if read != body.len() {
        let detail = format!("{} octets follow its end", body.len() - read);
        return Err(damaged(detail));
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use ishibumi_tlog::hash::leaf_hash;

    use super::*;

    fn edge_of(size: u64) -> Edge {
        let mut edge = Edge::new();
        for n in 0..size {
            edge.append(leaf_hash(&n.to_be_bytes()), |_, _, _| {});
        }
        edge
    }

    #[test]
    fn edges_and_indices_come_back() {
        for size in [0, 1, 255, 256, 257, 65_535, 65_536] {
            let edge = edge_of(size);
            assert_eq!(decode_edge(&encode_edge(&edge)).unwrap(), edge);
        }
        let leaf = leaf_hash(b"");
        assert_eq!(decode_leaf(leaf, &encode_leaf(u64::MAX)).unwrap(), u64::MAX);
    }

    #[test]
    fn the_octets_of_a_row_are_fixed() {
        assert_eq!(encode_leaf(258), [1, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(
            encode_edge(&Edge::new()),
            [[1].as_slice(), &[0; 16]].concat()
        );
    }

    #[test]
    fn other_versions_trailing_and_missing_octets_are_refused() {
        let leaf = leaf_hash(b"");
        let good = encode_leaf(7);
        let mut other = good.clone();
        other[0] = 2;
        let mut long = good.clone();
        long.push(0);
        for bad in [&other[..], &long, &good[..8], &[]] {
            assert!(matches!(
                decode_leaf(leaf, bad),
                Err(StoreError::Damaged { .. })
            ));
        }
    }

    #[test]
    fn a_length_that_no_edge_has_is_refused_before_memory_is_taken() {
        let mut row = vec![VERSION];
        row.extend(3_u64.to_be_bytes());
        row.extend(u64::MAX.to_be_bytes());
        assert!(decode_edge(&row).is_err());
    }

    #[test]
    fn an_edge_whose_widths_do_not_fit_its_size_is_refused() {
        let mut row = encode_edge(&edge_of(3));
        row[8] = 4;
        assert!(decode_edge(&row).is_err());
    }

    #[test]
    fn the_widest_edge_fits_the_limit() {
        let full = EdgeRow {
            size: u64::MAX,
            levels: vec![vec![[0xff; HASH_LEN]; 255]; 8],
        };
        let row = encode(&full);
        assert!(row.len() < ROW_LEN_MAX);
        assert!(decode::<EdgeRow>("row", &row).is_ok());
    }
}
