//! Effects on disk, and the laws under which they may come late, twice or torn.

use std::fmt::Write as _;

use expect_test::expect;
use proptest::prelude::*;
use sluice_model::{SupplierId, TagId, TenantId};

use super::super::tests::{add_tenant, any_change, create_tag, remove, step};
use super::{Catalogue, Effect};

#[test]
fn effects_keep_their_form_on_disk() {
    let mut catalogue = Catalogue::initial();
    let mut seen = String::new();
    for change in [add_tenant("acme"), create_tag("win", 5), remove("Ghost")] {
        drop(step(&mut catalogue, &change));
    }
    let removes = [Effect::RemoveSupplier { supplier: 3 }, Effect::RemoveTag { tag: 1 }];
    for effect in catalogue.to_effects().into_iter().chain(removes) {
        let text = serde_json::to_string(&effect).unwrap();
        assert_eq!(serde_json::from_str::<Effect>(&text).unwrap(), effect);
        writeln!(seen, "{text}").unwrap();
    }
    expect![[r#"
        {"counters":{"next_tenant":2,"next_supplier":5,"next_tag":2}}
        {"put_tenant":{"tenant":0,"name":"General"}}
        {"put_tenant":{"tenant":1,"name":"acme"}}
        {"put_supplier":{"supplier":1,"tenant":0,"name":"FalsePositive","confidence":100,"retention_minutes":5256000,"vendor":"","enabled":true,"refang":false}}
        {"put_supplier":{"supplier":2,"tenant":0,"name":"InternalTI","confidence":100,"retention_minutes":5256000,"vendor":"","enabled":true,"refang":false}}
        {"put_supplier":{"supplier":3,"tenant":1,"name":"FalsePositive","confidence":100,"retention_minutes":5256000,"vendor":"","enabled":true,"refang":false}}
        {"put_supplier":{"supplier":4,"tenant":1,"name":"InternalTI","confidence":100,"retention_minutes":5256000,"vendor":"","enabled":true,"refang":false}}
        {"put_tag":{"tag":1,"name":"WIN","weight":5}}
        {"remove_supplier":{"supplier":3}}
        {"remove_tag":{"tag":1}}
    "#]].assert_eq(&seen);
}

#[test]
fn what_the_model_refuses_is_refused_on_the_way_in() {
    let mut catalogue = Catalogue::initial();
    let before = catalogue.clone();
    let bad = [
        Effect::PutTenant { tenant: 5, name: "tags".to_owned() },
        Effect::PutTag { tag: 5, name: String::new(), weight: 1 },
        Effect::PutTag { tag: 5, name: "A".to_owned(), weight: 6 },
        put_bad("A B", 1, 1, ""),
        put_bad("A", 101, 1, ""),
        put_bad("A", 1, 0, ""),
        put_bad("A", 1, 1, "\u{7}"),
    ];
    let mut seen = String::new();
    for effect in bad {
        writeln!(seen, "{}", catalogue.apply(&effect).unwrap_err()).unwrap();
    }
    assert_eq!(catalogue, before);
    expect![[r#"
        tenant 5: the name 'tags' is reserved
        tag 5: a name must not be empty
        tag 5: weight must be an integer from 0 to 5
        supplier 9: the name 'A B' has a character other than Latin letters, digits, '-' and '_'
        supplier 9: confidence must be an integer from 0 to 100
        supplier 9: retention must be an integer from 1 to 5256000
        supplier 9: vendor has a control character
    "#]]
    .assert_eq(&seen);
}

#[test]
fn a_row_that_leaves_late_does_not_take_a_name_with_it() {
    let mut catalogue = Catalogue::initial();
    for number in [5, 6] {
        catalogue.apply(&put(number, "A")).unwrap();
        catalogue.apply(&Effect::PutTag { tag: number, name: "A".to_owned(), weight: 1 }).unwrap();
    }
    catalogue.apply(&put(5, "B")).unwrap();
    catalogue.apply(&Effect::RemoveTag { tag: 5 }).unwrap();
    assert_eq!(catalogue.supplier(TenantId::GENERAL, "A").map(|row| row.id), Some(SupplierId(6)));
    assert_eq!(catalogue.tag("A").map(|row| row.id), Some(TagId(6)));
}

fn put(supplier: u32, name: &str) -> Effect {
    let (name, vendor) = (name.to_owned(), String::new());
    let (enabled, refang) = (true, false);
    Effect::PutSupplier {
        supplier,
        tenant: 0,
        name,
        confidence: 1,
        retention_minutes: 1,
        vendor,
        enabled,
        refang,
    }
}

fn put_bad(name: &str, confidence: u8, retention_minutes: u32, vendor: &str) -> Effect {
    let (name, vendor) = (name.to_owned(), vendor.to_owned());
    let (enabled, refang) = (true, false);
    Effect::PutSupplier {
        supplier: 9,
        tenant: 0,
        name,
        confidence,
        retention_minutes,
        vendor,
        enabled,
        refang,
    }
}

proptest! {
    #[test]
    fn a_log_may_be_replayed_over_a_state_that_has_some_of_it(
        changes in prop::collection::vec(any_change(), 0..60),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
    ) {
        let mut states = vec![Catalogue::initial()];
        let mut effects = Vec::new();
        for change in &changes {
            let mut next = states.last().unwrap().clone();
            effects.push(step(&mut next, change).unwrap_or_default());
            states.push(next);
        }
        let from = from.index(states.len());
        let to = from + to.index(states.len() - from);
        let mut catalogue = states[to].clone();
        for _ in 0..2 {
            for effect in effects[from..].iter().flatten() {
                catalogue.apply(effect).unwrap();
            }
            prop_assert_eq!(&catalogue, states.last().unwrap());
        }
    }

    #[test]
    fn a_dump_rebuilds_the_catalogue(changes in prop::collection::vec(any_change(), 0..60)) {
        let mut catalogue = Catalogue::initial();
        for change in &changes {
            drop(step(&mut catalogue, change));
        }
        prop_assert_eq!(Catalogue::from_effects(&catalogue.to_effects()), Ok(catalogue));
    }
}
