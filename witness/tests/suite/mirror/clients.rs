//! Uploads that break off, and several clients at once.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use ishibumi_wire::Limits;
use ishibumi_witness::mirror::MirrorHome;

use super::support::*;
use crate::common::log;

/// However an upload breaks off, its whole packages stay, and the next client goes on from there.
#[test]
fn an_upload_that_breaks_off_keeps_its_whole_packages() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::create(&dir.path().join("m"), None).await;
        let log = log(1000);
        server.add_checkpoint(&log, 0, 1000).await;
        let whole = body(&log, 0, 1000);
        let two = prefix(&log, &head(0, 1000), 2).len();
        for (cut, next) in [(two - 1, 256), (two, 512), (two + 1, 512)] {
            // The connection goes, in the middle of what was announced.
            drop(Slow::begin(&server.url, whole.len(), &whole[..cut]));
            loop {
                if server.standing(1000).await.next == next {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        // A body that ends early, without a word about it.
        let answer = server.add_entries(whole[..=two].to_vec()).await;
        assert_eq!(info(&answer, 202).next, 512);
        let answer = server.add_entries(body(&log, 512, 1000)).await;
        server.signed(&answer, &log, 1000);
        server.serves(&log, 1000).await;
        server.end().await;
    });
}

/// A client that pauses holds up no other, and goes on where it stopped.
#[test]
fn two_clients_interleave() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::create(&dir.path().join("m"), None).await;
        let log = log(900);
        server.add_checkpoint(&log, 0, 600).await;
        let whole = body(&log, 0, 600);
        let one = prefix(&log, &head(0, 600), 1).len();
        let mut slow = Slow::begin(&server.url, whole.len(), &whole[..one + 7]);
        while server.standing(600).await.next < 256 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Another takes over while the first one pauses.
        let answer = server.add_entries(body(&log, 256, 600)).await;
        server.signed(&answer, &log, 600);
        slow.send(&whole[one + 7..]);
        let (head_text, lines) = slow.answer();
        assert!(head_text.starts_with("http/1.1 200"), "{head_text}");
        assert!(!lines.is_empty());

        // One that pauses before its last package, and comes too late: the mirror never rewinds.
        let (late, last) = whole.split_at(whole.len() - 1);
        let mut slow = Slow::begin(&server.url, whole.len(), late);
        server.add_checkpoint(&log, 600, 900).await;
        let answer = server.add_entries(body(&log, 600, 900)).await;
        server.signed(&answer, &log, 900);
        slow.send(last);
        let (head_text, _) = slow.answer();
        assert!(head_text.starts_with("http/1.1 409"), "{head_text}");
        server.serves(&log, 900).await;
        server.end().await;
    });
}

/// Clients that all upload everything, while the log grows under them.
#[test]
fn many_clients_leave_one_copy() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let server = Arc::new(Server::create(&dir.path().join("m"), None).await);
        let log = Arc::new(log(3000));
        server.add_checkpoint(&log, 0, 1000).await;
        let mut clients = tokio::task::JoinSet::new();
        for n in 0..8_u64 {
            let (server, log) = (Arc::clone(&server), Arc::clone(&log));
            clients.spawn(async move {
                let mut end = 1000;
                loop {
                    let standing = server.standing_or_end(end, 3000).await;
                    let Some((next, size)) = standing else { break };
                    end = size;
                    // From before the stored entries, to make them overlap.
                    let start = next.saturating_sub(n * 37);
                    let upload =
                        prefix(&log, &head(start, end), 1 + usize::try_from(n % 3).unwrap());
                    let answer = server.add_entries(upload).await;
                    assert!(
                        [200, 202, 409].contains(&answer.status),
                        "{}",
                        answer.status
                    );
                    if answer.status == 200 && end < 3000 {
                        // The first one makes the log grow; the others are told how far.
                        server.add_checkpoint(&log, end, end + 1000).await;
                        end += 1000;
                    }
                }
            });
        }
        while let Some(done) = clients.join_next().await {
            done.unwrap();
        }
        server.serves(&log, 3000).await;
        Arc::into_inner(server).unwrap().end().await;

        // The data on the disk are one tree, with the root that was cosigned.
        let mirror = MirrorHome::at(dir.path().join("m"))
            .open(Box::new(|_| {}))
            .unwrap();
        let copy = mirror.copies().next().unwrap();
        copy.check_stored(0, 3000, log.checkpoint(3000).root)
            .unwrap();
    });
}

/// Time begins anew with every package, so a slow client gets through, and one that stands still
/// does not.
#[test]
fn a_client_that_stands_still_is_let_go() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        Server::create(&dir.path().join("m"), None)
            .await
            .end()
            .await;
        let limits = Limits {
            body_deadline: Duration::from_secs(2),
            ..Limits::default()
        };
        let server = Server::start(&dir.path().join("m"), limits).await;
        let log = log(600);
        server.add_checkpoint(&log, 0, 600).await;
        let whole = body(&log, 0, 600);
        let one = prefix(&log, &head(0, 600), 1).len();
        let (head_text, _) = Slow::begin(&server.url, whole.len(), &whole[..one / 2]).answer();
        assert!(head_text.starts_with("http/1.1 408"), "{head_text}");
        let (head_text, _) = Slow::begin(&server.url, whole.len(), &whole[..=one]).answer();
        assert!(head_text.starts_with("http/1.1 202"), "{head_text}");
        server.end().await;
    });
}

/// Packages that a few octets inflate to, and that never end: they take no more than one sender's
/// share, and an upload that comes is taken though it comes from their address.
#[test]
fn uploads_that_inflate_hold_up_nobody() {
    const LEN_MAX: usize = 24 << 20;
    run(async {
        let dir = tempfile::tempdir().unwrap();
        Server::create(&dir.path().join("m"), None)
            .await
            .end()
            .await;
        let limits = Limits {
            bodies_len_max: LEN_MAX,
            ..Limits::default()
        };
        let server = Server::start(&dir.path().join("m"), limits).await;
        let log = log(600);
        server.add_checkpoint(&log, 0, 600).await;
        let entry = [&[0xff, 0xff][..], &vec![0; 0xffff]].concat();
        let inflated = [head(0, 600).encode().unwrap(), entry.repeat(250)].concat();
        // Control: two of them would take more than there is for all.
        assert!(2 * inflated.len() > LEN_MAX);
        let bomb = ishibumi_wire::gzip(&inflated);
        let mut bombs: Vec<TcpStream> = (0..24)
            .map(|_| {
                let mut stream =
                    TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
                let request =
                    b"POST /add-entries HTTP/1.1\r\nhost: m\r\ncontent-encoding: gzip\r\n\
                                content-length: 9999999\r\n\r\n";
                stream.write_all(request).unwrap();
                stream.write_all(&bomb).unwrap();
                stream
            })
            .collect();
        let answer = loop {
            let answer = server.add_entries(body(&log, 0, 600)).await;
            // The client comes again when it is asked to.
            if answer.status == 200 {
                break answer;
            }
            assert!([202, 503].contains(&answer.status), "{}", answer.status);
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        server.signed(&answer, &log, 600);
        // None of them got all that it wanted: a second one would not have fitted.
        let told = bombs.iter_mut().filter_map(|stream| {
            stream
                .set_read_timeout(Some(Duration::from_millis(100)))
                .unwrap();
            let mut status = [0; 12];
            std::io::Read::read_exact(stream, &mut status).ok()?;
            Some(status == *b"HTTP/1.1 503")
        });
        assert!(told.filter(|refused| *refused).count() >= 20);
        drop(bombs);
        server.end().await;
    });
}
