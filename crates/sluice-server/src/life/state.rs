//! What all requests share: credentials, the ingestor once the store is open, and whether the store has failed.
//!
//! In: what `lifecycle` learns about the store. Out: the ingestor, or the cause why it cannot be used now. No I/O.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use ipnet::IpNet;
use parking_lot::RwLock;
use sluice_ingest::Ingestor;
use sluice_model::{cursor::Cursor, matching::MatchScope};
use sluice_store::Health;
use tokio::sync::Semaphore;

use super::{beats::Beats, request_log::RequestLog, tls::CertificateInUse};
use crate::{
    auth::Auth,
    batches::Batches,
    config::{Config, IndexSupplier},
    http::{body::Pace, problem::Cause, stopping::Stopping},
    lists::Lists,
    metrics::Metrics,
    worker::Worker,
};

/// Exports at a time.
const EXPORTS_MAX: usize = 16;

/// Looks at what has changed at a time; whoever waits for something to change takes none.
const FOLLOWERS_MAX: usize = 16;

/// Lists that are fetched at a time: each keeps a file that was replaced meanwhile on the disk.
const FETCHES_MAX: usize = 256;

/// Shared by all requests.
pub(crate) struct State {
    /// Checks credentials.
    pub(crate) auth: Auth,
    /// For what would hold up connections.
    pub(crate) workers: Workers,
    /// What became of imports.
    pub(crate) batches: Arc<Batches>,
    /// Lists for devices.
    pub(crate) lists: Arc<Lists>,
    /// Places of exports, [`EXPORTS_MAX`] of them.
    pub(crate) exports: Arc<Semaphore>,
    /// Places of looks at what has changed, [`FOLLOWERS_MAX`] of them.
    pub(crate) followers: Arc<Semaphore>,
    /// Places of those who fetch lists, [`FETCHES_MAX`] of them.
    pub(crate) list_fetches: Arc<Semaphore>,
    /// What is counted, for Prometheus.
    pub(crate) metrics: Metrics,
    /// Tells of requests in the log.
    pub(crate) request_log: RequestLog,
    /// Knows whether the threads of connections turn.
    pub(crate) beats: Beats,
    /// Knows the connections, and whether the daemon stops.
    pub(crate) stopping: Arc<Stopping>,
    /// What TLS is served under, if it is.
    pub(crate) certificate: Option<Arc<CertificateInUse>>,
    rules: RwLock<Arc<Rules>>,
    ingestor: OnceLock<Ingestor>,
    /// What cursors say of the data directory.
    store_number: AtomicU64,
    has_failed: AtomicBool,
}

/// Threads for what would hold up connections.
pub(crate) struct Workers {
    /// Reads large bodies of suppliers and tags, and hands changes of the catalogue to the store.
    pub(crate) entity: Worker,
    /// Reads refused rows.
    pub(crate) batch_reader: Worker,
    /// Reads lists.
    pub(crate) list_reader: Worker,
}

/// What a reload changes for the requests that begin after it.
#[derive(Debug)]
pub(crate) struct Rules {
    /// How slow a body may be.
    pub(crate) pace: Pace,
    /// How slow that of an import may be: it takes as long as it likes, as long as it comes.
    pub(crate) import_pace: Pace,
    /// How far a looked-up value reaches.
    pub(crate) match_scope: MatchScope,
    /// Proxies that are believed.
    pub(crate) proxies: Vec<IpNet>,
    /// Which suppliers indices of Elasticsearch are, by their names in lower case.
    pub(crate) indices: Arc<BTreeMap<String, IndexSupplier>>,
}

impl Rules {
    /// What the configuration says.
    pub(crate) fn of(config: &Config) -> Self {
        let pace = Pace {
            stall: config.http.body_stall.seconds(),
            bytes_per_second_min: config.http.body_rate_min.get(),
            deadline: config.http.body_deadline.seconds(),
        };
        let import_pace = Pace {
            stall: config.http.import_stall.seconds(),
            bytes_per_second_min: 0,
            deadline: Duration::MAX,
        };
        let indices = config.elasticsearch.indices.iter();
        let indices = indices.map(|(index, supplier)| (index.to_lowercase(), supplier.clone())).collect();
        Self {
            pace,
            import_pace,
            match_scope: config.match_scope,
            proxies: config.trusted_proxies.clone(),
            indices: Arc::new(indices),
        }
    }
}

