//! Admission inside a server: doors, endpoints, and an axum router.

mod client;
mod doors;
mod endpoints;
mod extended;
mod handlers;
mod logins;
mod refusals;
mod router;
mod site;
