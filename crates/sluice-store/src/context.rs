//! Contexts, kept once: a row in the store has a handle in the place of its context.
//!
//! In: contexts as clients sent them. Out: numbers in a table of distinct contexts, and [`Handle`]s that name a
//! table and a number in it. Feeds repeat a few contexts over and over, so rows shrink to a third, and merging rows
//! moves no contexts at all: a handle is opaque to `sluice_model::row`. A table is either of a slice of the
//! memtable or of a stored book (`run/book.rs`).

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use hashbrown::HashTable;
use sluice_model::varint::{push_varint, take_varint, take_varint_u32};

use crate::rows::take_prefixed;

/// Two numbers of seven bits a byte: 64 and 32 bits.
const HANDLE_BYTES_MAX: usize = 10 + 5;

/// The place of contexts: distinct over the memtable and all books of a store.
///
/// Even numbers are books, one above a multiple of four are slices that writes brought, three above one are slices
/// that were joined from others. Only the second kind is in the log, so a replay meets them again: a joined one
/// must not have taken the number of one that comes later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct TableId(u64);

/// Beyond it no counter comes, so a number from there is no slice's.
const SLICE_NUMBER_MAX: u64 = 1 << 60;

impl TableId {
    /// The table of stored book number `id`.
    pub(crate) fn of_book(id: u32) -> Self {
        Self(u64::from(id) * 2)
    }

    /// For a slice of a write: a number that no other has in this process or was replayed with.
    pub(crate) fn of_new_slice() -> Self {
        Self(NEXT_SLICE.fetch_add(1, Ordering::Relaxed) * 4 + 1)
    }

    /// For a slice that others are joined into.
    pub(crate) fn of_joined_slice() -> Self {
        Self(NEXT_JOINED.fetch_add(1, Ordering::Relaxed) * 4 + 3)
    }

    /// Tells whether it is that of a slice as writes bring them, and keeps later ones from getting it too.
    pub(crate) fn note_replayed(self) -> bool {
        let number = self.0 / 4;
        let is_logged = self.0 % 4 == 1 && number < SLICE_NUMBER_MAX;
        if is_logged {
            NEXT_SLICE.fetch_max(number + 1, Ordering::Relaxed);
        }
        is_logged
    }

    /// The number as it is written.
    pub(crate) fn to_number(self) -> u64 {
        self.0
    }

    /// Reads what [`Self::to_number`] gave.
    pub(crate) fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The book's number, when it is one.
    pub(crate) fn book(self) -> Option<u32> {
        if self.0.is_multiple_of(2) { u32::try_from(self.0 / 2).ok() } else { None }
    }
}

static NEXT_SLICE: AtomicU64 = AtomicU64::new(0);
static NEXT_JOINED: AtomicU64 = AtomicU64::new(0);

/// What a row has in the place of a context.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Handle {
    bytes: [u8; HANDLE_BYTES_MAX],
    length: u8,
}

impl Handle {
    /// Names context number `number` of a table.
    pub(crate) fn new(table: TableId, number: u32) -> Self {
        let mut handle = Self { bytes: [0; HANDLE_BYTES_MAX], length: 0 };
        handle.push(table.0);
        handle.push(u64::from(number));
        handle
    }

    fn push(&mut self, mut number: u64) {
        loop {
            let [.., low] = number.to_be_bytes();
            number >>= 7;
            let byte = if number == 0 { low } else { low | 0x80 };
            if let Some(place) = self.bytes.get_mut(usize::from(self.length)) {
                *place = byte;
                self.length += 1;
            }
            if number == 0 {
                return;
            }
        }
    }

    /// Reads a handle; `None` when the bytes are none.
    pub(crate) fn read(mut bytes: &[u8]) -> Option<(TableId, u32)> {
        let table = TableId(take_varint(&mut bytes)?);
        let number = take_varint_u32(&mut bytes)?;
        bytes.is_empty().then_some((table, number))
    }
}

impl AsRef<[u8]> for Handle {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

/// Distinct contexts by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contexts {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    end: u32,
    hash: ContextHash,
}

/// What tells contexts apart. Taken under a number that no client knows, so that nobody can make two contexts
/// collide; 128 bits, so that none do by chance, and bytes need no second look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContextHash(u64, u64);

impl ContextHash {
    /// Hash of a context, in this process.
    pub(crate) fn of(context: &[u8]) -> Self {
        static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());
        let hash = xxhash_rust::xxh3::xxh3_128_with_seed(context, *SEED);
        let [high, low] =
            [hash >> 64, hash & u128::from(u64::MAX)].map(|half| u64::try_from(half).unwrap_or(0));
        Self(high, low)
    }
}

impl Contexts {
    /// The context of a number.
    pub(crate) fn get(&self, number: u32) -> Option<&[u8]> {
        let number = number as usize;
        let end_of = |number: usize| self.entries.get(number).map(|entry| entry.end as usize);
        let start = number.checked_sub(1).map_or(Some(0), end_of)?;
        self.bytes.get(start..end_of(number)?)
    }

