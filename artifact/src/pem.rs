//! PEM around an artifact (RFC 7468): taken off if it is there, refused if it is broken.
//!
//! The label decides nothing: what the octets are is found by reading them.

use thiserror::Error;

/// The text looks like PEM and is not.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("PEM block {block} cannot be read: {reason}")]
pub struct PemError {
    /// Which block, from 1.
    pub block: usize,
    /// What is wrong.
    pub reason: String,
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";

/// The octets of every block in `bytes`, or `bytes` itself if there is no PEM in it.
pub(crate) fn unwrap_all(bytes: &[u8]) -> Result<Vec<Vec<u8>>, PemError> {
    if !looks_like_pem(bytes) {
        return Ok(vec![bytes.to_vec()]);
    }
    let mut blocks = Vec::new();
    let mut rest = bytes;
    while let Some(start) = find(rest, BEGIN) {
        let block = blocks.len() + 1;
        let broken = |reason: &str| PemError {
            block,
            reason: reason.into(),
        };
        let from = rest.get(start..).unwrap_or_default();
        let end = find(from, END).ok_or_else(|| broken("it has no END line"))?;
        let after_end = from.get(end..).unwrap_or_default();
        let line = after_end
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(after_end.len(), |at| at + 1);
        let text = from.get(..end + line).unwrap_or_default();
        let (_, octets) =
            pem_rfc7468::decode_vec(text).map_err(|error| broken(&error.to_string()))?;
        blocks.push(octets);
        rest = from.get(end + line..).unwrap_or_default();
    }
    Ok(blocks)
}

/// The octets of the only block, or `bytes` itself if there is no PEM in it.
pub(crate) fn unwrap_one(bytes: &[u8]) -> Result<Vec<u8>, PemError> {
    let mut blocks = unwrap_all(bytes)?;
    match (blocks.pop(), blocks.len()) {
        (Some(only), 0) => Ok(only),
        (_, before) => Err(PemError {
            block: before + 1,
            reason: "one block is expected, more are there".into(),
        }),
    }
}

/// The label of the first block, if there is PEM in `bytes`.
pub(crate) fn label(bytes: &[u8]) -> Option<&str> {
    if !looks_like_pem(bytes) {
        return None;
    }
    let start = find(bytes, BEGIN)? + BEGIN.len();
    let label = bytes.get(start..)?;
    let label = label.get(..find(label, b"-----")?)?;
    std::str::from_utf8(label).ok()
}

/// DER and BER begin with 0x30; text that names a block is PEM, with or without words before it.
fn looks_like_pem(bytes: &[u8]) -> bool {
    bytes.first() != Some(&0x30) && find(bytes, BEGIN).is_some()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_out_and_plain_octets_pass() {
        let text = b"words\n-----BEGIN X-----\nAQID\n-----END X-----\n\n-----BEGIN Y-----\r\nBAUG\r\n-----END Y-----\r\n";
        assert_eq!(unwrap_all(text).unwrap(), [vec![1, 2, 3], vec![4, 5, 6]]);
        assert_eq!(unwrap_one(&[0x30, 0]).unwrap(), [0x30, 0]);
        assert!(unwrap_one(text).is_err());
        assert!(unwrap_one(b"-----BEGIN X-----\nAQID\n").is_err());
        assert!(unwrap_one(b"-----BEGIN X-----\nA*ID\n-----END X-----\n").is_err());
    }
}
