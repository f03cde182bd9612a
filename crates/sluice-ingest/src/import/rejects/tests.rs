//! All refused rows are kept, whatever their format, in lines that can be mended.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use expect_test::{Expect, expect};
use parking_lot::Mutex;
use serde_json::Value;
use sluice_model::{TenantId, limits};

use super::{FRAME_TEXT_BYTES, PACKED_BYTES_MAX, RejectsFrame, RejectsPacker, UNREAD_BYTES_MAX};
use crate::{
    Announced, ColumnChoice, Format, ImportMode, ImportReport, ImportRules, Keeper, MispRules, MissingTags,
    StepPlace, UploadRules,
    fixture::{Fixture, block_on},
    import::rows::RowPlace,
};

/// What it was given, unpacked.
#[derive(Default)]
pub(crate) struct Kept {
    text: Mutex<String>,
    frames: Mutex<Vec<(u32, u32)>>,
    steps: Mutex<Vec<(StepPlace, u64)>>,
    is_full: AtomicBool,
}

impl Kept {
    /// What was kept, line by line.
    pub(crate) fn rows(&self) -> Vec<Value> {
        self.text.lock().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Keeper for Kept {
    fn takes_rejects(&self) -> bool {
        !self.is_full.load(Ordering::Relaxed)
    }

    fn keep<'k>(
        &'k self,
        step: &'k ImportReport,
        place: StepPlace,
        rejects: Vec<RejectsFrame>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'k>> {
        for RejectsFrame { packed, count, text_bytes } in rejects {
            let text = String::from_utf8(zstd::decode_all(packed.as_slice()).unwrap()).unwrap();
            assert_eq!((text.len(), text.lines().count()), (text_bytes as usize, count as usize));
            self.frames.lock().push((count, text_bytes));
            self.text.lock().push_str(&text);
        }
        self.steps.lock().push((place, step.committed_lines));
        Box::pin(async {})
    }
}

/// Imports a body, and gives what was kept of it.
fn kept(fixture: &Fixture, announced: Announced, body: &[u8], is_full: bool) -> (Arc<Kept>, ImportReport) {
    let kept = Arc::new(Kept { is_full: is_full.into(), ..Kept::default() });
    let rules = ImportRules {
        upload: UploadRules { takes_marks: false, ..fixture.rules(TenantId::GENERAL, "Feed") },
        missing_tags: MissingTags::Refuse,
        announced,
        columns: ColumnChoice::default(),
        misp: MispRules { only_to_ids: true, takes_domain_ips: false },
        skip_allowed: true,
        from_line: 1,
        room_wait_max: Duration::ZERO,
        mode: ImportMode::Steps,
        told: Arc::new(|_count| {}),
        keeper: Arc::clone(&kept) as _,
    };
    let report = block_on(async {
        let mut import = fixture.ingestor.import(fixture.ingestor.reserve_import(None, None).unwrap(), rules);
        for chunk in body.chunks(64 * 1024) {
            import.feed(chunk).await.unwrap();
        }
        import.finish().await.unwrap()
    });
    assert!(report.rejects.is_empty());
    (kept, report)
}

#[track_caller]
fn check(format: Format, body: &[u8], want: &Expect) {
    let (kept, report) = kept(&Fixture::new(), Announced::Exactly(format), body, false);
    let text = kept.text.lock().clone();
    for line in text.lines() {
        let _is_json: Value = serde_json::from_str(line).unwrap();
    }
    assert_eq!(text.lines().count() as u64, report.refused_count);
    want.assert_eq(&text);
}

#[test]
fn refused_elements_are_kept_as_they_were_sent() {
    check(
        Format::Ndjson,
        b"{\"indicator\":\"good.example.com\"}\n{ \"indicator\" : \"bad\\\\\\u0041\", \"note\": 1.50, \"context\": { \"a b\": \"c d\" } }\n{]\n{\"tags\":[\"A\"]} x\nx\xff\n{\"indicator\":5}\n",
        &expect![[r#"
            {"line":2,"byte":33,"reason":"invalid-indicator","hint":"Invalid indicator format","value":"bad\\\u0041","row":{"indicator":"bad\\\u0041","note":1.50,"context":{"a b":"c d"}}}
            {"line":3,"byte":108,"reason":"not-json","hint":"The row is not valid JSON","value":"{]"}
            {"line":4,"byte":111,"reason":"not-json","hint":"Something follows the object of the row","value":"{\"tags\":[\"A\"]} x"}
            {"line":5,"byte":128,"reason":"not-json","hint":"The row is not valid UTF-8","value":"x�"}
            {"line":6,"byte":131,"reason":"invalid-indicator","hint":"Property 'indicator' has an invalid type","value":"5","row":{"indicator":5}}
        "#]],
    );
    check(
        Format::Json,
        b"[{\"indicator\":\"a.example.com\"},\n{\"indicator\":\"bad\\\\\",\n\"indicator2\":[{}]}]",
        &expect![[r#"
            {"line":2,"byte":32,"reason":"invalid-indicator","hint":"Invalid indicator format","value":"bad\\","row":{"indicator":"bad\\","indicator2":[{}]}}
        "#]],
    );
}

#[test]
fn rows_of_tables_and_lists_are_kept_as_elements() {
    check(
        Format::Csv,
        b"indicator,tags,note\nbad\\,NONE;OTHER,\"a \"\"b\"\"\"\na.example.com,NONE,\n\"x\"y\n",
        &expect![[r#"
            {"line":2,"byte":20,"reason":"invalid-indicator","hint":"Invalid indicator format","value":"bad\\","row":{"indicator":"bad\\","context":{"note":"a \"b\""},"tags":["NONE","OTHER"]}}
            {"line":3,"byte":46,"reason":"unknown-tag","hint":"Unknown tag: NONE","value":"a.example.com","row":{"indicator":"a.example.com","tags":["NONE"]}}
            {"line":4,"byte":66,"reason":"not-json","hint":"The quotes of the record are not those of CSV","value":"\"x\"y"}
        "#]],
    );
    check(
        Format::Lines,
        b"# a list\nbad\\name # why\n",
        &expect![[r#"
            {"line":2,"byte":9,"reason":"invalid-indicator","hint":"Invalid indicator format","value":"bad\\name","row":{"indicator":"bad\\name"}}
        "#]],
    );
}

#[test]
fn all_are_kept_in_order_in_frames_of_bounded_length() {
    let fixture = Fixture::new();
    let line = |number| format!("bad_{number}\\{}\n", "x".repeat(400));
    let body = (0..40_000).map(line).collect::<Vec<_>>().concat();
    let (kept, report) = kept(&fixture, Announced::Nothing, body.as_bytes(), false);
    let text = kept.text.lock();
    let mut lines = 0;
    for line in text.lines() {
        lines += 1;
        assert!(line.starts_with(&format!("{{\"line\":{lines},\"byte\":")), "{line}");
    }
    assert_eq!((lines, report.refused_count), (40_000, 40_000));
    let frames = kept.frames.lock();
    assert!(frames.iter().all(|(_, bytes)| (*bytes as usize) < FRAME_TEXT_BYTES + 2_000), "{frames:?}");
    // All but the last frame of a slice are full.
    assert!(frames.len() < text.len() / FRAME_TEXT_BYTES + 40, "{}", frames.len());
    let steps = kept.steps.lock();
    assert_eq!(steps.last(), Some(&(StepPlace::Last, 40_000)));
    assert_eq!(steps.iter().filter(|(place, _)| *place == StepPlace::Last).count(), 1);
}

/// One row may be refused for thousands of values.
#[test]
fn a_slice_keeps_a_bounded_number_of_bytes() {
    let mut dice = 1_u64;
    let mut row = vec![b'"'];
    row.extend((0..3 * limits::MIB).map(|_| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b'0' + u8::try_from(dice >> 58).unwrap()
    }));
    row.push(b'"');
    row.retain(|byte| *byte != b'\\');
    let mut packer = RejectsPacker::default();
    for line in 1..100 {
        packer.push(RowPlace { line, byte: 0 }, &row, &row, b"1", ("invalid-indicator", "no"));
    }
    let bytes: usize = packer.finish().iter().map(|frame| frame.packed.len()).sum();
    assert!((PACKED_BYTES_MAX..PACKED_BYTES_MAX + row.len()).contains(&bytes), "{bytes}");
}

#[test]
fn what_is_not_wanted_is_counted_and_not_packed() {
    let (kept, report) = kept(&Fixture::new(), Announced::Nothing, b"bad\\\n", true);
    assert_eq!((report.refused_count, report.refused.len(), kept.text.lock().as_str()), (1, 1, ""));
}

#[test]
fn a_long_line_that_cannot_be_read_is_cut() {
    let mut body = b"{\"".to_vec();
    body.resize(2 * UNREAD_BYTES_MAX, b'x');
    let (kept, _) = kept(&Fixture::new(), Announced::Exactly(Format::Ndjson), &body, false);
    let line: Value = serde_json::from_str(&kept.text.lock()).unwrap();
    assert_eq!(line["value"].as_str().unwrap().len(), UNREAD_BYTES_MAX);
}
