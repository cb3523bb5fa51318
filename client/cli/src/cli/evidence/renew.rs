//! `ishibumi evidence renew`: adds to an evidence file what keeps it alive, and touches nothing in
//! it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use ishibumi::evidence::PackError;
use ishibumi::evidence::renewal::Renewed;
use ishibumi::fetch::{Source, evidence, first_verified};
use ishibumi_artifact::evidence_record::{
    EvidenceRecordError, Imprint, is_ahead, time_stamp_query,
};
use ishibumi_artifact::hash::HashAlgorithm;
use ishibumi_artifact::{Anchors, EvidenceRecord, TimestampToken};
use ishibumi_tlog::Policy;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::proof::FILE_EXTENSION;
use serde_json::json;

use super::super::{Exit, Failure, Output, dated, files, network, trust};
use super::file;

const EXAMPLES: &str = "Examples:
  Newer proofs, with the cosignatures of today (ML-DSA-44 too, where witnesses have it):
  ishibumi evidence renew --from https://log.example --policy policy.txt \\
      --out contract.evidence.zip contract.evidence.zip

  A time-stamp over the evidence, in two steps; any TSA, and the network only where you want it:
  ishibumi evidence renew --query out.tsq contract.evidence.zip
  curl -H 'Content-Type: application/timestamp-query' --data-binary @out.tsq -o in.tsr https://tsa.example
  ishibumi evidence renew --reply in.tsr --anchors anchors/ --out contract.evidence.zip contract.evidence.zip

  Later the same again renews the time-stamp; with a stronger hash, everything:
  ishibumi evidence renew --query out.tsq --hash sha-512 contract.evidence.zip

Renew before the certificate of the last time-stamp ends, and before an algorithm does: what comes later
mends nothing. docs/renewal.md says when. The evidence file stays in the result as evidence.zip, octet by
octet.

A reply of a time that has not come by this machine's clock is refused, since no honest one could follow it.

Exit codes: 0 done, 1 the reply or a proof is about something else, or false, 2 usage, 3 unavailable,
4 a proof has no quorum yet, or a time-stamp is of a time that has not come.";

