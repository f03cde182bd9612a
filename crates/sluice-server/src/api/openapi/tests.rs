//! The document has what the tables and the code have, no more and no less, and is whole in itself.

use std::collections::BTreeSet;

use actix_web::http::Method;
use serde_json::Value;
use sluice_ingest::REFUSED_FOR;
use sluice_model::rejection::Property;
use utoipa::openapi::OpenApi;

use super::{TABLES, document, page::METHODS, versions};
use crate::{
    api::{
        cybertrace::{self, entity::PROPERTIES},
        route::find,
        v1::{
            self, batch_list::LIST_PARAMETERS, changes::parameters::CHANGES_PARAMETERS,
            export::parameters::EXPORT_PARAMETERS, lookup_parameters::LOOKUP_PARAMETERS,
            parameters::IMPORT_PARAMETERS,
        },
    },
    http::problem_details::{self, PAGES, TYPES},
};

fn json() -> Value {
    serde_json::to_value(document()).unwrap()
}

/// Path, method and description of every request that the document has.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(METHODS.contains(&method.as_str()), "{method} {path}");
            all.push((path.clone(), method.to_ascii_uppercase(), operation.clone()));
        }
    }
    all
}

fn operation(document: &Value, name: &str) -> Value {
    let all = operations(document).into_iter();
    let mut named = all.filter(|(_, _, operation)| operation["operationId"] == name);
    named.next().unwrap_or_else(|| panic!("there is no {name}")).2
}

fn words(form: &Value) -> BTreeSet<String> {
    form.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

fn owned<'a>(words: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    words.into_iter().map(str::to_owned).collect()
}

/// Where the values of a kind of keyword stand, wherever that is in the document.
fn collect(value: &Value, keyword: &str, found: &mut Vec<Value>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if name == keyword {
                    found.push(member.clone());
                }
                collect(member, keyword, found);
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, keyword, found)),
        _ => {}
    }
}

#[test]
fn every_row_of_the_apis_is_described_on_each_of_its_paths_and_versions() {
    let document = json();
    let mut described: BTreeSet<(String, String)> = BTreeSet::new();
    for (path, method, _) in operations(&document) {
        described.insert((method, path));
    }
    for route in cybertrace::table::ROUTES.iter().chain(&v1::table::ROUTES) {
        assert!(route.documented.is_some(), "{} has no description", route.name);
        for (since, pattern) in route.paths {
            let there = versions(*since);
            let only = format!("/api/{}", there.last().unwrap());
            let path = if there.len() == 1 {
                pattern.replace("/api/{version}", &only)
            } else {
                (*pattern).to_owned()
            };
            assert!(described.contains(&(route.method.to_string(), path.clone())), "{} {path}", route.method);
        }
    }
}

#[test]
fn every_description_leads_to_its_row_in_each_version() {
    let document = json();
    for (path, method, operation) in operations(&document) {
        let versions =
            operation["parameters"].as_array().into_iter().flatten().find(|known| known["name"] == "version");
        let versions = versions
            .map_or(vec![String::new()], |known| words(&known["schema"]["enum"]).into_iter().collect());
        for version in versions {
            let path =
                path.replace("{version}", &version).replace("{file}", "list.txt").replace(['{', '}'], "");
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let found =
                find(&TABLES, &method, &path).unwrap_or_else(|_| panic!("{method} {path} is not served"));
            let id = operation["operationId"].as_str().unwrap();
            assert_eq!(id.trim_end_matches("OfTenant"), found.route.name, "{method} {path}");
        }
    }
}

