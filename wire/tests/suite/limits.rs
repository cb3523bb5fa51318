//! Every limit of the server, met over real sockets, each beside a request that keeps it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use ishibumi_wire::{Admitted, HttpNet, Limits, Net as _, Reply, Request, Service, reply, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};

/// Answers with the length of the body; `/large` with 8 MiB, `/held` once the test lets go of it.
/// `/closed` takes no body at all, every other path at most 1,000 octets.
#[derive(Default)]
struct Echo {
    held: AtomicUsize,
    let_go: Notify,
    answered: AtomicUsize,
}

impl Service for Echo {
    type Request = String;

    fn admit(&self, head: &Parts) -> Result<Admitted<String>, Reply> {
        match head.uri.path() {
            "/closed" => Err(reply(StatusCode::UNAUTHORIZED, "text/plain", "no\n")),
            path => Ok(Admitted::whole(path.to_owned(), 1000)),
        }
    }

    async fn call(&self, path: String, body: Bytes) -> Reply {
        let body = match path.as_str() {
            "/large" => "x".repeat(8 << 20),
            "/held" => {
                self.held.fetch_add(1, Ordering::SeqCst);
                self.let_go.notified().await;
                "late".to_owned()
            }
            _ => body.len().to_string(),
        };
        self.answered.fetch_add(1, Ordering::SeqCst);
        reply(StatusCode::OK, "text/plain", body)
    }
}

struct Server {
    address: String,
    echo: Arc<Echo>,
    stop: oneshot::Sender<()>,
    done: tokio::task::JoinHandle<std::io::Result<()>>,
}

async fn server(limits: Limits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = oneshot::channel::<()>();
    let echo = Arc::new(Echo::default());
    let done = tokio::spawn(serve(listener, Arc::clone(&echo), limits, async {
        let _ = stopped.await;
    }));
    Server {
        address,
        echo,
        stop,
        done,
    }
}

fn short() -> Limits {
    Limits {
        head_deadline: Duration::from_millis(200),
        body_deadline: Duration::from_millis(200),
        stall_deadline: Duration::from_millis(200),
        linger_deadline: Duration::from_millis(200),
        ..Limits::default()
    }
}

/// Sends `octets` and reads until the server closes.
async fn exchange(server: &Server, octets: &str) -> String {
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    stream.write_all(octets.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn post(path: &str, headers: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n{body}")
}

/// A small request on a connection of its own, and its whole answer.
async fn one_octet(server: &Server) -> String {
    let headers = "connection: close\r\ncontent-length: 1\r\n";
    exchange(server, &post("/", headers, "1")).await
}

/// Asks again and again: the awaited state comes when the machine gets to it.
async fn eventually(mut ask: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), asking)
        .await
        .unwrap();
}

