//! `/v1/lookup`: what is known of values and why, a line each, in their order.
//!
//! In: an admitted request. Out: NDJSON, written by [`explanation`](super::explanation). The way is that of the lookup of
//! the CyberTrace API, and so are its limits.

use std::sync::atomic::Ordering;

use actix_web::{
    HttpResponse,
    dev::{Payload, RequestHead},
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use sluice_ingest::{Announced, Ingestor, LookupRules};

use super::explanation::Explanation;
use crate::{
    api::{
        request::{LookupRequest, LookupValues},
        route::Route,
    },
    http::{answer, body::BodyReader, problem::Cause, record::RequestRecord},
    life::state::State,
};

/// Carries out a request.
///
/// # Errors
///
/// The cause to answer.
pub(crate) async fn carry_out(
    state: &State,
    head: &RequestHead,
    payload: &mut Payload,
    ingestor: &Ingestor,
    (route, request): (&Route, LookupRequest),
    record: &RequestRecord,
) -> Result<HttpResponse, Cause> {
    let LookupRequest { tenant, values, permit } = request;
    let settings = state.rules();
    let rules = LookupRules {
        tenant,
        scope: settings.match_scope,
        now_seconds: crate::now_seconds(),
        explains: true,
    };
    let found = match values {
        LookupValues::Given(rows) => {
            let mut query = ingestor.lookup_rows(permit, rules, Announced::Nothing, Explanation);
            query.feed(rows.as_bytes()).await?;
            query.finish().await?
        }
        LookupValues::InBody(announced) => {
            let mut query = ingestor.lookup_rows(permit, rules, announced, Explanation);
            let (pace, bytes_max) = (settings.pace, route.body_bytes_max);
            let mut reader = BodyReader::new(&head.headers, payload, bytes_max, pace, &state.stopping)?;
            let outcome = async {
                while let Some(piece) = reader.next().await? {
                    query.feed(&piece).await?;
                }
                Ok::<_, Cause>(query.finish().await?)
            }
            .await;
            record.note_body(reader.received_bytes(), reader.waited());
            outcome?
        }
    };
    state.metrics.looked_up.fetch_add(found.objects_count, Ordering::Relaxed);
    let mut response = answer::of_pieces(StatusCode::OK, found.text_bytes(), found.into_chunks());
    let media_type = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    Ok(response)
}
