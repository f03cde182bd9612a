//! The two sizes of the workload, and all in which they differ.

use sluice_store::Tuning;

use super::bulk;
use crate::{
    dice::Dice,
    script::{Model, Operation, Script},
};

/// Keys of each client in the small form.
const SMALL_KEYS: u32 = 600;

/// How much the clients store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Some hundred kibibytes, by every kind of operation, in four styles.
    Small,
    /// Tens of mebibytes, so that the trees free their segments and write over them.
    Large,
}

impl Form {
    /// The word for it on a command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Large => "large",
        }
    }

    /// Reads [`Self::word`].
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Small, Self::Large].into_iter().find(|form| form.word() == word)
    }

    /// Keys of each client.
    pub fn keys(self) -> u32 {
        match self {
            Self::Small => SMALL_KEYS,
            Self::Large => bulk::KEYS,
        }
    }

    /// Operation `number` of a client whose model is `model`.
    pub fn operation(self, seed: u64, client: u32, number: u32, model: &Model) -> Operation {
        match self {
            Self::Small => Script { seed, keys: SMALL_KEYS }.operation(client, number, model),
            Self::Large => bulk::operation(seed, client, number, model),
        }
    }

    /// Of so many keys one is read by itself.
    pub(super) fn reads_stride(self) -> usize {
        match self {
            Self::Small => 1,
            Self::Large => 13,
        }
    }

    /// Sizes so small that the store flushes, splits and merges all the time.
    pub(super) fn tuning(self) -> Tuning {
        match self {
            Self::Small => Tuning {
                flush_bytes: 150_000,
                part_bytes: 60_000,
                context_table_bytes_min: 3_000,
                replaced_bytes_written_max: 5_000,
                ..Tuning::default()
            },
            Self::Large => Tuning {
                flush_bytes: 4 << 20,
                part_bytes: 1 << 20,
                context_table_bytes_min: 60_000,
                replaced_bytes_written_max: 300_000,
                ..Tuning::default()
            },
        }
    }

    /// Operations of one client in one round.
    pub(super) fn draw_operations(self, dice: &mut Dice) -> u64 {
        match self {
            Self::Small => 5 + dice.below(40),
            Self::Large => 8 + dice.below(8),
        }
    }
}
