//! What the document of the API says of requests for rows that are stored.
//!
//! In: nothing. Out: a description for each of them, and the forms that they name. A parameter that is not described here does not
//! exist: see [`parameters`](super::export::parameters).

use sluice_model::KIND_WORDS;
use utoipa::openapi::{
    Array, ComponentsBuilder, Content, Header, KnownFormat, ObjectBuilder, Required, Response, SchemaFormat,
    header::HeaderBuilder,
    path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
    schema::{AnyOfBuilder, Type},
};

use crate::api::openapi::forms::{NDJSON, answer, described, integer, list_of, optional, refers, text, word};

const CURSOR_PATTERN: &str = "^c1\\.[0-9a-f]{48}$";

pub(super) fn all() -> OperationBuilder {
    let operation = described(
        "Shows all indicators",
        "A row for each indicator, with who holds it, in the order of keys, as of one commit. What has expired, and what suppliers hold \
         that are disabled, is left out; `FalsePositive` is shown where it is named. An answer without the last line was cut off: it goes on \
         with `after` and the last indicator that came.",
    );
    with_filters(operation, &[supplier(), tag()], "SharedRow")
}

pub(super) fn of_supplier() -> OperationBuilder {
    let operation = described(
        "Shows all that a supplier holds",
        "As all indicators are shown, but a row is the element of an upload, with `kind`, `updated`, `expires` and, where the normal form \
         loses something, `url`: it can be sent back as it is.",
    );
    with_filters(operation, &[tag()], "SupplierRow")
}

pub(super) fn of_tag() -> OperationBuilder {
    let operation = described("Shows all indicators with a tag", "As all indicators are shown.");
    with_filters(operation, &[supplier()], "SharedRow")
}

pub(super) fn changes() -> OperationBuilder {
    let operation = described(
        "Shows what has changed",
        "A line for each row that may be another one than at the commit of the cursor, as it is now, and one for each that is not shown any more. \
         Applied in any order to a copy of the state of that cursor, they make it one of the state of `Sluice-Cursor`, which the next request \
         goes on from. A row may be told that has not changed, and more than once. An answer that was cut off is asked for again with the \
         cursor before. 410 means that the copy has to be made anew by an export.",
    );
    let limit = integer(1, None, "Commits after which the answer may end; 10000 if it is not given.")
        .format(Some(SchemaFormat::Custom("uint64".to_owned())));
    let after =
        text("The `Sluice-Cursor` of an export, then that of each answer.").pattern(Some(CURSOR_PATTERN));
    let wait = integer(0, Some(60), "Seconds for which an answer without a line is held back.");
    let after = ParameterBuilder::from(optional(ParameterIn::Query, "after", after.build()))
        .required(Required::True)
        .build();
    let others = [
        supplier(),
        tag(),
        after,
        optional(ParameterIn::Query, "limit", limit.build()),
        optional(ParameterIn::Query, "wait", wait.build()),
    ];
    let line = AnyOfBuilder::new().item(refers("ChangedRow")).item(refers("RemovedRow"));
    let mut lines = answer("What has changed; there may be no line.", NDJSON, list_of(line));
    lines.headers.insert("Sluice-Cursor".to_owned(), cursor().into());
    let next =
        HeaderBuilder::new().description(Some("The next request, as `rel=\"next\"`.")).schema(Some(text("")));
    lines.headers.insert("Link".to_owned(), next.build().into());
    let parameters = others.into_iter().chain(shared_filters());
    parameters.fold(operation, OperationBuilder::parameter).response("200", lines)
}

/// The filters that exports and changes have in common, beside names.
fn shared_filters() -> [Parameter; 3] {
    let confidence = integer(0, Some(100), "Holdings of suppliers that are trusted at least so much.");
    [
        repeated("kind", word(&KIND_WORDS, "Indicators of this kind; may be repeated.")),
        optional(ParameterIn::Query, "min_confidence", confidence.build()),
        optional(ParameterIn::Query, "updated_after", time("Holdings that were updated later.").build()),
    ]
}

