//! What the last segment of a path names that fetches a list.
//!
//! In: `edge.squid.domains`, or the same with `.md5` or `.sha256`. Out: list, format, and whether only the digest is wanted.

use sluice_model::ListName;

use crate::{
    http::problem::{self, Cause},
    lists::format::ListFormat,
};

#[cfg(test)]
mod tests;

/// A digest that stands for the bytes of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ListDigest {
    Md5,
    Sha256,
}

/// What is fetched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FetchedList {
    pub(crate) name: ListName,
    pub(crate) format: ListFormat,
    /// If only that is wanted.
    pub(crate) digest: Option<ListDigest>,
}

impl FetchedList {
    /// Reads the last segment of a path.
    ///
    /// # Errors
    ///
    /// [`Cause::NotFound`], with the extensions that there are.
    pub(crate) fn parse(segment: &str) -> Result<Self, Cause> {
        let (name, extension) = segment.split_once('.').unwrap_or((segment, ""));
        let (extension, digest) = match extension.rsplit_once('.') {
            Some((extension, "md5")) => (extension, Some(ListDigest::Md5)),
            Some((extension, "sha256")) => (extension, Some(ListDigest::Sha256)),
            _ => (extension, None),
        };
        let Some(format) = ListFormat::of_extension(extension) else {
            let known: Vec<&str> = ListFormat::all().map(ListFormat::extension).collect();
            let detail = format!("There is no such format; lists have {}", known.join(", "));
            return Err(Cause::NotFound(detail.into()));
        };
        match ListName::parse(name) {
            Some(name) => Ok(Self { name, format, digest }),
            None => Err(problem::missing("List")),
        }
    }
}
