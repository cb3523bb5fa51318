//! How fast tokens are verified. Prints figures; run on a quiet machine with
//! `cargo test --release -p ishibumi-artifact --test rate -- --ignored --nocapture`.

mod support;

use std::time::Instant;

use ishibumi_artifact::{Anchors, ArtifactType, admit};
use support::{ASK, Ask, Pki};

#[test]
#[ignore = "a measurement, not a check"]
fn tokens_per_second() {
    let pki = Pki::new().with_units();
    for tsu in ["tsu-rsa", "tsu-p256", "tsu-p384"] {
        let token = pki.token(Ask { tsu, ..ASK });
        for (name, anchors) in [
            ("no memo", pki.anchors()),
            ("memo", pki.anchors().with_memo(10_000)),
        ] {
            println!(
                "{tsu}, {name}: {:.0} tokens/s on one core",
                rate(&token, &anchors)
            );
        }
    }
}

fn rate(token: &[u8], anchors: &Anchors) -> f64 {
    let start = Instant::now();
    let mut count = 0_u32;
    while start.elapsed().as_secs_f64() < 1.0 {
        for _ in 0..50 {
            admit(ArtifactType::TimestampToken, token, anchors).unwrap();
        }
        count += 50;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}
