//! What is far larger than usual: one indicator's row, and the log that abandoned bodies leave.

use std::fs;

use sluice_model::{RetentionMinutes, limits};
use sluice_store::{Record, SingleThread, Snapshot, Tuning, Workers};

use crate::world::{LATER, World, commit, wait_until};

/// So many of the largest contexts are together longer than the 64 MiB that bounds a segment of the log.
const SUPPLIERS: usize = 17;

fn supplier(number: usize) -> String {
    format!("Supplier-{number:02}")
}

/// Cheap, as long as an element may be, and another for every supplier and round.
fn context(number: usize, round: usize) -> String {
    let head = format!("supplier {number} round {round} ");
    head.repeat(limits::ELEMENT_BYTES_MAX / head.len())
}

fn check_row(world: &World, round_of: impl Fn(usize) -> usize) {
    let snapshot = world.store().snapshot();
    let mut record = Record::new();
    assert!(snapshot.get(b"everybody's", &mut record).unwrap());
    let mut suppliers = 0;
    for (number, holding) in record.holdings().enumerate() {
        assert_eq!(Some(holding.supplier), world.supplier(&supplier(number)));
        assert!(holding.context == context(number, round_of(number)).as_bytes(), "supplier {number}");
        suppliers += 1;
    }
    assert_eq!(suppliers, SUPPLIERS);
    let last = world.supplier(&supplier(SUPPLIERS - 1)).unwrap();
    assert_eq!(snapshot.keys_of_supplier(last).unwrap(), [b"everybody's"]);
}

#[test]
fn a_row_of_more_than_64_mib_is_flushed_merged_and_read() {
    assert!(64 * limits::MIB < SUPPLIERS * context(0, 0).len());
    let mut world = World::tuned(Tuning { flush_bytes: 1 << 30, ..Tuning::default() });
    for number in 0..SUPPLIERS {
        world.create_supplier(&supplier(number), RetentionMinutes::MAX);
        let rows = [("everybody's", &*context(number, 0))];
        world.put_slice(world.slice_of(&supplier(number), LATER, &rows));
    }
    check_row(&world, |_| 0);
    assert!(world.store().checkpoint());
    assert_eq!(world.store().figures().memtable_bytes, 0);
    check_row(&world, |_| 0);
    world.put_slice(world.slice_of(&supplier(3), LATER, &[("everybody's", &context(3, 1))]));
    assert!(world.store().compact());
    assert_eq!(world.store().figures().runs_count, 1);
    let newest = |number| usize::from(number == 3);
    check_row(&world, newest);
    world.restart();
    check_row(&world, newest);
}

/// A mebibyte that does not become shorter by packing.
fn noise() -> String {
    let mut state = 1_u64;
    let mut letter = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        char::from(b'0' + u8::try_from(state >> 58).unwrap())
    };
    (0..limits::MIB).map(|_| letter()).collect()
}

/// Bytes of the files of the log, any of which may go meanwhile.
fn segments_bytes(world: &World) -> u64 {
    let segments = fs::read_dir(world.data_dir().join("log")).unwrap();
    segments.filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len())).sum()
}

#[test]
fn abandoned_writes_alone_do_not_grow_the_log() {
    const ROUNDS: usize = 3;
    const SLICES: u32 = 32;
    let tuning = Tuning { log_bytes: 4 << 20, ..Tuning::default() };
    let mut world = World::tuned(tuning);
    // Afterwards nothing but the log's size is a reason for a checkpoint.
    assert!(world.store().checkpoint());
    let noise = noise();
    let mut appended_bytes = 0;
    for _ in 0..ROUNDS {
        let write = world.store().begin().unwrap();
        for index in 0..SLICES {
            write.append(index, world.slice(&[("a", &noise)])).unwrap();
        }
        drop(write);
        // Its answer comes after all of that is in the log.
        commit(world.store().begin().unwrap()).unwrap();
        appended_bytes += u64::from(SLICES) * noise.len() as u64 * 3 / 4;
        // Not by what is told: that may be of before.
        wait_until(|| segments_bytes(&world) < tuning.log_bytes);
    }
    assert!(limits::MIB as u64 * 64 + tuning.log_bytes < appended_bytes, "{appended_bytes}");
    world.restart();
    assert_eq!(world.get("a"), None);
}

