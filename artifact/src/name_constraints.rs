//! Name constraints: which names a CA may put into what it issues (RFC 5280 4.2.1.10).
//!
//! Checked pairwise: the constraints of each CA against the names of every certificate below it. That
//! gives the same answer as the running intersection of 6.1.4 (g) and needs no set arithmetic. A name
//! form that a constraint names and that is not processed here refuses a certificate that has such a
//! name (4.2.1.10, "MUST either process the constraint or reject the certificate").

use der::Decode;
use x509_cert::ext::pkix::NameConstraints;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::certificate::{Certificate, folded};
use crate::oid;

/// Why a name is not within the constraints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// The extension, or the names to be compared with it, cannot be read.
    Unreadable,
    /// This name is outside.
    Name(String),
}

/// Names compared in one path; more are refused, so that look-alike bags stay cheap.
const COMPARISONS_MAX: usize = 250_000;

/// Checks `below` against the constraints of `ca`, if it has any.
pub(crate) fn check(ca: &Certificate, below: &[&Certificate]) -> Result<(), Violation> {
    let Some(extension) = ca.extension(&oid::NAME_CONSTRAINTS) else {
        return Ok(());
    };
    let constraints = NameConstraints::from_der(extension).map_err(|_| Violation::Unreadable)?;
    let bases = |subtrees: Option<Vec<x509_cert::ext::pkix::constraints::name::GeneralSubtree>>| {
        let subtrees = subtrees.unwrap_or_default();
        // RFC 5280: minimum is zero, maximum is absent.
        if subtrees
            .iter()
            .any(|tree| tree.minimum != 0 || tree.maximum.is_some())
        {
            return Err(Violation::Unreadable);
        }
        Ok(subtrees
            .into_iter()
            .map(|tree| tree.base)
            .collect::<Vec<_>>())
    };
    let permitted = bases(constraints.permitted_subtrees)?;
    let excluded = bases(constraints.excluded_subtrees)?;
    for certificate in below {
        let names = names_of(certificate)?;
        if names.len() * (permitted.len() + excluded.len()) > COMPARISONS_MAX {
            return Err(Violation::Unreadable);
        }
        for name in &names {
            check_name(name, &permitted, &excluded)?;
        }
    }
    Ok(())
}

/// Subject, subjectAltName, and e-mail addresses in the subject where subjectAltName has none.
fn names_of(certificate: &Certificate) -> Result<Vec<GeneralName>, Violation> {
    let mut names = certificate
        .subject_alternative_names()
        .map_err(|_| Violation::Unreadable)?;
    if !names
        .iter()
        .any(|name| matches!(name, GeneralName::Rfc822Name(_)))
    {
        for (kind, address) in certificate.subject_attributes() {
            if kind == oid::EMAIL_ADDRESS {
                let address = der::asn1::Ia5String::new(&address);
                names.push(GeneralName::Rfc822Name(
                    address.map_err(|_| Violation::Unreadable)?,
                ));
            }
        }
    }
    if !certificate.subject_name().is_empty() {
        names.push(GeneralName::DirectoryName(
            certificate.subject_name().clone(),
        ));
    }
    Ok(names)
}

fn check_name(
    name: &GeneralName,
    permitted: &[GeneralName],
    excluded: &[GeneralName],
) -> Result<(), Violation> {
    let violation = || Violation::Name(shown(name));
    let is_within = |base: &GeneralName| within(name, base).ok_or_else(violation);
    for base in excluded.iter().filter(|base| same_form(name, base)) {
        if is_within(base)? {
            return Err(violation());
        }
    }
    let mut constrained = false;
    for base in permitted.iter().filter(|base| same_form(name, base)) {
        constrained = true;
        if is_within(base)? {
            return Ok(());
        }
    }
    if constrained {
        Err(violation())
    } else {
        Ok(())
    }
}

fn same_form(one: &GeneralName, other: &GeneralName) -> bool {
    core::mem::discriminant(one) == core::mem::discriminant(other)
}

