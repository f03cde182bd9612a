//! What the document of the API says of requests for users and tokens.
//!
//! In: nothing. Out: a description for each of their rows of [`table`](super::table), and the forms that they name.

use serde_json::json;
use utoipa::openapi::{
    ComponentsBuilder, ObjectBuilder, Response, ResponseBuilder, path::OperationBuilder,
    schema::AdditionalProperties,
};

use crate::api::openapi::forms::{
    JSON, answer, described, integer, json_body, list_of, name, refers, text, word,
};

pub(super) fn list_users() -> OperationBuilder {
    described("Lists users", "In the order in which they were added.")
        .response("200", answer("All users.", JSON, list_of(refers("User"))))
}

pub(super) fn add_user() -> OperationBuilder {
    let example = json!({"name": "ann", "password": "a long password", "role": "analyst"});
    described("Adds a user", "In force with the answer. A tenant manager holds a tenant or more.")
        .request_body(Some(json_body(refers("NewUser"), example)))
        .response("201", answer("The user.", JSON, refers("User")))
}

pub(super) fn set_password() -> OperationBuilder {
    described("Gives a user another password", "In force with the answer.")
        .request_body(Some(json_body(refers("NewPassword"), json!({"password": "a long password"}))))
        .response("204", done())
}

pub(super) fn remove_user() -> OperationBuilder {
    described("Removes a user", "The last administrator stays.").response("204", done())
}

pub(super) fn list_tokens() -> OperationBuilder {
    described("Lists tokens", "Without their texts, which are told once.")
        .response("200", answer("All tokens.", JSON, list_of(refers("Token"))))
}

pub(super) fn create_token() -> OperationBuilder {
    let example = json!({"name": "feed-script", "scope": "write", "days": 90});
    described("Makes a token", "`token` of the answer is its text, which is told only here.")
        .request_body(Some(json_body(refers("NewToken"), example)))
        .response("201", answer("The token.", JSON, refers("Token")))
}

pub(super) fn revoke_token() -> OperationBuilder {
    described("Revokes a token", "It is refused from the answer on.").response("204", done())
}

fn done() -> Response {
    ResponseBuilder::new().description("Done.").build()
}

/// Adds the forms that the descriptions name.
pub(super) fn add_forms(components: ComponentsBuilder) -> ComponentsBuilder {
    let strict = || ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(false)));
    let password = || text("Its password, of 1 to 1,024 bytes.").min_length(Some(1)).max_length(Some(1_024));
    let user = |form: ObjectBuilder| {
        form.property("name", account()).property("role", role()).property("tenants", tenants())
    };
    let token = |form: ObjectBuilder| {
        form.property("name", account()).property("scope", scope()).property("tenants", tenants())
    };
    let days = integer(1, Some(3_650), "Days until it expires.").default(Some(365.into()));
    components
        .schema("User", user(ObjectBuilder::new()).required("name").required("role").required("tenants"))
        .schema(
            "NewUser",
            user(strict()).property("password", password()).required("name").required("password"),
        )
        .schema("NewPassword", strict().property("password", password()).required("password"))
        .schema(
            "Token",
            token(ObjectBuilder::new())
                .property("expires", text("When it expires, as of RFC 3339."))
                .property("token", text("Its text, once."))
                .required("name")
                .required("scope")
                .required("tenants")
                .required("expires"),
        )
        .schema("NewToken", token(strict()).property("days", days).required("name"))
}

fn account() -> ObjectBuilder {
    text("Its name, without colons and control characters.")
        .min_length(Some(1))
        .max_length(Some(128))
        .pattern(Some("^[^:\\x00-\\x1f\\x7f]+$"))
}

fn role() -> ObjectBuilder {
    word(&["administrator", "analyst", "tenant-manager"], "What it may do; an analyst reads.")
}

fn scope() -> ObjectBuilder {
    text("What it may do: `read`, `write`, `admin`, `metrics`, or `list:` and the name of the list that it may fetch.")
        .pattern(Some("^(read|write|admin|metrics|list:[a-z][a-z0-9_-]{0,23})$"))
}

fn tenants() -> utoipa::openapi::Array {
    list_of(name("A tenant that it may change."))
}
