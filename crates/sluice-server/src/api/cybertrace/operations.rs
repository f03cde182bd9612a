//! What the document of the API says of each request of CyberTrace: what it is for, its body and what it answers with.
//!
//! In: nothing. Out: a description for each row of [`table`](super::table), and the forms that they name. What can be said of any
//! row is added by [`openapi`](crate::api::openapi). Bodies are read by hand, so their forms are written by hand; a test holds
//! them to the properties that are read.

use serde_json::json;
use sluice_model::limits;
use utoipa::openapi::{
    ComponentsBuilder, ObjectBuilder,
    path::OperationBuilder,
    schema::{ArrayBuilder, Type},
};

use super::{suppliers::SupplierView, tags::TagView};
use crate::{
    api::openapi::forms::{
        JSON, answer, boolean, integer, json_body, list_of, name, one, or_null, refers, text, word,
    },
    http::answer::StatusView,
};

fn described(summary: &str, description: &str) -> OperationBuilder {
    OperationBuilder::new().summary(Some(summary)).description(Some(description))
}

/// Answers with a sentence alone.
fn told(operation: OperationBuilder, status: &str, sentence: &str) -> OperationBuilder {
    operation.response(status, answer(sentence, JSON, one(refers("Status"))))
}

pub(super) fn lookup() -> OperationBuilder {
    described(
        "Looks values up",
        "One result for each object, in order. A URL also matches by its path, its host and its parent domains, an address by its networks. \
         What `FalsePositive` holds is not detected.",
    )
    .request_body(Some(json_body(
        ArrayBuilder::from(list_of(refers("LookupObject"))).min_items(Some(1)),
        json!([{"object": "https://cdn.example.com/a?b"}, {"object": "192.0.2.1"}]),
    )))
    .response("200", answer("What was found.", JSON, list_of(refers("LookupResult"))))
}

pub(super) fn list_suppliers() -> OperationBuilder {
    described("Lists suppliers", "Names and statuses alone, built-in suppliers included.")
        .response("200", answer("All suppliers, by name.", JSON, list_of(refers("Supplier"))))
}

pub(super) fn create_supplier() -> OperationBuilder {
    let operation = described("Creates a supplier", "In all tenants.").request_body(Some(json_body(
        one(refers("NewSupplier")),
        json!([{"name": "ExampleFeed", "confidence": 80, "retention": 43200}]),
    )));
    told(operation, "201", "Supplier successfully created")
}

pub(super) fn get_supplier() -> OperationBuilder {
    described("Shows a supplier", "").response("200", answer("The supplier.", JSON, one(refers("Supplier"))))
}

pub(super) fn update_supplier() -> OperationBuilder {
    let operation = described(
        "Changes a supplier",
        "What is not given stays. A new `name` counts in all tenants, needs an administrator, and keeps the indicators; everything else is changed \
         in the tenant alone.",
    )
    .request_body(Some(json_body(one(refers("SupplierChange")), json!([{"confidence": 60}]))));
    told(operation, "200", "Supplier successfully updated")
}

pub(super) fn remove_supplier() -> OperationBuilder {
    let operation = described("Removes a supplier", "From all tenants, and its indicators with it.");
    told(operation, "201", "Supplier successfully removed")
}

pub(super) fn add_indicators() -> OperationBuilder {
    let operation = described(
        "Adds indicators to a supplier, and renews those that it has",
        "Answered once every accepted indicator is durable. Version 1.0 has no `tags`, `mark_detections` begins with 1.2. The same value twice: \
         the later one counts.",
    )
    .request_body(Some(json_body(
        list_of(refers("Indicator")),
        json!([{"indicator": "bad.example.com", "context": {"family": "ExampleBot"}, "tags": ["C2"]}, {"indicator": "192.0.2.7"}]),
    )));
    told(operation, "201", "All indicators were successfully added to the database")
        .response("202", refused())
}

pub(super) fn delete_indicators() -> OperationBuilder {
    let operation =
        described("Deletes indicators of a supplier", "A value that the supplier does not hold is no error.")
            .request_body(Some(json_body(
                list_of(refers("IndicatorToDelete")),
                json!([{"indicator": "bad.example.com"}]),
            )));
    told(operation, "200", "All indicators were successfully deleted from the database")
        .response("202", refused())
}

fn refused() -> utoipa::openapi::Response {
    answer(
        "Those that are listed were refused; all others are stored or deleted.",
        JSON,
        one(refers("Refused")),
    )
}

pub(super) fn list_tags() -> OperationBuilder {
    described("Lists tags", "").response("200", answer("All tags, by name.", JSON, list_of(refers("Tag"))))
}

pub(super) fn create_tag() -> OperationBuilder {
    let operation = described("Creates a tag", "Its name is stored in upper case.")
        .request_body(Some(json_body(one(refers("NewTag")), json!([{"name": "C2", "weight": 3}]))));
    told(operation, "201", "Tag successfully created")
}

pub(super) fn get_tag() -> OperationBuilder {
    described("Shows a tag", "").response("200", answer("The tag.", JSON, one(refers("Tag"))))
}

