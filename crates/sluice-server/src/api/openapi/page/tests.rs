//! The page has all of the document, loads nothing, and escapes what it shows.

use serde_json::Value;

use super::{POLICY, STYLE, escaped, of, prose};
use crate::api::openapi::document;

#[test]
fn all_requests_and_forms_are_there_and_every_link_leads_somewhere() {
    let (document, html) = (document(), of(&document()));
    let value: Value = serde_json::to_value(&document).unwrap();
    for (path, item) in value["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(html.contains(&format!("<h2 id=\"{id}\">")), "{id}");
            assert!(html.contains(path), "{path}");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = format!("<td><code>{}</code></td>", parameter["name"].as_str().unwrap());
                assert!(html.contains(&name), "{name}");
            }
        }
    }
    for name in value["components"]["schemas"].as_object().unwrap().keys() {
        assert!(html.contains(&format!("<h3 id=\"form-{name}\">")), "{name}");
    }
    for link in html.split("href=\"").skip(1) {
        let to = link.split('"').next().unwrap();
        match to.strip_prefix('#') {
            Some(id) => assert!(html.contains(&format!("id=\"{id}\"")), "{to}"),
            None => assert!(to == "/openapi.json" || to.starts_with("/problems/"), "{to}"),
        }
    }
}

#[test]
fn nothing_is_loaded_and_nothing_runs() {
    let html = of(&document());
    for word in ["<script", "<link", "<img", "src=", "href=\"http", "@import", "url(", "style=\"", "onclick"]
    {
        assert!(!html.contains(word), "{word}");
    }
    assert!(!STYLE.contains("http") && html.matches("<style>").count() == 1);
    assert!(POLICY.starts_with("default-src 'none'; style-src 'sha256-"), "{}", *POLICY);
}

#[test]
fn text_is_escaped_and_descriptions_keep_their_code_and_links() {
    assert_eq!(escaped("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
    assert_eq!(
        prose("a `<b>` [c<](/d\") e [f\n\ng"),
        "<p>a <code>&lt;b&gt;</code> <a href=\"/d&quot;\">c&lt;</a> e [f</p>\n<p>g</p>\n"
    );
}
