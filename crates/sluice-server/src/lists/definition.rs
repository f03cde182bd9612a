//! What a list is to hold, as its maker says it.
//!
//! In: an object of JSON. Out: a definition in which every member has a value that it can have, or what is wrong with it. Whether there are
//! such suppliers and tags is for the catalogue.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sluice_model::{KIND_WORDS, hex, limits, supplier::FALSE_POSITIVE};

use super::format::ListFormat;

#[cfg(test)]
mod tests;

/// Names, suppliers or tags in one member.
const NAMES_MAX: usize = 100;

/// Seconds between two builds at most.
const REFRESH_SECONDS_MAX: u32 = 86_400;

/// Lines that a list may be cut to: more than any fits.
const ENTRIES_MAX: u64 = 10_000_000;

/// Bytes of the origin of a zone: names below it need room.
const ORIGIN_BYTES_MAX: usize = 128;

/// All suppliers but those that allow.
const ALL_SUPPLIERS: &str = "*";

/// What a list is to hold.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ListDefinition {
    /// Indicators of these kinds.
    pub(crate) kinds: Vec<String>,
    /// What these suppliers hold; `*` for all but `FalsePositive`.
    pub(crate) suppliers: Vec<String>,
    /// With one of these tags; without any, tags do not matter.
    pub(crate) tags: Vec<String>,
    /// Of suppliers that are trusted at least so much.
    pub(crate) min_confidence: u8,
    /// Lines of a format at most, beside those that are always there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_entries: Option<u64>,
    /// What stays if there are more.
    pub(crate) order: CutOrder,
    /// Whether networks are merged where nothing is lost.
    pub(crate) aggregate: bool,
    /// What these suppliers hold is never on it; `FalsePositive` always.
    pub(crate) allow: Vec<String>,
    /// Seconds between two builds at least.
    pub(crate) refresh_seconds: u32,
    /// Whether anybody may fetch it.
    pub(crate) public: bool,
    /// What single formats are told; each that is named is built before it is asked for.
    pub(crate) formats: FormatSettings,
}

/// What stays of a list that is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CutOrder {
    /// The most trusted, and of these the newest.
    #[default]
    Confidence,
}

/// What single formats are told.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FormatSettings {
    /// Of the zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rpz: Option<ZoneSettings>,
}

/// What a response policy zone is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ZoneSettings {
    /// Its name, with a dot at the end.
    pub(crate) origin: String,
    /// What a resolver answers.
    pub(crate) action: ZoneAction,
}

/// What a resolver answers for what is on a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ZoneAction {
    /// That there is no such name.
    #[default]
    Nxdomain,
    /// That the name has nothing.
    Nodata,
    /// Nothing.
    Drop,
}

impl Default for ListDefinition {
    fn default() -> Self {
        Self {
            kinds: KIND_WORDS.map(str::to_owned).to_vec(),
            suppliers: vec![ALL_SUPPLIERS.to_owned()],
            tags: vec![],
            min_confidence: 0,
            max_entries: None,
            order: CutOrder::default(),
            aggregate: true,
            allow: vec![FALSE_POSITIVE.to_owned()],
            refresh_seconds: 60,
            public: false,
            formats: FormatSettings::default(),
        }
    }
}

impl Default for ZoneSettings {
    fn default() -> Self {
        Self { origin: "rpz.sluice.".to_owned(), action: ZoneAction::default() }
    }
}

impl ListDefinition {
    /// Reads a definition.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        // Members could be read from an array as well.
        if !text.trim_ascii_start().starts_with(b"{") {
            return Err("the definition is no object of JSON".to_owned());
        }
        let mut definition: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        definition.check()?;
        if !definition.allow.contains(&FALSE_POSITIVE.to_owned()) {
            definition.allow.insert(0, FALSE_POSITIVE.to_owned());
        }
        Ok(definition)
    }

    fn check(&self) -> Result<(), String> {
        for (member, names) in [("suppliers", &self.suppliers), ("tags", &self.tags), ("allow", &self.allow)]
        {
            if NAMES_MAX < names.len() {
                return Err(format!("{member} has at most {NAMES_MAX} names"));
            }
        }
        if self.kinds.is_empty() || self.suppliers.is_empty() {
            return Err("kinds and suppliers name one or more".to_owned());
        }
        for kind in &self.kinds {
            if !KIND_WORDS.contains(&kind.as_str()) {
                return Err(format!("kinds are of {}; not {kind:?}", KIND_WORDS.join(", ")));
            }
        }
        if limits::CONFIDENCE_MAX < self.min_confidence {
            return Err("min_confidence is a number from 0 to 100".to_owned());
        }
        if self.max_entries.is_some_and(|entries| !(1..=ENTRIES_MAX).contains(&entries)) {
            return Err(format!("max_entries is a number from 1 to {ENTRIES_MAX}"));
        }
        if self.refresh_seconds == 0 || REFRESH_SECONDS_MAX < self.refresh_seconds {
            return Err(format!("refresh_seconds is a number from 1 to {REFRESH_SECONDS_MAX}"));
        }
        match &self.formats.rpz {
            Some(zone) => zone.check(),
            None => Ok(()),
        }
    }

    /// Whether all suppliers are named at once.
    pub(crate) fn names_all_suppliers(&self) -> bool {
        self.suppliers.contains(&ALL_SUPPLIERS.to_owned())
    }

    /// The kinds, as the store knows them.
    pub(crate) fn kind_words(&self) -> Vec<&'static str> {
        KIND_WORDS.into_iter().filter(|word| self.kinds.contains(&(*word).to_owned())).collect()
    }

    /// What names it, as far as it says what is on the list.
    pub(super) fn digest(&self) -> String {
        let others = Self::default();
        let alike = Self { public: others.public, refresh_seconds: others.refresh_seconds, ..self.clone() };
        // It has no map with other keys than texts, so it is written.
        let text = serde_json::to_vec(&alike).unwrap_or_else(|error| error.to_string().into_bytes());
        hex::encode(&Sha256::digest(&text))
    }

    /// Why there is no such format of the list, if there is none.
    pub(crate) fn refusal(&self, format: ListFormat) -> Option<&'static str> {
        format.refusal(&self.kind_words())
    }

    /// Formats that are built before they are asked for.
    pub(crate) fn formats_named(&self) -> impl Iterator<Item = ListFormat> {
        self.formats.rpz.iter().map(|_zone| ListFormat::Rpz)
    }
}

impl ZoneSettings {
    fn check(&self) -> Result<(), String> {
        let (Some(labels), true) = (self.origin.strip_suffix('.'), self.origin.len() <= ORIGIN_BYTES_MAX)
        else {
            return Err(format!("origin ends with a dot and has at most {ORIGIN_BYTES_MAX} bytes"));
        };
        if labels.split('.').all(is_label) { Ok(()) } else { Err("origin is no name of a zone".to_owned()) }
    }
}

/// Returns true for a label of a name that every consumer takes.
pub(super) fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
}
