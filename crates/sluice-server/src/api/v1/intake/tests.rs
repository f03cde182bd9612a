//! Why an import failed, by the fault of its body, and what becomes of one that is left.

use std::{sync::Arc, time::Duration};

use sluice_ingest::{
    Announced, BodyError, ColumnChoice, Fault, ImportMode, ImportRules, IngestError, Ingestor, MissingTags,
    UploadAction, UploadRules,
};
use sluice_model::{TenantId, memory_plan::MemoryPlan};
use sluice_store::{Store, StoreConfig, WriteError};

use super::{Intake, cause_of};
use crate::{
    batches::{
        Batches, Begun,
        summary::{Asked, BatchState},
    },
    config::BatchSettings,
    http::problem::Cause,
};

/// A request is dropped in the middle when its connection ends.
#[tokio::test]
async fn what_a_client_leaves_is_brought_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(StoreConfig::at(dir.path()), Box::new(|cause| panic!("{cause}"))).unwrap();
    let ingestor = Ingestor::new(store.clone(), 1, &MemoryPlan::of(usize::MAX)).unwrap();
    let batches = Batches::open(dir.path(), &BatchSettings::default()).unwrap();
    let [tenant, supplier, action] = ["General", "InternalTI", "add"].map(Box::from);
    let asked = Asked { tenant, supplier, action, parameters: "{}".into(), user: "admin".into() };
    let Ok(Begun::New(batch)) = batches.begin(None, asked).await else { panic!("it does not begin") };
    let id = batch.id;
    let supplier = store.catalogue().supplier(TenantId::GENERAL, "InternalTI").unwrap().id;
    let action = UploadAction::Put { is_false_positive: false, takes_tags: true, now_seconds: 0 };
    let rules = ImportRules {
        upload: UploadRules { supplier, refang: false, takes_marks: false, action },
        missing_tags: MissingTags::Refuse,
        mode: ImportMode::Steps,
        announced: Announced::Nothing,
        columns: ColumnChoice::default(),
        only_to_ids: true,
        from_line: 1,
        told: Arc::new(|_count| {}),
        keeper: batch.keeper(),
    };
    let import = ingestor.import(ingestor.reserve_import(None).unwrap(), rules);
    drop(Intake::new(import, batch));
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
fn each_fault_of_a_body_has_its_status_and_place() {
    for (fault, want) in [
        (Fault::Unfinished, 400),
        (Fault::ElementTooLong, 413),
        (Fault::NoColumn, 422),
        (Fault::HeaderTooLong, 400),
    ] {
        let (cause, byte) = cause_of(IngestError::Body(BodyError::Syntax { fault, byte: 5 }));
        assert_eq!((cause.status().as_u16(), byte), (want, Some(5)), "{fault}");
    }
    assert_eq!(cause_of(IngestError::Write(WriteError::DiskFull)), (Cause::DiskFull, None));
}
