//! Lists and responses put together field by field, for what OpenSSL cannot be made to write; it
//! signs them.

use ishibumi_artifact::Certificate;

use super::{Node, Pki};

pub(crate) const GOOD: u8 = 0x80;

fn leaf(tag: u8, content: impl AsRef<[u8]>) -> Node {
    Node::Leaf(tag, content.as_ref().to_vec())
}

pub(crate) fn sequence(children: Vec<Node>) -> Node {
    Node::Tree(0x30, children)
}

/// An OID, from its text.
pub(crate) fn oid(text: &str) -> Node {
    let arcs: Vec<u64> = text.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut content = Vec::new();
    for arc in core::iter::once(arcs[0] * 40 + arcs[1]).chain(arcs[2..].iter().copied()) {
        let digits = (0..=9)
            .rev()
            .map(|place| arc >> (7 * place))
            .skip_while(|rest| *rest == 0);
        let digits: Vec<u8> = digits
            .map(|rest| u8::try_from(rest & 0x7f).unwrap())
            .collect();
        let (last, others) = digits.split_last().unwrap_or((&0, &[]));
        content.extend(others.iter().map(|digit| digit | 0x80));
        content.push(*last);
    }
    leaf(0x06, content)
}

pub(crate) fn generalized(text: &str) -> Node {
    leaf(0x18, text)
}

pub(crate) fn utc(text: &str) -> Node {
    leaf(0x17, text)
}

pub(crate) fn integer(content: &[u8]) -> Node {
    leaf(0x02, content)
}

pub(crate) fn enumerated(code: u8) -> Node {
    leaf(0x0a, [code])
}

/// An Extension with this value.
pub(crate) fn extension(id: &str, critical: bool, value: &Node) -> Node {
    let mut fields = vec![oid(id)];
    fields.extend(critical.then(|| leaf(0x01, [0xff])));
    fields.push(leaf(0x04, value.der()));
    sequence(fields)
}

pub(crate) const CRL_NUMBER: &str = "2.5.29.20";
pub(crate) const REASON: &str = "2.5.29.21";
pub(crate) const INVALIDITY_DATE: &str = "2.5.29.24";
pub(crate) const CERTIFICATE_ISSUER: &str = "2.5.29.29";
pub(crate) const DISTRIBUTION_POINT: &str = "2.5.29.28";
pub(crate) const DELTA: &str = "2.5.29.27";
pub(crate) const EXPIRED_CERTS: &str = "2.5.29.60";
pub(crate) const NONCE: &str = "1.3.6.1.5.5.7.48.1.2";
pub(crate) const UNKNOWN: &str = "1.2.3.4.5.6";

/// An entry about `certificate`, revoked at the beginning of 2026.
pub(crate) fn entry(certificate: &Certificate, extensions: Vec<Node>) -> Node {
    let mut fields = vec![integer(certificate.serial()), utc("260101000000Z")];
    if !extensions.is_empty() {
        fields.push(sequence(extensions));
    }
    sequence(fields)
}

pub(crate) fn reason(code: u8) -> Node {
    extension(REASON, false, &enumerated(code))
}

/// TBSCertList, as its fields.
#[derive(Clone)]
pub(crate) struct List {
    pub(crate) version: Option<Node>,
    pub(crate) issuer: Node,
    pub(crate) this_update: Node,
    pub(crate) next_update: Option<Node>,
    pub(crate) entries: Option<Vec<Node>>,
    pub(crate) extensions: Option<Vec<Node>>,
}

impl List {
    /// Of `issuer`, of February 2026, number 5.
    pub(crate) fn of(issuer: &Certificate, entries: Vec<Node>) -> Self {
        Self {
            version: Some(integer(&[1])),
            issuer: subject(issuer),
            this_update: utc("260201000000Z"),
            next_update: Some(utc("260301000000Z")),
            entries: (!entries.is_empty()).then_some(entries),
            extensions: Some(vec![extension(CRL_NUMBER, false, &integer(&[5]))]),
        }
    }

    pub(crate) fn with(mut self, extension: Node) -> Self {
        self.extensions.get_or_insert_default().push(extension);
        self
    }

    pub(crate) fn at(mut self, month: u8) -> Self {
        self.this_update = utc(&format!("26{month:02}01000000Z"));
        self.next_update = Some(utc(&format!("26{:02}01000000Z", month + 1)));
        self
    }

    pub(crate) fn number(mut self, number: u8) -> Self {
        self.extensions = Some(vec![extension(CRL_NUMBER, false, &integer(&[number]))]);
        self
    }

    /// Signed by the key of `signer`.
    pub(crate) fn signed(self, pki: &Pki, signer: &str) -> Vec<u8> {
        let algorithm = pki.algorithm(signer);
        let mut fields: Vec<Node> = self.version.into_iter().collect();
        fields.extend([algorithm.clone(), self.issuer, self.this_update]);
        fields.extend(self.next_update);
        fields.extend(self.entries.map(sequence));
        fields.extend(
            self.extensions
                .map(|all| Node::Tree(0xa0, vec![sequence(all)])),
        );
        let tbs = sequence(fields);
        let signature = pki.signature(signer, &tbs.der());
        sequence(vec![tbs, algorithm, signature]).der()
    }
}

/// A field of TBSCertificate, by its index where a version is stated; version 1 is not.
pub(crate) fn field(certificate: &Certificate, place: usize) -> Node {
    let mut tree = Node::read(certificate.der());
    let is_stated = matches!(tree.child(0).child(0), Node::Tree(0xa0, _));
    tree.child(0).child(place - usize::from(!is_stated)).clone()
}

