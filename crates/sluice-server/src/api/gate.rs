//! Everything that is decided from the head of a request, before one byte of its body is read.
//!
//! In: a head. Out: an [`Admitted`] request with all that it needs, or the problem to answer. What is wrong first in
//! this order is what the client is told:
//!
//! 1. 401: no valid credentials; 429 after too many wrong passwords.
//! 2. 404: no such path, or no such version of it.
//! 3. 405: the path has other methods.
//! 4. 400: the head is too long.
//! 5. 404: the tenant in the path does not decode.
//! 6. 403: the user has no right to the request; of `_bulk`, to any like it.
//! 7. 406: the client does not take JSON, or sends something else, or in an unknown encoding; of `/v1` the last two are
//!    415, of `_bulk` the last one alone.
//! 8. 425: the store is still being opened; 500 once it has failed.
//! 9. 507: the disk is full, and the request would write.
//! 10. 404: no such tenant, supplier or tag.
//! 11. 403: a built-in supplier is to be updated or removed.
//! 12. 400: the body is declared longer than it may be; of `/v1`, where it may have any length, 422: a parameter is
//!     unknown, or is none of its values.
//! 13. 429: the daemon stops before the body can arrive, or there is no memory for it; of `_bulk` and imports also that the
//!     store is busy, and these wait for room for a while.
//!
//! A request that expects `100-continue` passes here before it is told to go on, and is not judged again afterwards.

use std::time::Duration;

use actix_web::{dev::RequestHead, http::uri::PathAndQuery};
use sluice_ingest::{ImportMode, IngestError, Ingestor, Permit};
use sluice_model::{TenantId, limits};
use sluice_store::{
    WriteError,
    catalogue::{Catalogue, Supplier, Tag},
};

use super::{
    cybertrace::table as cybertrace_table,
    es::{parameters as es_parameters, table as es_table},
    identification::identify,
    lists_gate::{identify_fetcher, lists_request},
    request::{
        AccountsShape, BatchesAsked, BatchesRequest, BatchesShape, BulkRequest, CyberTraceRequest,
        ImportRequest, Importing, ListsShape, LookupRequest, LookupValues, Request,
    },
    route::{self, Found, Route, Shape, Subject},
    v1::{
        accounts, batch_list,
        changes::parameters as changes_parameters,
        export::parameters as export_parameters,
        lookup_parameters,
        parameters::{self, MissingTagsChoice, Parameters},
        table as v1_table,
    },
};
use crate::{
    auth::role::{Action, Identity},
    batches::id::BatchId,
    http::body,
    http::coding::{Coding, content_encoding},
    http::head,
    http::problem::{self, Cause, FORBIDDEN, Problem},
    http::record::RequestRecord,
    life::state::State,
};

#[cfg(test)]
mod tests;

/// The tables of all APIs.
pub(super) const TABLES: [&[Route]; 3] = [&cybertrace_table::ROUTES, &v1_table::ROUTES, &es_table::ROUTES];

/// How long a bulk request or an import waits for room before it is refused, and how often it asks: clients give up after 10
/// seconds at the earliest.
const ROOM_WAIT_MAX: Duration = Duration::from_secs(8);
const ROOM_RETRY_TIME: Duration = Duration::from_millis(50);

/// A request whose body is wanted.
pub(crate) struct Admitted<R = Request> {
    /// Its row of the table.
    pub(crate) route: &'static Route,
    /// What is asked.
    pub(crate) request: R,
    /// Who asks.
    pub(crate) identity: Identity,
    /// Where it goes.
    pub(crate) ingestor: Ingestor,
}

/// Judges a head.
///
/// # Errors
///
/// The problem to answer.
pub(crate) async fn admit(
    state: &State,
    head: &RequestHead,
    record: &RequestRecord,
) -> Result<Admitted, Problem> {
    let (sentence, found) = match route::find(&TABLES, &head.method, head.uri.path()) {
        Ok(found) => (found.route.sentence, Ok(found)),
        Err(problem) => (problem.sentence, Err(problem.cause)),
    };
    judge(state, head, found, record).await.map_err(|cause| Problem::new(sentence, cause))
}

