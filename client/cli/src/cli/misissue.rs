//! `ishibumi misissue`: two tokens with one serial, as a file that anybody can verify.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ishibumi::misissue::{FILE_LEN_MAX, Misissue, MisissueError, SerialReused};
use ishibumi_tlog::shown;
use serde_json::json;

use super::sha1::{self, ExistedOn};
use super::{Exit, Failure, Output, files};

const PACK_EXAMPLES: &str = "Examples:
  ishibumi misissue pack --anchors anchors/ --out reused.misissue one.tst other.tst

Records of a log only raise the suspicion of a reused serial; the two tokens prove it. The file holds
both and the certificates below the anchors. The same TSTInfo signed twice is innocent and refused.

Exit codes: 0 proven and written, 1 the tokens accuse nobody, 2 usage,
3 unavailable, 4 a token cannot be read, or its CA is not among the anchors.";

const VERIFY_EXAMPLES: &str = "Examples:
  ishibumi misissue verify --anchors anchors/ reused.misissue

Exit codes: 0 proven: the unit gave one serial to two statements, 1 the tokens accuse
nobody, 2 usage, 3 unavailable, 4 the file cannot be read, or the CA of a token is not among the anchors.";

/// Prove that a time-stamping unit used one serial number twice
#[derive(Debug, Args)]
pub(crate) struct MisissueArguments {
    #[command(subcommand)]
    command: MisissueCommand,
}

#[derive(Debug, Subcommand)]
enum MisissueCommand {
    /// Pack two tokens into a file, if they prove it
    #[command(after_help = PACK_EXAMPLES)]
    Pack(PackArguments),
    /// Verify such a file
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArguments),
}

#[derive(Debug, Args)]
struct PackArguments {
    #[command(flatten)]
    trust: Trust,
    /// Where to write the file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// One token or reply
    one: PathBuf,
    /// The other
    other: PathBuf,
}

#[derive(Debug, Args)]
struct VerifyArguments {
    #[command(flatten)]
    trust: Trust,
    /// The file
    file: PathBuf,
}

#[derive(Debug, Args)]
struct Trust {
    /// Trusted certificates, as for `verify`
    #[arg(long, value_name = "DIR|FILE")]
    anchors: PathBuf,
    #[arg(long, value_name = "DATE", help = sha1::HELP)]
    accept_sha1: Option<ExistedOn>,
}

pub(crate) fn run(arguments: &MisissueArguments, voice: Output) -> Result<Exit, Failure> {
    match &arguments.command {
        MisissueCommand::Pack(arguments) => {
            let anchors = files::anchors(&arguments.trust.anchors, arguments.trust.accept_sha1)?;
            let one = files::read(&arguments.one, files::ARTIFACT_LEN_MAX)?;
            let other = files::read(&arguments.other, files::ARTIFACT_LEN_MAX)?;
            let packed = Misissue::pack(&one, &other, &anchors).map_err(|e| unproven(&e))?;
            let shown = packed.verify(anchors).map_err(|e| unproven(&e))?;
            files::write(&arguments.out, &packed.encode())?;
            say(&shown, voice);
        }
        MisissueCommand::Verify(arguments) => {
            let anchors = files::anchors(&arguments.trust.anchors, arguments.trust.accept_sha1)?;
            let octets = files::read(&arguments.file, FILE_LEN_MAX)?;
            let packed = Misissue::decode(&octets).map_err(|e| unproven(&e))?;
            say(&packed.verify(anchors).map_err(|e| unproven(&e))?, voice);
        }
    }
    Ok(Exit::Proven)
}

fn unproven(error: &MisissueError) -> Failure {
    let exit = error.fault().map_or(Exit::Disproven, Exit::from);
    Failure::new(exit, format!("nothing is proven: {error}"))
}

fn say(shown: &SerialReused, voice: Output) {
    let (unit, serial) = (shown.unit().subject(), hex::encode(shown.serial()));
    let [first, second] = shown.gen_times().map(|time| time.to_string());
    let [one, other] = shown
        .tokens()
        .each_ref()
        .map(|token| hex::encode(token.imprint()));
    let value = json!({
        "proven": "serial-reused",
        "unit": unit,
        "unit_certificate": hex::encode(shown.unit().digest()),
        "serial": serial,
        "gen_times": [first, second],
        "imprints": [one, other],
    });
    let unit = shown::line(&unit);
    let proven = if voice.language.is_english() {
        format!(
            "proven: {unit} gave the serial {serial} to two statements (RFC 3161 section 2.4.2)"
        )
    } else {
        format!(
            "証明済み：{unit} は、シリアル番号 {serial} を2つのトークンに使用しました（RFC 3161 第2.4.2節）。"
        )
    };
    let text = format!("{proven}\n  {first}  {one}\n  {second}  {other}\n");
    voice.say(&value, &text);
}
