//! Reading policy files (C2SP tlog-policy, "Policy file syntax and structure").
//!
//! The file is octets: names and URLs are opaque, only ASCII space and tab separate, only newline
//! ends a line, and `#` is a comment only as the first character of a line.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::{AlgorithmRequirement, Group, Log, Member, Policy, Quorum, Witness};
use crate::decimal;
use crate::key::{KeyError, SignatureType, VerifierKey};

/// The longest policy file that is read, in octets.
pub const FILE_LEN_MAX: usize = 1 << 20;
/// The most `log` lines (C2SP recommends to support at least 32).
pub const LOGS_MAX: usize = 256;
/// The most `witness` lines (C2SP recommends to support at least 32).
pub const WITNESSES_MAX: usize = 1024;
/// The most `group` lines (C2SP recommends to support at least 32).
pub const GROUPS_MAX: usize = 1024;

/// What is wrong with a policy file, and in which line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", Place(*line))]
pub struct PolicyError {
    /// Number of the line, from 1; 0 if it is about the file as a whole.
    pub line: usize,
    /// What is wrong with that line.
    pub problem: PolicyProblem,
}

/// What can be wrong with a policy file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyProblem {
    /// Longer than [`FILE_LEN_MAX`].
    #[error("the policy has {0} octets, at most {FILE_LEN_MAX} are read")]
    TooLong(usize),
    /// A control character other than tab and newline.
    #[error("control character {0:#04x}: only tab and newline are allowed")]
    Control(u8),
    /// The last line does not end in a newline: the file may be cut off.
    #[error("the last line does not end in a newline: the file may have been cut off")]
    NoNewline,
    /// The first word is none of the four keywords.
    #[error("unknown keyword {0:?}: a line begins with log, witness, group, quorum or #")]
    Keyword(String),
    /// Too few or too many words.
    #[error("expected: {0}")]
    Form(&'static str),
    /// A key cannot be read.
    #[error("the key: {0}")]
    Key(#[from] KeyError),
    /// A key of the wrong type for its line.
    #[error(
        "a {place} key has signature type {expected:#04x} (Ed25519) or 0x06 (ML-DSA-44), this one has {found:#04x}"
    )]
    KeyType {
        /// `log` or `witness`.
        place: &'static str,
        /// The Ed25519 type that the line demands; `0x06` is accepted as well, in log and witness
        /// lines.
        expected: u8,
        /// The type that it has.
        found: u8,
    },
    /// The same public key in two lines of one kind.
    #[error("the same public key as in line {0}: a key counts once")]
    DuplicateKey(usize),
    /// A name is defined twice, or is the predefined `none`.
    #[error("the name {0:?} is already taken")]
    DuplicateName(String),
    /// A name that no line above defines.
    #[error("the name {0:?} is not defined in a line above this one")]
    UnknownName(String),
    /// A name is a member of two groups, or twice of one.
    #[error("{0:?} is already a member of a group: each name may be a member once")]
    DuplicateMember(String),
    /// The threshold is no number from 1 to the number of members.
    #[error("the threshold {found:?} is not \"any\", \"all\" or a number from 1 to {members}")]
    Threshold {
        /// The threshold as written.
        found: String,
        /// Number of members of the group.
        members: usize,
    },
    /// More lines of one kind than are read.
    #[error("more than {most} {kind} lines")]
    TooMany {
        /// `log`, `witness` or `group`.
        kind: &'static str,
        /// The greatest number that is read.
        most: usize,
    },
    /// A second quorum line.
    #[error("a second quorum line (the first is line {0}): there has to be exactly one")]
    SecondQuorum(usize),
    /// The file has no quorum line.
    #[error("no quorum line: there has to be exactly one")]
    NoQuorum,
    /// `quorum none` where the caller did not allow it.
    #[error(
        "\"quorum none\" asks for no witness at all and proves no time; it has to be allowed explicitly"
    )]
    QuorumNone,
}

struct Place(usize);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            Ok(())
        } else {
            write!(f, "line {}: ", self.0)
        }
    }
}

