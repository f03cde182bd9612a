//! A list as it stands: what it is to hold, what is served of it, and whether it is to be built.
//!
//! In: builds, and what they come to. Out: the file of each format that is served. Nothing here asks a disk or a store.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use sluice_model::ListName;
use tokio::sync::watch;

use super::{
    building::Basis,
    definition::ListDefinition,
    file::{ListFile, WrittenList},
    format::ListFormat,
};
use crate::clock::now_seconds;

/// Time until a list that was not built is tried again.
pub(super) const RETRY_TIME: Duration = Duration::from_secs(5);

/// Time after which a format is no longer built that nobody asks for.
pub(super) const FORGET_TIME: Duration = Duration::from_hours(7 * 24);

/// A list.
pub(crate) struct DeviceList {
    /// Name of its tenant.
    pub(crate) tenant: String,
    /// Its name.
    pub(crate) name: ListName,
    /// What it is to hold.
    pub(crate) definition: ListDefinition,
    /// What names that.
    pub(super) digest: String,
    pub(super) standing: Mutex<ListStanding>,
    /// Changes with each try to build.
    pub(super) tries: watch::Sender<u64>,
}

/// How far a list is.
#[derive(Default)]
pub(super) struct ListStanding {
    /// Whether its files were looked at.
    pub(super) is_loaded: bool,
    /// The formats that are wanted.
    pub(super) formats: BTreeMap<ListFormat, Option<ServedList>>,
    /// When each of them was asked for last.
    pub(super) asked: BTreeMap<ListFormat, Instant>,
    /// What it was built of last.
    pub(super) basis: Option<Basis>,
    /// When the last build began.
    pub(super) began: Option<Instant>,
    /// Why that failed, if it did.
    pub(super) failure: Option<String>,
    /// How often one after the other.
    pub(super) failures_count: u32,
    /// The commit with which trying again makes no sense.
    pub(super) hopeless_at: Option<u64>,
}

/// Whether a format that was never built is built for whoever asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Asker {
    /// It is.
    Known,
    /// It is not: anybody could have all formats built.
    Anybody,
}

/// A format of a list as it is served.
#[derive(Clone, Debug)]
pub(crate) struct ServedList {
    /// Its file.
    pub(crate) file: Arc<ListFile>,
    /// Indicators that it leaves out, as of the last build.
    pub(crate) dropped: u64,
    /// The second of the last build.
    pub(crate) built_seconds: u64,
    /// Why the last build failed, if it did.
    pub(crate) failure: Option<String>,
}

impl ServedList {
    /// A file that an earlier daemon has written.
    pub(super) fn of(file: ListFile) -> Self {
        let (dropped, built_seconds) = (file.figures.dropped, file.figures.modified_seconds);
        Self { file: Arc::new(file), dropped, built_seconds, failure: None }
    }
}

impl DeviceList {
    /// One that was not built yet, but may have files.
    pub(super) fn new(
        tenant: String,
        name: ListName,
        definition: ListDefinition,
        mut formats: BTreeMap<ListFormat, Option<ServedList>>,
    ) -> Self {
        formats.retain(|format, _| definition.refusal(*format).is_none());
        for format in definition.formats_named() {
            formats.entry(format).or_default();
        }
        let standing = Mutex::new(ListStanding { formats, ..ListStanding::default() });
        let digest = definition.digest();
        Self { tenant, name, definition, digest, standing, tries: watch::Sender::new(0) }
    }

    /// How a format is served now; notes that it is wanted, if it may be.
    pub(super) fn served(&self, format: ListFormat, asker: Asker) -> Option<ServedList> {
        let mut standing = self.standing.lock();
        let failure = standing.failure.clone();
        if asker == Asker::Known {
            standing.formats.entry(format).or_default();
        }
        standing.asked.insert(format, Instant::now());
        let served = standing.formats.get(&format).cloned()??;
        Some(ServedList { failure, ..served })
    }

    /// Forgets the formats that nobody has asked for in a long time, and that its definition does not name.
    pub(super) fn forget(&self, now: Instant) -> Vec<ListFormat> {
        let mut standing = self.standing.lock();
        let named: Vec<ListFormat> = self.definition.formats_named().collect();
        let mut forgotten = Vec::new();
        for format in standing.formats.keys().copied().collect::<Vec<_>>() {
            let asked = *standing.asked.entry(format).or_insert(now);
            if FORGET_TIME <= now.saturating_duration_since(asked) && !named.contains(&format) {
                standing.formats.remove(&format);
                standing.asked.remove(&format);
                forgotten.push(format);
            }
        }
        forgotten
    }

    /// Whether a format is wanted that was never built.
    pub(super) fn is_waited_for(&self) -> bool {
        self.standing.lock().formats.values().any(Option::is_none)
    }

    /// Bytes of its files.
    pub(super) fn bytes(&self) -> u64 {
        self.standing.lock().formats.values().flatten().map(|served| served.file.bytes()).sum()
    }

    /// Why the last build failed, if it did.
    pub(crate) fn failure(&self) -> Option<String> {
        self.standing.lock().failure.clone()
    }

    /// The formats that are served.
    pub(crate) fn formats_served(&self) -> Vec<ListFormat> {
        let mut served = Vec::new();
        for (format, file) in &self.standing.lock().formats {
            if file.is_some() {
                served.push(*format);
            }
        }
        served
    }

    /// Whether it is to be built now, of a store with this commit.
    pub(super) fn is_due(&self, sequence: u64, now: Instant) -> bool {
        let standing = self.standing.lock();
        let since = standing.began.map(|began| now.saturating_duration_since(began));
        if standing.formats.is_empty() {
            return false;
        }
        let refresh = Duration::from_secs(self.definition.refresh_seconds.into());
        if standing.failure.is_some() {
            let doubled = RETRY_TIME.saturating_mul(1 << standing.failures_count.clamp(1, 16) >> 1);
            let pause = doubled.min(refresh.max(RETRY_TIME));
            return standing.hopeless_at != Some(sequence) && since.is_none_or(|since| pause <= since);
        }
        let Some(basis) = standing.basis else { return true };
        if standing.formats.values().any(Option::is_none) {
            return true;
        }
        let is_expired = basis.expires_seconds.is_some_and(|expires| expires <= u64::from(now_seconds()));
        (basis.sequence != sequence || is_expired) && since.is_none_or(|since| refresh <= since)
    }

    /// Notes a format that was built.
    pub(super) fn note(&self, format: ListFormat, written: WrittenList, built_seconds: u64) {
        let mut standing = self.standing.lock();
        let known = standing.formats.entry(format).or_default();
        let file = match (written.file, known.take()) {
            (Some(file), _) => Arc::new(file),
            (None, Some(before)) => before.file,
            (None, None) => return,
        };
        *known = Some(ServedList { file, dropped: written.dropped, built_seconds, failure: None });
    }
}
