//! JSON text -> the same JSON with sorted keys and without spaces (contract 1.1.6).
//!
//! Works on the text instead of parsed values, because everything but keys and spaces has to stay as it came: a
//! number keeps all of its digits, `1.0` does not become `1`, and an escape in a string stays an escape.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;
use serde_json::value::RawValue;

/// Deeper nesting than any message has: a limit for the recursion.
pub(super) const MAX_DEPTH: usize = 128;

/// What the error says of more.
pub(super) const TOO_DEEP: &str = "nested too deeply";

/// A key with its escapes resolved, by which it is sorted.
#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(transparent)]
pub(super) struct Key<'t>(#[serde(borrow)] pub Cow<'t, str>);

/// The members of an object; of a repeated key the last one counts.
pub(super) type Members<'t> = BTreeMap<Key<'t>, &'t RawValue>;

/// Appends `value` to `out`, in time that grows with its length and not with its depth: one look finds where everything
/// nested ends, so that nothing is searched for its end again at every level around it.
pub(super) fn write(value: &RawValue, out: &mut String) -> serde_json::Result<()> {
    let text = value.get();
    Text { text, nested: &nested(text) }.write(Place { start: 0, nested: 0 }, out, MAX_DEPTH)
}

/// Appends `text` as a JSON string.
pub(super) fn write_string(text: &str, out: &mut String) -> serde_json::Result<()> {
    out.push_str(&serde_json::to_string(text)?);
    Ok(())
}

/// An object or an array: where it ends, and how many there are up to its end, itself among them.
#[derive(Debug, Clone, Copy, Default)]
struct Nested {
    end: usize,
    before_next: usize,
}

/// All of them in a valid text, in the order in which they begin.
fn nested(text: &str) -> Vec<Nested> {
    let bytes = text.as_bytes();
    let (mut all, mut open) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => {
                open.push(all.len());
                all.push(Nested::default());
            }
            b'}' | b']' => {
                let before_next = all.len();
                if let Some(nested) = open.pop().and_then(|number| all.get_mut(number)) {
                    *nested = Nested { end: at + 1, before_next };
                }
            }
            b'"' => at = end_of_string(bytes, at) - 1,
            _ => {}
        }
        at += 1;
    }
    all
}

/// Past the closing quote of the string that begins at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Where a value begins, and the number of the first object or array from there on.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: usize,
    nested: usize,
}

/// A valid text and what is nested in it.
struct Text<'t> {
    text: &'t str,
    nested: &'t [Nested],
}

impl<'t> Text<'t> {
    fn write(&self, place: Place, out: &mut String, depth: usize) -> serde_json::Result<()> {
        let deeper = || depth.checked_sub(1).ok_or_else(|| serde::de::Error::custom(TOO_DEEP));
        match self.byte(place.start) {
            b'{' => {
                let depth = deeper()?;
                out.push('{');
                for (position, (key, value)) in self.members(place)?.into_iter().enumerate() {
                    if position > 0 {
                        out.push(',');
                    }
                    write_string(&key.0, out)?;
                    out.push(':');
                    self.write(value, out, depth)?;
                }
                out.push('}');
            }
            b'[' => {
                let depth = deeper()?;
                out.push('[');
                let mut item = self.next(place.start + 1, place.nested + 1);
                while self.byte(item.start) != b']' {
                    self.write(item, out, depth)?;
                    item = self.after(item);
                    if self.byte(item.start) == b',' {
                        out.push(',');
                        item = self.next(item.start + 1, item.nested);
                    }
                }
                out.push(']');
            }
            // A scalar as it came.
            _ => out.push_str(self.slice(place.start, self.end(place))),
        }
        Ok(())
    }

