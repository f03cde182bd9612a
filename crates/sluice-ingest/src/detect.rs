//! One looked-up value to its result.
//!
//! In: the value, a snapshot of the store. Out: `"result"` and `"categories"` as JSON text: a category for each
//! match, a match being an indicator at one level of the value that an enabled supplier of the tenant holds and
//! has updated within its retention. Order: confidence, highest first, then the supplier's name, then the most
//! specific indicator first.
//!
//! False positives (the contract leaves it open for levels): an indicator on the list matches for nobody but
//! `InternalTI`; and when the value itself is on the list, in full, without its query or by its host alone,
//! no level of it does. A parent domain or a mask on the list suppresses only its own matches.

use std::{
    ops::Range,
    sync::{Arc, OnceLock},
};

use sluice_model::{
    IndicatorKind, SupplierId,
    indicator::write_normal_form,
    matching::{CandidateKeys, candidate_keys},
};
use sluice_store::{ReadError, Record, Snapshot};

use crate::{
    query::LookupRules,
    suppliers::{Role, Suppliers, SuppliersCache},
};

/// Looks values up for one request. Reads may wait for the disk: for pool threads only.
pub(crate) struct Detector {
    snapshot: Snapshot,
    rules: LookupRules,
    /// Made by the first pool thread that needs them.
    suppliers: OnceLock<Arc<Suppliers>>,
    cache: SuppliersCache,
}

/// Room for one value's matches; used again for the next.
pub(crate) struct ProbeBuffers {
    candidates: CandidateKeys,
    record: Record,
    levels: Vec<Level>,
    matches: Vec<Match>,
    /// Normal forms of the levels.
    forms: String,
    /// Contexts of the matches.
    contexts: Vec<u8>,
}

impl Default for ProbeBuffers {
    fn default() -> Self {
        Self {
            candidates: CandidateKeys::new(),
            record: Record::new(),
            levels: Vec::new(),
            matches: Vec::new(),
            forms: String::new(),
            contexts: Vec::new(),
        }
    }
}

/// A candidate that somebody holds.
struct Level {
    kind: IndicatorKind,
    form: Range<usize>,
    is_false_positive: bool,
}

struct Match {
    rank: usize,
    level: usize,
    supplier: SupplierId,
    context: Range<usize>,
}

impl Detector {
    /// Costs nothing yet.
    pub(crate) fn new(snapshot: Snapshot, rules: LookupRules, cache: SuppliersCache) -> Self {
        Self { snapshot, rules, suppliers: OnceLock::new(), cache }
    }

    fn suppliers(&self) -> &Suppliers {
        self.suppliers.get_or_init(|| self.cache.get(self.snapshot.catalogue(), self.rules.tenant))
    }

    /// Appends `,"result":...,"categories":[...]` for the value `text`.
    ///
    /// Cost: a point read of the store for each level of the value.
    ///
    /// # Errors
    ///
    /// What the store could not read; a part may have been appended.
    pub(crate) fn append_result(
        &self,
        text: &str,
        buffers: &mut ProbeBuffers,
        answer: &mut Vec<u8>,
    ) -> Result<(), ReadError> {
        self.probe(text, buffers)?;
        if buffers.matches.is_empty() {
            answer.extend_from_slice(b",\"result\":\"not detected\",\"categories\":[]");
            return Ok(());
        }
        answer.extend_from_slice(b",\"result\":\"detected\",\"categories\":[");
        for (place, found) in buffers.matches.iter().enumerate() {
            let Some(level) = buffers.levels.get(found.level) else { continue };
            let name = self.suppliers().get(&found.supplier).map_or("", |supplier| &supplier.name);
            answer.extend_from_slice(if place == 0 { b"{\"category\":\"" } else { b",{\"category\":\"" });
            answer.extend_from_slice(name.as_bytes());
            answer.push(b'_');
            answer.extend_from_slice(level.kind.category_suffix().as_bytes());
            answer.extend_from_slice(b"\",\"detected_indicator\":");
            append_string(buffers.forms.get(level.form.clone()).unwrap_or_default(), answer);
            answer.extend_from_slice(b",\"context\":");
            let context = buffers.contexts.get(found.context.clone()).unwrap_or_default();
            answer.extend_from_slice(if context.is_empty() { b"{}" } else { context });
            answer.push(b'}');
        }
        answer.push(b']');
        Ok(())
    }

    /// Leaves the matches of `text`, in the order of the answer, in `buffers`.
    fn probe(&self, text: &str, buffers: &mut ProbeBuffers) -> Result<(), ReadError> {
        buffers.levels.clear();
        buffers.matches.clear();
        buffers.forms.clear();
        buffers.contexts.clear();
        candidate_keys(text, self.rules.scope, &mut buffers.candidates);
        let candidates = std::mem::take(&mut buffers.candidates);
        let mut is_suppressed = false;
        for (index, key) in candidates.iter().enumerate() {
            if self.snapshot.get(key, &mut buffers.record)? {
                let is_false_positive = self.collect(key, buffers);
                is_suppressed |= is_false_positive && index < own_levels_count(&candidates);
            }
        }
        buffers.candidates = candidates;
        let ProbeBuffers { levels, matches, .. } = buffers;
        matches.retain(|found| {
            let is_listed = levels.get(found.level).is_some_and(|level| level.is_false_positive);
            let role = self.suppliers().get(&found.supplier).map(|supplier| supplier.role);
            role == Some(Role::InternalTi) || !(is_suppressed || is_listed)
        });
        matches.sort_unstable_by_key(|found| (found.rank, found.level));
        Ok(())
    }

    /// Adds the matches at one level; tells whether it is a false positive.
    fn collect(&self, key: &[u8], buffers: &mut ProbeBuffers) -> bool {
        let from = buffers.forms.len();
        let Some(kind) = write_normal_form(key, &mut buffers.forms) else { return false };
        let level = buffers.levels.len();
        let mut is_false_positive = false;
        for holding in buffers.record.holdings() {
            let Some(supplier) = self.suppliers().get(&holding.supplier) else { continue };
            let expires_seconds = u64::from(holding.updated) + supplier.retention_seconds;
            if expires_seconds <= u64::from(self.rules.now_seconds) {
                continue;
            }
            if supplier.role == Role::FalsePositive {
                is_false_positive = true;
                continue;
            }
            let context_from = buffers.contexts.len();
            buffers.contexts.extend_from_slice(holding.context);
            let context = context_from..buffers.contexts.len();
            buffers.matches.push(Match { rank: supplier.rank, level, supplier: holding.supplier, context });
        }
        buffers.levels.push(Level { kind, form: from..buffers.forms.len(), is_false_positive });
        is_false_positive
    }
}

/// How many of the candidates are the value itself: in full, without its query, by its host alone.
fn own_levels_count(candidates: &CandidateKeys) -> usize {
    // Paths begin with a slash, and a host alone, or an address or hash, has none in its text; it comes after
    // the forms with a path and before the first mask and parent.
    let mut form = String::new();
    let host = candidates.iter().position(|key| {
        form.clear();
        write_normal_form(key, &mut form);
        !form.contains('/')
    });
    host.map_or(candidates.len(), |host| host + 1)
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
