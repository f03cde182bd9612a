//! A file is there as a whole or not at all, is found out when it is damaged, and stays as it is when its text does.

use std::{
    fs,
    io::{self, Read as _, Write},
    path::PathBuf,
};

use super::{Coding, ListFigures, ListFile, ListText, ListWriter, WrittenList};

/// A text of lines, with a serial before them; of one, writing fails in the end.
struct Lines(&'static str, Option<io::ErrorKind>);

impl ListText for Lines {
    fn preamble(&self, serial: u32) -> String {
        format!("serial {serial}\n")
    }

    fn write(&mut self, out: &mut dyn Write) -> io::Result<[u64; 2]> {
        out.write_all(self.0.as_bytes())?;
        match self.1 {
            Some(kind) => Err(kind.into()),
            None => Ok([self.0.lines().count() as u64, 7]),
        }
    }
}

struct Room {
    dir: tempfile::TempDir,
}

impl Room {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("edge.txt")
    }

    fn write(&self, before: Option<&ListFigures>, now: u64, lines: &'static str) -> WrittenList {
        self.try_write(before, now, &mut Lines(lines, None), &|| Ok(())).unwrap()
    }

    fn try_write(
        &self,
        before: Option<&ListFigures>,
        now_seconds: u64,
        lines: &mut Lines,
        may_go_on: &dyn Fn() -> io::Result<()>,
    ) -> io::Result<WrittenList> {
        let path = &self.path();
        ListWriter { path, before, definition: "one", now_seconds, may_go_on }.write(lines)
    }

    /// No file stands beside the one that is served.
    fn is_tidy(&self) -> bool {
        fs::read_dir(self.dir.path()).unwrap().count() == 1
    }
}

fn unpacked(file: &ListFile, coding: Coding) -> String {
    let part = file.part(coding).unwrap();
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < part.bytes {
        bytes.extend(file.read(part, bytes.len() as u64, 3).unwrap());
    }
    let mut text = String::new();
    match coding {
        Coding::Identity => text = String::from_utf8(bytes).unwrap(),
        Coding::Gzip => drop(flate2::read::GzDecoder::new(&*bytes).read_to_string(&mut text).unwrap()),
        Coding::Zstd => drop(zstd::Decoder::new(&*bytes).unwrap().read_to_string(&mut text).unwrap()),
    }
    text
}

#[test]
fn every_coding_is_of_the_same_text() {
    let room = Room::new();
    let WrittenList { file, dropped } = room.write(None, 1_000, "one\ntwo\n");
    let file = file.unwrap();
    for coding in [Coding::Identity, Coding::Gzip, Coding::Zstd] {
        assert_eq!(unpacked(&file, coding), "serial 1000\none\ntwo\n");
    }
    assert_eq!((dropped, file.figures.entries, file.figures.modified_seconds), (7, 2, 1_000));
    // Of `printf 'serial 1000\none\ntwo\n'`, by md5sum.
    assert_eq!(file.figures.md5, "e9eaa9498ce8727859b1c6680b685811");
    let again = ListFile::open(&room.path()).unwrap();
    again.verify().unwrap();
    assert_eq!(again.figures, file.figures);
    assert!(room.is_tidy());
}

#[test]
fn a_text_that_is_as_before_is_not_written_and_a_changed_one_counts() {
    let room = Room::new();
    let first = room.write(None, 1_000, "one\n").file.unwrap().figures;
    assert!(room.write(Some(&first), 5_000, "one\n").file.is_none());
    assert_eq!(ListFile::open(&room.path()).unwrap().figures, first);
    assert!(room.is_tidy());
    let second = room.write(Some(&first), 5_000, "two\n").file.unwrap().figures;
    assert_eq!((second.serial, second.modified_seconds), (1_001, 5_000));
    // Time does not go back, and two changes never have the same.
    let third = room.write(Some(&second), 4_000, "three\n").file.unwrap().figures;
    assert_eq!((third.serial, third.modified_seconds), (1_002, 5_001));
}

#[test]
fn what_cannot_be_written_leaves_the_file_as_it_was() {
    let room = Room::new();
    let first = room.write(None, 1_000, "one\n").file.unwrap().figures;
    let mut broken = Lines("two\n", Some(io::ErrorKind::StorageFull));
    assert!(room.try_write(Some(&first), 2_000, &mut broken, &|| Ok(())).is_err());
    let file = ListFile::open(&room.path()).unwrap();
    file.verify().unwrap();
    assert_eq!(unpacked(&file, Coding::Identity), "serial 1000\none\n");
    assert!(room.is_tidy());
}

/// However late it comes: in the text, while it is packed, or just before the file would be put in its place.
#[test]
fn who_may_not_go_on_leaves_the_file_as_it_was() {
    let room = Room::new();
    let first = room.write(None, 1_000, "one\n").file.unwrap().figures;
    let mut steps_max = 0;
    loop {
        let steps = std::cell::Cell::new(0);
        let may_go_on = || {
            steps.set(steps.get() + 1);
            if steps.get() <= steps_max { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
        };
        let written = room.try_write(Some(&first), 2_000, &mut Lines("two\n", None), &may_go_on);
        if written.is_ok() {
            break;
        }
        let file = ListFile::open(&room.path()).unwrap();
        file.verify().unwrap();
        assert_eq!(unpacked(&file, Coding::Identity), "serial 1000\none\n");
        assert!(room.is_tidy());
        steps_max += 1;
    }
    // The text, its two packings, and the file in its place.
    assert!(4 <= steps_max, "{steps_max}");
}

#[test]
fn the_same_bytes_of_another_definition_stay_as_they_are_and_say_so() {
    let room = Room::new();
    let first = room.write(None, 1_000, "one\n").file.unwrap().figures;
    let path = &room.path();
    let writer = ListWriter {
        path,
        before: Some(&first),
        definition: "other",
        now_seconds: 5_000,
        may_go_on: &|| Ok(()),
    };
    let second = writer.write(&mut Lines("one\n", None)).unwrap().file.unwrap().figures;
    assert_eq!(second, ListFigures { definition: "other".to_owned(), ..first });
}

#[test]
fn every_damaged_byte_and_every_cut_is_found_out() {
    let room = Room::new();
    room.write(None, 1_000, "one\ntwo\n");
    let whole = fs::read(room.path()).unwrap();
    let is_good = |bytes: &[u8]| {
        fs::write(room.path(), bytes).unwrap();
        ListFile::open(&room.path()).and_then(|file| file.verify()).is_ok()
    };
    assert!(is_good(&whole));
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x20;
        assert!(!is_good(&damaged), "byte {place}");
        assert!(!is_good(&whole[..place]), "cut at {place}");
    }
}
