//! Tags: list, create, show, change, remove.

use actix_web::{HttpResponse, http::StatusCode};
use serde::Serialize;
use sluice_model::{TagName, TagWeight};
use sluice_store::{
    Store,
    catalogue::{CatalogueChange, Tag, TagPatch},
};

use super::{
    changes::{change, read_entity},
    entity::{Entity, mandatory},
};
use crate::{
    api::gate::{Admitted, Subject},
    http::{
        answer,
        body::BodyReader,
        problem::{Cause, Resource},
    },
    life::state::State,
    worker::Worker,
};

const NAMES: &[&str] = &["name", "weight"];

#[derive(Serialize)]
struct TagView<'tag> {
    name: &'tag str,
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
pub(super) fn get(tag: &Tag) -> Result<HttpResponse, Cause> {
    answer::json(StatusCode::OK, &[TagView::of(tag)])
}

/// Creates a tag.
pub(super) async fn create(
    state: &State,
    reader: BodyReader<'_>,
    admitted: Admitted,
) -> Result<HttpResponse, Cause> {
    let patch = read_patch(&read_entity(state, reader, NAMES).await?)?;
    let wish = CatalogueChange::CreateTag {
        name: mandatory("name", patch.name)?,
        weight: mandatory("weight", patch.weight)?,
    };
    change(&state.entity_worker, admitted.ingestor.store(), wish, Resource::Tag).await?;
    answer::sentence(StatusCode::CREATED, "Tag successfully created")
}

/// Changes what is given; the indicators follow a new name.
pub(super) async fn update(
    state: &State,
    reader: BodyReader<'_>,
    admitted: Admitted,
) -> Result<HttpResponse, Cause> {
    let Subject::Tag(tag) = &admitted.subject else { return Err(Cause::Internal) };
    let mut patch = read_patch(&read_entity(state, reader, NAMES).await?)?;
    // Its own name is no renaming.
    patch.name = patch.name.filter(|name| *name != tag.name);
    let wish = CatalogueChange::UpdateTag { name: tag.name.clone(), patch };
    change(&state.entity_worker, admitted.ingestor.store(), wish, Resource::Tag).await?;
    answer::sentence(StatusCode::OK, "Tag successfully updated")
}

/// Removes a tag and takes it off every indicator.
pub(super) async fn remove(entity_worker: &Worker, store: &Store, tag: &Tag) -> Result<HttpResponse, Cause> {
    let wish = CatalogueChange::RemoveTag { name: tag.name.clone() };
    change(entity_worker, store, wish, Resource::Tag).await?;
    answer::sentence(StatusCode::OK, "Tag successfully deleted")
}

fn read_patch(entity: &Entity) -> Result<TagPatch, Cause> {
    Ok(TagPatch {
        name: entity.text("name")?.map(TagName::parse).transpose().map_err(Cause::bad_request)?,
        weight: entity.integer("weight")?.map(TagWeight::new).transpose().map_err(Cause::bad_request)?,
    })
}
