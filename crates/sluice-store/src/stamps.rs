//! How old a holding is, whatever the clock of the machine says.
//!
//! In: the [`Clock`], and what manifest and log remember of earlier lives of the store. Out: stamps for updates, and
//! the ages of stamps. A *life* is the time from one opening of the store to its end.
//!
//! A stamp counts the seconds that the store has been running over all its lives, from the hour of its birth on. It
//! grows with the steady clock of the process alone, so a wrong clock of the day cannot move it, and the difference of
//! two is never more than the time that really went by. Each life also has an *offset*: how far the clock of the day is
//! ahead of the stamps, as read last in that life. An update is stamped with the present, or with the first stamp of the
//! life if that is later: no two lives share a stamp, so each tells in which life it was given. A kill makes the store
//! forget some of its running time, but no stamp of a row that it has: commits carry theirs ([`Given`]).
//!
//! | age | is the time since the update | cannot be | so it decides |
//! |---|---|---|---|
//! | [`Ages::running_seconds`] | that the store was running | too high | what merges drop |
//! | [`Ages::age_seconds`] | by the clock of the day, where that is more | too low while the clock is right | what lookups see |
//!
//! *Nothing is destroyed early:* merges drop by the first age alone. *Nothing is hidden for good:* the second compares
//! offsets of two lives; once the clock is as far off as it was when the holding came, it is the real age. A clock that
//! is ahead hides what it makes old, and shows it again when it is back. *Nothing is immortal:* the second age is never
//! more than a second below the first, so a holding is gone from lookups when the store has been running for the retention since its last
//! update, whatever the clock did, and from the disk with the next merge after that. What the clock cannot tell, it
//! tells late: at most by the time that the store was not running.
//!
//! Stamps from before there were any, in the manifest of an older daemon, are times of day. By the clock of the day
//! they are as old as they say; the store counts as running since it first saw them, which goes for those from the
//! future as well.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::clock::Clock;

/// Lives that are remembered; of more, neighbors whose offsets differ least become one.
const LIVES_MAX: usize = 32;
/// The last hour of birth, in 2065, whatever the clock says then: stamps must not come to the end of their numbers.
const BORN_SECONDS_MAX: u32 = 3_000_000_000;
/// How long the manifest may lag behind the stamps.
const RECORD_INTERVAL: Duration = Duration::from_mins(10);
/// Change of the offset, in milliseconds, that counts: the two clocks are never read at once, nor are their seconds the same ones.
const OFFSET_CHANGE_MS: u64 = 1_000;
/// Change of the offset, in seconds, that goes into the manifest at once.
const OFFSET_STEP_SECONDS: i64 = 2;

/// One life of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Life {
    /// The first stamp that it gave.
    from: u32,
    /// Seconds that the clock of the day was ahead of the stamps.
    offset: i64,
}

/// What the manifest remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StampsRecord {
    /// The present when it was written.
    stamp: u32,
    /// The first stamp that was given, ever.
    since: u32,
    /// The last stamp of an update.
    #[serde(default)]
    given: u32,
    /// Earliest first.
    lives: Vec<Life>,
}

/// What a commit remembers, in case that the manifest is written no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Given {
    /// The present when it was committed.
    stamp: u32,
    /// The last stamp of an update then.
    update: u32,
}

impl Given {
    /// Bytes of it.
    pub(crate) const BYTES: usize = 8;

    /// As a commit carries it.
    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        (u64::from(self.stamp) << u32::BITS | u64::from(self.update)).to_be_bytes()
    }

    /// Reads it back.
    pub(crate) fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let [s0, s1, s2, s3, update @ ..] = bytes;
        Self { stamp: u32::from_be_bytes([s0, s1, s2, s3]), update: u32::from_be_bytes(update) }
    }

    /// The later of both.
    pub(crate) fn later(self, other: Self) -> Self {
        Self { stamp: self.stamp.max(other.stamp), update: self.update.max(other.update) }
    }
}

/// Gives stamps in one life of the store.
#[derive(Debug)]
pub(crate) struct Stamps {
    clock: Arc<dyn Clock>,
    /// What the clock said when the store was opened.
    opened_at: Duration,
    /// Of the lives before this one.
    before: Arc<StampsRecord>,
    /// The last stamp of an update.
    given: AtomicU32,
    /// How far the clock of the day is ahead of the stamps: the same as long as nobody sets it, so that an update has one time of day.
    ahead_ms: AtomicI64,
}

impl Stamps {
    /// Begins a life after those that manifest and commits remember; without any, at the present time of day.
    pub(crate) fn begin(
        clock: Arc<dyn Clock>,
        recorded: Option<StampsRecord>,
        committed: Option<Given>,
    ) -> Self {
        let before = match (recorded, committed) {
            (Some(recorded), committed) => recorded.after(committed.unwrap_or_default()),
            // The manifest of the first life was never written.
            (None, Some(given)) => {
                StampsRecord { since: given.stamp, ..StampsRecord::default() }.after(given)
            }
            (None, None) => {
                let now = clock.now_seconds().min(BORN_SECONDS_MAX);
                StampsRecord { stamp: now, since: now, given: 0, lives: Vec::new() }
            }
        };
        let given = AtomicU32::new(before.given);
        let ahead_ms = AtomicI64::new(milliseconds(clock.now()) - 1_000 * i64::from(before.stamp));
        Self { opened_at: clock.elapsed(), before: Arc::new(before), given, ahead_ms, clock }
    }

