//! What the document of the API says of each request of `/v1`: what it is for, its parameters, its body and what it answers with.
//!
//! In: nothing. Out: a description for each row of [`table`](super::table), and the forms that they name. What can be said of any
//! row is added by [`openapi`](crate::api::openapi). A parameter that is not described here does not exist: see
//! [`parameters`](super::parameters).

use serde_json::json;
use sluice_ingest::REFUSED_FOR;
use utoipa::openapi::{
    AllOfBuilder, ComponentsBuilder, Content, ObjectBuilder, Required, Response, Schema, SchemaFormat,
    path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
    request_body::{RequestBody, RequestBodyBuilder},
    schema::{AnyOfBuilder, ArrayBuilder, Type},
};

use super::{
    account_operations, batch_list,
    batches::{BatchView, ListView},
    export_operations,
    indicators::ImportView,
    list_operations, lookup_operations,
    rejects::RejectView,
};
use crate::{
    api::openapi::forms::{
        JSON, NDJSON, answer, boolean, described, integer, list_of, optional, refers, text, word,
    },
    batches::summary::{BatchState, ChangeCounts},
};

pub(super) fn import() -> OperationBuilder {
    let operation = described(
        "Takes rows in, in any format and of any number",
        "Committed in steps while they arrive; a row that is refused costs no other. 200 as soon as one row could be read. With \
         `mode=replace` the supplier holds exactly these rows afterwards, in one commit.",
    )
    .request_body(Some(rows()))
    .response("200", imported());
    let whole = whole_parameters().into_iter();
    [key()].into_iter().chain(row_parameters()).chain(whole).fold(operation, OperationBuilder::parameter)
}

pub(super) fn import_deletions() -> OperationBuilder {
    let operation =
        described("Deletes the indicators of rows", "The same bodies as those that take rows in.")
            .request_body(Some(rows()))
            .response("200", imported());
    // Those of all rows together are understood, and refused where they are not what they are if nothing is said.
    let whole = whole_parameters().into_iter();
    [key()].into_iter().chain(row_parameters()).chain(whole).fold(operation, OperationBuilder::parameter)
}

fn uuid(description: &str) -> ObjectBuilder {
    text(description).format(Some(SchemaFormat::Custom("uuid".to_owned())))
}

fn query(name: &str, form: ObjectBuilder) -> Parameter {
    optional(ParameterIn::Query, name, form.build())
}

fn key() -> Parameter {
    let form = uuid("Becomes the id of the batch: an import that is repeated with it is done once.");
    optional(ParameterIn::Header, "Idempotency-Key", form.build())
}

/// Parameters of rows.
fn row_parameters() -> [Parameter; 8] {
    let yes_or_no = |default: bool, description| boolean(description).default(Some(default.into()));
    [
        query(
            "format",
            word(
                &["auto", "ndjson", "json", "csv", "lines", "stix", "misp"],
                "What the body is. `auto`: by `Content-Type`, then by how it begins.",
            )
            .default(Some("auto".into())),
        ),
        query(
            "column",
            text("Columns of a table, by number from 1 or by name: `indicator=2,tags=5`.").examples(["indicator=2"]),
        ),
        query("refang", boolean("Whether `hxxp://example[.]com` is read as what it stands for. If it is not given, the supplier says.")),
        query(
            "missing_tags",
            word(
                &["refuse", "drop", "create"],
                "Rows with tags that there are not: refused, taken without them, or taken after the tags were made, which needs an administrator.",
            )
            .default(Some("refuse".into())),
        ),
        query("only_to_ids", yes_or_no(true, "Whether attributes of MISP that are not for detection are left out.")),
        query("domain_ips", yes_or_no(false, "Whether the address of an attribute `domain|ip` of MISP is an indicator as well.")),
        query("skip_allowed", yes_or_no(true, "Whether rows that the allow list of the tenant covers are left out; `allowed` counts them.")),
        query(
            "from_line",
            integer(1, None, "The first line that counts: an import that broke off goes on after `committed_lines`.")
                .format(Some(SchemaFormat::Custom("uint64".to_owned())))
            .default(Some(1.into())),
        ),
    ]
}

/// Parameters of all rows together.
fn whole_parameters() -> [Parameter; 3] {
    [
        query(
            "mode",
            word(
                &["upsert", "replace"],
                "Of `replace`, the supplier holds nothing but these rows afterwards. For POST.",
            )
            .default(Some("upsert".into())),
        ),
        query(
            "plan",
            boolean("`true`: nothing is written, and the answer counts what would be. For POST.")
                .default(Some(false.into())),
        ),
        query(
            "max_shrink",
            integer(
                0,
                Some(100),
                "Per cent of its indicators that a supplier may lose by `mode=replace`; 50 if it is not given.",
            ),
        ),
    ]
}

