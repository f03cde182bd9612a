//! Requests to the daemon, and the comparison of what it answers with what a tenant of the oracle does.
//!
//! In: elements or objects. Out: differences in the summary.

use serde_json::{Value as Json, json};

use super::{
    answers::{array, text},
    explaining, refanging,
    summary::OracleSummary,
    value::Refusal,
    world::{Found, Tenant},
};
use crate::client::Client;

/// An element of a PUT or DELETE.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub(super) text: String,
    pub(super) context: Option<Json>,
}

/// A request whose success is no question.
pub(super) fn must(client: &mut Client, method: &str, path: &str, body: &Json) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = client.ask(method, path, body.as_bytes()).unwrap().answer;
    assert!(matches!(answer.status, 200 | 201), "{method} {path}: {} {}", answer.status, answer.text());
}

/// Sends elements by PUT or DELETE, and compares what is refused. `expected` has the verdict for each.
pub(super) fn change(
    client: &mut Client,
    method: &str,
    path: &str,
    elements: &[Element],
    expected: &[Result<(), Refusal>],
    summary: &mut OracleSummary,
) {
    let body: Vec<Json> = elements
        .iter()
        .map(|Element { text, context }| match context {
            Some(context) => json!({"indicator": text, "context": context}),
            None => json!({"indicator": text}),
        })
        .collect();
    let answer = client.ask(method, path, Json::from(body).to_string().as_bytes()).unwrap().answer;
    summary.elements += elements.len() as u64;
    let wanted: Vec<(&str, &str)> = elements
        .iter()
        .zip(expected)
        .filter_map(|(element, verdict)| Some((element.text.as_str(), verdict.err()?.reason())))
        .collect();
    summary.refusals += wanted.len() as u64;
    let parsed: Json = serde_json::from_slice(&answer.body).unwrap_or_default();
    let told: Vec<(&str, &str)> = array(parsed.pointer("/0/error_indicators"))
        .iter()
        .map(|one| (text(one, "indicator"), text(one, "reason")))
        .collect();
    let success = if method == "PUT" { 201 } else { 200 };
    let status = if wanted.is_empty() { success } else { 202 };
    let has_status = answer.status == status || (told != wanted && matches!(answer.status, 200..=202));
    if !has_status {
        summary.differ(format!("{method} {path}: {} instead of {status}: {}", answer.status, answer.text()));
    }
    compare_refusals(method, path, elements, expected, &told, summary);
}

fn compare_refusals(
    method: &str,
    path: &str,
    elements: &[Element],
    expected: &[Result<(), Refusal>],
    told: &[(&str, &str)],
    summary: &mut OracleSummary,
) {
    let mut told = told.iter().peekable();
    for (Element { text, .. }, verdict) in elements.iter().zip(expected) {
        // Equal texts of one body have equal verdicts, so the next one told is about this one or about none.
        let refused = told.next_if(|(value, _)| value == text).map(|(_, reason)| *reason);
        let wanted = verdict.err().map(Refusal::reason);
        if refused == wanted {
            continue;
        }
        if refused.is_some() && wanted.is_some() && refanging::has_open_reason(text) {
            summary.open_reasons += 1;
        } else {
            let say = |reason: Option<&str>| {
                reason.map_or("taken".to_owned(), |reason| format!("refused ({reason})"))
            };
            let (refused, wanted) = (say(refused), say(wanted));
            summary.differ(format!("{method} {path} {text:?}: {refused}, by the contract {wanted}"));
        }
    }
    if let Some((value, reason)) = told.next() {
        summary.differ(format!("{method} {path}: {value:?} ({reason}) is told out of order"));
    }
}

/// Looks objects up, and compares what is found.
pub(super) fn look_up(
    client: &mut Client,
    tenant: &str,
    known: &Tenant,
    objects: &[String],
    summary: &mut OracleSummary,
) {
    let body: Vec<Json> = objects.iter().map(|object| json!({"object": object})).collect();
    let path = format!("/api/1.3/{tenant}/lookup");
    let answer = client.ask("POST", &path, Json::from(body).to_string().as_bytes()).unwrap().answer;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let results: Vec<Json> = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(results.len(), objects.len());
    for (object, result) in objects.iter().zip(&results) {
        let wanted = known.look_up(object);
        summary.lookups += 1;
        summary.hits += u64::from(!wanted.categories.is_empty());
        summary.silenced += u64::from(wanted.is_silenced);
        let word = if wanted.categories.is_empty() { "not detected" } else { "detected" };
        let found = found(result);
        if found != wanted.categories || text(result, "result") != word || text(result, "object") != object {
            summary.differ(difference(tenant, known, object, result, &wanted));
        }
    }
    explaining::compare(client, tenant, known, objects, &results, summary);
}

fn difference(tenant: &str, known: &Tenant, object: &str, result: &Json, wanted: &Found) -> String {
    format!(
        "lookup of {object:?} by {tenant}: {} {}: {:?}\n    by the contract: {:?}{}\n    matched: {}",
        text(result, "result"),
        if text(result, "object") == object { "" } else { "(another object)" },
        found(result),
        wanted.categories,
        if wanted.is_silenced { " (a false positive)" } else { "" },
        known.explain(object),
    )
}

/// Categories as they were told; those of one supplier sorted.
fn found(result: &Json) -> Vec<(String, String, String)> {
    let mut categories: Vec<_> = array(result.get("categories"))
        .iter()
        .map(|one| {
            let context = one.get("context").map(Json::to_string).unwrap_or_default();
            (text(one, "category").to_owned(), text(one, "detected_indicator").to_owned(), context)
        })
        .collect();
    let supplier = |one: &(String, String, String)| one.0.split('_').next().unwrap().to_owned();
    for of_supplier in categories.chunk_by_mut(|one, next| supplier(one) == supplier(next)) {
        of_supplier.sort();
    }
    categories
}
