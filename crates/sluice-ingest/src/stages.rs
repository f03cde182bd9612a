//! A door for benches: the steps that a body takes, one by one, outside of threads and stores.
//!
//! In: bodies, rules and a catalogue, as requests bring them. Out: what a step leaves for the next one. Nothing
//! here decides anything; only the feature `stages` builds it, and nothing promises that it stays.

use std::sync::Arc;

use sluice_store::{SliceBuilder, catalogue::Catalogue};

use crate::{
    body::elements,
    body::split::{BodySlice, Splitter},
    error::{BodyError, IngestError},
    upload::{
        tags::{MissingTags, TagNames},
        validate::{self, RowBuffers, UploadRules},
    },
};

/// What splitting leaves.
#[derive(Debug)]
pub struct Slices(Vec<BodySlice>);

/// Splits a body that comes in chunks of `chunk_bytes`.
///
/// # Errors
///
/// That of the body.
pub fn split(body: &[u8], chunk_bytes: usize) -> Result<Slices, BodyError> {
    let mut splitter = Splitter::new();
    let mut slices = Vec::new();
    for mut chunk in body.chunks(chunk_bytes) {
        while let Some(slice) = splitter.next_slice(&mut chunk)? {
            slices.push(slice);
        }
    }
    slices.extend(splitter.finish()?);
    Ok(Slices(slices))
}

/// Reads the slices and returns the number of their elements.
///
/// # Errors
///
/// That of the body.
pub fn parse(slices: &Slices) -> Result<usize, IngestError> {
    let mut count = 0;
    for slice in &slices.0 {
        elements::visit_elements(slice, |_element| {
            count += 1;
            Ok(())
        })?;
    }
    Ok(count)
}

/// The same, as if all elements were out of the ordinary.
///
/// # Errors
///
/// That of the body.
pub fn tape(slices: &Slices) -> Result<usize, IngestError> {
    let mut count = 0;
    for slice in &slices.0 {
        elements::visit_parsed(slice, |_element| {
            count += 1;
            Ok(())
        })?;
    }
    Ok(count)
}

/// Parses the slices and judges their elements; returns the bytes of keys and rows.
///
/// # Errors
///
/// That of the body.
pub fn judge(slices: &Slices, rules: &UploadRules, catalogue: &Arc<Catalogue>) -> Result<usize, IngestError> {
    let mut bytes = 0;
    visit(slices, rules, catalogue, |buffers| bytes += buffers.key.len() + buffers.row.len())?;
    Ok(bytes)
}

/// Parses the slices, judges their elements and collects them for the store; returns the number of slices.
///
/// # Errors
///
/// That of the body.
pub fn collect(
    slices: &Slices,
    rules: &UploadRules,
    catalogue: &Arc<Catalogue>,
) -> Result<usize, IngestError> {
    let mut rows = SliceBuilder::new();
    let mut are_kept = true;
    visit(slices, rules, catalogue, |buffers| are_kept &= rows.push(&buffers.key, &buffers.row).is_ok())?;
    Ok(usize::from(are_kept && !rows.is_empty()))
}

fn visit(
    slices: &Slices,
    rules: &UploadRules,
    catalogue: &Arc<Catalogue>,
    mut take: impl FnMut(&RowBuffers),
) -> Result<(), IngestError> {
    let names = TagNames { catalogue: Arc::clone(catalogue), missing: MissingTags::Refuse };
    let mut buffers = RowBuffers::default();
    for slice in &slices.0 {
        elements::visit_elements(slice, |element| {
            if validate::judge(&element, rules, &names, &mut buffers).is_ok() {
                take(&buffers);
            }
            Ok(())
        })?;
    }
    Ok(())
}
