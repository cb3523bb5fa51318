//! A TSA over HTTP: the OpenSSL on this machine makes the tokens (`openssl ts -reply`), and a
//! thread serves them; and what a careless or hostile TSA would answer instead.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::pki::{P256, Pki, element};

/// The unit that answers.
const UNIT: &str = "tsu";
/// A unit under a root that no verifier trusts.
const STRANGER: &str = "tsu-stranger";

/// How a TSA answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// With a token, as it should.
    Good,
    /// With a token, under the media type that RFC 3161 names by mistake.
    OtherType,
    /// With a rejection, as OpenSSL words it: the hash is not accepted.
    Rejection,
    /// With HTTP status 503.
    Unavailable,
    /// With a page for people.
    Page,
    /// With octets that are no reply.
    Garbage,
    /// With more octets than any reply has.
    Endless,
    /// Not at all: the connection stays open.
    Silent,
    /// With a token whose nonce is another one, as of an old answer.
    OtherNonce,
    /// With a token that has no nonce.
    NoNonce,
    /// With a token over something else.
    OtherImprint,
    /// With a token without certificates.
    NoCertificate,
    /// With a token of a unit under another root.
    Stranger,
    /// With a token whose genTime was a year ago.
    LastYear,
}

/// A TSA that serves until this value goes.
pub struct TsaServer {
    /// Where queries go.
    pub url: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    pki: Mutex<Pki>,
    manner: Mutex<Manner>,
    asked: AtomicU64,
    stopped: AtomicBool,
}

impl Default for TsaServer {
    fn default() -> Self {
        Self::new()
    }
}

impl TsaServer {
    /// Makes a root, a CA, a unit and a stranger, and serves. Two of them have nothing in common.
    pub fn new() -> Self {
        let pki = Pki::new();
        let dates = ("20250101000000Z", "20400101000000Z");
        pki.unit(UNIT, P256, "issuing", "v3_tsu", dates);
        pki.unit(STRANGER, P256, "stranger", "v3_tsu", dates);
        pki.write("tsaserial", "01\n");
        let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
        let url = format!("http://{}/tsa", listener.local_addr().expect("bound"));
        let shared = Arc::new(Shared {
            pki: Mutex::new(pki),
            manner: Mutex::new(Manner::Good),
            asked: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), shared) = (stream, Arc::clone(&serving)) else {
                    continue;
                };
                std::thread::spawn(move || shared.serve(stream));
            }
        });
        Self {
            url,
            shared,
            thread: Some(thread),
        }
    }

    /// Answers like this from now on.
    pub fn be(&self, manner: Manner) {
        *self.shared.manner.lock().expect("not poisoned") = manner;
    }

    /// How many queries came.
    pub fn asked(&self) -> u64 {
        self.shared.asked.load(Ordering::Relaxed)
    }

    /// A file of its PKI, such as `root.crt`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.shared.pki.lock().expect("not poisoned").path(name)
    }

    /// A `[[checkpoint_anchors.tsa]]` table for it.
    pub fn table(&self, name: &str) -> String {
        let (root, url) = (self.path("root.crt"), &self.url);
        format!(
            "[[checkpoint_anchors.tsa]]\nname = \"{name}\"\nurl = \"{url}\"\nanchors = [\"{}\"]\n",
            root.display()
        )
    }

    /// The token of its unit over `document`, as if it had been asked over HTTP.
    pub fn token(&self, document: &[u8]) -> Vec<u8> {
        let pki = self.shared.pki.lock().expect("not poisoned");
        pki.write("document", document);
        let query = pki.openssl(&["ts", "-query", "-data", "document", "-sha256", "-cert"]);
        answer(&pki, UNIT, &query, &["-token_out"], "sha256")
    }
}

