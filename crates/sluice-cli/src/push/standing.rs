//! Whether what a journal tells is still so, before a push goes on behind it.
//!
//! In: the journal, and what the daemon knows: how long rows of the supplier are kept, and its batches. Out: why what was stored may be
//! gone, if it may. Who may not ask is believed to have lost nothing. A batch of the journal that the daemon does not know any more was of another state of it, such as before a
//! backup was restored, or so long ago that nobody can say what happened since. What was done without batches, by the CyberTrace API,
//! is not seen.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

use super::{journal::Journal, verb::Verb};
use crate::{failure::Failure, server::Server};

/// Batches of one answer.
const LIMIT: &str = "1000";
/// Answers that are read at most.
const LISTS_MAX: usize = 50;

const SECONDS_PER_MINUTE: u64 = 60;

/// A supplier as the daemon tells it.
#[derive(Deserialize)]
struct Supplier {
    /// Minutes.
    retention: u64,
}

/// Batches as the daemon tells them, the newest first.
#[derive(Deserialize)]
struct Listed {
    batches: Vec<ListedBatch>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct ListedBatch {
    batch: String,
    action: String,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
}

/// How what was stored before stands.
pub(super) enum Standing {
    /// It is there, or there is nothing.
    Sound,
    /// It may not be there any more, for this reason.
    Doubtful(&'static str),
    /// It may not be asked, for this reason.
    Untold(String),
}

/// Asks how what was stored before stands.
///
/// # Errors
///
/// [`Failure::Unavailable`] when the daemon does not tell now.
pub(super) async fn standing(
    server: &Server,
    supplier: &str,
    verb: Verb,
    journal: &Journal,
) -> Result<Standing, Failure> {
    if !journal.is_resumed() {
        return Ok(Standing::Sound);
    }
    match find_doubt(server, supplier, verb, journal).await {
        Ok(None) => Ok(Standing::Sound),
        Ok(Some(why)) => Ok(Standing::Doubtful(why)),
        Err(Failure::Unauthorized(why)) => Ok(Standing::Untold(why)),
        // The push itself is going to be told the same.
        Err(Failure::Refused(_)) => Ok(Standing::Doubtful("the daemon does not tell what it has")),
        Err(failure) => Err(failure),
    }
}

/// Why what was stored before may not be there any more; `None` if it is.
async fn find_doubt(
    server: &Server,
    supplier: &str,
    verb: Verb,
    journal: &Journal,
) -> Result<Option<&'static str>, Failure> {
    let url = server.cybertrace_of_tenant(&["suppliers", supplier]);
    let told: Vec<Supplier> = server.read(url).await?;
    let retention = told.first().map_or(0, |supplier| supplier.retention);
    if verb == Verb::Push && Duration::from_secs(retention * SECONDS_PER_MINUTE) <= journal.age() {
        return Ok(Some("what was stored before has expired"));
    }
    let mut unseen = journal.keys().clone();
    unseen.extend(journal.begun_keys().cloned());
    let mut after = None;
    for _ in 0..LISTS_MAX {
        let Listed { batches, next } = list(server, supplier, after.as_deref()).await?;
        for batch in batches {
            if unseen.is_empty() {
                return Ok(None);
            }
            if !unseen.remove(&batch.batch) && batch.undoes(verb) {
                return Ok(Some("the supplier has been changed since"));
            }
        }
        after = next;
        if after.is_none() {
            break;
        }
    }
    // Of a request that was only begun, nothing need have come.
    let is_known = journal.keys().is_disjoint(&unseen);
    Ok((!is_known).then_some("the daemon does not know what was stored before"))
}

async fn list(server: &Server, supplier: &str, after: Option<&str>) -> Result<Listed, Failure> {
    let mut url = server.v1(&["batches"]);
    url.query_pairs_mut().append_pair("supplier", supplier).append_pair("limit", LIMIT);
    if let Some(after) = after {
        url.query_pairs_mut().append_pair("after", after);
    }
    server.read(url).await
}

impl ListedBatch {
    /// Whether it may have taken back what requests of this kind do.
    fn undoes(&self, verb: Verb) -> bool {
        let has = |name: &str, value: &str| self.parameters.get(name).is_some_and(|given| given == value);
        // Long parameters are kept as a digest, and actions of Elasticsearch may be of any kind.
        if self.action == "bulk" || self.parameters.contains_key("sha256") {
            return true;
        }
        let is_deletion = self.action == "delete";
        match verb {
            _ if has("plan", "true") => false,
            Verb::Delete => !is_deletion,
            Verb::Push | Verb::Plan => is_deletion || has("mode", "replace"),
        }
    }
}
