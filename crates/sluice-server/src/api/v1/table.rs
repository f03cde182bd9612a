//! The `/v1` interface: every request, one row each.
//!
//! What a row means stands in [`route`](crate::api::route). Nothing of it has a version but its first segment.

use actix_web::http::Method;
use sluice_model::limits::LOOKUP_BODY_BYTES_MAX;

use super::{
    account_operations, export::parameters::ExportSubject, export_operations, list_operations,
    lookup_operations, operations,
};
use crate::{
    api::request::{
        AccountsShape, BatchesShape, Importing, ListsShape,
        Version::{self, V1_3},
    },
    api::route::{Route, Shape, Subject},
    auth::role::Action,
};

#[cfg(test)]
mod tests;

const INDICATORS: &[(Version, &str)] = &[
    (V1_3, "/v1/suppliers/{supplier}/indicators"),
    (V1_3, "/v1/tenants/{tenant}/suppliers/{supplier}/indicators"),
];

const ALL_INDICATORS: &[(Version, &str)] =
    &[(V1_3, "/v1/indicators"), (V1_3, "/v1/tenants/{tenant}/indicators")];

const TAG_INDICATORS: &[(Version, &str)] =
    &[(V1_3, "/v1/tags/{tag}/indicators"), (V1_3, "/v1/tenants/{tenant}/tags/{tag}/indicators")];

const CHANGES: &[(Version, &str)] = &[(V1_3, "/v1/changes"), (V1_3, "/v1/tenants/{tenant}/changes")];

const BATCHES: &[(Version, &str)] = &[(V1_3, "/v1/batches"), (V1_3, "/v1/tenants/{tenant}/batches")];

const BATCH: &[(Version, &str)] =
    &[(V1_3, "/v1/batches/{batch}"), (V1_3, "/v1/tenants/{tenant}/batches/{batch}")];

const REJECTS: &[(Version, &str)] =
    &[(V1_3, "/v1/batches/{batch}/rejects"), (V1_3, "/v1/tenants/{tenant}/batches/{batch}/rejects")];

const LOOKUP: &[(Version, &str)] = &[(V1_3, "/v1/lookup"), (V1_3, "/v1/tenants/{tenant}/lookup")];

const LISTS: &[(Version, &str)] = &[(V1_3, "/v1/lists"), (V1_3, "/v1/tenants/{tenant}/lists")];

const LIST: &[(Version, &str)] = &[(V1_3, "/v1/lists/{list}"), (V1_3, "/v1/tenants/{tenant}/lists/{list}")];

const LIST_FILE: &[(Version, &str)] =
    &[(V1_3, "/v1/lists/{file}"), (V1_3, "/v1/tenants/{tenant}/lists/{file}")];

const USERS: &[(Version, &str)] = &[(V1_3, "/v1/users")];
const USER: &[(Version, &str)] = &[(V1_3, "/v1/users/{account}")];
const PASSWORD: &[(Version, &str)] = &[(V1_3, "/v1/users/{account}/password")];
const TOKENS: &[(Version, &str)] = &[(V1_3, "/v1/tokens")];
const TOKEN: &[(Version, &str)] = &[(V1_3, "/v1/tokens/{account}")];

/// Bytes of the body that describes a user or token.
const ACCOUNT_BYTES_MAX: usize = 64 << 10;

/// Bytes of the body that defines a list.
const LIST_BYTES_MAX: usize = 64 << 10;

