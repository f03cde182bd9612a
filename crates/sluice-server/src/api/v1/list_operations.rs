//! What the document of the API says of requests for lists.
//!
//! In: nothing. Out: a description for each of their rows of [`table`](super::table), and the forms that they name.

use serde_json::json;
use sluice_model::KIND_WORDS;
use utoipa::openapi::{
    ComponentsBuilder, Header, ObjectBuilder, Response, ResponseBuilder,
    header::HeaderBuilder,
    path::{OperationBuilder, ParameterIn},
    schema::AdditionalProperties,
};

use crate::api::{
    lists_gate::FETCH_PARAMETER,
    openapi::forms::{
        JSON, answer, boolean, described, integer, json_body, list_of, optional, refers, text, word,
    },
};

pub(super) fn list_lists() -> OperationBuilder {
    described("Lists the lists for devices", "By name.")
        .response("200", answer("All lists.", JSON, list_of(refers("ToldList"))))
}

pub(super) fn show_list() -> OperationBuilder {
    described("Shows a list for devices", "Its definition, and how it stands.")
        .response("200", answer("The list.", JSON, refers("ToldList")))
}

pub(super) fn put_list() -> OperationBuilder {
    let example = json!({"kinds": ["domain"], "tags": ["C2"], "min_confidence": 60, "formats": {"rpz": {"origin": "rpz.example."}}});
    described(
        "Defines a list for devices",
        "Members that are left out have their defaults. The list is built at once in the formats that it had and that it names, and in others when \
         they are fetched first.",
    )
    .request_body(Some(json_body(refers("List"), example)))
    .response("200", answer("The list, which was there.", JSON, refers("ToldList")))
    .response("201", answer("The list, which is new.", JSON, refers("ToldList")))
}

pub(super) fn remove_list() -> OperationBuilder {
    let done = ResponseBuilder::new().description("Done.").build();
    described("Removes a list for devices", "Its files are gone with the answer.").response("204", done)
}

pub(super) fn fetch_list() -> OperationBuilder {
    fetching("Fetches a list for devices", "The bytes of the list.")
        .response("206", whole("A part of the bytes of the list."))
}

pub(super) fn look_at_list() -> OperationBuilder {
    fetching("Looks at a list for devices", "The head of the answer that `GET` has.")
}

fn fetching(summary: &str, answered: &str) -> OperationBuilder {
    let token = text("A token of the scope of this list, for devices that can send nothing else.");
    let unchanged = ResponseBuilder::new().description("What the client has is the list.").build();
    described(
        summary,
        "From a file that is built when something has changed, with a strong `ETag` for each coding, `Last-Modified` and ranges. Also for tokens of \
         the scope of the list, which may be the password of any user, and for anybody if the list is public.",
    )
    .parameter(optional(ParameterIn::Query, FETCH_PARAMETER, token.build()))
    .response("200", whole(answered))
    .response("304", unchanged)
}

fn whole(description: &str) -> Response {
    let mut response = answer(description, "text/plain", text("Lines of the format."));
    for (name, description) in [
        ("Sluice-List-Entries", "How many entries are on it."),
        (
            "Sluice-List-Dropped",
            "How many indicators were left out, because no list or not this format may have them.",
        ),
        ("Sluice-List-Built", "When it was built last."),
        ("Sluice-List-Stale", "1 if the last build failed, and an earlier one is shown."),
    ] {
        response.headers.insert(name.to_owned(), header(description).into());
    }
    response
}

fn header(description: &str) -> Header {
    HeaderBuilder::new().description(Some(description)).schema(Some(text(""))).build()
}

/// Adds the forms that the descriptions name.
pub(super) fn add_forms(components: ComponentsBuilder) -> ComponentsBuilder {
    let told = definition(ObjectBuilder::new())
        .property("name", text("Its name."))
        .property("built", list_of(text("The extension of a format that is served at once.")))
        .property("failure", text("Why the last build failed, if it did; what was built before is served."))
        .required("name")
        .required("built");
    components.schema("List", definition(strict())).schema("ToldList", told)
}

fn strict() -> ObjectBuilder {
    ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

/// The members of [`ListDefinition`](crate::lists::definition::ListDefinition).
fn definition(form: ObjectBuilder) -> ObjectBuilder {
    let names = |what: &str| list_of(text(what).min_length(Some(1)));
    let zone = strict()
        .property(
            "origin",
            text("Its name, with a dot at the end.").pattern(Some(r"^([a-z0-9_-]{1,63}\.)+$")),
        )
        .property("action", word(&["nxdomain", "nodata", "drop"], "What a resolver answers."));
    form.property("kinds", list_of(word(&KIND_WORDS, "Indicators of this kind.")))
        .property("suppliers", names("What this supplier holds; `*` for all that do not allow."))
        .property("tags", names("With this tag; without any, tags do not matter."))
        .property("min_confidence", integer(0, Some(100), "Of suppliers that are trusted at least so much."))
        .property(
            "max_entries",
            integer(1, None, "Lines of a format at most, beside those that are always there."),
        )
        .property(
            "order",
            word(&["confidence"], "What stays if there are more: the most trusted, then the newest."),
        )
        .property("aggregate", boolean("Whether neighboring networks become one."))
        .property("allow", names("What this supplier holds is never on it; `FalsePositive` always."))
        .property("refresh_seconds", integer(1, Some(86_400), "Seconds between two builds at least."))
        .property("public", boolean("Whether anybody may fetch it."))
        .property("formats", strict().property("rpz", zone))
}

#[cfg(test)]
mod tests;
