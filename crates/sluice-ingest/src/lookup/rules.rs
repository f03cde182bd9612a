//! What a lookup asks: whose suppliers, how far each value reaches, and when.

use sluice_model::{TenantId, matching::MatchScope};

/// What a lookup asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LookupRules {
    /// Whose suppliers count.
    pub tenant: TenantId,
    /// How far each value reaches.
    pub scope: MatchScope,
    /// The present, in seconds since 1970-01-01 UTC; indicators not updated for their retention do not match.
    pub now_seconds: u32,
    /// Whether matches come with the tags of their indicators, and what does not count comes too: both take memory while
    /// values are read.
    pub explains: bool,
}
