//! The suite of [`Registers`].

use crate::{Registers, StoreError};

/// Runs the suite. `create` makes an empty store, `reopen` closes one and opens what it left.
pub fn check_registers<R: Registers>(create: impl Fn() -> R, reopen: impl Fn(R) -> R) {
    swaps(&create());
    survives(create(), reopen);
    races(&create());
}

fn swaps<R: Registers>(registers: &R) {
    assert_eq!(registers.read(b"a").unwrap(), None);
    let conflict = |result| assert!(matches!(result, Err(StoreError::Conflict { .. })));
    conflict(registers.swap(b"a", Some(b""), b"1"));
    registers.swap(b"a", None, b"1").unwrap();
    conflict(registers.swap(b"a", None, b"2"));
    conflict(registers.swap(b"a", Some(b"2"), b"2"));
    assert_eq!(registers.read(b"a").unwrap().unwrap(), b"1");
    registers.swap(b"a", Some(b"1"), b"").unwrap();
    assert_eq!(registers.read(b"a").unwrap().unwrap(), b"");
    conflict(registers.swap(b"a", None, b"3"));
    registers.swap(b"a", Some(b""), b"3").unwrap();
}

fn survives<R: Registers>(registers: R, reopen: impl Fn(R) -> R) {
    for name in [&b"b"[..], b"", b"\xff\x00", b"ab"] {
        registers.swap(name, None, name).unwrap();
    }
    let registers = reopen(registers);
    let names = [&b""[..], b"ab", b"b", b"\xff\x00"];
    assert_eq!(registers.names().unwrap(), names);
    for name in names {
        assert_eq!(registers.read(name).unwrap().unwrap(), name);
    }
    registers.swap(b"b", Some(b"b"), b"c").unwrap();
    assert_eq!(reopen(registers).read(b"b").unwrap().unwrap(), b"c");
}

/// If several threads swap the same value, one wins each time.
fn races<R: Registers>(registers: &R) {
    registers.swap(b"n", None, &0_u64.to_be_bytes()).unwrap();
    let won: u64 = std::thread::scope(|scope| {
        let racer = || {
            let mut won = 0;
            for _ in 0..25 {
                let before = registers.read(b"n").unwrap().unwrap();
                let number = u64::from_be_bytes(before.as_slice().try_into().unwrap());
                let after = (number + 1).to_be_bytes();
                won += u64::from(registers.swap(b"n", Some(&before), &after).is_ok());
            }
            won
        };
        let racers: Vec<_> = (0..4).map(|_| scope.spawn(racer)).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).sum()
    });
    assert!(won > 0);
    let last = registers.read(b"n").unwrap().unwrap();
    assert_eq!(last, won.to_be_bytes(), "as many steps as wins");
}
