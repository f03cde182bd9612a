//! One client of the daemon, with its own keys, supplier and tags, and its own ledger.
//!
//! In: operations of a script. Out: requests, and a model of all that was answered. After a crash,
//! [`ScriptedClient::check`] looks everything up: all answered, and the one unanswered request wholly or not at all, or
//! of an import in several steps the first of them, from which it is gone on.

mod importing;

use std::io;

use serde_json::Value;

use super::{
    bulk::{BulkBody, BulkLedger},
    forms::KINDS,
    imports::{Crash, ImportLedger, key_header},
    reads::get,
};
use crate::{
    client::{Answer, Client},
    dice::Dice,
    import_form::ImportForm,
    script::{Change, Model, Operation, supplier_name, tag_prefix},
};

/// Share of the writes that are sent by `_bulk`.
const BULK_PERCENT: u64 = 30;

/// Share of the other writes that are imports.
const IMPORT_PERCENT: u64 = 50;

/// Share of the imports that have a key.
const KEYED_PERCENT: u64 = 40;

/// Share of the imports of several groups of rows that take a step for each.
const LONG_PERCENT: u64 = 30;

/// The kind of names.
const DOMAIN: usize = 4;

/// What became of the requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) acked: u64,
    pub(crate) refused: u64,
    pub(crate) unanswered: u64,
    pub(crate) unanswered_applied: u64,
    /// Imports that were gone on with after a crash.
    pub(crate) resumed: u64,
    /// Of these, the ones of which steps were told.
    pub(crate) resumed_behind_steps: u64,
}

/// How an operation is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Way {
    Api,
    Bulk,
    Import {
        form: ImportForm,
        /// Whether each group of rows takes a step.
        is_long: bool,
        /// The header with its key, if it has one.
        key: String,
    },
}

/// An operation and how it is sent.
#[derive(Clone)]
struct Planned {
    operation: Operation,
    way: Way,
    /// Rows among those that are put that are refused.
    bad: u64,
}

/// Where operations come from.
#[derive(Clone, Copy)]
pub(crate) struct History {
    /// What they are drawn from.
    pub(crate) seed: u64,
    /// Keys of each client, numbered from 0.
    pub(crate) keys: u32,
    /// Draws an operation from a seed, a client's number, the operation's number and the client's model.
    pub(crate) draw: fn(u64, u32, u32, &Model) -> Operation,
}

/// A client and what it knows.
#[derive(Clone)]
pub(crate) struct ScriptedClient {
    pub(crate) number: u32,
    history: History,
    operations: u32,
    answered: Model,
    in_flight: Option<Planned>,
    /// Lines of it that were told to be committed, before the daemon was killed.
    seen_lines: u64,
    imports: ImportLedger,
    bulk: BulkLedger,
    pub(crate) counts: Counts,
}

/// What became of one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// A read that was answered.
    Read,
    /// A write that was answered with success.
    Acked,
    /// Refused with the promise that nothing of it is stored.
    Refused,
    /// No answer, or one that promises neither.
    Unanswered,
}

impl ScriptedClient {
    pub(crate) fn new(number: u32, history: History) -> Self {
        let (answered, counts) = (Model::default(), Counts::default());
        let (bulk, imports) = (BulkLedger::default(), ImportLedger::default());
        let (operations, in_flight, seen_lines) = (0, None, 0);
        Self { number, history, operations, answered, in_flight, seen_lines, imports, bulk, counts }
    }

    /// Sends one request after the other until one gets no answer.
    pub(crate) fn run(&mut self, client: &mut Client) {
        while self.step(client) != Outcome::Unanswered {}
    }

    /// What it knows while the request of the next [`step`](Self::step) has no answer.
    pub(crate) fn amid_step(&self) -> Self {
        let mut amid = self.clone();
        amid.in_flight = Some(self.planned(&mut self.dice()));
        amid.bulk.expect(self.operations + 1);
        amid
    }

    /// Sends one request.
    pub(crate) fn step(&mut self, client: &mut Client) -> Outcome {
        let mut dice = self.dice();
        let planned = self.planned(&mut dice);
        self.operations += 1;
        let outcome = match &planned.way {
            Way::Bulk => self.perform_bulk(client, &planned.operation, &mut dice),
            Way::Import { .. } => self.perform_import(client, &planned),
            Way::Api => self.perform(client, &planned, &mut dice),
        };
        match outcome {
            Outcome::Read | Outcome::Acked => {
                self.answered.apply(&planned.operation);
                self.counts.acked += 1;
            }
            Outcome::Refused => self.counts.refused += 1,
            Outcome::Unanswered => {
                self.in_flight = Some(planned);
                self.counts.unanswered += 1;
            }
        }
        outcome
    }

    /// How the next request is sent is drawn from this.
    fn dice(&self) -> Dice {
        Dice::new(&[self.history.seed, 1, u64::from(self.number), u64::from(self.operations)])
    }

