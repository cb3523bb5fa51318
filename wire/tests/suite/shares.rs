//! Resources that all senders share, and a crowd of one sender that wants them all: every other
//! sender is answered. Each beside the same crowd of so many senders that none has more than its
//! share.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use ishibumi_wire::{
    Admitted, BodyStream, Limits, PIECE_LEN_MAX, Reply, Service, gzip, reply, serve,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Answers with the length of the body, except `/held`, which is never answered. `/stream` holds a
/// body piece by piece until its end. A client that sends `x-sender` is known by that name.
#[derive(Default)]
struct Desk {
    held: AtomicUsize,
    /// Octets of streamed bodies that are held now, and the most that ever were.
    streamed: AtomicUsize,
    streamed_max: AtomicUsize,
}

impl Service for Desk {
    type Request = String;

    fn admit(&self, head: &Parts) -> Result<Admitted<String>, Reply> {
        let named = head.headers.get("x-sender");
        let sender = named.and_then(|name| Some(name.to_str().ok()?.into()));
        let path = head.uri.path().to_owned();
        let admitted = match path.as_str() {
            "/stream" => Admitted::streamed(path),
            _ => Admitted::whole(path, 1 << 20),
        };
        Ok(admitted.by(sender))
    }

    async fn stream(&self, _: String, body: &mut BodyStream) -> Reply {
        let mut len = 0;
        let status = loop {
            match body.piece().await {
                Ok(Some(piece)) => {
                    len += piece.len();
                    let held = self.streamed.fetch_add(piece.len(), Ordering::SeqCst);
                    self.streamed_max
                        .fetch_max(held + piece.len(), Ordering::SeqCst);
                }
                Ok(None) => break StatusCode::OK,
                Err(_) => break StatusCode::SERVICE_UNAVAILABLE,
            }
        };
        self.streamed.fetch_sub(len, Ordering::SeqCst);
        reply(status, "text/plain", len.to_string())
    }

    async fn call(&self, path: String, body: Bytes) -> Reply {
        if path == "/held" {
            self.held.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
        reply(StatusCode::OK, "text/plain", body.len().to_string())
    }
}

struct Server {
    address: SocketAddr,
    desk: Arc<Desk>,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let desk = Arc::new(Desk::default());
        let forever = std::future::pending();
        tokio::spawn(serve(listener, Arc::clone(&desk), limits, forever));
        Self { address, desk }
    }

    /// A connection from 127.0.0.`host` that has sent `octets`.
    async fn send(&self, host: u8, octets: &[u8]) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        let host = IpAddr::from(Ipv4Addr::new(127, 0, 0, host));
        socket.bind((host, 0).into()).unwrap();
        let mut stream = socket.connect(self.address).await.unwrap();
        // It may be closed while this is sent.
        let _ = stream.write_all(octets).await;
        stream
    }

    /// The status of the answer to a request from 127.0.0.`host`; `None` if it was cut off.
    async fn ask(&self, host: u8, octets: &[u8]) -> Option<u16> {
        status(self.send(host, octets).await).await
    }
}

async fn status(mut stream: TcpStream) -> Option<u16> {
    let mut answer = Vec::new();
    while answer.len() < 12 {
        match stream.read_buf(&mut answer).await {
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
    }
    std::str::from_utf8(&answer[9..12]).unwrap().parse().ok()
}

fn post(path: &str, headers: &str, announced: usize, sent: usize) -> Vec<u8> {
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {announced}\r\n{headers}\r\n");
    [head.into_bytes(), vec![b'x'; sent]].concat()
}

/// The address that the crowd has, and those that it has in the control.
const ONE: fn(u8) -> u8 = |_| 2;
const MANY: fn(u8) -> u8 = |n| 2 + n;

/// Opens `number` connections that send `octets`, from what `host` says.
async fn crowd(server: &Server, number: u8, host: fn(u8) -> u8, octets: &[u8]) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for n in 0..number {
        streams.push(server.send(host(n), octets).await);
    }
    streams
}

/// Asks again and again: the awaited state comes when the machine gets to it.
async fn eventually(mut ask: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), asking)
        .await
        .unwrap();
}

fn memory(len_max: usize) -> Limits {
    Limits {
        bodies_len_max: len_max,
        ..Limits::default()
    }
}

#[tokio::test]
async fn bodies_that_are_announced_hold_nothing() {
    // 20 megabytes are announced, one fits: counted as they may come, all but one were refused.
    let server = Server::start(memory(1 << 20)).await;
    let stalled = crowd(&server, 20, ONE, &post("/", "", 1 << 20, 100)).await;
    for _ in 0..10 {
        let answer = server.ask(1, &post("/", "", 300_000, 300_000)).await;
        assert_eq!(answer, Some(200));
    }
    drop(stalled);
}

