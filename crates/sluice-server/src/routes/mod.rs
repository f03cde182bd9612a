//! From an admitted request to its answer: one arm for each line of the route table.
//!
//! In: an [`Admitted`] request and its payload. Out: a response, or the cause why there is none. What requests
//! there are, who may make them and what they take stands in [`table`]; how a failure is worded, in `problem`.

pub(crate) mod health;
mod indicators;
mod lookup;
mod suppliers;
pub(crate) mod table;
mod tags;

use actix_web::{
    HttpResponse,
    dev::{Payload, RequestHead},
};
use sluice_store::{Store, catalogue::CatalogueChange};
use tokio::sync::oneshot;

use self::table::{BodyRule, Request};
use crate::{
    body::BodyReader,
    entity::{Entity, Squeezer},
    gate::{Admitted, Subject},
    life::state::State,
    problem::{self, Cause},
    worker::{Worker, WorkerError},
};

#[cfg(test)]
mod tests;

/// Squeezed bodies up to this length are read in between; longer ones on a thread of their own.
const ENTITY_INLINE_BYTES_MAX: usize = 65_536;

/// Carries out an admitted request.
///
/// # Errors
///
/// The cause to answer under the request's sentence.
pub(crate) async fn carry_out(
    state: &State,
    head: &RequestHead,
    payload: &mut Payload,
    admitted: Admitted,
) -> Result<HttpResponse, Cause> {
    let bytes_max = match admitted.found.route.body {
        BodyRule::None => 0,
        BodyRule::Max(bytes_max) => bytes_max,
    };
    if bytes_max == 0 {
        return without_body(state, &admitted).await;
    }
    let reader = BodyReader::new(&head.headers, payload, bytes_max, state.pace)?;
    match admitted.found.route.request {
        Request::Lookup => lookup::lookup(state, reader, admitted).await,
        Request::AddIndicators => indicators::add(reader, admitted).await,
        Request::DeleteIndicators => indicators::delete(reader, admitted).await,
        Request::CreateSupplier => suppliers::create(state, reader, admitted).await,
        Request::UpdateSupplier => suppliers::update(state, reader, admitted).await,
        Request::CreateTag => tags::create(state, reader, admitted).await,
        Request::UpdateTag => tags::update(state, reader, admitted).await,
        _ => Err(Cause::Internal),
    }
}

async fn without_body(state: &State, admitted: &Admitted) -> Result<HttpResponse, Cause> {
    let (store, entity_worker) = (admitted.ingestor.store(), &state.entity_worker);
    match (admitted.found.route.request, &admitted.subject) {
        (Request::ListSuppliers, _) => suppliers::list(store, admitted.tenant),
        (Request::GetSupplier, Subject::Supplier(supplier)) => suppliers::get(supplier),
        (Request::RemoveSupplier, Subject::Supplier(supplier)) => {
            suppliers::remove(entity_worker, store, supplier).await
        }
        (Request::ListTags, _) => tags::list(store),
        (Request::GetTag, Subject::Tag(tag)) => tags::get(tag),
        (Request::RemoveTag, Subject::Tag(tag)) => tags::remove(entity_worker, store, tag).await,
        _ => Err(Cause::Internal),
    }
}

/// Reads the body of one supplier or tag.
async fn read_entity(
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
async fn change(
    entity_worker: &Worker,
    store: &Store,
    wish: CatalogueChange,
    about: problem::Entity,
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
