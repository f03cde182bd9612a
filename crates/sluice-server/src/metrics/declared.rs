//! Every metric: kind, name, unit and what it tells.
//!
//! The conventions of Prometheus hold: base units at the end of the name (`_seconds`, `_bytes`), `_total` for counters and
//! `_info` for what has nothing but labels; `sluice_`, unit and suffix are put on when a metric is written. Alerts and the
//! dashboard in `deploy` go by these names, and a test holds them to it.

use prometheus_client::{
    metrics::MetricType::{self, Counter, Gauge, Histogram, Info},
    registry::Unit,
};

#[cfg(test)]
mod tests;

const BYTES: Option<&Unit> = Some(&Unit::Bytes);
const SECONDS: Option<&Unit> = Some(&Unit::Seconds);
const NONE: Option<&Unit> = None;

/// A metric, by its name without `sluice_`, unit and suffix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metric {
    /// Its kind.
    pub(super) kind: MetricType,
    /// Its name.
    pub(super) name: &'static str,
    /// Its unit.
    pub(super) unit: Option<&'static Unit>,
    /// What it tells.
    pub(super) help: &'static str,
}

macro_rules! declare {
    ($($constant:ident: $kind:ident $name:literal $unit:ident, $help:literal;)*) => {
        $(
            #[doc = $help]
            pub(crate) const $constant: Metric = Metric { kind: $kind, name: $name, unit: $unit, help: $help };
        )*

        /// All of them.
        #[cfg(test)]
        pub(super) const ALL: &[Metric] = &[$($constant,)*];
    };
}

