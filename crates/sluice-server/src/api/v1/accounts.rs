//! `/v1/users` and `/v1/tokens`: the same as `sluiced user` and `sluiced token`, for administrators.
//!
//! In: an admitted request. Out: JSON: lists, what was made, and a token's text once. Passwords and tokens are in no log line and in no
//! other answer.

use std::sync::Arc;

use actix_web::{
    HttpResponse,
    dev::{Payload, RequestHead},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use zeroize::Zeroizing;

use crate::{
    api::{request::AccountsShape, route::Route},
    auth::{
        accounts::{Token, User},
        administration::AccountsChange,
        error::AuthError,
        role::Role,
        scope::Scope,
    },
    clock::date,
    http::{
        answer,
        body::BodyReader,
        problem::{self, AccountFault, Cause},
        record::RequestRecord,
    },
    life::state::State,
};

/// Days after which a token expires, if nothing is said.
const DAYS_DEFAULT: u32 = 365;
/// The most that may be said.
const DAYS_MAX: u32 = 3_650;

/// A body, with the members of all requests.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Members {
    name: Option<String>,
    password: Option<String>,
    role: Option<Role>,
    scope: Option<Scope>,
    tenants: Option<Vec<String>>,
    days: Option<u32>,
}

/// A user or token as it is told.
#[derive(Serialize)]
struct AccountView<'told> {
    name: &'told str,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'told Scope>,
    tenants: &'told [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    /// Told once.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'told str>,
}

/// Whether a request needs the memory that the hash of a password takes.
pub(crate) fn hashes_a_password(shape: AccountsShape) -> bool {
    matches!(shape, AccountsShape::AddUser | AccountsShape::SetPassword)
}

/// Carries out a request; `name` is that of its path.
///
/// # Errors
///
/// The cause to answer.
pub(crate) async fn carry_out(
    state: &Arc<State>,
    head: &RequestHead,
    payload: &mut Payload,
    (route, shape, name): (&Route, AccountsShape, String),
    record: &RequestRecord,
) -> Result<HttpResponse, Cause> {
    let members = if route.body_bytes_max == 0 {
        Members::default()
    } else {
        let pace = state.rules().pace;
        let mut reader =
            BodyReader::new(&head.headers, payload, route.body_bytes_max, pace, &state.stopping)?;
        read(&mut reader).await?
    };
    let change = match shape {
        AccountsShape::ListUsers => {
            return list(state.auth.accounts().users.iter().map(AccountView::of_user));
        }
        AccountsShape::ListTokens => {
            return list(state.auth.accounts().tokens.iter().map(AccountView::of_token));
        }
        AccountsShape::AddUser => members.into_user()?,
        AccountsShape::SetPassword => members.into_password(name)?,
        AccountsShape::RemoveUser => AccountsChange::RemoveUser { name },
        AccountsShape::CreateToken => members.into_token()?,
        AccountsShape::RevokeToken => AccountsChange::RevokeToken { name },
    };
    let made = match &change {
        AccountsChange::AddUser { name, .. } | AccountsChange::CreateToken { name, .. } => Some(name.clone()),
        _ => None,
    };
    let author = format!("user {} at {}, request {}", record.user(), record.address, record.id.as_str());
    let shared = Arc::clone(state);
    let changed = state.workers.entity.run(move || shared.auth.change(change, author)).await?;
    let token = changed.map_err(|error| refusal(&error))?;
    let Some(made) = made else { return Ok(HttpResponse::NoContent().finish()) };
    let accounts = state.auth.accounts();
    let mut view = match shape {
        AccountsShape::AddUser => accounts.user(&made).map(AccountView::of_user),
        _ => accounts.tokens.iter().find(|token| token.name == made).map(AccountView::of_token),
    };
    if let Some(view) = &mut view {
        view.token = token.as_ref().map(|text| text.as_str());
    }
    answer::json(StatusCode::CREATED, &view)
}

/// Reads a body: an object of JSON.
async fn read(reader: &mut BodyReader<'_>) -> Result<Members, Cause> {
    let mut body = Zeroizing::new(Vec::new());
    while let Some(piece) = reader.next().await? {
        body.extend_from_slice(&piece);
    }
    // What serde says of a wrong value may have the value in it, which may be a password.
    serde_json::from_slice(&body).map_err(|error| match error.classify() {
        Category::Data => {
            let detail = "The body has a member other than name, password, role, scope, tenants and days, or one of them is none of its values";
            Cause::Account(AccountFault::Invalid, detail.into())
        }
        _ => Cause::BadRequest("The body is not an object of JSON".into()),
    })
}

