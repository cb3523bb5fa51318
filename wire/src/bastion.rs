//! Serving through a bastion (C2SP https-bastion): a process without a public address connects
//! outwards, and answers the requests that the bastion forwards on that connection.
//!
//! The connection is TLS 1.3 with the protocol `bastion/0`. The process shows a self-signed
//! certificate with its Ed25519 key, whose hash is the first segment of its URLs at the bastion,
//! and serves HTTP/2 as if the bastion had connected to it. A bastion can block, see and change
//! what passes, so only data that authenticate themselves, such as signed notes, may be served
//! through one.
//!
//! A connection that is lost, or that answers no ping, is made anew, with pauses that double from
//! one second to a minute.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PKCS_ED25519};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::memory::Memory;
use crate::sender::Sender;
use crate::server::{Connection, Limits, Service};

const PROTOCOL: &[u8] = b"bastion/0";
/// For the connection and the TLS handshake.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// Between pings, and for the answer to one.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const BACKOFF_MIN: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// Requests that the bastion may have in flight.
const STREAMS_MAX: u32 = 128;

/// Why a bastion cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BastionError {
    /// The address is not `host:port`.
    #[error("{0:?} is not the address of a bastion: a host name, a colon, a port")]
    Address(String),
    /// The private key is not one of Ed25519 in PEM (PKCS #8).
    #[error("not an Ed25519 private key in PEM: {0}")]
    Key(String),
    /// The certificates that are trusted cannot be read.
    #[error("the certificates that a bastion is trusted by: {0}")]
    Roots(String),
    /// TLS could not be set up.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// The Ed25519 key by which a bastion knows a process. A thief of the key can take its requests,
/// and sign nothing.
pub struct BastionKey(KeyPair);

impl BastionKey {
    /// A new key.
    ///
    /// # Errors
    /// [`BastionError::Key`] if the system gives no random octets.
    pub fn generate() -> Result<Self, BastionError> {
        let key = KeyPair::generate_for(&PKCS_ED25519);
        key.map(Self)
            .map_err(|error| BastionError::Key(error.to_string()))
    }

    /// Reads what [`Self::to_pem`] writes.
    ///
    /// # Errors
    /// [`BastionError::Key`] if the text is no such key.
    pub fn from_pem(pem: &str) -> Result<Self, BastionError> {
        let key = KeyPair::from_pkcs8_pem_and_sign_algo(pem, &PKCS_ED25519);
        key.map(Self)
            .map_err(|error| BastionError::Key(error.to_string()))
    }

    /// The private key in PEM (PKCS #8).
    pub fn to_pem(&self) -> String {
        self.0.serialize_pem()
    }

    /// The 32 octets of the public key. Their SHA-256, in lowercase hexadecimal, is the first
    /// segment of the process's URLs at a bastion.
    pub fn public_octets(&self) -> &[u8] {
        self.0.public_key_raw()
    }

    fn certificate(&self) -> Result<CertificateDer<'static>, BastionError> {
        let made = || {
            let mut params = CertificateParams::new(Vec::new())?;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            params.self_signed(&self.0)
        };
        let made = made().map_err(|error| BastionError::Key(error.to_string()))?;
        Ok(made.der().clone())
    }
}

/// A bastion, and the key by which it knows this process.
pub struct Bastion {
    address: String,
    host: ServerName<'static>,
    tls: TlsConnector,
}

/// Changes of the connection to a bastion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BastionEvent {
    /// Requests can come.
    Connected,
    /// They cannot; the cause is for people.
    Lost(String),
}

impl Bastion {
    /// The bastion's backend endpoint at `address` (`host:port`). Its certificate has to be issued
    /// below one of the certificates in `roots` (PEM), or below one that the system trusts if that
    /// is `None`.
    ///
    /// # Errors
    /// [`BastionError`], if the address, the key or the certificates in `roots` cannot be used.
    pub fn new(
        address: &str,
        key: &BastionKey,
        roots: Option<&[u8]>,
    ) -> Result<Self, BastionError> {
        let bad = || BastionError::Address(address.to_owned());
        let (host, port) = address.rsplit_once(':').ok_or_else(bad)?;
        port.parse::<u16>().map_err(|_| bad())?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let host = ServerName::try_from(host.to_owned()).map_err(|_| bad())?;

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let private = PrivatePkcs8KeyDer::from(key.0.serialize_der());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(trusted(roots)?)
            .with_client_auth_cert(vec![key.certificate()?], private.into())?;
        tls.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(Self {
            address: address.to_owned(),
            host,
            tls: TlsConnector::from(Arc::new(tls)),
        })
    }

