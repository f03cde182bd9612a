//! Everything that is decided from a request's head, before one byte of its body is read.
//!
//! In: a head. Out: an [`Admitted`] request with all that it needs, or the problem to answer. In this order: 401,
//! 404, 405, 403, 406, 425, 507, unknown tenant or name, 400 for a declared length, 429. A request that expects
//! `100-continue` passes here before it is told to go on, and is not judged again afterwards.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::{dev::RequestHead, http::header};
use sluice_ingest::{Ingestor, Permit};
use sluice_model::{TenantId, limits};
use sluice_store::catalogue::{Supplier, Tag};

use super::cybertrace::table::{self, BodyRule, Found, Request};
use crate::{
    auth::role::{Action, Identity},
    http::{
        body,
        head::{self, Encoding},
        problem::{Cause, Problem, Resource},
    },
    life::state::State,
};

/// Which supplier or tag a request is about.
#[derive(Debug)]
pub(crate) enum Subject {
    /// None.
    Nothing,
    /// An existing supplier.
    Supplier(Supplier),
    /// An existing tag.
    Tag(Tag),
}

/// A request whose body is wanted.
pub(crate) struct Admitted {
    /// Its line of the table and its names.
    pub(crate) found: Found,
    /// Who asks.
    pub(crate) identity: Identity,
    /// For which tenant.
    pub(crate) tenant: TenantId,
    /// About what.
    pub(crate) subject: Subject,
    /// Where it goes.
    pub(crate) ingestor: Ingestor,
    /// Leave to hold its body; `None` where a body is not looked at.
    pub(crate) permit: Option<Permit>,
}

/// Judges a head.
///
/// # Errors
///
/// The problem to answer.
pub(crate) async fn admit(state: &State, head: &RequestHead) -> Result<Admitted, Problem> {
    let found = table::find(&head.method, head.uri.path());
    let sentence = match &found {
        Ok(found) => found.route.sentence,
        Err(problem) => problem.sentence,
    };
    let address = head.peer_addr.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let claims = head.headers.get_all(header::AUTHORIZATION).map(header::HeaderValue::as_bytes);
    let identity = state.auth.identify(claims, address).await;
    let identity = identity.map_err(|cause| Problem::new(sentence, cause))?;
    let found = found?;
    judge(state, head, found, identity).map_err(|cause| Problem::new(sentence, cause))
}

fn judge(state: &State, head: &RequestHead, found: Found, identity: Identity) -> Result<Admitted, Cause> {
    let route = found.route;
    let target = head.uri.path_and_query().map_or("", |target| target.as_str());
    head::check_length(target, &head.headers)?;
    let tenant_name = found.tenant.as_deref().ok_or(UNKNOWN_TENANT)?;
    if !identity.may(route.action, tenant_name) {
        return Err(Cause::Forbidden("The user has no right to this operation"));
    }
    head::check_accept(&head.headers)?;
    let mut encoding = Encoding::Identity;
    if route.body != BodyRule::None {
        head::check_content_type(&head.headers)?;
        encoding = head::content_encoding(&head.headers)?;
    }
    let ingestor = match route.action {
        Action::Read | Action::Lookup => state.for_reading()?,
        _ => state.for_writing()?,
    };
    let catalogue = ingestor.store().catalogue();
    let tenant = catalogue.tenant(tenant_name).ok_or(UNKNOWN_TENANT)?;
    let name = found.name.as_deref().unwrap_or_default();
    let subject = match route.request {
        Request::GetSupplier
        | Request::UpdateSupplier
        | Request::RemoveSupplier
        | Request::AddIndicators
        | Request::DeleteIndicators => {
            let supplier = catalogue.supplier(tenant, name).ok_or_else(|| Resource::Supplier.missing())?;
            Subject::Supplier(supplier.clone())
        }
        Request::GetTag | Request::UpdateTag | Request::RemoveTag => {
            let tag = catalogue.tag(&name.to_ascii_uppercase()).ok_or_else(|| Resource::Tag.missing())?;
            Subject::Tag(tag.clone())
        }
        _ => Subject::Nothing,
    };
    check_built_in(route.request, &subject)?;
    let permit = reserve(ingestor, head, route.request, route.body, encoding)?;
    let ingestor = ingestor.clone();
    Ok(Admitted { found, identity, tenant, subject, ingestor, permit })
}

const UNKNOWN_TENANT: Cause = Cause::NotFound("Tenant doesn't exist");

fn check_built_in(request: Request, subject: &Subject) -> Result<(), Cause> {
    match (request, subject) {
        (Request::UpdateSupplier | Request::RemoveSupplier, Subject::Supplier(supplier))
            if supplier.is_built_in() =>
        {
            Err(Cause::Forbidden("Built-in suppliers cannot be updated or removed"))
        }
        _ => Ok(()),
    }
}

fn reserve(
    ingestor: &Ingestor,
    head: &RequestHead,
    request: Request,
    rule: BodyRule,
    encoding: Encoding,
) -> Result<Option<Permit>, Cause> {
    let BodyRule::Max(bytes_max) = rule else { return Ok(None) };
    body::check_declared(&head.headers, bytes_max)?;
    let declared = head::content_length(&head.headers)
        .filter(|_| encoding == Encoding::Identity)
        .and_then(|bytes| usize::try_from(bytes).ok());
    let permit = match request {
        // Silent bodies hold next to nothing: these permits grow with what arrives.
        Request::AddIndicators | Request::DeleteIndicators | Request::Lookup => {
            ingestor.reserve(declared, bytes_max)
        }
        // The body of one supplier or tag is held squeezed, so no more than one element of it is held at once.
        _ => ingestor.reserve_whole(declared.unwrap_or(bytes_max).min(limits::ELEMENT_BYTES_MAX)),
    };
    let permit = permit.map_err(|busy| Cause::Busy { retry_after_seconds: busy.retry_after_seconds })?;
    Ok(Some(permit))
}
