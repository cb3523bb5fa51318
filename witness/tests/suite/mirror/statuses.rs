//! Every status, in the order of the specification.

use ishibumi_tlog::Hash;
use ishibumi_tlog::cosignature::check_subtree;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::key::SignatureType;
use ishibumi_tlog::note::{Note, SignatureLine};
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::protocol::SignSubtree;
use ishibumi_tlog::tree::{Subtree, check_inclusion, prove_subtree_consistency};
use ishibumi_wire::{Request, gzip};

use super::support::*;
use crate::common::{ORIGIN, log};

#[test]
fn an_upload_from_the_first_checkpoint_to_the_cosignature() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::create(&dir.path().join("m"), None).await;
        let log = log(1000);

        let mut foreign = head(0, 600);
        foreign.origin = "log.example/other".to_owned();
        let answer = server.add_entries(foreign.encode().unwrap()).await;
        assert_eq!(answer.status, 404);
        // No checkpoint came yet.
        assert_eq!(server.add_entries(body(&log, 0, 600)).await.status, 422);

        let answer = server.add_checkpoint(&log, 0, 600).await;
        assert_eq!(
            (answer.status, answer.body),
            (200, Vec::new()),
            "no signature"
        );
        let again = server.add_checkpoint(&log, 0, 700).await;
        assert_eq!((again.status, again.body), (409, b"600\n".to_vec()));
        assert_eq!(
            server.get("checkpoint").await.status,
            404,
            "nothing is signed"
        );

        // A prefix of two packages, then the rest with the ticket.
        let answer = server.add_entries(prefix(&log, &head(0, 600), 2)).await;
        let standing = info(&answer, 202);
        assert_eq!((standing.size, standing.next), (600, 512));
        assert_eq!(
            server.get("checkpoint").await.status,
            404,
            "nothing is signed"
        );
        let rest = head_with(standing.next, standing.size, standing.ticket);
        let answer = server.add_entries(prefix(&log, &rest, 9)).await;
        server.signed(&answer, &log, 600);
        server.serves(&log, 600).await;

        // An empty sequence, and entries that are there already.
        let answer = server.add_entries(body(&log, 600, 600)).await;
        server.signed(&answer, &log, 600);
        let answer = server.add_entries(body(&log, 100, 600)).await;
        server.signed(&answer, &log, 600);

        // From the middle of a bundle.
        assert_eq!(server.add_checkpoint(&log, 600, 1000).await.status, 200);
        let answer = server.add_entries(body(&log, 600, 1000)).await;
        server.signed(&answer, &log, 1000);
        server.serves(&log, 1000).await;
        server.end().await;
    });
}

#[test]
fn conflicts_say_where_the_mirror_stands() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::create(&dir.path().join("m"), None).await;
        let log = log(9000);
        server.add_checkpoint(&log, 0, 300).await;
        server.add_checkpoint(&log, 300, 600).await;

        // Not the size of a pending checkpoint: the first line is that of the current one.
        for end in [299, 301, 599, 601, 9000] {
            let conflict = info(&server.add_entries(body(&log, 0, end)).await, 409);
            assert_eq!((conflict.size, conflict.next), (600, 0), "{end}");
        }
        // Beyond the next entry; the upload's own end is valid.
        for (start, end) in [(1, 300), (300, 300), (256, 600)] {
            let head = head(start, end).encode().unwrap();
            let conflict = info(&server.add_entries(head).await, 409);
            assert_eq!((conflict.size, conflict.next), (end, 0), "[{start}, {end})");
        }
        // The earlier one of two pending checkpoints, then below the mirror checkpoint.
        server.signed(&server.add_entries(body(&log, 0, 300)).await, &log, 300);
        server.signed(&server.add_entries(body(&log, 300, 600)).await, &log, 600);
        let conflict = info(&server.add_entries(body(&log, 0, 300)).await, 409);
        assert_eq!((conflict.size, conflict.next), (600, 600));
        server.serves(&log, 600).await;

        // More entries than one request brings, and all of them are there.
        server.add_checkpoint(&log, 600, 9000).await;
        server.signed(&server.add_entries(body(&log, 600, 9000)).await, &log, 9000);
        let excess = head(9000 - 8193, 9000).encode().unwrap();
        let conflict = info(&server.add_entries(excess).await, 409);
        assert_eq!((conflict.size, conflict.next), (9000, 9000));
        let answer = server.add_entries(body(&log, 9000 - 8192, 9000)).await;
        server.signed(&answer, &log, 9000);
        server.end().await;
    });
}

