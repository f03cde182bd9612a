//! The forms in which `/v1` takes rows.

/// A form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ImportForm {
    /// An array of objects.
    Array,
    /// An object a line.
    Ndjson,
    /// A table.
    Csv,
    /// A value a line.
    Lines,
    /// A bundle of STIX.
    Stix,
    /// Events of MISP.
    Misp,
}

impl ImportForm {
    /// What the parameter `format` calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Array => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Lines => "lines",
            Self::Stix => "stix",
            Self::Misp => "misp",
        }
    }
}
