use admitone::grant::SessionId;
use admitone::problem::FieldFault;
use axum::body::Body;
use http::HeaderMap;
use serde_json::{Map, Value};

use crate::http::body;
use crate::rejection::Rejection;

/// The fields of a request's body, all of which are known.
pub(super) struct Fields(Map<String, Value>);

/// Reads a body that may have these fields.
pub(super) async fn read(headers: &HeaderMap, body: Body, known: &[&str]) -> Result<Fields, Rejection> {
    let fields = body::object(headers, body).await?;
    let unknown = fields.keys().filter(|field| !known.contains(&field.as_str()));
    let detail = format!("no such field; there are {}", known.join(", "));
    let faults: Vec<_> = unknown.map(|field| fault(field, &detail)).collect();
    if faults.is_empty() { Ok(Fields(fields)) } else { Err(Rejection::Body(faults)) }
}

pub(super) fn fault(field: &str, detail: &str) -> FieldFault {
    FieldFault { field: field.to_owned(), detail: detail.to_owned() }
}

pub(super) fn wrong(field: &str, detail: &str) -> Rejection {
    Rejection::Body(vec![fault(field, detail)])
}

impl Fields {
    pub(super) fn has(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// A string that is not empty.
    pub(super) fn text(&self, field: &str) -> Result<Option<String>, Rejection> {
        match self.0.get(field) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
            Some(_) => Err(wrong(field, "a string is needed")),
        }
    }

    pub(super) fn required(&self, field: &str) -> Result<String, Rejection> {
        self.text(field)?.ok_or_else(|| wrong(field, "a string is needed"))
    }

    /// A list of strings that are not empty, or one alone; empty where it is absent.
    pub(super) fn texts(&self, field: &str) -> Result<Vec<String>, Rejection> {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let texts = match self.0.get(field) {
            None => return Ok(Vec::new()),
            Some(Value::Array(values)) => values.iter().map(text).collect::<Option<Vec<_>>>(),
            Some(value) => text(value).map(|only| vec![only]),
        };
        texts.filter(|texts| !texts.is_empty()).ok_or_else(|| wrong(field, "a list of strings is needed"))
    }

    /// A whole number.
    pub(super) fn number(&self, field: &str) -> Result<Option<u64>, Rejection> {
        match self.0.get(field) {
            None => Ok(None),
            // What is no whole number is too large a one, for whoever knows the limit.
            Some(value) => Ok(Some(value.as_u64().unwrap_or(u64::MAX))),
        }
    }

    /// A connection's public handle, which has to be there.
    pub(super) fn session_id(&self) -> Result<SessionId, Rejection> {
        let text = self.required("session_id")?;
        SessionId::parse(&text).map_err(|error| wrong("session_id", &error.to_string()))
    }

    /// A time in Unix seconds.
    pub(super) fn time(&self, field: &str) -> Result<Option<u64>, Rejection> {
        match self.0.get(field) {
            None => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or_else(|| wrong(field, "a time in Unix seconds is needed")),
        }
    }

    pub(super) fn is_true(&self, field: &str) -> Result<bool, Rejection> {
        match self.0.get(field) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(_) => Err(wrong(field, "true or false is needed")),
        }
    }
}