    /// Answers requests that come through the bastion until `shutdown` completes; `heard` is called
    /// with changes of the connection. No act of a bastion or the network ends this.
    pub async fn serve<S: Service>(
        &self,
        service: Arc<S>,
        limits: Limits,
        heard: impl Fn(BastionEvent) + Send + Sync,
        shutdown: impl Future<Output = ()> + Send,
    ) {
        let connection = Arc::new(Connection {
            service,
            memory: Memory::new(limits.bodies_len_max),
            limits,
            from: Sender::behind_bastion(),
            place: None,
        });
        tokio::pin!(shutdown);
        let mut backoff = BACKOFF_MIN;
        loop {
            let connected = tokio::select! {
                () = &mut shutdown => return,
                connected = self.connect(connection.limits.stall_deadline) => connected,
            };
            let cause = match connected {
                Ok(stream) => {
                    heard(BastionEvent::Connected);
                    let since = Instant::now();
                    let Some(cause) = answer(&connection, stream, &mut shutdown).await else {
                        return;
                    };
                    if since.elapsed() > BACKOFF_MAX {
                        backoff = BACKOFF_MIN;
                    }
                    cause
                }
                Err(error) => error.to_string(),
            };
            heard(BastionEvent::Lost(format!("{}: {cause}", self.address)));
            tokio::select! {
                () = &mut shutdown => return,
                () = sleep(backoff) => {}
            }
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    async fn connect(&self, stall: Duration) -> io::Result<Stream> {
        let connecting = async {
            let stream = TcpStream::connect(&self.address).await?;
            stream.set_nodelay(true)?;
            let mut stream = TimeoutStream::new(stream);
            stream.set_write_timeout(Some(stall));
            self.tls.connect(self.host.clone(), Box::pin(stream)).await
        };
        let late = || io::Error::from(io::ErrorKind::TimedOut);
        let stream = timeout(CONNECT_DEADLINE, connecting)
            .await
            .map_err(|_| late())??;
        let (_, tls) = stream.get_ref();
        if tls.alpn_protocol() != Some(PROTOCOL) {
            return Err(io::Error::other("it does not speak bastion/0"));
        }
        Ok(stream)
    }
}

type Stream = TlsStream<std::pin::Pin<Box<TimeoutStream<TcpStream>>>>;

/// Serves one connection; says why it ended, or `None` after a shutdown.
async fn answer<S: Service>(
    connection: &Arc<Connection<S>>,
    stream: Stream,
    shutdown: impl Future<Output = ()> + Send + Unpin,
) -> Option<String> {
    let drain = connection.limits.drain_deadline;
    let connection = Arc::clone(connection);
    let handler = service_fn(move |request| {
        let connection = Arc::clone(&connection);
        async move { Ok::<_, std::convert::Infallible>(connection.handle(request).await) }
    });
    let served = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(PING_INTERVAL))
        .keep_alive_timeout(PING_INTERVAL)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(64 << 10)
        .serve_connection(TokioIo::new(stream), handler);
    tokio::pin!(served);
    tokio::select! {
        ended = served.as_mut() => Some(match ended {
            Ok(()) => "the bastion closed the connection".to_owned(),
            Err(error) => error.to_string(),
        }),
        () = shutdown => {
            served.as_mut().graceful_shutdown();
            // Clients that still wait after that are not answered.
            let _ = timeout(drain, served).await;
            None
        }
    }
}

fn trusted(roots: Option<&[u8]>) -> Result<RootCertStore, BastionError> {
    let mut store = RootCertStore::empty();
    let Some(pem) = roots else {
        // Without a usable certificate of the system, every connection says that the issuer is
        // unknown.
        let (_, _) =
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(store);
    };
    let bad = |error: &dyn std::fmt::Display| BastionError::Roots(error.to_string());
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| bad(&error))?;
        store.add(certificate).map_err(|error| bad(&error))?;
    }
    if store.is_empty() {
        return Err(bad(&"no certificate in PEM"));
    }
    Ok(store)
}
