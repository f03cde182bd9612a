//! Who holds how much: the rules of the two shares, without clock, lock or waiting.
//!
//! In: wishes of holders to hold at least so many bytes. Out: granted, or how many bytes are lacking.
//!
//! Light holders (up to [`limits::SMALL_BODY_BYTES_MAX`]) have a share of their own and pass into the heavy one
//! when they outgrow it, or when it is full. In the heavy share, holders are ordered by when they entered. The
//! oldest one can always grow to the length of a maximal body, because nobody else gets what it lacks for that;
//! so somebody always finishes. The others get the rest, those that wait for it oldest first. Whoever has only an
//! answer to send is settled: it grows no more and nothing is kept free for it, but until it is sent the oldest may
//! have to wait for what it holds.

use std::collections::{BTreeMap, BTreeSet};

use sluice_model::limits;

/// Bytes by which light holders grow.
const SMALL_STEP_BYTES: usize = 64 * limits::KIB;

/// Bytes by which heavy holders grow.
const LARGE_STEP_BYTES: usize = limits::MIB;

/// The ticket of all holders that grow no more.
const SETTLED: u64 = u64::MAX;

/// What one holder has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Holding {
    pub(super) bytes: usize,
    /// Its place in the heavy share, in which it may still hold nothing; the bytes are then light ones.
    pub(super) ticket: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Shares {
    heavy_bytes_max: usize,
    light_bytes_max: usize,
    heavy_bytes: usize,
    light_bytes: usize,
    /// Bytes by ticket, oldest first.
    heavy: BTreeMap<u64, usize>,
    waiting: BTreeSet<u64>,
    next_ticket: u64,
    /// All bytes ever granted.
    granted_bytes: u64,
}

impl Shares {
    pub(super) fn new(heavy_bytes_max: usize, light_bytes_max: usize) -> Self {
        Self {
            heavy_bytes_max,
            light_bytes_max,
            heavy_bytes: 0,
            light_bytes: 0,
            heavy: BTreeMap::new(),
            waiting: BTreeSet::new(),
            next_ticket: 1,
            granted_bytes: 0,
        }
    }

    pub(super) fn bytes_max(&self) -> usize {
        self.heavy_bytes_max + self.light_bytes_max
    }

    pub(super) fn heavy_bytes_max(&self) -> usize {
        self.heavy_bytes_max
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.heavy_bytes + self.light_bytes
    }

    pub(super) fn granted_bytes(&self) -> u64 {
        self.granted_bytes
    }

    /// Begins a holding of exactly `bytes`, as a light one if possible.
    pub(super) fn take(&mut self, bytes: usize) -> Result<Holding, usize> {
        let mut holding = Holding::default();
        self.grow_to(&mut holding, bytes, bytes).inspect_err(|_lacking| self.withdraw(&mut holding))?;
        Ok(holding)
    }

    /// Tells how many bytes a body of `bytes` lacks to enter the heavy share now.
    pub(super) fn check_entry(&self, bytes: usize) -> Result<(), usize> {
        if self.heavy_bytes_max < bytes {
            return Err(usize::MAX);
        }
        self.check_heavy(self.next_ticket, bytes.min(LARGE_STEP_BYTES))
    }

    /// Makes a holding at least `bytes`, and some more, so that it need not ask each time.
    ///
    /// After a refusal it has its place in the heavy share: it waits ([`wait`](Self::wait)) or withdraws.
    pub(super) fn grow(&mut self, holding: &mut Holding, bytes: usize) -> Result<(), usize> {
        if bytes <= holding.bytes {
            return Ok(());
        }
        if self.heavy_bytes_max < bytes || holding.ticket == Some(SETTLED) {
            return Err(usize::MAX);
        }
        let light_bytes = bytes.next_multiple_of(SMALL_STEP_BYTES);
        let heavy_bytes = bytes.next_multiple_of(LARGE_STEP_BYTES).min(self.heavy_bytes_max);
        self.grow_to(holding, light_bytes, heavy_bytes)
    }

    fn grow_to(&mut self, holding: &mut Holding, light: usize, heavy: usize) -> Result<(), usize> {
        if holding.ticket.is_none() && light <= limits::SMALL_BODY_BYTES_MAX {
            let more = light.saturating_sub(holding.bytes);
            if more <= self.light_bytes_max - self.light_bytes {
                self.light_bytes += more;
                self.granted_bytes += more as u64;
                holding.bytes += more;
                return Ok(());
            }
        }
        let ticket = *holding.ticket.get_or_insert(self.next_ticket);
        self.next_ticket = self.next_ticket.max(ticket + 1);
        let present = *self.heavy.entry(ticket).or_insert(0);
        let more = heavy.saturating_sub(present);
        self.check_heavy(ticket, more)?;
        if present == 0 {
            self.light_bytes -= holding.bytes;
        }
        self.heavy.insert(ticket, present + more);
        self.heavy_bytes += more;
        self.granted_bytes += more as u64;
        self.waiting.remove(&ticket);
        holding.bytes = present + more;
        Ok(())
    }

    fn check_heavy(&self, ticket: u64, more: usize) -> Result<(), usize> {
        let is_overtaking = self.waiting.first().is_some_and(|older| *older < ticket);
        let for_oldest = match self.heavy.first_key_value() {
            Some((oldest, bytes)) if *oldest != ticket => {
                limits::BODY_BYTES_MAX.min(self.heavy_bytes_max).saturating_sub(*bytes)
            }
            _ => 0,
        };
        let free = self.heavy_bytes_max - self.heavy_bytes;
        let lacking = (more + for_oldest).saturating_sub(free);
        if lacking == 0 && !is_overtaking { Ok(()) } else { Err(lacking.max(1)) }
    }

    /// Notes that a holder waits; tells whether all others that wait are older.
    pub(super) fn wait(&mut self, holding: &Holding) -> bool {
        self.waiting.extend(holding.ticket);
        self.waiting.last().copied() == holding.ticket
    }

    /// Ends waiting; a holder without heavy bytes gives up its place.
    pub(super) fn withdraw(&mut self, holding: &mut Holding) {
        let Some(ticket) = holding.ticket else { return };
        self.waiting.remove(&ticket);
        if self.heavy.get(&ticket) == Some(&0) {
            self.heavy.remove(&ticket);
            holding.ticket = None;
        }
    }

    /// Makes a holding one that keeps at most `bytes` of its bytes and does not grow any more: nothing is kept free
    /// for it, and nobody stands behind it. Tells whether it is a heavy one.
    pub(super) fn settle(&mut self, holding: &mut Holding, bytes: usize) -> bool {
        self.withdraw(holding);
        let kept = bytes.min(holding.bytes);
        let freed = holding.bytes - kept;
        holding.bytes = kept;
        let Some(ticket) = holding.ticket.replace(SETTLED) else {
            holding.ticket = None;
            self.light_bytes -= freed;
            return false;
        };
        self.heavy.remove(&ticket);
        self.heavy_bytes -= freed;
        true
    }

    /// Ends a holding; tells whether it was a heavy one.
    pub(super) fn give_back(&mut self, mut holding: Holding) -> bool {
        if holding.ticket == Some(SETTLED) {
            self.heavy_bytes -= holding.bytes;
            return true;
        }
        self.withdraw(&mut holding);
        let heavy_bytes = holding.ticket.and_then(|ticket| self.heavy.remove(&ticket));
        match heavy_bytes {
            Some(bytes) => self.heavy_bytes -= bytes,
            None => self.light_bytes -= holding.bytes,
        }
        heavy_bytes.is_some()
    }
}

#[cfg(test)]
mod tests;
