//! The witness over a real socket, on a real disk: every status of C2SP, types and bodies, limits,
//! the monitoring prefix, metrics, and that a failed store ends the server.

use std::future::Future;
use std::sync::Arc;

use crate::common::*;
use ishibumi_store::{MemoryRegisters, Outcome, Registers, RocksRegisters};
use ishibumi_tlog::note::{Note, SignatureLine};
use ishibumi_tlog::protocol::BODY_LEN_MAX;
use ishibumi_tlog::{Checkpoint, Hash};
use ishibumi_wire::{HttpNet, Net as _, Request, Response};
use ishibumi_witness::{Metrics, Options, ServeError, Witness, serve};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

struct Server {
    url: String,
    admin: String,
    net: HttpNet,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Server {
    async fn start<R: Registers>(registers: R, clock: HandClock) -> Self {
        let metrics = Arc::new(Metrics::new().unwrap());
        Witness::<R, HandClock>::init(&registers, &identity()).unwrap();
        let witness = Witness::open(registers, clock, cosigners(), metrics.alarms()).unwrap();
        witness.follower().add_log(log(0).vkey()).unwrap();
        let bind = || async { TcpListener::bind("127.0.0.1:0").await.unwrap() };
        let (public, admin) = (bind().await, bind().await);
        let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        Self {
            url: url(&public),
            admin: url(&admin),
            net: HttpNet::new(),
            stop,
            task: tokio::spawn(serve(
                Arc::new(witness),
                metrics,
                public,
                Options {
                    admin: Some(admin),
                    ..Options::default()
                },
                async move { drop(stopped.await) },
            )),
        }
    }

    async fn add(&self, body: Vec<u8>) -> Response {
        let url = format!("{}/add-checkpoint", self.url);
        self.net
            .send(Request::post(url, body, 1 << 16))
            .await
            .unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        self.net
            .send(Request::get(format!("{}{path}", self.url), 1 << 16))
            .await
            .unwrap()
    }

    async fn end(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

fn run(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().build().unwrap().block_on(test);
}

fn lines(answer: &Response) -> Vec<SignatureLine> {
    assert_eq!(
        answer.status,
        200,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    let text = std::str::from_utf8(&answer.body).unwrap();
    assert!(text.ends_with('\n'));
    text.lines()
        .map(|line| SignatureLine::parse(line).unwrap())
        .collect()
}

#[test]
fn every_status_of_c2sp() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let registers = RocksRegisters::create(dir.path().join("state")).unwrap();
        let server = Server::start(registers, clock()).await;
        let log = log(100);
        let path = format!("/{}/checkpoint", Hash::of(ORIGIN.as_bytes()));
        assert_eq!(server.get(&path).await.status, 404);

        let answer = server.add(log.request(0, 10)).await;
        assert_eq!(check_lines(&lines(&answer), &log, 10, &own_keys()), START);
        let shown = server.get(&path).await;
        let note = Note::parse(&shown.body).unwrap();
        assert_eq!(Checkpoint::parse(note.text()).unwrap(), log.checkpoint(10));
        let keys = [vec![log.vkey().clone()], own_keys()].concat();
        assert_eq!(note.verify(&keys).unwrap().len(), 3);
        assert_eq!(note.signatures()[1..], lines(&answer));

        assert_eq!(server.add(b"old 0\n".to_vec()).await.status, 400);
        assert_eq!(server.add(body(11, &[], &log.note(10))).await.status, 400);
        let unsigned = Note::new(log.checkpoint(10).to_text(), lines(&answer));
        assert_eq!(server.add(body(10, &[], &unsigned)).await.status, 403);
        let stranger = TestLog::named("stranger.example", 6, 5, 0);
        assert_eq!(server.add(stranger.request(0, 5)).await.status, 404);
        let conflict = server.add(log.request(0, 20)).await;
        assert_eq!(
            (conflict.status, conflict.body.as_slice()),
            (409, b"10\n".as_slice())
        );
        assert_eq!(conflict.content_type.as_deref(), Some("text/x.tlog.size"));
        assert_eq!(server.add(body(10, &[], &log.note(20))).await.status, 422);
        assert_eq!(
            server.add(TestLog::new(20, 3).request(10, 10)).await.status,
            422
        );
        lines(&server.add(log.request(10, 20)).await);

        // One octet too many is refused before it is read; the longest body is read and refused as
        // text.
        assert_eq!(server.add(vec![b'x'; BODY_LEN_MAX + 1]).await.status, 413);
        assert_eq!(server.add(vec![b'x'; BODY_LEN_MAX]).await.status, 400);
        for path in [
            "/",
            "/x",
            "/AB/checkpoint",
            &path.to_uppercase(),
            "/metrics",
            "/add-checkpoint/",
        ] {
            assert_eq!(server.get(path).await.status, 404, "{path}");
        }
        assert_eq!(server.get("/add-checkpoint").await.status, 405);
        for path in ["/healthz", "/readyz"] {
            assert_eq!(server.get(path).await.status, 200);
        }

        let scrape = Request::get(format!("{}/metrics", server.admin), 1 << 16);
        let text = String::from_utf8(server.net.send(scrape).await.unwrap().body).unwrap();
        for line in [
            "ishibumi_witness_requests_total{call=\"add-checkpoint\",status=\"200\"} 2",
            "ishibumi_witness_requests_total{call=\"add-checkpoint\",status=\"409\"} 1",
            "ishibumi_witness_requests_total{call=\"add-checkpoint\",status=\"422\"} 2",
            "ishibumi_witness_fork_total 1",
            "ishibumi_witness_log_size{origin=\"log.example/2026\"} 20",
        ] {
            assert!(text.contains(line), "{line} not in {text}");
        }
        server.end().await;
    });
}

#[test]
fn a_failed_store_ends_the_server_without_a_signature() {
    run(async {
        let registers = Arc::new(MemoryRegisters::new());
        let server = Server::start(Shared(Arc::clone(&registers)), clock()).await;
        lines(&server.add(log(20).request(0, 10)).await);
        registers.fail_write(1, Outcome::Applied);
        let answer = server.add(log(20).request(10, 20)).await;
        assert_eq!(answer.status, 503);
        assert!(!String::from_utf8(answer.body).unwrap().contains('\u{2014}'));
        let ended = server.task.await.unwrap();
        assert!(matches!(ended, Err(ServeError::Store(_))));
    });
}
