//! Bodies of every format into a real store: step by step, the same rows whatever their format, in bounded memory.

mod allow_oracle;
mod allowed;
mod beside_replacement;
mod documents;

use std::{
    fmt::Write as _,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use expect_test::expect;
use proptest::{collection::vec, prelude::*, sample::select};
use sluice_model::{TagId, TenantId, limits, memory_plan::BODY_BYTES_MIN};
use sluice_store::WriteError;

use super::{STEP_BYTES, rejects::tests::Kept, report::REFUSED_TOLD_MAX};
use crate::{
    Announced, ColumnChoice, Format, Import, ImportMode, ImportReport, ImportRules, IngestError, Keeper,
    LookupRules, MispRules, MissingTags, RejectsFrame, StepPlace, TagMaker, UploadAction, UploadRules,
    fixture::{Fixture, block_on, lookup_rules},
};

impl Fixture {
    /// Looks a value up now: imports are stamped by the clock of the store.
    fn detect_now(&self, object: &str) -> String {
        let rules = LookupRules { now_seconds: self.store.stamp_seconds(), ..lookup_rules() };
        self.detect_with(rules, object)
    }

    fn holds(&self, object: &str) -> bool {
        !self.detect_now(object).is_empty()
    }

    fn import_rules(&self, announced: Announced) -> ImportRules {
        ImportRules {
            upload: UploadRules { takes_marks: false, ..self.rules(TenantId::GENERAL, "Feed") },
            missing_tags: MissingTags::Refuse,
            announced,
            columns: ColumnChoice::default(),
            misp: MispRules { only_to_ids: true, takes_domain_ips: false },
            skip_allowed: true,
            from_line: 1,
            room_wait_max: Duration::ZERO,
            mode: ImportMode::Steps,
            told: Arc::new(|_count| {}),
            keeper: Arc::new(Kept::default()),
        }
    }

    fn import_rules_of(&self, supplier: &str) -> ImportRules {
        let upload = UploadRules { takes_marks: false, ..self.rules(TenantId::GENERAL, supplier) };
        ImportRules { upload, ..self.import_rules(Announced::Nothing) }
    }

    fn begin(&self, rules: ImportRules) -> Import {
        self.ingestor.import(self.ingestor.reserve_import(None, None).unwrap(), rules)
    }

    fn import_with(
        &self,
        rules: ImportRules,
        body: &[u8],
        chunk_bytes: usize,
    ) -> Result<ImportReport, IngestError> {
        block_on(async {
            let mut import = self.begin(rules);
            for chunk in body.chunks(chunk_bytes) {
                import.feed(chunk).await?;
            }
            import.finish().await
        })
    }

    fn import(&self, body: &str) -> ImportReport {
        let rules = self.import_rules(Announced::Nothing);
        self.import_with(rules, body.as_bytes(), self.chunk_bytes).unwrap()
    }
}

/// Counts, and the refused rows with their reasons.
fn told(report: &ImportReport) -> String {
    let mut told = format!(
        "{} rows, {} accepted, {} refused, {} unread, to line {}\n",
        report.rows_count,
        report.accepted_count,
        report.refused_count,
        report.unread_count,
        report.committed_lines
    );
    for row in &report.refused {
        writeln!(told, "{} at {}: {} {} ({})", row.line, row.byte, row.reason, row.value, row.hint).unwrap();
    }
    told
}

#[test]
fn each_refused_row_is_told_with_its_place_and_reason() {
    let fixture = Fixture::new();
    let report = fixture.import(
        "\u{feff}{\"indicator\":\"good.example.com\",\"kind\":\"domain\",\"updated\":1,\"mark_detections\":1}\n\
         {\"indicator\":\"bad\\\\name\"}\n{\"indicator\":5}\n{\"context\":{}}\nnone\n\
         {\"indicator\":\"a.example.com\",\"tags\":[\"NONE\"]}\n{\"indicator\":\"a.example.com\",\"tags\":1}\n\
         {\"indicator\":\"a.example.com\",\"context\":{}}\n\n{\"indicator\":\"last.example.com\"}",
    );
    expect![[r#"
        9 rows, 2 accepted, 7 refused, 1 unread, to line 10
        2 at 84: invalid-indicator "bad\\name" (Invalid indicator format)
        3 at 110: invalid-indicator "5" (Property 'indicator' has an invalid type)
        4 at 126: missing-indicator "{\"context\":{}}" (Property 'indicator' is missing)
        5 at 141: not-json "none" (The row is not a JSON object)
        6 at 146: unknown-tag "a.example.com" (Unknown tag: NONE)
        7 at 192: unknown-tag "a.example.com" (Property 'tags' has an invalid type)
        8 at 231: invalid-context "a.example.com" (Property 'context' has an invalid type)
    "#]]
    .assert_eq(&told(&report));
    assert!(fixture.holds("good.example.com") && fixture.holds("last.example.com"));
    assert!(!fixture.holds("a.example.com"));
}

#[test]
fn all_refused_rows_are_counted_and_the_first_are_told() {
    let fixture = Fixture::new();
    let line = |number| format!("bad_{number}\\{}\n", "x".repeat(60));
    let body = (0..30_000).map(line).collect::<Vec<_>>().concat();
    let report = fixture.import(&body);
    assert_eq!((report.rows_count, report.refused_count), (30_000, 30_000));
    let lines: Vec<u64> = report.refused.iter().map(|row| row.line).collect();
    assert_eq!(lines, (1..=REFUSED_TOLD_MAX as u64).collect::<Vec<_>>());
}

/// Indicators, each with a context and tags or without.
type Rows = Vec<(String, Option<String>, bool)>;

fn some_rows() -> impl Strategy<Value = Rows> {
    let names = [
        "a.example.com",
        "b.example.com/Path?x=1,2",
        "192.0.2.1",
        "2001:db8::1",
        "bad name\\",
        "192.0.2.0/24",
    ];
    let notes = ["x", "say \"a\", b", "é\tä", "back\\slash"];
    let row = (select(names.to_vec()), proptest::option::of(select(notes.to_vec())), any::<bool>());
    let owned =
        |(name, note, tag): (&str, Option<&str>, bool)| (name.to_owned(), note.map(str::to_owned), tag);
    vec(row.prop_map(owned), 1..12)
}

/// The same rows in each format that has contexts and tags.
fn written(rows: &Rows) -> [(Format, String); 3] {
    let objects: Vec<String> = rows
        .iter()
        .map(|(name, note, is_tagged)| {
            let mut object = serde_json::json!({"indicator": name});
            if let Some(note) = note {
                object["context"] = serde_json::json!({"note": note});
            }
            if *is_tagged {
                object["tags"] = serde_json::json!(["GOOD"]);
            }
            object.to_string()
        })
        .collect();
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut table = "tags,note,indicator\r\n".to_owned();
    for (name, note, is_tagged) in rows {
        let tag = if *is_tagged { "good" } else { "" };
        write!(table, "{tag},{},{}\r\n", quoted(note.as_deref().unwrap_or("")), quoted(name)).unwrap();
    }
    [
        (Format::Ndjson, objects.join("\n")),
        (Format::Json, format!("[{}]", objects.join(" ,\n"))),
        (Format::Csv, table),
    ]
}

/// What is stored of some indicators.
fn stored(fixture: &Fixture) -> String {
    let objects = ["a.example.com", "b.example.com/Path?x=1,2", "192.0.2.1", "2001:db8::1", "192.0.2.0/24"];
    objects.map(|object| fixture.detect_now(object)).concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever the format, and however the body arrives; and as the CyberTrace API stores them.
    #[test]
    fn the_same_rows_are_stored_whatever_their_format(rows in some_rows(), chunk_bytes in 1_usize..50) {
        let reference = Fixture::new();
        let [_, (_, array), _] = written(&rows);
        let receipt = reference.put("Feed", &array).unwrap();
        let want = stored(&reference);
        for (format, body) in written(&rows) {
            for announced in [Announced::Nothing, Announced::Exactly(format)] {
                let fixture = Fixture::new();
                let rules = fixture.import_rules(announced);
                let rules = ImportRules { upload: reference.rules(TenantId::GENERAL, "Feed"), ..rules };
                let report = fixture.import_with(rules, body.as_bytes(), chunk_bytes).unwrap();
                prop_assert_eq!(report.accepted_count, receipt.accepted_count, "{:?} {}", format, body);
                prop_assert_eq!(report.refused_count, receipt.rejected_count);
                prop_assert_eq!(&stored(&fixture), &want, "{:?} {}", format, body);
            }
        }
    }

    #[test]
    fn a_plain_list_stores_what_an_array_of_its_values_does(rows in some_rows(), chunk_bytes in 1_usize..50) {
        let bare: Rows = rows.into_iter().map(|(name, ..)| (name.replace("d name", "d"), None, false)).collect();
        let reference = Fixture::new();
        let [_, (_, array), _] = written(&bare);
        let receipt = reference.put("Feed", &array).unwrap();
        let fixture = Fixture::new();
        let list: Vec<&str> = bare.iter().map(|(name, ..)| name.as_str()).collect();
        let rules = fixture.import_rules(Announced::Nothing);
        let report = fixture.import_with(rules, list.join("\r\n").as_bytes(), chunk_bytes).unwrap();
        prop_assert_eq!(report.accepted_count, receipt.accepted_count);
        prop_assert_eq!(stored(&fixture), stored(&reference));
    }
}

/// A body of `count` lines of NDJSON, each of about `bytes` bytes.
fn body(from: usize, count: usize, bytes: usize) -> String {
    let pad = "x".repeat(bytes);
    (from..from + count).fold(String::new(), |mut body, number| {
        writeln!(
            body,
            "{{\"indicator\":\"h{number}.example.com\",\"context\":{{\"pad\":\"{number}{pad}\"}}}}"
        )
        .unwrap();
        body
    })
}

#[test]
fn rows_become_durable_while_the_body_arrives_and_stay_when_it_breaks_off() {
    let fixture = Fixture::new();
    let durable = Arc::new(AtomicU64::new(0));
    let noted = Arc::clone(&durable);
    let told = Arc::new(move |count| {
        noted.fetch_add(count, Ordering::SeqCst);
    });
    let rules = ImportRules { told, ..fixture.import_rules(Announced::Nothing) };
    let report = block_on(async {
        let mut import = fixture.begin(rules);
        let piece = body(0, 1_000, 1_000);
        // Two steps and some more: when the third one is full, the first one is durable.
        for number in 0..(5 * STEP_BYTES / 2).div_ceil(piece.len()) {
            import.feed(body(number * 1_000, 1_000, 1_000).as_bytes()).await.unwrap();
        }
        assert!(0 < durable.load(Ordering::SeqCst));
        import.fail().await
    });
    assert_eq!(report.accepted_count, durable.load(Ordering::SeqCst));
    assert_eq!((report.committed_lines, report.refused_count), (report.accepted_count, 0));
    let last = report.committed_lines;
    let reopened = fixture.reopened();
    assert!(reopened.holds(&format!("h{}.example.com", last - 1)));
    assert!(!reopened.holds(&format!("h{last}.example.com")));
    assert_eq!(reopened.ingestor.reserved_bytes(), 0);
}

/// Holds that whoever is told of a step has all of it.
#[derive(Default)]
struct AfterCommits {
    durable: AtomicU64,
    told_steps: AtomicU64,
}

impl Keeper for AfterCommits {
    fn takes_rejects(&self) -> bool {
        false
    }

    fn keep<'k>(
        &'k self,
        step: &'k ImportReport,
        _place: StepPlace,
        _rejects: Vec<RejectsFrame>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'k>> {
        assert_eq!(step.committed_lines, self.durable.load(Ordering::SeqCst));
        self.told_steps.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {})
    }
}

#[test]
fn lines_are_told_once_their_step_is_durable() {
    let fixture = Fixture::new();
    let keeper = Arc::new(AfterCommits::default());
    let commits = Arc::clone(&keeper);
    let told = Arc::new(move |count| {
        commits.durable.fetch_add(count, Ordering::SeqCst);
    });
    let rules = ImportRules { told, keeper: keeper.clone(), ..fixture.import_rules(Announced::Nothing) };
    let body = body(0, 5 * STEP_BYTES / 2 / 1_000, 1_000);
    fixture.import_with(rules, body.as_bytes(), 65_536).unwrap();
    assert_eq!(keeper.told_steps.load(Ordering::SeqCst), 3);
}

#[test]
fn an_import_goes_on_from_a_line() {
    let fixture = Fixture::new();
    for (format, text) in [
        (Format::Ndjson, "{\"indicator\":\"a.example.com\"}\nbad\n{\"indicator\":\"b.example.com\"}\nbad\n"),
        (Format::Lines, "a.example.com\nb\\d\nb.example.com\nb\\d\n"),
        (Format::Csv, "ip\nb\\d\nb.example.com\nb\\d\n"),
        (Format::Json, "[{\"indicator\":\"a.example.com\"},5,{\"indicator\":\"b.example.com\"},5]"),
    ] {
        let rules = ImportRules { from_line: 3, ..fixture.import_rules(Announced::Exactly(format)) };
        let report = fixture.import_with(rules, text.as_bytes(), 7).unwrap();
        let lines: Vec<u64> = report.refused.iter().map(|row| row.line).collect();
        assert_eq!((report.rows_count, report.accepted_count, lines), (2, 1, vec![4]), "{format:?}");
        assert_eq!(report.committed_lines, 4);
    }
    assert!(fixture.holds("b.example.com") && !fixture.holds("a.example.com"));
    // Whole slices before it are not worked on.
    let long = body(0, 20_000, 100);
    let rules = ImportRules { from_line: 19_999, ..fixture.import_rules(Announced::Nothing) };
    let report = fixture.import_with(rules, long.as_bytes(), 50_000).unwrap();
    assert_eq!((report.rows_count, report.committed_lines), (2, 20_000));
    assert!(fixture.holds("h19998.example.com") && !fixture.holds("h19997.example.com"));
    let rules = ImportRules { from_line: 20_001, ..fixture.import_rules(Announced::Nothing) };
    let report = fixture.import_with(rules, long.as_bytes(), 50_000).unwrap();
    assert_eq!((report.rows_count, report.committed_lines), (0, 20_000));
}

#[test]
fn of_the_same_value_the_later_row_wins_over_slices_and_steps() {
    let fixture = Fixture::new();
    let pad = "x".repeat(1_000);
    let count = 5 * STEP_BYTES / 2 / 1_000;
    let body = (0..count).fold(String::new(), |mut body, number| {
        writeln!(
            body,
            "{{\"indicator\":\"same.example.com\",\"context\":{{\"n\":{number},\"pad\":\"{pad}\"}}}}"
        )
        .unwrap();
        body
    });
    let report = fixture.import(&body);
    assert_eq!((report.accepted_count, report.committed_lines), (count as u64, count as u64));
    assert!(fixture.detect_now("same.example.com").contains(&format!("\"n\":{},", count - 1)));
}

#[test]
fn rows_are_deleted_in_any_format() {
    let fixture = Fixture::new();
    fixture.hold("Feed", &["a.example.com", "b.example.com", "c.example.com"]);
    let mut rules = fixture.import_rules(Announced::Nothing);
    rules.upload.action = UploadAction::Delete;
    let report = fixture.import_with(rules.clone(), b"a.example.com\nnone.example.com\n", 9).unwrap();
    assert_eq!((report.accepted_count, report.refused_count), (2, 0));
    fixture.import_with(rules, b"ip,why\nb.example.com,x\n", 9).unwrap();
    assert_eq!(
        ["a", "b", "c"].map(|name| fixture.holds(&format!("{name}.example.com"))),
        [false, false, true]
    );
}

/// A body of 300 MB passes through a tenth of that, and leaves no permit behind.
#[test]
fn a_body_of_any_length_takes_no_more_memory_than_two_steps() {
    // A slice and the growth by whole mebibytes come on top.
    pass_through(300_000_000, 64 * limits::MIB, 2 * (STEP_BYTES + 2 * limits::MIB));
}

#[test]
fn steps_are_shorter_where_what_is_stored_leaves_little_memory() {
    pass_through(60_000_000, BODY_BYTES_MIN, STEP_BYTES + 6 * limits::MIB);
}

/// Imports a body where bodies may take `bytes_max` bytes; it takes no more than `taken_bytes_max`.
fn pass_through(body_bytes: usize, bytes_max: usize, taken_bytes_max: usize) {
    let mut fixture = Fixture::new();
    fixture.ingestor = fixture.ingestor.with_body_bytes(bytes_max);
    let line = format!("{{\"indicator\":\"192.0.2.7\",\"context\":{{\"pad\":\"{}\"}}}}\n", "y".repeat(900));
    let chunk = line.repeat(65_536 / line.len());
    let chunks = body_bytes / chunk.len();
    let report = block_on(async {
        let mut import = fixture.begin(fixture.import_rules(Announced::Nothing));
        for _ in 0..chunks {
            import.feed(chunk.as_bytes()).await.unwrap();
            assert!(fixture.ingestor.reserved_bytes() <= taken_bytes_max);
        }
        import.finish().await.unwrap()
    });
    assert_eq!(report.accepted_count, (chunks * (65_536 / line.len())) as u64);
    assert_eq!(fixture.ingestor.reserved_bytes(), 0);
}

/// Each row of a table is given the names of its columns, however short it is itself.
#[test]
fn names_of_columns_are_counted_with_each_row() {
    let mut fixture = Fixture::new();
    fixture.ingestor = fixture.ingestor.with_body_bytes(64 * limits::MIB);
    let table = format!("ip,{}\n{}", "n".repeat(4_000), "192.0.2.1,x\n".repeat(20_000));
    let mut most_bytes = 0;
    let report = block_on(async {
        let mut import = fixture.begin(fixture.import_rules(Announced::Nothing));
        for chunk in table.as_bytes().chunks(65_536) {
            import.feed(chunk).await.unwrap();
            most_bytes = most_bytes.max(fixture.ingestor.reserved_bytes());
        }
        import.finish().await.unwrap()
    });
    assert_eq!((report.accepted_count, report.refused_count), (20_000, 0));
    // 80 MB of contexts.
    assert!((STEP_BYTES / 2..=3 * STEP_BYTES).contains(&most_bytes), "{most_bytes}");
}

#[test]
fn what_is_passed_over_takes_no_memory() {
    let mut fixture = Fixture::new();
    fixture.ingestor = fixture.ingestor.with_body_bytes(64 * limits::MIB);
    let lines = "a.example.com\n".repeat(65_536 / 14);
    let rules = ImportRules { from_line: u64::MAX, ..fixture.import_rules(Announced::Nothing) };
    block_on(async {
        let mut import = fixture.begin(rules);
        for _ in 0..2_000 {
            import.feed(lines.as_bytes()).await.unwrap();
            assert!(fixture.ingestor.reserved_bytes() <= 4 * limits::MIB);
        }
        import.finish().await.unwrap();
        // Nor does the rest of a line that is too long cost the rows beside it.
        let mut import = fixture.begin(fixture.import_rules(Announced::Exactly(Format::Lines)));
        import.feed(b"a.example.com\n").await.unwrap();
        let long = "x".repeat(65_536);
        for _ in 0..2_000 {
            import.feed(long.as_bytes()).await.unwrap();
            assert!(fixture.ingestor.reserved_bytes() <= 8 * limits::MIB);
        }
        import.feed(b"\nb.example.com\n").await.unwrap();
        let report = import.finish().await.unwrap();
        assert_eq!((report.accepted_count, report.refused_count), (2, 1));
    });
}

/// Short rows take more than their text.
#[test]
fn a_list_of_short_values_is_counted_by_its_rows() {
    let fixture = Fixture::new();
    block_on(async {
        let mut import = fixture.begin(fixture.import_rules(Announced::Nothing));
        for _ in 0..16 {
            import.feed("a.bc\n".repeat(13_000).as_bytes()).await.unwrap();
        }
        // One mebibyte of text, 200,000 rows.
        assert!(5 * limits::MIB < fixture.ingestor.reserved_bytes());
        import.finish().await.unwrap()
    });
}

#[test]
fn without_room_an_import_is_refused_before_its_first_step_and_waits_after_it() {
    use std::time::Duration;
    let mut fixture = Fixture::new();
    fixture.ingestor = fixture.ingestor.with_wait_limits([Duration::ZERO, Duration::ZERO]);
    let hog = || fixture.ingestor.reserve_whole(limits::BODY_BYTES_BUDGET - 8 * limits::MIB).unwrap();
    let (first, rest) = (body(0, 2 * STEP_BYTES / 1_000, 1_000), body(100_000, 20_000, 1_000));
    block_on(async {
        let held = hog();
        let mut import = fixture.begin(fixture.import_rules(Announced::Nothing));
        let refused = import.feed(first.as_bytes()).await.unwrap_err();
        assert!(matches!(refused, IngestError::Write(WriteError::Busy { .. })), "{refused:?}");
        assert_eq!(import.fail().await, ImportReport::default());
        drop(held);
        let mut import = fixture.begin(fixture.import_rules(Announced::Nothing));
        import.feed(first.as_bytes()).await.unwrap();
        // Nobody but the oldest gets what is kept for a longest body, so this takes all that the import could have.
        let held =
            fixture.ingestor.reserve_whole(limits::BODY_BYTES_BUDGET - 2 * limits::BODY_BYTES_MAX).unwrap();
        {
            let mut feeding = std::pin::pin!(import.feed(rest.as_bytes()));
            let early = tokio::time::timeout(Duration::from_millis(300), &mut feeding).await;
            drop(held);
            if early.is_err() {
                feeding.await.unwrap();
            }
        }
        assert_eq!(import.finish().await.unwrap().refused_count, 0);
    });
    assert!(fixture.holds("h119999.example.com"));
}

#[test]
fn a_body_that_is_none_of_the_formats_is_refused_at_its_first_byte() {
    let fixture = Fixture::new();
    for (announced, text, want) in [
        (Announced::Nothing, "\u{feff} {\"type\":\"bundle\",\"objects\":[", "the body ends early at byte 32"),
        (Announced::Nothing, "{\"Event\":{}x", "invalid JSON at byte 11"),
        (Announced::Exactly(Format::Stix), "[}", "invalid JSON at byte 1"),
        (Announced::Exactly(Format::Misp), "example.com\n", "invalid JSON at byte 0"),
        (Announced::SomeJson, "example.com\n", "invalid JSON at byte 0"),
        (Announced::Exactly(Format::Json), "{}", "expected a JSON array at byte 0"),
        (Announced::Nothing, "[{}", "the body ends early at byte 3"),
    ] {
        let rules = fixture.import_rules(announced);
        let IngestError::Body(error) = fixture.import_with(rules, text.as_bytes(), 2).unwrap_err() else {
            panic!("{text}")
        };
        assert_eq!(error.to_string(), want);
    }
    assert_eq!(fixture.import("").rows_count, 0);
    assert_eq!(fixture.import("\u{feff}").rows_count, 0);
    assert_eq!(fixture.import("# nothing\n").rows_count, 0);
}

#[test]
fn a_supplier_that_is_gone_takes_nothing() {
    let fixture = Fixture::new();
    for text in ["", "a.example.com\n"] {
        fixture.create_supplier("Gone", 1);
        let mut rules = fixture.import_rules(Announced::Nothing);
        rules.upload = fixture.rules(TenantId::GENERAL, "Gone");
        let mut import = fixture.begin(rules);
        fixture.change(sluice_store::catalogue::CatalogueChange::RemoveSupplier {
            name: sluice_model::SupplierName::parse("Gone").unwrap(),
        });
        let error = block_on(async {
            import.feed(text.as_bytes()).await?;
            import.finish().await
        });
        let is_gone = matches!(error, Err(IngestError::Write(WriteError::NoSupplier)));
        assert!(is_gone, "{text:?} {error:?}");
    }
}

/// A maker of tags whose store takes none.
struct NoTags;

impl TagMaker for NoTags {
    fn make(&self, _name: &str) -> Option<TagId> {
        None
    }

    fn failure(&self) -> Option<WriteError> {
        Some(WriteError::DiskFull)
    }
}

/// Refused for such a tag, the row would be missing in the feed, and what is stored of it would be removed.
#[test]
fn a_tag_that_the_store_does_not_take_fails_the_import() {
    let fixture = Fixture::new();
    fixture.import("192.0.2.1\n192.0.2.2\n");
    for mode in [ImportMode::Steps, ImportMode::Replace { shrink_percent_max: 100 }] {
        let missing_tags = MissingTags::Make(Arc::new(NoTags));
        let rules = ImportRules { missing_tags, mode, ..fixture.import_rules(Announced::Nothing) };
        let body = b"{\"indicator\":\"192.0.2.1\",\"tags\":[\"NEW\"]}\n{\"indicator\":\"192.0.2.3\"}\n";
        let outcome = fixture.import_with(rules, body, 1_000);
        assert!(matches!(outcome, Err(IngestError::Write(WriteError::DiskFull))), "{outcome:?}");
        assert!(fixture.holds("192.0.2.1") && fixture.holds("192.0.2.2") && !fixture.holds("192.0.2.3"));
    }
}
