//! From a certificate to an anchor: the path of RFC 5280 section 6, as of a given time.
//!
//! A path is looked for through the known certificates and those that came with the artifact, depth
//! first, the likeliest issuer first (`crate::issuers`). Its depth is bounded, and so is the work
//! of all searches for one artifact together (`crate::work`), so that a bag of look-alike
//! certificates costs a bounded amount. An exhausted budget is no finding: the verdict is then that
//! the question cannot be decided.
//!
//! Checked at every link: name chaining, signature, validity at the given time, CA and pathLen,
//! keyCertSign, no critical extension that is not understood; and over the whole path, name
//! constraints and policies. A path that fails is not the end: the search goes on, so that one bad
//! cross-certificate cannot hide a good chain. Not here: revocation (a caller with revocation data
//! decides by it, see `status` and `revocation`).

use std::collections::HashMap;
use std::sync::Arc;

use const_oid::ObjectIdentifier;
use thiserror::Error;

pub use crate::anchors::Anchors;
use crate::certificate::{Certificate, Flaw};
use crate::issuers::candidates;
pub(crate) use crate::issuers::is_name_of;
use crate::name_constraints::{self, Violation};
use crate::oid;
use crate::policy::{self, PolicyRules, PolicyViolation};
use crate::rules::Primitive;
use crate::signature::SignatureError;
use crate::time::Time;
pub use crate::work::SIGNATURES_MAX;
use crate::work::{Exhausted, Work};

/// Longest path, in certificates, end certificate and anchor included.
pub const PATH_LENGTH_MAX: usize = 8;

/// Units of work that it costs to look at one certificate of the right name: its key's hash,
/// mostly.
const CANDIDATE: usize = 100;

/// Names that are passed over for one unit of work, since they differ in length or at once.
const NAMES_A_UNIT: usize = 8;

/// Why no path was found: the reason of the search that came closest to an anchor.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathError {
    /// No known certificate could be the issuer's.
    #[error(
        "no anchor and no known certificate has the name of the issuer, `{issuer}`; is it registered?"
    )]
    IssuerUnknown {
        /// The issuer's name.
        issuer: String,
    },
    /// The certificate is not valid at the time in question.
    #[error("certificate `{subject}` is valid from {not_before} to {not_after}, not at {at}")]
    Validity {
        /// Subject of the certificate, as an RFC 4514 string.
        subject: String,
        /// Start.
        not_before: Time,
        /// End.
        not_after: Time,
        /// Time in question.
        at: Time,
    },
    /// It issues without being a CA.
    #[error("certificate `{subject}` is not a CA certificate, yet it would have to be the issuer")]
    NotCa {
        /// Subject of the certificate, as an RFC 4514 string.
        subject: String,
    },
    /// Its keyUsage does not allow signing certificates.
    #[error("keyUsage of `{subject}` lacks {usage}")]
    KeyUsage {
        /// Subject of the certificate, as an RFC 4514 string.
        subject: String,
        /// Name of the missing keyUsage.
        usage: &'static str,
    },
    /// More CAs below it than it allows.
    #[error("`{subject}` allows {allowed} CA certificates below it, there are {found}")]
    PathLength {
        /// Subject of the certificate, as an RFC 4514 string.
        subject: String,
        /// pathLenConstraint.
        allowed: u8,
        /// Number of CA certificates below it that are not self-issued.
        found: usize,
    },
    /// A critical extension that is not understood.
    #[error(
        "certificate `{subject}` has the critical extension {extension}, which is not understood here"
    )]
    CriticalExtension {
        /// Subject of the certificate, as an RFC 4514 string.
        subject: String,
        /// OID.
        extension: String,
    },
    /// The issuer's key did not make this signature.
    #[error("certificate `{subject}`: {source}")]
    Signature {
        /// Subject of the certificate, as an RFC 4514 string.
        subject: String,
        /// Why the signature is not accepted.
        source: SignatureError,
    },
    /// A name that a CA above it does not allow.
    #[error("certificate `{subject}` may not issue for {name} (nameConstraints)")]
    NameConstraints {
        /// Subject of the CA whose constraints are violated, RFC 4514.
        subject: String,
        /// The name.
        name: String,
    },
    /// A name that cannot be compared with a constraint of a CA above it.
    #[error(
        "nameConstraints of `{subject}` cannot be compared with the name {name}: the one or the other is of a form that is not processed, or not written as its form asks"
    )]
    NameNotComparable {
        /// The CA that has the constraints.
        subject: String,
        /// The name.
        name: String,
    },
    /// It has fields that its version does not have.
    #[error(
        "certificate `{subject}` is of version {version} and has extensions or identifiers of a later one (RFC 5280 4.1.2.8, 4.1.2.9)"
    )]
    Version {
        /// Subject of the certificate, as an RFC 4514 string.
        subject: String,
        /// Version that it states, from 1.
        version: u32,
    },
    /// No policy is left where the caller or a certificate demands one.
    #[error("no certificate policy is valid along the path, and one is demanded (RFC 5280 6.1)")]
    NoPolicy,
    /// A CA maps anyPolicy (RFC 5280 6.1.4 (a)).
    #[error("a policyMappings extension of the path maps anyPolicy")]
    PolicyMapping,
    /// An extension that decides about the path cannot be read.
    #[error("certificate `{subject}`: {extension} cannot be read")]
    Extension {
        /// Subject of the certificate, as an RFC 4514 string.
        subject: String,
        /// Name of the extension.
        extension: &'static str,
    },
    /// A CA that is restricted to other purposes.
    #[error("extendedKeyUsage of the CA `{subject}` does not allow {purpose}")]
    Purpose {
        /// Subject of the certificate, as an RFC 4514 string.
        subject: String,
        /// The purpose for which the CA may not issue.
        purpose: &'static str,
    },
    /// A limit of the search was reached.
    #[error(
        "the search for a path reached its limit ({PATH_LENGTH_MAX} certificates, or the work of {SIGNATURES_MAX} signatures)"
    )]
    Limit,
}

