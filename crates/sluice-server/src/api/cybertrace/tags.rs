//! Tags: list, show, create, update.

use actix_web::{HttpResponse, http::StatusCode};
use serde::Serialize;
use sluice_model::{TagName, TagWeight};
use sluice_store::{
    Store,
    catalogue::{CatalogueChange, Tag, TagPatch},
};
use utoipa::ToSchema;

use super::entity::{Entity, mandatory};
use crate::http::{answer, problem::Cause};

/// A tag in an answer.
#[derive(Serialize, ToSchema)]
#[schema(as = Tag)]
pub(super) struct TagView<'tag> {
    name: &'tag str,
    /// From 0 to 5.
    weight: u8,
}

impl<'tag> TagView<'tag> {
    fn of(tag: &'tag Tag) -> Self {
        Self { name: tag.name.as_str(), weight: tag.weight.get() }
    }
}

/// All tags, by name.
pub(super) fn list(store: &Store) -> Result<HttpResponse, Cause> {
    let catalogue = store.catalogue();
    let views: Vec<TagView<'_>> = catalogue.tags().map(TagView::of).collect();
    answer::json(StatusCode::OK, &views)
}

/// One tag.
pub(super) fn show(tag: &Tag) -> Result<HttpResponse, Cause> {
    answer::json(StatusCode::OK, &[TagView::of(tag)])
}

/// The creation of a tag.
pub(super) fn creation(entity: &Entity) -> Result<CatalogueChange, Cause> {
    let patch = read_patch(entity)?;
    Ok(CatalogueChange::CreateTag {
        name: mandatory("name", patch.name)?,
        weight: mandatory("weight", patch.weight)?,
    })
}

/// The update of a tag: changes what is given and leaves the rest. The indicators follow a new name.
pub(super) fn update(tag: Tag, entity: &Entity) -> Result<CatalogueChange, Cause> {
    let mut patch = read_patch(entity)?;
    // Its own name is not a new one.
    if patch.name.as_ref() == Some(&tag.name) {
        patch.name = None;
    }
    Ok(CatalogueChange::UpdateTag { name: tag.name, patch })
}

fn read_patch(entity: &Entity) -> Result<TagPatch, Cause> {
    Ok(TagPatch {
        name: entity.text("name")?.map(TagName::parse).transpose().map_err(Cause::bad_request)?,
        weight: entity.integer("weight")?.map(TagWeight::new).transpose().map_err(Cause::bad_request)?,
    })
}
