//! The gateway among programs that others wrote.

mod autobahn;
mod checking;
#[path = "../it/client.rs"]
#[allow(dead_code, reason = "another test's, which uses all of it")]
mod client;
mod deploy;
mod forward_auth;
mod in_front;
mod monitoring;
mod openapi;
#[path = "../../../admitone/tests/redis/ports.rs"]
mod ports;
mod proxies;
mod proxy;
mod recipe;
mod scene;
mod secure;
#[path = "../it/tokens.rs"]
#[allow(dead_code, reason = "another test's, which uses all of it")]
mod tokens;
mod traces;
#[path = "../it/upstream.rs"]
#[allow(dead_code, reason = "another test's, which uses all of it")]
mod upstream;
#[path = "../it/world.rs"]
#[allow(dead_code, reason = "another test's, which uses all of it")]
mod world;
