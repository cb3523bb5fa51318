//! Submits a time-stamp token to a log and keeps the proof that comes back beside it:
//!
//!     submit URL BEARER_TOKEN_FILE TOKEN

use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use ishibumi::artifact::ArtifactType;
use ishibumi::fetch::{LogClient, Submission, Submitted, Wait};
use ishibumi_wire::HttpNet;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [url, bearer, path] = &arguments[..] else {
        return Err("usage: submit URL BEARER_TOKEN_FILE TOKEN".into());
    };
    let bearer = fs::read_to_string(bearer)?.trim().to_owned();
    let octets = fs::read(path)?;
    let submission = Submission {
        artifact_type: ArtifactType::of(&octets)?,
        octets: &octets,
    };
    let log = LogClient::new(Arc::new(HttpNet::new()), url, Some(bearer));
    let patience = Duration::from_secs(60);
    match log.submit(submission, Wait::Quorum, patience).await? {
        Submitted::Proof(proof) => {
            fs::write(format!("{path}.tlog-proof"), proof)?;
            println!("{path}.tlog-proof");
        }
        Submitted::Staged(staged) => println!("record {}: the proof comes later", staged.index),
    }
    Ok(())
}