fn with_filters(operation: OperationBuilder, names: &[Parameter], row: &str) -> OperationBuilder {
    let limit =
        integer(1, None, "How many rows at most.").format(Some(SchemaFormat::Custom("uint64".to_owned())));
    let after =
        text("Rows behind this indicator: the last one that came, or `next`.").examples(["example.com/dir"]);
    let format = word(&["ndjson", "csv"], "The form. If it is not given, `Accept` says it.");
    let others = [
        optional(ParameterIn::Query, "limit", limit.build()),
        optional(ParameterIn::Query, "after", after.build()),
        optional(ParameterIn::Query, "format", format.build()),
    ];
    let filters = names.iter().cloned().chain(shared_filters()).chain(others);
    filters.fold(operation, OperationBuilder::parameter).response("200", rows(row))
}

fn supplier() -> Parameter {
    repeated("supplier", text("What this supplier holds; may be repeated."))
}

fn tag() -> Parameter {
    repeated("tag", text("Indicators with this tag; may be repeated."))
}

fn repeated(name: &str, form: ObjectBuilder) -> Parameter {
    let form = form.build();
    let description = form.description.clone();
    let parameter =
        ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query).required(Required::False);
    parameter.description(description).schema(Some(list_of(form))).build()
}

fn rows(row: &str) -> Response {
    let line = AnyOfBuilder::new().item(refers(row)).item(refers("ExportEnd"));
    let mut rows = answer("All rows, and the line that says so.", NDJSON, list_of(line));
    let table =
        text("A header, and a record for each holding. It is whole if the answer ended well.").build();
    rows.content.insert("text/csv".to_owned(), Content::new(Some(table)).into());
    rows.headers.insert("Sluice-Cursor".to_owned(), cursor().into());
    rows
}

fn cursor() -> Header {
    HeaderBuilder::new()
        .description(Some("Names the state that the answer shows: a commit of this data directory."))
        .schema(Some(text("").pattern(Some(CURSOR_PATTERN))))
        .build()
}

/// Adds the forms that the descriptions name.
pub(crate) fn add_forms(components: ComponentsBuilder) -> ComponentsBuilder {
    components
        .schema("SupplierRow", with_holding(indicator()).property("tags", tags()))
        .schema("SharedRow", shared_row())
        .schema("ExportEnd", export_end())
        .schema(
            "ChangedRow",
            shared_row().property("op", word(&["put"], "The row is this now.")).required("op"),
        )
        .schema("RemovedRow", removed_row())
}

fn indicator() -> ObjectBuilder {
    ObjectBuilder::new()
        .property("indicator", text("In normal form."))
        .property("kind", word(&KIND_WORDS, "What it is."))
        .required("indicator")
        .required("kind")
}

fn removed_row() -> ObjectBuilder {
    let reasons = ["deleted", "expired", "supplier", "filter"];
    let reason = word(
        &reasons,
        "Whoever held it has given it up; it has expired; its supplier is gone or disabled; it is there and not what is wanted.",
    );
    indicator()
        .property("op", word(&["remove"], "The row is not shown any more."))
        .property("reason", reason)
        .required("op")
        .required("reason")
}

fn with_holding(form: ObjectBuilder) -> ObjectBuilder {
    let context =
        ObjectBuilder::new().description(Some("What the supplier says of it.")).schema_type(Type::Object);
    form.property("context", context)
        .property("updated", time("When it was last sent, or its supplier replaced."))
        .property("expires", time("Until when it counts."))
        .property("url", text("How it was sent, if the normal form loses something of that."))
        .required("updated")
        .required("expires")
}

fn shared_row() -> ObjectBuilder {
    let holding = ObjectBuilder::new().property("name", text("Name of the supplier.")).required("name");
    indicator()
        .property("suppliers", list_of(with_holding(holding)))
        .property("tags", tags())
        .required("suppliers")
}

fn tags() -> Array {
    list_of(text("Name of a tag."))
}

fn time(description: &str) -> ObjectBuilder {
    text(description).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
}

/// The last line of an answer that is whole.
fn export_end() -> ObjectBuilder {
    ObjectBuilder::new()
        .property("end", ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true])))
        .property("rows", integer(0, None, "Rows of this answer."))
        .property("next", text("The `after` for more, if `limit` ended it."))
        .required("end")
        .required("rows")
}
