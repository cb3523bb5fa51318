//! What submitters are charged for: the work that was done, also for what is refused, and no artifact may make more
//! records than the quota allows at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ishibumi_artifact::record::{ArchiveCustodian, EndingStatement, LastCrl, Opaque};
use ishibumi_artifact::{ArtifactType, Body, Record};
use ishibumi_log::admission::{Tried, admit};
use ishibumi_log::config::Config;
use ishibumi_log::core::Sequencer;
use ishibumi_log::http::problem::Problem;
use ishibumi_log::kind::Kind;
use ishibumi_log::provider_end::admit_statement;
use ishibumi_log::refusal::Refusal;
use ishibumi_log::registry::{Registry, Submitter, wall_clock};
use ishibumi_store::{LogStore, MemoryLog};
use ishibumi_tlog::Hash;

const SECRET: &[u8] = b"a bearer token";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn vector(name: &str) -> Vec<u8> {
    std::fs::read(repository().join("testdata/records").join(name)).unwrap()
}

/// The provider of the vectors, with this quota.
fn north(quota: &str) -> Submitter {
    let hash = Hash::of(SECRET);
    let text = format!(
        "origin = \"log.example\"\ndata_dir = \"d\"\nhead_dir = \"h\"\nkey_file = \"k\"\npolicy_file = \"p\"\n\
         [[provider]]\nid = \"north\"\nkinds = [\"timestamp-token\", \"crl\"]\ntoken_sha256 = [\"{hash}\"]\n\
         anchors = [\"testdata/records/root.crt\"]\nintermediates = [\"testdata/records/issuing.crt\"]\n\
         quota = {quota}\n"
    );
    let registry = Registry::load(&Config::parse(&text, &repository()).unwrap()).unwrap();
    registry.by_token(hash).unwrap()
}

fn send(submitter: &Submitter, kind: ArtifactType, octets: &[u8]) -> Tried {
    admit(submitter, Kind::Artifact(kind), octets, wall_clock())
}

/// How many records were made, or what the submitter is told.
fn said(tried: Tried) -> Result<usize, Problem> {
    let outcome = tried.outcome.map(|item| item.records.len());
    outcome.map_err(Problem::from)
}

fn refused(tried: Tried) -> Problem {
    said(tried).unwrap_err()
}

#[test]
fn what_is_refused_is_charged_like_what_is_taken() {
    let token = vector("token.tst");
    let mut forged = token.clone();
    *forged.last_mut().unwrap() ^= 1;
    let north_of_three = north("{ per_day = 3 }");
    for _ in 0..3 {
        let tried = send(&north_of_three, ArtifactType::TimestampToken, &forged);
        assert_eq!(tried.effort, 1);
        assert_eq!(refused(tried).name, "signature-invalid");
    }
    // Overdrawn: nothing is looked at any more, be it good or bad.
    for octets in [&forged, &token] {
        let tried = send(&north_of_three, ArtifactType::TimestampToken, octets);
        assert_eq!(tried.effort, 0);
        let problem = refused(tried);
        assert_eq!(problem.name, "quota-exceeded");
        assert!(problem.retry_after_seconds.is_some_and(|it| it > 0));
    }
    // Control: it was taken before; its chain is logged with it, and so the allowance is overdrawn, too.
    let north_of_three = north("{ per_day = 3 }");
    let taken = send(&north_of_three, ArtifactType::TimestampToken, &token);
    assert_eq!(taken.effort, 1);
    assert_eq!(said(taken), Ok(4));
    let next = send(&north_of_three, ArtifactType::TimestampToken, &token);
    assert_eq!(refused(next).name, "quota-exceeded");
}

#[test]
fn a_list_that_the_quota_does_not_allow_at_once_is_refused_by_its_length() {
    let list = vector("issuing.crl");
    let tried = send(&north("{ per_minute = 3 }"), ArtifactType::Crl, &list);
    let problem = refused(tried);
    assert_eq!(
        (problem.name, problem.status.as_u16()),
        ("records-too-many", 413)
    );
    let what = "it would make 4 records, and at most 3 are taken of one artifact here: no more than the quota \
                allows at once; ask the log's operator for a larger one";
    assert_eq!(problem.detail, what);
    // Control: one record more, or no limit.
    for quota in ["{ per_minute = 4 }", "{}"] {
        let taken = send(&north(quota), ArtifactType::Crl, &list);
        assert_eq!(said(taken), Ok(4), "{quota}");
    }
}

/// A statement of some octets has a list verified again that may have any length.
#[test]
fn a_statement_about_a_list_costs_what_the_list_did() {
    let list = vector("issuing.crl");
    let item = send(&north("{}"), ArtifactType::Crl, &list).outcome;
    let item = item.unwrap();
    let Body::Crl(body) = Record::decode(&item.records[3].octets)
        .unwrap()
        .body()
        .clone()
    else {
        panic!("the list's own record is the last")
    };
    let store: Arc<dyn LogStore> = Arc::new(MemoryLog::new());
    let sequencer = Sequencer::open(Arc::clone(&store)).unwrap();
    sequencer.stage(vec![item]).unwrap();
    let about_the_list = EndingStatement::LastCrl(LastCrl {
        sequence: 0,
        crl: body.digest,
        issuer_key_hash: body.issuer_key_hash,
    });
    let about_nothing = EndingStatement::ArchiveCustodian(ArchiveCustodian {
        sequence: 0,
        name: Opaque::new("name", "an archive").unwrap(),
        location: Opaque::new("location", "archive.example").unwrap(),
        archive: [7; 32],
    });
    // As many as are taken before the quota of five is used up.
    let taken = |statement: &EndingStatement| {
        let north = north("{ per_day = 5 }");
        let record = Record::from(Body::Provider(statement.by("north").unwrap()));
        let state = || admit_statement(&north, store.as_ref(), &record.encode());
        let taken = std::iter::from_fn(|| state().ok()).take(10).count();
        let refused = state().unwrap_err();
        assert!(
            matches!(refused, Refusal::QuotaExceeded { .. }),
            "{refused}"
        );
        taken
    };
    // One and three entries, twice; the second overdraws.
    assert_eq!(taken(&about_the_list), 2);
    // Control: it is the list that costs.
    assert_eq!(taken(&about_nothing), 5);
}
