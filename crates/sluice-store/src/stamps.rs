//! How old a holding is, whatever the clock of the machine says.
//!
//! In: the [`Clock`], and what the manifest remembers of earlier lives of the store. Out: stamps for updates, and the
//! ages of stamps. A *life* is the time from one opening of the store to its end.
//!
//! A stamp counts the seconds that the store has been running over all its lives, from the hour of its birth on. It
//! grows with the steady clock of the process alone, so a wrong clock of the day cannot move it, no two moments share
//! one, and the difference of two is never more than the time that really went by. Each life also has an *offset*: how
//! far the clock of the day is ahead of the stamps, as read last in that life.
//!
//! | age | is the time since the update | cannot be | so it decides |
//! |---|---|---|---|
//! | [`Ages::running_seconds`] | that the store was running | too high | what merges drop |
//! | [`Ages::age_seconds`] | by the clock of the day, where that is more | too low while the clock is right | what lookups see |
//!
//! *Nothing is destroyed early:* merges drop by the first age alone. *Nothing is hidden for good:* the second compares
//! offsets of two lives; once the clock is as far off as it was when the holding came, it is the real age. A clock that
//! is ahead hides what it makes old, and shows it again when it is back. *Nothing is immortal:* the second age is never
//! below the first, so a holding is gone from lookups when the store has been running for the retention since its last
//! update, whatever the clock did, and from the disk with the next merge after that. What the clock cannot tell, it
//! tells late: at most by the time that the store was not running.
//!
//! Stamps from before there were any, in the manifest of an older daemon, are times of day. By the clock of the day
//! they are as old as they say; the store counts as running since it first saw them, which goes for those from the
//! future as well.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::clock::Clock;

/// Lives that are remembered; of more, neighbors whose offsets differ least become one.
const LIVES_MAX: usize = 32;
/// Seconds of stamps that a kill may make the store give again: those given since the manifest was written last.
const GIVEN_AGAIN_SECONDS_MAX: u32 = 3_600;
/// How long the manifest may lag behind the stamps.
const RECORD_INTERVAL: Duration = Duration::from_mins(10);
/// Change of the offset, in seconds, that goes into the manifest at once.
const OFFSET_STEP_SECONDS: i64 = 2;

/// One life of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Life {
    /// The first stamp of it.
    from: u32,
    /// Seconds that the clock of the day was ahead of the stamps.
    offset: i64,
}

/// What the manifest remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StampsRecord {
    /// Stamps up to this one may have been given.
    stamp: u32,
    /// The first stamp that was given, ever.
    since: u32,
    /// Earliest first.
    lives: Vec<Life>,
}

/// Gives stamps in one life of the store.
#[derive(Debug)]
pub(crate) struct Stamps {
    clock: Arc<dyn Clock>,
    /// What the clock said when the store was opened.
    opened_at: Duration,
    /// Of the lives before this one; this one begins at its stamp.
    before: Arc<StampsRecord>,
}

impl Stamps {
    /// Begins a life after those of the manifest; without any, at the present time of day.
    pub(crate) fn begin(clock: Arc<dyn Clock>, recorded: Option<StampsRecord>) -> Self {
        let born = || {
            let now = clock.now_seconds();
            StampsRecord { stamp: now, since: now, lives: Vec::new() }
        };
        let before = Arc::new(recorded.unwrap_or_else(born));
        Self { opened_at: clock.elapsed(), before, clock }
    }

    /// The present stamp, and how old others are now.
    pub(crate) fn ages(&self) -> Ages {
        let running = self.clock.elapsed().saturating_sub(self.opened_at).as_secs();
        let stamp = self.before.stamp.saturating_add(u32::try_from(running).unwrap_or(u32::MAX));
        let offset = i64::from(self.clock.now_seconds()) - i64::from(stamp);
        Ages { stamp, offset, before: Arc::clone(&self.before) }
    }

    /// What the manifest is to remember from now on.
    pub(crate) fn record(&self) -> StampsRecord {
        let Ages { stamp, offset, before } = self.ages();
        let mut lives = before.lives.clone();
        lives.push(Life { from: before.stamp, offset });
        while LIVES_MAX < lives.len() {
            join_closest(&mut lives);
        }
        StampsRecord { stamp, since: before.since, lives }
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
        let StampsRecord { stamp: begun, since, .. } = *self.before;
        let from = if updated <= self.stamp {
            updated.max(since)
        } else if updated <= begun.saturating_add(GIVEN_AGAIN_SECONDS_MAX) {
            // Given before a kill.
            begun
        } else {
            since
        };
        self.stamp.saturating_sub(from)
    }

    /// Seconds since an update by the clock of the day, which is at `now_seconds`, where those are more.
    pub(crate) fn age_seconds(&self, updated: u32, now_seconds: u32) -> u64 {
        let updated_at = i64::from(updated) + self.offset_of(updated);
        let by_clock = u64::try_from(i64::from(now_seconds) - updated_at).unwrap_or(0);
        by_clock.max(self.running_seconds(updated).into())
    }

    /// Seconds that the clock of the day was ahead of a stamp when it was given; of lives that may have given it, the
    /// most.
    fn offset_of(&self, updated: u32) -> i64 {
        if updated < self.before.since {
            return 0;
        }
        let own = Life { from: self.before.stamp, offset: self.offset };
        let lives = &self.before.lives;
        let ends = lives.iter().skip(1).chain([&own]).map(|next| next.from);
        let lives = lives.iter().zip(ends).chain([(&own, u32::MAX)]);
        let may_have_given = lives.filter(|(life, end)| {
            (life.from..=end.saturating_add(GIVEN_AGAIN_SECONDS_MAX)).contains(&updated)
        });
        may_have_given.map(|(life, _)| life.offset).max().unwrap_or(self.offset)
    }
}

#[cfg(test)]
mod tests;
