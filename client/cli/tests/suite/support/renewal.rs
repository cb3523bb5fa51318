//! Evidence to renew, OpenSSL's units to renew it with, and the golden renewed file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use ishibumi::evidence::renewal::{Renewed, Terms};
use ishibumi::succession::Policies;
use ishibumi::verify::{Indication, Report, RevocationRule};
use ishibumi_artifact::rules::{AlgorithmEnds, end_of_day};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Anchors, ArtifactType, Certificate};
use ishibumi_tlog::Policy;
use serde_json::Value;

use super::log::Log;
use super::pki::Pki;
use super::{Ran, ishibumi};

/// A unit of the future: a CA, a key and hashes of its own, valid for twenty years.
pub(crate) const STRONG: &[&str] = &[
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -sha384 -nodes -keyout ca384.key -out ca384.crt \
     -days 9000 -subj /C=JP/O=Test/CN=CA384 -addext keyUsage=critical,keyCertSign,cRLSign",
    "req -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout tsa384.key -out tsa384.csr \
     -subj /C=JP/O=Test/CN=TSU384",
    "x509 -req -in tsa384.csr -sha384 -CA ca384.crt -CAkey ca384.key -set_serial 7 -days 7000 \
     -extfile pki.cnf -extensions tsa_extensions -out tsa384.crt",
];

/// `text` with its days: `@tomorrow`, `@soon` in a month, `@then` in three years and more, `@eve`
/// the day before that.
pub(crate) fn dated(text: &str) -> String {
    let day = |days: u64| {
        let time = i64::try_from(seconds_now() + days * 86_400).unwrap();
        let text = Time::from_unix(time).to_generalized();
        format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..8])
    };
    let text = text.replace("@tomorrow", &day(1));
    let text = text.replace("@soon", &day(30));
    let text = text.replace("@then", &day(1_200));
    text.replace("@eve", &day(1_199))
}

fn seconds_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_secs()
}

/// What ends within weeks: all that the evidence of today rests on.
pub(crate) const WEAK: &str = "ed25519 @soon\nsha-256 @soon\necdsa-p256 @soon\n";

pub(crate) struct Scene {
    pub(crate) pki: Pki,
    pub(crate) log: Log,
    pub(crate) index: u64,
    pub(crate) now: u64,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let pki = Pki::new();
        for line in STRONG {
            pki.openssl(line);
        }
        fs::copy(pki.path("ca384.crt"), pki.path("anchors/ca384.crt")).unwrap();
        // The unit that stamps the evidence is none whose token is in it.
        pki.issue("tsa", "/C=JP/O=Test/CN=Stamping");
        fs::copy(pki.path("tsa.crt"), pki.path("tsa256.crt")).unwrap();
        fs::copy(pki.path("tsa.key"), pki.path("tsa256.key")).unwrap();
        pki.issue("tsa", "/C=JP/O=Test/CN=TSU");
        pki.stamp("contract", "we agree\n");
        let mut log = Log::new();
        let token = pki.read("contract.tst");
        let index = log.submit(ArtifactType::TimestampToken, &token, &pki.anchors());
        log.grow(9);
        let now = seconds_now() + 60;
        fs::write(pki.path("policy.txt"), log.policy()).unwrap();
        fs::write(pki.path("ends.txt"), dated(WEAK)).unwrap();
        let proof = log.proof(index, &[now, now + 1]);
        fs::write(pki.path("contract.tst.tlog-proof"), proof).unwrap();
        let scene = Self {
            pki,
            log,
            index,
            now,
        };
        let pack = "evidence pack --without-revocation --policy policy.txt --anchors anchors --document contract.txt contract.tst";
        scene.run(pack).expect(0);
        scene
    }

    pub(crate) fn run(&self, line: &str) -> Ran {
        ishibumi(self.pki.folder(), &dated(line))
    }

    pub(crate) fn verify(&self, rest: &str, code: i32) -> Value {
        let line = format!(
            "evidence verify --without-revocation --json --policy policy.txt --anchors anchors {rest}"
        );
        self.run(&line).expect(code).json()
    }

    /// A query that was answered is of no use any more, and the next one is not written over it.
    pub(crate) fn forget_query(&self) {
        // The first time there is none.
        let _ = fs::remove_file(self.pki.path("out.tsq"));
    }

    /// Renews `file` into `out` by a token of this unit, over the imprint that `hash` asks for.
    pub(crate) fn renew(&self, unit: &str, digest: &str, hash: &str, file: &str, out: &str) {
        self.forget_query();
        self.run(&format!("evidence renew --query out.tsq {hash} {file}"))
            .expect(0);
        let config = String::from_utf8(self.pki.read("pki.cnf")).unwrap();
        let config = config
            .replace(
                "signer_cert = tsa.crt",
                &format!("signer_cert = {unit}.crt"),
            )
            .replace("signer_key = tsa.key", &format!("signer_key = {unit}.key"))
            .replace(
                "signer_digest = sha256",
                &format!("signer_digest = {digest}"),
            );
        let config = config.lines().filter(|line| !line.starts_with("certs ="));
        let config: Vec<&str> = config.collect();
        fs::write(self.pki.path("unit.cnf"), config.join("\n")).unwrap();
        self.pki
            .openssl("ts -reply -config unit.cnf -section unit -queryfile out.tsq -out in.tsr");
        self.run(&format!(
            "evidence renew --reply in.tsr --anchors anchors --out {out} {file}"
        ))
        .expect(0);
    }

    /// Today's time-stamp, and its hash-tree renewal by the strong unit.
    pub(crate) fn renewed_in_time(&self) {
        self.renew("tsa256", "sha256", "", PLAIN, "stamped.evidence.zip");
        self.renew(
            "tsa384",
            "sha384",
            "--hash sha-512",
            "stamped.evidence.zip",
            "renewed.evidence.zip",
        );
    }
}

pub(crate) const PLAIN: &str = "contract.tst.evidence.zip";

pub(crate) fn published(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata")
        .join(path)
}

pub(crate) fn read(path: &str) -> Vec<u8> {
    fs::read(published(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn golden_anchors() -> Anchors {
    Anchors::from_certificates(
        ["evidence/anchor.crt", "renewal/anchor.crt"]
            .map(|path| Certificate::parse(&read(path)).unwrap()),
    )
}

/// All that can be proven with a file, and when the evidence existed.
pub(crate) fn proven(octets: &[u8], ends: &str, at: &str) -> (usize, Option<Time>) {
    let Ok(renewed) = Renewed::open(octets) else {
        return (0, None);
    };
    let policy = Policy::parse(&read("evidence/policy.txt")).unwrap();
    let policies = Policies::new(policy, Vec::new()).unwrap();
    let terms = Terms {
        policies: &policies,
        anchors: &golden_anchors(),
        rule: RevocationRule::NotAsked,
        revocation: &[],
        ends: AlgorithmEnds::parse(ends).unwrap(),
        now: end_of_day(at).unwrap(),
    };
    let verdict = renewed.verify(&terms, |_| ());
    let items = verdict.items.iter();
    let passed = |report: &Report| report.indication() == Indication::TotalPassed;
    let count = items
        .filter(|it| it.report.as_ref().is_ok_and(passed))
        .count();
    (count, verdict.renewals.and_then(|it| it.proven.ok()))
}

pub(crate) const GOLDEN: &str = "renewal/golden.evidence.zip";

/// What ends before 2060, with the renewals of 2035 and 2045 before.
pub(crate) const ENDS: &str =
    "rsa-below-3072 2035-12-31\ned25519 2040-12-31\nsha-256 2045-12-31\necdsa-p256 2045-12-31\n";
