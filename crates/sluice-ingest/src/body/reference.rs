//! What `serde_json` makes of JSON, read by the grammar alone: the reference that the readers here are held to.
//!
//! In: any bytes. Out: a value whose strings may have lone surrogates and whose numbers may be out of range; of members
//! with the same key the last one, as with every reader of JSON. Slow and plain; for tests.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use sluice_model::rejection::Flaw;

/// A value of JSON.
pub(crate) struct Loose {
    /// As sent.
    pub(crate) sent: String,
    pub(crate) kind: LooseKind,
}

pub(crate) enum LooseKind {
    /// `null`, `true` or `false`.
    Word,
    Number,
    /// As it is read; a lone surrogate takes three bytes.
    Text(Vec<u8>),
    Array(Vec<Loose>),
    /// The members that count.
    Object(Vec<LooseMember>),
}

/// A member of an object.
pub(crate) struct LooseMember {
    pub(crate) key: Vec<u8>,
    sent_key: String,
    pub(crate) value: Loose,
}

impl Loose {
    /// Reads a text; `None` when it is not JSON.
    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        Self::read_raw(serde_json::from_slice(text).ok()?)
    }

    fn read_raw(raw: &RawValue) -> Option<Self> {
        let text = raw.get();
        let kind = match text.as_bytes().first()? {
            b'"' => LooseKind::Text(serde_json::from_str::<Bytes>(text).ok()?.0),
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                LooseKind::Array(items.into_iter().map(Self::read_raw).collect::<Option<_>>()?)
            }
            b'{' => {
                let mut members: Vec<LooseMember> = Vec::new();
                for (key, value) in serde_json::from_str::<Members<'_>>(text).ok()?.0 {
                    let member = LooseMember {
                        key: serde_json::from_str::<Bytes>(key.get()).ok()?.0,
                        sent_key: key.get().to_owned(),
                        value: Self::read_raw(value)?,
                    };
                    // A key that cannot be read is no other key's twin: each of them counts.
                    members.retain(|earlier| has_flaw(&member.key) || earlier.key != member.key);
                    members.push(member);
                }
                LooseKind::Object(members)
            }
            b'-' | b'0'..=b'9' => LooseKind::Number,
            _ => LooseKind::Word,
        };
        Some(Self { sent: text.to_owned(), kind })
    }

    /// The first flaw of what counts.
    pub(crate) fn flaw(&self) -> Option<Flaw> {
        let of_text = |text: &[u8]| has_flaw(text).then_some(Flaw::Unicode);
        match &self.kind {
            LooseKind::Word => None,
            LooseKind::Number => {
                (!self.sent.parse::<f64>().unwrap().is_finite()).then_some(Flaw::NumberRange)
            }
            LooseKind::Text(text) => of_text(text),
            LooseKind::Array(items) => items.iter().find_map(Self::flaw),
            LooseKind::Object(members) => {
                members.iter().find_map(|member| of_text(&member.key).or_else(|| member.value.flaw()))
            }
        }
    }

    /// The text without white space and members that do not count.
    pub(crate) fn kept(&self) -> String {
        match &self.kind {
            LooseKind::Object(members) => {
                let members =
                    members.iter().map(|member| format!("{}:{}", member.sent_key, member.value.kept()));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
            LooseKind::Array(items) => {
                format!("[{}]", items.iter().map(Self::kept).collect::<Vec<_>>().join(","))
            }
            LooseKind::Word | LooseKind::Number | LooseKind::Text(_) => self.sent.clone(),
        }
    }
}

/// Whether a string has a lone surrogate.
fn has_flaw(text: &[u8]) -> bool {
    str::from_utf8(text).is_err()
}

/// A string as bytes, which `serde_json` does not check for surrogates.
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct BytesVisitor;
        impl Visitor<'_> for BytesVisitor {
            type Value = Bytes;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        from.deserialize_bytes(BytesVisitor)
    }
}

/// All members of an object.
struct Members<'t>(Vec<(&'t RawValue, &'t RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = access.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(MembersVisitor)
    }
}
