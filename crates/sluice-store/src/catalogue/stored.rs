//! The catalogue as a checkpoint keeps it: one packed block in the catalogue tree, under a generation.
//!
//! In: a catalogue. Out: an entry for the manifest that names the generation and its pieces. A generation is never
//! changed: the next one is written beside it, and the old one goes once the manifest names the new one. The
//! block's checksum and the count of its pieces make a page that sled lost visible.

use std::io;

use serde::{Deserialize, Serialize};

use super::{Catalogue, Effect};
use crate::{
    block,
    error::TreeError,
    trees::{Trees, get_pieces, guarded, put_pieces, remove_pieces},
};

/// Where the manifest finds a catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredCatalogue {
    /// Grows with every stored catalogue.
    pub(crate) generation: u32,
    /// Pieces of its block.
    pub(crate) pieces: u32,
}

impl StoredCatalogue {
    /// Writes a catalogue under a new generation.
    ///
    /// # Errors
    ///
    /// Any failure of sled.
    pub(crate) fn write(trees: &Trees, generation: u32, catalogue: &Catalogue) -> Result<Self, TreeError> {
        let packed = pack(&catalogue.to_effects()).map_err(TreeError::io("encode the catalogue"))?;
        let pieces = put_pieces(&trees.catalogue, &generation.to_be_bytes(), 0, &packed)?;
        Ok(Self { generation, pieces })
    }

    /// Reads the catalogue back.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn read(self, trees: &Trees) -> Result<Catalogue, String> {
        let packed = get_pieces(&trees.catalogue, &self.generation.to_be_bytes(), 0, self.pieces)
            .map_err(|error| error.to_string())?
            .ok_or("a piece of the catalogue is missing")?;
        let mut text = Vec::new();
        block::decode(&packed, &mut text)?;
        let effects: Vec<Effect> = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        Catalogue::from_effects(&effects)
    }

    /// Removes the catalogue. To be called when the manifest names another.
    ///
    /// # Errors
    ///
    /// Any failure of sled.
    pub(crate) fn remove(self, trees: &Trees) -> Result<(), TreeError> {
        remove_pieces(&trees.catalogue, &self.generation.to_be_bytes(), 0, self.pieces)
    }

    /// Removes every generation but this one; all of them when there is none.
    ///
    /// # Errors
    ///
    /// Any failure of sled.
    pub(crate) fn sweep_others(kept: Option<Self>, trees: &Trees) -> Result<u64, TreeError> {
        let keys = guarded(|| trees.catalogue.iter().keys().collect::<sled::Result<Vec<_>>>())?;
        let mut swept = 0;
        for key in &keys {
            if kept.is_none_or(|kept| !key.starts_with(&kept.generation.to_be_bytes())) {
                guarded(|| trees.catalogue.remove(key))?;
                swept += 1;
            }
        }
        Ok(swept)
    }
}

fn pack(effects: &[Effect]) -> io::Result<Vec<u8>> {
    let mut packed = Vec::new();
    block::encode(&serde_json::to_vec(effects)?, &mut packed)?;
    Ok(packed)
}
