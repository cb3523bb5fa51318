//! Whether the bodies to a mirror are sent packed.

use ishibumi_wire::gzip;

/// A shorter body is sent as it is, in octets.
const PACKED_LEN_MIN: usize = 1024;

/// Decides whether bodies are sent in gzip format: where that saves an eighth. Tokens' records are
/// hashes and do not shrink, certificates do; so what did not pay is not tried again for a while.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Packing {
    /// Bodies that are not tried any more.
    idle: u32,
}

impl Packing {
    /// Bodies that are sent as they are after one that did not shrink.
    const IDLE: u32 = 63;

    pub(super) fn pack(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        if body.len() < PACKED_LEN_MIN {
            return None;
        }
        if self.idle > 0 {
            self.idle -= 1;
            return None;
        }
        let packed = Some(gzip(body)).filter(|packed| packed.len() < body.len() / 8 * 7);
        if packed.is_none() {
            self.idle = Self::IDLE;
        }
        packed
    }
}

#[cfg(test)]
mod tests {
    use ishibumi_tlog::hash::leaf_hash;

    use super::*;

    #[test]
    fn what_does_not_shrink_is_not_packed() {
        let mut packing = Packing::default();
        let text = b"certificate ".repeat(500);
        let noise: Vec<u8> = (0..200_u32)
            .flat_map(|n| leaf_hash(&n.to_be_bytes()).0)
            .collect();
        assert!(
            packing
                .pack(&text)
                .is_some_and(|packed| packed.len() < text.len() / 2)
        );
        assert_eq!(packing.pack(&text[..PACKED_LEN_MIN - 1]), None);
        assert_eq!(packing.pack(&noise), None);
        for _ in 0..Packing::IDLE {
            assert_eq!(packing.pack(&text), None, "not tried");
        }
        assert!(packing.pack(&text).is_some());
    }
}
