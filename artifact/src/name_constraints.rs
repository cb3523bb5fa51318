//! Name constraints: which names a CA may put into what it issues (RFC 5280 4.2.1.10).
//!
//! Checked pairwise: the constraints of each CA against the names of every certificate below it.
//! That gives the same answer as the running intersection of 6.1.4 (g) and needs no set arithmetic.
//!
//! A name and a subtree of one form are compared only if both have the syntax of that form.
//! Otherwise, and for the forms that are never compared (otherName, X.400 addresses, EDI parties,
//! registered IDs), a certificate with such a name is refused where such a form is constrained
//! ("MUST either process the constraint or reject the certificate"): an excluded name must not slip
//! through by being written oddly. Where a wildcard or a mapped address stands for several names,
//! it is excluded if any of them may be, and permitted only if all of them are.

use std::collections::BTreeMap;

use crate::certificate::Certificate;
use crate::general_name::GeneralName;
use crate::hosts::{self, Address, Host, Mailbox};
use crate::name::Name;
use crate::oid;
use crate::subtrees::NameConstraints;
use crate::work::Work;

/// Why a name is not within the constraints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// The extension, or the names to be compared with it, cannot be read.
    Unreadable,
    /// There are more comparisons to be made than may be.
    Exhausted,
    /// This name and a constraint cannot be compared.
    Open(String),
    /// This name is outside.
    Name(String),
}

/// Comparisons of one certificate's names with one CA's subtrees; more are refused, so that
/// look-alike bags stay cheap. BoringSSL counts in the same way up to the same number.
const COMPARISONS_MAX: usize = 1 << 20;

/// Checks `below` against the constraints of `ca`, if it has any.
pub(crate) fn check(
    ca: &Certificate,
    below: &[&Certificate],
    work: &mut Work,
) -> Result<(), Violation> {
    let Some(extension) = ca.extension(&oid::NAME_CONSTRAINTS) else {
        return Ok(());
    };
    let constraints = NameConstraints::read(extension).map_err(|_| Violation::Unreadable)?;
    let permitted = Bases::of(&constraints.permitted);
    let excluded = Bases::of(&constraints.excluded);
    for certificate in below {
        let stated = certificate
            .subject_alternative_names()
            .map_err(|_| Violation::Unreadable)?;
        let names = names_of(certificate, stated);
        let of_form =
            |(name, _): &(Subject, _)| permitted.like(name).len() + excluded.like(name).len();
        let comparisons: usize = names.iter().map(of_form).sum();
        if comparisons > COMPARISONS_MAX || work.spend(names.len() + comparisons).is_err() {
            return Err(Violation::Exhausted);
        }
        for (name, shown) in names {
            check_name(&name, &permitted, &excluded).map_err(|failure| match failure {
                Failure::Open => Violation::Open(shown.to_string()),
                Failure::Outside => Violation::Name(shown.to_string()),
            })?;
        }
    }
    Ok(())
}

/// A name, or the base of a subtree, made ready to be compared; by its form, and none in it if it
/// does not have the syntax of the form.
#[derive(Debug)]
enum Subject {
    Directory(Name),
    Dns(Option<Host>),
    Mail(Option<Mailbox>),
    Uri(Option<Host>),
    Ip(Option<Address>),
    /// A form that is not compared: its number.
    Other(u8),
}

impl Subject {
    fn of(name: &GeneralName, is_base: bool) -> Self {
        match name {
            GeneralName::Directory(name) => Self::Directory(name.clone()),
            GeneralName::Dns(text) if is_base => Self::Dns(Host::of_base(text)),
            GeneralName::Dns(text) => Self::Dns(Host::of_name(text)),
            GeneralName::Rfc822(text) if is_base => Self::Mail(Mailbox::of_base(text)),
            GeneralName::Rfc822(text) => Self::Mail(Mailbox::of_name(text)),
            // SmtpUTF8Mailbox (RFC 9598): a mailbox that is not compared.
            GeneralName::Other { id, .. } if id == oid::SMTP_UTF8_MAILBOX.as_bytes() => {
                Self::Mail(None)
            }
            GeneralName::Uri(text) if is_base => {
                Self::Uri(Host::of_base(text).filter(|host| !host.is_any()))
            }
            GeneralName::Uri(text) => Self::Uri(hosts::of_uri(text)),
            GeneralName::Ip(octets) if is_base => Self::Ip(Address::of_base(octets)),
            GeneralName::Ip(octets) => Self::Ip(Address::of_name(octets)),
            GeneralName::Other { .. } => Self::Other(0),
            GeneralName::X400(_) => Self::Other(3),
            GeneralName::Edi(_) => Self::Other(5),
            GeneralName::RegisteredId(_) => Self::Other(8),
        }
    }

