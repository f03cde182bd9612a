//! Element to row or rejection.
//!
//! In: one parsed element, the rules of its request, the catalogue as it was when the request began. Out: the
//! indicator's key and the encoded row, or the reason of the first property that does not hold, in the order
//! indicator, context, tags, marks. Of a repeated property the last one counts; unknown ones are ignored.
//!
//! Equal input gives equal output; no I/O, no threads. What the row does to the store is the store's business.

use std::borrow::Cow;

use simd_json::{Node, StaticNode};
use sluice_model::{
    Rejection, SupplierId, TagId, normalize,
    operation::{self, HoldingChange, TagsChange},
    rejection::Property,
};
use sluice_store::catalogue::Catalogue;

use crate::{
    parse::{Element, Member},
    text,
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
    kept_context: Vec<u8>,
    tags: Vec<TagId>,
    tag_name: String,
}

#[derive(Default)]
struct Properties<'t, 'a> {
    indicator: Option<Member<'t, 'a>>,
    context: Option<Member<'t, 'a>>,
    tags: Option<Member<'t, 'a>>,
    mark_detections: Option<Member<'t, 'a>>,
    unmark_detections: Option<Member<'t, 'a>>,
}

impl<'t, 'a> Properties<'t, 'a> {
    fn of(element: &Element<'t, 'a>) -> Self {
        let mut properties = Self::default();
        for member in element.members() {
            match member.key {
                "indicator" => properties.indicator = Some(member),
                "context" => properties.context = Some(member),
                "tags" => properties.tags = Some(member),
                "mark_detections" => properties.mark_detections = Some(member),
                "unmark_detections" => properties.unmark_detections = Some(member),
                _ => {}
            }
        }
        properties
    }
}

/// Judges one element and leaves key and row, or on refusal the indicator as sent, in `buffers`.
///
/// # Errors
///
/// The reason of the first property that does not hold.
pub(crate) fn judge(
    element: &Element<'_, '_>,
    rules: &RowRules,
    catalogue: &Catalogue,
    buffers: &mut RowBuffers,
) -> Result<(), Rejection> {
    let properties = Properties::of(element);
    buffers.key.clear();
    buffers.row.clear();
    let verdict = match rules {
        RowRules::Put(rules) => put(element, &properties, rules, catalogue, buffers),
        RowRules::Delete(rules) => delete(&properties, rules, buffers),
    };
    if verdict.is_err() {
        buffers.indicator.clear();
        if let Some(member) = &properties.indicator {
            element.source.append_value(member, &mut buffers.indicator);
        }
    }
    verdict
}

fn put(
    element: &Element<'_, '_>,
    properties: &Properties<'_, '_>,
    rules: &PutRules,
    catalogue: &Catalogue,
    buffers: &mut RowBuffers,
) -> Result<(), Rejection> {
    normalize::normalize_into(&indicator_text(properties, rules.refang)?, &mut buffers.key)?;
    let has_context = match given(properties.context.as_ref()) {
        None => false,
        Some(_) if rules.is_false_positive => return Err(Rejection::ContextNotAllowed),
        Some(context) => {
            read_context(element, context, buffers)?;
            true
        }
    };
    let tags = given(properties.tags.as_ref()).filter(|_| rules.takes_tags);
    if let Some(tags) = tags {
        read_tags(tags, catalogue, buffers)?;
    }
    if rules.takes_marks {
        check_boolean(properties.mark_detections.as_ref(), Property::MarkDetections)?;
    }
    let holding = HoldingChange::Hold {
        updated: rules.now_seconds,
        context: has_context.then_some(buffers.context.as_slice()),
    };
    let tags = if tags.is_some() { TagsChange::Replace(&buffers.tags) } else { TagsChange::Keep };
    operation::encode(rules.supplier, holding, tags, &mut buffers.row);
    Ok(())
}

fn delete(
    properties: &Properties<'_, '_>,
    rules: &DeleteRules,
    buffers: &mut RowBuffers,
) -> Result<(), Rejection> {
    normalize::recognize_into(&indicator_text(properties, rules.refang)?, &mut buffers.key)?;
    if rules.takes_marks {
        check_boolean(properties.unmark_detections.as_ref(), Property::UnmarkDetections)?;
    }
    operation::encode(rules.supplier, HoldingChange::Release, TagsChange::Keep, &mut buffers.row);
    Ok(())
}

fn indicator_text<'a>(properties: &Properties<'_, 'a>, refang: bool) -> Result<Cow<'a, str>, Rejection> {
    let indicator = properties.indicator.as_ref().ok_or(Rejection::IndicatorMissing)?;
    let text = indicator.as_str().ok_or(Rejection::InvalidType(Property::Indicator))?;
    Ok(if refang { normalize::refang(text) } else { Cow::Borrowed(text) })
}

/// A property that is there and not `null`.
fn given<'p, 't, 'a>(property: Option<&'p Member<'t, 'a>>) -> Option<&'p Member<'t, 'a>> {
    property.filter(|member| !matches!(member.node(), Some(Node::Static(StaticNode::Null))))
}

fn check_boolean(property: Option<&Member<'_, '_>>, name: Property) -> Result<(), Rejection> {
    match property.and_then(Member::node) {
        None | Some(Node::Static(StaticNode::Bool(_))) => Ok(()),
        Some(_) => Err(Rejection::InvalidType(name)),
    }
}

fn read_context(
    element: &Element<'_, '_>,
    context: &Member<'_, '_>,
    buffers: &mut RowBuffers,
) -> Result<(), Rejection> {
    if !matches!(context.node(), Some(Node::Object { len, .. }) if *len > 0) {
        return Err(Rejection::InvalidType(Property::Context));
    }
    buffers.context.clear();
    element.source.append_value(context, &mut buffers.context);
    if text::repeats_keys(context.nodes) {
        buffers.kept_context.clear();
        text::append_last_wins(context.nodes, &buffers.context, &mut buffers.kept_context);
        std::mem::swap(&mut buffers.context, &mut buffers.kept_context);
    }
    Ok(())
}

/// Reads the tags' numbers, each once, ascending.
fn read_tags(
    tags: &Member<'_, '_>,
    catalogue: &Catalogue,
    buffers: &mut RowBuffers,
) -> Result<(), Rejection> {
    let invalid = Rejection::InvalidType(Property::Tags);
    let Some((Node::Array { len, count }, rest)) = tags.nodes.split_first() else { return Err(invalid) };
    let names = rest.get(..*count).unwrap_or_default();
    if len != count || !names.iter().all(|name| matches!(name, Node::String(_))) {
        return Err(invalid);
    }
    buffers.tags.clear();
    for name in names {
        let Node::String(name) = name else { continue };
        buffers.tag_name.clear();
        buffers.tag_name.push_str(name);
        buffers.tag_name.make_ascii_uppercase();
        let tag = catalogue.tag(&buffers.tag_name).ok_or_else(|| Rejection::unknown_tag(name))?;
        buffers.tags.push(tag.id);
    }
    buffers.tags.sort_unstable();
    buffers.tags.dedup();
    Ok(())
}

#[cfg(test)]
mod tests;
