//! The engines that are compared, and their names.

use clap::ValueEnum;

/// Who is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Engine {
    /// The daemon, over HTTP with JSON.
    Sluice,
    /// PostgreSQL.
    Postgresql,
    /// Redis.
    Redis,
    /// fjall as a bare store.
    Fjall,
    /// RocksDB as a bare store.
    Rocksdb,
    /// sled with a tree of records and two of indexes.
    ThreeTrees,
}

impl Engine {
    /// Name for people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sluice => "Sluice",
            Self::Postgresql => "PostgreSQL",
            Self::Redis => "Redis",
            Self::Fjall => "fjall, bare",
            Self::Rocksdb => "RocksDB, bare",
            Self::ThreeTrees => "sled, three trees",
        }
    }

    /// Name on a command line and of a directory.
    pub(super) fn word(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}
