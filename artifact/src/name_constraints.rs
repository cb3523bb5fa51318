//! Name constraints: which names a CA may put into what it issues (RFC 5280 4.2.1.10).
//!
//! Checked pairwise: the constraints of each CA against the names of every certificate below it. That
//! gives the same answer as the running intersection of 6.1.4 (g) and needs no set arithmetic. A name
//! form that a constraint names and that is not processed here refuses a certificate that has such a
//! name (4.2.1.10, "MUST either process the constraint or reject the certificate").

use crate::asn1::{self, Asn1Error, Reader, SEQUENCE, context, context_constructed};
use crate::certificate::Certificate;
use crate::general_name::GeneralName;
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
    let (permitted, excluded) = read(extension).map_err(|_| Violation::Unreadable)?;
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

/// The bases of the permitted and of the excluded subtrees.
fn read(extension: &[u8]) -> Result<(Vec<GeneralName>, Vec<GeneralName>), Asn1Error> {
    let mut fields = asn1::only(Reader::der(extension), SEQUENCE)?.reader();
    let mut bases = |tag| -> Result<Vec<GeneralName>, Asn1Error> {
        let Some(subtrees) = fields.optional(tag)? else {
            return Ok(Vec::new());
        };
        let mut subtrees = subtrees.reader();
        let mut bases = Vec::new();
        while let Some(subtree) = subtrees.next()? {
            let mut fields = subtree.reader();
            let base = fields
                .next()?
                .ok_or(Asn1Error::Value("a subtree has no base"))?;
            // RFC 5280: minimum is zero, maximum is absent.
            if let Some(minimum) = fields.optional(context(0))?
                && minimum.unsigned()? != 0
            {
                return Err(Asn1Error::Value("a subtree has a minimum"));
            }
            fields.finish()?;
            bases.push(GeneralName::read(&base)?);
        }
        Ok(bases)
    };
    let both = (
        bases(context_constructed(0))?,
        bases(context_constructed(1))?,
    );
    fields.finish()?;
    Ok(both)
}

/// Subject, subjectAltName, and e-mail addresses in the subject where subjectAltName has none.
fn names_of(certificate: &Certificate) -> Result<Vec<GeneralName>, Violation> {
    let mut names = certificate
        .subject_alternative_names()
        .map_err(|_| Violation::Unreadable)?;
    if !names
        .iter()
        .any(|name| matches!(name, GeneralName::Rfc822(_)))
    {
        let attributes = certificate.subject_name().attributes();
        for attribute in attributes.filter(|attribute| attribute.is(&oid::EMAIL_ADDRESS)) {
            names.push(GeneralName::Rfc822(
                attribute.text().ok_or(Violation::Unreadable)?,
            ));
        }
    }
    if !certificate.subject_name().is_empty() {
        names.push(GeneralName::Directory(certificate.subject_name().clone()));
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
        (GeneralName::Directory(name), GeneralName::Directory(base)) => name.begins_with(base),
        (GeneralName::Dns(name), GeneralName::Dns(base)) => Some(host_within(name, base, true)),
        (GeneralName::Rfc822(name), GeneralName::Rfc822(base)) => mailbox_within(name, base),
        (GeneralName::Uri(name), GeneralName::Uri(base)) => {
            host_of(name).map(|host| host_within(host, base, false))
        }
        (GeneralName::Ip(name), GeneralName::Ip(base)) => address_within(name, base),
        _ => None,
    }
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
        GeneralName::Rfc822(text) | GeneralName::Dns(text) | GeneralName::Uri(text) => text.clone(),
        GeneralName::Directory(name) => name.to_string(),
        GeneralName::Ip(octets) => format!("address {octets:?}"),
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
