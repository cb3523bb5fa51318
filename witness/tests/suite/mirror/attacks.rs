//! Data that must not get in, each beside good data that do.

use ishibumi_tlog::protocol::add_entries::{Package, PackageRange};
use ishibumi_wire::{Request, gzip};

use super::support::*;
use crate::common::{TestLog, log};

/// Each octet of a small upload behind its head, changed; nothing of it is stored. Then the upload
/// itself.
#[test]
fn no_forged_octet_gets_in() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::create(&dir.path().join("m"), None).await;
        let log = log(300);
        server.add_checkpoint(&log, 0, 300).await;
        let first = PackageRange::first(0, 300).unwrap();
        let whole = package(&log, first, 300).encode();
        let head_octets = head(0, 300).encode().unwrap();
        // The first entries, the last ones, and the whole proof.
        let places = (0..32).chain(whole.len() - 80..whole.len());
        for at in places {
            let mut forged = whole.clone();
            forged[at] ^= 1;
            let answer = server
                .add_entries([&head_octets[..], &forged].concat())
                .await;
            assert!(
                [400, 422].contains(&answer.status),
                "octet {at}: {}",
                answer.status
            );
        }
        assert_eq!(server.standing(300).await.next, 0);
        let answer = server.add_entries([head_octets, whole].concat()).await;
        assert_eq!(info(&answer, 202).next, 256);
        server.end().await;
    });
}

/// A log that signed another tree of entries: its packages prove nothing here, though they are
/// proven there.
#[test]
fn packages_of_a_fork_do_not_get_in() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::create(&dir.path().join("m"), None).await;
        let (honest, forked) = (log(600), TestLog::new(600, 100));
        server.add_checkpoint(&honest, 0, 600).await;
        let fork = server.add_checkpoint(&forked, 600, 600).await;
        assert_eq!(fork.status, 422);
        let range = PackageRange::first(0, 600).unwrap();
        let Ok(proof) = Package::prove(&forked, range, 600);
        let entries =
            (0..256).map(|n| format!("{n} {}", if n < 100 { 0 } else { 100 }).into_bytes());
        let package = Package::new(range, entries.collect(), proof.unwrap()).unwrap();
        package.clone().check(&[], &forked.checkpoint(600)).unwrap();
        let octets = [head(0, 600).encode().unwrap(), package.encode()].concat();
        assert_eq!(server.add_entries(octets).await.status, 422);
        assert_eq!(server.standing(600).await.next, 0);
        server.signed(
            &server.add_entries(body(&honest, 0, 600)).await,
            &honest,
            600,
        );
        server.end().await;
    });
}

/// A ticket takes the mirror back to a checkpoint that it no longer remembers; a forged one does
/// not.
#[test]
fn only_the_mirrors_own_tickets_count() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::create(&dir.path().join("m"), None).await;
        let log = log(1000);
        server.add_checkpoint(&log, 0, 300).await;
        let ticket = info(
            &server.add_entries(prefix(&log, &head(0, 300), 1)).await,
            202,
        )
        .ticket;
        // So many others that 300 is among the last several no more.
        for n in 0..20 {
            server
                .add_checkpoint(&log, 300 + n * 10, 310 + n * 10)
                .await;
        }
        let upload = |ticket: Vec<u8>| prefix(&log, &head_with(256, 300, ticket), 1);
        assert_eq!(
            info(&server.add_entries(upload(Vec::new())).await, 409).size,
            500
        );
        for at in [0, ticket.len() / 2, ticket.len() - 1] {
            let mut forged = ticket.clone();
            forged[at] ^= 1;
            info(&server.add_entries(upload(forged)).await, 409);
        }
        // A true ticket for another size.
        let other = prefix(&log, &head_with(256, 301, ticket.clone()), 1);
        info(&server.add_entries(other).await, 409);
        server.signed(&server.add_entries(upload(ticket)).await, &log, 300);
        server.end().await;
    });
}

/// Sixteen megabytes of zeros for every sixteen thousand octets sent, for as long as the other side
/// reads them.
#[test]
fn a_gzip_bomb_ends_at_its_first_package() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::create(&dir.path().join("m"), None).await;
        let log = log(20_000);
        server.add_checkpoint(&log, 0, 20_000).await;
        let bomb = |entry_len: u16, packages: usize| {
            let entry = [
                entry_len.to_be_bytes().to_vec(),
                vec![0; usize::from(entry_len)],
            ]
            .concat();
            let package = [entry.repeat(256), vec![0]].concat();
            let octets = [head(0, 20_000).encode().unwrap(), package.repeat(packages)].concat();
            gzip(&octets)
        };
        let send = |body: Vec<u8>| {
            let url = format!("{}/add-entries", server.url);
            let mut request = Request::post(url, body, 1 << 16);
            request
                .headers
                .push(("content-encoding", "gzip".to_owned()));
            server.send(request)
        };
        assert_eq!(send(bomb(u16::MAX, 4)).await.status, 422);
        assert_eq!(send(bomb(0, 20_000)).await.status, 422);
        assert_eq!(server.standing(20_000).await.next, 0);
        // The same coding, an honest body.
        let answer = send(gzip(&prefix(&log, &head(0, 20_000), 32))).await;
        assert_eq!(info(&answer, 202).next, 8192);
        server.end().await;
    });
}
