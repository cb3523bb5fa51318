//! Bodies of `add-entries`: reading in pieces of any length gives the same as reading at once, and
//! is written back; a package is believed only if it is one of the golden log's. And mirror-info
//! has one spelling.

#![no_main]

use std::sync::LazyLock;

use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::hash::{Hash, leaf_hash};
use ishibumi_tlog::note::Note;
use ishibumi_tlog::protocol::add_entries::{Event, UploadReader};
use ishibumi_tlog::protocol::mirror_info::MirrorInfo;
use libfuzzer_sys::fuzz_target;

const CHECKPOINT: &[u8] = include_bytes!("../../testdata/tlog/log/checkpoint");

static GOLDEN: LazyLock<(Checkpoint, Vec<Hash>)> = LazyLock::new(|| {
    let note = Note::parse(CHECKPOINT).unwrap();
    (
        Checkpoint::parse(note.text()).unwrap(),
        (0..600).map(leaf).collect(),
    )
});

fn leaf(index: u64) -> Hash {
    leaf_hash(format!("ishibumi golden entry {index}").as_bytes())
}

fn read(body: &[u8], piece: usize) -> (Vec<Event>, bool) {
    let mut reader = UploadReader::new();
    let mut events = Vec::new();
    for mut chunk in body.chunks(piece) {
        loop {
            match reader.read(&mut chunk) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(_) => return (events, false),
            }
        }
    }
    (events, true)
}

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, body) = input;
    if let Some(info) = MirrorInfo::parse(body) {
        assert_eq!(info.encode().as_bytes(), body);
    }
    let (events, whole) = read(body, body.len().max(1));
    assert_eq!(
        read(body, usize::from(piece).max(1)),
        (events.clone(), whole)
    );
    let mut written = Vec::new();
    let (checkpoint, leaves) = &*GOLDEN;
    for event in events {
        match event {
            Event::Head(head) => written.extend(head.encode().unwrap()),
            Event::Package(package) => {
                written.extend(package.encode());
                let range = package.range();
                let place = |n| usize::try_from(n).unwrap_or(usize::MAX);
                let known = place(range.bundle_start())..place(range.start());
                let Some(before) = leaves.get(known) else {
                    continue;
                };
                if let Ok(authentic) = package.check(before, checkpoint) {
                    let entries = authentic.entries().iter();
                    for (index, (found, _)) in (range.start()..).zip(entries) {
                        assert_eq!(*found, leaf(index));
                    }
                }
            }
        }
    }
    assert!(body.starts_with(&written));
});
