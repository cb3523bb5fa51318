//! Lists of logs, from a file and over HTTP: they add and do nothing else (F34).

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::*;
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use ishibumi_store::MemoryRegisters;
use ishibumi_tlog::key::{NoteSigner, SignatureType};
use ishibumi_wire::{Admitted, HttpNet, Limits, Reply, Service, reply};
use ishibumi_witness::{ListOutcome, ListSource, Metrics, Options, Witness, apply_log_list, serve};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

const SUMDB: &str = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";

fn run(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().build().unwrap().block_on(test);
}

fn second() -> TestLog {
    TestLog::named("second.example", 5, 5, u64::MAX)
}

/// A list server whose answer the test sets.
struct ListServer(Mutex<(StatusCode, String)>);

impl ListServer {
    fn says(&self, status: StatusCode, list: String) {
        *self.0.lock().unwrap() = (status, list);
    }
}

impl Service for ListServer {
    type Request = ();

    fn admit(&self, _: &Parts) -> Result<Admitted<()>, Reply> {
        Ok(Admitted::whole((), 0))
    }

    async fn call(&self, (): (), _: Bytes) -> Reply {
        let (status, list) = self.0.lock().unwrap().clone();
        reply(status, "text/plain", list)
    }
}

async fn read(path: &Path) -> Result<Vec<ishibumi_tlog::log_list::Entry>, String> {
    let source = ListSource::from(path.to_str().unwrap());
    let read = source.read(&HttpNet::new()).await;
    read.map_err(|error| error.to_string())
}

#[test]
fn a_list_adds_and_changes_nothing_else() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list");
        let witness = witness(MemoryRegisters::new(), clock());
        let follower = witness.follower();
        let (log, second) = (log(50), second());
        cosigned(&witness, &log, 0, 10);
        follower.disable_log(ORIGIN, true).unwrap();

        let apply = async |list: String| -> ListOutcome {
            std::fs::write(&path, list).unwrap();
            apply_log_list(follower, &read(&path).await.unwrap()).unwrap()
        };
        let list = format!(
            "logs/v0\nvkey {}\nvkey {}\nqpd 24\nvkey {SUMDB}\norigin go.sum database tree\nvkey x\n",
            log.vkey(),
            second.vkey()
        );
        let outcome = apply(list.clone()).await;
        assert_eq!(
            (outcome.added.as_slice(), outcome.known),
            (&["second.example".to_owned()][..], 1)
        );
        assert_eq!((outcome.skipped.len(), outcome.refused.len()), (2, 0));
        // Again: nothing is new, and the disabled log is not enabled.
        let outcome = apply(list).await;
        assert_eq!((outcome.added.len(), outcome.known), (0, 2));
        assert_eq!(status(&witness, &log.request(10, 20)), 403);
        follower.disable_log(ORIGIN, false).unwrap();

        // A changed key is refused and named with the known one; the other new entries are added.
        let changed = TestLog::named(ORIGIN, 2, 50, u64::MAX);
        let third = TestLog::named("third.example", 4, 5, u64::MAX);
        let outcome = apply(format!(
            "logs/v0\nvkey {}\nvkey {}\n",
            changed.vkey(),
            third.vkey()
        ))
        .await;
        assert_eq!((outcome.added.len(), outcome.refused.len()), (1, 1));
        let said = &outcome.refused[0];
        let named = |log: &TestLog| said.contains(&log.vkey().to_string());
        assert!(
            named(&log) && named(&changed) && said.starts_with("line 2: "),
            "{said}"
        );
        assert_eq!(status(&witness, &changed.request(10, 20)), 403);
        // A second key of another type is not a changed key, but is not added silently either.
        let pq = NoteSigner::from_seed(ORIGIN, SignatureType::SubtreeV1, &[2; 32]).unwrap();
        let outcome = apply(format!("logs/v0\nvkey {}\n", pq.verifier())).await;
        assert_eq!((outcome.skipped.len(), outcome.refused.len()), (1, 0));
        assert!(outcome.skipped[0].contains("add-log-key"));
        // Our own name is the name of no log.
        let own = TestLog::named(WITNESS, 3, 5, u64::MAX);
        assert_eq!(
            apply(format!("logs/v0\nvkey {}\n", own.vkey()))
                .await
                .refused
                .len(),
            1
        );
        // An empty list removes nothing.
        apply("logs/v0\n".to_owned()).await;
        assert_eq!(follower.logs().unwrap().len(), 3);
        cosigned(&witness, &log, 10, 20);

        std::fs::write(&path, "no list").unwrap();
        assert!(read(&path).await.unwrap_err().contains("logs/v0"));
        assert!(read(&dir.path().join("absent")).await.is_err());
    });
}

