//! What the head of a request for changes says.
//!
//! In: a head; later, a snapshot. Out: which changes are wanted, as of that snapshot, or why they are refused. A name counts that somebody has, or
//! had since the cursor: so who has followed a supplier by name is told that it is gone, before the name is refused.

use std::time::Duration;

use actix_web::dev::RequestHead;
use sluice_model::{TenantId, cursor::Cursor};
use sluice_store::{ChangesAsked, Snapshot};
use url::form_urlencoded;

use super::super::{
    filters::{self, Filters},
    parameters::{invalid, parse, unknown},
};
use crate::http::{
    coding::{Coding, wanted_coding},
    head,
    problem::Cause,
};

/// Every parameter; what is not here is none, and the document of the API describes each.
pub(crate) const CHANGES_PARAMETERS: [&str; 8] =
    ["supplier", "tag", "kind", "min_confidence", "updated_after", "limit", "after", "wait"];

/// Seconds that an answer may be held back.
pub(crate) const WAIT_SECONDS_MAX: u64 = 60;

/// Commits after which an answer may end, if nothing is said of it.
const LIMIT_DEFAULT: u64 = 10_000;

/// What is wanted.
#[derive(Debug)]
pub(crate) struct ChangesWanted {
    tenant: TenantId,
    filters: Filters,
    limit: u64,
    /// Where the copy stands.
    pub(super) after: Cursor,
    /// How long an empty answer is held back.
    pub(super) wait: Duration,
    /// How the answer is packed.
    pub(super) coding: Coding,
    path: String,
    /// The other parameters, as they were sent.
    others: String,
}

/// Reads what is wanted.
///
/// # Errors
///
/// [`Cause::Unprocessable`].
pub(crate) fn read(head: &RequestHead, tenant: TenantId) -> Result<Box<ChangesWanted>, Cause> {
    let (mut filters, mut limit, mut after, mut wait_seconds) = (Filters::default(), LIMIT_DEFAULT, None, 0);
    for (name, value) in head::parameters(head) {
        match &*name {
            "after" => {
                let cursor = value
                    .parse()
                    .map_err(|_not_a_cursor| invalid(&name, "is a cursor, as `Sluice-Cursor` tells it"))?;
                after = Some(cursor);
            }
            "limit" => limit = filters::count_from_one(&name, &value)?,
            "wait" => {
                let expected = "is a number of seconds from 0 to 60";
                wait_seconds = parse(&name, &value, expected)?;
                if WAIT_SECONDS_MAX < wait_seconds {
                    return Err(invalid(&name, expected));
                }
            }
            name if CHANGES_PARAMETERS.contains(&name) => filters.take(name, &value)?,
            name => return Err(unknown(name)),
        }
    }
    let Some(after) = after else {
        return Err(invalid(
            "after",
            "has to be given: the `Sluice-Cursor` of an export, then that of each answer",
        ));
    };
    let query = head.uri.query().unwrap_or("").split('&');
    let others: Vec<&str> = query.filter(|pair| !pair.is_empty() && !is_after(pair)).collect();
    Ok(Box::new(ChangesWanted {
        tenant,
        filters,
        limit,
        after,
        wait: Duration::from_secs(wait_seconds),
        coding: wanted_coding(&head.headers),
        path: head.uri.path().to_owned(),
        others: others.join("&"),
    }))
}

/// Whether a pair is the cursor, however it is escaped.
fn is_after(pair: &str) -> bool {
    form_urlencoded::parse(pair.as_bytes()).any(|(name, _)| name == "after")
}

impl ChangesWanted {
    /// The target of the next request.
    pub(super) fn next(&self, cursor: &str) -> String {
        let Self { path, others, .. } = self;
        let separator = if others.is_empty() { "" } else { "&" };
        // A target ends at the first of these in the header.
        format!("{path}?after={cursor}{separator}{others}").replace('<', "%3C").replace('>', "%3E")
    }

    /// What that is as of a snapshot, since a commit and the second of its expiries.
    ///
    /// # Errors
    ///
    /// [`Cause::Unprocessable`]: a name is nobody's.
    pub(super) fn asked(&self, snapshot: &Snapshot, since: (u64, u32)) -> Result<ChangesAsked, Cause> {
        let (catalogue, tenant) = (snapshot.catalogue(), self.tenant);
        let (commit, judged_seconds) = since;
        let known = catalogue.suppliers(tenant).filter(|supplier| self.filters.wants(supplier));
        let mut told: Vec<_> = known.map(|supplier| supplier.id).collect();
        let mut former_names = Vec::new();
        for (name, supplier) in snapshot.former_suppliers(tenant, commit) {
            if self.filters.suppliers.is_empty() || self.filters.names(name) {
                told.push(supplier);
                former_names.push(name);
            }
        }
        told.sort_unstable();
        told.dedup();
        let former_tags: Vec<&str> = snapshot.former_tags(commit).collect();
        self.filters.check_names(catalogue, tenant, &former_names, &former_tags)?;
        let selection = self.filters.selection(catalogue, tenant);
        Ok(ChangesAsked { commit, judged_seconds, selection, told, commits_max: self.limit })
    }
}
