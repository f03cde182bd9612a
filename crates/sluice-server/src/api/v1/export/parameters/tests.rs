//! Forms are those that a client wants. What the parameters select is for the tests over HTTP.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::{ExportFormat, accepted_format};

fn with(name: &HeaderName, values: &[&'static str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(name.clone(), HeaderValue::from_static(value));
    }
    headers
}

#[test]
fn a_form_is_the_first_that_is_taken() {
    for (lists, format) in [
        (&[][..], Some(ExportFormat::Ndjson)),
        (&["*/*"], Some(ExportFormat::Ndjson)),
        (&["application/x-ndjson"], Some(ExportFormat::Ndjson)),
        (&["application/json"], Some(ExportFormat::Ndjson)),
        (&["text/csv, application/json"], Some(ExportFormat::Ndjson)),
        (&["text/csv"], Some(ExportFormat::Csv)),
        (&["application/*;q=0, text/csv"], Some(ExportFormat::Csv)),
        (&["text/html"], None),
    ] {
        assert_eq!(accepted_format(&with(&header::ACCEPT, lists)).ok(), format, "{lists:?}");
    }
}