async fn judge(
    state: &State,
    head: &RequestHead,
    found: Result<Found<'_>, Cause>,
    record: &RequestRecord,
) -> Result<Admitted, Cause> {
    if let Ok(found) = &found {
        record.route.set(found.route.name);
        record.route_number.set(Some(found.number));
    }
    let identity = who_asks(state, head, &found, record).await?;
    let found = found?;
    let route = found.route;
    let target = head.uri.path_and_query().map_or("", PathAndQuery::as_str);
    head::check_length(target, &head.headers)?;
    let tenant_name = found.tenant()?;
    check_right(&identity, route, &tenant_name)?;
    check_accept(head, route)?;
    let declared_bytes = if route.body_bytes_max == 0 { None } else { check_body_headers(head, route)? };
    let ingestor = if route.writes() { state.for_writing()? } else { state.for_reading()? };
    let catalogue = ingestor.store().catalogue();
    let tenant = catalogue.tenant(&tenant_name).ok_or_else(|| problem::missing("Tenant"))?;
    let request = match &route.shape {
        Shape::Read(subject) => {
            Request::CyberTrace(CyberTraceRequest::Read(look_up(subject, &catalogue, tenant, &found)?))
        }
        Shape::Change(subject) => {
            let change = look_up(subject, &catalogue, tenant, &found)?;
            Request::CyberTrace(if route.body_bytes_max == 0 {
                CyberTraceRequest::Change(change, None)
            } else {
                body::check_declared(&head.headers, route.body_bytes_max)?;
                body::check_time(&head.headers, &state.stopping)?;
                // No more than its one object is held, and the white space around it is not.
                let bytes = declared_bytes.unwrap_or(route.body_bytes_max).min(limits::ELEMENT_BYTES_MAX);
                CyberTraceRequest::Change(change, Some(ingestor.reserve_whole(bytes)?))
            })
        }
        Shape::Stream(subject) => {
            let streaming = look_up(subject, &catalogue, tenant, &found)?;
            body::check_declared(&head.headers, route.body_bytes_max)?;
            body::check_time(&head.headers, &state.stopping)?;
            // Only for its beginning: this permit grows with what arrives.
            let permit = ingestor.reserve(declared_bytes, route.body_bytes_max)?;
            Request::CyberTrace(CyberTraceRequest::Stream(streaming, permit))
        }
        Shape::Import(subject) => {
            let importing = look_up(subject, &catalogue, tenant, &found)?;
            let told = (import_parameters(head, &identity, &tenant_name)?, tenant_name);
            Request::Import(import_request((state, ingestor), head, importing, told, declared_bytes).await?)
        }
        Shape::Lookup => lookup_request((state, ingestor), head, route, tenant, declared_bytes)?,
        Shape::Export(subject) => {
            let subject = look_up(subject, &catalogue, tenant, &found)?;
            Request::Export(export_parameters::read(head, subject, &catalogue, tenant)?)
        }
        Shape::Changes => Request::Changes(changes_parameters::read(head, tenant)?),
        Shape::Bulk => Request::Bulk(bulk_request((state, ingestor), head, &found, declared_bytes).await?),
        Shape::Accounts(shape) => {
            let name = found.parameter("{account}").unwrap_or_default();
            Request::Accounts(*shape, name, accounts_permit(head, *shape, route, ingestor)?)
        }
        Shape::Lists(shape) => lists_request(*shape, (tenant_name, route), head, &found, ingestor)?,
        Shape::Batches(shape) => Request::Batches(batches_request(*shape, tenant_name, head, &found)?),
    };
    Ok(Admitted { route, request, identity, ingestor: ingestor.clone() })
}

/// Finds out who asks. Lists are fetched by devices, which know few ways to say it.
async fn who_asks(
    state: &State,
    head: &RequestHead,
    found: &Result<Found<'_>, Cause>,
    record: &RequestRecord,
) -> Result<Identity, Cause> {
    match found {
        Ok(found) if found.route.action == Action::ReadList => {
            identify_fetcher(state, head, found, record).await
        }
        _ => identify(state, head, record).await,
    }
}

/// Refuses who has no right to a request.
fn check_right(identity: &Identity, route: &Route, tenant_name: &str) -> Result<(), Cause> {
    let may = match route.shape {
        // In which tenant, its items say.
        Shape::Bulk => identity.may_somewhere(route.action),
        _ => identity.may(route.action, tenant_name),
    };
    if may { Ok(()) } else { Err(Cause::Forbidden(FORBIDDEN)) }
}

