//! What is fetched, and what is not, from real sockets.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::config::Network;
use crate::upstream::tls_config;

/// For what is meant to run out.
const SHORT: Duration = Duration::from_millis(300);

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

fn here() -> Reach {
    let network = |text| Network::parse(text).expect("a network");
    Reach { allowed_networks: vec![network("127.0.0.0/8"), network("::1")], danger_http: false }
}

fn fetch(reach: Reach, limits: Limits) -> Fetch {
    Fetch::new(tls_config(None).expect("built in"), reach, limits)
}

async fn get(url: &str) -> Result<Answer, FetchError> {
    let url = Url::parse(url).expect("a URL");
    fetch(here(), Limits::default()).get(&url, HeaderMap::new()).await
}

/// A server that answers each connection with `head` and then as `body` says; how many came, and what the last asked.
async fn serving<F, B>(head: String, body: F) -> (SocketAddr, Arc<AtomicUsize>)
where
    F: Fn(TcpStream) -> B + Send + Sync + 'static,
    B: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let came = Arc::new(AtomicUsize::new(0));
    let count = came.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            read_head(&mut stream).await;
            if stream.write_all(head.as_bytes()).await.is_ok() {
                body(stream).await;
            }
        }
    });
    (address, came)
}

async fn answering(answer: &str) -> (SocketAddr, Arc<AtomicUsize>) {
    serving(answer.to_owned(), async |mut stream: TcpStream| {
        let _ = stream.shutdown().await;
    })
    .await
}

async fn read_head(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).expect("ASCII")
}

#[tokio::test]
async fn json_is_fetched_with_its_status_and_headers() {
    let answer =
        "HTTP/1.1 503 Later\r\nCache-Control: max-age=5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let (address, _) = answering(answer).await;
    let answer = get(&format!("http://{address}/keys?v=1")).await.expect("an answer");
    assert_eq!((answer.status.as_u16(), &*answer.body), (503, &b"{}"[..]));
    assert_eq!(answer.headers["cache-control"], "max-age=5");
}

#[tokio::test]
async fn a_request_says_what_it_wants_and_nothing_of_the_environment() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let head = read_head(&mut stream).await;
        let mut body = [0; 7];
        stream.read_exact(&mut body).await.expect("a body");
        stream.write_all(OK.as_bytes()).await.expect("a write");
        (head, body)
    });
    let url = Url::parse(&format!("http://{address}/introspect")).expect("a URL");
    let headers = HeaderMap::from_iter([(http::header::AUTHORIZATION, HeaderValue::from_static("Basic eA=="))]);
    let posted = fetch(here(), Limits::default()).post(&url, headers, Bytes::from_static(b"token=x")).await;
    assert_eq!(posted.expect("an answer").status, StatusCode::OK);
    let (head, body) = asked.await.expect("a request");
    assert!(head.starts_with("POST /introspect HTTP/1.1\r\n"), "{head}");
    for line in
        ["authorization: Basic eA==", &format!("host: {address}"), "accept: application/json", "content-length: 7"]
    {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line} in {head}");
    }
    assert_eq!(&body, b"token=x");
}

