//! What lists together say about a certificate: RFC 5280 section 6.3, as of a given time.
//!
//! A serial that a list does not name is "not revoked" only if that list covers the certificate:
//! its issuer, its kind, the distribution point that the certificate names, every reason, and the
//! time in question. Otherwise the state is unknown, and unknown is not good. Lists for some
//! reasons add up. All lists that were valid at the time are heard, in any order, deltas with the
//! complete lists that they build on: a definitive revocation stands, a hold until a later
//! statement ends it. A list that was signed by another key than that of the certificate's issuer
//! counts only while the certificates behind that key are not revoked. A list of the issuer itself
//! stands or falls with the issuer, about which a caller asks separately, as about every
//! certificate of a path.
//!
//! Whether a token survives the revocation of its TSU is another question: [`crate::status`].

use crate::certificate::Certificate;
use crate::crl::{VerifiedCrl, number_order};
use crate::distribution::{ALL_REASONS, DistributionPoint, share_a_name};
use crate::general_name::has_directory_name;
use crate::oid;
use crate::path::{Anchors, is_name_of};
use crate::record::{Reason, Revocation};
use crate::status::{CERTIFICATE_HOLD, REMOVE_FROM_CRL, worst};
use crate::time::Time;

/// Signers of lists of signers of lists ... beyond this many are taken for unknown.
const DEPTH_MAX: usize = 4;

/// certificateHold among ReasonFlags (RFC 5280 4.2.1.13).
const HOLD_FLAG: u16 = 1 << CERTIFICATE_HOLD;

/// State of a certificate at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevocationState {
    /// Lists that cover it do not name it.
    NotRevoked,
    /// A list names it.
    Revoked(Box<Revocation>),
    /// No list that was valid at the time covers it for every reason.
    Unknown,
}

/// Decides from complete and delta lists. A list is valid from thisUpdate to nextUpdate, or for
/// ever after thisUpdate where it states no nextUpdate.
pub fn revocation_state(
    certificate: &Certificate,
    lists: &[VerifiedCrl],
    anchors: &Anchors,
    at: Time,
) -> RevocationState {
    let question = Question { lists, anchors, at };
    question.state(certificate, &mut vec![certificate.digest()])
}

struct Question<'a> {
    lists: &'a [VerifiedCrl],
    anchors: &'a Anchors,
    at: Time,
}

/// The statement of one list: an entry, or silence although it would have to name a certificate on
/// hold.
struct Said<'a> {
    list: &'a VerifiedCrl,
    entry: Option<Revocation>,
}

impl Said<'_> {
    fn is_hold(&self) -> bool {
        let reason = self.entry.as_ref().and_then(|entry| entry.reason);
        reason.map(Reason::code) == Some(CERTIFICATE_HOLD)
    }
}

impl Question<'_> {
    fn state(&self, certificate: &Certificate, asked: &mut Vec<[u8; 32]>) -> RevocationState {
        let Some(points) = points_of(certificate) else {
            return RevocationState::Unknown;
        };
        let (mut covered, mut is_unclear) = (0, false);
        let mut said: Vec<Said<'_>> = Vec::new();
        let mut take = |list, reasons| {
            let about = VerifiedCrl::about(list, certificate);
            is_unclear |= about.unclear.is_some();
            let is_silent = about.revocations.is_empty() && about.unclear.is_none();
            said.extend(about.revocations.into_iter().map(|entry| Said {
                list,
                entry: Some(entry),
            }));
            // A delta that is silent leaves things as they are.
            if is_silent && !list.is_delta() && reasons & HOLD_FLAG != 0 {
                said.push(Said { list, entry: None });
            }
        };
        for list in self.lists.iter().filter(|list| self.is_base(list)) {
            let reasons = points
                .iter()
                .filter_map(|point| coverage(certificate, point, list));
            let Some(reasons) = reasons.reduce(|all, some| all | some) else {
                continue;
            };
            if !self.signer_counts(certificate, list, asked) {
                continue;
            }
            covered |= reasons;
            take(list, reasons);
            for delta in self
                .lists
                .iter()
                .filter(|delta| self.is_delta_of(delta, list))
            {
                if self.signer_counts(certificate, delta, asked) {
                    take(delta, reasons);
                }
            }
        }
        if let Some(entry) = worst(standing(&said)) {
            return RevocationState::Revoked(Box::new(entry.clone()));
        }
        if covered == ALL_REASONS && !is_unclear {
            RevocationState::NotRevoked
        } else {
            RevocationState::Unknown
        }
    }

    fn is_valid(&self, list: &VerifiedCrl) -> bool {
        list.this_update() <= self.at && list.next_update().is_none_or(|next| self.at <= next)
    }

    fn is_base(&self, list: &VerifiedCrl) -> bool {
        !list.is_delta() && self.is_valid(list)
    }

    /// Whether `delta` builds on `base` or an older list (5.2.4).
    fn is_delta_of(&self, delta: &VerifiedCrl, base: &VerifiedCrl) -> bool {
        self.is_valid(delta) && delta.builds_on(base)
    }

    /// Whether the certificates between the list and its anchor are not revoked. If the state of
    /// one of them is being decided already, it is not asked again.
    fn signer_counts(
        &self,
        certificate: &Certificate,
        list: &VerifiedCrl,
        asked: &mut Vec<[u8; 32]>,
    ) -> bool {
        let signer = list.path().certificates().first();
        if signer.is_some_and(|signer| {
            is_name_of(certificate, signer) && self.anchors.verify_link(certificate, signer).is_ok()
        }) {
            return true;
        }
        list.path().certificates().iter().all(|signer| {
            if self.anchors.is_anchor(signer) || asked.contains(&signer.digest()) {
                return true;
            }
            if asked.len() > DEPTH_MAX {
                return false;
            }
            asked.push(signer.digest());
            let state = self.state(signer, asked);
            asked.pop();
            state == RevocationState::NotRevoked
        })
    }
}

