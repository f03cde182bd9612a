//! Credentials that were right a moment ago, so that a busy client does not pay for a hash each time.
//!
//! In: a user and password that passed the check. Out: whether the same pair passed it within five minutes. Only
//! a MAC under a key of this process is kept, never a password; failures are never kept. Bounded: the oldest
//! entries go first. Emptied whenever the accounts change.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

#[cfg(test)]
mod tests;

/// How long a success is remembered.
const REMEMBERED: Duration = Duration::from_mins(5);

/// Successes remembered at once.
const ENTRIES_MAX: usize = 4_096;

type Tag = [u8; 32];

/// Remembered successes.
pub(crate) struct Cache {
    key: Hmac<Sha256>,
    entries: HashMap<Tag, Instant>,
    by_age: VecDeque<(Instant, Tag)>,
}

impl Cache {
    /// An empty cache under a random key.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        // A block-sized key is taken as it is; 32 bytes are padded. Neither can fail.
        let mut block = [0; 64];
        for (to, from) in block.iter_mut().zip(key) {
            *to = *from;
        }
        Self { key: Hmac::new(&block.into()), entries: HashMap::new(), by_age: VecDeque::new() }
    }

    /// Tells whether this pair passed the check within the last five minutes.
    pub(crate) fn knows(&self, user: &str, password: &[u8], now: Instant) -> bool {
        self.entries
            .get(&self.tag(user, password))
            .is_some_and(|added| now.saturating_duration_since(*added) < REMEMBERED)
    }

    /// Remembers a pair that just passed the check.
    pub(crate) fn remember(&mut self, user: &str, password: &[u8], now: Instant) {
        while self
            .by_age
            .front()
            .is_some_and(|(added, _)| REMEMBERED <= now.saturating_duration_since(*added))
            || ENTRIES_MAX <= self.by_age.len()
        {
            self.forget_oldest();
        }
        let tag = self.tag(user, password);
        self.entries.insert(tag, now);
        self.by_age.push_back((now, tag));
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.by_age.clear();
    }

    fn forget_oldest(&mut self) {
        if let Some((added, tag)) = self.by_age.pop_front() {
            // The pair may have been remembered again since.
            if self.entries.get(&tag) == Some(&added) {
                self.entries.remove(&tag);
            }
        }
    }

    fn tag(&self, user: &str, password: &[u8]) -> Tag {
        let mut mac = self.key.clone();
        // The length first, so that no two pairs run together into the same text.
        mac.update(&(user.len() as u64).to_be_bytes());
        mac.update(user.as_bytes());
        mac.update(password);
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Cache").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}
