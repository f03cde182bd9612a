//! From encoded rows to runs on disk and back, step by step, each in rows a second.
//!
//! In: a feed that is made up, or the file that `SLUICE_FEED` names (its first [`FEED_ROWS`] lines). Every second
//! row is stored, the others are what a store of the same sources does not have. Steps that need a store of their own
//! build it beforehand, and only the step is timed. Nothing here asserts a time.

use std::{
    collections::BTreeSet,
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use criterion::{Criterion, SamplingMode, Throughput};
use sluice_benches::{FeedRow, SLICE_ROWS, bench_rows, create_tags, networks, open, push};
use sluice_model::{
    SupplierId, TagId, TenantId,
    matching::{address_or_network, group_of},
};
use sluice_store::{
    Record, SingleThread, SliceBuilder, Snapshot, Store,
    stages::{self, Log},
};

/// Rows that are read: the stored ones and as many strangers.
const FEED_ROWS: usize = 400_000;
/// Rows of the store that is asked.
const STORED_ROWS: usize = FEED_ROWS / 2;
/// Rows of a flush, a merge and a start.
const STEP_ROWS: usize = 100_000;
/// Runs that a merge makes one of.
const MERGED_RUNS: usize = 4;
/// Keys that are asked in one go.
const BULK_KEYS: usize = 100_000;
/// Networks of each family.
const NETWORKS: usize = 10_000;
/// Keys that are asked one by one.
const SINGLE_KEYS: usize = 1_000;
/// Bytes after which a log is given up for a new one: before its segment is full.
const LOG_BYTES: usize = 48 << 20;
/// When all was pushed; nothing expires.
const UPDATED: u32 = 1_900_000_000;

fn main() -> anyhow::Result<()> {
    let samples = Samples::read()?;
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    bench_slices(&mut criterion, &samples)?;
    bench_filters(&mut criterion, &samples);
    bench_runs(&mut criterion, &samples);
    bench_reads(&mut criterion, &samples)?;
    bench_networks(&mut criterion, &samples)?;
    criterion.final_summary();
    Ok(())
}

/// What is stored, and what is not.
struct Samples {
    stored: Vec<FeedRow>,
    /// Keys of the stored rows, out of order.
    hits: Vec<Vec<u8>>,
    /// Keys that no stored row has, out of order.
    misses: Vec<Vec<u8>>,
    tags_count: u32,
}

impl Samples {
    fn read() -> anyhow::Result<Self> {
        let (mut stored, mut others) = (Vec::with_capacity(STORED_ROWS), Vec::new());
        for (index, row) in bench_rows(FEED_ROWS)?.into_iter().enumerate() {
            if index % 2 == 0 { stored.push(row) } else { others.push(row) }
        }
        let keys: BTreeSet<&[u8]> = stored.iter().map(|row| row.key.as_slice()).collect();
        others.retain(|row| !keys.contains(row.key.as_slice()));
        let (hits, misses) = (shuffled_keys(&stored), shuffled_keys(&others));
        let tags_count = stored.iter().flat_map(|row| &row.tags).max().copied().unwrap_or_default();
        Ok(Self { stored, hits, misses, tags_count })
    }

    /// Opens a store that knows the feed's tags, and names the supplier to push as.
    fn open(&self, dir: &Path) -> anyhow::Result<(Store, SupplierId)> {
        let store = open(dir)?;
        create_tags(&store, (1..=self.tags_count).map(|number| format!("TAG-{number}")))?;
        let knows_all = store.catalogue().tag_by_id(TagId(self.tags_count)).is_some();
        anyhow::ensure!(self.tags_count == 0 || knows_all, "tags have other numbers than here");
        let supplier =
            store.catalogue().supplier(TenantId::GENERAL, "InternalTI").context("it is built in")?.id;
        Ok((store, supplier))
    }

    fn step_rows(&self) -> &[FeedRow] {
        self.stored.get(..STEP_ROWS).unwrap_or(&self.stored)
    }
}

/// Keys as they are asked in life: in no order. The stride is a prime that no feed is a multiple of.
fn shuffled_keys(rows: &[FeedRow]) -> Vec<Vec<u8>> {
    let row = |place: usize| rows.get(place * 999_983 % rows.len());
    (0..rows.len()).filter_map(|place| Some(row(place)?.key.clone())).collect()
}

fn first(keys: &[Vec<u8>], keys_max: usize) -> Vec<&[u8]> {
    keys.iter().take(keys_max).map(Vec::as_slice).collect()
}

#[expect(clippy::panic, reason = "Criterion takes no error from what it times")]
fn must<T>(outcome: anyhow::Result<T>) -> T {
    outcome.unwrap_or_else(|cause| panic!("{cause:#}"))
}

fn bench_slices(criterion: &mut Criterion, samples: &Samples) -> anyhow::Result<()> {
    let rows = samples.stored.iter().take(SLICE_ROWS);
    let encoded = rows.map(|row| {
        let mut encoded = Vec::new();
        row.encode(SupplierId(1), UPDATED, &mut encoded);
        (row.key.as_slice(), encoded)
    });
    let encoded: Vec<(&[u8], Vec<u8>)> = encoded.collect();
    let build = || {
        let mut slice = SliceBuilder::new();
        for (key, row) in &encoded {
            must(slice.push(key, row).map_err(anyhow::Error::from));
        }
        slice.finish()
    };
    let slice = build();
    let payload = stages::pack(&slice)?;
    let mut group = criterion.benchmark_group("write");
    group.throughput(Throughput::Elements(encoded.len() as u64));
    group.bench_function("slice", |bench| bench.iter(build));
    group.bench_function("pack", |bench| bench.iter(|| stages::pack(&slice)));
    group.bench_function("log append", |bench| {
        bench.iter_custom(|iterations| must(time_appends(&payload, iterations, |_log| Ok(()))));
    });
    group.bench_function("log append + sync", |bench| {
        bench.iter_custom(|iterations| must(time_appends(&payload, iterations, Log::sync)));
    });
    group.finish();
    Ok(())
}

/// Times appends of one payload, each followed by `then`, on logs that never fill a segment.
fn time_appends(
    payload: &[u8],
    iterations: u64,
    then: impl Fn(&mut Log) -> std::io::Result<()>,
) -> anyhow::Result<Duration> {
    let mut left = usize::try_from(iterations)?;
    let mut elapsed = Duration::ZERO;
    while 0 < left {
        let dir = tempfile::tempdir()?;
        let mut log = Log::create(dir.path())?;
        let count = left.min(LOG_BYTES / payload.len().max(1));
        let started = Instant::now();
        for _ in 0..count {
            log.append(payload)?;
            then(&mut log)?;
        }
        elapsed += started.elapsed();
        left -= count;
    }
    Ok(elapsed)
}

fn bench_filters(criterion: &mut Criterion, samples: &Samples) {
    let ascending: BTreeSet<&[u8]> = samples.stored.iter().map(|row| row.key.as_slice()).collect();
    let ascending: Vec<&[u8]> = ascending.into_iter().collect();
    let may_contain = stages::filter_of(ascending.iter().copied());
    let mut group = criterion.benchmark_group("filter");
    group.throughput(Throughput::Elements(ascending.len() as u64));
    group.bench_function("build", |bench| bench.iter(|| stages::filter_of(ascending.iter().copied())));
    for (name, asked) in [("ask, hit", &samples.hits), ("ask, miss", &samples.misses)] {
        let asked = first(asked, BULK_KEYS);
        group.throughput(Throughput::Elements(asked.len() as u64));
        group.bench_function(name, |bench| {
            bench.iter(|| asked.iter().filter(|key| may_contain(key)).count());
        });
    }
    group.finish();
}

fn bench_runs(criterion: &mut Criterion, samples: &Samples) {
    let rows = samples.step_rows();
    let mut group = criterion.benchmark_group("run");
    group.sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Elements(rows.len() as u64));
    for (name, step) in [("flush", time_flush as Step), ("merge", time_merge), ("start", time_start)] {
        group.bench_function(name, |bench| {
            bench.iter_custom(|iterations| must((0..iterations).map(|_| step(samples, rows)).sum()));
        });
    }
    group.finish();
}

