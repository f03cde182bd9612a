//! Section 8: tags, row by row, what is refused, and what becomes of the indicators that carry them.

use crate::{
    daemon::{Running, check, check_versions, shared},
    disk,
};
use expect_test::expect;

#[test]
fn every_row_answers_alike_in_every_version_that_has_tags() {
    let daemon = Running::start(&[]);
    check_versions(
        &daemon,
        &["1.1", "1.2", "1.3"],
        &[
            "GET {v}/tags",
            r#"POST {v}/tags [{"name":"win-Trojan","weight":5}]"#,
            r#"POST {v}/tags [{"name":"WIN-TROJAN","weight":1}]"#,
            r#"POST {v}/tags [{"name":"apt","weight":0}]"#,
            "GET {v}/tags",
            "GET {v}/tags/Win-trojan",
            r#"PUT {v}/tags/win-trojan [{"weight":4}]"#,
            r#"PUT {v}/tags/win-trojan [{"weight":9}]"#,
            r#"PUT {v}/tags/win-trojan [{"name":"apt"}]"#,
            r#"PUT {v}/tags/win-trojan [{"name":"a-Worm"}]"#,
            r#"PUT {v}/tags/a-worm [{"name":"A-worm"}]"#,
            "GET {v}/tags",
            "GET {v}/tags/win-trojan",
            "PUT {v}/tags/win-trojan [{}]",
            "DELETE {v}/tags/win-trojan",
            "DELETE {v}/tags/a-worm",
            "DELETE {v}/tags/APT",
        ],
        &expect![[r#"
            GET tags
              200 []
            POST tags [{"name":"win-Trojan","weight":5}]
              201 [{"status":"Tag successfully created"}]
            POST tags [{"name":"WIN-TROJAN","weight":1}]
              400 [{"status":"An error occurred while creating tag","reason":"Tag already exists"}]
            POST tags [{"name":"apt","weight":0}]
              201 [{"status":"Tag successfully created"}]
            GET tags
              200 [{"name":"APT","weight":0},{"name":"WIN-TROJAN","weight":5}]
            GET tags/Win-trojan
              200 [{"name":"WIN-TROJAN","weight":5}]
            PUT tags/win-trojan [{"weight":4}]
              200 [{"status":"Tag successfully updated"}]
            PUT tags/win-trojan [{"weight":9}]
              400 [{"status":"An error occurred while updating tag","reason":"weight must be an integer from 0 to 5"}]
            PUT tags/win-trojan [{"name":"apt"}]
              400 [{"status":"An error occurred while updating tag","reason":"Tag already exists"}]
            PUT tags/win-trojan [{"name":"a-Worm"}]
              200 [{"status":"Tag successfully updated"}]
            PUT tags/a-worm [{"name":"A-worm"}]
              200 [{"status":"Tag successfully updated"}]
            GET tags
              200 [{"name":"A-WORM","weight":4},{"name":"APT","weight":0}]
            GET tags/win-trojan
              404 [{"status":"An error occurred while getting tag","reason":"Tag doesn't exist"}]
            PUT tags/win-trojan [{}]
              404 [{"status":"An error occurred while updating tag","reason":"Tag doesn't exist"}]
            DELETE tags/win-trojan
              404 [{"status":"An error occurred while removing tag","reason":"Tag doesn't exist"}]
            DELETE tags/a-worm
              200 [{"status":"Tag successfully deleted"}]
            DELETE tags/APT
              200 [{"status":"Tag successfully deleted"}]
        "#]],
    );
}

#[test]
fn tags_that_are_refused() {
    let long = "t".repeat(129);
    check(
        &shared(),
        &[
            r#"POST 1.1/tags [{"name":"REFUSED"}]"#,
            r#"POST 1.1/tags [{"weight":1}]"#,
            r#"POST 1.1/tags [{"name":"REFUSED","weight":6}]"#,
            r#"POST 1.1/tags [{"name":"REFUSED","weight":-1}]"#,
            r#"POST 1.1/tags [{"name":"REFUSED","weight":1.5}]"#,
            r#"POST 1.1/tags [{"name":"REFUSED","weight":"1"}]"#,
            r#"POST 1.1/tags [{"name":"REF USED","weight":1}]"#,
            r#"POST 1.1/tags [{"name":"","weight":1}]"#,
            r#"POST 1.1/tags [{"name":["REFUSED"],"weight":1}]"#,
            &format!(r#"POST 1.1/tags [{{"name":"{long}","weight":1}}]"#),
            "POST 1.1/tags []",
            "POST 1.1/tags [{},{}]",
            r#"POST 1.1/tags {"name":"REFUSED","weight":1}"#,
            "GET 1.1/tags/refused",
            "GET 1.1/tags/a%20b",
        ],
        &expect![[r#"
            POST 1.1/tags [{"name":"REFUSED"}]
              400 [{"status":"An error occurred while creating tag","reason":"Property 'weight' is missing"}]
            POST 1.1/tags [{"weight":1}]
              400 [{"status":"An error occurred while creating tag","reason":"Property 'name' is missing"}]
            POST 1.1/tags [{"name":"REFUSED","weight":6}]
              400 [{"status":"An error occurred while creating tag","reason":"weight must be an integer from 0 to 5"}]
            POST 1.1/tags [{"name":"REFUSED","weight":-1}]
              400 [{"status":"An error occurred while creating tag","reason":"weight must be an integer from 0 to 5"}]
            POST 1.1/tags [{"name":"REFUSED","weight":1.5}]
              400 [{"status":"An error occurred while creating tag","reason":"Property 'weight' has an invalid type"}]
            POST 1.1/tags [{"name":"REFUSED","weight":"1"}]
              400 [{"status":"An error occurred while creating tag","reason":"Property 'weight' has an invalid type"}]
            POST 1.1/tags [{"name":"REF USED","weight":1}]
              400 [{"status":"An error occurred while creating tag","reason":"the name 'REF USED' has a character other than Latin letters, digits, '-' and '_'"}]
            POST 1.1/tags [{"name":"","weight":1}]
              400 [{"status":"An error occurred while creating tag","reason":"a name must not be empty"}]
            POST 1.1/tags [{"name":["REFUSED"],"weight":1}]
              400 [{"status":"An error occurred while creating tag","reason":"Property 'name' has an invalid type"}]
            POST 1.1/tags [{"name":"ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt","weight":1}]
              400 [{"status":"An error occurred while creating tag","reason":"a name of 129 bytes is over the limit of 128"}]
            POST 1.1/tags []
              400 [{"status":"An error occurred while creating tag","reason":"The body is not an array of exactly one object"}]
            POST 1.1/tags [{},{}]
              400 [{"status":"An error occurred while creating tag","reason":"The body is not an array of exactly one object"}]
            POST 1.1/tags {"name":"REFUSED","weight":1}
              400 [{"status":"An error occurred while creating tag","reason":"The body is not an array of exactly one object"}]
            GET 1.1/tags/refused
              404 [{"status":"An error occurred while getting tag","reason":"Tag doesn't exist"}]
            GET 1.1/tags/a%20b
              404 [{"status":"An error occurred while getting tag","reason":"Tag doesn't exist"}]
        "#]],
    );
}

#[test]
fn tags_stay_when_absent_go_when_empty_and_are_replaced_when_listed() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["One", "Two"], 50);
    daemon.add_tags(&["A", "B", "C", "D"]);
    let all = r#"[{"indicator":"stay.example.com","tags":["a","B"]},{"indicator":"null.example.com","tags":["a"]},
        {"indicator":"empty.example.com","tags":["a","b"]},{"indicator":"list.example.com","tags":["a","b"]},
        {"indicator":"old.example.com","tags":["a"]},{"indicator":"refused.example.com","tags":["a"]},
        {"indicator":"twice.example.com","tags":["a"]},{"indicator":"gone.example.com","tags":["a","d"]}]"#;
    daemon.put("suppliers/One", all);
    // Tags belong to the value, whichever supplier sends them.
    let some = r#"[{"indicator":"stay.example.com"},{"indicator":"null.example.com","tags":null},
        {"indicator":"empty.example.com","tags":[]},{"indicator":"list.example.com","tags":["c","c","B"]},
        {"indicator":"twice.example.com","tags":["b"]},{"indicator":"twice.example.com","tags":["c"]},
        {"indicator":"twice.example.com"}]"#;
    daemon.put("suppliers/Two", some);
    let old = daemon.ask(
        "PUT",
        "1.0/suppliers/One/indicators",
        r#"[{"indicator":"old.example.com","tags":["c"]},{"indicator":"new.example.com","tags":["none",1]}]"#,
    );
    assert_eq!(old.status, 201, "the first version ignores tags: {old:?}");
    let refused = daemon.ask(
        "PUT",
        "1.1/suppliers/One/indicators",
        r#"[{"indicator":"refused.example.com","tags":["c","none"]}]"#,
    );
    assert_eq!(refused.status, 202);
    assert_eq!(daemon.ask("PUT", "1.1/tags/a", r#"[{"name":"renamed"}]"#).status, 200);
    assert_eq!(daemon.ask("DELETE", "1.1/tags/d", "").status, 200);
    daemon.add_tags(&["D"]);
    let names = ["stay", "null", "empty", "list", "old", "new", "refused", "twice", "gone"];
    let indicators = names.map(|name| format!("{name}.example.com"));
    let seen = disk::tags(daemon.stop().path(), &indicators.each_ref().map(String::as_str));
    expect![[r#"
        stay.example.com: RENAMED B
        null.example.com: RENAMED
        empty.example.com: 
        list.example.com: B C
        old.example.com: RENAMED
        new.example.com: 
        refused.example.com: RENAMED
        twice.example.com: C
        gone.example.com: RENAMED"#]]
    .assert_eq(&seen.join("\n"));
}
