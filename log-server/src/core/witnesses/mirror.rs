//! Sends a mirror what it lacks, and takes its cosignature.
//!
//! A mirror gets records before they are published, since a checkpoint that needs its cosignature
//! cannot be published without it. One that is far behind catches up over many requests of bounded
//! length; all that it costs others is the reading.

use std::sync::Arc;

use ishibumi_store::{LogStore, StoreError, StoredTiles};
use ishibumi_tlog::note::SignatureLine;
use ishibumi_tlog::protocol::add_entries::{CONTENT_TYPE, Package, UploadHead};
use ishibumi_tlog::tile::TileNodes;
use ishibumi_wire::Request;

use super::ask::{ANSWER_LEN_MAX, refused};
use super::asked::Asked;
use super::endpoint::Trouble;
use super::upload::{Step, Upload};
use crate::config::UploadLimits;
use crate::core::contradiction::Claim;
use crate::core::publisher::Round;

/// How often a mirror may have itself brought to an older head than the one that is to be cosigned.
const DETOURS_MAX: u32 = 3;

impl Asked {
    /// Uploads what the mirror lacks of the tree of `round`; its cosignatures.
    pub(super) async fn add_entries(
        &mut self,
        round: &Arc<Round>,
    ) -> Result<Vec<SignatureLine>, Trouble> {
        let checkpoint = &round.head.checkpoint;
        let mut upload = Upload::new(&checkpoint.origin, checkpoint.size, self.next_entry);
        let mut detours = 0;
        loop {
            let request = self.request(upload.head()).await?;
            let answer = self.around.net.send(request).await;
            let answer = answer.map_err(|error| error.to_string())?;
            if ![200, 202, 409].contains(&answer.status) {
                return Err(refused(&answer).into());
            }
            let step = upload.answered(answer.status, &answer.body, self.newest_size());
            self.next_entry = upload.next();
            match step {
                Step::Send => {}
                Step::Complete if upload.end() == checkpoint.size => {
                    let keys = &self.endpoint.mirror_keys;
                    return Ok(self.cosignatures(&answer.body, keys, checkpoint)?);
                }
                // It holds another tree of this log; the next head tells whether it is this log's.
                Step::Complete if upload.end() > checkpoint.size => return Err(Trouble::Passed),
                Step::Complete if detours == DETOURS_MAX => {
                    return Err("it always wants to be brought to an older head"
                        .to_owned()
                        .into());
                }
                Step::Complete => {
                    detours += 1;
                    upload = Upload::new(&checkpoint.origin, checkpoint.size, self.next_entry);
                }
                Step::Ahead(theirs) => return Err(Trouble::Contradicts(Claim::Larger(theirs))),
                Step::Senseless(why) => return Err(why.into()),
            }
        }
    }

    async fn request(&mut self, head: UploadHead) -> Result<Request, String> {
        let store = Arc::clone(&self.around.store);
        let limits = self.endpoint.upload.clone();
        let mut packing = self.packing;
        let made = tokio::task::spawn_blocking(move || {
            let body = body(store.as_ref(), &head, &limits)?;
            let packed = packing.pack(&body);
            Ok::<_, String>((packing, packed.ok_or(body)))
        });
        let (packing, made) = made.await.map_err(|error| error.to_string())??;
        self.packing = packing;
        let (body, packed) = match made {
            Ok(packed) => (packed, true),
            Err(body) => (body, false),
        };
        let url = format!("{}/add-entries", self.endpoint.url);
        let mut request = Request::post(url, body, ANSWER_LEN_MAX);
        request.deadline = self.endpoint.upload.deadline;
        request.headers.push(("content-type", CONTENT_TYPE.into()));
        if packed {
            request.headers.push(("content-encoding", "gzip".into()));
        }
        Ok(request)
    }
}

