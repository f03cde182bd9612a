//! Patterns of STIX: which values they name.
//!
//! In: the text of a pattern. Out: [`Group`]s, each with the values that one observation is known by and the notes that
//! go with them; or what of the pattern is not taken, in plain English. Comparisons are `=`, `IN` and, of addresses,
//! `ISSUBSET`. `OR`, inside of an observation and between two, puts groups beside one another. `AND` joins what is said of
//! one object: any number of hashes, or one other value, with notes. Whatever would make the values name more than the
//! pattern does is refused: a negation, a range, an order or number of observations.
//!
//! Most patterns are one comparison with a known path, and are read without the parser ([`single`]); a law holds the short
//! way to the long one. At most [`PARTS_MAX`] values and notes, and [`DEPTH_MAX`] parentheses in one another. Pure.

use std::borrow::Cow;

use super::path::{self, Meaning};

/// Values and notes of a pattern, over all its groups.
pub(crate) const PARTS_MAX: usize = 16_384;

/// Parentheses in one another.
const DEPTH_MAX: usize = 32;

const TOO_MANY: &str = "The pattern has more than 16,384 values";
const SYNTAX: &str = "The pattern does not follow the grammar of STIX";

/// What is said of an object beside its values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Note<'p> {
    pub(crate) path: &'p str,
    pub(crate) meaning: Meaning,
    /// A string, or anything else as it is written.
    pub(crate) value: Result<Cow<'p, str>, &'p str>,
}

/// What one object is known by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Group<'p> {
    /// The type of the object.
    object: &'p str,
    /// With what its path says of it, each alone is enough. None, if no path of the object names an indicator.
    pub(crate) values: Vec<(Meaning, Cow<'p, str>)>,
    pub(crate) notes: Vec<Note<'p>>,
}

impl Group<'_> {
    /// Whether a value would name more than the pattern does, if a condition beside it is left aside. A hash names one file.
    fn names_more_than_a_file(&self) -> bool {
        self.values.iter().any(|(meaning, _)| matches!(meaning, Meaning::Value | Meaning::Address))
    }
}

/// Reads a pattern.
///
/// # Errors
///
/// What of it is not taken.
pub(crate) fn parse(pattern: &str) -> Result<Vec<Group<'_>>, &'static str> {
    match single(pattern) {
        Some(group) => Ok(vec![group]),
        None => parse_whole(pattern),
    }
}

/// Reads a pattern of one comparison of a known path with a string without escapes; `None` for any other.
fn single(pattern: &str) -> Option<Group<'_>> {
    let (path, literal) = pattern.strip_prefix('[')?.split_once('=')?;
    let text = literal.trim_start_matches(is_space).strip_prefix('\'')?;
    let text = text.strip_suffix(']')?.trim_end_matches(is_space).strip_suffix('\'')?;
    let (object, meaning) = path::meaning(path.trim_matches(is_space));
    let is_value = matches!(meaning, Meaning::Value | Meaning::Address | Meaning::Hash(_));
    if !is_value || text.contains(['\'', '\\']) {
        return None;
    }
    Some(Group { object, values: vec![(meaning, text.into())], notes: Vec::new() })
}

/// Reads every pattern.
fn parse_whole(pattern: &str) -> Result<Vec<Group<'_>>, &'static str> {
    let mut parser = Parser { text: pattern, at: 0, parts_count: 0, depth: 0 };
    let groups = parser.observations()?;
    parser.skip_space();
    if parser.at == pattern.len() { Ok(groups) } else { Err(parser.why_not()) }
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

struct Parser<'p> {
    text: &'p str,
    at: usize,
    /// Values and notes so far.
    parts_count: usize,
    depth: usize,
}