#[test]
fn it_is_whole_openapi_3_1() {
    let document = json();
    assert_eq!(document["openapi"], "3.1.0");
    // Every reference leads somewhere, and everything that can be referred to is.
    let (mut references, mut ids) = (Vec::new(), BTreeSet::new());
    collect(&document, "$ref", &mut references);
    for reference in &references {
        let pointer = reference.as_str().unwrap().trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    for kind in ["schemas", "responses", "headers"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            // Of the types of problems, that of another method is the one that no described request can have.
            let is_known = name == "Problem405" || references.iter().any(|known| *known == reference);
            assert!(is_known, "nothing refers to {reference}");
        }
    }
    for (path, method, operation) in operations(&document) {
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{method} {path}");
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
        let in_path: BTreeSet<String> = in_path
            .map(|parameter| {
                assert_eq!(parameter["required"], true, "{method} {path}");
                parameter["name"].as_str().unwrap().to_owned()
            })
            .collect();
        let segments = path.split('/').filter(|segment| segment.starts_with('{'));
        assert_eq!(
            in_path,
            owned(segments.map(|segment| segment.trim_matches(['{', '}']))),
            "{method} {path}"
        );
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{method} {path}");
        assert_eq!(
            answers.contains_key("415"),
            path.starts_with("/v1") && operation["requestBody"].is_object()
        );
    }
    // What is read back is the same, so nothing in it is of no known kind.
    let text = super::document().to_json().unwrap();
    let read: OpenApi = serde_json::from_str(&text).unwrap();
    assert_eq!(read.to_json().unwrap(), text);
}

#[test]
fn parameters_are_those_that_are_read() {
    let document = json();
    let in_query = |name: &str| {
        let parameters = operation(&document, name)["parameters"].as_array().unwrap().clone();
        let in_query = parameters.iter().filter(|parameter| parameter["in"] == "query");
        in_query.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    assert_eq!(in_query("ImportIndicators"), owned(IMPORT_PARAMETERS));
    assert_eq!(in_query("ImportDeletions"), owned(IMPORT_PARAMETERS));
    assert_eq!(in_query("ListBatches"), owned(LIST_PARAMETERS));
    assert_eq!(in_query("LookUpValues"), owned(LOOKUP_PARAMETERS));
    assert_eq!(in_query("LookUpRows"), owned([]));
    let of_export = |left_out: &str| owned(EXPORT_PARAMETERS.into_iter().filter(|name| *name != left_out));
    assert_eq!(in_query("ExportIndicators"), of_export(""));
    assert_eq!(in_query("ExportSupplier"), of_export("supplier"));
    assert_eq!(in_query("ExportTag"), of_export("tag"));
    assert_eq!(in_query("FollowChanges"), owned(CHANGES_PARAMETERS));
    let page = problem_details::of_name("unknown-parameter").unwrap().page;
    let of_rows = EXPORT_PARAMETERS.iter().chain(&CHANGES_PARAMETERS);
    for name in IMPORT_PARAMETERS.iter().chain(&LIST_PARAMETERS).chain(&LOOKUP_PARAMETERS).chain(of_rows) {
        assert!(page.contains(name), "the page of unknown parameters does not name {name}");
    }
}

#[test]
fn problems_and_reasons_are_those_of_the_code() {
    let document = json();
    let forms = &document["components"]["schemas"];
    assert_eq!(words(&forms["Reason"]["enum"]), owned(REFUSED_FOR));
    let types = words(&forms["Problem"]["properties"]["type"]["enum"]);
    assert_eq!(types, TYPES.iter().map(|known| format!("{PAGES}{}", known.name)).collect());
    // Each of them stands under its status as well, and that status is told of some request.
    let mut statuses = BTreeSet::new();
    for (_, _, operation) in operations(&document) {
        statuses.extend(operation["responses"].as_object().unwrap().keys().cloned());
    }
    for known in &TYPES {
        let answer = &document["components"]["responses"][format!("Problem{}", known.status())];
        // 405 is no answer to a request that there is.
        assert!(known.status() == 405 || statuses.contains(&known.status().to_string()), "{}", known.name);
        assert!(answer["description"].as_str().unwrap().contains(known.name), "{}", known.name);
    }
}

#[test]
fn bodies_have_the_properties_that_are_read() {
    let document = json();
    let properties = |names: &[&str]| {
        let mut all = BTreeSet::new();
        for name in names {
            let form = document["components"]["schemas"][name]["properties"].as_object().unwrap();
            all.extend(form.keys().cloned());
        }
        all
    };
    assert_eq!(properties(&["SupplierChange", "TagChange"]), owned(PROPERTIES));
    assert_eq!(properties(&["NewSupplier", "NewTag"]), owned(PROPERTIES));
    assert_eq!(
        properties(&["Indicator", "IndicatorToDelete"]),
        owned(Property::ALL.iter().map(|property| property.as_str()))
    );
}