/// Add newer proofs and time-stamps to an evidence file, which stays as it is
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RenewArguments {
    /// A newer proof of a record in the file (`.tlog-proof`), or another evidence file that has
    /// some
    #[arg(long, value_name = "FILE")]
    proof: Vec<PathBuf>,
    /// URL of the log or a mirror, or a directory with its files, to fetch newer proofs from
    #[arg(long, value_name = "URL|DIR")]
    from: Vec<String>,
    /// Verify newer proofs under this policy before they are added
    #[arg(long, value_name = "FILE", required_if_eq("post_quantum", "true"))]
    policy: Option<PathBuf>,
    /// Newer proofs have to meet the quorum by ML-DSA-44 cosignatures alone
    #[arg(long)]
    post_quantum: bool,
    /// Write the query for a time-stamping authority (RFC 3161) here
    #[arg(long, value_name = "FILE", conflicts_with_all = ["reply", "out", "proof", "from", "revocation", "certificate"])]
    query: Option<PathBuf>,
    /// The hash function of the time-stamp; stronger than before, it is a hash-tree renewal. By
    /// default SHA-256 for the first, and what is there for others
    #[arg(long, value_name = "HASH", requires = "query")]
    hash: Option<Hash>,
    /// The authority's reply, or a bare token
    #[arg(long, value_name = "FILE", requires = "anchors")]
    reply: Option<PathBuf>,
    /// Trusted certificates, as for `verify`: the reply is verified with them
    #[arg(long, value_name = "DIR|FILE")]
    anchors: Option<PathBuf>,
    /// A revocation list or an OCSP response about the units of the time-stamps, or a folder of
    /// them
    #[arg(long, value_name = "PATH")]
    revocation: Vec<PathBuf>,
    /// A certificate between the units of the time-stamps and their anchors
    #[arg(long, value_name = "FILE")]
    certificate: Vec<PathBuf>,
    /// Seconds to wait for a busy log
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    timeout: u64,
    /// Where to write the renewed file; it may be the file itself
    #[arg(long, value_name = "FILE", required_unless_present = "query")]
    out: Option<PathBuf>,
    /// The evidence file, renewed before or not
    file: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Hash {
    #[value(name = "sha-256")]
    Sha256,
    #[value(name = "sha-384")]
    Sha384,
    #[value(name = "sha-512")]
    Sha512,
}

impl From<Hash> for HashAlgorithm {
    fn from(hash: Hash) -> Self {
        match hash {
            Hash::Sha256 => Self::Sha256,
            Hash::Sha384 => Self::Sha384,
            Hash::Sha512 => Self::Sha512,
        }
    }
}

pub(crate) fn run(arguments: &RenewArguments, voice: Output) -> Result<Exit, Failure> {
    // The file itself may be replaced: what it holds is in the renewed one, octet by octet.
    let in_place = |out: &PathBuf| files::is_one(out, &arguments.file);
    if let Some(out) = arguments.out.as_ref().filter(|out| !in_place(out)) {
        files::check_free(out, Some(file::BEGINS))?;
    }
    let mut renewed = file::open(&arguments.file)?;
    if let Some(path) = &arguments.query {
        let hash = arguments.hash.map(HashAlgorithm::from);
        return write_query(&renewed, hash, path, voice);
    }
    let before = renewed.clone();
    let terms = arguments.policy.as_ref();
    let terms = terms.map(|path| trust::read(path, false, arguments.post_quantum));
    let policy = terms.transpose()?;
    let mut proofs = 0;
    for path in &arguments.proof {
        proofs += add_proofs(&mut renewed, path, policy.as_ref())?;
    }
    if !arguments.from.is_empty() {
        proofs += fetch_proofs(&mut renewed, arguments, policy.as_ref())?;
    }
    for path in &arguments.certificate {
        let octets = files::read(path, files::ARTIFACT_LEN_MAX)?;
        let added = renewed.add_certificate(&octets);
        added.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    }
    let mut lists = 0;
    for path in &arguments.revocation {
        let all = if path.is_dir() {
            files::files_in(path)?
        } else {
            vec![path.clone()]
        };
        for path in all {
            let octets = files::read(&path, files::ARTIFACT_LEN_MAX)?;
            lists += usize::from(renewed.add_revocation(octets));
        }
    }
    let stamped = match (&arguments.reply, &arguments.anchors) {
        (Some(reply), Some(anchors)) => {
            let anchors = files::anchors(anchors, None)?;
            Some(add_reply(&mut renewed, reply, &anchors)?)
        }
        _ => None,
    };
    let Some(out) = &arguments.out else {
        return Err(Failure::usage("--out names the file to write"));
    };
    if renewed == before {
        return Err(Failure::unavailable(format!(
            "{}: nothing new was found to add",
            arguments.file.display()
        ))
        .advice("--from, --proof, --reply, --revocation and --certificate name what to add"));
    }
    let octets = renewed.encode();
    let octets = octets.map_err(|error| Failure::usage(format!("{}: {error}", out.display())))?;
    let octets = Bytes::from(octets);
    // As others will read it.
    Renewed::open_shared(&octets)
        .map_err(|error| Failure::new(Exit::Disproven, format!("the renewed file: {error}")))?;
    if in_place(out) {
        files::replace(out, &octets)?;
    } else {
        files::write(out, &octets)?;
    }
    let shown = out.display().to_string();
    let value = json!({
        "file": shown,
        "octets": octets.len(),
        "newer_proofs": proofs,
        "proofs_verified": policy.is_some(),
        "revocation": lists,
        "time_stamp": stamped,
    });
    let text = if voice.language.is_english() {
        let stamped = stamped.map_or(String::new(), |what| format!(", a {what}"));
        let verified = if policy.is_some() || proofs == 0 {
            ""
        } else {
            " (not verified)"
        };
        format!(
            "{shown}: {proofs} newer proofs{verified}, {lists} lists and responses{stamped} added"
        )
    } else {
        let stamped = if stamped.is_some() {
            "、タイムスタンプ"
        } else {
            ""
        };
        let verified = if policy.is_some() || proofs == 0 {
            ""
        } else {
            "（未検証）"
        };
        format!(
            "{shown}：より新しい証明 {proofs} 件{verified}、失効情報 {lists} 件{stamped}を追加しました。"
        )
    };
    voice.say_line(&value, &text);
    Ok(Exit::Proven)
}

/// The imprint for the next time-stamp.
fn imprint(
    renewed: &Renewed,
    hash: Option<HashAlgorithm>,
) -> Result<(Imprint, &'static str), EvidenceRecordError> {
    Ok(match (renewed.record(), hash) {
        (None, hash) => {
            let hash = hash.unwrap_or(HashAlgorithm::Sha256);
            (Imprint::of_data(hash, renewed.evidence()), "time-stamp")
        }
        (Some(record), hash) if hash.is_none_or(|hash| hash == record.algorithm()) => {
            (Imprint::of_last_timestamp(record), "time-stamp renewal")
        }
        (Some(record), hash) => {
            let hash = hash.unwrap_or(record.algorithm());
            let imprint = Imprint::of_hash_tree(record, hash, renewed.evidence())?;
            (imprint, "hash-tree renewal")
        }
    })
}

fn write_query(
    renewed: &Renewed,
    hash: Option<HashAlgorithm>,
    path: &Path,
    voice: Output,
) -> Result<Exit, Failure> {
    check_last(renewed)?;
    let (imprint, what) = imprint(renewed, hash).map_err(|error| {
        Failure::usage(error).advice("leave --hash out for a renewal with the same hash function")
    })?;
    files::write(path, &time_stamp_query(&imprint))?;
    let (shown, hash) = (path.display().to_string(), imprint.algorithm().name());
    let digest = hex::encode(imprint.digest());
    let value = json!({ "query": shown, "for": what, "hash": hash, "digest": digest });
    let text = if voice.language.is_english() {
        format!("{shown}: query for a {what}, {hash} {digest}")
    } else {
        format!("{shown}：タイムスタンプ要求、{hash} {digest}")
    };
    voice.say_line(&value, &text);
    Ok(Exit::Proven)
}

/// Refuses to renew what ends in a time-stamp of a time that has not come: nothing honest fits
/// behind it.
fn check_last(renewed: &Renewed) -> Result<(), Failure> {
    let now = dated::clock();
    let tokens = renewed
        .record()
        .into_iter()
        .flat_map(EvidenceRecord::tokens);
    let times = tokens.filter_map(|(at, token)| {
        let token = TimestampToken::parse(token).ok()?;
        Some((at, token.gen_time()))
    });
    let Some((at, time)) = times.into_iter().find(|(_, time)| is_ahead(*time, now)) else {
        return Ok(());
    };
    let message = format!(
        "{at} of the file is of {time}, and it is {now} by this machine's clock: no honest renewal can follow it before then"
    );
    Err(Failure::new(Exit::Indeterminate, message)
        .advice(
            "if the clock is right, go back to a copy from before it was added; or take the entry evidence.zip out, which is untouched, and begin anew",
        )
        .in_japanese(format!(
            "このファイルには、まだ来ていない時刻 {time} のタイムスタンプ（{at}）があります（この端末の時計では {now}）。それまでは更新できません。追加前の控えに戻すか、変更されていない evidence.zip を取り出してやり直してください。"
        )))
}

/// Takes the reply in; what it is follows from the hash function that it stamps with.
fn add_reply(
    renewed: &mut Renewed,
    path: &Path,
    anchors: &Anchors,
) -> Result<&'static str, Failure> {
    let shown = path.display();
    let refused = |error: EvidenceRecordError| {
        let exit = match &error {
            // It answers another question.
            EvidenceRecordError::OtherImprint { .. } => Exit::Disproven,
            _ => error.fault().into(),
        };
        Failure::new(exit, format!("{shown}: {error}"))
    };
    let octets = files::read(path, files::ARTIFACT_LEN_MAX)?;
    let token = TimestampToken::parse(&octets)
        .map_err(|error| Failure::new(error.fault().into(), format!("{shown}: {error}")))?;
    let (time, now) = (token.gen_time(), dated::clock());
    if is_ahead(time, now) {
        let message = format!(
            "{shown}: the reply is of {time}, and it is {now} by this machine's clock: one of the clocks is wrong"
        );
        return Err(Failure::new(Exit::Indeterminate, message)
            .advice(
                "nothing was added: no honest renewal could follow it. Set this machine's clock, or ask another authority",
            )
            .in_japanese(format!(
                "{shown}：応答の時刻 {time} は、この端末の時計（{now}）ではまだ来ていません。どちらかの時計が誤っているため、追加しませんでした。"
            )));
    }
    check_last(renewed)?;
    let hash = token.imprint_algorithm();
    let (imprint, what) = imprint(renewed, Some(hash)).map_err(refused)?;
    let record = match renewed.record() {
        None => EvidenceRecord::begin(&imprint, &octets),
        Some(record) if record.algorithm() == hash => record.renew_timestamp(&octets),
        Some(record) => record.renew_hash_tree(hash, renewed.evidence(), &octets),
    };
    let record = record.map_err(refused)?;
    let anchors = anchors
        .clone()
        .with_intermediates(renewed.known_certificates());
    if let Some((name, later)) = renewed.token_after(time, &anchors) {
        let message = format!(
            "{shown}: the reply is of {time}, and {name}, which it covers, is of {later}: one of the clocks is wrong"
        );
        return Err(Failure::new(Exit::Indeterminate, message)
            .advice("nothing was added: ask another authority")
            .in_japanese(format!(
                "{shown}：応答の時刻 {time} は、対象に含まれる {name} の時刻 {later} より前です。どちらかの時計が誤っているため、追加しませんでした。"
            )));
    }
    record.verify(renewed.evidence(), &anchors).map_err(|error| {
        refused(error).advice(
            "nothing was added; are all certificates there? --certificate adds those between unit and anchor",
        )
    })?;
    renewed.set_record(record);
    Ok(what)
}

