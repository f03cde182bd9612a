//! What rsyslog writes of what it gives up.

use std::slice;

use super::{Fate, read_given_up};

#[test]
fn of_a_request_with_items_the_refused_ones_are_given_up_and_of_another_one_all() {
    let posted = r#""{\"index\":{\"_index\": \"feed\"}}\n{\"indicator\":\"a\"}\n{\"index\":{}}\n{\"indicator\":\"b\"}\n""#;
    let request =
        |reply: &str| format!(r#"{{ "request": {{ "url": "x", "postdata": {posted} }}, "reply": {reply} }}"#);
    let refused =
        request(r#"{"errors":true,"items":[{"index":{"status":201}},{"index":{"status":400,"error":{}}}]}"#);
    let busy = request(r#"{"error":{"type":"x"},"status":429}"#).replace("\\\"b", "\\\"c");
    let read = |text: &str| read_given_up(text).into_iter().collect::<Vec<_>>();
    let b = ("b".to_owned(), Fate::Refused);
    assert_eq!(read(&refused), slice::from_ref(&b));
    let (a, c) = (("a".to_owned(), Fate::Failed), ("c".to_owned(), Fate::Failed));
    assert_eq!(read(&format!("{refused}\n{busy}\n")), [a, b.clone(), c]);
    assert_eq!(read(&format!("{refused}\n{}", &busy[..40])), [b]);
}
