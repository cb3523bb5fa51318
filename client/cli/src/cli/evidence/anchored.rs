//! What `evidence pack --from` fetches: for every artifact, the TSAs' tokens over checkpoints that
//! cover it.

use std::collections::BTreeSet;

use ishibumi::evidence::Item;
use ishibumi::fetch::{AnchorReader, Covering, FindError, Source, first_verified};
use ishibumi_cli::render::Language;
use ishibumi_tlog::hash::leaf_hash;

use super::super::{Failure, find, network, tell};
use super::verify::Terms;

/// The tokens that cover each of `items`, from the first source that has any. Tokens that were left
/// out, and items that no token covers, are reported on standard error.
pub(super) fn fetch(
    sources: &[Source],
    terms: &Terms,
    items: &[Item],
    language: Language,
) -> Result<Vec<Vec<Covering>>, Failure> {
    // In the order of the log, so that every anchor is read once.
    let mut wanted: Vec<_> = items.iter().enumerate().collect();
    wanted.sort_by_key(|(_, item)| item.proofs.first().map(|proof| proof.index));
    let bar = network::progress_bar(wanted.len() as u64, "artifacts looked up");
    let (found, left_out, refused) = network::block_on(async {
        let attempt = async |source: &Source| {
            let mut reader = AnchorReader::new(source, terms.policy(), terms.anchors());
            let mut found = vec![Vec::new(); items.len()];
            let mut left_out = BTreeSet::new();
            for (done, (place, item)) in wanted.iter().enumerate() {
                bar.set_position(done as u64);
                let Some(proof) = item.proofs.first() else {
                    continue;
                };
                let leaf = leaf_hash(&proof.entry);
                let covered = reader.covering(leaf, proof.index).await?;
                left_out.extend(covered.left_out);
                if let Some(found) = found.get_mut(*place) {
                    *found = covered.by;
                }
            }
            Ok::<_, FindError>((found, left_out))
        };
        let mut all = vec![Vec::new(); items.len()];
        let (mut left_out, mut refused) = (BTreeSet::new(), Vec::new());
        // A copy may have the tokens and lack the checkpoints that they stamp: then the next one is
        // asked.
        for source in sources {
            if all.iter().all(|by: &Vec<Covering>| !by.is_empty()) {
                break;
            }
            match first_verified(std::slice::from_ref(source), attempt, FindError::blame).await {
                Ok(won) => {
                    let (found, reasons) = won.answer;
                    left_out.extend(reasons);
                    let lacking = all.iter_mut().zip(found);
                    for (all, found) in lacking.filter(|(all, _)| all.is_empty()) {
                        *all = found;
                    }
                }
                Err(more) => refused.extend(more),
            }
        }
        if refused.len() == sources.len() {
            return Err(network::nobody(&refused, |_, error| find::failure(error)));
        }
        Ok((all, left_out, refused))
    })?;
    bar.finish_and_clear();
    network::tell_refused(&refused, language);
    for why in left_out {
        let what = language.pick(
            "a token over a checkpoint was left out: ",
            "チェックポイントのタイムスタンプを格納していません：",
        );
        tell(&format!("{what}{}", language.said(&why)));
    }
    for (item, found) in items.iter().zip(&found) {
        if found.is_empty() {
            let (name, mark) = (&item.artifact.name, language.pick(": ", "："));
            let said = language.pick(
                "the log has no usable token of a TSA over a checkpoint that covers it (yet)",
                "これを含むチェックポイントの、使用できるタイムスタンプが（まだ）ログにありません",
            );
            tell(&format!("{name}{mark}{said}"));
        }
    }
    Ok(found)
}
