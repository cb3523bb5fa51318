//! How fast tokens are verified, by the time of a processor, so that others on the machine matter
//! little: `cargo test --release -p ishibumi-artifact --test suite rate -- --ignored --nocapture`.

use crate::ed25519;
use crate::support::{ASK, Ask, Pki};
use ishibumi_artifact::{Anchors, ArtifactType, admit};

#[test]
#[ignore = "a measurement, not a check"]
fn tokens_per_second() {
    let pki = Pki::new().with_units();
    for tsu in ["tsu-rsa", "tsu-p256", "tsu-p384", "tsu-ed25519"] {
        let token = if tsu == "tsu-ed25519" {
            ed25519::token(&pki, |_, _, _| ())
        } else {
            pki.token(Ask { tsu, ..ASK })
        };
        for (name, anchors) in [
            ("no memo", pki.anchors()),
            ("memo", pki.anchors().with_memo(10_000)),
        ] {
            println!(
                "{tsu}, {name}: {:.0} tokens per second of one core",
                rate(&token, &anchors)
            );
        }
    }
}

fn rate(token: &[u8], anchors: &Anchors) -> f64 {
    let start = processor_seconds();
    let mut count = 0_u32;
    while processor_seconds() - start < 1.0 {
        for _ in 0..50 {
            admit(ArtifactType::TimestampToken, token, anchors).unwrap();
        }
        count += 50;
    }
    f64::from(count) / (processor_seconds() - start)
}

/// Time on a processor of this thread so far.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanoseconds = text
        .split(' ')
        .next()
        .and_then(|word| word.parse::<f64>().ok());
    nanoseconds.expect("a number") / 1e9
}
