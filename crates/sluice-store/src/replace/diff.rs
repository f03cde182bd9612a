//! What a feed changes of what its supplier holds: two sorted streams, joined by key.
//!
//! In: the rows of a feed, and a view. Out: for each key that one of them has, what becomes of the holding: counted, and,
//! if something is to be written, the row that does it.
//!
//! | feed | stored | counts as | written |
//! |---|---|---|---|
//! | has it | not held, or expired for lookups | added | the row of the feed |
//! | has it | held with another context, other tags or another spelling | changed | the row of the feed |
//! | has it | held so | unchanged | nothing: the renewal covers it |
//! | | held | removed | a release |
//! | has withdrawn it | held | removed, of an upsert too | a release |
//! | | held, but expired | nothing | a release: the renewal must not bring it back |
//!
//! Context and tags of a row that the feed does not give are not compared where they stay: tags always, the context of
//! an upsert. Cost: a pass over the feed and one over all that is stored.

use hashbrown::{HashMap, hash_map::Entry};
use sluice_model::{
    SupplierId, TagId,
    row::{self, HoldingChange, Row, RowHolding, TagsChange},
};

use super::{
    feed::Feed,
    outcome::{Changes, FeedMode, ReplaceError},
};
use crate::{
    contexts::{ContextRef, ContextSource, TableId, hash_of},
    error::{ReadError, WriteError},
    merge::MergeRows,
    read::Snapshot,
    spool::ChunkWriter,
};

/// Rows after which it is asked whether to go on.
const LOOK_ROWS: u64 = 4_096;

/// Readers of contexts that are kept, and the longest context with which they are.
const READERS_MAX: usize = 256;
const KEPT_CONTEXT_BYTES_MAX: usize = 32 * 1024;

/// Pairs of equal contexts that are remembered: 2 MiB.
const KNOWN_PAIRS: usize = 1 << 16;

/// What becomes of one holding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Added,
    Changed,
    Unchanged,
    Removed,
    Expired,
    NotHeld,
}

/// Compares a feed with what a supplier holds in a view.
pub(super) struct Diff<'a> {
    snapshot: &'a Snapshot,
    supplier: SupplierId,
    mode: FeedMode,
    retention_seconds: u64,
    now_seconds: u32,
    contexts: StoredContexts<'a>,
    /// Holdings that have expired by the clock of the day alone, which may be wrong: in the feed, and not.
    hidden: (u64, u64),
    tags: Vec<TagId>,
    row: Vec<u8>,
}

impl<'a> Diff<'a> {
    /// Prepares; `now_seconds` is the time of day.
    ///
    /// # Errors
    ///
    /// [`WriteError::NoSupplier`].
    pub(super) fn new(
        snapshot: &'a Snapshot,
        supplier: SupplierId,
        mode: FeedMode,
        now_seconds: u32,
    ) -> Result<Self, ReplaceError> {
        let Some(known) = snapshot.catalogue().supplier_by_id(supplier) else {
            return Err(ReplaceError::Write(WriteError::NoSupplier));
        };
        let retention_seconds = known.settings.retention.seconds();
        let contexts = StoredContexts { snapshot, readers: HashMap::new(), known: vec![None; KNOWN_PAIRS] };
        let (tags, row) = (Vec::new(), Vec::new());
        let hidden = (0, 0);
        Ok(Self { snapshot, supplier, mode, retention_seconds, now_seconds, contexts, hidden, tags, row })
    }

