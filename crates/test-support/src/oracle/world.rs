//! What the daemon is expected to hold and to answer: tenants, suppliers, holdings.
//!
//! In: changes, in the order in which they are sent. Out: which elements are refused and why, and what is found.

use std::{cmp::Reverse, collections::BTreeMap};

use serde_json::{Value as Json, json};

use super::{
    matching::{self, Level, Object},
    reading::{self, Spelling},
    refanging,
    value::{Refusal, Value},
};

/// The supplier whose values silence others.
pub(crate) const FALSE_POSITIVE: &str = "FalsePositive";
/// The supplier that is not silenced.
pub(crate) const INTERNAL: &str = "InternalTI";

/// A supplier, as one tenant has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Supplier {
    pub(crate) name: &'static str,
    pub(crate) confidence: u64,
    /// Minutes.
    pub(crate) retention: u64,
    pub(crate) is_enabled: bool,
    pub(crate) refangs: bool,
}

/// What one supplier has for one value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holding {
    pub(crate) context: Option<Json>,
    /// Minutes since the last update.
    pub(crate) age: u64,
    /// The text of the last update.
    pub(crate) sent: String,
}

/// A tenant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tenant {
    pub(crate) suppliers: Vec<Supplier>,
    /// Whether the configuration narrows lookups to exact matches.
    pub(crate) is_exact: bool,
    holdings: BTreeMap<Value, Holders>,
}

/// Who holds a value.
type Holders = BTreeMap<&'static str, Holding>;

/// What is found for one object.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Found {
    /// Category, printed value and context; suppliers in order, what one supplier holds sorted.
    pub(crate) categories: Vec<(String, String, String)>,
    /// Whether a false positive has silenced anything.
    pub(crate) is_silenced: bool,
}

/// What is known of one object, and why.
#[derive(Clone, Debug)]
pub(crate) struct Explained {
    /// What it is; `None` for no known kind.
    pub(crate) value: Option<Value>,
    /// What matches it, or would.
    pub(crate) indicators: Vec<ExplainedIndicator>,
}

/// An indicator that matches an object, or would.
#[derive(Clone, Debug)]
pub(crate) struct ExplainedIndicator {
    /// Its kind and normal form.
    pub(crate) indicator: String,
    /// The word for its level.
    pub(crate) by: &'static str,
    pub(crate) supplier: &'static str,
    /// Empty if it counts; else that it allows, or why it does not count.
    pub(crate) standing: &'static str,
}

impl Tenant {
    /// Adds or updates; the reason when it is refused.
    pub(crate) fn put(
        &mut self,
        supplier: &'static str,
        text: &str,
        context: Option<Json>,
    ) -> Result<(), Refusal> {
        let value = self.read(supplier, text, Spelling::AsSent)?;
        let holding = self.holdings.entry(value).or_default().entry(supplier).or_default();
        holding.age = 0;
        text.clone_into(&mut holding.sent);
        if context.is_some() {
            holding.context = context;
        }
        Ok(())
    }

    /// Adds what was last updated some minutes ago; `false` when it is refused or held by the supplier already.
    pub(crate) fn put_aged(&mut self, supplier: &'static str, text: &str, age: u64) -> bool {
        let Ok(reading) = reading::read(text, Spelling::AsSent) else { return false };
        let holders = self.holdings.entry(reading.value).or_default();
        let is_new = !holders.contains_key(supplier);
        if is_new {
            holders.insert(supplier, Holding { context: None, age, sent: text.to_owned() });
        }
        is_new
    }

    /// Removes; the reason when it is refused.
    pub(crate) fn delete(&mut self, supplier: &'static str, text: &str) -> Result<(), Refusal> {
        let value = self.read(supplier, text, Spelling::OrPrinted)?;
        if let Some(holders) = self.holdings.get_mut(&value) {
            holders.remove(supplier);
            if holders.is_empty() {
                self.holdings.remove(&value);
            }
        }
        Ok(())
    }

    /// What a supplier means by a text.
    fn read(&self, supplier: &str, text: &str, spelling: Spelling) -> Result<Value, Refusal> {
        let refangs = self.suppliers.iter().any(|one| one.name == supplier && one.refangs);
        let text = if refangs { refanging::refanged(text) } else { text.to_owned() };
        reading::read(&text, spelling).map(|reading| reading.value)
    }

    /// Forgets all values.
    pub(crate) fn clear(&mut self) {
        self.holdings.clear();
    }

    /// Texts of a supplier's values.
    pub(crate) fn texts(&self, supplier: &str) -> Vec<String> {
        let held = self.holdings.iter().filter(|(_, holders)| holders.contains_key(supplier));
        held.map(|(value, _)| reading::text_of(value)).collect()
    }

