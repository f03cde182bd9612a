//! Makes the tags that an import has and the catalogue has not, for who may make tags.
//!
//! In: a name. Out: the number of the tag, once that is durable. Tags stay, whatever becomes of the row that brought them. Blocks
//! the thread of the pool that judges the row, for as long as a commit takes.

use std::{
    sync::{Arc, OnceLock, mpsc::sync_channel},
    thread,
    time::Duration,
};

use sluice_ingest::TagMaker;
use sluice_model::{TagId, TagName, TagWeight};
use sluice_store::{ChangeError, Store, WriteError, catalogue::CatalogueChange};

use crate::{api::cybertrace::audit, http::record::RequestRecord, life::request_log::Author};

/// The weight of a tag of which nothing else is known: the least that counts.
const WEIGHT: u8 = 1;

/// How long somebody else who makes the same tag is waited for, and how often it is looked for.
const TRY_INTERVAL: Duration = Duration::from_millis(1);
const TRIES_MAX: u32 = 10_000;

/// See the module.
pub(super) struct TagCreator {
    store: Store,
    author: Arc<Author>,
    failure: OnceLock<WriteError>,
}

impl TagCreator {
    /// For whoever makes a request.
    pub(super) fn of(store: &Store, record: &RequestRecord) -> Arc<dyn TagMaker> {
        Arc::new(Self {
            store: store.clone(),
            author: Arc::new(Author::of(record)),
            failure: OnceLock::new(),
        })
    }

    fn create(&self, name: &TagName, weight: TagWeight) -> Result<(), ChangeError> {
        let change = CatalogueChange::CreateTag { name: name.clone(), weight };
        let (sentence, author) = (audit::sentence(&change), Arc::clone(&self.author));
        let (done_out, done_in) = sync_channel(1);
        let done = Box::new(move |result: Result<(), ChangeError>| {
            if result.is_ok() {
                author.changed(&sentence);
            }
            // It is waited for below.
            drop(done_out.send(result));
        });
        self.store.change_catalogue(change, done);
        done_in.recv().unwrap_or(Err(ChangeError::Write(WriteError::Closed)))
    }

    fn existing(&self, name: &TagName) -> Option<TagId> {
        self.store.catalogue().tag(name.as_str()).map(|tag| tag.id)
    }
}

impl TagMaker for TagCreator {
    fn make(&self, name: &str) -> Option<TagId> {
        let (name, weight) = (TagName::parse(name).ok()?, TagWeight::new(WEIGHT).ok()?);
        for _ in 0..TRIES_MAX {
            // The catalogue of the step is older.
            if let Some(id) = self.existing(&name) {
                return Some(id);
            }
            match self.create(&name, weight) {
                Ok(()) => return self.existing(&name),
                // Somebody else makes it, and it is not durable yet.
                Err(ChangeError::AlreadyExists) => thread::sleep(TRY_INTERVAL),
                Err(ChangeError::Write(error)) => {
                    self.failure.get_or_init(|| error);
                    return None;
                }
                Err(_) => return None,
            }
        }
        None
    }

    fn failure(&self) -> Option<WriteError> {
        self.failure.get().cloned()
    }
}
