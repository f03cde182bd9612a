//! Changes of suppliers and tags: a body of one object becomes a change of the catalogue, made durable.

use sluice_store::{Store, catalogue::CatalogueChange};
use tokio::sync::oneshot;

use super::entity::{Entity, Squeezer};
use crate::{
    http::{
        body::BodyReader,
        problem::{Cause, Resource},
    },
    life::state::State,
    worker::{Worker, WorkerError},
};

#[cfg(test)]
mod tests;

/// Squeezed bodies up to this length are read in between; longer ones on a thread of their own.
const ENTITY_INLINE_BYTES_MAX: usize = 65_536;

/// Reads the body of one supplier or tag.
pub(super) async fn read_entity(
    state: &State,
    mut reader: BodyReader<'_>,
    names: &'static [&'static str],
) -> Result<Entity, Cause> {
    let mut squeezer = Squeezer::default();
    while let Some(piece) = reader.next().await? {
        squeezer.push(&piece)?;
    }
    if squeezer.held_bytes() <= ENTITY_INLINE_BYTES_MAX {
        return squeezer.read(names);
    }
    on(&state.entity_worker, move || squeezer.read(names)).await?
}

/// Changes the catalogue and waits until the change is durable.
///
/// The store takes the change on the entity worker's thread, because it waits while the queue of its log is full.
pub(super) async fn change(
    entity_worker: &Worker,
    store: &Store,
    wish: CatalogueChange,
    about: Resource,
) -> Result<(), Cause> {
    let (done_out, done_in) = oneshot::channel();
    let store = store.clone();
    // The asker may have gone away meanwhile; the change stands all the same.
    let done = Box::new(move |result| drop(done_out.send(result)));
    on(entity_worker, move || store.change_catalogue(wish, done)).await?;
    match done_in.await {
        Ok(result) => result.map_err(|error| about.cause(&error)),
        Err(_dropped) => Err(Cause::StoreFailed),
    }
}

async fn on<T: Send + 'static>(
    entity_worker: &Worker,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Cause> {
    entity_worker.run(job).await.map_err(|error| match error {
        WorkerError::Full => Cause::Busy { retry_after_seconds: 1 },
        WorkerError::Lost => Cause::Internal,
    })
}
