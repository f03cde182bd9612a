//! Which rows are wanted: the filters that exports and changes have in common.
//!
//! In: parameters of a head, then a catalogue. Out: a [`Selection`], or why it is refused. Each parameter may be repeated: one of its
//! values is enough, but all parameters must hold. Suppliers and tags are kept by name, because changes ask for them again and again while
//! names come and go.

use std::time::UNIX_EPOCH;

use sluice_model::{KIND_WORDS, TagId, TenantId, limits};
use sluice_store::{
    Selection,
    catalogue::{Catalogue, Supplier},
};

use super::parameters::{invalid, parse, unknown};
use crate::{clock, http::problem::Cause};

/// Values of one parameter.
const VALUES_MAX: usize = 100;

/// What no tag has as its number.
const NO_TAG: TagId = TagId(0);

/// What parameters say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filters {
    /// Names of suppliers; all but the allow list if there are none.
    pub(crate) suppliers: Vec<String>,
    /// Names of tags, of which rows have one if there are any.
    pub(crate) tags: Vec<String>,
    kinds: Vec<&'static str>,
    min_confidence: Option<u8>,
    updated_after: Option<u64>,
}

impl Filters {
    /// Takes a parameter.
    ///
    /// # Errors
    ///
    /// [`Cause::Unprocessable`].
    pub(crate) fn take(&mut self, name: &str, value: &str) -> Result<(), Cause> {
        let is_full = VALUES_MAX <= self.suppliers.len().max(self.tags.len()).max(self.kinds.len());
        match name {
            "supplier" | "tag" | "kind" if is_full => return Err(invalid(name, "is given too often")),
            "supplier" => self.suppliers.push(value.to_owned()),
            "tag" => self.tags.push(value.to_ascii_uppercase()),
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
            _ => return Err(unknown(name)),
        }
        Ok(())
    }

    /// Refuses a name that nobody has, and that is none of some former ones.
    ///
    /// # Errors
    ///
    /// [`Cause::Unprocessable`].
    pub(crate) fn check_names(
        &self,
        catalogue: &Catalogue,
        tenant: TenantId,
        former_suppliers: &[&str],
        former_tags: &[&str],
    ) -> Result<(), Cause> {
        for name in &self.suppliers {
            if catalogue.supplier(tenant, name).is_none() && !former_suppliers.contains(&name.as_str()) {
                return Err(invalid("supplier", "is the name of a supplier"));
            }
        }
        for name in &self.tags {
            if catalogue.tag(name).is_none() && !former_tags.contains(&name.as_str()) {
                return Err(invalid("tag", "is the name of a tag"));
            }
        }
        Ok(())
    }

    /// Whether what a supplier of this name holds is wanted, as far as the name says it.
    pub(crate) fn names(&self, supplier: &str) -> bool {
        self.suppliers.iter().any(|name| name == supplier)
    }

    /// Whether what a supplier holds is wanted, whatever its settings are.
    pub(crate) fn wants(&self, supplier: &Supplier) -> bool {
        // What is allowed is no threat: whoever wants it names it.
        if self.suppliers.is_empty() {
            !supplier.is_false_positive()
        } else {
            self.names(supplier.name.as_str())
        }
    }

    /// The rows that are wanted at this moment, any number of them. A name that nobody has selects nothing.
    pub(crate) fn selection(&self, catalogue: &Catalogue, tenant: TenantId) -> Selection {
        let mut suppliers = Vec::new();
        for supplier in catalogue.suppliers(tenant) {
            let is_sure = self.min_confidence <= Some(supplier.settings.confidence.get());
            if supplier.settings.enabled && self.wants(supplier) && is_sure {
                suppliers.push((supplier.id, supplier.settings.retention.seconds()));
            }
        }
        suppliers.sort_unstable();
        Selection {
            suppliers,
            tags: self.tags.iter().map(|name| catalogue.tag(name).map_or(NO_TAG, |tag| tag.id)).collect(),
            kinds: self.kinds.clone(),
            updated_after: self.updated_after,
            without_contexts: false,
            rows_max: u64::MAX,
            now_seconds: clock::now_seconds(),
        }
    }
}

/// Reads a number from 1 on.
///
/// # Errors
///
/// [`Cause::Unprocessable`].
pub(crate) fn count_from_one(name: &str, value: &str) -> Result<u64, Cause> {
    let expected = "is a number from 1 on";
    match parse(name, value, expected)? {
        0 => Err(invalid(name, expected)),
        count => Ok(count),
    }
}

/// The second of a time of day.
fn seconds_of(text: &str) -> Option<u64> {
    let time = humantime::parse_rfc3339(text).ok()?;
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
}
