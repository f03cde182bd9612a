//! Credentials that were refused, by reason.
//!
//! In: the reason. Out: counts.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{
    declared::LOGINS_REFUSED,
    exposition::{Exposition, Value},
};
use crate::auth::refusal::RefusalReason;

#[cfg(test)]
mod tests;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct LoginMetrics {
    /// In the order of the reasons.
    refused: [AtomicU64; RefusalReason::ALL.len()],
}

impl LoginMetrics {
    /// Counts a refusal.
    pub(crate) fn refused(&self, reason: RefusalReason) {
        if let Some(count) = self.refused.get(reason as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Tells the counts.
    pub(crate) fn tell(&self, to: &mut Exposition) {
        let samples = RefusalReason::ALL.into_iter().zip(&self.refused).map(|(reason, count)| {
            (vec![("reason", reason.label().into())], Value::Whole(count.load(Ordering::Relaxed)))
        });
        to.add(LOGINS_REFUSED, samples);
    }
}