    /// The hash of the context of a number.
    pub(crate) fn hash(&self, number: u32) -> Option<ContextHash> {
        self.entries.get(number as usize).map(|entry| entry.hash)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    /// All, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.count()).map_while(|number| self.get(number))
    }

    /// Bytes of all contexts.
    pub(crate) fn bytes_count(&self) -> usize {
        self.bytes.len()
    }

    /// Heap bytes held.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.bytes.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    /// Appends the table as bytes.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        push_varint(bytes, u64::from(self.count()));
        for context in self.iter() {
            push_varint(bytes, context.len() as u64);
            bytes.extend_from_slice(context);
        }
    }

    /// Takes what [`Self::write`] wrote off the front.
    pub(crate) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let mut contexts = Self::default();
        for _ in 0..take_varint_u32(bytes)? {
            let context = take_prefixed(bytes)?;
            contexts.push(context, ContextHash::of(context))?;
        }
        Some(contexts)
    }

    fn push(&mut self, context: &[u8], hash: ContextHash) -> Option<()> {
        let end = u32::try_from(self.bytes.len() + context.len()).ok()?;
        self.bytes.extend_from_slice(context);
        self.entries.push(Entry { end, hash });
        Some(())
    }

    fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.entries.shrink_to_fit();
    }
}

/// Collects distinct contexts. Numbers follow the order of first appearance.
#[derive(Debug, Default)]
pub(crate) struct ContextsBuilder {
    contexts: Contexts,
    known: HashTable<(ContextHash, u32)>,
}

impl ContextsBuilder {
    /// Begins with room for so many bytes and contexts.
    pub(crate) fn with_capacity(bytes: usize, contexts: usize) -> Self {
        let entries = Vec::with_capacity(contexts);
        let contexts_room = Contexts { bytes: Vec::with_capacity(bytes), entries };
        Self { contexts: contexts_room, known: HashTable::with_capacity(contexts) }
    }

    /// The number of a context, which is added when it is new; `None` beyond 4 GiB.
    pub(crate) fn intern(&mut self, context: &[u8]) -> Option<u32> {
        self.intern_hashed(ContextHash::of(context), || Some(context))
    }

    /// The same for a context whose hash is known; `context` is asked for it only when it is new.
    pub(crate) fn intern_hashed<'c>(
        &mut self,
        hash: ContextHash,
        context: impl FnOnce() -> Option<&'c [u8]>,
    ) -> Option<u32> {
        if let Some((_, number)) = self.known.find(hash.0, |(known, _)| *known == hash) {
            return Some(*number);
        }
        let number = self.contexts.count();
        self.contexts.push(context()?, hash)?;
        self.known.insert_unique(hash.0, (hash, number), |(hash, _)| hash.0);
        Some(number)
    }

    /// What was collected so far.
    pub(crate) fn contexts(&self) -> &Contexts {
        &self.contexts
    }

    /// Begins anew, with the memory that is there.
    pub(crate) fn clear(&mut self) {
        self.contexts.bytes.clear();
        self.contexts.entries.clear();
        self.known.clear();
    }

    /// Ends the collecting.
    pub(crate) fn finish(mut self) -> Contexts {
        self.contexts.shrink();
        self.contexts
    }
}

#[cfg(test)]
mod tests {
    use super::{Contexts, ContextsBuilder, Handle, TableId};

    #[test]
    fn each_context_is_kept_once_and_found_by_its_number() {
        let mut builder = ContextsBuilder::default();
        let numbers: Vec<u32> =
            [&b"a"[..], b"bb", b"a", b"", b"bb", b""].map(|context| builder.intern(context).unwrap()).into();
        assert_eq!(numbers, [0, 1, 0, 2, 1, 2]);
        let contexts = builder.finish();
        assert_eq!(contexts.iter().collect::<Vec<_>>(), [&b"a"[..], b"bb", b""]);
        assert_eq!(contexts.get(3), None);
        let mut bytes = Vec::new();
        contexts.write(&mut bytes);
        assert_eq!(Contexts::take(&mut bytes.as_slice()), Some(contexts));
        for length in 0..bytes.len() {
            assert_eq!(Contexts::take(&mut &bytes[..length]), None, "length {length}");
        }
    }

    #[test]
    fn handles_name_a_table_and_a_number() {
        for table in [TableId::of_book(0), TableId::of_book(u32::MAX), TableId(u64::MAX)] {
            for number in [0, 127, 128, u32::MAX] {
                assert_eq!(Handle::read(Handle::new(table, number).as_ref()), Some((table, number)));
            }
        }
        assert_eq!(Handle::read(b""), None);
        assert_eq!(Handle::read(&[1]), None);
        assert_eq!(Handle::read(&[1, 2, 3]), None);
        assert_eq!(TableId::of_new_slice().book(), None);
        assert_eq!(TableId::of_joined_slice().book(), None);
        assert_eq!(TableId::of_book(7).book(), Some(7));
    }
}
