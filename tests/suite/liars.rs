//! Witnesses that are slow, dead or lying, over real sockets: they cost nothing, as long as the
//! others are a quorum. That is: rounds go on, every submission gets its proof, and nothing of
//! theirs is published.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ishibumi_tests::http;
use ishibumi_tests::process::eventually;
use ishibumi_tests::world::{OPAQUE, Setup, World, opaque_record};
use ishibumi_tlog::cosignature::Cosigner;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::key::{NoteSigner, SignatureType};
use ishibumi_tlog::protocol::{AddCheckpoint, encode_signatures, encode_size};
use ishibumi_tlog::tree::Subtree;

/// The conduct of a witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conduct {
    Honest,
    /// Tells the truth, in half a second.
    Slow,
    /// Takes the request and never says a word.
    Silent,
    /// Takes longer than it may.
    TooLate,
    Garbage,
    /// An answer without an end.
    Endless,
    /// A valid cosignature over another tree.
    OtherTree,
    /// A valid cosignature from next year.
    Future,
    /// A valid signature that states no time.
    Untimed,
    /// 409 with another smaller size each time.
    Flapping,
    /// Is honest once, and then claims to know a larger tree.
    Larger,
    /// 500.
    Broken,
    /// Closes the connection in the middle of an answer.
    CutOff,
}

const LIES: [Conduct; 11] = [
    Conduct::Silent,
    Conduct::TooLate,
    Conduct::Garbage,
    Conduct::Endless,
    Conduct::OtherTree,
    Conduct::Future,
    Conduct::Untimed,
    Conduct::Flapping,
    Conduct::Larger,
    Conduct::Broken,
    Conduct::CutOff,
];

/// A witness that keeps no state, with the key that fits its conduct.
struct Liar {
    name: String,
    vkey: String,
    url: String,
    conduct: Arc<Mutex<Conduct>>,
}

impl Liar {
    fn start(conduct: Conduct) -> Self {
        let name = format!("{conduct:?}.example").to_lowercase();
        // A signature without a time exists with ML-DSA-44 only.
        let kind = match conduct {
            Conduct::Untimed => SignatureType::SubtreeV1,
            _ => SignatureType::CosignatureV1,
        };
        let key = NoteSigner::from_seed(&name, kind, &[conduct as u8 + 100; 32]).unwrap();
        let cosigner = Arc::new(Cosigner::new(key).unwrap());
        let vkey = cosigner.verifier().to_string();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let conduct = Arc::new(Mutex::new(conduct));
        let shared = Arc::clone(&conduct);
        std::thread::spawn(move || {
            // How often it was asked to cosign so far.
            let asked = Arc::new(AtomicUsize::new(0));
            for stream in listener.incoming() {
                let conduct = *shared.lock().unwrap();
                let (cosigner, asked) = (Arc::clone(&cosigner), Arc::clone(&asked));
                // Who is gone cannot be answered.
                std::thread::spawn(move || answer(stream.unwrap(), conduct, &cosigner, &asked));
            }
        });
        Self {
            name,
            vkey,
            url,
            conduct,
        }
    }

    fn reform(&self) {
        *self.conduct.lock().unwrap() = Conduct::Honest;
    }

    /// A figure of the log about this witness.
    fn metric(&self, world: &World, what: &str) -> u64 {
        let text = http::get(&world.running().admin_url, "/metrics")
            .unwrap()
            .text();
        let name = format!("ishibumi_log_witness_{what}{{witness=\"{}\"}} ", self.name);
        let line = text.lines().find_map(|line| line.strip_prefix(&name));
        line.unwrap_or_else(|| panic!("{name}: {text}"))
            .parse()
            .unwrap()
    }
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// The checkpoint that is to be cosigned; `None` for any other request: it shows nothing.
fn request(stream: &TcpStream) -> std::io::Result<Option<AddCheckpoint>> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim_end().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    if body.is_empty() {
        return Ok(None);
    }
    Ok(Some(
        AddCheckpoint::parse(&body).expect("what the log sends"),
    ))
}

fn answer(
    mut stream: TcpStream,
    conduct: Conduct,
    cosigner: &Cosigner,
    asked: &AtomicUsize,
) -> std::io::Result<()> {
    let Some(request) = request(&stream)? else {
        let head = "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        return stream.write_all(head.as_bytes());
    };
    let count = asked.fetch_add(1, Ordering::Relaxed);
    let checkpoint = request.checkpoint;
    let cosigned = |time| encode_signatures(&[cosigner.cosign(&checkpoint, time).unwrap()]);
    let (status, body) = match conduct {
        Conduct::Honest => (200, cosigned(now())),
        Conduct::Slow => {
            std::thread::sleep(Duration::from_millis(500));
            (200, cosigned(now()))
        }
        Conduct::Silent => {
            // Until the log hangs up.
            stream.read_to_end(&mut Vec::new())?;
            return Ok(());
        }
        Conduct::TooLate => {
            std::thread::sleep(Duration::from_secs(5));
            (200, cosigned(now()))
        }
        Conduct::Garbage => (200, "\u{2014} nonsense\n".to_owned()),
        Conduct::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
            loop {
                stream.write_all(cosigned(now()).as_bytes())?;
            }
        }
        Conduct::OtherTree => {
            let mut other = checkpoint.clone();
            other.root = leaf_hash(b"another tree");
            (
                200,
                encode_signatures(&[cosigner.cosign(&other, now()).unwrap()]),
            )
        }
        Conduct::Future => (200, cosigned(now() + 365 * 86400)),
        Conduct::Untimed => {
            let whole = Subtree::new(0, checkpoint.size).unwrap();
            let line = cosigner.sign_subtree(&checkpoint.origin, whole, checkpoint.root);
            (200, encode_signatures(&[line.unwrap()]))
        }
        Conduct::Flapping => (409, encode_size(checkpoint.size.min(count as u64 % 7))),
        Conduct::Larger if count == 0 => (200, cosigned(now())),
        Conduct::Larger => (409, encode_size(checkpoint.size + 1000)),
        Conduct::Broken => (500, "out of order\n".to_owned()),
        Conduct::CutOff => {
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n\u{2014} cut";
            return stream.write_all(head.as_bytes());
        }
    };
    let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n");
    let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes())
}

