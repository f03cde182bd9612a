//! Every change has a sentence that says what it does.

use expect_test::expect;
use sluice_model::{
    Confidence, RetentionMinutes, SupplierName, TagName, TagWeight, TenantId, TenantName, Vendor,
};
use sluice_store::catalogue::{CatalogueChange, SupplierPatch, SupplierSettings, TagPatch};

use super::sentence;

#[test]
fn the_sentences_of_all_changes() {
    let supplier = |name: &str| SupplierName::parse(name).unwrap();
    let tag = |name: &str| TagName::parse(name).unwrap();
    let changes = [
        CatalogueChange::AddTenant { name: TenantName::parse("acme").unwrap() },
        CatalogueChange::CreateSupplier {
            name: supplier("Feed"),
            settings: SupplierSettings {
                confidence: Confidence::new(80).unwrap(),
                retention: RetentionMinutes::new(60).unwrap(),
                vendor: Vendor::parse("A \"vendor\"").unwrap(),
                enabled: true,
                refang: false,
            },
        },
        CatalogueChange::UpdateSupplier {
            tenant: TenantId::GENERAL,
            name: supplier("Feed"),
            patch: SupplierPatch {
                name: Some(supplier("Other")),
                enabled: Some(false),
                ..SupplierPatch::default()
            },
        },
        CatalogueChange::RemoveSupplier { name: supplier("Other") },
        CatalogueChange::CreateTag { name: tag("ONE"), weight: TagWeight::new(3).unwrap() },
        CatalogueChange::UpdateTag {
            name: tag("ONE"),
            patch: TagPatch { name: Some(tag("TWO")), weight: Some(TagWeight::new(4).unwrap()) },
        },
        CatalogueChange::RemoveTag { name: tag("TWO") },
    ];
    let told: Vec<String> = changes.iter().map(sentence).collect();
    expect![[r#"
        tenant acme added
        supplier Feed created, confidence=80, retention=60, vendor="A \"vendor\"", enabled=true, refang=false
        supplier Feed updated, name="Other", enabled=false
        supplier Other removed with its indicators
        tag ONE created, weight=3
        tag ONE updated, name="TWO", weight=4
        tag TWO removed"#]]
    .assert_eq(&told.join("\n"));
}