#[test]
fn bodies_of_which_nothing_is_of_use_are_malformed() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::create(&dir.path().join("m"), None).await;
        let log = log(600);
        server.add_checkpoint(&log, 0, 600).await;
        let whole = body(&log, 0, 600);
        let head_len = head(0, 600).encode().unwrap().len();
        let mut backwards = head(0, 600).encode().unwrap();
        let at = 2 + ORIGIN.len() + 7;
        backwards[at..=at].copy_from_slice(&[255]);
        backwards[at + 8..=at + 8].copy_from_slice(&[1]);
        backwards[at + 7] = 0;
        for (what, body) in [
            ("nothing", &[][..]),
            ("one octet", &whole[..1]),
            ("half a head", &whole[..head_len - 1]),
            ("a head", &whole[..head_len]),
            ("half a package", &whole[..head_len + 100]),
            ("no text", &[&[0, 1, 0xff][..], &whole[head_len..]].concat()),
            ("start above end", &backwards),
        ] {
            let answer = server.add_entries(body.to_vec()).await;
            assert_eq!(answer.status, 400, "{what}");
        }
        assert_eq!(server.standing(600).await.next, 0);
        // The same octets, whole.
        server.signed(&server.add_entries(whole).await, &log, 600);
        server.end().await;
    });
}

#[test]
fn gzip_is_read_and_named_and_nothing_else_is() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::create(&dir.path().join("m"), None).await;
        let log = log(600);
        server.add_checkpoint(&log, 0, 600).await;
        let whole = body(&log, 0, 600);
        let coded = |coding: &str, body: &[u8]| {
            let mut request = Request::post(
                format!("{}/add-entries", server.url),
                body.to_vec(),
                1 << 16,
            );
            request
                .headers
                .push(("content-encoding", coding.to_owned()));
            request
        };
        let packed = gzip(&whole);
        assert!(packed.len() < whole.len());
        for coding in ["br", "gzip, gzip", "deflate", "zstd"] {
            assert_eq!(
                server.send(coded(coding, &packed)).await.status,
                415,
                "{coding}"
            );
        }
        // A body that is not in gzip format, and one that breaks off in the middle.
        assert_eq!(server.send(coded("gzip", &whole)).await.status, 400);
        let half = server
            .send(coded("gzip", &packed[..packed.len() / 2]))
            .await;
        assert!([202, 400].contains(&half.status), "{}", half.status);
        let answer = server.send(coded("GZIP", &packed)).await;
        server.signed(&answer, &log, 600);
        server.serves(&log, 600).await;

        let (head, _) = Slow::begin(&server.url, 0, b"").answer();
        assert!(head.contains("\r\naccept-encoding: gzip"), "{head}");
        server.end().await;
    });
}

/// Errors come while the client has a gigabyte to send and has sent only the beginning of it.
#[test]
fn errors_do_not_wait_for_the_body() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::create(&dir.path().join("m"), None).await;
        let log = log(600);
        server.add_checkpoint(&log, 0, 600).await;
        let mut foreign = head(0, 600);
        foreign.origin = "log.example/other".to_owned();
        let mut forged = body(&log, 0, 600);
        let last = forged.len() - 1;
        forged[last] ^= 1;
        for (first, status) in [
            (foreign.encode().unwrap(), "404"),
            (head(600, 600).encode().unwrap(), "409"),
            (forged, "422"),
        ] {
            let slow = Slow::begin(&server.url, 1 << 30, &first);
            let (head, _) = slow.answer();
            assert!(head.starts_with(&format!("http/1.1 {status}")), "{head}");
            assert!(head.contains("\r\nconnection: close"), "{head}");
        }
        server.end().await;
    });
}

