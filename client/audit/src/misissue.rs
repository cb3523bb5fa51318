//! Proof that a time-stamping unit gave one serial number to two tokens (docs/formats/misissue.md).
//!
//! RFC 3161 section 2.4.2 demands that a serial number is unique. A log's records can only raise
//! the suspicion, since nothing in them is signed by the TSA; two tokens prove it: both verify
//! under one key, both have one serial, and the signed contents differ. The same TSTInfo signed
//! twice is innocent: a TSA may answer a repeated request again, and an ECDSA signature differs
//! each time. The file carries all that verification needs but the trust anchors, so that anybody
//! can repeat it, with no log and no network.

use std::fmt::Write as _;

use ishibumi_artifact::certificate::CertificateError;
use ishibumi_artifact::time::Time;
use ishibumi_artifact::token::{TOKEN_INPUT_MAX, TokenError};
use ishibumi_artifact::{Anchors, Certificate, Fault, TimestampToken, VerifiedToken};

/// First line of the file.
const HEADER: &str = "ishibumi/misissue/v1";

/// The kind of evidence; there is one so far.
const KIND: &str = "serial-reused";

/// Most certificates in a file.
pub const CERTIFICATES_MAX: usize = 16;

/// The longest certificate in a file, in octets.
const CERTIFICATE_LEN_MAX: usize = 65_536;

/// The longest token in a file, in octets: PEM takes four characters for three octets.
const TOKEN_LEN_MAX: usize = TOKEN_INPUT_MAX * 3 / 2;

/// The longest file, in octets: twice the header's lines, two tokens, and the certificates.
pub const FILE_LEN_MAX: usize = 4_096 + 2 * TOKEN_LEN_MAX + CERTIFICATES_MAX * CERTIFICATE_LEN_MAX;

/// Two tokens, and certificates to verify them with. [`Misissue::verify`] decides what they prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misissue {
    tokens: [Vec<u8>; 2],
    certificates: Vec<Vec<u8>>,
}

/// Why two tokens prove nothing, or a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MisissueError {
    /// The first lines are not those of the format.
    #[error("line {line}: expected {expected}")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// The text expected there.
        expected: &'static str,
    },
    /// The octets after the empty line are more or fewer than the lines announce.
    #[error("{found} octets follow the empty line, the lines announce {announced}")]
    Length {
        /// Octets that are announced.
        announced: usize,
        /// Octets that are there.
        found: usize,
    },
    /// A token does not verify: such a file accuses no TSA.
    #[error("token {number}: {source}")]
    Token {
        /// Number of the token, 1 or 2.
        number: usize,
        /// Why the token is not accepted.
        source: TokenError,
    },
    /// A certificate cannot be read.
    #[error("certificate {number}: {source}")]
    Certificate {
        /// Its number in the file, from 1.
        number: usize,
        /// Why the certificate cannot be read.
        source: CertificateError,
    },
    /// More certificates than a file holds.
    #[error("{0} certificates belong to the tokens, a file holds {CERTIFICATES_MAX}")]
    TooMany(usize),
    /// Two keys signed them: two TSUs may use one serial.
    #[error("the tokens were signed by different keys, of `{first}` and `{second}`")]
    DifferentUnits {
        /// Subject of the certificate that verifies the first token.
        first: String,
        /// Subject of the certificate that verifies the second token.
        second: String,
    },
    /// Two serials.
    #[error("the tokens have different serials, {first} and {second}")]
    DifferentSerials {
        /// The first's, hexadecimal.
        first: String,
        /// The second's, hexadecimal.
        second: String,
    },
    /// Both tokens have one TSTInfo.
    #[error("both tokens have the same TSTInfo: the same statement signed twice is innocent")]
    SameStatement,
}

