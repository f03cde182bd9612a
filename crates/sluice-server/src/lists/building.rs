//! A build: from a snapshot to the files of all formats that are wanted of a list.
//!
//! In: a definition, its formats with their files as they are, and a store. Out: files that are new, and what the next build goes by. What is on
//! the list is gathered once; each format is written from that. Blocking; memory as of [`contents`].

use std::{
    cmp::Reverse,
    io::{self, Write},
    path::Path,
};

use ipnet::IpNet;
use sluice_ingest::Ingestor;
use sluice_model::{ListName, limits};

use super::{
    addresses::{Rank, Stretch},
    contents::{self, BuildError, ListContents, ListMemory},
    definition::{ListDefinition, ZoneSettings},
    file::{ListFigures, ListText, ListWriter, WrittenList},
    format::ListFormat,
    render::{Fit, ListRenderer, Section},
};

/// Text is written in pieces of so many bytes.
const PIECE_BYTES: usize = 64 * limits::KIB;

/// Entries after which it is asked whether the list is still wanted.
const ENTRIES_ASKED: usize = 4_096;

/// Of what state a list is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Basis {
    /// The last commit.
    pub(super) sequence: u64,
    /// The second from which it is out of date, whatever is committed.
    pub(super) expires_seconds: Option<u64>,
}

/// What is to be built.
pub(super) struct Build<'b> {
    pub(super) tenant: &'b str,
    pub(super) name: &'b ListName,
    pub(super) definition: &'b ListDefinition,
    /// What names the definition.
    pub(super) digest: &'b str,
    /// The seconds that count as now.
    pub(super) now_seconds: u32,
    /// Says no when it is not wanted any more.
    pub(super) is_wanted: &'b dyn Fn() -> bool,
    /// Says no then, too, and when there is no room on the disk.
    pub(super) may_go_on: &'b dyn Fn() -> io::Result<()>,
}

impl Build<'_> {
    /// Builds formats, each with the path of its file and what is known of it, and hands out what came of each.
    ///
    /// # Errors
    ///
    /// By variant of [`BuildError`]; files that were handed out stay.
    pub(super) fn run<'f>(
        &self,
        ingestor: &Ingestor,
        formats: impl Iterator<Item = (ListFormat, &'f Path, Option<ListFigures>)>,
        mut done: impl FnMut(ListFormat, WrittenList),
    ) -> Result<Basis, BuildError> {
        let store = ingestor.store();
        (self.may_go_on)().map_err(BuildError::Io)?;
        let snapshot = store.snapshot_to_keep();
        let mut memory = ListMemory::begin(ingestor, snapshot.memtable_bytes())?;
        let read = (&snapshot, self.now_seconds);
        let contents = contents::gather(self.definition, self.tenant, read, &mut memory, self.is_wanted)?;
        let basis = Basis { sequence: snapshot.sequence(), expires_seconds: contents.expires_seconds };
        drop(snapshot);
        let zone = match &self.definition.formats.rpz {
            Some(zone) => zone.clone(),
            None => ZoneSettings::default(),
        };
        for (format, path, before) in formats {
            let mut text = BuiltText {
                renderer: ListRenderer::new(
                    format,
                    self.name.as_str(),
                    (&zone, self.definition.max_entries),
                    &contents,
                ),
                format,
                contents: &contents,
                entries_max: self.definition.max_entries,
                may_go_on: self.may_go_on,
            };
            let writer = ListWriter {
                path,
                before: before.as_ref(),
                definition: self.digest,
                now_seconds: self.now_seconds.into(),
                may_go_on: self.may_go_on,
            };
            done(format, writer.write(&mut text).map_err(BuildError::Io)?);
        }
        Ok(basis)
    }
}

/// The text of a list in a format.
struct BuiltText<'t> {
    renderer: ListRenderer<'t>,
    format: ListFormat,
    contents: &'t ListContents,
    entries_max: Option<u64>,
    may_go_on: &'t dyn Fn() -> io::Result<()>,
}