    /// Compares all, as long as `go_on` has no error; `written` takes the rows that make the difference, stamped so.
    ///
    /// # Errors
    ///
    /// [`ReplaceError`].
    pub(super) fn join(
        &mut self,
        feed: &Feed,
        go_on: impl Fn() -> Result<(), ReplaceError>,
        mut written: Option<(u32, &mut ChunkWriter<'_>)>,
    ) -> Result<Changes, ReplaceError> {
        let (mut sent_rows, mut stored_rows) = (feed.rows(), MergeRows::new(self.snapshot.sources()));
        let (mut sent, mut stored) = (sent_rows.next_row(), stored_rows.next_row());
        let (mut changes, mut rows_count) = (Changes::default(), 0_u64);
        loop {
            rows_count += 1;
            if rows_count.is_multiple_of(LOOK_ROWS) {
                go_on()?;
            }
            let (key, is_sent, is_stored) = match (sent, stored) {
                (None, None) => break,
                (Some((key, _)), None) => (key, true, false),
                (None, Some((key, _))) => (key, false, true),
                (Some((sent, _)), Some((stored, _))) => (sent.min(stored), sent <= stored, stored <= sent),
            };
            let sent_row = sent.filter(|_| is_sent).map(|(_, row)| row);
            let stored_row = stored.filter(|_| is_stored).map(|(_, row)| row);
            let verdict = self.judge(sent_row, stored_row)?;
            match verdict {
                Verdict::Added => changes.added += 1,
                Verdict::Changed => changes.changed += 1,
                Verdict::Unchanged => changes.unchanged += 1,
                Verdict::Removed => changes.removed += 1,
                Verdict::Expired | Verdict::NotHeld => {}
            }
            if let Some((stamp, rows)) = &mut written
                && self.encode(verdict, sent_row, *stamp)
            {
                rows.add(key, &self.row)?;
            }
            if is_sent {
                sent = sent_rows.next_row();
            }
            if is_stored {
                stored = stored_rows.next_row();
            }
        }
        sent_rows.finish()?;
        stored_rows.finish()?;
        Ok(changes)
    }

    /// The same with what the clock of the day alone hides: no clock disarms the guard.
    pub(super) fn with_hidden(&self, changes: Changes) -> Changes {
        let (in_feed, removed) = self.hidden;
        Changes {
            unchanged: changes.unchanged + in_feed,
            removed: changes.removed + removed,
            added: changes.added.saturating_sub(in_feed),
            ..changes
        }
    }

    /// What becomes of the holding of a key.
    fn judge(&mut self, fed: Option<&[u8]>, stored: Option<&[u8]>) -> Result<Verdict, ReadError> {
        let stored = stored.and_then(Row::decode);
        let held = stored.and_then(|row| self.holding(row)).filter(|holding| !holding.is_released());
        let is_expired = held.is_some_and(|held| {
            let age = self.snapshot.age_seconds(self.supplier, held.updated, self.now_seconds);
            self.retention_seconds <= age
        });
        let fed = fed.and_then(Row::decode).and_then(|row| Some((row, self.holding(row)?)));
        // What the feed itself has withdrawn is as if it had never been in it.
        let is_withdrawn = fed.is_some_and(|(_, holding)| holding.is_released());
        if let Some(held) = held.filter(|_| is_expired)
            && u64::from(self.snapshot.running_seconds(self.supplier, held.updated)) < self.retention_seconds
        {
            let (in_feed, removed) = &mut self.hidden;
            *if fed.is_some() && !is_withdrawn { in_feed } else { removed } += 1;
        }
        let Some((fed_row, fed_holding)) = fed.filter(|_| !is_withdrawn) else {
            return Ok(match held {
                Some(_) if self.mode == FeedMode::Upsert && !is_withdrawn => Verdict::NotHeld,
                None => Verdict::NotHeld,
                Some(_) if is_expired => Verdict::Expired,
                Some(_) => Verdict::Removed,
            });
        };
        let (Some(stored_row), Some(held)) = (stored, held.filter(|_| !is_expired)) else {
            return Ok(Verdict::Added);
        };
        let is_unchanged = held.spelling == fed_holding.spelling
            && self.has_tags_of(stored_row, fed_row)
            && self.has_context_of(&held, &fed_holding)?;
        Ok(if is_unchanged { Verdict::Unchanged } else { Verdict::Changed })
    }

    fn holding<'r>(&self, row: Row<'r>) -> Option<RowHolding<'r>> {
        row.holdings().find(|holding| holding.supplier == self.supplier)
    }

    /// Whether a stored row has the tags that the feed gives.
    fn has_tags_of(&self, stored: Row<'_>, fed: Row<'_>) -> bool {
        let catalogue = self.snapshot.catalogue();
        let is_known = |tag: &TagId| catalogue.tag_by_id(*tag).is_some();
        !fed.sets_tags() || fed.tags().filter(is_known).eq(stored.tags().filter(is_known))
    }

    /// Whether a stored holding has the context that the feed gives.
    fn has_context_of(&mut self, held: &RowHolding<'_>, fed: &RowHolding<'_>) -> Result<bool, ReadError> {
        match (held.context, fed.context) {
            (_, []) if self.mode == FeedMode::Upsert => Ok(true),
            ([], context) => Ok(context.is_empty()),
            (_, []) => Ok(false),
            (encoded, context) => self.contexts.is(encoded, context),
        }
    }

    /// Puts the row that carries a verdict out in the place of the one before; false if nothing is to be written.
    fn encode(&mut self, verdict: Verdict, fed: Option<&[u8]>, updated: u32) -> bool {
        self.row.clear();
        let release = |row: &mut Vec<u8>| {
            row::encode(self.supplier, HoldingChange::Release, TagsChange::Keep, row);
        };
        match verdict {
            Verdict::Unchanged | Verdict::NotHeld => return false,
            Verdict::Removed | Verdict::Expired => release(&mut self.row),
            Verdict::Added | Verdict::Changed => {
                let Some(fed_row) = fed.and_then(Row::decode) else { return false };
                let Some(holding) = self.holding(fed_row) else { return false };
                self.tags.clear();
                self.tags.extend(fed_row.tags());
                let tags =
                    if fed_row.sets_tags() { TagsChange::Replace(&self.tags) } else { TagsChange::Keep };
                let context = Some(holding.context).filter(|context| !context.is_empty());
                let hold = HoldingChange::Hold { updated, context, spelling: holding.spelling };
                if context.is_some() {
                    row::encode(self.supplier, hold, tags, &mut self.row);
                } else {
                    // A stored context is not the feed's.
                    let (mut newer, mut older) = (Vec::new(), Vec::new());
                    row::encode(self.supplier, hold, tags, &mut newer);
                    release(&mut older);
                    row::merge(&newer, &older, &mut self.row);
                }
            }
        }
        true
    }
}

