//! What clients can ask for, and the way of a request: [`front`], [`gate`], then the API that it belongs to.

pub(crate) mod cybertrace;
pub(crate) mod front;
pub(crate) mod gate;
pub(crate) mod health;
pub(crate) mod path;
