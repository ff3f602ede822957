//! `/admin/`: the operators' page. It holds nothing of the gateway's: what it shows it asks for, with the cookie of whoever has
//! signed in.

use std::sync::Arc;

use axum::Router;
use axum::response::Redirect;
use axum::routing::{MethodRouter, get};
use http::header::CONTENT_TYPE;

use super::Admin;

const INDEX: &str = include_str!("../../pages/console/index.html");
const SCRIPT: &str = include_str!("../../pages/console/console.js");
const STYLE: &str = include_str!("../../pages/console/style.css");
const ICON: &str = include_str!("../../pages/console/favicon.svg");

pub(super) fn router() -> Router<Arc<Admin>> {
    Router::new()
        .route("/admin", get(async || Redirect::permanent("/admin/")))
        .route("/admin/", file("text/html; charset=utf-8", INDEX))
        .route("/admin/console.js", file("text/javascript; charset=utf-8", SCRIPT))
        .route("/admin/style.css", file("text/css; charset=utf-8", STYLE))
        .route("/admin/favicon.svg", file("image/svg+xml", ICON))
}

fn file(media_type: &'static str, text: &'static str) -> MethodRouter<Arc<Admin>> {
    get(async move || ([(CONTENT_TYPE, media_type)], text))
}
