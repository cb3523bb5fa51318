//! A folder behind a real socket: a log or mirror that is nothing but files, and that can be made
//! to lie.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use ishibumi_wire::{Admitted, Limits, Reply, Service, reply, serve};
use tokio::runtime::Runtime;

/// Looks at a request, and may answer it instead of the folder.
pub(crate) type Fault = Box<dyn Fn(&Parts) -> Option<Reply> + Send>;

struct Files {
    folder: PathBuf,
    fault: Mutex<Option<Fault>>,
    asked: Mutex<Vec<String>>,
}

/// A server, for as long as it lives.
pub(crate) struct Site {
    pub(crate) url: String,
    files: Arc<Files>,
    _runtime: Runtime,
}

impl Site {
    pub(crate) fn new(folder: &Path) -> Self {
        let files = Arc::new(Files {
            folder: folder.to_owned(),
            fault: Mutex::new(None),
            asked: Mutex::new(Vec::new()),
        });
        let (address, runtime) = listen(&files);
        Self {
            url: format!("http://{address}"),
            files,
            _runtime: runtime,
        }
    }

    /// From now on `fault` is asked first: what it gives is answered with status 200.
    pub(crate) fn fault(&self, fault: impl Fn(&Parts) -> Option<Vec<u8>> + Send + 'static) {
        self.answer(move |head| fault(head).map(file));
    }

    /// Answers with any status, by `fault`.
    pub(crate) fn answer(&self, fault: impl Fn(&Parts) -> Option<Reply> + Send + 'static) {
        *self.files.fault.lock().unwrap() = Some(Box::new(fault));
    }

    /// Paths and queries that were asked for.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.files.asked.lock().unwrap().clone()
    }
}

/// Serves on a port of the system's choice.
pub(crate) fn listen<S: Service>(service: &Arc<S>) -> (SocketAddr, Runtime) {
    let runtime = Runtime::new().unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let address = listener.local_addr().unwrap();
    let service = Arc::clone(service);
    let forever = std::future::pending();
    runtime.spawn(serve(listener, service, Limits::default(), forever));
    (address, runtime)
}

impl Service for Files {
    type Request = Parts;

    fn admit(&self, head: &Parts) -> Result<Admitted<Parts>, Reply> {
        Ok(Admitted::whole(head.clone(), 1 << 20))
    }

    async fn call(&self, head: Parts, _: Bytes) -> Reply {
        let asked = head.uri.to_string();
        self.asked.lock().unwrap().push(asked);
        let fault = self.fault.lock().unwrap();
        let lie = fault.as_ref().and_then(|fault| fault(&head));
        let path = head.uri.path().trim_start_matches('/');
        let truth = || {
            if path == "checkpoints" {
                return listing(&self.folder.join(path));
            }
            fs::read(self.folder.join(path)).ok()
        };
        let answer = lie.or_else(|| truth().map(file));
        answer.unwrap_or_else(|| reply(StatusCode::NOT_FOUND, "text/plain", "not there\n"))
    }
}

fn file(octets: Vec<u8>) -> Reply {
    reply(StatusCode::OK, "application/octet-stream", octets)
}

/// What a mirror answers for the folder of kept checkpoints.
fn listing(folder: &Path) -> Option<Vec<u8>> {
    let names = fs::read_dir(folder)
        .ok()?
        .map(|entry| entry.unwrap().file_name());
    let mut sizes: Vec<u64> = names
        .map(|name| name.to_str().unwrap().parse().unwrap())
        .collect();
    sizes.sort_unstable();
    Some(format!(r#"{{"sizes":{sizes:?},"next":null}}"#).into_bytes())
}