fn list<'told>(accounts: impl Iterator<Item = AccountView<'told>>) -> Result<HttpResponse, Cause> {
    answer::json(StatusCode::OK, &accounts.collect::<Vec<_>>())
}

/// Why a change is refused.
fn refusal(error: &AuthError) -> Cause {
    let fault = match error {
        AuthError::NotFound(_) => return problem::missing("Account"),
        AuthError::AlreadyExists(_) => AccountFault::Exists,
        AuthError::LastAdministrator(_) => AccountFault::LastAdministrator,
        AuthError::BadName { .. }
        | AuthError::BadTenant(_)
        | AuthError::NoTenant
        | AuthError::TooMany { .. }
        | AuthError::BadPassword { .. } => AccountFault::Invalid,
        AuthError::Io { .. }
        | AuthError::Malformed { .. }
        | AuthError::Missing { .. }
        | AuthError::TooLong { .. }
        | AuthError::Hash(_)
        | AuthError::Thread(_) => {
            tracing::error!(%error, "the accounts cannot be changed");
            return Cause::Internal;
        }
    };
    // What helps on the command line does not help here.
    let detail = match error {
        AuthError::LastAdministrator(name) => {
            format!("{name} is the last administrator; add another one first")
        }
        AuthError::NoTenant => "a tenant manager holds a tenant or more".to_owned(),
        error => error.to_string(),
    };
    Cause::Account(fault, detail.into())
}

impl Members {
    fn into_user(self) -> Result<AccountsChange, Cause> {
        let Self { name, password, role, scope: None, tenants, days: None } = self else {
            return Err(invalid("A user has name, password, role and tenants"));
        };
        // There are tokens for it alone.
        if matches!(role, Some(Role::Metrics | Role::List)) {
            return Err(invalid("role is administrator, analyst or tenant-manager"));
        }
        Ok(AccountsChange::AddUser {
            name: mandatory("name", name)?,
            password: password_of(password)?,
            role: role.unwrap_or(Role::Analyst),
            tenants: tenants.unwrap_or_default(),
        })
    }

    fn into_password(self, name: String) -> Result<AccountsChange, Cause> {
        let Self { name: None, password, role: None, scope: None, tenants: None, days: None } = self else {
            return Err(invalid("Only the password is changed"));
        };
        Ok(AccountsChange::SetPassword { name, password: password_of(password)? })
    }

    fn into_token(self) -> Result<AccountsChange, Cause> {
        let Self { name, password: None, role: None, scope, tenants, days } = self else {
            return Err(invalid("A token has name, scope, tenants and days"));
        };
        let days = days.unwrap_or(DAYS_DEFAULT);
        if days == 0 || DAYS_MAX < days {
            return Err(invalid("days is a number from 1 to 3650"));
        }
        Ok(AccountsChange::CreateToken {
            name: mandatory("name", name)?,
            scope: scope.unwrap_or(Scope::Read),
            tenants: tenants.unwrap_or_default(),
            days,
        })
    }
}

fn password_of(password: Option<String>) -> Result<Zeroizing<Vec<u8>>, Cause> {
    mandatory("password", password).map(|password| Zeroizing::new(password.into_bytes()))
}

fn mandatory<T>(name: &str, value: Option<T>) -> Result<T, Cause> {
    value.ok_or_else(|| Cause::Account(AccountFault::Invalid, format!("{name} is missing").into()))
}

fn invalid(detail: &'static str) -> Cause {
    Cause::Account(AccountFault::Invalid, detail.into())
}

impl<'told> AccountView<'told> {
    fn of_user(user: &'told User) -> Self {
        let User { name, role, tenants, .. } = user;
        Self { name, role: Some(*role), scope: None, tenants, expires: None, token: None }
    }

    fn of_token(token: &'told Token) -> Self {
        let Token { name, scope, tenants, expires_at_seconds, .. } = token;
        let expires = Some(date(*expires_at_seconds).to_string());
        Self { name, role: None, scope: Some(scope), tenants, expires, token: None }
    }
}
