//! Who may do what: one table, asked in one place.
//!
//! In: a role and an action, with the tenant it concerns. Out: yes or no. Whether the credentials are right is decided
//! before; whether the supplier or tag exists is decided after.

use serde::{Deserialize, Serialize};
use sluice_model::{ListName, TenantName};

#[cfg(test)]
mod tests;

/// What a user is allowed to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything.
    Administrator,
    /// All `GET`s and `lookup`.
    Analyst,
    /// What an analyst may, and changes inside the tenants it holds.
    TenantManager,
    /// Reads the metrics, and nothing else. There are tokens for it, no users.
    #[value(skip)]
    Metrics,
    /// Fetches one list, and nothing else. There are tokens for it, no users.
    #[value(skip)]
    List,
}

impl Role {
    /// Its name, as it is given and told.
    pub fn name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Analyst => "analyst",
            Self::TenantManager => "tenant-manager",
            Self::Metrics => "metrics",
            Self::List => "list",
        }
    }
}

/// What a request does, as far as rights go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// Any `GET`.
    Read,
    /// Fetches a list.
    ReadList,
    /// Makes, changes or removes a list of a tenant.
    ManageLists,
    /// `lookup`.
    Lookup,
    /// Adds or removes indicators of one tenant's supplier.
    ChangeIndicators,
    /// Changes a supplier's settings in one tenant.
    ChangeSupplier,
    /// Creates, renames or removes a supplier in all tenants.
    ManageSuppliers,
    /// Creates, changes or removes a tag.
    ManageTags,
    /// Lists and changes users and tokens.
    ManageAccounts,
    /// Reads the metrics.
    ReadMetrics,
}

/// The holder of valid credentials.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Identity {
    /// What it may do.
    pub(crate) role: Role,
    /// Tenants it may change, or whose list it may fetch; they matter for a tenant manager and for a token of a list only.
    pub(crate) tenants: Vec<String>,
    /// The list that it may fetch, if it may do nothing else.
    pub(crate) list: Option<ListName>,
}

impl Identity {
    /// Whoever fetches a list that anybody of a tenant may have.
    pub(crate) fn anybody(tenant: String) -> Self {
        Self { role: Role::List, tenants: vec![tenant], list: None }
    }

    /// Returns true if this identity may do `action` in some tenant.
    pub(crate) fn may_somewhere(&self, action: Action) -> bool {
        self.may(action, TenantName::GENERAL) || self.tenants.iter().any(|tenant| self.may(action, tenant))
    }

    /// Returns true if this identity may do `action` in `tenant`.
    pub(crate) fn may(&self, action: Action, tenant: &str) -> bool {
        match (self.role, action) {
            (Role::Administrator, _) | (Role::Metrics, Action::ReadMetrics) => true,
            (Role::List, Action::ReadList)
            | (
                Role::TenantManager,
                Action::ChangeIndicators | Action::ChangeSupplier | Action::ManageLists,
            ) => self.tenants.iter().any(|held| held == tenant),
            (Role::Metrics | Role::List, _) | (_, Action::ReadMetrics) => false,
            (_, Action::Read | Action::ReadList | Action::Lookup) => true,
            (Role::TenantManager, Action::ManageSuppliers | Action::ManageTags | Action::ManageAccounts)
            | (Role::Analyst, _) => false,
        }
    }
}
