//! A stop in good order: what is in flight is finished or told that it cannot be, and meanwhile whoever comes is answered.
//!
//! In: a server, and the time that the stop may take. Out: a server that has no connection any more, or one whose time is
//! over. It goes in this order:
//!
//! 1. `/readyz` turns 503, answers close their connections, idle connections are closed, and bodies that cannot arrive in
//!    the time are refused. New connections are accepted as before.
//! 2. Once all connections from before the stop have ended, or when the time is all but over, no more are accepted. Those
//!    that came meanwhile are given little time for their bodies: who connects now waits, or is refused.
//! 3. Once these have ended too, the socket is closed.

use std::time::Duration;

use actix_web::dev::ServerHandle;
use tokio::time::{Instant, sleep, timeout_at};

use crate::http::stopping::Stopping;

/// The part of the time that is left for the last two steps.
const CLOSING_PART: u32 = 4;
/// Longest time that is left for them.
const CLOSING_TIME_MAX: Duration = Duration::from_secs(3);
/// How long no connection may be open before the socket is closed: one that was accepted in the last moment is not seen
/// before a worker has it.
const QUIET_TIME: Duration = Duration::from_millis(100);
/// How often connections are counted.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// A stop under way.
pub(super) struct Drain<'s> {
    stopping: &'s Stopping,
    deadline: Instant,
    closing_time: Duration,
}

impl<'s> Drain<'s> {
    /// Begins with the first step.
    pub(super) fn begin(stopping: &'s Stopping, time: Duration) -> Self {
        let closing_time = CLOSING_TIME_MAX.min(time / CLOSING_PART);
        let deadline = Instant::now() + time;
        stopping.begin(deadline - closing_time);
        Self { stopping, deadline, closing_time }
    }

    /// Takes the other steps. Returns false if connections are left when the time is over.
    pub(super) async fn finish(self, handle: &ServerHandle) -> bool {
        let Self { stopping, deadline, closing_time } = self;
        let count = || stopping.early_count();
        let _rest_is_cut = has_none(count, Duration::ZERO, deadline - closing_time).await;
        handle.pause().await;
        stopping.begin((Instant::now() + closing_time / 2).min(deadline));
        let is_done = has_none(|| stopping.open_count(), QUIET_TIME, deadline).await
            && timeout_at(deadline, handle.stop(true)).await.is_ok();
        if !is_done {
            tracing::warn!(
                connections = stopping.open_count(),
                "the time to stop is over: connections are cut"
            );
        }
        is_done
    }
}

/// Waits until `count` has been 0 for as long as `quiet`; returns false if it has not at the deadline.
async fn has_none(count: impl Fn() -> usize, quiet: Duration, deadline: Instant) -> bool {
    let mut busy_at = Instant::now();
    loop {
        let now = Instant::now();
        if count() != 0 {
            busy_at = now;
        } else if quiet <= now - busy_at {
            return true;
        }
        if deadline <= now {
            return false;
        }
        sleep(LOOK_INTERVAL).await;
    }
}
