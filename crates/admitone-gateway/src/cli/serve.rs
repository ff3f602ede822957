use std::path::Path;
use std::process::ExitCode;

use admitone_gateway::config::{self, Config};
use admitone_gateway::gateway::Gateway;
use admitone_gateway::log;

use super::{fail, shutdown};

pub(super) async fn run(path: &Path, json: bool) -> ExitCode {
    let config = match Config::load(path, config::environment()) {
        Ok(config) => config,
        Err(faults) => {
            match serde_json::to_string(&faults) {
                Ok(list) if json => println!("{list}"),
                _ => eprintln!("{faults}"),
            }
            return ExitCode::from(2);
        }
    };
    let _log = log::start(&config.log);
    for warning in &config.warnings {
        tracing::warn!(%warning, "configuration");
    }
    if config.tickets.keys.is_none() {
        tracing::info!("ticket keys are random: tickets of this process work in this process only");
    }
    let gateway = match Gateway::bind(config).await {
        Ok(gateway) => gateway.reloading(path),
        Err(error) => return fail(1, &error.to_string()),
    };
    // Whoever reads that it listens may end it from then on.
    let requests = shutdown::listen();
    for address in gateway.addresses() {
        tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
    }
    for address in gateway.admin_addresses() {
        tracing::info!(%address, "listening for operators");
    }
    shutdown::run(gateway.run(requests.first), requests.second).await
}
