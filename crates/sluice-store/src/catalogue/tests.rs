//! Changes and refusals, and what holds after any history of them.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use sluice_model::{
    Confidence, RetentionMinutes, SupplierId, SupplierName, TagId, TagName, TagWeight, TenantId, TenantName,
    Vendor, limits, supplier,
};

use super::{Catalogue, CatalogueChange, Effect, SupplierPatch, SupplierSettings, TagPatch};
use crate::error::ChangeError;

fn settings(confidence: u8) -> SupplierSettings {
    SupplierSettings {
        confidence: Confidence::new(confidence).unwrap(),
        retention: RetentionMinutes::new(60_u32).unwrap(),
        vendor: Vendor::parse("Example").unwrap(),
        enabled: true,
        refang: false,
    }
}

fn supplier_name(name: &str) -> SupplierName {
    SupplierName::parse(name).unwrap()
}

fn tag_name(name: &str) -> TagName {
    TagName::parse(name).unwrap()
}

pub(super) fn add_tenant(name: &str) -> CatalogueChange {
    CatalogueChange::AddTenant { name: TenantName::parse(name).unwrap() }
}

pub(super) fn create(name: &str) -> CatalogueChange {
    CatalogueChange::CreateSupplier { name: supplier_name(name), settings: settings(50) }
}

fn update(tenant: u32, name: &str, patch: SupplierPatch) -> CatalogueChange {
    CatalogueChange::UpdateSupplier { tenant: TenantId(tenant), name: supplier_name(name), patch }
}

fn rename(tenant: u32, from: &str, to: &str) -> CatalogueChange {
    update(tenant, from, SupplierPatch { name: Some(supplier_name(to)), ..SupplierPatch::default() })
}

fn trust(tenant: u32, name: &str, confidence: u8) -> CatalogueChange {
    let confidence = Some(Confidence::new(confidence).unwrap());
    update(tenant, name, SupplierPatch { confidence, ..SupplierPatch::default() })
}

pub(super) fn remove(name: &str) -> CatalogueChange {
    CatalogueChange::RemoveSupplier { name: supplier_name(name) }
}

pub(super) fn create_tag(name: &str, weight: u8) -> CatalogueChange {
    CatalogueChange::CreateTag { name: tag_name(name), weight: TagWeight::new(weight).unwrap() }
}

fn update_tag(name: &str, to: Option<&str>, weight: Option<u8>) -> CatalogueChange {
    let patch =
        TagPatch { name: to.map(tag_name), weight: weight.map(|weight| TagWeight::new(weight).unwrap()) };
    CatalogueChange::UpdateTag { name: tag_name(name), patch }
}

fn remove_tag(name: &str) -> CatalogueChange {
    CatalogueChange::RemoveTag { name: tag_name(name) }
}

/// Plans and applies; gives the effects.
pub(super) fn step(catalogue: &mut Catalogue, change: &CatalogueChange) -> Result<Vec<Effect>, ChangeError> {
    let effects = catalogue.plan(change)?;
    for effect in &effects {
        catalogue.apply(effect).unwrap();
    }
    Ok(effects)
}

/// Makes the changes, shows the refusals and what there is in the end.
#[track_caller]
fn check(changes: &[CatalogueChange], want: &Expect) {
    let mut catalogue = Catalogue::initial();
    let mut seen = String::new();
    for (index, change) in changes.iter().enumerate() {
        match step(&mut catalogue, change) {
            Ok(effects) if effects.is_empty() => writeln!(seen, "change {index}: nothing to do").unwrap(),
            Ok(_) => (),
            Err(error) => writeln!(seen, "change {index}: {error}").unwrap(),
        }
        check_invariants(&catalogue);
    }
    for (tenant, id) in &catalogue.tenants {
        for row in catalogue.suppliers(*id) {
            let (number, name, confidence) = (row.id.0, row.name.as_str(), row.settings.confidence.get());
            writeln!(seen, "{tenant}: {number} {name} {confidence}").unwrap();
        }
    }
    for tag in catalogue.tags() {
        writeln!(seen, "tag: {} {} {}", tag.id.0, tag.name.as_str(), tag.weight.get()).unwrap();
    }
    want.assert_eq(&seen);
}

