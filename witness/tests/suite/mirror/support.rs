//! A mirror in process, and what its clients send.

use std::future::Future;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::{Note, SignatureLine};
use ishibumi_tlog::protocol::add_entries::{CONTENT_TYPE, Package, PackageRange, UploadHead};
use ishibumi_tlog::protocol::mirror_info::{self, MirrorInfo};
use ishibumi_tlog::{Checkpoint, Hash};
use ishibumi_wire::{HttpNet, Limits, Net, Request, Response};
use ishibumi_witness::ServeError;
use ishibumi_witness::mirror::{Listening, MirrorHome, MirrorMetrics, Pulling, Source, serve};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::common::{ORIGIN, TestLog, check_lines, log};

pub(crate) const MIRROR: &str = "mirror.example/m1";

/// The entries of [`log`].
pub(crate) fn entry(index: u64) -> Vec<u8> {
    format!("{index} 0").into_bytes()
}

pub(crate) fn run(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().build().unwrap().block_on(test);
}

pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) admin: String,
    pub(crate) keys: Vec<VerifierKey>,
    net: HttpNet,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Server {
    /// A new mirror of [`ORIGIN`] in `dir`, which is pulled if there is a source.
    pub(crate) async fn create(dir: &Path, source: Option<&Source>) -> Self {
        let home = MirrorHome::at(dir);
        home.init(MIRROR).unwrap();
        home.add_log(log(0).vkey(), source).unwrap();
        Self::start(dir, Limits::default()).await
    }

    /// The mirror in `dir`.
    pub(crate) async fn start(dir: &Path, limits: Limits) -> Self {
        let metrics = Arc::new(MirrorMetrics::new().unwrap());
        let mirror = MirrorHome::at(dir).open(metrics.alarms()).unwrap();
        let keys = mirror.identity().active().to_vec();
        let bind = || async { TcpListener::bind("127.0.0.1:0").await.unwrap() };
        let (public, admin) = (bind().await, bind().await);
        let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let urls = (url(&public), url(&admin));
        let listening = Listening {
            public,
            admin: Some(admin),
            limits,
        };
        let pulling = Pulling {
            net: Arc::new(HttpNet::new()),
            interval: Duration::from_millis(50),
        };
        Self {
            url: urls.0,
            admin: urls.1,
            keys,
            net: HttpNet::new(),
            stop,
            task: tokio::spawn(serve(
                Arc::new(mirror),
                metrics,
                listening,
                pulling,
                async move { drop(stopped.await) },
            )),
        }
    }

    pub(crate) async fn send(&self, request: Request) -> Response {
        self.net.send(request).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: Vec<u8>) -> Response {
        let url = format!("{}{path}", self.url);
        self.send(Request::post(url, body, 1 << 20)).await
    }

    pub(crate) async fn add_checkpoint(&self, log: &TestLog, old: u64, new: u64) -> Response {
        self.post("/add-checkpoint", log.request(old, new)).await
    }

    pub(crate) async fn add_entries(&self, body: Vec<u8>) -> Response {
        let url = format!("{}/add-entries", self.url);
        let mut request = Request::post(url, body, 1 << 20);
        let kind = ("content-type", CONTENT_TYPE.to_owned());
        request.headers.push(kind);
        self.send(request).await
    }

    /// `GET` under the copy's prefix.
    pub(crate) async fn get(&self, path: &str) -> Response {
        let id = Hash::of(ORIGIN.as_bytes());
        let url = format!("{}/{id}/{path}", self.url);
        self.send(Request::get(url, 32 << 20)).await
    }

    /// Where the mirror stands: an upload that begins beyond all entries is told.
    pub(crate) async fn standing(&self, end: u64) -> MirrorInfo {
        let head = head(end, end).encode().unwrap();
        let answer = self.add_entries(head).await;
        info(&answer, 409)
    }

    /// The next entry and the pending size as an upload to `end` is told; `None` once the mirror
    /// checkpoint has the size `last`.
    pub(crate) async fn standing_or_end(&self, end: u64, last: u64) -> Option<(u64, u64)> {
        let answer = self.get("checkpoint").await;
        if answer.status == 200 {
            let note = Note::parse(&answer.body).unwrap();
            let size = Checkpoint::parse(note.text()).unwrap().size;
            if size == last {
                return None;
            }
        }
        // A client that has sent everything is given the signatures; one beyond every size is told
        // where to go.
        let answer = self.add_entries(head(end, end + 1).encode().unwrap()).await;
        let standing = info(&answer, 409);
        Some((standing.next, standing.size))
    }

    /// Checks that `answer` has the lines of all of the mirror's keys over the checkpoint of
    /// `size`.
    pub(crate) fn signed(&self, answer: &Response, log: &TestLog, size: u64) -> u64 {
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, 200, "{text}");
        let lines = text.lines().map(|line| SignatureLine::parse(line).unwrap());
        check_lines(&lines.collect::<Vec<_>>(), log, size, &self.keys)
    }

    /// Checks that the mirror checkpoint is that of `size`, and that everything up to it is served.
    pub(crate) async fn serves(&self, log: &TestLog, size: u64) {
        let answer = self.get("checkpoint").await;
        assert_eq!(answer.status, 200);
        let note = Note::parse(&answer.body).unwrap();
        assert_eq!(note.text(), log.checkpoint(size).to_text());
        let keys = [vec![log.vkey().clone()], self.keys.clone()].concat();
        assert_eq!(note.verify(&keys).unwrap().len(), 3);
        for index in 0..size.div_ceil(256) {
            let width = 256.min(size - index * 256);
            let suffix = match width {
                256 => String::new(),
                width => format!(".p/{width}"),
            };
            let bundle = self.get(&format!("tile/entries/{index:03}{suffix}")).await;
            assert_eq!(bundle.status, 200, "bundle {index}");
            let expected = (index * 256..index * 256 + width).flat_map(|n| {
                let entry = entry(n);
                let len = u16::try_from(entry.len()).unwrap().to_be_bytes();
                [len.to_vec(), entry].concat()
            });
            assert_eq!(bundle.body, expected.collect::<Vec<_>>(), "bundle {index}");
        }
    }

    pub(crate) async fn end(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

pub(crate) fn head(start: u64, end: u64) -> UploadHead {
    head_with(start, end, Vec::new())
}

pub(crate) fn head_with(start: u64, end: u64, ticket: Vec<u8>) -> UploadHead {
    UploadHead {
        origin: ORIGIN.to_owned(),
        start,
        end,
        ticket,
    }
}

pub(crate) fn package(log: &TestLog, range: PackageRange, size: u64) -> Package {
    // The nodes of `log` are those of every larger tree, too.
    let Ok(proof) = Package::prove(log, range, size);
    let entries = (range.start()..range.end()).map(entry).collect();
    Package::new(range, entries, proof.unwrap()).unwrap()
}

/// The first `count` packages of an upload, behind its head.
pub(crate) fn prefix(log: &TestLog, head: &UploadHead, count: usize) -> Vec<u8> {
    let mut body = head.encode().unwrap();
    for range in head.packages().take(count) {
        body.extend(package(log, range, head.end).encode());
    }
    body
}

/// A whole upload.
pub(crate) fn body(log: &TestLog, start: u64, end: u64) -> Vec<u8> {
    prefix(log, &head(start, end), usize::MAX)
}

/// The mirror-info of a 202 or a 409.
pub(crate) fn info(answer: &Response, status: u16) -> MirrorInfo {
    let text = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, status, "{text}");
    let kind = answer.content_type.as_deref();
    assert_eq!(kind, Some(mirror_info::CONTENT_TYPE));
    MirrorInfo::parse(&answer.body).unwrap()
}

