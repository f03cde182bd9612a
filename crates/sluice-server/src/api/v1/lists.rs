//! `/v1/lists`: what lists there are, and their files.
//!
//! In: an admitted request. Out: definitions as JSON; a list as it is fetched by devices, with validators, ranges and codings, from its file.
//! What is on a list, and when it is built, stands in [`lists`](crate::lists).

pub(crate) mod fetched;
mod fetching;

use std::sync::Arc;

use actix_web::{
    HttpResponse,
    dev::{Payload, RequestHead},
    http::StatusCode,
};
use serde::Serialize;
use sluice_model::ListName;

use self::fetched::FetchedList;
use crate::{
    api::{
        request::{ListsAsked, ListsRequest},
        route::Route,
    },
    auth::role::Identity,
    http::{
        answer,
        body::BodyReader,
        problem::{self, Cause, Unprocessable},
        record::RequestRecord,
    },
    life::{request_log::Author, state::State},
    lists::{DeviceList, LISTS_MAX, definition::ListDefinition},
};

/// A list as it is told.
#[derive(Serialize)]
struct DeviceListView<'told> {
    /// Its name.
    name: &'told str,
    #[serde(flatten)]
    definition: &'told ListDefinition,
    /// The formats that are served at once.
    built: Vec<&'static str>,
    /// Why the last build failed, if it did; what was built before is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

/// Carries out a request.
///
/// # Errors
///
/// The cause to answer.
pub(crate) async fn carry_out(
    state: &Arc<State>,
    head: &RequestHead,
    payload: &mut Payload,
    (route, request, identity): (&Route, ListsRequest, Identity),
    record: &RequestRecord,
) -> Result<HttpResponse, Cause> {
    let ListsRequest { tenant, asked, permit: _held } = request;
    let find = |name: &ListName| state.lists.get(&tenant, name).ok_or_else(|| problem::missing("List"));
    match asked {
        ListsAsked::All => {
            let lists = state.lists.of_tenant(&tenant);
            answer::json(
                StatusCode::OK,
                &lists.iter().map(|list| DeviceListView::of(list)).collect::<Vec<_>>(),
            )
        }
        ListsAsked::Show(name) => answer::json(StatusCode::OK, &DeviceListView::of(&*find(&name)?)),
        ListsAsked::Fetch(FetchedList { name, format, digest }) => {
            fetching::fetch(state, head, &*find(&name)?, (format, digest), &identity).await
        }
        ListsAsked::Remove(name) => {
            let (shared, of) = (Arc::clone(state), tenant.clone());
            let removed = state.workers.entity.run(move || shared.lists.remove(&of, &name)).await?;
            if !removed.map_err(|error| not_written(&error))? {
                return Err(problem::missing("List"));
            }
            Author::of(record).changed("list removed");
            Ok(HttpResponse::NoContent().finish())
        }
        ListsAsked::Put(name) => {
            let pace = state.rules().pace;
            let mut reader =
                BodyReader::new(&head.headers, payload, route.body_bytes_max, pace, &state.stopping)?;
            let definition = read(&mut reader).await?;
            check_names(state, &tenant, &definition)?;
            let (shared, of, put) = (Arc::clone(state), tenant.clone(), name.clone());
            let done = state.workers.entity.run(move || shared.lists.put(&of, put, definition)).await?;
            let Some(is_new) = done.map_err(|error| not_written(&error))? else {
                return Err(invalid(format!("there are at most {LISTS_MAX} lists; remove one first")));
            };
            Author::of(record).changed(if is_new { "list created" } else { "list changed" });
            let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
            answer::json(status, &DeviceListView::of(&*find(&name)?))
        }
    }
}

/// Reads a definition.
async fn read(reader: &mut BodyReader<'_>) -> Result<ListDefinition, Cause> {
    let mut body = Vec::new();
    while let Some(piece) = reader.next().await? {
        body.extend_from_slice(&piece);
    }
    ListDefinition::parse(&body).map_err(invalid)
}

/// Refuses a definition that names a supplier or tag that there is not: it could never be built.
fn check_names(state: &State, tenant: &str, definition: &ListDefinition) -> Result<(), Cause> {
    let catalogue = state.for_reading()?.store().catalogue();
    let Some(id) = catalogue.tenant(tenant) else { return Err(problem::missing("Tenant")) };
    let suppliers = if definition.names_all_suppliers() { &[] } else { definition.suppliers.as_slice() };
    let suppliers = suppliers.iter().chain(&definition.allow);
    for name in suppliers {
        if catalogue.supplier(id, name).is_none() {
            return Err(invalid(format!("there is no supplier {name:?}")));
        }
    }
    for name in &definition.tags {
        if catalogue.tag(&name.to_ascii_uppercase()).is_none() {
            return Err(invalid(format!("there is no tag {name:?}")));
        }
    }
    Ok(())
}

fn invalid(detail: String) -> Cause {
    Cause::Unprocessable(Unprocessable::InvalidList, detail.into())
}

fn not_written(error: &std::io::Error) -> Cause {
    tracing::error!(%error, "the definitions of lists cannot be written");
    Cause::Internal
}

impl<'told> DeviceListView<'told> {
    fn of(list: &'told DeviceList) -> Self {
        let built =
            list.formats_served().into_iter().map(crate::lists::format::ListFormat::extension).collect();
        let DeviceList { name, definition, .. } = list;
        Self { name: name.as_str(), definition, built, failure: list.failure() }
    }
}
