//! `lookup`: one result for each object, in order.

use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::{HttpResponse, http::StatusCode};
use sluice_ingest::{Ingestor, LookupRules, Permit};

use super::render::CyberTrace;
use crate::http::{answer, body::BodyReader, problem::Cause};

/// Looks up all objects of a body.
pub(super) async fn lookup(
    ingestor: &Ingestor,
    rules: LookupRules,
    permit: Permit,
    reader: &mut BodyReader<'_>,
    looked_up: &AtomicU64,
) -> Result<HttpResponse, Cause> {
    let mut query = ingestor.lookup(permit, rules, CyberTrace);
    while let Some(piece) = reader.next().await? {
        query.feed(&piece).await?;
    }
    let found = query.finish().await?;
    looked_up.fetch_add(found.objects_count, Ordering::Relaxed);
    Ok(answer::of_pieces(StatusCode::OK, found.text_bytes(), found.into_chunks()))
}
