//! Bodies that are read as they come: what they may hold, how long they may take, and what they may
//! be coded in, each limit beside a body that keeps it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use ishibumi_wire::{
    Admitted, BodyError, BodyStream, HttpNet, Limits, Net as _, PIECE_LEN_MAX, Reply, Request,
    Service, gzip, reply, serve,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Counts the octets of a body: `/settle` deals with each piece at once, `/hoard` with none,
/// `/first` answers after the first one.
struct Counter;

impl Service for Counter {
    type Request = String;

    fn admit(&self, head: &Parts) -> Result<Admitted<String>, Reply> {
        let path = head.uri.path().to_owned();
        Ok(match path.as_str() {
            "/whole" => Admitted::whole(path, 0),
            _ => Admitted::streamed(path),
        })
    }

    async fn stream(&self, path: String, body: &mut BodyStream) -> Reply {
        let mut count = 0;
        let (status, text) = loop {
            match body.piece().await {
                Ok(None) => break (StatusCode::OK, count.to_string()),
                Ok(Some(piece)) => {
                    assert!(!piece.is_empty());
                    count += piece.len();
                    match path.as_str() {
                        "/settle" => body.settle(),
                        "/first" => break (StatusCode::OK, "first".to_owned()),
                        _ => {}
                    }
                }
                Err(error) => {
                    let status = match error {
                        BodyError::Busy => StatusCode::SERVICE_UNAVAILABLE,
                        BodyError::TooSlow => StatusCode::REQUEST_TIMEOUT,
                        _ => StatusCode::BAD_REQUEST,
                    };
                    break (status, format!("{error} after {count}"));
                }
            }
        };
        reply(status, "text/plain", text)
    }

    async fn call(&self, _: String, _: Bytes) -> Reply {
        reply(StatusCode::OK, "text/plain", "whole")
    }
}

async fn server(limits: Limits) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(serve(
        listener,
        Arc::new(Counter),
        limits,
        std::future::pending(),
    ));
    address
}

async fn post(address: &str, path: &str, coding: Option<&str>, body: Vec<u8>) -> (u16, String) {
    let mut request = Request::post(format!("http://{address}{path}"), body, 1 << 16);
    if let Some(coding) = coding {
        request
            .headers
            .push(("content-encoding", coding.to_owned()));
    }
    let answer = HttpNet::new().send(request).await.unwrap();
    (answer.status, String::from_utf8(answer.body).unwrap())
}

fn small() -> Limits {
    Limits {
        bodies_len_max: 4 * PIECE_LEN_MAX,
        ..Limits::default()
    }
}

#[tokio::test]
async fn a_body_may_be_longer_than_memory_if_it_is_dealt_with_on_the_way() {
    let address = server(small()).await;
    let body = vec![7; 64 * PIECE_LEN_MAX];
    let len = body.len().to_string();
    for (coding, body) in [(None, body.clone()), (Some("gzip"), gzip(&body))] {
        let (status, text) = post(&address, "/settle", coding, body.clone()).await;
        assert_eq!((status, &text), (200, &len));
        let (status, text) = post(&address, "/hoard", coding, body).await;
        assert_eq!(status, 503, "{text}");
    }
    // The memory of bodies that were given up is free again.
    let (status, text) = post(&address, "/hoard", None, vec![7; PIECE_LEN_MAX]).await;
    assert_eq!((status, text), (200, PIECE_LEN_MAX.to_string()));
}

#[tokio::test]
async fn gzip_is_inflated_and_everything_else_refused() {
    let address = server(Limits::default()).await;
    let body: Vec<u8> = (0..300_000_u32).flat_map(u32::to_be_bytes).collect();
    let (len, packed) = (body.len().to_string(), gzip(&body));
    for coding in ["gzip", "GZIP"] {
        let answer = post(&address, "/settle", Some(coding), packed.clone()).await;
        assert_eq!(answer, (200, len.clone()));
    }
    let identity = post(&address, "/settle", Some("identity"), body.clone()).await;
    assert_eq!(identity, (200, len));
    for coding in ["br", "deflate", "gzip, gzip", ""] {
        let (status, _) = post(&address, "/settle", Some(coding), packed.clone()).await;
        assert_eq!(status, 415, "{coding:?}");
    }
    assert_eq!(post(&address, "/settle", Some("gzip"), body).await.0, 400);
    let cut = packed[..packed.len() - 1].to_vec();
    let (status, text) = post(&address, "/settle", Some("gzip"), cut).await;
    assert!(
        status == 400 && text.contains("broke off"),
        "{status} {text}"
    );
    let mut flipped = packed;
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x10;
    assert_eq!(
        post(&address, "/settle", Some("gzip"), flipped).await.0,
        400
    );
    assert_eq!(
        post(&address, "/settle", Some("gzip"), Vec::new()).await.0,
        400
    );
    assert_eq!(
        post(&address, "/settle", None, Vec::new()).await,
        (200, "0".to_owned())
    );
    assert_eq!(
        post(&address, "/whole", None, Vec::new()).await,
        (200, "whole".to_owned())
    );
}

#[tokio::test]
async fn time_begins_anew_with_what_is_dealt_with() {
    let limits = Limits {
        body_deadline: Duration::from_secs(3),
        ..Limits::default()
    };
    let address = server(limits).await;
    let slow = |path: &'static str, pieces: u32| {
        let address = address.clone();
        async move {
            let mut stream = TcpStream::connect(&address).await.unwrap();
            let head =
                format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {pieces}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            for _ in 0..pieces {
                tokio::time::sleep(Duration::from_millis(800)).await;
                // The server may have had enough.
                if stream.write_all(b"x").await.is_err() {
                    break;
                }
            }
            let mut answer = vec![0; 12];
            stream.read_exact(&mut answer).await.unwrap();
            String::from_utf8(answer).unwrap()
        }
    };
    let (settled, hoarded) = tokio::join!(slow("/settle", 6), slow("/hoard", 6));
    assert_eq!(
        (settled.as_str(), hoarded.as_str()),
        ("HTTP/1.1 200", "HTTP/1.1 408")
    );
}

#[tokio::test]
async fn an_answer_does_not_wait_for_the_body() {
    let address = server(Limits::default()).await;
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let head = "POST /first HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\nx";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"first") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("connection: close"), "{answer}");
}
