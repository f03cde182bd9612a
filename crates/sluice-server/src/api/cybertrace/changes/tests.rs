//! Changes of the catalogue: made where waiting is allowed, and refused when too many wait there.

use std::sync::mpsc;

use futures_util::{FutureExt as _, future::poll_immediate};
use sluice_model::{TagName, TagWeight};
use sluice_store::{Store, StoreConfig, catalogue::CatalogueChange};

use super::change_catalogue;
use crate::{http::problem::Cause, worker::Worker};

fn creation(name: &str) -> CatalogueChange {
    let weight = TagWeight::new(1).unwrap();
    CatalogueChange::CreateTag { name: TagName::parse(name).unwrap(), weight }
}

#[tokio::test(flavor = "current_thread")]
async fn the_catalogue_is_changed_on_the_entity_workers_thread() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().to_owned();
    let store = Store::open(StoreConfig::at(data_dir), Box::new(|cause| panic!("{cause}"))).unwrap();
    let entity_worker = Worker::start("entity-worker", 1).unwrap();
    let (begun_out, begun_in) = mpsc::sync_channel(1);
    let (release_out, release_in) = mpsc::sync_channel::<()>(1);
    // Holds the thread, as a change does that waits for room in the log's queue.
    let mut holder = entity_worker
        .run(move || {
            begun_out.send(()).unwrap();
            release_in.recv().unwrap();
        })
        .boxed_local();
    assert!(poll_immediate(&mut holder).await.is_none());
    begun_in.recv().unwrap();
    let mut first = change_catalogue(&entity_worker, &store, creation("FIRST"), "Tag").boxed_local();
    assert_eq!(poll_immediate(&mut first).await, None);
    let second = change_catalogue(&entity_worker, &store, creation("SECOND"), "Tag").await;
    assert_eq!(second, Err(Cause::Busy { retry_after_seconds: 1 }));
    release_out.send(()).unwrap();
    assert_eq!(first.await, Ok(()));
    assert_eq!(holder.await, Ok(()));
    let names: Vec<_> = store.catalogue().tags().map(|tag| tag.name.as_str().to_owned()).collect();
    assert_eq!(names, ["FIRST"]);
    store.close();
}
