//! TimeStampReq (RFC 3161 2.4.1), and whether a reply answers it (2.2, 2.4.2).
//!
//! A pair: [`TimestampQuery::to_der`] asks, [`TimestampQuery::check`] believes nothing of the
//! answer that it has not compared with the question: the imprint, the nonce (without which an old
//! answer could be played again), the policy and the certificate if they were asked for, the
//! token's whole path to the caller's anchors, and that genTime lies where the clock was when the
//! question was asked. Sans-IO: octets go out and come in; nonce and times come from the caller.

use thiserror::Error;

use crate::asn1::{self, BOOLEAN, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE};
use crate::hash::{HashAlgorithm, HashError};
use crate::path::Anchors;
use crate::reply::{self, ReplyError};
use crate::time::Time;
use crate::token::{TOKEN_INPUT_MAX, TimestampToken, TokenError, VerifiedToken};
use crate::weak::WeakAlgorithms;

/// How far genTime may lie outside of the time between question and answer, in seconds: independent
/// clocks of well-kept machines differ by less, and a TSA whose clock differs by more states no
/// useful time.
pub const GEN_TIME_SLACK_SECONDS: i64 = 300;

/// DER of NULL, the parameters that hash algorithms are named with.
const NULL: [u8; 2] = [0x05, 0x00];

/// Why a reply is not the answer to a query.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryError {
    /// Larger than [`TOKEN_INPUT_MAX`].
    #[error("a reply of {0} octets; at most {TOKEN_INPUT_MAX} are read")]
    Size(usize),
    /// It is no reply, or the TSA refused; failInfo is named.
    #[error(transparent)]
    Reply(#[from] ReplyError),
    /// The token in it does not verify.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The token stamps something else.
    #[error("the token does not stamp what was asked for: its imprint is another one")]
    Imprint,
    /// The nonce was left out, or is another one.
    #[error("the token {}: it may be an old answer, played again",
        if *.0 { "has another nonce than the query" } else { "lacks the query's nonce" })]
    Nonce(bool),
    /// Another TSA policy than the one asked for.
    #[error("the token is under the TSA policy {found}, asked for was {wanted}")]
    Policy {
        /// The value that was asked for: an object identifier, dotted.
        wanted: String,
        /// The value that the token states.
        found: String,
    },
    /// The unit's certificate was asked for and is not in the token.
    #[error("the token lacks the certificate of its unit, which was asked for (certReq)")]
    CertificateMissing,
    /// genTime is not now.
    #[error(
        "genTime {gen_time} is more than {GEN_TIME_SLACK_SECONDS} s off this machine's clock, \
         {asked} when asked and {answered} when answered"
    )]
    GenTime {
        /// genTime of the token.
        gen_time: Time,
        /// When the query was sent, by the caller's clock.
        asked: Time,
        /// When the reply arrived, by the caller's clock.
        answered: Time,
    },
}

impl QueryError {
    /// Stable code, kebab-case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Size(_) => "too-large",
            Self::Reply(error) => error.code(),
            Self::Token(error) => error.code(),
            Self::Imprint => "imprint-mismatch",
            Self::Nonce(_) => "nonce-mismatch",
            Self::Policy { .. } => "policy-mismatch",
            Self::CertificateMissing => "certificate-missing",
            Self::GenTime { .. } => "gen-time-off",
        }
    }
}

/// A request to a TSA for a token over one digest. It asks for the unit's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampQuery {
    algorithm: HashAlgorithm,
    digest: Vec<u8>,
    nonce: [u8; 8],
    policy: Option<String>,
}

/// An answer that was checked against its query.
#[derive(Clone, Debug)]
pub struct Granted {
    /// The token alone, a ContentInfo, in the octets that the TSA sent.
    pub token: Vec<u8>,
    /// The verified token.
    pub verified: VerifiedToken,
}

impl TimestampQuery {
    /// Asks for a token over `document`. `random`: eight octets that cannot be foreseen.
    ///
    /// # Errors
    /// [`HashError::Sha1`]: no new token is asked for under SHA-1.
    pub fn over(
        algorithm: HashAlgorithm,
        document: &[u8],
        random: [u8; 8],
    ) -> Result<Self, HashError> {
        Self::over_digest(algorithm, &algorithm.digest(document), random)
    }

    /// Asks for a token over a document with this digest. `random`: eight octets that cannot be
    /// foreseen.
    ///
    /// # Errors
    /// [`HashError::Sha1`], and [`HashError::Unknown`] if the digest does not have the length of
    /// its algorithm's.
    pub fn over_digest(
        algorithm: HashAlgorithm,
        digest: &[u8],
        random: [u8; 8],
    ) -> Result<Self, HashError> {
        let algorithm = algorithm.accepted(WeakAlgorithms::default())?;
        if digest.len() != algorithm.digest_length() {
            let said = format!("{} with {} octets", algorithm.name(), digest.len());
            return Err(HashError::Unknown(said));
        }
        // Positive and of full length, so that it has one encoding: 62 bits are random.
        let mut nonce = random;
        if let Some(first) = nonce.first_mut() {
            *first = (*first & 0x3f) | 0x40;
        }
        Ok(Self {
            algorithm,
            digest: digest.to_vec(),
            nonce,
            policy: None,
        })
    }

