//! Lists of tags as sent, to the numbers of the tags; a list that was read before is not read again.
//!
//! In: the `tags` of the elements of a request, the catalogue as it was when the request began, and what becomes of tags
//! that are not in it. Out: numbers, each once, ascending; or why not. Feeds send few different lists, so some are kept by
//! their text, exactly as it was sent. What is kept is true for one catalogue alone: a reader must not outlive its request.

use std::sync::Arc;

use sluice_model::{Rejection, TagId, rejection::Property};
use sluice_store::{WriteError, catalogue::Catalogue};
use xxhash_rust::xxh3::xxh3_64;

use crate::body::elements::{Value, strings};

/// Lists kept at a time to begin with, for bodies that are short.
const LISTS_KEPT_MIN: usize = 16;

/// Lists kept at a time at most, a power of two; with what they hold about a quarter of a mebibyte.
const LISTS_KEPT_MAX: usize = 1 << 10;

/// Longest text of a list that is kept.
const LIST_BYTES_KEPT_MAX: usize = 96;

/// What becomes of a tag that there is not.
#[derive(Clone, Default)]
pub enum MissingTags {
    /// Its element is refused.
    #[default]
    Refuse,
    /// The element is taken without it.
    Drop,
    /// It is made.
    Make(Arc<dyn TagMaker>),
}

/// Makes tags.
pub trait TagMaker: Send + Sync {
    /// Makes a tag, or finds one that has been made meanwhile. `None` if there can be none of that name. Blocks until it is
    /// durable, for as long as a commit takes; called on the threads of a pool.
    fn make(&self, name: &str) -> Option<TagId>;

    /// Why the store has not taken a tag, if that has happened: then the rows that have it are not to be refused for it.
    fn failure(&self) -> Option<WriteError>;
}

/// Which tags there are for a request.
pub(crate) struct TagNames {
    /// As it was when the request began.
    pub(crate) catalogue: Arc<Catalogue>,
    /// What becomes of others.
    pub(crate) missing: MissingTags,
}

/// A list of tags that was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TagsRead<'r> {
    pub(crate) ids: &'r [TagId],
    /// Whether tags were left out.
    pub(crate) is_short: bool,
}

/// Reads lists of tags.
#[derive(Debug, Default)]
pub(crate) struct TagsReader {
    /// By the lowest bits of the hash of the text. Allocated with the first list.
    kept: Vec<TagList>,
    /// Lists that were not found since `kept` was last made longer.
    missed_count: usize,
    /// Any other list.
    other: TagList,
    upper_case: String,
}

#[derive(Clone, Debug, Default)]
struct TagList {
    /// What was read, if it may be met again; otherwise empty.
    text: Vec<u8>,
    ids: Vec<TagId>,
    /// Whether tags were left out.
    is_short: bool,
}

impl TagsReader {
    /// Reads the value of `tags`.
    ///
    /// # Errors
    ///
    /// The value is not an array of strings, or one of them does not name a tag; the first such one is reported.
    pub(crate) fn read(&mut self, tags: &Value<'_>, names: &TagNames) -> Result<TagsRead<'_>, Rejection> {
        let Some(texts) = tags.texts() else { return Err(Rejection::InvalidType(Property::Tags)) };
        let text = if texts.len() <= LIST_BYTES_KEPT_MAX { texts.as_bytes() } else { &[] };
        self.make_room();
        let list = kept_list(&mut self.kept, text).unwrap_or(&mut self.other);
        let is_known = !text.is_empty() && list.text == text;
        if !is_known {
            self.missed_count += 1;
            list.text.clear();
            list.ids.clear();
            list.is_short = false;
            for name in strings(texts) {
                self.upper_case.clear();
                self.upper_case.push_str(&name);
                self.upper_case.make_ascii_uppercase();
                match names.find(&self.upper_case) {
                    Some(id) => list.ids.push(id),
                    None if names.drops() => list.is_short = true,
                    None => return Err(Rejection::unknown_tag(&name)),
                }
            }
            list.ids.sort_unstable();
            list.ids.dedup();
            list.text.extend_from_slice(text);
        }
        Ok(TagsRead { ids: &list.ids, is_short: list.is_short })
    }

    /// Bytes of memory that it holds.
    pub(crate) fn heap_bytes(&self) -> usize {
        let mut bytes = self.kept.capacity() * size_of::<TagList>() + self.upper_case.capacity();
        for list in self.kept.iter().chain([&self.other]) {
            bytes += list.text.capacity() + list.ids.capacity() * size_of::<TagId>();
        }
        bytes
    }

    /// Keeps twice as many lists from now on, and none of those before, if too many were not found: with room for 16,
    /// the 17th list that was not found makes room for 32. A feed of five lists stays at 16; one that never repeats a
    /// list ends at 1,024.
    fn make_room(&mut self) {
        let length = self.kept.len();
        if length == 0 || length < self.missed_count && length < LISTS_KEPT_MAX {
            self.kept.clear();
            self.kept.resize_with(LISTS_KEPT_MIN.max(2 * length), TagList::default);
            self.missed_count = 0;
        }
    }
}

impl TagNames {
    /// The number of a tag by its name in upper case, made if need be.
    fn find(&self, upper_case: &str) -> Option<TagId> {
        match (self.catalogue.tag(upper_case), &self.missing) {
            (Some(tag), _) => Some(tag.id),
            (None, MissingTags::Make(maker)) => maker.make(upper_case),
            (None, MissingTags::Refuse | MissingTags::Drop) => None,
        }
    }

    fn drops(&self) -> bool {
        matches!(self.missing, MissingTags::Drop)
    }
}

/// Where the list of this text is kept, if it may be.
fn kept_list<'k>(kept: &'k mut [TagList], text: &[u8]) -> Option<&'k mut TagList> {
    if text.is_empty() {
        return None;
    }
    let mask = kept.len().checked_sub(1)?;
    let [.., high, low] = xxh3_64(text).to_be_bytes();
    kept.get_mut(usize::from(u16::from_be_bytes([high, low])) & mask)
}

#[cfg(test)]
mod tests;
