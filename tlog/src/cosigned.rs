//! The octets that a cosignature signs: the messages of C2SP tlog-cosignature, and the time before
//! the signature.

use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::key::{SignatureType, VerifierKey};
use crate::tree::Subtree;

/// The largest time that a cosignature may state, in seconds since the Epoch (C2SP
/// tlog-cosignature, "Format").
pub const TIME_MAX: u64 = i64::MAX as u64;

/// The longest origin that a `subtree/v1` message can hold, in octets (`log_origin<1..2^8-1>`).
pub const ORIGIN_LEN_MAX: usize = 255;

/// The time that a valid cosignature states; `None` if it is not valid over `text`.
pub(crate) fn check(key: &VerifierKey, text: &str, signature: &[u8]) -> Option<u64> {
    let (time, signature) = split_time(signature)?;
    let message = match key.kind() {
        SignatureType::Ed25519 => return None,
        SignatureType::CosignatureV1 => message(time, text),
        SignatureType::SubtreeV1 => checkpoint_message(key, time, &Checkpoint::parse(text).ok()?)?,
    };
    key.verifies(&message, signature).then_some(time)
}

/// The time that the octets of a cosignature line state, verified or not.
pub(crate) fn stated_time(signature: &[u8]) -> Option<u64> {
    split_time(signature).map(|(time, _)| time)
}

/// `timestamped_signature`: a time of at most [`TIME_MAX`], and the signature.
pub(crate) fn split_time(signature: &[u8]) -> Option<(u64, &[u8])> {
    let (time, signature) = signature.split_first_chunk::<8>()?;
    let time = u64::from_be_bytes(*time);
    (time <= TIME_MAX).then_some((time, signature))
}

/// C2SP tlog-cosignature, "Ed25519 signed message".
pub(crate) fn message(time: u64, text: &str) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}

pub(crate) fn checkpoint_message(
    key: &VerifierKey,
    time: u64,
    checkpoint: &Checkpoint,
) -> Option<Vec<u8>> {
    let whole = Subtree::new(0, checkpoint.size)?;
    subtree_message(key, time, &checkpoint.origin, whole, checkpoint.root)
}

/// C2SP tlog-cosignature, "ML-DSA-44 signed message": the structure `cosigned_message`. `None` for
/// an origin that it cannot hold.
pub(crate) fn subtree_message(
    key: &VerifierKey,
    time: u64,
    origin: &str,
    subtree: Subtree,
    hash: Hash,
) -> Option<Vec<u8>> {
    let mut message = b"subtree/v1\n\0".to_vec();
    let text = |message: &mut Vec<u8>, text: &str| {
        let len = u8::try_from(text.len()).ok().filter(|&len| len > 0)?;
        message.push(len);
        message.extend_from_slice(text.as_bytes());
        Some(())
    };
    text(&mut message, key.name())?;
    message.extend(time.to_be_bytes());
    text(&mut message, origin)?;
    message.extend(subtree.start().to_be_bytes());
    message.extend(subtree.end().to_be_bytes());
    message.extend(hash.0);
    Some(message)
}
