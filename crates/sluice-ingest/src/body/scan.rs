//! Reads an ordinary element in one pass, in place: the short way.
//!
//! In: the text of a slice, and where an element begins. Out: where each known property lies and what it is; or `None`
//! if the element is broken or out of the ordinary, which is the parser's to find out ([`parse`]). Out of the ordinary
//! are escapes in keys or in strings that have to be read, surrogates, numbers out of range, and values with repeated keys or with objects of
//! many keys. If the element itself repeats a property, the last one counts.
//!
//! An element that is taken is JSON for the parser too, and nothing in it has to be decoded: tests compare both ways.
//! Recursion is as deep as the element, up to the bound on nesting. Pure.
//!
//! [`parse`]: super::parse

use sluice_model::{limits, rejection::Flaw};
use wide::u8x16;

use super::text::{is_double, skip_digits, skip_space};

/// Bytes of a number without exponent up to which it is within the range of a double for certain.
const IN_RANGE_NUMBER_BYTES_MAX: usize = 16;

/// Keys of an object up to which comparing each with each is cheaper than hashing, and the object is ordinary.
pub(crate) const KEYS_COMPARED_MAX: usize = 16;

/// A property that Sluice knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum KnownProperty {
    Indicator,
    Context,
    Tags,
    MarkDetections,
    UnmarkDetections,
    /// Of a lookup.
    Object,
    /// Of a lookup of rows.
    Value,
    /// How the indicator was sent, as an export tells it.
    Url,
}

/// Number of known properties. The last of each in an element has its place in an array by `property as usize`.
pub(crate) const KNOWN_COUNT: usize = 8;

impl KnownProperty {
    /// The property of this name.
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        match name {
            b"indicator" => Some(Self::Indicator),
            b"context" => Some(Self::Context),
            b"tags" => Some(Self::Tags),
            b"mark_detections" => Some(Self::MarkDetections),
            b"unmark_detections" => Some(Self::UnmarkDetections),
            b"object" => Some(Self::Object),
            b"value" => Some(Self::Value),
            b"url" => Some(Self::Url),
            _ => None,
        }
    }
}

/// What a value is, in a text as sent or as it is read ([`ParsedElement`](super::tape::ParsedElement)).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Shape {
    /// There is none.
    #[default]
    Absent,
    Null,
    Boolean,
    Number,
    /// A string that reads as it is written between its quotes.
    Text,
    /// A string with escapes. Only the scanner sees it, and leaves it to the parser.
    EscapedText,
    /// An array of nothing but strings, each as it reads; it may be empty. None has an escape if it was scanned; if it
    /// was parsed, a backslash stands before quotes and backslashes that are part of a string.
    Texts,
    /// An array of nothing but strings, some with escapes. Left to the parser too.
    EscapedTexts,
    /// Any other array.
    Array,
    /// An object with a member.
    Object,
    EmptyObject,
    /// A value that cannot be read, or holds one. The scanner leaves it to the parser.
    Flawed(Flaw),
}

/// A value and where it lies in the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Span {
    pub(crate) shape: Shape,
    /// Whether white space lies in it, outside its strings.
    pub(crate) is_spaced: bool,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

/// Scans the element at `at`; gives where its properties lie and the offset after it.
///
/// `text` is UTF-8. One pass, nothing allocated.
pub(crate) fn scan(text: &[u8], at: usize) -> Option<([Span; KNOWN_COUNT], usize)> {
    // The outer array and the element are levels too.
    let mut scanner = Scanner { text, at, is_spaced: false, levels_left: limits::NESTING_LEVELS_MAX - 2 };
    let mut spans = [Span::default(); KNOWN_COUNT];
    scanner.members(|scanner, key| {
        let known = KnownProperty::of(key);
        let from = scanner.at;
        scanner.is_spaced = false;
        let shape = scanner.value()?;
        let Some(known) = known else { return Some(()) };
        if matches!(shape, Shape::EscapedText | Shape::EscapedTexts) {
            return None;
        }
        *spans.get_mut(known as usize)? = Span { shape, is_spaced: scanner.is_spaced, from, to: scanner.at };
        Some(())
    })?;
    Some((spans, scanner.at))
}

struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
    is_spaced: bool,
    /// Levels of objects and arrays that may still open.
    levels_left: usize,
}

