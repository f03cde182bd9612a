//! What is written is read back, over restarts and trimming, and damage is told.

use std::{fs, path::Path};

use sluice_model::{
    SupplierId, TagId,
    row::{HoldingChange, TagsChange, encode, merge, outline},
};

use super::{
    History, HistoryOptions, HistoryRecord, HistoryWriter, UNNUMBERED, WideChanges,
    block::{OutlineBlock, UNPACKED_BYTES},
};
use crate::{
    catalogue::{Catalogue, Effect},
    merge::MergeRows,
};

const OPTIONS: HistoryOptions = HistoryOptions { seconds: 800, bytes_max: 1 << 30 };

/// A history with the writer that goes on with it, as a store has them.
struct Kept {
    writer: HistoryWriter,
    history: History,
    record: HistoryRecord,
}

impl Kept {
    fn open(dir: &Path, options: HistoryOptions, record: Option<&HistoryRecord>) -> Self {
        let (mut writer, history) = HistoryWriter::open(dir, options, record).unwrap();
        let record = writer.record(&history, HistoryRecord::default()).unwrap();
        Self { writer, history, record }
    }

    /// A batch of some keys.
    fn add(&mut self, keys: std::ops::Range<u32>, number: Option<u64>, stamp: u32) {
        self.writer.begin();
        for key in keys {
            let mut row = Vec::new();
            encode(SupplierId(key % 3 + 1), HoldingChange::Release, TagsChange::Keep, &mut row);
            self.writer.push(format!("key-{key:07}").as_bytes(), &row);
        }
        let ended = self.writer.end(&self.history, number, stamp, u64::MAX).unwrap();
        self.history = ended.unwrap();
        self.record = self.writer.record(&self.history, HistoryRecord::default()).unwrap();
        self.writer.sweep(&self.history);
    }

    /// The numbers of the batches with their first keys, and how many these have.
    fn told(&self) -> Vec<(u64, String, u32)> {
        self.history
            .batches
            .iter()
            .map(|batch| {
                let mut rows = MergeRows::new(vec![batch.source()]);
                let (mut first, mut count) = (String::new(), 0);
                while let Some((key, row)) = rows.next_row() {
                    let number: u32 = std::str::from_utf8(&key[4..]).unwrap().parse().unwrap();
                    assert_eq!(row, [0, u8::try_from(number % 3 + 1).unwrap(), 1]);
                    if first.is_empty() {
                        first = String::from_utf8(key.to_vec()).unwrap();
                    }
                    count += 1;
                }
                rows.finish().unwrap();
                (batch.number, first, count)
            })
            .collect()
    }

    fn reopen(self, dir: &Path) -> Self {
        let Self { writer, record, .. } = self;
        drop(writer);
        Self::open(dir, OPTIONS, Some(&record))
    }
}

fn told(number: u64, first: u32, count: u32) -> (u64, String, u32) {
    (number, format!("key-{first:07}"), count)
}

/// Held alone or by two, with tags and without, released or not, now and then the same as the row before.
fn any_row(number: u32) -> Vec<u8> {
    let holding = if number.is_multiple_of(7) {
        HoldingChange::Release
    } else {
        HoldingChange::Hold { updated: number, context: Some(b"{}"), spelling: b"" }
    };
    let tags = if number.is_multiple_of(5) { TagsChange::Replace(&[TagId(7)]) } else { TagsChange::Keep };
    let (mut row, mut older, mut both) = (Vec::new(), Vec::new(), Vec::new());
    encode(SupplierId(number / 3 % 2 + 1), holding, tags, &mut row);
    if !number.is_multiple_of(11) {
        return row;
    }
    encode(SupplierId(9), holding, TagsChange::Keep, &mut older);
    merge(&row, &older, &mut both);
    both
}

