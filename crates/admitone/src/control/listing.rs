use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Control, Order, To};
use crate::sessions::Listed;

/// How long other nodes are waited for.
const LIMIT: Duration = Duration::from_secs(1);

/// Most sessions that a node tells another one of.
const MOST: usize = 1000;

/// Which sessions are wanted, and how many at most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// Only of this issuer's people.
    pub issuer: Option<String>,
    /// Only this person's.
    pub subject: Option<String>,
    /// Only on this route.
    pub route: Option<String>,
    /// At most so many of each node, the youngest.
    pub most: usize,
}

impl Wanted {
    /// Whether a session is among those.
    #[must_use]
    pub fn has(&self, session: &Listed) -> bool {
        let is = |wanted: &Option<String>, text: &str| wanted.as_ref().is_none_or(|wanted| wanted == text);
        is(&self.subject, session.principal.subject())
            && is(&self.issuer, session.principal.issuer())
            && is(&self.route, &session.route)
    }
}

/// A live session, as its node tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of `Listed`, as text")]
pub struct Told {
    pub session_id: String,
    pub issuer: String,
    pub subject: String,
    pub sid: Option<String>,
    pub jti: Option<String>,
    pub route: String,
    pub method: String,
    /// Unix seconds.
    pub opened_at: u64,
    /// Unix seconds.
    pub expires_at: u64,
}

impl From<&Listed> for Told {
    fn from(session: &Listed) -> Self {
        Self {
            session_id: session.id.to_string(),
            issuer: session.principal.issuer().to_owned(),
            subject: session.principal.subject().to_owned(),
            sid: session.login.sid.as_deref().map(str::to_owned),
            jti: session.login.jti.as_deref().map(str::to_owned),
            route: session.route.to_string(),
            method: session.method.name().to_owned(),
            opened_at: session.opened.unix,
            expires_at: session.expires_at,
        }
    }
}

/// The sessions of one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The node.
    pub node: String,
    /// How many there are of what was wanted.
    pub total: usize,
    /// The youngest of them, in this order.
    pub sessions: Vec<Told>,
}

impl Control {
    /// The live sessions of this node.
    #[must_use]
    pub fn list_here(&self, wanted: &Wanted) -> Listing {
        let mut sessions = self.sessions.list(|session| wanted.has(session));
        let total = sessions.len();
        sessions.sort_unstable_by_key(|session| std::cmp::Reverse(session.opened.instant));
        sessions.truncate(wanted.most.min(MOST));
        let sessions = sessions.iter().map(Told::from).collect();
        Listing { node: self.admission.node().to_owned(), total, sessions }
    }

    /// Asks all other nodes, of which `others` are known to be there, for theirs; it waits a second at most for those that do not
    /// answer.
    pub async fn list_elsewhere(&self, wanted: &Wanted, others: usize) -> Vec<Listing> {
        let mut listings = Vec::with_capacity(others);
        if others == 0 {
            return listings;
        }
        let mut question = Question::new(self);
        let order =
            Order::List { number: question.number, from: self.admission.node().to_owned(), wanted: wanted.clone() };
        if self.channel.post(To::All, order).await.is_err() {
            return listings;
        }
        let until = Instant::now() + LIMIT;
        while listings.len() < others
            && let Ok(Some(listing)) = tokio::time::timeout_at(until, question.answers.recv()).await
        {
            listings.push(listing);
        }
        listings
    }

    /// Tells another node of the sessions of this one.
    pub(super) fn tell_listing(self: &Arc<Self>, number: u64, from: String, wanted: &Wanted) {
        if from == self.admission.node() {
            return;
        }
        let (control, listing) = (self.clone(), self.list_here(wanted));
        tokio::spawn(async move {
            // Whoever asked shows without it what there is.
            let _ = control.channel.post(To::Node(&from), Order::Listed { number, listing }).await;
        });
    }

    pub(super) fn hear_listing(&self, number: u64, listing: Listing) {
        if let Some(waiting) = self.waiting().listings.get(&number) {
            // They may have given up.
            let _ = waiting.try_send(listing);
        }
    }
}

/// What all other nodes are asked.
struct Question<'a> {
    control: &'a Control,
    number: u64,
    answers: mpsc::Receiver<Listing>,
}

impl<'a> Question<'a> {
    fn new(control: &'a Control) -> Self {
        let (sender, answers) = mpsc::channel(crate::store::roster::MOST_NODES);
        let mut waiting = control.waiting();
        waiting.last += 1;
        let number = waiting.last;
        waiting.listings.insert(number, sender);
        drop(waiting);
        Self { control, number, answers }
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.control.waiting().listings.remove(&self.number);
    }
}
