//! The whole table: each role, each action, in a tenant it holds and in one it does not.

use std::fmt::Write as _;

use clap::ValueEnum as _;
use expect_test::expect;

use super::{Action, Identity, Role};
use crate::auth::accounts::Scope;

/// One name, wherever it is given or told.
#[test]
fn roles_and_scopes_are_told_by_the_names_by_which_they_are_given() {
    for role in Role::value_variants() {
        assert_eq!(role.name(), role.to_possible_value().unwrap().get_name());
        assert_eq!(serde_json::to_value(role).unwrap(), role.name());
    }
    assert_eq!(serde_json::to_value(Role::Metrics).unwrap(), Role::Metrics.name());
    for scope in Scope::value_variants() {
        assert_eq!(scope.name(), scope.to_possible_value().unwrap().get_name());
        assert_eq!(serde_json::to_value(scope).unwrap(), scope.name());
    }
}

#[test]
fn the_table_of_rights() {
    let mut seen = String::new();
    for action in [
        Action::Read,
        Action::Lookup,
        Action::ChangeIndicators,
        Action::ChangeSupplier,
        Action::ManageSuppliers,
        Action::ManageTags,
        Action::ManageAccounts,
        Action::ReadMetrics,
    ] {
        write!(seen, "{action:?}:").unwrap();
        for role in [Role::Administrator, Role::Analyst, Role::TenantManager, Role::Metrics] {
            let identity = Identity { role, tenants: vec!["acme".to_owned()] };
            let (own, other) = (identity.may(action, "acme"), identity.may(action, "General"));
            write!(seen, " {role:?} {own}/{other}").unwrap();
        }
        seen.push('\n');
    }
    expect![[r#"
        Read: Administrator true/true Analyst true/true TenantManager true/true Metrics false/false
        Lookup: Administrator true/true Analyst true/true TenantManager true/true Metrics false/false
        ChangeIndicators: Administrator true/true Analyst false/false TenantManager true/false Metrics false/false
        ChangeSupplier: Administrator true/true Analyst false/false TenantManager true/false Metrics false/false
        ManageSuppliers: Administrator true/true Analyst false/false TenantManager false/false Metrics false/false
        ManageTags: Administrator true/true Analyst false/false TenantManager false/false Metrics false/false
        ManageAccounts: Administrator true/true Analyst false/false TenantManager false/false Metrics false/false
        ReadMetrics: Administrator true/true Analyst false/false TenantManager false/false Metrics true/true
    "#]]
    .assert_eq(&seen);
}
