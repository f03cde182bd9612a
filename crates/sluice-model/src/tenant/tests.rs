//! A tenant's name can never be taken for a request.

use super::TenantName;

#[track_caller]
fn check(text: &str, want: Result<&str, &str>) {
    let seen =
        TenantName::parse(text).map(|name| name.as_str().to_owned()).map_err(|error| error.to_string());
    assert_eq!(seen.as_deref().map_err(String::as_str), want);
}

#[test]
fn names_follow_the_supplier_rule() {
    check("General", Ok(TenantName::GENERAL));
    check("acme-2", Ok("acme-2"));
    check("", Err("a name must not be empty"));
    check("a/b", Err("the name 'a/b' has a character other than Latin letters, digits, '-' and '_'"));
}

#[test]
fn request_words_are_refused_in_any_letter_case() {
    check("suppliers", Err("the name 'suppliers' is reserved"));
    check("Tags", Err("the name 'Tags' is reserved"));
    check("LOOKUP", Err("the name 'LOOKUP' is reserved"));
    check("lookups", Ok("lookups"));
}
