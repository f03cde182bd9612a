//! The route table: every request of the API, one line each.
//!
//! In: a raw path and a method. Out: the request, its tenant and its name, or 404 or 405. Nothing else in the
//! crate knows a path. A segment in braces takes any name; the words of the table are no tenant.

use actix_web::http::Method;
use sluice_model::{TenantName, limits};

use crate::{
    api::path::{self, Version},
    auth::role::Action,
    http::problem::{Cause, Problem, Sentence},
};

#[cfg(test)]
mod tests;

/// A request of the API, whichever tenant it is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Request {
    /// `POST lookup`.
    Lookup,
    /// `GET suppliers`.
    ListSuppliers,
    /// `POST suppliers`.
    CreateSupplier,
    /// `GET suppliers/{supplier}`.
    GetSupplier,
    /// `PUT suppliers/{supplier}`.
    UpdateSupplier,
    /// `DELETE suppliers/{supplier}`.
    RemoveSupplier,
    /// `PUT suppliers/{supplier}/indicators`.
    AddIndicators,
    /// `DELETE suppliers/{supplier}/indicators`.
    DeleteIndicators,
    /// `GET tags`.
    ListTags,
    /// `POST tags`.
    CreateTag,
    /// `GET tags/{tag}`.
    GetTag,
    /// `PUT tags/{tag}`.
    UpdateTag,
    /// `DELETE tags/{tag}`.
    RemoveTag,
}

/// Whether a request has a body, and the limit of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BodyRule {
    /// A body is not looked at.
    None,
    /// A body of at most this many bytes, inclusive, after decoding.
    Max(usize),
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Route {
    method: Method,
    pattern: &'static [&'static str],
    since: Version,
    /// What is asked for.
    pub(crate) request: Request,
    /// Who may, by way of the table of rights.
    pub(crate) action: Action,
    /// What it takes.
    pub(crate) body: BodyRule,
    /// What it says when it fails.
    pub(crate) sentence: Sentence,
}

const LARGE: BodyRule = BodyRule::Max(limits::BODY_BYTES_MAX);
const SMALL: BodyRule = BodyRule::Max(limits::LOOKUP_BODY_BYTES_MAX);
const NO_BODY: BodyRule = BodyRule::None;

use Version::{V1_0, V1_1, V1_3};

/// Every request, with the version since which it is served.
#[rustfmt::skip]
pub(crate) static ROUTES: [Route; 18] = [
    route(Method::POST,   &["lookup"],                                          V1_0, Request::Lookup,           Action::Lookup,           SMALL,   Sentence::Lookup),
    route(Method::POST,   &["{tenant}", "lookup"],                              V1_3, Request::Lookup,           Action::Lookup,           SMALL,   Sentence::Lookup),
    route(Method::GET,    &["suppliers"],                                       V1_0, Request::ListSuppliers,    Action::Read,             NO_BODY, Sentence::ListSuppliers),
    route(Method::POST,   &["suppliers"],                                       V1_0, Request::CreateSupplier,   Action::ManageSuppliers,  LARGE,   Sentence::CreateSupplier),
    route(Method::GET,    &["suppliers", "{name}"],                             V1_0, Request::GetSupplier,      Action::Read,             NO_BODY, Sentence::GetSupplier),
    route(Method::PUT,    &["suppliers", "{name}"],                             V1_0, Request::UpdateSupplier,   Action::ChangeSupplier,   LARGE,   Sentence::UpdateSupplier),
    route(Method::DELETE, &["suppliers", "{name}"],                             V1_0, Request::RemoveSupplier,   Action::ManageSuppliers,  NO_BODY, Sentence::RemoveSupplier),
    route(Method::GET,    &["{tenant}", "suppliers", "{name}"],                 V1_3, Request::GetSupplier,      Action::Read,             NO_BODY, Sentence::GetSupplier),
    route(Method::PUT,    &["{tenant}", "suppliers", "{name}"],                 V1_3, Request::UpdateSupplier,   Action::ChangeSupplier,   LARGE,   Sentence::UpdateSupplier),
    route(Method::PUT,    &["suppliers", "{name}", "indicators"],               V1_0, Request::AddIndicators,    Action::ChangeIndicators, LARGE,   Sentence::AddIndicators),
    route(Method::DELETE, &["suppliers", "{name}", "indicators"],               V1_0, Request::DeleteIndicators, Action::ChangeIndicators, SMALL,   Sentence::DeleteIndicators),
    route(Method::PUT,    &["{tenant}", "suppliers", "{name}", "indicators"],   V1_3, Request::AddIndicators,    Action::ChangeIndicators, LARGE,   Sentence::AddIndicators),
    route(Method::DELETE, &["{tenant}", "suppliers", "{name}", "indicators"],   V1_3, Request::DeleteIndicators, Action::ChangeIndicators, SMALL,   Sentence::DeleteIndicators),
    route(Method::GET,    &["tags"],                                            V1_1, Request::ListTags,         Action::Read,             NO_BODY, Sentence::ListTags),
    route(Method::POST,   &["tags"],                                            V1_1, Request::CreateTag,        Action::ManageTags,       LARGE,   Sentence::CreateTag),
    route(Method::GET,    &["tags", "{name}"],                                  V1_1, Request::GetTag,           Action::Read,             NO_BODY, Sentence::GetTag),
    route(Method::PUT,    &["tags", "{name}"],                                  V1_1, Request::UpdateTag,        Action::ManageTags,       LARGE,   Sentence::UpdateTag),
    route(Method::DELETE, &["tags", "{name}"],                                  V1_1, Request::RemoveTag,        Action::ManageTags,       NO_BODY, Sentence::RemoveTag),
];

