//! Fields of a record come back as what they are. Whole rows are for the tests over HTTP.

use super::push_field;

#[test]
fn a_field_is_quoted_where_it_would_be_read_as_something_else() {
    for (field, want) in [
        ("example.com/a", "example.com/a"),
        ("", ""),
        ("a,b", "\"a,b\""),
        ("a;b", "\"a;b\""),
        ("a\tb", "\"a\tb\""),
        ("#a", "\"#a\""),
        (" a", "\" a\""),
        ("a\nb", "\"a\nb\""),
        ("{\"n\":1}", "\"{\"\"n\"\":1}\""),
        ("\"", "\"\"\"\""),
    ] {
        let mut text = Vec::new();
        push_field(field.as_bytes(), &mut text);
        assert_eq!(String::from_utf8(text).unwrap(), want);
    }
}