/// Makes an import, once there is memory for a step of it and its supplier takes writes.
async fn import_request(
    (state, ingestor): (&State, &Ingestor),
    head: &RequestHead,
    importing: Importing,
    (parameters, tenant): (Parameters, String),
    declared_bytes: Option<usize>,
) -> Result<ImportRequest, Cause> {
    body::check_time(&head.headers, &state.stopping)?;
    // A replacement that comes second has its turn.
    let written = (parameters.mode == ImportMode::Steps).then_some(importing.supplier().id);
    let (permit, room_wait_max) =
        patiently(ROOM_WAIT_MAX, || ingestor.reserve_import(declared_bytes, written)).await?;
    Ok(ImportRequest { importing, parameters, tenant, room_wait_max, permit })
}

/// Makes a bulk request, once there is memory for the beginning of its body and the store takes writes.
async fn bulk_request(
    (state, ingestor): (&State, &Ingestor),
    head: &RequestHead,
    found: &Found<'_>,
    declared_bytes: Option<usize>,
) -> Result<BulkRequest, Cause> {
    let body_bytes_max = found.route.body_bytes_max;
    body::check_declared(&head.headers, body_bytes_max)?;
    body::check_time(&head.headers, &state.stopping)?;
    let (index, hides_refusals) = (found.parameter("{index}"), es_parameters::hides_refusals(head)?);
    let (permit, busy_wait_max) =
        patiently(ROOM_WAIT_MAX, || ingestor.reserve_to_write(declared_bytes, body_bytes_max)).await?;
    Ok(BulkRequest { index, hides_refusals, body_bytes_max, busy_wait_max, permit })
}

/// Makes a lookup, once there is memory for the beginning of its body.
fn lookup_request(
    (state, ingestor): (&State, &Ingestor),
    head: &RequestHead,
    route: &Route,
    tenant: TenantId,
    declared_bytes: Option<usize>,
) -> Result<Request, Cause> {
    let body_bytes_max = route.body_bytes_max;
    if body_bytes_max == 0 {
        let rows = lookup_parameters::rows(head)?;
        let permit = ingestor.reserve(Some(rows.len()), limits::LOOKUP_BODY_BYTES_MAX)?;
        return Ok(Request::Lookup(LookupRequest { tenant, values: LookupValues::Given(rows), permit }));
    }
    batch_list::check_no_parameters(head)?;
    body::check_declared(&head.headers, body_bytes_max)?;
    body::check_time(&head.headers, &state.stopping)?;
    let values = LookupValues::InBody(lookup_parameters::announced(head)?);
    let permit = ingestor.reserve(declared_bytes, body_bytes_max)?;
    Ok(Request::Lookup(LookupRequest { tenant, values, permit }))
}

/// Asks again while there is no room, and gives what is left of `wait_max` then. Clients that can do nothing good with a 429
/// wait in their socket first, and hold nothing here.
///
/// # Errors
///
/// As of `ask`; that there is no room after `wait_max`.
async fn patiently<T>(
    wait_max: Duration,
    mut ask: impl FnMut() -> Result<T, IngestError>,
) -> Result<(T, Duration), IngestError> {
    let since = tokio::time::Instant::now();
    loop {
        match ask() {
            Err(IngestError::Write(WriteError::Busy { .. })) if since.elapsed() < wait_max => {
                tokio::time::sleep(ROOM_RETRY_TIME).await;
            }
            outcome => return Ok((outcome?, wait_max.saturating_sub(since.elapsed()))),
        }
    }
}

/// Refuses a client that does not take what the answer is.
fn check_accept(head: &RequestHead, route: &Route) -> Result<(), Cause> {
    match route.shape {
        // Clients ask for media types of their own, and take JSON, or the list, all the same.
        Shape::Bulk | Shape::Lists(ListsShape::Fetch) => Ok(()),
        Shape::Export(_) => export_parameters::check_accept(head),
        Shape::Batches(BatchesShape::Rejects) | Shape::Import(_) | Shape::Lookup | Shape::Changes => {
            batch_list::check_accept(&head.headers)
        }
        _ => head::check_accept(&head.headers),
    }
}

