//! JSON text -> the same JSON with sorted keys and without spaces (contract 1.1.6).
//!
//! Works on the text instead of parsed values, because everything but keys and spaces has to stay as it came: a
//! number keeps all of its digits, `1.0` does not become `1`, and an escape in a string stays an escape.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;
use serde_json::value::RawValue;

/// Deeper nesting than any message has. Each level is scanned once more than the one around it, so without a limit a
/// body of brackets would cost the square of its length.
const MAX_DEPTH: usize = 128;

/// A key with its escapes resolved, by which it is sorted.
#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(transparent)]
pub(super) struct Key<'t>(#[serde(borrow)] pub Cow<'t, str>);

/// The members of an object; of a repeated key the last one counts.
pub(super) type Members<'t> = BTreeMap<Key<'t>, &'t RawValue>;

/// Appends `value` to `out`.
pub(super) fn write(value: &RawValue, out: &mut String) -> serde_json::Result<()> {
    write_nested(value.get(), out, MAX_DEPTH)
}

/// Appends `text` as a JSON string.
pub(super) fn write_string(text: &str, out: &mut String) -> serde_json::Result<()> {
    out.push_str(&serde_json::to_string(text)?);
    Ok(())
}

fn write_nested(text: &str, out: &mut String, depth: usize) -> serde_json::Result<()> {
    let deeper = || depth.checked_sub(1).ok_or_else(|| serde::de::Error::custom("nested too deeply"));
    match text.as_bytes().first() {
        Some(b'{') => {
            let depth = deeper()?;
            let members: Members = serde_json::from_str(text)?;
            out.push('{');
            for (position, (key, value)) in members.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_string(&key.0, out)?;
                out.push(':');
                write_nested(value.get(), out, depth)?;
            }
            out.push('}');
        }
        Some(b'[') => {
            let depth = deeper()?;
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_nested(item.get(), out, depth)?;
            }
            out.push(']');
        }
        // A scalar as it came; a raw value has no spaces around it.
        _ => out.push_str(text),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn canonical(text: &str) -> serde_json::Result<String> {
        let mut out = String::new();
        write(serde_json::from_str(text)?, &mut out)?;
        Ok(out)
    }

    #[test]
    fn keys_are_sorted_at_every_depth_and_spaces_go() {
        let text = r#" { "b" : [ 1 , { "z" : null , "a" : true } ] , "a" : { "y" : "x y" , "x" : { } } } "#;
        assert_eq!(canonical(text).unwrap(), r#"{"a":{"x":{},"y":"x y"},"b":[1,{"a":true,"z":null}]}"#);
    }

    #[test]
    fn numbers_and_strings_keep_their_spelling() {
        let text = r#"[1.0,1e5,1E+05,-0.0,123456789012345678901234567890,0.1000000000000000000001,"\u00e9","é","\/"]"#;
        assert_eq!(canonical(text).unwrap(), text);
    }

    #[test]
    fn a_repeated_key_counts_once_even_if_it_is_spelt_differently() {
        assert_eq!(canonical(r#"{"a":1,"\u0061":2}"#).unwrap(), r#"{"a":2}"#);
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(canonical(&nested(MAX_DEPTH)).is_ok());
        assert!(canonical(&nested(MAX_DEPTH + 1)).is_err());
        assert!(canonical(&nested(200_000)).is_err());
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_value_stays_the_same(value in json()) {
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let canonical = canonical(&pretty).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&canonical).unwrap(), value);
        }
    }
}
