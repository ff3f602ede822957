//! `GET /openapi.json`: every endpoint of this gateway, as the tables say that route and check it.

use std::collections::BTreeMap;
use std::sync::Arc;

use admitone::problem::{MEDIA_TYPE, ProblemCode};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::on;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::{Map, Value, json};

use super::endpoint::{Caller, Content, Endpoint, Given, Reach, Takes, Verb, always};
use super::reply::PUBLIC;
use super::{App, endpoints, fields, problem};
use crate::logins::SessionCarrier;

const VERSION: &str = "3.1.0";

pub(super) static ENDPOINT: Endpoint = Endpoint {
    name: "openapi",
    about: "This description.",
    verb: Verb::Get,
    paths: &["/openapi.json"],
    id: None,
    caller: Caller::Anybody,
    reach: Reach::Machines,
    takes: Takes::Nothing,
    gives: &[Given::json(StatusCode::OK, "An OpenAPI description.", || json!({ "type": "object" }))],
    refuses: &[],
    is_there: always,
    handler: |by| on(by, openapi),
};

/// It changes only with the configuration.
async fn openapi(State(app): State<Arc<App>>) -> Response {
    let text = app.openapi.get_or_init(|| describe(&app).to_string().into());
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, PUBLIC)], text.clone()).into_response()
}

fn describe(app: &App) -> Value {
    let mut paths = Map::new();
    for endpoint in endpoints::of(app) {
        // What may stand behind a path cannot be said.
        for (index, path) in endpoint.paths.iter().enumerate().filter(|(_, path)| !path.contains("{*")) {
            let item = paths.entry(*path).or_insert_with(|| json!({}));
            for verb in endpoint.verb.names() {
                item[verb] = operation(app, endpoint, &name(endpoint, index, verb));
            }
        }
    }
    json!({
        "openapi": VERSION,
        "info": {
            "title": "AdmitOne",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            "description": "One ticket admits one connection. How sockets are opened with a ticket, and what close codes mean, \
                            is in spec/PROTOCOL.md.",
        },
        "servers": [{ "url": app.public_url.as_str() }],
        "paths": paths,
        "components": {
            "schemas": { "Problem": problem::shape() },
            "headers": headers(),
            "securitySchemes": security_schemes(app),
        },
    })
}

/// A name that no other operation has.
fn name(endpoint: &Endpoint, path: usize, verb: &str) -> String {
    let number = if path == 0 { String::new() } else { (path + 1).to_string() };
    match endpoint.verb {
        Verb::Any => format!("{}{number}-{verb}", endpoint.name),
        _ => format!("{}{number}", endpoint.name),
    }
}

fn operation(app: &App, endpoint: &Endpoint, name: &str) -> Value {
    let mut operation = json!({
        "operationId": name,
        "summary": endpoint.about,
        "security": security(app, endpoint.caller),
        "responses": responses(endpoint),
    });
    let mut parameters = Vec::new();
    if let Some(about) = endpoint.id {
        let schema = json!({ "type": "string", "minLength": 1 });
        parameters
            .push(json!({ "name": "id", "in": "path", "required": true, "description": about, "schema": schema }));
    }
    if let Takes::Headers(headers) = endpoint.takes {
        let header = |(name, about): &(&str, &str)| json!({ "name": name, "in": "header", "description": about, "schema": { "type": "string" } });
        parameters.extend(headers.iter().map(header));
    }
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = request_body(app, &endpoint.takes) {
        operation["requestBody"] = body;
    }
    operation
}

fn request_body(app: &App, takes: &Takes) -> Option<Value> {
    let body = |required: bool, media_type: &str, schema: Value| json!({ "required": required, "content": { media_type: { "schema": schema } } });
    match takes {
        Takes::Nothing | Takes::Headers(_) => None,
        Takes::Json(table) => {
            let is_needed = table.iter().any(|field| field.is_needed());
            Some(body(is_needed, "application/json", fields::shape(app, table, true)))
        }
        Takes::JsonNeeded(table) => Some(body(true, "application/json", fields::shape(app, table, false))),
        Takes::Form(field, about) => {
            let properties = json!({ *field: { "type": "string", "description": about } });
            let schema = json!({ "type": "object", "properties": properties, "required": [field] });
            Some(body(true, "application/x-www-form-urlencoded", schema))
        }
    }
}