impl PathError {
    /// Stable code, kebab-case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::IssuerUnknown { .. } => "issuer-unregistered",
            Self::Validity { .. } => "certificate-not-valid-then",
            Self::NotCa { .. } => "issuer-not-ca",
            Self::KeyUsage { .. } => "issuer-key-usage",
            Self::PathLength { .. } => "path-length-exceeded",
            Self::CriticalExtension { .. } => "critical-extension-unknown",
            Self::Signature { .. } => "certificate-signature-invalid",
            Self::NameConstraints { .. } => "name-constraints-violated",
            Self::NameNotComparable { .. } => "name-constraints-unprocessable",
            Self::Version { .. } => "certificate-version",
            Self::NoPolicy => "no-valid-policy",
            Self::PolicyMapping => "policy-mapping-of-any",
            Self::Extension { .. } => "certificate-extension-malformed",
            Self::Purpose { .. } => "issuer-purpose",
            Self::Limit => "path-search-limit",
        }
    }
}

/// The time at which certificates have to be valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Validity {
    /// All of them, at this time (shell model).
    At(Time),
    /// Validity is not asked for: a historical list stays a statement of its issuer.
    NotAsked,
}

/// Demands on a path beyond those of RFC 5280.
#[derive(Clone, Debug)]
pub(crate) struct PathRules<'a> {
    pub(crate) validity: Validity,
    /// A purpose that every CA below the anchor must allow if it restricts purposes at all.
    pub(crate) purpose: Option<(ObjectIdentifier, &'static str)>,
    pub(crate) policies: &'a PolicyRules,
}

impl PathRules<'_> {
    /// Rules without a purpose or a policy.
    pub(crate) const fn plain(validity: Validity) -> Self {
        const NONE: &PolicyRules = &PolicyRules {
            acceptable: Vec::new(),
            require_explicit: false,
            inhibit_mapping: false,
            inhibit_any: false,
        };
        Self {
            validity,
            purpose: None,
            policies: NONE,
        }
    }
}