/// Reads what is asked of an import.
fn import_parameters(head: &RequestHead, identity: &Identity, tenant: &str) -> Result<Parameters, Cause> {
    let parameters = parameters::read(head)?;
    let makes_tags = parameters.missing_tags == MissingTagsChoice::Create;
    if makes_tags && !identity.may(Action::ManageTags, tenant) {
        return Err(Cause::Forbidden(FORBIDDEN));
    }
    Ok(parameters)
}

/// Reserves memory for a body about an account, and for the hash of a password.
fn accounts_permit(
    head: &RequestHead,
    shape: AccountsShape,
    route: &Route,
    ingestor: &Ingestor,
) -> Result<Option<Permit>, Cause> {
    batch_list::check_no_parameters(head)?;
    body::check_declared(&head.headers, route.body_bytes_max)?;
    let hash_bytes = if accounts::hashes_a_password(shape) { limits::PASSWORD_CHECK_BYTES } else { 0 };
    match route.body_bytes_max + hash_bytes {
        0 => Ok(None),
        bytes => Ok(Some(ingestor.reserve_whole(bytes)?)),
    }
}

/// Reads what is asked of batches.
fn batches_request(
    shape: BatchesShape,
    tenant: String,
    head: &RequestHead,
    found: &Found<'_>,
) -> Result<BatchesRequest, Cause> {
    if shape == BatchesShape::List {
        return Ok(BatchesRequest { tenant, asked: BatchesAsked::List(batch_list::read(head)?) });
    }
    let id = found.parameter("{batch}").and_then(|text| BatchId::parse(&text));
    let id = id.ok_or_else(|| problem::missing("Batch"))?;
    batch_list::check_no_parameters(head)?;
    Ok(BatchesRequest { tenant, asked: BatchesAsked::One(shape, id) })
}

/// Checks what the head says of its body. Returns how long it is, if the head tells: that of a compressed body it does not.
fn check_body_headers(head: &RequestHead, route: &Route) -> Result<Option<usize>, Cause> {
    match route.shape {
        Shape::Import(_) => parameters::check_media(head)?,
        Shape::Lookup => drop(lookup_parameters::announced(head)?),
        Shape::Bulk => es_parameters::check_media(head)?,
        Shape::Accounts(_) | Shape::Lists(_) => {
            head::check_content_type(&head.headers).map_err(|_other| {
                Cause::UnsupportedMedia("Users, tokens and lists are application/json in UTF-8 only")
            })?;
        }
        _ => head::check_content_type(&head.headers)?,
    }
    let is_plain = content_encoding(&head.headers)? == Coding::Identity;
    Ok(if is_plain { head::content_length(&head.headers) } else { None })
}

/// Looks up what a request is about, and makes the request of it.
fn look_up<R: Clone>(
    subject: &Subject<R>,
    catalogue: &Catalogue,
    tenant: TenantId,
    found: &Found<'_>,
) -> Result<R, Cause> {
    Ok(match subject {
        Subject::Catalogue(request) => request.clone(),
        Subject::Tenant(request) => request(tenant),
        Subject::Supplier(request) => request(supplier(catalogue, tenant, found)?),
        Subject::OwnSupplier(request) => {
            let supplier = supplier(catalogue, tenant, found)?;
            if supplier.is_built_in() {
                return Err(Cause::Forbidden(problem::BUILT_IN));
            }
            request(supplier)
        }
        Subject::Indicators(request) => request(supplier(catalogue, tenant, found)?, found.version),
        Subject::Tag(request) => request(tag(catalogue, found)?),
    })
}

fn supplier(catalogue: &Catalogue, tenant: TenantId, found: &Found<'_>) -> Result<Supplier, Cause> {
    if let Some(name) = found.parameter("{supplier}")
        && let Some(supplier) = catalogue.supplier(tenant, &name)
    {
        return Ok(supplier.clone());
    }
    Err(problem::missing("Supplier"))
}

fn tag(catalogue: &Catalogue, found: &Found<'_>) -> Result<Tag, Cause> {
    if let Some(name) = found.parameter("{tag}")
        && let Some(tag) = catalogue.tag(&name.to_ascii_uppercase())
    {
        return Ok(tag.clone());
    }
    Err(problem::missing("Tag"))
}
