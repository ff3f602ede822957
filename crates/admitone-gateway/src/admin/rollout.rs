//! `/admin/api/rollout`: who gets tickets, on which route, and what the guard makes of that.

use std::sync::Arc;

use admitone::now::Now;
use admitone::rollout::{By, ChangeError, Edit, People, Percent, Person, Rollout, Said, Trip};
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::fields::{self, Fields, wrong};
use super::{Admin, guard, revoke, status};
use crate::audit::{Event, What};
use crate::http::App;
use crate::rejection::Rejection;
use crate::routes::Route;

const FIELDS: [&str; 6] = ["route", "percent", "allow", "deny", "unlist", "issuer"];

/// Every route's, in the order of the configuration.
pub(super) async fn show(State(admin): State<Arc<Admin>>) -> Response {
    let (app, now) = (admin.app(), Now::read());
    let routes: Vec<Value> = app.routes.iter().map(|route| shown(&app, route, now)).collect();
    status::json(&json!({ "node": app.node, "routes": routes }))
}

/// Changes one route's, on every node.
pub(super) async fn change(State(admin): State<Arc<Admin>>, request: Request) -> Result<Response, Rejection> {
    let (parts, body) = request.into_parts();
    let fields = fields::read(&parts.headers, body, &FIELDS).await?;
    let (app, now) = (admin.app(), Now::read());
    let route = route(&app, &fields)?;
    let wanted = Wanted::read(&admin, &fields)?;
    let edit = Edit {
        route: &route.path,
        by: By::Admin,
        may_leave_out: route.may_leave_out(),
        answers_guard: wanted.percent.is_some(),
        said: Said::default(),
    };
    let before = app.rollouts.of(&route.path).unwrap_or_default();
    let changed = app.rollouts.change(&edit, now, |rollout| wanted.apply(rollout)).await;
    let changed = changed.map_err(|error| refused(&error, &route, &wanted))?;
    app.audit.tell(&Event {
        address: guard::peer(&parts).map(|peer| peer.0.ip()),
        route: Some(&route.path),
        by: Some(By::Admin.name()),
        change: Some(&wanted.to_string()),
        percent: Some(changed.rollout.percent.get()),
        percent_before: Some(before.rollout.percent.get()),
        ..Event::new(What::RolloutChanged)
    });
    Ok(status::json(&shown(&app, &route, now)))
}

/// The route that is named; the only one need not be.
fn route(app: &App, fields: &Fields) -> Result<Arc<Route>, Rejection> {
    let known = || app.routes.iter().map(|route| &*route.path).collect::<Vec<_>>().join(", ");
    match fields.text("route")? {
        Some(path) => {
            let found = app.routes.find(&path).cloned();
            found.ok_or_else(|| wrong("route", &format!("no such route; there are {}", known())))
        }
        None => {
            let mut routes = app.routes.iter();
            match (routes.next(), routes.next()) {
                (Some(only), None) => Ok(only.clone()),
                _ => Err(wrong("route", &format!("needed, since there are several: {}", known()))),
            }
        }
    }
}

/// What an operator wants changed.
struct Wanted {
    percent: Option<Percent>,
    allow: Vec<Person>,
    deny: Vec<Person>,
    unlist: Vec<Person>,
}

impl Wanted {
    fn read(admin: &Admin, fields: &Fields) -> Result<Self, Rejection> {
        let percent = fields.number("percent")?.map(Percent::new).transpose();
        let percent = percent.map_err(|error| wrong("percent", &error.to_string()))?;
        let [allow, deny, unlist] = ["allow", "deny", "unlist"].map(|field| fields.texts(field));
        let [allow, deny, unlist] = [allow?, deny?, unlist?];
        let named: Vec<&String> = allow.iter().chain(&deny).chain(&unlist).collect();
        if percent.is_none() && named.is_empty() {
            return Err(wrong("percent", "at least one of percent, allow, deny and unlist is needed"));
        }
        if let Some(twice) = named.iter().enumerate().find(|(index, name)| named[..*index].contains(name)) {
            return Err(wrong("allow", &format!("{} is named twice among allow, deny and unlist", twice.1)));
        }
        if named.is_empty() && fields.has("issuer") {
            return Err(wrong("issuer", "it counts with allow, deny or unlist"));
        }
        let issuer = if named.is_empty() { None } else { Some(revoke::issuer(admin, fields)?) };
        let people = |field, subjects: Vec<String>| people(field, issuer.as_deref().unwrap_or_default(), subjects);
        let (allow, deny) = (people("allow", allow)?, people("deny", deny)?);
        Ok(Self { percent, allow, deny, unlist: people("unlist", unlist)? })
    }

