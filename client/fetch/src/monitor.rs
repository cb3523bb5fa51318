//! One round of watching a log over real places: fetches what [`Watch`] asks for.
//!
//! A false answer is asked for once more, past the caches on the way, before its source is blamed.

use std::time::Duration;

use ishibumi_tlog::foreign::{Foreign, named};
use ishibumi_tlog::note::{NOTE_LEN_MAX, Note};
use ishibumi_tlog::protocol;
use tokio::task::JoinSet;

use super::evidence::{EvidenceError, evidence};
use super::fallback::first_verified;
use super::log::ApiError;
use super::prefetch::Ahead;
use super::prover::Prover;
use super::source::{Source, SourceError};
use ishibumi_audit::monitor::{
    Claim, Outcome, OwnArtifacts, Read, Reading, ReadingError, Shown, Standing, State, Watch,
    WatchList,
};

/// Kept checkpoints of one place that are looked at in one round; the next round continues behind
/// them.
const KEPT_MAX: usize = 256;

/// How long to wait for the proof of an own record.
const PROOF_TIMEOUT: Duration = Duration::from_secs(10);

/// A place where a log can be seen.
#[derive(Clone)]
pub struct Post {
    /// Name of the place in alarms.
    pub name: String,
    /// How to read it.
    pub source: Source,
    /// What kind of place it is.
    pub kind: PostKind,
}

/// What a place serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostKind {
    /// Checkpoint, tiles and entries: a log, a mirror, a copy.
    Files,
    /// The checkpoints that a witness cosigned (C2SP tlog-witness, "Monitor Retrieval Mechanism").
    Witness,
}

/// What a round looks at.
#[derive(Clone, Copy)]
pub struct Targets<'a> {
    /// The places where the log can be seen.
    pub posts: &'a [Post],
    /// The parties to look for in its records.
    pub list: &'a WatchList,
    /// The operator's own artifacts, which have to be in it.
    pub own: &'a [OwnArtifacts],
}

impl Post {
    async fn newest(&self, origin: &str) -> Result<Vec<u8>, SourceError> {
        newest(&self.source, self.kind, origin).await
    }
}

async fn newest(source: &Source, kind: PostKind, origin: &str) -> Result<Vec<u8>, SourceError> {
    match kind {
        PostKind::Files => source.checkpoint().await,
        PostKind::Witness => {
            let path = protocol::checkpoint_path(origin);
            source
                .read(path.trim_start_matches('/'), NOTE_LEN_MAX)
                .await
        }
    }
}

/// Looks at every place, compares all checkpoints that were seen, reads the new records. `progress`
/// is called with (records read, records in all).
pub async fn watch_round(
    mut watch: Watch<'_>,
    targets: Targets<'_>,
    mut progress: impl FnMut(u64, u64),
) -> (Outcome, State) {
    let Targets { posts, list, own } = targets;
    let newest = all_newest(posts, watch.origin()).await;
    for (post, seen) in posts.iter().zip(newest) {
        match seen {
            Ok(octets) => show_newest(&mut watch, post, octets, posts).await,
            Err(error) => watch.failed(&post.name, error.to_string()),
        }
    }
    for post in posts.iter().filter(|post| post.kind == PostKind::Files) {
        show_kept(&mut watch, post, posts).await;
    }
    if let Some(reading) = watch.reading(list) {
        read(&mut watch, reading, list, posts, &mut progress).await;
    }
    for own in watch.due(own).into_iter().cloned().collect::<Vec<_>>() {
        look_for(&mut watch, &own, posts).await;
    }
    watch.end(list, own)
}

/// The newest checkpoint of every place, asked for at the same time.
async fn all_newest(posts: &[Post], origin: &str) -> Vec<Result<Vec<u8>, SourceError>> {
    let mut tasks = JoinSet::new();
    for (place, post) in posts.iter().cloned().enumerate() {
        let origin = origin.to_owned();
        tasks.spawn(async move { (place, post.newest(&origin).await) });
    }
    let lost = || Err(SourceError::Unavailable("it was not asked".to_owned()));
    let mut seen: Vec<_> = posts.iter().map(|_| lost()).collect();
    while let Some(task) = tasks.join_next().await {
        if let Ok((place, answer)) = task
            && let Some(slot) = seen.get_mut(place)
        {
            *slot = answer;
        }
    }
    seen
}

async fn show_newest(watch: &mut Watch<'_>, post: &Post, mut octets: Vec<u8>, posts: &[Post]) {
    if watch.is_suspect(&post.name, &octets)
        && let Some(past_caches) = post.source.past_caches()
    {
        match newest(&past_caches, post.kind, watch.origin()).await {
            Ok(again) => octets = again,
            Err(error) => return watch.failed(&post.name, error.to_string()),
        }
    }
    // Octets that are no note did not come from a log; they may be the page of a portal on the way.
    if let Err(error) = named(Note::parse(&octets), &octets) {
        return watch.failed(&post.name, format!("no checkpoint came: {error}"));
    }
    if let Some(claim) = watch.observe(&post.name, Shown::Newest, &octets) {
        settle(watch, &claim, posts).await;
    }
}

