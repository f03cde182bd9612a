//! Route tables: what a row says of a request, and how the row of a path is found.
//!
//! In: a method and a raw path. Out: the row with the parameters of the path, or 404 or 405. Paths are compared byte
//! for byte: they are split at `/` first and decoded afterwards, once. Nothing is normalized, so `%2F` never splits,
//! `..` is a name like any other, and two different escapes of bad UTF-8 never become the same name: they become none.
//!
//! A row says all that a document of the API needs: method, paths with named parameters, version, right and limit.

use actix_web::http::Method;
use sluice_model::{TenantId, TenantName, percent};
use sluice_store::catalogue::{Supplier, Tag};
use utoipa::openapi::path::OperationBuilder;

use super::{
    request::{AccountsShape, BatchesShape, EntityChange, Importing, ListsShape, Read, Streaming, Version},
    v1::export::parameters::ExportSubject,
};
use crate::{
    auth::role::Action,
    http::problem::{self, Cause, GENERIC_SENTENCE, Problem},
};

#[cfg(test)]
mod tests;

/// One request of an API.
#[derive(Debug)]
pub(crate) struct Route {
    /// Name of the request, unique among all of them.
    pub(crate) name: &'static str,
    /// Its method.
    pub(crate) method: Method,
    /// Its paths, each with the version since which it is served. Segments in braces are parameters.
    pub(crate) paths: &'static [(Version, &'static str)],
    /// Who may make it: what it does, as far as rights go.
    pub(crate) action: Action,
    /// Limit of its body in bytes, inclusive, after decoding; 0 if a body is not looked at.
    pub(crate) body_bytes_max: usize,
    /// The sentence with which it fails.
    pub(crate) sentence: &'static str,
    /// What it becomes.
    pub(crate) shape: Shape,
    /// What only the request knows of itself, for the document of the API; `None` if that does not describe it.
    pub(crate) documented: Option<fn() -> OperationBuilder>,
}

impl Route {
    /// Whether the request writes, and so needs a store that takes writes.
    pub(crate) fn writes(&self) -> bool {
        match self.action {
            // What is cancelled may be what fills the disk.
            _ if matches!(self.shape, Shape::Batches(_)) => false,
            // Accounts are no part of it.
            Action::Read
            | Action::ReadList
            | Action::Lookup
            | Action::ReadMetrics
            | Action::ManageAccounts => false,
            Action::ChangeIndicators
            | Action::ChangeSupplier
            | Action::ManageLists
            | Action::ManageSuppliers
            | Action::ManageTags => true,
        }
    }
}

/// How a request is carried out, and the value that says so.
#[derive(Debug)]
pub(crate) enum Shape {
    /// From the catalogue, without a body.
    Read(Subject<Read>),
    /// As a change of the catalogue.
    Change(Subject<EntityChange>),
    /// While its body arrives.
    Stream(Subject<Streaming>),
    /// In steps, while its body arrives.
    Import(Subject<Importing>),
    /// As a lookup that explains itself; with a body, while that arrives.
    Lookup,
    /// As rows that are stored, without a body.
    Export(Subject<ExportSubject>),
    /// As what has become of rows since a commit, without a body.
    Changes,
    /// From what is kept of imports.
    Batches(BatchesShape),
    /// As lists for devices.
    Lists(ListsShape),
    /// As a list or change of users and tokens.
    Accounts(AccountsShape),
    /// As actions on suppliers that the body names.
    Bulk,
}

/// What a request is about, with the variant that takes it.
#[derive(Debug)]
pub(crate) enum Subject<R> {
    /// Nothing that exists already.
    Catalogue(R),
    /// A tenant.
    Tenant(fn(TenantId) -> R),
    /// A supplier, built in or not.
    Supplier(fn(Supplier) -> R),
    /// A supplier that is not built in.
    OwnSupplier(fn(Supplier) -> R),
    /// The indicators of a supplier.
    Indicators(fn(Supplier, Version) -> R),
    /// A tag.
    Tag(fn(Tag) -> R),
}

/// The row of a path, with the parameters in the path.
#[derive(Debug)]
pub(crate) struct Found<'path> {
    /// The row.
    pub(crate) route: &'static Route,
    /// Its number, counted over all tables.
    pub(crate) number: usize,
    /// The version that was asked for; the newest where the path has none.
    pub(crate) version: Version,
    pattern: &'static str,
    path: &'path str,
}

