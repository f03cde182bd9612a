//! The CyberTrace API: from an admitted request to its answer.
//!
//! In: an [`Admitted`] request and its payload. Out: a response, or the cause why there is none. What requests
//! there are, who may make them and what they take stands in [`table`]. Every match is exhaustive: a request that
//! is not carried out does not compile.

mod changes;
mod entity;
mod indicators;
mod lookup;
mod render;
mod suppliers;
pub(crate) mod table;
mod tags;

use actix_web::{
    HttpResponse,
    dev::{Payload, RequestHead},
};
use sluice_ingest::LookupRules;
use sluice_store::Store;

use self::entity::Entity;
use super::{
    gate::Admitted,
    request::{Read, Request, Streaming},
};
use crate::{
    http::{body::BodyReader, problem::Cause},
    life::state::State,
};

/// Carries out an admitted request.
///
/// # Errors
///
/// The cause to answer under the sentence of the request.
pub(crate) async fn carry_out(
    state: &State,
    head: &RequestHead,
    payload: &mut Payload,
    admitted: Admitted,
) -> Result<HttpResponse, Cause> {
    let Admitted { route, request, identity, ingestor } = admitted;
    let store = ingestor.store();
    match request {
        Request::Read(read) => show(store, read),
        Request::Change(change, None) => {
            changes::make(&state.entity_worker, store, change, &Entity::default(), &identity).await
        }
        Request::Change(change, Some(_kept_until_made)) => {
            let reader = BodyReader::new(&head.headers, payload, route.body_bytes_max, state.pace)?;
            let entity = changes::read_entity(&state.entity_worker, reader).await?;
            changes::make(&state.entity_worker, store, change, &entity, &identity).await
        }
        Request::Stream(streaming, permit) => {
            let reader = BodyReader::new(&head.headers, payload, route.body_bytes_max, state.pace)?;
            match streaming {
                Streaming::Lookup(tenant) => {
                    let rules = LookupRules {
                        tenant,
                        scope: state.match_scope,
                        now_seconds: crate::now_seconds(),
                        with_tags: false,
                    };
                    lookup::lookup(&ingestor, rules, permit, reader).await
                }
                Streaming::AddIndicators(supplier, version) => {
                    indicators::add(&ingestor, &supplier, version, permit, reader).await
                }
                Streaming::DeleteIndicators(supplier, version) => {
                    indicators::delete(&ingestor, &supplier, version, permit, reader).await
                }
            }
        }
    }
}

fn show(store: &Store, read: Read) -> Result<HttpResponse, Cause> {
    match read {
        Read::Suppliers(tenant) => suppliers::list(store, tenant),
        Read::Supplier(supplier) => suppliers::show(&supplier),
        Read::Tags => tags::list(store),
        Read::Tag(tag) => tags::show(&tag),
    }
}
