//! The document of our APIs as of OpenAPI 3.1, and a page for readers, both made of the route tables.
//!
//! In: the route tables. Out: `/openapi.json` and `/openapi`, for anybody, without credentials; they hold nothing that is
//! this daemon's own. Nothing is listed twice: method, path and its parameters, right, limit and the statuses of errors come
//! from the row; what only the request itself knows, from the function that its row names, which stands beside the table
//! (`operations.rs`). Answers have the forms of the very types that are written, by derive; problems and reasons are those of
//! their tables. So a row without a description is found by a test, and a description without a row cannot be.
//! (Annotations on functions, which utoipa has too, would name method and path a second time: there is no function a path.)
//!
//! Both are made when they are first asked for, and kept.

pub(crate) mod forms;
pub(super) mod page;
mod refusals;

use std::sync::LazyLock;

use actix_web::{
    HttpResponse,
    http::{Method, header},
};
use bytes::Bytes;
use utoipa::openapi::{
    Components, ComponentsBuilder, HttpMethod, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Paths,
    RefOr, Required, Server,
    path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
    security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
};

use self::{
    forms::{name, text, word},
    page::{DOCUMENT_PATH, PAGE_PATH},
};
use super::{
    cybertrace::operations as cybertrace_operations,
    gate::TABLES,
    request::Version,
    route::Route,
    v1::{self, operations as v1_operations},
};
use crate::{
    auth::role::{Action, Identity, Role},
    version,
};

#[cfg(test)]
mod tests;

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
    let text = document().to_json().unwrap_or_else(|error| {
        tracing::error!(%error, "the document of the API could not be written");
        String::new()
    });
    text.into()
});

static PAGE: LazyLock<Bytes> = LazyLock::new(|| page::of(&document()).into());

/// Answers the document and the page; `None` for any other path or method.
pub(crate) fn answer(method: &Method, raw_path: &str) -> Option<HttpResponse> {
    if *method != Method::GET && *method != Method::HEAD {
        return None;
    }
    let (media_type, text) = match raw_path {
        DOCUMENT_PATH => ("application/json", &DOCUMENT),
        PAGE_PATH => ("text/html; charset=utf-8", &PAGE),
        _ => return None,
    };
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_TYPE, media_type));
    response.insert_header((header::CACHE_CONTROL, "no-cache"));
    response.insert_header((header::CONTENT_SECURITY_POLICY, page::POLICY.as_str()));
    response.insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    Some(response.body(Bytes::clone(text)))
}

/// Makes the document.
fn document() -> OpenApi {
    let mut paths = Paths::new();
    for route in TABLES.iter().flat_map(|table| table.iter()) {
        let (Some(documented), Some(method)) = (route.documented, method_of(route)) else { continue };
        for (place, (since, pattern)) in route.paths.iter().enumerate() {
            let operation = operation(route, documented(), place, *since, pattern);
            paths.add_path_operation(path_of(*since, pattern), vec![method.clone()], operation);
        }
    }
    let license = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title("Sluice")
        .version(version::NUMBER)
        .description(Some(ABOUT))
        .license(Some(license))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([Server::new("/")]))
        .paths(paths)
        .components(Some(components()))
        .security(Some(SCHEMES.map(|scheme| SecurityRequirement::new(scheme, [] as [&str; 0]))))
        .build()
}

/// What stands at the head of the document.
const ABOUT: &str = "\
Takes in threat indicators and tells which feeds know a value. `/api` is the Kaspersky CyberTrace REST API, versions 1.0 to 1.3; every body \
and answer of it is an array of JSON. `/v1` is Sluice's own: rows in any format, answered with problems as of RFC 9457. Bodies may be \
encoded as `gzip` or `zstd`. What clients of Elasticsearch ask below `/es` is theirs, and not described here.";

/// Names of the ways to log in.
const SCHEMES: [&str; 3] = ["basic", "token", "certificate"];

fn components() -> Components {
    let [basic, token, certificate] = SCHEMES;
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.description = Some(
        "A token, made with `sluiced token create`. Also taken as `Authorization: ApiKey`, the base64 of a name, a colon and the token."
            .to_owned(),
    );
    let certificate_scheme = SecurityScheme::MutualTls {
        description: Some(
            "A client certificate whose common name is a user, where one is asked for.".to_owned(),
        ),
        deprecated: None,
        extensions: None,
    };
    let components = ComponentsBuilder::new()
        .security_scheme(basic, SecurityScheme::Http(Http::new(HttpAuthScheme::Basic)))
        .security_scheme(token, SecurityScheme::Http(bearer))
        .security_scheme(certificate, certificate_scheme);
    let components = v1_operations::add_forms(cybertrace_operations::add_forms(components));
    refusals::add(components).build()
}

