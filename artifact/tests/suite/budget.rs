//! Signatures, name constraints and policies of one artifact have one budget: a certificate of some
//! kilobytes below CAs with long constraints costs hundreds of thousands of comparisons at each of
//! them.

use crate::support::craft::{Draft, NAME_CONSTRAINTS, O, SUBJECT_ALT_NAME, UTF8, simple};
use crate::support::element;
use ishibumi_artifact::{Anchors, ArtifactType, Bounds, Certificate, admit_within};

/// Names of the certificate, and as many that each CA excludes: 360,000 comparisons at each.
const NAMES: usize = 600;

fn domains(prefix: &str, wrap: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let domain = |number| element(0x82, format!("{prefix}{number}.example").as_bytes());
    (0..NAMES).flat_map(|number| wrap(domain(number))).collect()
}

/// A certificate below so many CAs, and anchors that know them.
fn below(cas: u8) -> (Vec<u8>, Anchors) {
    let excluded = domains("excluded", |base| element(0x30, &base));
    let excluded = element(0x30, &element(0xa1, &excluded));
    let named = |number: u8| simple(O, UTF8, &format!("ca {number}"));
    let ca = |number: u8| {
        let above = number.saturating_sub(1);
        let ca = Draft::ca(&named(above), &named(number), 1 + number, None);
        let ca = match number {
            0 => ca,
            _ => ca.with(NAME_CONSTRAINTS, true, &excluded),
        };
        ca.certificate(1 + above)
    };
    let anchors = Anchors::from_certificates([ca(0)]).with_intermediates((1..=cas).map(ca));
    let own = element(0x30, &domains("own", |name| name));
    let end = Draft::end(&named(cas), &simple(O, UTF8, "end"), 100);
    let end = end.with(SUBJECT_ALT_NAME, false, &own);
    (end.der(1 + cas), anchors)
}

fn said(end: &[u8], anchors: &Anchors, bounds: &mut Bounds) -> &'static str {
    let admitted = admit_within(ArtifactType::Certificate, end, anchors, bounds);
    admitted.map_or_else(|refusal| refusal.code(), |_| "admitted")
}

#[test]
fn long_constraints_spend_the_budget_of_signatures() {
    let (end, anchors) = below(6);
    let mut bounds = Bounds::default();
    assert_eq!(said(&end, &anchors, &mut bounds), "path-search-limit");
    assert_eq!(bounds.work.signatures(), 100);
    // Control: below half as many it is found.
    let (end, anchors) = below(3);
    let mut bounds = Bounds::default();
    assert_eq!(said(&end, &anchors, &mut bounds), "admitted");
    let once = bounds.work.signatures();
    assert!((50..70).contains(&once), "{once}");
    // Tried again it goes on with the rest, and does not begin anew.
    assert_eq!(said(&end, &anchors, &mut bounds), "path-search-limit");
    assert_eq!(bounds.work.signatures(), 100);
}

/// The certificate of the test above is read as any other.
#[test]
fn the_certificate_is_some_kilobytes() {
    let (end, _) = below(1);
    assert!(Certificate::from_der(&end).is_ok());
    assert!(end.len() < 16 << 10, "{}", end.len());
}
