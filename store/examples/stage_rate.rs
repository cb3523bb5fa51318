//! How many records a second [`LogStore::stage`] takes, synced, on the disk of the directory given
//! (or the system's temporary one). Prints one line for each batch and record size.

use std::time::{Duration, Instant};

use ishibumi_store::{Batch, LogStore as _, NewRecord, RocksLog};
use ishibumi_tlog::hash::leaf_hash;

const SPAN: Duration = Duration::from_secs(5);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let parent = std::env::args_os().nth(1);
    let parent = parent.map_or_else(std::env::temp_dir, Into::into);
    for (batch_len, record_len) in [(1, 150), (256, 150), (256, 1024), (2000, 150), (2000, 1024)] {
        let path = parent.join(format!("stage-rate-{}", std::process::id()));
        let log = RocksLog::create(&path, "example.com/stage-rate")?;
        let (mut size, mut staging) = (0, Duration::ZERO);
        while staging < SPAN {
            let batch = batch(size, batch_len, record_len);
            let begun = Instant::now();
            size = log.stage(size, &batch)?.size();
            staging += begun.elapsed();
        }
        drop(log);
        std::fs::remove_dir_all(&path)?;
        let rate = u128::from(size) * 1_000_000 / staging.as_micros();
        let batch_micros = staging.as_micros() * u128::from(batch_len) / u128::from(size);
        println!("{batch_len} x {record_len} octets: {rate} records/s, {batch_micros} us a batch");
    }
    Ok(())
}

fn batch(start: u64, batch_len: u64, record_len: usize) -> Batch {
    let record = |index: u64| {
        // Octets that look like hashes: the rest of a real record does not shrink either.
        let seed = leaf_hash(&index.to_be_bytes());
        let octets: Vec<u8> = seed.0.iter().copied().cycle().take(record_len).collect();
        let leaf = leaf_hash(&octets);
        let keys = vec![leaf.0.to_vec()];
        NewRecord { octets, leaf, keys }
    };
    Batch {
        records: (start..start + batch_len).map(record).collect(),
        blobs: Vec::new(),
    }
}
