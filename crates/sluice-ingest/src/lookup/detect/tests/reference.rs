//! What lookups are held against: one value, key by key.

use std::{collections::BTreeSet, convert::Infallible};

use serde_json::{Value, json};
use sluice_model::{
    Indicator,
    matching::{CandidateKey, MatchScope, MatchedBy, address_or_network, candidate_keys, network_keys},
    normalize::recognize_object,
};
use sluice_store::{Record, Snapshot};

use crate::{LookupRules, fixture::Fixture};

/// The keys of one value, and by what each matches: as if there were networks of all lengths.
fn keys_of(snapshot: &Snapshot, scope: MatchScope, object: &str) -> Vec<(Vec<u8>, MatchedBy)> {
    let (mut key, mut candidates) = (Vec::new(), Vec::new());
    let mut collect = |candidate: CandidateKey<'_>| {
        candidates.push((candidate.key.to_vec(), candidate.by));
        Ok::<_, Infallible>(())
    };
    if let Ok(value) = recognize_object(object, &mut key) {
        let may_have_prefix_masks = |mark: &[u8]| snapshot.may_hold_prefix_mask(mark);
        let (www_labels, mut room) = (value.www_labels, Vec::new());
        let Ok(()) = candidate_keys(&key, www_labels, scope, may_have_prefix_masks, &mut room, &mut collect);
        if let Some(held) = address_or_network(&key)
            && scope == MatchScope::Levels
        {
            let Ok(()) = network_keys(held, u128::MAX, &mut room, collect);
        }
    }
    candidates
}

/// What is found of one value, read key by key: the rules at their plainest.
pub(super) fn reference(fixture: &Fixture, rules: LookupRules, object: &str) -> Value {
    let snapshot = fixture.store.snapshot();
    let candidates = keys_of(&snapshot, rules.scope, object);
    let (mut matches, mut record, mut is_value_listed) = (Vec::new(), Record::new(), false);
    for (level, (key, by)) in candidates.iter().enumerate() {
        if !snapshot.get(key, &mut record).unwrap() {
            continue;
        }
        let (indicator, catalogue) = (Indicator::from_key(key).unwrap(), snapshot.catalogue());
        let mut here = Vec::new();
        for supplier in catalogue.suppliers(rules.tenant) {
            let Some(holding) = record.holdings().find(|holding| holding.supplier == supplier.id) else {
                continue;
            };
            let updated = i64::from(holding.updated) - i64::from(rules.now_seconds);
            let expires = updated + i64::from(supplier.settings.retention.get()) * 60;
            let confidence = supplier.settings.confidence.get();
            let context = if holding.context.is_empty() { b"{}" } else { holding.context };
            let one = json!({
                "supplier": supplier.name.as_str(),
                "confidence": confidence,
                "kind": format!("{:?}", indicator.kind()),
                "by": by.as_str(),
                "indicator": indicator.to_string(),
                "level": level,
                "context": serde_json::from_slice::<Value>(context).unwrap(),
                "tags": record.tags().map(|tag| catalogue.tag_by_id(tag).unwrap().name.as_str()).collect::<Vec<_>>(),
                "ages": [updated, expires],
            });
            let order = (100 - confidence, supplier.name.as_str().to_owned(), level);
            let lapsed = match (supplier.settings.enabled, expires <= 0) {
                (false, _) => Some("Disabled"),
                (true, true) => Some("Expired"),
                (true, false) => None,
            };
            here.push((order, supplier, lapsed, one));
        }
        let holds = |name: &str| {
            here.iter().any(|(_, supplier, lapsed, _)| supplier.name.as_str() == name && lapsed.is_none())
        };
        let is_listed = holds("FalsePositive");
        let is_suppressing = by.names_value() || ["Feed", "Other", "Off"].into_iter().any(holds);
        is_value_listed |= is_listed && by.names_value();
        for (order, supplier, lapsed, one) in here {
            let standing = match lapsed {
                Some(lapsed) => lapsed,
                None if supplier.is_false_positive() && is_suppressing => "Allows",
                None if supplier.is_false_positive() => "NotInherited",
                None if supplier.is_internal_ti() => "Counts",
                None if is_listed => "Allowed",
                None => "of the value",
            };
            matches.push((standing, order, one));
        }
    }
    told(object, matches, is_value_listed)
}

/// The result of an object, in order.
fn told(object: &str, mut matches: Vec<(&str, (u8, String, usize), Value)>, is_value_listed: bool) -> Value {
    for (standing, _, _) in &mut matches {
        if *standing == "of the value" {
            *standing = if is_value_listed { "Allowed" } else { "Counts" };
        }
    }
    let order = ["Counts", "Allows", "Allowed", "NotInherited", "Disabled", "Expired"];
    matches.sort_by_key(|(standing, by_supplier, _)| {
        (order.iter().position(|one| one == standing), by_supplier.clone())
    });
    let (mut told, mut others) = (Vec::new(), Vec::new());
    for (standing, _, mut one) in matches {
        if standing == "Counts" {
            told.push(one);
        } else {
            one["standing"] = standing.into();
            others.push(one);
        }
    }
    json!({"object": object, "matches": told, "others": others})
}

/// Counts the levels of a result without gaps: networks that nobody stored were not asked for.
pub(super) fn without_gaps(mut result: Value) -> Value {
    let mut levels = BTreeSet::new();
    for list in ["matches", "others"] {
        levels.extend(result[list].as_array().unwrap().iter().map(|one| one["level"].as_u64().unwrap()));
    }
    for list in ["matches", "others"] {
        for one in result[list].as_array_mut().unwrap() {
            let level = one["level"].as_u64().unwrap();
            one["level"] = levels.range(..level).count().into();
        }
    }
    result
}
