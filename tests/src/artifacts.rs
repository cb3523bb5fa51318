//! Artifacts that the OpenSSL on this machine made: two TSAs, an e-seal, revocation lists, a
//! stranger's PKI; and beside each good one what a careless or hostile provider would send instead.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::pki::{ASK, Ask, Node, P256, Pki, signed_data};
use crate::world::Provider;

/// TimeStampResp.
pub const REPLY: &str = "application/timestamp-reply";
/// A bare token.
pub const TOKEN: &str = "application/vnd.etsi.timestamp-token";
/// A certificate.
pub const CERTIFICATE: &str = "application/pkix-cert";
/// A revocation list.
pub const CRL: &str = "application/pkix-crl";
/// An OCSP response.
pub const OCSP: &str = "application/ocsp-response";

const NOW: (&str, &str) = ("20250101000000Z", "20400101000000Z");
const PAST: (&str, &str) = ("20190101000000Z", "20200101000000Z");

/// The provider `north` with its CA and two TSAs, and a stranger.
pub struct Artifacts {
    pki: Pki,
}

impl Default for Artifacts {
    fn default() -> Self {
        Self::new()
    }
}

impl Artifacts {
    /// Makes CAs, units and the e-seal.
    pub fn new() -> Self {
        let pki = Pki::new();
        let rsa = ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
        pki.unit("tsa-one", &rsa, "issuing", "v3_tsu", NOW);
        pki.unit("tsa-two", P256, "issuing", "v3_tsu", NOW);
        pki.unit("seal", P256, "issuing", "v3_seal", NOW);
        pki.unit("tsu-stranger", P256, "stranger", "v3_tsu", NOW);
        Self { pki }
    }

    /// Adds units whose certificates break the rules.
    #[must_use]
    pub fn with_bad_units(self) -> Self {
        let unit = |name, extensions, dates| {
            self.pki.unit(name, P256, "issuing", extensions, dates);
        };
        unit("tsu-expired", "v3_tsu", PAST);
        unit("tsu-not-critical", "v3_tsu_not_critical", NOW);
        self
    }

    /// The provider as the log's operator registers it.
    pub fn provider(&self) -> Provider {
        Provider {
            id: "north",
            kinds: &["timestamp-token", "certificate", "crl"],
            anchors: vec![self.pki.path("root.crt"), self.pki.path("issuing.crt")],
        }
    }

    /// A file of the provider.
    pub fn path(&self, name: &str) -> PathBuf {
        self.pki.path(name)
    }

    /// A certificate, PEM.
    pub fn certificate(&self, name: &str) -> Vec<u8> {
        self.pki.read(&format!("{name}.crt"))
    }

    /// The reply of `tsa` to a request for `document`.
    pub fn reply(&self, tsa: &str, document: &[u8]) -> Vec<u8> {
        self.pki.reply(Ask {
            tsu: tsa,
            document,
            ..ASK
        })
    }

    /// The bare token of `tsa` over `document`.
    pub fn token(&self, tsa: &str, document: &[u8]) -> Vec<u8> {
        self.pki.token(Ask {
            tsu: tsa,
            document,
            ..ASK
        })
    }

    /// A token whose content is that of `token`, signed by a unit that `openssl ts` would not sign
    /// with.
    pub fn forced(&self, token: &[u8], unit: &str) -> Vec<u8> {
        self.pki.cms_token(token, unit, &["-cades"])
    }

    /// A token whose content is that of `token`, signed over SHA-1.
    pub fn over_sha1(&self, token: &[u8], unit: &str) -> Vec<u8> {
        self.pki.cms_token(token, unit, &["-cades", "-md", "sha1"])
    }

    /// `token` with the certificate of another key and the same name, issuer and serial instead of
    /// its signer's: only the ESS attribute tells them apart.
    pub fn with_reissued_certificate(&self, token: &[u8], unit: &str) -> Vec<u8> {
        let serial = self.pki.certificate(unit).serial().to_vec();
        let serial = format!("0x{}", hex::encode_upper(serial));
        let request = format!("{unit}.csr");
        self.pki.openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            "issuing.crt",
            "-CAkey",
            "issuing.key",
            "-out",
            "again.crt",
            "-set_serial",
            &serial,
            "-days",
            "100",
            "-extfile",
            "ca.cnf",
            "-extensions",
            "v3_tsu",
        ]);
        self.pki.openssl(&[
            "x509",
            "-in",
            "again.crt",
            "-outform",
            "DER",
            "-out",
            "again.der",
        ]);
        let mut tree = Node::read(token);
        let again = Node::read(&self.pki.read("again.der"));
        *signed_data(&mut tree).child(3) = Node::Tree(0xa0, vec![again]);
        tree.der()
    }

    /// The current list of a CA, DER.
    pub fn crl(&self, ca: &str) -> Vec<u8> {
        self.pki.crl(ca, &[])
    }

    /// The current list of a CA as of `this_update` (GeneralizedTime), DER.
    pub fn crl_of(&self, ca: &str, this_update: &str) -> Vec<u8> {
        self.pki.crl(ca, &["-crl_lastupdate", this_update])
    }

    /// The last list of a CA: it says so itself (EN 319 411-2, nextUpdate 99991231235959Z).
    pub fn last_crl(&self, ca: &str) -> Vec<u8> {
        self.pki.crl(ca, &["-crl_nextupdate", "99991231235959Z"])
    }

    /// The OCSP answer of the issuing CA about one of its certificates, signed by the CA itself.
    pub fn ocsp(&self, name: &str) -> Vec<u8> {
        self.pki.ocsp("issuing", &[name], "issuing")
    }

    /// The issuing CA's memory of what it issued and revoked.
    pub fn index(&self) -> Vec<u8> {
        self.pki.read("issuing/index.txt")
    }

    /// Makes the issuing CA remember this instead.
    pub fn write_index(&self, index: &[u8]) {
        self.pki.write("issuing/index.txt", index);
    }

    /// A list of the issuing CA with this many entries, DER.
    pub fn long_crl(&self, entries: u32) -> Vec<u8> {
        let entry = |number: u32| {
            let serial = 0x1000_0000 + number;
            format!("R\t400101000000Z\t250601000000Z,superseded\t{serial:08X}\tunknown\t/CN=x\n")
        };
        let index: String = (0..entries).map(entry).collect();
        self.pki.write("issuing/index.txt", index);
        self.crl("issuing")
    }

    /// Revokes a certificate of the provider.
    pub fn revoke(&self, name: &str, reason: &str) {
        self.pki.revoke(name, "issuing", &["-crl_reason", reason]);
    }

    /// Destroys every private key.
    pub fn destroy_keys(&self) {
        let folder = self.pki.path("");
        for entry in std::fs::read_dir(folder).expect("reads") {
            let path = entry.expect("reads").path();
            if path.extension().is_some_and(|ending| ending == "key") {
                std::fs::remove_file(path).expect("removes");
            }
        }
    }
}

/// DER octets as PEM text (RFC 7468).
pub fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|at| &text[at..text.len().min(at + 64)])
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n").into_bytes()
}

/// `token` in BER, as some TSAs send it: with indefinite lengths around its parts.
pub fn in_ber(token: &[u8]) -> Vec<u8> {
    let mut root = Node::read(token);
    let mut signed = signed_data(&mut root).clone();
    let parts: Vec<Vec<u8>> = signed.children().iter().map(Node::der).collect();
    let signed = signed.indefinite(&parts);
    let wrapper = root.child(1).indefinite(&[signed]);
    root.clone().indefinite(&[root.child(0).der(), wrapper])
}
