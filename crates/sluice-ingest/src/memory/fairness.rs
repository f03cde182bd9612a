//! Who holds how much: the rules of the two shares, without clock, lock or waiting.
//!
//! In: wishes of holders to hold at least so many bytes. Out: granted, or how many bytes are lacking.
//!
//! Small holders (up to [`limits::SMALL_BODY_BYTES_MAX`]) have a share of their own and pass into the large one
//! when they outgrow it, or when it is full. In the large share, holders are ordered by when they entered. The
//! oldest one can always grow to the length of a maximal body, because nobody else gets what it lacks for that;
//! so somebody always finishes. The others get the rest, those that wait for it oldest first. Whoever has only an
//! answer to send is settled: it grows no more and nothing is kept free for it, but until it is sent the oldest may
//! have to wait for what it holds.

use std::collections::{BTreeMap, BTreeSet};

use sluice_model::limits;

/// Bytes by which small holders grow.
const SMALL_STEP_BYTES: usize = 64 * limits::KIB;

/// Bytes by which large holders grow.
const LARGE_STEP_BYTES: usize = limits::MIB;

/// The ticket of all holders that grow no more.
const SETTLED: u64 = u64::MAX;

/// What one holder has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Grant {
    pub(super) bytes: usize,
    /// Its place in the large share, in which it may still hold nothing; the bytes are then small ones.
    pub(super) ticket: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Fairness {
    large_bytes_max: usize,
    small_bytes_max: usize,
    large_bytes: usize,
    small_bytes: usize,
    /// Bytes by ticket, oldest first.
    large: BTreeMap<u64, usize>,
    waiting: BTreeSet<u64>,
    next_ticket: u64,
    /// All bytes ever granted.
    granted_bytes: u64,
}

impl Fairness {
    pub(super) fn new(large_bytes_max: usize, small_bytes_max: usize) -> Self {
        Self {
            large_bytes_max,
            small_bytes_max,
            large_bytes: 0,
            small_bytes: 0,
            large: BTreeMap::new(),
            waiting: BTreeSet::new(),
            next_ticket: 1,
            granted_bytes: 0,
        }
    }

    pub(super) fn bytes_max(&self) -> usize {
        self.large_bytes_max + self.small_bytes_max
    }

    pub(super) fn large_bytes_max(&self) -> usize {
        self.large_bytes_max
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.large_bytes + self.small_bytes
    }

    pub(super) fn granted_bytes(&self) -> u64 {
        self.granted_bytes
    }

    /// Begins a grant of exactly `bytes`, as a small one if possible.
    pub(super) fn take(&mut self, bytes: usize) -> Result<Grant, usize> {
        let mut grant = Grant::default();
        self.grow_to(&mut grant, bytes, bytes).inspect_err(|_lacking| self.withdraw(&mut grant))?;
        Ok(grant)
    }

    /// Tells how many bytes a body of `bytes` lacks to enter the large share now.
    pub(super) fn check_entry(&self, bytes: usize) -> Result<(), usize> {
        if self.large_bytes_max < bytes {
            return Err(usize::MAX);
        }
        self.check_large(self.next_ticket, bytes.min(LARGE_STEP_BYTES))
    }

    /// Makes a grant at least `bytes`, and some more, so that it need not ask each time.
    ///
    /// After a refusal it has its place in the large share: it waits ([`wait`](Self::wait)) or withdraws.
    pub(super) fn grow(&mut self, grant: &mut Grant, bytes: usize) -> Result<(), usize> {
        if bytes <= grant.bytes {
            return Ok(());
        }
        if self.large_bytes_max < bytes || grant.ticket == Some(SETTLED) {
            return Err(usize::MAX);
        }
        let small_bytes = bytes.next_multiple_of(SMALL_STEP_BYTES);
        let large_bytes = bytes.next_multiple_of(LARGE_STEP_BYTES).min(self.large_bytes_max);
        self.grow_to(grant, small_bytes, large_bytes)
    }

    fn grow_to(&mut self, grant: &mut Grant, small: usize, large: usize) -> Result<(), usize> {
        if grant.ticket.is_none() && small <= limits::SMALL_BODY_BYTES_MAX {
            let more = small.saturating_sub(grant.bytes);
            if more <= self.small_bytes_max - self.small_bytes {
                self.small_bytes += more;
                self.granted_bytes += more as u64;
                grant.bytes += more;
                return Ok(());
            }
        }
        let ticket = *grant.ticket.get_or_insert(self.next_ticket);
        self.next_ticket = self.next_ticket.max(ticket + 1);
        let present = *self.large.entry(ticket).or_insert(0);
        let more = large.saturating_sub(present);
        self.check_large(ticket, more)?;
        if present == 0 {
            self.small_bytes -= grant.bytes;
        }
        self.large.insert(ticket, present + more);
        self.large_bytes += more;
        self.granted_bytes += more as u64;
        self.waiting.remove(&ticket);
        grant.bytes = present + more;
        Ok(())
    }

    fn check_large(&self, ticket: u64, more: usize) -> Result<(), usize> {
        let is_overtaking = self.waiting.first().is_some_and(|older| *older < ticket);
        let for_oldest = match self.large.first_key_value() {
            Some((oldest, bytes)) if *oldest != ticket => {
                limits::BODY_BYTES_MAX.min(self.large_bytes_max).saturating_sub(*bytes)
            }
            _ => 0,
        };
        let free = self.large_bytes_max - self.large_bytes;
        let lacking = (more + for_oldest).saturating_sub(free);
        if lacking == 0 && !is_overtaking { Ok(()) } else { Err(lacking.max(1)) }
    }

    /// Notes that a holder waits; tells whether all others that wait are older.
    pub(super) fn wait(&mut self, grant: &Grant) -> bool {
        self.waiting.extend(grant.ticket);
        self.waiting.last().copied() == grant.ticket
    }

    /// Ends waiting; a holder without large bytes gives up its place.
    pub(super) fn withdraw(&mut self, grant: &mut Grant) {
        let Some(ticket) = grant.ticket else { return };
        self.waiting.remove(&ticket);
        if self.large.get(&ticket) == Some(&0) {
            self.large.remove(&ticket);
            grant.ticket = None;
        }
    }

    /// Makes a grant one that keeps at most `bytes` of its bytes and does not grow any more: nothing is kept free
    /// for it, and nobody stands behind it. Tells whether it is a large one.
    pub(super) fn settle(&mut self, grant: &mut Grant, bytes: usize) -> bool {
        self.withdraw(grant);
        let kept = bytes.min(grant.bytes);
        let freed = grant.bytes - kept;
        grant.bytes = kept;
        let Some(ticket) = grant.ticket.replace(SETTLED) else {
            grant.ticket = None;
            self.small_bytes -= freed;
            return false;
        };
        self.large.remove(&ticket);
        self.large_bytes -= freed;
        true
    }

    /// Ends a grant; tells whether it was a large one.
    pub(super) fn give_back(&mut self, mut grant: Grant) -> bool {
        if grant.ticket == Some(SETTLED) {
            self.large_bytes -= grant.bytes;
            return true;
        }
        self.withdraw(&mut grant);
        let large_bytes = grant.ticket.and_then(|ticket| self.large.remove(&ticket));
        match large_bytes {
            Some(bytes) => self.large_bytes -= bytes,
            None => self.small_bytes -= grant.bytes,
        }
        large_bytes.is_some()
    }
}

#[cfg(test)]
mod tests;
