//! What a looked-up value costs, stage by stage, on a store that holds a feed.
//!
//! In: a feed file. Out: nanoseconds a value on one thread for each stage that has a name outside the crates
//! (normal form, group, candidates, filters, reads), and for whole bodies in memory, for values that the feed has and
//! for values that it does not have: each indicator with something before its registrable name or its digits turned
//! round; and addresses that nothing stored holds, with networks beside the feed or without.

use std::{
    convert::Infallible,
    hint::black_box,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Instant,
};

use anyhow::Context as _;
use clap::Parser;
use sluice_benches::{Feed, networks, push, scratch_store};
use sluice_ingest::{AnswerText, IngestError, Ingestor, LookupRules, Matches, Render};
use sluice_model::{
    Indicator, TenantId, limits,
    matching::{CandidateKey, MatchScope, address_or_network, candidate_keys, group_of},
    memory_plan::MemoryPlan,
    normalize::recognize_object,
};
use sluice_store::{SingleThread, Store};

/// Largest piece of a body that is given at once, as a socket would.
const PIECE_BYTES: usize = 64 << 10;
/// Length of a body: its answer has room for what is found.
const BODY_BYTES: usize = 16 << 20;
/// Strange addresses of each family, at most.
const ADDRESSES_MAX: usize = 1_000_000;
/// When the feed was pushed, and when it is looked up.
const NOW_SECONDS: u32 = 1_900_000_000;

/// Looks a feed up and prints what that cost.
#[derive(Parser)]
struct LookupStages {
    #[command(flatten)]
    feed: Feed,
    /// Threads that answer bodies.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Networks of each family that are stored beside the feed, of twenty lengths.
    #[arg(long, default_value_t = 0)]
    networks: usize,
}

#[expect(clippy::print_stdout, reason = "the figures are what the command is for")]
fn main() -> anyhow::Result<()> {
    let arguments = LookupStages::parse();
    let rows = arguments.feed.read()?;
    let (_dir, store) = scratch_store()?;
    let supplier = store.catalogue().supplier(TenantId::GENERAL, "InternalTI").context("it is built in")?.id;
    push(&store, &rows, supplier, NOW_SECONDS)?;
    let networks = networks::networks(arguments.networks);
    push(&store, &networks::rows(&networks), supplier, NOW_SECONDS)?;
    store.checkpoint();
    store.compact();
    let threads = arguments.threads;
    let ingestor = Ingestor::new(store.clone(), threads, &MemoryPlan::of(usize::MAX))?;
    // Out of order, as they are in life; the stride is a prime that no feed is a multiple of.
    let shuffled = (0..rows.len()).filter_map(|place| rows.get(place * 999_983 % rows.len()));
    let held: Vec<String> =
        shuffled.filter_map(|row| Some(Indicator::from_key(&row.key)?.to_string())).collect();
    let strange: Vec<String> = held.iter().map(|text| stranger(text)).collect();
    println!("{:?}", store.figures());
    let addresses = networks::strange_addresses(&networks, rows.len().min(ADDRESSES_MAX));
    let [ipv4, ipv6] = addresses.map(|family| family.iter().map(ToString::to_string).collect::<Vec<_>>());
    for (name, values) in
        [("held", &held), ("strange", &strange), ("strange IPv4", &ipv4), ("strange IPv6", &ipv6)]
    {
        println!("{name}: {} values", values.len());
        stages(&store, values)?;
        let per_value = bodies(&ingestor, values)?;
        println!("  whole bodies, {threads} threads: {per_value:.0} ns");
    }
    drop(ingestor);
    store.close();
    Ok(())
}

/// A value of the same kind and about the same length that the feed does not have.
fn stranger(text: &str) -> String {
    let is_hash = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash || text.parse::<std::net::IpAddr>().is_ok() {
        let turned = |digit: char| digit.to_digit(16).and_then(|value| char::from_digit(9 - value % 10, 10));
        return text.chars().map(|one| turned(one).unwrap_or(one)).collect();
    }
    let host_bytes = text.find('/').unwrap_or(text.len());
    let (host, rest) = text.split_at(host_bytes);
    // The second label from the right is the registrable name of most.
    match host.rmatch_indices('.').nth(1) {
        Some((dot, _)) => {
            let (before, name) = host.split_at(dot + 1);
            format!("{before}zq-{name}{rest}")
        }
        None => format!("zq-{text}"),
    }
}