/// Looks at kept checkpoints that were not looked at yet. A place need not have any.
async fn show_kept(watch: &mut Watch<'_>, post: &Post, posts: &[Post]) {
    let from = watch.kept_at(&post.name).saturating_add(1);
    let Ok(sizes) = post.source.kept_sizes(from).await else {
        return;
    };
    for size in sizes.into_iter().take(KEPT_MAX) {
        let path = format!("checkpoints/{size}");
        // A listed checkpoint that is missing is left to the next round.
        let Ok(octets) = post.source.read(&path, NOTE_LEN_MAX).await else {
            return;
        };
        if let Some(claim) = watch.observe(&post.name, Shown::Kept, &octets) {
            settle(watch, &claim, posts).await;
        }
    }
}

/// Looks for tiles that decide a claim: where the checkpoint was shown first, then everywhere else.
async fn settle(watch: &mut Watch<'_>, claim: &Claim, posts: &[Post]) {
    let (here, elsewhere): (Vec<&Post>, Vec<&Post>) = posts
        .iter()
        .filter(|post| post.kind == PostKind::Files)
        .partition(|post| post.name == claim.place());
    for post in here.into_iter().chain(elsewhere) {
        let within = watch.size_at(&post.name);
        if within < claim.newer() {
            continue;
        }
        for source in [Some(post.source.clone()), post.source.past_caches()] {
            let Some(source) = source else { continue };
            let mut prover = Prover::new(&source, within);
            let prefix = prover.prefix(claim.older(), claim.newer()).await;
            if let Ok(Some(prefix)) = prefix
                && watch.conclude(claim, &prefix) != Standing::Open
            {
                return;
            }
        }
    }
    watch.unproven(claim);
}

/// Reads records from the first place that has them as the log signed them.
async fn read(
    watch: &mut Watch<'_>,
    first: Reading<'_>,
    list: &WatchList,
    posts: &[Post],
    progress: &mut impl FnMut(u64, u64),
) {
    let from = first.from();
    let size = watch.head().map_or(0, |head| head.size);
    let mut failed = Vec::new();
    for post in posts.iter().filter(|post| post.kind == PostKind::Files) {
        let Some(reading) = watch.reading(list) else {
            return;
        };
        if watch.size_at(&post.name) < size {
            continue;
        }
        let mut ended = read_at(&post.source, reading, size, progress).await;
        if let Err((true, _)) = ended
            && let Some(past_caches) = post.source.past_caches()
            && let Some(reading) = watch.reading(list)
        {
            ended = read_at(&past_caches, reading, size, progress).await;
        }
        match ended {
            Ok(read) => return watch.read(read),
            Err((is_false, reason)) => {
                if is_false {
                    watch.false_answer(&post.name, &reason);
                }
                failed.push(format!("{}: {reason}", post.name));
            }
        }
    }
    if failed.is_empty() {
        failed.push("no place shows the whole tree".to_owned());
    }
    watch.unread(from, failed.join("; "));
}

/// The records; or whether the files are false, and why.
async fn read_at(
    source: &Source,
    mut reading: Reading<'_>,
    size: u64,
    progress: &mut impl FnMut(u64, u64),
) -> Result<Read, (bool, String)> {
    let mut bundles = Ahead::new(source, reading.plan());
    while let Some((path, octets)) = bundles.next().await {
        let octets = octets.map_err(|error| (false, error.to_string()))?;
        reading.take(path, &octets).map_err(|error| {
            // Octets that are no bundle at all did not come from a log; they may be the page of a
            // portal on the way.
            let unread = matches!(error, ReadingError::Bundle { .. });
            let is_false = !(unread && Foreign::of(&octets).is_some_and(Foreign::is_page));
            (is_false, error.to_string())
        })?;
        progress(reading.from(), size);
    }
    reading.finish().map_err(|error| (true, error.to_string()))
}

/// Looks for an own record at every place. If none answers, that does not show that it is missing.
async fn look_for(watch: &mut Watch<'_>, own: &OwnArtifacts, posts: &[Post]) {
    let files = posts.iter().filter(|post| post.kind == PostKind::Files);
    let sources: Vec<Source> = files.map(|post| post.source.clone()).collect();
    let policy = watch.policy();
    let attempt = async |source: &Source| {
        evidence(source, own.leaf, Some(policy), PROOF_TIMEOUT, |_, _| {}).await
    };
    match first_verified(&sources, attempt, EvidenceError::blame).await {
        Ok(_) => watch.proven(own.leaf),
        Err(refused) => {
            let denied = refused.iter().any(|refused| match &refused.error {
                EvidenceError::NotHeld { .. } | EvidenceError::NotYet(_) => true,
                EvidenceError::Api(ApiError::Refused { problem, .. }) => problem.is("unknown-leaf"),
                _ => false,
            });
            if denied {
                watch.missed(own);
            }
        }
    }
}
