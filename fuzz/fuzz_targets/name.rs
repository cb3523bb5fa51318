//! Names: two at a time, from halves of the input. The comparison is an equivalence, and what is
//! compared equal stays so however it is asked.

#![no_main]

use ishibumi_artifact::name::Name;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // A length, one name, another name; where there is no other, the one is compared with itself.
    let Some((&length, rest)) = bytes.split_first() else { return };
    let (one, other) = rest.split_at(usize::from(length).min(rest.len()));
    let Ok(one) = Name::from_der(one) else { return };
    assert!(one == one.clone());
    assert_eq!(Name::from_der(one.der()).as_ref(), Ok(&one));
    let _ = one.to_string();
    let Ok(other) = Name::from_der(other) else { return };
    assert_eq!(one == other, other == one);
    assert!(one.der() != other.der() || one == other);
    assert!(one != other || one.is_empty() == other.is_empty());
});
