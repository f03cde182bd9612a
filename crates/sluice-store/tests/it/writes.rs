//! Single promises of the store, one test each.
