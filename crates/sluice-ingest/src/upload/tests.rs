//! Bodies into a real store: all or nothing, in document order, with permits that come back.

use std::{fmt::Write as _, time::Duration};

use expect_test::expect;
use sluice_model::{TenantId, limits, memory_plan::MemoryPlan, normalize::write_sent, write_normal_form};
use sluice_store::{Record, SliceBuilder, WriteError};

use crate::{
    BodyError, IngestError, UploadAction, UploadRules,
    body::{pipeline::SliceWork as _, split::Splitter},
    fixture::{Fixture, NOW_SECONDS, block_on, listed, lookup_rules},
    upload::validate::RowBuffers,
};

/// A body of `count` elements, made by `element` from their numbers.
fn body(count: usize, element: impl Fn(usize) -> String) -> String {
    let mut body = String::from("[");
    for number in 0..count {
        let comma = if number == 0 { "" } else { "," };
        write!(body, "{comma}{}", element(number)).unwrap();
    }
    body.push(']');
    body
}

fn indicator(number: usize) -> String {
    format!("{{\"indicator\":\"h{number}.example.com/{}\"}}", "x".repeat(60))
}

#[test]
fn an_empty_array_is_a_success() {
    let fixture = Fixture::new();
    let receipt = fixture.put("Feed", " [ ] ").unwrap();
    assert_eq!((receipt.accepted_count, receipt.rejected_count), (0, 0));
    assert_eq!(listed(receipt), "[]");
}

/// The receipt would count it as stored.
#[test]
fn an_accepted_row_that_cannot_be_kept_fails_the_request() {
    let mut rows = SliceBuilder::new();
    let mut buffers = RowBuffers::default();
    buffers.key.extend(b"key");
    buffers.row = vec![0];
    assert!(super::keep(&mut rows, &buffers).is_ok());
    buffers.row = vec![0x80];
    assert!(matches!(super::keep(&mut rows, &buffers), Err(IngestError::Internal)));
    assert_eq!(rows.finish().rows_count(), 1);
}

