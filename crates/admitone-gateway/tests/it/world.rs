//! One gateway on a free port, made of a configuration's text as `serve` makes it.

use std::net::SocketAddr;
use std::time::Duration;

use admitone_gateway::config::Config;
use admitone_gateway::gateway::Gateway;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::{Answer, Connection, Request, soon};
use crate::tokens::{FOLDER, token};

pub(crate) const ORIGIN: &str = "https://app.example.com";
pub(crate) const ROUTE: &str = "/chat";

/// What two busy cores may take beside what is promised.
pub(crate) const SLACK: Duration = Duration::from_secs(3);

/// What is promised within a second.
pub(crate) async fn within_a_second<T>(what: &str, happens: impl Future<Output = T>) -> T {
    let happened = tokio::time::timeout(Duration::from_secs(1) + SLACK, happens).await;
    happened.unwrap_or_else(|_| panic!("not within a second and a slack of {SLACK:?}: {what}"))
}

/// As it is promised: within a second.
pub(crate) async fn closes_as_revoked(socket: &mut Connection) {
    assert_eq!(within_a_second("a Close", socket.close()).await, (4900, "admitone:revoked".to_owned()));
}

/// Lines that a test adds to the configuration.
#[derive(Clone, Copy, Default)]
pub(crate) struct Lines<'a> {
    /// Above all tables.
    pub(crate) top: &'a str,
    /// In `[server]`, and tables after it.
    pub(crate) server: &'a str,
    pub(crate) store: &'a str,
    pub(crate) tickets: &'a str,
    /// In the route `/chat`.
    pub(crate) route: &'a str,
    /// Behind everything.
    pub(crate) end: &'a str,
}

/// Lines that let one ticket be dialled for as often as a test likes.
pub(crate) const UNLIMITED_DIALS: &str =
    "[limits]\ndials_per_address = 0\ndials_per_ticket = 0\ndials_per_ticket_at_once = 0";

impl Lines<'_> {
    pub(crate) fn configuration(self, upstream: &str) -> String {
        let Self { top, server, store, tickets, route, end } = self;
        format!(
            r#"
{top}
[server]
listen = "127.0.0.1:0"
{server}
[store]
{store}
[tickets]
tag_secret_file = "tags.key"
{tickets}
[[tickets.keys]]
id = 7
secret_file = "ticket.key"
[[issuers]]
name = "main"
issuer = "https://id.example.com"
audience = "admitone"
algorithms = "ES256"
public_key_file = "issuer.pem"
[[issuers]]
name = "legacy"
issuer = "legacy-app"
audience = "admitone"
algorithms = "HS256"
secret_file = "legacy.secret"
require_at_jwt = false
[[routes]]
path = "{ROUTE}"
upstream = "{upstream}"
origins = ["{ORIGIN}"]
{route}
{end}
"#
        )
    }
}

