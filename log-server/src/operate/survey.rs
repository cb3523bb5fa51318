//! The heads of this log that the witnesses and mirrors of the policy hold: all of them are asked
//! once.
//!
//! A checkpoint that the log's own key signed is a proof; a number is a word; and who does not
//! answer may hold anything.

use std::fmt;
use std::time::Duration;

use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::{NOTE_LEN_MAX, Note};
use ishibumi_tlog::protocol::{AddCheckpoint, checkpoint_path, parse_size};
use ishibumi_wire::{NetError, Request};

use super::reach::Reach;
use crate::core::{Endpoint, Foreign};

/// How long each has for an answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// The head that one of them holds.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// The name of its first key.
    pub(super) name: String,
    pub(super) url: String,
    pub(super) mirror: bool,
    pub(super) sight: Sight,
}

#[derive(Clone, Debug)]
pub(super) enum Sight {
    /// A checkpoint that the log's key signed.
    Shows(Box<Foreign>),
    /// It says that it knows a tree of so many records, and shows none.
    Says(u64),
    /// It answers, and knows nothing of this log.
    Nothing,
    /// It shows a checkpoint of a log of this name that another key signed.
    Strange,
    /// It does not answer, or what it answers makes no sense.
    Unreachable(String),
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.mirror { "mirror" } else { "witness" };
        write!(f, "{kind} {} ({}) ", self.name, self.url)?;
        match &self.sight {
            Sight::Shows(shown) => {
                let (size, root) = (shown.checkpoint.size, shown.checkpoint.root);
                write!(
                    f,
                    "holds a signed checkpoint of {size} records, root {root}"
                )
            }
            Sight::Says(size) => write!(f, "says that it knows {size} records, and shows none"),
            Sight::Nothing => f.write_str("knows nothing of this log"),
            Sight::Strange => f.write_str("holds a checkpoint that this log's key did not sign"),
            Sight::Unreachable(why) => write!(f, "does not say: {why}"),
        }
    }
}

/// Asks all of `endpoints` about the log `origin`, whose keys are `keys`. With `signed`, a head of
/// it, those that show nothing are asked whether they take it: the answer tells what they know.
pub(super) fn survey(
    reach: &Reach,
    endpoints: &[Endpoint],
    origin: &str,
    keys: &[VerifierKey],
    signed: Option<&Note>,
) -> Vec<Seen> {
    let look = |endpoint: &Endpoint| {
        let url = format!("{}{}", endpoint.url, checkpoint_path(origin));
        within(Request::get(url, NOTE_LEN_MAX))
    };
    let answers = reach.send_all(endpoints.iter().map(look).collect());
    let mut seen: Vec<Seen> = Vec::new();
    for (endpoint, answer) in endpoints.iter().zip(answers) {
        let sight = match answer {
            Err(NetError(why)) => Sight::Unreachable(why),
            Ok(answer) if answer.status == 200 => {
                match Foreign::signed(&answer.body, keys, origin) {
                    Some(shown) => Sight::Shows(Box::new(shown)),
                    None if is_checkpoint(&answer.body, origin) => Sight::Strange,
                    None => Sight::Unreachable("what it shows is no checkpoint".to_owned()),
                }
            }
            Ok(answer) if answer.status == 404 => ask(reach, endpoint, signed),
            Ok(answer) => Sight::Unreachable(format!("it answers {}", answer.status)),
        };
        seen.push(Seen {
            name: endpoint.name().to_owned(),
            url: endpoint.url.clone(),
            mirror: !endpoint.mirror_keys.is_empty(),
            sight,
        });
    }
    seen
}

/// Offers a head that is signed already: a witness that knows more refuses, and says how much.
fn ask(reach: &Reach, endpoint: &Endpoint, signed: Option<&Note>) -> Sight {
    let Some(request) =
        signed.and_then(|note| AddCheckpoint::new(0, Vec::new(), note.clone()).ok())
    else {
        return Sight::Nothing;
    };
    let url = format!("{}/add-checkpoint", endpoint.url);
    let body = request.encode().into_bytes();
    match reach.send(within(Request::post(url, body, NOTE_LEN_MAX))) {
        Err(NetError(why)) => Sight::Unreachable(why),
        Ok(answer) => match (answer.status, parse_size(&answer.body)) {
            (200 | 404, _) => Sight::Nothing,
            (409, Ok(size)) => Sight::Says(size),
            (status, _) => Sight::Unreachable(format!("it answers {status}")),
        },
    }
}

fn is_checkpoint(octets: &[u8], origin: &str) -> bool {
    let note = Note::parse(octets).ok();
    let checkpoint = note.and_then(|note| Checkpoint::parse(note.text()).ok());
    checkpoint.is_some_and(|checkpoint| checkpoint.origin == origin)
}

fn within(mut request: Request) -> Request {
    request.deadline = DEADLINE;
    request
}