/// A path that was found: end certificate first, anchor last; one certificate if it is the anchor.
#[derive(Clone, Debug)]
pub struct Path {
    certificates: Vec<Arc<Certificate>>,
}

impl Path {
    /// Looks for a path from `end` through `others` and the certificates that `anchors` knows, with
    /// every certificate valid `at` this time, or at no particular one, and with policies as asked.
    ///
    /// # Errors
    /// [`PathError`]: why the path that came furthest is none; [`PathError::Limit`] if the work did
    /// not suffice to search.
    pub fn find(
        end: &Arc<Certificate>,
        others: &[Arc<Certificate>],
        anchors: &Anchors,
        at: Option<Time>,
        policies: &PolicyRules,
    ) -> Result<Self, PathError> {
        let validity = at.map_or(Validity::NotAsked, Validity::At);
        let rules = PathRules {
            policies,
            ..PathRules::plain(validity)
        };
        find_path(end, others, anchors, &rules, &mut Work::new())
    }

    /// The certificates, end certificate first, anchor last.
    pub fn certificates(&self) -> &[Arc<Certificate>] {
        &self.certificates
    }

    /// Every algorithm that the signatures on the certificates below the anchor rest on.
    pub(crate) fn primitives(&self) -> Result<Vec<Primitive>, SignatureError> {
        let mut all = Vec::new();
        for pair in self.certificates.windows(2) {
            if let [certificate, issuer] = pair {
                all.extend(certificate.primitives(issuer)?);
            }
        }
        Ok(all)
    }
}

/// Looks for a path from `end`; `carried` are certificates that came with the artifact, and `work`
/// pays.
pub(crate) fn find_path(
    end: &Arc<Certificate>,
    carried: &[Arc<Certificate>],
    anchors: &Anchors,
    rules: &PathRules<'_>,
    work: &mut Work,
) -> Result<Path, PathError> {
    if let Some(fault) = fault_of(end, rules.validity, anchors) {
        return Err(fault.of(end));
    }
    let mut search = Search {
        carried,
        anchors,
        rules,
        work,
        refused: HashMap::new(),
        path: vec![end.clone()],
        reason: None,
    };
    match search.extend() {
        Ok(true) => Ok(Path {
            certificates: search.path,
        }),
        Ok(false) => Err(search.reason.map_or_else(
            || PathError::IssuerUnknown {
                issuer: end.issuer(),
            },
            |(_, reason)| reason,
        )),
        Err(Exhausted) => Err(PathError::Limit),
    }
}

/// How far a path had come when it failed: the reason of a whole path says more than that of an
/// incomplete one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    Certificates(usize),
    TooLong,
    Whole,
}

struct Search<'a> {
    carried: &'a [Arc<Certificate>],
    anchors: &'a Anchors,
    rules: &'a PathRules<'a>,
    work: &'a mut Work,
    /// Signatures that were tried in vain, by certificate and issuer: a mesh of CAs leads to each
    /// many times.
    refused: HashMap<[[u8; 32]; 2], SignatureError>,
    path: Vec<Arc<Certificate>>,
    reason: Option<(Progress, PathError)>,
}

