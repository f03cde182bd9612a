//! From an admitted request to its answer: one arm for each line of the route table.
//!
//! In: an [`Admitted`] request and its payload. Out: a response, or the cause why there is none. What requests
//! there are, who may make them and what they take stands in [`table`]; how a failure is worded, in `problem`.

mod changes;
mod entity;
mod indicators;
mod lookup;
mod suppliers;
pub(crate) mod table;
mod tags;

use actix_web::{
    HttpResponse,
    dev::{Payload, RequestHead},
};

use self::table::{BodyRule, Request};
use super::gate::{Admitted, Subject};
use crate::{
    http::{body::BodyReader, problem::Cause},
    life::state::State,
};

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
