//! The elements of a slice, each by the way that suits it.
//!
//! In: a [`BodySlice`]. Out: its elements in order, and of each the properties that Sluice knows, as sent and as
//! they read. Ordinary elements are read where they lie ([`scan`]); the others, one by one, from a tape ([`parse`]).
//! Which way it was makes no difference to what is seen.
//!
//! A slice is well-formed as a whole or not at all: results of a slice that fails are to be thrown away.

use simd_json::{Node, StaticNode};

use super::{
    parse::{self, Member, Source},
    scan::{self, Known, Shape, Span, Spans},
    split::BodySlice,
    tape, text,
};
use crate::error::BodyError;

/// One element of a body: an object.
#[derive(Clone, Copy)]
pub(crate) struct Element<'e> {
    /// Offset of its first byte in the text of the slice.
    pub(crate) offset: usize,
    content: Content<'e>,
}

#[derive(Clone, Copy)]
enum Content<'e> {
    Scanned(&'e str, &'e Spans),
    Parsed(parse::Element<'e, 'e>),
}

impl<'e> Element<'e> {
    /// The last value that the element has for a property.
    #[inline]
    pub(crate) fn get(&self, known: Known) -> Option<Value<'e>> {
        match self.content {
            Content::Scanned(text, spans) => {
                let span = spans.get(known);
                (span.shape != Shape::Absent).then_some(Value::Scanned(text, span))
            }
            Content::Parsed(element) => {
                let is_known = |member: &Member<'_, '_>| Known::of(member.key.as_bytes()) == Some(known);
                let member = element.members().filter(is_known).last()?;
                Some(Value::Parsed(member, element.source))
            }
        }
    }
}

/// A value of an element.
#[derive(Clone, Copy)]
pub(crate) enum Value<'e> {
    /// The text of the slice, and where in it the value lies.
    Scanned(&'e str, Span),
    /// A member on the tape.
    Parsed(Member<'e, 'e>, Source<'e>),
}

impl<'e> Value<'e> {
    pub(crate) fn is_null(&self) -> bool {
        match self {
            Self::Scanned(_, span) => span.shape == Shape::Null,
            Self::Parsed(member, _) => matches!(member.node(), Some(Node::Static(StaticNode::Null))),
        }
    }

    pub(crate) fn is_boolean(&self) -> bool {
        match self {
            Self::Scanned(_, span) => span.shape == Shape::Boolean,
            Self::Parsed(member, _) => matches!(member.node(), Some(Node::Static(StaticNode::Bool(_)))),
        }
    }

    /// The value, if it is a string.
    pub(crate) fn as_str(&self) -> Option<&'e str> {
        match self {
            Self::Scanned(text, span) if span.shape == Shape::Text => text.get(span.from + 1..span.to - 1),
            Self::Scanned(..) => None,
            Self::Parsed(member, _) => member.as_str(),
        }
    }

    /// Appends the value as sent, without white space outside its strings.
    pub(crate) fn append_compact(&self, compact: &mut Vec<u8>) {
        match self {
            Self::Scanned(text, span) if span.is_spaced => {
                text::append_compact(text.as_bytes(), span.from, compact);
            }
            Self::Scanned(text, span) => {
                compact.extend_from_slice(text.as_bytes().get(span.from..span.to).unwrap_or_default());
            }
            Self::Parsed(member, source) => source.append_value(member, compact),
        }
    }

    /// Gives an object with at least one field as it is kept, perhaps in `buffers`; `None` for anything else.
    pub(crate) fn kept_object<'k>(&self, buffers: &'k mut KeptBuffers) -> Option<&'k [u8]>
    where
        'e: 'k,
    {
        let KeptBuffers { compact, kept } = buffers;
        compact.clear();
        match self {
            Self::Scanned(text, span) if span.shape == Shape::Object => {
                if !span.is_spaced {
                    return text.as_bytes().get(span.from..span.to);
                }
                self.append_compact(compact);
            }
            Self::Parsed(member, _) if matches!(member.node(), Some(Node::Object { len, .. }) if *len > 0) => {
                self.append_compact(compact);
                if tape::repeats_keys(member.nodes) {
                    kept.clear();
                    tape::append_last_wins(member.nodes, compact, kept);
                    return Some(kept);
                }
            }
            _ => return None,
        }
        Some(compact)
    }

    /// The text of an array of nothing but strings without escapes, as sent; `None` if that is not at hand.
    pub(crate) fn plain_text(&self) -> Option<&'e [u8]> {
        match self {
            Self::Scanned(text, span) if span.shape == Shape::Texts => {
                text.as_bytes().get(span.from..span.to)
            }
            _ => None,
        }
    }

    /// The strings of an array that has nothing else.
    pub(crate) fn strings(&self) -> Option<Strings<'e>> {
        match self {
            Self::Scanned(text, span) if span.shape == Shape::Texts => {
                text.get(span.from..span.to).map(Strings::Scanned)
            }
            Self::Scanned(..) => None,
            Self::Parsed(member, _) => {
                let Some((Node::Array { len, count }, rest)) = member.nodes.split_first() else {
                    return None;
                };
                let nodes = rest.get(..*count)?;
                let is_flat = len == count && nodes.iter().all(|node| matches!(node, Node::String(_)));
                is_flat.then_some(Strings::Parsed(nodes))
            }
        }
    }
}

