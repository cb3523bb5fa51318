//! Every error of this crate, with its code and what it shows, held against docs/errors.md.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::evidence_record::Position;
use crate::hash::HashAlgorithm;
use crate::time::{Time, TimeError};

/// One error per pattern. The patterns are the arms of a `match`: a variant that has none does not
/// compile.
macro_rules! every {
    ($type:ty: $($pattern:pat => $error:expr,)*) => {{
        const fn is_listed(error: &$type) {
            match error {
                $($pattern => {})*
            }
        }
        let errors: Vec<$type> = vec![$($error),*];
        errors.iter().for_each(is_listed);
        errors
    }};
}

fn text() -> String {
    "x".to_owned()
}

fn asn1() -> Vec<Asn1Error> {
    every!(Asn1Error:
        Asn1Error::Cut { .. } => Asn1Error::Cut { needed: 2, found: 1 },
        Asn1Error::Truncated { .. } => Asn1Error::Truncated { needed: 2, found: 1 },
        Asn1Error::Length { .. } => Asn1Error::Length { first: 0xff },
        Asn1Error::Depth => Asn1Error::Depth,
        Asn1Error::HighTag { .. } => Asn1Error::HighTag { tag: 0x1f },
        Asn1Error::Unexpected { .. } => Asn1Error::Unexpected { expected: 2, found: 4 },
        Asn1Error::Missing { .. } => Asn1Error::Missing { expected: 2 },
        Asn1Error::Trailing { .. } => Asn1Error::Trailing { octets: 1 },
        Asn1Error::NotDer(_) => Asn1Error::NotDer("x"),
        Asn1Error::Value(_) => Asn1Error::Value("x"),
    )
}

fn pem() -> PemError {
    PemError {
        block: 1,
        reason: text(),
    }
}

fn record() -> RecordError {
    crate::record::Opaque::<1, 2>::new("x", [0; 3]).unwrap_err()
}

fn hashes() -> Vec<HashError> {
    every!(HashError:
        HashError::Sha1 => HashError::Sha1,
        HashError::Sha1Later => HashError::Sha1Later,
        HashError::NotAccepted(_) => HashError::NotAccepted(HashAlgorithm::Sha256),
        HashError::Unknown(_) => HashError::Unknown(text()),
    )
}

fn signatures() -> Vec<SignatureError> {
    every!(SignatureError:
        SignatureError::UnknownAlgorithm(_) => SignatureError::UnknownAlgorithm(text()),
        SignatureError::Parameters(_) => SignatureError::Parameters("x"),
        SignatureError::Hash(_) => HashError::Sha1.into(),
        SignatureError::Key(_) => SignatureError::Key(text()),
        SignatureError::KeyRestricted { .. } => {
            SignatureError::KeyRestricted { allowed: text(), found: text() }
        },
        SignatureError::KeyMismatch { .. } => SignatureError::KeyMismatch { algorithm: "x", key: "y" },
        SignatureError::Encoding(_) => Asn1Error::Depth.into(),
        SignatureError::Invalid => SignatureError::Invalid,
    )
}

fn certificates() -> Vec<CertificateError> {
    let mut all = every!(CertificateError:
        CertificateError::Size(_) => CertificateError::Size(1),
        CertificateError::Pem(_) => pem().into(),
        CertificateError::Malformed(_) => Asn1Error::Depth.into(),
        CertificateError::Part { .. } => CertificateError::Part { part: "x", reason: text() },
        CertificateError::Validity(_) => TimeError::Form(text()).into(),
        CertificateError::AlgorithmsDiffer => CertificateError::AlgorithmsDiffer,
        CertificateError::DuplicateExtension(_) => CertificateError::DuplicateExtension(text()),
    );
    all.extend(asn1().into_iter().map(CertificateError::from));
    all
}

fn paths() -> Vec<PathError> {
    let time = Time::from_unix(0);
    let mut all = every!(PathError:
        PathError::IssuerUnknown { .. } => PathError::IssuerUnknown { issuer: text() },
        PathError::Validity { .. } => PathError::Validity {
            subject: text(), not_before: time, not_after: time, at: time,
        },
        PathError::NotCa { .. } => PathError::NotCa { subject: text() },
        PathError::KeyUsage { .. } => PathError::KeyUsage { subject: text(), usage: "x" },
        PathError::PathLength { .. } => PathError::PathLength { subject: text(), allowed: 0, found: 1 },
        PathError::CriticalExtension { .. } => PathError::CriticalExtension {
            subject: text(), extension: text(),
        },
        PathError::Signature { .. } => PathError::Signature {
            subject: text(), source: SignatureError::Invalid,
        },
        PathError::NameConstraints { .. } => PathError::NameConstraints { subject: text(), name: text() },
        PathError::NameNotComparable { .. } => PathError::NameNotComparable {
            subject: text(), name: text(),
        },
        PathError::Version { .. } => PathError::Version { subject: text(), version: 1 },
        PathError::NoPolicy => PathError::NoPolicy,
        PathError::PolicyMapping => PathError::PolicyMapping,
        PathError::Extension { .. } => PathError::Extension { subject: text(), extension: "x" },
        PathError::Purpose { .. } => PathError::Purpose { subject: text(), purpose: "x" },
        PathError::Limit => PathError::Limit,
    );
    all.extend(signatures().into_iter().map(|source| PathError::Signature {
        subject: text(),
        source,
    }));
    all
}

