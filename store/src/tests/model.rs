//! Random histories of both stores, held against a plain list of records.

use proptest::prelude::*;

use super::{ORIGIN, Paths};
use crate::conformance::{check_tree, naive_root, note_of, record};
use crate::{Batch, LogStore, MemoryLog, RocksLog};
use ishibumi_tlog::hash::leaf_hash;

/// A step of a history.
#[derive(Clone, Debug)]
enum Step {
    /// Stage these records; a small alphabet makes duplicates.
    Stage(Vec<Vec<u8>>),
    /// Stage as many distinct records.
    Grow(u64),
    /// Sign and publish the staged tree.
    Sign { keep: bool },
    /// Close and open.
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let octets = prop::collection::vec(0_u8..3, 0..3);
    prop_oneof![
        4 => prop::collection::vec(octets, 0..20).prop_map(Step::Stage),
        3 => (1_u64..600).prop_map(Step::Grow),
        2 => any::<bool>().prop_map(|keep| Step::Sign { keep }),
        1 => Just(Step::Reopen),
    ]
}

/// The expected content of a store.
#[derive(Default)]
struct Model {
    records: Vec<Vec<u8>>,
    signed: Option<ishibumi_tlog::note::Note>,
    kept: Vec<u64>,
}

impl Model {
    fn size(&self) -> u64 {
        self.records.len() as u64
    }

    fn stage(&mut self, store: &impl LogStore, records: &[Vec<u8>]) {
        let keyed = |octets: &Vec<u8>| record(octets.clone(), &[octets.get(..1).unwrap_or(b"-")]);
        let batch = Batch {
            records: records.iter().map(keyed).collect(),
            blobs: records.iter().take(1).cloned().collect(),
        };
        store.stage(self.size(), &batch).unwrap();
        self.records.extend_from_slice(records);
    }

    fn apply(&mut self, store: &impl LogStore, step: &Step) {
        match step {
            Step::Stage(records) => self.stage(store, records),
            Step::Grow(count) => {
                let names = self.size()..self.size() + count;
                let records: Vec<_> = names.map(|n| n.to_string().into_bytes()).collect();
                self.stage(store, &records);
            }
            Step::Sign { keep } => {
                let leaves: Vec<_> = self
                    .records
                    .iter()
                    .map(|octets| leaf_hash(octets))
                    .collect();
                let note = note_of(ORIGIN, self.size(), naive_root(&leaves), 1);
                store.swap_signed_head(self.signed.as_ref(), &note).unwrap();
                store.publish(self.size(), &note, *keep).unwrap();
                self.signed = Some(note);
                if *keep && self.kept.last() != Some(&self.size()) {
                    self.kept.push(self.size());
                }
            }
            Step::Reopen => {}
        }
    }

    fn check(&self, store: &impl LogStore) {
        check_tree(store, &self.records);
        assert_eq!(store.signed_head().unwrap(), self.signed);
        assert_eq!(store.published().unwrap(), self.signed);
        assert_eq!(store.kept_sizes(0, usize::MAX).unwrap(), self.kept);
        let first = |octets| {
            (0..)
                .zip(&self.records)
                .find(|(_, r)| *r == octets)
                .unwrap()
                .0
        };
        for octets in self.records.iter().rev().take(40) {
            let index = store.index_of(leaf_hash(octets)).unwrap();
            assert_eq!(index, Some(first(octets)));
        }
        for key in [&b"-"[..], b"\0", b"\x01", b"7"] {
            let fits = |octets: &Vec<u8>| octets.get(..1).unwrap_or(b"-") == key;
            let all = (0..).zip(&self.records).filter(|(_, octets)| fits(octets));
            let all: Vec<u64> = all.map(|(index, _)| index).collect();
            assert_eq!(store.lookup(key, 0, usize::MAX).unwrap(), all);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn both_stores_are_the_list_of_records(steps in prop::collection::vec(step(), 1..14)) {
        let path = Paths::new().fresh();
        let mut rocks = RocksLog::create(&path, ORIGIN).unwrap();
        let mut memory = MemoryLog::new();
        let (mut rocks_model, mut memory_model) = (Model::default(), Model::default());
        for step in &steps {
            rocks_model.apply(&rocks, step);
            memory_model.apply(&memory, step);
            if matches!(step, Step::Reopen) {
                drop(rocks);
                rocks = RocksLog::open(&path, ORIGIN).unwrap();
                memory = memory.crash();
            }
        }
        rocks_model.check(&rocks);
        memory_model.check(&memory);
        drop(rocks);
        rocks_model.check(&RocksLog::open(&path, ORIGIN).unwrap());
        memory_model.check(&memory.crash());
    }
}
