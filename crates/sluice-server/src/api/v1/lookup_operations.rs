//! What the document of the API says of lookups that explain themselves.
//!
//! In: nothing. Out: a description for each of their rows of [`table`](super::table), and the forms that they name.

use serde_json::json;
use sluice_ingest::REFUSED_FOR;
use sluice_model::{KIND_WORDS, matching::MatchedBy};
use utoipa::openapi::{
    ComponentsBuilder, Content, ObjectBuilder, Required, Response, Schema, SchemaFormat,
    path::{OperationBuilder, ParameterBuilder, ParameterIn},
    request_body::{RequestBody, RequestBodyBuilder},
    schema::{AnyOfBuilder, ArrayBuilder, Type},
};

use super::explanation::{REASONS, VERDICTS};
use crate::api::openapi::forms::{JSON, NDJSON, answer, described, integer, list_of, refers, text, word};

pub(super) fn look_up_values() -> OperationBuilder {
    let description = "A value to look up; repeated for more of them, up to the length that a head may have.";
    let values = ArrayBuilder::from(list_of(text(""))).min_items(Some(1));
    let value = ParameterBuilder::new()
        .name("value")
        .parameter_in(ParameterIn::Query)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(values));
    described("Looks values up, and tells why", "A line for each value, in order.")
        .parameter(value)
        .response("200", explanations())
}

pub(super) fn look_up_rows() -> OperationBuilder {
    described(
        "Looks many values up, and tells why",
        "A line for each value, in order. A row that is no value has its line too: `unknown`, with the reason.",
    )
    .request_body(Some(values()))
    .response("200", explanations())
}

fn explanations() -> Response {
    answer("What is known of each value.", NDJSON, list_of(refers("Explanation")))
}

fn values() -> RequestBody {
    let content = |form: Schema, example: serde_json::Value| {
        let mut content = Content::new(Some(form));
        content.example = Some(example);
        content
    };
    let rows: Schema = list_of(refers("LookupRow")).into();
    let lines: Schema =
        text("A value a line. Empty lines, and those that begin with `#`, are none.").build().into();
    RequestBodyBuilder::new()
        .description(Some("Without `Content-Type`, the form is told by how the body begins."))
        .content(
            NDJSON,
            content(rows.clone(), json!([{"value": "http://bad.example.com/a"}, {"value": "192.0.2.7"}])),
        )
        .content(JSON, content(rows, json!([{"object": "bad.example.com"}])))
        .content("text/plain", content(lines, json!("bad.example.com\n192.0.2.7\n")))
        .required(Some(Required::True))
        .build()
}

/// Adds the forms that the descriptions name.
pub(super) fn add_forms(components: ComponentsBuilder) -> ComponentsBuilder {
    components
        .schema("LookupRow", lookup_row())
        .schema("Explanation", explanation())
        .schema("ExplainedMatch", explained_match())
}

/// A row of a body.
fn lookup_row() -> Schema {
    let value = || text("The value.");
    let alone = |name: &str| ObjectBuilder::new().property(name, value()).required(name);
    AnyOfBuilder::new().item(alone("value")).item(alone("object")).item(alone("indicator")).build().into()
}

/// What is known of a value.
fn explanation() -> ObjectBuilder {
    let matches = |description: &str| {
        ArrayBuilder::from(list_of(refers("ExplainedMatch"))).description(Some(description))
    };
    ObjectBuilder::new()
        .property("value", text("As it was sent, or the beginning of a row that could not be read."))
        .property("normal", text("Its normal form, if it is an indicator."))
        .property("kind", word(&KIND_WORDS, "What it is, if it is an indicator."))
        .property("reason", word(&REFUSED_FOR, "Why it is no indicator, if it is none."))
        .property("hint", text("The same in plain English."))
        .property(
            "verdict",
            word(&VERDICTS, "`listed` is what the lookup of CyberTrace calls `detected`. `allowed`: it is not, because of the allow list."),
        )
        .property("matches", matches("Indicators for which it is listed, highest confidence first."))
        .property("allowed_by", matches("Indicators of the allow list that keep others from counting."))
        .property("passed_over", matches("Indicators that would match, and do not count. Left out if there are none."))
        .required("value")
        .required("verdict")
        .required("matches")
        .required("allowed_by")
}

/// An indicator that matches, or would.
fn explained_match() -> ObjectBuilder {
    let date = |description: &str| {
        text(description).format(Some(SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::DateTime)))
    };
    ObjectBuilder::new()
        .property("indicator", text("The indicator in normal form."))
        .property("kind", word(&KIND_WORDS, "What it is."))
        .property("by", word(&MatchedBy::ALL.map(MatchedBy::as_str), "By what it matches."))
        .property("supplier", text("Name of who holds it."))
        .property("confidence", integer(0, Some(100), "Confidence of the supplier."))
        .property(
            "context",
            ObjectBuilder::new().schema_type(Type::Object).description(Some("As last sent.")),
        )
        .property("tags", ArrayBuilder::from(list_of(text("Name of a tag."))))
        .property("updated", date("When the supplier last updated it."))
        .property("expires", date("When its retention is over."))
        .property("why", word(&REASONS, "Why it does not count; of `passed_over` alone."))
        .required("indicator")
        .required("kind")
        .required("by")
        .required("supplier")
        .required("confidence")
        .required("context")
        .required("tags")
        .required("updated")
        .required("expires")
}
