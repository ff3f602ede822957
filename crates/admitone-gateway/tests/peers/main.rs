//! The gateway among programs that others wrote.

mod autobahn;
#[path = "../it/client.rs"]
#[allow(dead_code, reason = "another test's, which uses all of it")]
mod client;
mod deploy;
mod openapi;
#[path = "../../../admitone/tests/redis/ports.rs"]
mod ports;
mod proxies;
mod proxy;
#[path = "../it/tokens.rs"]
#[allow(dead_code, reason = "another test's, which uses all of it")]
mod tokens;
#[path = "../it/upstream.rs"]
#[allow(dead_code, reason = "another test's, which uses all of it")]
mod upstream;
#[path = "../it/world.rs"]
#[allow(dead_code, reason = "another test's, which uses all of it")]
mod world;