pub(super) fn update_tag() -> OperationBuilder {
    let operation = described("Changes a tag", "What is not given stays. The indicators follow a new name.")
        .request_body(Some(json_body(one(refers("TagChange")), json!([{"weight": 5}]))));
    told(operation, "200", "Tag successfully updated")
}

pub(super) fn remove_tag() -> OperationBuilder {
    told(described("Removes a tag", "It is taken off every indicator."), "200", "Tag successfully deleted")
}

/// Adds the forms that the descriptions name.
pub(crate) fn add_forms(components: ComponentsBuilder) -> ComponentsBuilder {
    components
        .schema_from::<StatusView<'_>>()
        .schema_from::<SupplierView<'_>>()
        .schema_from::<TagView<'_>>()
        .schema("Indicator", indicator())
        .schema("IndicatorToDelete", indicator_to_delete())
        .schema("Refused", refused_indicators())
        .schema("LookupObject", ObjectBuilder::new().property("object", text("A value.")).required("object"))
        .schema("LookupResult", lookup_result())
        .schema("NewSupplier", supplier().required("name").required("confidence").required("retention"))
        .schema("SupplierChange", supplier())
        .schema("NewTag", tag().required("name").required("weight"))
        .schema("TagChange", tag())
}

fn value() -> ObjectBuilder {
    text("A hash (MD5, SHA-1, SHA-256), an IP address, a network, a domain or a URL.")
}

fn indicator() -> ObjectBuilder {
    let tags = ArrayBuilder::new()
        .schema_type(or_null(Type::Array))
        .items(name("Name of a tag that exists, in any letter case."))
        .description(Some("Replaces the tags of the value; `[]` takes all off. Absent: they stay."));
    let context =
        ObjectBuilder::new().schema_type(or_null(Type::Object)).min_properties(Some(1)).description(Some(
            "What the supplier says of the value. Absent: what is stored stays. Not for `FalsePositive`.",
        ));
    ObjectBuilder::new()
        .description(Some("An indicator, with what its supplier says of it. Other properties are ignored, but for a `url` that is the same indicator as it was sent."))
        .property("indicator", value())
        .property("context", context)
        .property("tags", tags)
        .property("mark_detections", boolean("Taken for `FalsePositive`."))
        .required("indicator")
}

fn indicator_to_delete() -> ObjectBuilder {
    ObjectBuilder::new()
        .property("indicator", value())
        .property("unmark_detections", boolean("Taken for `FalsePositive`."))
        .required("indicator")
}

fn refused_indicators() -> ObjectBuilder {
    let refused = ObjectBuilder::new()
        .property("indicator", text("The value as it was sent; what was no text, as its JSON."))
        .property("reason", text("Why it was refused.").min_length(Some(1)))
        .required("indicator")
        .required("reason");
    ObjectBuilder::new()
        .property("status", text("A sentence."))
        .property("error_indicators", ArrayBuilder::from(list_of(refused)).min_items(Some(1)))
        .required("status")
        .required("error_indicators")
}

fn lookup_result() -> ObjectBuilder {
    let category = ObjectBuilder::new()
        .property(
            "category",
            text("Supplier and kind.")
                .pattern(Some("^[A-Za-z0-9_-]+_(URL|IP|Hash_MD5|Hash_SHA1|Hash_SHA256)$")),
        )
        .property("detected_indicator", text("The stored value, in normal form."))
        .property(
            "context",
            ObjectBuilder::new()
                .schema_type(Type::Object)
                .description(Some("As it was stored; `{}` if there is none.")),
        )
        .required("category")
        .required("detected_indicator")
        .required("context");
    ObjectBuilder::new()
        .property("object", text("The value as it was sent."))
        .property("result", word(&["detected", "not detected"], "Whether a supplier has it."))
        .property("categories", list_of(category))
        .required("object")
        .required("result")
        .required("categories")
}

fn supplier() -> ObjectBuilder {
    ObjectBuilder::new()
        .property("name", name("Not `FalsePositive` or `InternalTI`, in any letter case."))
        .property("confidence", integer(0, Some(limits::CONFIDENCE_MAX.into()), "How far it is trusted."))
        .property(
            "retention",
            integer(
                1,
                Some(limits::RETENTION_MINUTES_MAX),
                "Minutes after its last update for which an indicator matches.",
            ),
        )
        .property(
            "vendor",
            text("Free text without control characters.")
                .max_length(Some(limits::VENDOR_CHARS_MAX))
                .pattern(Some("^[^\\u0000-\\u001f\\u007f-\\u009f]*$")),
        )
        .property("status", word(&["enabled", "disabled"], "Whether its indicators match."))
        .property(
            "refang",
            boolean("Whether values are read as what they stand for: `hxxp://example[.]com`."),
        )
}

fn tag() -> ObjectBuilder {
    ObjectBuilder::new()
        .property("name", name("Stored in upper case."))
        .property("weight", integer(0, Some(limits::TAG_WEIGHT_MAX.into()), "From 0 to 5."))
}