impl<'path> Found<'path> {
    /// The row and its pattern, if a raw path fits.
    fn of(number: usize, route: &'static Route, table: &[Route], path: &'path str) -> Option<Self> {
        for (since, pattern) in route.paths {
            let Some(version) = version_of(pattern, path) else { continue };
            let found = Self { route, number, version, pattern, path };
            if *since <= version && !found.names_a_word_as_tenant(table) {
                return Some(found);
            }
        }
        None
    }

    /// The words of a table are not tenants: `suppliers/lookup` is the supplier `lookup`, and never a lookup for a
    /// tenant `suppliers`.
    fn names_a_word_as_tenant(&self, table: &[Route]) -> bool {
        let Some(at) = self.position("{tenant}") else { return false };
        let tenant = self.path.split('/').nth(at);
        for (_, pattern) in table.iter().flat_map(|route| route.paths) {
            let word = pattern.split('/').nth(at).filter(|word| !word.starts_with('{'));
            if word.is_some() && word == tenant {
                return true;
            }
        }
        false
    }

    fn position(&self, parameter: &str) -> Option<usize> {
        self.pattern.split('/').position(|part| part == parameter)
    }

    /// Decoded text of a parameter; `None` if the path has no such parameter, or one that does not decode.
    pub(crate) fn parameter(&self, parameter: &str) -> Option<String> {
        let segment = self.path.split('/').nth(self.position(parameter)?)?;
        String::from_utf8(percent::decode_strictly(segment)?).ok()
    }

    /// Decoded name of the tenant; `General` if the path names none.
    ///
    /// # Errors
    ///
    /// [`Cause::NotFound`] if it does not decode.
    pub(crate) fn tenant(&self) -> Result<String, Cause> {
        if self.position("{tenant}").is_none() {
            return Ok(TenantName::GENERAL.to_owned());
        }
        self.parameter("{tenant}").ok_or_else(|| problem::missing("Tenant"))
    }
}

/// Compares a path with a pattern, segment by segment, and returns the version in it.
fn version_of(pattern: &str, path: &str) -> Option<Version> {
    let mut version = Version::NEWEST;
    let mut segments = path.split('/');
    for part in pattern.split('/') {
        let segment = segments.next()?;
        if part == "{version}" {
            version = Version::parse(segment)?;
        } else if part.starts_with('{') {
            // A file has an extension, and a list has none.
            let has_wrong_dot = match *part.as_bytes() {
                _ if part == "{file}" => !segment.contains('.'),
                _ => part == "{list}" && segment.contains('.'),
            };
            if segment.is_empty() || has_wrong_dot {
                return None;
            }
        } else if part != segment {
            return None;
        }
    }
    if segments.next().is_some() { None } else { Some(version) }
}

/// Finds the request of a path and method in the tables of all APIs.
///
/// # Errors
///
/// [`Cause::NotFound`] or [`Cause::MethodNotAllowed`], under the sentence of the request where only one can be
/// meant.
pub(crate) fn find<'path>(
    tables: &[&'static [Route]],
    method: &Method,
    path: &'path str,
) -> Result<Found<'path>, Problem> {
    let rows = || tables.iter().flat_map(|table| table.iter().map(move |route| (*table, route))).enumerate();
    for (number, (table, route)) in rows().filter(|(_, (_, route))| route.method == *method) {
        if let Some(found) = Found::of(number, route, table, path) {
            return Ok(found);
        }
    }
    // Only a request that is refused pays for looking at the other methods.
    let others = rows().filter(|(number, (table, route))| Found::of(*number, route, table, path).is_some());
    let others: Vec<&Route> = others.map(|(_, (_, route))| route).collect();
    let sentence = match others.as_slice() {
        [] => {
            let cause = Cause::NotFound("There is no such request".into());
            return Err(Problem::new(GENERIC_SENTENCE, cause));
        }
        [only] => only.sentence,
        _ => GENERIC_SENTENCE,
    };
    let methods: Vec<&str> = others.iter().map(|route| route.method.as_str()).collect();
    Err(Problem::new(sentence, Cause::MethodNotAllowed { allow: methods.join(", ") }))
}