/// Two honest witnesses, who are the quorum, and these.
fn world_of(conducts: &[Conduct], quorum: usize) -> (World, Vec<Liar>) {
    let mut world = World::prepared(Setup {
        witnesses: 2,
        quorum,
        config: "[sequencing]\nwitness_deadline_ms = 400\nquorum_deadline_ms = 2000\n",
        ..Setup::default()
    });
    let liars: Vec<Liar> = conducts
        .iter()
        .map(|&conduct| Liar::start(conduct))
        .collect();
    for liar in &liars {
        world.add_foreign_witness(&liar.vkey, &liar.url);
    }
    world.start_log();
    (world, liars)
}

#[test]
fn whoever_lies_or_sleeps_costs_nothing() {
    let (world, liars) = world_of(&LIES, 2);
    let mut sizes = vec![world.size()];
    for number in 0..30 {
        let record = format!("record {number}").into_bytes();
        // With its proof, not with a promise: the quorum came in time.
        let proven = world.verified(&world.put(&record).body, &opaque_record(&record));
        assert!(proven.index > 0);
        sizes.push(world.size());
    }
    assert!(
        sizes.is_sorted() && sizes.windows(2).all(|w| w[1] > w[0]),
        "{sizes:?}"
    );
    for liar in &liars {
        let lies = *liar.conduct.lock().unwrap();
        let counted = match lies {
            Conduct::Larger => "conflicts_total",
            _ => "failures_total",
        };
        eventually(&format!("{lies:?} to be noticed"), || {
            (liar.metric(&world, counted) > 0).then_some(())
        });
        let before = u64::from(lies == Conduct::Larger);
        assert_eq!(liar.metric(&world, "successes_total"), before, "{lies:?}");
        assert_eq!(liar.metric(&world, "up"), 0, "{lies:?}");
    }
    // Only those who told the truth are named in what was published.
    let honest = |name: &str| name.starts_with("witness") || name.starts_with("larger");
    let cosigned = world.checkpoint();
    assert!(cosigned.cosignatures().iter().all(|c| honest(&c.name)));

    // Control: their conduct kept them out, not their keys.
    for liar in &liars {
        liar.reform();
    }
    for liar in &liars {
        eventually(&format!("{} to be believed", liar.name), || {
            world.put(&now().to_be_bytes());
            (liar.metric(&world, "up") == 1).then_some(())
        });
        assert!(liar.metric(&world, "cosigned_size") > sizes[0]);
    }
    assert!(world.running().is_alive());
}

/// The control of the other side: where the quorum needs a liar, there is none, and nothing is
/// lost.
#[test]
fn a_quorum_that_needs_a_liar_is_not_reached() {
    for conduct in LIES
        .into_iter()
        .filter(|&conduct| conduct != Conduct::Larger)
    {
        let (world, liars) = world_of(&[conduct], 3);
        let _ = world.get("/checkpoint").expect(503);
        let _ = world
            .submit("lab", OPAQUE, "?wait=durable", b"waits")
            .expect(202);
        eventually("the lie to be noticed", || {
            (liars[0].metric(&world, "failures_total") > 0).then_some(())
        });
        let _ = world.get("/checkpoint").expect(503);
        liars[0].reform();
        world.proven(&opaque_record(b"waits"));
    }
}

/// Slow is not wrong: a witness that never keeps up with the rounds still cosigns what is kept for
/// ever.
#[test]
fn a_slow_witness_is_heard_in_what_is_kept() {
    let mut world = World::prepared(Setup {
        witnesses: 2,
        quorum: 2,
        config: "[sequencing]\nkeep_interval_ms = 300\n",
        ..Setup::default()
    });
    let slow = Liar::start(Conduct::Slow);
    world.add_foreign_witness(&slow.vkey, &slow.url);
    world.start_log();
    let mut number = 0_u64;
    let kept = eventually("a kept checkpoint with all three", || {
        number += 1;
        world.put(&number.to_be_bytes());
        let sizes = world.get("/checkpoints").expect(200).json();
        let sizes = sizes["sizes"].as_array().unwrap();
        let by = |size: &&serde_json::Value| {
            let note = world
                .get(&format!("/checkpoints/{size}"))
                .expect(200)
                .text();
            note.contains(&slow.name) && size.as_u64().unwrap() > 10
        };
        sizes.iter().rev().take(40).find(by).cloned()
    });
    // Far behind what is published by then: it came late, and counted.
    assert!(world.size() > kept.as_u64().unwrap());
}
