//! Changes of state that operators must know of: told when they come and when they go, not once a request.
//!
//! In: the store, the certificate and the threads of connections, looked at every second. Out: log lines, and what metrics tell of the disk. A
//! state that flickers is told once: it counts as gone when it has
//! not been seen for a while. How many lines were left out of the log is told here too.
//!
//! It has a thread of its own, because it asks the file system, which may hang. For the same reason it is here that the
//! accounts are read again when their file has changed.

use std::{
    io,
    sync::{Arc, Weak},
    thread,
    time::{Duration, Instant},
};

use sluice_model::memory_plan::MemoryPlan;
use sluice_store::{Store, WriteError};

use super::{
    beats::{Beats, Counts},
    removals::REMOVALS,
    state::State,
    tls::CertificateInUse,
};
use crate::{
    certificate::CertificateStanding,
    clock::{date, now_seconds},
};

#[cfg(test)]
mod tests;

/// How often the store is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How often the accounts file is.
const ACCOUNTS_INTERVAL: Duration = Duration::from_millis(500);
/// Looks without a state after which it counts as gone.
const CALM_LOOKS: u32 = 10;
/// How often it is told that a certificate ends.
const CERTIFICATE_INTERVAL: Duration = Duration::from_hours(24);
/// Runs from which merges lag behind. Full tiers come to some 30, and above 64 the store refuses writes.
const RUNS_MANY: usize = 40;

/// What to do about a certificate that ends.
const RENEW: &str =
    "renew it, then reload; if it comes from the unit's LoadCredential=, restart, which alone reads it again";

/// A state that comes and goes.
#[derive(Default)]
struct Condition {
    is_told: bool,
    /// Looks since it was last seen.
    calm_looks: u32,
}

impl Condition {
    /// Takes what is seen; returns whether the state holds if that is to be told now.
    fn look(&mut self, is_seen: bool) -> Option<bool> {
        self.calm_looks = if is_seen { 0 } else { self.calm_looks.saturating_add(1) };
        let is_gone = CALM_LOOKS <= self.calm_looks;
        if self.is_told && is_gone || !self.is_told && is_seen {
            self.is_told = is_seen;
            return Some(is_seen);
        }
        None
    }
}

/// Whether it is time to tell of a certificate that ends, or has ended: when that begins, when another one is put in force,
/// and once a day.
#[derive(Default)]
struct CertificateWatch {
    /// When it was told last, and whether it had ended by then.
    told: Option<(Instant, bool)>,
}

impl CertificateWatch {
    /// Takes how the certificate stands; returns true if that is to be told now.
    fn look(&mut self, standing: &CertificateStanding, is_new: bool, now: Instant) -> bool {
        let has_ended = match standing {
            CertificateStanding::Good => {
                self.told = None;
                return false;
            }
            CertificateStanding::Ending(_) => false,
            CertificateStanding::Refused(_) => true,
        };
        let is_told = self
            .told
            .is_some_and(|(at, before)| before == has_ended && now.duration_since(at) < CERTIFICATE_INTERVAL);
        if is_told && !is_new {
            return false;
        }
        self.told = Some((now, has_ended));
        true
    }
}

/// What is watched.
#[derive(Default)]
struct Conditions {
    certificate: CertificateWatch,
    disk_full: Condition,
    busy: Condition,
    merge_debt: Condition,
    memory_short: Condition,
    memory_over: Condition,
    hang: Condition,
}

impl Conditions {
    /// Filters and indexes grow with what is stored, and bodies give way to them, as far as they can.
    fn look_at_memory(&mut self, filter_bytes: usize, plan: &MemoryPlan) {
        let body_bytes = plan.body_bytes_beside(filter_bytes);
        match self.memory_short.look(plan.stored_bytes < filter_bytes) {
            Some(true) => tracing::warn!(
                filter_bytes,
                body_bytes,
                "the memory is little for so many indicators: their filters and indexes take some of that for large bodies, and \
                 longer ones are refused. Give the daemon more"
            ),
            Some(false) => {
                tracing::info!(filter_bytes, body_bytes, "the memory is enough for what is stored");
            }
            None => {}
        }
        match self.memory_over.look(plan.stored_bytes_max() < filter_bytes) {
            Some(true) => tracing::error!(
                filter_bytes,
                body_bytes,
                "the memory is too little for so many indicators: give the daemon more, or the kernel may end it under load"
            ),
            Some(false) => tracing::info!(filter_bytes, body_bytes, "the memory is not too little any more"),
            None => {}
        }
    }

