//! The bytes of a list as they are served, in one file: as they are, with gzip and with Zstandard, and what is known of them.
//!
//! In: what writes a text. Out: a file that is there as a whole or not at all: written beside, synced, renamed, directory synced. It ends with its
//! figures, their checksum and length, so a file that was cut or changed is found out; the digests of its three parts are checked once when the daemon
//! starts, and each part is served from there. A text that is as it was before is not written again, so that what was fetched stays valid; the
//! serial of a zone does not count for that. Blocking.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Seek as _, SeekFrom, Write},
    os::unix::fs::FileExt as _,
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sluice_model::hex;

use crate::http::coding::Coding;

#[cfg(test)]
mod tests;

/// What a file ends with.
const MAGIC: &[u8; 8] = b"SLUICEL1";

/// Bytes behind the figures: their length, their checksum, and [`MAGIC`].
const TAIL_BYTES: u64 = 16;

/// Figures that are longer are none.
const FIGURES_BYTES_MAX: u64 = 64 << 10;

/// Bytes that are read at a time.
const READ_BYTES: usize = 256 << 10;

/// Bytes of a list in one format and coding.
const TEXT_BYTES_MAX: u64 = 1 << 30;

/// Level of Zstandard: lists are packed once and fetched often.
const ZSTD_LEVEL: i32 = 3;

/// What is known of a list in one format.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct ListFigures {
    /// Entries on it.
    pub(crate) entries: u64,
    /// Indicators that its format cannot hold, or that no list may have.
    pub(crate) dropped: u64,
    /// The second from which the bytes are as they are.
    pub(crate) modified_seconds: u64,
    /// Serial of a zone.
    pub(crate) serial: u32,
    /// MD5 of the bytes, in hex.
    pub(crate) md5: String,
    /// SHA-256 of the text with a serial of 0, in hex.
    text_sha256: String,
    /// What names the definition that it is of.
    pub(crate) definition: String,
    /// Its parts, as they are first.
    pub(crate) parts: Vec<ListPart>,
}

/// A part of a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct ListPart {
    /// How it is packed.
    pub(crate) coding: Coding,
    start: u64,
    /// Its length.
    pub(crate) bytes: u64,
    /// SHA-256 of its bytes, in hex.
    pub(crate) sha256: String,
}

/// A file that can be served.
#[derive(Debug)]
pub(crate) struct ListFile {
    file: File,
    /// What is known of it.
    pub(crate) figures: ListFigures,
}

/// What writes a text: the same whenever it is asked, with this serial in the preamble.
pub(super) trait ListText {
    /// What stands before all entries.
    fn preamble(&self, serial: u32) -> String;

    /// Writes the rest. Returns entries, and how many are left out.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    fn write(&mut self, out: &mut dyn Write) -> io::Result<[u64; 2]>;
}

impl ListFile {
    /// Opens a file, and checks its figures.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is no such file.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let tail_at = file.metadata()?.len().checked_sub(TAIL_BYTES).ok_or_else(damaged)?;
        let mut tail = [0; 16];
        file.read_exact_at(&mut tail, tail_at)?;
        let [length @ .., _, _, _, _, _, _, _, _, _, _, _, _] = tail;
        let [_, _, _, _, checksum @ .., _, _, _, _, _, _, _, _] = tail;
        let length = u64::from(u32::from_be_bytes(length));
        if !tail.ends_with(MAGIC) || FIGURES_BYTES_MAX < length {
            return Err(damaged());
        }
        let mut text = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        file.read_exact_at(&mut text, tail_at.checked_sub(length).ok_or_else(damaged)?)?;
        if crc32c::crc32c(&text) != u32::from_be_bytes(checksum) {
            return Err(damaged());
        }
        Ok(Self { file, figures: serde_json::from_slice(&text)? })
    }

    /// Checks the bytes of all parts.
    ///
    /// # Errors
    ///
    /// They cannot be read, or are not what was written.
    pub(crate) fn verify(&self) -> io::Result<()> {
        for part in &self.figures.parts {
            let mut digest = Sha256::new();
            let mut at = 0;
            while at < part.bytes {
                let piece = self.read(part, at, READ_BYTES)?;
                digest.update(&piece);
                at += piece.len() as u64;
            }
            if hex::encode(&digest.finalize()) != part.sha256 {
                return Err(damaged());
            }
        }
        Ok(())
    }

    /// Bytes of all its parts.
    pub(crate) fn bytes(&self) -> u64 {
        self.figures.parts.iter().map(|part| part.bytes).sum()
    }

    /// The part that is packed in this way.
    pub(crate) fn part(&self, coding: Coding) -> Option<&ListPart> {
        self.figures.parts.iter().find(|part| part.coding == coding)
    }

    /// Reads up to `bytes_max` bytes of a part from a place on.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    pub(crate) fn read(&self, part: &ListPart, at: u64, bytes_max: usize) -> io::Result<Vec<u8>> {
        let left = part.bytes.saturating_sub(at);
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(bytes_max);
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, part.start + at)?;
        Ok(bytes)
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a file of a list is damaged")
}

