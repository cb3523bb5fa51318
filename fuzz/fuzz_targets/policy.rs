//! Policy files: whatever reads keeps the promises of the type, and more witnesses never undo a
//! quorum.

#![no_main]

use ishibumi_tlog::Policy;
use ishibumi_tlog::policy::{Lint, Member, Quorum, lint};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(policy) = Policy::parse_allowing_no_quorum(bytes) else {
        assert!(Policy::parse(bytes).is_err());
        return;
    };
    for (place, group) in policy.groups().iter().enumerate() {
        assert!((1..=group.members.len()).contains(&group.threshold));
        for member in &group.members {
            match *member {
                Member::Witness(w) => assert!(w < policy.witnesses().len()),
                Member::Group(g) => assert!(g < place),
            }
        }
    }
    let none = policy.quorum() == Quorum::None;
    assert_eq!(Policy::parse(bytes).is_err(), none);
    assert_eq!(policy.is_quorum(|_| false), none);
    assert!(policy.is_quorum(|_| true));
    for finding in lint(&policy) {
        if let Lint::NeverCounts { witness } = finding {
            assert!(policy.is_quorum(|place| place != witness));
        }
    }
    let counts = |most: usize| policy.is_quorum(|place| place < most);
    let decided: Vec<bool> = (0..=policy.witnesses().len().min(32)).map(counts).collect();
    assert!(decided.is_sorted());
});
