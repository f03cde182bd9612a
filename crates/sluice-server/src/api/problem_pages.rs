//! The pages of types of problems, under the paths that their answers name: plain text, for anybody.

use actix_web::{
    HttpResponse,
    http::{Method, header},
};

use crate::http::problem_details::{self, PAGES, ProblemType};

/// Answers a page; `None` for any other path.
pub(crate) fn answer(method: &Method, raw_path: &str) -> Option<HttpResponse> {
    let ProblemType { name, title, page } = problem_details::of_name(raw_path.strip_prefix(PAGES)?)?;
    if *method != Method::GET && *method != Method::HEAD {
        return None;
    }
    let content_type = (header::CONTENT_TYPE, "text/plain; charset=utf-8");
    Some(HttpResponse::Ok().insert_header(content_type).body(format!("{title} ({name})\n\n{page}\n")))
}
