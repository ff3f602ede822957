//! The gateway through its public doors: real sockets, real upstreams, and the real binary.

mod aborted;
mod admin;
mod algorithms;
mod aliases;
mod application_sessions;
mod asking;
mod assertions;
mod audit;
mod backchannel;
mod broken_take;
mod carriers;
mod check_command;
mod client;
mod clock;
mod configuration;
mod connect_command;
mod console;
mod dialling;
#[path = "../history/dice.rs"]
#[allow(dead_code, reason = "the histories use all of it")]
mod dice;
mod ending;
mod event_streams;
mod exhaustion;
mod fallback;
mod forward_auth;
mod full_store;
mod handshake;
mod http2;
mod http2_floods;
mod http2_heads;
mod identity;
mod idp;
mod introspection;
#[path = "../../../admitone/tests/redis/late.rs"]
mod late;
mod limits;
mod login_check;
mod meddler;
mod mint_requests;
mod minting;
mod multi_use;
mod native_client;
#[path = "../../../admitone-client/examples/native.rs"]
#[allow(dead_code, reason = "a test runs what its main runs")]
mod native_example;
mod operating;
mod origins;
#[path = "../../../admitone/tests/redis/ports.rs"]
mod ports;
mod process;
mod published_keys;
mod races;
mod redeeming;
mod refusals;
mod reloading;
mod renewing;
mod replays;
mod requests;
mod rollout;
mod rollout_command;
mod rollout_files;
mod rollout_guard;
mod secrecy;
#[path = "../../../admitone/tests/redis/servers.rs"]
#[allow(dead_code, reason = "the library's tests use all of it")]
mod servers;
mod serving;
mod shadow;
mod shared_store;
mod stalled;
mod tls;
mod tokens;
mod traces;
mod upstream;
mod upstream_faults;
mod verify_jws;
mod world;