    fn apply(&self, rollout: &mut Rollout) {
        rollout.percent = self.percent.unwrap_or(rollout.percent);
        self.allow.iter().for_each(|person| rollout.allow(person.clone()));
        self.deny.iter().for_each(|person| rollout.deny(person.clone()));
        self.unlist.iter().for_each(|person| rollout.unlist(person));
    }
}

/// For the audit: `25 %, allow ada, deny bob grace`.
impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lists = [("allow", &self.allow), ("deny", &self.deny), ("unlist", &self.unlist)];
        let lists = lists.into_iter().filter(|(_, people)| !people.is_empty()).map(|(what, people)| {
            let subjects = people.iter().map(|person| format!(" {}", person.subject));
            format!("{what}{}", subjects.collect::<String>())
        });
        let parts: Vec<String> = self.percent.map(|percent| percent.to_string()).into_iter().chain(lists).collect();
        f.write_str(&parts.join(", "))
    }
}

fn people(field: &str, issuer: &str, subjects: Vec<String>) -> Result<Vec<Person>, Rejection> {
    let person = |subject: String| match admitone::principal::Principal::new(issuer, &subject, None) {
        Ok(_) => Ok(Person::new(issuer, &subject)),
        Err(error) => Err(wrong(field, &error.to_string())),
    };
    subjects.into_iter().map(person).collect()
}

fn refused(error: &ChangeError, route: &Route, wanted: &Wanted) -> Rejection {
    let field = match error {
        ChangeError::LocksOut if wanted.deny.is_empty() => "percent",
        ChangeError::LocksOut => "deny",
        _ => "allow",
    };
    let detail = match error {
        ChangeError::LocksOut => format!(
            "who gets no ticket could not connect at all: {} has jwt_fallback = \"deny\"; set it to \"warn\" or \"allow\" \
             first, or let everybody have tickets",
            route.path
        ),
        error => error.to_string(),
    };
    wrong(field, &detail)
}

fn shown(app: &App, route: &Route, now: Now) -> Value {
    let setting = app.rollouts.of(&route.path);
    let rule = setting.as_ref().map(|setting| setting.rollout.clone()).unwrap_or_default();
    let terms = &route.rollout;
    let seen = app.rollouts.seen(&route.path, terms.watch.window, now);
    json!({
        "route": &*route.path,
        "percent": rule.percent.get(),
        "allow": listed(&rule.allow),
        "deny": listed(&rule.deny),
        "revision": setting.as_ref().map_or(0, |setting| setting.revision),
        "changed": setting.as_ref().map(|setting| json!({
            "by": setting.by.name(),
            "at": setting.at,
            "node": setting.node,
        })),
        "kept": app.rollouts.is_kept(&route.path),
        "jwt_fallback": route.jwt_fallback.name(),
        "shadow": terms.shadow,
        "guard": {
            "action": route.on_failures(setting.is_some()).name(),
            "window_seconds": terms.watch.window.as_secs(),
            "threshold_percent": terms.watch.threshold.get(),
            "minimum": terms.watch.minimum,
            "worked": seen.worked,
            "failed": seen.failed,
            "tripped": setting.as_ref().and_then(|setting| setting.trip.as_ref()).map(tripped),
        },
    })
}

fn listed(people: &People) -> Vec<Value> {
    people.iter().map(|person| json!({ "issuer": person.issuer, "subject": person.subject })).collect()
}

fn tripped(trip: &Trip) -> Value {
    json!({
        "at": trip.at,
        "node": trip.node,
        "worked": trip.worked,
        "failed": trip.failed,
        "percent_before": trip.before.get(),
    })
}