impl Policy {
    /// Reads a policy file that asks for at least one witness; `quorum none` is refused.
    ///
    /// # Errors
    /// [`PolicyError`]: the first faulty line, and what is wrong with it; also for `quorum none`.
    pub fn parse(file: &[u8]) -> Result<Self, PolicyError> {
        let policy = Self::parse_allowing_no_quorum(file)?;
        if policy.quorum == Quorum::None {
            return Err(PolicyError {
                line: 0,
                problem: PolicyProblem::QuorumNone,
            });
        }
        Ok(policy)
    }

    /// Reads a policy file, and accepts `quorum none`. Call it only if a person has chosen that.
    ///
    /// # Errors
    /// [`PolicyError`]: the first faulty line, and what is wrong with it.
    pub fn parse_allowing_no_quorum(file: &[u8]) -> Result<Self, PolicyError> {
        let whole = |problem| PolicyError { line: 0, problem };
        if file.len() > FILE_LEN_MAX {
            return Err(whole(PolicyProblem::TooLong(file.len())));
        }
        let mut reader = Reader::default();
        if let Some(lines) = file.strip_suffix(b"\n") {
            for (number, line) in (1..).zip(lines.split(|&b| b == b'\n')) {
                reader.line(number, line).map_err(|problem| PolicyError {
                    line: number,
                    problem,
                })?;
            }
        } else if !file.is_empty() {
            return Err(whole(PolicyProblem::NoNewline));
        }
        let (_, quorum) = reader
            .quorum
            .ok_or_else(|| whole(PolicyProblem::NoQuorum))?;
        let Reader {
            logs,
            witnesses,
            groups,
            ..
        } = reader;
        Ok(Self {
            logs,
            witnesses,
            groups,
            quorum,
            demand: AlgorithmRequirement::default(),
        })
    }
}

#[derive(Default)]
struct Reader {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    quorum: Option<(usize, Quorum)>,
    names: HashMap<Vec<u8>, Member>,
    members: HashSet<Member>,
    log_keys: HashMap<Vec<u8>, usize>,
    witness_keys: HashMap<Vec<u8>, usize>,
}

const LOG_FORM: &str = "log <vkey> [<url>]";
const WITNESS_FORM: &str = "witness <name> <vkey> [<url>]";
const GROUP_FORM: &str = "group <name> all|any|<number> <name>...";
const QUORUM_FORM: &str = "quorum <name>|none";

impl Reader {
    fn line(&mut self, number: usize, line: &[u8]) -> Result<(), PolicyProblem> {
        if let Some(&control) = line
            .iter()
            .find(|&&b| (b < 0x20 && b != b'\t') || b == 0x7f)
        {
            return Err(PolicyProblem::Control(control));
        }
        let words: Vec<&[u8]> = line
            .split(|&b| b == b' ' || b == b'\t')
            .filter(|word| !word.is_empty())
            .collect();
        let Some((&keyword, words)) = words.split_first() else {
            return Ok(());
        };
        match keyword {
            _ if keyword.starts_with(b"#") => Ok(()),
            b"log" => self.log(number, words),
            b"witness" => self.witness(number, words),
            b"group" => self.group(words),
            b"quorum" => self.quorum(number, words),
            _ => Err(PolicyProblem::Keyword(shown(keyword))),
        }
    }

    fn log(&mut self, number: usize, words: &[&[u8]]) -> Result<(), PolicyProblem> {
        let (&key, url) = words.split_first().ok_or(PolicyProblem::Form(LOG_FORM))?;
        let url = optional(url, LOG_FORM)?;
        at_most("log", LOGS_MAX, self.logs.len())?;
        let key = vkey(key, "log", SignatureType::Ed25519)?;
        if let Some(earlier) = self.log_keys.insert(key.public_key().to_vec(), number) {
            return Err(PolicyProblem::DuplicateKey(earlier));
        }
        self.logs.push(Log { key, url });
        Ok(())
    }

    fn witness(&mut self, number: usize, words: &[&[u8]]) -> Result<(), PolicyProblem> {
        let [name, key, url @ ..] = words else {
            return Err(PolicyProblem::Form(WITNESS_FORM));
        };
        let url = optional(url, WITNESS_FORM)?;
        at_most("witness", WITNESSES_MAX, self.witnesses.len())?;
        let key = vkey(key, "witness", SignatureType::CosignatureV1)?;
        if let Some(earlier) = self.witness_keys.insert(key.public_key().to_vec(), number) {
            return Err(PolicyProblem::DuplicateKey(earlier));
        }
        self.define(name, Member::Witness(self.witnesses.len()))?;
        self.witnesses.push(Witness {
            name: name.to_vec(),
            key,
            url,
        });
        Ok(())
    }

