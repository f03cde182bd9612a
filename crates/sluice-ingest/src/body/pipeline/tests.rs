//! Whole bodies, in chunks, against `serde_json` and against themselves.

use std::{
    sync::{
        Arc, Barrier, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use expect_test::{Expect, expect};
use proptest::{collection::vec, prelude::*};
use sluice_model::{limits, memory_plan::MemoryPlan};

use super::{Pipeline, SliceWork};
use crate::{
    body::{
        elements,
        reference::{Loose, LooseKind},
        split::{BodySlice, SLICE_ELEMENTS_MAX, Splitter},
        tape, text,
    },
    error::{BodyError, Fault, IngestError},
    fixture::request_memory,
    pools::{Pool, Pools},
};

static POOLS: LazyLock<Arc<Pools>> = LazyLock::new(|| Pools::start(2, &MemoryPlan::of(usize::MAX)).unwrap());

impl<W: SliceWork> Pipeline<W> {
    async fn feed(&mut self, chunk: &[u8]) -> Result<(), IngestError> {
        self.feed_after(std::future::ready(Ok(())), chunk).await
    }
}

/// Gives the properties of each element back, compact.
struct Echo;

impl SliceWork for Echo {
    type Cut = Splitter;
    type Output = Vec<String>;

    fn work(&self, slice: &BodySlice) -> Result<Vec<String>, IngestError> {
        let echo = |element: &[u8]| {
            let mut text = Vec::new();
            tape::visit_members(str::from_utf8(element).ok()?, |member| {
                text.extend_from_slice(member.key.as_bytes());
                text.push(b'=');
                text::append_compact(member.sent(), &mut text);
                text.push(b';');
            })?;
            String::from_utf8(text).ok()
        };
        let (mut echoed, mut at) = (Some(Vec::new()), 1);
        while slice.text.get(at) == Some(&b'{') {
            let end = text::skip_value(&slice.text, at);
            echoed = echoed.zip(echo(&slice.text[at..end])).map(|(mut echoed, text)| {
                echoed.push(text);
                echoed
            });
            at = end + 1;
        }
        let scanned = elements::visit_elements(slice, |_element| Ok(()));
        let parsed = elements::visit_parsed(slice, |_element| Ok(()));
        assert_eq!(format!("{scanned:?}"), format!("{parsed:?}"), "no way may know another fault");
        assert_eq!(scanned.is_ok(), echoed.is_some());
        scanned.map(|()| echoed.unwrap())
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// Runs a body, cut into chunks of the lengths in `cuts`, over and over.
fn run(body: &[u8], cuts: &[usize]) -> Result<Vec<String>, BodyError> {
    block_on(async {
        let mut pipeline = Pipeline::new(Arc::clone(&POOLS), request_memory(), Echo);
        let (mut rest, mut cuts) = (body, cuts.iter().cycle());
        let outcome = loop {
            if rest.is_empty() {
                let elements_count = pipeline.elements_count();
                break pipeline.finish().await.map(|(_work, outputs, _guard)| {
                    let elements: Vec<String> = outputs.into_iter().flatten().collect();
                    assert_eq!(elements_count, elements.len() as u64);
                    elements
                });
            }
            let (chunk, later) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
            rest = later;
            if let Err(error) = pipeline.feed(chunk).await {
                let again = pipeline.feed(b"[]").await.unwrap_err();
                assert_eq!(format!("{error:?}"), format!("{again:?}"));
                break Err(error);
            }
        };
        outcome.map_err(|error| match error {
            IngestError::Body(error) => error,
            other => panic!("{other:?}"),
        })
    })
}

#[track_caller]
fn check(body: &str, want: &Expect) {
    check_bytes(body.as_bytes(), want);
}

#[track_caller]
fn check_bytes(body: &[u8], want: &Expect) {
    let whole = run(body, &[body.len().max(1)]);
    assert_eq!(whole, run(body, &[1]), "the cut into chunks must not matter");
    let seen = match whole {
        Ok(elements) => elements.join("\n"),
        Err(error) => error.to_string(),
    };
    want.assert_eq(&seen);
}

#[test]
fn elements_come_out_in_order_and_compact() {
    check("[]", &expect![[""]]);
    check(" \r\n\t[ ] \n", &expect![[""]]);
    check("\u{feff}[{}]", &expect![[""]]);
    check(
        "[ {\"a\" : [1 , {\"b\":\"x y\"}]} ,\n\n {\"a\":\"\\\"]}{[\\\\\" ,\"\\u0061\": 1.0e2 } ]",
        &expect![[r#"
            a=[1,{"b":"x y"}];
            a="\"]}{[\\";a=1.0e2;"#]],
    );
}

#[test]
fn the_outer_grammar_is_exact() {
    check("", &expect!["the body ends early at byte 0"]);
    check("  ", &expect!["the body ends early at byte 2"]);
    check("[", &expect!["the body ends early at byte 1"]);
    check("{}", &expect!["expected a JSON array at byte 0"]);
    check("null", &expect!["expected a JSON array at byte 0"]);
    check("[1]", &expect!["expected an object as element of the array at byte 1"]);
    check("[{},\"x\"]", &expect!["expected an object as element of the array at byte 4"]);
    check("[{},]", &expect!["expected an object as element of the array at byte 4"]);
    check("[,{}]", &expect!["expected an object as element of the array at byte 1"]);
    check("[{}{}]", &expect!["expected ',' or ']' after an element of the array at byte 3"]);
    check("[{}]]", &expect!["unexpected text after the array at byte 4"]);
    check("[{}] [{}]", &expect!["unexpected text after the array at byte 5"]);
    check("\u{feff}\u{feff}[]", &expect!["expected a JSON array at byte 3"]);
    check_bytes(b"\xef\xbb[]", &expect!["expected a JSON array at byte 2"]);
    check("[{\"a\":1}", &expect!["the body ends early at byte 8"]);
    check("[{\"a\":1},", &expect!["the body ends early at byte 9"]);
    check("[{\"a\":\"", &expect!["the body ends early at byte 7"]);
    check("[]\0", &expect!["unexpected text after the array at byte 2"]);
}

#[test]
fn the_inner_grammar_names_its_first_byte() {
    check("[{\"a\":01}]", &expect!["invalid number at byte 7"]);
    check("[{\"a\":-}]", &expect!["invalid number at byte 7"]);
    check("[{\"a\":1.}]", &expect!["invalid number at byte 8"]);
    check("[{\"a\":1e4x}]", &expect!["invalid number at byte 9"]);
    check("[{\"a\":truex}]", &expect!["invalid JSON at byte 10"]);
    check("[{\"a\":nul}]", &expect!["invalid JSON at byte 9"]);
    check("[{\"a\":1]", &expect!["invalid JSON at byte 7"]);
    check("[{\"a\" 1}]", &expect!["invalid JSON at byte 6"]);
    check("[{1:1}]", &expect!["invalid JSON at byte 2"]);
    check("[{\"a\":1,}]", &expect!["invalid JSON at byte 8"]);
    check("[{\"a\":[1,]}]", &expect!["invalid JSON at byte 9"]);
    check("[{\"a\":\"\u{1}\"}]", &expect!["unescaped control character at byte 7"]);
    check("[{\"a\":\"x\\q\"}]", &expect!["invalid escape sequence at byte 8"]);
    check("[{\"a\":\"\\ud800\\u00\"}]", &expect!["invalid escape sequence at byte 13"]);
    check("[{\"a\":\"\\u12g4\"}]", &expect!["invalid escape sequence at byte 7"]);
    check_bytes(b"[{\"a\":\"\xff\"}]", &expect!["invalid UTF-8 at byte 7"]);
    check_bytes(b"[{\"a\":\"\xc3\"}]", &expect!["invalid UTF-8 at byte 7"]);
    check_bytes(b"[{\"a\":\"\xed\xa0\x80\"}]", &expect!["invalid UTF-8 at byte 7"]);
    check("[{\"a\":'x'}]", &expect!["invalid JSON at byte 6"]);
    check("[{/**/}]", &expect!["invalid JSON at byte 2"]);
}

/// What concerns one property is the element's to refuse, not the body's.
#[test]
fn what_cannot_be_read_is_no_fault_of_the_body() {
    check(
        "[{\"a\":1e400},{\"b\":-1e999}]",
        &expect![[r#"
        a=1e400;
        b=-1e999;"#]],
    );
    check(
        "[{\"a\":\"\\ud800\"},{\"\\udc00\":[\"\\ud83d\\u0041\"]}]",
        &expect![[r#"
        a="\ud800";
        xxxxxx=["\ud83d\u0041"];"#]],
    );
}

#[test]
fn the_first_fault_wins_over_a_later_one_of_the_splitter() {
    check("[{\"a\":01},5]", &expect!["invalid number at byte 7"]);
    check("[ {\"a\":01", &expect!["invalid number at byte 8"]);
    check("[{}, \n {\"a\":tru", &expect!["the body ends early at byte 15"]);
    check("[{}, \n {\"a\":trx", &expect!["invalid JSON at byte 14"]);
}

#[test]
fn nesting_is_counted_with_the_outer_array() {
    let nested = |levels: usize| {
        let inner = levels - 2;
        format!("[{{\"a\":{}{}}}]", "[".repeat(inner), "]".repeat(inner))
    };
    assert!(run(nested(limits::NESTING_LEVELS_MAX).as_bytes(), &[7]).is_ok());
    let deep = run(nested(limits::NESTING_LEVELS_MAX + 1).as_bytes(), &[7]).unwrap_err();
    assert_eq!(deep, BodyError::Syntax { fault: Fault::TooDeep, byte: 36 });
    let bomb = format!("[{{\"a\":{}", "[".repeat(1 << 20));
    assert_eq!(run(bomb.as_bytes(), &[1 << 16]).unwrap_err(), deep);
}

#[test]
fn an_element_may_be_as_long_as_the_limit_and_no_longer() {
    let element = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    let longest = element(limits::ELEMENT_BYTES_MAX);
    let body = format!("[{{}},{longest},{longest}]");
    assert_eq!(run(body.as_bytes(), &[1 << 16]).unwrap().len(), 3);
    let body = format!("[{{}},{}]", element(limits::ELEMENT_BYTES_MAX + 1));
    let byte = 4 + limits::ELEMENT_BYTES_MAX as u64;
    let error = run(body.as_bytes(), &[1 << 16]).unwrap_err();
    assert_eq!(error, BodyError::Syntax { fault: Fault::ElementTooLong, byte });
}

/// Two bad elements several slices apart, with white space between elements to shift the offsets.
#[test]
fn of_two_faults_in_different_slices_the_first_is_told() {
    let good = "{\"indicator\":\"192.0.2.1\"} ,\n ";
    let mut body = String::from("[");
    while body.len() < 2 * limits::SLICE_BYTES {
        body.push_str(good);
    }
    let byte = body.len() as u64 + 7;
    body.push_str("{\"a\":tx},");
    while body.len() < 6 * limits::SLICE_BYTES {
        body.push_str(good);
    }
    body.push_str("{\"a\":}]");
    let error = run(body.as_bytes(), &[60_000]).unwrap_err();
    assert_eq!(error, BodyError::Syntax { fault: Fault::Json, byte: byte - 1 });
}

/// Two slices fail at once, in whichever order, and a third after them.
#[test]
fn of_slices_that_fail_together_the_first_is_told() {
    struct SecondFirst {
        both_run: Barrier,
    }
    impl SliceWork for SecondFirst {
        type Cut = Splitter;
        type Output = ();
        fn work(&self, slice: &BodySlice) -> Result<(), IngestError> {
            if slice.index < 2 {
                self.both_run.wait();
            }
            let byte = slice.body_byte(1);
            Err(IngestError::Body(BodyError::Syntax { fault: Fault::Json, byte }))
        }
    }
    let count = 3 * SLICE_ELEMENTS_MAX as usize;
    let body = format!("[{}]", vec!["{}"; count].join(","));
    let outcome = block_on(async {
        // Threads of its own: both must be free to meet.
        let pools = Pools::start(2, &MemoryPlan::of(usize::MAX)).unwrap();
        let mut pipeline = Pipeline::new(pools, request_memory(), SecondFirst { both_run: Barrier::new(2) });
        pipeline.feed(body.as_bytes()).await
    });
    let Err(IngestError::Body(error)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(error.byte(), 1);
}

/// Keeps its thread for as long as it is told to.
struct Held(AtomicBool);
impl SliceWork for Held {
    type Cut = Splitter;
    type Output = ();
    fn work(&self, _slice: &BodySlice) -> Result<(), IngestError> {
        while self.0.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        Ok(())
    }
}

/// However many threads there are, long slices wait for one another.
#[test]
fn slices_in_flight_are_counted_by_their_bytes() {
    let element = format!("{{\"a\":\"{}\"}},", "x".repeat(limits::ELEMENT_BYTES_MAX - 8));
    let body =
        format!("[{}", element.repeat(2 * limits::SLICE_BYTES_IN_FLIGHT_MAX / limits::ELEMENT_BYTES_MAX));
    block_on(async {
        let pools = Pools::start(16, &MemoryPlan::of(usize::MAX)).unwrap();
        let mut pipeline = Pipeline::new(pools, request_memory(), Held(AtomicBool::new(true)));
        for chunk in body.as_bytes().chunks(1 << 16) {
            if tokio::time::timeout(Duration::ZERO, pipeline.feed(chunk)).await.is_err() {
                break;
            }
        }
        let in_flight = pipeline.running.len();
        pipeline.shared.work.0.store(false, Ordering::Release);
        assert!(in_flight * limits::ELEMENT_BYTES_MAX < limits::SLICE_BYTES_IN_FLIGHT_MAX, "{in_flight}");
        assert!(in_flight > 1);
    });
}

/// While all threads for slices are busy and their slots taken, short bodies of both lanes go through.
#[test]
fn short_bodies_stand_behind_no_long_ones() {
    struct Read;
    impl SliceWork for Read {
        type Cut = Splitter;
        type Output = usize;
        fn work(&self, slice: &BodySlice) -> Result<usize, IngestError> {
            Ok(slice.text.len())
        }
        fn fast_lane(pools: &Pools) -> &Pool {
            &pools.lookup_short
        }
    }
    let long = format!("[{}", "{},".repeat(10 * SLICE_ELEMENTS_MAX as usize));
    block_on(async {
        let pools = Pools::start(2, &MemoryPlan::of(usize::MAX)).unwrap();
        let mut held = Pipeline::new(Arc::clone(&pools), request_memory(), Held(AtomicBool::new(true)));
        held.feed(long.as_bytes()).await.unwrap();
        assert!(held.running.len() > 2);
        let mut read = Pipeline::new(Arc::clone(&pools), request_memory(), Read);
        read.feed(b"[{}, {}]").await.unwrap();
        assert_eq!(read.finish().await.unwrap_or_else(|error| panic!("{error}")).1, [7]);
        let mut echo = Pipeline::new(Arc::clone(&pools), request_memory(), Echo);
        echo.feed(b"[{\"a\":1}]").await.unwrap();
        assert_eq!(echo.finish().await.unwrap_or_else(|error| panic!("{error}")).1, [["a=1;"]]);
        for pad_bytes in [0, limits::TINY_BODY_BYTES_MAX, limits::SHORT_BODY_BYTES_MAX / 2] {
            let body = format!("[{{\"a\":\"{}\",\"b\":01}},5]", "x".repeat(pad_bytes));
            let mut broken = Pipeline::new(Arc::clone(&pools), request_memory(), Echo);
            let Err(IngestError::Body(error)) = broken.feed(body.as_bytes()).await else { panic!("{body}") };
            assert_eq!(error, BodyError::Syntax { fault: Fault::Number, byte: pad_bytes as u64 + 14 });
        }
        held.shared.work.0.store(false, Ordering::Release);
    });
}

#[test]
fn a_panic_ends_its_own_body_only() {
    struct Bomb;
    impl SliceWork for Bomb {
        type Cut = Splitter;
        type Output = ();
        fn work(&self, _slice: &BodySlice) -> Result<(), IngestError> {
            panic!("as the test wants it");
        }
    }
    let outcome = block_on(async {
        let mut pipeline = Pipeline::new(Arc::clone(&POOLS), request_memory(), Bomb);
        pipeline.feed(b"[{}]").await?;
        pipeline.finish().await.map(|_| ())
    });
    assert!(matches!(outcome, Err(IngestError::Internal)));
    assert_eq!(run(b"[{\"a\":1}]", &[3]).unwrap(), ["a=1;"]);
}

#[test]
fn a_feed_that_was_dropped_cannot_be_finished() {
    let body = format!("[{}", "{},".repeat(100_000));
    let outcome = block_on(async {
        let mut pipeline = Pipeline::new(Arc::clone(&POOLS), request_memory(), Echo);
        // More than one piece, so the future is pending after its first poll.
        let mut feed = Box::pin(pipeline.feed(body.as_bytes()));
        let polled =
            std::future::poll_fn(|context| std::task::Poll::Ready(feed.as_mut().poll(context))).await;
        assert!(polled.is_pending());
        drop(feed);
        pipeline.finish().await.map(|_| ())
    });
    assert!(matches!(outcome, Err(IngestError::Internal)));
}

fn json() -> impl Strategy<Value = String> {
    let text = || {
        let piece = prop_oneof![
            "[a-z]{0,8}",
            Just("é".to_owned()),
            Just("\\\"".to_owned()),
            Just("\\\\".to_owned()),
            Just("\\u0041".to_owned()),
            Just("\\ud83d\\ude00".to_owned()),
            Just("\\ud83d".to_owned()),
            Just("[{".to_owned()),
            Just("x".repeat(70)),
        ];
        vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
    };
    let number = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_filter_map("finite", |number| number.is_finite().then(|| format!("{number:e}"))),
        Just("123456789012345678901234567890".to_owned()),
        Just("-0.0".to_owned()),
        Just("1E+2".to_owned()),
        Just("1e999".to_owned()),
        Just("01".to_owned()),
    ];
    let words = prop_oneof![Just("true"), Just("false"), Just("null")].prop_map(str::to_owned);
    let leaf = prop_oneof![4 => text(), 2 => number, 1 => words];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        let members = vec((text(), inner.clone()), 0..4).prop_map(|members| {
            let members: Vec<_> = members.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            format!("{{{}}}", members.join(" ,"))
        });
        prop_oneof![members, vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(", ")))]
    })
}

fn body() -> impl Strategy<Value = String> {
    let element = prop_oneof![
        8 => vec(("[ab]", json()), 0..4).prop_map(|members| {
            let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        }),
        1 => json(),
    ];
    (vec(element, 0..5), prop_oneof![Just(","), Just(" ,\n ")], any::<bool>()).prop_map(
        |(elements, comma, bom)| format!("{}[{}]", if bom { "\u{feff}" } else { "" }, elements.join(comma)),
    )
}

/// Changes, inserts or removes one byte, or cuts the end off.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![any::<u8>(), proptest::sample::select(b"{}[]\",:\\ \n0e-.u\x00\xef".to_vec())];
    (body(), vec((0..4_u8, any::<prop::sample::Index>(), byte), 0..4)).prop_map(|(body, changes)| {
        let mut bytes = body.into_bytes();
        for (change, index, byte) in changes {
            let at = index.index(bytes.len() + 1);
            match change {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => bytes[at] = byte,
                2 if at < bytes.len() => drop(bytes.remove(at)),
                3 => bytes.truncate(at),
                _ => {}
            }
        }
        bytes
    })
}

/// The number of elements of a body, if it is an array of objects to `serde_json`.
fn reference(body: &[u8]) -> Option<usize> {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let LooseKind::Array(items) = Loose::read(body)?.kind else { return None };
    let are_objects = items.iter().all(|item| matches!(item.kind, LooseKind::Object(_)));
    are_objects.then_some(items.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn accepts_what_serde_json_accepts(body in mutated(), cuts in vec(1..40_usize, 1..8)) {
        let seen = run(&body, &cuts);
        let want = reference(&body);
        prop_assert_eq!(seen.is_ok(), want.is_some(), "{:?}", seen);
        if let (Ok(seen), Some(want)) = (seen, want) {
            prop_assert_eq!(seen.len(), want);
        }
    }

    #[test]
    fn a_body_cut_at_its_fault_only_ends_early(body in mutated(), cuts in vec(1..40_usize, 1..8)) {
        if let Err(error) = run(&body, &cuts) {
            let byte = usize::try_from(error.byte()).unwrap();
            let cut = run(&body[..byte], &[11]);
            let early = BodyError::Syntax { fault: Fault::Unfinished, byte: error.byte() };
            if matches!(error, BodyError::Syntax { fault: Fault::Trailing, .. }) {
                prop_assert!(cut.is_ok());
            } else {
                prop_assert_eq!(cut, Err(early), "{}", error);
            }
        }
    }

    #[test]
    fn chunks_do_not_matter(body in mutated(), cuts in vec(1..9_usize, 1..8)) {
        prop_assert_eq!(run(&body, &cuts), run(&body, &[usize::MAX]));
    }
}
