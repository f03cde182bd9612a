//! What a begin takes down.

use super::{
    Batches, Begun,
    id::BatchId,
    summary::{Asked, BULK_ACTION},
};
use crate::config::BatchSettings;

/// What the administrator asks of a supplier of General, without parameters.
pub(crate) fn asked(supplier: &str, action: &str) -> Asked {
    Asked {
        tenant: "General".into(),
        supplier: supplier.into(),
        action: action.into(),
        parameters: "{}".into(),
        user: "admin".into(),
    }
}

/// Batches that have one go last.
#[tokio::test]
async fn whether_a_client_has_chosen_the_id_is_known_of_a_batch() {
    let dir = tempfile::tempdir().unwrap();
    let batches = Batches::open(dir.path(), &BatchSettings::default()).unwrap();
    for key in [None, Some(BatchId(7))] {
        let Ok(Begun::New(batch)) = batches.begin(key, asked("Feed", BULK_ACTION)).await else {
            panic!("{key:?}")
        };
        assert_eq!(batches.get("General", batch.id).unwrap().summary.is_keyed, key.is_some());
    }
    batches.close().await;
}