/// Proofs in a file: a single one, or those of another evidence file.
fn add_proofs(
    renewed: &mut Renewed,
    path: &Path,
    policy: Option<&Policy>,
) -> Result<usize, Failure> {
    let shown = path.display();
    if path
        .extension()
        .is_some_and(|known| known == FILE_EXTENSION)
    {
        let octets = files::read_proof(path)?;
        return add_proof(renewed, &octets, policy, &shown.to_string()).map(usize::from);
    }
    let other = file::open(path)?;
    if let Some(policy) = policy {
        check(&other, policy, &shown.to_string())?;
    }
    Ok(renewed.add_proofs_of(&other))
}

fn check(other: &Renewed, policy: &Policy, shown: &str) -> Result<(), Failure> {
    let items = other.collection().items.iter();
    let proofs = items
        .flat_map(|item| &item.proofs)
        .chain(other.newer_proofs());
    for logged in proofs {
        let checked = policy.check_proof(&logged.proof(), &logged.entry);
        checked.map_err(|error| trust::failure(&error, format!("{shown}: {error}")))?;
    }
    Ok(())
}

fn add_proof(
    renewed: &mut Renewed,
    octets: &[u8],
    policy: Option<&Policy>,
    shown: &str,
) -> Result<bool, Failure> {
    if let Some(policy) = policy {
        let proof = files::parsed_proof(octets, &shown)?;
        let checked = policy.check_checkpoint(&proof.checkpoint);
        checked.map_err(|error| trust::failure(&error, format!("{shown}: {error}")))?;
    }
    let added = renewed.add_proof(octets);
    added.map_err(|error| {
        let exit = match error {
            PackError::NotProven(_) => Exit::Disproven,
            _ => Exit::Indeterminate,
        };
        Failure::new(exit, format!("{shown}: {error}"))
            .advice("the proof has to be of a record that the evidence file proves")
    })
}

