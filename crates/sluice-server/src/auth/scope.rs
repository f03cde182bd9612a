//! What tokens may do.
//!
//! In: words, or `list:` and the name of a list. Out: a scope, and the role that it amounts to.

use std::{
    fmt::{self, Display, Formatter},
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use sluice_model::ListName;

use super::role::Role;

/// What a token may do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Scope {
    /// As an analyst.
    Read,
    /// As a tenant manager.
    Write,
    /// As an administrator.
    Admin,
    /// Reads the metrics, and nothing else.
    Metrics,
    /// Fetches this list of its tenants, and nothing else.
    List(ListName),
}

impl Scope {
    /// The scopes that are words.
    const WORDS: [(Self, &'static str); 4] =
        [(Self::Read, "read"), (Self::Write, "write"), (Self::Admin, "admin"), (Self::Metrics, "metrics")];

    /// The role that the scope amounts to.
    pub(crate) fn role(&self) -> Role {
        match self {
            Self::Read => Role::Analyst,
            Self::Write => Role::TenantManager,
            Self::Admin => Role::Administrator,
            Self::Metrics => Role::Metrics,
            Self::List(_) => Role::List,
        }
    }

    /// The only list that it is about.
    pub(crate) fn list(&self) -> Option<&ListName> {
        match self {
            Self::List(name) => Some(name),
            Self::Read | Self::Write | Self::Admin | Self::Metrics => None,
        }
    }
}

/// What the scope of a list begins with.
const LIST_SCOPE: &str = "list:";

impl Display for Scope {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        for (scope, word) in &Self::WORDS {
            if scope == self {
                return formatter.write_str(word);
            }
        }
        match self {
            Self::List(name) => write!(formatter, "{LIST_SCOPE}{name}"),
            _ => Ok(()),
        }
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        for (scope, word) in Self::WORDS {
            if word == text {
                return Ok(scope);
            }
        }
        match text.strip_prefix(LIST_SCOPE).and_then(ListName::parse) {
            Some(list) => Ok(Self::List(list)),
            None => Err("a scope is read, write, admin, metrics, or list: and the name of a list".to_owned()),
        }
    }
}

impl TryFrom<String> for Scope {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}
