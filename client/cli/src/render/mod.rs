//! One [`Report`](ishibumi::Report), shown to a person ([`text`], English or Japanese) or to a
//! program ([`json`]).
//!
//! Both keep three things apart: what log and witnesses prove, what the issuer claims, and what was
//! not checked. JSON has the sentences of both languages, so that a program can show them without
//! having its own.

mod advice;
mod alarm;
mod answers;
pub mod batch;
mod japanese;
mod json;
mod pdf;
mod policy;
mod record;
mod sentences;
mod status;
mod text;

pub use alarm::{alarm_json, alarm_sentence};
pub use ishibumi_artifact::time::rfc3339;
pub use ishibumi_tlog::shown::octets as shown;
pub use japanese::{in_japanese, known_in_japanese};
pub use json::json;
pub use pdf::{pdf_json, pdf_sentences};
pub use policy::Explanation;
pub use record::record_json;
pub use sentences::sentences;
pub use status::revocation_not_asked;
pub use text::text;

use ishibumi_artifact::record::kind;

/// The languages that reports are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Japanese.
    Japanese,
}

impl Language {
    /// Whether it is English.
    pub const fn is_english(self) -> bool {
        matches!(self, Self::English)
    }

    /// What a check or a reader said: as it is in English, translated in Japanese.
    pub fn said(self, english: &str) -> String {
        match self {
            Self::English => english.to_owned(),
            Self::Japanese => in_japanese(english),
        }
    }

    /// `a` in English, `b` in Japanese.
    pub const fn pick<'a>(self, english: &'a str, japanese: &'a str) -> &'a str {
        match self {
            Self::English => english,
            Self::Japanese => japanese,
        }
    }
}

/// The name of a kind of record, as in the registry of `docs/formats/record.md`.
pub const fn kind_name(record_kind: u16) -> &'static str {
    match record_kind {
        kind::LOG_STATEMENT => "log-statement",
        kind::PROVIDER_STATEMENT => "provider-statement",
        kind::TIMESTAMP_TOKEN => "timestamp-token",
        kind::CERTIFICATE => "certificate",
        kind::CERTIFICATE_DIGEST => "certificate-digest",
        kind::REVOCATION => "revocation",
        kind::CRL => "crl",
        kind::OCSP_RESPONSE => "ocsp-response",
        kind::TRUSTED_LIST => "trusted-list",
        kind::CHECKPOINT_ANCHOR => "checkpoint-anchor",
        kind::TOKEN_MARK => "token-mark",
        kind::INDEX_ROOT => "index-root",
        kind::OPAQUE => "opaque",
        _ => "unknown",
    }
}
