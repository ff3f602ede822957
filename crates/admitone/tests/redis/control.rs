//! What nodes ask of one another through real servers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use admitone::admission::Admission;
use admitone::close::CloseCode;
use admitone::control::{Control, Listing, RenewError, Wanted};
use admitone::now::Now;
use admitone::principal::Login;
use admitone::sessions::{NotRenewed, Renewed, Scope, Session, Sessions};
use admitone::store::redis::{RedisDirectory, RedisOptions};
use tokio::task::JoinSet;

use crate::nodes::{self, Node};
use crate::servers::{Cluster, Server};
use crate::world::{LONG, ROUTE, chat, grant, keys, login};

const A_SECOND: Duration = Duration::from_secs(1);

/// What a busy machine may add to a second that is promised.
const SLACK: Duration = Duration::from_secs(4);

/// How long what may be repeated is repeated while a busy machine is too late for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A node with everything that governs its sessions.
struct Governed {
    admission: Arc<Admission>,
    sessions: Arc<Sessions>,
    control: Arc<Control>,
    _governing: JoinSet<()>,
}

impl Governed {
    async fn start(mut options: RedisOptions, name: &str) -> Self {
        options.node = Some(name.to_owned());
        let node = Node::start(options).await;
        let directory = Arc::new(RedisDirectory::new(&node.redis));
        let admission = Admission::new(keys(), Arc::new(node.store.clone()), node.revocations.clone());
        let admission = Arc::new(admission.on_node(name).with_directory(directory.clone()));
        let sessions = Arc::new(Sessions::new(node.revocations.clone()).listed_in(directory, name));
        let control = Arc::new(Control::new(admission.clone(), sessions.clone(), node.revocations.clone()));
        let mut governing = JoinSet::new();
        let (following, leasing) = (sessions.clone(), sessions.clone());
        governing.spawn(async move { following.follow().await });
        governing.spawn(async move { leasing.keep_leases().await });
        governing.spawn(control.clone().follow());
        Self { admission, sessions, control, _governing: governing }
    }

    async fn open(&self, login: &Login) -> Session {
        let now = Now::read();
        let minted = self.admission.mint(grant(login, now), &chat(), now).await.expect("a ticket");
        let authentic = self.admission.inspect(&minted.ticket, &chat(), now).expect("authentic");
        let admitted = self.admission.redeem(authentic, LONG, now).await.expect("an admission");
        self.sessions.open(admitted, now).expect("a session")
    }

    /// To repeat a renewal is safe, and each answers within a second.
    async fn renew(&self, session: &Session, login: &Login) -> Result<Renewed, RenewError> {
        let started = Instant::now();
        loop {
            let renewed = self.control.renew(session.id(), login, Now::read()).await;
            if renewed != Err(RenewError::Unavailable) || started.elapsed() > PATIENCE {
                return renewed;
            }
        }
    }

    /// To repeat an order to close is safe.
    async fn close(&self, scope: Scope, code: CloseCode, over: Duration) {
        let started = Instant::now();
        while let Err(fault) = self.control.close(scope.clone(), code, over, Now::read()).await {
            assert!(started.elapsed() < PATIENCE, "not ordered: {fault:?}");
        }
    }

    /// Asks until so many have answered; how long the question took that they answered.
    async fn listed_elsewhere(&self, wanted: &Wanted, others: usize, answers: usize) -> (Vec<Listing>, Duration) {
        let started = Instant::now();
        loop {
            let asked = Instant::now();
            let listings = self.control.list_elsewhere(wanted, others).await;
            if listings.len() == answers || started.elapsed() > PATIENCE {
                return (listings, asked.elapsed());
            }
        }
    }
}

async fn closed(session: &Session) -> CloseCode {
    tokio::time::timeout(A_SECOND + SLACK, session.closing()).await.expect("closed within a second")
}

async fn is_open(session: &Session) -> bool {
    tokio::time::timeout(A_SECOND / 10, session.closing()).await.is_err()
}

