//! Why an import failed, by the fault of its body, and what becomes of one that is left.

use std::{path::Path, sync::Arc, time::Duration};

use sluice_ingest::{
    Announced, BodyError, ColumnChoice, Fault, ImportMode, ImportRules, IngestError, Ingestor, MispRules,
    MissingTags, UploadAction, UploadRules,
};
use sluice_model::{TenantId, memory_plan::MemoryPlan};
use sluice_store::{Store, StoreConfig, WriteError};
use tokio::sync::oneshot;

use super::{Intake, IntakeFailure, Resumed, cause_of, failure_of};
use crate::{
    batches::{Batches, Begun, id::BatchId, summary::BatchState, tests::asked},
    config::BatchSettings,
    http::problem::{BatchConflict, Cause},
};

fn open(dir: &Path) -> (Store, Arc<Batches>) {
    let store = Store::open(StoreConfig::at(dir), Box::new(|cause| panic!("{cause}"))).unwrap();
    (store, Batches::open(dir, &BatchSettings::default()).unwrap())
}

/// Begins an import for `InternalTI`.
async fn begin(
    store: &Store,
    batches: &Batches,
    mode: ImportMode,
    told: Arc<dyn Fn(u64) + Send + Sync>,
) -> (Intake, BatchId) {
    let ingestor = Ingestor::new(store.clone(), 1, &MemoryPlan::of(usize::MAX)).unwrap();
    let Ok(Begun::New(batch)) = batches.begin(None, asked("InternalTI", "add")).await else {
        panic!("it does not begin")
    };
    let id = batch.id;
    let supplier = store.catalogue().supplier(TenantId::GENERAL, "InternalTI").unwrap().id;
    let action = UploadAction::Put { is_false_positive: false, takes_tags: true, now_seconds: 0 };
    let rules = ImportRules {
        upload: UploadRules { supplier, refang: false, takes_marks: false, action },
        missing_tags: MissingTags::Refuse,
        mode,
        announced: Announced::Nothing,
        columns: ColumnChoice::default(),
        misp: MispRules { only_to_ids: true, takes_domain_ips: false },
        skip_allowed: true,
        from_line: 1,
        room_wait_max: Duration::ZERO,
        told,
        keeper: batch.keeper(),
    };
    let import = ingestor.import(ingestor.reserve_import(None, None).unwrap(), rules);
    (Intake::new(import, batch), id)
}

/// It is written already when its client gives it up, and nobody has been told yet.
#[tokio::test]
async fn a_replacement_that_was_carried_out_is_told_as_done_although_it_was_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let (store, batches) = open(dir.path());
    let (written_out, written) = oneshot::channel();
    let (given_up, is_given_up) = std::sync::mpsc::channel();
    let held = parking_lot::Mutex::new((Some(written_out), is_given_up));
    let told = Arc::new(move |removed| {
        let mut held = held.lock();
        held.0.take().unwrap().send(removed).unwrap();
        held.1.recv().unwrap();
    });
    let mode = ImportMode::Replace { shrink_percent_max: 0 };
    let (mut intake, id) = begin(&store, &batches, mode, told).await;
    let (import, _) = intake.under_way.as_mut().unwrap();
    import.feed(b"given-up.example.com\n").await.unwrap();
    tokio::select! {
        _ = import.finish() => panic!("its end is not told yet"),
        removed = written => assert_eq!(removed, Ok(0)),
    }
    given_up.send(()).unwrap();
    let cancelled = Cause::BatchConflict(BatchConflict::Cancelled, "The import was cancelled".into());
    let ended = intake.end(Err(cancelled.into()), Resumed::No).await.unwrap();
    assert!(ended.failure.is_none());
    let told = batches.get("General", id).unwrap().summary;
    assert_eq!((told.state, told.counts.rows, told.counts.committed_lines), (BatchState::Done, 1, 1));
    assert_eq!(told.counts.changes.unwrap().added, 1);
    batches.close().await;
    store.close();
}

/// A request is dropped in the middle when its connection ends.
#[tokio::test]
async fn what_a_client_leaves_is_brought_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let (store, batches) = open(dir.path());
    let (intake, id) = begin(&store, &batches, ImportMode::Steps, Arc::new(|_count| {})).await;
    drop(intake);
    let summary = || batches.get("General", id).unwrap().summary;
    while summary().state == BatchState::Running {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(summary().state, BatchState::Failed);
    assert_eq!(&*summary().failure.unwrap().detail, "The client went away before the answer");
    batches.close().await;
    store.close();
}

#[test]
fn each_fault_of_a_body_has_its_status() {
    for (fault, want) in [(Fault::Unfinished, 400), (Fault::NoColumn, 422), (Fault::HeaderTooLong, 400)] {
        let cause = cause_of(&BodyError::Syntax { fault, byte: 5 });
        assert_eq!(cause.status().as_u16(), want, "{fault}");
    }
}

/// The number is that of `from_line`, with which whoever mends the body goes on.
#[tokio::test]
async fn each_fault_of_a_body_has_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let (store, batches) = open(dir.path());
    let place = async |body: &[u8]| {
        let (mut intake, _) = begin(&store, &batches, ImportMode::Steps, Arc::new(|_count| {})).await;
        let (import, _) = intake.under_way.as_mut().unwrap();
        let error = match import.feed(body).await {
            Err(error) => error,
            Ok(()) => import.finish().await.unwrap_err(),
        };
        let IntakeFailure { cause, byte, line, pointer } = failure_of(error, import);
        (cause.status().as_u16(), byte, line, pointer)
    };
    let element = |number: u64| (Some(number), Some(format!("#/{}", number - 1)));
    let at = |byte, (line, pointer)| (400, Some(byte), line, pointer);
    assert_eq!(place(b"[{},\n{} {},{}]").await, at(8, element(3)));
    assert_eq!(place(b"[{},{}").await, at(6, element(3)));
    assert_eq!(place(b"[{}]\n{}").await, at(5, element(2)));
    assert_eq!(place(b"{\"objects\":[{},{} {}]}").await, at(18, (Some(3), None)));
    let (mut intake, _) = begin(&store, &batches, ImportMode::Steps, Arc::new(|_count| {})).await;
    let (import, _) = intake.under_way.as_mut().unwrap();
    let other = failure_of(IngestError::Write(WriteError::DiskFull), import);
    assert_eq!(other, IntakeFailure::from(Cause::DiskFull));
    batches.close().await;
    store.close();
}