declare! {
    BUILD: Info "build" NONE,
        "The version of the daemon, the commit that it is built from, and the day of that commit.";
    READY: Gauge "ready" NONE,
        "1 while reads and writes are taken, as /readyz tells it, else 0.";
    STATE: Gauge "state" NONE,
        "1 for the state that the daemon is in, 0 for the others.";
    CERTIFICATE_END: Gauge "certificate_expiry_timestamp" SECONDS,
        "When the certificate ends that TLS is served under, in seconds since 1970, if TLS is served.";
    CONNECTIONS: Gauge "http_connections" NONE,
        "Connections that are open.";
    CONNECTIONS_ACCEPTED: Counter "http_connections_accepted" NONE,
        "Connections that were accepted.";
    REQUESTS: Counter "http_requests" NONE,
        "Requests that were answered, by route and status.";
    REQUEST_TIME: Histogram "http_request_duration" SECONDS,
        "Time from the head of a request to its answer, without the time in which its client was waited for.";
    CLIENT_WAIT: Counter "http_client_wait" SECONDS,
        "Time in which clients were waited for to send their bodies, or to take answers of any length.";
    RECEIVED: Counter "http_request_body" BYTES,
        "Bytes of bodies that arrived, as sent.";
    SENT: Counter "http_response_body" BYTES,
        "Bytes of the bodies of answers.";
    ACCEPTED: Counter "indicators_accepted" NONE,
        "Indicators that were accepted, by supplier; they are durable.";
    REFUSED: Counter "indicators_refused" NONE,
        "Indicators that were refused, by supplier and reason.";
    BATCHES_ENDED: Counter "batches_ended" NONE,
        "Imports of /v1 that have ended, by state.";
    BATCHES_RUNNING: Gauge "batches_running" NONE,
        "Imports of /v1 that are under way.";
    BATCHES: Gauge "batches_kept" NONE,
        "Imports of /v1 that can be asked for, those under way included.";
    BATCHES_SIZE: Gauge "batches_size" BYTES,
        "Bytes on disk of what is kept of imports.";
    LISTS: Gauge "lists" NONE,
        "Lists for devices.";
    LISTS_STALE: Gauge "lists_stale" NONE,
        "Lists for devices whose last build failed, so that what was built before is served.";
    LIST_BUILDS: Counter "list_builds" NONE,
        "Builds of lists for devices, by outcome.";
    LOOKED_UP: Counter "lookup_objects" NONE,
        "Values that were looked up.";
    LOGINS_REFUSED: Counter "logins_refused" NONE,
        "Requests that were refused for their credentials, by reason.";
    DAMAGE: Counter "damaged_reads" NONE,
        "Requests that failed because stored data is damaged or cannot be read.";
    RELOADS: Counter "config_reloads" NONE,
        "Times that the configuration was read anew, by outcome.";
    RELOAD_SUCCESSFUL: Gauge "config_last_reload_successful" NONE,
        "1 if the configuration that was read last is in force, 0 if it was refused.";
    RELOAD_TIME: Gauge "config_last_reload_success_timestamp" SECONDS,
        "When the configuration in force was read, in seconds since 1970.";
    SNAPSHOTS: Counter "scheduled_snapshots" NONE,
        "Snapshots that were due by the clock, by outcome.";
    SNAPSHOT_TIME: Gauge "snapshot_newest_timestamp" SECONDS,
        "When the newest good snapshot was taken, in seconds since 1970, if snapshots are scheduled.";
    SNAPSHOT_INTERVAL: Gauge "snapshot_interval" SECONDS,
        "Time from one scheduled snapshot to the next, if snapshots are scheduled.";
    PERMITS: Gauge "permits_held" BYTES,
        "Memory that requests hold for bodies and answers.";
    PERMITS_MAX: Gauge "permits_max" BYTES,
        "Memory that requests may hold for bodies and answers.";
    PERMITS_WAITING: Gauge "permits_waiting" NONE,
        "Requests that wait for memory.";
    PERMIT_WAITS: Histogram "permit_wait" SECONDS,
        "How long requests waited for memory whenever they wanted more.";
    QUEUE_BYTES: Gauge "queue_in_flight" BYTES,
        "Bytes that the threads of a pool work on, or are about to.";
    SLOT_WAITS: Histogram "queue_slot_wait" SECONDS,
        "How long work waited until a pool had room for its bytes.";
    THREAD_WAITS: Histogram "queue_thread_wait" SECONDS,
        "How long work waited for a thread of its pool.";
    LOG_BYTES: Gauge "log_size" BYTES,
        "Bytes of the log on disk.";
    LOG_BYTES_MAX: Gauge "log_size_max" BYTES,
        "Bytes of the log at which bodies are refused.";
    LOG_QUEUE: Gauge "log_queued_requests" NONE,
        "Requests that wait for the log thread.";
    LOG_SYNCS: Histogram "log_sync_duration" SECONDS,
        "How long it took to sync the log.";
    LOG_GROUPS: Histogram "log_sync_group_size" NONE,
        "Commits that shared a sync of the log.";
    SILENCE: Gauge "store_thread_silence" SECONDS,
        "For how long a thread of the store has given no sign of life.";
    MEMTABLE: Gauge "memtable" BYTES,
        "Memory of accepted indicators that are not in the trees yet.";
    MEMTABLE_MAX: Gauge "memtable_max" BYTES,
        "Memory of these above which no write begins.";
    MEMTABLE_ROWS: Gauge "memtable_rows" NONE,
        "Rows that are not in the trees yet.";
    FLUSHES: Histogram "flush_duration" SECONDS,
        "How long it took to move the memtable into a run.";
    RUNS: Gauge "runs" NONE,
        "Sorted runs that a lookup may have to ask.";
    PARTS: Gauge "run_parts" NONE,
        "Parts of the runs.";
    ROWS: Gauge "run_rows" NONE,
        "Rows in the runs; an indicator counts once for each run that has it.";
    STORED: Gauge "run_blocks" BYTES,
        "Bytes of the blocks of the runs, as stored.";
    FILTERS: Gauge "filters" BYTES,
        "Memory of filters and indexes of what is stored; bodies give way to it.";
    MERGES: Histogram "merge_step_duration" SECONDS,
        "How long it took to merge a part.";
    MERGE_DEBT: Gauge "merge_debt" BYTES,
        "Bytes of runs that are due to be merged, or are being merged.";
    MERGE_DEBT_AGE: Gauge "merge_debt_age" SECONDS,
        "For how long there has been something to merge without a break.";
    FILTER_CHECKS: Counter "filter_checks" NONE,
        "Keys for which a lookup asked the filter of a part, by what came of it.";
    CACHE_HITS: Counter "block_cache_hits" NONE,
        "Blocks and contexts that a lookup found in memory.";
    CACHE_MISSES: Counter "block_cache_misses" NONE,
        "Blocks and contexts that a lookup did not find in memory.";
    CACHE_BYTES: Gauge "block_cache" BYTES,
        "Bytes of the blocks and contexts that are kept in memory for lookups.";
    CACHE_BYTES_MAX: Gauge "block_cache_max" BYTES,
        "What these may come to.";
    TREES: Gauge "trees" BYTES,
        "Bytes of the trees on disk, with the free space in them, a second ago.";
    DISK_SIZE: Gauge "disk_size" BYTES,
        "Bytes of the disk.";
    DISK_FREE: Gauge "disk_free" BYTES,
        "Bytes of the disk that are free, a second ago.";
    DISK_RESERVE: Gauge "disk_reserve" BYTES,
        "Free bytes below which writes are refused.";
    PROCESS_START: Gauge "process_start_time" SECONDS,
        "When the daemon was started, in seconds since 1970.";
    PROCESS_CPU: Counter "process_cpu" SECONDS,
        "Processor time that the daemon has used.";
    PROCESS_MEMORY: Gauge "process_resident_memory" BYTES,
        "Memory of the daemon that is resident.";
    PROCESS_FDS: Gauge "process_open_fds" NONE,
        "File descriptors that are open.";
    PROCESS_FDS_MAX: Gauge "process_max_fds" NONE,
        "File descriptors that may be open.";
}
