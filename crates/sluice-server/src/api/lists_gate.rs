//! What is particular of requests for lists: who may fetch one, and what their paths and parameters say.
//!
//! In: a head, and its row. Out: who fetches, and what is asked. Devices know few ways to log in: so a list is fetched with a token as the password of
//! any user, or, where the token is for that list alone, as the parameter `token`; and one that is public by anybody.

use actix_web::{
    dev::RequestHead,
    http::header::{self, HeaderValue},
};
use sluice_ingest::Ingestor;
use sluice_model::ListName;

use super::{
    identification::{identify, identify_by},
    request::{ListsAsked, ListsRequest, ListsShape, Request},
    route::{Found, Route},
    v1::{batch_list, lists::fetched::FetchedList, parameters::unknown},
};
use crate::{
    auth::{
        basic::{Claim, read_claim},
        role::{Action, Identity, Role},
        token,
    },
    http::{
        body, head,
        problem::{self, Cause, FORBIDDEN},
        record::RequestRecord,
    },
    life::state::State,
};

/// The only parameter of a list that is fetched.
pub(crate) const FETCH_PARAMETER: &str = "token";

/// Whoever fetches a list that is public, in the log.
const ANYBODY: &str = "(anybody)";

/// Finds out who fetches a list.
///
/// # Errors
///
/// As of [`identify`]; [`Cause::Forbidden`] for a token of another list. None for a list that is public: whoever cannot be identified is anybody.
pub(super) async fn identify_fetcher(
    state: &State,
    head: &RequestHead,
    found: &Found<'_>,
    record: &RequestRecord,
) -> Result<Identity, Cause> {
    let tenant = found.tenant()?;
    let name = match fetched(found) {
        Ok(FetchedList { name, .. }) => Some(name),
        Err(_none) => None,
    };
    let list = name.as_ref().and_then(|name| state.lists.get(&tenant, name));
    let is_public = list.is_some_and(|list| list.definition.public);
    let says_nothing = !head.headers.contains_key(header::AUTHORIZATION)
        && record.peer.is_none()
        && given_token(head).is_none();
    if !is_public || !says_nothing {
        match identify_by_any(state, head, record).await {
            Ok(identity) => {
                let is_of_another = identity.list.is_some() && identity.list != name;
                if !is_of_another && (!is_public || identity.may(Action::ReadList, &tenant)) {
                    return Ok(identity);
                }
                if !is_public {
                    return Err(Cause::Forbidden(FORBIDDEN));
                }
            }
            Err(cause) if !is_public => return Err(cause),
            Err(_anybody) => {}
        }
    }
    record.user.get_or_init(|| ANYBODY.to_owned());
    Ok(Identity::anybody(tenant))
}

/// Finds out who fetches by what they say in any of the ways.
async fn identify_by_any(
    state: &State,
    head: &RequestHead,
    record: &RequestRecord,
) -> Result<Identity, Cause> {
    match (given_token(head), token_as_password(head)) {
        (Some(given), _) => {
            let claim = format!("Bearer {given}");
            let identity = identify_by(state, std::iter::once(claim.as_bytes()), record).await?;
            // Addresses stand in logs of proxies: one must not be worth more than the list.
            if identity.role != Role::List {
                return Err(Cause::Forbidden("Only the token of a list may stand in the address"));
            }
            Ok(identity)
        }
        (None, Some(claim)) => identify_by(state, std::iter::once(claim.as_bytes()), record).await,
        (None, None) => identify(state, head, record).await,
    }
}

/// The token in the address.
fn given_token(head: &RequestHead) -> Option<String> {
    for (name, token) in head::parameters(head) {
        if name == FETCH_PARAMETER {
            return Some(token.into_owned());
        }
    }
    None
}

/// The claim of a token that stands in the place of a password.
fn token_as_password(head: &RequestHead) -> Option<String> {
    let mut claims = head.headers.get_all(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let (Claim::Password { password, .. }, None) = (read_claim(claims.next()?), claims.next()) else {
        return None;
    };
    let password = str::from_utf8(&password).ok()?;
    if token::is_like_one(password) { Some(format!("Bearer {password}")) } else { None }
}

/// Reads what is asked.
///
/// # Errors
///
/// [`Cause::NotFound`] for what can be no list; [`Cause::Unprocessable`] for parameters; as of reading a body.
pub(super) fn lists_request(
    shape: ListsShape,
    (tenant, route): (String, &Route),
    head: &RequestHead,
    found: &Found<'_>,
    ingestor: &Ingestor,
) -> Result<Request, Cause> {
    let asked = match shape {
        ListsShape::All => ListsAsked::All,
        ListsShape::Show => ListsAsked::Show(name(found)?),
        ListsShape::Put => ListsAsked::Put(name(found)?),
        ListsShape::Remove => ListsAsked::Remove(name(found)?),
        ListsShape::Fetch => ListsAsked::Fetch(fetched(found)?),
    };
    if shape == ListsShape::Fetch {
        for (name, _) in head::parameters(head) {
            if name != FETCH_PARAMETER {
                return Err(unknown(&name));
            }
        }
    } else {
        batch_list::check_no_parameters(head)?;
    }
    let mut permit = None;
    if route.body_bytes_max != 0 {
        body::check_declared(&head.headers, route.body_bytes_max)?;
        permit = Some(ingestor.reserve_whole(route.body_bytes_max)?);
    }
    Ok(Request::Lists(ListsRequest { tenant, asked, permit }))
}

fn name(found: &Found<'_>) -> Result<ListName, Cause> {
    if let Some(text) = found.parameter("{list}")
        && let Some(name) = ListName::parse(&text)
    {
        return Ok(name);
    }
    Err(problem::missing("List"))
}

fn fetched(found: &Found<'_>) -> Result<FetchedList, Cause> {
    match found.parameter("{file}") {
        Some(segment) => FetchedList::parse(&segment),
        None => Err(problem::missing("List")),
    }
}