/// Builds a store for one step and times that.
type Step = fn(&Samples, &[FeedRow]) -> anyhow::Result<Duration>;

/// A memtable becomes a run.
fn time_flush(samples: &Samples, rows: &[FeedRow]) -> anyhow::Result<Duration> {
    let dir = tempfile::tempdir()?;
    let (store, supplier) = samples.open(dir.path())?;
    push(&store, rows, supplier, UPDATED)?;
    anyhow::ensure!(store.figures().runs_count == 0, "there was a flush before its time");
    let started = Instant::now();
    anyhow::ensure!(store.checkpoint(), "there was no flush");
    let elapsed = started.elapsed();
    store.halt();
    Ok(elapsed)
}

/// Several runs become one.
fn time_merge(samples: &Samples, rows: &[FeedRow]) -> anyhow::Result<Duration> {
    let dir = tempfile::tempdir()?;
    let (store, supplier) = samples.open(dir.path())?;
    for run in rows.chunks(rows.len().div_ceil(MERGED_RUNS).max(1)) {
        push(&store, run, supplier, UPDATED)?;
        anyhow::ensure!(store.checkpoint(), "there was no flush");
    }
    let runs_count = store.figures().runs_count;
    anyhow::ensure!(runs_count == MERGED_RUNS, "there are {runs_count} runs to merge");
    let started = Instant::now();
    anyhow::ensure!(store.compact(), "there was no merge");
    let elapsed = started.elapsed();
    store.halt();
    Ok(elapsed)
}

