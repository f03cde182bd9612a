//! What the head of an export says.
//!
//! In: a head, and what its path names. Out: which rows are wanted and in which form, or why it is refused. Each parameter may be repeated: one
//! of its values is enough, but all parameters must hold.

use std::time::UNIX_EPOCH;

use actix_web::{
    dev::RequestHead,
    http::header::{self, HeaderMap, HeaderValue},
};
use sluice_model::{KIND_WORDS, SupplierId, TagId, TenantId, limits, normalize::recognize_into};
use sluice_store::{
    Selection,
    catalogue::{Catalogue, Supplier, Tag},
};

use super::super::parameters::{invalid, parse, unknown};
use crate::{
    clock,
    http::{head, problem::Cause},
};

#[cfg(test)]
mod tests;

/// Every parameter of an export; what is not here is none, and the document of the API describes each.
pub(crate) const EXPORT_PARAMETERS: [&str; 8] =
    ["supplier", "tag", "kind", "min_confidence", "updated_after", "limit", "after", "format"];

/// Values of one parameter.
const VALUES_MAX: usize = 100;

/// What the path of an export names.
#[derive(Clone, Debug)]
pub(crate) enum ExportSubject {
    /// Nothing: all rows of the tenant.
    All,
    /// The rows of a supplier, in the form in which it sends them.
    Supplier(Supplier),
    /// The rows with a tag.
    Tag(Tag),
}

/// In which form rows are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ExportFormat {
    /// An object a line.
    Ndjson,
    /// A record for each holding.
    Csv,
}

/// How the answer is packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Coding {
    /// Not at all.
    Identity,
    /// With gzip.
    Gzip,
    /// With Zstandard.
    Zstd,
}

/// What is wanted.
pub(crate) struct ExportAsked {
    /// Whose rows.
    pub(crate) subject: ExportSubject,
    /// Which of them.
    pub(crate) selection: Selection,
    /// Those behind this key.
    pub(crate) after: Vec<u8>,
    /// In which form.
    pub(crate) format: ExportFormat,
    /// How they are packed.
    pub(crate) coding: Coding,
}

/// Reads what is wanted.
///
/// # Errors
///
/// [`Cause::Unprocessable`], and [`Cause::NotAcceptable`] for a client that takes no form that there is.
pub(crate) fn read(
    head: &RequestHead,
    subject: ExportSubject,
    catalogue: &Catalogue,
    tenant: TenantId,
) -> Result<Box<ExportAsked>, Cause> {
    let mut given = Given::default();
    for (name, value) in head::parameters(head) {
        given.take(&name, &value, catalogue, tenant)?;
    }
    let named = match &subject {
        ExportSubject::Supplier(_) if !given.suppliers.is_empty() => return Err(unknown("supplier")),
        ExportSubject::Tag(_) if !given.tags.is_empty() => return Err(unknown("tag")),
        ExportSubject::Supplier(supplier) => vec![supplier.id],
        ExportSubject::All | ExportSubject::Tag(_) => given.suppliers,
    };
    let tags = match &subject {
        ExportSubject::Tag(tag) => vec![tag.id],
        ExportSubject::All | ExportSubject::Supplier(_) => given.tags,
    };
    let mut suppliers = Vec::new();
    for supplier in catalogue.suppliers(tenant) {
        // What is allowed is no threat: whoever wants it names it.
        let is_wanted =
            if named.is_empty() { !supplier.is_false_positive() } else { named.contains(&supplier.id) };
        let is_sure = given.min_confidence <= Some(supplier.settings.confidence.get());
        if supplier.settings.enabled && is_wanted && is_sure {
            suppliers.push((supplier.id, supplier.settings.retention.seconds()));
        }
    }
    suppliers.sort_unstable();
    let selection = Selection {
        suppliers,
        tags,
        kinds: given.kinds,
        updated_after: given.updated_after,
        rows_max: given.limit.unwrap_or(u64::MAX),
        now_seconds: clock::now_seconds(),
    };
    let format = match given.format {
        Some(format) => format,
        None => accepted_format(&head.headers)?,
    };
    let coding = wanted_coding(&head.headers);
    Ok(Box::new(ExportAsked { subject, selection, after: given.after, format, coding }))
}

/// Refuses a client that takes no form that there is; what a parameter says of it counts more.
///
/// # Errors
///
/// [`Cause::NotAcceptable`].
pub(crate) fn check_accept(head: &RequestHead) -> Result<(), Cause> {
    let mut parameters = head::parameters(head);
    if parameters.any(|(name, _)| name == "format") {
        Ok(())
    } else {
        accepted_format(&head.headers).map(drop)
    }
}