#[tokio::test]
async fn silent_and_slow_connections_are_closed() {
    let server = server(short()).await;
    // Nothing at all, half a head, half a body: each ends without an answer to the request.
    assert_eq!(exchange(&server, "").await, "");
    let half_head = exchange(&server, "POST / HTTP/1.1\r\nhost").await;
    assert!(!half_head.contains("200 OK"), "{half_head}");
    let half_body = exchange(&server, &post("/", "content-length: 10\r\n", "12345")).await;
    assert!(half_body.starts_with("HTTP/1.1 408"), "{half_body}");
    assert_eq!(server.echo.answered.load(Ordering::SeqCst), 0);
    // Control: a whole request is answered, and its idle connection closed afterwards.
    let whole = exchange(&server, &post("/", "content-length: 5\r\n", "12345")).await;
    assert!(
        whole.starts_with("HTTP/1.1 200") && whole.ends_with('5'),
        "{whole}"
    );
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_dropped() {
    for (stall_deadline, is_dropped) in [(200, true), (60_000, false)] {
        let server = server(Limits {
            stall_deadline: Duration::from_millis(stall_deadline),
            ..Limits::default()
        })
        .await;
        let mut stalled = TcpStream::connect(&server.address).await.unwrap();
        stalled
            .write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        eventually(async || server.echo.answered.load(Ordering::SeqCst) == 1).await;
        // A shutdown lets the answer be read, and waits for no reader that was dropped.
        server.stop.send(()).unwrap();
        let done = tokio::time::timeout(Duration::from_secs(2), server.done).await;
        assert_eq!(done.is_ok(), is_dropped);
        drop(stalled);
    }
}

#[tokio::test]
async fn bodies_are_bounded_one_by_one_and_together() {
    let server = server(Limits {
        linger_deadline: Duration::from_millis(200),
        ..Limits::default()
    })
    .await;
    for (headers, body, status) in [
        ("content-length: 1000\r\n".to_owned(), "x".repeat(1000), 200),
        ("content-length: 1001\r\n".to_owned(), "x".repeat(1001), 413),
        (
            "content-length: 10000000000\r\n".to_owned(),
            String::new(),
            413,
        ),
        (
            "transfer-encoding: chunked\r\n".to_owned(),
            format!("3e8\r\n{}\r\n0\r\n\r\n", "x".repeat(1000)),
            200,
        ),
        (
            "transfer-encoding: chunked\r\n".to_owned(),
            format!("3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001)),
            413,
        ),
    ] {
        let headers = format!("connection: close\r\n{headers}");
        let answer = exchange(&server, &post("/", &headers, &body)).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{headers}: {answer}"
        );
    }
    let refused = exchange(&server, &post("/closed", "content-length: 5\r\n", "")).await;
    assert!(
        refused.starts_with("HTTP/1.1 401"),
        "before the body came: {refused}"
    );
}

/// A client that sends all of a body before it looks for an answer was reset while it sent, and saw
/// a broken pipe instead of 413: now and then with a body of a few octets too many, always with a
/// long one.
#[tokio::test]
async fn who_sends_too_much_still_reads_why() {
    const TOO_LONG: usize = 16 << 20;
    let stated = format!("content-length: {TOO_LONG}\r\n");
    let unstated = "transfer-encoding: chunked\r\n".to_owned();
    let chunk = format!("{TOO_LONG:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(TOO_LONG));
    let requests = [
        (post("/", &stated, &"x".repeat(TOO_LONG)), "413"),
        (post("/", &unstated, &chunk), "413"),
        (post("/closed", &stated, &"x".repeat(TOO_LONG)), "401"),
    ];
    let patient = server(Limits {
        linger_deadline: Duration::from_secs(60),
        ..Limits::default()
    })
    .await;
    for (request, status) in &requests {
        let answer = send_then_read(&patient, request).await.unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
        assert!(answer.contains("connection: close"), "{answer}");
    }
    // Control: without lingering, and beyond the octets that are lingered for, the connection is
    // reset.
    let hasty = server(Limits {
        linger_len_max: 0,
        ..Limits::default()
    })
    .await;
    for (request, _) in &requests {
        send_then_read(&hasty, request).await.unwrap_err();
    }
    // A client that waits for `100 Continue` is told without having sent anything.
    let waiting = format!("{stated}expect: 100-continue\r\n");
    let answer = exchange(&patient, &post("/", &waiting, "")).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

async fn send_then_read(server: &Server, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(&server.address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn all_bodies_together_are_bounded() {
    // Room for one body of 1,000 octets: while it is in use the next has to come again.
    let server = server(Limits {
        bodies_len_max: 1000,
        ..Limits::default()
    })
    .await;
    let mut holder = TcpStream::connect(&server.address).await.unwrap();
    let whole = post("/held", "content-length: 1000\r\n", &"x".repeat(1000));
    holder.write_all(whole.as_bytes()).await.unwrap();
    eventually(async || server.echo.held.load(Ordering::SeqCst) == 1).await;
    let refused = one_octet(&server).await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(refused.contains("retry-after: 1"), "{refused}");
    // Control: the room is there again once the holder is gone.
    drop(holder);
    eventually(async || one_octet(&server).await.starts_with("HTTP/1.1 200")).await;
}

#[tokio::test]
async fn a_shutdown_lets_requests_finish() {
    let server = server(Limits::default()).await;
    let net = HttpNet::new();
    let request = Request::get(format!("http://{}/held", server.address), 100);
    let in_flight = tokio::spawn(async move { net.send(request).await });
    eventually(async || server.echo.held.load(Ordering::SeqCst) == 1).await;
    server.stop.send(()).unwrap();
    // No new connection is taken, and open ones are not cut off.
    eventually(async || TcpStream::connect(&server.address).await.is_err()).await;
    assert!(!server.done.is_finished());
    server.echo.let_go.notify_one();
    assert_eq!(in_flight.await.unwrap().unwrap().body, b"late");
    server.done.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_answer_that_is_too_long_or_too_late_is_an_error() {
    let server = server(Limits::default()).await;
    let net = HttpNet::new();
    let url = |path: &str| format!("http://{}{path}", server.address);
    assert!(net.send(Request::get(url("/large"), 1000)).await.is_err());
    let mut hasty = Request::get(url("/held"), 1000);
    hasty.deadline = Duration::from_millis(20);
    let error = net.send(hasty).await.unwrap_err();
    assert!(
        error.to_string().contains("no answer within 20 ms"),
        "{error}"
    );
    assert_eq!(
        net.send(Request::get(url("/"), 1000)).await.unwrap().body,
        b"0"
    );
    let nobody = net
        .send(Request::get("http://127.0.0.1:1/", 10))
        .await
        .unwrap_err();
    assert!(nobody.to_string().contains("refused"), "{nobody}");
}
