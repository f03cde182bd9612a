//! Element to row or rejection.
//!
//! In: one parsed element, the rules of its request, the catalogue as it was when the request began. Out: the
//! indicator's key and the encoded row, or the reason of the first property that does not hold, in the order
//! indicator, context, tags, marks. Of a repeated property the last one counts; unknown ones are ignored.
//!
//! Equal input gives equal output; no I/O, no threads. What the row does to the store is the store's business.

use std::borrow::Cow;

use sluice_model::{
    Rejection, SupplierId, normalize,
    rejection::Property,
    row::{self, HoldingChange, TagsChange},
};
use sluice_store::catalogue::Catalogue;

use crate::{
    body::{
        elements::{Element, Value},
        scan::KnownProperty,
    },
    upload::tags::TagsReader,
};

/// What a `PUT indicators` allows and does.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of the request, and none implies another")]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PutRules {
    /// Whose indicators they are.
    pub supplier: SupplierId,
    /// Whether that is the list of false positives, which takes no contexts.
    pub is_false_positive: bool,
    /// Whether `tags` counts: from API 1.1 on. Otherwise it is ignored, whatever it is.
    pub takes_tags: bool,
    /// Whether `mark_detections` counts: from API 1.2 on.
    pub takes_marks: bool,
    /// Whether defanged forms are refanged before they are judged.
    pub refang: bool,
    /// The indicators' last update, in seconds since 1970-01-01 UTC.
    pub now_seconds: u32,
}

/// What a `DELETE indicators` allows and does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeleteRules {
    /// Whose indicators they are.
    pub supplier: SupplierId,
    /// Whether `unmark_detections` counts: from API 1.2 on. Otherwise it is ignored, whatever it is.
    pub takes_marks: bool,
    /// Whether defanged forms are refanged before they are judged.
    pub refang: bool,
}

/// How the elements of a request are judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum RowRules {
    Put(PutRules),
    Delete(DeleteRules),
}

/// Where a verdict's parts are put; used again for the next element.
#[derive(Debug, Default)]
pub(crate) struct RowBuffers {
    /// The key of the indicator.
    pub(crate) key: Vec<u8>,
    /// The encoded row.
    pub(crate) row: Vec<u8>,
    /// JSON text of the `indicator` of a refused element; empty when it has none.
    pub(crate) indicator: Vec<u8>,
    context: Vec<u8>,
    tags: TagsReader,
}

impl RowBuffers {
    /// Bytes of memory that they hold.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.key.capacity()
            + self.row.capacity()
            + self.indicator.capacity()
            + self.context.capacity()
            + self.tags.heap_bytes()
    }
}

/// Judges one element and leaves key and row, or on refusal the indicator as sent, in `buffers`.
///
/// # Errors
///
/// The reason of the first property that does not hold.
pub(crate) fn judge(
    element: &Element<'_>,
    rules: &RowRules,
    catalogue: &Catalogue,
    buffers: &mut RowBuffers,
) -> Result<(), Rejection> {
    buffers.key.clear();
    buffers.row.clear();
    let verdict = match rules {
        RowRules::Put(rules) => put(element, rules, catalogue, buffers),
        RowRules::Delete(rules) => delete(element, rules, buffers),
    };
    if verdict.is_err() {
        buffers.indicator.clear();
        if let Some(indicator) = element.get(KnownProperty::Indicator) {
            indicator.append_compact(&mut buffers.indicator);
        }
    }
    verdict
}

fn put(
    element: &Element<'_>,
    rules: &PutRules,
    catalogue: &Catalogue,
    buffers: &mut RowBuffers,
) -> Result<(), Rejection> {
    normalize::normalize_into(&indicator_text(element, rules.refang)?, &mut buffers.key)?;
    let context = match given(element, KnownProperty::Context) {
        None => None,
        Some(_) if rules.is_false_positive => return Err(Rejection::ContextNotAllowed),
        Some(context) => {
            let kept = context.kept_object(&mut buffers.context);
            Some(kept.ok_or(Rejection::InvalidType(Property::Context))?)
        }
    };
    let tags = match given(element, KnownProperty::Tags) {
        Some(tags) if rules.takes_tags => TagsChange::Replace(buffers.tags.read(&tags, catalogue)?),
        _ => TagsChange::Keep,
    };
    if rules.takes_marks {
        check_boolean(element, KnownProperty::MarkDetections, Property::MarkDetections)?;
    }
    let holding = HoldingChange::Hold { updated: rules.now_seconds, context };
    row::encode(rules.supplier, holding, tags, &mut buffers.row);
    Ok(())
}

fn delete(element: &Element<'_>, rules: &DeleteRules, buffers: &mut RowBuffers) -> Result<(), Rejection> {
    normalize::recognize_into(&indicator_text(element, rules.refang)?, &mut buffers.key)?;
    if rules.takes_marks {
        check_boolean(element, KnownProperty::UnmarkDetections, Property::UnmarkDetections)?;
    }
    row::encode(rules.supplier, HoldingChange::Release, TagsChange::Keep, &mut buffers.row);
    Ok(())
}

fn indicator_text<'e>(element: &Element<'e>, refang: bool) -> Result<Cow<'e, str>, Rejection> {
    let indicator = element.get(KnownProperty::Indicator).ok_or(Rejection::IndicatorMissing)?;
    let text = indicator.as_str().ok_or(Rejection::InvalidType(Property::Indicator))?;
    Ok(if refang { normalize::refang(text) } else { Cow::Borrowed(text) })
}

/// A property that is there and not `null`.
fn given<'e>(element: &Element<'e>, known: KnownProperty) -> Option<Value<'e>> {
    let value = element.get(known)?;
    if value.is_null() { None } else { Some(value) }
}

fn check_boolean(element: &Element<'_>, known: KnownProperty, name: Property) -> Result<(), Rejection> {
    match element.get(known) {
        Some(value) if !value.is_boolean() => Err(Rejection::InvalidType(name)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
