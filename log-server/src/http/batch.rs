//! Reading batches: several artifacts in one request (docs/formats/submission-api.md, "Batches").

use bytes::Bytes;

use crate::kind::Kind;

/// The media type of a batch.
pub const BATCH: &str = "application/vnd.ishibumi.batch";

/// Why a batch cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("item {number} of the batch {what}; nothing of it was taken")]
pub struct BatchError {
    /// Which item, from 0.
    pub number: usize,
    /// What is wrong with it.
    pub what: String,
}

/// Reads a batch of at most `most` items without copying their octets: items of `uint8 type,
/// uint32 length, octets`, big-endian, until the end.
///
/// # Errors
/// [`BatchError`] for the first item that is cut off, too long, of an unknown type, or one too
/// many.
pub fn read_batch(body: &Bytes, most: usize) -> Result<Vec<(Kind, Bytes)>, BatchError> {
    let malformed = |number: usize, what: &str| BatchError {
        number,
        what: what.to_owned(),
    };
    let mut rest = body.clone();
    let mut items = Vec::new();
    while !rest.is_empty() {
        let number = items.len();
        if number == most {
            let what = format!("is one too many: a batch has at most {most} items");
            return Err(malformed(number, &what));
        }
        let Some((&[kind, a, b, c, d], _)) = rest.split_first_chunk::<5>() else {
            return Err(malformed(number, "is cut off"));
        };
        let kind = Kind::from_code(kind)
            .ok_or_else(|| malformed(number, &format!("has the unknown type {kind}")))?;
        let len = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if rest.len() - 5 < len {
            return Err(malformed(number, "is cut off"));
        }
        let _ = rest.split_to(5);
        items.push((kind, rest.split_to(len)));
    }
    if items.is_empty() {
        return Err(malformed(0, "is missing: the body is empty"));
    }
    Ok(items)
}
