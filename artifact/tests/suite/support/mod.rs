//! A small trust landscape made by the OpenSSL on this machine: a root, an issuing CA,
//! time-stamping units of every kind, e-seals, a stranger's PKI, and revocation lists. Nothing is
//! mocked; what OpenSSL refuses to make (broken tokens) is made by taking its tokens apart, see
//! [`Node`].

#![allow(dead_code, reason = "each test program uses its part")]

pub(crate) mod craft;
pub(crate) mod status;

use std::path::{Path, PathBuf};
use std::process::Command;

use ishibumi_artifact::{Anchors, Certificate};

pub(crate) struct Pki {
    directory: tempfile::TempDir,
}

/// How a TSA is asked to answer.
#[derive(Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) tsu: &'a str,
    pub(crate) document: &'a [u8],
    pub(crate) certificates: bool,
    pub(crate) ess: &'a str,
    pub(crate) digits: u8,
    pub(crate) imprint: &'a str,
    pub(crate) accuracy: &'a str,
    pub(crate) policy: &'a str,
}

pub(crate) const ASK: Ask<'static> = Ask {
    tsu: "tsu-rsa",
    document: b"a contract",
    certificates: true,
    ess: "sha256",
    digits: 0,
    imprint: "sha256",
    accuracy: "secs:1",
    policy: "0.4.0.2023.1.1",
};

const NOW: (&str, &str) = ("20250101000000Z", "20400101000000Z");
const PAST: (&str, &str) = ("20190101000000Z", "20200101000000Z");