#[test]
fn a_running_witness_follows_a_url() {
    run(async {
        let bind = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (lists, public, admin) = (bind().await, bind().await, bind().await);
        let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
        let (list_url, public_url, admin_url) = (url(&lists), url(&public), url(&admin));
        let server = Arc::new(ListServer(Mutex::new((
            StatusCode::OK,
            "logs/v0\n".to_owned(),
        ))));
        let served = ishibumi_wire::serve(
            lists,
            Arc::clone(&server),
            Limits::default(),
            std::future::pending(),
        );
        let served = tokio::spawn(served);

        let registers = MemoryRegisters::new();
        Witness::<_, HandClock>::init(&registers, &identity()).unwrap();
        let metrics = Arc::new(Metrics::new().unwrap());
        let witness = Witness::open(registers, clock(), cosigners(), metrics.alarms());
        let (stop, stopped) = oneshot::channel::<()>();
        let options = Options {
            admin: Some(admin),
            lists: vec![ListSource::from(list_url.as_str())],
            lists_interval: Duration::from_millis(20),
            ..Options::default()
        };
        let witness = Arc::new(witness.unwrap());
        let shutdown = async move { drop(stopped.await) };
        let running = tokio::spawn(serve(witness, metrics, public, options, shutdown));

        let net = HttpNet::new();
        let add = async |body: Vec<u8>| {
            let url = format!("{public_url}/add-checkpoint");
            let request = ishibumi_wire::Request::post(url, body, 1 << 16);
            ishibumi_wire::Net::send(&net, request)
                .await
                .unwrap()
                .status
        };
        let metric = async |line: &str| {
            let request = ishibumi_wire::Request::get(format!("{admin_url}/metrics"), 1 << 16);
            let answer = ishibumi_wire::Net::send(&net, request).await.unwrap();
            String::from_utf8(answer.body).unwrap().contains(line)
        };
        let log = log(50);
        assert_eq!(add(log.request(0, 10)).await, 404);
        server.says(StatusCode::OK, format!("logs/v0\nvkey {}\n", log.vkey()));
        while add(log.request(0, 10)).await == 404 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(add(log.request(10, 20)).await, 200);

        // A list that cannot be read, is another file, or is empty now, changes nothing.
        for (status, list) in [
            (StatusCode::NOT_FOUND, "logs/v0\n"),
            (StatusCode::OK, "<html>"),
        ] {
            server.says(status, list.to_owned());
            let failures = "log_list_failures_total{list=";
            while !metric(failures).await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        server.says(StatusCode::OK, "logs/v0\n".to_owned());
        while !metric("outcome=\"known\"} 0").await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(add(log.request(20, 30)).await, 200);
        let changed = TestLog::named(ORIGIN, 2, 50, u64::MAX);
        server.says(
            StatusCode::OK,
            format!("logs/v0\nvkey {}\n", changed.vkey()),
        );
        while !metric("outcome=\"refused\"} 1").await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(add(changed.request(30, 40)).await, 403);
        assert_eq!(add(log.request(30, 40)).await, 200);
        stop.send(()).unwrap();
        running.await.unwrap().unwrap();
        served.abort();
    });
}
