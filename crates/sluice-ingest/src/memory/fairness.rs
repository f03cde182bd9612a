//! Who holds how much: the rules of the two shares, without clock, lock or waiting.
//!
//! In: requests of holders to hold at least so many bytes. Out: granted, or how many bytes are lacking.
//!
//! Small holders (up to [`limits::SMALL_BODY_BYTES_MAX`]) have a share of their own and pass into the large one
//! when they outgrow it, or when it is full. In the large share, holders are ordered by when they entered. The
//! oldest one can always grow to the length of a maximal body, because no other holder gets what it lacks for that;
//! so one always finishes. The others get the rest, those that wait for it oldest first. A holder that has only an
//! answer to send grows no more and nothing is kept free for it, but until it is sent the oldest may have to wait for
//! what it holds.

use std::collections::{BTreeMap, BTreeSet};

use sluice_model::limits;

/// Bytes by which small holders grow.
const SMALL_STEP_BYTES: usize = 64 * limits::KIB;

/// Bytes by which large holders grow.
const LARGE_STEP_BYTES: usize = limits::MIB;

/// The ticket of all holders that have only an answer to send.
const ANSWERING: u64 = u64::MAX;

/// What one holder has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Grant {
    pub(super) bytes: usize,
    /// Its place in the large share, in which it may still hold nothing; the bytes are then small ones.
    pub(super) ticket: Option<u64>,
}

/// The two shares, and who holds what of them.
#[derive(Debug)]
pub(super) struct Fairness {
    pub(super) large_bytes_max: usize,
    small_bytes_max: usize,
    large_bytes: usize,
    small_bytes: usize,
    /// Bytes by ticket, oldest first.
    large: BTreeMap<u64, usize>,
    waiting: BTreeSet<u64>,
    next_ticket: u64,
    /// All bytes ever granted.
    pub(super) granted_bytes: u64,
}

impl Fairness {
    /// Shares of so many bytes, of which nothing is held.
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

    /// Makes the large share so many bytes. What is held beyond that is kept, and nothing more is granted before it is less.
    /// Returns true if it has grown.
    pub(super) fn resize(&mut self, large_bytes_max: usize) -> bool {
        std::mem::replace(&mut self.large_bytes_max, large_bytes_max) < large_bytes_max
    }

    /// The most that can be held.
    pub(super) fn bytes_max(&self) -> usize {
        self.large_bytes_max + self.small_bytes_max
    }

    /// What is held.
    pub(super) fn held_bytes(&self) -> usize {
        self.large_bytes + self.small_bytes
    }

    /// How many holders wait.
    pub(super) fn waiting_count(&self) -> usize {
        self.waiting.len()
    }

    /// Begins a grant of exactly `bytes`, as a small one if possible.
    pub(super) fn take(&mut self, bytes: usize) -> Result<Grant, usize> {
        let mut grant = Grant::default();
        let taken = self.grow_to(&mut grant, bytes, bytes);
        if taken.is_err() {
            self.withdraw(&mut grant);
        }
        taken.map(|()| grant)
    }

    /// Checks that a body of `bytes` can enter the large share now. `Err` is how many bytes it lacks.
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
        if self.large_bytes_max < bytes || grant.ticket == Some(ANSWERING) {
            return Err(usize::MAX);
        }
        let small_bytes = bytes.next_multiple_of(SMALL_STEP_BYTES);
        let large_bytes = bytes.next_multiple_of(LARGE_STEP_BYTES).min(self.large_bytes_max);
        self.grow_to(grant, small_bytes, large_bytes)
    }

    /// Makes a grant `small` bytes in the small share, or `large` in the large one.
    ///
    /// In the small share it is all or nothing: a holder of 960 KiB that asks for 1,024 gets 64 more if they are free.
    /// If not, or if it asks for more than 1 MiB, it takes a ticket of the large share, where all of its bytes count
    /// anew: it gets 1 MiB there and gives 960 KiB back here. Until then it holds what it had, and 0 bytes there.
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

    /// Checks that `more` bytes of the large share may go to a ticket. `Err` is how many bytes are lacking.
    ///
    /// With 1,024 MiB in all, of which the oldest holder has 100 and others 850, 74 are free. The oldest may have all of
    /// them. To the others they are not free: 28 are kept for the oldest, so that it can come to 128, the longest body,
    /// and a holder that asks for 50 lacks 4 (50 + 28 - 74). No holder gets anything while an older one waits.
    fn check_large(&self, ticket: u64, more: usize) -> Result<(), usize> {
        let is_overtaking = matches!(self.waiting.first(), Some(older) if *older < ticket);
        let for_oldest = match self.large.first_key_value() {
            Some((oldest, bytes)) if *oldest != ticket => {
                limits::BODY_BYTES_MAX.min(self.large_bytes_max).saturating_sub(*bytes)
            }
            _ => 0,
        };
        let free = self.large_bytes_max.saturating_sub(self.large_bytes);
        let lacking = (more + for_oldest).saturating_sub(free);
        if lacking == 0 && !is_overtaking { Ok(()) } else { Err(lacking.max(1)) }
    }

    /// Notes that a holder waits. Returns true if all others that wait are older.
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
    /// for it, and no holder waits behind it. Returns true if it is a large one.
    pub(super) fn release_all_but(&mut self, grant: &mut Grant, bytes: usize) -> bool {
        self.withdraw(grant);
        let kept = bytes.min(grant.bytes);
        let freed = grant.bytes - kept;
        grant.bytes = kept;
        let Some(ticket) = grant.ticket.replace(ANSWERING) else {
            grant.ticket = None;
            self.small_bytes -= freed;
            return false;
        };
        self.large.remove(&ticket);
        self.large_bytes -= freed;
        true
    }

    /// Ends a grant. Returns true if it was a large one.
    pub(super) fn release(&mut self, mut grant: Grant) -> bool {
        if grant.ticket == Some(ANSWERING) {
            self.large_bytes -= grant.bytes;
            return true;
        }
        self.withdraw(&mut grant);
        let Some(ticket) = grant.ticket else {
            self.small_bytes -= grant.bytes;
            return false;
        };
        self.large.remove(&ticket);
        self.large_bytes -= grant.bytes;
        true
    }
}

#[cfg(test)]
mod tests;
