//! The CyberTrace API: from an admitted request to its answer.
//!
//! In: an [`Admitted`] request and its payload. Out: a response, or the cause why there is none. What requests
//! there are, who may make them and what they take stands in [`table`]. Every match is exhaustive: a request that
//! is not carried out does not compile.

pub(crate) mod audit;
mod changes;
pub(crate) mod entity;
mod indicators;
mod lookup;
pub(crate) mod operations;
pub(in crate::api) mod render;
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
    request::{CyberTraceRequest, Read, Streaming},
};
use crate::{
    http::{body::BodyReader, problem::Cause, record::RequestRecord},
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
    admitted: Admitted<CyberTraceRequest>,
    record: &RequestRecord,
) -> Result<HttpResponse, Cause> {
    let Admitted { route, request, identity, ingestor } = admitted;
    let store = ingestor.store();
    let rules = state.rules();
    match request {
        CyberTraceRequest::Read(read) => show(store, read),
        CyberTraceRequest::Change(change, None) => {
            changes::make(&state.workers.entity, store, change, &Entity::default(), &identity, record).await
        }
        CyberTraceRequest::Change(change, Some(_kept_until_made)) => {
            let mut reader =
                BodyReader::new(&head.headers, payload, route.body_bytes_max, rules.pace, &state.stopping)?;
            let entity = changes::read_entity(&state.workers.entity, &mut reader).await;
            record.note_body(reader.received_bytes(), reader.waited());
            changes::make(&state.workers.entity, store, change, &entity?, &identity, record).await
        }
        CyberTraceRequest::Stream(streaming, permit) => {
            let mut reader =
                BodyReader::new(&head.headers, payload, route.body_bytes_max, rules.pace, &state.stopping)?;
            let outcome = match streaming {
                Streaming::Lookup(tenant) => {
                    let rules = LookupRules {
                        tenant,
                        scope: rules.match_scope,
                        now_seconds: crate::now_seconds(),
                        explains: false,
                    };
                    lookup::lookup(&ingestor, rules, permit, &mut reader, &state.metrics.looked_up).await
                }
                Streaming::AddIndicators(supplier, version) => {
                    let counts = &state.metrics.suppliers;
                    indicators::add(&ingestor, &supplier, version, permit, &mut reader, counts, record).await
                }
                Streaming::DeleteIndicators(supplier, version) => {
                    let counts = &state.metrics.suppliers;
                    indicators::delete(&ingestor, &supplier, version, permit, &mut reader, counts, record)
                        .await
                }
            };
            record.note_body(reader.received_bytes(), reader.waited());
            outcome
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
