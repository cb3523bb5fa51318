//! There is a limit on everything, and a client that runs into one is told; the others do not
//! notice.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use ishibumi_tests::http::{self, Answer};
use ishibumi_tests::process::eventually;
use ishibumi_tests::world::{OPAQUE, Provider, Setup, World, opaque_record, submit};

const CROWD: usize = 300;

/// Short deadlines, and a body limit of 1 MiB.
fn world() -> World {
    World::new(Setup {
        config: "[limits]\nhead_deadline_ms = 1500\nbody_deadline_ms = 1500\nstall_deadline_ms = 1500\n\
                 body_len_max = 1048576",
        ..Setup::default()
    })
}

fn submission_head(world: &World, more: &[(&str, &str)]) -> String {
    let bearer = format!("Bearer {}", world.token("lab"));
    let headers = [("authorization", bearer.as_str()), ("content-type", OPAQUE)];
    http::head("POST", "/v1/submit", &[&headers[..], more].concat())
}

/// Opens a crowd of connections that send `start`, then an octet now and then, while others work.
/// What each of them was answered before it was cut off.
fn crowd(world: &World, number: usize, start: &[u8]) -> Vec<Vec<u8>> {
    let mut streams: Vec<TcpStream> = (0..number)
        .map(|_| {
            let mut stream = http::connect(world.url()).unwrap();
            stream.write_all(start).unwrap();
            stream
        })
        .collect();
    for round in 0..10 {
        for stream in &mut streams {
            // Some are cut off by now.
            let _ = stream.write_all(b"x");
        }
        world.put(format!("beside the crowd {round}").as_bytes());
        let _ = world.get("/checkpoint").expect(200);
    }
    streams
        .into_iter()
        .map(|mut stream| {
            let mut received = Vec::new();
            // Cut off or closed: an end either way, and not our deadline of a minute.
            if let Err(error) = stream.read_to_end(&mut received) {
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
            }
            received
        })
        .collect()
}

#[test]
fn heads_that_never_end_are_cut_off_and_disturb_nobody() {
    let world = world();
    let size = world.size();
    for start in [
        "POST /v1/submit HTTP/1.1\r\nhost: log.test\r\nx-slow: ",
        "G",
        "",
    ] {
        let answers = crowd(&world, CROWD, start.as_bytes());
        for answer in answers {
            let text = String::from_utf8_lossy(&answer);
            assert!(text.is_empty() || text.starts_with("HTTP/1.1 4"), "{text}");
        }
    }
    // Ten records of one crowd are those of the next.
    assert_eq!(world.size(), size + 10);
}

#[test]
fn bodies_that_never_end_are_told_and_cut_off() {
    let world = world();
    let size = world.size();
    let stated = submission_head(&world, &[("content-length", "1000")]);
    let chunked = submission_head(&world, &[("transfer-encoding", "chunked")]);
    for start in [format!("{stated}some"), format!("{chunked}3e8\r\nsome")] {
        for answer in crowd(&world, CROWD, start.as_bytes()) {
            let text = String::from_utf8_lossy(&answer);
            // A client that was still sending when it was cut off may have lost the answer.
            assert!(
                text.is_empty() || text.contains("408 ") && text.contains("body-too-slow"),
                "{text}"
            );
        }
    }
    assert_eq!(world.size(), size + 10);
}

#[test]
fn more_connections_than_are_served_wait_their_turn() {
    let world = World::new(Setup {
        config: "[limits]\nhead_deadline_ms = 700\nconnections_max = 50",
        ..Setup::default()
    });
    let held: Vec<TcpStream> = (0..200)
        .map(|_| http::connect(world.url()).unwrap())
        .collect();
    // Behind all of them.
    world.put(b"after the others were cut off");
    drop(held);
}

