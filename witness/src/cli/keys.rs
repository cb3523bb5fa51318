//! Commands about the witness's own keys.

use clap::ValueEnum;
use ishibumi_tlog::Hash;
use ishibumi_tlog::key::{SignatureType, VerifierKey};
use ishibumi_witness::{Home, HomeError};
use serde_json::json;

use super::common::{Common, Printed};
use super::failure::Failure;

/// What a key signs with.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum KeyType {
    /// Ed25519, `cosignature/v1`
    Ed25519,
    /// ML-DSA-44, `subtree/v1`
    #[value(name = "ml-dsa-44")]
    MlDsa44,
}

impl KeyType {
    fn signature_type(self) -> SignatureType {
        match self {
            Self::Ed25519 => SignatureType::CosignatureV1,
            Self::MlDsa44 => SignatureType::SubtreeV1,
        }
    }
}

/// A key id as vkeys spell it.
pub(super) fn parse_id(text: &str) -> Result<u32, String> {
    let spelled = |id: &u32| format!("{id:08x}") == text;
    let id = u32::from_str_radix(text, 16).ok().filter(spelled);
    id.ok_or_else(|| "not 8 lowercase hex digits".to_owned())
}

pub(super) fn init(common: &Common, name: &str) -> Result<Printed, Failure> {
    let identity = Home::at(&common.dir)
        .init(name)
        .map_err(|error| match error {
            HomeError::Key { cause, .. } => Failure::usage(&cause),
            other => other.into(),
        })?;
    Ok(printed(identity.active()))
}

pub(super) fn print(common: &Common) -> Result<Printed, Failure> {
    let keys = Home::at(&common.dir).keys()?;
    let keys: Vec<VerifierKey> = keys.iter().map(|key| key.verifier().clone()).collect();
    Ok(printed(&keys))
}

pub(super) fn add(common: &Common, kind: KeyType) -> Result<Printed, Failure> {
    let key = Home::at(&common.dir).add_key(kind.signature_type())?;
    Ok(printed(std::slice::from_ref(&key)))
}

pub(super) fn retire(common: &Common, id: u32) -> Result<Printed, Failure> {
    let identity = Home::at(&common.dir).retire_key(id)?;
    let texts = |keys: &[VerifierKey]| keys.iter().map(VerifierKey::to_string).collect::<Vec<_>>();
    Ok(Printed {
        text: format!("{id:08x} signs no more\n"),
        json: json!({
            "vkeys": texts(identity.active()),
            "retired": texts(identity.retired()),
        }),
    })
}

pub(super) fn bastion(common: &Common) -> Result<Printed, Failure> {
    let key = Home::at(&common.dir).make_bastion_key()?;
    let hash = Hash::of(key.public_octets()).to_hex();
    Ok(Printed {
        text: format!("{hash}\n"),
        json: json!({ "hash": hash }),
    })
}

/// Each text as a line.
pub(super) fn lines(texts: &[String]) -> String {
    let mut all = texts.join("\n");
    if !all.is_empty() {
        all.push('\n');
    }
    all
}

/// A line per key; with `--json` the first by itself as well.
pub(super) fn printed(keys: &[VerifierKey]) -> Printed {
    let texts: Vec<String> = keys.iter().map(VerifierKey::to_string).collect();
    let name = keys.first().map_or("", VerifierKey::name);
    Printed {
        text: lines(&texts),
        json: json!({ "name": name, "vkey": texts.first(), "vkeys": texts }),
    }
}
