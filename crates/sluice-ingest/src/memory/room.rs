//! Room for a body as it grows.
//!
//! In: a permit and the bytes that arrive. Out: leave to take them in, once the permit covers all the bytes of the
//! body so far, and permits and memtable together are within what is planned; or the cause why not.
//!
//! The second half holds what the store's own admission cannot: a body is admitted when it is a head, and grows
//! afterwards, while others are committed.

use std::{sync::Arc, time::Duration};

use sluice_store::{Store, WriteError};
use tokio::time::Instant;

use super::budget::{Budget, Busy, Permit};
use crate::{error::IngestError, pools::Pools};

/// Time between two looks at a memtable that is too large.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// The room of one body.
pub(crate) struct Room {
    permit: Arc<Permit>,
    received_bytes: usize,
    budget: Budget,
    store: Store,
    pools: Arc<Pools>,
}

impl Room {
    /// Room for a body of which nothing has come yet.
    pub(crate) fn new(permit: Arc<Permit>, budget: Budget, store: Store, pools: Arc<Pools>) -> Self {
        Self { permit, received_bytes: 0, budget, store, pools }
    }

    /// Makes room for `bytes` more; waits for a bounded time.
    ///
    /// # Errors
    ///
    /// [`WriteError::Busy`] when there is none, [`IngestError::Internal`] for a fault of ours.
    pub(crate) async fn make(&mut self, bytes: usize) -> Result<(), IngestError> {
        self.received_bytes += bytes;
        if self.received_bytes <= self.permit.bytes() {
            return Ok(());
        }
        self.permit.grow(self.received_bytes).await?;
        self.wait_for_memtable().await
    }

    async fn wait_for_memtable(&self) -> Result<(), IngestError> {
        let since = Instant::now();
        while let Some(mark) = self.budget.unsure() {
            let store = self.store.clone();
            // The store's figures ask the file system.
            let asked = self.pools.ingest_short.start(move || store.figures().memtable_bytes);
            let memtable_bytes = asked.await?;
            match self.budget.set_level(mark, memtable_bytes) {
                Ok(()) => break,
                Err(busy) if self.budget.wait_limits().whole <= since.elapsed() => return Err(busy.into()),
                Err(_wait) => tokio::time::sleep(LOOK_INTERVAL).await,
            }
        }
        Ok(())
    }
}

impl From<Busy> for IngestError {
    fn from(Busy { retry_after_seconds }: Busy) -> Self {
        Self::Write(WriteError::Busy { retry_after_seconds })
    }
}