fn replies() -> Vec<ReplyError> {
    let mut all = every!(ReplyError:
        ReplyError::Malformed(_) => Asn1Error::Depth.into(),
        ReplyError::NotGranted { .. } => ReplyError::NotGranted { status: "x", failure: text() },
        ReplyError::TokenMissing => ReplyError::TokenMissing,
    );
    all.extend(asn1().into_iter().map(ReplyError::from));
    all
}

fn cms() -> Vec<CmsError> {
    let part = "x";
    let mut all = every!(CmsError:
        CmsError::Malformed { .. } => CmsError::Malformed { part, source: Asn1Error::Depth },
        CmsError::NotSignedData(_) => CmsError::NotSignedData(text()),
        CmsError::ContentType(_) => CmsError::ContentType(text()),
        CmsError::NoContent => CmsError::NoContent,
        CmsError::SignerCount(_) => CmsError::SignerCount(2),
        CmsError::NoSignedAttributes => CmsError::NoSignedAttributes,
        CmsError::SignedAttributesNotDer(_) => CmsError::SignedAttributesNotDer(Asn1Error::Depth),
        CmsError::DuplicateAttribute(_) => CmsError::DuplicateAttribute(text()),
        CmsError::AttributeMissing(_) => CmsError::AttributeMissing("x"),
        CmsError::AttributeValues(_) => CmsError::AttributeValues(text()),
    );
    all.extend(
        asn1()
            .into_iter()
            .map(|source| CmsError::Malformed { part, source }),
    );
    all
}

fn infos() -> Vec<TstError> {
    let field = "x";
    let mut all = every!(TstError:
        TstError::Malformed { .. } => TstError::Malformed { field, source: Asn1Error::Depth },
        TstError::Version(_) => TstError::Version(2),
        TstError::ImprintAlgorithm(_) => HashError::Unknown(text()).into(),
        TstError::ImprintLength { .. } => TstError::ImprintLength { name: "x", expected: 32, found: 1 },
        TstError::Field(_) => record().into(),
        TstError::TsaName(_) => TstError::TsaName(text()),
        TstError::CriticalExtension(_) => TstError::CriticalExtension(text()),
    );
    all.extend(
        asn1()
            .into_iter()
            .map(|source| TstError::Malformed { field, source }),
    );
    all
}

fn tokens() -> Vec<TokenError> {
    let (early, late) = (Time::from_unix(0), Time::from_unix(1));
    let outside = |gen_time, not_before| TokenError::GenTimeOutsideCertificate {
        gen_time,
        subject: text(),
        not_before,
        not_after: not_before,
    };
    let subject = text;
    let mut all = every!(TokenError:
        TokenError::Size(_) => TokenError::Size(1),
        TokenError::Pem(_) => pem().into(),
        TokenError::Reply(_) => ReplyError::TokenMissing.into(),
        TokenError::Cms(_) => CmsError::NoContent.into(),
        TokenError::Tst(_) => TstError::Version(2).into(),
        TokenError::Attribute { .. } => TokenError::Attribute { attribute: "x", source: Asn1Error::Depth },
        TokenError::ContentTypeAttribute => TokenError::ContentTypeAttribute,
        TokenError::MessageDigest(_) => TokenError::MessageDigest("x"),
        TokenError::AttributeOrder => TokenError::AttributeOrder,
        TokenError::AlgorithmProtection => TokenError::AlgorithmProtection,
        TokenError::Hash(_) => HashError::Sha1.into(),
        TokenError::SignerUnknown => TokenError::SignerUnknown,
        TokenError::EssMismatch { .. } => TokenError::EssMismatch { attribute: "x", subject: text() },
        TokenError::EssMissing => TokenError::EssMissing,
        TokenError::Signature(_) => SignatureError::Invalid.into(),
        TokenError::ExtendedKeyUsage { .. } => TokenError::ExtendedKeyUsage { subject: subject() },
        TokenError::ExtendedKeyUsageNotCritical { .. } => {
            TokenError::ExtendedKeyUsageNotCritical { subject: subject() }
        },
        TokenError::KeyUsage { .. } => TokenError::KeyUsage { subject: subject() },
        TokenError::TsaName { .. } => TokenError::TsaName { subject: subject() },
        TokenError::GenTimeOutsideCertificate { .. } => outside(early, late),
        TokenError::GenTimeOutsideKeyPeriod { .. } => {
            TokenError::GenTimeOutsideKeyPeriod { gen_time: early, subject: subject() }
        },
        TokenError::Path(_) => PathError::Limit.into(),
        TokenError::Record(_) => record().into(),
    );
    all.push(outside(late, early));
    all.extend(replies().into_iter().map(TokenError::from));
    all.extend(cms().into_iter().map(TokenError::from));
    all.extend(infos().into_iter().map(TokenError::from));
    all.extend(hashes().into_iter().map(TokenError::from));
    all.extend(signatures().into_iter().map(TokenError::from));
    all.extend(paths().into_iter().map(TokenError::from));
    all.extend(asn1().into_iter().map(|source| TokenError::Attribute {
        attribute: "x",
        source,
    }));
    all
}

