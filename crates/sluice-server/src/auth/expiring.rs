//! Values by key, each for a fixed time from when it was inserted.
//!
//! In: keys and values, and what time it is: there is no clock here. Out: those that are not too old. Bounded: the
//! oldest go first, so a flood of new keys shortens the memory and takes no more of it.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    time::{Duration, Instant},
};

#[cfg(test)]
mod tests;

/// A map that forgets.
pub(crate) struct Expiring<Key, Value> {
    entries: HashMap<Key, (Instant, Value)>,
    /// In the order of insertion; a key that was inserted again stands here twice.
    by_age: VecDeque<(Instant, Key)>,
    lifetime: Duration,
    entries_max: usize,
}

impl<Key: Copy + Eq + Hash, Value> Expiring<Key, Value> {
    /// Keeps each value for `lifetime`, and at most `entries_max` of them.
    pub(crate) fn new(lifetime: Duration, entries_max: usize) -> Self {
        Self { entries: HashMap::new(), by_age: VecDeque::new(), lifetime, entries_max }
    }

    /// The value of a key and when it was inserted. `now` may be a little older than that.
    pub(crate) fn get_mut(&mut self, key: &Key, now: Instant) -> Option<(Instant, &mut Value)> {
        let (inserted, value) = self.entries.get_mut(key)?;
        if self.lifetime <= now.saturating_duration_since(*inserted) {
            return None;
        }
        Some((*inserted, value))
    }

    /// Inserts a value, from now on for its lifetime.
    pub(crate) fn insert(&mut self, key: Key, value: Value, now: Instant) {
        while let Some((inserted, oldest)) = self.by_age.front()
            && (self.entries_max <= self.by_age.len()
                || self.lifetime <= now.saturating_duration_since(*inserted))
        {
            // Inserted again since, it stays.
            if let Some((last, _)) = self.entries.get(oldest)
                && last == inserted
            {
                self.entries.remove(oldest);
            }
            self.by_age.pop_front();
        }
        self.entries.insert(key, (now, value));
        self.by_age.push_back((now, key));
    }

    /// Entries, in each of the two collections.
    #[cfg(test)]
    pub(crate) fn lens(&self) -> (usize, usize) {
        (self.entries.len(), self.by_age.len())
    }
}
