//! One kept-alive HTTP/1.1 connection with one request in flight.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// The longest answer that is read: proofs for the largest batch.
const ANSWER_LEN_MAX: usize = 64 << 20;
/// How long an answer may take; longer than any deadline of the log.
const ANSWER_DEADLINE: Duration = Duration::from_secs(60);

/// The parts that all requests share.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) host: String,
    pub(crate) bearer: String,
}

/// An answer that arrived whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An open connection.
pub(crate) struct Connection {
    target: Target,
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Connects. Has to be called within a `LocalSet`, which drives the connection.
    pub(crate) async fn open(target: &Target) -> Result<Self, String> {
        let stream = TcpStream::connect(target.address)
            .await
            .map_err(|error| format!("{}: {error}", target.address))?;
        stream.set_nodelay(true).map_err(|e| e.to_string())?;
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|e| e.to_string())?;
        // Its errors come back through the sender.
        tokio::task::spawn_local(async move { drop(connection.await) });
        Ok(Self {
            target: target.clone(),
            sender,
        })
    }

    /// Posts `body` to `path`.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        media_type: &'static str,
        body: Bytes,
    ) -> Result<Answer, String> {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, media_type)
            .header(header::AUTHORIZATION, &self.target.bearer);
        self.exchange(request, body).await
    }

    /// Gets `path`.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Answer, String> {
        self.exchange(Request::get(path), Bytes::new()).await
    }

    async fn exchange(
        &mut self,
        request: http::request::Builder,
        body: Bytes,
    ) -> Result<Answer, String> {
        let request = request
            .header(header::HOST, &self.target.host)
            .body(Full::new(body))
            .map_err(|e| e.to_string())?;
        let exchanged = async {
            self.sender.ready().await.map_err(|e| e.to_string())?;
            let answer = self.sender.send_request(request).await;
            let (head, body) = answer.map_err(|e| e.to_string())?.into_parts();
            let body = Limited::new(body, ANSWER_LEN_MAX).collect().await;
            Ok(Answer {
                status: head.status,
                headers: head.headers,
                body: body.map_err(|e| e.to_string())?.to_bytes(),
            })
        };
        tokio::time::timeout(ANSWER_DEADLINE, exchanged)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {ANSWER_DEADLINE:?}")))
    }
}
