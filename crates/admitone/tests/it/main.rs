//! The library through its public doors.
#![cfg(all(feature = "server", feature = "authn"))]

mod admission;
mod properties;
mod sessions;
mod store_contract;
mod vectors;
mod world;
