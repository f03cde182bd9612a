//! What is told of requests: those that failed, those that were slow, refused logins, and each one if that is wanted.
//!
//! In: requests that are answered, with the cause if they failed. Out: log lines. A client can make as many requests fail
//! as it likes, so lines of one kind have a quota a minute; what is left out is counted, and the count is told when the
//! minute is over. Refused logins have a quota for each address besides, so that one who guesses a lot does not hide the
//! others; it is more than a ban takes. Guesses have quotas of their own, so that requests without credentials hide none.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use actix_web::http::StatusCode;
use parking_lot::Mutex;
use sluice_model::excerpt::excerpt;

use super::removals::{REMOVALS, Removal};
use crate::{
    auth::{expiring::Expiring, network, refusal::Refused},
    http::{
        problem::Cause,
        record::{RequestRecord, milliseconds},
        request_id::RequestId,
    },
    logging::{
        ACCESS, AUDIT, LOGIN,
        quota::{QUOTA_TIME, Quota},
        slow_after,
    },
};

#[cfg(test)]
mod tests;

/// Lines a minute for requests that failed with one status, and for slow ones.
const REQUEST_LINES_MAX: u32 = 60;
/// Lines a minute for guesses at passwords and tokens, and as many for other refused logins.
const LOGIN_LINES_MAX: u32 = 300;
/// Of these, lines for one address; fail2ban bans after five in ten minutes.
const LOGIN_LINES_PER_ADDRESS_MAX: u32 = 10;
/// Addresses that are told apart, in either sort.
const ADDRESSES_MAX: usize = 4_096;
/// Lines a minute about damage.
const DAMAGE_LINES_MAX: u32 = 1;

/// Lines for refused logins of one sort.
struct LoginQuota {
    all: Quota,
    by_address: Mutex<Expiring<IpAddr, u32>>,
}

impl Default for LoginQuota {
    fn default() -> Self {
        Self {
            all: Quota::new(LOGIN_LINES_MAX),
            by_address: Mutex::new(Expiring::new(QUOTA_TIME, ADDRESSES_MAX)),
        }
    }
}

impl LoginQuota {
    /// Returns true if one more may be told.
    fn take(&self, address: IpAddr, now: Instant) -> bool {
        let address = network::of_client(address);
        {
            let mut by_address = self.by_address.lock();
            match by_address.get_mut(&address, now) {
                Some((_, count)) if *count < LOGIN_LINES_PER_ADDRESS_MAX => *count += 1,
                Some(_) => {
                    self.all.leave_out();
                    return false;
                }
                None => by_address.insert(address, 1, now),
            }
        }
        self.all.take(now)
    }
}

/// See the module.
pub(crate) struct RequestLog {
    internal: Quota,
    busy: Quota,
    disk_full: Quota,
    slow: Quota,
    damage: Quota,
    guesses: LoginQuota,
    other_logins: LoginQuota,
}

impl Default for RequestLog {
    fn default() -> Self {
        Self {
            internal: Quota::new(REQUEST_LINES_MAX),
            busy: Quota::new(REQUEST_LINES_MAX),
            disk_full: Quota::new(REQUEST_LINES_MAX),
            slow: Quota::new(REQUEST_LINES_MAX),
            damage: Quota::new(DAMAGE_LINES_MAX),
            guesses: LoginQuota::default(),
            other_logins: LoginQuota::default(),
        }
    }
}

impl RequestLog {
    /// Tells of a request that is answered, or whose client went away in the middle of the answer.
    pub(crate) fn ended(&self, record: &RequestRecord, status: StatusCode, cause: Option<&Cause>) {
        if let Some(cause) = cause {
            self.failed(record, status, cause, Instant::now());
        }
        if let Some(slow_after) = slow_after() {
            self.note_time(record, status, slow_after);
        }
        if !record.is_answered.get() {
            return record.tell_given_up();
        }
        tracing::info!(
            target: ACCESS,
            request_id = record.id.as_str(),
            address = %record.address,
            user = &*excerpt(record.user()),
            route = record.route.get(),
            status = status.as_u16(),
            received_bytes = record.received_bytes.get(),
            sent_bytes = record.sent_bytes.get(),
            ms = record.elapsed_ms(),
            accepted = record.accepted_count.get(),
            refused = record.refused_count.get(),
            "request"
        );
    }

