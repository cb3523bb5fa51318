//! Up to which head a log is rebuilt, and which sources lead there.
//!
//! Heads count only with the signature of the log's own key. The largest is the goal; a source that
//! has a smaller one helps as far as it goes, if the tree of the largest begins with it.

use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::tile::TileNodes;
use ishibumi_tlog::tree::{check_consistency, prove_consistency};

use super::RecoverError;
use crate::core::Foreign;
use crate::operate::OperateError;
use crate::operate::source::Source;

/// A signed head that a source has.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    /// Index of the source that has it, in the list of sources.
    pub(super) source: usize,
    pub(super) checkpoint: Checkpoint,
    pub(super) note: Note,
}

/// The plan of a recovery.
pub(super) struct Plan {
    /// The head that is to be reached.
    pub(super) goal: Checkpoint,
    /// Who can be read, best first: the source and the head to which its files lead.
    pub(super) usable: Vec<(usize, Checkpoint)>,
    /// Every signed head that was offered.
    pub(super) offers: Vec<Offer>,
}

/// Asks every source for its heads. `own` is the newest head of the data that are there.
pub(super) fn plan(
    sources: &[Source],
    own: Option<&Foreign>,
    keys: &[VerifierKey],
    complain: &mut impl FnMut(String),
) -> Result<Plan, OperateError> {
    let origin = keys.first().map_or("", VerifierKey::name);
    let mut offers: Vec<Offer> = Vec::new();
    for (place, source) in sources.iter().enumerate() {
        let heads = match source.heads() {
            Ok(heads) => heads,
            Err(error) => {
                complain(error.to_string());
                continue;
            }
        };
        for note in heads {
            match Foreign::signed(note.encode().as_bytes(), keys, origin) {
                Some(Foreign { checkpoint, note }) => offers.push(Offer {
                    source: place,
                    checkpoint,
                    note,
                }),
                None => complain(format!(
                    "{source}: its checkpoint is not signed by this log's key"
                )),
            }
        }
    }
    let heads = offers.iter().map(|offer| &offer.checkpoint);
    let goal = heads
        .chain(own.map(|own| &own.checkpoint))
        .max_by_key(|head| head.size);
    let goal = goal.cloned().ok_or(RecoverError::NothingFrom)?;
    let mut usable: Vec<(usize, Checkpoint)> = Vec::new();
    for offer in &offers {
        let (size, root) = (offer.checkpoint.size, offer.checkpoint.root);
        if size == goal.size && root != goal.root {
            return Err(two_histories(sources, offer, &goal));
        }
        let head = offer.checkpoint.clone();
        match usable
            .iter_mut()
            .find(|(source, _)| *source == offer.source)
        {
            Some((_, known)) if known.size < size => *known = head,
            Some(_) => {}
            None => usable.push((offer.source, head)),
        }
    }
    usable.sort_by_key(|(_, head)| std::cmp::Reverse(head.size));
    let whole = usable
        .iter()
        .find(|(_, head)| *head == goal)
        .map(|(source, _)| *source);
    // Without one that has all of it, what is here is all that there is.
    let whole = whole.and_then(|whole| sources.get(whole));
    usable.retain(|(place, head)| {
        let Some(source) = sources.get(*place) else {
            return false;
        };
        let fits = match whole {
            _ if *head == goal => Ok(()),
            Some(whole) => continues(whole, head, &goal),
            None => Err("nobody has the files of the largest head".to_owned()),
        };
        fits.map_err(|why| complain(format!("{source}: it was left out: {why}")))
            .is_ok()
    });
    Ok(Plan {
        goal,
        usable,
        offers,
    })
}

/// Whether the tree of `goal`, which `source` has, begins with that of `head`.
fn continues(source: &Source, head: &Checkpoint, goal: &Checkpoint) -> Result<(), String> {
    let nodes = TileNodes::new(source, goal.size);
    let proof = prove_consistency(&nodes, head.size, goal.size);
    let proof = proof
        .map_err(|error| error.to_string())?
        .unwrap_or_default();
    check_consistency(head.size, head.root, goal.size, goal.root, &proof).map_err(|error| {
        format!(
            "its tree of {} records is not how the largest begins: {error}",
            head.size
        )
    })
}

fn two_histories(sources: &[Source], offer: &Offer, goal: &Checkpoint) -> OperateError {
    let source_name = sources
        .get(offer.source)
        .map_or_else(String::new, ToString::to_string);
    RecoverError::TwoHistories {
        source_name,
        size: goal.size,
        one: offer.checkpoint.root,
        other: goal.root,
    }
    .into()
}
