//! The registry as the log states it: once for each change, in whatever order changes come and go,
//! and from nothing but the log's own records.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use ishibumi_artifact::record::{ProviderEntry, StatementCode};
use ishibumi_artifact::{Body, LookupKey, Record};
use ishibumi_log::admission::new_record;
use ishibumi_log::config::Config;
use ishibumi_log::core::{Item, Sequencer};
use ishibumi_log::registry::Registry;
use ishibumi_log::statements::{StatementError, outstanding};
use ishibumi_store::{Batch, LogStore, MemoryLog, NewRecord};
use ishibumi_tlog::hash::leaf_hash;

const ROOT: &str = "testdata/records/root.crt";
const ISSUING: &str = "testdata/records/issuing.crt";

/// A provider table of the test configurations.
#[derive(Clone)]
struct Entry {
    id: &'static str,
    more: String,
}

fn entry(id: &'static str, anchor: &str, more: &str) -> Entry {
    Entry {
        id,
        more: format!("anchors = [\"{anchor}\"]\n{more}"),
    }
}

fn registry(entries: &[Entry]) -> Registry {
    let mut text =
        "origin = \"log.example\"\ndata_dir = \"d\"\nhead_dir = \"h\"\nkey_file = \"k\"\n\
                    policy_file = \"p\"\n"
            .to_owned();
    for Entry { id, more } in entries {
        let table = format!(
            "[[provider]]\nid = \"{id}\"\nkinds = [\"crl\", \"certificate\"]\ntoken_sha256 = []\n{more}\n"
        );
        text.write_str(&table).unwrap();
    }
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    Registry::load(&Config::parse(&text, &base).unwrap()).unwrap()
}

/// Stages what `registry` needs said; returns it as (provider, code, entry).
fn state(
    store: &Arc<MemoryLog>,
    registry: &Registry,
) -> Vec<(String, StatementCode, ProviderEntry)> {
    let records = outstanding(store.as_ref(), registry).unwrap();
    let said = records.iter().map(|record| match record.body() {
        Body::Provider(said) => (
            String::from_utf8(said.provider().to_vec()).unwrap(),
            said.code(),
            said.entry().unwrap(),
        ),
        other => panic!("{other:?}"),
    });
    let said = said.collect();
    let item = Item {
        records: records.iter().map(|r| new_record(r).unwrap()).collect(),
        ..Item::default()
    };
    if !item.records.is_empty() {
        let before = store.staged().unwrap().size();
        let sequencer = Sequencer::open(Arc::clone(store) as Arc<dyn LogStore>).unwrap();
        let count = item.records.len() as u64;
        sequencer.stage(vec![item]).unwrap();
        let size = store.staged().unwrap().size();
        assert_eq!(size, before + count, "every statement is a new record");
    }
    said
}

#[test]
fn each_change_is_stated_once() {
    let store = Arc::new(MemoryLog::new());
    let north = entry("north", ROOT, "");
    let plain = [north.clone(), entry("south", ROOT, "name = \"South\"")];

    let first = state(&store, &registry(&plain));
    let codes: Vec<_> = first
        .iter()
        .map(|(id, code, _)| (id.as_str(), *code))
        .collect();
    let accepted = StatementCode::ACCEPTED;
    assert_eq!(codes, [("north", accepted), ("south", accepted)]);
    assert!(
        state(&store, &registry(&plain)).is_empty(),
        "nothing changed"
    );

    let renamed = [
        north.clone(),
        entry("south", ROOT, "name = \"Süden\"\nname_ja = \"南\""),
    ];
    let said = state(&store, &registry(&renamed));
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].1, StatementCode::RENAMED);
    assert_eq!(said[0].2.name_ja.as_bytes(), "南".as_bytes());
    assert_eq!(said[0].2.sequence, 1);

    // Back to what it was: the record is another one, since its number is.
    let said = state(&store, &registry(&plain));
    assert_eq!((said.len(), said[0].2.sequence), (1, 2));

    // Other anchors, another quota, intermediates: each is a change of what is accepted.
    let changes = [
        entry("south", ISSUING, "name = \"South\""),
        entry(
            "south",
            ISSUING,
            "name = \"South\"\nquota = { per_day = 5 }",
        ),
        entry(
            "south",
            ISSUING,
            &format!("name = \"South\"\nintermediates = [\"{ROOT}\"]"),
        ),
        entry("south", ISSUING, "name = \"South\"\nbackdating_s = 0"),
    ];
    for (number, more) in (3..).zip(changes) {
        let said = state(&store, &registry(&[north.clone(), more]));
        assert_eq!(
            (said.len(), said[0].1, said[0].2.sequence),
            (1, accepted, number)
        );
    }
}

#[test]
fn an_end_is_announced_before_it_comes() {
    let store = Arc::new(MemoryLog::new());
    state(&store, &registry(&[entry("north", ROOT, "")]));
    let ending = "status = [{ state = \"accepted\", from = 2020-01-01T00:00:00Z },\n\
                  { state = \"successor\", from = 9000-01-01T00:00:00Z, successor = \"south\" }]";
    let said = state(&store, &registry(&[entry("north", ROOT, ending)]));
    assert_eq!(said[0].1, StatementCode::SUCCESSOR);
    let last = said[0].2.status.last().unwrap();
    assert_eq!(last.successor.as_bytes(), b"south");
    assert_eq!(last.from.time().to_generalized(), "90000101000000Z");
}

#[test]
fn who_leaves_the_registry_is_stated_and_may_come_back() {
    let store = Arc::new(MemoryLog::new());
    let both = [entry("north", ROOT, ""), entry("south", ROOT, "")];
    state(&store, &registry(&both));
    let said = state(&store, &registry(&both[..1]));
    assert_eq!(said.len(), 1);
    assert_eq!(
        (said[0].0.as_str(), said[0].1),
        ("south", StatementCode::SUSPENDED)
    );
    assert!(said[0].2.kinds.is_empty());
    assert!(state(&store, &registry(&both[..1])).is_empty());
    let said = state(&store, &registry(&both));
    assert_eq!(
        (said[0].1, said[0].2.sequence),
        (StatementCode::ACCEPTED, 2)
    );
}

#[test]
fn an_index_that_lies_is_noticed() {
    let store = Arc::new(MemoryLog::new());
    let octets = Record::from(Body::Opaque(
        ishibumi_artifact::record::Opaque::new("opaque", *b"no statement").unwrap(),
    ))
    .encode();
    let record = NewRecord {
        leaf: leaf_hash(&octets),
        octets,
        keys: vec![LookupKey::Providers.to_bytes().to_vec()],
    };
    let batch = Batch {
        records: vec![record],
        blobs: Vec::new(),
    };
    store.stage(0, &batch).unwrap();
    let refused = outstanding(store.as_ref(), &registry(&[]));
    assert!(matches!(refused, Err(StatementError::Index { index: 0 })));
}
