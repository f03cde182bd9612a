//! Keys worth reading to results of looked-up values.
//!
//! In: what a [`Sieve`] left of many values, a snapshot of the store. Out: for each value `"result"` and
//! `"categories"` as JSON text: a category for each match, a match being an indicator at one level of the value that
//! an enabled supplier of the tenant holds and has updated within its retention. Order: confidence, highest first,
//! then the supplier's name, then the most specific indicator first.
//!
//! False positives (the contract leaves it open for levels): an indicator on the list matches for nobody but
//! `InternalTI`; and when the value itself is on the list, in full, without its query or by its host alone,
//! no level of it does. A parent domain or a mask on the list suppresses only its own matches.

use std::{
    ops::{ControlFlow, Range},
    sync::{Arc, OnceLock},
};

use sluice_model::{IndicatorKind, indicator::write_normal_form};
use sluice_store::{ReadError, Record, Snapshot};

use crate::{
    query::LookupRules,
    sieve::Sieve,
    suppliers::{Role, Suppliers, SuppliersCache},
};

/// About what the text of a match has beside context and normal form.
const MATCH_TEXT_BYTES: usize = 96;

/// What a value without a match gets.
pub(crate) const NOT_DETECTED: &[u8] = b",\"result\":\"not detected\",\"categories\":[]";

/// Looks values up for one request. Reads may wait for the disk: for pool threads only.
pub(crate) struct Detector {
    snapshot: Snapshot,
    rules: LookupRules,
    /// Made by the first pool thread that needs them.
    suppliers: OnceLock<Arc<Suppliers>>,
    cache: SuppliersCache,
}

/// What is stored under the wanted keys of some values.
#[derive(Default)]
pub(crate) struct Found {
    /// The places of the sieve that were read, ascending by key.
    sorted: Vec<Sorted>,
    /// For each place of the sieve that was read, in its order, the number of its level; none when nobody holds it.
    level_of: Vec<Option<usize>>,
    first_place: usize,
    levels: Vec<Level>,
    matches: Vec<Match>,
    /// Normal forms of the levels.
    forms: String,
    /// Contexts of the matches.
    contexts: Vec<u8>,
    /// The matches of one value.
    ranked: Vec<Ranked>,
}

/// A place of the sieve with the beginning of its key, so that most comparisons are of two numbers.
struct Sorted {
    prefix: u128,
    place: usize,
}

/// A key that somebody holds.
struct Level {
    kind: IndicatorKind,
    form: Range<usize>,
    matches: Range<usize>,
    is_false_positive: bool,
}

struct Match {
    /// Number of the supplier among those of the tenant, which is its rank.
    rank: usize,
    context: Range<usize>,
}

struct Ranked {
    rank: usize,
    /// Which level of the value, and which of [`Found::levels`].
    place: usize,
    level: usize,
    context: Range<usize>,
}

impl Found {
    /// Bytes of memory that grow with what was found.
    pub(crate) fn held_bytes(&self) -> usize {
        self.contexts.capacity()
            + self.forms.capacity()
            + self.matches.capacity() * size_of::<Match>()
            + self.levels.capacity() * size_of::<Level>()
            + self.sorted.capacity() * size_of::<Sorted>()
            + self.level_of.capacity() * size_of::<Option<usize>>()
    }

    /// Bytes of what the store gave.
    fn bytes(&self) -> usize {
        self.contexts.len()
            + self.forms.len()
            + self.matches.len() * size_of::<Match>()
            + self.levels.len() * size_of::<Level>()
    }

    /// About how many bytes an answer takes that tells all of it once.
    pub(crate) fn text_bytes(&self) -> usize {
        self.contexts.len() + self.forms.len() + self.levels.len() * MATCH_TEXT_BYTES
    }

    fn clear(&mut self) {
        self.sorted.clear();
        self.level_of.clear();
        self.levels.clear();
        self.matches.clear();
        self.forms.clear();
        self.contexts.clear();
    }

