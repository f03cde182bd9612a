//! A throw-away store with an ingestor on it, for the tests of this crate.

use std::{
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use sluice_model::{
    Confidence, RetentionMinutes, SupplierName, TagName, TagWeight, TenantId, TenantName, Vendor, limits,
    matching::MatchScope, memory_plan::MemoryPlan,
};
use sluice_store::{
    Clock, Store, StoreConfig, Tuning,
    catalogue::{CatalogueChange, SupplierPatch, SupplierSettings},
};
use tempfile::TempDir;

use crate::{
    AnswerText, IngestError, Ingestor, LookupRules, Match, Matches, Receipt, Render, UploadAction,
    UploadRules,
    memory::{Budget, RequestMemory},
};

/// When everything happens unless a test says otherwise.
pub(crate) const NOW_SECONDS: u32 = 1_800_000_000;

/// A clock that stands still, so that ages are what a test says, to the second: the running one, rounded, is ahead of the stamps
/// by a second for a part of each.
#[derive(Debug)]
struct StoppedClock(u32);

impl Clock for StoppedClock {
    fn now_seconds(&self) -> u32 {
        self.0
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

pub(crate) struct Fixture {
    pub(crate) ingestor: Ingestor,
    pub(crate) store: Store,
    pub(crate) chunk_bytes: usize,
    // Last, so that it outlives the store.
    dir: Arc<TempDir>,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.store.halt();
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// The memory of a request that nothing else has a share in.
pub(crate) fn request_memory() -> Arc<RequestMemory> {
    RequestMemory::new(Budget::new(&MemoryPlan::of(usize::MAX)).take(0, None).unwrap(), usize::MAX)
}

impl Fixture {
    /// Opens an empty store with the tag `GOOD` and the supplier `Feed` of confidence 50.
    pub(crate) fn new() -> Self {
        Self::with_tuning(Tuning::default())
    }

    /// The same of a store with these sizes.
    pub(crate) fn with_tuning(tuning: Tuning) -> Self {
        let fixture = Self::tuned_at(Arc::new(tempfile::tempdir().unwrap()), tuning);
        fixture.change(CatalogueChange::CreateTag {
            name: TagName::parse("GOOD").unwrap(),
            weight: TagWeight::new(1_u8).unwrap(),
        });
        fixture.create_supplier("Feed", 50);
        fixture
    }

    fn at(dir: Arc<TempDir>) -> Self {
        Self::tuned_at(dir, Tuning::default())
    }

    fn tuned_at(dir: Arc<TempDir>, tuning: Tuning) -> Self {
        let tenants = vec![TenantName::parse("acme").unwrap()];
        let config = StoreConfig {
            tenants,
            tuning,
            clock: Arc::new(StoppedClock(Instant::now().now_seconds())),
            ..StoreConfig::at(dir.path())
        };
        let store = Store::open(config, Box::new(|cause| panic!("{cause}"))).unwrap();
        let ingestor = Ingestor::new(store.clone(), 2, &MemoryPlan::of(usize::MAX)).unwrap();
        Self { ingestor, store, chunk_bytes: 10_007, dir }
    }

    /// Ends the store as a kill would, and opens it again.
    pub(crate) fn reopened(self) -> Self {
        let dir = Arc::clone(&self.dir);
        drop(self);
        Self::at(dir)
    }

    pub(crate) fn change(&self, change: CatalogueChange) {
        let (done, outcome) = mpsc::channel();
        self.store.change_catalogue(change, Box::new(move |result| done.send(result).unwrap()));
        outcome.recv().unwrap().unwrap();
    }

    pub(crate) fn create_supplier(&self, name: &str, confidence: u8) {
        self.change(CatalogueChange::CreateSupplier {
            name: SupplierName::parse(name).unwrap(),
            settings: SupplierSettings {
                confidence: Confidence::new(confidence).unwrap(),
                retention: RetentionMinutes::new(60_u32).unwrap(),
                vendor: Vendor::parse("").unwrap(),
                enabled: true,
                refang: false,
            },
        });
    }

    pub(crate) fn disable(&self, name: &str) {
        self.change(CatalogueChange::UpdateSupplier {
            tenant: TenantId::GENERAL,
            name: SupplierName::parse(name).unwrap(),
            patch: SupplierPatch { enabled: Some(false), ..SupplierPatch::default() },
        });
    }

    pub(crate) fn rules(&self, tenant: TenantId, supplier: &str) -> UploadRules {
        let catalogue = self.store.catalogue();
        let supplier = catalogue.supplier(tenant, supplier).unwrap();
        let action = UploadAction::Put {
            is_false_positive: supplier.is_false_positive(),
            takes_tags: true,
            now_seconds: NOW_SECONDS,
        };
        UploadRules { supplier: supplier.id, refang: supplier.settings.refang, takes_marks: true, action }
    }

    pub(crate) fn upload(&self, rules: UploadRules, body: &str) -> Result<Receipt, IngestError> {
        block_on(async {
            let permit = self.ingestor.reserve(Some(body.len()), limits::BODY_BYTES_MAX).unwrap();
            let mut upload = self.ingestor.upload(permit, rules)?;
            for chunk in body.as_bytes().chunks(self.chunk_bytes) {
                upload.feed(chunk).await?;
            }
            upload.finish(|_| {}).await
        })
    }

    pub(crate) fn put(&self, supplier: &str, body: &str) -> Result<Receipt, IngestError> {
        self.upload(self.rules(TenantId::GENERAL, supplier), body)
    }

    /// Puts single indicators, without context, that must all be accepted.
    #[track_caller]
    pub(crate) fn hold(&self, supplier: &str, indicators: &[&str]) {
        let elements: Vec<_> =
            indicators.iter().map(|indicator| format!("{{\"indicator\":\"{indicator}\"}}")).collect();
        let receipt = self.put(supplier, &format!("[{}]", elements.join(","))).unwrap();
        assert!(receipt.rejected_count == 0);
    }

    pub(crate) fn delete(&self, supplier: &str, body: &str) -> Result<Receipt, IngestError> {
        let rules = self.rules(TenantId::GENERAL, supplier);
        self.upload(UploadRules { action: UploadAction::Delete, ..rules }, body)
    }

    pub(crate) fn lookup_with(&self, rules: LookupRules, body: &str) -> Result<String, IngestError> {
        block_on(async {
            let permit = self.ingestor.reserve(Some(body.len()), limits::LOOKUP_BODY_BYTES_MAX).unwrap();
            let mut query = self.ingestor.lookup(permit, rules, EveryField);
            for chunk in body.as_bytes().chunks(self.chunk_bytes) {
                query.feed(chunk).await?;
            }
            let answer = query.finish().await?;
            let length = answer.text_bytes();
            let text = String::from_utf8(answer.into_chunks().collect::<Vec<_>>().concat()).unwrap();
            assert_eq!(text.len() as u64, length);
            serde_json::from_str::<serde_json::Value>(&text).unwrap();
            Ok(text)
        })
    }

    /// Looks one value up; shows `SUPPLIER KIND INDICATOR CONTEXT` for each match.
    pub(crate) fn detect_with(&self, rules: LookupRules, object: &str) -> String {
        let body = serde_json::json!([{"object": object}]).to_string();
        let answer: serde_json::Value =
            serde_json::from_str(&self.lookup_with(rules, &body).unwrap()).unwrap();
        let lines = answer[0]["matches"].as_array().unwrap().iter().map(|one| {
            let part = |name: &str| one[name].as_str().unwrap().to_owned();
            format!("{} {} {} {}\n", part("supplier"), part("kind"), part("indicator"), one["context"])
        });
        lines.collect()
    }

    pub(crate) fn detect(&self, object: &str) -> String {
        self.detect_with(lookup_rules(), object)
    }

    pub(crate) fn is_detected(&self, object: &str) -> bool {
        !self.detect(object).is_empty()
    }
}

/// What a lookup asks unless a test says otherwise.
pub(crate) fn lookup_rules() -> LookupRules {
    LookupRules {
        tenant: TenantId::GENERAL,
        scope: MatchScope::Levels,
        now_seconds: NOW_SECONDS,
        explains: true,
    }
}

/// Writes all that is known of each match, and of what does not count.
pub(crate) struct EveryField;

impl Render for EveryField {
    const CLOSING: &'static [u8] = b"]";
    const EMPTY_RESULT_BYTES: usize = 40;

    fn append_result(
        &self,
        index: u64,
        object: &[u8],
        matches: &mut Matches<'_>,
        text: &mut AnswerText,
    ) -> Result<(), IngestError> {
        let is_empty = matches.is_empty();
        append(text, if index == 0 { b"[" } else { b"," })?;
        append(text, b"{\"object\":")?;
        append(text, object)?;
        append(text, b",\"matches\":[")?;
        let mut separator = "";
        while let Some(one) = matches.next_match() {
            append(text, format!("{separator}{}", every_field(&one)).as_bytes())?;
            separator = ",";
        }
        assert_eq!(is_empty, separator.is_empty());
        append(text, b"],\"others\":[")?;
        separator = "";
        while let Some(one) = matches.next_other() {
            let standing = format!("{{\"standing\":\"{:?}\",", one.standing);
            append(text, format!("{separator}{}", every_field(&one).replacen('{', &standing, 1)).as_bytes())?;
            separator = ",";
        }
        append(text, b"]}")
    }
}

fn append(text: &mut AnswerText, bytes: &[u8]) -> Result<(), IngestError> {
    text.room(bytes.len())?.extend_from_slice(bytes);
    Ok(())
}

fn every_field(one: &Match<'_>) -> String {
    let context = if one.context.is_empty() { "{}" } else { str::from_utf8(one.context).unwrap() };
    let tags: Vec<&str> = one.tags().collect();
    let ages = [one.updated_seconds, one.expires_seconds]
        .map(|seconds| seconds.cast_signed() - i64::from(NOW_SECONDS));
    format!(
        r#"{{"supplier":"{}","confidence":{},"kind":"{:?}","by":"{}","indicator":{},"level":{},"tags":{tags:?},"ages":{ages:?},"context":{context}}}"#,
        one.supplier,
        one.confidence.get(),
        one.kind,
        one.by.as_str(),
        serde_json::Value::from(one.indicator),
        one.level,
    )
}

/// The list of refused elements, an entry a line.
pub(crate) fn listed(receipt: Receipt) -> String {
    let length = receipt.json_bytes();
    let chunks: Vec<_> = receipt.into_json_chunks().collect();
    let text = String::from_utf8(chunks.concat()).unwrap();
    assert_eq!(text.len() as u64, length);
    text.replace("},{", "},\n{")
}
