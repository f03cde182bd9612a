//! `lookup`: one result for each object, in order.

use actix_web::{HttpResponse, http::StatusCode};
use sluice_ingest::LookupRules;

use crate::{
    api::gate::Admitted,
    http::{answer, body::BodyReader, problem::Cause},
    life::state::State,
};

/// Looks up all objects of a body.
pub(super) async fn lookup(
    state: &State,
    mut reader: BodyReader<'_>,
    admitted: Admitted,
) -> Result<HttpResponse, Cause> {
    let permit = admitted.permit.ok_or(Cause::Internal)?;
    let rules =
        LookupRules { tenant: admitted.tenant, scope: state.match_scope, now_seconds: crate::now_seconds() };
    let mut query = admitted.ingestor.lookup(permit, rules);
    while let Some(piece) = reader.next().await? {
        query.feed(&piece).await?;
    }
    let found = query.finish().await?;
    Ok(answer::of_pieces(StatusCode::OK, found.json_bytes(), found.into_json_chunks()))
}
