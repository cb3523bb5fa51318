//! From a certificate to an anchor: the path of RFC 5280 section 6, as of a given time.
//!
//! Anchors are certificates that the caller trusts; intermediates are certificates that it knows,
//! such as those registered with a provider, and vouch for nothing. A path is looked for through
//! intermediates and whatever certificates came with the artifact, depth first, with bounds on depth
//! and on signatures tried, so that a bag of look-alike certificates costs a bounded amount.
//!
//! Checked at every link: name chaining, signature, validity at the given time, CA and pathLen,
//! keyCertSign, no critical extension that is not understood; and over the whole path, name
//! constraints and policies. A path that fails is not the end: the search goes on, so that one bad
//! cross-certificate cannot hide a good chain. Not here: revocation (a caller with revocation data
//! decides by it, see `status` and `revocation`).

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use const_oid::ObjectIdentifier;
use thiserror::Error;

use crate::certificate::{Certificate, Flaw};
use crate::hash::sha256;
use crate::name_constraints::{self, Violation};
use crate::oid;
use crate::policy::{self, PolicyRules, PolicyViolation};
use crate::rules::{AlgorithmEnds, AlgorithmRules, Ended, Primitive, Weak};
use crate::signature::SignatureError;
use crate::time::Time;

/// Longest path, end certificate and anchor included.
pub const PATH_LENGTH_MAX: usize = 8;

/// Signatures tried in one search.
pub const SIGNATURES_TRIED_MAX: usize = 32;

/// Why no path was found; the reason that came closest to an anchor.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathError {
    /// Nobody who could have signed it is known.
    #[error(
        "no anchor and no known certificate has the name of the issuer, `{issuer}`; is it registered?"
    )]
    IssuerUnknown {
        /// The issuer's name.
        issuer: String,
    },
    /// Not valid at the time in question.
    #[error("certificate `{subject}` is valid from {not_before} to {not_after}, not at {at}")]
    Validity {
        /// Whose.
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
        /// Whose.
        subject: String,
    },
    /// Its keyUsage does not allow signing certificates.
    #[error("keyUsage of `{subject}` lacks {usage}")]
    KeyUsage {
        /// Whose.
        subject: String,
        /// What is missing.
        usage: &'static str,
    },
    /// More CAs below it than it allows.
    #[error("`{subject}` allows {allowed} CA certificates below it, there are {found}")]
    PathLength {
        /// Whose.
        subject: String,
        /// pathLenConstraint.
        allowed: u8,
        /// CA certificates below it that are not self-issued.
        found: usize,
    },
    /// A critical extension that is not understood.
    #[error(
        "certificate `{subject}` has the critical extension {extension}, which is not understood here"
    )]
    CriticalExtension {
        /// Whose.
        subject: String,
        /// OID.
        extension: String,
    },
    /// The issuer's key did not make this signature.
    #[error("certificate `{subject}`: {source}")]
    Signature {
        /// Whose.
        subject: String,
        /// Why.
        source: SignatureError,
    },
    /// A name that a CA above it does not allow.
    #[error("certificate `{subject}` may not issue for {name} (nameConstraints)")]
    NameConstraints {
        /// The CA whose constraints are violated.
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
        /// Whose.
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
        /// Whose.
        subject: String,
        /// Which.
        extension: &'static str,
    },
    /// A CA that is restricted to other purposes.
    #[error("extendedKeyUsage of the CA `{subject}` does not allow {purpose}")]
    Purpose {
        /// Whose.
        subject: String,
        /// What it issues for.
        purpose: &'static str,
    },
    /// A limit of the search was reached.
    #[error(
        "the search for a path reached its limit ({PATH_LENGTH_MAX} certificates, {SIGNATURES_TRIED_MAX} signatures)"
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

/// What a caller trusts and knows: an immutable snapshot, cheap to share behind an `Arc`.
#[derive(Debug, Default)]
pub struct Anchors {
    trusted: Vec<Arc<Certificate>>,
    intermediates: Vec<Arc<Certificate>>,
    weak: Weak,
    ends: AlgorithmEnds,
    /// When whatever is judged is proven to have been there; none where nothing ends.
    existed: Option<Time>,
    memo: Option<Memo>,
}

