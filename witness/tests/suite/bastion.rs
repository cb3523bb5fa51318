//! Answering through a bastion (C2SP https-bastion), against a small one over real sockets and TLS:
//! it checks the protocol and the client's key, and forwards requests over HTTP/2.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::common::*;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use ishibumi_store::MemoryRegisters;
use ishibumi_tlog::Hash;
use ishibumi_tlog::protocol::{BODY_LEN_MAX, checkpoint_path, parse_signatures};
use ishibumi_wire::{Bastion, BastionError, BastionEvent, BastionKey, Limits};
use ishibumi_witness::{Home, Metrics, Options, Witness, serve};
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Lets in a client that proves to have the Ed25519 key with these octets.
#[derive(Debug)]
struct OnlyKey {
    public: Vec<u8>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for OnlyKey {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let mut windows = end_entity.windows(self.public.len());
        if windows.any(|window| window == self.public) {
            return Ok(ClientCertVerified::assertion());
        }
        Err(rustls::Error::General("not on the allowlist".to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.3 only".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

/// A body that comes at once, or of which nothing more comes after that.
struct Upload {
    first: Option<Bytes>,
    stalls: bool,
}

impl Body for Upload {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            None if self.stalls => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

struct TestBastion {
    listener: TcpListener,
    tls: TlsAcceptor,
    address: String,
    root: String,
}

impl TestBastion {
    async fn new(public: &[u8], protocol: &[u8]) -> Self {
        let provider: Arc<CryptoProvider> = Arc::new(rustls::crypto::ring::default_provider());
        let key = KeyPair::generate().unwrap();
        let names = vec!["127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names)
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let only = OnlyKey {
            public: public.to_vec(),
            algorithms: provider.signature_verification_algorithms,
        };
        let private = PrivatePkcs8KeyDer::from(key.serialize_der());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_client_cert_verifier(Arc::new(only))
            .with_single_cert(vec![certificate.der().clone()], private.into())
            .unwrap();
        config.alpn_protocols = vec![protocol.to_vec()];
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            address: listener.local_addr().unwrap().to_string(),
            listener,
            tls: TlsAcceptor::from(Arc::new(config)),
            root: certificate.pem(),
        }
    }

    /// The next backend, once it has proven its key.
    async fn backend(&self) -> std::io::Result<SendRequest<Upload>> {
        let (stream, _) = self.listener.accept().await?;
        let stream = self.tls.accept(stream).await?;
        assert_eq!(
            stream.get_ref().1.alpn_protocol(),
            Some(b"bastion/0".as_slice())
        );
        let io = TokioIo::new(stream);
        let (send, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        Ok(send)
    }
}

async fn send(
    backend: &mut SendRequest<Upload>,
    method: &str,
    path: &str,
    body: Vec<u8>,
) -> (u16, Vec<u8>) {
    let request = http::Request::builder()
        .method(method)
        .uri(format!("https://bastion.example{path}"))
        .header("x-forwarded-for", "192.0.2.1")
        .body(Upload {
            first: Some(body.into()),
            stalls: false,
        });
    let answer = backend.send_request(request.unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap();
    (status, body.to_bytes().to_vec())
}

fn run(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().build().unwrap().block_on(test);
}

#[test]
fn a_witness_answers_through_a_bastion_and_comes_back_when_it_is_lost() {
    run(async {
        let key = BastionKey::generate().unwrap();
        let test_bastion = TestBastion::new(key.public_octets(), b"bastion/0").await;
        let roots = test_bastion.root.as_bytes();
        let registers = MemoryRegisters::new();
        Witness::<_, HandClock>::init(&registers, &identity()).unwrap();
        let metrics = Arc::new(Metrics::new().unwrap());
        let witness = Witness::open(registers, clock(), cosigners(), metrics.alarms());
        let witness = Arc::new(witness.unwrap());
        let log = log(50);
        witness.follower().add_log(log.vkey()).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = Options {
            bastion: Some(Bastion::new(&test_bastion.address, &key, Some(roots)).unwrap()),
            limits: Limits {
                bodies_len_max: 2 * BODY_LEN_MAX,
                ..Limits::default()
            },
            ..Options::default()
        };
        let shutdown = async move { drop(stopped.await) };
        let running = tokio::spawn(serve(witness, metrics, listener, options, shutdown));

        let mut backend = test_bastion.backend().await.unwrap();
        let (status, body) =
            send(&mut backend, "POST", "/add-checkpoint", log.request(0, 10)).await;
        assert_eq!(status, 200);
        check_lines(&parse_signatures(&body).unwrap(), &log, 10, &own_keys());
        let (status, body) = send(&mut backend, "GET", &checkpoint_path(ORIGIN), vec![]).await;
        assert!(status == 200 && body.starts_with(ORIGIN.as_bytes()));
        // The limits hold here too, and metrics are not for the world.
        let (status, _) = send(&mut backend, "POST", "/add-checkpoint", vec![b'x'; 2 << 20]).await;
        assert_eq!(status, 413);
        assert_eq!(send(&mut backend, "GET", "/metrics", vec![]).await.0, 404);
        // Many at once on one connection.
        let waiting: Vec<_> = (0..20)
            .map(|_| {
                let (mut backend, request) = (backend.clone(), log.request(0, 20));
                tokio::spawn(
                    async move { send(&mut backend, "POST", "/add-checkpoint", request).await },
                )
            })
            .collect();
        for answer in waiting {
            assert_eq!(answer.await.unwrap(), (409, b"10\n".to_vec()));
        }

        // Bodies that are announced and do not come hold nothing.
        let mut waiting = JoinSet::new();
        for _ in 0..100 {
            let stalled = http::Request::builder()
                .method("POST")
                .uri("https://bastion.example/add-checkpoint")
                .header("content-length", BODY_LEN_MAX)
                .body(Upload {
                    first: Some(Bytes::from_static(b"x")),
                    stalls: true,
                });
            waiting.spawn(backend.send_request(stalled.unwrap()));
        }
        let answer = send(&mut backend, "POST", "/add-checkpoint", log.request(0, 20)).await;
        assert_eq!(answer, (409, b"10\n".to_vec()));

        drop((backend, waiting));
        let mut backend = test_bastion.backend().await.unwrap();
        let request = log.request(10, 20);
        assert_eq!(
            send(&mut backend, "POST", "/add-checkpoint", request)
                .await
                .0,
            200
        );
        stop.send(()).unwrap();
        running.await.unwrap().unwrap();
    });
}

/// The first event of a bastion.
async fn first_event(test_bastion: &TestBastion, key: &BastionKey, roots: &str) -> BastionEvent {
    let (heard, mut events) = mpsc::unbounded_channel();
    let bastion = Bastion::new(&test_bastion.address, key, Some(roots.as_bytes())).unwrap();
    let service = Arc::new(Never);
    let serving = bastion.serve(
        service,
        Limits::default(),
        |event| heard.send(event).unwrap(),
        std::future::pending(),
    );
    tokio::select! {
        () = serving => unreachable!("it serves until it is told to stop"),
        event = async {
            let (event, backend) = tokio::join!(events.recv(), test_bastion.backend());
            // A client that TLS 1.3 lets in may yet be told that it was not.
            match (event.unwrap(), backend) {
                (BastionEvent::Connected, Err(_)) => events.recv().await.unwrap(),
                (event, _) => event,
            }
        } => event,
    }
}

struct Never;

impl ishibumi_wire::Service for Never {
    type Request = ();

    fn admit(
        &self,
        _: &http::request::Parts,
    ) -> Result<ishibumi_wire::Admitted<()>, ishibumi_wire::Reply> {
        Ok(ishibumi_wire::Admitted::whole((), 0))
    }

    async fn call(&self, (): (), _: Bytes) -> ishibumi_wire::Reply {
        unreachable!("nobody asks")
    }
}

#[test]
fn a_bastion_has_to_prove_itself_and_so_has_the_witness() {
    run(async {
        let key = BastionKey::generate().unwrap();
        let good = TestBastion::new(key.public_octets(), b"bastion/0").await;
        assert_eq!(
            first_event(&good, &key, &good.root).await,
            BastionEvent::Connected
        );
        // Another issuer; another protocol; a key that the bastion does not know.
        let other = TestBastion::new(key.public_octets(), b"bastion/0").await;
        let lost = first_event(&good, &key, &other.root).await;
        assert!(matches!(lost, BastionEvent::Lost(_)), "{lost:?}");
        let odd = TestBastion::new(key.public_octets(), b"h2").await;
        let lost = first_event(&odd, &key, &odd.root).await;
        assert!(matches!(lost, BastionEvent::Lost(_)), "{lost:?}");
        let stranger = BastionKey::generate().unwrap();
        let lost = first_event(&good, &stranger, &good.root).await;
        assert!(matches!(lost, BastionEvent::Lost(_)), "{lost:?}");
    });
}

#[test]
fn addresses_keys_and_certificates_are_checked_before_anything_is_sent() {
    let key = BastionKey::generate().unwrap();
    for address in [
        "bastion.example",
        "bastion.example:",
        "bastion.example:x",
        ":1",
        "a b:1",
    ] {
        let refused = Bastion::new(address, &key, None).err();
        assert!(
            matches!(refused, Some(BastionError::Address(_))),
            "{address:?}"
        );
    }
    let refused = Bastion::new("bastion.example:1", &key, Some(b"no certificate")).err();
    assert!(matches!(refused, Some(BastionError::Roots(_))));
    assert!(BastionKey::from_pem("no key").is_err());
    let p256 = KeyPair::generate().unwrap().serialize_pem();
    assert!(BastionKey::from_pem(&p256).is_err());

    // The key in a witness's directory is made once.
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(dir.path().join("w"));
    home.init(WITNESS).unwrap();
    assert!(home.bastion_key().is_err());
    let made = home.make_bastion_key().unwrap();
    let again = home.make_bastion_key().unwrap();
    assert_eq!(made.public_octets(), again.public_octets());
    assert_eq!(made.public_octets().len(), 32);
    assert_ne!(
        Hash::of(made.public_octets()),
        Hash::of(key.public_octets())
    );
    // The witness's own keys are others.
    let own = home.keys().unwrap();
    assert!(
        own.iter()
            .all(|own| own.verifier().public_key() != made.public_octets())
    );
}
