//! An HTTP server that bounds what each connection, sender and request may cost.
//!
//! Every limit here is about a client that sends nothing, too slowly, or too much. Limits on one
//! request are plain numbers. Shared resources, the places for connections ([`crate::places`]) and
//! the memory of bodies ([`crate::memory`]), are divided among senders, so that one sender cannot
//! hold up the others.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

use crate::arrival::Arrival;
use crate::body::BodyStream;
use crate::memory::Memory;
use crate::places::{Place, Places};
use crate::reply::{Reply, reply};
use crate::sender::Sender;
use crate::whole::{Incomplete, read_whole};

/// Limits on the cost of a connection and a request. Times are upper bounds, sizes are octets.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From the opening of a connection, or the end of an answer, to the end of the next head.
    pub head_deadline: Duration,
    /// For a whole body to arrive; of a streamed one, for as much as can be settled.
    pub body_deadline: Duration,
    /// For a reader that takes nothing of an answer.
    pub stall_deadline: Duration,
    /// Connections that are served at once. When all places are taken, a new connection gets the
    /// place of one that waits for its client: of the sender with the most of them, the one that
    /// has waited longest. Requests that the server is at work for keep their places; one sender's
    /// get no more than are left.
    pub connections_max: usize,
    /// Octets that the bodies of all requests in flight may take together, counted as they come. No
    /// sender may hold more than is left for the others; a body that has to make room for others,
    /// or finds none, is answered with 503.
    pub bodies_len_max: usize,
    /// How long requests in flight have to finish after a shutdown began.
    pub drain_deadline: Duration,
    /// The body of a refused request is still read, so that a client that is sending it gets to
    /// read why: until nothing came for this long, and in all no longer than
    /// [`Self::body_deadline`].
    pub linger_deadline: Duration,
    /// Octets of the body of a refused request that are read at most.
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

/// A request that is let in, with what its service read in its head.
#[derive(Debug)]
pub struct Admitted<R> {
    request: R,
    body: BodyForm,
    sender: Option<Arc<str>>,
}

/// How a body is read.
#[derive(Clone, Copy, Debug)]
enum BodyForm {
    Whole { len_max: usize },
    Streamed,
}

impl<R> Admitted<R> {
    /// Its body is to arrive whole, in at most `len_max` octets: [`Service::call`] answers it.
    pub const fn whole(request: R, len_max: usize) -> Self {
        Self {
            request,
            body: BodyForm::Whole { len_max },
            sender: None,
        }
    }

    /// Its body is read as it comes: [`Service::stream`] answers it.
    pub const fn streamed(request: R) -> Self {
        Self {
            request,
            body: BodyForm::Streamed,
            sender: None,
        }
    }

    /// Names the sender, where the head states it in a way that others cannot claim: shared
    /// resources are divided by sender. Without a name they are divided by the address of the
    /// connection, which behind a reverse proxy is that of all clients.
    #[must_use]
    pub fn by(self, sender: Option<Arc<str>>) -> Self {
        Self { sender, ..self }
    }
}

/// Answers requests.
pub trait Service: Send + Sync + 'static {
    /// The contents of the head of a request that the service lets in. The head is read once.
    type Request: Send;

    /// Decides on the head alone what the request is and how its body is read, or answers at once.
    /// A client that may not send is told before any of the body is read.
    // The error is an answer on its way out, once per refused request.
    #[allow(clippy::result_large_err)]
    fn admit(&self, head: &Parts) -> Result<Admitted<Self::Request>, Reply>;

    /// Answers a request whose body is on its way. It may answer before it has read all of the
    /// body: the rest is not looked at, and the connection ends.
    fn stream(
        &self,
        _request: Self::Request,
        _body: &mut BodyStream,
    ) -> impl Future<Output = Reply> + Send {
        let detail = "this service reads no body as it comes";
        std::future::ready(self.refuse(StatusCode::NOT_IMPLEMENTED, detail))
    }

    /// Answers a request whose body has arrived whole.
    fn call(&self, request: Self::Request, body: Bytes) -> impl Future<Output = Reply> + Send;

    /// The answer to a request that a limit of the server refused: 408, 413, 415 or 503.
    fn refuse(&self, status: StatusCode, detail: &str) -> Reply {
        reply(status, "text/plain; charset=utf-8", format!("{detail}\n"))
    }
}

