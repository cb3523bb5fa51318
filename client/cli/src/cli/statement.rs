//! `ishibumi statement`: what a provider says about its own end, made and submitted.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use ishibumi::fetch::{LogClient, STATEMENT, Submitted, Wait};
use ishibumi_artifact::hash::HashAlgorithm;
use ishibumi_artifact::record::{
    ArchiveCustodian, Body, EndingStatement, GenTime, KeyDestroyed, LastCount, LastCrl, Moment,
    Opaque, Record, RecordError, batch_digest, kind,
};
use ishibumi_artifact::{Anchors, ArtifactType, Certificate, admit};
use ishibumi_cli::batch::instant;
use serde_json::json;

use super::{Exit, Failure, Output, files, network};

const EXAMPLES: &str = "Examples:
  ishibumi statement --provider north --log https://log.example --token-file token.txt last-crl --crl last.crl --anchors anchors/
  ishibumi statement --provider north --log https://log.example --token-file token.txt last-count --tsu tsu.crt --tokens all/ --anchors anchors/
  ishibumi statement --provider north --log https://log.example --token-file token.txt key-destroyed --certificate tsu.crt --date 20270331120000Z --attestation minutes.pdf --text 'zeroized before two witnesses'
  ishibumi statement --provider north --out custodian.record custodian --name 'National Archive' --location https://archive.example --archive archive.zip

What a statement says is the provider's word; a log proves that it was said, and when. docs/closing.md has the
order of an orderly end.

Exit codes: 0 done, 1 the log refused, 2 usage, 3 unavailable, 4 no quorum in time (nothing is lost).";

/// State the end of a provider: last list, last count, destroyed key, custodian
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StatementArguments {
    /// The provider's identifier in the log's registry
    #[arg(long, value_name = "ID")]
    provider: String,
    /// URL of the log to submit to
    #[arg(long, value_name = "URL", value_parser = network::log_url, required_unless_present = "out")]
    log: Option<String>,
    /// File with the provider's bearer token
    #[arg(long, value_name = "FILE", requires = "log")]
    token_file: Option<PathBuf>,
    /// Write the record to this file, too
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Number of this statement among those of its kind, to say the same again
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    sequence: u32,
    /// Seconds to wait for the proof
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A revocation list is the last of its issuer
    #[command(after_help = EXAMPLES)]
    LastCrl {
        /// The list, DER or PEM
        #[arg(long, value_name = "FILE")]
        crl: PathBuf,
        /// The provider's anchors, which say whose list it is
        #[arg(long, value_name = "DIR|FILE")]
        anchors: PathBuf,
    },
    /// All that a unit ever issued
    #[command(after_help = EXAMPLES)]
    LastCount {
        /// The unit's certificate
        #[arg(long, value_name = "FILE")]
        tsu: PathBuf,
        /// Folder with every token or reply that the unit issued; others' are left out
        #[arg(long, value_name = "DIR")]
        tokens: PathBuf,
        /// The provider's anchors
        #[arg(long, value_name = "DIR|FILE")]
        anchors: PathBuf,
    },
    /// A private key was destroyed
    #[command(after_help = EXAMPLES)]
    KeyDestroyed {
        /// Its certificate
        #[arg(long, value_name = "FILE")]
        certificate: PathBuf,
        /// When, with the offset from UTC: 2027-03-31T17:00:00+09:00 or 20270331080000Z
        #[arg(long, value_name = "TIME")]
        date: String,
        /// A document that attests it; its SHA-256 is stated
        #[arg(long, value_name = "FILE")]
        attestation: Option<PathBuf>,
        /// How, and who was there
        #[arg(long, value_name = "TEXT", default_value = "")]
        text: String,
    },
    /// Somebody keeps the archive
    #[command(after_help = EXAMPLES)]
    Custodian {
        /// Who
        #[arg(long, value_name = "TEXT")]
        name: String,
        /// Where to ask
        #[arg(long, value_name = "TEXT")]
        location: String,
        /// The archive, or a list of what is in it; its SHA-256 is stated
        #[arg(long, value_name = "FILE")]
        archive: PathBuf,
    },
}

pub(crate) fn run(arguments: &StatementArguments, voice: Output) -> Result<Exit, Failure> {
    let said = said(&arguments.what, arguments.sequence)?;
    let statement = said.by(&arguments.provider).map_err(Failure::usage)?;
    let record = Record::from(Body::Provider(statement)).encode();
    if let Some(out) = &arguments.out {
        files::write(out, &record)?;
    }
    let leaf = ishibumi_tlog::hash::leaf_hash(&record);
    let Some(log) = &arguments.log else {
        let value = json!({ "record": hex::encode(&record), "leaf": leaf.to_hex() });
        let what = voice.language.pick("written, leaf", "書き込みました。葉：");
        voice.say_line(&value, &format!("{what} {leaf}"));
        return Ok(Exit::Proven);
    };
    let token = arguments
        .token_file
        .as_deref()
        .map(super::submit::token)
        .transpose()?;
    let client = LogClient::new(network::net(), log, token);
    let timeout = Duration::from_secs(arguments.timeout);
    network::block_on(async {
        let answer = client
            .submit_as(STATEMENT, &record, Wait::Quorum, timeout)
            .await;
        let late = match answer.map_err(|error| network::api_failure(&error))? {
            Submitted::Proof(_) => None,
            Submitted::Staged(staged) => Some(staged),
        };
        if let Some(staged) = late {
            let proof = client.await_proof(staged, timeout).await;
            proof.map_err(|error| network::api_failure(&error))?;
        }
        Ok(())
    })?;
    let value = json!({ "record": hex::encode(&record), "leaf": leaf.to_hex(), "submitted": true });
    let find = format!("ishibumi find leaf {}", leaf.to_hex());
    let said = if voice.language.is_english() {
        format!("stated, leaf {leaf}; {find} shows it proven")
    } else {
        format!("ログに記録しました（葉 {leaf}）。`{find}` で証明を確認できます。")
    };
    voice.say_line(&value, &said);
    Ok(Exit::Proven)
}