impl Pki {
    /// Root and issuing CA only.
    pub(crate) fn new() -> Self {
        let pki = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        for ca in ["root", "issuing", "stranger"] {
            std::fs::create_dir(pki.path(ca)).unwrap();
            pki.write(&format!("{ca}/index.txt"), "");
            pki.write(&format!("{ca}/serial"), "1000\n");
            pki.write(&format!("{ca}/crlnumber"), "01\n");
        }
        pki.write("ca.cnf", CONFIGURATION);
        let ages = ("20150101000000Z", "20450101000000Z");
        for root in ["root", "stranger"] {
            pki.key(root, &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
            pki.request(root, &format!("/C=JP/O=Ishibumi Test/CN={root} CA"));
            pki.sign(
                root,
                root,
                "v3_root",
                ages,
                &["-selfsign", "-keyfile", &format!("{root}.key")],
            );
        }
        pki.key("issuing", P256);
        pki.request("issuing", "/C=JP/O=Ishibumi Test/CN=Issuing CA");
        pki.sign("issuing", "root", "v3_issuing", ages, &[]);
        pki
    }

    /// Adds the time-stamping units that the token tests use.
    pub(crate) fn with_units(self) -> Self {
        const RSA: &[&str] = &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
        let curve = |name: &'static str| -> Vec<&'static str> {
            vec![
                "EC",
                "-pkeyopt",
                match name {
                    "384" => "ec_paramgen_curve:P-384",
                    _ => "ec_paramgen_curve:P-521",
                },
            ]
        };
        self.unit("tsu-rsa", RSA, "issuing", "v3_tsu", NOW);
        self.unit("tsu-p256", P256, "issuing", "v3_tsu", NOW);
        self.unit("tsu-p384", &curve("384"), "issuing", "v3_tsu", NOW);
        self.unit("tsu-p521", &curve("521"), "issuing", "v3_tsu", NOW);
        self.unit("tsu-ed25519", &["ED25519"], "issuing", "v3_tsu", NOW);
        self.unit("tsu-stranger", P256, "stranger", "v3_tsu", NOW);
        self.unit("tsu-expired", P256, "issuing", "v3_tsu", PAST);
        self.unit(
            "tsu-not-critical",
            P256,
            "issuing",
            "v3_tsu_not_critical",
            NOW,
        );
        self.unit("tsu-two-purposes", P256, "issuing", "v3_tsu_two", NOW);
        self.unit("tsu-key-usage", P256, "issuing", "v3_tsu_key_usage", NOW);
        self.unit("tsu-key-period", P256, "issuing", "v3_tsu_key_period", NOW);
        self.unit(
            "tsu-key-period-now",
            P256,
            "issuing",
            "v3_tsu_key_period_now",
            NOW,
        );
        self.unit("tsu-critical", P256, "issuing", "v3_tsu_critical", NOW);
        self
    }

    /// Registered: the root as anchor, the issuing CA as known.
    pub(crate) fn anchors(&self) -> Anchors {
        Anchors::from_certificates([self.certificate("root")])
            .with_intermediates([self.certificate("issuing")])
    }

    pub(crate) fn unit(
        &self,
        name: &str,
        key: &[&str],
        ca: &str,
        extensions: &str,
        dates: (&str, &str),
    ) {
        self.key(name, key);
        self.request(name, &format!("/C=JP/O=Ishibumi Test/CN={name}"));
        self.sign(name, ca, extensions, dates, &[]);
    }

    pub(crate) fn key(&self, name: &str, algorithm: &[&str]) {
        let out = format!("{name}.key");
        self.openssl(&[&["genpkey", "-algorithm"], algorithm, &["-out", &out]].concat());
    }

    pub(crate) fn request(&self, name: &str, subject: &str) {
        let (key, out) = (format!("{name}.key"), format!("{name}.csr"));
        self.openssl(&[
            "req", "-new", "-config", "ca.cnf", "-utf8", "-key", &key, "-subj", subject, "-out",
            &out,
        ]);
    }

    pub(crate) fn sign(
        &self,
        name: &str,
        ca: &str,
        extensions: &str,
        dates: (&str, &str),
        more: &[&str],
    ) {
        let (csr, out) = (format!("{name}.csr"), format!("{name}.crt"));
        let fixed = [
            "ca",
            "-batch",
            "-notext",
            "-config",
            "ca.cnf",
            "-name",
            ca,
            "-preserveDN",
            "-in",
            &csr,
            "-out",
            &out,
            "-extensions",
            extensions,
            "-startdate",
            dates.0,
            "-enddate",
            dates.1,
        ];
        self.openssl(&[&fixed[..], more].concat());
    }

    /// A TimeStampResp.
    pub(crate) fn reply(&self, ask: Ask<'_>) -> Vec<u8> {
        self.write("document", ask.document);
        let imprint = format!("-{}", ask.imprint);
        let mut query = vec![
            "ts",
            "-query",
            "-data",
            "document",
            &imprint,
            "-tspolicy",
            ask.policy,
        ];
        query.extend(["-out", "query.tsq"]);
        query.extend(ask.certificates.then_some("-cert"));
        self.openssl(&query);
        self.answer(ask, &self.read("query.tsq"))
    }

    /// The TimeStampResp to a query.
    pub(crate) fn answer(&self, ask: Ask<'_>, query: &[u8]) -> Vec<u8> {
        let Ask {
            tsu,
            ess,
            digits,
            accuracy,
            ..
        } = ask;
        self.write("tsaserial", "01\n");
        self.write(
            "tsa.cnf",
            format!(
                "[tsa]\ndefault_tsa=t\n[t]\nserial=./tsaserial\ncrypto_device=builtin\n\
                 signer_cert=./{tsu}.crt\ncerts=./issuing.crt\nsigner_key=./{tsu}.key\n\
                 signer_digest=sha512\ndefault_policy=0.4.0.2023.1.1\nother_policies=1.2.3.4.5\n\
                 digests=sha1,sha256,sha384,sha512\naccuracy={accuracy}\n\
                 clock_precision_digits={digits}\nordering=no\ntsa_name=yes\n\
                 ess_cert_id_chain=no\ness_cert_id_alg={ess}\n"
            ),
        );
        self.write("query.tsq", query);
        self.openssl(&[
            "ts",
            "-reply",
            "-config",
            "tsa.cnf",
            "-queryfile",
            "query.tsq",
            "-out",
            "reply.tsr",
        ]);
        self.read("reply.tsr")
    }

    /// A bare token.
    pub(crate) fn token(&self, ask: Ask<'_>) -> Vec<u8> {
        self.reply(ask);
        self.openssl(&[
            "ts",
            "-reply",
            "-in",
            "reply.tsr",
            "-token_out",
            "-out",
            "token.tst",
        ]);
        self.read("token.tst")
    }

    /// A token that `openssl cms` signs over the content of `token`, without the checks of
    /// `openssl ts`. `more`: `-cades` for an ESS attribute, `-keyopt rsa_padding_mode:pss`, ...
    pub(crate) fn cms_token(&self, token: &[u8], signer: &str, more: &[&str]) -> Vec<u8> {
        self.write("content.der", token_content(token));
        let (certificate, key) = (format!("{signer}.crt"), format!("{signer}.key"));
        let fixed = [
            "cms",
            "-sign",
            "-binary",
            "-nodetach",
            "-nosmimecap",
            "-outform",
            "DER",
            "-md",
            "sha256",
            "-econtent_type",
            "1.2.840.113549.1.9.16.1.4",
            "-in",
            "content.der",
            "-out",
            "cms.der",
            "-signer",
            &certificate,
            "-inkey",
            &key,
            "-certfile",
            "issuing.crt",
        ];
        self.openssl(&[&fixed[..], more].concat());
        self.read("cms.der")
    }

    /// The current CRL of a CA, DER.
    pub(crate) fn crl(&self, ca: &str, more: &[&str]) -> Vec<u8> {
        let fixed = [
            "ca", "-gencrl", "-config", "ca.cnf", "-name", ca, "-out", "crl.pem",
        ];
        self.openssl(&[&fixed[..], more].concat());
        self.openssl(&[
            "crl", "-in", "crl.pem", "-outform", "DER", "-out", "crl.der",
        ]);
        self.read("crl.der")
    }

    pub(crate) fn revoke(&self, name: &str, ca: &str, more: &[&str]) {
        let certificate = format!("{name}.crt");
        let fixed = [
            "ca",
            "-config",
            "ca.cnf",
            "-name",
            ca,
            "-revoke",
            &certificate,
        ];
        self.openssl(&[&fixed[..], more].concat());
    }

    /// An OCSP response about certificates of `ca`, signed by `signer`.
    pub(crate) fn ocsp(&self, ca: &str, names: &[&str], signer: &str) -> Vec<u8> {
        let issuer = format!("{ca}.crt");
        let files: Vec<String> = names.iter().map(|name| format!("{name}.crt")).collect();
        let mut request = vec![
            "ocsp",
            "-no_nonce",
            "-reqout",
            "request.der",
            "-issuer",
            &issuer,
        ];
        request.extend(files.iter().flat_map(|file| ["-cert", file]));
        self.openssl(&request);
        let index = format!("{ca}/index.txt");
        let (certificate, key) = (format!("{signer}.crt"), format!("{signer}.key"));
        self.openssl(&[
            "ocsp",
            "-index",
            &index,
            "-CA",
            &issuer,
            "-rsigner",
            &certificate,
            "-rkey",
            &key,
            "-reqin",
            "request.der",
            "-respout",
            "response.der",
            "-ndays",
            "7",
        ]);
        self.read("response.der")
    }

    /// DER of a list in PEM.
    pub(crate) fn der_of(&self, kind: &str, pem: &[u8]) -> Vec<u8> {
        self.write("any.pem", pem);
        self.openssl(&[kind, "-in", "any.pem", "-outform", "DER"])
    }

    /// The entries of `list` in an indirect list that `signer` signs, the first one naming
    /// `issuer`. OpenSSL cannot make one, so a list of its is taken apart and signed anew.
    pub(crate) fn indirect_list(&self, signer: &str, list: &[u8], issuer: &Certificate) -> Vec<u8> {
        let mut all = Node::read(&self.der_of("crl", list));
        let subject = |name: &str| {
            let certificate = self.certificate(name);
            let mut tree = Node::read(certificate.der());
            tree.child(0).child(5).clone()
        };
        let mut named = Node::read(issuer.der());
        let named = Node::Tree(0xa4, vec![named.child(0).child(5).clone()]);
        let names = Node::Tree(0x30, vec![named]).der();
        let extension = Node::Tree(
            0x30,
            vec![
                Node::Leaf(0x06, vec![0x55, 0x1d, 0x1d]),
                Node::Leaf(0x01, vec![0xff]),
                Node::Leaf(0x04, names),
            ],
        );
        let tbs = all.child(0);
        *tbs.child(1) = Node::Tree(
            0x30,
            vec![
                // sha256WithRSAEncryption, as the key of `signer` wants it
                Node::Leaf(0x06, vec![0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0b]),
                Node::Leaf(0x05, vec![]),
            ],
        );
        *tbs.child(2) = subject(signer);
        let first = tbs.child(5).child(0);
        first.children().truncate(2);
        first.children().push(Node::Tree(0x30, vec![extension]));
        let algorithm = tbs.child(1).clone();
        self.write("tbs.der", tbs.der());
        let key = format!("{signer}.key");
        let signature = self.openssl(&["dgst", "-sha256", "-sign", &key, "tbs.der"]);
        *all.child(1) = algorithm;
        *all.child(2) = Node::Leaf(0x03, [&[0][..], &signature].concat());
        all.der()
    }

    pub(crate) fn certificate(&self, name: &str) -> Certificate {
        Certificate::parse(&self.read(&format!("{name}.crt"))).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        Path::join(self.directory.path(), name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), contents).unwrap();
    }