#[tokio::test]
async fn s31_a19_a_redirect_is_not_followed_wherever_it_leads() {
    let (canary, came) = answering(OK).await;
    for target in ["http://169.254.169.254/latest/meta-data", "file:///etc/passwd", &format!("http://{canary}/")] {
        for status in [301, 302, 303, 307, 308] {
            let answer = format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
            let (address, _) = answering(&answer).await;
            let refused = get(&format!("http://{address}/keys")).await.expect_err("a redirect");
            assert!(matches!(refused, FetchError::Redirect(code) if code.as_u16() == status), "{refused}");
        }
    }
    assert_eq!(came.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn s31_a_name_or_address_that_is_not_public_is_not_dialled() {
    let (canary, came) = answering(OK).await;
    let port = canary.port();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0.0.0.0"] {
        let Ok(url) = Url::parse(&format!("http://{host}:{port}/")) else { continue };
        let refused = fetch(Reach::default(), Limits::default()).get(&url, HeaderMap::new()).await;
        assert!(matches!(refused, Err(FetchError::NotPublic(_) | FetchError::Resolve(_))), "{host}: {refused:?}");
    }
    assert_eq!(came.load(Ordering::Relaxed), 0);
    // The same name is dialled where its network is allowed: the address decides.
    assert!(get(&format!("http://localhost:{port}/")).await.is_ok());
    assert_eq!(came.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn s31_a_gigabyte_is_not_read() {
    let sent = Arc::new(AtomicUsize::new(0));
    for head in ["HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"] {
        let count = sent.clone();
        let (address, _) = serving(head.to_owned(), move |mut stream| {
            let count = count.clone();
            async move {
                let block = [b' '; 64 * 1024];
                for _ in 0..16 * 1024 {
                    if stream.write_all(&block).await.is_err() {
                        return;
                    }
                    count.fetch_add(block.len(), Ordering::Relaxed);
                }
            }
        })
        .await;
        let refused = get(&format!("http://{address}/keys")).await.expect_err("too large");
        assert_eq!(refused, FetchError::TooLarge(256 * 1024));
    }
    assert!(sent.load(Ordering::Relaxed) < 64 * 1024 * 1024, "{sent:?} bytes were taken");
}

#[tokio::test]
async fn s31_a_byte_a_second_is_not_waited_for() {
    let drip = async |mut stream: TcpStream| {
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    for head in ["HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "HTTP/1.1 200 OK\r\nX-Slow:"] {
        let (address, _) = serving(head.to_owned(), drip).await;
        let url = Url::parse(&format!("http://{address}/keys")).expect("a URL");
        let limits = Limits { time: SHORT, ..Limits::default() };
        let refused = fetch(here(), limits).get(&url, HeaderMap::new()).await.expect_err("too slow");
        assert_eq!(refused, FetchError::Timeout(SHORT));
    }
}

#[tokio::test]
async fn a24_nonsense_and_broken_answers_are_errors() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(1000));
    for answer in [
        "",
        "nonsense",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        &long,
        &many,
    ] {
        let (address, _) = answering(answer).await;
        let answered = get(&format!("http://{address}/keys")).await;
        let is_refused = matches!(&answered, Err(FetchError::Http(_)))
            || answered.as_ref().is_ok_and(|answered| answered.status == StatusCode::SWITCHING_PROTOCOLS);
        assert!(is_refused, "{answer:.40}: {answered:?}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("its address");
    assert!(matches!(get(&format!("http://{closed}/")).await, Err(FetchError::Connect { .. })));
}

/// One HTTPS server with a certificate for `localhost`; its PEM and address.
async fn encrypted() -> (String, SocketAddr) {
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(pair.signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![pair.cert.der().clone()], key)
        .expect("a pair");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            read_head(&mut stream).await;
            answer_ok(&mut stream).await;
        }
    });
    (pair.cert.pem(), address)
}

async fn answer_ok(stream: &mut (impl AsyncWrite + Unpin)) {
    let _ = stream.write_all(OK.as_bytes()).await;
    let _ = stream.shutdown().await;
}

#[tokio::test]
async fn s31_https_needs_a_certificate_of_a_known_authority_for_this_name() {
    let (pem, address) = encrypted().await;
    let url = |host: &str| Url::parse(&format!("https://{host}:{}/keys", address.port())).expect("a URL");
    let known = Fetch::new(tls_config(Some(pem.as_bytes())).expect("PEM"), here(), Limits::default());
    assert_eq!(known.get(&url("localhost"), HeaderMap::new()).await.expect("trusted").status, StatusCode::OK);
    let misnamed = known.get(&url("127.0.0.1"), HeaderMap::new()).await;
    assert!(matches!(misnamed, Err(FetchError::Tls { .. })), "{misnamed:?}");
    let unknown = fetch(here(), Limits::default()).get(&url("localhost"), HeaderMap::new()).await;
    assert!(matches!(unknown, Err(FetchError::Tls { .. })), "{unknown:?}");
}
