//! What descriptions of requests are put together from: forms of values, bodies and answers.
//!
//! In: bounds and words. Out: parts of a document of OpenAPI. What several APIs have in common, and nothing that only one of
//! them has.

use serde_json::Value;
use sluice_model::limits;
use utoipa::openapi::{
    Array, Content, Object, ObjectBuilder, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
    path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
    request_body::{RequestBody, RequestBodyBuilder},
    schema::{ArrayBuilder, SchemaType, Type},
};

/// Media type of JSON.
pub(crate) const JSON: &str = "application/json";

/// Media type of NDJSON: its form is that of the array of all its lines, as OpenAPI 3.2 has it for such types.
pub(crate) const NDJSON: &str = "application/x-ndjson";

/// A request: what it is for, in a line and in more.
pub(crate) fn described(summary: &str, description: &str) -> OperationBuilder {
    OperationBuilder::new().summary(Some(summary)).description(Some(description))
}

/// The form of this name, which stands among the components.
pub(crate) fn refers(name: &str) -> Ref {
    Ref::from_schema_name(name)
}

/// An array of any length.
pub(crate) fn list_of(form: impl Into<RefOr<Schema>>) -> Array {
    Array::new(form)
}

/// An array of exactly one element.
pub(crate) fn one(form: impl Into<RefOr<Schema>>) -> Array {
    ArrayBuilder::from(Array::new(form)).min_items(Some(1)).max_items(Some(1)).build()
}

/// A text.
pub(crate) fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description))
}

/// A value that may also be `null`, which is as if it were absent.
pub(crate) fn or_null(kind: Type) -> SchemaType {
    SchemaType::from_iter([kind, Type::Null])
}

/// The name of a supplier, tag or tenant.
pub(crate) fn name(description: &str) -> ObjectBuilder {
    text(description)
        .min_length(Some(1))
        .max_length(Some(limits::NAME_BYTES_MAX))
        .pattern(Some("^[A-Za-z0-9_-]+$"))
}

/// One of these words.
pub(crate) fn word(words: &[&str], description: &str) -> ObjectBuilder {
    text(description).enum_values(Some(words.iter().copied()))
}

/// An integer within bounds.
pub(crate) fn integer(from: u32, to: Option<u32>, description: &str) -> ObjectBuilder {
    let integer = ObjectBuilder::new().schema_type(Type::Integer).description(Some(description));
    integer.minimum(Some(from)).maximum(to)
}

/// `true` or `false`.
pub(crate) fn boolean(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean).description(Some(description))
}

/// An answer.
pub(crate) fn answer(description: &str, media_type: &str, form: impl Into<RefOr<Schema>>) -> Response {
    ResponseBuilder::new().description(description).content(media_type, Content::new(Some(form))).build()
}

/// A body of JSON, with an example.
pub(crate) fn json_body(form: impl Into<RefOr<Schema>>, example: Value) -> RequestBody {
    let mut content = Content::new(Some(form));
    content.example = Some(example);
    RequestBodyBuilder::new().content(JSON, content).required(Some(Required::True)).build()
}

/// A parameter that may be left out.
pub(crate) fn optional(place: ParameterIn, name: &str, form: Object) -> Parameter {
    // The form tells what it is for, and so does the parameter, where readers look.
    let description = form.description.clone();
    let parameter = ParameterBuilder::new().name(name).parameter_in(place).required(Required::False);
    parameter.description(description).schema(Some(form)).build()
}