/// The method of a row, if OpenAPI has a place for it.
fn method_of(route: &Route) -> Option<HttpMethod> {
    Some(match route.method {
        Method::GET => HttpMethod::Get,
        Method::POST => HttpMethod::Post,
        Method::PUT => HttpMethod::Put,
        Method::DELETE => HttpMethod::Delete,
        Method::HEAD => HttpMethod::Head,
        _ => return None,
    })
}

/// A pattern as a path of the document: where only one version has it, that version stands in it.
fn path_of(since: Version, pattern: &str) -> String {
    match versions(since).as_slice() {
        [only] => pattern.replace(VERSION, only),
        _ => pattern.to_owned(),
    }
}

/// The parameter of the version in a pattern.
const VERSION: &str = "{version}";

fn versions(since: Version) -> Vec<&'static str> {
    Version::ALL.iter().filter(|(version, _)| since <= *version).map(|(_, text)| *text).collect()
}

/// The description of a request on one of its paths, completed by what the row says.
fn operation(
    route: &Route,
    described: OperationBuilder,
    place: usize,
    since: Version,
    pattern: &str,
) -> Operation {
    let path = path_of(since, pattern);
    let (api, suffix) =
        (if v1::is_path(pattern) { "v1" } else { "CyberTrace" }, if place == 0 { "" } else { "OfTenant" });
    let mut operation = described.tag(api).operation_id(Some(format!("{}{suffix}", route.name))).build();
    let mut more = vec![format!("For {}.", holders(route.action))];
    if 0 < route.body_bytes_max && route.body_bytes_max < usize::MAX {
        more.push(format!("The body has at most {} bytes, after decoding.", route.body_bytes_max));
    }
    if api == "CyberTrace" {
        more.push(format!("The `status` of an error is `{}`.", route.sentence));
    }
    let description = operation.description.get_or_insert_default();
    for sentence in more {
        description.push_str(if description.is_empty() { "" } else { "\n\n" });
        description.push_str(&sentence);
    }
    let in_path = path.split('/').filter(|segment| segment.starts_with('{'));
    let in_path: Vec<Parameter> = in_path.map(|segment| parameter(segment, since)).collect();
    let given = operation.parameters.get_or_insert_default();
    given.splice(0..0, in_path.into_iter().map(RefOr::T));
    for answer in operation.responses.responses.values_mut() {
        if let RefOr::T(answer) = answer {
            refusals::add_headers(&mut answer.headers, api == "v1");
        }
    }
    operation.responses.responses.extend(refusals::of(route, &path));
    operation
}

/// Who may do this.
fn holders(action: Action) -> String {
    let roles = [
        (Role::Administrator, "administrators"),
        (Role::TenantManager, "tenant managers"),
        (Role::Analyst, "analysts"),
    ];
    let tenants = vec!["own".to_owned()];
    let may = |role, tenant| Identity { role, tenants: tenants.clone(), list: None }.may(action, tenant);
    let text = roles.into_iter().filter(|(role, _)| may(*role, "own")).map(|(role, text)| {
        if may(role, "other") { text.to_owned() } else { format!("{text} in their tenants") }
    });
    text.collect::<Vec<_>>().join(", ")
}

/// A parameter of a path.
fn parameter(segment: &str, since: Version) -> Parameter {
    let form = match segment {
        VERSION => word(&versions(since), "Version of the API."),
        "{supplier}" => name("Name of the supplier, in its letter case."),
        "{tag}" => name("Name of the tag, in any letter case."),
        "{tenant}" => name("Name of the tenant."),
        "{list}" => text("Name of the list.").pattern(Some("^[a-z][a-z0-9_-]{0,23}$")),
        "{file}" => text(
            "Name of the list, a dot, and the extension of the format; with `.md5` or `.sha256` for the digest alone.",
        ),
        "{account}" => text("Name of the user or token."),
        _ => text("Id of the batch.").format(Some(utoipa::openapi::SchemaFormat::Custom("uuid".to_owned()))),
    };
    let form = form.build();
    let parameter =
        ParameterBuilder::new().name(segment.trim_matches(['{', '}'])).parameter_in(ParameterIn::Path);
    parameter.required(Required::True).description(form.description.clone()).schema(Some(form)).build()
}
