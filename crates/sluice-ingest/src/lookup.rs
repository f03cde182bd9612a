//! `lookup`: looked-up values to the text of the answer.
//!
//! In: the rules of a request, a snapshot of the store, the body in chunks. Out: a [`LookupAnswer`] with one
//! result per element, in order. There is no partial answer: an element without a string `object` refuses the
//! body.
//!
//! The steps, each in a file of its own: slices of the body are gathered in parallel ([`gather`]), which leaves their
//! objects and the candidate keys that the filters do not deny ([`candidates`]). A slice without any is answered at
//! once; the others wait for the end of the body and are read together ([`answer`], [`detect`]), in one sorted pass of all
//! threads. What is found becomes matches in the order of an answer ([`rank`]), which the [`Render`] of an API writes
//! ([`render`], [`text`]).

mod answer;
mod body;
mod candidates;
mod detect;
mod gather;
mod lists;
mod query;
mod rank;
mod render;
mod rules;
mod suppliers;
mod text;

#[cfg(test)]
mod tests;

pub(crate) use self::{detect::Detector, suppliers::SuppliersCache};
pub use self::{
    query::{LookupAnswer, Query},
    rank::{Match, Matches, Standing},
    render::Render,
    rules::LookupRules,
    text::AnswerText,
};