impl Search<'_> {
    /// Extends the path to an anchor; on failure the path is as it was.
    fn extend(&mut self) -> Result<bool, Exhausted> {
        let Some(last) = self.path.last().cloned() else {
            return Ok(false);
        };
        let anchors = self.anchors;
        if anchors.is_anchor(&last) {
            return match check_whole(&self.path, self.rules, self.work) {
                Ok(()) => Ok(true),
                Err(PathError::Limit) => Err(Exhausted),
                Err(reason) => {
                    self.note(Progress::Whole, || reason);
                    Ok(false)
                }
            };
        }
        if self.path.len() >= PATH_LENGTH_MAX {
            self.note(Progress::TooLong, || PathError::Limit);
            return Ok(false);
        }
        let progress = Progress::Certificates(self.path.len());
        let at = match self.rules.validity {
            Validity::At(at) => at,
            Validity::NotAsked => last.not_before(),
        };
        let carried = self.carried;
        let count = anchors.anchors().len() + anchors.intermediates().len() + carried.len();
        self.work.spend(count.div_ceil(NAMES_A_UNIT))?;
        let known = anchors.known().chain(carried);
        for candidate in candidates(&last, known, at, |issuer| anchors.is_anchor(issuer)) {
            self.work.spend(CANDIDATE)?;
            if self.leads_back(candidate) {
                // The anchor of a CA that is in the path already: why the path could not end there
                // says more than that no issuer is known.
                let fault = self.link_fault(candidate);
                if let Some(fault) = fault.filter(|_| anchors.is_anchor(candidate)) {
                    self.note(progress, || fault.of(candidate));
                }
                continue;
            }
            if let Some(fault) = self.link_fault(candidate) {
                self.note(progress, || fault.of(candidate));
                continue;
            }
            if let Err(source) = self.verify_link(&last, candidate)? {
                let subject = || last.subject();
                self.note(progress, || PathError::Signature {
                    subject: subject(),
                    source,
                });
                continue;
            }
            self.path.push(candidate.clone());
            if self.extend()? {
                return Ok(true);
            }
            self.path.pop();
        }
        self.note(progress, || PathError::IssuerUnknown {
            issuer: last.issuer(),
        });
        Ok(false)
    }

    /// Keeps the reason that came closest to an anchor; of several, that about the likeliest
    /// issuer.
    fn note(&mut self, progress: Progress, reason: impl FnOnce() -> PathError) {
        if self
            .reason
            .as_ref()
            .is_none_or(|(best, _)| progress > *best)
        {
            self.reason = Some((progress, reason()));
        }
    }

    /// Whether the path leads in a circle: the same certificate, or a CA of the same name and key,
    /// behind which nothing new can be found (RFC 4158 2.4.2). The end certificate may be an older
    /// one of its own issuer.
    fn leads_back(&self, candidate: &Certificate) -> bool {
        let mut used = self.path.iter().enumerate();
        used.any(|(place, used)| {
            used.digest() == candidate.digest()
                || place > 0
                    && used.subject_public_key_info() == candidate.subject_public_key_info()
                    && used.subject_name() == candidate.subject_name()
        })
    }

    /// Why `issuer` cannot stand above the path, apart from its key.
    fn link_fault(&self, issuer: &Certificate) -> Option<Fault> {
        let facts = issuer.facts();
        let fault = fault_of(issuer, self.rules.validity, self.anchors);
        if fault.is_some() {
            return fault;
        }
        if !self.anchors.is_ca(issuer) {
            return Some(Fault::NotCa);
        }
        if facts.key_usage.is_some_and(|usage| !usage.key_cert_sign()) {
            return Some(Fault::KeyUsage);
        }
        let cas = self.path.iter().skip(1);
        let found = cas.filter(|ca| !ca.is_self_issued()).count();
        let allowed = facts.path_length.filter(|most| found > usize::from(*most));
        allowed.map(|allowed| Fault::PathLength { allowed, found })
    }

    fn verify_link(
        &mut self,
        last: &Certificate,
        issuer: &Certificate,
    ) -> Result<Result<(), SignatureError>, Exhausted> {
        let pair = [last.digest(), issuer.digest()];
        if let Some(error) = self.refused.get(&pair) {
            return Ok(Err(error.clone()));
        }
        let verified = self.anchors.verify_link_within(last, issuer, self.work)?;
        if let Err(error) = &verified {
            self.refused.insert(pair, error.clone());
        }
        Ok(verified)
    }
}

