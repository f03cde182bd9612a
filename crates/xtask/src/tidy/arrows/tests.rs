//! Edges inside and outside of the tables.

use serde_json::json;

use super::check;

#[track_caller]
fn check_one(package: &str, on: &str, kind: Option<&str>, want: &[&str]) {
    let dependency = json!({"name": on, "kind": kind});
    let metadata = json!({"packages": [{"name": package, "dependencies": [dependency]}]});
    assert_eq!(check(&metadata), want);
}

#[test]
fn an_arrow_against_the_stream_is_found() {
    check_one("sluice-store", "sluice-model", None, &[]);
    check_one("sluice-store", "sluice-ingest", None, &["sluice-store must not depend on sluice-ingest"]);
    check_one("sluice-server", "test-support", Some("dev"), &[]);
    check_one("sluice-server", "test-support", None, &["sluice-server must not depend on test-support"]);
}

#[test]
fn an_engine_in_the_wrong_crate_is_found() {
    check_one("sluice-server", "sled", None, &["sluice-server must not name sled"]);
    check_one("sluice-store", "rayon", None, &["sluice-store must not name rayon"]);
    check_one("sluice-ingest", "actix-web", None, &["sluice-ingest must not name actix-web"]);
}

#[test]
fn a_crate_that_is_not_in_the_table_is_found() {
    check_one("stranger", "serde", None, &["stranger has no line in the table of arrows"]);
}