impl Drop for TsaServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // The accept that waits sees it.
        let address = self.url.trim_start_matches("http://");
        drop(TcpStream::connect(address.trim_end_matches("/tsa")));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) {
        let Some(query) = query(&mut stream) else {
            return;
        };
        self.asked.fetch_add(1, Ordering::Relaxed);
        let manner = *self.manner.lock().expect("not poisoned");
        let reply = "application/timestamp-reply";
        let (status, media_type, body) = match manner {
            Manner::Unavailable => (503, "text/plain", b"the clock is being set".to_vec()),
            Manner::Page => (200, "text/html", b"<p>Please log in".to_vec()),
            Manner::Garbage => (200, reply, b"no DER at all".to_vec()),
            Manner::Endless => (200, reply, vec![0x30; 1 << 20]),
            Manner::OtherType => (
                200,
                "application/timestamp-response",
                self.reply(manner, query),
            ),
            Manner::Silent => {
                // Until the client has gone.
                let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
                let _ = stream.read(&mut [0]);
                return;
            }
            _ => (200, reply, self.reply(manner, query)),
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-type: {media_type}\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        // The client may be gone.
        let _ = stream.write_all(&[head.as_bytes(), &body].concat());
    }

    /// The reply to a query that is changed first: 67 octets, SHA-256, an eight-octet nonce,
    /// certReq.
    fn reply(&self, manner: Manner, mut query: Vec<u8>) -> Vec<u8> {
        let pki = self.pki.lock().expect("not poisoned");
        let end = query.len();
        let nonce_at = end - 13;
        assert_eq!(
            query[nonce_at..nonce_at + 2],
            [0x02, 8],
            "a nonce of 8 octets"
        );
        match manner {
            Manner::OtherNonce => query[end - 4] ^= 1,
            Manner::NoNonce => {
                query.drain(nonce_at..end - 3);
                query[1] -= 10;
            }
            Manner::OtherImprint => query[nonce_at - 1] ^= 1,
            Manner::NoCertificate => {
                query.truncate(end - 3);
                query[1] -= 3;
            }
            _ => {}
        }
        match manner {
            Manner::Rejection => answer(&pki, UNIT, &query, &[], "sha512"),
            Manner::Stranger => answer(&pki, STRANGER, &query, &[], "sha256"),
            Manner::LastYear => {
                let token = answer(&pki, UNIT, &query, &["-token_out"], "sha256");
                let token = pki.cms_token(&year_before(token), UNIT, &["-cades"]);
                let granted = element(0x30, &[2, 1, 0]);
                element(0x30, &[granted, token].concat())
            }
            _ => answer(&pki, UNIT, &query, &[], "sha256"),
        }
    }
}

/// The answer of `openssl ts -reply` to `query`; it accepts only `digests`.
fn answer(pki: &Pki, unit: &str, query: &[u8], more: &[&str], digests: &str) -> Vec<u8> {
    pki.write("asked.tsq", query);
    pki.write(
        "server.cnf",
        format!(
            "[tsa]\ndefault_tsa=t\n[t]\nserial=./tsaserial\ncrypto_device=builtin\n\
             signer_cert=./{unit}.crt\ncerts=./issuing.crt\nsigner_key=./{unit}.key\n\
             signer_digest=sha256\ndefault_policy=0.4.0.2023.1.1\ndigests={digests}\n\
             accuracy=secs:1\nordering=no\ntsa_name=yes\ness_cert_id_chain=no\n\
             ess_cert_id_alg=sha256\n"
        ),
    );
    let fixed = [
        "ts",
        "-reply",
        "-config",
        "server.cnf",
        "-queryfile",
        "asked.tsq",
    ];
    pki.openssl(&[&fixed[..], more].concat())
}

/// The token with the year of its genTime, which is the first GeneralizedTime in it, one less: its
/// signature does not fit any more.
fn year_before(mut token: Vec<u8>) -> Vec<u8> {
    let digits = |window: &[u8]| window[2..6].iter().all(u8::is_ascii_digit) && window[16] == b'Z';
    let found = token
        .windows(17)
        .position(|window| window[..2] == [0x18, 0x0f] && digits(window));
    let year = found.expect("a genTime") + 5;
    token[year] = if token[year] == b'0' {
        token[year - 1] -= 1;
        b'9'
    } else {
        token[year] - 1
    };
    token
}

/// The body of a POST with the right media type and a stated length.
fn query(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut received = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let length = stream.read(&mut piece).ok().filter(|&length| length > 0)?;
        received.extend(&piece[..length]);
        let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&received[..end]).to_ascii_lowercase();
        assert!(head.starts_with("post /tsa "), "{head}");
        assert!(
            head.contains("content-type: application/timestamp-query"),
            "{head}"
        );
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length
            .and_then(|it| it.trim().parse().ok())
            .expect("a length");
        if received.len() >= end + 4 + length {
            return Some(received[end + 4..end + 4 + length].to_vec());
        }
    }
}
