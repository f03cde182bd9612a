//! The form of a definition has the members that are read.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use utoipa::openapi::ObjectBuilder;

use super::definition;
use crate::lists::definition::ListDefinition;

fn members(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn a_definition_has_the_members_that_are_described() {
    let form = serde_json::to_value(definition(ObjectBuilder::new()).build()).unwrap();
    let whole = json!({"max_entries": 1, "formats": {"rpz": {}}}).to_string();
    let whole = serde_json::to_value(ListDefinition::parse(whole.as_bytes()).unwrap()).unwrap();
    assert_eq!(members(&form["properties"]), members(&whole));
    let zone = &form["properties"]["formats"]["properties"]["rpz"];
    assert_eq!(members(&zone["properties"]), members(&whole["formats"]["rpz"]));
}
