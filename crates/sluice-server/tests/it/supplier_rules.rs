//! Section 5: which suppliers can be created, and what their bodies must look like.

use expect_test::expect;

use crate::daemon::{check, shared};

#[test]
fn a_supplier_needs_name_confidence_and_retention() {
    check(
        &shared(),
        &[
            r#"POST 1.0/suppliers [{"confidence":1,"retention":1}]"#,
            r#"POST 1.0/suppliers [{"name":"Needs","retention":1}]"#,
            r#"POST 1.0/suppliers [{"name":"Needs","confidence":1}]"#,
            r#"POST 1.0/suppliers [{"name":7,"confidence":1,"retention":1}]"#,
            r#"POST 1.0/suppliers [{"name":"Needs","confidence":"1","retention":1}]"#,
            r#"POST 1.0/suppliers [{"name":"Needs","confidence":null,"retention":1}]"#,
            r#"POST 1.0/suppliers [{"name":"Needs","confidence":1.0,"retention":1}]"#,
            r#"POST 1.0/suppliers [{"name":"Needs","confidence":1,"retention":[]}]"#,
            r#"POST 1.0/suppliers [{"name":"Needs","confidence":1,"retention":1,"status":"on"}]"#,
            r#"POST 1.0/suppliers [{"name":"Needs","confidence":1,"retention":1,"status":true}]"#,
            r#"POST 1.0/suppliers [{"name":"Needs","confidence":1,"retention":1,"vendor":1}]"#,
            "GET 1.0/suppliers/Needs",
        ],
        &expect![[r#"
            POST 1.0/suppliers [{"confidence":1,"retention":1}]
              400 [{"status":"An error occurred while creating supplier","reason":"Property 'name' is missing"}]
            POST 1.0/suppliers [{"name":"Needs","retention":1}]
              400 [{"status":"An error occurred while creating supplier","reason":"Property 'confidence' is missing"}]
            POST 1.0/suppliers [{"name":"Needs","confidence":1}]
              400 [{"status":"An error occurred while creating supplier","reason":"Property 'retention' is missing"}]
            POST 1.0/suppliers [{"name":7,"confidence":1,"retention":1}]
              400 [{"status":"An error occurred while creating supplier","reason":"Property 'name' has an invalid type"}]
            POST 1.0/suppliers [{"name":"Needs","confidence":"1","retention":1}]
              400 [{"status":"An error occurred while creating supplier","reason":"Property 'confidence' has an invalid type"}]
            POST 1.0/suppliers [{"name":"Needs","confidence":null,"retention":1}]
              400 [{"status":"An error occurred while creating supplier","reason":"Property 'confidence' has an invalid type"}]
            POST 1.0/suppliers [{"name":"Needs","confidence":1.0,"retention":1}]
              400 [{"status":"An error occurred while creating supplier","reason":"Property 'confidence' has an invalid type"}]
            POST 1.0/suppliers [{"name":"Needs","confidence":1,"retention":[]}]
              400 [{"status":"An error occurred while creating supplier","reason":"Property 'retention' has an invalid type"}]
            POST 1.0/suppliers [{"name":"Needs","confidence":1,"retention":1,"status":"on"}]
              400 [{"status":"An error occurred while creating supplier","reason":"Property 'status' must be 'enabled' or 'disabled'"}]
            POST 1.0/suppliers [{"name":"Needs","confidence":1,"retention":1,"status":true}]
              400 [{"status":"An error occurred while creating supplier","reason":"Property 'status' has an invalid type"}]
            POST 1.0/suppliers [{"name":"Needs","confidence":1,"retention":1,"vendor":1}]
              400 [{"status":"An error occurred while creating supplier","reason":"Property 'vendor' has an invalid type"}]
            GET 1.0/suppliers/Needs
              404 [{"status":"An error occurred while getting supplier","reason":"Supplier doesn't exist"}]
        "#]],
    );
}

#[test]
fn a_supplier_keeps_within_the_bounds() {
    let long_name = "n".repeat(129);
    let long_vendor = "\u{e9}".repeat(257);
    check(
        &shared(),
        &[
            r#"POST 1.0/suppliers [{"name":"Bounds","confidence":101,"retention":1}]"#,
            r#"POST 1.0/suppliers [{"name":"Bounds","confidence":-1,"retention":1}]"#,
            r#"POST 1.0/suppliers [{"name":"Bounds","confidence":1,"retention":0}]"#,
            r#"POST 1.0/suppliers [{"name":"Bounds","confidence":1,"retention":5256001}]"#,
            r#"POST 1.0/suppliers [{"name":"Bounds","confidence":1,"retention":99999999999999999999999999}]"#,
            r#"POST 1.0/suppliers [{"name":"","confidence":1,"retention":1}]"#,
            r#"POST 1.0/suppliers [{"name":"A b","confidence":1,"retention":1}]"#,
            r#"POST 1.0/suppliers [{"name":"../x","confidence":1,"retention":1}]"#,
            r#"POST 1.0/suppliers [{"name":"\u0431","confidence":1,"retention":1}]"#,
            r#"POST 1.0/suppliers [{"name":"internalti","confidence":1,"retention":1}]"#,
            r#"POST 1.0/suppliers [{"name":"FALSEPOSITIVE","confidence":1,"retention":1}]"#,
            &format!(r#"POST 1.0/suppliers [{{"name":"{long_name}","confidence":1,"retention":1}}]"#),
            &format!(
                r#"POST 1.0/suppliers [{{"name":"Bounds","confidence":1,"retention":1,"vendor":"{long_vendor}"}}]"#
            ),
            "GET 1.0/suppliers/Bounds",
        ],
        &expect![[r#"
            POST 1.0/suppliers [{"name":"Bounds","confidence":101,"retention":1}]
              400 [{"status":"An error occurred while creating supplier","reason":"confidence must be an integer from 0 to 100"}]
            POST 1.0/suppliers [{"name":"Bounds","confidence":-1,"retention":1}]
              400 [{"status":"An error occurred while creating supplier","reason":"confidence must be an integer from 0 to 100"}]
            POST 1.0/suppliers [{"name":"Bounds","confidence":1,"retention":0}]
              400 [{"status":"An error occurred while creating supplier","reason":"retention must be an integer from 1 to 5256000"}]
            POST 1.0/suppliers [{"name":"Bounds","confidence":1,"retention":5256001}]
              400 [{"status":"An error occurred while creating supplier","reason":"retention must be an integer from 1 to 5256000"}]
            POST 1.0/suppliers [{"name":"Bounds","confidence":1,"retention":99999999999999999999999999}]
              400 [{"status":"An error occurred while creating supplier","reason":"Property 'retention' has an invalid type"}]
            POST 1.0/suppliers [{"name":"","confidence":1,"retention":1}]
              400 [{"status":"An error occurred while creating supplier","reason":"a name must not be empty"}]
            POST 1.0/suppliers [{"name":"A b","confidence":1,"retention":1}]
              400 [{"status":"An error occurred while creating supplier","reason":"the name 'A b' has a character other than Latin letters, digits, '-' and '_'"}]
            POST 1.0/suppliers [{"name":"../x","confidence":1,"retention":1}]
              400 [{"status":"An error occurred while creating supplier","reason":"the name '../x' has a character other than Latin letters, digits, '-' and '_'"}]
            POST 1.0/suppliers [{"name":"\u0431","confidence":1,"retention":1}]
              400 [{"status":"An error occurred while creating supplier","reason":"the name 'б' has a character other than Latin letters, digits, '-' and '_'"}]
            POST 1.0/suppliers [{"name":"internalti","confidence":1,"retention":1}]
              400 [{"status":"An error occurred while creating supplier","reason":"The name is reserved for a built-in supplier"}]
            POST 1.0/suppliers [{"name":"FALSEPOSITIVE","confidence":1,"retention":1}]
              400 [{"status":"An error occurred while creating supplier","reason":"The name is reserved for a built-in supplier"}]
            POST 1.0/suppliers [{"name":"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn","confidence":1,"retention":1}]
              400 [{"status":"An error occurred while creating supplier","reason":"a name of 129 bytes is over the limit of 128"}]
            POST 1.0/suppliers [{"name":"Bounds","confidence":1,"retention":1,"vendor":"ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé"}]
              400 [{"status":"An error occurred while creating supplier","reason":"vendor is over the limit of 256 characters"}]
            GET 1.0/suppliers/Bounds
              404 [{"status":"An error occurred while getting supplier","reason":"Supplier doesn't exist"}]
        "#]],
    );
}

#[test]
fn the_bounds_themselves_are_taken() {
    let name = "n".repeat(128);
    let vendor = "\u{e9}".repeat(256);
    check(
        &shared(),
        &[
            &format!(
                r#"POST 1.0/suppliers [{{"name":"{name}","confidence":100,"retention":5256000,"vendor":"{vendor}"}}]"#
            ),
            r#"POST 1.0/suppliers [{"name":"a-_Z9","confidence":0,"retention":1}]"#,
            &format!("GET 1.0/suppliers/{name}"),
            "GET 1.0/suppliers/a-_Z9",
            "GET 1.0/suppliers/A-_Z9",
        ],
        &expect![[r#"
            POST 1.0/suppliers [{"name":"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn","confidence":100,"retention":5256000,"vendor":"éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé"}]
              201 [{"status":"Supplier successfully created"}]
            POST 1.0/suppliers [{"name":"a-_Z9","confidence":0,"retention":1}]
              201 [{"status":"Supplier successfully created"}]
            GET 1.0/suppliers/nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn
              200 [{"name":"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn","status":"enabled","confidence":100,"retention":5256000,"vendor":"éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé"}]
            GET 1.0/suppliers/a-_Z9
              200 [{"name":"a-_Z9","status":"enabled","confidence":0,"retention":1,"vendor":""}]
            GET 1.0/suppliers/A-_Z9
              404 [{"status":"An error occurred while getting supplier","reason":"Supplier doesn't exist"}]
        "#]],
    );
}

#[test]
fn a_body_is_an_array_of_exactly_one_object() {
    let deep = format!(
        r#"[{{"name":"Shape","confidence":1,"retention":1,"x":{}{}}}]"#,
        "[".repeat(31),
        "]".repeat(31)
    );
    check(
        &shared(),
        &[
            "POST 1.0/suppliers",
            "POST 1.0/suppliers []",
            "POST 1.0/suppliers [{},{}]",
            "POST 1.0/suppliers [1]",
            "POST 1.0/suppliers null",
            r#"POST 1.0/suppliers {"name":"Shape","confidence":1,"retention":1}"#,
            r#"POST 1.0/suppliers [{"name":"Shape","confidence":1,"retention":1}"#,
            r#"POST 1.0/suppliers [{"name":"Shape","confidence":1,"retention":1}],"#,
            r#"POST 1.0/suppliers [{"name":"Shape","confidence":1,"retention":1,}]"#,
            r#"POST 1.0/suppliers [{"name":"Sh\ud800ape","confidence":1,"retention":1}]"#,
            &format!("POST 1.0/suppliers {deep}"),
            "GET 1.0/suppliers/Shape",
            "PUT 1.0/suppliers/Shape []",
        ],
        &expect![[r#"
            POST 1.0/suppliers
              400 [{"status":"An error occurred while creating supplier","reason":"The body is not JSON"}]
            POST 1.0/suppliers []
              400 [{"status":"An error occurred while creating supplier","reason":"The body is not an array of exactly one object"}]
            POST 1.0/suppliers [{},{}]
              400 [{"status":"An error occurred while creating supplier","reason":"The body is not an array of exactly one object"}]
            POST 1.0/suppliers [1]
              400 [{"status":"An error occurred while creating supplier","reason":"The body is not an array of exactly one object"}]
            POST 1.0/suppliers null
              400 [{"status":"An error occurred while creating supplier","reason":"The body is not an array of exactly one object"}]
            POST 1.0/suppliers {"name":"Shape","confidence":1,"retention":1}
              400 [{"status":"An error occurred while creating supplier","reason":"The body is not an array of exactly one object"}]
            POST 1.0/suppliers [{"name":"Shape","confidence":1,"retention":1}
              400 [{"status":"An error occurred while creating supplier","reason":"The body is not JSON"}]
            POST 1.0/suppliers [{"name":"Shape","confidence":1,"retention":1}],
              400 [{"status":"An error occurred while creating supplier","reason":"The body is not JSON"}]
            POST 1.0/suppliers [{"name":"Shape","confidence":1,"retention":1,}]
              400 [{"status":"An error occurred while creating supplier","reason":"The body is not JSON"}]
            POST 1.0/suppliers [{"name":"Sh\ud800ape","confidence":1,"retention":1}]
              400 [{"status":"An error occurred while creating supplier","reason":"Property 'name' is not valid Unicode"}]
            POST 1.0/suppliers [{"name":"Shape","confidence":1,"retention":1,"x":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}]
              400 [{"status":"An error occurred while creating supplier","reason":"The body nests deeper than 32 levels"}]
            GET 1.0/suppliers/Shape
              404 [{"status":"An error occurred while getting supplier","reason":"Supplier doesn't exist"}]
            PUT 1.0/suppliers/Shape []
              404 [{"status":"An error occurred while updating supplier","reason":"Supplier doesn't exist"}]
        "#]],
    );
}

#[test]
fn the_last_duplicate_counts_and_the_unknown_is_ignored() {
    check(
        &shared(),
        &[
            "POST 1.0/suppliers \u{feff} [ { \"name\" : \"bad name\" , \"x\":[{\"name\":\"Inner\"}], \"name\" : \"Duplicates\",\n\t\"confidence\":500,\"retention\":7,\"confidence\":5 } ] ",
            "GET 1.0/suppliers/Duplicates",
        ],
        &expect![[r#"
            POST 1.0/suppliers ﻿ [ { "name" : "bad name" , "x":[{"name":"Inner"}], "name" : "Duplicates",
            	"confidence":500,"retention":7,"confidence":5 } ] 
              201 [{"status":"Supplier successfully created"}]
            GET 1.0/suppliers/Duplicates
              200 [{"name":"Duplicates","status":"enabled","confidence":5,"retention":7,"vendor":""}]
        "#]],
    );
}
