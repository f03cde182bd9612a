//! The requests that metrics count apart, each with a number.
//!
//! Rows of the route tables come first, by their place in all of them; then what stands in no table.

use actix_web::http::Method;

use super::{es, gate::TABLES, openapi::page, scrape};
use crate::http::problem_details;

/// What stands in no table.
const OTHERS: [[&str; 2]; 15] = [
    ["GET", "/healthz"],
    ["HEAD", "/healthz"],
    ["GET", "/readyz"],
    ["HEAD", "/readyz"],
    ["GET", scrape::PATH],
    ["HEAD", scrape::PATH],
    ["GET", PROBLEM_PAGES],
    ["HEAD", PROBLEM_PAGES],
    ["GET", page::DOCUMENT_PATH],
    ["HEAD", page::DOCUMENT_PATH],
    ["GET", page::PAGE_PATH],
    ["HEAD", page::PAGE_PATH],
    ["GET", HANDSHAKES],
    ["HEAD", HANDSHAKES],
    ["PUT", HANDSHAKES],
];

/// The path of all that clients of Elasticsearch ask beside `_bulk`.
const HANDSHAKES: &str = "/es/{name}";

/// The path of all pages of problems.
const PROBLEM_PAGES: &str = "/problems/{name}";

/// Method and path of each number. A row is known by the first of its paths.
pub(crate) fn routes() -> Vec<[&'static str; 2]> {
    let rows = TABLES.iter().flat_map(|table| table.iter());
    let rows = rows.map(|route| [route.method.as_str(), route.paths.first().map_or("", |(_, path)| *path)]);
    rows.chain(OTHERS).collect()
}

/// The number of a request that stands in no table.
pub(super) fn number(method: &Method, path: &str) -> Option<usize> {
    let rows = TABLES.iter().map(|table| table.len()).sum::<usize>();
    let path = match path {
        _ if path.starts_with(problem_details::PAGES) => PROBLEM_PAGES,
        _ if es::is_handshake(path) => HANDSHAKES,
        _ => path,
    };
    let place = OTHERS.iter().position(|known| *known == [method.as_str(), path])?;
    Some(rows + place)
}
