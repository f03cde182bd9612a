//! Bulk bodies into a real store: what is stored, what is told, and what leaves nothing.

use std::{
    fmt::Write as _,
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use expect_test::{Expect, expect};
use sluice_model::{SupplierName, TenantId, limits, memory_plan::MemoryPlan};
use sluice_store::{Tuning, WriteError, catalogue::CatalogueChange};

use super::{BulkReceipt, BulkRules, BulkTarget, writes::SupplierWrites};
use crate::{
    Ingestor, LookupRules,
    error::IngestError,
    fixture::{Fixture, block_on, lookup_rules},
    pools::Pools,
};

impl Fixture {
    fn found(&self, object: &str) -> String {
        let rules = LookupRules { now_seconds: self.store.stamp_seconds(), ..lookup_rules() };
        self.detect_with(rules, object)
    }

    /// Indices are suppliers of the same name; `locked` may not be changed.
    fn bulk_rules(&self) -> BulkRules {
        let catalogue = self.store.catalogue();
        let target = move |index: &str| match index {
            "locked" => BulkTarget::Forbidden,
            "LOCKED" => BulkTarget::Ambiguous,
            index => match catalogue.supplier(TenantId::GENERAL, index) {
                Some(supplier) => BulkTarget::Supplier {
                    id: supplier.id,
                    refang: supplier.settings.refang,
                    is_false_positive: supplier.is_false_positive(),
                },
                None => BulkTarget::Unknown,
            },
        };
        BulkRules {
            target: Arc::new(target),
            index: Some("Feed".to_owned()),
            hides_refusals: false,
            busy_wait_max: Duration::ZERO,
            told: Arc::new(|_count| {}),
        }
    }

    fn bulk_with(
        &self,
        ingestor: &Ingestor,
        rules: BulkRules,
        body: &[u8],
    ) -> Result<BulkReceipt, IngestError> {
        block_on(async {
            let permit = ingestor.reserve(None, limits::BODY_BYTES_MAX).unwrap();
            let mut bulk = ingestor.bulk(permit, rules);
            for chunk in body.chunks(self.chunk_bytes) {
                bulk.feed(chunk).await?;
            }
            bulk.finish().await
        })
    }

    fn bulk(&self, body: &str) -> BulkReceipt {
        self.bulk_with(&self.ingestor, self.bulk_rules(), body.as_bytes()).unwrap()
    }
}

/// The items, one a line, with what is counted.
fn told(receipt: BulkReceipt) -> String {
    let counts: Vec<String> = receipt
        .counts
        .values()
        .map(|counts| {
            let refused: u64 = counts.refused_by_reason.iter().sum();
            format!("+{} -{} refused {refused} unread {}", counts.added, counts.deleted, counts.unread)
        })
        .collect();
    let (errors, refused_items) = (receipt.items.have_errors(), receipt.refused_items);
    let json = receipt.items.into_json_chunks().collect::<Vec<_>>().concat();
    let json = String::from_utf8(json).unwrap().replace("},{", "},\n{");
    format!("{json}\nerrors {errors}, {refused_items} refused; {}", counts.join("; "))
}

#[track_caller]
fn check(fixture: &Fixture, body: &str, want: &Expect) {
    want.assert_eq(&told(fixture.bulk(body)));
}

#[test]
fn each_action_has_its_item_in_order() {
    let fixture = Fixture::new();
    fixture.create_supplier("Other", 60);
    check(
        &fixture,
        concat!(
            "{\"index\":{\"_index\":\"Feed\"}}\n{\"indicator\":\"a.example.com\",\"context\":{\"n\":1},\"tags\":[\"GOOD\"]}\n",
            "{\"create\":{\"_index\":\"Other\"}}\n{\"threat.indicator\":{\"ip\":[\"192.0.2.1\",\"192.0.2.2\"]},\"tags\":[\"x\"]}\n",
            "{\"index\":{\"_index\":\"none\"}}\n{\"indicator\":\"b.example.com\"}\n",
            "{\"index\":{\"_index\":\"locked\"}}\n{\"indicator\":\"b.example.com\"}\n",
            "{\"index\":{\"_index\":\"LOCKED\"}}\n{\"indicator\":\"b.example.com\"}\n",
            "{\"index\":{\"_index\":[\"Feed\"]}}\n{\"indicator\":\"b.example.com\"}\n",
            "{\"index\":{\"_index\":\"Feed\"}}\n{\"indicator\":\"bad\\\\name\"}\n",
            "{\"index\":{\"_index\":\"Feed\"}}\n{\"indicator\":\"b.example.com\",\"tags\":[\"NONE\"]}\n",
            "{\"index\":{\"_index\":\"Feed\"}}\nno json\n",
            "{\"index\":{\"_index\":\"Feed\"}}\n{\"indicator\":\"b.example.com\"} x\n",
            "{\"update\":{\"_id\":\"1\"}}\n{\"doc\":{\"indicator\":\"c.example.com\"},\"doc_as_upsert\":true}\n",
            "{\"update\":{\"_id\":\"1\"}}\n{\"indicator\":\"b.example.com\"}\n",
            "{\"index\":{}}\n{\"indicator\":\"d.example.com\"}\n",
            "{\"delete\":{\"_id\":\"http://d.example.com/\"}}\n",
            "{\"delete\":{}}\n",
            "{\"delete\":{\"_id\":\"bad name\"}}\n",
        ),
        &expect![[r#"
            [{"index":{"status":201}},
            {"create":{"status":201}},
            {"index":{"status":404,"error":{"type":"index_not_found_exception","reason":"no such index [none]: there is no supplier of this name"}}},
            {"index":{"status":403,"error":{"type":"security_exception","reason":"the user has no right to change the supplier of index [locked]"}}},
            {"index":{"status":404,"error":{"type":"index_not_found_exception","reason":"no such index [LOCKED]: there are several suppliers of this name, which differ in case"}}},
            {"index":{"status":404,"error":{"type":"index_not_found_exception","reason":"no such index [[\"Feed\"]]: there is no supplier of this name"}}},
            {"index":{"status":400,"error":{"type":"document_parsing_exception","reason":"Invalid indicator format"}}},
            {"index":{"status":400,"error":{"type":"document_parsing_exception","reason":"Unknown tag: NONE"}}},
            {"index":{"status":400,"error":{"type":"document_parsing_exception","reason":"The document is not a JSON object"}}},
            {"index":{"status":400,"error":{"type":"document_parsing_exception","reason":"The document is not valid JSON"}}},
            {"update":{"status":200}},
            {"update":{"status":400,"error":{"type":"document_parsing_exception","reason":"An update needs an object 'doc'"}}},
            {"index":{"status":201}},
            {"delete":{"status":200}},
            {"delete":{"status":400,"error":{"type":"document_parsing_exception","reason":"The action has no '_id', which is the value to delete"}}},
            {"delete":{"status":400,"error":{"type":"document_parsing_exception","reason":"Invalid indicator format"}}}]
            errors true, 11 refused; +3 -1 refused 3 unread 4; +2 -0 refused 0 unread 0"#]],
    );
    assert_eq!(fixture.found("a.example.com"), "Feed Url a.example.com {\"n\":1}\n");
    assert_eq!(fixture.found("192.0.2.2"), "Other Ip 192.0.2.2 {\"tags\":[\"x\"]}\n");
    assert_eq!(fixture.found("c.example.com"), "Feed Url c.example.com {}\n");
    for object in ["b.example.com", "d.example.com"] {
        assert_eq!(fixture.found(object), "", "{object}");
    }
    let fixture = fixture.reopened();
    assert_eq!(fixture.found("192.0.2.1"), "Other Ip 192.0.2.1 {\"tags\":[\"x\"]}\n");
    assert_eq!(fixture.found("d.example.com"), "");
}

#[test]
fn of_a_document_everything_is_stored_or_nothing() {
    let fixture = Fixture::new();
    check(
        &fixture,
        "{\"index\":{}}\n{\"threat.indicator\":{\"ip\":\"192.0.2.1\",\"file\":{\"hash\":{\"md5\":\"x\"}},\"url\":{\"full\":\"a.example.com\"}}}\n",
        &expect![[r#"
            [{"index":{"status":400,"error":{"type":"document_parsing_exception","reason":"threat.indicator.file.hash.md5: Invalid indicator format"}}}]
            errors true, 1 refused; +0 -0 refused 1 unread 0"#]],
    );
    assert_eq!(fixture.found("192.0.2.1"), "");
    assert_eq!(fixture.found("a.example.com"), "");
}

#[test]
fn a_body_that_is_none_of_actions_leaves_nothing() {
    let fixture = Fixture::new();
    let good = "{\"index\":{}}\n{\"indicator\":\"a.example.com\"}\n";
    for (rest, want) in [
        ("{\"index\":{}}\n", "expected a document behind the last action at byte 56"),
        (
            "{\"indicator\":\"b.example.com\"}\n",
            "expected an action: index, create, update or delete at byte 43",
        ),
        ("{\"index\":{]}\n{}\n", "expected an action: index, create, update or delete at byte 43"),
    ] {
        let body = format!("{good}{rest}");
        let refused = fixture.bulk_with(&fixture.ingestor, fixture.bulk_rules(), body.as_bytes());
        let Err(IngestError::Body(error)) = refused else { panic!("{rest}: {refused:?}") };
        assert_eq!(error.to_string(), want);
    }
    assert_eq!(fixture.found("a.example.com"), "");
}

#[test]
fn refusals_of_documents_are_hidden_if_that_is_wanted_and_others_are_not() {
    let fixture = Fixture::new();
    let rules = BulkRules { hides_refusals: true, ..fixture.bulk_rules() };
    let body = "{\"index\":{}}\n{\"indicator\":\"bad\\\\name\"}\n{\"create\":{}}\n{}\n{\"index\":{\"_index\":\"none\"}}\n{}\n{\"index\":{\"_index\":\"locked\"}}\n{}\n";
    let receipt = fixture.bulk_with(&fixture.ingestor, rules, body.as_bytes()).unwrap();
    expect![[r#"
        [{"index":{"status":201}},
        {"create":{"status":201}},
        {"index":{"status":404,"error":{"type":"index_not_found_exception","reason":"no such index [none]: there is no supplier of this name"}}},
        {"index":{"status":403,"error":{"type":"security_exception","reason":"the user has no right to change the supplier of index [locked]"}}}]
        errors true, 4 refused; +0 -0 refused 1 unread 1"#]].assert_eq(&told(receipt));
}

/// What was kept of a supplier: its counts, and its refused rows.
fn kept(fixture: &Fixture, receipt: &BulkReceipt, supplier: &str) -> String {
    let id = fixture.store.catalogue().supplier(TenantId::GENERAL, supplier).unwrap().id;
    let report = &receipt.kept[&id];
    let texts = report.rejects.iter().map(|frame| {
        let text = String::from_utf8(zstd::decode_all(frame.packed.as_slice()).unwrap()).unwrap();
        assert_eq!((text.len(), text.lines().count()), (frame.text_bytes as usize, frame.count as usize));
        text
    });
    let texts = texts.collect::<String>();
    let (rows, accepted, refused) = (report.rows_count, report.accepted_count, report.refused_count);
    format!("{texts}{rows} = {accepted} + {refused}, to line {}", report.committed_lines)
}

#[test]
fn what_is_hidden_is_kept_with_its_place_and_what_can_be_mended() {
    let fixture = Fixture::new();
    fixture.create_supplier("Other", 60);
    let rules = BulkRules { hides_refusals: true, ..fixture.bulk_rules() };
    let long = "x".repeat(limits::ELEMENT_BYTES_MAX + 1);
    let body = [
        "{\"index\":{}}\n{\"indicator\":\"a.example.com\"}\n\n",
        "{\"index\":{}}\n {\"indicator\": \"bad\\\\name\", \"tags\":[]}\n",
        "{\"index\":{\"_index\":\"Other\"}}\n{\"threat.indicator.ip\":[\"192.0.2.1\",\"x y\"]}\n",
        "{\"index\":{\"_index\":\"none\"}}\n{}\n",
        "{\"update\":{}}\n{\"doc\":{\"indicator\":\"a.example.com\",\"tags\":[\"NONE\"]},\"x\":1}\n",
        "{\"update\":{}}\n{\"indicator\":\"a.example.com\"}\n",
        "{\"index\":{}}\n",
        &long,
        "\n{\"delete\":{\"_id\":\"bad name\"}}\n{\"delete\":{\"_id\":\"a.example.com\"}}\n",
        "{\"index\":{}}\n{\"message\":1}\n{\"create\":{}}\nno json",
    ];
    let body = body.concat();
    let receipt = fixture.bulk_with(&fixture.ingestor, rules, body.as_bytes()).unwrap();
    assert_eq!(receipt.refused_items, 9);
    let seen = kept(&fixture, &receipt, "Feed");
    for line in seen.lines().filter(|line| line.starts_with('{')) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let byte = usize::try_from(line["byte"].as_u64().unwrap()).unwrap();
        assert_eq!(body[..byte].lines().count() as u64 + 1, line["line"].as_u64().unwrap());
    }
    expect![[r#"
        {"line":5,"byte":57,"reason":"invalid-indicator","hint":"Invalid indicator format","value":"bad\\name","row":{"indicator":"bad\\name","tags":[]}}
        {"line":11,"byte":214,"reason":"unknown-tag","hint":"Unknown tag: NONE","value":"a.example.com","row":{"indicator":"a.example.com","tags":["NONE"]}}
        {"line":13,"byte":288,"reason":"missing-indicator","hint":"An update needs an object 'doc'","value":"{\"indicator\":\"a.example.com\"}"}
        {"line":15,"byte":331,"reason":"too-long","hint":"The document is longer than 4 MiB","value":""}
        {"line":16,"byte":4194637,"reason":"invalid-indicator","hint":"Invalid indicator format","value":"{\"delete\":{\"_id\":\"bad name\"}}"}
        {"line":19,"byte":4194715,"reason":"missing-indicator","hint":"The document has neither 'indicator' nor 'threat.indicator', only a 'message': its fields must be taken out of that before it is sent","value":"{\"message\":1}","row":{"message":1}}
        {"line":21,"byte":4194743,"reason":"not-json","hint":"The document is not a JSON object","value":"no json"}
        9 = 2 + 7, to line 21"#]].assert_eq(&seen);
    expect![[r#"
        {"line":7,"byte":125,"reason":"invalid-indicator","hint":"threat.indicator.ip: Invalid indicator format","value":"x y","row":{"threat.indicator.ip":["192.0.2.1","x y"]}}
        1 = 0 + 1, to line 21"#]].assert_eq(&kept(&fixture, &receipt, "Other"));
    assert_eq!(fixture.found("a.example.com"), "");
    // Of what is told, nothing is kept.
    let receipt = fixture.bulk_with(&fixture.ingestor, fixture.bulk_rules(), body.as_bytes()).unwrap();
    assert!(receipt.kept.is_empty());
}

/// Nothing is told as accepted that is neither stored nor kept.
#[test]
fn without_room_for_what_is_kept_nothing_is_stored() {
    let fixture = Fixture::new();
    let rules = BulkRules { hides_refusals: true, ..fixture.bulk_rules() };
    let mut state = 1_u64;
    let mut noise = |_| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        char::from(b'!' + u8::try_from(state >> 58).unwrap()).to_string().replace(['\\', '"'], "~")
    };
    let mut body = String::new();
    for _ in 0..20 {
        let noise: String = (0..100_000).map(&mut noise).collect();
        writeln!(body, "{{\"index\":{{}}}}\n{{\"indicator\":\"{noise}\"}}").unwrap();
    }
    let id = fixture.store.catalogue().supplier(TenantId::GENERAL, "Feed").unwrap().id;
    body.push_str("{\"index\":{}}\n{\"indicator\":\"a.example.com\"}\n");
    let with_bytes = |bytes: usize| {
        fixture.bulk_with(&fixture.ingestor.with_body_bytes(bytes), rules.clone(), body.as_bytes())
    };
    let refused = with_bytes(body.len() + 64 * limits::KIB);
    assert!(
        matches!(refused, Err(IngestError::TooManyAnswerBytes | IngestError::Write(WriteError::Busy { .. }))),
        "{refused:?}"
    );
    assert_eq!(fixture.found("a.example.com"), "");
    let report = &with_bytes(3 * body.len()).unwrap().kept[&id];
    let count: u32 = report.rejects.iter().map(|frame| frame.count).sum();
    assert_eq!((report.refused_count, count), (20, 20));
}

/// What one document had in it is not told to the supplier of the next.
#[test]
fn what_is_kept_has_no_value_of_another_document() {
    let fixture = Fixture::new();
    fixture.create_supplier("Other", 60);
    let rules = BulkRules { hides_refusals: true, ..fixture.bulk_rules() };
    let body = "{\"index\":{}}\n{\"indicator\":\"secret name\"}\n{\"index\":{\"_index\":\"Other\"}}\n{\"threat.indicator.ip\":5}\n";
    let receipt = fixture.bulk_with(&fixture.ingestor, rules, body.as_bytes()).unwrap();
    let (own, other) = (kept(&fixture, &receipt, "Feed"), kept(&fixture, &receipt, "Other"));
    assert!(own.contains("\"value\":\"secret name\"") && !other.contains("secret"), "{own}\n{other}");
}

/// They are packed while the slice is read.
#[test]
fn many_refused_documents_are_all_kept_in_order() {
    let fixture = Fixture::new();
    let rules = BulkRules { hides_refusals: true, ..fixture.bulk_rules() };
    let count = 10_000;
    let lines = (0..count).map(|nth| format!("{{\"index\":{{}}}}\n{{\"x\":{nth}}}\n"));
    let body = lines.collect::<Vec<_>>().concat();
    assert!(body.len() < limits::SLICE_BYTES);
    let receipt = fixture.bulk_with(&fixture.ingestor, rules, body.as_bytes()).unwrap();
    let seen = kept(&fixture, &receipt, "Feed");
    for (nth, line) in seen.lines().take(count).enumerate() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["row"]["x"], &line["line"]), (&nth.into(), &(2 * nth + 2).into()));
    }
    assert_eq!(seen.lines().count(), count + 1);
}

/// The store takes no write until a checkpoint is made.
#[test]
fn a_busy_store_is_waited_for_and_in_the_end_nothing_is_stored() {
    let fixture = Fixture::with_tuning(Tuning { memtable_bytes_max: 1, ..Tuning::default() });
    assert!(fixture.ingestor.reserve_to_write(None, limits::BODY_BYTES_MAX).is_ok());
    fixture.bulk("{\"index\":{}}\n{\"indicator\":\"a.example.com\"}\n");
    let body = "{\"index\":{}}\n{\"indicator\":\"b.example.com\"}\n";
    let refused = fixture.bulk_with(&fixture.ingestor, fixture.bulk_rules(), body.as_bytes());
    assert!(matches!(refused, Err(IngestError::Write(WriteError::Busy { .. }))), "{refused:?}");
    let refused = fixture.ingestor.reserve_to_write(None, limits::BODY_BYTES_MAX);
    assert!(matches!(refused, Err(IngestError::Write(WriteError::Busy { .. }))), "{refused:?}");
    assert_eq!(fixture.found("b.example.com"), "");
    block_on(async {
        let permit = fixture.ingestor.reserve(None, limits::BODY_BYTES_MAX).unwrap();
        let rules = BulkRules { busy_wait_max: Duration::MAX, ..fixture.bulk_rules() };
        let mut bulk = fixture.ingestor.bulk(permit, rules);
        bulk.feed(body.as_bytes()).await.unwrap();
        let mut finishing = pin!(bulk.finish());
        assert!(tokio::time::timeout(Duration::from_millis(200), &mut finishing).await.is_err());
        assert!(fixture.store.checkpoint());
        assert_eq!(finishing.await.unwrap().refused_items, 0);
    });
    assert_eq!(fixture.found("b.example.com"), "Feed Url b.example.com {}\n");
}

#[test]
fn deletions_are_told_once_they_are_durable() {
    let fixture = Fixture::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = {
        let seen = Arc::clone(&seen);
        Arc::new(move |count| seen.lock().unwrap().push(count))
    };
    let rules = BulkRules { told, ..fixture.bulk_rules() };
    let bulk = |body: &str| fixture.bulk_with(&fixture.ingestor, rules.clone(), body.as_bytes());
    bulk("{\"index\":{}}\n{\"indicator\":\"a.example.com\"}\n").unwrap();
    assert!(seen.lock().unwrap().is_empty());
    bulk("{\"delete\":{\"_id\":\"a.example.com\"}}\n{\"delete\":{\"_id\":\"b.example.com\"}}\n").unwrap();
    assert_eq!(*seen.lock().unwrap(), [2]);
    assert!(bulk("{\"delete\":{\"_id\":\"a.example.com\"}}\nx\n").is_err());
    assert_eq!(*seen.lock().unwrap(), [2]);
}

/// Nobody is told that nothing was done.
#[test]
fn a_supplier_that_goes_meanwhile_leaves_the_other_one_stored_and_says_so() {
    let fixture = Fixture::new();
    fixture.create_supplier("Other", 60);
    let pools = Pools::start(1, &MemoryPlan::of(usize::MAX)).unwrap();
    let id = |name: &str| fixture.store.catalogue().supplier(TenantId::GENERAL, name).unwrap().id;
    let begun = |names: &[&str]| {
        let writes = SupplierWrites::new(&fixture.store);
        for name in names {
            writes.of(id(name)).unwrap();
        }
        writes
    };
    let (both, other) = (begun(&["Feed", "Other"]), begun(&["Other"]));
    fixture.change(CatalogueChange::RemoveSupplier { name: SupplierName::parse("Other").unwrap() });
    let commit = |writes: SupplierWrites| block_on(writes.commit(&pools.ingest_short, |_supplier| {}));
    assert!(matches!(commit(both), Err(IngestError::Partly { .. })));
    assert!(matches!(commit(other), Err(IngestError::Write(WriteError::Busy { .. }))));
}

#[test]
fn a_long_body_is_stored_whole_and_the_later_action_counts() {
    let fixture = Fixture::new();
    fixture.create_supplier("Other", 60);
    let mut body = String::new();
    for number in 0..40_000 {
        let supplier = if number % 2 == 0 { "Feed" } else { "Other" };
        let context = number / 20_000;
        let host = number % 20_000;
        writeln!(body, "{{\"index\":{{\"_index\":\"{supplier}\"}}}}\n{{\"indicator\":\"h{host}.example.com\",\"context\":{{\"n\":{context}}}}}").unwrap();
    }
    assert!(limits::SLICE_BYTES < body.len());
    let receipt = fixture.bulk(&body);
    assert_eq!((receipt.items.count(), receipt.refused_items), (40_000, 0));
    let fixture = fixture.reopened();
    assert_eq!(fixture.found("h19999.example.com"), "Other Url h19999.example.com {\"n\":1}\n");
    assert_eq!(fixture.found("h0.example.com"), "Feed Url h0.example.com {\"n\":1}\n");
}

#[test]
fn items_count_as_memory_of_the_request() {
    let fixture = Fixture::new();
    // Each item of 15 bytes takes more than 15 bytes, and there is room for little more than the body.
    let body = "{\"index\":{}}\n{}\n".repeat(600_000);
    let small = fixture.ingestor.with_body_bytes(12 * limits::MIB);
    let refused = fixture.bulk_with(&small, fixture.bulk_rules(), body.as_bytes());
    assert!(
        matches!(refused, Err(IngestError::TooManyAnswerBytes | IngestError::Write(WriteError::Busy { .. }))),
        "{refused:?}"
    );
    let enough = fixture.ingestor.with_body_bytes(MemoryPlan::of(usize::MAX).body_bytes);
    assert_eq!(
        fixture.bulk_with(&enough, fixture.bulk_rules(), body.as_bytes()).unwrap().items.count(),
        600_000
    );
    assert_eq!(enough.reserved_bytes(), 0);
}
