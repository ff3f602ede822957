use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;

use super::{By, Document, Guard, People, Rollout, Said, Seen, Setting, Settings, Standing, Trip, Watch};
use crate::now::Now;
use crate::principal::Principal;
use crate::revocation::Cursor;
use crate::store::StoreUnavailable;
use crate::sync::{Mutex, MutexGuard, RwLock};

/// How often a store that did not answer is asked again, and a change told to it that it has not heard of.
const AGAIN: Duration = Duration::from_millis(250);

/// How often a change is tried that others were faster than.
const TRIES: usize = 100;

/// The rules of all routes as one node knows them, and its guards.
pub struct Rollouts {
    settings: Arc<dyn Settings>,
    node: Arc<str>,
    known: RwLock<HashMap<Arc<str>, Known>>,
    guards: Mutex<HashMap<String, Guard>>,
    /// One conversation with the store at a time.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Clone, Debug)]
struct Known {
    setting: Arc<Setting>,
    /// Whether the store has heard of it.
    is_kept: bool,
}

/// A change of a route's rule.
#[derive(Clone, Debug)]
pub struct Edit<'a> {
    /// The route's path.
    pub route: &'a str,
    /// Whose.
    pub by: By,
    /// Whether the rule may leave somebody without tickets: where there is no fallback, it would lock them out.
    pub may_leave_out: bool,
    /// Whether it is a person's answer to what the guard did.
    pub answers_guard: bool,
    /// What of a configuration counts by it.
    pub said: Said,
}

/// Why a rule was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// Who gets no ticket could not connect at all.
    #[error("it would leave people without tickets where there is no fallback")]
    LocksOut,
    /// Too many people on the lists.
    #[error("the lists would have {0} people, of {most} at most", most = People::MOST)]
    TooMany(usize),
}

impl Rollouts {
    /// A node's view of `settings`. [`load`](Self::load) them first, and run [`follow`](Self::follow) beside it.
    #[must_use]
    pub fn new(settings: Arc<dyn Settings>, node: &str) -> Self {
        Self {
            settings,
            node: Arc::from(node),
            known: RwLock::default(),
            guards: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    /// The rule of a route; `None` when there never was one, which means tickets for everybody.
    #[must_use]
    pub fn of(&self, route: &str) -> Option<Arc<Setting>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(route).map(|known| known.setting.clone())
    }

    /// Whether the store has heard of a route's rule as it is here.
    #[must_use]
    pub fn is_kept(&self, route: &str) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(route).is_none_or(|known| known.is_kept)
    }