/// Bodies of rows. Others of their media types are taken as well.
fn rows() -> RequestBody {
    let content = |form, example: serde_json::Value| {
        let mut content = Content::new(Some(form));
        content.example = Some(example);
        content
    };
    let rows: Schema = list_of(refers("Indicator")).into();
    let document: Schema = ObjectBuilder::new().schema_type(Type::Object).into();
    let plain = |description| Schema::from(text(description).build());
    let bundle = json!({"type": "bundle", "objects": [{"type": "indicator", "pattern": "[domain-name:value = 'bad.example.com']", "pattern_type": "stix"}]});
    let array_or_document = AnyOfBuilder::new().item(rows.clone()).item(document.clone()).build();
    RequestBodyBuilder::new()
        .description(Some(
            "Of any length. Without `Content-Type`, the format is told by the body. `application/ndjson`, `application/jsonl` and \
             `application/x-jsonlines` are `application/x-ndjson`; `application/taxii+json` and the types of OASIS are \
             `application/stix+json`. MISP is `application/json`.",
        ))
        .content(NDJSON, content(rows, json!([{"indicator": "bad.example.com"}, {"indicator": "192.0.2.7"}])))
        .content(JSON, content(array_or_document.into(), json!([{"indicator": "bad.example.com", "tags": ["C2"]}])))
        .content("application/stix+json", content(document, bundle))
        .content("text/csv", content(plain("A table, with a header or without."), json!("indicator,family\nbad.example.com,ExampleBot\n")))
        .content("text/plain", content(plain("A value a line."), json!("bad.example.com\n192.0.2.7\n")))
        .required(Some(Required::True))
        .build()
}

/// What an import answers with: once it has ended, or line by line to who takes NDJSON and no JSON.
fn imported() -> Response {
    let line = AnyOfBuilder::new().item(refers("Import")).item(refers("Progress")).item(refers("Problem"));
    let mut answer = answer("What became of the rows.", JSON, refers("Import"));
    answer.content.insert(NDJSON.to_owned(), Content::new(Some(list_of(line))).into());
    answer
}

pub(super) fn list_batches() -> OperationBuilder {
    let suppliers = ArrayBuilder::from(list_of(text("")))
        .description(Some("Those of this supplier; may be repeated."))
        .max_items(Some(batch_list::SUPPLIERS_MAX));
    let suppliers = ParameterBuilder::new()
        .name("supplier")
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some("Those of this supplier; may be repeated."))
        .schema(Some(suppliers));
    let most = u32::try_from(batch_list::LIMIT_MAX).ok();
    let limit = integer(1, most, "How many at most.").default(Some(batch_list::LIMIT_DEFAULT.into()));
    described("Lists batches", "What became of imports, newest first.")
        .parameter(suppliers)
        .parameter(query("limit", limit))
        .parameter(query("after", uuid("Those before this one: the `next` of the list before.")))
        .response("200", answer("Some batches.", JSON, refers("Batches")))
}

pub(super) fn show_batch() -> OperationBuilder {
    described("Shows a batch", "While it is running too.")
        .response("200", answer("The batch.", JSON, refers("Batch")))
}

pub(super) fn show_rejects() -> OperationBuilder {
    described(
        "Shows the rows that a batch refused",
        "`row` is the row as it was read: mend it and send it again.",
    )
    .response("200", answer("All of them that are kept.", NDJSON, list_of(refers("RefusedRow"))))
}

pub(super) fn cancel_batch() -> OperationBuilder {
    described("Cancels a batch", "What is committed stays. Answered once it has ended.")
        .response("200", answer("The batch.", JSON, refers("Batch")))
}

/// Adds the forms that the descriptions name.
pub(crate) fn add_forms(components: ComponentsBuilder) -> ComponentsBuilder {
    let components = list_operations::add_forms(account_operations::add_forms(components));
    export_operations::add_forms(lookup_operations::add_forms(components))
        .schema_from::<ImportView<'_>>()
        .schema_from::<RejectView<'_>>()
        .schema_from::<ChangeCounts>()
        .schema_from::<BatchView<'_>>()
        .schema_from::<BatchState>()
        .schema_from::<ListView<'_>>()
        .schema("Reason", word(&REFUSED_FOR, "Why a row was refused."))
        .schema("Progress", progress())
        .schema("RefusedRow", refused_row())
}

/// A line while an import goes on.
fn progress() -> ObjectBuilder {
    ObjectBuilder::new()
        .property("batch", uuid("Id of the batch."))
        .property("rows", integer(0, None, "Rows that were met."))
        .property("committed_lines", integer(0, None, "Lines up to which everything is durable."))
        .required("batch")
        .required("rows")
        .required("committed_lines")
}

/// A refused row as it is kept.
fn refused_row() -> AllOfBuilder {
    let row = ObjectBuilder::new()
        .description(Some("The row as it was read, if it could be: mend it, and send it again."))
        .schema_type(Type::Object);
    AllOfBuilder::new().item(refers("Reject")).item(ObjectBuilder::new().property("row", row))
}