    /// Texts of all values.
    pub(crate) fn all_texts(&self) -> Vec<String> {
        self.holdings.keys().map(reading::text_of).collect()
    }

    /// What an object finds.
    pub(crate) fn look_up(&self, text: &str) -> Found {
        let Some(object) = object(text) else { return Found::default() };
        let matches: Vec<_> = self.matches(&object).collect();
        let is_object_silenced =
            matches.iter().any(|(level, _, holders)| level.silences() && self.holds(FALSE_POSITIVE, holders));
        let mut suppliers: Vec<_> =
            self.suppliers.iter().filter(|one| one.is_enabled && one.name != FALSE_POSITIVE).collect();
        suppliers.sort_by_key(|one| (Reverse(one.confidence), one.name));
        let mut found = Found::default();
        for supplier in suppliers {
            let mut of_supplier = Vec::new();
            for (_, value, holders) in &matches {
                if !self.holds(supplier.name, holders) {
                    continue;
                }
                // A parent domain that is listed is silent itself, and leaves what else is matched.
                let is_silenced = is_object_silenced || self.holds(FALSE_POSITIVE, holders);
                if supplier.name != INTERNAL && is_silenced {
                    found.is_silenced = true;
                    continue;
                }
                let context = holders[supplier.name].context.clone().unwrap_or_else(|| json!({}));
                let category = format!("{}_{}", supplier.name, value.category());
                of_supplier.push((category, value.to_string(), context.to_string()));
            }
            // In which order the levels of one supplier come is open.
            of_supplier.sort();
            found.categories.extend(of_supplier);
        }
        found
    }

    /// What an object finds, and what it would find if that counted.
    pub(crate) fn explained(&self, text: &str) -> Explained {
        let mut explained = Explained { value: None, indicators: Vec::new() };
        let Some(object) = object(text) else { return explained };
        explained.value = Some(object.value().clone());
        let matches: Vec<_> = self.matches(&object).collect();
        let is_object_silenced =
            matches.iter().any(|(level, _, holders)| level.silences() && self.holds(FALSE_POSITIVE, holders));
        for (level, value, holders) in matches {
            let is_listed = self.holds(FALSE_POSITIVE, holders);
            let others = self.suppliers.iter().filter(|one| ![FALSE_POSITIVE, INTERNAL].contains(&one.name));
            let has_others = others.clone().any(|one| one.is_enabled && self.holds(one.name, holders));
            for supplier in self.suppliers.iter().filter(|one| holders.contains_key(one.name)) {
                let standing = if !supplier.is_enabled {
                    "disabled"
                } else if !self.holds(supplier.name, holders) {
                    "expired"
                } else if supplier.name == INTERNAL {
                    ""
                } else if supplier.name == FALSE_POSITIVE {
                    // A parent domain is no matter of the object, unless somebody else lists it.
                    if level.silences() || has_others { "allows" } else { "not-inherited" }
                } else if is_listed || is_object_silenced {
                    "allowed"
                } else {
                    ""
                };
                explained.indicators.push(ExplainedIndicator {
                    indicator: format!("{} {value}", value.kind()),
                    by: level.word(value),
                    supplier: supplier.name,
                    standing,
                });
            }
        }
        explained
    }

    fn matches(&self, object: &Object) -> impl Iterator<Item = (Level, &Value, &Holders)> {
        self.holdings.iter().filter_map(|(value, holders)| {
            let level = matching::level(value, object)?;
            (!self.is_exact || level == Level::Full).then_some((level, value, holders))
        })
    }

    /// Whether a supplier is among the holders, and its retention not over.
    fn holds(&self, supplier: &str, holders: &Holders) -> bool {
        let supplier = self.suppliers.iter().find(|one| one.name == supplier);
        supplier.is_some_and(|one| holders.get(one.name).is_some_and(|holding| holding.age <= one.retention))
    }

    /// What matches an object, by whom it is held and how it was sent: for whoever reads of a difference.
    pub(crate) fn explain(&self, text: &str) -> String {
        let Some(object) = object(text) else { return "of no known kind".to_owned() };
        let matched =
            self.matches(&object).map(|(level, value, holders)| format!("{value} ({level:?}) {holders:?}"));
        matched.collect::<Vec<_>>().join("; ")
    }
}

/// A looked-up text: as it stands, or refanged.
pub(crate) fn object(text: &str) -> Option<Object> {
    let read = |text: &str| reading::read(text, Spelling::OrPrinted).ok();
    read(text).or_else(|| read(&refanging::refanged(text))).map(Object::new)
}
