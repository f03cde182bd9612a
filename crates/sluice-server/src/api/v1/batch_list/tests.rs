//! Parameters of lists of batches.

use std::fmt::Write as _;

use actix_web::{
    dev::RequestHead,
    http::{Uri, header},
};
use expect_test::expect;

use super::{check_accept, check_no_parameters, read};

fn head(query: &str) -> RequestHead {
    let mut head = RequestHead::default();
    head.uri = format!("/v1/batches{query}").parse::<Uri>().unwrap();
    head
}

#[test]
fn a_list_is_narrowed_by_its_parameters() {
    let mut seen = String::new();
    for query in [
        "",
        "?supplier=A&limit=7&supplier=B%20c&after=f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "?limit=0",
        "?limit=1001",
        "?limit=x",
        "?after=x",
        "?since=1",
    ] {
        let told = match read(&head(query)) {
            Ok(list) => format!("{:?} {} {:?}", list.suppliers, list.limit, list.after),
            Err(cause) => format!("{} {}", cause.status().as_u16(), cause.reason()),
        };
        writeln!(seen, "{query}: {told}").unwrap();
    }
    expect![[r#"
        : [] 100 None
        ?supplier=A&limit=7&supplier=B%20c&after=f81d4fae-7dec-11d0-a765-00a0c91e6bf6: ["A", "B c"] 7 Some(f81d4fae-7dec-11d0-a765-00a0c91e6bf6)
        ?limit=0: 422 The parameter 'limit' is a number from 1 to 1000
        ?limit=1001: 422 The parameter 'limit' is a number from 1 to 1000
        ?limit=x: 422 The parameter 'limit' is a number from 1 to 1000
        ?after=x: 404 Batch doesn't exist
        ?since=1: 422 There is no parameter 'since' here
    "#]]
    .assert_eq(&seen);
    let many: String = (0..101).map(|_| "supplier=A&").collect();
    assert_eq!(read(&head(&format!("?{many}"))).unwrap_err().status().as_u16(), 422);
    assert!(check_no_parameters(&head("")).is_ok() && check_no_parameters(&head("?")).is_ok());
    assert_eq!(check_no_parameters(&head("?limit=1")).unwrap_err().status().as_u16(), 422);
}

#[test]
fn refused_rows_are_for_who_takes_lines_or_json() {
    for (accept, is_taken) in
        [("application/x-ndjson", true), ("application/json", true), ("*/*", true), ("text/csv", false)]
    {
        let mut head = head("");
        head.headers.insert(header::ACCEPT, accept.parse().unwrap());
        assert_eq!(check_accept(&head.headers).is_ok(), is_taken, "{accept}");
    }
}
