//! Replays a whole log and says whether it holds what it signed:
//!
//!     audit URL POLICY

use std::sync::Arc;
use std::{env, fs};

use ishibumi::audit::Entries;
use ishibumi::fetch::{Source, Terms, audit};
use ishibumi::tlog::Policy;
use ishibumi_wire::HttpNet;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [url, policy] = &arguments[..] else {
        return Err("usage: audit URL POLICY".into());
    };
    let policy = Policy::parse(&fs::read(policy)?)?;
    let terms = Terms {
        policy: &policy,
        last: None,
        full: true,
        entries: Entries::Records,
        blobs: false,
    };
    let log = Source::url(Arc::new(HttpNet::new()), url);
    let report = audit(&log, terms, |_, _| {}).await?;
    let head = report.state.head().checkpoint();
    println!(
        "{} holds the {} records that it signed",
        head.origin, head.size
    );
    Ok(())
}
