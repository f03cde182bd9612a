//! Element to row or rejection.
//!
//! In: one parsed element, the rules of its request, the catalogue as it was when the request began. Out: the
//! indicator's key and the encoded row, or the reason of the first property that does not hold, in the order
//! indicator, context, tags, marks. Of a repeated property the last one counts; unknown ones are ignored, and so is a `url`
//! that is not the same indicator in another spelling.
//!
//! Equal input gives equal output; no I/O, no threads. What the row does in the store is up to the store.

use std::borrow::Cow;

use crate::{
    body::{
        elements::{Element, Value},
        scan::KnownProperty,
    },
    upload::tags::{TagNames, TagsReader},
};
use sluice_model::{
    Rejection, SupplierId, normalize,
    rejection::Property,
    row::{self, HoldingChange, TagsChange},
};

/// What an upload allows and does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UploadRules {
    /// Whose indicators they are.
    pub supplier: SupplierId,
    /// Whether defanged forms are refanged before they are judged.
    pub refang: bool,
    /// Whether `mark_detections` or `unmark_detections` counts: from API 1.2 on. Otherwise it is ignored, whatever it
    /// is.
    pub takes_marks: bool,
    /// What becomes of an indicator.
    pub action: UploadAction,
}

/// What becomes of the indicators of an upload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UploadAction {
    /// `PUT indicators`: the supplier holds them.
    Put {
        /// Whether the supplier is the list of false positives, which takes no contexts.
        is_false_positive: bool,
        /// Whether `tags` counts: from API 1.1 on. Otherwise it is ignored, whatever it is.
        takes_tags: bool,
        /// The indicators' last update, as the store stamps what is updated now.
        now_seconds: u32,
    },
    /// `DELETE indicators`: the supplier holds them no longer.
    Delete,
}

/// Where the results for an element are put; used again for the next one.
#[derive(Debug, Default)]
pub(crate) struct RowBuffers {
    /// The key of the indicator.
    pub(crate) key: Vec<u8>,
    /// The encoded row.
    pub(crate) row: Vec<u8>,
    /// JSON text of the `indicator` of a refused element; empty when it has none.
    pub(crate) indicator: Vec<u8>,
    /// Whether the accepted element has tags that were left out.
    pub(crate) is_short_of_tags: bool,
    context: Vec<u8>,
    /// The normal form of an indicator whose spelling is looked into.
    normal: String,
    spelling: Vec<u8>,
    tags: TagsReader,
}

impl RowBuffers {
    /// Bytes of memory that they hold.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.key.capacity()
            + self.row.capacity()
            + self.indicator.capacity()
            + self.context.capacity()
            + self.normal.capacity()
            + self.spelling.capacity()
            + self.tags.heap_bytes()
    }

    /// Takes the spelling of a `url` that has the key at hand in the place of that of `indicator`: what is exported has a
    /// normal form there.
    fn take_spelling(&mut self, url: &Value<'_>) {
        let Some(text) = url.as_str().filter(|_| url.flaw().is_none()) else { return };
        let (mut key, mut spelling) = (Vec::new(), Vec::new());
        let is_one = normalize::normalize_spelled(text, &mut key, &mut self.normal, &mut spelling).is_ok();
        if is_one && key == self.key {
            self.spelling = spelling;
        }
    }

    /// Keeps the `indicator` of an element that is refused.
    pub(crate) fn keep_indicator(&mut self, element: &Element<'_>) {
        self.indicator.clear();
        if let Some(indicator) = element.get(KnownProperty::Indicator) {
            indicator.append_compact(&mut self.indicator);
        }
    }
}

/// Judges one element and leaves key and row, or on refusal the indicator as sent, in `buffers`.
///
/// # Errors
///
/// The reason of the first property that does not hold.
pub(crate) fn judge(
    element: &Element<'_>,
    rules: &UploadRules,
    names: &TagNames,
    buffers: &mut RowBuffers,
) -> Result<(), Rejection> {
    buffers.key.clear();
    buffers.row.clear();
    buffers.is_short_of_tags = false;
    let verdict = encode_row(element, rules, names, buffers);
    if verdict.is_err() {
        buffers.keep_indicator(element);
    }
    verdict
}