#[test]
fn a_body_over_the_limit_is_refused_however_it_is_announced() {
    let limit = 1 << 20;
    let world = World::new(Setup {
        config: "[limits]\nbody_len_max = 1048576",
        ..Setup::default()
    });
    let size = world.size();
    let send = |body: &[u8]| world.submit("lab", OPAQUE, "", body);
    // The control is refused for another reason: it was read.
    send(&vec![1; limit]).expect_problem(413, "record-bounds");
    send(&vec![1; limit + 1]).expect_problem(413, "body-too-large");
    let chunked = |len: usize| {
        let head = submission_head(&world, &[("transfer-encoding", "chunked")]);
        let mut octets = head.into_bytes();
        for _ in 0..len / 65_536 {
            octets.extend(b"10000\r\n");
            octets.extend(vec![1; 65_536]);
            octets.extend(b"\r\n");
        }
        octets.extend(format!("{:x}\r\n", len % 65_536).bytes());
        if !len.is_multiple_of(65_536) {
            octets.extend(vec![1; len % 65_536]);
            octets.extend(b"\r\n0\r\n");
        }
        octets.extend(b"\r\n");
        http::exchange(world.url(), &octets)
    };
    chunked(limit).unwrap().expect_problem(413, "record-bounds");
    chunked(limit + 1)
        .unwrap()
        .expect_problem(413, "body-too-large");
    // A chunked good one.
    let _ = chunked(100).unwrap().expect(200);

    let before = world.running().peak_memory_kb();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                // A client that keeps sending may be cut off before it reads why.
                for answer in [
                    submit(
                        world.url(),
                        world.token("lab"),
                        OPAQUE,
                        "",
                        &vec![1; 20 << 20],
                    ),
                    chunked(20 << 20),
                ]
                .into_iter()
                .flatten()
                {
                    answer.expect_problem(413, "body-too-large");
                }
            });
        }
    });
    let grown = world.running().peak_memory_kb() - before;
    assert!(grown < 100 << 10, "640 MB were sent, {grown} kB were kept");
    // Ten gigabytes that never come.
    let head = submission_head(&world, &[("content-length", "10737418240")]);
    let answer = http::exchange(world.url(), head.as_bytes()).unwrap();
    answer.expect_problem(413, "body-too-large");
    assert_eq!(world.size(), size + 1);
}

#[test]
fn who_may_not_send_is_told_before_he_sends() {
    let world = world();
    let head = http::head(
        "POST",
        "/v1/submit",
        &[("content-type", OPAQUE), ("content-length", "1000000")],
    );
    let answer = http::exchange(world.url(), head.as_bytes()).unwrap();
    answer.expect_problem(401, "unauthorized");
}

/// A request that two servers could read in two ways is refused, or at least the octets behind it
/// are not answered: otherwise a proxy and the log may disagree about where one customer's request
/// ends.
#[test]
fn ambiguous_requests_are_refused() {
    let world = world();
    let size = world.size();
    let token = world.token("lab");
    let send = |headers: &str| {
        let head = format!(
            "POST /v1/submit HTTP/1.1\r\nhost: log.test\r\nauthorization: Bearer {token}\r\n\
             content-type: {OPAQUE}\r\n{headers}\r\n0\r\n\r\n"
        );
        let behind = http::head("GET", "/checkpoint", &[]);
        let mut stream = http::connect(world.url()).unwrap();
        stream
            .write_all(&[head.as_bytes(), behind.as_bytes()].concat())
            .unwrap();
        let mut received = Vec::new();
        // Cut off with octets of ours unread: the answer came before.
        let _ = stream.read_to_end(&mut received);
        String::from_utf8_lossy(&received).into_owned()
    };
    for headers in [
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: -5\r\n",
        "content-length: +5\r\n",
        "transfer-encoding: gzip\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "content-length : 5\r\n",
    ] {
        let text = send(headers);
        assert!(text.starts_with("HTTP/1.1 4"), "{headers}: {text}");
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{headers}: {text}");
    }
    assert_eq!(world.size(), size);
    // RFC 9112 section 6.1 lets a server believe the encoding, and has it close the connection
    // then.
    for headers in [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
    ] {
        let text = send(headers);
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{headers}: {text}");
        assert!(text.contains("connection: close"), "{headers}: {text}");
    }
    // The control: either way of saying it is answered, and so is what stands behind it.
    for headers in ["content-length: 5\r\n", "transfer-encoding: chunked\r\n"] {
        let text = send(headers);
        assert_eq!(text.matches("HTTP/1.1 200").count(), 2, "{text}");
    }
}