    fn level(&self, place: usize) -> Option<usize> {
        *self.level_of.get(place.checked_sub(self.first_place)?)?
    }
}

impl Detector {
    /// Costs nothing yet.
    pub(crate) fn new(snapshot: Snapshot, rules: LookupRules, cache: SuppliersCache) -> Self {
        Self { snapshot, rules, suppliers: OnceLock::new(), cache }
    }

    fn suppliers(&self) -> &Suppliers {
        self.suppliers.get_or_init(|| self.cache.get(self.snapshot.catalogue(), self.rules.tenant))
    }

    /// Gives the next value to the sieve. Filters only: no disk.
    pub(crate) fn add(&self, text: &str, sieve: &mut Sieve) {
        sieve.add(text, self.rules.scope, &self.snapshot);
    }

    /// Lets the sieve finish. Filters only: no disk.
    pub(crate) fn settle(&self, sieve: &mut Sieve) {
        sieve.settle(self.rules.scope, &self.snapshot);
    }

    /// As of [`Sieve::wants_any`]. Filters only: no disk.
    pub(crate) fn wants_any(&self, sieve: &mut Sieve) -> bool {
        sieve.wants_any(self.rules.scope, &self.snapshot)
    }

    /// Reads what is stored under the wanted keys of some values, in place of what `found` held. False, and nothing
    /// of use, when what is found comes to more than `bytes_max`.
    ///
    /// Cost: a sort, and one read of each block that has one of the keys.
    ///
    /// # Errors
    ///
    /// What the store could not read.
    pub(crate) fn read(
        &self,
        values: Range<usize>,
        sieve: &Sieve,
        found: &mut Found,
        bytes_max: usize,
    ) -> Result<bool, ReadError> {
        found.clear();
        let places = sieve.places_of(values);
        found.first_place = places.start;
        found.level_of.resize(places.len(), None);
        sort(places, sieve, &mut found.sorted);
        let sorted = std::mem::take(&mut found.sorted);
        let is_same = |one: &Sorted, other: &Sorted| {
            one.prefix == other.prefix && sieve.key(one.place) == sieve.key(other.place)
        };
        let groups: Vec<&[Sorted]> = sorted.chunk_by(is_same).collect();
        let mut is_over = false;
        let key_of = |group: &&[Sorted]| group.first().map_or(&[][..], |first| sieve.key(first.place));
        let keys: Vec<&[u8]> = groups.iter().map(key_of).collect();
        self.snapshot.get_many(&keys, |index, record| {
            if bytes_max < found.bytes() {
                is_over = true;
                return ControlFlow::Break(());
            }
            let key = keys.get(index).copied().unwrap_or_default();
            let level = self.collect(key, record, found);
            for one in groups.get(index).copied().unwrap_or_default() {
                if let Some(slot) = found.level_of.get_mut(one.place - found.first_place) {
                    *slot = level;
                }
            }
            ControlFlow::Continue(())
        })?;
        found.sorted = sorted;
        Ok(!is_over)
    }

    /// Adds the matches under one key; gives the number of its level.
    fn collect(&self, key: &[u8], record: &Record, found: &mut Found) -> Option<usize> {
        let from = found.forms.len();
        let kind = write_normal_form(key, &mut found.forms)?;
        let (first_match, mut is_false_positive) = (found.matches.len(), false);
        let suppliers = self.suppliers();
        for holding in record.holdings() {
            let Some((rank, supplier)) = suppliers.get(holding.supplier) else { continue };
            let expires_seconds = u64::from(holding.updated) + supplier.retention_seconds;
            if expires_seconds <= u64::from(self.rules.now_seconds) {
                continue;
            }
            if supplier.role == Role::FalsePositive {
                is_false_positive = true;
                continue;
            }
            let context_from = found.contexts.len();
            found.contexts.extend_from_slice(holding.context);
            found.matches.push(Match { rank, context: context_from..found.contexts.len() });
        }
        let matches = first_match..found.matches.len();
        found.levels.push(Level { kind, form: from..found.forms.len(), matches, is_false_positive });
        Some(found.levels.len() - 1)
    }