/// A copy remembers nothing of what the first had verified.
impl Clone for Anchors {
    fn clone(&self) -> Self {
        let memo = self.memo.as_ref();
        Self {
            trusted: self.trusted.clone(),
            intermediates: self.intermediates.clone(),
            weak: self.weak,
            ends: self.ends.clone(),
            existed: self.existed,
            memo: memo.map(|memo| Memo {
                capacity: memo.capacity,
                verified: Mutex::default(),
            }),
        }
    }
}

impl Anchors {
    /// Trusts these certificates: CAs, or TSU certificates directly.
    pub fn from_certificates(certificates: impl IntoIterator<Item = Certificate>) -> Self {
        Self {
            trusted: certificates.into_iter().map(Arc::new).collect(),
            ..Self::default()
        }
    }

    /// Adds certificates that are known without being trusted.
    #[must_use]
    pub fn with_intermediates(
        mut self,
        certificates: impl IntoIterator<Item = Certificate>,
    ) -> Self {
        self.intermediates
            .extend(certificates.into_iter().map(Arc::new));
        self
    }

    /// Remembers up to `capacity` (certificate, issuer key) pairs whose signature was right, 32
    /// octets each, so that a TSU's chain is not verified anew for each of its tokens.
    #[must_use]
    pub fn with_memo(mut self, capacity: usize) -> Self {
        self.memo = Some(Memo {
            capacity,
            verified: Mutex::default(),
        });
        self
    }

    /// Judges algorithms by these dated rules.
    #[must_use]
    pub fn with_algorithm_rules(mut self, rules: AlgorithmRules) -> Self {
        self.weak = rules.weak();
        // What was remembered was judged by other rules.
        self.memo = self.memo.map(|memo| Memo {
            capacity: memo.capacity,
            verified: Mutex::default(),
        });
        self
    }

    /// Judges what existed at `existed` by these ends of algorithms: the time of verification, or an earlier
    /// one that a renewal proves. They are checked by whoever asks ([`Self::check_algorithms`]), once it is
    /// known when an artifact existed; parsing and admission do not.
    #[must_use]
    pub fn with_algorithm_ends(mut self, ends: AlgorithmEnds, existed: Time) -> Self {
        self.ends = ends;
        self.existed = Some(existed);
        self
    }

    /// Whether there are rules by which algorithms end.
    pub fn has_algorithm_ends(&self) -> bool {
        !self.ends.is_empty()
    }

    /// Whether this algorithm had ended by the time at which all is proven to have been there.
    pub fn had_ended(&self, primitive: Primitive) -> bool {
        self.check_algorithms(&[primitive], None).is_err()
    }

    /// Whether algorithms counted when what they made existed: by `proven`, or by the time that all was there
    /// anyway.
    pub fn check_algorithms(
        &self,
        primitives: &[Primitive],
        proven: Option<Time>,
    ) -> Result<(), Ended> {
        match [proven, self.existed].into_iter().flatten().min() {
            Some(existed) if !self.ends.is_empty() => self.ends.check(primitives, existed),
            _ => Ok(()),
        }
    }

    /// The trusted certificates.
    pub fn anchors(&self) -> &[Arc<Certificate>] {
        &self.trusted
    }

    /// The certificates that are only known.
    pub fn intermediates(&self) -> &[Arc<Certificate>] {
        &self.intermediates
    }

    pub(crate) const fn weak(&self) -> Weak {
        self.weak
    }

    /// Everything known, anchors first.
    pub(crate) fn known(&self) -> impl Iterator<Item = &Arc<Certificate>> {
        self.trusted.iter().chain(&self.intermediates)
    }

    pub(crate) fn is_anchor(&self, certificate: &Certificate) -> bool {
        self.trusted
            .iter()
            .any(|anchor| anchor.digest() == certificate.digest())
    }

    /// Whether `issuer`'s key signed `certificate`.
    pub(crate) fn verify_link(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
    ) -> Result<(), SignatureError> {
        let pair = sha256(
            &[
                certificate.digest(),
                sha256(issuer.subject_public_key_info()),
            ]
            .concat(),
        );
        if self.memo.as_ref().is_some_and(|memo| memo.holds(&pair)) {
            return Ok(());
        }
        certificate.verify_signed_by(&issuer.public_key(self.weak)?, self.weak)?;
        if let Some(memo) = &self.memo {
            memo.add(pair);
        }
        Ok(())
    }

