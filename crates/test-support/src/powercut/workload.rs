//! What the store is made to do while its disk is recorded, and how a store is compared with a model.
//!
//! In: a directory and a seed. Out: a store in `data` of that directory, and beside it the file [`LEDGER`]: a
//! line before each operation and a line after its answer, each written in one piece, so that the recorder puts
//! them in the true order between the changes on disk.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::Write as _,
    path::Path,
    sync::mpsc,
    thread,
};

use sluice_model::{
    Confidence, RetentionMinutes, SupplierId, SupplierName, TagName, TagWeight, TenantId, Vendor,
    row::{HoldingChange, TagsChange, encode},
};
use sluice_store::{
    ChangeError, Health, OpenError, Record, ReplaceError, SliceBuilder, Store, StoreConfig, WriteError,
    catalogue::{CatalogueChange, SupplierSettings},
};

use super::Form;
use crate::{
    dice::Dice,
    script::{Change, Model, Operation, supplier_name, tag_prefix},
};

/// Name of the file that says what was asked for and answered.
pub const LEDGER: &str = "LEDGER";
/// Clients that work at the same time.
pub const CLIENTS: u32 = 3;
const ROUNDS: u32 = 4;
/// A second after which nothing expires during a test.
const UPDATED: u32 = 1_900_000_000;

/// Opens the store of a recorded directory.
///
/// # Errors
///
/// As [`Store::open`].
pub fn open(root: &Path, form: Form) -> Result<Store, OpenError> {
    let config = StoreConfig { tuning: form.tuning(), ..StoreConfig::at(root.join("data")) };
    Store::open(config, Box::new(|cause| println!("the store failed: {cause}")))
}

/// Some rounds of work by all clients; between two rounds the store is closed, or its threads ended, and opened.
pub fn run(root: &Path, form: Form, seed: u64) {
    let ledger = OpenOptions::new().create(true).append(true).open(root.join(LEDGER)).unwrap();
    let mut dice = Dice::new(&[seed]);
    let mut clients: Vec<(Model, u32)> = (0..CLIENTS).map(|_| (Model::default(), 0)).collect();
    for _ in 0..ROUNDS {
        let store = open(root, form).unwrap();
        let operations = form.draw_operations(&mut dice);
        thread::scope(|scope| {
            for (client, state) in (0..CLIENTS).zip(&mut clients) {
                let (store, ledger) = (&store, &ledger);
                let work = move || {
                    for _ in 0..operations {
                        step(store, ledger, client, (form, seed), state);
                    }
                };
                thread::Builder::new().name(format!("client-{client}")).spawn_scoped(scope, work).unwrap();
            }
        });
        if dice.chance(50) { store.close() } else { store.halt() }
    }
}

/// Opens the store and ends its threads: all that a start changes on disk.
pub fn recover(root: &Path, form: Form) {
    open(root, form).unwrap().halt();
}

fn step(
    store: &Store,
    ledger: &File,
    client: u32,
    (form, seed): (Form, u64),
    (model, number): &mut (Model, u32),
) {
    let operation = form.operation(seed, client, *number, model);
    let note = |word: &str| {
        let line = format!("{word} {client} {number}\n");
        let mut ledger = ledger;
        ledger.write_all(line.as_bytes()).unwrap();
    };
    note("begin");
    if perform(store, client, &operation) {
        note("acked");
        model.apply(&operation);
    } else {
        note("refused");
    }
    *number += 1;
}

/// Carries an operation out; false when the store refused it and promises that nothing of it stays.
pub fn perform(store: &Store, client: u32, operation: &Operation) -> bool {
    let supplier = SupplierName::parse(&supplier_name(client)).unwrap();
    match operation {
        Operation::CreateSupplier => {
            change(store, CatalogueChange::CreateSupplier { name: supplier, settings: settings() })
        }
        Operation::RemoveSupplier => change(store, CatalogueChange::RemoveSupplier { name: supplier }),
        Operation::CreateTag(name) => {
            let (name, weight) = (TagName::parse(name).unwrap(), TagWeight::new(3_u8).unwrap());
            change(store, CatalogueChange::CreateTag { name, weight })
        }
        Operation::RemoveTag(name) => {
            change(store, CatalogueChange::RemoveTag { name: TagName::parse(name).unwrap() })
        }
        Operation::Put(slices) => {
            let supplier = supplier_id(store, client).unwrap();
            write(store, slices.iter().map(|slice| put_rows(client, supplier, slice)), true)
        }
        Operation::Abandon(slices) => {
            let supplier = supplier_id(store, client).unwrap();
            write(store, slices.iter().map(|slice| put_rows(client, supplier, slice)), false)
        }
        Operation::Replace(slices) => {
            let supplier = supplier_id(store, client).unwrap();
            let slices = slices.iter().filter(|slice| !slice.is_empty());
            replace(store, supplier, slices.map(|slice| put_rows(client, supplier, slice)))
        }
        Operation::Delete(keys) => {
            let supplier = supplier_id(store, client).unwrap();
            let mut slice = SliceBuilder::new();
            for number in keys {
                push(&mut slice, client, *number, supplier, HoldingChange::Release);
            }
            write(store, std::iter::once(slice), true)
        }
        Operation::Checkpoint => store.checkpoint(),
        Operation::Compact => store.compact(),
    }
}

