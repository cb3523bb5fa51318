//! What lists together say about a certificate: RFC 5280 section 6.3, as of a given time.
//!
//! A serial that a list does not name is "not revoked" only if that list covers the certificate: its
//! issuer, its kind, the distribution point that the certificate names, every reason, and the time in
//! question. Otherwise the state is unknown, and unknown is not good. Lists for some reasons add up;
//! a delta speaks before the complete list that it builds on. A list that another key than the
//! certificate's issuer signed counts only while the certificates behind that key are not revoked; one
//! of the issuer itself stands or falls with the issuer, about which a caller asks on its own, as
//! about every certificate of a path.
//!
//! Whether a token survives the revocation of its TSU is another question: [`crate::status`].

use crate::certificate::Certificate;
use crate::crl::{VerifiedCrl, number_order};
use crate::distribution::{ALL_REASONS, DistributionPoint, share_a_name};
use crate::general_name::has_directory_name;
use crate::oid;
use crate::path::{Anchors, is_name_of};
use crate::record::Revocation;
use crate::time::Time;

/// Signers of lists of signers of lists ... beyond this many are taken for unknown.
const DEPTH_MAX: usize = 4;

/// removeFromCRL (RFC 5280 5.3.1).
const REMOVE_FROM_CRL: u8 = 8;

/// State of a certificate at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevocationState {
    /// Lists that cover it do not name it.
    NotRevoked,
    /// A list names it.
    Revoked(Box<Revocation>),
    /// No list that covers it for every reason was valid at the time.
    Unknown,
}

/// Decides from complete and delta lists. A list is valid from thisUpdate to nextUpdate, or for ever
/// after thisUpdate where it states no nextUpdate.
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

impl Question<'_> {
    fn state(&self, certificate: &Certificate, asked: &mut Vec<[u8; 32]>) -> RevocationState {
        let Some(points) = points_of(certificate) else {
            return RevocationState::Unknown;
        };
        let mut covered = 0;
        for point in &points {
            for list in self.lists.iter().filter(|list| self.is_base(list)) {
                let Some(reasons) = coverage(certificate, point, list) else {
                    continue;
                };
                if reasons & !covered == 0 || !self.signer_counts(certificate, list, asked) {
                    continue;
                }
                let delta = self.newest_delta(certificate, list, asked);
                match delta.and_then(|delta| delta.revocation_of(certificate)) {
                    Some(entry) if is_release(&entry) => {}
                    Some(entry) => return RevocationState::Revoked(Box::new(entry)),
                    None => {
                        if let Some(entry) = list.revocation_of(certificate) {
                            return RevocationState::Revoked(Box::new(entry));
                        }
                    }
                }
                covered |= reasons;
            }
        }
        if covered == ALL_REASONS {
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

    /// The newest delta that builds on `base` or an older list (5.2.4).
    fn newest_delta(
        &self,
        certificate: &Certificate,
        base: &VerifiedCrl,
        asked: &mut Vec<[u8; 32]>,
    ) -> Option<&VerifiedCrl> {
        let mut fitting: Vec<&VerifiedCrl> = self
            .lists
            .iter()
            .filter(|delta| delta.is_delta() && self.is_valid(delta))
            .filter(|delta| delta.builds_on(base))
            .collect();
        fitting.sort_by(|one, other| number_order(other.number(), one.number()));
        fitting
            .into_iter()
            .find(|delta| self.signer_counts(certificate, delta, asked))
    }

    /// Whether the certificates between the list and its anchor are not revoked. One whose state is
    /// being decided already is not asked again.
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

fn is_release(entry: &Revocation) -> bool {
    entry
        .reason
        .is_some_and(|reason| reason.code() == REMOVE_FROM_CRL)
}

/// Reasons for which `list` speaks about `certificate` at `point`; none: it does not
/// (6.3.3 (b) and (d)).
fn coverage(
    certificate: &Certificate,
    point: &DistributionPoint,
    list: &VerifiedCrl,
) -> Option<u16> {
    let scope = list.extensions();
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
            && number_order(self.base_number(), base.number()).is_le()
            && number_order(self.number(), base.number()).is_ge()
    }

    /// Whether this list alone would have to name `certificate` if it were revoked, for any reason:
    /// it is complete, and its scope covers the certificate. Only then does its silence say something.
    pub fn covers(&self, certificate: &Certificate) -> bool {
        let points = points_of(certificate).unwrap_or_default();
        !self.is_delta()
            && points
                .iter()
                .any(|point| coverage(certificate, point, self) == Some(ALL_REASONS))
    }
}
