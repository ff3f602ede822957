//! The shapes of what is read and written, as JSON Schema says them: each is told by the type that is written, or by the table that
//! reads.

use serde_json::{Map, Value, json};

/// Something whose JSON always has the same shape.
pub(super) trait Shaped {
    /// Its JSON Schema.
    fn shape() -> Value;
}

impl Shaped for str {
    fn shape() -> Value {
        json!({ "type": "string" })
    }
}

impl Shaped for String {
    fn shape() -> Value {
        str::shape()
    }
}

impl Shaped for bool {
    fn shape() -> Value {
        json!({ "type": "boolean" })
    }
}

impl Shaped for u64 {
    fn shape() -> Value {
        json!({ "type": "integer", "minimum": 0 })
    }
}

impl Shaped for f64 {
    fn shape() -> Value {
        json!({ "type": "number" })
    }
}

impl Shaped for Map<String, Value> {
    fn shape() -> Value {
        json!({ "type": "object" })
    }
}

impl<T: Shaped + ?Sized> Shaped for &T {
    fn shape() -> Value {
        T::shape()
    }
}

impl<T: Shaped> Shaped for Vec<T> {
    fn shape() -> Value {
        json!({ "type": "array", "items": T::shape() })
    }
}

impl<T: Shaped, const N: usize> Shaped for [T; N] {
    fn shape() -> Value {
        json!({ "type": "array", "items": T::shape(), "minItems": N, "maxItems": N })
    }
}

impl<T: Shaped> Shaped for Option<T> {
    fn shape() -> Value {
        json!({ "anyOf": [T::shape(), { "type": "null" }] })
    }
}

/// The shape of an object that always has all of these members: name, what it is, shape.
pub(super) fn object(members: impl IntoIterator<Item = (&'static str, &'static str, Value)>) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, about, shape) in members {
        properties.insert(name.to_owned(), described(shape, about));
        required.push(name);
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

/// A shape and what it is, before what it says of itself.
pub(super) fn described(mut shape: Value, about: &str) -> Value {
    let of_itself = shape.get("description").and_then(Value::as_str).unwrap_or_default();
    let whole = format!("{} {of_itself}", about.trim()).trim().to_owned();
    if !whole.is_empty() {
        shape["description"] = whole.into();
    }
    shape
}

/// A struct that is written as JSON, and its shape, from the same lines. Their comments are the descriptions.
macro_rules! written {
    (
        $(#[doc = $about:literal])*
        $vis:vis struct $name:ident $(<$life:lifetime>)? {
            $($(#[doc = $member_about:literal])* $member:ident: $kind:ty,)*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(serde::Serialize)]
        $vis struct $name $(<$life>)? {
            $($(#[doc = $member_about])* $member: $kind,)*
        }

        impl $(<$life>)? $crate::http::shape::Shaped for $name $(<$life>)? {
            fn shape() -> serde_json::Value {
                $crate::http::shape::object([
                    $((
                        stringify!($member),
                        concat!($($member_about),*),
                        <$kind as $crate::http::shape::Shaped>::shape(),
                    ),)*
                ])
            }
        }
    };
}

pub(super) use written;

#[cfg(test)]
mod tests {
    use super::*;

    written! {
        /// Of a test.
        struct Answer<'a> {
            /// Who.
            name: &'a str,
            ages: Option<Vec<u64>>,
        }
    }

    #[test]
    fn what_is_written_has_the_shape_that_is_told() {
        let written = serde_json::to_value(Answer { name: "ada", ages: None }).expect("JSON");
        assert_eq!(written, json!({ "name": "ada", "ages": null }));
        let ages = json!({
            "anyOf": [{ "type": "array", "items": { "type": "integer", "minimum": 0 } }, { "type": "null" }],
        });
        assert_eq!(
            Answer::shape(),
            json!({
                "type": "object",
                "properties": { "name": { "type": "string", "description": "Who." }, "ages": ages },
                "required": ["name", "ages"],
            })
        );
    }
}