    pub(crate) fn openssl(&self, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(self.directory.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "openssl {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }
}

pub(crate) const P256: &[&str] = &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

/// ASN.1 as a tree, to take artifacts apart and put them together otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Leaf(u8, Vec<u8>),
    Tree(u8, Vec<Node>),
}

impl Node {
    /// Reads one DER element.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let (node, rest) = Self::split(bytes);
        assert!(rest.is_empty());
        node
    }

    fn split(bytes: &[u8]) -> (Self, &[u8]) {
        let (tag, first) = (bytes[0], usize::from(bytes[1]));
        let digits = if first < 0x80 { 0 } else { first & 0x7f };
        let length = if digits == 0 {
            first
        } else {
            bytes[2..2 + digits]
                .iter()
                .fold(0, |length, digit| length << 8 | usize::from(*digit))
        };
        let (content, rest) = bytes[2 + digits..].split_at(length);
        if tag & 0x20 == 0 {
            return (Self::Leaf(tag, content.to_vec()), rest);
        }
        let mut children = Vec::new();
        let mut left = content;
        while !left.is_empty() {
            let (child, after) = Self::split(left);
            children.push(child);
            left = after;
        }
        (Self::Tree(tag, children), rest)
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        match self {
            Self::Leaf(tag, content) => element(*tag, content),
            Self::Tree(tag, children) => element(
                *tag,
                &children.iter().flat_map(Self::der).collect::<Vec<_>>(),
            ),
        }
    }

