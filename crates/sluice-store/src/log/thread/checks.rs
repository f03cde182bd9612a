//! Whether a write of a supplier may be committed now, in the order of the log.

use sluice_model::SupplierId;

use super::LogThread;
use crate::{admission, error::WriteError, requests::Txn};

impl LogThread {
    /// Refuses a write of a supplier that is being replaced, unless it is what replaces it.
    pub(super) fn check_held(&self, txn: &Txn) -> Result<(), WriteError> {
        let is_held = txn.supplier.is_some_and(|supplier| self.shared.replaced.lock().contains(&supplier));
        if is_held && txn.renewal.is_none() { Err(admission::REPLACED) } else { Ok(()) }
    }

    /// Refuses a write whose supplier was removed by what came before in the log.
    ///
    /// The order matters: first the commit is taken, then its supplier is looked for, then what waits is synced, and only
    /// then is the commit refused. Looked for earlier, by whoever sends the commit, a removal could still come between.
    /// Refused before the sync, the client would be told that a supplier does not exist that comes back after a power
    /// cut. And were the commit frame appended before, that sync would make the write durable.
    pub(super) fn check_supplier(&mut self, supplier: Option<SupplierId>) -> Result<(), WriteError> {
        let Some(supplier) = supplier else { return Ok(()) };
        if self.catalogue.supplier_by_id(supplier).is_some() {
            return Ok(());
        }
        // A removal that waits for its sync may fail yet, and the frames of this write with it.
        Err(self.sync_waiting().unwrap_or(WriteError::NoSupplier))
    }
}