    /// The number of its form in GeneralName (4.2.1.6).
    const fn form(&self) -> u8 {
        match self {
            Self::Mail(_) => 1,
            Self::Dns(_) => 2,
            Self::Directory(_) => 4,
            Self::Uri(_) => 6,
            Self::Ip(_) => 7,
            Self::Other(form) => *form,
        }
    }

    /// Whether it lies in the subtree of `base`, of its form; `None` if they cannot be compared. A
    /// name that stands for several is in an excluded subtree if one of them is, in a permitted one
    /// if all are.
    fn is_within(&self, base: &Self, excluded: bool) -> Option<bool> {
        match (self, base) {
            (Self::Directory(name), Self::Directory(base)) => name.begins_with(base),
            (Self::Dns(Some(name)), Self::Dns(Some(base))) => {
                Some(name.is_below_or(base, excluded))
            }
            (Self::Uri(Some(name)), Self::Uri(Some(base))) => Some(name.is_at(base)),
            (Self::Mail(Some(name)), Self::Mail(Some(base))) => Some(name.is_in(base, excluded)),
            (Self::Ip(Some(name)), Self::Ip(Some(base))) => Some(name.is_in(base, excluded)),
            _ => None,
        }
    }
}

/// The bases of subtrees by their forms, since nothing else is compared with a name.
struct Bases(BTreeMap<u8, Vec<Subject>>);

impl Bases {
    fn of(bases: &[GeneralName]) -> Self {
        let mut all: BTreeMap<u8, Vec<Subject>> = BTreeMap::new();
        for base in bases.iter().map(|base| Subject::of(base, true)) {
            all.entry(base.form()).or_default().push(base);
        }
        Self(all)
    }

    /// Those of the form of this name.
    fn like(&self, name: &Subject) -> &[Subject] {
        self.0
            .get(&name.form())
            .map(Vec::as_slice)
            .unwrap_or_default()
    }
}

/// Names `stated` in subjectAltName, the subject, and e-mail addresses in it, each as it is to be
/// shown.
fn names_of(certificate: &Certificate, stated: Vec<GeneralName>) -> Vec<(Subject, GeneralName)> {
    let subject = certificate.subject_name();
    // An empty subject is no name where there are others (4.1.2.6).
    let is_named = !subject.is_empty() || stated.is_empty();
    let whole = is_named.then(|| GeneralName::Directory(subject.clone()));
    let mut names: Vec<_> = stated
        .into_iter()
        .chain(whole)
        .map(|name| (Subject::of(&name, false), name))
        .collect();
    // RFC 5280 asks for it only where there is no subjectAltName, which would be no more than an
    // invitation to add one.
    let attributes = subject.attributes();
    for attribute in attributes.filter(|attribute| attribute.is(&oid::EMAIL_ADDRESS)) {
        let text = attribute.text();
        let mailbox = text.as_deref().and_then(Mailbox::of_subject);
        let shown = GeneralName::Rfc822(text.unwrap_or_default());
        names.push((Subject::Mail(mailbox), shown));
    }
    names
}

enum Failure {
    Open,
    Outside,
}