/// The log that an open write needs cannot be trimmed; asking again at once, and again, kept the disk busy with
/// hundreds of checkpoints a second.
#[test]
fn a_write_that_stays_open_does_not_make_checkpoints_without_end() {
    let world = World::tuned(Tuning { log_bytes: 1 << 20, ..Tuning::default() });
    let noise = noise();
    let write = world.store().begin().unwrap();
    for index in 0..4 {
        write.append(index, world.slice(&[("open", &noise)])).unwrap();
    }
    wait_until(|| 1 << 20 < world.store().figures().log_bytes);
    let manifest = world.data_dir().join("MANIFEST");
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..200 {
        world.put(&[("small", &round.to_string())]);
        seen.insert(fs::metadata(&manifest).unwrap().modified().unwrap());
    }
    assert!(seen.len() < 5, "{} checkpoints", seen.len());
    commit(write).unwrap();
}

/// What one read may take is the caller's to say, and is kept to, be it rows or contexts that are many or long.
#[test]
fn a_read_takes_no_more_than_it_may() {
    const MIB: usize = 1 << 20;
    let world = World::new();
    let context = |number: usize| format!("{{\"number\":{number},\"fill\":\"{}\"}}", "x".repeat(MIB));
    let keys: Vec<String> = (0..40).map(|number| format!("key-{number:02}")).collect();
    for (number, key) in keys.iter().enumerate() {
        world.put(&[(key, &context(number))]);
    }
    for is_flushed in [false, true] {
        assert!(!is_flushed || world.store().checkpoint());
        let snapshot = world.store().snapshot();
        let asked: Vec<&[u8]> = keys.iter().rev().map(String::as_bytes).collect();
        assert!(snapshot.read_rows(&asked, 40 * 20, &SingleThread).unwrap().is_none());
        let rows = snapshot.read_rows(&asked, 40 * 200, &SingleThread).unwrap().unwrap();
        let named: Vec<_> = rows.iter().map(|row| row.holdings().next().unwrap().context.unwrap()).collect();
        assert!(snapshot.read_contexts(&named, 40 * MIB, &SingleThread).unwrap().is_none());
        let texts = snapshot.read_contexts(&named, 42 * MIB, &SingleThread).unwrap().unwrap();
        let numbers = rows.into_numbers();
        for place in 0..40 {
            let number = numbers.get(place).unwrap();
            assert_eq!(texts.get(number), context(39 - place).as_bytes());
        }
    }
}

/// A thread for each stretch.
struct Threads;

impl Workers for Threads {
    fn count(&self) -> usize {
        3
    }

    fn map<I: Send, T: Send>(&self, items: Vec<I>, work: impl Fn(I) -> T + Send + Sync) -> Vec<T> {
        assert!(1 < items.len());
        let work = &work;
        std::thread::scope(|scope| {
            let running: Vec<_> = items.into_iter().map(|item| scope.spawn(move || work(item))).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }
}

/// The context of each key's first holding.
fn read(snapshot: &Snapshot, asked: &[&[u8]], workers: &impl Workers) -> Vec<Option<Vec<u8>>> {
    let rows = snapshot.read_rows(asked, usize::MAX, workers).unwrap().unwrap();
    let named: Vec<_> = rows.iter().filter_map(|row| row.holdings().next()?.context).collect();
    let texts = snapshot.read_contexts(&named, usize::MAX, workers).unwrap().unwrap();
    let numbers = rows.into_numbers();
    (0..asked.len()).map(|place| numbers.get(place).map(|number| texts.get(number).to_vec())).collect()
}

/// Reads that are long enough to be shared among threads, of a store whose rows lie in a run and in the memtable.
#[test]
fn a_shared_read_finds_what_a_lone_one_finds() {
    let world = World::new();
    let keys: Vec<String> = (0..20_000).map(|number| format!("key-{:05}", number * 7_919 % 20_000)).collect();
    let values: Vec<String> = (0..20_000).map(|number| format!("{{\"of\":{}}}", number % 3_000)).collect();
    let rows: Vec<(&str, &str)> = keys.iter().zip(&values).map(|(key, value)| (&**key, &**value)).collect();
    world.put(rows.get(..15_000).unwrap());
    assert!(world.store().checkpoint());
    world.put(rows.get(14_000..).unwrap());
    let snapshot = world.store().snapshot();
    let mut asked: Vec<&[u8]> = keys.iter().map(String::as_bytes).collect();
    asked.push(b"key-00007");
    asked.push(b"none");
    let alone = read(&snapshot, &asked, &SingleThread);
    assert!(read(&snapshot, &asked, &Threads) == alone);
    for (place, value) in values.iter().enumerate() {
        assert_eq!(alone[place].as_deref(), Some(value.as_bytes()));
    }
    assert_eq!(alone[20_000], alone[keys.iter().position(|key| key == "key-00007").unwrap()]);
    assert_eq!(alone[20_001], None);
}
