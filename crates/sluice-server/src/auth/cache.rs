//! Credentials that were right a moment ago, so that a busy client does not pay for a hash each time.
//!
//! In: the tag of a password that passed the check. Out: whether the same tag passed it within five minutes. A
//! [`Tag`] is a MAC under a key of this process over the user, the hash on file and the password; no password is
//! kept. Since the hash is part of it, a changed password ends what was remembered at that instant, and a change
//! of one user costs the others nothing. Failures are never kept. Bounded: the oldest entries go first.

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

/// What stands for a user, the hash on file and the password sent.
pub(crate) type Tag = [u8; 32];

/// Makes tags, under a key that nobody else has.
pub(crate) struct Tagger(Hmac<Sha256>);

impl Tagger {
    /// Tags under a random key.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        // A block-sized key is taken as it is; 32 bytes are padded. Neither can fail.
        let mut block = [0; 64];
        for (to, from) in block.iter_mut().zip(key) {
            *to = *from;
        }
        Self(Hmac::new(&block.into()))
    }

    /// The tag of a password sent for `user`, whose hash on file is `hash`; `None` for an unknown user.
    pub(crate) fn tag(&self, user: &str, hash: Option<&str>, password: &[u8]) -> Tag {
        let mut mac = self.0.clone();
        mac.update(&[u8::from(hash.is_some())]);
        // The lengths first, so that no two tags run together from the same text.
        for part in [user, hash.unwrap_or_default()] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.update(password);
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for Tagger {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tagger").finish_non_exhaustive()
    }
}

/// Remembered successes.
#[derive(Default)]
pub(crate) struct Cache {
    entries: HashMap<Tag, Instant>,
    by_age: VecDeque<(Instant, Tag)>,
}

impl Cache {
    /// Tells whether this tag passed the check within the last five minutes.
    pub(crate) fn knows(&self, tag: &Tag, now: Instant) -> bool {
        let added = self.entries.get(tag);
        added.is_some_and(|added| now.saturating_duration_since(*added) < REMEMBERED)
    }

    /// Remembers a tag that just passed the check.
    pub(crate) fn remember(&mut self, tag: Tag, now: Instant) {
        while self
            .by_age
            .front()
            .is_some_and(|(added, _)| REMEMBERED <= now.saturating_duration_since(*added))
            || ENTRIES_MAX <= self.by_age.len()
        {
            self.forget_oldest();
        }
        self.entries.insert(tag, now);
        self.by_age.push_back((now, tag));
    }

    fn forget_oldest(&mut self) {
        if let Some((added, tag)) = self.by_age.pop_front() {
            // The tag may have been remembered again since.
            if self.entries.get(&tag) == Some(&added) {
                self.entries.remove(&tag);
            }
        }
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Cache").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}
