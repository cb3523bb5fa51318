//! Many time-stamp tokens at once: one row per token, and how many ended with each status.
//!
//! A [`Row`] is made from a [`Report`], which only the verifier makes, or says why there is none.
//! Everything that a row says of a token (TSU, serial, imprint) was verified; unverified claims are
//! not in it.

mod accredited;
mod period;

pub use accredited::{Accreditation, AccreditedList, AccreditedListError};
pub use period::{Period, PeriodError, Zone, instant};

use ishibumi_artifact::TimestampToken;
use ishibumi_artifact::time::Time;

use ishibumi::verify::{
    CertificateFacts, Facts, Indication, Outcome, Report, RevocationRule, Step, SubIndication,
};

/// How one file, or one artifact in an evidence file, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// TOTAL-PASSED.
    Proven,
    /// TOTAL-FAILED.
    Disproven,
    /// INDETERMINATE, or there is no proof.
    Indeterminate,
    /// It could not be read, so nothing is known about it.
    Unreadable,
    /// Its genTime is outside of the period. It was not verified.
    OutOfPeriod,
}

impl From<Indication> for Status {
    fn from(indication: Indication) -> Self {
        match indication {
            Indication::TotalPassed => Self::Proven,
            Indication::TotalFailed => Self::Disproven,
            Indication::Indeterminate => Self::Indeterminate,
        }
    }
}

impl Status {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 5] = [
        Self::Proven,
        Self::Disproven,
        Self::Indeterminate,
        Self::Unreadable,
        Self::OutOfPeriod,
    ];

    /// Stable name in CSV and JSON, kebab-case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Disproven => "disproven",
            Self::Indeterminate => "indeterminate",
            Self::Unreadable => "unreadable",
            Self::OutOfPeriod => "out-of-period",
        }
    }

    /// Whether a person has to look at the row.
    pub const fn is_failure(self) -> bool {
        matches!(
            self,
            Self::Disproven | Self::Indeterminate | Self::Unreadable
        )
    }
}

/// What became of comparing a document with the imprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The document is the one that was stamped.
    Same,
    /// It is not.
    Differs,
    /// There was none, or it was not reached.
    Not,
}

impl Compared {
    /// Stable name in CSV and JSON, kebab-case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::Not => "not-compared",
        }
    }
}

/// The verified statement of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped {
    /// genTime: when the TSU says that it stamped.
    pub gen_time: Time,
    /// serialNumber: contents octets of the INTEGER.
    pub serial: Vec<u8>,
    /// Hash algorithm of the imprint.
    pub imprint_algorithm: &'static str,
    /// The imprint.
    pub imprint: Vec<u8>,
    /// The TSU's certificate.
    pub tsu: Box<CertificateFacts>,
    /// What the caller's list says about the TSU at genTime.
    pub accreditation: Accreditation,
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Path below the folder, with `/`; an artifact in an evidence file has `FILE!NAME`.
    pub file: String,
    /// How it ended.
    pub status: Status,
    /// Why it is not proven, as a sub-indication of EN 319 102-1.
    pub sub_indication: Option<SubIndication>,
    /// What the token says, if that was verified.
    pub stamped: Option<Stamped>,
    /// The earliest time before which it is proven to have existed.
    pub proven_time: Option<Time>,
    /// The document's name, and what comparing it showed.
    pub document: (Option<String>, Compared),
    /// Why it is not proven.
    pub why: Why,
}

/// Why a row is not proven. `render` turns it into text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is.
    Proven,
    /// The verifier's report.
    Report(Box<Report>),
    /// Its document was not compared, and that is required.
    NoDocument,
    /// Why it could not be verified, in English.
    Said(String),
}

impl Row {
    /// The file that could not be read, and why.
    pub fn unreadable(file: String, why: String) -> Self {
        Self::bare(file, Status::Unreadable, None, why)
    }

    /// A row with nothing but a status and a reason.
    pub fn bare(
        file: String,
        status: Status,
        sub_indication: Option<SubIndication>,
        why: String,
    ) -> Self {
        Self {
            file,
            status,
            sub_indication,
            stamped: None,
            proven_time: None,
            document: (None, Compared::Not),
            why: Why::Said(why),
        }
    }