#[test]
fn ranges_are_signed_by_the_mirrors_own_keys() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::create(&dir.path().join("m"), None).await;
        let log = log(600);
        server.add_checkpoint(&log, 0, 600).await;
        let subtree = Subtree::new(256, 512).unwrap();
        let Ok(proof) = prove_subtree_consistency(&log, subtree, 600);
        let Ok(hash) = subtree.hash(&log);
        let request = |note: Note| SignSubtree {
            subtree,
            hash,
            proof: proof.clone().unwrap(),
            note,
            checkpoint: log.checkpoint(600),
        };
        // Pending is not signed.
        let pending = request(log.note(600)).encode().into_bytes();
        assert_eq!(server.post("/sign-subtree", pending).await.status, 403);

        server.signed(&server.add_entries(body(&log, 0, 600)).await, &log, 600);
        let signed = Note::parse(&server.get("checkpoint").await.body).unwrap();
        let answer = server
            .post("/sign-subtree", request(signed).encode().into_bytes())
            .await;
        let text = String::from_utf8(answer.body).unwrap();
        assert_eq!(answer.status, 200, "{text}");
        let line = SignatureLine::parse(text.trim_end()).unwrap();
        let key = server
            .keys
            .iter()
            .find(|key| key.kind() == SignatureType::SubtreeV1);
        check_subtree(key.unwrap(), ORIGIN, subtree, hash, &line).unwrap();
        server.end().await;
    });
}

#[test]
fn the_copy_is_served_as_the_log_serves_it() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::create(&dir.path().join("m"), None).await;
        let log = log(700);
        server.add_checkpoint(&log, 0, 600).await;
        let signed = server.add_entries(body(&log, 0, 600)).await;
        server.signed(&signed, &log, 600);
        // Stored, and not signed yet: not served.
        server.add_checkpoint(&log, 600, 700).await;
        let more = server.add_entries(prefix(&log, &head(600, 700), 1)).await;
        server.signed(&more, &log, 700);

        let proof = |leaf: Hash| format!("v1/proof/{leaf}");
        let answer = server.get(&proof(leaf_hash(&entry(73)))).await;
        let found = TlogProof::parse(&answer.body).unwrap();
        assert_eq!((answer.status, found.index), (200, 73));
        let root = log.checkpoint(700).root;
        check_inclusion(leaf_hash(&entry(73)), 73, 700, root, &found.hashes).unwrap();
        let absent = server.get(&proof(leaf_hash(b"no such entry"))).await;
        let kind = absent.content_type.as_deref();
        assert_eq!(
            (absent.status, kind),
            (404, Some("application/problem+json"))
        );

        for (path, status) in [
            ("tile/0/000", 200),
            ("tile/0/002.p/188", 200),
            ("tile/0/002.p/189", 404),
            ("tile/1/000.p/2", 200),
            ("tile/1/000.p/3", 404),
            ("tile/entries/000", 200),
            ("tile/entries/003", 404),
            ("tile/0/0", 404),
            ("tile/0/../../checkpoint", 404),
            ("checkpoints", 200),
            ("checkpoints/700", 404),
            ("checkpoints?from=x", 400),
            ("blob/00", 404),
            ("v1/lookup/leaf/00", 404),
        ] {
            assert_eq!(server.get(path).await.status, status, "{path}");
        }
        let other = format!("{}/{}/checkpoint", server.url, Hash::of(b"other"));
        assert_eq!(server.send(Request::get(other, 1 << 16)).await.status, 404);
        for (path, status) in [
            ("/healthz", 200),
            ("/readyz", 200),
            ("/metrics", 404),
            ("/", 404),
        ] {
            let answer = server
                .send(Request::get(format!("{}{path}", server.url), 1 << 16))
                .await;
            assert_eq!(answer.status, status, "{path}");
        }
        let metrics = server
            .send(Request::get(format!("{}/metrics", server.admin), 1 << 20))
            .await;
        let text = String::from_utf8(metrics.body).unwrap();
        let head = |head: &str| {
            format!("ishibumi_mirror_log_size{{head=\"{head}\",origin=\"{ORIGIN}\"}} 700")
        };
        for line in [head("pending"), head("stored"), head("signed")] {
            assert!(text.contains(&line), "{line} in {text}");
        }
        server.end().await;
    });
}
