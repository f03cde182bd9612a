//! Values in the head of a lookup.

use actix_web::{dev::RequestHead, http::Uri};

use super::rows;

#[track_caller]
fn check(query: &str, want: Result<&str, &str>) {
    let mut head = RequestHead::default();
    head.uri = format!("/v1/lookup{query}").parse::<Uri>().unwrap();
    let seen = rows(&head).map_err(|cause| cause.reason().into_owned());
    assert_eq!(seen, want.map(str::to_owned).map_err(str::to_owned), "{query}");
}

#[test]
fn each_value_is_a_row() {
    check("?value=a.example", Ok("{\"value\":\"a.example\"}\n"));
    check(
        "?value=b&value=a%0A%22&value=",
        Ok("{\"value\":\"b\"}\n{\"value\":\"a\\n\\\"\"}\n{\"value\":\"\"}\n"),
    );
    check("", Err("The parameter 'value' has to be given"));
    check("?value=a&values=b", Err("There is no parameter 'values' here"));
}
