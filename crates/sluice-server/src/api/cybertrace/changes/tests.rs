//! Changes of the catalogue: made where waiting is allowed, and refused when too many wait there.

use std::{
    sync::{Arc, atomic::AtomicBool, mpsc},
    time::{Duration, Instant},
};

use actix_web::dev::RequestHead;
use futures_util::{FutureExt as _, future::poll_immediate};
use sluice_model::{TagName, TagWeight};
use sluice_store::{Store, StoreConfig, catalogue::CatalogueChange};
use tracing_subscriber::{fmt, layer::SubscriberExt as _};

use super::change_catalogue;
use crate::{
    http::{problem::Cause, record::RequestRecord},
    life::request_log::Author,
    logging::line::{LineFormat, tests::Written},
    worker::Worker,
};

fn author() -> Author {
    Author::of(&RequestRecord::begin(&RequestHead::default(), None, &[]))
}

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
    let mut first =
        change_catalogue(&entity_worker, &store, creation("FIRST"), "Tag", author()).boxed_local();
    assert_eq!(poll_immediate(&mut first).await, None);
    let second = change_catalogue(&entity_worker, &store, creation("SECOND"), "Tag", author()).await;
    assert_eq!(second, Err(Cause::Busy { retry_after_seconds: 1 }));
    release_out.send(()).unwrap();
    assert_eq!(first.await, Ok(()));
    assert_eq!(holder.await, Ok(()));
    let names: Vec<_> = store.catalogue().tags().map(|tag| tag.name.as_str().to_owned()).collect();
    assert_eq!(names, ["FIRST"]);
    store.close();
}

/// Who breaks off the connection before the answer must not change anything unseen.
#[tokio::test(flavor = "current_thread")]
async fn a_change_is_told_although_its_request_was_abandoned() {
    // That of the log thread, which no other test of this process may want to read.
    let written = Written::default();
    let (for_lines, format) = (written.clone(), LineFormat::new(Arc::new(AtomicBool::new(false)), false));
    let lines = fmt::layer().event_format(format).with_writer(move || for_lines.clone());
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(StoreConfig::at(dir.path()), Box::new(|cause| panic!("{cause}"))).unwrap();
    let entity_worker = Worker::start("entity-worker", 1).unwrap();
    let mut abandoned =
        change_catalogue(&entity_worker, &store, creation("LEFT"), "Tag", author()).boxed_local();
    assert_eq!(poll_immediate(&mut abandoned).await, None);
    drop(abandoned);
    let give_up = Instant::now() + Duration::from_mins(1);
    while !written.text().contains("change=\"tag LEFT created, weight=1\"") {
        assert!(Instant::now() < give_up, "{}", written.text());
        std::thread::yield_now();
    }
    // One that is refused is not told.
    let refused = change_catalogue(&entity_worker, &store, creation("LEFT"), "Tag", author()).await;
    assert!(matches!(refused, Err(Cause::BadRequest(_))), "{refused:?}");
    assert_eq!(written.text().matches("change=\"tag LEFT created").count(), 1);
    store.close();
}