/// The head and as many of its packages as the limits allow, at least one.
fn body(store: &dyn LogStore, head: &UploadHead, limits: &UploadLimits) -> Result<Vec<u8>, String> {
    let failed = |error: StoreError| error.to_string();
    let tiles = StoredTiles(store);
    let nodes = TileNodes::new(&tiles, head.end);
    let mut body = head
        .encode()
        .ok_or_else(|| format!("no upload can say {}..{}", head.start, head.end))?;
    for (count, range) in head.packages().take(limits.packages_max).enumerate() {
        if count > 0 && body.len() >= limits.len_max {
            break;
        }
        let entries = store.records(range.start(), range.end()).map_err(failed)?;
        let proof = Package::prove(&nodes, range, head.end).map_err(failed)?;
        let proof =
            proof.ok_or_else(|| format!("records before {} are not stored", range.end()))?;
        let package = Package::new(range, entries, proof).map_err(|error| error.to_string())?;
        body.extend(package.encode());
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ishibumi_store::{Batch, MemoryLog, NewRecord};
    use ishibumi_tlog::Checkpoint;
    use ishibumi_tlog::hash::leaf_hash;
    use ishibumi_tlog::protocol::add_entries::{Event, UploadReader};
    use ishibumi_tlog::tree::root;

    use super::*;

    fn log(size: u64) -> MemoryLog {
        let store = MemoryLog::new();
        let records = (0..size).map(|number| {
            let octets = format!("record {number}").into_bytes();
            let leaf = leaf_hash(&octets);
            let keys = Vec::new();
            NewRecord { octets, leaf, keys }
        });
        let batch = Batch {
            records: records.collect(),
            blobs: Vec::new(),
        };
        store.stage(0, &batch).unwrap();
        store
    }

    fn limits(packages_max: usize, len_max: usize) -> UploadLimits {
        UploadLimits {
            deadline: Duration::from_secs(1),
            packages_max,
            len_max,
        }
    }

    /// The index after the last record of a body that a mirror believes.
    fn believed(store: &MemoryLog, body: &[u8], end: u64) -> u64 {
        let tiles = StoredTiles(store);
        let root = root(&TileNodes::new(&tiles, end), end).unwrap();
        let checkpoint = Checkpoint::new("log.example", end, root);
        let (mut reader, mut rest, mut next) = (UploadReader::new(), body, 0);
        while let Some(event) = reader.read(&mut rest).unwrap() {
            let Event::Package(package) = event else {
                continue;
            };
            let range = package.range();
            let before = store.records(range.bundle_start(), range.start()).unwrap();
            let before: Vec<_> = before.iter().map(|record| leaf_hash(record)).collect();
            package.check(&before, &checkpoint).unwrap();
            next = range.end();
        }
        assert!(rest.is_empty());
        next
    }

    #[test]
    fn a_mirror_believes_every_package_of_every_prefix() {
        let store = log(3000);
        for (start, end) in [
            (0, 1),
            (0, 256),
            (0, 3000),
            (100, 2999),
            (255, 257),
            (2999, 3000),
            (700, 701),
        ] {
            for packages in [1, 3, 32] {
                let origin = "log.example".to_owned();
                let ticket = b"t".to_vec();
                let head = UploadHead {
                    origin,
                    start,
                    end,
                    ticket,
                };
                let made = body(&store, &head, &limits(packages, usize::MAX)).unwrap();
                let reach = (start / 256 + packages as u64) * 256;
                assert_eq!(
                    believed(&store, &made, end),
                    reach.min(end),
                    "{start}..{end}"
                );
                // The limit of octets lets one package through, whatever its length.
                let made = body(&store, &head, &limits(packages, 1)).unwrap();
                assert_eq!(
                    believed(&store, &made, end),
                    ((start / 256 + 1) * 256).min(end)
                );
            }
        }
        let beyond = Upload::new("log.example", 3001, Some(2999)).head();
        assert!(body(&store, &beyond, &limits(32, 1)).is_err());
    }
}