    fn planned(&self, dice: &mut Dice) -> Planned {
        let History { seed, draw, .. } = self.history;
        let operation = draw(seed, self.number, self.operations, &self.answered);
        let bad = if dice.chance(15) { 1 + dice.below(3) } else { 0 };
        if is_write(&operation) && dice.chance(BULK_PERCENT) {
            return Planned { operation, way: Way::Bulk, bad: 0 };
        }
        let is_import = match &operation {
            Operation::Put(_) | Operation::Delete(_) => dice.chance(IMPORT_PERCENT),
            Operation::Replace(_) => true,
            _ => false,
        };
        if !is_import {
            return Planned { operation, way: Way::Api, bad };
        }
        let form = ImportForm::draw(dice);
        let groups = match &operation {
            Operation::Put(groups) | Operation::Replace(groups) => groups.len(),
            _ => 0,
        };
        let is_long = 1 < groups && dice.chance(LONG_PERCENT);
        let is_keyed = is_long || dice.chance(KEYED_PERCENT);
        let key = if is_keyed { key_header(self.number, self.operations + 1) } else { String::new() };
        Planned { operation: self.told(form, operation), way: Way::Import { form, is_long, key }, bad }
    }

    fn perform(&self, client: &mut Client, planned: &Planned, dice: &mut Dice) -> Outcome {
        let supplier = supplier_name(self.number);
        let indicators = format!("/api/1.2/suppliers/{supplier}/indicators");
        let Planned { operation, bad, .. } = planned;
        let (method, path, body, want) = match operation {
            Operation::CreateSupplier => {
                let body = format!("[{{\"name\":\"{supplier}\",\"confidence\":50,\"retention\":5256000}}]");
                ("POST", "/api/1.2/suppliers".to_owned(), body, 201)
            }
            Operation::RemoveSupplier => {
                ("DELETE", format!("/api/1.2/suppliers/{supplier}"), String::new(), 201)
            }
            Operation::CreateTag(name) => {
                let body = format!("[{{\"name\":\"{name}\",\"weight\":3}}]");
                ("POST", "/api/1.2/tags".to_owned(), body, 201)
            }
            Operation::RemoveTag(name) => ("DELETE", format!("/api/1.2/tags/{name}"), String::new(), 200),
            Operation::Put(groups) => {
                let body = self.body(ImportForm::Array, groups, *bad, false).text;
                ("PUT", indicators, body, if *bad == 0 { 201 } else { 202 })
            }
            Operation::Replace(_) => panic!("replacements are imports"),
            Operation::Abandon(groups) => {
                let mut body = self.body(ImportForm::Array, groups, 0, false).text;
                body.truncate(body.len() - 1);
                body.push_str(if dice.chance(50) { "" } else { ",{\"indicator\":}]" });
                ("PUT", indicators, body, 400)
            }
            Operation::Delete(keys) => {
                ("DELETE", indicators, self.delete_body(ImportForm::Array, keys).text, 200)
            }
            // The daemon decides by itself when; a client looks whether what it has is there.
            Operation::Checkpoint | Operation::Compact => return self.look_up(client),
        };
        judge(client.request(method, &path, body.as_bytes()), want, operation)
    }

    /// After a crash: fails unless the batches of all that was answered are there. Gives the number of those of imports.
    pub(crate) fn check_batches(&mut self, client: &mut Client, crash: Crash) -> u64 {
        self.bulk.check_refused(client, self.number);
        self.imports.check(client, crash, self.answered.has_supplier)
    }

    /// The same by `_bulk`, with a supplier beside it.
    fn perform_bulk(&mut self, client: &mut Client, operation: &Operation, dice: &mut Dice) -> Outcome {
        let (number, request) = (self.number, self.operations);
        if self.bulk.prepare(client, number).is_err() {
            return Outcome::Unanswered;
        }
        let mut body = BulkBody::default();
        match operation {
            Operation::Put(slices) | Operation::Abandon(slices) => {
                for (key, change) in slices.iter().flatten() {
                    body.index(&self.element(*key, change));
                }
            }
            Operation::Delete(keys) => keys.iter().for_each(|key| body.delete(&self.indicator(*key))),
            operation => panic!("{operation:?} is no write"),
        }
        for nth in 0..dice.below(3) {
            body.refuse(number, request, nth);
        }
        let is_abandoned = matches!(operation, Operation::Abandon(_));
        let mut body = self.bulk.begin(number, request, body);
        if is_abandoned {
            body.text.push_str("{\"index\":{}}\n");
        }
        let path = format!("/es/{}/_bulk?bad_items=ok", supplier_name(number));
        let answer = client.request("POST", &path, body.text.as_bytes());
        if let Ok(answer) = &answer
            && answer.status == 200
        {
            body.check(answer);
        }
        let outcome = judge(answer, if is_abandoned { 400 } else { 200 }, operation);
        if outcome != Outcome::Unanswered {
            self.bulk.end(body, outcome == Outcome::Acked && !is_abandoned);
        }
        outcome
    }

