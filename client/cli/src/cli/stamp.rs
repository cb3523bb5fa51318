//! `ishibumi stamp`: a time-stamp token from a TSA, for a document or for a checkpoint.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use ishibumi::fetch::{StampError, Stamped, Tsa, stamp};
use ishibumi_artifact::hash::HashAlgorithm;
use ishibumi_artifact::query::QueryError;
use ishibumi_artifact::{Fault, TimestampQuery};
use ishibumi_tlog::note::{NOTE_LEN_MAX, Note};
use ishibumi_tlog::proof::{PROOF_LEN_MAX, TlogProof};
use serde_json::json;

use super::{Exit, Failure, Output, files, network};

const EXAMPLES: &str = "Examples:
  ishibumi stamp --tsa https://tsa.example/ --tsa-anchors tsa-root.crt contract.pdf
  ishibumi stamp --tsa https://tsa.example/ --tsa-anchors tsa-root.crt --out contract.tsr contract.pdf
  ishibumi stamp --tsa https://tsa.example/ --tsa-anchors tsa-root.crt --checkpoint contract.tst.tlog-proof

Only the hash of the file is sent. The token is verified in full before it is written: its path to your
anchors at its own time, its imprint, the nonce, and that its time is now (within 300 s of this machine's
clock). A name that ends in .tsr gets the whole reply, every other name the token alone. Nothing is written over.

Exit codes: 0 stamped, 1 the answer is false, 2 usage, 3 unavailable, 4 the TSA refused.";

/// The longest authorization file, in octets.
const AUTHORIZATION_LEN_MAX: usize = 8 << 10;

/// Get a time-stamp token from a TSA (RFC 3161 over HTTP)
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StampArguments {
    #[command(flatten)]
    tsa: TsaArguments,
    /// FILE is a checkpoint or a proof: stamp the text of its checkpoint
    #[arg(long)]
    checkpoint: bool,
    /// Where to write; by default FILE with .tst behind its name
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// What is stamped
    file: PathBuf,
}

/// Which TSA is asked, and how it is checked. For every command that stamps.
#[derive(Debug, Args)]
pub(crate) struct TsaArguments {
    /// URL of the TSA
    #[arg(long = "tsa", value_name = "URL", value_parser = tsa_url)]
    url: String,
    /// Certificates that its token has to chain to: a file, or a folder as for `verify`
    #[arg(
        long = "tsa-anchors",
        visible_alias = "anchor",
        value_name = "DIR|FILE"
    )]
    anchors: PathBuf,
    /// Hash of what is stamped
    #[arg(long = "tsa-hash", value_enum, default_value = "sha256")]
    hash: Hash,
    /// TSA policy to ask for, dotted
    #[arg(long = "tsa-policy", value_name = "OID")]
    policy: Option<String>,
    /// File with the value of the Authorization header, such as: Basic dXNlcjpwYXNz
    #[arg(long = "tsa-authorization", value_name = "FILE")]
    authorization: Option<PathBuf>,
    /// Seconds that the TSA has for its answer
    #[arg(long = "tsa-timeout", value_name = "SECONDS", default_value_t = 30)]
    timeout: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl TsaArguments {
    /// The hash under which this TSA is asked to stamp.
    pub(crate) const fn algorithm(&self) -> HashAlgorithm {
        match self.hash {
            Hash::Sha256 => HashAlgorithm::Sha256,
            Hash::Sha384 => HashAlgorithm::Sha384,
            Hash::Sha512 => HashAlgorithm::Sha512,
        }
    }

    /// Has the TSA stamp `digest`, made with [`Self::algorithm`], and verifies the token.
    pub(crate) fn stamp(&self, digest: &[u8]) -> Result<Stamped, Failure> {
        let anchors = files::anchors(&self.anchors, None)?;
        let authorization = self.authorization.as_deref().map(authorization);
        let authorization = authorization.transpose()?;
        let mut random = [0; 8];
        getrandom::fill(&mut random)
            .map_err(|error| Failure::unavailable(format!("no random octets: {error}")))?;
        let query = TimestampQuery::over_digest(self.algorithm(), digest, random);
        let mut query = query.map_err(Failure::usage)?;
        if let Some(policy) = &self.policy {
            query = query
                .with_policy(policy)
                .map_err(|error| Failure::usage(format!("--tsa-policy {policy}: {error}")))?;
        }
        let tsa = Tsa {
            url: &self.url,
            authorization: authorization.as_deref(),
            deadline: Duration::from_secs(self.timeout),
            anchors: &anchors,
        };
        network::block_on(async {
            let stamped = stamp(network::net().as_ref(), tsa, &query).await;
            stamped.map_err(|error| failure(&error))
        })
    }
}