    /// Asks for a token under this TSA policy, dotted decimal.
    ///
    /// # Errors
    /// The text is not an object identifier.
    pub fn with_policy(mut self, policy: &str) -> Result<Self, const_oid::Error> {
        const_oid::ObjectIdentifier::new(policy)?;
        self.policy = Some(policy.to_owned());
        Ok(self)
    }

    /// The query, as it is sent: `application/timestamp-query`.
    pub fn to_der(&self) -> Vec<u8> {
        let mut algorithm = Vec::new();
        asn1::write_element(
            &mut algorithm,
            OBJECT_IDENTIFIER,
            self.algorithm.oid_octets(),
        );
        algorithm.extend(NULL);
        let mut imprint = Vec::new();
        asn1::write_element(&mut imprint, SEQUENCE, &algorithm);
        asn1::write_element(&mut imprint, OCTET_STRING, &self.digest);
        let mut fields = Vec::new();
        asn1::write_element(&mut fields, INTEGER, &[1]);
        asn1::write_element(&mut fields, SEQUENCE, &imprint);
        // Checked when it was set.
        let policy = self.policy.as_deref();
        if let Some(Ok(policy)) = policy.map(const_oid::ObjectIdentifier::new) {
            asn1::write_element(&mut fields, OBJECT_IDENTIFIER, policy.as_bytes());
        }
        asn1::write_element(&mut fields, INTEGER, &self.nonce);
        asn1::write_element(&mut fields, BOOLEAN, &[0xff]);
        let mut query = Vec::new();
        asn1::write_element(&mut query, SEQUENCE, &fields);
        query
    }

    /// Whether `reply`, octets that a TSA sent, answers this query, with a token that verifies
    /// under `anchors`. `asked` and `answered`: what the clock said when the query went out and
    /// when the reply was there.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(
        &self,
        reply: &[u8],
        anchors: &Anchors,
        (asked, answered): (Time, Time),
    ) -> Result<Granted, QueryError> {
        if reply.len() > TOKEN_INPUT_MAX {
            return Err(QueryError::Size(reply.len()));
        }
        let token = reply::granted(reply)?;
        let verified = TimestampToken::parse(token)?.verify(anchors)?;
        let same_hash = verified.imprint_algorithm() == self.algorithm;
        if !same_hash || !verified.check_document_digest(&self.digest) {
            return Err(QueryError::Imprint);
        }
        if verified.nonce() != Some(&self.nonce) {
            return Err(QueryError::Nonce(verified.nonce().is_some()));
        }
        if let Some(wanted) = self.policy.clone().filter(|it| *it != verified.policy()) {
            let found = verified.policy();
            return Err(QueryError::Policy { wanted, found });
        }
        let mut carried = verified.carried().iter();
        if !carried.any(|it| it.der() == verified.signer().der()) {
            return Err(QueryError::CertificateMissing);
        }
        let gen_time = verified.gen_time().time();
        let slack = i128::from(GEN_TIME_SLACK_SECONDS) * 1_000_000;
        if !(asked.plus_micros(-slack)..=answered.plus_micros(slack)).contains(&gen_time) {
            return Err(QueryError::GenTime {
                gen_time,
                asked,
                answered,
            });
        }
        Ok(Granted {
            token: token.to_vec(),
            verified,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_the_one_that_openssl_writes() {
        // openssl ts -query -digest 5a.. -sha256 -cert [-tspolicy 1.2.3.4], with this nonce in it.
        let query = TimestampQuery::over_digest(HashAlgorithm::Sha256, &[0x5a; 32], [0xff; 8]);
        let query = query.expect("SHA-256");
        let expected = "30430201013031300d060960864801650304020105000420\
                        5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\
                        02087fffffffffffffff0101ff";
        assert_eq!(hex::encode(query.to_der()), expected);
        let with_policy = query.clone().with_policy("1.2.3.4").expect("an OID");
        assert!(hex::encode(with_policy.to_der()).contains("5a06032a030402087fff"));
        assert!(query.with_policy("1.2.x").is_err());
    }

    #[test]
    fn nothing_is_stamped_under_sha_1_or_with_half_a_digest() {
        let sha1 = TimestampQuery::over(HashAlgorithm::Sha1, b"x", [0; 8]);
        assert_eq!(sha1, Err(HashError::Sha1));
        let short = TimestampQuery::over_digest(HashAlgorithm::Sha256, &[0; 31], [0; 8]);
        assert!(short.is_err());
        let zero = TimestampQuery::over(HashAlgorithm::Sha512, b"x", [0; 8]).expect("fits");
        assert!(hex::encode(zero.to_der()).ends_with("020840000000000000000101ff"));
    }
}
