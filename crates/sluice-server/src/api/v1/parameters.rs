//! What the head of an import says of its body and of what is to become of it.
//!
//! In: a head. Out: [`Parameters`], or why it is refused: a media type or encoding that is not taken, a parameter
//! that is unknown, or is none of its values. Nothing is passed over in silence.

use std::{collections::BTreeMap, str::FromStr};

use actix_web::{
    dev::RequestHead,
    http::{
        Method,
        header::{self, HeaderMap, HeaderValue},
    },
};
use sluice_ingest::{Announced, ColumnChoice, Format, ImportMode, MispRules};
use sluice_model::excerpt::excerpt;
use sluice_store::FeedMode;

use crate::{
    batches::id::BatchId,
    http::{
        coding::content_encoding,
        head,
        problem::{Cause, Unprocessable},
    },
};

#[cfg(test)]
mod tests;

/// Media types of NDJSON, which may also hold an array.
const JSON_TYPES: [&str; 5] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "application/json",
];

/// What becomes of tags that there are not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MissingTagsChoice {
    /// Their rows are refused.
    Refuse,
    /// Their rows are taken without them.
    Drop,
    /// They are made.
    Create,
}

/// Media types of STIX bundles, and of what TAXII wraps the same objects in.
const STIX_TYPES: [&str; 4] = [
    "application/stix+json",
    "application/taxii+json",
    "application/vnd.oasis.stix+json",
    "application/vnd.oasis.taxii+json",
];

/// Every parameter of an import; what is not here is none, and the document of the API describes each.
pub(crate) const IMPORT_PARAMETERS: [&str; 11] = [
    "format",
    "column",
    "refang",
    "missing_tags",
    "only_to_ids",
    "domain_ips",
    "skip_allowed",
    "from_line",
    "mode",
    "plan",
    "max_shrink",
];

/// What an import asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Parameters {
    /// What is said of the format.
    pub(crate) announced: Announced,
    /// Which columns of a table are named.
    pub(crate) columns: ColumnChoice,
    /// Whether defanged forms are refanged; if that is not said, the supplier knows.
    pub(crate) refang: Option<bool>,
    /// What becomes of tags that there are not.
    pub(crate) missing_tags: MissingTagsChoice,
    /// Which attributes of MISP are indicators.
    pub(crate) misp: MispRules,
    /// Whether rows that the allow list covers are left out.
    pub(crate) skip_allowed: bool,
    /// Line from which on rows are taken, from 1.
    pub(crate) from_line: u64,
    /// The id that the client has chosen for the batch.
    pub(crate) key: Option<BatchId>,
    /// All parameters as they were given, by name.
    pub(crate) given: BTreeMap<String, String>,
    /// What becomes of all rows together.
    pub(crate) mode: ImportMode,
}

/// What a replacement may remove if nothing is said, in per cent.
const SHRINK_PERCENT_MAX: u8 = 50;

/// What is said of what becomes of all rows together.
#[derive(Default)]
struct Whole {
    is_replacement: bool,
    is_plan: bool,
    shrink_percent_max: Option<u8>,
}

/// Refuses a body in a media type or an encoding that is not taken.
///
/// # Errors
///
/// [`Cause::UnsupportedMedia`].
pub(crate) fn check_media(head: &RequestHead) -> Result<(), Cause> {
    if content_encoding(&head.headers).is_err() {
        return Err(Cause::UnsupportedMedia("Bodies are encoded as gzip or zstd, or not at all"));
    }
    announced_by_media_type(&head.headers).map(drop)
}

/// Reads the head of an import.
///
/// # Errors
///
/// [`Cause::UnsupportedMedia`] and [`Cause::Unprocessable`].
pub(crate) fn read(head: &RequestHead) -> Result<Parameters, Cause> {
    let media = announced_by_media_type(&head.headers)?;
    let mut parameters = Parameters {
        announced: media,
        columns: ColumnChoice::default(),
        refang: None,
        missing_tags: MissingTagsChoice::Refuse,
        misp: MispRules { only_to_ids: true, takes_domain_ips: false },
        skip_allowed: true,
        from_line: 1,
        key: key(&head.headers)?,
        given: BTreeMap::new(),
        mode: ImportMode::Steps,
    };
    let mut whole = Whole::default();
    for (name, value) in head::parameters(head) {
        if !IMPORT_PARAMETERS.contains(&&*name) {
            return Err(unknown(&name));
        }
        if parameters.given.contains_key(&*name) {
            return Err(invalid(&name, "is given twice"));
        }
        if !whole.set(&name, &value)? {
            parameters.set(&name, &value)?;
        }
        parameters.given.insert(name.into_owned(), value.into_owned());
    }
    parameters.mode = whole.mode(&head.method, parameters.from_line)?;
    Ok(parameters)
}

/// What the client has chosen as the id of the batch.
fn key(headers: &HeaderMap) -> Result<Option<BatchId>, Cause> {
    let mut values = headers.get_all("idempotency-key");
    let Some(value) = values.next() else { return Ok(None) };
    // As a string of a structured field, or as it is.
    let text = value.to_str().map(|text| text.trim().trim_matches('"'));
    let id = text.ok().and_then(BatchId::parse);
    if id.is_none() || values.next().is_some() {
        let detail = "The header 'Idempotency-Key' is a UUID";
        return Err(Cause::Unprocessable(Unprocessable::InvalidParameter, detail.into()));
    }
    Ok(id)
}

