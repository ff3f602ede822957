//! The gateway through its public doors: real sockets, real upstreams, and the real binary.

mod asking;
mod carriers;
mod client;
mod configuration;
mod ending;
mod fallback;
mod handshake;
mod identity;
mod mint_requests;
mod minting;
mod multi_use;
mod origins;
mod process;
mod redeeming;
mod refusals;
mod renewing;
mod replays;
mod secrecy;
#[path = "../../../admitone/tests/redis/servers.rs"]
#[allow(dead_code, reason = "the library's tests use all of it")]
mod servers;
mod serving;
mod shared_store;
mod tls;
mod tokens;
mod upstream;
mod upstream_faults;
mod world;
