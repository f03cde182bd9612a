//! What the head of an export says.
//!
//! In: a head, and what its path names. Out: which rows are wanted and in which form, or why it is refused. Each parameter may be repeated: one
//! of its values is enough, but all parameters must hold.

use actix_web::{dev::RequestHead, http::header::HeaderMap};
use sluice_model::{TenantId, normalize::recognize_into};
use sluice_store::{
    Selection,
    catalogue::{Catalogue, Supplier, Tag},
};

use super::super::{
    filters::{self, Filters},
    parameters::{invalid, unknown},
};
use crate::http::{
    coding::{Coding, wanted_coding},
    head,
    problem::Cause,
};

#[cfg(test)]
mod tests;

/// Every parameter of an export; what is not here is none, and the document of the API describes each.
pub(crate) const EXPORT_PARAMETERS: [&str; 8] =
    ["supplier", "tag", "kind", "min_confidence", "updated_after", "limit", "after", "format"];

/// What the path of an export names.
#[derive(Clone, Debug)]
pub(crate) enum ExportSubject {
    /// Nothing: all rows of the tenant.
    All,
    /// The rows of a supplier, in the form in which it sends them.
    Supplier(Supplier),
    /// The rows with a tag.
    Tag(Tag),
}

/// In which form rows are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ExportFormat {
    /// An object a line.
    Ndjson,
    /// A record for each holding.
    Csv,
}

/// What is wanted.
pub(crate) struct ExportAsked {
    /// Whose rows.
    pub(crate) subject: ExportSubject,
    /// Which of them.
    pub(crate) selection: Selection,
    /// Those behind this key.
    pub(crate) after: Vec<u8>,
    /// In which form.
    pub(crate) format: ExportFormat,
    /// How they are packed.
    pub(crate) coding: Coding,
}

/// Reads what is wanted.
///
/// # Errors
///
/// [`Cause::Unprocessable`], and [`Cause::NotAcceptable`] for a client that takes no form that there is.
pub(crate) fn read(
    head: &RequestHead,
    subject: ExportSubject,
    catalogue: &Catalogue,
    tenant: TenantId,
) -> Result<Box<ExportAsked>, Cause> {
    let mut given = Given::default();
    for (name, value) in head::parameters(head) {
        given.take(&name, &value)?;
    }
    match &subject {
        ExportSubject::Supplier(_) if !given.filters.suppliers.is_empty() => return Err(unknown("supplier")),
        ExportSubject::Tag(_) if !given.filters.tags.is_empty() => return Err(unknown("tag")),
        ExportSubject::Supplier(supplier) => given.filters.suppliers.push(supplier.name.as_str().to_owned()),
        ExportSubject::Tag(tag) => given.filters.tags.push(tag.name.as_str().to_owned()),
        ExportSubject::All => {}
    }
    given.filters.check_names(catalogue, tenant, &[], &[])?;
    let rows_max = given.limit.unwrap_or(u64::MAX);
    let selection = Selection { rows_max, ..given.filters.selection(catalogue, tenant) };
    let format = match given.format {
        Some(format) => format,
        None => accepted_format(&head.headers)?,
    };
    let coding = wanted_coding(&head.headers);
    Ok(Box::new(ExportAsked { subject, selection, after: given.after, format, coding }))
}

/// Refuses a client that takes no form that there is; what a parameter says of it counts more.
///
/// # Errors
///
/// [`Cause::NotAcceptable`].
pub(crate) fn check_accept(head: &RequestHead) -> Result<(), Cause> {
    let mut parameters = head::parameters(head);
    if parameters.any(|(name, _)| name == "format") {
        Ok(())
    } else {
        accepted_format(&head.headers).map(drop)
    }
}

/// What parameters say beside the filters.
#[derive(Default)]
struct Given {
    filters: Filters,
    limit: Option<u64>,
    after: Vec<u8>,
    format: Option<ExportFormat>,
}

impl Given {
    fn take(&mut self, name: &str, value: &str) -> Result<(), Cause> {
        match name {
            "limit" => self.limit = Some(filters::count_from_one(name, value)?),
            "after" => {
                self.after.clear();
                if recognize_into(value, &mut self.after).is_err() {
                    return Err(invalid(name, "is an indicator of the rows before"));
                }
            }
            "format" => {
                self.format = Some(match value {
                    "ndjson" => ExportFormat::Ndjson,
                    "csv" => ExportFormat::Csv,
                    _ => return Err(invalid(name, "is ndjson or csv")),
                });
            }
            name if EXPORT_PARAMETERS.contains(&name) => return self.filters.take(name, value),
            _ => return Err(unknown(name)),
        }
        Ok(())
    }
}

/// The form that a client takes, NDJSON if it takes both.
fn accepted_format(headers: &HeaderMap) -> Result<ExportFormat, Cause> {
    if head::is_accepted(headers, "application/x-ndjson") || head::is_accepted(headers, "application/json") {
        return Ok(ExportFormat::Ndjson);
    }
    if head::is_accepted(headers, "text/csv") {
        return Ok(ExportFormat::Csv);
    }
    Err(Cause::NotAcceptable("Answers are application/x-ndjson or text/csv"))
}
