//! A monitor's state: a state that can be read is written and read again as the same, and only
//! heads that the golden log signed are believed.

#![no_main]

use std::sync::LazyLock;

use ishibumi::monitor::State;
use ishibumi_tlog::Policy;
use libfuzzer_sys::fuzz_target;

const ORIGIN: &str = "t.example/log";

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    Policy::parse(include_bytes!("../../testdata/monitor/policy.txt")).unwrap()
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(state) = State::decode(bytes, ORIGIN, &POLICY) else { return };
    let again = State::decode(state.encode().as_bytes(), ORIGIN, &POLICY);
    assert_eq!(again.ok().as_ref(), Some(&state));
    assert!([0, 3, 13, 30].contains(&state.size()));
});
