use std::sync::Arc;

use super::Sessions;
use super::register::Live;
use crate::grant::SessionId;
use crate::now::Now;
use crate::principal::{LoginStamp, Method, Principal};

/// A live session, as it is at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Listed {
    /// Its public handle.
    pub id: SessionId,
    /// Who it is.
    pub principal: Principal,
    /// Which login it is open by: the last one that renewed it.
    pub login: LoginStamp,
    /// The route's path.
    pub route: Arc<str>,
    /// By which method it was admitted.
    pub method: Method,
    /// When it opened.
    pub opened: Now,
    /// When it ends if nobody renews it, Unix seconds.
    pub expires_at: u64,
}

impl Sessions {
    /// The live sessions of this node that `is_meant` says yes to, in no order.
    pub fn list(&self, is_meant: impl Fn(&Listed) -> bool) -> Vec<Listed> {
        let mut all = Vec::new();
        for shard in self.register.shards() {
            all.extend(shard.values().map(|live| Listed::of(live)).filter(&is_meant));
        }
        all
    }
}

impl Listed {
    fn of(live: &Live) -> Self {
        let authority = live.authority();
        Self {
            id: live.id.clone(),
            principal: live.principal.clone(),
            login: authority.login.clone(),
            route: live.route.clone(),
            method: live.method,
            opened: live.opened,
            expires_at: live.expires_at(&authority),
        }
    }
}