    /// Whether somebody gets tickets on a route. Where everybody does, nobody's standing is asked for.
    #[must_use]
    pub fn are_on_for(&self, route: &str, who: &Principal, standing: impl FnOnce() -> Standing) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = known.get(route) else { return true };
        let rollout = &known.setting.rollout;
        rollout.is_for_everybody() || rollout.is_on_for(who, standing())
    }

    /// Changes a route's rule, for all nodes. What comes back counts here, and has been kept where
    /// [`is_kept`](Self::is_kept) says so; else this node goes on telling it to the store.
    ///
    /// # Errors
    ///
    /// [`ChangeError`]; nothing was changed.
    pub async fn change(
        &self,
        edit: &Edit<'_>,
        now: Now,
        apply: impl Fn(&mut Rollout),
    ) -> Result<Arc<Setting>, ChangeError> {
        let _turn = self.asking.lock().await;
        for _ in 0..TRIES {
            let Ok(document) = self.settings.read().await else { break };
            let lost = self.meet(&document, &|_, _| {});
            let next = self.edited(edit, now, &apply)?;
            let mut new = document.clone();
            new.revision += 1;
            new.routes.extend(lost);
            new.routes.insert(Box::from(edit.route), next.clone());
            match self.settings.replace(document.revision, &new).await {
                Ok(true) => {
                    self.kept(&new);
                    return Ok(self.know(edit.route, next, true));
                }
                Ok(false) => {}
                Err(StoreUnavailable) => break,
            }
        }
        let next = self.edited(edit, now, &apply)?;
        Ok(self.know(edit.route, next, false))
    }

    /// A ticket was minted or redeemed on a route.
    pub fn worked(&self, route: &str, now: Now) {
        self.guards().entry_ref(route).or_insert_with(|| Guard::new(now.instant)).worked(now.instant);
    }

    /// A ticket was not minted or redeemed, by a fault of ours. Where the guard finds too many of them, nobody gets tickets on
    /// this node from now on if it `rolls_back`, and on the others as soon as the store hears of it; what it saw comes back.
    pub fn failed(&self, route: &str, watch: Watch, rolls_back: bool, now: Now) -> Option<Trip> {
        let mut guards = self.guards();
        let seen = guards.entry_ref(route).or_insert_with(|| Guard::new(now.instant)).failed(watch, now.instant)?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let before = known.get(route).map(|known| known.setting.clone()).unwrap_or_default();
        if before.trip.is_some() {
            return None;
        }
        let setting = Arc::new(before.tripped(seen, rolls_back, &self.node, now.unix));
        let trip = setting.trip.clone();
        known.insert(Arc::from(route), Known { setting, is_kept: false });
        trip
    }

    /// What a route's guard has seen here within a window.
    #[must_use]
    pub fn seen(&self, route: &str, window: Duration, now: Now) -> Seen {
        self.guards().get(route).map(|guard| guard.seen(window, now.instant)).unwrap_or_default()
    }

    /// Reads what is kept.
    ///
    /// # Errors
    ///
    /// [`StoreUnavailable`].
    pub async fn load(&self) -> Result<(), StoreUnavailable> {
        self.exchange(&|_, _| {}).await
    }

    /// Hears what others change, and tells what the store has not heard of or has lost, for as long as it runs. `heard` is told
    /// of each rule that others have changed.
    pub async fn follow(&self, heard: impl Fn(&str, &Setting) + Sync) {
        let mut cursor = Cursor::default();
        let mut is_behind = true;
        loop {
            let changed = tokio::time::timeout(AGAIN, self.settings.changed(cursor)).await;
            is_behind |= changed.is_ok();
            cursor = changed.unwrap_or(cursor);
            if is_behind || self.has_unkept() {
                is_behind = self.exchange(&heard).await.is_err();
            }
        }
    }

    /// Hears what is kept, and tells what is not.
    async fn exchange(&self, heard: &(impl Fn(&str, &Setting) + Sync)) -> Result<(), StoreUnavailable> {
        let _turn = self.asking.lock().await;
        for _ in 0..TRIES {
            let document = self.settings.read().await?;
            let lost = self.meet(&document, heard);
            if lost.is_empty() {
                return Ok(());
            }
            let mut new = document.clone();
            new.revision += 1;
            new.routes.extend(lost);
            if self.settings.replace(document.revision, &new).await? {
                self.kept(&new);
                return Ok(());
            }
        }
        Err(StoreUnavailable)
    }

    /// Takes over what is newer in the store; what the store lacks comes back.
    fn meet(&self, document: &Document, heard: &(impl Fn(&str, &Setting) + Sync)) -> BTreeMap<Box<str>, Setting> {
        let mut lost = BTreeMap::new();
        let mut adopted = Vec::new();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for (route, ours) in known.iter_mut() {
            let Some(theirs) = document.routes.get(&**route) else {
                lost.insert(Box::from(&**route), Setting::clone(&ours.setting));
                continue;
            };
            if theirs.revision < ours.setting.revision {
                lost.insert(Box::from(&**route), Setting::clone(&ours.setting));
            } else if !ours.is_kept && ours.setting.prevails_over(theirs) {
                let setting = Setting { revision: theirs.revision + 1, ..Setting::clone(&ours.setting) };
                lost.insert(Box::from(&**route), setting.clone());
                ours.setting = Arc::new(setting);
            } else if *theirs != *ours.setting {
                adopted.push((route.clone(), ours.setting.clone(), theirs));
                *ours = Known { setting: Arc::new(theirs.clone()), is_kept: true };
            } else {
                ours.is_kept = true;
            }
        }
        for (route, theirs) in &document.routes {
            if !known.contains_key(&**route) {
                let route: Arc<str> = Arc::from(&**route);
                known.insert(route.clone(), Known { setting: Arc::new(theirs.clone()), is_kept: true });
                adopted.push((route, Arc::default(), theirs));
            }
        }
        drop(known);
        for (route, before, now) in adopted {
            self.release_guard(&route, &before, now);
            heard(&route, now);
        }
        lost
    }

    fn edited(&self, edit: &Edit<'_>, now: Now, apply: impl Fn(&mut Rollout)) -> Result<Setting, ChangeError> {
        let before = self.of(edit.route).unwrap_or_default();
        let mut next = before.next(edit.by, &self.node, now.unix);
        apply(&mut next.rollout);
        next.heed(&edit.said);
        if edit.answers_guard {
            next.trip = None;
        }
        let listed = next.rollout.allow.len() + next.rollout.deny.len();
        if listed > People::MOST {
            return Err(ChangeError::TooMany(listed));
        }
        if !edit.may_leave_out && !next.rollout.is_for_everybody() {
            return Err(ChangeError::LocksOut);
        }
        Ok(next)
    }

    fn know(&self, route: &str, setting: Setting, is_kept: bool) -> Arc<Setting> {
        let setting = Arc::new(setting);
        let known = Known { setting: setting.clone(), is_kept };
        let before = self.known.write().unwrap_or_else(PoisonError::into_inner).insert(Arc::from(route), known);
        self.release_guard(route, &before.map(|known| known.setting).unwrap_or_default(), &setting);
        setting
    }

    /// When a person has answered it, a guard begins anew.
    fn release_guard(&self, route: &str, before: &Setting, now: &Setting) {
        if before.trip.is_some() && now.trip.is_none() {
            self.guards().remove(route);
        }
    }

    /// The store has all that is in this document.
    fn kept(&self, document: &Document) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for (route, ours) in known.iter_mut() {
            ours.is_kept |= document.routes.get(&**route).is_some_and(|kept| *kept == *ours.setting);
        }
    }

    fn has_unkept(&self) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).values().any(|known| !known.is_kept)
    }

    fn guards(&self) -> MutexGuard<'_, HashMap<String, Guard>> {
        self.guards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Rollouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rollouts").field("node", &self.node).finish_non_exhaustive()
    }
}
