//! Changes of suppliers and tags in the words of the log.
//!
//! In: a change. Out: what it does, as a sentence without its subject, which is whoever asked for it.

use std::fmt::Debug;

use sluice_model::{Confidence, RetentionMinutes, TagWeight, excerpt::excerpt};
use sluice_store::catalogue::{CatalogueChange, SupplierPatch, TagPatch};

#[cfg(test)]
mod tests;

/// What a change does. In which tenant stands in the path of its request.
pub(crate) fn sentence(change: &CatalogueChange) -> String {
    match change {
        CatalogueChange::AddTenant { name } => format!("tenant {} added", name.as_str()),
        CatalogueChange::CreateSupplier { name, settings } => {
            let patch = SupplierPatch {
                name: None,
                confidence: Some(settings.confidence),
                retention: Some(settings.retention),
                vendor: Some(settings.vendor.clone()),
                enabled: Some(settings.enabled),
                refang: Some(settings.refang),
            };
            format!("supplier {} created{}", name.as_str(), of_supplier(&patch))
        }
        CatalogueChange::UpdateSupplier { name, patch, .. } => {
            format!("supplier {} updated{}", name.as_str(), of_supplier(patch))
        }
        CatalogueChange::RemoveSupplier { name } => {
            format!("supplier {} removed with its indicators", name.as_str())
        }
        CatalogueChange::CreateTag { name, weight } => {
            format!("tag {} created, weight={}", name.as_str(), weight.get())
        }
        CatalogueChange::UpdateTag { name, patch } => {
            let TagPatch { name: renamed, weight } = patch;
            let mut text = format!("tag {} updated", name.as_str());
            push("name", renamed.as_ref().map(|name| excerpt(name.as_str())), &mut text);
            push("weight", weight.map(TagWeight::get), &mut text);
            text
        }
        CatalogueChange::RemoveTag { name } => format!("tag {} removed", name.as_str()),
    }
}

fn of_supplier(patch: &SupplierPatch) -> String {
    let SupplierPatch { name, confidence, retention, vendor, enabled, refang } = patch;
    let mut text = String::new();
    push("name", name.as_ref().map(|name| excerpt(name.as_str())), &mut text);
    push("confidence", confidence.map(Confidence::get), &mut text);
    push("retention", retention.map(RetentionMinutes::get), &mut text);
    push("vendor", vendor.as_ref().map(|vendor| excerpt(vendor.as_str())), &mut text);
    push("enabled", *enabled, &mut text);
    push("refang", *refang, &mut text);
    text
}

fn push(property: &str, value: Option<impl Debug>, text: &mut String) {
    if let Some(value) = value {
        text.extend([", ", property, "=", &format!("{value:?}")]);
    }
}