fn lists() -> Vec<CrlError> {
    let signature = |source| CrlError::Signature {
        issuer: text(),
        source,
    };
    let mut all = every!(CrlError:
        CrlError::Size(_) => CrlError::Size(1),
        CrlError::Pem(_) => pem().into(),
        CrlError::Malformed(_) => Asn1Error::Depth.into(),
        CrlError::ExtensionTwice(_) => CrlError::ExtensionTwice(text()),
        CrlError::Incomplete(_) => CrlError::Incomplete(text()),
        CrlError::Time(_) => TimeError::Form(text()).into(),
        CrlError::IssuerName(_) => CrlError::IssuerName(text()),
        CrlError::AlgorithmsDiffer => CrlError::AlgorithmsDiffer,
        CrlError::Scope(_) => CrlError::Scope("x"),
        CrlError::EntryIssuer { .. } => CrlError::EntryIssuer { issuer: text(), found: 2 },
        CrlError::CriticalExtension(_) => CrlError::CriticalExtension(text()),
        CrlError::IssuerUnknown { .. } => CrlError::IssuerUnknown { issuer: text() },
        CrlError::Signature { .. } => signature(SignatureError::Invalid),
        CrlError::Path(_) => PathError::Limit.into(),
        CrlError::Record(_) => record().into(),
    );
    all.extend(asn1().into_iter().map(CrlError::from));
    all.extend(signatures().into_iter().map(signature));
    all.extend(paths().into_iter().map(CrlError::from));
    all
}

fn responses() -> Vec<OcspError> {
    let subject = text;
    let mut all = every!(OcspError:
        OcspError::Size(_) => OcspError::Size(1),
        OcspError::Pem(_) => pem().into(),
        OcspError::Malformed(_) => Asn1Error::Depth.into(),
        OcspError::Time(_) => TimeError::Form(text()).into(),
        OcspError::NotSuccessful(_) => OcspError::NotSuccessful("x"),
        OcspError::Type(_) => OcspError::Type(text()),
        OcspError::Version(_) => OcspError::Version(2),
        OcspError::CriticalExtension(_) => OcspError::CriticalExtension(text()),
        OcspError::ExtensionTwice(_) => OcspError::ExtensionTwice(text()),
        OcspError::Incomplete(_) => OcspError::Incomplete(text()),
        OcspError::IssuerUnknown => OcspError::IssuerUnknown,
        OcspError::SeveralIssuers => OcspError::SeveralIssuers,
        OcspError::ResponderUnknown { .. } => OcspError::ResponderUnknown { issuer: text() },
        OcspError::ResponderValidity { .. } => {
            OcspError::ResponderValidity { subject: subject(), at: Time::from_unix(0) }
        },
        OcspError::ResponderPurpose { .. } => {
            OcspError::ResponderPurpose { subject: subject(), why: "x" }
        },
        OcspError::ResponderPath(_) => OcspError::ResponderPath(PathError::Limit),
        OcspError::Signature(_) => SignatureError::Invalid.into(),
        OcspError::Path(_) => PathError::Limit.into(),
        OcspError::Record(_) => record().into(),
    );
    all.extend(asn1().into_iter().map(OcspError::from));
    all.extend(signatures().into_iter().map(OcspError::from));
    all.extend(paths().into_iter().map(OcspError::from));
    all.extend(paths().into_iter().map(OcspError::ResponderPath));
    all
}

