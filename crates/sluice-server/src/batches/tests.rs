//! What a begin takes down.

use super::{
    Batches, Begun,
    id::BatchId,
    summary::{Asked, BULK_ACTION},
};
use crate::config::BatchSettings;

/// Batches that have one go last.
#[tokio::test]
async fn whether_a_client_has_chosen_the_id_is_known_of_a_batch() {
    let dir = tempfile::tempdir().unwrap();
    let batches = Batches::open(dir.path(), &BatchSettings::default()).unwrap();
    for key in [None, Some(BatchId(7))] {
        let asked = Asked {
            tenant: "General".into(),
            supplier: "Feed".into(),
            action: BULK_ACTION.into(),
            parameters: "{}".into(),
            user: "admin".into(),
        };
        let Ok(Begun::New(batch)) = batches.begin(key, asked).await else { panic!("{key:?}") };
        assert_eq!(batches.get("General", batch.id).unwrap().summary.is_keyed, key.is_some());
    }
    batches.close().await;
}
