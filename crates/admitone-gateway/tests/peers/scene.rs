//! A proxy that asks the gateway, between clients and an upstream, all as `deploy/` has them.

use std::net::Ipv4Addr;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::client::{Answer, Connection, Request, soon};
use crate::proxy::Proxy;
use crate::recipe::{GATEWAY, Recipe, changed};
use crate::secure::{HOST, reach};
use crate::tokens::{claims_with, sign};
use crate::upstream::{Behaviour, Upstream};
use crate::world::{ORIGIN, ROUTE, World};

/// A client in a network of its own, which is not the proxy's.
pub(crate) const HERE: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 1);

/// A second route that the proxy knows nothing of.
const OTHER: &str = "\n[[routes]]\npath = \"/other\"\norigins = [\"https://app.example.com\"]\nforward_auth = true\n\
     ticket_carriers = [\"subprotocol\", \"query\"]\n";

/// Tickets of one person that a test may mint in vain.
const MANY: &str = "\n[store]\nmax_tickets_per_subject = 1000\n";

pub(crate) struct Scene {
    pub(crate) recipe: Recipe,
    pub(crate) upstream: Upstream,
    /// Runs as long as the scene.
    _gateway: World,
    proxy: Proxy,
}

impl Scene {
    pub(crate) async fn of(recipe: Recipe) -> Self {
        Self::with(recipe, None, "").await
    }

    /// With an upstream that selects a subprotocol, and lines behind the gateway's configuration.
    pub(crate) async fn with(recipe: Recipe, selects: Option<&'static str>, end: &str) -> Self {
        let upstream = Upstream::that(Behaviour::Echoes(selects)).await;
        let gateway = changed(GATEWAY, &[("127.0.0.1:8080", "127.0.0.1:0".to_owned())]);
        let gateway = World::configured(&format!("default_route = \"{ROUTE}\"\n{gateway}{OTHER}{MANY}{end}")).await;
        let proxy = recipe.run(gateway.address, upstream.address).await;
        Self { recipe, upstream, _gateway: gateway, proxy }
    }

    /// One request of a client's on a connection of its own, and the connection behind the answer.
    pub(crate) async fn present(&self, request: &Request) -> (Answer, Connection) {
        present(HERE, &self.proxy, request).await
    }

    pub(crate) async fn ask(&self, request: &Request) -> Answer {
        self.present(request).await.0
    }

    /// The status of the answer; none where the proxy hangs up instead.
    pub(crate) async fn status(&self, request: &Request) -> Option<u16> {
        let mut connection = reach(HERE, self.proxy.address).await;
        // It may hang up before it has read all.
        let _ = connection.write_all(request.text().as_bytes()).await;
        let head = soon("an answer, or the end", head(&mut connection)).await;
        head.split(' ').nth(1).and_then(|status| status.parse().ok())
    }

    pub(crate) async fn ask_from(&self, address: Ipv4Addr, request: &Request) -> Answer {
        present(address, &self.proxy, request).await.0
    }

    /// What a mint through the proxy is answered.
    pub(crate) async fn minted(&self, changes: Value, body: &str) -> Value {
        let login = sign(&claims_with("ada", changes));
        let answer = self.ask(&at_host(Request::post("/auth/ticket")).origin(ORIGIN).bearer(&login).json(body)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    }

    pub(crate) async fn ticket(&self) -> String {
        text(&self.minted(Value::Object(Default::default()), "{}").await["ticket"])
    }

    /// Refused, and not a byte of it reached the upstream.
    pub(crate) async fn refuses(&self, request: &Request) -> Answer {
        let before = self.requests().await.len();
        let answer = self.ask(request).await;
        assert!(answer.status >= 400, "{:?}: {answer:?}\n{}", self.recipe, request.text());
        assert_eq!(answer.header("location"), None, "no redirect: {answer:?}");
        assert_eq!(self.requests().await.len(), before, "{:?}: {}", self.recipe, request.text());
        answer
    }

    /// What reached the upstream: a connection without a request is none.
    pub(crate) async fn requests(&self) -> Vec<String> {
        let mut all = self.upstream.received_by_now().await;
        all.retain(|request| !request.is_empty());
        all
    }

    /// A ticket that was not spent still opens a socket, with which the upstream hears of it.
    pub(crate) async fn opens(&self, ticket: &str) {
        let (answer, mut socket) = self.present(&by_query(ticket)).await;
        assert_eq!(answer.status, 101, "{:?}: {answer:?}", self.recipe);
        soon("an echo", socket.echo("still good")).await;
    }

    /// The head of the upstream's last request.
    pub(crate) async fn last_request(&self) -> String {
        self.requests().await.pop().expect("a request")
    }
}

async fn present(from: Ipv4Addr, proxy: &Proxy, request: &Request) -> (Answer, Connection) {
    let mut connection = Connection::over(reach(from, proxy.address).await);
    connection.send(request.text()).await;
    (connection.answer().await, connection)
}

/// What arrives up to the end of a head, or of everything.
async fn head(connection: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match connection.read_buf(&mut head).await {
            Ok(read) if read > 0 => {}
            _ => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// A gateway that hangs up on every question, and counts them.
pub(crate) struct HangsUp {
    listener: TcpListener,
}

impl HangsUp {
    pub(crate) async fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.expect("a port") }
    }

    /// What the proxy answers a client of whom it asks here, and how often it asked.
    pub(crate) async fn asked_by(&self, recipe: Recipe, upstream: &Upstream) -> (Answer, usize) {
        let proxy = recipe.run(self.listener.local_addr().expect("its address"), upstream.address).await;
        let request = by_query("adm1_");
        let mut answering = std::pin::pin!(present(HERE, &proxy, &request));
        let mut asked = 0;
        loop {
            tokio::select! {
                (answer, _) = &mut answering => return (answer, asked),
                connection = self.listener.accept() => {
                    asked += usize::from(!head(&mut connection.expect("a connection").0).await.is_empty());
                }
            }
        }
    }
}

/// An upgrade of the application's page, with nothing to be admitted by.
pub(crate) fn upgrade(target: &str) -> Request {
    at_host(Request::upgrade(target)).origin(ORIGIN)
}

pub(crate) fn by_query(ticket: &str) -> Request {
    upgrade(&format!("{ROUTE}?room=5&ticket={ticket}"))
}

pub(crate) fn at_host(request: Request) -> Request {
    request.replacing("Host", HOST)
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

/// The values of every header whose name reads like this one to an upstream that folds `_` and `.` into `-`.
pub(crate) fn values<'a>(request: &'a str, name: &str) -> Vec<&'a str> {
    let lines = request.lines().filter_map(|line| line.split_once(':'));
    let named = lines.filter(|(known, _)| known.to_ascii_lowercase().replace(['_', '.'], "-") == name);
    named.map(|(_, value)| value.trim()).collect()
}