#[test]
fn each_key_is_read_back_with_the_outline_of_its_row() {
    let dir = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(dir.path(), OPTIONS, Some(&HistoryRecord::default()));
    // Several blocks of them.
    let keys = 0..20_000_u32;
    kept.writer.begin();
    for number in keys.clone() {
        kept.writer.push(format!("key-{number:07}").as_bytes(), &any_row(number));
    }
    let history = kept.writer.end(&kept.history, Some(1), 0, u64::MAX).unwrap().unwrap();
    let mut rows = MergeRows::new(vec![history.batches[0].source()]);
    for number in keys {
        let mut outlined = Vec::new();
        outline(&any_row(number), &mut outlined);
        let (key, row) = rows.next_row().unwrap();
        assert_eq!((key, row), (format!("key-{number:07}").as_bytes(), &outlined[..]));
    }
    assert!(rows.next_row().is_none());
    rows.finish().unwrap();
}

#[test]
fn batches_are_read_back_over_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(dir.path(), OPTIONS, Some(&HistoryRecord::default()));
    assert_eq!(kept.history.horizon, 0);
    kept.add(0..10, Some(5), 100);
    // Many blocks.
    kept.add(3..100_003, Some(9), 100);
    let want = [told(5, 0, 10), told(9, 3, 100_000)];
    assert_eq!(kept.told(), want);
    // Nothing that is begun and not named is left.
    kept.writer.begin();
    kept.writer.push(b"key-0000001", &[0, 1, 1]);
    let mut kept = kept.reopen(dir.path());
    assert_eq!(kept.told(), want);
    kept.add(7..8, Some(11), 100);
    let kept = kept.reopen(dir.path());
    assert_eq!(kept.told(), [want[0].clone(), want[1].clone(), told(11, 7, 1)]);
}

#[test]
fn what_has_no_number_gets_that_of_the_next_batch_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(dir.path(), OPTIONS, Some(&HistoryRecord::default()));
    kept.add(0..1, None, 100);
    assert!(kept.history.is_unsettled());
    kept.history.settle(3);
    assert_eq!((kept.told()[0].0, kept.history.is_unsettled()), (3, false));
    kept.add(1..2, Some(8), 100);
    kept.add(2..3, None, 100);
    let mut kept = kept.reopen(dir.path());
    let numbers = |kept: &Kept| kept.told().iter().map(|told| told.0).collect::<Vec<_>>();
    assert_eq!(numbers(&kept), [8, 8, UNNUMBERED]);
    kept.history.settle(12);
    assert_eq!(numbers(&kept), [8, 8, 12]);
}

#[test]
fn old_files_go_and_the_horizon_rises() {
    let dir = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(dir.path(), OPTIONS, Some(&HistoryRecord::default()));
    // A file takes batches of an eighth of the time.
    for number in 0..12 {
        kept.add(0..1, Some(u64::from(number) + 1), 100 * number);
    }
    assert_eq!(kept.history.horizon, 2);
    assert_eq!(kept.history.batches.first().unwrap().number, 3);
    let names = fs::read_dir(dir.path().join("history")).unwrap().count();
    assert_eq!(names, 1 + 5, "a list and five files of two batches");
    let kept = kept.reopen(dir.path());
    assert_eq!((kept.history.horizon, kept.told().len()), (2, 10));
}

#[test]
fn files_beyond_the_bytes_go() {
    let dir = tempfile::tempdir().unwrap();
    let options = HistoryOptions { bytes_max: 64 * 1024, ..OPTIONS };
    let mut kept = Kept::open(dir.path(), options, Some(&HistoryRecord::default()));
    for number in 1..100 {
        kept.add(0..1_000, Some(number), 100);
    }
    let bytes: u64 = kept.history.batches.iter().map(|batch| batch.bytes).sum();
    assert!((32 * 1024..64 * 1024).contains(&bytes), "{bytes}");
    assert_eq!(kept.history.horizon + 1, kept.history.batches.first().unwrap().number);
}

