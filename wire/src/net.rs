//! Calling other machines.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::header;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};

/// Sends HTTP requests to other machines.
pub trait Net: Send + Sync + 'static {
    /// Sends `request` and waits for the whole answer.
    fn send(&self, request: Request) -> NetFuture<'_>;
}

/// The result of [`Net::send`].
pub type NetFuture<'a> = Pin<Box<dyn Future<Output = Result<Response, NetError>> + Send + 'a>>;

/// An HTTP request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: Method,
    /// Absolute URL, `http` or `https`.
    pub url: String,
    /// Headers, name and value.
    pub headers: Vec<(&'static str, String)>,
    /// Octets to send; empty for `GET`.
    pub body: Vec<u8>,
    /// How long to wait for the whole answer.
    pub deadline: Duration,
    /// The longest answer that is read, in octets; a longer one is an error.
    pub answer_len_max: usize,
}

impl Request {
    /// A `GET` with a deadline of 30 seconds that reads at most `answer_len_max` octets.
    pub fn get(url: impl Into<String>, answer_len_max: usize) -> Self {
        Self {
            method: Method::Get,
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            deadline: Duration::from_secs(30),
            answer_len_max,
        }
    }

    /// A `POST` of `body` with a deadline of 30 seconds that reads at most `answer_len_max` octets.
    pub fn post(url: impl Into<String>, body: Vec<u8>, answer_len_max: usize) -> Self {
        Self {
            method: Method::Post,
            body,
            ..Self::get(url, answer_len_max)
        }
    }
}

/// The two methods that are used between machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Writes.
    Post,
}

/// An HTTP answer, with any status.
#[derive(Clone, Debug)]
pub struct Response {
    /// HTTP status code.
    pub status: u16,
    /// The `Content-Type`, if one came that is text.
    pub content_type: Option<String>,
    /// The `Retry-After` in seconds, if one came.
    pub retry_after: Option<u64>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why no answer came, as text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetError(pub String);

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NetError {}

/// The real network: HTTP/1.1 with kept-alive connections, TLS with the system's roots for `https`.
///
/// It follows no redirects and decompresses nothing: the caller gets the octets that were sent.
#[derive(Clone, Debug)]
pub struct HttpNet {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Default for HttpNet {
    fn default() -> Self {
        Self::new()
    }
}

impl HttpNet {
    /// A client with a pool of connections of its own.
    ///
    /// On a machine whose certificate store is missing or empty, `http` works and every `https`
    /// request says that the server's issuer is unknown.
    pub fn new() -> Self {
        let no_roots = || {
            let config = ClientConfig::builder().with_root_certificates(RootCertStore::empty());
            HttpsConnectorBuilder::new().with_tls_config(config.with_no_client_auth())
        };
        let tls = HttpsConnectorBuilder::new()
            .with_native_roots()
            .unwrap_or_else(|_| no_roots());
        let connector = tls.https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(8))
            .build(connector);
        Self { client }
    }

    async fn exchange(&self, request: Request) -> Result<Response, NetError> {
        let method = match request.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
        };
        let mut outgoing = http::Request::builder()
            .method(method)
            .uri(&request.url)
            .header(
                header::USER_AGENT,
                concat!("ishibumi/", env!("CARGO_PKG_VERSION")),
            );
        for (name, value) in &request.headers {
            outgoing = outgoing.header(*name, value);
        }
        let outgoing = outgoing
            .body(Full::new(Bytes::from(request.body)))
            .map_err(|error| NetError(format!("{}: {error}", request.url)))?;
        let answer = self
            .client
            .request(outgoing)
            .await
            .map_err(|error| NetError(format!("{}: {}", request.url, root_cause(&error))))?;
        let status = answer.status().as_u16();
        let text = |name| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
        let content_type = text(header::CONTENT_TYPE);
        let retry_after = text(header::RETRY_AFTER).and_then(|seconds| seconds.parse().ok());
        let body = Limited::new(answer.into_body(), request.answer_len_max)
            .collect()
            .await
            .map_err(|error| NetError(format!("{}: the answer: {error}", request.url)))?
            .to_bytes()
            .to_vec();
        Ok(Response {
            status,
            content_type,
            retry_after,
            body,
        })
    }
}

impl Net for HttpNet {
    fn send(&self, request: Request) -> NetFuture<'_> {
        Box::pin(async move {
            let (url, deadline) = (request.url.clone(), request.deadline);
            tokio::time::timeout(deadline, self.exchange(request))
                .await
                .unwrap_or_else(|_| {
                    Err(NetError(format!(
                        "{url}: no answer within {} ms",
                        deadline.as_millis()
                    )))
                })
        })
    }
}

/// The innermost error: "connection refused" says more than "client error (Connect)".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