    /// Key hash of whoever signed `certificate`: the next in its path, itself, or anybody known.
    /// None where the issuer's key is not at hand, as for a directly trusted TSU certificate.
    pub(crate) fn issuer_key_hash(
        &self,
        certificate: &Certificate,
        next: Option<&Certificate>,
        carried: &[Arc<Certificate>],
    ) -> Option<[u8; 32]> {
        if let Some(next) = next {
            return Some(next.key_hash());
        }
        // An anchor is trusted as it stands: that its own signature is an old one changes nothing.
        if self.is_anchor(certificate)
            && certificate.is_self_issued()
            && let Ok(key) = certificate.public_key(Weak::ALL)
            && certificate.verify_signed_by(&key, Weak::ALL).is_ok()
        {
            return Some(certificate.key_hash());
        }
        let known = self.known().chain(carried).map(Arc::as_ref);
        core::iter::once(certificate)
            .chain(known)
            .filter(|issuer| is_name_of(certificate, issuer))
            .take(SIGNATURES_TRIED_MAX)
            .find(|issuer| self.verify_link(certificate, issuer).is_ok())
            .map(Certificate::key_hash)
    }
}

#[derive(Debug)]
struct Memo {
    capacity: usize,
    verified: Mutex<HashSet<[u8; 32]>>,
}

impl Memo {
    fn holds(&self, pair: &[u8; 32]) -> bool {
        self.verified
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(pair)
    }

    /// A full memo is emptied: simpler than ageing, and a registry's chains refill it at once.
    fn add(&self, pair: [u8; 32]) {
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= self.capacity {
            verified.clear();
        }
        if self.capacity > 0 {
            verified.insert(pair);
        }
    }
}

/// When certificates have to be valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Validity {
    /// All of them, at this time (shell model).
    At(Time),
    /// Not asked: a historical list stays a statement of its issuer.
    NotAsked,
}

/// What a path is asked for, beyond what RFC 5280 asks of every path.
#[derive(Clone, Debug)]
pub(crate) struct PathRules<'a> {
    pub(crate) validity: Validity,
    /// A purpose that every CA below the anchor must allow if it restricts purposes at all.
    pub(crate) purpose: Option<(ObjectIdentifier, &'static str)>,
    pub(crate) policies: &'a PolicyRules,
}

impl PathRules<'_> {
    /// No purpose, no policy.
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
    /// Looks for a path from `end` through `others` and whatever `anchors` knows, with every
    /// certificate valid `at` this time, or at none in particular, and with policies as asked.
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
        find_path(end, others, anchors, &rules)
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

/// Looks for a path from `end`; `carried` are certificates that came with the artifact.
pub(crate) fn find_path(
    end: &Arc<Certificate>,
    carried: &[Arc<Certificate>],
    anchors: &Anchors,
    rules: &PathRules<'_>,
) -> Result<Path, PathError> {
    let mut search = Search {
        carried,
        anchors,
        rules,
        tried: 0,
        path: vec![end.clone()],
        reason: None,
    };
    check_itself(end, rules.validity, anchors)?;
    if search.extend() {
        return Ok(Path {
            certificates: search.path,
        });
    }
    Err(search.reason.unwrap_or_else(|| PathError::IssuerUnknown {
        issuer: end.issuer(),
    }))
}

struct Search<'a> {
    carried: &'a [Arc<Certificate>],
    anchors: &'a Anchors,
    rules: &'a PathRules<'a>,
    tried: usize,
    path: Vec<Arc<Certificate>>,
    reason: Option<PathError>,
}