#[tokio::test]
async fn bodies_in_use_take_no_more_than_their_senders_share() {
    let held = post("/held", "", 100_000, 100_000);
    for (host, of_crowd, of_other) in [(ONE, 5, 200), (MANY, 9, 503)] {
        let server = Server::start(memory(1 << 20)).await;
        let taken = crowd(&server, 12, host, &held).await;
        eventually(async || server.desk.held.load(Ordering::SeqCst) == of_crowd).await;
        let answer = server.ask(1, &post("/", "", 200_000, 200_000)).await;
        assert_eq!(answer, Some(of_other));
        // By name the same holds: a proxy has one address for all.
        let named = post("/", "x-sender: a\r\n", 200_000, 200_000);
        assert_eq!(server.ask(2, &named).await, Some(of_other));
        drop(taken);
    }
}

#[tokio::test]
async fn a_body_that_stalls_makes_room_for_one_that_comes() {
    let server = Server::start(memory(1 << 20)).await;
    let stalled = crowd(&server, 5, ONE, &post("/", "", 1 << 20, 100_000)).await;
    let whole = post("/", "", 400_000, 400_000);
    // From the same address, so that the share is taken until one of the others gives way.
    eventually(async || server.ask(2, &whole).await == Some(200)).await;
    let mut told = 0;
    for stream in stalled {
        let status = tokio::time::timeout(Duration::from_millis(200), status(stream)).await;
        told += usize::from(status == Ok(Some(503)));
    }
    assert!(told > 0, "who gave way is told");
    // Control: a body in use does not give way.
    let used = crowd(&server, 5, ONE, &post("/held", "", 100_000, 100_000)).await;
    eventually(async || server.desk.held.load(Ordering::SeqCst) == 5).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(server.ask(2, &whole).await, Some(503));
    drop(used);
}

#[tokio::test]
async fn what_inflates_is_bounded_before_it_ends() {
    let len_max = 32 * PIECE_LEN_MAX;
    let server = Server::start(memory(len_max)).await;
    let bomb = gzip(&vec![0; 64 * PIECE_LEN_MAX]);
    assert!(bomb.len() < PIECE_LEN_MAX);
    // All but the last octets, so that none is done.
    let head = format!(
        "POST /stream HTTP/1.1\r\nhost: x\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        bomb.len()
    );
    let request = [head.as_bytes(), &bomb[..bomb.len() - 20]].concat();
    let bombs = crowd(&server, 24, ONE, &request).await;
    let honest = post("/stream", "", 10 * PIECE_LEN_MAX, 10 * PIECE_LEN_MAX);
    // From another address at once; from the same one as soon as it is faster than they are.
    assert_eq!(server.ask(1, &honest).await, Some(200));
    eventually(async || server.ask(2, &honest).await == Some(200)).await;
    drop(bombs);
    let most = server.desk.streamed_max.load(Ordering::SeqCst);
    assert!(most <= len_max, "{most} octets were held");
    // Control: they wanted more.
    assert!(most > len_max / 4, "only {most} octets were held");
}

#[tokio::test]
async fn half_open_heads_displace_each_other() {
    for (host, is_kept) in [(ONE, true), (MANY, false)] {
        let server = Server::start(Limits {
            connections_max: 8,
            ..Limits::default()
        })
        .await;
        let request = post("/", "", 5, 5);
        // Half a head of another sender, which is older than all of the crowd.
        let mut slow = server.send(1, &request[..10]).await;
        let heads = crowd(&server, 100, host, b"POST / HTTP/1.1\r\nx-slow: ").await;
        assert_eq!(server.ask(1, &request).await, Some(200));
        let _ = slow.write_all(&request[10..]).await;
        assert_eq!(status(slow).await.is_some(), is_kept);
        drop(heads);
    }
}

#[tokio::test]
async fn bodies_that_stall_hold_no_places() {
    let server = Server::start(Limits {
        connections_max: 8,
        ..Limits::default()
    })
    .await;
    let chunked = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n";
    for start in [&chunked[..], &post("/stream", "", 100, 1)] {
        let stalled = crowd(&server, 30, ONE, start).await;
        for host in [1, 2] {
            assert_eq!(server.ask(host, &post("/", "", 5, 5)).await, Some(200));
        }
        drop(stalled);
    }
}

#[tokio::test]
async fn requests_that_take_long_hold_no_more_than_half_of_the_places() {
    let server = Server::start(Limits {
        connections_max: 8,
        ..Limits::default()
    })
    .await;
    let held = post("/held", "x-sender: a\r\n", 1, 1);
    let mut taken = Vec::new();
    for at_work in 1..=4 {
        taken.push(server.send(2, &held).await);
        eventually(async || server.desk.held.load(Ordering::SeqCst) == at_work).await;
    }
    assert_eq!(server.ask(2, &held).await, Some(503));
    // Others are served, from the same address too.
    let other = post("/", "x-sender: b\r\n", 1, 1);
    assert_eq!(server.ask(2, &other).await, Some(200));
    assert_eq!(server.ask(1, &post("/", "", 1, 1)).await, Some(200));
    drop(taken);
}