fn refusals() -> Vec<Refusal> {
    let mut all = every!(Refusal:
        Refusal::Unrecognised(_) => Unrecognised::Unknown.into(),
        Refusal::Token(_) => TokenError::EssMissing.into(),
        Refusal::Certificate(_) => CertificateError::AlgorithmsDiffer.into(),
        Refusal::CertificatePath(_) => Refusal::CertificatePath(PathError::Limit),
        Refusal::IssuerKeyUnknown { .. } => Refusal::IssuerKeyUnknown { subject: text() },
        Refusal::Crl(_) => CrlError::AlgorithmsDiffer.into(),
        Refusal::Ocsp(_) => OcspError::IssuerUnknown.into(),
        Refusal::Record(_) => record().into(),
        Refusal::TooManyRecords { .. } => Refusal::TooManyRecords { found: 2, most: 1 },
    );
    all.extend(tokens().into_iter().map(Refusal::from));
    all.extend(certificates().into_iter().map(Refusal::from));
    all.extend(paths().into_iter().map(Refusal::CertificatePath));
    all.extend(lists().into_iter().map(Refusal::from));
    all.extend(responses().into_iter().map(Refusal::from));
    all
}

/// NAME and what it shows, of the rows of "About the artifact".
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let page = include_str!("../../docs/errors.md");
    let (_, section) = page.split_once("## About the artifact").unwrap();
    let (section, _) = section.split_once("\n# ").unwrap();
    let mut rows = BTreeMap::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let columns: Vec<&str> = row.split(" | ").collect();
        let shows: BTreeSet<String> = columns[1].split(", ").map(str::to_owned).collect();
        for name in columns[0].trim_start_matches("| ").split(", ") {
            let name = name.trim_matches('`').to_owned();
            assert!(rows.insert(name, shows.clone()).is_none(), "{row}");
        }
    }
    rows
}

#[test]
fn the_page_says_of_every_error_what_it_shows() {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for refusal in refusals() {
        let shows = found.entry(refusal.code().to_owned()).or_default();
        shows.insert(refusal.fault().name().to_owned());
    }
    let mut documented = documented();
    // The one code that only a log returns: a record that no entry bundle can hold.
    documented.remove("record-too-large").unwrap();
    assert_eq!(found, documented);
}

/// An artifact that cannot be read, accepted or understood is never shown to be false.
#[test]
fn only_what_no_reader_could_take_is_shown_to_be_of_no_artifact() {
    let damaged = asn1()
        .into_iter()
        .filter(|it| it.fault() == Fault::Format)
        .collect::<Vec<_>>();
    assert!(matches!(damaged.as_slice(), [Asn1Error::Truncated { .. }]));
}

/// A list or response whose CA path fails shows what the certificate of that CA alone would show.
#[test]
fn an_error_inside_of_another_shows_the_same() {
    for error in paths() {
        let alone = Refusal::CertificatePath(error.clone()).fault();
        assert_eq!(
            Refusal::from(TokenError::from(error.clone())).fault(),
            alone
        );
        assert_eq!(Refusal::from(CrlError::from(error.clone())).fault(), alone);
        assert_eq!(Refusal::from(OcspError::from(error)).fault(), alone);
        assert!(
            matches!(
                alone,
                Fault::Chain | Fault::ChainConstraints | Fault::Algorithm
            ),
            "{alone:?}"
        );
    }
}

#[test]
fn an_evidence_record_shows_what_its_token_shows() {
    let at = Position { chain: 1, stamp: 1 };
    let of = |source: TokenError| EvidenceRecordError::Token { at, source }.fault();
    assert_eq!(of(SignatureError::Invalid.into()), Fault::Signature);
    assert_eq!(of(PathError::Limit.into()), Fault::Chain);
    assert_eq!(EvidenceRecordError::Root(at).fault(), Fault::Digest);
    let unlisted = EvidenceRecordError::Unlisted {
        at,
        algorithm: HashAlgorithm::Sha512,
    };
    assert_eq!(unlisted.fault(), Fault::Constraints);
}

#[test]
fn names_are_those_of_the_page_about_verdicts() {
    let page = include_str!("../../docs/verdicts.md");
    for fault in Fault::ALL {
        let row = format!("\n| `{}` | ", fault.name());
        assert_eq!(page.matches(&row).count(), 1, "{row}");
    }
}