#[test]
fn tiles_have_one_path() {
    let mut world = world();
    for number in 0..300 {
        let octets = format!("leaf {number}");
        let _ = world
            .submit("lab", OPAQUE, "?wait=durable", octets.as_bytes())
            .expect(202);
    }
    world.proven(&opaque_record(b"leaf 299"));
    let size = world.size();
    let part = size - 256;
    for good in [
        "/tile/0/000".to_owned(),
        "/tile/entries/000".to_owned(),
        format!("/tile/0/001.p/{part}"),
        format!("/tile/entries/001.p/{part}"),
        "/tile/0/000.p/1".to_owned(),
        "/tile/1/000.p/1".to_owned(),
    ] {
        let answer = world.get(&good).expect(200);
        if !good.contains(".p/") && good.contains("/0/") {
            assert_eq!(answer.body.len(), 256 * 32, "{good}");
        }
    }
    for bad in [
        "/tile/0/../../etc/passwd",
        "/tile/0/../0/000",
        "/tile/%30/000",
        "/tile/0/%30%30%30",
        "/tile/0/%2e%2e/000",
        "/tile/0/0",
        "/tile/0/00",
        "/tile/0/0000",
        "/tile/0/x000/000",
        "/tile/0/x1000",
        "/tile/0/x001",
        "/tile/0/000/",
        "/tile/0//000",
        "//tile/0/000",
        "/tile/00/000",
        "/tile/+0/000",
        "/tile/-1/000",
        "/tile/64/000",
        "/tile/256/000",
        "/tile/0/000.p/0",
        "/tile/0/000.p/256",
        "/tile/0/000.p/257",
        "/tile/0/000.p/01",
        "/tile/0/000.p/+1",
        "/tile/0/000.p/",
        "/tile/0/000.P/1",
        "/tile/0/001",
        "/tile/0/002.p/1",
        "/tile/1/000",
        "/tile/1/000.p/2",
        "/tile/2/000.p/1",
        "/tile/0/x999/x999/x999/x999/x999/x999/999",
        "/tile/entries/000.p/0",
        "/tile/Entries/000",
        "/tile/data/000",
        "/tile/0/\u{fffd}",
        "/tile",
        "/tile/",
        "/checkpoint/",
        "/checkpoint/x",
        "/checkpoints/03",
        "/checkpoints/+3",
        "/checkpoints/99999999999999999999",
        "/v1/proof/",
        "/v1/proof",
        "/v1",
        "/",
        "/index.html",
    ] {
        let answer = world.get(bad);
        assert!([400, 404].contains(&answer.status), "{bad}: {answer}");
    }
    let beyond = format!("/tile/0/001.p/{}", part + 1);
    world.get(&beyond).expect_problem(404, "not-found");
    world.stop_log();
}

#[test]
fn a_full_pool_says_when_to_come_again() {
    let world = World::new(Setup {
        config: "[sequencing]\npool_records_max = 4\nbatch_age_ms = 800",
        ..Setup::default()
    });
    let send = |round: u64, number: u64| {
        let octets = format!("pool {round} {number}");
        world.submit("lab", OPAQUE, "?wait=durable", octets.as_bytes())
    };
    let mut rounds = 0..;
    let (round, before) = eventually("a crowd that comes at once", || {
        let round = rounds.next().unwrap();
        let before = world.status("staged_size").as_u64().unwrap();
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..24)
                .map(|n| scope.spawn(move || send(round, n)))
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        let (taken, full): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == 202);
        for answer in &full {
            answer.expect_problem(503, "pool-full");
            assert_eq!(answer.number("retry-after"), 1);
        }
        // No refused record is there, and every taken one is.
        let staged = before + taken.len() as u64;
        assert_eq!(world.status("staged_size"), staged);
        (!full.is_empty()).then_some((round, before))
    });
    // Who comes again is taken in the end, and stands once.
    for number in 0..24 {
        eventually("a place in the pool", || {
            (send(round, number).status == 202).then_some(())
        });
    }
    assert_eq!(world.status("staged_size"), before + 24);
}

