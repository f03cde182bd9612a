//! From the bytes of a body to encoded rows, step by step, each in rows a second.
//!
//! In: a feed that is made up, or the file that `SLUICE_FEED` names (its first [`ROWS`] lines). Each stage is timed
//! with those before it done beforehand, except that `parse` is a part of `judge` and that of `collect`. Nothing
//! here asserts a time.

use std::{hint::black_box, net::IpAddr, path::Path, time::Duration};

use anyhow::Context as _;
use criterion::{Criterion, Throughput};
use serde_json::Value;
use sluice_benches::made_up_feed;
use sluice_ingest::{
    UploadAction, UploadRules,
    stages::{self, Slices},
};
use sluice_model::{
    SupplierId, TagId, normalize,
    row::{self, HoldingChange, TagsChange},
};
use sluice_store::Store;

/// Rows of the feed: about eleven slices.
const ROWS: usize = 50_000;

/// Bytes that a body comes in.
const CHUNK_BYTES: usize = 64 * 1024;

fn main() -> anyhow::Result<()> {
    let feed = match std::env::var_os("SLUICE_FEED") {
        Some(path) => read(Path::new(&path))?,
        None => made_up_feed(ROWS),
    };
    let lines = feed.lines().take(ROWS).collect::<Vec<_>>();
    let body = format!("[{}]", lines.join(","));
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    bench_bodies(&mut criterion, &body, &lines)?;
    bench_values(&mut criterion, &lines);
    bench_encode(&mut criterion);
    criterion.final_summary();
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn bench_bodies(criterion: &mut Criterion, body: &str, lines: &[&str]) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let store = store_with_tags(dir.path(), lines)?;
    let catalogue = store.catalogue();
    let action = UploadAction::Put { is_false_positive: false, takes_tags: true, now_seconds: 1_900_000_000 };
    let rules = UploadRules { supplier: SupplierId(7), refang: false, takes_marks: true, action };
    let slices: Slices = stages::split(body.as_bytes(), CHUNK_BYTES)?;
    let mut group = criterion.benchmark_group("body");
    group.throughput(Throughput::Elements(lines.len() as u64));
    group.bench_function("split", |bench| bench.iter(|| stages::split(body.as_bytes(), CHUNK_BYTES)));
    group.bench_function("tape", |bench| bench.iter(|| stages::tape(&slices)));
    group.bench_function("parse", |bench| bench.iter(|| stages::parse(&slices)));
    group.bench_function("judge", |bench| bench.iter(|| stages::judge(&slices, &rules, &catalogue)));
    group.bench_function("collect", |bench| bench.iter(|| stages::collect(&slices, &rules, &catalogue)));
    group.finish();
    store.close();
    Ok(())
}

/// Opens a store that knows every tag of the feed.
fn store_with_tags(dir: &Path, lines: &[&str]) -> anyhow::Result<Store> {
    let store = sluice_benches::open(dir)?;
    let mut names = std::collections::BTreeSet::new();
    for line in lines {
        let element: Value = serde_json::from_str(line)?;
        let tags = element.get("tags").and_then(Value::as_array).into_iter().flatten();
        names.extend(tags.filter_map(Value::as_str).map(str::to_owned));
    }
    sluice_benches::create_tags(&store, names)?;
    Ok(store)
}

fn bench_values(criterion: &mut Criterion, lines: &[&str]) {
    let mut group = criterion.benchmark_group("normalize");
    for kind in ["domain", "ipv4", "url", "sha256", "md5", "sha1", "ipv6"] {
        let values = lines.iter().filter_map(|line| indicator(line)).filter(|value| kind_of(value) == kind);
        let values = values.take(4_000).collect::<Vec<_>>();
        if values.is_empty() {
            continue;
        }
        group.throughput(Throughput::Elements(values.len() as u64));
        group.bench_function(kind, |bench| {
            let mut key = Vec::new();
            bench.iter(|| {
                for value in &values {
                    key.clear();
                    let _is_value = black_box(normalize::normalize_into(value, &mut key));
                }
            });
        });
    }
    group.finish();
}

fn indicator(line: &str) -> Option<String> {
    let element: Value = serde_json::from_str(line).ok()?;
    element.get("indicator")?.as_str().map(str::to_owned)
}

/// The kind as a reader sees it, without asking what is measured.
fn kind_of(value: &str) -> &'static str {
    match (value.parse::<IpAddr>(), value.len()) {
        (Ok(IpAddr::V4(_)), _) => "ipv4",
        (Ok(IpAddr::V6(_)), _) => "ipv6",
        (Err(_), 32) if !value.contains('.') => "md5",
        (Err(_), 40) if !value.contains('.') => "sha1",
        (Err(_), 64) if !value.contains('.') => "sha256",
        _ if value.contains('/') => "url",
        _ => "domain",
    }
}

fn bench_encode(criterion: &mut Criterion) {
    let context = [b'x'; 110];
    let tags = [TagId(3), TagId(1_500)];
    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Elements(1));
    group.bench_function("row", |bench| {
        let mut row = Vec::new();
        bench.iter(|| {
            row.clear();
            let holding = HoldingChange::Hold {
                updated: 1_900_000_000,
                context: Some(black_box(&context)),
                spelling: &[],
            };
            row::encode(SupplierId(7), holding, TagsChange::Replace(black_box(&tags)), &mut row);
            black_box(row.len())
        });
    });
    group.finish();
}