    fn element(&self, key: u32, change: &Change) -> String {
        let context = match change {
            Change::Put(context) => format!(",\"context\":{context}"),
            Change::Touch => String::new(),
        };
        format!("{{\"indicator\":\"{}\"{context}}}", self.indicator(key))
    }

    /// The indicator of a key: every kind has its turn.
    fn indicator(&self, key: u32) -> String {
        let number = self.number;
        let hash = || format!("{number:016x}{key:016x}");
        match kind(key) {
            0 => hash(),
            1 => format!("{0}{0}", hash()),
            2 => format!("{}00000000", hash()),
            3 => format!("http://host-{key}.client-{number}.example.com/path/{key}?q={key}"),
            4 => format!("host-{key}.client-{number}.example.org"),
            _ => format!("2001:db8:{number:x}::{key:x}"),
        }
    }

    fn look_up(&self, client: &mut Client) -> Outcome {
        match self.observe(client) {
            Ok(found) => {
                let difference = found.difference(&self.answered);
                assert!(found == self.answered, "client {} found / has: {difference}", self.number);
                Outcome::Read
            }
            Err(_) => Outcome::Unanswered,
        }
    }

    /// What the daemon shows of this client.
    fn observe(&self, client: &mut Client) -> io::Result<Model> {
        let rows = (0..self.history.keys).map(|key| format!("{{\"object\":\"{}\"}}", self.indicator(key)));
        let body = format!("[{}]", rows.collect::<Vec<_>>().join(","));
        let results = get(client, "POST", "/api/1.3/lookup", &body)?;
        let category = format!("{}_", supplier_name(self.number));
        let mut model = Model::default();
        for (key, result) in (0..).zip(results.as_array().unwrap()) {
            for found in result["categories"].as_array().unwrap() {
                if found["category"].as_str().unwrap().starts_with(&category) {
                    let context = &found["context"];
                    let is_empty = context.as_object().unwrap().is_empty();
                    model.values.insert(key, if is_empty { String::new() } else { context.to_string() });
                }
            }
        }
        assert_eq!(results.as_array().unwrap().len(), usize::try_from(self.history.keys).unwrap());
        let names = |list: &Value| -> Vec<String> {
            let names = list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned());
            names.collect()
        };
        let suppliers = names(&get(client, "GET", "/api/1.2/suppliers", "")?);
        model.has_supplier = suppliers.contains(&supplier_name(self.number));
        let prefix = tag_prefix(self.number);
        let tags = names(&get(client, "GET", "/api/1.2/tags", "")?);
        model.tags = tags.into_iter().filter(|name| name.starts_with(&prefix)).collect();
        Ok(model)
    }

    /// After a crash: fails unless all answered is there, and of the unanswered request all or nothing, or the first steps of
    /// an import. What is found then is what the client goes on from. Gives the number of values compared.
    pub(crate) fn check(&mut self, client: &mut Client) -> u64 {
        let found = self.observe(client).unwrap();
        let planned = self.in_flight.take();
        let rows = match &planned {
            Some(planned) => planned.rows_in(&found, &self.answered),
            None => (found == self.answered).then_some(0),
        };
        let Some(rows) = rows else {
            let mut whole = self.answered.clone();
            if let Some(planned) = &planned {
                whole.apply(&planned.operation);
            }
            let (without, with) = (found.difference(&self.answered), found.difference(&whole));
            panic!("client {}: found / expected: {without}; or {with}", self.number);
        };
        self.counts.unanswered_applied += u64::from(found != self.answered);
        self.answered = found;
        if let Some(planned) = planned
            && let Way::Import { is_long: true, key, .. } = &planned.way
        {
            self.resume(client, &planned, key, rows);
        }
        self.seen_lines = 0;
        self.bulk.check(client, self.number);
        u64::from(self.history.keys)
    }
}

/// The kind of a key, by number.
fn kind(key: u32) -> usize {
    usize::try_from(key).unwrap() % KINDS
}

fn is_write(operation: &Operation) -> bool {
    matches!(operation, Operation::Put(_) | Operation::Abandon(_) | Operation::Delete(_))
}

fn judge(answer: io::Result<Answer>, want: u16, operation: &Operation) -> Outcome {
    let Ok(answer) = answer else { return Outcome::Unanswered };
    match answer.status {
        status if status == want => {
            if status == 202 {
                assert!(answer.text().contains("bad\\\\.example.com"), "{}", answer.text());
            }
            Outcome::Acked
        }
        425 | 429 | 507 => Outcome::Refused,
        // May have been applied or not, as without an answer.
        500 | 503 => Outcome::Unanswered,
        status => {
            let mut operation = format!("{operation:?}");
            operation.truncate(200);
            panic!("{status} for {operation}: {}", answer.text())
        }
    }
}
