//! Changes of suppliers and tags: a body of one object becomes a change of the catalogue, made durable.
//!
//! In: which change, and the properties in its body. Out: its answer, once the change is durable.

use actix_web::{HttpResponse, http::StatusCode};
use sluice_ingest::ObjectReader;
use sluice_store::{ChangeError, Store, catalogue::CatalogueChange};
use tokio::sync::oneshot;

use super::{
    audit,
    entity::{Entity, refused},
    suppliers, tags,
};
use crate::{
    api::request::EntityChange,
    auth::role::Identity,
    http::answer,
    http::body::BodyReader,
    http::problem::{self, Cause},
    http::record::RequestRecord,
    life::request_log::Author,
    worker::Worker,
};

#[cfg(test)]
mod tests;

/// Reads the body of one supplier or tag. Short ones are read in line, longer ones on a thread of their own.
///
/// # Errors
///
/// [`Cause::BadRequest`] for anything but one object, [`Cause::Busy`] when too many long ones wait to be read.
pub(super) async fn read_entity(
    entity_worker: &Worker,
    reader: &mut BodyReader<'_>,
) -> Result<Entity, Cause> {
    let mut body = ObjectReader::default();
    while let Some(piece) = reader.next().await? {
        body.push(&piece).map_err(|error| refused(&error))?;
    }
    if body.is_short() {
        return Entity::read(body);
    }
    entity_worker.run(move || Entity::read(body)).await?
}

/// Makes a change and waits until it is durable.
///
/// # Errors
///
/// The cause why it cannot be made.
pub(super) async fn make(
    entity_worker: &Worker,
    store: &Store,
    request: EntityChange,
    entity: &Entity,
    identity: &Identity,
    record: &RequestRecord,
) -> Result<HttpResponse, Cause> {
    let (what, status, done) = match request {
        EntityChange::CreateSupplier => ("Supplier", StatusCode::CREATED, "Supplier successfully created"),
        EntityChange::UpdateSupplier(_) => ("Supplier", StatusCode::OK, "Supplier successfully updated"),
        EntityChange::RemoveSupplier(_) => ("Supplier", StatusCode::CREATED, "Supplier successfully removed"),
        EntityChange::CreateTag => ("Tag", StatusCode::CREATED, "Tag successfully created"),
        EntityChange::UpdateTag(_) => ("Tag", StatusCode::OK, "Tag successfully updated"),
        EntityChange::RemoveTag(_) => ("Tag", StatusCode::OK, "Tag successfully deleted"),
    };
    let change = match request {
        EntityChange::CreateSupplier => suppliers::creation(entity)?,
        EntityChange::UpdateSupplier(supplier) => suppliers::update(supplier, entity, identity)?,
        EntityChange::RemoveSupplier(supplier) => CatalogueChange::RemoveSupplier { name: supplier.name },
        EntityChange::CreateTag => tags::creation(entity)?,
        EntityChange::UpdateTag(tag) => tags::update(tag, entity)?,
        EntityChange::RemoveTag(tag) => CatalogueChange::RemoveTag { name: tag.name },
    };
    change_catalogue(entity_worker, store, change, what, Author::of(record)).await?;
    answer::sentence(status, done)
}

/// Changes the catalogue and waits until the change is durable; the log is then told of its author. `what` names the kind of
/// thing in a reason.
///
/// The store takes the change on the entity worker's thread, because it waits while the queue of its log is full.
async fn change_catalogue(
    entity_worker: &Worker,
    store: &Store,
    change: CatalogueChange,
    what: &str,
    author: Author,
) -> Result<(), Cause> {
    let (done_out, done_in) = oneshot::channel();
    let (store, sentence) = (store.clone(), audit::sentence(&change));
    let done = Box::new(move |result: Result<(), ChangeError>| {
        if result.is_ok() {
            author.changed(&sentence);
        }
        // The client may have gone away meanwhile; the change stands all the same.
        drop(done_out.send(result));
    });
    entity_worker.run(move || store.change_catalogue(change, done)).await?;
    match done_in.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(refusal(&error, what)),
        Err(_dropped) => Err(Cause::StoreFailed),
    }
}

/// Turns the store's refusal of a change into a cause.
fn refusal(error: &ChangeError, what: &str) -> Cause {
    match error {
        ChangeError::AlreadyExists => Cause::BadRequest(format!("{what} already exists").into()),
        ChangeError::NotFound => problem::missing(what),
        ChangeError::BuiltIn => Cause::Forbidden(problem::BUILT_IN),
        ChangeError::TooMany { .. } => Cause::bad_request(error),
        ChangeError::RenameInTenant => {
            Cause::Forbidden("A supplier is renamed through the tenant General, for all tenants at once")
        }
        ChangeError::Write(write) => write.clone().into(),
    }
}