fn settings() -> SupplierSettings {
    SupplierSettings {
        confidence: Confidence::new(50_u8).unwrap(),
        retention: RetentionMinutes::MAX,
        vendor: Vendor::parse("").unwrap(),
        enabled: true,
        refang: false,
    }
}

fn key(client: u32, number: u32) -> Vec<u8> {
    format!("client-{client}-key-{number:05}").into_bytes()
}

/// The number of a client's key, when it is one.
fn number(client: u32, key: &[u8]) -> Option<u32> {
    let text = str::from_utf8(key).ok()?;
    text.strip_prefix(&format!("client-{client}-key-"))?.parse().ok()
}

fn push(
    slice: &mut SliceBuilder,
    client: u32,
    number: u32,
    supplier: SupplierId,
    holding: HoldingChange<'_>,
) {
    let mut row = Vec::new();
    encode(supplier, holding, TagsChange::Keep, &mut row);
    slice.push(&key(client, number), &row).unwrap();
}

fn put_rows(client: u32, supplier: SupplierId, rows: &[(u32, Change)]) -> SliceBuilder {
    let mut slice = SliceBuilder::new();
    for (number, change) in rows {
        let context = match change {
            Change::Put(context) => Some(context.as_bytes()),
            Change::Touch => None,
        };
        push(
            &mut slice,
            client,
            *number,
            supplier,
            HoldingChange::Hold { updated: UPDATED, context, spelling: &[] },
        );
    }
    slice
}

fn write(store: &Store, slices: impl Iterator<Item = SliceBuilder>, is_committed: bool) -> bool {
    let Ok(write) = store.begin() else { return false };
    for (index, slice) in (0..).zip(slices) {
        if write.append(index, slice.finish()).is_err() {
            return false;
        }
    }
    if !is_committed {
        return true;
    }
    let (done, answer) = mpsc::channel();
    write.commit(Box::new(move |outcome| done.send(outcome).unwrap()));
    match answer.recv().unwrap() {
        Ok(()) => true,
        Err(WriteError::Failed) => panic!("the store failed on a disk without failures"),
        Err(_) => false,
    }
}

fn replace(store: &Store, supplier: SupplierId, slices: impl Iterator<Item = SliceBuilder>) -> bool {
    let Ok(mut feed) = store.begin_feed() else { return false };
    for slice in slices {
        feed.add(&[slice.finish()]).unwrap();
    }
    match store.replace(supplier, feed, 100, &|| true) {
        Ok(_changes) => true,
        Err(ReplaceError::Write(WriteError::Failed)) => {
            panic!("the store failed on a disk without failures")
        }
        Err(_) => false,
    }
}

fn change(store: &Store, change: CatalogueChange) -> bool {
    let (done, answer) = mpsc::channel();
    store.change_catalogue(change, Box::new(move |outcome| done.send(outcome).unwrap()));
    match answer.recv().unwrap() {
        Ok(()) => true,
        Err(ChangeError::Write(WriteError::Failed)) => panic!("the store failed on a disk without failures"),
        Err(_) => false,
    }
}

fn supplier_id(store: &Store, client: u32) -> Option<SupplierId> {
    store.catalogue().supplier(TenantId::GENERAL, &supplier_name(client)).map(|supplier| supplier.id)
}

/// What the store shows of one client: by a scan of everything, by reading keys one by one, and by posting lists.
///
/// # Errors
///
/// The reason why it cannot be read, or how the three disagree.
pub fn observe(store: &Store, form: Form, client: u32) -> Result<Model, String> {
    let snapshot = store.snapshot();
    let supplier =
        snapshot.catalogue().supplier(TenantId::GENERAL, &supplier_name(client)).map(|found| found.id);
    let prefix = tag_prefix(client);
    let names = snapshot.catalogue().tags().map(|tag| tag.name.as_str().to_owned());
    let tags = names.filter(|name| name.starts_with(&prefix)).collect();
    let mut values = BTreeMap::new();
    if let Some(supplier) = supplier {
        let context_of = |record: &Record| {
            let holding = record.holdings().find(|holding| holding.supplier == supplier);
            holding.map(|holding| String::from_utf8(holding.context.to_vec()).unwrap_or_default())
        };
        let noted = snapshot.scan(|scanned, record| {
            if let (Some(number), Some(context)) = (number(client, scanned), context_of(record)) {
                values.insert(number, context);
            }
        });
        noted.map_err(|error| error.to_string())?;
        let mut record = Record::new();
        for number in (0..form.keys()).step_by(form.reads_stride()) {
            let is_there = snapshot.get(&key(client, number), &mut record);
            let is_there = is_there.map_err(|error| error.to_string())?;
            if context_of(&record).filter(|_| is_there).as_ref() != values.get(&number) {
                return Err(format!("a scan and a read of key {number} disagree"));
            }
        }
        let listed = snapshot.keys_of_supplier(supplier).map_err(|error| error.to_string())?;
        let held: Vec<_> = values.keys().map(|number| key(client, *number)).collect();
        if listed != held {
            return Err(format!("{} keys are listed, {} are held", listed.len(), held.len()));
        }
    }
    if store.health() == Health::Failed {
        return Err("the store has failed".to_owned());
    }
    Ok(Model { has_supplier: supplier.is_some(), values, tags })
}
