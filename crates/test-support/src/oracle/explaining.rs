//! Lookups that explain themselves, held against those of the CyberTrace API and against the oracle.
//!
//! In: objects, and what the CyberTrace API has answered for them. Out: differences in the summary. Both answers must tell the
//! same matches in the same order; what allows a value and what is passed over must be as the oracle reads the contract.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::{Value as Json, json};

use super::{
    answers::{array, text},
    summary::OracleSummary,
    value::Value,
    world::{Explained, Tenant},
};
use crate::client::Client;

/// Lists of an explanation: what matches by what, whose, and why it does not count.
type Told = BTreeMap<[String; 4], u64>;

/// Looks the same objects up once more, and compares.
pub(super) fn compare(
    client: &mut Client,
    tenant: &str,
    known: &Tenant,
    objects: &[String],
    results: &[Json],
    summary: &mut OracleSummary,
) {
    let path = format!("/v1/tenants/{tenant}/lookup");
    let answer = match objects {
        [object] if summary.lookups.is_multiple_of(2) => {
            let encoded: String = object.bytes().fold(String::new(), |mut encoded, byte| {
                write!(encoded, "%{byte:02x}").unwrap();
                encoded
            });
            client.ask("GET", &format!("{path}?value={encoded}"), b"").unwrap().answer
        }
        _ => client.ask("POST", &path, body(objects, summary.lookups).as_bytes()).unwrap().answer,
    };
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.text();
    let lines: Vec<Json> = answer.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), objects.len(), "{answer}");
    for ((object, line), result) in objects.iter().zip(&lines).zip(results) {
        summary.explained += 1;
        summary.passed_over += array(line.get("passed_over")).len() as u64;
        if let Some(what) = difference(known, object, line, result) {
            let explained = known.explain(object);
            summary.differ(format!(
                "{what} of {object:?} by {tenant}: {line}\n    {result}\n    matched: {explained}"
            ));
        }
    }
}

/// Objects in one of the forms that are taken as JSON.
fn body(objects: &[String], number: u64) -> String {
    if number.is_multiple_of(2) {
        return objects.iter().map(|object| json!({"object": object})).collect::<Json>().to_string();
    }
    objects.iter().map(|object| json!({"value": object}).to_string() + "\n").collect()
}

/// In what an explanation differs from the answer of the CyberTrace API, or from the contract.
fn difference(known: &Tenant, object: &str, line: &Json, result: &Json) -> Option<&'static str> {
    let detected: Vec<_> = array(result.get("categories"))
        .iter()
        .map(|one| {
            [text(one, "category"), text(one, "detected_indicator"), &one["context"].to_string()].join(" ")
        })
        .collect();
    let explained = known.explained(object);
    let listed: Vec<_> = array(line.get("matches"))
        .iter()
        .map(|one| {
            let category = format!("{}_{}", text(one, "supplier"), category(text(one, "kind")));
            [&category, text(one, "indicator"), &one["context"].to_string()].join(" ")
        })
        .collect();
    if listed != detected || text(line, "value") != object {
        return Some("another match");
    }
    if (text(line, "verdict") == "listed") != (text(result, "result") == "detected") {
        return Some("another verdict");
    }
    if text(line, "verdict") != explained.verdict() {
        return Some("another verdict than that of the contract");
    }
    let value = (line.get("normal").and_then(Json::as_str), line.get("kind").and_then(Json::as_str));
    let wanted = explained.value.as_ref().map(Value::to_string);
    if value != (wanted.as_deref(), explained.value.as_ref().map(Value::kind)) {
        return Some("another normal form or kind");
    }
    if line.get("reason").and_then(Json::as_str) != explained.value.is_none().then_some("invalid-indicator") {
        return Some("another reason");
    }
    let (told, wanted) = (told(line), explained.told());
    // Merges drop what has expired.
    let is_there = |(one, count): (&[String; 4], &u64)| told.get(one) == Some(count) || one[3] == "expired";
    let is_wanted = |(one, count): (&[String; 4], &u64)| wanted.get(one) == Some(count);
    let is_same = wanted.iter().all(is_there) && told.iter().all(is_wanted);
    (!is_same).then_some("another explanation")
}

/// What the lists of an explanation tell.
fn told(line: &Json) -> Told {
    let mut told = Told::new();
    for (list, standing) in [("matches", Some("")), ("allowed_by", Some("allows")), ("passed_over", None)] {
        for one in array(line.get(list)) {
            let standing = standing.unwrap_or_else(|| text(one, "why"));
            let indicator = format!("{} {}", text(one, "kind"), text(one, "indicator"));
            let one = [&indicator, text(one, "by"), text(one, "supplier"), standing];
            *told.entry(one.map(str::to_owned)).or_default() += 1;
        }
    }
    told
}

impl Explained {
    fn told(&self) -> Told {
        let mut told = Told::new();
        for one in &self.indicators {
            let one = [&*one.indicator, one.by, one.supplier, one.standing];
            *told.entry(one.map(str::to_owned)).or_default() += 1;
        }
        told
    }

    fn verdict(&self) -> &'static str {
        let has = |standing: &str| self.indicators.iter().any(|one| one.standing == standing);
        if has("") {
            "listed"
        } else if has("allows") {
            "allowed"
        } else {
            "unknown"
        }
    }
}

/// What follows the supplier's name in the category of an indicator of a kind.
fn category(kind: &str) -> &'static str {
    match kind {
        "md5" => "Hash_MD5",
        "sha1" => "Hash_SHA1",
        "sha256" => "Hash_SHA256",
        "ipv4" | "ipv6" | "cidr" => "IP",
        _ => "URL",
    }
}