impl MisissueError {
    /// What the error shows of the file, or of a token in it. `None` if both tokens hold and accuse
    /// no TSA.
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Line { .. } | Self::Length { .. } | Self::TooMany(_) => Some(Fault::Unread),
            Self::Certificate { source, .. } => Some(source.fault()),
            Self::Token { source, .. } => Some(source.fault()),
            Self::DifferentUnits { .. } | Self::DifferentSerials { .. } | Self::SameStatement => {
                None
            }
        }
    }
}

/// A unit that gave one serial to two different statements. Only [`Misissue::verify`] makes one.
#[derive(Clone, Debug)]
pub struct SerialReused {
    tokens: [VerifiedToken; 2],
}

impl SerialReused {
    /// The serial: contents octets of the INTEGER.
    pub fn serial(&self) -> &[u8] {
        let [first, _] = &self.tokens;
        first.serial()
    }

    /// The unit's certificate, as the first token names it.
    pub fn unit(&self) -> &Certificate {
        let [first, _] = &self.tokens;
        first.signer()
    }

    /// Both tokens, verified.
    pub const fn tokens(&self) -> &[VerifiedToken; 2] {
        &self.tokens
    }

    /// genTime of each token.
    pub fn gen_times(&self) -> [Time; 2] {
        self.tokens.each_ref().map(|token| token.gen_time().time())
    }
}

impl Misissue {
    /// Packs two tokens with the certificates that lead from them to `anchors`, if they prove a
    /// reused serial. The order in which they come makes no difference.
    ///
    /// # Errors
    /// [`MisissueError`], if a token does not verify, or the two do not prove a reused serial.
    pub fn pack(one: &[u8], other: &[u8], anchors: &Anchors) -> Result<Self, MisissueError> {
        let mut tokens = [one.to_vec(), other.to_vec()];
        tokens.sort();
        let shown = compare(&tokens, anchors)?;
        let paths = shown.tokens.iter().map(VerifiedToken::path);
        let mut certificates: Vec<Vec<u8>> = paths
            .flat_map(|path| path.certificates().iter().rev().skip(1))
            .map(|certificate| certificate.der().to_vec())
            .collect();
        certificates.sort();
        certificates.dedup();
        if certificates.len() > CERTIFICATES_MAX {
            return Err(MisissueError::TooMany(certificates.len()));
        }
        Ok(Self {
            tokens,
            certificates,
        })
    }

    /// Verifies the tokens under `anchors`; the file's certificates are known without being
    /// trusted.
    ///
    /// # Errors
    /// [`MisissueError`], if a token does not verify, or the two do not prove a reused serial.
    pub fn verify(&self, anchors: Anchors) -> Result<SerialReused, MisissueError> {
        let read = |(number, der): (usize, &Vec<u8>)| {
            Certificate::from_der(der)
                .map_err(|source| MisissueError::Certificate { number, source })
        };
        let known = (1..).zip(&self.certificates).map(read);
        let known: Vec<Certificate> = known.collect::<Result<_, _>>()?;
        compare(&self.tokens, &anchors.with_intermediates(known))
    }