const fn route(
    method: Method,
    pattern: &'static [&'static str],
    since: Version,
    request: Request,
    action: Action,
    body: BodyRule,
    sentence: Sentence,
) -> Route {
    Route { method, pattern, since, request, action, body, sentence }
}

/// A request that the table knows, with the names in its path.
#[derive(Debug)]
pub(crate) struct Found {
    /// Its line.
    pub(crate) route: &'static Route,
    /// Through which version it was asked.
    pub(crate) version: Version,
    /// Decoded tenant; `General` where the path names none. `None` when it does not decode.
    pub(crate) tenant: Option<String>,
    /// Decoded name of the supplier or tag; empty where there is none. `None` when it does not decode.
    pub(crate) name: Option<String>,
}

/// Finds the request of a path and method.
///
/// # Errors
///
/// [`Cause::NotFound`] or [`Cause::MethodNotAllowed`], under the sentence of the request where only one can be
/// meant.
pub(crate) fn find(method: &Method, raw_path: &str) -> Result<Found, Problem> {
    let unknown = || Problem::new(Sentence::Generic, Cause::NotFound("There is no such request"));
    let (version, segments) = path::split(raw_path).ok_or_else(unknown)?;
    let fits = |route: &&Route| route.since <= version && matches(route.pattern, &segments);
    if let Some(route) = ROUTES.iter().filter(fits).find(|route| route.method == *method) {
        let (tenant, name) = names(route.pattern, &segments);
        return Ok(Found { route, version, tenant, name });
    }
    let known: Vec<&Route> = ROUTES.iter().filter(fits).collect();
    let sentence = match known.as_slice() {
        [] => return Err(unknown()),
        [only] => only.sentence,
        _ => Sentence::Generic,
    };
    let allow = known.iter().map(|route| route.method.as_str()).collect::<Vec<_>>().join(", ");
    Err(Problem::new(sentence, Cause::MethodNotAllowed { allow }))
}

fn matches(pattern: &[&str], segments: &[&str]) -> bool {
    let is_word = |segment: &str| ["suppliers", "tags", "lookup"].contains(&segment);
    pattern.len() == segments.len()
        && pattern.iter().zip(segments).all(|(part, segment)| match *part {
            "{tenant}" => !segment.is_empty() && !is_word(segment),
            "{name}" => !segment.is_empty(),
            word => word == *segment,
        })
}

fn names(pattern: &[&str], segments: &[&str]) -> (Option<String>, Option<String>) {
    let mut tenant = Some(TenantName::GENERAL.to_owned());
    let mut name = Some(String::new());
    for (part, segment) in pattern.iter().zip(segments) {
        match *part {
            "{tenant}" => tenant = path::decode(segment),
            "{name}" => name = path::decode(segment),
            _ => {}
        }
    }
    (tenant, name)
}
