//! The same indicators as NDJSON, as a bundle of STIX and as an event of MISP, from bytes to durable rows, each in
//! indicators a second.
//!
//! In: a feed that is made up, or the file that `SLUICE_FEED` names (its first [`ROWS`] lines). Nothing here asserts a time.

use std::{pin::Pin, sync::Arc, time::Duration};

use anyhow::Context as _;
use criterion::{Criterion, SamplingMode, Throughput};
use serde_json::{Value, json};
use sluice_benches::made_up_feed;
use sluice_ingest::{
    Announced, ColumnChoice, ImportMode, ImportReport, ImportRules, Ingestor, Keeper, MispRules, MissingTags,
    RejectsFrame, StepPlace, UploadAction, UploadRules,
};
use sluice_model::{TenantId, memory_plan::MemoryPlan};
use tokio::runtime::Runtime;

/// Indicators of each body.
const ROWS: usize = 50_000;

/// Names on the allow list that no row has.
const LISTED: usize = 10_000;

/// Bytes that a body comes in.
const CHUNK_BYTES: usize = 64 * 1024;

/// Keeps nothing.
struct Nobody;

impl Keeper for Nobody {
    fn takes_rejects(&self) -> bool {
        false
    }

    fn keep<'k>(
        &'k self,
        _step: &'k ImportReport,
        _place: StepPlace,
        _rejects: Vec<RejectsFrame>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'k>> {
        Box::pin(async {})
    }
}

fn main() -> anyhow::Result<()> {
    let feed = match std::env::var_os("SLUICE_FEED") {
        Some(path) => std::fs::read_to_string(path).context("cannot read the feed")?,
        None => made_up_feed(ROWS),
    };
    let elements: Vec<Value> = feed.lines().take(ROWS).map(serde_json::from_str).collect::<Result<_, _>>()?;
    let dir = tempfile::tempdir()?;
    let store = sluice_benches::open(dir.path())?;
    let threads = std::thread::available_parallelism()?.get();
    let ingestor = Ingestor::new(store.clone(), threads, &MemoryPlan::of(usize::MAX))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let supplier =
        store.catalogue().supplier(TenantId::GENERAL, "InternalTI").context("there is no supplier")?.id;
    let action = UploadAction::Put { is_false_positive: false, takes_tags: true, now_seconds: 0 };
    let rules = ImportRules {
        upload: UploadRules { supplier, refang: false, takes_marks: false, action },
        missing_tags: MissingTags::Drop,
        announced: Announced::Nothing,
        columns: ColumnChoice::default(),
        misp: MispRules { only_to_ids: true, takes_domain_ips: false },
        skip_allowed: true,
        from_line: 1,
        room_wait_max: Duration::ZERO,
        mode: ImportMode::Steps,
        told: Arc::new(|_count| {}),
        keeper: Arc::new(Nobody),
    };
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    let mut group = criterion.benchmark_group("import");
    group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(elements.len() as u64));
    for (name, body) in
        [("ndjson", ndjson(&elements)), ("stix", bundle(&elements)), ("misp", event(&elements))]
    {
        let report = import(&runtime, &ingestor, &rules, &body)?;
        anyhow::ensure!(report.rows_count == elements.len() as u64, "{name}: {} rows", report.rows_count);
        group.bench_function(name, |bench| bench.iter(|| import(&runtime, &ingestor, &rules, &body)));
    }
    // Rows of `InternalTI` are not held against the list.
    let body = ndjson(&elements);
    let list = store.catalogue().supplier(TenantId::GENERAL, "FalsePositive").context("there is no list")?.id;
    let rules_of =
        |supplier| ImportRules { upload: UploadRules { supplier, ..rules.upload.clone() }, ..rules.clone() };
    let (list, feed) = (rules_of(list), rules_of(sluice_benches::create_supplier(&store, "Feed")?));
    let strangers: Vec<String> = (0..LISTED).map(|number| format!("h{number}.allowed.example")).collect();
    let one_in_ten: Vec<&str> = elements.iter().step_by(10).map(indicator).collect();
    for (name, listed) in [
        ("ndjson, nothing allowed", String::new()),
        ("ndjson, strangers allowed", strangers.join("\n")),
        ("ndjson, one in ten allowed", one_in_ten.join("\n")),
    ] {
        if !listed.is_empty() {
            import(&runtime, &ingestor, &list, &listed)?;
        }
        group.bench_function(name, |bench| bench.iter(|| import(&runtime, &ingestor, &feed, &body)));
    }
    group.finish();
    criterion.final_summary();
    store.close();
    Ok(())
}