    fn group(&mut self, words: &[&[u8]]) -> Result<(), PolicyProblem> {
        let [name, threshold, member_names @ ..] = words else {
            return Err(PolicyProblem::Form(GROUP_FORM));
        };
        if member_names.is_empty() {
            return Err(PolicyProblem::Form(GROUP_FORM));
        }
        at_most("group", GROUPS_MAX, self.groups.len())?;
        let mut members = Vec::with_capacity(member_names.len());
        for &member_name in member_names {
            let member = self.resolve(member_name)?;
            if !self.members.insert(member) {
                return Err(PolicyProblem::DuplicateMember(shown(member_name)));
            }
            members.push(member);
        }
        let threshold = match *threshold {
            b"any" => 1,
            b"all" => members.len(),
            number => std::str::from_utf8(number)
                .ok()
                .and_then(decimal::parse)
                .and_then(|k| usize::try_from(k).ok())
                .filter(|k| (1..=members.len()).contains(k))
                .ok_or_else(|| PolicyProblem::Threshold {
                    found: shown(number),
                    members: members.len(),
                })?,
        };
        self.define(name, Member::Group(self.groups.len()))?;
        self.groups.push(Group {
            name: name.to_vec(),
            threshold,
            members,
        });
        Ok(())
    }

    fn quorum(&mut self, number: usize, words: &[&[u8]]) -> Result<(), PolicyProblem> {
        let &[name] = words else {
            return Err(PolicyProblem::Form(QUORUM_FORM));
        };
        if let Some((earlier, _)) = self.quorum {
            return Err(PolicyProblem::SecondQuorum(earlier));
        }
        let quorum = if name == b"none" {
            Quorum::None
        } else {
            Quorum::Of(self.resolve(name)?)
        };
        self.quorum = Some((number, quorum));
        Ok(())
    }

    fn define(&mut self, name: &[u8], member: Member) -> Result<(), PolicyProblem> {
        if name == b"none" || self.names.contains_key(name) {
            return Err(PolicyProblem::DuplicateName(shown(name)));
        }
        self.names.insert(name.to_vec(), member);
        Ok(())
    }

    fn resolve(&self, name: &[u8]) -> Result<Member, PolicyProblem> {
        self.names
            .get(name)
            .copied()
            .ok_or_else(|| PolicyProblem::UnknownName(shown(name)))
    }
}

fn optional(words: &[&[u8]], form: &'static str) -> Result<Option<Vec<u8>>, PolicyProblem> {
    match words {
        [] => Ok(None),
        [word] => Ok(Some(word.to_vec())),
        _ => Err(PolicyProblem::Form(form)),
    }
}

fn at_most(kind: &'static str, most: usize, already: usize) -> Result<(), PolicyProblem> {
    if already < most {
        Ok(())
    } else {
        Err(PolicyProblem::TooMany { kind, most })
    }
}

/// Reads a key of the Ed25519 type `expected`, or of type `0x06`, which logs and witnesses share
/// (C2SP tlog-checkpoint, "Signatures"; tlog-cosignature).
fn vkey(
    word: &[u8],
    place: &'static str,
    expected: SignatureType,
) -> Result<VerifierKey, PolicyProblem> {
    // Key names are UTF-8 (C2SP signed-note), even though other text in the file need not be.
    let text = std::str::from_utf8(word).map_err(|_| KeyError::Form)?;
    let key: VerifierKey = text.parse()?;
    if key.kind() != expected && key.kind() != SignatureType::SubtreeV1 {
        let (expected, found) = (expected.octet(), key.kind().octet());
        return Err(PolicyProblem::KeyType {
            place,
            expected,
            found,
        });
    }
    Ok(key)
}

/// An opaque word as a person can read it, cut to 64 characters.
fn shown(word: &[u8]) -> String {
    String::from_utf8_lossy(word).chars().take(64).collect()
}
