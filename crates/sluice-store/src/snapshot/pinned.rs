//! A checkpoint that stays readable.

use std::{
    io::{self, Write},
    sync::Arc,
};

use super::{
    object::{ObjectId, write_block, write_end, write_head},
    stored_block::{BlockPlace, block_of_catalogue, blocks_of_part, blocks_of_table},
};
use crate::{
    contexts::StoredTable,
    digest::{DigestWriter, ObjectDigest},
    error::ReadError,
    manifest::Manifest,
    run::{Part, Run, parts_of},
    trees::{Pieces, Trees},
};

/// Why a snapshot cannot be taken, or an object of it not be read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The disk has no space for the checkpoint.
    #[error("the disk has no space for a checkpoint; a snapshot begins with one")]
    DiskFull,
    /// The store is closing or has failed.
    #[error("the store is closing or has failed")]
    Closed,
    /// The checkpoint has no such object.
    #[error("there is no such object")]
    NoObject,
    /// Something stored is damaged, so it cannot go into a snapshot.
    #[error("what is to be copied is damaged; `sluiced verify` lists what it is")]
    Damaged(#[source] ReadError),
    /// The bytes cannot be written where they go.
    #[error("the bytes of the snapshot cannot be handed over")]
    Write(#[source] io::Error),
}

/// A manifest, and what it names: parts and tables stay in the trees as long as it lives, which takes space while merges
/// replace them. So it is not to be held longer than copying takes.
pub struct PinnedCheckpoint {
    trees: Arc<Trees>,
    manifest: Manifest,
    parts: Vec<Arc<Part>>,
    tables: Vec<Arc<StoredTable>>,
    /// The catalogue as stored: the next checkpoint may remove it from the trees.
    catalogue: Option<(BlockPlace, Pieces)>,
}

impl PinnedCheckpoint {
    /// Pins what `manifest` names. For the compaction thread, which alone removes parts.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Damaged`] when the catalogue cannot be read.
    pub(crate) fn new<'a>(
        trees: &Arc<Trees>,
        manifest: &Manifest,
        runs: &[Run],
        tables: impl Iterator<Item = &'a Arc<StoredTable>>,
    ) -> Result<Self, SnapshotError> {
        let catalogue = match manifest.catalogue.map(block_of_catalogue) {
            Some(place) => Some((place, place.read(trees).map_err(SnapshotError::Damaged)?)),
            None => None,
        };
        Ok(Self {
            trees: Arc::clone(trees),
            // Readers of another directory begin anew.
            manifest: Manifest { history: None, ..manifest.clone() },
            parts: parts_of(runs).cloned().collect(),
            tables: tables.cloned().collect(),
            catalogue,
        })
    }

    /// Number of the last commit in it. All commits up to it are in it, and none after it.
    pub fn sequence(&self) -> u64 {
        self.manifest.sequence
    }

    /// The manifest, as [`Restore::begin`](crate::Restore::begin) takes it.
    ///
    /// # Errors
    ///
    /// None that can happen.
    pub fn manifest(&self) -> io::Result<String> {
        self.manifest.to_text()
    }

    /// Everything that belongs to it.
    pub fn objects(&self) -> Vec<ObjectId> {
        let tables = self.tables.iter().map(|table| ObjectId::Contexts(table.meta.id));
        let parts = self.parts.iter().map(|part| ObjectId::Part(part.meta.id));
        tables.chain(parts).chain(self.catalogue.as_ref().map(|_| ObjectId::Catalogue)).collect()
    }

    /// Length and checksum of an object. Reads it, unless that was asked of the same part or table before.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::NoObject`] or [`SnapshotError::Damaged`].
    pub fn digest(&self, object: ObjectId) -> Result<ObjectDigest, SnapshotError> {
        let known = match object {
            ObjectId::Part(id) => Some(&self.part(id)?.digest),
            ObjectId::Contexts(id) => Some(&self.table(id)?.digest),
            ObjectId::Catalogue => None,
        };
        if let Some(digest) = known.and_then(|known| known.get()) {
            return Ok(digest.clone());
        }
        let mut writer = DigestWriter::new();
        self.write(object, &mut writer)?;
        let digest = writer.finish();
        Ok(known.map_or_else(|| digest.clone(), |known| known.get_or_init(|| digest.clone()).clone()))
    }

    /// Writes an object, block by block, each checked.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::NoObject`], [`SnapshotError::Damaged`] or [`SnapshotError::Write`].
    pub fn write(&self, object: ObjectId, to: &mut dyn Write) -> Result<(), SnapshotError> {
        let places = match object {
            ObjectId::Part(id) => blocks_of_part(self.part(id)?),
            ObjectId::Contexts(id) => blocks_of_table(self.table(id)?),
            ObjectId::Catalogue => Vec::new(),
        };
        write_head(to).map_err(SnapshotError::Write)?;
        for place in &places {
            let stored = place.read(&self.trees).map_err(SnapshotError::Damaged)?;
            write_block(place, &stored, to).map_err(SnapshotError::Write)?;
        }
        if let (ObjectId::Catalogue, Some((place, stored))) = (object, &self.catalogue) {
            write_block(place, stored, to).map_err(SnapshotError::Write)?;
        }
        write_end(to).map_err(SnapshotError::Write)
    }

    fn part(&self, id: u32) -> Result<&Part, SnapshotError> {
        let part = self.parts.iter().find(|part| part.meta.id == id);
        part.map(Arc::as_ref).ok_or(SnapshotError::NoObject)
    }

    fn table(&self, id: u32) -> Result<&StoredTable, SnapshotError> {
        let table = self.tables.iter().find(|table| table.meta.id == id);
        table.map(Arc::as_ref).ok_or(SnapshotError::NoObject)
    }
}
