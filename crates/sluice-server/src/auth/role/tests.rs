//! The whole table: each role, each action, in a tenant it holds and in one it does not.

use std::fmt::Write as _;

use clap::ValueEnum as _;
use expect_test::expect;

use super::{Action, Identity, Role};
use crate::auth::scope::Scope;

/// One name, wherever it is given or told.
#[test]
fn roles_and_scopes_are_told_by_the_names_by_which_they_are_given() {
    for role in Role::value_variants() {
        assert_eq!(role.name(), role.to_possible_value().unwrap().get_name());
        assert_eq!(serde_json::to_value(role).unwrap(), role.name());
    }
    for role in [Role::Metrics, Role::List] {
        assert_eq!(serde_json::to_value(role).unwrap(), role.name());
    }
    for text in ["read", "write", "admin", "metrics", "list:edge"] {
        let scope: Scope = text.parse().unwrap();
        assert_eq!(scope.to_string(), text);
        assert_eq!(serde_json::to_value(&scope).unwrap(), text);
        assert_eq!(scope.list().map(ToString::to_string).as_deref(), text.strip_prefix("list:"));
    }
    for text in ["", "list", "list:", "list:Edge", "list:a.b", "reads"] {
        assert!(text.parse::<Scope>().is_err(), "{text}");
    }
}

#[test]
fn the_table_of_rights() {
    let mut seen = String::new();
    for action in [
        Action::Read,
        Action::ReadList,
        Action::ManageLists,
        Action::Lookup,
        Action::ChangeIndicators,
        Action::ChangeSupplier,
        Action::ManageSuppliers,
        Action::ManageTags,
        Action::ManageAccounts,
        Action::ReadMetrics,
    ] {
        write!(seen, "{action:?}:").unwrap();
        for role in [Role::Administrator, Role::Analyst, Role::TenantManager, Role::Metrics, Role::List] {
            let identity = Identity { role, tenants: vec!["acme".to_owned()], list: None };
            let (own, other) = (identity.may(action, "acme"), identity.may(action, "General"));
            write!(seen, " {role:?} {own}/{other}").unwrap();
        }
        seen.push('\n');
    }
    expect![[r#"
        Read: Administrator true/true Analyst true/true TenantManager true/true Metrics false/false List false/false
        ReadList: Administrator true/true Analyst true/true TenantManager true/true Metrics false/false List true/false
        ManageLists: Administrator true/true Analyst false/false TenantManager true/false Metrics false/false List false/false
        Lookup: Administrator true/true Analyst true/true TenantManager true/true Metrics false/false List false/false
        ChangeIndicators: Administrator true/true Analyst false/false TenantManager true/false Metrics false/false List false/false
        ChangeSupplier: Administrator true/true Analyst false/false TenantManager true/false Metrics false/false List false/false
        ManageSuppliers: Administrator true/true Analyst false/false TenantManager false/false Metrics false/false List false/false
        ManageTags: Administrator true/true Analyst false/false TenantManager false/false Metrics false/false List false/false
        ManageAccounts: Administrator true/true Analyst false/false TenantManager false/false Metrics false/false List false/false
        ReadMetrics: Administrator true/true Analyst false/false TenantManager false/false Metrics true/true List false/false
    "#]]
    .assert_eq(&seen);
}
