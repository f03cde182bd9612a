//! When suppliers were last replaced: their holdings are as young as that, whatever stamps they have themselves.
//!
//! A replacement writes what has changed and nothing else, and still renews all that the supplier holds. So the age of
//! a holding is that of its last update or of the last replacement of its supplier, whichever is less. What had expired
//! before must not come back by that: a replacement writes or releases each holding that has expired (`replace/diff.rs`),
//! so once it is visible, all holdings of the supplier are of the new feed.
//!
//! In: commits and manifests. Out: part of the view. Replacements only add to it, in any order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sluice_model::{SupplierId, varint::take_array};

use crate::stamps::Ages;

/// That a supplier was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Renewal {
    /// Who.
    pub(crate) supplier: SupplierId,
    /// When, as updates are stamped.
    pub(crate) stamp: u32,
}

impl Renewal {
    /// As a commit carries it.
    pub(crate) fn to_bytes(self) -> [u8; 8] {
        (u64::from(self.supplier.0) << u32::BITS | u64::from(self.stamp)).to_be_bytes()
    }

    /// Reads it back; `None` for anything else.
    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let supplier = SupplierId(u32::from_be_bytes(take_array(&mut bytes)?));
        let stamp = u32::from_be_bytes(take_array(&mut bytes)?);
        if bytes.is_empty() { Some(Self { supplier, stamp }) } else { None }
    }
}

/// The last replacement of each supplier that was ever replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Renewals(BTreeMap<u32, u32>);

impl Renewals {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes a replacement.
    pub(crate) fn note(&mut self, renewal: Renewal) {
        let stamp = self.0.entry(renewal.supplier.0).or_insert(renewal.stamp);
        *stamp = renewal.stamp.max(*stamp);
    }

    /// Notes all of another one.
    pub(crate) fn absorb(&mut self, others: &Self) {
        for (supplier, stamp) in &others.0 {
            self.note(Renewal { supplier: SupplierId(*supplier), stamp: *stamp });
        }
    }

    /// The same without suppliers that are gone.
    pub(crate) fn of_known(&self, is_known: impl Fn(SupplierId) -> bool) -> Self {
        let known = self.0.iter().filter(|(supplier, _)| is_known(SupplierId(**supplier)));
        Self(known.map(|(supplier, stamp)| (*supplier, *stamp)).collect())
    }

    /// Seconds that the store has been running since a holding was renewed: see [`Ages::running_seconds`].
    pub(crate) fn running_seconds(&self, ages: &Ages, supplier: SupplierId, updated: u32) -> u32 {
        let own = ages.running_seconds(updated);
        // Ages, not stamps, are compared: those of an older daemon may be from the future.
        self.0.get(&supplier.0).map_or(own, |stamp| own.min(ages.running_seconds(*stamp)))
    }

    /// Seconds since then by the clock of the day, where those are more: see [`Ages::age_seconds`].
    pub(crate) fn age_seconds(
        &self,
        ages: &Ages,
        supplier: SupplierId,
        updated: u32,
        now_seconds: u32,
    ) -> u64 {
        let own = ages.age_seconds(updated, now_seconds);
        self.0.get(&supplier.0).map_or(own, |stamp| own.min(ages.age_seconds(*stamp, now_seconds)))
    }
}
