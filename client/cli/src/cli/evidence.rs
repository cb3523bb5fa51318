//! `ishibumi evidence`: proofs of artifacts that are already in a log, and evidence files. Each
//! subcommand is in a file of its own.

mod anchored;
mod embed;
mod entry;
mod extract;
mod file;
mod get;
mod left_out;
mod merge;
mod pack;
mod packer;
mod renew;
mod renewals;
mod show;
mod verify;

use clap::{Args, Subcommand};

use super::{Exit, Failure, Output};

pub(super) use get::failure as entry_failure;

/// Work with evidence
#[derive(Debug, Args)]
pub(crate) struct EvidenceArguments {
    #[command(subcommand)]
    command: EvidenceCommand,
}

#[derive(Debug, Subcommand)]
enum EvidenceCommand {
    Get(get::GetArguments),
    Entry(entry::EntryArguments),
    Pack(pack::PackArguments),
    Show(show::ShowArguments),
    Verify(verify::VerifyArguments),
    Embed(embed::EmbedArguments),
    Extract(extract::ExtractArguments),
    Merge(merge::MergeArguments),
    Renew(renew::RenewArguments),
}

pub(crate) fn run(arguments: &EvidenceArguments, voice: Output) -> Result<Exit, Failure> {
    match &arguments.command {
        EvidenceCommand::Get(arguments) => get::run(arguments, voice),
        EvidenceCommand::Entry(arguments) => entry::run(arguments, voice),
        EvidenceCommand::Pack(arguments) => pack::run(arguments, voice),
        EvidenceCommand::Show(arguments) => show::run(arguments, voice),
        EvidenceCommand::Verify(arguments) => verify::run(arguments, voice),
        EvidenceCommand::Embed(arguments) => embed::run(arguments, voice),
        EvidenceCommand::Extract(arguments) => extract::run(arguments, voice),
        EvidenceCommand::Merge(arguments) => merge::run(arguments, voice),
        EvidenceCommand::Renew(arguments) => renew::run(arguments, voice),
    }
}
