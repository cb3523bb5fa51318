//! A CA, a time-stamping unit and an e-seal certificate, made by OpenSSL (P-256, ESS with SHA-256).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ishibumi_artifact::hash::HashAlgorithm;
use ishibumi_artifact::{Anchors, Certificate};
use tempfile::TempDir;

const CONFIG: &str = "
[ca]
default_ca = the_ca
[the_ca]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = ca.crt
private_key = ca.key
default_md = sha256
default_days = 365
default_crl_days = 30
policy = any
unique_subject = no
[the_root]
database = root_index.txt
crlnumber = root_crlnumber
certificate = root.crt
private_key = root.key
default_md = sha256
[any]
countryName = optional
organizationName = optional
organizationIdentifier = optional
commonName = supplied
[tsa_extensions]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[ca_extensions]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
[ocsp_extensions]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = OCSPSigning
[seal_extensions]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,nonRepudiation
[tsa]
default_tsa = unit
[unit]
serial = tsaserial
crypto_device = builtin
signer_cert = tsa.crt
certs = ca.crt
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256,sha512
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
";

pub(crate) struct Pki {
    folder: TempDir,
}

impl Pki {
    pub(crate) fn new() -> Self {
        Self::of("CA")
    }

    /// With a CA of this name.
    pub(crate) fn of(ca: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pki = Self { folder };
        fs::write(pki.path("pki.cnf"), CONFIG).unwrap();
        for (file, text) in [
            ("index.txt", ""),
            ("serial", "1000\n"),
            ("crlnumber", "01\n"),
            ("tsaserial", "01\n"),
        ] {
            fs::write(pki.path(file), text).unwrap();
        }
        pki.openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt \
             -days 3650 -subj /C=JP/O=Test/CN={ca} -addext keyUsage=critical,keyCertSign,cRLSign"
        ));
        pki.issue("tsa", "/C=JP/O=Test/CN=TSU");
        pki.issue(
            "seal",
            "/C=JP/O=Test/organizationIdentifier=NTRJP-8040001079502/CN=Seal",
        );
        fs::create_dir(pki.path("anchors")).unwrap();
        fs::copy(pki.path("ca.crt"), pki.path("anchors/ca.crt")).unwrap();
        pki
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    #[track_caller]
    pub(crate) fn openssl(&self, line: &str) {
        let output = Command::new("openssl")
            .args(line.split_whitespace())
            .current_dir(self.folder())
            .output()
            .expect("openssl is needed for the tests");
        let shown = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {line}: {shown}");
    }

    /// Puts a root above the CA and takes the CA out of the anchors: the CA is then known, and
    /// trusted through the root alone.
    pub(crate) fn under_a_root(self) -> Self {
        fs::write(self.path("root_index.txt"), "").unwrap();
        fs::write(self.path("root_crlnumber"), "01\n").unwrap();
        self.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -out root.crt \
             -days 3650 -subj /C=JP/O=Test/CN=Root -addext keyUsage=critical,keyCertSign,cRLSign",
        );
        self.openssl("req -new -key ca.key -subj /C=JP/O=Test/CN=CA -out crossed.csr");
        self.openssl(
            "x509 -req -in crossed.csr -CA root.crt -CAkey root.key -set_serial 77 -days 3650 \
             -extfile pki.cnf -extensions ca_extensions -out crossed.crt",
        );
        fs::create_dir(self.path("anchors/intermediates")).unwrap();
        fs::rename(self.path("root.crt"), self.path("anchors/root.crt")).unwrap();
        fs::copy(self.path("anchors/root.crt"), self.path("root.crt")).unwrap();
        let known = self.path("anchors/intermediates/crossed.crt");
        fs::copy(self.path("crossed.crt"), known).unwrap();
        fs::remove_file(self.path("anchors/ca.crt")).unwrap();
        self
    }

    /// Writes `out`, an OCSP response about `certificate` signed by `signer`, as the CA's database
    /// has it: see [`Self::list`].
    pub(crate) fn response(&self, out: &str, certificate: &str, signer: &str) {
        self.openssl(&format!(
            "ocsp -no_nonce -reqout request.der -issuer ca.crt -cert {certificate}"
        ));
        self.openssl(&format!(
            "ocsp -index index.txt -CA ca.crt -rsigner {signer}.crt -rkey {signer}.key -reqin request.der \
             -respout {out} -ndays 700"
        ));
    }

    pub(crate) fn issue(&self, name: &str, subject: &str) {
        self.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.csr \
             -subj {subject}"
        ));
        self.openssl(&format!(
            "ca -batch -notext -config pki.cnf -extensions {name}_extensions -in {name}.csr -out {name}.crt"
        ));
    }

    /// Writes `name.txt` and its token `name.tst`.
    pub(crate) fn stamp(&self, name: &str, document: &str) {
        fs::write(self.path(&format!("{name}.txt")), document).unwrap();
        self.openssl(&format!(
            "ts -query -data {name}.txt -sha256 -cert -out {name}.tsq"
        ));
        self.openssl(&format!(
            "ts -reply -config pki.cnf -section unit -queryfile {name}.tsq -out {name}.tsr"
        ));
        self.openssl(&format!(
            "ts -reply -config pki.cnf -in {name}.tsr -token_out -out {name}.tst"
        ));
    }

    /// A time-stamping unit that is valid whenever its clock says, from 2000 to 2099, and trusted
    /// as such: the CA is as young as the test.
    pub(crate) fn unit(&self, name: &str) {
        self.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.csr \
             -subj /C=JP/O=Test/CN={name}"
        ));
        self.openssl(&format!(
            "ca -batch -notext -config pki.cnf -extensions tsa_extensions -startdate 20000101000000Z \
             -enddate 20991231235959Z -in {name}.csr -out {name}.crt"
        ));
        let trusted = self.path(&format!("anchors/{name}.crt"));
        fs::copy(self.path(&format!("{name}.crt")), trusted).unwrap();
    }

    /// Writes `out`, a token by `unit` over `imprint`, whose clock shows `time`
    /// (`YYYYMMDDHHMMSSZ`). `signed`: the digest of the signature, as OpenSSL calls it.
    pub(crate) fn stamp_at(
        &self,
        unit: &str,
        out: &str,
        (hash, imprint): (HashAlgorithm, &[u8]),
        time: &str,
        signed: &str,
    ) {
        let element = |tag: u8, content: &[u8]| {
            let length = u8::try_from(content.len()).unwrap();
            // DER has one octet of length up to 127, and two up to 255.
            let header = if length < 128 {
                vec![tag, length]
            } else {
                vec![tag, 0x81, length]
            };
            [&header[..], content].concat()
        };
        let algorithm = element(0x30, &element(6, hash.oid_octets()));
        let info = [
            element(2, &[1]),
            element(6, &[0x2a, 3, 4, 1]),
            element(0x30, &[algorithm, element(4, imprint)].concat()),
            element(2, &[7]),
            element(0x18, time.as_bytes()),
        ];
        let info = element(0x30, &info.concat());
        fs::write(self.path("info.der"), info).unwrap();
        self.openssl(&format!(
            "cms -sign -binary -nodetach -in info.der -outform DER -cades -md {signed} \
             -econtent_type 1.2.840.113549.1.9.16.1.4 -signer {unit}.crt -inkey {unit}.key -out {out}"
        ));
    }

    /// Writes the list `out`, of `this_update`, on which each `(certificate, date, reason)` stands.
    /// Times are `YYMMDDHHMMSSZ`; an empty reason is left out of the list.
    pub(crate) fn list(&self, out: &str, this_update: &str, revoked: &[(&str, &str, &str)]) {
        self.write_index("index.txt", revoked);
        self.openssl(&format!(
            "ca -config pki.cnf -gencrl -crl_lastupdate 20{this_update} -crl_nextupdate 20400101000000Z -out {out}"
        ));
    }

    /// DER of a list that was written.
    pub(crate) fn der_of_list(&self, name: &str) -> Vec<u8> {
        self.openssl(&format!("crl -in {name} -outform DER -out {name}.der"));
        self.read(&format!("{name}.der"))
    }

    /// Writes a list that keeps certificates that expired at or after `since` (expiredCertsOnCRL).
    pub(crate) fn keeping_list(
        &self,
        out: &str,
        this_update: &str,
        since: &str,
        revoked: &[(&str, &str, &str)],
    ) {
        self.write_index("index.txt", revoked);
        let config = format!("{CONFIG}[keeping]\n2.5.29.60 = ASN1:GENTIME:20{since}\n");
        fs::write(self.path("keeping.cnf"), config).unwrap();
        self.openssl(&format!(
            "ca -config keeping.cnf -gencrl -crlexts keeping -crl_lastupdate 20{this_update} \
             -crl_nextupdate 20400101000000Z -out {out}"
        ));
    }

    /// Writes a list of the root, about the CA.
    pub(crate) fn root_list(&self, out: &str, this_update: &str, revoked: &[(&str, &str, &str)]) {
        self.write_index("root_index.txt", revoked);
        self.openssl(&format!(
            "ca -config pki.cnf -name the_root -gencrl -crl_lastupdate 20{this_update} \
             -crl_nextupdate 20400101000000Z -out {out}"
        ));
    }

    /// The database of a CA whose issued certificates are all revoked.
    pub(crate) fn write_index(&self, file: &str, revoked: &[(&str, &str, &str)]) {
        let mut index = String::new();
        for (certificate, date, reason) in revoked {
            let der = Certificate::parse(&self.read(certificate)).unwrap();
            let serial = hex::encode_upper(der.serial());
            let reason = if reason.is_empty() {
                String::new()
            } else {
                format!(",{reason}")
            };
            let row = format!("R\t351231235959Z\t{date}{reason}\t{serial}\tunknown\t/CN=x\n");
            index.push_str(&row);
        }
        fs::write(self.path(file), index).unwrap();
    }

    pub(crate) fn anchors(&self) -> Anchors {
        Anchors::from_certificates([Certificate::parse(&self.read("ca.crt")).unwrap()])
    }
}

/// `YYMMDDHHMMSSZ` of seconds since the Epoch.
pub(crate) fn short_time(seconds: i64) -> String {
    ishibumi_artifact::time::Time::from_unix(seconds).to_generalized()[2..].to_owned()
}