    fn look_at_threads(&mut self, beats: &Beats) {
        let Counts { all, silent } = beats.count(tokio::time::Instant::now());
        match self.hang.look(silent != 0) {
            Some(true) => tracing::error!(
                threads = all,
                silent,
                "threads of connections hang: their requests are not answered. The watchdog of the service manager, if it is \
                 on, restarts the daemon"
            ),
            Some(false) => tracing::info!("all threads of connections are alive again"),
            None => {}
        }
    }

    fn look_at_certificate(&mut self, certificate: &CertificateInUse) {
        let Some(validity) = certificate.validity() else { return };
        let standing = validity.standing(u64::from(now_seconds()));
        let is_new = certificate.take_new();
        let is_due = self.certificate.look(&standing, is_new, Instant::now());
        if !is_new && !is_due {
            return;
        }
        let sha256 = certificate.fingerprint();
        if is_new {
            tracing::info!(sha256, ends_at = %date(validity.ends_at_seconds), "handshakes have this certificate");
        }
        match standing {
            CertificateStanding::Ending(text) if is_due => {
                tracing::warn!(sha256, "{text}; {RENEW}");
            }
            CertificateStanding::Refused(text) if is_due => {
                tracing::error!(sha256, "{text}; {RENEW}");
            }
            _ => {}
        }
    }

    fn look(&mut self, store: &Store, plan: &MemoryPlan) {
        let refusal = store.refusal();
        match self.disk_full.look(matches!(refusal, Some(WriteError::DiskFull))) {
            Some(true) => tracing::warn!(
                "the disk has less free space than disk_reserve: writes are refused with 507, lookups go on. Free \
                 some space; writes resume by themselves"
            ),
            Some(false) => tracing::info!("the disk has its reserve again: writes are taken"),
            None => {}
        }
        let figures = store.figures();
        self.look_at_memory(figures.resident_bytes, plan);
        let (memtable_bytes, runs, log_bytes) =
            (figures.memtable_bytes, figures.runs_count, figures.log_bytes);
        match self.busy.look(matches!(refusal, Some(WriteError::Busy { .. }))) {
            Some(true) => tracing::warn!(
                memtable_bytes,
                runs,
                log_bytes,
                "the disk cannot keep up: writes are refused with 429 until flushes and merges have caught up"
            ),
            Some(false) => tracing::info!("flushes and merges have caught up: writes are taken"),
            None => {}
        }
        match self.merge_debt.look(RUNS_MANY <= runs) {
            Some(true) => tracing::warn!(
                runs,
                "merges lag behind: lookups become slower, and writes are refused with 429 above 64 runs"
            ),
            Some(false) => tracing::info!(runs, "merges have caught up"),
            None => {}
        }
    }
}

/// Starts the thread, which ends when the daemon does. `plan` is how its memory is shared out.
///
/// # Errors
///
/// When the operating system refuses a thread.
pub(crate) fn watch(state: &Arc<State>, plan: MemoryPlan) -> io::Result<()> {
    let state = Arc::downgrade(state);
    thread::Builder::new()
        .name("conditions".to_owned())
        .spawn(move || look_again_and_again(&state, &plan))?;
    Ok(())
}

fn look_again_and_again(state: &Weak<State>, plan: &MemoryPlan) {
    let mut conditions = Conditions::default();
    let mut looked_at = None;
    while let Some(state) = state.upgrade() {
        state.auth.reread();
        if looked_at.is_none_or(|looked_at: Instant| LOOK_INTERVAL <= looked_at.elapsed()) {
            looked_at = Some(Instant::now());
            state.request_log.tell_left_out(Instant::now());
            REMOVALS.tell_sums(Instant::now());
            conditions.look_at_threads(&state.beats);
            if let Some(certificate) = &state.certificate {
                conditions.look_at_certificate(certificate);
            }
            if let Some(ingestor) = state.opened() {
                conditions.look(ingestor.store(), plan);
            }
        }
        drop(state);
        thread::sleep(ACCOUNTS_INTERVAL);
    }
}
