//! What the heads of requests for batches say.
//!
//! In: a head. Out: which batches are wanted, or why it is refused.

use actix_web::{dev::RequestHead, http::header::HeaderMap};

use super::parameters::{invalid, parse, unknown};
use crate::{
    batches::id::BatchId,
    http::{
        head,
        problem::{self, Cause},
    },
};

#[cfg(test)]
mod tests;

/// Batches of one answer.
pub(super) const LIMIT_MAX: usize = 1_000;

/// The same, if nothing is said of it.
pub(super) const LIMIT_DEFAULT: usize = 100;

/// Suppliers that may be named.
pub(super) const SUPPLIERS_MAX: usize = 100;

/// Every parameter of a list; what is not here is none, and the document of the API describes each.
pub(crate) const LIST_PARAMETERS: [&str; 3] = ["supplier", "limit", "after"];

/// Which batches are wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ListParameters {
    /// Those of these suppliers; of all if there are none.
    pub(crate) suppliers: Vec<String>,
    /// How many at most.
    pub(crate) limit: usize,
    /// Those before this one.
    pub(crate) after: Option<BatchId>,
}

/// Reads which batches are wanted.
///
/// # Errors
///
/// [`Cause::Unprocessable`]; [`Cause::NotFound`] for a batch that cannot be one.
pub(crate) fn read(head: &RequestHead) -> Result<ListParameters, Cause> {
    let mut list = ListParameters { suppliers: vec![], limit: LIMIT_DEFAULT, after: None };
    for (name, value) in head::parameters(head) {
        match &*name {
            name if !LIST_PARAMETERS.contains(&name) => return Err(unknown(name)),
            "supplier" if list.suppliers.len() < SUPPLIERS_MAX => list.suppliers.push(value.into_owned()),
            "supplier" => return Err(invalid(&name, "is given too often")),
            "limit" => {
                list.limit = parse(&name, &value, "is a number from 1 to 1000")?;
                if list.limit == 0 || LIMIT_MAX < list.limit {
                    return Err(invalid(&name, "is a number from 1 to 1000"));
                }
            }
            "after" => list.after = Some(BatchId::parse(&value).ok_or_else(|| problem::missing("Batch"))?),
            _ => return Err(unknown(&name)),
        }
    }
    Ok(list)
}

/// Refuses parameters where there are none.
///
/// # Errors
///
/// [`Cause::Unprocessable`].
pub(crate) fn check_no_parameters(head: &RequestHead) -> Result<(), Cause> {
    match head::parameters(head).next() {
        Some((name, _)) => Err(unknown(&name)),
        None => Ok(()),
    }
}

/// Refuses a client that takes neither NDJSON nor JSON, of which lines are taken for some.
///
/// # Errors
///
/// [`Cause::NotAcceptable`].
pub(crate) fn check_accept(headers: &HeaderMap) -> Result<(), Cause> {
    if head::is_accepted(headers, "application/x-ndjson") || head::is_accepted(headers, "application/json") {
        return Ok(());
    }
    Err(Cause::NotAcceptable("Answers are application/json or application/x-ndjson"))
}