fn responses(endpoint: &Endpoint) -> Value {
    let mut responses = Map::new();
    for Given { status, about, content, headers } in endpoint.gives {
        let mut response = json!({ "description": about, "headers": named_headers(&["X-Request-Id"]) });
        for name in headers.iter().copied().flatten() {
            response["headers"][name] = json!({ "schema": { "type": "string" } });
        }
        if let Some(Content { media_type, shape }) = content {
            response["content"] = json!({ *media_type: { "schema": shape() } });
        }
        responses.insert(status.as_u16().to_string(), response);
    }
    for (status, codes) in refusals(endpoint) {
        let refusal = refusal(status, &codes);
        match responses.get_mut(&status.to_string()) {
            None => {
                responses.insert(status.to_string(), refusal);
            }
            // What is said of itself with this status, and what refuses with it, differ by media type.
            Some(given) => given["content"][MEDIA_TYPE] = refusal["content"][MEDIA_TYPE].clone(),
        }
    }
    Value::Object(responses)
}

fn refusals(endpoint: &Endpoint) -> BTreeMap<u16, Vec<ProblemCode>> {
    let mut refusals: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
    for code in endpoint.codes() {
        let codes = refusals.entry(code.status().as_u16()).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    refusals
}

fn refusal(status: u16, codes: &[ProblemCode]) -> Value {
    let about: Vec<String> = codes.iter().map(|code| format!("`{}`: {}", code.name(), code.title())).collect();
    let names: Vec<&str> = codes.iter().map(|code| code.name()).collect();
    let particular = json!({ "properties": { "status": { "const": status }, "code": { "enum": names } } });
    let schema = json!({ "allOf": [{ "$ref": "#/components/schemas/Problem" }, particular] });
    let headers: &[&str] = match status {
        401 => &["X-Request-Id", "WWW-Authenticate"],
        429 | 503 => &["X-Request-Id", "Retry-After"],
        _ => &["X-Request-Id"],
    };
    json!({
        "description": about.join(" "),
        "headers": named_headers(headers),
        "content": { MEDIA_TYPE: { "schema": schema } },
    })
}

fn headers() -> Value {
    let header = |about: &str, schema: Value| json!({ "description": about, "schema": schema });
    json!({
        "X-Request-Id": header("The request's name in the gateway's log.", json!({ "type": "string" })),
        "Retry-After": header("Seconds.", json!({ "type": "integer", "minimum": 0 })),
        "WWW-Authenticate": header("RFC 6750.", json!({ "type": "string" })),
    })
}

fn named_headers(names: &[&str]) -> Value {
    let named = |name: &&str| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
    Value::Object(names.iter().map(named).collect())
}

/// Every place that this gateway's logins are presented in, by a name.
fn security_schemes(app: &App) -> Map<String, Value> {
    let mut schemes = Map::new();
    if app.logins.take_bearer() {
        schemes.insert("bearer".to_owned(), json!({ "type": "http", "scheme": "bearer" }));
    }
    for (index, carrier) in app.logins.session_carriers().enumerate() {
        let (place, name) = match carrier {
            SessionCarrier::Cookie(name) => ("cookie", name.as_str()),
            SessionCarrier::Header(name) => ("header", name.as_str()),
        };
        schemes.insert(format!("session{}", index + 1), json!({ "type": "apiKey", "in": place, "name": name }));
    }
    schemes
}

fn security(app: &App, caller: Caller) -> Value {
    let mut any: Vec<Value> = security_schemes(app).keys().map(|name| json!({ name: [] })).collect();
    match caller {
        Caller::Anybody => return json!([]),
        Caller::AnybodyOrLogin => any.push(json!({})),
        Caller::Login => {}
    }
    Value::Array(any)
}