fn encode_row(
    element: &Element<'_>,
    rules: &UploadRules,
    names: &TagNames,
    buffers: &mut RowBuffers,
) -> Result<(), Rejection> {
    let indicator = indicator_text(element, rules.refang)?;
    match rules.action {
        UploadAction::Put { is_false_positive, takes_tags, now_seconds } => {
            buffers.spelling.clear();
            let (key, spelling) = (&mut buffers.key, &mut buffers.spelling);
            normalize::normalize_spelled(&indicator, key, &mut buffers.normal, spelling)?;
            if let Some(url) = element.get(KnownProperty::Url) {
                buffers.take_spelling(&url);
            }
            let context = context(element, is_false_positive, &mut buffers.context)?;
            let tags = if takes_tags { given(element, KnownProperty::Tags, Property::Tags)? } else { None };
            let tags = match tags {
                Some(tags) => {
                    let read = buffers.tags.read(&tags, names)?;
                    buffers.is_short_of_tags = read.is_short;
                    TagsChange::Replace(read.ids)
                }
                None => TagsChange::Keep,
            };
            if rules.takes_marks {
                check_boolean(element, KnownProperty::MarkDetections, Property::MarkDetections)?;
            }
            let holding = HoldingChange::Hold { updated: now_seconds, context, spelling: &buffers.spelling };
            row::encode(rules.supplier, holding, tags, &mut buffers.row);
        }
        UploadAction::Delete => {
            normalize::recognize_into(&indicator, &mut buffers.key)?;
            if rules.takes_marks {
                check_boolean(element, KnownProperty::UnmarkDetections, Property::UnmarkDetections)?;
            }
            row::encode(rules.supplier, HoldingChange::Release, TagsChange::Keep, &mut buffers.row);
        }
    }
    Ok(())
}

fn indicator_text<'e>(element: &Element<'e>, refang: bool) -> Result<Cow<'e, str>, Rejection> {
    let indicator = readable(element, KnownProperty::Indicator, Property::Indicator)?;
    let indicator = indicator.ok_or(Rejection::IndicatorMissing)?;
    let text = indicator.as_str().ok_or(Rejection::InvalidType(Property::Indicator))?;
    Ok(if refang { normalize::refang(text) } else { Cow::Borrowed(text) })
}

/// The context as it is kept, perhaps in `buffer`.
fn context<'k>(
    element: &Element<'k>,
    is_false_positive: bool,
    buffer: &'k mut Vec<u8>,
) -> Result<Option<&'k [u8]>, Rejection> {
    let Some(context) = given(element, KnownProperty::Context, Property::Context)? else { return Ok(None) };
    if is_false_positive {
        return Err(Rejection::ContextNotAllowed);
    }
    match context.kept_object(buffer) {
        None => Err(Rejection::InvalidType(Property::Context)),
        kept => Ok(kept),
    }
}

/// A property that is there and not `null`.
fn given<'e>(
    element: &Element<'e>,
    known: KnownProperty,
    name: Property,
) -> Result<Option<Value<'e>>, Rejection> {
    let value = readable(element, known, name)?;
    Ok(if value.is_some_and(|value| value.is_null()) { None } else { value })
}

fn check_boolean(element: &Element<'_>, known: KnownProperty, name: Property) -> Result<(), Rejection> {
    match readable(element, known, name)? {
        Some(value) if !value.is_boolean() => Err(Rejection::InvalidType(name)),
        _ => Ok(()),
    }
}

/// A property that is there. That it can be read is asked before what it is.
#[inline]
fn readable<'e>(
    element: &Element<'e>,
    known: KnownProperty,
    name: Property,
) -> Result<Option<Value<'e>>, Rejection> {
    let value = element.get(known);
    match value.and_then(|value| value.flaw()) {
        Some(flaw) => Err(Rejection::Unreadable(name, flaw)),
        None => Ok(value),
    }
}

#[cfg(test)]
mod tests;