async fn orders_reach_every_node(options: RedisOptions) {
    let one = Governed::start(options.clone(), "one").await;
    let other = Governed::start(options, "[::1]:2-other").await;
    let now = Now::read();
    let (ada, bob) = (login("ada", now), login("bob", now));

    let longer = Login { expires_at: now.unix + 5000, ..ada.clone() };
    let (here, there) = (one.open(&ada).await, other.open(&ada).await);
    for session in [&here, &there] {
        let renewed = one.renew(session, &longer).await.expect("renewed");
        assert_eq!(renewed.expires_at, now.unix + 5000);
    }
    let refused = one.control.renew(there.id(), &login("bob", now), now).await;
    assert_eq!(refused, Err(RenewError::Refused(NotRenewed::Absent)));

    let bobs = other.open(&bob).await;
    let issuer = crate::world::ISSUER.to_owned();
    let scope = Scope::Subject { issuer, subject: "ada".to_owned() };
    one.close(scope, CloseCode::Revoked, Duration::ZERO).await;
    assert_eq!((closed(&here).await, closed(&there).await), (CloseCode::Revoked, CloseCode::Revoked));
    assert!(is_open(&bobs).await);
    assert!(other.admission.accept(&ada, Now::read()).is_ok(), "a close revokes no login");

    let many: Vec<Session> = [one.open(&ada).await, one.open(&bob).await, other.open(&ada).await].into();
    let route = Scope::Route(ROUTE.to_owned());
    other.close(route, CloseCode::Draining, A_SECOND / 2).await;
    for session in many.iter().chain([&bobs]) {
        assert_eq!(closed(session).await, CloseCode::Draining);
    }
}

async fn a_node_lists_the_sessions_of_all(options: RedisOptions) {
    let one = Governed::start(options.clone(), "one").await;
    let other = Governed::start(options, "[::1]:2-other").await;
    let now = Now::read();
    let mut open = vec![one.open(&login("ada", now)).await, other.open(&login("bob", now)).await];
    for _ in 0..3 {
        open.push(other.open(&login("ada", now)).await);
    }
    let wanted = Wanted { subject: Some("ada".to_owned()), most: 2, ..Wanted::default() };
    let here = one.control.list_here(&wanted);
    assert_eq!((&*here.node, here.total, &*here.sessions[0].session_id), ("one", 1, open[0].id().as_str()));

    let started = Instant::now();
    let elsewhere = loop {
        let (elsewhere, took) = one.listed_elsewhere(&wanted, 1, 1).await;
        if took < A_SECOND {
            break elsewhere;
        }
        assert!(started.elapsed() < PATIENCE, "it does not wait for more than there are");
    };
    let [there] = &elsewhere[..] else { panic!("{elsewhere:?}") };
    assert_eq!((&*there.node, there.total), ("[::1]:2-other", 3));
    let ids: Vec<&str> = there.sessions.iter().map(|session| &*session.session_id).collect();
    assert_eq!(ids, [open[4].id().as_str(), open[3].id().as_str()], "the youngest first");
    assert!(there.sessions.iter().all(|session| session.subject == "ada" && session.route == ROUTE));

    assert_eq!(one.listed_elsewhere(&wanted, 2, 1).await.0, elsewhere, "a silent node is not waited for");
    assert!(one.control.list_elsewhere(&Wanted::default(), 0).await.is_empty(), "nobody to ask");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_lists_the_sessions_of_all_on_a_standalone_server() {
    let server = Server::start(&[]);
    a_node_lists_the_sessions_of_all(nodes::standalone(&server)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_lists_the_sessions_of_all_on_a_cluster() {
    let cluster = Cluster::start(false);
    a_node_lists_the_sessions_of_all(nodes::cluster(&cluster)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_reach_every_node_of_a_standalone_server() {
    let server = Server::start(&[]);
    orders_reach_every_node(nodes::standalone(&server)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_reach_every_node_of_a_cluster() {
    let cluster = Cluster::start(false);
    orders_reach_every_node(nodes::cluster(&cluster)).await;
}

/// F5: orders are heard again when the server is back, and those of before a node's start never are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f5_orders_go_on_after_a_restart_of_the_server_and_old_ones_are_for_nobody() {
    let mut server = Server::start(&[]);
    let mut options = nodes::standalone(&server);
    options.lease = 2 * A_SECOND;
    let one = Governed::start(options.clone(), "one").await;
    one.close(Scope::Everything, CloseCode::Draining, Duration::ZERO).await;
    let other = Governed::start(options, "other").await;
    let now = Now::read();
    let ada = login("ada", now);
    let there = other.open(&ada).await;
    assert!(is_open(&there).await, "ordered before it was opened");

    server.kill();
    assert_eq!(one.control.renew(there.id(), &ada, now).await, Err(RenewError::Unavailable));
    server.restart();
    let started = Instant::now();
    while one.control.renew(there.id(), &ada, Now::read()).await.is_err() {
        // The record went with the server; its node leases it anew, three times in each lease.
        assert!(started.elapsed() < 4 * A_SECOND + SLACK, "it is never found again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    one.close(Scope::Everything, CloseCode::Draining, Duration::ZERO).await;
    assert_eq!(closed(&there).await, CloseCode::Draining);
}
