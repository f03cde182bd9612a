//! What a store must hold, from the client's own notes.
//!
//! In: the ledger of a recording up to a cut. Out: for each client what it must find. Of an operation that has
//! begun and was not answered it may find all or nothing; nothing else is left open.

use std::path::Path;

use sluice_store::Store;

use super::{
    Form,
    workload::{self, CLIENTS, observe, perform},
};
use crate::script::{Model, Operation};

/// What one client may find.
#[derive(Clone, Debug, Default)]
struct Expected {
    answered: Model,
    operations: u32,
    in_flight: Option<Operation>,
}

/// What the clients may find.
pub(crate) struct Ledger {
    form: Form,
    seed: u64,
    clients: Vec<Expected>,
    /// Operations that were answered with success.
    pub(crate) acked: u64,
}

impl Ledger {
    /// Reads the notes.
    pub(crate) fn read(text: &str, form: Form, seed: u64) -> Self {
        let mut clients = vec![Expected::default(); usize::try_from(CLIENTS).unwrap()];
        let mut acked = 0;
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [word, client, number] = words.as_slice() else {
                panic!("{line:?} is not a line of a ledger")
            };
            let (client, number): (u32, u32) = (client.parse().unwrap(), number.parse().unwrap());
            let expected = &mut clients[usize::try_from(client).unwrap()];
            if *word == "begin" {
                let operation = form.operation(seed, client, number, &expected.answered);
                expected.in_flight = Some(operation);
                expected.operations = number + 1;
                continue;
            }
            let operation = expected.in_flight.take().unwrap();
            if *word == "acked" {
                expected.answered.apply(&operation);
                acked += 1;
            }
        }
        Self { form, seed, clients, acked }
    }

    /// Opens the store in `root` and compares; a thorough check then also writes, merges and opens it again.
    ///
    /// # Errors
    ///
    /// What was lost or torn, or why the store does not open.
    pub(crate) fn check(&self, root: &Path, is_thorough: bool) -> Result<(), String> {
        let mut models = {
            let store = open(root, self.form)?;
            let models = self.check_open(&store)?;
            if !is_thorough {
                store.halt();
                return Ok(());
            }
            self.go_on(&store, models)?
        };
        let store = open(root, self.form)?;
        for (client, model) in (0..).zip(&mut models) {
            compare(client, &observe(&store, self.form, client)?, &[model])?;
        }
        store.close();
        Ok(())
    }

    fn check_open(&self, store: &Store) -> Result<Vec<Model>, String> {
        let mut seen = Vec::new();
        for (client, expected) in (0..).zip(&self.clients) {
            let mut whole = expected.answered.clone();
            if let Some(operation) = &expected.in_flight {
                whole.apply(operation);
            }
            let found = observe(store, self.form, client)?;
            compare(client, &found, &[&expected.answered, &whole])?;
            seen.push(found);
        }
        Ok(seen)
    }

    /// The store must be as good as new: it takes writes, merges and shows the same afterwards.
    fn go_on(&self, store: &Store, mut models: Vec<Model>) -> Result<Vec<Model>, String> {
        for ((client, model), expected) in (0..).zip(&mut models).zip(&self.clients) {
            let operation = self.form.operation(self.seed, client, expected.operations, model);
            if perform(store, client, &operation) {
                model.apply(&operation);
            }
            compare(client, &observe(store, self.form, client)?, &[model])?;
        }
        if !store.compact() {
            return Err("the store cannot be compacted".to_owned());
        }
        for (client, model) in (0..).zip(&models) {
            compare(client, &observe(store, self.form, client)?, &[model])?;
        }
        store.halt();
        Ok(models)
    }
}

fn open(root: &Path, form: Form) -> Result<Store, String> {
    workload::open(root, form).map_err(|error| format!("the store does not open: {error}"))
}

fn compare(client: u32, found: &Model, allowed: &[&Model]) -> Result<(), String> {
    if allowed.contains(&found) {
        return Ok(());
    }
    let differences: Vec<_> = allowed.iter().map(|model| found.difference(model)).collect();
    Err(format!("client {client}: found / expected: {}", differences.join("; or ")))
}