/// What came of writing a list.
pub(super) struct WrittenList {
    /// The file, unless its text is as it was.
    pub(super) file: Option<ListFile>,
    /// Indicators that are left out.
    pub(super) dropped: u64,
}

/// A list that is to be written.
pub(super) struct ListWriter<'w> {
    /// Where.
    pub(super) path: &'w Path,
    /// What is known of the file that there is.
    pub(super) before: Option<&'w ListFigures>,
    /// What names its definition.
    pub(super) definition: &'w str,
    pub(super) now_seconds: u64,
    /// Says no when there is no room for more, or nobody wants it any more; asked for each piece, and last before the file is
    /// put in its place.
    pub(super) may_go_on: &'w dyn Fn() -> io::Result<()>,
}

impl ListWriter<'_> {
    /// Writes the list, in the place of the file that there may be.
    ///
    /// # Errors
    ///
    /// It cannot be written; the file is as before.
    pub(super) fn write(&self, text: &mut dyn ListText) -> io::Result<WrittenList> {
        // A zone that was lost must not fall back, so the first serial is a time; from then on it counts.
        let first = u32::try_from(self.now_seconds).unwrap_or(u32::MAX);
        let (serial, modified_seconds) = match self.before {
            Some(before) => {
                (before.serial.wrapping_add(1), self.now_seconds.max(before.modified_seconds + 1))
            }
            None => (first, self.now_seconds),
        };
        let beside = self.path.with_added_extension("new");
        let mut written = self.write_beside(&beside, (serial, modified_seconds), text);
        if let (Ok((false, _)), Some(before)) = (&written, self.before)
            && before.definition != self.definition
        {
            // The same bytes, of another definition from now on.
            written = self.write_beside(&beside, (before.serial, before.modified_seconds), text);
        }
        let placed = written.and_then(|(is_written, dropped)| {
            if !is_written {
                return Ok(WrittenList { file: None, dropped });
            }
            (self.may_go_on)()?;
            fs::rename(&beside, self.path)?;
            File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
            Ok(WrittenList { file: Some(ListFile::open(self.path)?), dropped })
        });
        if !matches!(placed, Ok(WrittenList { file: Some(_), .. })) {
            // What is left of it is overwritten by the next one.
            drop(fs::remove_file(&beside));
        }
        placed
    }

    /// Writes and syncs a file, unless its text is as before and would not have the same serial; tells whether it is there, and what is
    /// left out.
    fn write_beside(
        &self,
        path: &Path,
        (serial, modified_seconds): (u32, u64),
        text: &mut dyn ListText,
    ) -> io::Result<(bool, u64)> {
        let file = File::options().create(true).truncate(true).read(true).write(true).open(path)?;
        let mut out = DigestingWriter::new(BufWriter::with_capacity(READ_BYTES, file), self.may_go_on);
        out.text.update(text.preamble(0));
        out.write_serial(text.preamble(serial).as_bytes())?;
        let [entries, dropped] = text.write(&mut out)?;
        let DigestingWriter { inner, bytes, whole, md5, text, .. } = out;
        let text_sha256 = hex::encode(&text.finalize());
        let is_as_before =
            |before: &ListFigures| before.text_sha256 == text_sha256 && before.serial != serial;
        if self.before.is_some_and(is_as_before) {
            return Ok((false, dropped));
        }
        let mut file = inner.into_inner().map_err(io::IntoInnerError::into_error)?;
        let sha256 = hex::encode(&whole.finalize());
        let mut parts = vec![ListPart { coding: Coding::Identity, start: 0, bytes, sha256 }];
        parts.push(self.pack(&mut file, bytes, (Coding::Gzip, gzip))?);
        parts.push(self.pack(&mut file, bytes, (Coding::Zstd, zstd))?);
        let (md5, definition) = (hex::encode(&md5.finalize()), self.definition.to_owned());
        let figures =
            ListFigures { entries, dropped, modified_seconds, serial, md5, text_sha256, definition, parts };
        let figures = serde_json::to_vec(&figures)?;
        let length = u32::try_from(figures.len()).map_err(io::Error::other)?;
        file.seek(SeekFrom::End(0))?;
        file.write_all(&figures)?;
        file.write_all(&length.to_be_bytes())?;
        file.write_all(&crc32c::crc32c(&figures).to_be_bytes())?;
        file.write_all(MAGIC)?;
        file.sync_all()?;
        Ok((true, dropped))
    }

    /// Appends the first bytes of a file to it, packed.
    fn pack<'w>(
        &'w self,
        file: &mut File,
        bytes: u64,
        (coding, pack): (Coding, Pack<'w>),
    ) -> io::Result<ListPart> {
        let start = file.seek(SeekFrom::End(0))?;
        let out =
            DigestingWriter::new(BufWriter::with_capacity(READ_BYTES, file.try_clone()?), self.may_go_on);
        let beginning = BufReader::with_capacity(READ_BYTES, ReadAt { file, at: 0, left: bytes });
        let DigestingWriter { mut inner, bytes, whole, .. } = pack(beginning, out)?;
        inner.flush()?;
        Ok(ListPart { coding, start, bytes, sha256: hex::encode(&whole.finalize()) })
    }
}

