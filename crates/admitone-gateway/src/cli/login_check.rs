use std::path::Path;
use std::process::ExitCode;

use admitone::authn::explanation::{Outcome, Step};
use admitone::now::Now;
use admitone::principal::Login;
use admitone_gateway::config::{self, Config};
use admitone_gateway::logins::{Logins, NoLogin};
use admitone_gateway::routes::Routes;
use serde::Serialize;

use super::{fail, stdout_style};

/// What is known in the end.
#[derive(Serialize)]
struct Report {
    accepted: bool,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    steps: Vec<Step>,
    routes: Vec<OnRoute>,
}

#[derive(Serialize)]
struct OnRoute {
    route: String,
    /// None where a ticket can be minted.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    jwt_fallback: &'static str,
}

pub(super) async fn run(path: &Path, token: &Path, json: bool) -> ExitCode {
    let config = match Config::load(path, config::environment()) {
        Ok(config) => config,
        Err(faults) => return fail(2, &faults.to_string()),
    };
    let token = match std::fs::read_to_string(token) {
        Ok(token) => token,
        Err(error) => return fail(2, &format!("cannot read {}: {error}", token.display())),
    };
    let (routes, paths) = (Routes::new(&config), config.routes.iter().map(on_route).collect::<Vec<_>>());
    let logins = match Logins::new(config.issuers, config.chain) {
        Ok(logins) => logins,
        Err(error) => return fail(2, &error.to_string()),
    };
    let Some(credential) = logins.of_token(token.trim()) else {
        return fail(1, "no issuer of the configuration takes tokens of this form");
    };
    let judging = async {
        logins.keys_settled().await;
        let now = Now::read();
        (logins.authenticate(credential, now).await, now)
    };
    // Keys are fetched for as long as somebody may wait for them.
    let following = async {
        logins.follow_keys().await;
        std::future::pending().await
    };
    let (judged, now) = tokio::select! {
        judged = judging => judged,
        never = following => never,
    };
    let report = Report {
        accepted: judged.is_ok(),
        source: credential.source().name(),
        reason: judged.as_ref().err().map(ToString::to_string),
        steps: logins.explain(credential, &judged, now),
        routes: judged.as_ref().map(|login| routes_for(login, &routes, paths)).unwrap_or_default(),
    };
    print(&report, json);
    match judged {
        Ok(_) => ExitCode::SUCCESS,
        Err(NoLogin::Unavailable { .. }) => ExitCode::from(2),
        Err(_) => ExitCode::from(1),
    }
}

fn on_route(route: &config::Route) -> (String, &'static str) {
    (route.path.as_str().to_owned(), route.jwt_fallback.name())
}

fn routes_for(login: &Login, routes: &Routes, paths: Vec<(String, &'static str)>) -> Vec<OnRoute> {
    let on = |(path, jwt_fallback): (String, &'static str)| {
        let refused = routes.find(&path).and_then(|route| route.check_login(login).err());
        OnRoute { route: path, refused: refused.map(|refused| refused.to_string()), jwt_fallback }
    };
    paths.into_iter().map(on).collect()
}

fn print(report: &Report, json: bool) {
    if json {
        println!("{}", serde_json::to_string(report).unwrap_or_default());
        return;
    }
    for step in &report.steps {
        let mark = match step.outcome {
            Outcome::Passed => stdout_style("32", "passed"),
            Outcome::Failed => stdout_style("1;31", "FAILED"),
            Outcome::NotReached => "      ".to_owned(),
        };
        println!("{mark}  {:<10} {}", step.step, step.detail);
    }
    match &report.reason {
        None => println!("a login, by {}", report.source),
        Some(reason) => println!("no login, by {}: {reason}", report.source),
    }
    for route in &report.routes {
        let mints = route.refused.as_deref().unwrap_or("mints a ticket");
        println!("  {}: {mints}; jwt_fallback = {}", route.route, route.jwt_fallback);
    }
}
