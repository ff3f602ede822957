//! The fields of requests' bodies: read, refused and described by the same tables.

mod kinds;

use admitone::problem::FieldFault;
use serde_json::{Map, Value, json};

use super::App;
use super::shape::described;
use crate::rejection::Rejection;

pub(super) use kinds::{AnyText, CappedSeconds, JsonObject, PermissionList, RouteName, Seconds, Switch};

/// What a field may hold.
pub(super) trait Kind: Sync {
    /// What it means.
    type Value;

    /// What `value` means, or else what would be right.
    fn read(&self, app: &App, value: &Value) -> Result<Self::Value, String>;

    /// The JSON Schema of everything that `read` takes.
    fn shape(&self, app: &App) -> Value;
}

/// One field of a body.
pub(super) struct Field<K> {
    name: &'static str,
    about: &'static str,
    kind: K,
    is_needed: bool,
    is_nullable: bool,
    default: Option<fn(&App) -> Value>,
}

impl<K> Field<K> {
    pub(super) const fn new(name: &'static str, about: &'static str, kind: K) -> Self {
        Self { name, about, kind, is_needed: false, is_nullable: false, default: None }
    }

    /// It has to be there.
    pub(super) const fn needed(mut self) -> Self {
        self.is_needed = true;
        self
    }

    /// `null` means the same as its absence.
    pub(super) const fn or_null(mut self) -> Self {
        self.is_nullable = true;
        self
    }

    /// What its absence means, for the description.
    pub(super) const fn by_default(mut self, default: fn(&App) -> Value) -> Self {
        self.default = Some(default);
        self
    }
}

/// A field, whatever it holds.
pub(super) trait Described: Sync {
    fn name(&self) -> &'static str;
    fn is_needed(&self) -> bool;
    fn shape(&self, app: &App) -> Value;
}

impl<K: Kind> Described for Field<K> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn is_needed(&self) -> bool {
        self.is_needed
    }

    fn shape(&self, app: &App) -> Value {
        let shape = self.kind.shape(app);
        let shape = if self.is_nullable { json!({ "anyOf": [shape, { "type": "null" }] }) } else { shape };
        let mut shape = described(shape, self.about);
        if let Some(default) = self.default.map(|default| default(app)).filter(|default| !default.is_null()) {
            shape["default"] = default;
        }
        shape
    }
}

/// All fields of a body.
pub(super) type Fields = &'static [&'static dyn Described];

/// Reads a body's fields, and finds all that is wrong with them.
pub(super) struct Reader<'a> {
    app: &'a App,
    table: Fields,
    body: &'a Map<String, Value>,
    faults: Vec<FieldFault>,
}

impl<'a> Reader<'a> {
    /// Of a body that may have the fields of `table` alone.
    pub(super) fn strict(app: &'a App, table: Fields, body: &'a Map<String, Value>) -> Self {
        let mut reader = Self::lenient(app, table, body);
        for name in body.keys().filter(|name| table.iter().all(|field| field.name() != name.as_str())) {
            reader.fault(name, no_such_field(table));
        }
        reader
    }

    /// Of a body whose other fields are nobody's business.
    pub(super) const fn lenient(app: &'a App, table: Fields, body: &'a Map<String, Value>) -> Self {
        Self { app, table, body, faults: Vec::new() }
    }

    /// What a field means; `None` where it is absent or wrong.
    pub(super) fn read<K: Kind>(&mut self, field: &Field<K>) -> Option<K::Value> {
        debug_assert!(self.table.iter().any(|known| known.name() == field.name), "{} is in no table", field.name);
        let value = self.body.get(field.name).filter(|value| !(field.is_nullable && value.is_null()));
        let Some(value) = value else {
            if field.is_needed {
                self.fault(field.name, "it is needed".to_owned());
            }
            return None;
        };
        field.kind.read(self.app, value).map_err(|detail| self.fault(field.name, detail)).ok()
    }

    /// Notes that a field is wrong.
    pub(super) fn fault(&mut self, field: &str, detail: String) {
        self.faults.push(FieldFault { field: field.to_owned(), detail });
    }

    /// Ends the reading.
    pub(super) fn finish(self) -> Result<(), Rejection> {
        if self.faults.is_empty() { Ok(()) } else { Err(Rejection::Body(self.faults)) }
    }
}

fn no_such_field(table: Fields) -> String {
    let names: Vec<&str> = table.iter().map(|field| field.name()).collect();
    match *names {
        [] => "no such field; there is none".to_owned(),
        [only] => format!("no such field; there is {only}"),
        _ => format!("no such field; there are {}", names.join(", ")),
    }
}

/// The JSON Schema of a body. One that is read leniently may have other fields too.
pub(super) fn shape(app: &App, table: Fields, is_strict: bool) -> Value {
    let properties: Map<String, Value> =
        table.iter().map(|field| (field.name().to_owned(), field.shape(app))).collect();
    let mut shape = json!({ "type": "object", "properties": properties });
    let needed: Vec<&str> = table.iter().filter(|field| field.is_needed()).map(|field| field.name()).collect();
    if !needed.is_empty() {
        shape["required"] = json!(needed);
    }
    if is_strict {
        shape["additionalProperties"] = false.into();
    }
    shape
}