/// What is packed, and where it goes.
type Beginning<'f> = BufReader<ReadAt<'f>>;
type PackedWriter<'w> = DigestingWriter<'w, BufWriter<File>>;

/// Packs it.
type Pack<'w> = fn(Beginning<'_>, PackedWriter<'w>) -> io::Result<PackedWriter<'w>>;

fn gzip<'w>(mut from: Beginning<'_>, out: PackedWriter<'w>) -> io::Result<PackedWriter<'w>> {
    let mut encoder = GzEncoder::new(out, Compression::fast());
    io::copy(&mut from, &mut encoder)?;
    encoder.finish()
}

fn zstd<'w>(mut from: Beginning<'_>, out: PackedWriter<'w>) -> io::Result<PackedWriter<'w>> {
    let mut encoder = zstd::stream::write::Encoder::new(out, ZSTD_LEVEL)?;
    io::copy(&mut from, &mut encoder)?;
    encoder.finish()
}

/// Reads the beginning of a file whose end is written meanwhile.
struct ReadAt<'f> {
    file: &'f File,
    at: u64,
    left: u64,
}

impl io::Read for ReadAt<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(room.len());
        let length = self.file.read_at(room.get_mut(..length).unwrap_or(&mut []), self.at)?;
        self.at += length as u64;
        self.left -= length as u64;
        Ok(length)
    }
}

/// Writes, and digests what it writes.
struct DigestingWriter<'w, W> {
    inner: W,
    may_go_on: &'w dyn Fn() -> io::Result<()>,
    bytes: u64,
    whole: Sha256,
    md5: Md5,
    /// Without the serial.
    text: Sha256,
}

impl<'w, W: Write> DigestingWriter<'w, W> {
    fn new(inner: W, may_go_on: &'w dyn Fn() -> io::Result<()>) -> Self {
        Self { inner, may_go_on, bytes: 0, whole: Sha256::new(), md5: Md5::new(), text: Sha256::new() }
    }

    /// Writes what does not count for whether the text has changed.
    fn write_serial(&mut self, bytes: &[u8]) -> io::Result<()> {
        (self.may_go_on)()?;
        if TEXT_BYTES_MAX < self.bytes {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a list is longer than lists may be"));
        }
        self.inner.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        self.whole.update(bytes);
        self.md5.update(bytes);
        Ok(())
    }
}

impl<W: Write> Write for DigestingWriter<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_serial(bytes)?;
        self.text.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