/// A proof of every record, from the first source that has one.
fn fetch_proofs(
    renewed: &mut Renewed,
    arguments: &RenewArguments,
    policy: Option<&Policy>,
) -> Result<usize, Failure> {
    let sources = network::sources(&arguments.from)?;
    let records: Vec<Vec<u8>> = renewed.records().into_iter().map(<[u8]>::to_vec).collect();
    let timeout = Duration::from_secs(arguments.timeout);
    let bar = network::progress_bar(records.len() as u64, "proofs fetched");
    let fetched = network::block_on(async {
        let mut fetched = Vec::new();
        for record in &records {
            let leaf = leaf_hash(record);
            let attempt =
                async |source: &Source| evidence(source, leaf, policy, timeout, |_, _| ()).await;
            let won =
                first_verified(&sources, attempt, ishibumi::fetch::EvidenceError::blame).await;
            let won = won.map_err(|refused| {
                network::nobody(&refused, |_, error| super::get::failure(error))
            })?;
            fetched.push((won.source, won.answer.encode()));
            bar.inc(1);
        }
        Ok(fetched)
    })?;
    bar.finish_and_clear();
    let mut count = 0;
    for (source, proof) in fetched {
        count += usize::from(add_proof(renewed, proof.as_bytes(), policy, &source)?);
    }
    Ok(count)
}