impl<'p> Parser<'p> {
    fn rest(&self) -> &'p str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches(is_space).len();
    }

    /// Takes a sign, if it is next.
    fn take(&mut self, sign: &str) -> bool {
        self.skip_space();
        let is_next = self.rest().starts_with(sign);
        self.at += if is_next { sign.len() } else { 0 };
        is_next
    }

    /// The word that is next.
    fn word(&mut self) -> &'p str {
        self.skip_space();
        let rest = self.rest();
        rest.split(|character: char| !character.is_ascii_alphanumeric()).next().unwrap_or("")
    }

    /// Takes a word of the grammar, if it is next.
    fn take_word(&mut self, keyword: &str) -> bool {
        let word = self.word();
        let is_next = word.eq_ignore_ascii_case(keyword);
        self.at += if is_next { word.len() } else { 0 };
        is_next
    }

    /// Why the pattern must not go on as it does.
    fn why_not(&mut self) -> &'static str {
        let word = self.word().to_ascii_uppercase();
        match word.as_str() {
            "NOT" => "NOT is not taken",
            "EXISTS" => "EXISTS is not taken",
            "AND" => "AND between observations is not taken",
            "FOLLOWEDBY" => "FOLLOWEDBY is not taken",
            "WITHIN" | "REPEATS" | "START" | "STOP" => "Qualifiers of observations are not taken",
            "LIKE" | "MATCHES" | "ISSUPERSET" => "Comparisons are =, IN and ISSUBSET",
            _ if self.rest().starts_with(['!', '<', '>']) => "Comparisons are =, IN and ISSUBSET",
            _ => SYNTAX,
        }
    }

    /// Takes what stands in parentheses.
    fn nested(
        &mut self,
        take: impl FnOnce(&mut Self) -> Result<Vec<Group<'p>>, &'static str>,
    ) -> Result<Vec<Group<'p>>, &'static str> {
        if DEPTH_MAX <= self.depth {
            return Err("The pattern is nested too deep");
        }
        self.depth += 1;
        let groups = take(self)?;
        self.depth -= 1;
        if self.take(")") { Ok(groups) } else { Err(self.why_not()) }
    }

    fn observations(&mut self) -> Result<Vec<Group<'p>>, &'static str> {
        let mut groups = self.observation()?;
        while self.take_word("OR") {
            groups.append(&mut self.observation()?);
        }
        Ok(groups)
    }

    fn observation(&mut self) -> Result<Vec<Group<'p>>, &'static str> {
        if self.take("(") {
            return self.nested(Self::observations);
        }
        if !self.take("[") {
            return Err(SYNTAX);
        }
        let groups = self.alternatives()?;
        if self.take("]") { Ok(groups) } else { Err(self.why_not()) }
    }

    /// Comparisons that are joined by `OR`, which binds less than `AND`.
    fn alternatives(&mut self) -> Result<Vec<Group<'p>>, &'static str> {
        let mut groups = self.joined()?;
        while self.take_word("OR") {
            groups.append(&mut self.joined()?);
        }
        Ok(groups)
    }

    fn joined(&mut self) -> Result<Vec<Group<'p>>, &'static str> {
        let mut groups = self.comparison()?;
        while self.take_word("AND") {
            let more = self.comparison()?;
            groups = self.join(groups, more)?;
        }
        Ok(groups)
    }

    /// Joins what is said of one object.
    fn join(&mut self, left: Vec<Group<'p>>, right: Vec<Group<'p>>) -> Result<Vec<Group<'p>>, &'static str> {
        let object = left.first().map_or("", |group| group.object);
        if left.iter().chain(&right).any(|group| group.object != object) {
            return Err("AND of different objects is not taken");
        }
        let has_no_values = |groups: &[Group<'_>]| groups.iter().all(|group| group.values.is_empty());
        let (mut groups, joining) =
            if has_no_values(&left) && !has_no_values(&right) { (right, left) } else { (left, right) };
        if has_no_values(&joining) {
            let mut notes: Vec<_> = joining.into_iter().flat_map(|group| group.notes).collect();
            let is_narrowed = notes.iter().any(|note| note.meaning == Meaning::Unknown);
            if is_narrowed && groups.iter().any(Group::names_more_than_a_file) {
                return Err("AND of an address, name or URL with a condition that is not known is not taken");
            }
            self.count(notes.len().saturating_mul(groups.len() - 1))?;
            // The last group takes them as they are: a chain of notes has one group, and is not copied at each link.
            if let Some((last, others)) = groups.split_last_mut() {
                for group in others {
                    group.notes.extend_from_slice(&notes);
                }
                last.notes.append(&mut notes);
            }
            return Ok(groups);
        }
        let is_hashes =
            |group: &Group<'_>| group.values.iter().all(|value| matches!(value.0, Meaning::Hash(_)));
        match (groups.as_mut_slice(), <[Group<'p>; 1]>::try_from(joining)) {
            ([group], Ok([mut more])) if is_hashes(group) && is_hashes(&more) => {
                group.values.append(&mut more.values);
                group.notes.append(&mut more.notes);
                Ok(groups)
            }
            _ => Err("AND of values that are not hashes of one file is not taken"),
        }
    }

    fn count(&mut self, parts: usize) -> Result<(), &'static str> {
        self.parts_count = self.parts_count.saturating_add(parts);
        if PARTS_MAX < self.parts_count { Err(TOO_MANY) } else { Ok(()) }
    }

    fn comparison(&mut self) -> Result<Vec<Group<'p>>, &'static str> {
        if self.take("(") {
            return self.nested(Self::alternatives);
        }
        self.skip_space();
        let length = path::length(self.rest()).ok_or_else(|| self.why_not())?;
        let path = self.rest().get(..length).unwrap_or("");
        self.at += length;
        let (object, meaning) = path::meaning(path);
        let mut group = Group { object, values: Vec::new(), notes: Vec::new() };
        if self.take("=") {
            // Both spellings are in use.
            let _is_doubled = self.take("=");
            let literal = self.literal()?;
            self.add(&mut group, path, meaning, literal)?;
        } else if self.take_word("ISSUBSET") {
            if meaning != Meaning::Address {
                return Err("ISSUBSET is taken for addresses alone");
            }
            let literal = self.literal()?;
            self.add(&mut group, path, meaning, literal)?;
        } else if self.take_word("IN") {
            return self.list(path, group, meaning);
        } else {
            return Err(self.why_not());
        }
        Ok(vec![group])
    }

    /// Takes the list behind `IN`: each of its literals stands for itself.
    fn list(
        &mut self,
        path: &'p str,
        mut group: Group<'p>,
        meaning: Meaning,
    ) -> Result<Vec<Group<'p>>, &'static str> {
        if !self.take("(") {
            return Err(SYNTAX);
        }
        loop {
            let literal = self.literal()?;
            self.add(&mut group, path, meaning, literal)?;
            if !self.take(",") {
                break;
            }
        }
        if self.take(")") { Ok(alone(group)) } else { Err(SYNTAX) }
    }

    fn add(
        &mut self,
        group: &mut Group<'p>,
        path: &'p str,
        meaning: Meaning,
        literal: Result<Cow<'p, str>, &'p str>,
    ) -> Result<(), &'static str> {
        self.count(1)?;
        match (meaning, literal) {
            (Meaning::Value | Meaning::Address | Meaning::Hash(_), Ok(text)) => {
                group.values.push((meaning, text));
            }
            (Meaning::Value | Meaning::Address | Meaning::Hash(_), Err(_)) => {
                return Err("The value of an indicator must be a string");
            }
            (_, value) => group.notes.push(Note { path, meaning, value }),
        }
        Ok(())
    }

    fn literal(&mut self) -> Result<Result<Cow<'p, str>, &'p str>, &'static str> {
        if self.take("'") {
            return self.string().map(Ok);
        }
        let from = self.at;
        let is_plain =
            |character: char| character.is_ascii_alphanumeric() || matches!(character, '+' | '-' | '.');
        self.at = self.text.len() - self.rest().trim_start_matches(is_plain).len();
        // A time, or bytes.
        if matches!(self.text.get(from..self.at), Some("t" | "b" | "h")) && self.take("'") {
            self.string()?;
        }
        match self.text.get(from..self.at) {
            None | Some("") => Err(SYNTAX),
            Some(text) => Ok(Err(text)),
        }
    }

    /// Takes a string, whose opening quote is taken. A backslash stands before a quote or another one.
    fn string(&mut self) -> Result<Cow<'p, str>, &'static str> {
        let rest = self.rest();
        let mut plain: Option<String> = None;
        let mut from = 0;
        while let Some(found) = rest.get(from..).and_then(|rest| rest.find(['\'', '\\'])) {
            let (at, before) = (from + found, rest.get(from..from + found).unwrap_or(""));
            if rest.get(at..).is_some_and(|rest| rest.starts_with('\'')) {
                self.at += at + 1;
                return Ok(match plain {
                    None => Cow::Borrowed(before),
                    Some(plain) => Cow::Owned(plain + before),
                });
            }
            let escaped = rest.get(at + 1..at + 2).filter(|escaped| matches!(*escaped, "'" | "\\"));
            let plain = plain.get_or_insert_default();
            plain.push_str(before);
            plain.push_str(escaped.ok_or(SYNTAX)?);
            from = at + 2;
        }
        Err("A string of the pattern does not end")
    }
}

/// What is named beside one another is a group each, so that it is joined with nothing that it does not go with.
fn alone(group: Group<'_>) -> Vec<Group<'_>> {
    let Group { object, values, notes } = group;
    if values.is_empty() {
        return vec![Group { object, values, notes }];
    }
    values.into_iter().map(|value| Group { object, values: vec![value], notes: Vec::new() }).collect()
}

#[cfg(test)]
mod tests;
