//! Parameters of bulk requests.

use actix_web::{dev::RequestHead, http::Uri};

use super::hides_refusals;

#[test]
fn of_all_parameters_one_is_ours() {
    for (query, want) in [
        ("", Ok(false)),
        ("?refresh=true&pipeline=x&filter_path=errors,items.*.error&timeout=1m&pretty", Ok(false)),
        ("?bad_items=ok", Ok(true)),
        ("?bad_items=ok&refresh=false", Ok(true)),
        ("?bad_items=error", Ok(false)),
        ("?bad_items=", Err("The parameter 'bad_items' is 'error' or 'ok'")),
    ] {
        let mut head = RequestHead::default();
        head.uri = format!("/es/_bulk{query}").parse::<Uri>().unwrap();
        let seen = hides_refusals(&head).map_err(|cause| cause.reason().into_owned());
        assert_eq!(seen, want.map_err(str::to_owned), "{query}");
    }
}
