//! Tickets and revocations in real servers: standalone, Sentinel, Cluster.
//!
//! They are Redis servers on the PATH, or those of the program that `ADMITONE_REDIS_SERVER` names.

mod cancelling;
mod contract;
mod control;
mod directory;
#[path = "../it/directory_contract.rs"]
mod directory_contract;
mod faults;
mod fence;
mod greeting;
mod late;
mod nameless;
mod nodes;
mod ports;
mod races;
#[path = "../it/revocation_contract.rs"]
mod revocation_contract;
mod revocations;
mod rollouts;
mod roster;
mod secrecy;
mod servers;
#[path = "../it/settings_contract.rs"]
mod settings_contract;
mod slots;
#[path = "../it/store_contract.rs"]
mod store_contract;
mod tls;
#[expect(dead_code, reason = "it builds worlds for other suites, too")]
#[path = "../it/world.rs"]
mod world;