fn import(
    runtime: &Runtime,
    ingestor: &Ingestor,
    rules: &ImportRules,
    body: &str,
) -> anyhow::Result<ImportReport> {
    runtime.block_on(async {
        let mut import = ingestor.import(ingestor.reserve_import(None, None)?, rules.clone());
        for chunk in body.as_bytes().chunks(CHUNK_BYTES) {
            import.feed(chunk).await?;
        }
        Ok(import.finish().await?)
    })
}

fn indicator(element: &Value) -> &str {
    element.get("indicator").and_then(Value::as_str).unwrap_or("")
}

fn ndjson(elements: &[Value]) -> String {
    elements.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
}

/// Objects as producers write them, about 700 bytes each.
fn bundle(elements: &[Value]) -> String {
    let objects = elements.iter().enumerate().map(|(number, element)| {
        let (id, value) = (format!("indicator--00000000-0000-4000-8000-{number:012}"), indicator(element));
        let path = match value.len() {
            32 if !value.contains('.') => "file:hashes.MD5",
            40 if !value.contains('.') => "file:hashes.'SHA-1'",
            64 if !value.contains('.') => "file:hashes.'SHA-256'",
            _ => "domain-name:value",
        };
        json!({
            "type": "indicator", "spec_version": "2.1", "id": id, "created": "2026-01-01T00:00:00.000Z",
            "modified": "2026-01-01T00:00:00.000Z", "name": value, "description": "An indicator, with its story",
            "pattern": format!("[{path} = '{}']", value.replace('\\', "\\\\").replace('\'', "\\'")),
            "pattern_type": "stix", "valid_from": "2026-01-01T00:00:00Z", "confidence": 80,
            "labels": ["malicious-activity"], "indicator_types": ["malicious-activity"],
            "object_marking_refs": ["marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"],
            "kill_chain_phases": [{"kill_chain_name": "example", "phase_name": "delivery"}],
        })
        .to_string()
    });
    format!(
        "{{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[{}]}}",
        objects.collect::<Vec<_>>().join(",")
    )
}

/// Attributes as MISP writes them, about 400 bytes each.
fn event(elements: &[Value]) -> String {
    let attributes = elements.iter().enumerate().map(|(number, element)| {
        let value = indicator(element);
        let name = match value.len() {
            32 if !value.contains('.') => "md5",
            40 if !value.contains('.') => "sha1",
            64 if !value.contains('.') => "sha256",
            _ if value.contains('/') => "url",
            _ => "domain",
        };
        json!({
            "id": number.to_string(), "event_id": "1", "object_id": "0", "object_relation": null,
            "category": "Network activity", "type": name, "to_ids": true,
            "uuid": format!("00000000-0000-4000-8000-{number:012}"), "timestamp": "1700000000", "distribution": "5",
            "sharing_group_id": "0", "comment": "", "deleted": false, "disable_correlation": false, "value": value,
            "Tag": [{"id": "1", "name": "tlp:green", "colour": "#339900"}],
        })
        .to_string()
    });
    format!(
        "{{\"Event\":{{\"info\":\"Example\",\"uuid\":\"00000000-0000-4000-8000-000000000001\",\"Attribute\":[{}]}}}}",
        attributes.collect::<Vec<_>>().join(",")
    )
}