/// What parameters say.
#[derive(Default)]
struct Given {
    suppliers: Vec<SupplierId>,
    tags: Vec<TagId>,
    kinds: Vec<&'static str>,
    min_confidence: Option<u8>,
    updated_after: Option<u64>,
    limit: Option<u64>,
    after: Vec<u8>,
    format: Option<ExportFormat>,
}

impl Given {
    fn take(
        &mut self,
        name: &str,
        value: &str,
        catalogue: &Catalogue,
        tenant: TenantId,
    ) -> Result<(), Cause> {
        let is_full = VALUES_MAX <= self.suppliers.len().max(self.tags.len()).max(self.kinds.len());
        match name {
            name if !EXPORT_PARAMETERS.contains(&name) => return Err(unknown(name)),
            "supplier" | "tag" | "kind" if is_full => return Err(invalid(name, "is given too often")),
            "supplier" => {
                let Some(known) = catalogue.supplier(tenant, value) else {
                    return Err(invalid(name, "is the name of a supplier"));
                };
                self.suppliers.push(known.id);
            }
            "tag" => {
                let Some(known) = catalogue.tag(&value.to_ascii_uppercase()) else {
                    return Err(invalid(name, "is the name of a tag"));
                };
                self.tags.push(known.id);
            }
            "kind" => {
                let Some(word) = KIND_WORDS.into_iter().find(|word| *word == value) else {
                    let expected = "is one of ipv4, ipv6, cidr, domain, url, md5, sha1 and sha256";
                    return Err(invalid(name, expected));
                };
                self.kinds.push(word);
            }
            "min_confidence" => {
                let expected = "is a number from 0 to 100";
                let confidence: u8 = parse(name, value, expected)?;
                if limits::CONFIDENCE_MAX < confidence {
                    return Err(invalid(name, expected));
                }
                self.min_confidence = Some(confidence.min(self.min_confidence.unwrap_or(confidence)));
            }
            "updated_after" => {
                let Some(seconds) = seconds_of(value) else {
                    return Err(invalid(name, "is a time such as 2026-11-01T08:00:00Z"));
                };
                self.updated_after = Some(seconds.min(self.updated_after.unwrap_or(seconds)));
            }
            "limit" => {
                let expected = "is a number from 1 on";
                let limit = parse(name, value, expected)?;
                if limit == 0 {
                    return Err(invalid(name, expected));
                }
                self.limit = Some(limit);
            }
            "after" => {
                self.after.clear();
                if recognize_into(value, &mut self.after).is_err() {
                    return Err(invalid(name, "is an indicator of the rows before"));
                }
            }
            "format" => {
                self.format = Some(match value {
                    "ndjson" => ExportFormat::Ndjson,
                    "csv" => ExportFormat::Csv,
                    _ => return Err(invalid(name, "is ndjson or csv")),
                });
            }
            _ => return Err(unknown(name)),
        }
        Ok(())
    }
}

/// The second of a time of day.
fn seconds_of(text: &str) -> Option<u64> {
    let time = humantime::parse_rfc3339(text).ok()?;
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

/// The form that a client takes, NDJSON if it takes both.
fn accepted_format(headers: &HeaderMap) -> Result<ExportFormat, Cause> {
    if head::is_accepted(headers, "application/x-ndjson") || head::is_accepted(headers, "application/json") {
        return Ok(ExportFormat::Ndjson);
    }
    if head::is_accepted(headers, "text/csv") {
        return Ok(ExportFormat::Csv);
    }
    Err(Cause::NotAcceptable("Answers are application/x-ndjson or text/csv"))
}

/// How the answer is packed: as its client wants it most, and not at all for who does not say.
fn wanted_coding(headers: &HeaderMap) -> Coding {
    let mut best = (0.0, Coding::Identity);
    let lists = headers.get_all(header::ACCEPT_ENCODING).map(HeaderValue::to_str);
    for item in lists.flatten().flat_map(|list| list.split(',')) {
        let (name, rest) = item.split_once(';').unwrap_or((item, ""));
        let coding = match name.trim().to_ascii_lowercase().as_str() {
            "zstd" => Coding::Zstd,
            "gzip" | "x-gzip" => Coding::Gzip,
            _ => continue,
        };
        let quality = match rest.trim().strip_prefix("q=") {
            Some(text) => text.trim().parse().unwrap_or(0.0),
            None => 1.0,
        };
        // Of two that are wanted alike, Zstandard costs us and the client less.
        if best.0 < quality || (best.0 <= quality && 0.0 < quality && coding == Coding::Zstd) {
            best = (quality, coding);
        }
    }
    best.1
}
