//! Queries that the OpenSSL on this machine answers, and replies that answer something else.

use crate::support::{P256, Pki};
use ishibumi_artifact::hash::HashAlgorithm;
use ishibumi_artifact::query::GEN_TIME_SLACK_SECONDS;
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Anchors, Certificate, TimestampQuery};

const SLACK: i128 = GEN_TIME_SLACK_SECONDS as i128 * 1_000_000;

/// What `openssl ts -reply` says to `query`.
fn reply(pki: &Pki, query: &TimestampQuery) -> Vec<u8> {
    pki.write("query.tsq", query.to_der());
    let shown = pki.openssl(&["ts", "-query", "-in", "query.tsq", "-text"]);
    let shown = String::from_utf8(shown).unwrap();
    assert!(shown.contains("Certificate required: yes"), "{shown}");
    pki.write("tsaserial", "01\n");
    pki.write(
        "answer.cnf",
        "[tsa]\ndefault_tsa=t\n[t]\nserial=./tsaserial\ncrypto_device=builtin\nsigner_cert=./tsu.crt\n\
         certs=./issuing.crt\nsigner_key=./tsu.key\nsigner_digest=sha512\ndefault_policy=1.2.3.4\n\
         other_policies=1.2.3.5\ndigests=sha256,sha384,sha512\naccuracy=secs:1\nordering=no\n\
         tsa_name=yes\ness_cert_id_chain=no\ness_cert_id_alg=sha256\n",
    );
    pki.openssl(&[
        "ts",
        "-reply",
        "-config",
        "answer.cnf",
        "-queryfile",
        "query.tsq",
    ])
}

/// testdata/timestamp-reply: a query, and OpenSSL's answer.
#[test]
fn the_golden_reply_answers_the_golden_query() {
    let golden = |name: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/timestamp-reply/");
        std::fs::read(format!("{folder}{name}")).unwrap()
    };
    let random = [0x41, 0x12, 0x23, 0x34, 0x45, 0x56, 0x67, 0x78];
    let query = TimestampQuery::over(HashAlgorithm::Sha256, b"a contract", random).unwrap();
    assert_eq!(query.to_der(), golden("query.tsq"));
    let root = Certificate::parse(&golden("ca.crt")).unwrap();
    let anchors = Anchors::from_certificates([root]);
    // 2026-11-24 12:16:32 UTC
    let then = Time::from_unix(1_795_522_592);
    let granted = query.check(&golden("reply.tsr"), &anchors, (then, then));
    assert_eq!(granted.unwrap().verified.gen_time().time(), then);
}

#[test]
fn openssl_answers_and_only_its_own_query_is_answered() {
    let pki = Pki::new();
    let dates = ("20250101000000Z", "20400101000000Z");
    pki.unit("tsu", P256, "issuing", "v3_tsu", dates);
    let anchors = pki.anchors();
    let query = |hash, random| TimestampQuery::over(hash, b"a contract", random).unwrap();
    for hash in [
        HashAlgorithm::Sha256,
        HashAlgorithm::Sha384,
        HashAlgorithm::Sha512,
    ] {
        let query = query(hash, [0x33; 8]);
        let octets = reply(&pki, &query);
        let token = ishibumi_artifact::TimestampToken::parse(&octets).unwrap();
        let gen_time = token.verify(&anchors).unwrap().gen_time().time();
        let granted = query
            .check(&octets, &anchors, (gen_time, gen_time))
            .unwrap();
        assert!(granted.verified.matches(b"a contract"));
        assert_eq!(granted.verified.imprint_algorithm(), hash);
        // The token alone is a part of the reply, and no reply.
        assert!(octets.ends_with(&granted.token));
        let bare = query.check(&granted.token, &anchors, (gen_time, gen_time));
        assert_eq!(bare.unwrap_err().code(), "reply-malformed");

        let refused = |other: &TimestampQuery, anchors: &Anchors, times: (Time, Time)| {
            other.check(&octets, anchors, times).unwrap_err().code()
        };
        let now = (gen_time, gen_time);
        let another = TimestampQuery::over(hash, b"a contract", [0x77; 8]).unwrap();
        assert_eq!(refused(&another, &anchors, now), "nonce-mismatch");
        let another = TimestampQuery::over(hash, b"a forgery", [0; 8]).unwrap();
        assert_eq!(refused(&another, &anchors, now), "imprint-mismatch");
        let another = query.clone().with_policy("1.2.3.5").unwrap();
        assert_eq!(refused(&another, &anchors, now), "policy-mismatch");
        let stranger = Anchors::from_certificates([pki.certificate("stranger")]);
        assert_eq!(refused(&query, &stranger, now), "issuer-unregistered");
        // Its time is now, within the slack and not a microsecond more.
        for (asked, answered, fits) in [
            (SLACK, SLACK, true),
            (SLACK + 1, SLACK + 1, false),
            (-SLACK, -SLACK, true),
            (-SLACK - 1, -SLACK - 1, false),
        ] {
            let times = (gen_time.plus_micros(asked), gen_time.plus_micros(answered));
            let checked = query.check(&octets, &anchors, times);
            assert_eq!(checked.is_ok(), fits, "{asked}");
            let code = checked.err().map(|error| error.code());
            assert!(fits || code == Some("gen-time-off"));
        }
        let mut broken = octets.clone();
        broken.truncate(octets.len() - 1);
        assert_eq!(
            query.check(&broken, &anchors, now).unwrap_err().code(),
            "reply-malformed"
        );
    }
    let with_policy = query(HashAlgorithm::Sha256, [9; 8])
        .with_policy("1.2.3.5")
        .unwrap();
    let octets = reply(&pki, &with_policy);
    let token = ishibumi_artifact::TimestampToken::parse(&octets).unwrap();
    let gen_time = token.verify(&anchors).unwrap().gen_time().time();
    let granted = with_policy
        .check(&octets, &anchors, (gen_time, gen_time))
        .unwrap();
    assert_eq!(granted.verified.policy(), "1.2.3.5");
    // An algorithm that the TSA does not know is refused by name.
    let unknown = query(HashAlgorithm::Sha256, [9; 8])
        .with_policy("1.2.9")
        .unwrap();
    let octets = reply(&pki, &unknown);
    let refused = unknown
        .check(&octets, &anchors, (gen_time, gen_time))
        .unwrap_err();
    assert_eq!(refused.code(), "reply-not-granted");
    assert!(
        refused.to_string().contains("unacceptedPolicy"),
        "{refused}"
    );
}