/// A log becomes a memtable again.
fn time_start(samples: &Samples, rows: &[FeedRow]) -> anyhow::Result<Duration> {
    let dir = tempfile::tempdir()?;
    let (store, supplier) = samples.open(dir.path())?;
    push(&store, rows, supplier, UPDATED)?;
    store.halt();
    drop(store);
    let started = Instant::now();
    let store = open(dir.path())?;
    let elapsed = started.elapsed();
    anyhow::ensure!(0 < store.figures().memtable_bytes, "there was nothing to replay");
    store.halt();
    Ok(elapsed)
}

fn bench_reads(criterion: &mut Criterion, samples: &Samples) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (store, supplier) = samples.open(dir.path())?;
    push(&store, &samples.stored, supplier, UPDATED)?;
    anyhow::ensure!(store.checkpoint(), "there was no flush");
    let snapshot = store.snapshot();
    let single = first(&samples.hits, SINGLE_KEYS);
    let (hits, misses) = (first(&samples.hits, BULK_KEYS), first(&samples.misses, BULK_KEYS));
    let mut group = criterion.benchmark_group("read");
    group.sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Elements(single.len() as u64));
    group.bench_function("lookup, hit", |bench| bench.iter(|| must(get_each(&snapshot, &single))));
    group.throughput(Throughput::Elements(hits.len() as u64));
    group.bench_function("bulk, hits", |bench| bench.iter(|| must(get_many(&snapshot, &hits))));
    group.throughput(Throughput::Elements(misses.len() as u64));
    group.bench_function("bulk, misses", |bench| bench.iter(|| must(get_many(&snapshot, &misses))));
    group.bench_function("group filters, misses", |bench| {
        bench.iter(|| misses.iter().filter(|key| may_match(&snapshot, key)).count());
    });
    group.bench_function("key filters, misses", |bench| {
        bench.iter(|| misses.iter().filter(|key| snapshot.may_hold(key)).count());
    });
    group.finish();
    drop(snapshot);
    store.halt();
    Ok(())
}

/// What unknown addresses cost in a store without networks, then with networks of twenty lengths.
fn bench_networks(criterion: &mut Criterion, samples: &Samples) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (store, supplier) = samples.open(dir.path())?;
    push(&store, &samples.stored, supplier, UPDATED)?;
    anyhow::ensure!(store.checkpoint(), "there was no flush");
    let networks = networks::networks(NETWORKS);
    let strange = networks::strange_addresses(&networks, BULK_KEYS);
    let mut group = criterion.benchmark_group("addresses");
    for stored in ["no networks", "networks of 20 lengths"] {
        let snapshot = store.snapshot();
        for (family, addresses) in ["IPv4", "IPv6"].into_iter().zip(&strange) {
            group.throughput(Throughput::Elements(addresses.len() as u64));
            group.bench_function(format!("filters, {family} misses, {stored}"), |bench| {
                bench.iter(|| addresses.iter().filter(|one| may_match_address(&snapshot, one.key())).count());
            });
        }
        push(&store, &networks::rows(&networks), supplier, UPDATED)?;
        anyhow::ensure!(store.compact(), "there was no merge");
    }
    group.finish();
    store.halt();
    Ok(())
}

/// What a lookup of an address asks first.
fn may_match_address(snapshot: &Snapshot, key: &[u8]) -> bool {
    snapshot.may_hold(key) || address_or_network(key).is_some_and(|held| snapshot.network_lengths(held) != 0)
}

fn get_each(snapshot: &Snapshot, keys: &[&[u8]]) -> anyhow::Result<()> {
    let mut record = Record::new();
    for key in keys {
        anyhow::ensure!(snapshot.get(key, &mut record)?, "a stored key is not found");
        black_box(&record);
    }
    Ok(())
}

fn get_many(snapshot: &Snapshot, keys: &[&[u8]]) -> anyhow::Result<usize> {
    let rows = snapshot.read_rows(keys, usize::MAX, &SingleThread)?.context("there is room")?;
    let named: Vec<_> =
        rows.iter().flat_map(|row| row.holdings()).filter_map(|holding| holding.context).collect();
    let contexts = snapshot.read_contexts(&named, usize::MAX, &SingleThread)?.context("there is room")?;
    black_box((rows.into_numbers(), contexts.text_bytes()));
    Ok(named.len())
}

/// What a lookup asks first.
fn may_match(snapshot: &Snapshot, key: &[u8]) -> bool {
    group_of(key).map_or_else(|| snapshot.may_hold(key), |group| snapshot.may_hold_group(group))
}