    /// The file's octets.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = format!("{HEADER}\n{KIND}\n");
        for token in &self.tokens {
            // Writing to a String does not fail.
            let _ = writeln!(out, "token {}", token.len());
        }
        for certificate in &self.certificates {
            let _ = writeln!(out, "certificate {}", certificate.len());
        }
        out.push('\n');
        let mut out = out.into_bytes();
        for octets in self.tokens.iter().chain(&self.certificates) {
            out.extend_from_slice(octets);
        }
        out
    }

    /// Reads a file; every octet is accounted for. Nothing in it is verified.
    ///
    /// # Errors
    /// [`MisissueError`]: the first line or part that cannot be read.
    pub fn decode(octets: &[u8]) -> Result<Self, MisissueError> {
        let mut lines = Lines {
            rest: octets,
            line: 0,
        };
        lines.exactly(HEADER, "\"ishibumi/misissue/v1\"")?;
        lines.exactly(KIND, "\"serial-reused\"")?;
        let expected = "\"token <octets>\"";
        let first = lines.length("token", TOKEN_LEN_MAX, expected)?;
        let second = lines.length("token", TOKEN_LEN_MAX, expected)?;
        let mut lengths = Vec::new();
        let expected = "\"certificate <octets>\", at most 16 times, or an empty line";
        while !lines.rest.starts_with(b"\n") {
            if lengths.len() == CERTIFICATES_MAX {
                return Err(lines.wrong(expected));
            }
            lengths.push(lines.length("certificate", CERTIFICATE_LEN_MAX, expected)?);
        }
        let mut rest = lines.rest.get(1..).unwrap_or_default();
        let announced = first + second + lengths.iter().sum::<usize>();
        let wrong = MisissueError::Length {
            announced,
            found: rest.len(),
        };
        if rest.len() != announced {
            return Err(wrong);
        }
        let mut take = |length: usize| {
            let (taken, after) = rest.split_at_checked(length).ok_or_else(|| wrong.clone())?;
            rest = after;
            Ok(taken.to_vec())
        };
        Ok(Self {
            tokens: [take(first)?, take(second)?],
            certificates: lengths.into_iter().map(take).collect::<Result<_, _>>()?,
        })
    }
}

fn compare(tokens: &[Vec<u8>; 2], anchors: &Anchors) -> Result<SerialReused, MisissueError> {
    let read = |number: usize, octets: &[u8]| {
        let failed = |source| MisissueError::Token { number, source };
        let token = TimestampToken::parse(octets).map_err(failed)?;
        let verified = token.verify(anchors).map_err(failed)?;
        Ok((token, verified))
    };
    let [one, other] = tokens;
    let ((one, first), (other, second)) = (read(1, one)?, read(2, other)?);
    if first.signer().key_hash() != second.signer().key_hash() {
        return Err(MisissueError::DifferentUnits {
            first: first.signer().subject(),
            second: second.signer().subject(),
        });
    }
    if first.serial() != second.serial() {
        return Err(MisissueError::DifferentSerials {
            first: hex::encode(first.serial()),
            second: hex::encode(second.serial()),
        });
    }
    if one.tst_info() == other.tst_info() {
        return Err(MisissueError::SameStatement);
    }
    Ok(SerialReused {
        tokens: [first, second],
    })
}

/// The text before the empty line.
struct Lines<'a> {
    rest: &'a [u8],
    /// Lines that were read.
    line: usize,
}

impl<'a> Lines<'a> {
    fn wrong(&self, expected: &'static str) -> MisissueError {
        MisissueError::Line {
            line: self.line.max(1),
            expected,
        }
    }

    fn next(&mut self, expected: &'static str) -> Result<&'a [u8], MisissueError> {
        self.line += 1;
        let end = self.rest.iter().take(64).position(|octet| *octet == b'\n');
        let end = end.ok_or_else(|| self.wrong(expected))?;
        let (line, after) = self.rest.split_at(end);
        self.rest = after.get(1..).unwrap_or_default();
        Ok(line)
    }

    fn exactly(&mut self, text: &str, expected: &'static str) -> Result<(), MisissueError> {
        if self.next(expected)? == text.as_bytes() {
            Ok(())
        } else {
            Err(self.wrong(expected))
        }
    }

    /// The number in a line `word NUMBER`: 1 to `most`, in decimal without leading zeros.
    fn length(
        &mut self,
        word: &str,
        most: usize,
        expected: &'static str,
    ) -> Result<usize, MisissueError> {
        let line = std::str::from_utf8(self.next(expected)?).unwrap_or_default();
        let digits = line
            .strip_prefix(word)
            .and_then(|rest| rest.strip_prefix(' '));
        let number = digits.and_then(|digits| {
            let number = digits.parse::<usize>().ok()?;
            (number.to_string() == digits).then_some(number)
        });
        let number = number.filter(|number| (1..=most).contains(number));
        number.ok_or_else(|| self.wrong(expected))
    }
}