impl Whole {
    /// Takes one of its parameters; false if it is none.
    fn set(&mut self, name: &str, value: &str) -> Result<bool, Cause> {
        match name {
            "mode" => {
                self.is_replacement = match value {
                    "upsert" => false,
                    "replace" => true,
                    _ => return Err(invalid(name, "is 'upsert' or 'replace'")),
                };
            }
            "plan" => self.is_plan = parse(name, value, "is 'true' or 'false'")?,
            "max_shrink" => {
                let percent = parse(name, value, "is a number of per cent, from 0 to 100")?;
                if 100 < percent {
                    return Err(invalid(name, "is a number of per cent, from 0 to 100"));
                }
                self.shrink_percent_max = Some(percent);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What they come to.
    fn mode(&self, method: &Method, from_line: u64) -> Result<ImportMode, Cause> {
        let Self { is_replacement, is_plan, shrink_percent_max } = *self;
        let mode = if is_plan {
            ImportMode::Plan(if is_replacement { FeedMode::Replace } else { FeedMode::Upsert })
        } else if is_replacement {
            let shrink_percent_max = shrink_percent_max.unwrap_or(SHRINK_PERCENT_MAX);
            ImportMode::Replace { shrink_percent_max }
        } else {
            ImportMode::Steps
        };
        let parameter = if is_replacement { "mode" } else { "plan" };
        if shrink_percent_max.is_some() && !is_replacement {
            return Err(invalid("max_shrink", "is for 'mode=replace'"));
        }
        if mode != ImportMode::Steps && *method != Method::POST {
            return Err(invalid(parameter, "is for POST"));
        }
        if mode != ImportMode::Steps && from_line != 1 {
            return Err(invalid("from_line", "is neither for 'mode=replace' nor for 'plan=true'"));
        }
        Ok(mode)
    }
}

impl Parameters {
    fn set(&mut self, name: &str, value: &str) -> Result<(), Cause> {
        match name {
            "format" => self.announced = format(value, self.announced)?,
            "refang" => self.refang = Some(parse(name, value, "is 'true' or 'false'")?),
            "from_line" => {
                self.from_line = parse(name, value, "is a number from 1 on")?;
                if self.from_line == 0 {
                    return Err(invalid(name, "is a number from 1 on"));
                }
            }
            "column" => {
                let expected = "is like 'indicator=2,tags=5', or has names of the header";
                self.columns = ColumnChoice::parse(value).ok_or_else(|| invalid(name, expected))?;
            }
            "skip_allowed" => self.skip_allowed = parse(name, value, "is 'true' or 'false'")?,
            "only_to_ids" => self.misp.only_to_ids = parse(name, value, "is 'true' or 'false'")?,
            "domain_ips" => self.misp.takes_domain_ips = parse(name, value, "is 'true' or 'false'")?,
            "missing_tags" => {
                self.missing_tags = match value {
                    "refuse" => MissingTagsChoice::Refuse,
                    "drop" => MissingTagsChoice::Drop,
                    "create" => MissingTagsChoice::Create,
                    _ => return Err(invalid(name, "is 'refuse', 'drop' or 'create'")),
                };
            }
            _ => return Err(unknown(name)),
        }
        Ok(())
    }
}

fn format(value: &str, by_media_type: Announced) -> Result<Announced, Cause> {
    Ok(match value {
        "auto" => by_media_type,
        "ndjson" => Announced::Exactly(Format::Ndjson),
        "json" => Announced::Exactly(Format::Json),
        "csv" => Announced::Exactly(Format::Csv),
        "lines" => Announced::Exactly(Format::Lines),
        "stix" => Announced::Exactly(Format::Stix),
        "misp" => Announced::Exactly(Format::Misp),
        _ => return Err(invalid("format", "is one of auto, ndjson, json, csv, lines, stix and misp")),
    })
}

pub(super) fn parse<T: FromStr>(name: &str, value: &str, expected: &str) -> Result<T, Cause> {
    value.parse().map_err(|_error| invalid(name, expected))
}

pub(super) fn invalid(name: &str, expected: &str) -> Cause {
    let detail = format!("The parameter '{}' {expected}", excerpt(name));
    Cause::Unprocessable(Unprocessable::InvalidParameter, detail.into())
}

pub(crate) fn unknown(name: &str) -> Cause {
    let detail = format!("There is no parameter '{}' here", excerpt(name));
    Cause::Unprocessable(Unprocessable::UnknownParameter, detail.into())
}

/// What the media type says of the format.
///
/// # Errors
///
/// [`Cause::UnsupportedMedia`].
pub(super) fn announced_by_media_type(headers: &HeaderMap) -> Result<Announced, Cause> {
    let mut announced = Announced::Nothing;
    for value in headers.get_all(header::CONTENT_TYPE) {
        announced = of_media_type(value).ok_or(Cause::UnsupportedMedia(
            "Bodies are application/x-ndjson, application/json, application/stix+json, text/csv or text/plain, in UTF-8; \
             without Content-Type the format is told by the body (with curl: -H 'Content-Type:')",
        ))?;
    }
    Ok(announced)
}

fn of_media_type(value: &HeaderValue) -> Option<Announced> {
    let text = value.to_str().ok()?;
    let (media, parameters) = text.split_once(';').unwrap_or((text, ""));
    if !head::has_charsets_of(&["utf-8", "utf8", "us-ascii"], parameters) {
        return None;
    }
    Some(match media.trim().to_ascii_lowercase().as_str() {
        "" => Announced::Nothing,
        "text/csv" => Announced::Exactly(Format::Csv),
        "text/plain" => Announced::Exactly(Format::Lines),
        media if JSON_TYPES.contains(&media) => Announced::SomeJson,
        media if STIX_TYPES.contains(&media) => Announced::Exactly(Format::Stix),
        _ => return None,
    })
}
