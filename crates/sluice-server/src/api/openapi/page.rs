//! The page for readers: the document as HTML, on one page that loads nothing else and runs no script.
//!
//! In: the document. Out: HTML, and the policy that browsers are told: nothing but the style of the page. Whatever comes from the
//! document is escaped, although all of it is ours.

use std::sync::LazyLock;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use utoipa::openapi::OpenApi;

#[cfg(test)]
mod tests;

/// Where the document is.
pub(in crate::api) const DOCUMENT_PATH: &str = "/openapi.json";

/// Where the page is.
pub(in crate::api) const PAGE_PATH: &str = "/openapi";

/// Methods as the document has them, in the order of the page.
pub(super) const METHODS: [&str; 5] = ["get", "head", "post", "put", "delete"];

/// How the page looks.
const STYLE: &str = include_str!("page.css");

/// What the page may do: use its own style, by its digest.
pub(super) static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// Writes the page of a document.
pub(super) fn of(document: &OpenApi) -> String {
    // What serializes to text serializes to a value.
    let document = serde_json::to_value(document).unwrap_or_default();
    let info = |member| text(&document, &["info", member]);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title} {version}</title><style>{STYLE}</style></head>\n<body><h1>{title} {version}</h1>\n{about}\
         <p>For programs: <a href=\"{DOCUMENT_PATH}\">{DOCUMENT_PATH}</a></p>\n",
        title = escaped(info("title")),
        version = escaped(info("version")),
        about = prose(info("description")),
    );
    html += &contents(&document);
    for (path, method, operation) in operations(&document) {
        html += &section(&document, path, method, operation);
    }
    html += "<h2 id=\"forms\">Forms</h2>\n";
    for (name, form) in members(&document, &["components", "schemas"]) {
        html += &form_section(name, form);
    }
    html + "</body></html>\n"
}

/// Requests with their paths and methods, in the order of the page.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &'static str, &Value)> {
    members(document, &["paths"]).flat_map(|(path, item)| {
        METHODS.into_iter().filter_map(move |method| Some((path, method, item.get(method)?)))
    })
}

fn contents(document: &Value) -> String {
    let rows: String = operations(document)
        .map(|(path, method, operation)| line_of_contents(path, method, operation))
        .collect();
    format!("<nav>{}<p><a href=\"#forms\">Forms</a></p></nav>\n", table(&rows))
}

fn line_of_contents(path: &str, method: &str, operation: &Value) -> String {
    let id = escaped(text(operation, &["operationId"]));
    let link = format!("<a href=\"#{id}\">{}</a>", escaped(path));
    row(&[&method_badge(method), &link, &escaped(text(operation, &["summary"]))])
}

fn method_badge(method: &str) -> String {
    format!("<b class=\"{method}\">{}</b>", method.to_ascii_uppercase())
}

/// All of one request.
fn section(document: &Value, path: &str, method: &str, operation: &Value) -> String {
    let parameters = operation.get("parameters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let parameters: String = parameters.iter().map(parameter).collect();
    let body =
        operation.get("requestBody").map(|body| prose(text(body, &["description"])) + &contents_of(body));
    let answers =
        members(operation, &["responses"]).map(|(status, answer)| answered(document, status, answer));
    format!(
        "<section><h2 id=\"{id}\">{badge} {path}</h2>\n<p><em>{summary}</em></p>\n{about}{parameters}{body}{answers}</section>\n",
        id = escaped(text(operation, &["operationId"])),
        badge = method_badge(method),
        path = escaped(path),
        summary = escaped(text(operation, &["summary"])),
        about = prose(text(operation, &["description"])),
        parameters = titled("Parameters", &table(&parameters)),
        body = titled("Body", &body.unwrap_or_default()),
        answers = titled("Answers", &table(&answers.collect::<String>())),
    )
}

fn parameter(parameter: &Value) -> String {
    let form = parameter.get("schema").map(form_text).unwrap_or_default();
    row(&[
        &code(text(parameter, &["name"])),
        &escaped(text(parameter, &["in"])),
        &form,
        &prose(text(parameter, &["description"])),
    ])
}

fn answered(document: &Value, status: &str, answer: &Value) -> String {
    let answer = resolved(document, answer);
    row(&[&code(status), &prose(text(answer, &["description"])), &contents_of(answer)])
}

/// A row for each media type of a body or an answer.
fn contents_of(whole: &Value) -> String {
    let rows = members(whole, &["content"]).map(|(media_type, content)| {
        let form = content.get("schema").map(form_text).unwrap_or_default();
        let example = content.get("example").map(example).unwrap_or_default();
        row(&[&code(media_type), &(form + &example)])
    });
    table(&rows.collect::<String>())
}

fn example(example: &Value) -> String {
    let text = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
    format!("<pre>{}</pre>", escaped(&text))
}

fn form_section(name: &str, form: &Value) -> String {
    let (name, about) = (escaped(name), prose(text(form, &["description"])));
    format!("<section><h3 id=\"form-{name}\">{name}</h3>\n{about}{}</section>\n", form_text(form))
}

/// What a form says, with links to those that it names.
fn form_text(form: &Value) -> String {
    if let Some(name) = text(form, &["$ref"]).strip_prefix("#/components/schemas/") {
        let name = escaped(name);
        return format!("<a href=\"#form-{name}\">{name}</a>");
    }
    for (keyword, between) in [("allOf", " with "), ("anyOf", " or "), ("oneOf", " or ")] {
        if let Some(Value::Array(forms)) = form.get(keyword) {
            return forms.iter().map(form_text).collect::<Vec<_>>().join(between);
        }
    }
    if let Some(Value::Array(words)) = form.get("enum") {
        let words = words.iter().map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned));
        return words.map(|word| code(&word)).collect::<Vec<_>>().join(" or ") + &default(form);
    }
    let kind = match form.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        kind => kind.and_then(Value::as_str).unwrap_or("anything").to_owned(),
    };
    if let Some(items) = form.get("items") {
        return format!("{kind} of {}", form_text(items));
    }
    let bounds: String = BOUNDS
        .iter()
        .filter_map(|(keyword, word)| Some(format!(", {word} {}", form.get(*keyword)?)))
        .collect();
    format!("{kind}{}{}{}", escaped(&bounds), default(form), properties(form))
}