pub(crate) struct World {
    pub(crate) address: SocketAddr,
    /// The operators' listener, where the configuration has one.
    pub(crate) admin: Option<SocketAddr>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl World {
    pub(crate) async fn before(upstream: &str) -> Self {
        Self::with(Lines::default(), upstream).await
    }

    /// With lines in the route.
    pub(crate) async fn routing(route: &str, upstream: &str) -> Self {
        Self::with(Lines { route, ..Lines::default() }, upstream).await
    }

    pub(crate) async fn with(lines: Lines<'_>, upstream: &str) -> Self {
        Self::configured(&lines.configuration(upstream)).await
    }

    /// With these issuers alone, and lines in the route.
    pub(crate) async fn of_issuers(issuers: &str, route: &str, upstream: &str) -> Self {
        let text = Lines { route, end: issuers, ..Lines::default() }.configuration(upstream);
        let (before, rest) = text.split_once("[[issuers]]").expect("issuers");
        let (_, routes) = rest.split_once("[[routes]]").expect("routes");
        Self::configured(&format!("{before}[[routes]]{routes}")).await
    }

    /// With this text as configuration.
    pub(crate) async fn configured(text: &str) -> Self {
        let config = Config::parse(text, "test.toml", &FOLDER, []).unwrap_or_else(|faults| panic!("{faults}"));
        Self::on(TcpListener::bind("127.0.0.1:0").await.expect("a port"), config).await
    }

    /// There, where another one may have been.
    pub(crate) async fn at(address: SocketAddr, text: &str) -> Self {
        let config = Config::parse(text, "test.toml", &FOLDER, []).unwrap_or_else(|faults| panic!("{faults}"));
        Self::on(TcpListener::bind(address).await.expect("the port"), config).await
    }

    async fn on(listener: TcpListener, config: Config) -> Self {
        let address = listener.local_addr().expect("its address");
        let gateway = Gateway::on(vec![listener], config).await.expect("a gateway");
        let admin = gateway.admin_addresses().first().copied();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = async { gateway.run(async { drop(stopped.await) }).await.expect("governed to its end") };
        let running = tokio::spawn(running);
        Self { address, admin, stop, running }
    }

    /// Begins the shutdown; what comes back resolves when the gateway has ended.
    pub(crate) fn shut_down(self) -> JoinHandle<()> {
        self.stop.send(()).expect("a running gateway");
        self.running
    }

    /// Waits until the gateway has ended by itself.
    pub(crate) async fn ended(self) {
        self.running.await.expect("an end without a panic");
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection::open(self.address).await
    }

    /// One request on a connection of its own.
    pub(crate) async fn ask(&self, request: Request) -> Answer {
        self.present(request).await.0
    }

    /// The same, and the connection behind the answer.
    pub(crate) async fn present(&self, request: Request) -> (Answer, Connection) {
        let mut connection = self.connect().await;
        connection.send(request.text()).await;
        (connection.answer().await, connection)
    }

    /// The answer to a mint request of the application's page.
    pub(crate) async fn ask_for_ticket(&self, token: &str, body: &str) -> Answer {
        self.ask(Request::post("/auth/ticket").origin(ORIGIN).bearer(token).json(body)).await
    }

    /// What a mint of the application's page is answered.
    pub(crate) async fn minted(&self, token: &str, body: &str) -> Value {
        let answer = self.ask_for_ticket(token, body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    }

    /// A ticket of Ada's, minted by the application's page.
    pub(crate) async fn ticket(&self) -> String {
        self.ticket_for(&token("ada")).await
    }

    pub(crate) async fn ticket_for(&self, token: &str) -> String {
        self.minted(token, "{}").await["ticket"].as_str().expect("a ticket").to_owned()
    }

    /// A live socket of the application's page.
    pub(crate) async fn open(&self, ticket: &str) -> Connection {
        let (answer, connection) = self.present(Request::upgrade(ROUTE).origin(ORIGIN).ticket(ticket)).await;
        assert_eq!(answer.status, 101, "{answer:?}");
        connection
    }

    /// The ticket was not spent: it still opens the socket, and works.
    pub(crate) async fn opens(&self, ticket: &str) {
        self.open(ticket).await.echo("still good").await;
    }

    /// The ticket opens nothing, wherever it was refused before.
    pub(crate) async fn does_not_open(&self, ticket: &str) {
        let answer = self.ask(Request::upgrade(ROUTE).origin(ORIGIN).ticket(ticket)).await;
        assert_eq!((answer.status, &*answer.problem()), (401, "ticket_not_accepted"));
    }

    /// The code and reason that a refused upgrade is closed with.
    pub(crate) async fn close_of(&self, request: Request) -> (u16, String) {
        let (answer, mut connection) = self.present(request).await;
        assert_eq!(answer.status, 101, "{answer:?}");
        assert_eq!(answer.header("sec-websocket-protocol"), Some("admitone.refused"));
        let close = connection.close().await;
        assert_eq!(soon("the end", connection.end()).await, b"", "nothing behind the Close");
        close
    }
}