    /// Where the members of an object begin; of a repeated key the last one counts.
    fn members(&self, object: Place) -> serde_json::Result<BTreeMap<Key<'t>, Place>> {
        let mut members = BTreeMap::new();
        let mut key = self.next(object.start + 1, object.nested + 1);
        while self.byte(key.start) == b'"' {
            let end = self.end(key);
            let name: Key<'t> = serde_json::from_str(self.slice(key.start, end))?;
            let colon = self.next(end, key.nested);
            let value = self.next(colon.start + 1, key.nested);
            members.insert(name, value);
            key = self.after(value);
            if self.byte(key.start) == b',' {
                key = self.next(key.start + 1, key.nested);
            }
        }
        Ok(members)
    }

    /// What follows `value`: a comma or the end of what is around it.
    fn after(&self, value: Place) -> Place {
        let nested = match self.byte(value.start) {
            b'{' | b'[' => self.nested.get(value.nested).map_or(value.nested, |nested| nested.before_next),
            _ => value.nested,
        };
        self.next(self.end(value), nested)
    }

    /// Past the end of `value`.
    fn end(&self, value: Place) -> usize {
        let bytes = self.text.as_bytes();
        match self.byte(value.start) {
            b'{' | b'[' => self.nested.get(value.nested).map_or(bytes.len(), |nested| nested.end),
            b'"' => end_of_string(bytes, value.start),
            _ => {
                let rest = bytes.iter().skip(value.start);
                let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace();
                value.start + rest.take_while(|byte| !ends(byte)).count()
            }
        }
    }

    /// The first place from `start` on that is no space.
    fn next(&self, start: usize, nested: usize) -> Place {
        let rest = self.text.as_bytes().iter().skip(start);
        Place { start: start + rest.take_while(|byte| byte.is_ascii_whitespace()).count(), nested }
    }

    /// 0 past the end, where nothing of a valid text is looked for.
    fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or_default()
    }

    fn slice(&self, start: usize, end: usize) -> &'t str {
        self.text.get(start..end).unwrap_or_default()
    }
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

    /// Levels are looked at once: what is nested deeply in a large text does not cost its length at every level.
    #[test]
    fn depth_does_not_multiply_the_work() {
        let of = |depth: usize| {
            let filling = format!("[{}1]", "1,".repeat(100_000));
            let nested = format!("{}{filling}{}", "[".repeat(depth), "]".repeat(depth));
            let begun = std::time::Instant::now();
            assert_eq!(canonical(&nested).unwrap().len(), nested.len());
            begun.elapsed()
        };
        let fastest = |depth| (0..5).map(|_| of(depth)).min().unwrap();
        let (flat, deep) = (fastest(1), fastest(MAX_DEPTH - 2));
        assert!(deep < 8 * flat, "{deep:?} for what takes {flat:?} on one level");
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

    /// As it was: each level searched for its members anew.
    fn by_levels(text: &str, out: &mut String) -> serde_json::Result<()> {
        match text.as_bytes()[0] {
            b'{' => {
                let members: Members = serde_json::from_str(text)?;
                for (position, (key, value)) in members.iter().enumerate() {
                    out.push(if position > 0 { ',' } else { '{' });
                    write_string(&key.0, out)?;
                    out.push(':');
                    by_levels(value.get(), out)?;
                }
                out.push_str(if members.is_empty() { "{}" } else { "}" });
            }
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(text)?;
                for (position, item) in items.iter().enumerate() {
                    out.push(if position > 0 { ',' } else { '[' });
                    by_levels(item.get(), out)?;
                }
                out.push_str(if items.is_empty() { "[]" } else { "]" });
            }
            _ => out.push_str(text),
        }
        Ok(())
    }

    /// JSON with odd spaces, escapes and repeated keys.
    fn text() -> impl Strategy<Value = String> {
        let space = || prop_oneof![Just(""), Just(" "), Just("\n\t \r")];
        let string = || {
            prop_oneof![
                Just(r#""a""#),
                Just(r#""\u0061""#),
                Just(r#""\\""#),
                Just(r#""}]{[,:\"""#),
                Just(r#""\ud83d\ude00é""#),
                Just(r#""""#),
                Just(r#""\ud800""#),
            ]
        };
        let number = prop_oneof![Just("1.0"), Just("-0"), Just("1E+05"), Just("null"), Just("true")];
        let leaf = prop_oneof![string(), number].prop_map(str::to_owned);
        leaf.prop_recursive(5, 40, 5, move |inner| {
            let items = prop::collection::vec((space(), inner.clone(), space()), 0..5);
            let members = prop::collection::vec((space(), string(), space(), space(), inner, space()), 0..5);
            prop_oneof![
                (items, space()).prop_map(|(items, space)| {
                    let items: Vec<_> =
                        items.into_iter().map(|(a, item, b)| format!("{a}{item}{b}")).collect();
                    format!("[{space}{}]", items.join(","))
                }),
                (members, space()).prop_map(|(members, space)| {
                    let members: Vec<_> = members
                        .into_iter()
                        .map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}"))
                        .collect();
                    format!("{{{space}{}}}", members.join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_byte_is_as_level_by_level(text in text()) {
            let mut expected = String::new();
            let raw: Result<&RawValue, _> = serde_json::from_str(&text);
            let whole = raw.and_then(|raw| by_levels(raw.get(), &mut expected)).map(|()| expected).ok();
            prop_assert_eq!(canonical(&text).ok(), whole);
        }

        #[test]
        fn the_value_stays_the_same(value in json()) {
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let canonical = canonical(&pretty).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&canonical).unwrap(), value);
        }
    }
}
