//! The library through its public doors.
#![cfg(all(feature = "server", feature = "authn"))]

mod admission;
mod asking;
mod directory_contract;
#[cfg(all(feature = "axum", feature = "http2"))]
mod embedding;
mod handles;
mod logins;
mod multi_use;
mod outage;
mod properties;
mod randomness;
mod rehearsals;
mod renewing;
mod replays;
mod revocation_contract;
mod rollout;
mod rollout_nodes;
mod sessions;
mod settings_contract;
mod store_contract;
mod vectors;
mod world;
mod wycheproof;