/// Of an array and of an element that needs the parser, and refanged before it is kept.
#[test]
fn a_url_is_kept_as_it_was_sent() {
    let fixture = Fixture::new();
    let body = r#"[{"indicator":" http://Example.com:8080/A "},{"indicator":"192.0.2.7:8443"},{"indicator":"example.com/b"},
        {"indicator":"https:\/\/www.example.com\/c\/"},{"indicator":"hxxps://example[.]com/D"},{"indicator":"EXAMPLE.com"}]"#;
    let rules = UploadRules { refang: true, ..fixture.rules(TenantId::GENERAL, "Feed") };
    assert_eq!(fixture.upload(rules, body).unwrap().rejected_count, 0);
    let mut seen = String::new();
    let visit = |key: &[u8], record: &Record| {
        for holding in record.holdings() {
            write_normal_form(key, &mut seen).unwrap();
            seen.push_str(" as ");
            if !holding.spelling.is_empty() {
                write_sent(key, holding.spelling, &mut seen).unwrap();
            }
            seen.push('\n');
        }
    };
    fixture.store.snapshot().scan(visit).unwrap();
    expect![[r"
        192.0.2.7 as 192.0.2.7:8443
        example.com as 
        example.com/a as http://example.com:8080/A
        example.com/b as 
        example.com/c as https://www.example.com/c/
        example.com/d as https://example.com/D
    "]]
    .assert_eq(&seen);
}

#[test]
fn accepted_and_listed_are_all_that_was_sent_in_order() {
    let fixture = Fixture::new();
    let count = 60_000;
    let text = body(count, |number| {
        if number % 7 == 3 { format!("{{\"indicator\":\"bad {number}\"}}") } else { indicator(number) }
    });
    assert!(text.len() > 4 * limits::SLICE_BYTES);
    let receipt = fixture.put("Feed", &text).unwrap();
    assert_eq!(receipt.accepted_count + receipt.rejected_count, count as u64);
    let listed: Vec<serde_json::Value> = serde_json::from_str(&listed(receipt)).unwrap();
    let numbers: Vec<_> =
        listed.iter().map(|entry| entry["indicator"].as_str().unwrap().to_owned()).collect();
    let want: Vec<_> =
        (0..count).filter(|number| number % 7 == 3).map(|number| format!("bad {number}")).collect();
    assert_eq!(numbers, want);
    for number in [0, 1, 30_000, count - 1] {
        assert_eq!(
            fixture.is_detected(&format!("h{number}.example.com/{}", "x".repeat(60))),
            number % 7 != 3
        );
    }
}

#[test]
fn later_wins_inside_a_body_across_slices() {
    let fixture = Fixture::new();
    let count = 50_000;
    let text = body(count, |number| {
        format!(
            "{{\"indicator\":\"192.0.2.{}\",\"context\":{{\"number\":{number},\"pad\":\"{}\"}}}}",
            number % 200,
            "x".repeat(40)
        )
    });
    assert!(text.len() > 4 * limits::SLICE_BYTES);
    fixture.put("Feed", &text).unwrap();
    for last in [count - 1, count - 100, count - 200] {
        let detected = fixture.detect(&format!("192.0.2.{}", last % 200));
        assert!(detected.contains(&format!("\"number\":{last},")), "{detected}");
    }
}

#[test]
fn a_broken_end_leaves_nothing() {
    let fixture = Fixture::new();
    let good = body(50_000, indicator);
    let whole = good.strip_suffix(']').unwrap();
    for end in ["", ",", ",{\"indicator\":}]", ",5]", "]]"] {
        let broken = format!("{whole}{end}");
        let error = fixture.put("Feed", &broken).unwrap_err();
        let IngestError::Body(error @ BodyError::Syntax { .. }) = error else { panic!("{error:?}") };
        assert!(error.byte() >= whole.len() as u64, "{error}");
    }
    assert!(!fixture.is_detected("h0.example.com"));
    assert!(!fixture.is_detected(&format!("h0.example.com/{}", "x".repeat(60))));
    assert_eq!(fixture.ingestor.reserved_bytes(), 0);
    assert_eq!(fixture.put("Feed", &good).unwrap().accepted_count, 50_000);
}

#[test]
fn a_dropped_upload_leaves_nothing_and_gives_its_permit_back() {
    let fixture = Fixture::new();
    let text = body(50_000, indicator);
    block_on(async {
        let permit = fixture.ingestor.reserve(Some(text.len()), limits::BODY_BYTES_MAX).unwrap();
        assert_eq!(fixture.ingestor.reserved_bytes(), limits::HEAD_PERMIT_BYTES);
        let mut upload = fixture.ingestor.upload(permit, fixture.rules(TenantId::GENERAL, "Feed")).unwrap();
        upload.feed(text.as_bytes()).await.unwrap();
        assert_eq!(fixture.ingestor.reserved_bytes(), text.len().next_multiple_of(limits::MIB));
        drop(upload);
    });
    while fixture.ingestor.reserved_bytes() > 0 {
        std::thread::yield_now();
    }
    assert!(!fixture.is_detected(&format!("h0.example.com/{}", "x".repeat(60))));
}

#[test]
fn the_receipt_holds_the_permit() {
    let fixture = Fixture::new();
    let receipt = fixture.put("Feed", "[{}]").unwrap();
    assert_eq!(fixture.ingestor.reserved_bytes(), 4);
    drop(receipt);
    assert_eq!(fixture.ingestor.reserved_bytes(), 0);
}

#[test]
fn heads_without_bodies_leave_room_for_everybody() {
    let fixture = Fixture::new();
    let reserve = |declared| fixture.ingestor.reserve(declared, limits::BODY_BYTES_MAX).unwrap();
    let silent: Vec<_> =
        (0..10_000).map(|number| reserve((number % 2 == 0).then_some(limits::BODY_BYTES_MAX))).collect();
    assert!(fixture.ingestor.reserved_bytes() < limits::SMALL_BYTES_BUDGET);
    assert_eq!(fixture.put("Feed", &body(60_000, indicator)).unwrap().accepted_count, 60_000);
    drop(silent);
    assert_eq!(fixture.ingestor.reserved_bytes(), 0);
}

#[test]
fn without_room_a_body_is_refused_at_its_head_and_light_ones_pass() {
    let fixture = Fixture::new();
    let whole = fixture.ingestor.reserve_whole(limits::BODY_BYTES_BUDGET).unwrap();
    let refused = fixture.ingestor.reserve(Some(limits::SMALL_BODY_BYTES_MAX + 1), limits::BODY_BYTES_MAX);
    let refused = refused.unwrap_err();
    assert!(
        matches!(refused, IngestError::Write(WriteError::Busy { retry_after_seconds: 1.. })),
        "{refused:?}"
    );
    fixture.hold("Feed", &["a.example"]);
    assert!(fixture.is_detected("a.example"));
    drop(whole);
    assert_eq!(fixture.ingestor.reserve(Some(9), 5).unwrap().bytes(), 5);
}

/// Waiting would not help.
#[test]
fn a_body_that_is_longer_than_all_memory_is_refused_for_good() {
    const BYTES_MAX: usize = 2 * limits::MIB;
    let mut fixture = Fixture::new();
    fixture.ingestor = fixture.ingestor.with_body_bytes(BYTES_MAX);
    let is_final = |refused: Option<IngestError>| {
        assert!(matches!(refused, Some(IngestError::OverMemory { bytes_max: BYTES_MAX })), "{refused:?}");
    };
    is_final(fixture.ingestor.reserve(Some(BYTES_MAX + 1), limits::BODY_BYTES_MAX).err());
    drop(fixture.ingestor.reserve(Some(BYTES_MAX), limits::BODY_BYTES_MAX).unwrap());
    block_on(async {
        let permit = fixture.ingestor.reserve(None, limits::BODY_BYTES_MAX).unwrap();
        let mut upload = fixture.ingestor.upload(permit, fixture.rules(TenantId::GENERAL, "Feed")).unwrap();
        upload.feed(&vec![b' '; BYTES_MAX]).await.unwrap();
        is_final(upload.feed(b"[").await.err());
    });
}

/// A body that was let in is told so too, when it comes to that length.
#[test]
fn the_more_is_stored_the_shorter_a_body_has_to_be() {
    const BYTES_MAX: usize = 26 * limits::MIB;
    let mut fixture = Fixture::new();
    let plan = MemoryPlan { body_bytes: BYTES_MAX, stored_bytes: 0, ..MemoryPlan::of(usize::MAX) };
    fixture.ingestor = fixture.ingestor.with_plan(&plan);
    let reserve = |declared| fixture.ingestor.reserve(declared, limits::BODY_BYTES_MAX);
    drop(reserve(Some(BYTES_MAX)).unwrap());
    let early = reserve(None).unwrap();
    assert_eq!(fixture.put("Feed", &body(20_000, indicator)).unwrap().accepted_count, 20_000);
    // What is not in a run yet is planned for.
    drop(reserve(Some(BYTES_MAX)).unwrap());
    assert!(fixture.store.checkpoint());
    let left_bytes = BYTES_MAX - fixture.store.resident_bytes();
    assert!(left_bytes < BYTES_MAX - 30_000, "{left_bytes}");
    let is_refused = |refused: Option<IngestError>| {
        assert!(
            matches!(refused, Some(IngestError::OverMemory { bytes_max }) if bytes_max == left_bytes),
            "{refused:?}"
        );
    };
    is_refused(reserve(Some(BYTES_MAX)).err());
    drop(reserve(Some(left_bytes)).unwrap());
    assert_eq!(fixture.ingestor.measures().permit_bytes_max, left_bytes + plan.small_bytes);
    block_on(async {
        let mut upload = fixture.ingestor.upload(early, fixture.rules(TenantId::GENERAL, "Feed")).unwrap();
        upload.feed(&vec![b' '; left_bytes]).await.unwrap();
        is_refused(upload.feed(b"[").await.err());
    });
    assert_eq!(fixture.put("Feed", &body(1_000, indicator)).unwrap().accepted_count, 1_000);
}

/// The body is refused when it outgrows its share, which nothing frees.
#[test]
fn a_body_that_finds_no_room_leaves_nothing() {
    let mut fixture = Fixture::new();
    fixture.ingestor = fixture.ingestor.with_wait_limits([Duration::ZERO; 2]);
    let whole = fixture.ingestor.reserve_whole(limits::BODY_BYTES_BUDGET).unwrap();
    let text = body(30_000, indicator);
    block_on(async {
        let permit = fixture.ingestor.reserve(None, limits::BODY_BYTES_MAX).unwrap();
        let mut upload = fixture.ingestor.upload(permit, fixture.rules(TenantId::GENERAL, "Feed")).unwrap();
        let (first, rest) = text.as_bytes().split_at(limits::SMALL_BODY_BYTES_MAX);
        upload.feed(first).await.unwrap();
        for _ in 0..2 {
            let refused = upload.feed(rest).await;
            assert!(matches!(refused, Err(IngestError::Write(WriteError::Busy { .. }))), "{refused:?}");
        }
        // From then on always the same, though there is room now.
        drop(whole);
        assert!(upload.feed(rest).await.is_err());
        assert!(upload.finish(|_| panic!("nothing was stored")).await.is_err());
    });
    assert!(!fixture.is_detected(&format!("h0.example.com/{}", "x".repeat(60))));
    assert_eq!(fixture.put("Feed", &text).unwrap().accepted_count, 30_000);
}

#[test]
fn a_million_refusals_in_one_body() {
    let fixture = Fixture::new();
    let text = body(1_000_000, |_| "{}".to_owned());
    let receipt = fixture.put("Feed", &text).unwrap();
    assert_eq!((receipt.accepted_count, receipt.rejected_count), (0, 1_000_000));
    let entry = r#"{"indicator":"","reason":"Property 'indicator' is missing"}"#;
    assert_eq!(receipt.json_bytes(), 1_000_000 * (entry.len() as u64 + 1) + 1);
    let chunks: Vec<_> = receipt.into_json_chunks().collect();
    assert!(chunks.first().unwrap().starts_with(format!("[{entry},").as_bytes()));
    assert!(chunks.last().unwrap().ends_with(format!("{entry}]").as_bytes()));
}

#[test]
fn long_values_are_refused_and_listed_as_sent() {
    let fixture = Fixture::new();
    let long = format!("{}.example.com", "a".repeat(64 * 1024));
    let receipt = fixture.put("Feed", &format!("[{{\"indicator\":\"{long}\"}}]")).unwrap();
    assert_eq!(
        listed(receipt),
        format!("[{{\"indicator\":\"{long}\",\"reason\":\"Invalid indicator format\"}}]")
    );
    let context = format!("{{\"a\":\"{}\"}}", "\\u00e9".repeat(64 * 1024));
    fixture.put("Feed", &format!("[{{\"indicator\":\"a.example\",\"context\":{context}}}]")).unwrap();
    assert!(fixture.lookup_with(lookup_rules(), "[{\"object\":\"a.example\"}]").unwrap().contains(&context));
}

#[test]
fn contexts_replace_or_stay_and_keep_their_spelling() {
    let fixture = Fixture::new();
    let rules = lookup_rules();
    let seen = || fixture.lookup_with(rules, "[{\"object\":\"a.example\"}]").unwrap();
    let context = r#"{"z":1.50,"a":12345678901234567890123,"n":{"k":2},"s":"\u0041\n"}"#;
    let sent = r#"{ "z" : 1.50, "a":12345678901234567890123, "n":{"k":1, "k":2}, "s":"\u0041\n" }"#;
    fixture.put("Feed", &format!("[{{\"indicator\":\"a.example\",\"context\":{sent}}}]")).unwrap();
    assert!(seen().contains(&format!("\"context\":{context}}}")), "{}", seen());
    fixture.put("Feed", "[{\"indicator\":\"http://A.example\"}]").unwrap();
    assert!(seen().contains(context));
    fixture.put("Feed", "[{\"indicator\":\"a.example\",\"context\":{\"b\":1}}]").unwrap();
    assert!(seen().contains("\"context\":{\"b\":1}}"));
}

#[test]
fn deletion_releases_what_is_held_and_minds_nothing_else() {
    let fixture = Fixture::new();
    fixture.create_supplier("Other", 10);
    fixture.hold("Feed", &["a.example", "b.example"]);
    fixture.hold("Other", &["a.example"]);
    let receipt = fixture
        .delete("Feed", r#"[{"indicator":"HTTP://a.example:80"},{"indicator":"unheld.example"}]"#)
        .unwrap();
    assert_eq!((receipt.accepted_count, receipt.rejected_count), (2, 0));
    expect![[r"
        Other Url a.example {}
    "]]
    .assert_eq(&fixture.detect("a.example"));
    assert!(fixture.is_detected("b.example"));
    let spaced = r#"[{"indicator":"c.example/?q=hello%20world"}]"#;
    fixture.put("Feed", spaced).unwrap();
    assert!(fixture.is_detected("c.example/?q=hello%20world"));
    fixture.delete("Feed", &spaced.replace("%20", " ")).unwrap();
    assert!(!fixture.is_detected("c.example/?q=hello%20world"));
}

#[test]
fn an_update_makes_an_indicator_younger() {
    let fixture = Fixture::new();
    let rules = fixture.rules(TenantId::GENERAL, "Feed");
    let body = "[{\"indicator\":\"a.example\"}]";
    let put_at = |now_seconds| {
        let action = UploadAction::Put { is_false_positive: false, takes_tags: true, now_seconds };
        fixture.upload(UploadRules { action, ..rules.clone() }, body).unwrap();
    };
    put_at(NOW_SECONDS - 3_600);
    assert!(!fixture.is_detected("a.example"));
    put_at(NOW_SECONDS - 3_599);
    assert!(fixture.is_detected("a.example"));
}

#[test]
fn many_bodies_at_once_all_arrive() {
    let fixture = Fixture::new();
    std::thread::scope(|scope| {
        for client in 0..8 {
            let fixture = &fixture;
            scope.spawn(move || {
                let text =
                    body(20_000, |number| format!("{{\"indicator\":\"c{client}n{number}.example.com\"}}"));
                assert_eq!(fixture.put("Feed", &text).unwrap().accepted_count, 20_000);
            });
        }
    });
    for client in 0..8 {
        assert!(fixture.is_detected(&format!("c{client}n19999.example.com")));
    }
    assert_eq!(fixture.ingestor.reserved_bytes(), 0);
}

/// A body's later slices use the room for rows again, but not what a single long element made of it.
#[test]
fn room_for_rows_is_kept_only_while_it_is_small() {
    let fixture = Fixture::new();
    let permit = fixture.ingestor.reserve(None, limits::BODY_BYTES_MAX).unwrap();
    let rules = fixture.rules(TenantId::GENERAL, "Feed");
    let upload = fixture.ingestor.upload(permit, rules).unwrap();
    let long = format!("{{\"indicator\":\"a.example\",\"context\":{{ \"a\":\"{}\"}}}}", "x".repeat(3 << 20));
    let kept = || {
        let buffers = upload.pipeline.work().buffers.lock();
        (buffers.len(), buffers.iter().map(RowBuffers::heap_bytes).sum::<usize>())
    };
    for (element, is_kept) in [(long, false), (indicator(1), true)] {
        let mut splitter = Splitter::new();
        let whole = splitter.next_slice(&mut format!("[{element}]").as_bytes()).unwrap();
        let slice = whole.unwrap_or_else(|| splitter.finish().unwrap().unwrap());
        upload.pipeline.work().work(&slice).unwrap();
        let (count, bytes) = kept();
        assert_eq!(count, usize::from(is_kept));
        assert!(bytes <= limits::ROW_BUFFERS_KEPT_BYTES_MAX);
    }
}

#[test]
fn what_is_durable_is_told_before_the_answer() {
    let fixture = Fixture::new();
    fixture.hold("Feed", &[]);
    let (told_out, told_in) = std::sync::mpsc::channel();
    block_on(async {
        let permit = fixture.ingestor.reserve(None, limits::BODY_BYTES_MAX).unwrap();
        let mut upload = fixture.ingestor.upload(permit, fixture.rules(TenantId::GENERAL, "Feed")).unwrap();
        upload.feed(br#"[{"indicator":"a.example"},{"indicator":"b.example"},{}]"#).await.unwrap();
        upload.finish(move |count| told_out.send(count).unwrap()).await.unwrap();
    });
    assert_eq!(told_in.try_iter().collect::<Vec<_>>(), [2]);
}
