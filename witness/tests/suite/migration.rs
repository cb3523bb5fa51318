//! A state of version 1 opens, is not touched by reading, and becomes version 2 with the next
//! write; its memory still holds (F57). The values are those that version 1 wrote
//! (`testdata/witness-v1/`).

use std::sync::Arc;

use crate::common::*;
use ishibumi_store::{MemoryRegisters, Registers as _};
use ishibumi_tlog::cosignature::Cosigner;
use ishibumi_tlog::fork::Verdict;
use ishibumi_tlog::key::{NoteSigner, SignatureType};
use ishibumi_tlog::note::Note;
use ishibumi_tlog::{Checkpoint, Hash};
use ishibumi_witness::follow::LogState;
use ishibumi_witness::{Refusal, StateError, Witness};

const GOLDEN: &str = "ishibumi.example/golden";

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../testdata/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn registers() -> Arc<MemoryRegisters> {
    let registers = MemoryRegisters::new();
    let id = Hash::of(GOLDEN.as_bytes());
    for (name, value) in [
        ("witness".to_owned(), file("witness-v1/witness")),
        (format!("log/{id}"), file("witness-v1/log")),
        (format!("fork/{id}"), file("witness-v1/fork")),
    ] {
        registers.swap(name.as_bytes(), None, &value).unwrap();
    }
    Arc::new(registers)
}

type Opened = Witness<Shared<MemoryRegisters>, HandClock>;

fn open(registers: &Arc<MemoryRegisters>) -> Result<Opened, StateError> {
    let text = String::from_utf8(file("witness-v1/key")).unwrap();
    let key = NoteSigner::from_private_text(text.trim_end()).unwrap();
    let cosigner = Cosigner::new(key).unwrap();
    let shared = Shared(Arc::clone(registers));
    Witness::open(shared, clock(), cosigner, Box::new(|_| {}))
}

fn log(witness: &Opened) -> LogState {
    witness.follower().logs().unwrap().remove(0)
}

fn stored(registers: &MemoryRegisters) -> Vec<u8> {
    let name = format!("log/{}", Hash::of(GOLDEN.as_bytes()));
    registers.read(name.as_bytes()).unwrap().unwrap()
}

fn log_key() -> NoteSigner {
    NoteSigner::from_seed(GOLDEN, SignatureType::Ed25519, &[0x10; 32]).unwrap()
}

#[test]
fn version_1_is_read_as_it_was_written_and_then_rewritten() {
    let registers = registers();
    let witness = open(&registers).unwrap();
    let state = log(&witness);
    assert_eq!(
        (state.origin(), state.size(), state.keys().len()),
        (GOLDEN, 600, 1)
    );
    assert!(!state.is_disabled() && state.first().unwrap().size == 600);
    assert_eq!(stored(&registers), file("witness-v1/log"));

    // The fork of version 1 is a portable file now, and convicts.
    let fork = witness.follower().fork(&state).unwrap().unwrap();
    let verdict = fork.check(&[log_key().verifier().clone()]);
    assert_eq!(verdict, Ok(Verdict::Proven { key: 0 }));

    // Its memory holds: an older size is refused, the same tree is cosigned again.
    let golden = Note::parse(&file("tlog/checkpoint.unwitnessed")).unwrap();
    assert!(matches!(
        witness.add_checkpoint(&body(0, &[], &golden)),
        Err(Refusal::Conflict { known: 600, .. })
    ));
    witness.add_checkpoint(&body(600, &[], &golden)).unwrap();
    assert!(stored(&registers).starts_with(b"ishibumi-witness log v2\n"));
    let again = log(&open(&Arc::new(registers.crash())).unwrap());
    assert_eq!(
        (again.size(), again.time(), again.first()),
        (600, START, state.first())
    );
}

#[test]
fn a_rollback_is_still_found_out_and_a_damaged_value_refused() {
    let registers = registers();
    let witness = open(&registers).unwrap();
    // This very witness cosigned 601 leaves, and its state does not know.
    let text = String::from_utf8(file("witness-v1/key")).unwrap();
    let key = NoteSigner::from_private_text(text.trim_end()).unwrap();
    let later = Checkpoint::new(GOLDEN, 601, Hash::of(b"601 leaves"));
    let mut note = Note::new(
        later.to_text(),
        vec![log_key().sign(&later.to_text()).unwrap()],
    );
    note.push(Cosigner::new(key).unwrap().cosign(&later, START).unwrap());
    assert!(matches!(
        witness.add_checkpoint(&body(601, &[], &note)),
        Err(Refusal::RolledBack {
            recorded: 600,
            signed: 601
        })
    ));

    let name = format!("log/{}", Hash::of(GOLDEN.as_bytes()));
    for (from, to) in [
        ("latest 323", "latest 322"),
        ("\nfirst ", "\nstatus enabled\nfirst "),
        ("log v1", "log v2"),
        ("log v1", "log v3"),
    ] {
        let value = String::from_utf8(file("witness-v1/log")).unwrap();
        overwrite(
            registers.as_ref(),
            name.as_bytes(),
            value.replacen(from, to, 1).as_bytes(),
        );
        assert!(
            matches!(open(&registers).err(), Some(StateError::Damaged { .. })),
            "{to}"
        );
    }
    // The control.
    overwrite(registers.as_ref(), name.as_bytes(), &file("witness-v1/log"));
    open(&registers).unwrap();
}