/// A request whose body is sent bit by bit, as a test wants.
pub(crate) struct Slow(TcpStream);

impl Slow {
    /// Sends the head of a request that announces `len` octets, and the first of them.
    pub(crate) fn begin(url: &str, len: usize, first: &[u8]) -> Self {
        let address = url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let head = format!(
            "POST /add-entries HTTP/1.1\r\nhost: m\r\nconnection: close\r\ncontent-length: {len}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(first).unwrap();
        Self(stream)
    }

    pub(crate) fn send(&mut self, more: &[u8]) {
        self.0.write_all(more).unwrap();
    }

    /// The answer's head and body, as soon as they are there.
    pub(crate) fn answer(mut self) -> (String, Vec<u8>) {
        let mut octets = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let end = octets.windows(4).position(|w| w == b"\r\n\r\n");
            if let Some(end) = end {
                let head = String::from_utf8(octets[..end].to_vec()).unwrap();
                let head = head.to_ascii_lowercase();
                let len = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "));
                let len: usize = len.unwrap().parse().unwrap();
                if octets.len() >= end + 4 + len {
                    return (head, octets[end + 4..].to_vec());
                }
            }
            let read = self.0.read(&mut piece).unwrap();
            assert!(read > 0, "{}", String::from_utf8_lossy(&octets));
            octets.extend_from_slice(&piece[..read]);
        }
    }
}