#[expect(clippy::print_stdout, reason = "the figures are what the command is for")]
fn stages(store: &Store, values: &[String]) -> anyhow::Result<()> {
    let snapshot = store.snapshot();
    let mut keys: Vec<Vec<u8>> = Vec::with_capacity(values.len());
    let mut key = Vec::new();
    let show = |stage: &str, nanoseconds: f64, count: usize| {
        println!("  {stage}: {nanoseconds:.0} ns a value, {count} came through");
    };
    let per_value = timed(values.len(), || {
        for text in values {
            key.clear();
            // What is not an indicator has been left out of the feed.
            let _kind = black_box(recognize_object(text, &mut key));
        }
    });
    show("normal form", per_value, values.len());
    for text in values {
        key.clear();
        if recognize_object(text, &mut key).is_ok() {
            keys.push(key.clone());
        }
    }
    let mut groups = 0;
    let per_value = timed(values.len(), || groups = keys.iter().filter_map(|key| group_of(key)).count());
    show("group", per_value, groups);
    let mut near: Vec<&[u8]> = Vec::with_capacity(keys.len());
    let may_match = |key: &[u8]| match group_of(key) {
        Some(group) => snapshot.may_hold_group(group),
        None => {
            snapshot.may_hold(key)
                || address_or_network(key).is_some_and(|held| snapshot.network_lengths(held) != 0)
        }
    };
    let per_value = timed(values.len(), || {
        near.extend(keys.iter().map(Vec::as_slice).filter(|key| may_match(key)));
    });
    show("first filter", per_value, near.len());
    let may_have_prefix_masks = |mark: &[u8]| snapshot.may_hold_prefix_mask(mark);
    let (mut room, mut candidates_count) = (Vec::new(), 0);
    let per_value = timed(values.len(), || {
        for key in &near {
            let count = |_: CandidateKey<'_>| {
                candidates_count += 1;
                Ok::<_, Infallible>(())
            };
            let Ok(()) = candidate_keys(key, 0, MatchScope::Levels, may_have_prefix_masks, &mut room, count);
        }
    });
    show("candidates of those", per_value, candidates_count);
    let mut probed: Vec<Vec<u8>> = Vec::new();
    let per_value = timed(values.len(), || {
        for key in &near {
            let probe = |candidate: CandidateKey<'_>| {
                if snapshot.may_hold(candidate.key) {
                    probed.push(candidate.key.to_vec());
                }
                Ok::<_, Infallible>(())
            };
            let Ok(()) = candidate_keys(key, 0, MatchScope::Levels, may_have_prefix_masks, &mut room, probe);
        }
    });
    show("candidates and filter of each", per_value, probed.len());
    let wanted: Vec<&[u8]> = probed.iter().map(Vec::as_slice).collect();
    let started = Instant::now();
    let rows = snapshot.read_rows(&wanted, usize::MAX, &SingleThread)?.context("there is room")?;
    let named: Vec<_> =
        rows.iter().flat_map(|row| row.holdings()).filter_map(|holding| holding.context).collect();
    show("sorted read of rows, one thread", nanoseconds_each(started, values.len()), rows.iter().count());
    let started = Instant::now();
    let contexts = snapshot.read_contexts(&named, usize::MAX, &SingleThread)?.context("there is room")?;
    black_box(contexts.text_bytes());
    show("sorted read of contexts, one thread", nanoseconds_each(started, values.len()), named.len());
    Ok(())
}

fn timed(count: usize, work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    nanoseconds_each(started, count)
}

#[expect(clippy::cast_precision_loss, reason = "a rate is shown with three digits")]
fn nanoseconds_each(started: Instant, count: usize) -> f64 {
    started.elapsed().as_secs_f64() * 1e9 / count.max(1) as f64
}

/// Looks all values up in bodies of many megabytes; nanoseconds a value.
fn bodies(ingestor: &Ingestor, values: &[String]) -> anyhow::Result<f64> {
    let mut bodies = vec![b"[".to_vec()];
    for text in values {
        let element = format!("{{\"object\":{}}},", serde_json::to_string(text)?);
        if bodies.last().is_some_and(|body| BODY_BYTES < body.len() + element.len()) {
            bodies.push(b"[".to_vec());
        }
        bodies.last_mut().context("there is always one")?.extend_from_slice(element.as_bytes());
    }
    let started = Instant::now();
    for mut body in bodies {
        if let Some(last) = body.last_mut() {
            *last = b']';
        }
        let permit = ingestor.reserve(Some(body.len()), limits::LOOKUP_BODY_BYTES_MAX)?;
        let scope = MatchScope::Levels;
        let rules =
            LookupRules { tenant: TenantId::GENERAL, scope, now_seconds: NOW_SECONDS, explains: false };
        let mut query = ingestor.lookup(permit, rules, Plain);
        let answer = block_on(async {
            for piece in body.chunks(PIECE_BYTES) {
                query.feed(piece).await?;
            }
            query.finish().await
        })?;
        black_box(answer.into_chunks().count());
    }
    Ok(nanoseconds_each(started, values.len()))
}

/// Writes about as much of each result as the daemon does.
struct Plain;

impl Render for Plain {
    const CLOSING: &'static [u8] = b"]";
    const EMPTY_RESULT_BYTES: usize = 62;

    fn append_result(
        &self,
        _index: u64,
        object: &[u8],
        matches: &mut Matches<'_>,
        text: &mut AnswerText,
    ) -> Result<(), IngestError> {
        let result = text.room(60 + object.len())?;
        result.extend_from_slice(b",{\"object\":");
        result.extend_from_slice(object);
        result.extend_from_slice(b",\"result\":\"told by its categories\",\"categories\":[");
        while let Some(one) = matches.next_match() {
            let result = text.room(64 + one.supplier.len() + one.indicator.len() + one.context.len())?;
            result.extend_from_slice(b"{\"category\":\"");
            result.extend_from_slice(one.supplier.as_bytes());
            result.extend_from_slice(b"\",\"detected_indicator\":\"");
            result.extend_from_slice(one.indicator.as_bytes());
            result.extend_from_slice(b"\",\"context\":");
            result.extend_from_slice(one.context);
            result.push(b'}');
        }
        text.room(2)?.extend_from_slice(b"]}");
        Ok(())
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}
