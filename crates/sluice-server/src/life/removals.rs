//! Who has removed indicators: a line each, up to a bound a minute, and beyond it a line for each who and where.
//!
//! In: removals, as they become durable. Out: lines of the audit log that leave out nobody and no count. A program that
//! removes one indicator at a time would otherwise write more lines than a journal takes, which then drops others too. No
//! clock.

use std::{
    collections::BTreeMap,
    mem,
    net::IpAddr,
    sync::LazyLock,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::logging::{
    AUDIT,
    quota::{QUOTA_TIME, Quota},
};

#[cfg(test)]
mod tests;

/// Lines a minute for single requests.
const LINES_MAX: u32 = 300;
/// Sums that are told apart.
const SUMS_MAX: usize = 1_000;
/// In place of who and where, beyond that.
const OTHERS: &str = "(others)";

/// The log of this process.
pub(crate) static REMOVALS: LazyLock<RemovalLog> = LazyLock::new(RemovalLog::default);

/// Indicators that a request has removed.
#[derive(Clone, Debug)]
pub(crate) struct Removal<'told> {
    /// Id of the request.
    pub(crate) request_id: &'told str,
    /// Where it comes from.
    pub(crate) address: IpAddr,
    /// Who asked.
    pub(crate) user: &'told str,
    /// What was asked.
    pub(crate) path: &'told str,
    /// How many.
    pub(crate) count: u64,
    /// Of what, such as `deletions accepted`.
    pub(crate) what: &'static str,
}

/// See the module.
pub(crate) struct RemovalLog {
    quota: Quota,
    sums: Mutex<Sums>,
}

/// Address, user and path, and of what.
type ByWhom = (Option<IpAddr>, Box<str>, Box<str>, &'static str);

/// What has not been told.
#[derive(Default)]
struct Sums {
    /// When the first came in.
    began: Option<Instant>,
    /// Requests, and how many they have removed.
    by_whom: BTreeMap<ByWhom, [u64; 2]>,
}

impl Default for RemovalLog {
    fn default() -> Self {
        Self { quota: Quota::new(LINES_MAX), sums: Mutex::default() }
    }
}

impl RemovalLog {
    /// Tells of a removal, now or with others.
    pub(crate) fn note(&self, removal: &Removal<'_>, now: Instant) {
        let Removal { request_id, address, user, path, count, what } = removal.clone();
        if count == 0 {
            return;
        }
        if self.quota.take(now) {
            let change = format!("{count} {what}");
            tracing::info!(target: AUDIT, request_id, %address, user, path, change, "changed");
            return;
        }
        let mut sums = self.sums.lock();
        sums.began.get_or_insert(now);
        let mut by = (Some(address), user.into(), path.into(), what);
        if SUMS_MAX <= sums.by_whom.len() && !sums.by_whom.contains_key(&by) {
            by = (None, OTHERS.into(), OTHERS.into(), what);
        }
        let [requests, sum] = sums.by_whom.entry(by).or_default();
        *requests += 1;
        *sum += count;
    }

    /// Tells the sums that are a minute old. To be called now and then.
    pub(crate) fn tell_sums(&self, now: Instant) {
        self.tell_sums_after(QUOTA_TIME, now);
    }

    /// Tells all sums, at the end.
    pub(crate) fn tell_rest(&self) {
        self.tell_sums_after(Duration::ZERO, Instant::now());
    }

    fn tell_sums_after(&self, age: Duration, now: Instant) {
        let by_whom = {
            let mut sums = self.sums.lock();
            if sums.began.is_none_or(|began| now.saturating_duration_since(began) < age) {
                return;
            }
            mem::take(&mut *sums).by_whom
        };
        for ((address, user, path, what), [requests, sum]) in by_whom {
            let address = address.map_or_else(|| OTHERS.to_owned(), |address| address.to_string());
            let (user, path, change) = (&*user, &*path, format!("{sum} {what}"));
            tracing::info!(target: AUDIT, requests, address, user, path, change, "changed by more than one request");
        }
    }
}