/// Checks that need the whole path. An anchor is a name and a key: constraints in its own
/// certificate do not bind its owner, but are honoured where it states them.
fn check_whole(
    path: &[Arc<Certificate>],
    rules: &PathRules<'_>,
    work: &mut Work,
) -> Result<(), PathError> {
    let below_anchor = path.split_last().map_or(&[][..], |(_, below)| below);
    if let Some((purpose, name)) = &rules.purpose {
        for ca in below_anchor.iter().skip(1) {
            let allowed = &ca.facts().extended_key_usage;
            let is_allowed = allowed.is_empty()
                || allowed.contains(purpose)
                || allowed.contains(&oid::ANY_EXTENDED_KEY_USAGE);
            if !is_allowed {
                return Err(PathError::Purpose {
                    subject: ca.subject(),
                    purpose: name,
                });
            }
        }
    }
    for (index, ca) in path.iter().enumerate().skip(1) {
        let below: Vec<&Certificate> = path
            .iter()
            .take(index)
            .enumerate()
            .filter(|(place, certificate)| *place == 0 || !certificate.is_self_issued())
            .map(|(_, certificate)| certificate.as_ref())
            .collect();
        name_constraints::check(ca, &below, work).map_err(|violation| match violation {
            Violation::Exhausted => PathError::Limit,
            Violation::Open(name) => PathError::NameNotComparable {
                subject: ca.subject(),
                name,
            },
            Violation::Unreadable => PathError::Extension {
                subject: ca.subject(),
                extension: "nameConstraints, or a name to be compared with it,",
            },
            Violation::Name(name) => PathError::NameConstraints {
                subject: ca.subject(),
                name,
            },
        })?;
    }
    let downwards: Vec<&Certificate> = below_anchor.iter().rev().map(Arc::as_ref).collect();
    policy::check(&downwards, rules.policies, work).map_err(|violation| match violation {
        PolicyViolation::Unreadable { subject, extension } => {
            PathError::Extension { subject, extension }
        }
        PolicyViolation::Qualifier { subject, kind } => PathError::CriticalExtension {
            subject,
            extension: format!(
                "{} with a policy qualifier {kind}",
                oid::CERTIFICATE_POLICIES
            ),
        },
        PolicyViolation::MapsAny => PathError::PolicyMapping,
        PolicyViolation::NoneLeft => PathError::NoPolicy,
        PolicyViolation::Exhausted => PathError::Limit,
    })
}

/// Why a certificate cannot be in a path.
#[derive(Clone, Debug)]
enum Fault {
    Validity(Time),
    Flaw(Flaw),
    NotCa,
    KeyUsage,
    PathLength { allowed: u8, found: usize },
}

impl Fault {
    fn of(self, certificate: &Certificate) -> PathError {
        let subject = certificate.subject();
        match self {
            Self::Validity(at) => PathError::Validity {
                subject,
                not_before: certificate.not_before(),
                not_after: certificate.not_after(),
                at,
            },
            Self::Flaw(Flaw::UnknownCritical(extension)) => {
                PathError::CriticalExtension { subject, extension }
            }
            Self::Flaw(Flaw::Unreadable(extension)) => PathError::Extension { subject, extension },
            Self::Flaw(Flaw::Version) => PathError::Version {
                subject,
                version: certificate.version(),
            },
            Self::NotCa => PathError::NotCa { subject },
            Self::KeyUsage => PathError::KeyUsage {
                subject,
                usage: "keyCertSign",
            },
            Self::PathLength { allowed, found } => PathError::PathLength {
                subject,
                allowed,
                found,
            },
        }
    }
}

/// Refuses a certificate that is trusted by itself and has a critical extension that is not
/// understood, or a restriction that cannot be read.
pub(crate) fn check_fields(trusted: &Certificate) -> Result<(), PathError> {
    let flaw = flaw_of(trusted, true);
    flaw.map_or(Ok(()), |flaw| Err(Fault::Flaw(flaw).of(trusted)))
}

/// What is wrong with a certificate at any position of the path.
fn fault_of(certificate: &Certificate, validity: Validity, anchors: &Anchors) -> Option<Fault> {
    match validity {
        Validity::At(at) if !(certificate.not_before()..=certificate.not_after()).contains(&at) => {
            Some(Fault::Validity(at))
        }
        _ => flaw_of(certificate, anchors.is_anchor(certificate)).map(Fault::Flaw),
    }
}

/// An anchor is a name and a key, and may be of any version.
fn flaw_of(certificate: &Certificate, is_trusted: bool) -> Option<Flaw> {
    let flaw = certificate.facts().flaw.clone();
    flaw.filter(|flaw| *flaw != Flaw::Version || !is_trusted)
}
