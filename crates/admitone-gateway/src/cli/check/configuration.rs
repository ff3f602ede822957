//! `admitone check --config FILE`.

use std::path::Path;
use std::process::ExitCode;

use admitone_gateway::config::{self, Config, StoreKind};
use admitone_gateway::logins::Logins;
use serde_json::{Value, json};

use super::super::{fail, stdout_style};

/// Loads it as `serve` does, files and variables included, and starts nothing.
pub(super) fn check(path: &Path, as_json: bool) -> ExitCode {
    let config = match Config::load(path, config::environment()) {
        Ok(config) => config,
        Err(faults) => {
            return match serde_json::to_value(&faults) {
                Ok(list) if as_json => refused(&list),
                _ => {
                    eprintln!("{faults}");
                    ExitCode::from(2)
                }
            };
        }
    };
    let told = told(&config);
    let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    // What is found out only when the parts are made.
    if let Err(error) = Logins::new(config.issuers, config.chain) {
        let problem = error.to_string();
        return match as_json {
            true => refused(&json!([{ "file": path.display().to_string(), "problem": problem }])),
            false => fail(2, &problem),
        };
    }
    if as_json {
        let mut told = told;
        told["accepted"] = true.into();
        told["warnings"] = warnings.into();
        println!("{told}");
    } else {
        for warning in &warnings {
            println!("{} {warning}", stdout_style("1;33", "warning:"));
        }
        print(&told);
    }
    ExitCode::SUCCESS
}

fn refused(faults: &Value) -> ExitCode {
    println!("{}", json!({ "accepted": false, "faults": faults }));
    ExitCode::from(2)
}

fn told(config: &Config) -> Value {
    let routes = config.routes.iter().map(|route| {
        let origins: Vec<&str> = route.origins.iter().map(config::WebOrigin::as_str).collect();
        let upstreams: Vec<String> = route.upstreams.iter().map(ToString::to_string).collect();
        json!({ "path": route.path.as_str(), "upstreams": upstreams, "origins": origins })
    });
    json!({
        "listen": config.server.listen.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "store": if matches!(config.store.kind, StoreKind::Memory) { "memory" } else { "redis" },
        "issuers": config.issuers.iter().map(|issuer| issuer.issuer.clone()).collect::<Vec<_>>(),
        "routes": routes.collect::<Vec<_>>(),
        "admin": config.admin.as_ref().map(|admin| admin.listen.iter().map(ToString::to_string).collect::<Vec<_>>()),
    })
}

fn print(told: &Value) {
    let list = |value: &Value| {
        let parts = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        parts.collect::<Vec<_>>().join(", ")
    };
    println!("{} the configuration is sound", stdout_style("1;32", "accepted:"));
    println!("  listens   {}", list(&told["listen"]));
    println!("  store     {}", told["store"].as_str().unwrap_or_default());
    println!("  issuers   {}", list(&told["issuers"]));
    for route in told["routes"].as_array().into_iter().flatten() {
        let path = route["path"].as_str().unwrap_or_default();
        // A route of forward-auth alone has none.
        let upstreams = match list(&route["upstreams"]) {
            none if none.is_empty() => "no upstream".to_owned(),
            upstreams => upstreams,
        };
        println!("  route     {path} to {upstreams}, from {}", list(&route["origins"]));
    }
    let operators = match &told["admin"] {
        Value::Null => "nobody ([admin] is absent)".to_owned(),
        listen => list(listen),
    };
    println!("  operators {operators}");
}