fn said(what: &What, sequence: u32) -> Result<EndingStatement, Failure> {
    let bad = |error: RecordError| Failure::usage(error);
    Ok(match what {
        What::LastCrl { crl, anchors } => {
            let body = admitted(crl, ArtifactType::Crl, &files::anchors(anchors, None)?)?;
            let Body::Crl(list) = body else {
                return Err(Failure::usage(format!(
                    "{}: no revocation list",
                    crl.display()
                )));
            };
            EndingStatement::LastCrl(LastCrl {
                sequence,
                crl: list.digest,
                issuer_key_hash: list.issuer_key_hash,
            })
        }
        What::LastCount {
            tsu,
            tokens,
            anchors,
        } => {
            let certificate = certificate(tsu)?;
            let anchors = files::anchors(anchors, None)?;
            EndingStatement::LastCount(count(&certificate, tokens, &anchors, sequence)?)
        }
        What::KeyDestroyed {
            certificate: file,
            date,
            attestation,
            text,
        } => {
            let time = instant(date).map_err(|error| Failure::usage(format!("--date: {error}")))?;
            EndingStatement::KeyDestroyed(KeyDestroyed {
                sequence,
                certificate: certificate(file)?.digest(),
                date: Moment::new("date", time).map_err(bad)?,
                attestation: attestation.as_deref().map(digest).transpose()?,
                text: Opaque::new("text", text.as_str()).map_err(bad)?,
            })
        }
        What::Custodian {
            name,
            location,
            archive,
        } => EndingStatement::ArchiveCustodian(ArchiveCustodian {
            sequence,
            name: Opaque::new("name", name.as_str()).map_err(bad)?,
            location: Opaque::new("location", location.as_str()).map_err(bad)?,
            archive: digest(archive)?,
        }),
    })
}

/// Counts the tokens of one unit. Every file has to be a valid token or reply: a token that was not
/// counted because it could not be read would be missing for ever.
fn count(
    tsu: &Certificate,
    folder: &Path,
    anchors: &Anchors,
    sequence: u32,
) -> Result<LastCount, Failure> {
    let mut contents = std::collections::BTreeSet::new();
    let mut last: Option<(Opaque<1, 64>, GenTime)> = None;
    for path in files::files_in(folder)? {
        let Body::Token(token) = admitted(&path, ArtifactType::TimestampToken, anchors)? else {
            continue;
        };
        let algorithm = token.ess_hash_algorithm.as_bytes();
        let algorithm = ishibumi_artifact::hash::HashAlgorithm::from_oid_octets(algorithm);
        let hash = algorithm.map(|algorithm| algorithm.digest(tsu.der()));
        if !hash.is_ok_and(|hash| hash == token.ess_hash.as_bytes()) {
            continue;
        }
        contents.insert(token.content);
        if last
            .as_ref()
            .is_none_or(|(_, time)| time.time() <= token.gen_time.time())
        {
            last = Some((token.serial, token.gen_time));
        }
    }
    Ok(LastCount {
        sequence,
        certificate: tsu.digest(),
        count: u64::try_from(contents.len()).unwrap_or(u64::MAX),
        last,
        batch: batch_digest(contents),
    })
}

/// The record that stands for an artifact; a token may be a reply, too.
fn admitted(path: &Path, wanted: ArtifactType, anchors: &Anchors) -> Result<Body, Failure> {
    let octets = files::read(path, files::ARTIFACT_LEN_MAX)?;
    let found = ArtifactType::detect(&octets).unwrap_or(wanted);
    let admitted = admit(found, &octets, anchors)
        .map_err(|refusal| Failure::usage(format!("{}: {refusal}", path.display())))?;
    let last = admitted.records().last();
    let record = last.filter(|record| matches!(record.kind(), kind::TIMESTAMP_TOKEN | kind::CRL));
    let record = record
        .ok_or_else(|| Failure::usage(format!("{}: neither a token nor a list", path.display())))?;
    Ok(record.body().clone())
}

fn certificate(path: &Path) -> Result<Certificate, Failure> {
    let octets = files::read(path, files::ARTIFACT_LEN_MAX)?;
    Certificate::parse(&octets)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

fn digest(path: &Path) -> Result<[u8; 32], Failure> {
    let digest = files::digest(path, HashAlgorithm::Sha256)?;
    let digest = <[u8; 32]>::try_from(digest);
    digest.map_err(|_| Failure::usage(format!("{}: no digest of 32 octets", path.display())))
}