/// The revocations that nothing later ends: definitive ones, and holds. Releases are none.
fn standing<'a>(said: &'a [Said<'_>]) -> impl Iterator<Item = &'a Revocation> {
    let is_ended = |hold: &Said<'_>| {
        let mut others = said.iter();
        others.any(|other| !other.is_hold() && other.list.is_said_after(hold.list))
    };
    let standing = said
        .iter()
        .filter(move |one| !(one.is_hold() && is_ended(one)));
    standing
        .filter_map(|one| one.entry.as_ref())
        .filter(|entry| entry.reason.map(Reason::code) != Some(REMOVE_FROM_CRL))
}

/// Reasons for which `list` speaks about `certificate` at `point`; none: it does not
/// (6.3.3 (b) and (d)).
fn coverage(
    certificate: &Certificate,
    point: &DistributionPoint,
    list: &VerifiedCrl,
) -> Option<u16> {
    let scope = list.extensions();
    if scope.is_scope_unread || scope.only_attribute {
        return None;
    }
    let issuer_fits = if point.issuer.is_empty() {
        list.issuer_name() == certificate.issuer_name()
    } else {
        scope.indirect && has_directory_name(&point.issuer, list.issuer_name())
    };
    let kind_fits = if certificate.is_ca() {
        !scope.only_user
    } else {
        !scope.only_ca
    };
    if !issuer_fits || !kind_fits {
        return None;
    }
    if let Some(served) = &scope.point {
        let served = served.names(list.issuer_name());
        let wanted = match &point.name {
            Some(name) => name.names(list.issuer_name()),
            None => point.issuer.clone(),
        };
        if !share_a_name(&served, &wanted) {
            return None;
        }
    }
    let of_list = scope.reasons.unwrap_or(ALL_REASONS);
    let of_point = point.reasons.unwrap_or(ALL_REASONS);
    Some(of_list & of_point)
}

/// The points at which a certificate says that lists about it are, and then any: lists that it does
/// not point to count if its issuer signed them for all certificates (6.3.3, last paragraph).
pub(crate) fn points_of(certificate: &Certificate) -> Option<Vec<DistributionPoint>> {
    let mut points = match certificate.extension(&oid::CRL_DISTRIBUTION_POINTS) {
        Some(value) => DistributionPoint::read_all(value).ok()?,
        None => Vec::new(),
    };
    points.push(DistributionPoint::default());
    Some(points)
}

impl VerifiedCrl {
    /// Whether this is a delta that tells what has changed since `base`, or since a list before it
    /// (5.2.4).
    pub(crate) fn builds_on(&self, base: &Self) -> bool {
        self.is_delta()
            && !base.is_delta()
            && self.issuer_name() == base.issuer_name()
            && self.issuer_key_hash() == base.issuer_key_hash()
            && self.extensions().same_point(base.extensions())
            && !self.base_number().is_empty()
            && number_order(self.base_number(), base.number()).is_le()
            && number_order(self.number(), base.number()).is_ge()
    }

    /// Whether this list alone would have to name `certificate` if it were revoked, for any reason:
    /// it is complete, and its scope covers the certificate. Only then does its silence say
    /// something.
    pub fn covers(&self, certificate: &Certificate) -> bool {
        let points = points_of(certificate).unwrap_or_default();
        !self.is_delta()
            && points
                .iter()
                .any(|point| coverage(certificate, point, self) == Some(ALL_REASONS))
    }
}
