//! What fields may hold.

use std::sync::Arc;
use std::time::Duration;

use admitone::grant::MAX_METADATA_BYTES;
use admitone::principal::{MAX_PERMISSION_BYTES, Permissions};
use serde_json::{Value, json};

use super::Kind;
use crate::http::App;

/// A string.
pub(in crate::http) struct AnyText;

impl Kind for AnyText {
    type Value = String;

    fn read(&self, _: &App, value: &Value) -> Result<String, String> {
        value.as_str().map(str::to_owned).ok_or_else(|| "a string is needed".to_owned())
    }

    fn shape(&self, _: &App) -> Value {
        json!({ "type": "string" })
    }
}

/// `true` or `false`.
pub(in crate::http) struct Switch;

impl Kind for Switch {
    type Value = bool;

    fn read(&self, _: &App, value: &Value) -> Result<bool, String> {
        value.as_bool().ok_or_else(|| "true or false is needed".to_owned())
    }

    fn shape(&self, _: &App) -> Value {
        json!({ "type": "boolean" })
    }
}

/// A whole number of seconds, from the first to the second.
pub(in crate::http) struct Seconds(pub(in crate::http) u64, pub(in crate::http) u64);

impl Kind for Seconds {
    type Value = Duration;

    fn read(&self, _: &App, value: &Value) -> Result<Duration, String> {
        let Self(least, most) = self;
        let seconds = whole(value).filter(|seconds| (least..=most).contains(&seconds));
        seconds.map(Duration::from_secs).ok_or_else(|| format!("an integer from {least} to {most} is needed"))
    }

    fn shape(&self, _: &App) -> Value {
        json!({ "type": "integer", "minimum": self.0, "maximum": self.1 })
    }
}

/// A whole number of seconds, at least the first; what is more than the second counts as that.
pub(in crate::http) struct CappedSeconds(pub(in crate::http) u64, pub(in crate::http) u64);

impl Kind for CappedSeconds {
    type Value = Duration;

    fn read(&self, _: &App, value: &Value) -> Result<Duration, String> {
        let Self(least, cap) = *self;
        let seconds = whole(value).filter(|seconds| *seconds >= least);
        let seconds = seconds.map(|seconds| Duration::from_secs(seconds.min(cap)));
        seconds.ok_or_else(|| format!("an integer of {least} or more is needed"))
    }

    fn shape(&self, _: &App) -> Value {
        json!({ "type": "integer", "minimum": self.0 })
    }
}

/// A number without a fraction, as JSON Schema understands it: 60.0 too. What does not fit is the largest.
fn whole(value: &Value) -> Option<u64> {
    let from_float = || value.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0);
    value.as_u64().or_else(|| from_float().map(|number| number as u64))
}

/// A list of permissions.
pub(in crate::http) struct PermissionList;

impl Kind for PermissionList {
    type Value = Permissions;

    fn read(&self, _: &App, value: &Value) -> Result<Permissions, String> {
        let list = value.as_array().ok_or("a list of strings is needed")?;
        let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
        Permissions::new(texts.ok_or("a list of strings is needed")?).map_err(|error| error.to_string())
    }

    fn shape(&self, _: &App) -> Value {
        // Visible ASCII without " and \ (RFC 6749 §3.3).
        let pattern = format!(r"^[!#-\[\]-~]{{1,{MAX_PERMISSION_BYTES}}}$");
        json!({ "type": "array", "items": { "type": "string", "pattern": pattern } })
    }
}

/// An object that is the application's own.
pub(in crate::http) struct JsonObject;

impl Kind for JsonObject {
    type Value = Arc<str>;

    fn read(&self, _: &App, value: &Value) -> Result<Arc<str>, String> {
        if !value.is_object() {
            return Err("an object is needed".to_owned());
        }
        let json = value.to_string();
        if json.len() > MAX_METADATA_BYTES {
            return Err(format!("at most {MAX_METADATA_BYTES} bytes of JSON; this is {}", json.len()));
        }
        Ok(Arc::from(json))
    }

    fn shape(&self, _: &App) -> Value {
        json!({ "type": "object", "description": format!("At most {MAX_METADATA_BYTES} bytes as JSON.") })
    }
}

/// A route: its path, or the URL of its sockets.
pub(in crate::http) struct RouteName;

impl Kind for RouteName {
    type Value = String;

    fn read(&self, app: &App, value: &Value) -> Result<String, String> {
        let text = value.as_str().ok_or("a string is needed, a path such as \"/chat\"")?;
        if text.starts_with('/') {
            return Ok(text.to_owned());
        }
        let base = app.public_url.socket_url("");
        match text.strip_prefix(&base) {
            Some(path) if path.starts_with('/') => Ok(path.to_owned()),
            _ => Err(format!("a path, or a URL that begins {base}/, is needed")),
        }
    }

    fn shape(&self, app: &App) -> Value {
        let base = app.public_url.socket_url("").replace('.', r"\.").replace('[', r"\[").replace(']', r"\]");
        json!({ "type": "string", "pattern": format!("^({base})?/") })
    }
}