/// All come from one address, as behind a proxy: it is the bearer token that tells who sends.
#[test]
fn bodies_share_a_bounded_memory() {
    let other = Provider {
        id: "other",
        kinds: &["opaque"],
        anchors: Vec::new(),
    };
    let world = World::new(Setup {
        providers: vec![other],
        config: "[limits]\nbodies_len_max = 1048576\nbody_len_max = 1048576\nbody_deadline_ms = 60000",
        ..Setup::default()
    });
    let head = submission_head(&world, &[("content-length", "1000000")]);
    let slow = |number: usize, len: usize| -> Vec<TcpStream> {
        let begin = |_| {
            let mut slow = http::connect(world.url()).unwrap();
            slow.write_all(head.as_bytes()).unwrap();
            // A client that is told to come again may be cut off while it sends.
            let _ = slow.write_all(&vec![1; len]);
            slow
        };
        (0..number).map(begin).collect()
    };
    let send = |provider| world.submit(provider, OPAQUE, "", &vec![1; 60_000]);
    // Twenty megabytes that are announced take nothing, if a few kilobytes come.
    let announced = slow(20, 1000);
    let _ = send("lab").expect(200);
    // Octets that come count: more than the share of one provider, of which the others notice
    // nothing.
    let mut come = slow(8, 140_000);
    let _ = send("other").expect(200);
    let told = eventually("one of them that is one too many", || {
        come.iter_mut().find_map(|stream| {
            stream
                .set_read_timeout(Some(Duration::from_millis(50)))
                .unwrap();
            let mut answer = vec![0; 4096];
            let len = stream.read(&mut answer).ok()?;
            Some(String::from_utf8_lossy(&answer[..len]).into_owned())
        })
    });
    assert!(told.starts_with("HTTP/1.1 503"), "{told}");
    assert!(told.contains("retry-after: 1"), "{told}");
    // Connections that stand still are closed for one that comes.
    eventually("room for who comes", || {
        (send("lab").status == 200).then_some(())
    });
    drop((announced, come));
}

#[test]
fn noise_at_every_door_changes_nothing() {
    let world = world();
    let size = world.size();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = |len: usize| -> Vec<u8> {
        (0..len)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_be_bytes()[3]
            })
            .collect()
    };
    let bearer = format!("Bearer {}", world.token("lab"));
    let batch = "application/vnd.ishibumi.batch";
    let doors = [
        "/checkpoint",
        "/checkpoints",
        "/checkpoints/",
        "/tile/",
        "/tile/0/",
        "/tile/entries/",
        "/blob/",
        "/v1/proof/",
        "/v1/lookup/",
        "/v1/lookup/certificate/",
        "/v1/lookup/serial/",
        "/v1/lookup/tsu/sha256/",
        "/v1/lookup/organization/",
        "/healthz",
        "/readyz",
        "/v1/submit",
    ];
    for round in 0..6 {
        for door in doors {
            for door in [door.to_owned(), format!("{door}?from=")] {
                let path = [door.as_bytes(), &noise(1 + 40 * round)].concat();
                let start = [
                    &b"GET "[..],
                    &path,
                    b" HTTP/1.1\r\nconnection: close\r\n\r\n",
                ]
                .concat();
                // Refused, or cut off without a word: both are answers to noise.
                if let Ok(answer) = http::exchange(world.url(), &start) {
                    assert!(answer.status < 500, "{answer}");
                }
            }
            let headers = [("authorization", bearer.as_str()), ("content-type", batch)];
            let answer = http::post(world.url(), door, &headers, &noise(500)).unwrap();
            assert!(answer.status < 500, "{door}: {answer}");
            let escaped: String = hex::encode(noise(30))
                .as_bytes()
                .chunks(2)
                .flat_map(|two| ["%", std::str::from_utf8(two).unwrap()])
                .collect();
            let answer = http::get(world.url(), &format!("{door}{escaped}")).unwrap();
            assert!(answer.status < 500, "{answer}");
        }
        for url in [world.url(), &world.running().admin_url] {
            let mut stream = http::connect(url).unwrap();
            let _ = stream.write_all(&noise(20_000));
            let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
            let _ = stream.read_to_end(&mut Vec::new());
        }
        // The admin listener takes nothing.
        let admin = &world.running().admin_url;
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let head = http::head(method, "/metrics", &[]);
            let answer = http::exchange(admin, head.as_bytes()).unwrap();
            assert!(answer.status < 500, "{answer}");
        }
    }
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        let head = http::head(method, "/checkpoint", &[]);
        http::exchange(world.url(), head.as_bytes())
            .unwrap()
            .expect_problem(405, "method");
    }
    assert_eq!(world.status("staged_size"), size);
    world.put(b"goes on");
}