    /// With an indefinite length at this level.
    pub(crate) fn indefinite(&self, children: &[Vec<u8>]) -> Vec<u8> {
        let Self::Tree(tag, _) = self else {
            panic!("only trees have indefinite lengths")
        };
        [&[*tag, 0x80][..], &children.concat(), &[0, 0]].concat()
    }

    pub(crate) fn children(&mut self) -> &mut Vec<Node> {
        match self {
            Self::Tree(_, children) => children,
            Self::Leaf(..) => panic!("a leaf has no children"),
        }
    }

    pub(crate) fn child(&mut self, index: usize) -> &mut Node {
        &mut self.children()[index]
    }

    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Leaf(_, bytes) => bytes,
            Self::Tree(..) => panic!("a tree is no leaf"),
        }
    }
}

pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut bytes = vec![tag];
    match length {
        0..0x80 => bytes.push(u8::try_from(length).unwrap()),
        0x80..0x100 => bytes.extend([0x81, u8::try_from(length).unwrap()]),
        0x100..0x1_0000 => {
            bytes.push(0x82);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        _ => {
            bytes.push(0x84);
            bytes.extend(u32::try_from(length).unwrap().to_be_bytes());
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

/// SignedData of a token's tree.
pub(crate) fn signed_data(token: &mut Node) -> &mut Node {
    token.child(1).child(0)
}

/// SignerInfo of a token's tree.
pub(crate) fn signer_info(token: &mut Node) -> &mut Node {
    let infos = signed_data(token).children().last_mut().unwrap();
    infos.child(0)
}

/// eContent's value octets.
pub(crate) fn token_content(token: &[u8]) -> Vec<u8> {
    let mut tree = Node::read(token);
    signed_data(&mut tree)
        .child(2)
        .child(1)
        .child(0)
        .bytes()
        .clone()
}

const CONFIGURATION: &str = r"
[req]
distinguished_name = dn
[dn]

[root]
dir = root
certificate = root.crt
private_key = root.key
database = root/index.txt
serial = root/serial
crlnumber = root/crlnumber
new_certs_dir = root
default_md = sha256
default_crl_days = 30
policy = any
unique_subject = no
x509_extensions = v3_root
crl_extensions = crl

[issuing]
dir = issuing
certificate = issuing.crt
private_key = issuing.key
database = issuing/index.txt
serial = issuing/serial
crlnumber = issuing/crlnumber
new_certs_dir = issuing
default_md = sha256
default_crl_days = 30
policy = any
unique_subject = no
x509_extensions = v3_tsu
crl_extensions = crl

[stranger]
dir = stranger
certificate = stranger.crt
private_key = stranger.key
database = stranger/index.txt
serial = stranger/serial
crlnumber = stranger/crlnumber
new_certs_dir = stranger
default_md = sha256
default_crl_days = 30
policy = any
unique_subject = no
x509_extensions = v3_tsu
crl_extensions = crl

[crl]
authorityKeyIdentifier = keyid

[crl_delta]
2.5.29.27 = critical,ASN1:INTEGER:1

[crl_expired_2020]
2.5.29.60 = ASN1:GENERALIZEDTIME:20200101000000Z

[crl_expired_2022]
2.5.29.60 = ASN1:GENERALIZEDTIME:20220101000000Z

[crl_indirect]
issuingDistributionPoint = critical,@idp
[idp]
indirectCRL = TRUE
fullname = URI:http://example.com/crl

[any]
countryName = optional
organizationName = optional
organizationIdentifier = optional
commonName = optional
surname = optional
givenName = optional
emailAddress = optional
serialNumber = optional

[v3_root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash

[v3_issuing]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid

[v3_issuing_no_crl]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash

[v3_tsu]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash

[v3_tsu_not_critical]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = timeStamping

[v3_tsu_two]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping,codeSigning

[v3_tsu_key_usage]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = critical,timeStamping

[v3_tsu_key_period]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
2.5.29.16 = ASN1:SEQUENCE:key_period
[key_period]
start = IMPLICIT:0,GENERALIZEDTIME:20250101000000Z
end = IMPLICIT:1,GENERALIZEDTIME:20250601000000Z

[v3_tsu_key_period_now]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
2.5.29.16 = ASN1:SEQUENCE:key_period_now
[key_period_now]
start = IMPLICIT:0,GENERALIZEDTIME:20250101000000Z
end = IMPLICIT:1,GENERALIZEDTIME:20400101000000Z

[v3_tsu_critical]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
1.2.3.4.5.6 = critical,ASN1:NULL

[v3_seal]
basicConstraints = critical,CA:FALSE
keyUsage = critical,nonRepudiation
1.3.6.1.5.5.7.1.3 = ASN1:SEQUENCE:qc_seal
[qc_seal]
type = SEQUENCE:qc_type_seal
[qc_type_seal]
id = OID:0.4.0.1862.1.6
types = SEQUENCE:qc_types_seal
[qc_types_seal]
seal = OID:0.4.0.1862.1.6.2

[v3_esign]
basicConstraints = critical,CA:FALSE
keyUsage = critical,nonRepudiation
1.3.6.1.5.5.7.1.3 = ASN1:SEQUENCE:qc_esign
[qc_esign]
type = SEQUENCE:qc_type_esign
[qc_type_esign]
id = OID:0.4.0.1862.1.6
types = SEQUENCE:qc_types_esign
[qc_types_esign]
sign = OID:0.4.0.1862.1.6.1

[v3_ca_names]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
nameConstraints = critical,permitted;dirName:permitted_name,excluded;email:.example.com,excluded;email:example.com
[permitted_name]
countryName = JP
organizationName = Ishibumi Test

[v3_ca_explicit]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
policyConstraints = critical,requireExplicitPolicy:0

[v3_ca_web]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
extendedKeyUsage = serverAuth

[v3_ca_stamps]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
extendedKeyUsage = timeStamping

[v3_web]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth

[v3_device]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
subjectAltName = otherName:1.3.6.1.5.5.7.8.4;SEQUENCE:hardware
[hardware]
type = OID:1.2.3.4
serial = OCTETSTRING:SN1

[v3_qc]
basicConstraints = critical,CA:FALSE
keyUsage = critical,nonRepudiation
1.3.6.1.5.5.7.1.3 = ASN1:SEQUENCE:qc_full
[qc_full]
compliance = SEQUENCE:qc_compliance
device = SEQUENCE:qc_device
type = SEQUENCE:qc_type_seal
legislation = SEQUENCE:qc_legislation
[qc_compliance]
id = OID:0.4.0.1862.1.1
[qc_device]
id = OID:0.4.0.1862.1.4
[qc_legislation]
id = OID:0.4.0.1862.1.7
countries = SEQUENCE:qc_countries
[qc_countries]
one = PRINTABLESTRING:JP

[v3_ocsp]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = OCSPSigning

[v3_plain]
basicConstraints = critical,CA:FALSE
keyUsage = critical,nonRepudiation

[v3_indirect]
basicConstraints = critical,CA:FALSE
keyUsage = critical,nonRepudiation
crlDistributionPoints = of_the_root
[of_the_root]
fullname = URI:http://example.com/crl
CRLissuer = dirName:root_name
[root_name]
countryName = JP
organizationName = Ishibumi Test
commonName = root CA

[v3_mail]
basicConstraints = critical,CA:FALSE
keyUsage = critical,nonRepudiation
subjectAltName = email:someone@example.com
";
