//! The accept loop.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Body as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

use crate::reply::{Reply, reply};

/// What a connection and a request may cost. Times are upper bounds, sizes are octets.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From the opening of a connection, or the end of an answer, to the end of the next head.
    pub head_deadline: Duration,
    /// For a whole body to arrive.
    pub body_deadline: Duration,
    /// For a reader that takes nothing of an answer.
    pub stall_deadline: Duration,
    /// Connections that are served at once; more wait to be accepted.
    pub connections_max: usize,
    /// What the bodies of all requests in flight may take together; more are answered with 503.
    pub bodies_len_max: usize,
    /// How long requests in flight have to finish after a shutdown began.
    pub drain_deadline: Duration,
    /// The body of a refused request is still read, so that a client that is sending it gets to read
    /// why: until nothing came for this long, and in all no longer than [`Self::body_deadline`].
    pub linger_deadline: Duration,
    /// And no further than this.
    pub linger_len_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_deadline: Duration::from_secs(10),
            body_deadline: Duration::from_secs(30),
            stall_deadline: Duration::from_secs(15),
            connections_max: 4096,
            bodies_len_max: 256 << 20,
            drain_deadline: Duration::from_secs(20),
            linger_deadline: Duration::from_secs(1),
            linger_len_max: 64 << 20,
        }
    }
}

/// A request whose body has arrived whole.
#[derive(Debug)]
pub struct Incoming {
    /// Method, URI and headers.
    pub head: Parts,
    /// The body.
    pub body: Bytes,
}

/// Answers requests.
pub trait Service: Send + Sync + 'static {
    /// Decides on the head alone how many octets of body may follow, or answers at once. Whoever may
    /// not send is told before anything is read from him.
    // The error is an answer on its way out, once per refused request.
    #[allow(clippy::result_large_err)]
    fn admit(&self, head: &Parts) -> Result<usize, Reply>;

    /// Answers a request.
    fn call(&self, request: Incoming) -> impl Future<Output = Reply> + Send;

    /// The answer to a request that a limit of the server refused: 408, 413 or 503.
    fn refuse(&self, status: StatusCode, detail: &str) -> Reply {
        reply(status, "text/plain; charset=utf-8", format!("{detail}\n"))
    }
}

/// Accepts and serves connections until `shutdown` completes, then lets requests in flight finish.
///
/// # Errors
/// Never by a client's doing. An error of `accept` that is about one connection is passed over; while
/// the process is out of descriptors, accepting pauses.
pub async fn serve<S: Service>(
    listener: TcpListener,
    service: Arc<S>,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let connections = Arc::new(Semaphore::new(limits.connections_max));
    let bodies = Arc::new(Semaphore::new(
        limits.bodies_len_max.min(Semaphore::MAX_PERMITS),
    ));
    let (closing, close) = watch::channel(false);
    let mut tasks = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            Some(_) = tasks.join_next(), if !tasks.is_empty() => continue,
            accepted = accept(&listener, &connections) => accepted,
        };
        let Some((stream, permit)) = accepted else {
            continue;
        };
        let connection = Connection {
            service: Arc::clone(&service),
            bodies: Arc::clone(&bodies),
            limits: limits.clone(),
        };
        let close = close.clone();
        tasks.spawn(async move {
            connection.run(stream, close).await;
            drop(permit);
        });
    }
    drop(listener);
    // A receiver that is gone needs no telling.
    let _ = closing.send(true);
    let _ = tokio::time::timeout(limits.drain_deadline, async {
        while tasks.join_next().await.is_some() {}
    })
    .await;
    Ok(())
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    // Closed never: the semaphore lives as long as the loop.
    let permit = Arc::clone(connections).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            let about_one_connection = matches!(
                error.kind(),
                io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
            );
            if !about_one_connection {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            None
        }
    }
}

/// What one connection needs to answer requests.
pub(crate) struct Connection<S> {
    pub(crate) service: Arc<S>,
    pub(crate) bodies: Arc<Semaphore>,
    pub(crate) limits: Limits,
}

impl<S: Service> Connection<S> {
    async fn run(self, stream: TcpStream, mut close: watch::Receiver<bool>) {
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.limits.stall_deadline));
        let head_deadline = self.limits.head_deadline;
        let this = Arc::new(self);
        let handler = service_fn(move |request| {
            let this = Arc::clone(&this);
            async move { Ok::<_, Infallible>(this.handle(request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(head_deadline)
            .max_buf_size(64 << 10)
            .serve_connection(TokioIo::new(Box::pin(stream)), handler);
        tokio::pin!(connection);
        let closed = async {
            let _ = close.wait_for(|&closing| closing).await;
        };
        // Errors end a connection; there is nobody left to tell.
        tokio::select! {
            _ = connection.as_mut() => {}
            () = closed => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        }
    }

    pub(crate) async fn handle(&self, request: http::Request<hyper::body::Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        let most = match self.service.admit(&head) {
            Ok(most) => most,
            Err(answer) => {
                self.linger(&head, body);
                return closing(answer);
            }
        };
        let refuse = |status, detail: &str| closing(self.service.refuse(status, detail));
        let too_large = || {
            refuse(
                StatusCode::PAYLOAD_TOO_LARGE,
                &format!("the body is longer than {most} octets"),
            )
        };
        let stated = body.size_hint().exact();
        if stated.is_some_and(|len| len > most as u64) {
            self.linger(&head, body);
            return too_large();
        }
        // A body of unknown length is counted as the longest that it may be.
        let cost = stated
            .and_then(|len| usize::try_from(len).ok())
            .unwrap_or(most);
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        let Ok(_space) = self.bodies.try_acquire_many(cost) else {
            self.linger(&head, body);
            let mut answer = refuse(
                StatusCode::SERVICE_UNAVAILABLE,
                "the bodies of other requests take all the memory set aside for them; try again",
            );
            answer
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            return answer;
        };
        let mut body = body;
        let collecting = Limited::new(&mut body, most).collect();
        match tokio::time::timeout(self.limits.body_deadline, collecting).await {
            Ok(Ok(body)) => {
                self.service
                    .call(Incoming {
                        head,
                        body: body.to_bytes(),
                    })
                    .await
            }
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                self.linger(&head, body);
                too_large()
            }
            Ok(Err(_)) => refuse(StatusCode::BAD_REQUEST, "the body broke off"),
            Err(_) => refuse(
                StatusCode::REQUEST_TIMEOUT,
                "the body did not arrive in time",
            ),
        }
    }

    /// Goes on reading the body of a request that is refused while its answer is on its way.
    ///
    /// A socket that is closed with unread octets resets the connection, and the reset destroys the
    /// answer that the client has not read yet: it would see a broken pipe instead of the reason.
    /// Whoever waits for `100 Continue` has sent nothing and reads his answer anyway.
    fn linger(&self, head: &Parts, mut body: hyper::body::Incoming) {
        if body.is_end_stream() || head.headers.contains_key(header::EXPECT) {
            return;
        }
        let (idle, mut left) = (self.limits.linger_deadline, self.limits.linger_len_max);
        tokio::spawn(tokio::time::timeout(
            self.limits.body_deadline,
            async move {
                while let Ok(Some(Ok(frame))) = tokio::time::timeout(idle, body.frame()).await {
                    let len = frame.data_ref().map_or(0, Bytes::len);
                    match left.checked_sub(len) {
                        Some(rest) => left = rest,
                        None => break,
                    }
                }
            },
        ));
    }
}

/// An answer that leaves a body unread must not be followed by another request on the connection.
fn closing(mut answer: Reply) -> Reply {
    answer
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}
