//! Other people's test suites, held against this crate: x509-limbo, BetterTLS, BoringSSL's pki,
//! Wycheproof and the Ed25519 vectors of CCTV.
//!
//! None of them is committed. `scripts/suites.sh` gets or makes them and names their folder in
//! SUITES; without it nothing is tested, loudly; with CASES, a folder of paths on which this crate
//! was wrong once, only these are (`scripts/cases.sh`). NIST PKITS has its own program (pkits.rs).
//! Each case gets our answer beside theirs; where they differ, `differences.tsv` has to say why,
//! and a difference that it does not explain, or an explanation that no difference needs any more,
//! fails the run.

mod bettertls;
mod boringssl;
mod cases;
mod ed25519;
mod limbo;
mod paths;
mod report;
mod wycheproof;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use report::{Differences, Suite};

type Run = fn(&Path) -> Suite;

/// Each suite by the file or folder that it needs.
const SUITES: [(&str, &str, Run); 5] = [
    ("x509-limbo", "limbo.json", limbo::run),
    ("BetterTLS", "bettertls.json", bettertls::run),
    ("BoringSSL pki", "boringssl", boringssl::run),
    ("Wycheproof", "wycheproof", wycheproof::run),
    ("CCTV Ed25519", "ed25519vectors.json", ed25519::run),
];

fn main() -> ExitCode {
    let mut differences = Differences::read(include_str!("differences.tsv"));
    if let Some(folder) = std::env::var_os("CASES").map(PathBuf::from) {
        let is_good = cases::run(&folder).tell("cases", &mut differences);
        return ExitCode::from(u8::from(!is_good));
    }
    let Some(folder) = std::env::var_os("SUITES").map(PathBuf::from) else {
        println!("!!! NOT TESTED: other people's suites are not here. Run scripts/suites.sh");
        return ExitCode::SUCCESS;
    };
    let (mut is_good, mut ran) = (true, 0);
    for (name, needs, run) in SUITES {
        let place = folder.join(needs);
        if place.exists() {
            ran += 1;
            is_good &= run(&place).tell(name, &mut differences);
        } else {
            println!("!!! NOT TESTED: {name} ({} is not there)", place.display());
        }
    }
    is_good &= differences.tell_unused();
    println!("suites: {ran} of {} ran", SUITES.len());
    if is_good && ran > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