    /// Appends `,"result":...,"categories":[...]` for the value whose wanted keys are at `places`, which were read.
    pub(crate) fn append_result(
        &self,
        places: Range<usize>,
        sieve: &Sieve,
        found: &mut Found,
        answer: &mut Vec<u8>,
    ) {
        self.rank(places, sieve, found);
        if found.ranked.is_empty() {
            answer.extend_from_slice(NOT_DETECTED);
            return;
        }
        answer.extend_from_slice(b",\"result\":\"detected\",\"categories\":[");
        for (place, one) in found.ranked.iter().enumerate() {
            let Some(level) = found.levels.get(one.level) else { continue };
            let name = self.suppliers().ranked(one.rank).map_or("", |supplier| &supplier.name);
            answer.extend_from_slice(if place == 0 { b"{\"category\":\"" } else { b",{\"category\":\"" });
            answer.extend_from_slice(name.as_bytes());
            answer.push(b'_');
            answer.extend_from_slice(level.kind.category_suffix().as_bytes());
            answer.extend_from_slice(b"\",\"detected_indicator\":");
            append_string(found.forms.get(level.form.clone()).unwrap_or_default(), answer);
            answer.extend_from_slice(b",\"context\":");
            let context = found.contexts.get(one.context.clone()).unwrap_or_default();
            answer.extend_from_slice(if context.is_empty() { b"{}" } else { context });
            answer.push(b'}');
        }
        answer.push(b']');
    }

    /// Leaves the matches of a value, in the order of the answer, in `found.ranked`.
    fn rank(&self, places: Range<usize>, sieve: &Sieve, found: &mut Found) {
        let mut ranked = std::mem::take(&mut found.ranked);
        ranked.clear();
        let mut is_suppressed = false;
        let wanted = sieve.wanted().get(places.clone()).unwrap_or_default();
        for (place, wanted) in places.zip(wanted) {
            let Some(number) = found.level(place) else { continue };
            let Some(level) = found.levels.get(number) else { continue };
            is_suppressed |= level.is_false_positive && wanted.is_own;
            for one in found.matches.get(level.matches.clone()).unwrap_or_default() {
                ranked.push(Ranked { rank: one.rank, place, level: number, context: one.context.clone() });
            }
        }
        ranked.retain(|one| {
            let is_listed = found.levels.get(one.level).is_some_and(|level| level.is_false_positive);
            let role = self.suppliers().ranked(one.rank).map(|supplier| supplier.role);
            role == Some(Role::InternalTi) || !(is_suppressed || is_listed)
        });
        ranked.sort_unstable_by_key(|one| (one.rank, one.place));
        found.ranked = ranked;
    }
}

/// Fills `sorted` with places of the sieve, ascending by key.
fn sort(places: Range<usize>, sieve: &Sieve, sorted: &mut Vec<Sorted>) {
    sorted.extend(places.map(|place| {
        let mut prefix = [0; 16];
        for (to, from) in prefix.iter_mut().zip(sieve.key(place)) {
            *to = *from;
        }
        Sorted { prefix: u128::from_be_bytes(prefix), place }
    }));
    sorted.sort_unstable_by(|one, other| {
        one.prefix.cmp(&other.prefix).then_with(|| sieve.key(one.place).cmp(sieve.key(other.place)))
    });
}

/// Appends `text` as a JSON string.
fn append_string(text: &str, json: &mut Vec<u8>) {
    let before = json.len();
    if serde_json::to_writer(&mut *json, text).is_err() {
        // Writing a string to memory does not fail; if it ever did, the answer would still be JSON.
        json.truncate(before);
        json.extend_from_slice(b"\"\"");
    }
}

#[cfg(test)]
mod tests;
