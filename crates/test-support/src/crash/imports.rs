//! Imports as a way in of a scripted client: their keys, and what their batches have to tell.
//!
//! In: answers of imports. Out: after a crash, whether each is a batch that is done, with the counts of its answer and all
//! rows that were refused, and whether a key that is sent again gets the same answer and does nothing.

use serde_json::Value;

use super::reads::get;
use crate::client::{Answer, Client};

/// How the daemon ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Crash {
    /// What was written is there.
    Kill,
    /// What was synced is there.
    PowerCut,
}

/// An import that was answered.
#[derive(Clone, Debug)]
struct Imported {
    method: &'static str,
    path: String,
    headers: String,
    told: Value,
}

/// Imports since the last look at their batches.
#[derive(Clone, Debug, Default)]
pub(super) struct ImportLedger {
    answered: Vec<Imported>,
}

/// The header with a key that no other request has.
pub(super) fn key_header(client: u32, request: u32) -> String {
    format!("Idempotency-Key: {client:08x}-0000-4000-8000-{request:012x}\r\n")
}

impl ImportLedger {
    /// Takes down an answer.
    pub(super) fn note(&mut self, (method, path): (&'static str, &str), headers: &str, answer: &Answer) {
        let told = serde_json::from_slice(&answer.body).unwrap();
        self.answered.push(Imported { method, path: path.to_owned(), headers: headers.to_owned(), told });
    }

    /// Fails unless all that was promised of them is there. Gives their number. Keys are sent again if there is the supplier.
    pub(super) fn check(&mut self, client: &mut Client, crash: Crash, has_supplier: bool) -> u64 {
        let mut checked = 0;
        for import in std::mem::take(&mut self.answered) {
            if crash == Crash::Kill || import.is_synced() {
                import.check(client, has_supplier);
                checked += 1;
            }
        }
        checked
    }
}

impl Imported {
    /// Whether its batch outlives a power cut: that of a short import of which nobody will want to know more need not.
    fn is_synced(&self) -> bool {
        !self.headers.is_empty() || self.told["refused"] != 0 || self.told.get("added").is_some()
    }

    fn check(&self, client: &mut Client, has_supplier: bool) {
        let told = &self.told;
        let batch = format!("/v1/batches/{}", told["batch"].as_str().unwrap());
        let batch = get(client, "GET", &batch, "").unwrap();
        assert_eq!(batch["state"], "done", "{told}");
        for count in ["rows", "accepted", "refused", "committed_lines"] {
            assert_eq!(batch[count], told[count], "{told}");
        }
        let rejects = client.request("GET", told["rejects_url"].as_str().unwrap(), b"").unwrap();
        assert_eq!(Some(rejects.text().lines().count() as u64), told["refused"].as_u64(), "{told}");
        if !self.headers.is_empty() && has_supplier {
            // What it stands for is known without its body.
            let again = client.request_with(self.method, &self.path, &self.headers, b"[]").unwrap();
            let again_told: Value = serde_json::from_slice(&again.body).unwrap();
            assert_eq!((again.status, &again_told), (200, told));
        }
    }
}