/// Whether `name` lies in the subtree of `base`, of the same form; none if that form, or this
/// value, cannot be compared.
fn within(name: &GeneralName, base: &GeneralName) -> Option<bool> {
    match (name, base) {
        (GeneralName::DirectoryName(name), GeneralName::DirectoryName(base)) => {
            Some(begins_with(name, base))
        }
        (GeneralName::DnsName(name), GeneralName::DnsName(base)) => {
            Some(host_within(name.as_str(), base.as_str(), true))
        }
        (GeneralName::Rfc822Name(name), GeneralName::Rfc822Name(base)) => {
            mailbox_within(name.as_str(), base.as_str())
        }
        (
            GeneralName::UniformResourceIdentifier(name),
            GeneralName::UniformResourceIdentifier(base),
        ) => host_of(name.as_str()).map(|host| host_within(host, base.as_str(), false)),
        (GeneralName::IpAddress(name), GeneralName::IpAddress(base)) => {
            address_within(name.as_bytes(), base.as_bytes())
        }
        _ => None,
    }
}

/// The base's relative distinguished names are the first of the name's.
fn begins_with(name: &Name, base: &Name) -> bool {
    let (name, base): (Vec<_>, Vec<_>) = (name.iter_rdn().collect(), base.iter_rdn().collect());
    name.len() >= base.len()
        && name.iter().zip(&base).all(|(one, other)| {
            one.len() == other.len()
                && one.iter().zip(other.iter()).all(|(left, right)| {
                    left.oid == right.oid
                        && (left.value == right.value
                            || folded(left.value.value())
                                .is_some_and(|text| Some(text) == folded(right.value.value())))
                })
        })
}

/// dNSName: the base itself and everything below it. For URIs and mailboxes a base without a leading
/// dot is one host, one with a dot is everything below (RFC 5280).
fn host_within(host: &str, base: &str, plain_includes_below: bool) -> bool {
    let (host, base) = (host.to_ascii_lowercase(), base.to_ascii_lowercase());
    if base.is_empty() {
        return true;
    }
    match base.strip_prefix('.') {
        Some(_) => host.ends_with(&base) && host.len() > base.len(),
        None => host == base || (plain_includes_below && host.ends_with(&format!(".{base}"))),
    }
}

fn mailbox_within(mailbox: &str, base: &str) -> Option<bool> {
    let (local, host) = mailbox.rsplit_once('@')?;
    Some(match base.rsplit_once('@') {
        Some((base_local, base_host)) => {
            local == base_local && host.eq_ignore_ascii_case(base_host)
        }
        None => host_within(host, base, false),
    })
}

/// Host of `scheme://[user@]host[:port][/...]`; none where it is an address or missing.
fn host_of(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    let is_address = host.starts_with('[')
        || host
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    (!host.is_empty() && !is_address).then_some(host)
}

/// Address, then mask: 8 octets for IPv4, 32 for IPv6.
fn address_within(address: &[u8], base: &[u8]) -> Option<bool> {
    let (network, mask) = base.split_at_checked(base.len() / 2)?;
    if !matches!((address.len(), base.len()), (4 | 16, 8 | 32)) {
        return None;
    }
    Some(
        network.len() == address.len()
            && address
                .iter()
                .zip(network)
                .zip(mask)
                .all(|((address, network), mask)| address & mask == network & mask),
    )
}

fn shown(name: &GeneralName) -> String {
    match name {
        GeneralName::Rfc822Name(text)
        | GeneralName::DnsName(text)
        | GeneralName::UniformResourceIdentifier(text) => text.as_str().to_owned(),
        GeneralName::DirectoryName(name) => name.to_string(),
        GeneralName::IpAddress(octets) => format!("address {:?}", octets.as_bytes()),
        _ => "a name of a form that is not processed".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_mailboxes_and_addresses() {
        assert!(host_within("a.example", "example", true));
        assert!(!host_within("aexample", "example", true));
        assert!(!host_within("a.example", "example", false));
        assert!(host_within("a.example", ".example", false));
        assert!(!host_within("example", ".example", false));
        assert_eq!(mailbox_within("a@b.example", "b.example"), Some(true));
        assert_eq!(mailbox_within("a@b.example", "example"), Some(false));
        assert_eq!(mailbox_within("a@b.example", "c@b.example"), Some(false));
        assert_eq!(mailbox_within("nobody", "b.example"), None);
        assert_eq!(host_of("https://u@a.example:8/x@y"), Some("a.example"));
        assert_eq!(host_of("https://192.0.2.1/"), None);
        assert_eq!(host_of("mailto:a@b"), None);
        let base = [192, 0, 2, 0, 255, 255, 255, 0];
        assert_eq!(address_within(&[192, 0, 2, 7], &base), Some(true));
        assert_eq!(address_within(&[192, 0, 3, 7], &base), Some(false));
        assert_eq!(address_within(&[0; 16], &base), Some(false));
        assert_eq!(address_within(&[0; 5], &base), None);
    }
}
