//! One body on its way from chunks to elements: what uploads and lookups have in common.
//!
//! `pipeline` brings its slices to the pools and the results back into document order; `split` cuts it into slices, by its
//! `brackets`;
//! `elements` shows the elements of a slice. An element is read where it lies by `scan`, or if it is out of the
//! ordinary from what `parse` makes of it (`tape`). `text` walks JSON text; `locate` finds the fault of what is none.
//! `object` puts the same parts together for a body of one object, which needs no pools.

pub(crate) mod brackets;
pub(crate) mod elements;
#[cfg(test)]
pub(crate) mod generate;
pub(crate) mod locate;
pub(crate) mod object;
pub(crate) mod parse;
pub(crate) mod pipeline;
#[cfg(test)]
pub(crate) mod reference;
pub(crate) mod scan;
pub(crate) mod split;
pub(crate) mod tape;
pub(crate) mod text;