impl<'t> Scanner<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        if self.peek()? != byte {
            return None;
        }
        self.at += 1;
        Some(())
    }

    fn skip_space(&mut self) {
        if matches!(self.text.get(self.at), Some(byte) if *byte <= b' ') {
            self.at = skip_space(self.text, self.at);
            self.is_spaced = true;
        }
    }

    /// Takes an object; `member` is asked to take each value. Returns true if there is any.
    fn members(&mut self, mut member: impl FnMut(&mut Self, &'t [u8]) -> Option<()>) -> Option<bool> {
        self.take(b'{')?;
        self.skip_space();
        if self.take(b'}').is_some() {
            return Some(false);
        }
        loop {
            let from = self.at + 1;
            if self.string()? == Shape::EscapedText {
                return None;
            }
            let key = self.text.get(from..self.at - 1)?;
            self.skip_space();
            self.take(b':')?;
            self.skip_space();
            member(self, key)?;
            self.skip_space();
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(true);
                }
                _ => return None,
            }
            self.skip_space();
        }
    }

    fn value(&mut self) -> Option<Shape> {
        match self.peek()? {
            b'"' => self.string(),
            b'{' => self.nested(Self::object),
            b'[' => self.nested(Self::array),
            b't' => self.word(b"true", Shape::Boolean),
            b'f' => self.word(b"false", Shape::Boolean),
            b'n' => self.word(b"null", Shape::Null),
            _ => self.number(),
        }
    }

    /// Takes an object or array, unless it lies too deep.
    #[inline]
    fn nested(&mut self, take: impl FnOnce(&mut Self) -> Option<Shape>) -> Option<Shape> {
        self.levels_left = self.levels_left.checked_sub(1)?;
        let shape = take(self)?;
        self.levels_left += 1;
        Some(shape)
    }

    fn word(&mut self, word: &[u8], shape: Shape) -> Option<Shape> {
        if !self.text.get(self.at..)?.starts_with(word) {
            return None;
        }
        self.at += word.len();
        Some(shape)
    }

    /// What may follow a number is the caller's to judge.
    fn number(&mut self) -> Option<Shape> {
        let from = self.at;
        if self.peek()? == b'-' {
            self.at += 1;
        }
        let is_zero = self.peek()? == b'0';
        let digits_from = self.at;
        self.digits()?;
        if is_zero && self.at - digits_from > 1 {
            return None;
        }
        if self.peek()? == b'.' {
            self.at += 1;
            self.digits()?;
        }
        let has_exponent = matches!(self.peek()?, b'e' | b'E');
        if has_exponent {
            self.at += 1;
            if matches!(self.peek()?, b'+' | b'-') {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = self.text.get(from..self.at)?;
        let is_in_range = !has_exponent && text.len() <= IN_RANGE_NUMBER_BYTES_MAX || is_double(text);
        is_in_range.then_some(Shape::Number)
    }

    fn digits(&mut self) -> Option<()> {
        let from = self.at;
        self.at = skip_digits(self.text, from);
        (self.at > from).then_some(())
    }

    /// Takes an object of few keys, each once.
    fn object(&mut self) -> Option<Shape> {
        // The keys so far, and a bit for the hash of each: where the bit is not set, no key need be compared.
        let (mut keys, mut count, mut hashes) = ([&[][..]; KEYS_COMPARED_MAX], 0, 0_u64);
        let has_members = self.members(|scanner, key| {
            let bit = 1 << (hash(key) & 63);
            let before = keys.get(..count)?;
            if hashes & bit != 0 && before.contains(&key) {
                return None;
            }
            hashes |= bit;
            *keys.get_mut(count)? = key;
            count += 1;
            scanner.value()?;
            Some(())
        })?;
        Some(if has_members { Shape::Object } else { Shape::EmptyObject })
    }

    fn array(&mut self) -> Option<Shape> {
        self.at += 1;
        self.skip_space();
        if self.take(b']').is_some() {
            return Some(Shape::Texts);
        }
        let mut shape = Shape::Texts;
        loop {
            shape = match (shape, self.value()?) {
                (Shape::Texts, Shape::Text) => Shape::Texts,
                (Shape::Texts | Shape::EscapedTexts, Shape::Text | Shape::EscapedText) => Shape::EscapedTexts,
                _ => Shape::Array,
            };
            self.skip_space();
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Some(shape);
                }
                _ => return None,
            }
            self.skip_space();
        }
    }

    #[inline]
    fn string(&mut self) -> Option<Shape> {
        // Most strings are short, and the call costs more than finding their end.
        if let Some([b'"', bytes @ ..]) = self.text.get(self.at..)?.first_chunk::<17>()
            && let Some(length) = first_stop(bytes)
            && bytes.get(length) == Some(&b'"')
        {
            self.at += length + 2;
            return Some(Shape::Text);
        }
        self.long_string()
    }

    #[inline(never)]
    fn long_string(&mut self) -> Option<Shape> {
        self.take(b'"')?;
        let mut shape = Shape::Text;
        loop {
            self.at = string_stop(self.text, self.at);
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(shape);
                }
                b'\\' => self.escape()?,
                _ => return None,
            }
            shape = Shape::EscapedText;
        }
    }

    fn escape(&mut self) -> Option<()> {
        match self.text.get(self.at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
            b'u' => {
                let digits = self.text.get(self.at + 2..self.at + 6)?;
                let is_surrogate =
                    matches!(digits, [b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..]);
                if is_surrogate || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                self.at += 6;
            }
            _ => return None,
        }
        Some(())
    }
}

/// Offset of the first byte from `at` on that ends a string or must not stand in it as it is.
fn string_stop(text: &[u8], mut at: usize) -> usize {
    while let Some(bytes) = text.get(at..).and_then(<[u8]>::first_chunk) {
        if let Some(stop) = first_stop(bytes) {
            return at + stop;
        }
        at += bytes.len();
    }
    while !matches!(text.get(at), None | Some(b'"' | b'\\' | 0..0x20)) {
        at += 1;
    }
    at
}

#[inline]
fn first_stop(bytes: &[u8; 16]) -> Option<usize> {
    let bytes = u8x16::new(*bytes);
    let is_control = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
    let stops = bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\')) | is_control;
    let mask = stops.to_bitmask();
    if mask == 0 { None } else { Some(mask.trailing_zeros() as usize) }
}

fn hash(key: &[u8]) -> usize {
    let (Some(first), Some(last)) = (key.first(), key.last()) else { return 0 };
    key.len().wrapping_mul(11) ^ usize::from(*first).wrapping_mul(5) ^ usize::from(*last).wrapping_mul(27)
}