    /// The present stamp, and how old others are now.
    pub(crate) fn ages(&self) -> Ages {
        let running = self.running();
        let started_ms = milliseconds(self.clock.now()) - milliseconds(running);
        let found_ms = started_ms - 1_000 * i64::from(self.before.stamp);
        let mut ahead_ms = self.ahead_ms.load(Ordering::Relaxed);
        if OFFSET_CHANGE_MS <= found_ms.abs_diff(ahead_ms) {
            ahead_ms = found_ms;
            self.ahead_ms.store(found_ms, Ordering::Relaxed);
        }
        let before = Arc::clone(&self.before);
        Ages { stamp: before.stamp_after(running), offset: ahead_ms.div_euclid(1_000), before }
    }

    /// What the commit of the updates so far is to carry.
    pub(crate) fn given(&self) -> Given {
        Given { stamp: self.stamp(), update: self.given.load(Ordering::Relaxed) }
    }

    /// What an update of this moment is stamped with.
    pub(crate) fn for_update(&self) -> u32 {
        let stamp = self.stamp().max(self.before.first_of_next());
        self.given.fetch_max(stamp, Ordering::Relaxed);
        stamp
    }

    fn stamp(&self) -> u32 {
        self.before.stamp_after(self.running())
    }

    /// How long this life has lasted.
    fn running(&self) -> Duration {
        self.clock.elapsed().saturating_sub(self.opened_at)
    }

    /// What the manifest is to remember from now on.
    pub(crate) fn record(&self) -> StampsRecord {
        let Ages { stamp, offset, before } = self.ages();
        let mut lives = before.lives.clone();
        lives.push(Life { from: before.first_of_next(), offset });
        while LIVES_MAX < lives.len() {
            join_closest(&mut lives);
        }
        StampsRecord { stamp, since: before.since, given: self.given.load(Ordering::Relaxed), lives }
    }

    /// Returns true if the manifest remembers too little: the clock of the day was set, or much time went by.
    pub(crate) fn is_due(&self, recorded: Option<&StampsRecord>) -> bool {
        let Some(recorded) = recorded else { return true };
        let now = self.ages();
        let offset = recorded.lives.last().map_or(0, |life| life.offset);
        RECORD_INTERVAL.as_secs() <= u64::from(now.stamp.saturating_sub(recorded.stamp))
            || OFFSET_STEP_SECONDS < (now.offset - offset).abs()
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

impl StampsRecord {
    /// The stamp when the next life has lasted for some time.
    fn stamp_after(&self, running: Duration) -> u32 {
        self.stamp.saturating_add(u32::try_from(running.as_secs()).unwrap_or(u32::MAX))
    }

    /// The same, after the commits that came later.
    fn after(self, committed: Given) -> Self {
        let (stamp, given) = (self.stamp.max(committed.stamp), self.given.max(committed.update));
        Self { stamp, given, ..self }
    }

    /// The first stamp that the life after it gives.
    fn first_of_next(&self) -> u32 {
        self.stamp.max(self.given.saturating_add(1))
    }
}

/// Makes one life of the two neighbors whose offsets differ least. It has the larger one, which makes holdings younger.
fn join_closest(lives: &mut Vec<Life>) {
    let differences =
        lives.iter().zip(lives.iter().skip(1)).map(|(one, next)| (next.offset - one.offset).abs());
    let Some((closest, _)) = differences.enumerate().min_by_key(|(_, difference)| *difference) else {
        return;
    };
    let second = lives.remove(closest + 1);
    if let Some(first) = lives.get_mut(closest) {
        first.offset = first.offset.max(second.offset);
    }
}

/// How old holdings are at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Ages {
    /// The stamp of that moment.
    pub(crate) stamp: u32,
    /// Seconds that the clock of the day is ahead of it.
    offset: i64,
    before: Arc<StampsRecord>,
}

impl Ages {
    /// Seconds that the store has been running since an update; never more than went by.
    pub(crate) fn running_seconds(&self, updated: u32) -> u32 {
        let StampsRecord { since, .. } = *self.before;
        // What is from the future and was not given is of an older daemon.
        let is_given = updated <= self.stamp.max(self.before.first_of_next());
        let from = if is_given { updated.max(since) } else { since };
        self.stamp.saturating_sub(from)
    }

    /// Seconds since an update by the clock of the day, which is at `now_seconds`, unless it was running for longer. A single second
    /// of that is none: whoever asks has looked at the clock before.
    pub(crate) fn age_seconds(&self, updated: u32, now_seconds: u32) -> u64 {
        let updated_at = i64::from(updated) + self.offset_of(updated);
        let by_clock = u64::try_from(i64::from(now_seconds) - updated_at).unwrap_or(0);
        let running = u64::from(self.running_seconds(updated));
        if by_clock + 1 < running { running } else { by_clock }
    }

    /// Seconds that the clock of the day was ahead of a stamp in the life that gave it.
    fn offset_of(&self, updated: u32) -> i64 {
        if updated < self.before.since {
            return 0;
        }
        if self.before.first_of_next() <= updated {
            return self.offset;
        }
        let life = self.before.lives.iter().rfind(|life| life.from <= updated);
        life.map_or(self.offset, |life| life.offset)
    }
}

#[cfg(test)]
mod tests;
