//! What the index has of a batch, and how it is told.
//!
//! In: a summary, and what is running or written of it. Out: the same, for whoever asks. Plain data.

use std::{sync::Arc, time::Duration};

use super::{id::BatchId, journal::FramePlace, live::Live, summary::Summary};

/// By time, then id.
pub(super) type Key = (u64, BatchId);

/// A batch and what is kept of it.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) summary: Summary,
    /// While it is running.
    pub(super) live: Option<Arc<Live>>,
    /// Of its refused rows, in order.
    pub(super) frames: Vec<FramePlace>,
    /// Where its newest summary stands, if it stands anywhere.
    pub(super) segment: Option<u64>,
}

/// A batch as it is now.
pub(crate) struct Told {
    /// What is known of it.
    pub(crate) summary: Summary,
    /// How many of its refused rows are kept.
    pub(crate) rejects_kept: u64,
    /// How long it has been running, while it is.
    pub(crate) elapsed: Option<Duration>,
    /// False if it is not known to be durable although it has ended just now.
    pub(crate) is_recorded: bool,
}

impl Told {
    pub(super) fn of(entry: &Entry) -> Self {
        Self {
            summary: entry.summary.clone(),
            rejects_kept: entry.frames.iter().map(|place| u64::from(place.count)).sum(),
            elapsed: entry.live.as_ref().map(|live| live.elapsed()),
            is_recorded: true,
        }
    }
}

impl Entry {
    /// Its place among those of its tenant.
    pub(super) fn key(&self) -> Key {
        (self.summary.began_ms, self.summary.id)
    }

    /// Some of its refused rows are not kept; the first reason is told.
    pub(super) fn miss(&mut self, why: &str) {
        self.summary.rejects_missing.get_or_insert_with(|| why.into());
    }

    /// Some of its refused rows stand elsewhere now.
    pub(super) fn replace(&mut self, from: FramePlace, to: FramePlace) {
        for place in &mut self.frames {
            if *place == from {
                *place = to;
            }
        }
    }
}
