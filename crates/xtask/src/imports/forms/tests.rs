//! Each form holds the rows, or the values, that it is to hold.

use std::fs;

use serde_json::Value;

use super::{Forms, ImportForm};
use crate::feed::FeedOptions;

const FEED: &str = concat!(
    r#"{"indicator":"198.51.100.7","context":{"port":443,"note":"a, \"b\""},"tags":["C2","BOTNET"]}"#,
    "\n",
    r#"{"indicator":"example.com/it's"}"#,
    "\n",
    r#"{"indicator":"d41d8cd98f00b204e9800998ecf8427e","context":{"family":"x"}}"#,
    "\n"
);

fn forms(dir: &tempfile::TempDir) -> Forms {
    let path = dir.path().join("feed.jsonl");
    fs::write(&path, FEED).unwrap();
    Forms::write(FeedOptions::of_file(&path).open().unwrap(), dir.path()).unwrap()
}

#[test]
fn csv_has_a_column_for_each_member_of_a_context() {
    let dir = tempfile::tempdir().unwrap();
    let expected = "indicator,tags,family,note,port\n\
        198.51.100.7,\"C2;BOTNET\",,\"a, \"\"b\"\"\",443\n\
        example.com/it's,,,,\n\
        d41d8cd98f00b204e9800998ecf8427e,,x,,\n";
    assert_eq!(String::from_utf8(forms(&dir).body(ImportForm::Csv).unwrap()).unwrap(), expected);
}

#[test]
fn documents_have_the_values_with_their_types() {
    let dir = tempfile::tempdir().unwrap();
    let forms = forms(&dir);
    let bundle: Value = serde_json::from_slice(&forms.body(ImportForm::Stix).unwrap()).unwrap();
    let patterns: Vec<_> = (0..3).map(|number| bundle["objects"][number]["pattern"].clone()).collect();
    assert_eq!(
        patterns,
        [
            "[ipv4-addr:value = '198.51.100.7']",
            "[url:value = 'example.com/it\\'s']",
            "[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']"
        ]
    );
    let event: Value = serde_json::from_slice(&forms.body(ImportForm::Misp).unwrap()).unwrap();
    let attributes = event["Event"]["Attribute"].as_array().unwrap();
    let types: Vec<_> = attributes.iter().map(|attribute| attribute["type"].clone()).collect();
    assert_eq!(types, ["ip-dst", "url", "md5"]);
}

#[test]
fn arrays_have_all_rows_and_end_before_they_are_too_long() {
    let dir = tempfile::tempdir().unwrap();
    let forms = forms(&dir);
    let rows = |body: &[u8]| serde_json::from_slice::<Vec<Value>>(body).unwrap();
    let whole = rows(&forms.body(ImportForm::Array).unwrap());
    let expected: Vec<Value> = FEED.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(whole, expected);
    let short = forms.arrays(130).unwrap();
    assert_eq!(short.len(), 2, "the first row and the second one, then the third");
    assert!(short.iter().all(|array| array.len() <= 130));
    assert_eq!(short.iter().flat_map(|array| rows(array)).collect::<Vec<_>>(), expected);
}