pub(crate) fn subject(certificate: &Certificate) -> Node {
    field(certificate, 5)
}

pub(crate) fn key_info(certificate: &Certificate) -> Node {
    field(certificate, 6)
}

/// ResponseData, as its fields.
#[derive(Clone)]
pub(crate) struct Response {
    pub(crate) responder: Node,
    pub(crate) produced_at: Node,
    pub(crate) singles: Vec<Node>,
    pub(crate) extensions: Option<Vec<Node>>,
    pub(crate) certificates: Option<Vec<Vec<u8>>>,
}

impl Response {
    /// In the name of `responder`, of February 2026, without certificates.
    pub(crate) fn of(responder: &Certificate, singles: Vec<Node>) -> Self {
        Self {
            responder: Node::Tree(0xa1, vec![subject(responder)]),
            produced_at: generalized("20260201000000Z"),
            singles,
            extensions: None,
            certificates: None,
        }
    }

    pub(crate) fn with(mut self, extension: Node) -> Self {
        self.extensions.get_or_insert_default().push(extension);
        self
    }

    pub(crate) fn carrying(mut self, certificates: &[&Certificate]) -> Self {
        self.certificates = Some(certificates.iter().map(|it| it.der().to_vec()).collect());
        self
    }

    /// Signed by the key of `signer`.
    pub(crate) fn signed(self, pki: &Pki, signer: &str) -> Vec<u8> {
        let mut data = vec![self.responder, self.produced_at, sequence(self.singles)];
        data.extend(
            self.extensions
                .map(|all| Node::Tree(0xa1, vec![sequence(all)])),
        );
        let data = sequence(data);
        let signature = pki.signature(signer, &data.der());
        let mut basic = vec![data, pki.algorithm(signer), signature];
        if let Some(certificates) = self.certificates {
            let certificates = certificates.iter().map(|it| Node::read(it)).collect();
            basic.push(Node::Tree(0xa0, vec![sequence(certificates)]));
        }
        let basic = leaf(0x04, sequence(basic).der());
        let bytes = sequence(vec![oid("1.3.6.1.5.5.7.48.1.1"), basic]);
        sequence(vec![enumerated(0), Node::Tree(0xa0, vec![bytes])]).der()
    }
}

/// certStatus.
#[derive(Clone, Copy)]
pub(crate) enum CertStatus {
    Good,
    Unknown,
    /// At the beginning of 2026, for this reason.
    Revoked(Option<u8>),
}

/// The certID of `certificate` by its issuer's digests: `sha1` or `sha256`.
pub(crate) fn cert_id(
    pki: &Pki,
    hash: &str,
    issuer: &Certificate,
    certificate: &Certificate,
) -> Node {
    let key = key_info(issuer).child(1).bytes()[1..].to_vec();
    let id = match hash {
        "sha1" => "1.3.14.3.2.26",
        "sha256" => "2.16.840.1.101.3.4.2.1",
        "md5" => "1.2.840.113549.2.5",
        _ => panic!("{hash}"),
    };
    let digest = |octets: Vec<u8>| leaf(0x04, pki.digest(hash, &octets));
    sequence(vec![
        sequence(vec![oid(id), leaf(0x05, [])]),
        digest(subject(issuer).der()),
        digest(key),
        integer(certificate.serial()),
    ])
}

/// A SingleResponse of February 2026.
pub(crate) fn single(id: Node, status: CertStatus, extensions: Vec<Node>) -> Node {
    let status = match status {
        CertStatus::Good => leaf(GOOD, []),
        CertStatus::Unknown => leaf(0x82, []),
        CertStatus::Revoked(reason) => {
            let mut fields = vec![generalized("20260101000000Z")];
            fields.extend(reason.map(|code| Node::Tree(0xa0, vec![enumerated(code)])));
            Node::Tree(0xa1, fields)
        }
    };
    let mut fields = vec![
        id,
        status,
        generalized("20260201000000Z"),
        Node::Tree(0xa0, vec![generalized("20260301000000Z")]),
    ];
    if !extensions.is_empty() {
        fields.push(Node::Tree(0xa1, vec![sequence(extensions)]));
    }
    sequence(fields)
}

impl Pki {
    /// The AlgorithmIdentifier of signatures by the key of `name`.
    pub(crate) fn algorithm(&self, name: &str) -> Node {
        let key_info = key_info(&self.certificate(name));
        let is_rsa = key_info
            .der()
            .windows(9)
            .any(|it| it == [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]);
        if is_rsa {
            sequence(vec![oid("1.2.840.113549.1.1.11"), leaf(0x05, [])])
        } else {
            sequence(vec![oid("1.2.840.10045.4.3.2")])
        }
    }

    /// A BIT STRING.
    pub(crate) fn signature(&self, name: &str, octets: &[u8]) -> Node {
        self.write("to-sign.der", octets);
        let key = format!("{name}.key");
        let signature = self.openssl(&["dgst", "-sha256", "-sign", &key, "to-sign.der"]);
        leaf(0x03, [&[0][..], &signature].concat())
    }

    pub(crate) fn digest(&self, hash: &str, octets: &[u8]) -> Vec<u8> {
        self.write("to-hash", octets);
        self.openssl(&["dgst", &format!("-{hash}"), "-binary", "to-hash"])
    }
}
