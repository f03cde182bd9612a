//! Threads that beat, hang and end, by a clock that the tests move.

use std::pin::pin;

use tokio::time::{Duration, Instant, advance, sleep};

use super::{BEAT_INTERVAL, Beats, SILENCE_MAX};

fn silent(beats: &Beats) -> usize {
    beats.count(Instant::now()).silent
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn threads_that_turn_are_not_silent() {
    let beats = Beats::default();
    let hours = async {
        for _ in 0..1_000 {
            sleep(SILENCE_MAX).await;
            assert_eq!(silent(&beats), 0);
        }
    };
    tokio::select! {
        () = beats.of_thread() => {}
        () = beats.of_thread() => {}
        () = hours => {}
    }
}

/// A thread that is blocked does not poll what runs on it.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_thread_that_hangs_is_noticed_beside_one_that_turns() {
    let beats = Beats::default();
    let mut blocked = pin!(beats.of_thread());
    let rest = async {
        tokio::select! {
            () = &mut blocked => {}
            () = sleep(BEAT_INTERVAL) => {}
        }
        assert_eq!(silent(&beats), 0);
        sleep(SILENCE_MAX / 2).await;
        assert_eq!(silent(&beats), 0);
        sleep(SILENCE_MAX).await;
        assert_eq!(silent(&beats), 1);
        // It turns again.
        tokio::select! {
            () = &mut blocked => {}
            () = sleep(BEAT_INTERVAL) => {}
        }
        assert_eq!(silent(&beats), 0);
    };
    tokio::select! {
        () = beats.of_thread() => {}
        () = rest => {}
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_thread_that_has_ended_is_not_missed() {
    let beats = Beats::default();
    let ended = beats.of_thread();
    advance(Duration::from_hours(1)).await;
    assert_eq!(silent(&beats), 1);
    drop(ended);
    assert_eq!(silent(&beats), 0);
}

/// No thread is missed before the first has begun, as while the daemon starts.
#[test]
fn without_threads_nothing_is_silent() {
    assert_eq!(silent(&Beats::default()), 0);
}
