//! Documents into a real store: bundles of STIX and events of MISP store what lines of the same indicators do.

use std::fmt::Write as _;

use expect_test::expect;
use proptest::{collection::vec, prelude::*, sample::select};
use sluice_model::limits;
use sluice_store::FeedMode;

use super::{STEP_BYTES, stored, told};
use crate::{
    Announced, Format, ImportMode, ImportReport, ImportRules, IngestError, LookupRules, UploadAction,
    fixture::{Fixture, block_on, lookup_rules},
    import::report::LEFT_OUT_TOLD_MAX,
};

/// Values with what each format calls them.
const VALUES: [(&str, &str, &str); 7] = [
    ("a.example.com", "domain-name:value", "domain"),
    ("b.example.com/Path?x=1,2", "url:value", "url"),
    ("192.0.2.1", "domain-name:value", "ip-dst"),
    ("2001:db8::1", "ipv6-addr:value", "ip-src"),
    ("192.0.2.0/24", "ipv4-addr:value", "ip-dst"),
    ("bad name\\", "url:value", "url"),
    ("hxxp://c[.]example.com", "url:value", "url"),
];

type Rows = Vec<((&'static str, &'static str, &'static str), u8, bool)>;

/// Rows with a value, a number for the context, and whether their source has withdrawn them.
fn some_rows() -> impl Strategy<Value = Rows> {
    vec((select(VALUES.to_vec()), any::<u8>(), proptest::bool::weighted(0.2)), 1..12)
}

/// A line or array of what a bundle or event should become.
fn lines(
    rows: &[&((&str, &str, &str), u8, bool)],
    context: impl Fn(&str, u8) -> serde_json::Value,
) -> String {
    rows.iter().fold(String::new(), |mut lines, ((value, _, name), number, _)| {
        writeln!(lines, "{}", serde_json::json!({"indicator": value, "context": context(name, *number)}))
            .unwrap();
        lines
    })
}

fn bundle(rows: &Rows) -> String {
    let objects: Vec<String> = rows
        .iter()
        .map(|((value, path, _), number, is_withdrawn)| {
            let pattern = format!("[{path} = '{}']", value.replace('\\', "\\\\"));
            let object = serde_json::json!({
                "type": "indicator", "pattern": pattern, "pattern_type": "stix", "confidence": number,
                "revoked": is_withdrawn, "description": "x",
            });
            format!("{object}, {{\"type\":\"malware\",\"objects\":[{object}]}}")
        })
        .collect();
    format!("{{\"type\":\"bundle\",\"x\":[{{}}],\"objects\":[{}]}}", objects.join(" ,\n"))
}

/// Every second attribute stands in an object.
fn event(rows: &Rows) -> String {
    let attribute = |((value, _, name), number, is_withdrawn): &((&str, &str, &str), u8, bool)| {
        serde_json::json!({
            "type": name, "value": value, "to_ids": true, "deleted": is_withdrawn, "timestamp": number.to_string(),
        })
    };
    let parts: Vec<String> = rows
        .iter()
        .enumerate()
        .map(|(place, row)| {
            let attribute = attribute(row);
            if place % 2 == 0 {
                format!("\"Attribute\":[{attribute}]")
            } else {
                format!("\"Object\":[{{\"name\":\"o\",\"Attribute\":[{attribute}]}}]")
            }
        })
        .collect();
    format!("{{\"response\":[{{\"Event\":{{\"info\":\"i\",{}}}}}]}}", parts.join(","))
}

/// What a store has after the same rows as lines, one after the other: put, or deleted where they are withdrawn.
fn by_lines(rows: &Rows, refang: bool, context: impl Fn(&str, u8) -> serde_json::Value) -> (String, u64) {
    let (fixture, mut accepted) = (Fixture::new(), 0);
    for row in rows {
        let mut rules = fixture.import_rules(Announced::Exactly(Format::Ndjson));
        rules.upload.refang = refang;
        if row.2 {
            rules.upload.action = UploadAction::Delete;
        }
        let report = fixture.import_with(rules, lines(&[row], &context).as_bytes(), 50).unwrap();
        accepted += report.accepted_count;
    }
    (stored(&fixture), accepted)
}

fn import(fixture: &Fixture, body: &str, refang: bool, chunk_bytes: usize) -> ImportReport {
    let mut rules = fixture.import_rules(Announced::SomeJson);
    rules.upload.refang = refang;
    fixture.import_with(rules, body.as_bytes(), chunk_bytes).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_document_stores_what_lines_of_its_indicators_do(rows in some_rows(), chunk_bytes in 1_usize..60, refang in any::<bool>()) {
        for (body, context) in [
            (bundle(&rows), (|_name, number| serde_json::json!({"confidence": number})) as fn(&str, u8) -> _),
            (event(&rows), |name, number| serde_json::json!({"event_info": "i", "type": name, "timestamp": number.to_string()})),
        ] {
            let (want, accepted) = by_lines(&rows, refang, context);
            let fixture = Fixture::new();
            let report = import(&fixture, &body, refang, chunk_bytes);
            prop_assert_eq!((report.rows_count, report.accepted_count), (rows.len() as u64, accepted), "{}", &body);
            prop_assert_eq!(report.rows_count, report.accepted_count + report.refused_count);
            prop_assert_eq!(stored(&fixture), want, "{}", body);
        }
    }
}

#[test]
fn each_value_that_is_refused_is_told_with_the_place_of_its_object() {
    let fixture = Fixture::new();
    let body = r#"{"objects":[{"type":"identity"},
        {"type":"indicator","pattern":"[domain-name:value = 'a.example.com' OR process:name = 'x' OR url:value = 'bad name\\\\']"},
        5,{"type":"indicator","pattern":"[a:b LIKE 'c']"}]}"#;
    let report = import(&fixture, body, false, 7);
    expect![[r#"
        5 rows, 1 accepted, 4 refused, 1 unread, to line 4
        2 at 41: unsupported-type "x" (Values of type 'process:name' are not taken)
        2 at 41: invalid-indicator "bad name\\" (Invalid indicator format)
        3 at 173: not-json "5" (The row is not a JSON object)
        4 at 175: unsupported-pattern "[a:b LIKE 'c']" (Comparisons are =, IN and ISSUBSET)
    "#]]
    .assert_eq(&told(&report));
    assert_eq!(report.unsupported_by_reason, [1, 1, 0, 0]);
    assert!(fixture.holds("a.example.com"));
    let body = r#"{"Event":{"Attribute":[{"type":"mutex","value":"m","to_ids":true},{"type":"domain","value":"b.example.com","to_ids":false},
        {"type":"domain","value":"c.example.com","to_ids":true,"Tag":[{"name":"good"}]},{"type":"comment"}]}}"#;
    let report = import(&fixture, body, false, 7);
    expect![[r#"
        3 rows, 1 accepted, 2 refused, 0 unread, to line 4
        1 at 23: unsupported-type "m" (Values of type 'mutex' are not taken)
        2 at 66: not-to-ids "b.example.com" (The attribute is not for detection: its to_ids is not true)
    "#]]
    .assert_eq(&told(&report));
    assert_eq!((report.unsupported_by_reason, report.left_out_count()), ([1, 0, 1, 0], 1));
    assert!(fixture.holds("c.example.com") && !fixture.holds("b.example.com"));
}

/// What was left out on purpose does not stand in the way of what has to be mended.
#[test]
fn of_many_that_were_left_out_few_are_told() {
    let fixture = Fixture::new();
    let attributes = (0..70_000).fold(String::new(), |mut attributes, number| {
        let to_ids = number % 700 == 0;
        write!(attributes, "{{\"type\":\"domain\",\"value\":\"bad\\\\{number}\",\"to_ids\":{to_ids}}},")
            .unwrap();
        attributes
    });
    let body = format!("[{{\"Event\":{{\"Attribute\":[{}]}}}}]", attributes.trim_end_matches(','));
    let report = import(&fixture, &body, false, 65_536);
    assert_eq!((report.refused_count, report.left_out_count()), (70_000, 69_900));
    let left_out = report.refused.iter().filter(|row| row.reason == "not-to-ids").count();
    assert_eq!((left_out, report.refused.len()), (LEFT_OUT_TOLD_MAX, 100));
}

#[test]
fn tags_of_ours_are_set_and_false_positives_have_no_context() {
    let fixture = Fixture::new();
    let body = r#"{"Event":{"Attribute":[{"type":"domain","value":"a.example.com","to_ids":true,"Tag":[{"name":"GOOD"},{"name":"tlp:red"}]}]}}"#;
    let mut rules = fixture.import_rules(Announced::Nothing);
    assert_eq!(fixture.import_with(rules.clone(), body.as_bytes(), 99).unwrap().accepted_count, 1);
    let lookup_rules = LookupRules { now_seconds: fixture.store.stamp_seconds(), ..lookup_rules() };
    let found = fixture.lookup_with(lookup_rules, r#"[{"object":"a.example.com"}]"#).unwrap();
    assert!(
        found.contains("\"level\":0,\"tags\":[\"GOOD\"],") && found.contains("\"tags\":[\"tlp:red\"]"),
        "{found}"
    );
    if let UploadAction::Put { is_false_positive, .. } = &mut rules.upload.action {
        *is_false_positive = true;
    }
    let body = body.replace("a.example", "b.example");
    assert_eq!(fixture.import_with(rules, body.as_bytes(), 99).unwrap().accepted_count, 1);
    assert_eq!(fixture.detect_now("b.example.com"), "Feed Url b.example.com {}\n");
}

#[test]
fn an_import_goes_on_from_an_object() {
    let fixture = Fixture::new();
    let object = |name: &str| {
        format!("{{\"type\":\"indicator\",\"pattern\":\"[domain-name:value='{name}.example.com']\"}}")
    };
    let body = format!("{{\"objects\":[{},{{}},{},{}]}}", object("a"), object("b"), object("c"));
    let rules = ImportRules { from_line: 3, ..fixture.import_rules(Announced::Exactly(Format::Stix)) };
    let report = fixture.import_with(rules, body.as_bytes(), 11).unwrap();
    assert_eq!((report.rows_count, report.accepted_count, report.committed_lines), (2, 2, 4));
    assert!(
        !fixture.holds("a.example.com") && fixture.holds("b.example.com") && fixture.holds("c.example.com")
    );
}

#[test]
fn what_a_document_has_before_its_fault_is_stored_if_a_step_of_it_is_whole() {
    let fixture = Fixture::new();
    let pad = "x".repeat(1_000);
    let count = 3 * STEP_BYTES / 1_000;
    let objects = (0..count).fold(String::new(), |mut objects, number| {
        write!(objects, "{{\"type\":\"indicator\",\"pattern\":\"[domain-name:value='h{number}.example.com']\",\"id\":\"{pad}\"}},").unwrap();
        objects
    });
    let body = format!("{{\"type\":\"bundle\",\"objects\":[{objects}]}}");
    let report = block_on(async {
        let mut import = fixture.begin(fixture.import_rules(Announced::Nothing));
        let mut error = None;
        for chunk in body.as_bytes().chunks(65_536) {
            if let Err(found) = import.feed(chunk).await {
                error = Some(found);
                break;
            }
        }
        let Some(IngestError::Body(error)) = error else { panic!("{error:?}") };
        assert_eq!(error.byte(), body.len() as u64 - 2);
        import.fail().await
    });
    assert!(0 < report.committed_lines && report.committed_lines < count as u64);
    let last = report.committed_lines;
    assert!(
        fixture.holds(&format!("h{}.example.com", last - 1))
            && !fixture.holds(&format!("h{last}.example.com"))
    );
}

/// A bundle of 300 MB, most of it in one array, and an event with one object of as much, pass through two steps.
#[test]
fn a_document_of_any_length_takes_no_more_memory_than_two_steps() {
    let mut fixture = Fixture::new();
    fixture.ingestor = fixture.ingestor.with_body_bytes(64 * limits::MIB);
    let pad = "y".repeat(900);
    let object =
        format!("{{\"type\":\"indicator\",\"pattern\":\"[ipv4-addr:value='192.0.2.7']\",\"id\":\"{pad}\"}},");
    let attribute =
        format!("{{\"type\":\"ip-dst\",\"value\":\"192.0.2.7\",\"to_ids\":true,\"comment\":\"{pad}\"}},");
    for (begin, row, end) in [
        ("{\"type\":\"bundle\",\"objects\":[", &object, "5]}"),
        ("{\"Event\":{\"info\":\"i\",\"Object\":[{\"Attribute\":[", &attribute, "5]}]}}"),
        (
            "{\"Event\":{\"x\":[",
            &attribute,
            "5],\"Attribute\":[{\"type\":\"ip-dst\",\"value\":\"192.0.2.7\",\"to_ids\":true}]}}",
        ),
    ] {
        let chunk = row.repeat(65_536 / row.len());
        let chunks = 300_000_000 / chunk.len();
        let report = block_on(async {
            let mut import = fixture.begin(fixture.import_rules(Announced::Nothing));
            import.feed(begin.as_bytes()).await.unwrap();
            for _ in 0..chunks {
                import.feed(chunk.as_bytes()).await.unwrap();
                assert!(fixture.ingestor.reserved_bytes() <= 2 * (STEP_BYTES + 2 * limits::MIB));
            }
            import.feed(end.as_bytes()).await.unwrap();
            import.finish().await.unwrap()
        });
        let rows = if begin.contains("\"x\"") { 1 } else { (chunks * (65_536 / row.len())) as u64 };
        assert_eq!(report.accepted_count, rows);
        assert_eq!(fixture.ingestor.reserved_bytes(), 0);
    }
}

/// Values of a pattern, and what an event gives to each attribute, count as well as the text does.
#[test]
fn what_rows_give_and_are_given_is_counted() {
    let fixture = Fixture::new();
    let many = format!(
        "{{\"type\":\"indicator\",\"pattern\":\"[domain-name:value IN ({})]\"}},",
        vec!["'a.bc'"; 10_000].join(",")
    );
    let info = "i".repeat(1_000);
    for (begin, row, count, least) in [
        ("{\"objects\":[".to_owned(), many, 16, 3 * limits::MIB),
        (
            format!("{{\"Event\":{{\"info\":\"{info}\",\"Attribute\":["),
            "{},".to_owned(),
            7_000,
            6 * limits::MIB,
        ),
    ] {
        block_on(async {
            let mut import = fixture.begin(fixture.import_rules(Announced::Nothing));
            import.feed(begin.as_bytes()).await.unwrap();
            import.feed(row.repeat(count).as_bytes()).await.unwrap();
            // Of a mebibyte of text and some more, or of very little.
            let reserved = fixture.ingestor.reserved_bytes();
            assert!(least < reserved, "{reserved}");
            drop(import.fail().await);
        });
    }
}

/// Whether a body replaces what its supplier holds or is only compared with it, what it withdraws is not in it.
#[test]
fn what_a_document_withdraws_counts_as_removed() {
    let object = |name: &str, revoked: bool| {
        format!(
            "{{\"type\":\"indicator\",\"pattern\":\"[domain-name:value='{name}.example.com']\",\"revoked\":{revoked}}}"
        )
    };
    let objects =
        [("a", false), ("b", true), ("c", false), ("c", true), ("d", true), ("d", false), ("none", true)];
    let body =
        format!("{{\"objects\":[{}]}}", objects.map(|(name, revoked)| object(name, revoked)).join(","));
    let held = ["b", "c", "e"].map(|name| format!("{name}.example.com"));
    for (mode, counts, want) in [
        (ImportMode::Plan(FeedMode::Upsert), [2, 0, 2], "b.c.e"),
        (ImportMode::Plan(FeedMode::Replace), [2, 0, 3], "b.c.e"),
        (ImportMode::Replace { shrink_percent_max: 100 }, [2, 0, 3], "a.d"),
        (ImportMode::Steps, [0; 3], "a.d.e"),
    ] {
        let fixture = Fixture::new();
        fixture.import(&format!("{}\n{}\n{}\n", held[0], held[1], held[2]));
        let rules = ImportRules { mode, ..fixture.import_rules(Announced::Nothing) };
        let report = fixture.import_with(rules, body.as_bytes(), 33).unwrap();
        assert_eq!((report.accepted_count, report.refused_count), (7, 0));
        let changes =
            report.changes.map_or([0; 3], |changes| [changes.added, changes.changed, changes.removed]);
        let holding = ["a", "b", "c", "d", "e", "none"]
            .into_iter()
            .filter(|name| fixture.holds(&format!("{name}.example.com")));
        assert_eq!((changes, holding.collect::<Vec<_>>().join(".").as_str()), (counts, want), "{mode:?}");
    }
}