pub(crate) fn run(arguments: &StampArguments, voice: Output) -> Result<Exit, Failure> {
    let tsa = &arguments.tsa;
    let out = out_path(arguments)?;
    // No two tokens are the same, and an authority is not asked for one that cannot be kept.
    files::check_free(&out, None)?;
    let digest = if arguments.checkpoint {
        tsa.algorithm().digest(text(&arguments.file)?.as_bytes())
    } else {
        files::digest(&arguments.file, tsa.algorithm())?
    };
    let stamped = tsa.stamp(&digest)?;
    let whole = out.extension().is_some_and(|ending| ending == "tsr");
    let octets = if whole {
        &stamped.reply
    } else {
        &stamped.token
    };
    files::write(&out, octets)?;
    let (shown, token) = (out.display().to_string(), &stamped.verified);
    let gen_time = token.gen_time().time();
    let (tsu, serial) = (token.signer().subject(), hex::encode(token.serial()));
    let value = json!({
        "file": shown,
        "gen_time": gen_time.to_string(),
        "tsu": tsu,
        "serial": serial,
        "policy": token.policy(),
        "imprint_algorithm": token.imprint_algorithm().name(),
        "imprint": hex::encode(token.imprint()),
    });
    let text = if voice.language.is_english() {
        format!("{shown}: stamped at {gen_time} by {tsu}, serial {serial}")
    } else {
        format!("{shown}：{gen_time} に {tsu} が発行（シリアル番号 {serial}）")
    };
    voice.say_line(&value, &text);
    Ok(Exit::Proven)
}

/// The path to write: the given one, or one beside the stamped file.
fn out_path(arguments: &StampArguments) -> Result<PathBuf, Failure> {
    if let Some(out) = &arguments.out {
        return Ok(out.clone());
    }
    if arguments.file == Path::new("-") {
        let message = "what comes from standard input has no name to write beside";
        return Err(Failure::usage(message).advice("--out names the file"));
    }
    let mut name = arguments.file.file_name().unwrap_or_default().to_owned();
    name.push(".tst");
    Ok(arguments.file.with_file_name(name))
}

/// The text of a checkpoint: of a signed note, or of a proof's.
fn text(file: &Path) -> Result<String, Failure> {
    let octets = files::read(file, PROOF_LEN_MAX.max(NOTE_LEN_MAX))?;
    let note = TlogProof::parse(&octets).map(|proof| proof.checkpoint);
    let note = note.or_else(|_| Note::parse(&octets)).map_err(|error| {
        let name = file.display();
        Failure::usage(format!("{name}: neither a proof nor a checkpoint: {error}"))
    })?;
    Ok(note.text().to_owned())
}

fn authorization(file: &Path) -> Result<String, Failure> {
    let octets = files::read(file, AUTHORIZATION_LEN_MAX)?;
    let text = String::from_utf8(octets).unwrap_or_default();
    let text = text.trim().to_owned();
    if !text.is_empty() && text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Ok(text);
    }
    let name = file.display();
    Err(Failure::usage(format!("{name}: no value of a header"))
        .advice("expected is one line such as: Basic dXNlcjpwYXNz"))
}

fn tsa_url(text: &str) -> Result<String, String> {
    network::http_url(text).map(|_| text.to_owned())
}

fn failure(error: &StampError) -> Failure {
    match error {
        StampError::Tsa(_) => Failure::unavailable(error)
            .advice("is the URL right? a TSA takes POST of application/timestamp-query"),
        StampError::Reply(QueryError::Reply(reply)) => Failure::new(reply.fault().into(), error),
        StampError::Reply(QueryError::Token(token)) => {
            let failure = Failure::new(token.fault().into(), error);
            match token.fault() {
                Fault::Chain => {
                    failure.advice("--tsa-anchors names the root certificate of the TSA")
                }
                _ => failure,
            }
        }
        StampError::Reply(QueryError::Size(_) | QueryError::CertificateMissing) => {
            Failure::new(Exit::Indeterminate, error)
        }
        _ => Failure::new(Exit::Disproven, error),
    }
}