/// Where [`Value::kept_object`] puts what it has to rewrite.
#[derive(Debug, Default)]
pub(crate) struct KeptBuffers {
    compact: Vec<u8>,
    kept: Vec<u8>,
}

impl KeptBuffers {
    /// Bytes of memory that they hold.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.compact.capacity() + self.kept.capacity()
    }
}

/// Strings of an array, in order.
#[derive(Clone)]
pub(crate) enum Strings<'e> {
    /// What is left of the array's text; no string in it has an escape.
    Scanned(&'e str),
    Parsed(&'e [Node<'e>]),
}

impl<'e> Iterator for Strings<'e> {
    type Item = &'e str;

    fn next(&mut self) -> Option<&'e str> {
        match self {
            Self::Scanned(left) => {
                let (_, after) = left.split_once('"')?;
                let (string, after) = after.split_once('"')?;
                *left = after;
                Some(string)
            }
            Self::Parsed(nodes) => {
                let (Node::String(string), after) = nodes.split_first()? else { return None };
                *nodes = after;
                Some(string)
            }
        }
    }
}

/// Shows the elements of a slice to `visit`, in order; after its first error no more of them.
///
/// # Errors
///
/// [`BodyError::Syntax`] with the first byte at which the slice is no JSON. The inner error is that of `visit`.
pub(crate) fn visit_elements<E>(
    slice: &BodySlice,
    mut visit: impl FnMut(Element<'_>) -> Result<(), E>,
) -> Result<Result<(), E>, BodyError> {
    let Ok(text) = str::from_utf8(&slice.text) else { return Err(parse::first_fault(slice)) };
    let mut outcome = Ok(());
    let mut at = 1;
    while text.as_bytes().get(at) == Some(&b'{') {
        let end = if let Some((spans, end)) = scan::scan(text.as_bytes(), at) {
            if outcome.is_ok() {
                outcome = visit(Element { offset: at, content: Content::Scanned(text, &spans) });
            }
            end
        } else {
            let end = text::skip_element(text.as_bytes(), at);
            let alone = text.as_bytes().get(at..end).unwrap_or_default();
            let parsed = parse::with_object(alone, |element| {
                if outcome.is_ok() {
                    outcome = visit(Element { offset: at, content: Content::Parsed(element) });
                }
            });
            parsed.ok_or_else(|| parse::first_fault(slice))?;
            end
        };
        // After each element there is a comma, or the bracket at the end.
        at = end + 1;
    }
    if at == text.len() { Ok(outcome) } else { Err(parse::first_fault(slice)) }
}

#[cfg(test)]
mod tests;
