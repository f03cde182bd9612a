//! Pages for anybody: those of types of problems, under the paths that their answers name, as plain text; and those of the
//! document of the API.

use actix_web::{
    HttpResponse,
    http::{Method, header},
};

use super::openapi;
use crate::http::problem_details::{self, PAGES, ProblemType};

/// Answers a page, with the name of the request; `None` for any other path.
pub(crate) fn answer(method: &Method, raw_path: &str) -> Option<(&'static str, HttpResponse)> {
    let problem = of_problem(method, raw_path).map(|page| ("ProblemPage", page));
    problem.or_else(|| openapi::answer(method, raw_path).map(|page| ("Document", page)))
}

fn of_problem(method: &Method, raw_path: &str) -> Option<HttpResponse> {
    let ProblemType { name, title, page } = problem_details::of_name(raw_path.strip_prefix(PAGES)?)?;
    if *method != Method::GET && *method != Method::HEAD {
        return None;
    }
    let content_type = (header::CONTENT_TYPE, "text/plain; charset=utf-8");
    Some(HttpResponse::Ok().insert_header(content_type).body(format!("{title} ({name})\n\n{page}\n")))
}