impl State {
    /// The state of a daemon whose store is not open yet.
    pub(crate) fn new(
        auth: Auth,
        rules: Rules,
        workers: Workers,
        metrics: Metrics,
        certificate: Option<Arc<CertificateInUse>>,
        (batches, lists): (Arc<Batches>, Arc<Lists>),
    ) -> Self {
        Self {
            auth,
            workers,
            batches,
            lists,
            exports: Arc::new(Semaphore::new(EXPORTS_MAX)),
            followers: Arc::new(Semaphore::new(FOLLOWERS_MAX)),
            list_fetches: Arc::new(Semaphore::new(FETCHES_MAX)),
            metrics,
            request_log: RequestLog::default(),
            beats: Beats::default(),
            stopping: Arc::default(),
            certificate,
            rules: RwLock::new(Arc::new(rules)),
            ingestor: OnceLock::new(),
            store_number: AtomicU64::new(0),
            has_failed: AtomicBool::new(false),
        }
    }

    /// What holds for a request that begins now.
    pub(crate) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read())
    }

    /// Other rules hold for the requests that begin from now on.
    pub(crate) fn set_rules(&self, rules: Rules) {
        *self.rules.write() = Arc::new(rules);
    }

    /// The store is open, and is that of the data directory with this number.
    pub(crate) fn set_opened(&self, ingestor: Ingestor, store_number: u64) {
        // First, because the store is used as soon as it is there.
        self.store_number.store(store_number, Ordering::Relaxed);
        // There is one opener, so it is set once.
        drop(self.ingestor.set(ingestor));
    }

    /// The cursor of a commit of the store, in whose state it was judged at some second what has expired.
    pub(crate) fn cursor(&self, commit: u64, judged_seconds: u32) -> Cursor {
        Cursor { store: self.store_number.load(Ordering::Relaxed), commit, judged_seconds }
    }

    /// The store can no longer write.
    pub(crate) fn set_failed(&self) {
        self.has_failed.store(true, Ordering::Release);
    }

    /// The ingestor, whether or not it can still write.
    pub(crate) fn opened(&self) -> Option<&Ingestor> {
        self.ingestor.get()
    }

    /// Whether the store can write, as of the last time that somebody asked the disk; `None` while it opens.
    pub(crate) fn known_health(&self) -> Option<Health> {
        if self.has_failed.load(Ordering::Acquire) {
            return Some(Health::Failed);
        }
        self.ingestor.get().map(|ingestor| ingestor.store().known_health())
    }

    /// Seconds since 1970 at which the certificate ends that TLS is served under; `None` for plain HTTP, and for a
    /// certificate that does not tell.
    pub(crate) fn certificate_ends_at_seconds(&self) -> Option<u64> {
        Some(self.certificate.as_ref()?.validity()?.ends_at_seconds)
    }

    /// The ingestor, for a request that reads.
    ///
    /// # Errors
    ///
    /// [`Cause::Starting`] or [`Cause::StoreFailed`].
    pub(crate) fn for_reading(&self) -> Result<&Ingestor, Cause> {
        if self.has_failed.load(Ordering::Acquire) {
            return Err(Cause::StoreFailed);
        }
        self.ingestor.get().ok_or(Cause::Starting)
    }

    /// The ingestor, for a request that writes.
    ///
    /// # Errors
    ///
    /// As [`State::for_reading`], and [`Cause::DiskFull`].
    pub(crate) fn for_writing(&self) -> Result<&Ingestor, Cause> {
        let ingestor = self.for_reading()?;
        match ingestor.store().health() {
            Health::Writable => Ok(ingestor),
            Health::DiskFull => Err(Cause::DiskFull),
            Health::Failed => Err(Cause::StoreFailed),
        }
    }
}