/// Stored contexts, to be compared with given ones.
struct StoredContexts<'a> {
    snapshot: &'a Snapshot,
    readers: HashMap<TableId, ContextSource<'a>>,
    /// Pairs that were found equal, by hash: feeds repeat a few contexts over and over.
    known: Vec<Option<(ContextRef, (u64, u64))>>,
}

impl StoredContexts<'_> {
    /// Returns true if a reference names this context.
    fn is(&mut self, encoded: &[u8], context: &[u8]) -> Result<bool, ReadError> {
        let named = ContextRef::read(encoded).ok_or_else(ContextSource::missing)?;
        let hash = hash_of(context);
        let spread = hash.0 ^ named.table.to_number().wrapping_mul(31).wrapping_add(u64::from(named.number));
        let place = usize::try_from(spread % KNOWN_PAIRS as u64).unwrap_or(0);
        if self.known.get(place) == Some(&Some((named, hash))) {
            return Ok(true);
        }
        let is_long = KEPT_CONTEXT_BYTES_MAX < context.len();
        if READERS_MAX <= self.readers.len() && !self.readers.contains_key(&named.table) {
            self.readers.clear();
        }
        let reader = match self.readers.entry(named.table) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(self.snapshot.context_source(named.table)?),
        };
        let stored = reader.get(named.number)?;
        let is_same = stored == context;
        if is_long || KEPT_CONTEXT_BYTES_MAX < stored.len() {
            self.readers.remove(&named.table);
        }
        if let Some(pair) = self.known.get_mut(place).filter(|_| is_same) {
            *pair = Some((named, hash));
        }
        Ok(is_same)
    }
}