/// Accepts and serves connections until `shutdown` completes, then lets requests in flight finish.
///
/// # Errors
/// Never by a client's doing. An error of `accept` that is about one connection is passed over;
/// while the process is out of descriptors, accepting pauses.
pub async fn serve<S: Service>(
    listener: TcpListener,
    service: Arc<S>,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let places = Places::new(limits.connections_max);
    let memory = Memory::new(limits.bodies_len_max);
    let (closing, close) = watch::channel(false);
    let mut tasks = JoinSet::new();
    tokio::pin!(shutdown);
    {
        let accepting = accept(&listener, &places);
        tokio::pin!(accepting);
        loop {
            // Kept over the rounds of this loop: it may hold a connection that waits for its place.
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                Some(_) = tasks.join_next(), if !tasks.is_empty() => continue,
                accepted = &mut accepting => accepted,
            };
            accepting.set(accept(&listener, &places));
            let Some((stream, from, place)) = accepted else {
                continue;
            };
            let connection = Connection {
                service: Arc::clone(&service),
                memory: memory.clone(),
                limits: limits.clone(),
                from,
                place: Some(Arc::new(place)),
            };
            tasks.spawn(connection.run(stream, close.clone()));
        }
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

/// The next connection, once there is a place for it; `None` if there is none after all.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Places>,
) -> Option<(TcpStream, Sender, Place)> {
    match listener.accept().await {
        Ok((stream, address)) => {
            let from = Sender::of_address(address.ip());
            let place = places.take(&from).await;
            Some((stream, from, place))
        }
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

/// The data that one connection needs to answer requests.
pub(crate) struct Connection<S> {
    pub(crate) service: Arc<S>,
    pub(crate) memory: Memory,
    pub(crate) limits: Limits,
    /// The sender, as far as the connection tells.
    pub(crate) from: Sender,
    /// `None` for a connection that needs no place because this process made it.
    pub(crate) place: Option<Arc<Place>>,
}

impl<S: Service> Connection<S> {
    async fn run(self, stream: TcpStream, mut close: watch::Receiver<bool>) {
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.limits.stall_deadline));
        let head_deadline = self.limits.head_deadline;
        let this = Arc::new(self);
        let handler = service_fn(|request| {
            let this = Arc::clone(&this);
            async move { Ok::<_, Infallible>(this.in_its_place(request).await) }
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
        let lost = async {
            match &this.place {
                Some(place) => place.lost().await,
                None => std::future::pending().await,
            }
        };
        // Errors end a connection; there is no client left to tell. A connection that lost its
        // place is not told either: it is in the middle of a head, of a body or of an answer.
        tokio::select! {
            _ = connection.as_mut() => {}
            () = lost => {}
            () = closed => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        }
    }

    /// Answers a request, while the connection keeps its place as long as the server is at work.
    async fn in_its_place(&self, request: http::Request<hyper::body::Incoming>) -> Reply {
        let Some(place) = &self.place else {
            return self.handle(request).await;
        };
        if !place.begins() {
            return closing(self.busy());
        }
        let answer = self.handle(request).await;
        place.waits();
        answer
    }

    pub(crate) async fn handle(&self, request: http::Request<hyper::body::Incoming>) -> Reply {
        let (head, mut body) = request.into_parts();
        let expects = head.headers.contains_key(header::EXPECT);
        let admitted = match self.service.admit(&head) {
            Ok(admitted) => admitted,
            Err(answer) if body.is_end_stream() => return answer,
            Err(answer) => {
                self.linger(expects, body);
                return closing(answer);
            }
        };
        let request = admitted.request;
        let arrival = self.arrival(admitted.sender);
        let most = match admitted.body {
            BodyForm::Whole { len_max } => len_max,
            BodyForm::Streamed => return self.stream(&head, request, body, arrival).await,
        };
        let patience = self.limits.body_deadline;
        match read_whole(&mut body, most, &arrival, patience).await {
            // The memory is held as long as the body is.
            Ok(body) => self.service.call(request, body).await,
            Err(why) => {
                // Octets that had come are gone; further ones are thrown away.
                drop(arrival);
                if why != Incomplete::BrokenOff {
                    self.linger(expects, body);
                }
                closing(self.incomplete(why, most))
            }
        }
    }

    fn arrival(&self, name: Option<Arc<str>>) -> Arrival {
        let sender = name.map_or_else(|| self.from.clone(), Sender::Named);
        Arrival {
            share: self.memory.body(sender.clone()),
            sender,
            place: self.place.clone(),
        }
    }

    fn incomplete(&self, why: Incomplete, most: usize) -> Reply {
        let (status, detail) = match why {
            Incomplete::TooLong => {
                let detail = format!("the body is longer than {most} octets");
                return self.service.refuse(StatusCode::PAYLOAD_TOO_LARGE, &detail);
            }
            Incomplete::NoRoom => {
                return self.busy();
            }
            Incomplete::BrokenOff => (StatusCode::BAD_REQUEST, "the body broke off"),
            Incomplete::TooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                "the body did not arrive in time",
            ),
        };
        self.service.refuse(status, detail)
    }

    fn busy(&self) -> Reply {
        let detail =
            "other requests take all the memory or connections set aside for them; try again";
        let mut answer = self.service.refuse(StatusCode::SERVICE_UNAVAILABLE, detail);
        let soon = HeaderValue::from_static("1");
        answer.headers_mut().insert(header::RETRY_AFTER, soon);
        answer
    }

    async fn stream(
        &self,
        head: &Parts,
        request: S::Request,
        body: hyper::body::Incoming,
        arrival: Arrival,
    ) -> Reply {
        let patience = self.limits.body_deadline;
        let expects = head.headers.contains_key(header::EXPECT);
        let mut body = match BodyStream::new(body, &head.headers, arrival, patience) {
            Ok(body) => body,
            Err(body) => {
                self.linger(expects, body);
                let detail = "the only content coding that is read here is gzip";
                let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
                let mut answer = closing(self.service.refuse(status, detail));
                // RFC 9110 section 15.5.16.
                let gzip = HeaderValue::from_static("gzip");
                answer.headers_mut().insert(header::ACCEPT_ENCODING, gzip);
                return answer;
            }
        };
        let answer = self.service.stream(request, &mut body).await;
        let body = body.into_inner();
        if body.is_end_stream() {
            return answer;
        }
        // A client that waited for `100 Continue` has been told to go on.
        self.linger(false, body);
        closing(answer)
    }

    /// Goes on reading the body of a request that is refused while its answer is on its way.
    ///
    /// A socket that is closed with unread octets resets the connection, and the reset destroys the
    /// answer that the client has not read yet: it would see a broken pipe instead of the reason.
    /// A client that waits for `100 Continue` has sent nothing and reads its answer anyway.
    fn linger(&self, expects: bool, mut body: hyper::body::Incoming) {
        if body.is_end_stream() || expects {
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