impl Search<'_> {
    /// Extends the path to an anchor; on failure the path is as it was.
    fn extend(&mut self) -> bool {
        let Some(last) = self.path.last().cloned() else {
            return false;
        };
        if self.anchors.is_anchor(&last) {
            return match check_whole(&self.path, self.rules) {
                Ok(()) => true,
                Err(reason) => {
                    self.reason = Some(reason);
                    false
                }
            };
        }
        if self.path.len() >= PATH_LENGTH_MAX {
            self.reason = Some(PathError::Limit);
            return false;
        }
        let anchors = self.anchors;
        for candidate in anchors.known().chain(self.carried) {
            let used = self
                .path
                .iter()
                .any(|used| used.digest() == candidate.digest());
            if used || !is_name_of(&last, candidate) {
                continue;
            }
            if let Err(reason) = self.check_link(&last, candidate) {
                self.reason = Some(reason);
                continue;
            }
            self.path.push(candidate.clone());
            if self.extend() {
                return true;
            }
            self.path.pop();
        }
        if self.reason.is_none() {
            self.reason = Some(PathError::IssuerUnknown {
                issuer: last.issuer(),
            });
        }
        false
    }

    fn check_link(&mut self, last: &Certificate, issuer: &Certificate) -> Result<(), PathError> {
        check_itself(issuer, self.rules.validity, self.anchors)?;
        let subject = || issuer.subject();
        let facts = issuer.facts();
        // RFC 5280 6.1: an anchor is a name and a key; one of version 1 has no basicConstraints.
        let may_be_silent = self.anchors.is_anchor(issuer) && !facts.has_basic_constraints;
        if !facts.is_ca && !may_be_silent {
            return Err(PathError::NotCa { subject: subject() });
        }
        if facts.key_usage.is_some_and(|usage| !usage.key_cert_sign()) {
            return Err(PathError::KeyUsage {
                subject: subject(),
                usage: "keyCertSign",
            });
        }
        let below = self
            .path
            .iter()
            .skip(1)
            .filter(|certificate| !certificate.is_self_issued())
            .count();
        if let Some(allowed) = facts
            .path_length
            .filter(|allowed| below > usize::from(*allowed))
        {
            return Err(PathError::PathLength {
                subject: subject(),
                allowed,
                found: below,
            });
        }
        self.tried += 1;
        if self.tried > SIGNATURES_TRIED_MAX {
            return Err(PathError::Limit);
        }
        self.anchors
            .verify_link(last, issuer)
            .map_err(|source| PathError::Signature {
                subject: last.subject(),
                source,
            })
    }
}

/// What only a whole path can tell. An anchor is a name and a key: its own constraints, which its
/// owner could not be held to, are honoured all the same where it states them.
fn check_whole(path: &[Arc<Certificate>], rules: &PathRules<'_>) -> Result<(), PathError> {
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
        name_constraints::check(ca, &below).map_err(|violation| match violation {
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
    policy::check(&downwards, rules.policies).map_err(|violation| match violation {
        PolicyViolation::Unreadable => PathError::Extension {
            subject: path.first().map(|end| end.subject()).unwrap_or_default(),
            extension: "a policy extension of its path",
        },
        PolicyViolation::MapsAny => PathError::PolicyMapping,
        PolicyViolation::NoneLeft => PathError::NoPolicy,
    })
}

fn check_itself(
    certificate: &Certificate,
    validity: Validity,
    anchors: &Anchors,
) -> Result<(), PathError> {
    if let Validity::At(at) = validity
        && !(certificate.not_before()..=certificate.not_after()).contains(&at)
    {
        return Err(PathError::Validity {
            subject: certificate.subject(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            at,
        });
    }
    let subject = || certificate.subject();
    match certificate.facts().flaw.clone() {
        Some(Flaw::UnknownCritical(extension)) => Err(PathError::CriticalExtension {
            subject: subject(),
            extension,
        }),
        Some(Flaw::Unreadable(extension)) => Err(PathError::Extension {
            subject: subject(),
            extension,
        }),
        // An anchor is a name and a key, in whatever it is written.
        Some(Flaw::Version) if !anchors.is_anchor(certificate) => Err(PathError::Version {
            subject: subject(),
            version: certificate.version(),
        }),
        Some(Flaw::Version) | None => Ok(()),
    }
}

pub(crate) fn is_name_of(certificate: &Certificate, issuer: &Certificate) -> bool {
    certificate.issuer_name() == issuer.subject_name()
}