    fn failed(&self, record: &RequestRecord, status: StatusCode, cause: &Cause, now: Instant) {
        let quota = match cause {
            Cause::Stopping if status == StatusCode::SERVICE_UNAVAILABLE => &self.busy,
            Cause::Busy { .. } | Cause::Interrupted { .. } | Cause::OutOfTime => &self.busy,
            Cause::DiskFull => &self.disk_full,
            Cause::StoreFailed | Cause::Stopping | Cause::Unreadable(_) | Cause::Internal => &self.internal,
            _ => return,
        };
        if let Cause::Unreadable(error) = cause
            && self.damage.take(now)
        {
            tracing::error!(
                error = &**error,
                "stored data is damaged or cannot be read: requests that need it fail. Restore the data directory from a \
                 backup, or push the feeds again into an empty one"
            );
        }
        if !quota.take(now) {
            return;
        }
        let (status, reason) = (status.as_u16(), cause.reason_for_log());
        let (user, path) = (excerpt(record.user()), excerpt(record.path()));
        let (id, route, ms) = (record.id.as_str(), record.route.get(), record.elapsed_ms());
        // The level of an event is fixed where it stands.
        if status == 500 {
            tracing::error!(
                request_id = id, address = %record.address, user = &*user, route, path = &*path, status, ms, reason = &*reason,
                "a request failed"
            );
        } else {
            tracing::warn!(
                request_id = id, address = %record.address, user = &*user, route, path = &*path, status, ms, reason = &*reason,
                "a request was refused"
            );
        }
    }

    fn note_time(&self, record: &RequestRecord, status: StatusCode, slow_after: Duration) {
        let elapsed = record.elapsed();
        let own = elapsed.saturating_sub(record.waited.get());
        if own < slow_after || !self.slow.take(Instant::now()) {
            return;
        }
        tracing::warn!(
            request_id = record.id.as_str(),
            address = %record.address,
            user = &*excerpt(record.user()),
            route = record.route.get(),
            path = &*excerpt(record.path()),
            status = status.as_u16(),
            ms = milliseconds(elapsed),
            waited_for_client_ms = milliseconds(record.waited.get()),
            received_bytes = record.received_bytes.get(),
            "a request was slow"
        );
    }

    /// Tells of a login that was refused.
    pub(crate) fn login_refused(&self, record: &RequestRecord, refused: &Refused, now: Instant) {
        let quota = if refused.reason.is_guess() { &self.guesses } else { &self.other_logins };
        if !quota.take(record.address, now) {
            return;
        }
        // The filter of fail2ban in `deploy` goes by the order of these fields.
        tracing::warn!(
            target: LOGIN,
            address = %record.address,
            reason = refused.reason.told(),
            user = &*excerpt(&refused.user),
            request_id = record.id.as_str(),
            "login refused"
        );
    }

    /// Tells how many lines were left out in minutes that are over. To be called now and then.
    pub(crate) fn tell_left_out(&self, now: Instant) {
        for (quota, what) in [
            (&self.internal, "requests that failed with 500"),
            (&self.busy, "requests that were refused with 429 or 503"),
            (&self.disk_full, "requests that were refused with 507"),
            (&self.slow, "slow requests"),
            (&self.guesses.all, "refused logins"),
            (&self.other_logins.all, "requests without credentials that count"),
        ] {
            let count = quota.take_left_out(now);
            if count != 0 {
                tracing::warn!(count, what, "more happened than was told, to keep the log short");
            }
        }
    }
}

/// Who asks for something, to be told of what becomes of it apart from the request. It does not end with that: a client that
/// goes away before the answer has changed what it has changed.
pub(crate) struct Author {
    id: RequestId,
    address: IpAddr,
    user: Box<str>,
    path: Box<str>,
}

impl Author {
    /// Whoever made a request.
    pub(crate) fn of(record: &RequestRecord) -> Self {
        Self {
            id: record.id.clone(),
            address: record.address,
            user: excerpt(record.user()),
            path: excerpt(record.path()),
        }
    }

    /// Tells that an answer of rows was cut off because its client takes so long.
    pub(crate) fn answer_cut_off(&self, reason: &str) {
        let Self { id, address, user, path } = self;
        tracing::warn!(request_id = id.as_str(), %address, user, path, reason, "an answer was cut off");
    }

    /// Tells what has been changed. Nothing of it is left out: nobody changes anything without the right, and each change
    /// waits for the disk. Does not block.
    pub(crate) fn changed(&self, change: &str) {
        let Self { id, address, user, path } = self;
        tracing::info!(target: AUDIT, request_id = id.as_str(), %address, user, path, change, "changed");
    }

    /// Tells how many indicators, or deletions of some, as `what` has it, have been removed. Does not block.
    pub(crate) fn removed(&self, count: u64, what: &'static str) {
        let Self { id, address, user, path } = self;
        let removal = Removal { request_id: id.as_str(), address: *address, user, path, count, what };
        REMOVALS.note(&removal, Instant::now());
    }
}