/// An entry of a list.
#[derive(Clone, Copy)]
enum ListEntry {
    Network(IpNet, Rank),
    /// The key at a place.
    Key(usize),
}

/// The entries of a section, in order.
fn entries(contents: &ListContents, section: Section) -> Box<dyn Iterator<Item = ListEntry> + '_> {
    let Section::Networks(family) = section else {
        return Box::new((0..contents.keys.len()).map(ListEntry::Key));
    };
    let networks = move |one: &Stretch| {
        let rank = one.rank;
        one.networks(family).map(move |network| ListEntry::Network(network, rank))
    };
    Box::new(contents.stretches(family).iter().flat_map(networks))
}

impl BuiltText<'_> {
    fn append(&mut self, entry: ListEntry, text: &mut String) -> Fit {
        match entry {
            ListEntry::Network(network, rank) => self.renderer.append_network(network, rank.confidence, text),
            ListEntry::Key(place) => self.renderer.append_key(place, text),
        }
    }

    /// What an entry is worth, if not all can stay.
    fn worth(&self, entry: ListEntry) -> Rank {
        match entry {
            ListEntry::Network(_, rank) => rank,
            ListEntry::Key(place) if self.format.covering().is_some() => self.contents.keys.worth(place),
            ListEntry::Key(place) => self.contents.keys.rank(place),
        }
    }

    /// Which entries stay, by their number; `None` if all do.
    fn cut(&mut self, lines_max: u64) -> io::Result<Option<Vec<bool>>> {
        let (mut ranked, mut lines_sum, mut number, mut text) = (Vec::new(), 0, 0, String::new());
        for section in Section::ALL {
            self.renderer.open(section, &mut text);
            for entry in entries(self.contents, section) {
                if number % ENTRIES_ASKED == 0 {
                    (self.may_go_on)()?;
                }
                text.clear();
                if self.append(entry, &mut text) == Fit::Written {
                    // The elements of a set stand on lines of their own, with commas between.
                    let lines = if self.format == ListFormat::Nft { 1 } else { text.lines().count() as u64 };
                    lines_sum += lines;
                    ranked.push((Reverse(self.worth(entry)), number, lines));
                }
                number += 1;
            }
        }
        if lines_sum <= lines_max {
            return Ok(None);
        }
        ranked.sort_unstable();
        let (mut stays, mut left) = (vec![false; number], lines_max);
        for (_, number, lines) in ranked {
            // One with many lines must not cost all others.
            let (Some(rest), Some(stays)) = (left.checked_sub(lines), stays.get_mut(number)) else {
                continue;
            };
            (left, *stays) = (rest, true);
        }
        Ok(Some(stays))
    }
}

impl ListText for BuiltText<'_> {
    fn preamble(&self, serial: u32) -> String {
        self.renderer.preamble(serial)
    }

    fn write(&mut self, out: &mut dyn Write) -> io::Result<[u64; 2]> {
        let stays = match self.entries_max {
            Some(entries_max) => self.cut(entries_max)?,
            None => None,
        };
        let (mut written, mut dropped, mut number) = (0, self.contents.kept_out, 0);
        let mut text = String::with_capacity(2 * PIECE_BYTES);
        for section in Section::ALL {
            self.renderer.open(section, &mut text);
            for entry in entries(self.contents, section) {
                let stays = stays.as_ref().and_then(|stays| stays.get(number)).copied().unwrap_or(true);
                number += 1;
                if !stays {
                    continue;
                }
                match self.append(entry, &mut text) {
                    Fit::Written => written += 1,
                    Fit::Dropped => dropped += 1,
                    Fit::Covered | Fit::Foreign => {}
                }
                if PIECE_BYTES <= text.len() {
                    out.write_all(text.as_bytes())?;
                    text.clear();
                }
            }
            self.renderer.close(section, &mut text);
        }
        out.write_all(text.as_bytes())?;
        Ok([written, dropped])
    }
}

#[cfg(test)]
mod tests;
