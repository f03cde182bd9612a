//! `_bulk` as a way in of a scripted client: its rows, a mark at another supplier, and refused documents nobody is told of.
//!
//! In: what the client wants to have written. Out: a request, what its answer has to say, and after a crash whether all that was
//! answered is there: both marks of a request or none, and each refused document in a batch.

use std::{collections::BTreeSet, fmt::Write as _, io};

use serde_json::Value;

use super::reads::get;
use crate::{
    client::{Answer, Client},
    script::supplier_name,
};

/// What a client has sent by `_bulk`.
#[derive(Clone, Debug, Default)]
pub(super) struct BulkLedger {
    has_supplier: bool,
    /// Number of the last request that was answered with success; 0 before.
    answered: u32,
    /// That of the one without an answer.
    in_flight: Option<u32>,
    /// Documents that were refused and are in a batch, since the last look.
    refused: BTreeSet<String>,
}

/// A body on its way, and the refused documents in it.
#[derive(Default)]
pub(super) struct BulkBody {
    pub(super) text: String,
    actions: usize,
    refused: BTreeSet<String>,
}

impl BulkBody {
    /// Adds an element for the index in the path.
    pub(super) fn index(&mut self, element: &str) {
        self.actions += 1;
        writeln!(self.text, "{{\"index\":{{}}}}\n{element}").unwrap();
    }

    pub(super) fn delete(&mut self, indicator: &str) {
        self.actions += 1;
        writeln!(self.text, "{{\"delete\":{{\"_id\":\"{indicator}\"}}}}").unwrap();
    }

    /// Adds a document that is refused, and no other like it.
    pub(super) fn refuse(&mut self, client: u32, number: u32, nth: u64) {
        let value = format!("bad\\{nth}.{number}.client-{client}.example.com");
        self.index(&format!("{{\"indicator\":{}}}", Value::from(value.as_str())));
        self.refused.insert(value);
    }

    fn mark(&mut self, client: u32, number: u32, side: char) {
        self.actions += 1;
        let (supplier, mark) = (other(client), mark(client, side));
        let action = format!("{{\"index\":{{\"_index\":\"{supplier}\"}}}}");
        writeln!(self.text, "{action}\n{{\"indicator\":\"{mark}\",\"context\":{{\"op\":{number}}}}}")
            .unwrap();
    }

    /// Fails unless an answer has an item for each action, all of them well.
    pub(super) fn check(&self, answer: &Answer) {
        let told: Value = serde_json::from_slice(&answer.body).unwrap();
        let items = told["items"].as_array().unwrap();
        let is_whole = told["errors"] == false && items.len() == self.actions;
        assert!(is_whole, "{} actions: {}", self.actions, answer.text());
    }
}

impl BulkLedger {
    /// Sees to it that the other supplier is there.
    pub(super) fn prepare(&mut self, client: &mut Client, number: u32) -> io::Result<()> {
        if !self.has_supplier {
            let body =
                format!("[{{\"name\":\"{}\",\"confidence\":50,\"retention\":5256000}}]", other(number));
            // It may be there from a request without an answer.
            let status = client.request("POST", "/api/1.2/suppliers", body.as_bytes())?.status;
            self.has_supplier = matches!(status, 201 | 400);
        }
        if self.has_supplier { Ok(()) } else { Err(io::ErrorKind::Other.into()) }
    }

    /// Puts marks before and behind a body; `number` is above that of any request before.
    pub(super) fn begin(&mut self, client: u32, number: u32, body: BulkBody) -> BulkBody {
        let mut marked = BulkBody { refused: body.refused, ..BulkBody::default() };
        marked.mark(client, number, 'a');
        marked.text.push_str(&body.text);
        marked.actions += body.actions;
        marked.mark(client, number, 'b');
        self.in_flight = Some(number);
        marked
    }

    /// A request of this number may have been sent.
    pub(super) fn expect(&mut self, number: u32) {
        self.in_flight = Some(number);
    }

    /// The request was answered with success, or nothing of it is stored.
    pub(super) fn end(&mut self, body: BulkBody, is_stored: bool) {
        let number = self.in_flight.take();
        if is_stored {
            self.answered = number.unwrap_or(self.answered);
            self.refused.extend(body.refused);
        }
    }

    /// After a crash: fails unless the marks of all that was answered are there.
    pub(super) fn check(&mut self, client: &mut Client, number: u32) {
        if !self.has_supplier {
            return;
        }
        let body = ['a', 'b'].map(|side| format!("{{\"object\":\"{}\"}}", mark(number, side)));
        let found = get(client, "POST", "/api/1.3/lookup", &format!("[{}]", body.join(","))).unwrap();
        let marks = [0, 1].map(|at| found[at]["categories"][0]["context"]["op"].as_u64().unwrap_or(0));
        let in_flight = self.in_flight.take().unwrap_or(self.answered);
        let allowed = [u64::from(self.answered), u64::from(in_flight)];
        let is_whole = marks[0] == marks[1] && allowed.contains(&marks[0]);
        assert!(is_whole, "client {number}: marks {marks:?}, none but {allowed:?}");
        self.answered = u32::try_from(marks[0]).unwrap();
    }

    /// After a crash: fails unless each refused document is in a batch.
    pub(super) fn check_refused(&mut self, client: &mut Client, number: u32) {
        let mut missing = std::mem::take(&mut self.refused);
        if missing.is_empty() {
            return;
        }
        let list = format!("/v1/batches?limit=100&supplier={}", supplier_name(number));
        for batch in get(client, "GET", &list, "").unwrap()["batches"].as_array().unwrap() {
            let rejects = client.request("GET", batch["rejects_url"].as_str().unwrap(), b"").unwrap();
            assert_eq!(rejects.status, 200, "{}", rejects.text());
            for line in rejects.text().lines() {
                let line: Value = serde_json::from_str(line).unwrap();
                missing.remove(line["value"].as_str().unwrap());
            }
            if missing.is_empty() {
                return;
            }
        }
        panic!("client {number}: refused documents without a trace: {missing:?}");
    }
}

fn other(client: u32) -> String {
    format!("{}-marks", supplier_name(client))
}

fn mark(client: u32, side: char) -> String {
    format!("mark-{side}.client-{client}.example.net")
}