/// Every request of the interface.
#[rustfmt::skip]
pub(crate) static ROUTES: [Route; 25] = [
    Route {
        name: "ImportIndicators", method: Method::POST, paths: INDICATORS, action: Action::ChangeIndicators,
        sentence: "The rows could not be taken in",
        body_bytes_max: usize::MAX, shape: Shape::Import(Subject::Supplier(Importing::Add)),
        documented: Some(operations::import),
    },
    Route {
        name: "ImportDeletions", method: Method::DELETE, paths: INDICATORS, action: Action::ChangeIndicators,
        sentence: "The rows could not be deleted",
        body_bytes_max: usize::MAX, shape: Shape::Import(Subject::Supplier(Importing::Delete)),
        documented: Some(operations::import_deletions),
    },
    Route {
        name: "LookUpValues", method: Method::GET, paths: LOOKUP, action: Action::Lookup,
        sentence: "The values could not be looked up",
        body_bytes_max: 0, shape: Shape::Lookup,
        documented: Some(lookup_operations::look_up_values),
    },
    Route {
        name: "LookUpRows", method: Method::POST, paths: LOOKUP, action: Action::Lookup,
        sentence: "The values could not be looked up",
        body_bytes_max: LOOKUP_BODY_BYTES_MAX, shape: Shape::Lookup,
        documented: Some(lookup_operations::look_up_rows),
    },
    Route {
        name: "ExportIndicators", method: Method::GET, paths: ALL_INDICATORS, action: Action::Read,
        sentence: "The indicators could not be shown",
        body_bytes_max: 0, shape: Shape::Export(Subject::Catalogue(ExportSubject::All)),
        documented: Some(export_operations::all),
    },
    Route {
        name: "ExportSupplier", method: Method::GET, paths: INDICATORS, action: Action::Read,
        sentence: "The indicators could not be shown",
        body_bytes_max: 0, shape: Shape::Export(Subject::Supplier(ExportSubject::Supplier)),
        documented: Some(export_operations::of_supplier),
    },
    Route {
        name: "ExportTag", method: Method::GET, paths: TAG_INDICATORS, action: Action::Read,
        sentence: "The indicators could not be shown",
        body_bytes_max: 0, shape: Shape::Export(Subject::Tag(ExportSubject::Tag)),
        documented: Some(export_operations::of_tag),
    },
    Route {
        name: "FollowChanges", method: Method::GET, paths: CHANGES, action: Action::Read,
        sentence: "The changes could not be shown",
        body_bytes_max: 0, shape: Shape::Changes,
        documented: Some(export_operations::changes),
    },
    Route {
        name: "ListBatches", method: Method::GET, paths: BATCHES, action: Action::Read,
        sentence: "The batches could not be listed",
        body_bytes_max: 0, shape: Shape::Batches(BatchesShape::List),
        documented: Some(operations::list_batches),
    },
    Route {
        name: "ShowBatch", method: Method::GET, paths: BATCH, action: Action::Read,
        sentence: "The batch could not be shown",
        body_bytes_max: 0, shape: Shape::Batches(BatchesShape::Show),
        documented: Some(operations::show_batch),
    },
    Route {
        name: "ShowRejects", method: Method::GET, paths: REJECTS, action: Action::Read,
        sentence: "The refused rows could not be shown",
        body_bytes_max: 0, shape: Shape::Batches(BatchesShape::Rejects),
        documented: Some(operations::show_rejects),
    },
    Route {
        name: "CancelBatch", method: Method::DELETE, paths: BATCH, action: Action::ChangeIndicators,
        sentence: "The batch could not be cancelled",
        body_bytes_max: 0, shape: Shape::Batches(BatchesShape::Cancel),
        documented: Some(operations::cancel_batch),
    },
    Route {
        name: "ListLists", method: Method::GET, paths: LISTS, action: Action::Read,
        sentence: "The lists could not be listed",
        body_bytes_max: 0, shape: Shape::Lists(ListsShape::All),
        documented: Some(list_operations::list_lists),
    },
    Route {
        name: "ShowList", method: Method::GET, paths: LIST, action: Action::Read,
        sentence: "The list could not be shown",
        body_bytes_max: 0, shape: Shape::Lists(ListsShape::Show),
        documented: Some(list_operations::show_list),
    },
    Route {
        name: "PutList", method: Method::PUT, paths: LIST, action: Action::ManageLists,
        sentence: "The list could not be defined",
        body_bytes_max: LIST_BYTES_MAX, shape: Shape::Lists(ListsShape::Put),
        documented: Some(list_operations::put_list),
    },
    Route {
        name: "RemoveList", method: Method::DELETE, paths: LIST, action: Action::ManageLists,
        sentence: "The list could not be removed",
        body_bytes_max: 0, shape: Shape::Lists(ListsShape::Remove),
        documented: Some(list_operations::remove_list),
    },
    Route {
        name: "FetchList", method: Method::GET, paths: LIST_FILE, action: Action::ReadList,
        sentence: "The list could not be fetched",
        body_bytes_max: 0, shape: Shape::Lists(ListsShape::Fetch),
        documented: Some(list_operations::fetch_list),
    },
    Route {
        name: "LookAtList", method: Method::HEAD, paths: LIST_FILE, action: Action::ReadList,
        sentence: "The list could not be fetched",
        body_bytes_max: 0, shape: Shape::Lists(ListsShape::Fetch),
        documented: Some(list_operations::look_at_list),
    },
    Route {
        name: "ListUsers", method: Method::GET, paths: USERS, action: Action::ManageAccounts,
        sentence: "The users could not be listed",
        body_bytes_max: 0, shape: Shape::Accounts(AccountsShape::ListUsers),
        documented: Some(account_operations::list_users),
    },
    Route {
        name: "AddUser", method: Method::POST, paths: USERS, action: Action::ManageAccounts,
        sentence: "The user could not be added",
        body_bytes_max: ACCOUNT_BYTES_MAX, shape: Shape::Accounts(AccountsShape::AddUser),
        documented: Some(account_operations::add_user),
    },
    Route {
        name: "SetPassword", method: Method::PUT, paths: PASSWORD, action: Action::ManageAccounts,
        sentence: "The password could not be changed",
        body_bytes_max: ACCOUNT_BYTES_MAX, shape: Shape::Accounts(AccountsShape::SetPassword),
        documented: Some(account_operations::set_password),
    },
    Route {
        name: "RemoveUser", method: Method::DELETE, paths: USER, action: Action::ManageAccounts,
        sentence: "The user could not be removed",
        body_bytes_max: 0, shape: Shape::Accounts(AccountsShape::RemoveUser),
        documented: Some(account_operations::remove_user),
    },
    Route {
        name: "ListTokens", method: Method::GET, paths: TOKENS, action: Action::ManageAccounts,
        sentence: "The tokens could not be listed",
        body_bytes_max: 0, shape: Shape::Accounts(AccountsShape::ListTokens),
        documented: Some(account_operations::list_tokens),
    },
    Route {
        name: "CreateToken", method: Method::POST, paths: TOKENS, action: Action::ManageAccounts,
        sentence: "The token could not be created",
        body_bytes_max: ACCOUNT_BYTES_MAX, shape: Shape::Accounts(AccountsShape::CreateToken),
        documented: Some(account_operations::create_token),
    },
    Route {
        name: "RevokeToken", method: Method::DELETE, paths: TOKEN, action: Action::ManageAccounts,
        sentence: "The token could not be revoked",
        body_bytes_max: 0, shape: Shape::Accounts(AccountsShape::RevokeToken),
        documented: Some(account_operations::revoke_token),
    },
];