/// Keywords of bounds, with words for them.
const BOUNDS: [(&str, &str); 6] = [
    ("minimum", "from"),
    ("maximum", "to"),
    ("minLength", "length from"),
    ("maxLength", "length to"),
    ("format", "format"),
    ("pattern", "like"),
];

fn default(form: &Value) -> String {
    form.get("default").map(|value| format!(" ({})", code(&value.to_string()))).unwrap_or_default()
}

fn properties(form: &Value) -> String {
    let required = form.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let rows = members(form, &["properties"]).map(|(name, property)| {
        let mark = if required.iter().any(|known| known == name) { "" } else { " ?" };
        row(&[&(code(name) + mark), &form_text(property), &prose(text(property, &["description"]))])
    });
    table(&rows.collect::<String>())
}

fn row(cells: &[&str]) -> String {
    format!("<tr><td>{}</td></tr>\n", cells.join("</td><td>"))
}

/// A table, if it has rows.
fn table(rows: &str) -> String {
    if rows.is_empty() { String::new() } else { format!("<table>\n{rows}</table>\n") }
}

/// A part with its title, if there is any.
fn titled(title: &str, html: &str) -> String {
    if html.is_empty() { String::new() } else { format!("<h3>{title}</h3>{html}") }
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(text))
}

/// What a reference to an answer leads to, or the answer itself.
fn resolved<'a>(document: &'a Value, answer: &'a Value) -> &'a Value {
    let path = text(answer, &["$ref"]).strip_prefix('#');
    path.and_then(|path| document.pointer(path)).unwrap_or(answer)
}

fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, member| value.get(member))
}

fn text<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    at(value, path).and_then(Value::as_str).unwrap_or("")
}

fn members<'a>(value: &'a Value, path: &[&str]) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
    let object = at(value, path).and_then(Value::as_object);
    object.into_iter().flat_map(Map::iter).map(|(name, member)| (name.as_str(), member))
}

/// Text as it may stand in HTML, between tags and in quotes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// What descriptions use of Markdown: paragraphs, `code` and links, `[text](target)`.
fn prose(text: &str) -> String {
    text.split("\n\n").filter(|paragraph| !paragraph.is_empty()).map(paragraph).collect()
}

fn paragraph(text: &str) -> String {
    // Every second piece stands between backticks.
    let pieces = text.split('`').enumerate();
    let pieces = pieces.map(|(place, piece)| if place % 2 == 1 { code(piece) } else { links(piece) });
    format!("<p>{}</p>\n", pieces.collect::<String>())
}

fn links(text: &str) -> String {
    let mut pieces = text.split('[');
    let first = escaped(pieces.next().unwrap_or(""));
    pieces.fold(first, |html, piece| html + &link(piece))
}

/// What stands behind an opening bracket.
fn link(piece: &str) -> String {
    let parts = piece.split_once("](").and_then(|(title, rest)| Some((title, rest.split_once(')')?)));
    match parts {
        Some((title, (to, rest))) => {
            format!("<a href=\"{}\">{}</a>{}", escaped(to), escaped(title), escaped(rest))
        }
        None => format!("[{}", escaped(piece)),
    }
}
