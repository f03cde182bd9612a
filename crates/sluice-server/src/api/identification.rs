//! Who makes a request.
//!
//! In: a head, with what its connection has shown. Out: an identity. A refusal is counted and told here.

use std::time::Instant;

use actix_web::{
    dev::RequestHead,
    http::header::{self, HeaderValue},
};

use crate::{
    auth::role::Identity,
    http::{problem::Cause, record::RequestRecord},
    life::state::State,
};

/// Finds out who asks, and tells of a refusal.
///
/// # Errors
///
/// As of [`Auth::identify`](crate::auth::Auth::identify).
pub(super) async fn identify(
    state: &State,
    head: &RequestHead,
    record: &RequestRecord,
) -> Result<Identity, Cause> {
    identify_by(state, head.headers.get_all(header::AUTHORIZATION).map(HeaderValue::as_bytes), record).await
}

/// The same by claims that need not stand in a header.
///
/// # Errors
///
/// As of [`identify`].
pub(super) async fn identify_by(
    state: &State,
    claims: impl Iterator<Item = &[u8]>,
    record: &RequestRecord,
) -> Result<Identity, Cause> {
    match state.auth.identify(claims, record.peer.as_deref(), record.address).await {
        Ok((user, identity)) => {
            record.user.get_or_init(|| user);
            Ok(identity)
        }
        Err(refused) => {
            state.metrics.logins.refused(refused.reason);
            state.request_log.login_refused(record, &refused, Instant::now());
            Err(refused.cause)
        }
    }
}