fn evidence_records() -> Vec<EvidenceRecordError> {
    let at = Position { chain: 1, stamp: 1 };
    let algorithm = HashAlgorithm::Sha256;
    let time = Time::from_unix(0);
    let mut all = every!(EvidenceRecordError:
        EvidenceRecordError::Size(_) => EvidenceRecordError::Size(1),
        EvidenceRecordError::Malformed(_) => Asn1Error::Depth.into(),
        EvidenceRecordError::Version(_) => EvidenceRecordError::Version(2),
        EvidenceRecordError::Encrypted => EvidenceRecordError::Encrypted,
        EvidenceRecordError::Limit => EvidenceRecordError::Limit,
        EvidenceRecordError::Empty(_) => EvidenceRecordError::Empty("x"),
        EvidenceRecordError::Hash(_) => HashError::Sha1.into(),
        EvidenceRecordError::WeakHash(_) => EvidenceRecordError::WeakHash(at),
        EvidenceRecordError::HashLength { .. } => EvidenceRecordError::HashLength { at, length: 1, algorithm },
        EvidenceRecordError::Unlisted { .. } => EvidenceRecordError::Unlisted { at, algorithm },
        EvidenceRecordError::ChainHash { .. } => {
            EvidenceRecordError::ChainHash { at, found: algorithm, chain: algorithm }
        },
        EvidenceRecordError::ImprintHash { .. } => {
            EvidenceRecordError::ImprintHash { at, found: algorithm, chain: algorithm }
        },
        EvidenceRecordError::NotCovered(_) => EvidenceRecordError::NotCovered(at),
        EvidenceRecordError::NotRenewed(_) => EvidenceRecordError::NotRenewed(at),
        EvidenceRecordError::Root(_) => EvidenceRecordError::Root(at),
        EvidenceRecordError::Token { .. } => {
            EvidenceRecordError::Token { at, source: TokenError::EssMissing }
        },
        EvidenceRecordError::Order { .. } => EvidenceRecordError::Order { at, time, before: time },
        EvidenceRecordError::OtherImprint { .. } => {
            EvidenceRecordError::OtherImprint { algorithm, found: text(), asked: text() }
        },
        EvidenceRecordError::NotStronger { .. } => {
            EvidenceRecordError::NotStronger { before: algorithm, asked: algorithm }
        },
    );
    all.extend(asn1().into_iter().map(EvidenceRecordError::from));
    all.extend(hashes().into_iter().map(EvidenceRecordError::from));
    all.extend(
        tokens()
            .into_iter()
            .map(|source| EvidenceRecordError::Token { at, source }),
    );
    all
}

/// Of what an error is, what it is called, and what it shows: the columns of
/// `testdata/verdicts/errors.tsv`.
fn every_error() -> BTreeSet<[String; 3]> {
    fn row(of: &str, code: &str, fault: Fault) -> [String; 3] {
        [of, code, fault.name()].map(str::to_owned)
    }
    let token = |error: TokenError| row("token", error.code(), error.fault());
    let list = |error: CrlError| {
        let of = match error {
            CrlError::Path(_) | CrlError::Signature { .. } | CrlError::IssuerUnknown { .. } => {
                "signer of a list"
            }
            _ => "list",
        };
        row(of, error.code(), error.fault())
    };
    let response = |error: OcspError| {
        let of = match error {
            OcspError::Path(_)
            | OcspError::Signature(_)
            | OcspError::ResponderPath(_)
            | OcspError::ResponderPurpose { .. }
            | OcspError::ResponderUnknown { .. }
            | OcspError::ResponderValidity { .. } => "responder",
            _ => "response",
        };
        row(of, error.code(), error.fault())
    };
    let certificate = |error: Refusal| row("certificate", error.code(), error.fault());
    let record = |error: EvidenceRecordError| row("evidence record", error.code(), error.fault());
    let certificates = certificates().into_iter().map(Refusal::from);
    let paths = paths().into_iter().map(Refusal::CertificatePath);
    let unknown = Refusal::IssuerKeyUnknown { subject: text() };
    tokens()
        .into_iter()
        .map(token)
        .chain(lists().into_iter().map(list))
        .chain(responses().into_iter().map(response))
        .chain(certificates.chain(paths).chain([unknown]).map(certificate))
        .chain(evidence_records().into_iter().map(record))
        .chain([row(
            "anything",
            "artifact-unrecognised",
            Refusal::from(Unrecognised::Unknown).fault(),
        )])
        .collect()
}

/// `ISHIBUMI_BLESS=1` writes the table anew; `docs/verdict-table.tsv` is made of it, and the
/// difference is a change of verdicts.
#[test]
fn the_golden_table_has_every_error() {
    let rows = every_error();
    let text: String = rows.iter().map(|row| row.join("\t") + "\n").collect();
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testdata/verdicts/errors.tsv"
    );
    if std::env::var_os("ISHIBUMI_BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), text);
}