fn check_name(name: &Subject, permitted: &Bases, excluded: &Bases) -> Result<(), Failure> {
    for base in excluded.like(name) {
        match name.is_within(base, true) {
            Some(false) => {}
            Some(true) => return Err(Failure::Outside),
            None => return Err(Failure::Open),
        }
    }
    let (mut is_constrained, mut is_open) = (false, false);
    for base in permitted.like(name) {
        is_constrained = true;
        match name.is_within(base, false) {
            Some(false) => {}
            Some(true) => return Ok(()),
            None => is_open = true,
        }
    }
    match (is_constrained, is_open) {
        (false, _) => Ok(()),
        (true, true) => Err(Failure::Open),
        (true, false) => Err(Failure::Outside),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::{self, Reader, SEQUENCE};

    const DNS: u8 = 0x82;
    const MAIL: u8 = 0x81;
    const URI: u8 = 0x86;
    const IP: u8 = 0x87;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        asn1::write_element(&mut out, tag, content);
        out
    }

    fn read(element: &[u8]) -> GeneralName {
        GeneralName::read(&Reader::der(element).next().unwrap().unwrap()).unwrap()
    }

    /// The answers to a name under one permitted and under one excluded base.
    fn judge(tag: u8, name: &[u8], base: &[u8]) -> [&'static str; 2] {
        let name = Subject::of(&read(&element(tag, name)), false);
        let base = [read(&element(tag, base))];
        [(&base[..], &[][..]), (&[][..], &base[..])].map(|(permitted, excluded)| {
            match check_name(&name, &Bases::of(permitted), &Bases::of(excluded)) {
                Ok(()) => "ok",
                Err(Failure::Outside) => "out",
                Err(Failure::Open) => "open",
            }
        })
    }

    const IN: [&str; 2] = ["ok", "out"];
    const OUT: [&str; 2] = ["out", "ok"];
    const NEITHER: [&str; 2] = ["out", "out"];
    const OPEN: [&str; 2] = ["open", "open"];

    #[test]
    fn dns_names() {
        for (name, base, wanted) in [
            ("a.example", "example", IN),
            ("A.EXAMPLE", "example", IN),
            ("example", "example", IN),
            ("aexample", "example", OUT),
            ("a.example", "", IN),
            ("a.example", ".example", IN),
            ("example", ".example", OUT),
            ("xn--Bcher-kva.example", "XN--bcher-kva.example", IN),
            // A dot at the end says that the name is absolute, as they all are.
            ("bad.example.", "bad.example", IN),
            ("bad.example", "bad.example.", IN),
            // One label stands for the star: it may be the excluded one, and need not be the
            // permitted one.
            ("*.example", "bad.example", NEITHER),
            ("*.example", "example", IN),
            ("*.bad.example", "bad.example", IN),
            ("*.example", "a.bad.example", OUT),
            ("b*d.example", "bad.example", NEITHER),
            ("a.*.example", "bad.example", NEITHER),
            ("*", "bad", NEITHER),
            // No names, or no bases.
            ("a..example", "example", OPEN),
            (".example", "example", OPEN),
            ("", "example", OPEN),
            (".", "example", OPEN),
            ("bad.example..", "bad.example", OPEN),
            ("bad .example", "example", OPEN),
            ("a@bad.example", "example", OPEN),
            ("a.example", "*.example", OPEN),
            ("a.example", "..example", OPEN),
            ("a.example", ".", OPEN),
            ("a.example", "a.example/", OPEN),
        ] {
            assert_eq!(
                judge(DNS, name.as_bytes(), base.as_bytes()),
                wanted,
                "{name} {base}"
            );
        }
    }

    #[test]
    fn mailboxes() {
        for (name, base, wanted) in [
            ("a@b.example", "b.example", IN),
            ("a@B.Example", "b.example", IN),
            ("a@b.example.", "b.example", IN),
            ("a@b.example", "example", OUT),
            ("a@b.example", ".example", IN),
            ("a@example", ".example", OUT),
            ("a@b.example", "a@B.example", IN),
            ("a@b.example", "c@b.example", OUT),
            // RFC 5280 7.5: the part before the @ has a case.
            ("A@b.example", "a@b.example", OUT),
            ("a@b.example", "@b.example", OPEN),
            ("a@b.example", "a@", OPEN),
            ("a@b.example", "", OPEN),
            ("a@b.example", ".", OPEN),
            ("a@b.example", "a@b@example", OPEN),
            ("a@x@b.example", "b.example", OPEN),
            ("\"a@x\"@b.example", "b.example", OPEN),
            ("\"a\"@b.example", "a@b.example", OPEN),
            ("nobody", "b.example", OPEN),
            ("@b.example", "b.example", OPEN),
            ("a@", "b.example", OPEN),
            ("a@b..example", "b.example", OPEN),
            ("a@[192.0.2.1]", "b.example", OPEN),
            ("a@*.example", "b.example", OPEN),
            ("a b@b.example", "b.example", OPEN),
        ] {
            assert_eq!(
                judge(MAIL, name.as_bytes(), base.as_bytes()),
                wanted,
                "{name} {base}"
            );
        }
    }

    #[test]
    fn uris() {
        for (name, base, wanted) in [
            ("https://a.example/x", "a.example", IN),
            ("HTTPS://A.EXAMPLE", "a.example", IN),
            ("https://a.example.:8443/", "a.example", IN),
            ("https://u:p@a.example:8/x@y", "a.example", IN),
            ("https://a.example?b.example", "a.example", IN),
            ("https://a.example#b.example", "a.example", IN),
            ("ldap://b.a.example", "a.example", OUT),
            ("https://b.a.example", ".a.example", IN),
            ("https://a.example", ".a.example", OUT),
            ("https://good.example@bad.example/", "bad.example", IN),
            ("https://bad.example\\@good.example/", "bad.example", OPEN),
            ("https://b%61d.example/", "bad.example", OPEN),
            ("https://192.0.2.1/", "a.example", OPEN),
            ("https://0x7f.1/", "a.example", OPEN),
            ("https://0x7f000001/", "a.example", OPEN),
            ("https://[2001:db8::1]/", "a.example", OPEN),
            ("https://a.example:x/", "a.example", OPEN),
            ("https:///path", "a.example", OPEN),
            ("https://*.example/", "a.example", OPEN),
            ("mailto:a@a.example", "a.example", OPEN),
            ("urn:x://a.example", "a.example", OPEN),
            ("a.example", "a.example", OPEN),
            ("https://a.example", "https://a.example", OPEN),
            ("https://a.example", "a.example:443", OPEN),
            ("https://a.example", "", OPEN),
        ] {
            assert_eq!(
                judge(URI, name.as_bytes(), base.as_bytes()),
                wanted,
                "{name} {base}"
            );
        }
    }

    #[test]
    fn addresses() {
        let net = [192, 0, 2, 0, 255, 255, 255, 0];
        assert_eq!(judge(IP, &[192, 0, 2, 7], &net), IN);
        assert_eq!(judge(IP, &[192, 0, 3, 7], &net), OUT);
        assert_eq!(judge(IP, &[0; 16], &net), OUT);
        // An IPv4 address in the clothes of an IPv6 one.
        let mut mapped = [0; 16];
        mapped[10..].copy_from_slice(&[0xff, 0xff, 192, 0, 2, 7]);
        assert_eq!(judge(IP, &mapped, &net), NEITHER);
        let everything = [0; 32];
        assert_eq!(judge(IP, &mapped, &everything), IN);
        assert_eq!(judge(IP, &[192, 0, 2, 7], &everything), OUT);
        assert_eq!(judge(IP, &[192, 0, 2, 7], &[0; 8]), IN);
        for mask in [[255, 0, 255, 0], [255, 255, 255, 1], [0, 255, 255, 255]] {
            let base = [&net[..4], &mask[..]].concat();
            assert_eq!(judge(IP, &[192, 0, 2, 7], &base), OPEN, "{mask:?}");
        }
        assert_eq!(judge(IP, &[192, 0, 2, 7], &net[..7]), OPEN);
        assert_eq!(judge(IP, &[0; 5], &net), OPEN);
    }

    #[test]
    fn forms_that_are_not_compared_refuse_where_they_are_constrained() {
        let other = |id: u8| [&[0x06, 1, id][..], &[0xa0, 2, 0x05, 0]].concat();
        let forms = [
            (0xa0, other(0x2a)),
            (0xa3, vec![0x30, 0]),
            (0xa5, vec![0xa1, 3, 0x0c, 1, b'a']),
            (0x88, vec![0x2a]),
        ];
        for (tag, content) in &forms {
            assert_eq!(judge(*tag, content, content), OPEN, "{tag:x}");
            let name = Subject::of(&read(&element(*tag, content)), false);
            for (base_tag, base) in forms.iter().filter(|(base_tag, _)| base_tag != tag) {
                let base = Bases::of(&[read(&element(*base_tag, base))]);
                assert!(check_name(&name, &base, &base).is_ok());
            }
        }
        assert_eq!(judge(0xa0, &other(0x2a), &other(0x2b)), OPEN);
    }

    #[test]
    fn empty_constraints_and_distances_are_not_read() {
        let base = element(DNS, b"a");
        let tree = element(SEQUENCE, &base);
        let constraints =
            |content: &[u8]| NameConstraints::read(&element(SEQUENCE, content)).is_ok();
        assert!(constraints(&element(0xa0, &tree)));
        assert!(constraints(
            &[element(0xa0, &tree), element(0xa1, &tree)].concat()
        ));
        assert!(!constraints(&[]));
        assert!(!constraints(&element(0xa0, &[])));
        assert!(!constraints(
            &[element(0xa0, &tree), element(0xa1, &[])].concat()
        ));
        assert!(!constraints(&element(0xa0, &element(SEQUENCE, &[]))));
        assert!(!constraints(&element(0xa2, &tree)));
        let far = |more: &[u8]| {
            constraints(&element(
                0xa0,
                &element(SEQUENCE, &[&base[..], more].concat()),
            ))
        };
        assert!(far(&[0x80, 1, 0]));
        assert!(!far(&[0x80, 1, 1]) && !far(&[0x81, 1, 0]) && !far(&[0x80, 1, 0, 0x81, 1, 9]));
    }
}