    /// The row of a verified token.
    pub fn of(
        file: String,
        document: Option<String>,
        report: Report,
        accredited: &AccreditedList,
    ) -> Self {
        let status = Status::from(report.indication());
        let compared = match report.outcome(Step::Document) {
            Some(Outcome::Passed) => Compared::Same,
            Some(Outcome::Failed(_)) => Compared::Differs,
            _ => Compared::Not,
        };
        Self {
            file,
            status,
            sub_indication: report.sub_indication(),
            stamped: report.facts().and_then(|it| stamped(it, accredited)),
            proven_time: report.existence().map(|existence| existence.not_after),
            document: (document, compared),
            why: if status == Status::Proven {
                Why::Proven
            } else {
                Why::Report(Box::new(report))
            },
        }
    }
}

impl Row {
    /// Turns a row that is proven, but without a compared document, into one that is not.
    pub fn demand_document(&mut self) {
        if self.status == Status::Proven && self.lacks_document() {
            self.status = Status::Indeterminate;
            self.sub_indication = Some(SubIndication::SignedDataNotFound);
            self.why = Why::NoDocument;
        }
    }

    /// Whether the token is proven, and no document was compared with it.
    pub fn lacks_document(&self) -> bool {
        let only_that = self.status == Status::Proven
            || self.sub_indication == Some(SubIndication::SignedDataNotFound);
        only_that && self.stamped.is_some() && self.document.1 == Compared::Not
    }
}

fn stamped(facts: &Facts, accredited: &AccreditedList) -> Option<Stamped> {
    let Facts::Token {
        gen_time,
        serial,
        imprint_algorithm,
        imprint,
        tsu,
        ..
    } = facts
    else {
        return None;
    };
    Some(Stamped {
        gen_time: *gen_time,
        serial: serial.clone(),
        imprint_algorithm,
        imprint: imprint.clone(),
        accreditation: accredited.says(&tsu.digest, *gen_time),
        tsu: tsu.clone(),
    })
}

/// The genTime that a token claims; `None` if it is no token. It decides what is verified, and is
/// never shown.
pub fn claimed_time(artifact: &[u8]) -> Option<Time> {
    let token = TimestampToken::parse(artifact).ok()?;
    Some(token.gen_time())
}

/// The number of rows with each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    counts: [usize; Status::ALL.len()],
    not_compared: usize,
}

impl Summary {
    /// Counts `rows`.
    pub fn of(rows: &[Row]) -> Self {
        let count = |status: Status| rows.iter().filter(|row| row.status == status).count();
        Self {
            counts: Status::ALL.map(count),
            not_compared: rows.iter().filter(|row| row.lacks_document()).count(),
        }
    }

    /// The number of rows with this status.
    pub fn count(&self, status: Status) -> usize {
        let mut all = Status::ALL.iter().zip(self.counts);
        all.find(|(known, _)| **known == status)
            .map_or(0, |(_, count)| count)
    }

    /// Number of rows whose token is proven, and whose document was not compared: among the proven,
    /// or among the indeterminate if documents were required.
    pub const fn not_compared(&self) -> usize {
        self.not_compared
    }

    /// The rows.
    pub fn total(&self) -> usize {
        self.counts.iter().sum()
    }
}

/// A whole run: its terms and its rows.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The folder, as the caller calls it.
    pub folder: String,
    /// The genTimes that were asked for.
    pub period: Period,
    /// The time of verification, by this machine's clock.
    pub verified_at: Time,
    /// SHA-256 of the policy file, hex.
    pub policy_digest: String,
    /// SHA-256 of each trusted certificate, hex, sorted.
    pub anchors: Vec<String>,
    /// SHA-256 of the list of accredited TSUs, hex, if there was one.
    pub accredited_digest: Option<String>,
    /// Whether a token without its document does not suffice.
    pub require_document: bool,
    /// Whether validity was judged without knowing about revocation.
    pub revocation: RevocationRule,
    /// By file.
    pub rows: Vec<Row>,
}

impl Batch {
    /// The number of rows with each status.
    pub fn summary(&self) -> Summary {
        Summary::of(&self.rows)
    }

    /// The rows that a person has to look at.
    pub fn failures(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.status.is_failure())
    }
}