#[track_caller]
fn check_invariants(catalogue: &Catalogue) {
    for ((tenant, name), id) in &catalogue.supplier_ids {
        let row = &catalogue.suppliers[id];
        assert_eq!((row.id, row.tenant, row.name.as_str()), (*id, *tenant, name.as_str()));
        assert!(id.0 < catalogue.next_supplier);
    }
    assert_eq!(catalogue.supplier_ids.len(), catalogue.suppliers.len());
    for (name, id) in &catalogue.tag_ids {
        let row = &catalogue.tags[id];
        assert_eq!((row.id, row.name.as_str()), (*id, name.as_str()));
        assert!(id.0 < catalogue.next_tag);
    }
    assert_eq!(catalogue.tag_ids.len(), catalogue.tags.len());
    let names = |tenant| catalogue.suppliers(tenant).map(|row| row.name.as_str()).collect::<Vec<_>>();
    for tenant in catalogue.tenants.values() {
        assert!(tenant.0 < catalogue.next_tenant);
        assert_eq!(names(*tenant), names(TenantId::GENERAL));
    }
    assert_eq!(Catalogue::from_effects(&catalogue.to_effects()).as_ref(), Ok(catalogue));
}

#[test]
fn the_first_catalogue_has_general_and_the_built_in_suppliers() {
    check(
        &[],
        &expect![[r#"
        General: 1 FalsePositive 100
        General: 2 InternalTI 100
    "#]],
    );
    let catalogue = Catalogue::initial();
    assert_eq!(catalogue.tenant(TenantName::GENERAL), Some(TenantId::GENERAL));
    for row in catalogue.suppliers(TenantId::GENERAL) {
        assert!(row.is_built_in() && row.settings.enabled);
        assert_eq!(row.settings.retention, RetentionMinutes::MAX);
    }
}

#[test]
fn suppliers_stand_in_every_tenant_with_settings_of_their_own() {
    check(
        &[
            create("Old"),
            trust(0, "Old", 70),
            add_tenant("acme"),
            create("New"),
            trust(1, "Old", 10),
            trust(0, "New", 20),
        ],
        &expect![[r#"
            General: 1 FalsePositive 100
            General: 2 InternalTI 100
            General: 7 New 20
            General: 3 Old 70
            acme: 4 FalsePositive 100
            acme: 5 InternalTI 100
            acme: 8 New 50
            acme: 6 Old 10
        "#]],
    );
    check(
        &[add_tenant("acme"), add_tenant("acme"), add_tenant("General"), remove("Ghost")],
        &expect![[r#"
        change 1: the name already exists
        change 2: the name already exists
        change 3: the name does not exist
        General: 1 FalsePositive 100
        General: 2 InternalTI 100
        acme: 3 FalsePositive 100
        acme: 4 InternalTI 100
    "#]],
    );
}

#[test]
fn a_rename_comes_from_general_and_is_for_all() {
    check(
        &[
            add_tenant("acme"),
            create("A"),
            create("B"),
            rename(1, "A", "C"),
            rename(0, "A", "B"),
            rename(0, "A", "A"),
            rename(1, "A", "A"),
            rename(0, "Ghost", "A"),
            rename(0, "A", "a"),
        ],
        &expect![[r#"
            change 3: a supplier is renamed through the tenant General
            change 4: the name already exists
            change 5: nothing to do
            change 6: nothing to do
            change 7: the name does not exist
            General: 7 B 50
            General: 1 FalsePositive 100
            General: 2 InternalTI 100
            General: 5 a 50
            acme: 8 B 50
            acme: 3 FalsePositive 100
            acme: 4 InternalTI 100
            acme: 6 a 50
        "#]],
    );
    let mut catalogue = Catalogue::initial();
    for change in [add_tenant("acme"), create("A"), trust(1, "A", 7)] {
        step(&mut catalogue, &change).unwrap();
    }
    let both = SupplierPatch {
        name: Some(supplier_name("B")),
        confidence: Some(Confidence::new(9).unwrap()),
        ..SupplierPatch::default()
    };
    step(&mut catalogue, &update(0, "A", both)).unwrap();
    let confidence = |tenant| catalogue.supplier(TenantId(tenant), "B").unwrap().settings.confidence.get();
    assert_eq!((confidence(0), confidence(1)), (9, 7));
}

#[test]
fn every_field_of_a_patch_counts() {
    let mut catalogue = Catalogue::initial();
    step(&mut catalogue, &create("A")).unwrap();
    let patch = SupplierPatch {
        name: None,
        confidence: Some(Confidence::new(1).unwrap()),
        retention: Some(RetentionMinutes::new(2).unwrap()),
        vendor: Some(Vendor::parse("Other").unwrap()),
        enabled: Some(false),
        refang: Some(true),
    };
    step(&mut catalogue, &update(0, "A", patch.clone())).unwrap();
    let seen = &catalogue.supplier(TenantId::GENERAL, "A").unwrap().settings;
    assert_eq!((Some(seen.confidence), Some(seen.retention)), (patch.confidence, patch.retention));
    assert_eq!((Some(&seen.vendor), Some(seen.enabled)), (patch.vendor.as_ref(), patch.enabled));
    assert_eq!(Some(seen.refang), patch.refang);
}

#[test]
fn built_in_suppliers_stay_in_any_letter_case() {
    let name = |name: &'static str| [create(name), trust(0, name, 1), remove(name), rename(0, "A", name)];
    let mut changes = vec![create("A"), create("A")];
    changes.extend([supplier::FALSE_POSITIVE, "internalti"].into_iter().flat_map(name));
    check(
        &changes,
        &expect![[r#"
        change 1: the name already exists
        change 2: the name already exists
        change 3: a built-in supplier cannot be changed or removed
        change 4: a built-in supplier cannot be changed or removed
        change 5: the name already exists
        change 6: the name already exists
        change 7: a built-in supplier cannot be changed or removed
        change 8: a built-in supplier cannot be changed or removed
        change 9: the name already exists
        General: 3 A 50
        General: 1 FalsePositive 100
        General: 2 InternalTI 100
    "#]],
    );
}

#[test]
fn numbers_are_not_given_again() {
    check(
        &[create("A"), remove("A"), create("A"), remove("A"), remove("A"), create("B")],
        &expect![[r#"
        change 4: the name does not exist
        General: 5 B 50
        General: 1 FalsePositive 100
        General: 2 InternalTI 100
    "#]],
    );
    check(
        &[create_tag("a", 1), remove_tag("A"), create_tag("b", 2)],
        &expect![[r#"
        General: 1 FalsePositive 100
        General: 2 InternalTI 100
        tag: 2 B 2
    "#]],
    );
    let mut catalogue = Catalogue::initial();
    for change in [create("A"), create_tag("T", 1)] {
        step(&mut catalogue, &change).unwrap();
    }
    let (id, tag) = (catalogue.supplier(TenantId::GENERAL, "A").unwrap().id, catalogue.tag("T").unwrap().id);
    assert!(catalogue.supplier_by_id(id).is_some() && catalogue.tag_by_id(tag).is_some());
    for change in [remove("A"), remove_tag("T")] {
        step(&mut catalogue, &change).unwrap();
    }
    assert!(catalogue.supplier_by_id(id).is_none() && catalogue.tag_by_id(tag).is_none());
}

#[test]
fn tags_change_and_keep_their_numbers() {
    check(
        &[
            create_tag("win", 1),
            create_tag("WIN", 2),
            create_tag("mac", 2),
            update_tag("win", Some("mac"), None),
            update_tag("win", Some("linux"), Some(5)),
            update_tag("win", None, Some(5)),
            update_tag("mac", Some("MAC"), None),
            update_tag("mac", None, Some(0)),
            remove_tag("win"),
        ],
        &expect![[r#"
            change 1: the name already exists
            change 3: the name already exists
            change 5: the name does not exist
            change 6: nothing to do
            change 8: the name does not exist
            General: 1 FalsePositive 100
            General: 2 InternalTI 100
            tag: 1 LINUX 5
            tag: 2 MAC 0
        "#]],
    );
}

#[test]
fn the_limits_hold() {
    let mut catalogue = Catalogue::initial();
    let tenants = u32::try_from(limits::TENANTS_MAX).unwrap();
    for tenant in 1..tenants {
        step(&mut catalogue, &add_tenant(&format!("t{tenant}"))).unwrap();
    }
    let refused = catalogue.plan(&add_tenant("one-more"));
    assert!(matches!(refused, Err(ChangeError::TooMany { count_max: limits::TENANTS_MAX })));

    let mut catalogue = Catalogue::initial();
    for supplier in 2..limits::SUPPLIERS_MAX {
        let row = super::Supplier {
            id: SupplierId(u32::try_from(supplier).unwrap() + 1),
            tenant: TenantId::GENERAL,
            name: supplier_name(&format!("s{supplier}")),
            settings: settings(1),
        };
        catalogue.apply(&Effect::put_supplier(&row)).unwrap();
    }
    let refused = catalogue.plan(&create("one-more"));
    assert!(matches!(refused, Err(ChangeError::TooMany { count_max: limits::SUPPLIERS_MAX })));
    step(&mut catalogue, &remove("s5")).unwrap();
    step(&mut catalogue, &create("one-more")).unwrap();

    for tag in 0..limits::TAGS_MAX {
        let (tag, name) = (u32::try_from(tag).unwrap() + 1, format!("T{tag}"));
        catalogue.apply(&Effect::PutTag { tag, name, weight: 1 }).unwrap();
    }
    let refused = catalogue.plan(&create_tag("one-more", 1));
    assert!(matches!(refused, Err(ChangeError::TooMany { count_max: limits::TAGS_MAX })));
}

#[test]
fn the_last_number_is_never_given() {
    let mut catalogue = Catalogue::initial();
    catalogue.apply(&Effect::RemoveTag { tag: u32::MAX - 1 }).unwrap();
    catalogue.apply(&Effect::RemoveSupplier { supplier: u32::MAX }).unwrap();
    assert!(catalogue.plan(&create_tag("a", 1)).is_err());
    assert!(catalogue.plan(&create("A")).is_err());
}

pub(super) fn any_change() -> impl Strategy<Value = CatalogueChange> {
    let name = || prop::sample::select(vec!["A", "B", "C", "D", "InternalTI"]);
    prop_oneof![
        1 => prop::sample::select(vec!["t1", "t2", "t3"]).prop_map(add_tenant),
        4 => name().prop_map(create),
        4 => (0..3_u32, name(), name()).prop_map(|(tenant, from, to)| rename(tenant, from, to)),
        3 => (0..4_u32, name(), 0..101_u8).prop_map(|(tenant, name, value)| trust(tenant, name, value)),
        3 => name().prop_map(remove),
        4 => (name(), 0..6_u8).prop_map(|(name, weight)| create_tag(name, weight)),
        4 => (name(), prop::option::of(name()), prop::option::of(0..6_u8))
            .prop_map(|(name, to, weight)| update_tag(name, to, weight)),
        3 => name().prop_map(remove_tag),
    ]
}

proptest! {
    #[test]
    fn changes_keep_the_invariants_and_never_reuse_a_number(changes in prop::collection::vec(any_change(), 0..60)) {
        let mut catalogue = Catalogue::initial();
        for change in &changes {
            let before = catalogue.clone();
            let Ok(effects) = step(&mut catalogue, change) else {
                prop_assert_eq!(&catalogue, &before);
                continue;
            };
            check_invariants(&catalogue);
            for effect in effects {
                match effect {
                    Effect::PutSupplier { supplier, .. } => prop_assert!(
                        before.next_supplier <= supplier || before.suppliers.contains_key(&SupplierId(supplier))
                    ),
                    Effect::PutTag { tag, .. } => {
                        prop_assert!(before.next_tag <= tag || before.tags.contains_key(&TagId(tag)));
                    }
                    _ => (),
                }
            }
        }
    }
}