#[test]
fn without_a_record_or_with_a_damaged_list_it_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(dir.path(), OPTIONS, None);
    assert_eq!((kept.history.horizon, kept.history.is_unsettled()), (UNNUMBERED, true));
    kept.history.settle(4);
    kept.add(0..5, Some(6), 100);
    let record = kept.record.clone();
    let mut list = fs::read_dir(dir.path().join("history")).unwrap().map(|entry| entry.unwrap().path());
    let list = list.find(|path| path.extension().unwrap() == "batches").unwrap();
    let whole = fs::read(&list).unwrap();
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        fs::write(&list, &bytes).unwrap();
        // It is read without being opened: opening removes what is of no use.
        let copy = tempfile::tempdir().unwrap();
        copy_history(dir.path(), copy.path());
        let anew = Kept::open(copy.path(), OPTIONS, Some(&record));
        assert_eq!((anew.history.horizon, anew.told()), (UNNUMBERED, vec![]), "{place}");
    }
}

fn copy_history(from: &Path, to: &Path) {
    fs::create_dir(to.join("history")).unwrap();
    for entry in fs::read_dir(from.join("history")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join("history").join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_damaged_block_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(dir.path(), OPTIONS, Some(&HistoryRecord::default()));
    kept.add(0..5, Some(6), 100);
    let mut rows = fs::read_dir(dir.path().join("history")).unwrap().map(|entry| entry.unwrap().path());
    let rows = rows.find(|path| path.extension().unwrap() == "rows").unwrap();
    let whole = fs::read(&rows).unwrap();
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        fs::write(&rows, &bytes).unwrap();
        let mut read = MergeRows::new(vec![kept.history.batches[0].source()]);
        while read.next_row().is_some() {}
        assert!(read.finish().is_err(), "{place}");
    }
    // Nobody is told by it any more.
    assert!(kept.history.batches[0].is_damaged());
    fs::write(&rows, &whole).unwrap();
    let kept = kept.reopen(dir.path());
    assert_eq!(kept.told(), [told(6, 0, 5)]);
    assert!(!kept.history.batches[0].is_damaged());
}

/// Long keys that share much are short as entries, and long again when they are read.
#[test]
fn blocks_are_bounded_unpacked_too() {
    let (mut block, beginning) = (OutlineBlock::default(), "a".repeat(8_000));
    let mut keys = 0;
    while !block.push(format!("{beginning}{keys:04}").as_bytes(), Some(&[0, 1, 1])) {
        keys += 1;
    }
    assert!(keys * 8_000 < UNPACKED_BYTES, "{keys}");
}

fn supplier(id: u32, confidence: u8, vendor: &str) -> Effect {
    let (name, vendor) = (format!("Supplier-{id}"), vendor.to_owned());
    Effect::PutSupplier {
        supplier: id,
        tenant: 1,
        name,
        confidence,
        retention_minutes: 60,
        vendor,
        enabled: true,
        refang: false,
    }
}

#[test]
fn only_what_rows_show_is_a_change_of_them() {
    let mut catalogue = Catalogue::initial();
    let tag = |name: &str, weight| Effect::PutTag { tag: 50, name: name.to_owned(), weight };
    let mut noted = |effect: Effect| {
        let mut wide = WideChanges::default();
        wide.note(7, &catalogue, std::slice::from_ref(&effect));
        catalogue.apply_all(&[effect]).unwrap();
        (wide.suppliers_since(6).len(), wide.tags_since(6).len())
    };
    for (effect, what) in [
        (supplier(50, 10, ""), (0, 0)),
        (supplier(50, 10, "Vendor"), (0, 0)),
        (supplier(50, 20, "Vendor"), (1, 0)),
        (tag("ONE", 1), (0, 0)),
        (tag("ONE", 2), (0, 0)),
        (tag("TWO", 2), (0, 1)),
        (Effect::RemoveTag { tag: 50 }, (0, 1)),
        (Effect::RemoveSupplier { supplier: 50 }, (1, 0)),
    ] {
        assert_eq!(noted(effect.clone()), what, "{effect:?}");
    }
}

#[test]
fn changes_of_suppliers_that_are_too_many_are_forgotten() {
    let (mut wide, count) = (WideChanges::default(), 65_536 + 10);
    for number in 1..=count {
        let mut one = WideChanges::default();
        one.note_renewal(u64::from(number), SupplierId(number));
        wide.absorb(one);
    }
    assert_eq!((wide.horizon, wide.suppliers_since(0).len()), (10, 65_536));
}
