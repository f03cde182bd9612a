//! Clients that push and look up without a break, and the ledger of what they were told.
//!
//! In: where the daemon is, and a feed. Out: what became of every request, and every value that was acknowledged, to be looked
//! up at any later time. Each body is of indicators that no earlier one had, so nothing that is lost comes back by itself.
//! A client does what any client should: it waits when it is told 429 and for how long, and sends a request again that
//! was refused or cut off. Both are counted. Beside them, bodies are under way that take long (`slow_body`): a daemon that stops tells each, with a
//! time to wait, that it cannot end, and of an import what of it is durable.

use std::{
    io::{self, ErrorKind},
    ops::Range,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use memchr::memmem;
use parking_lot::Mutex;
use test_support::{
    client::{Answer, Client, DETECTED, LOOKUP_PATH, indicators_path},
    dice::Dice,
};

use super::{
    outcomes::Outcomes,
    slow_body::{self, SlowBody},
};
use crate::{feed::FeedOptions, load::feed::Feed};

/// Whose indicators are pushed.
const SUPPLIER: &str = "Trial";
/// How many elements bodies have, and the pause after each, of the clients that push.
const PUSHERS: [(usize, Duration); 4] = [
    (1, Duration::from_millis(2)),
    (1_000, Duration::from_millis(50)),
    (1_000, Duration::from_millis(70)),
    // Megabytes, so that one is always under way.
    (20_000, Duration::from_millis(300)),
];
/// Clients that look up, and the pause after each lookup.
const LOOKERS: usize = 2;
const LOOKER_PAUSE: Duration = Duration::from_millis(3);
/// Requests that each client must have answered before and after what happens under load.
const WARM_REQUESTS: usize = 5;
/// Pause before a request is sent again that was refused or cut off.
const AGAIN_PAUSE: Duration = Duration::from_millis(20);
/// Longest time that a client goes on to send one request.
const ANSWER_WAIT: Duration = Duration::from_mins(2);
/// Elements that an endless import sends at once: more than the daemon's least rate, 64 KiB a second.
const PIECE_ELEMENTS: usize = 50;
/// Values that are looked up in one body, to check the ledger.
const CHECKED_AT_ONCE: usize = 20_000;

/// The feed, how far it is used, and what was acknowledged.
pub(super) struct Ledger {
    feed: Feed,
    tags: Vec<String>,
    next: AtomicUsize,
    acknowledged: Mutex<Vec<Range<usize>>>,
}

/// Clients at work.
struct Feeding<'run> {
    ledger: &'run Ledger,
    client: &'run (dyn Fn() -> Client + Sync),
    is_over: AtomicBool,
    /// Requests answered, by client; pieces sent, of slow ones.
    answered: Vec<AtomicUsize>,
    seen: Mutex<Outcomes>,
}

impl Ledger {
    /// Reads the feed.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub(super) fn new(source: &FeedOptions) -> Result<Self> {
        let (feed, tags) = (Feed::read(source.open()?)?, source.tags()?);
        Ok(Self { feed, tags, next: AtomicUsize::new(0), acknowledged: Mutex::default() })
    }

    /// Creates tags and supplier.
    ///
    /// # Errors
    ///
    /// When the daemon refuses one.
    pub(super) fn prepare(&self, client: &mut Client) -> Result<()> {
        Ok(client.prepare(SUPPLIER, &self.tags)?)
    }

    /// How many bodies are acknowledged by now.
    pub(super) fn bodies(&self) -> usize {
        self.acknowledged.lock().len()
    }

    /// Does something while clients push and look up; they go on for a while afterwards.
    ///
    /// # Errors
    ///
    /// That of `work`; or the clients get nowhere.
    pub(super) fn under_load<T>(
        &self,
        client: &(dyn Fn() -> Client + Sync),
        work: impl FnOnce() -> Result<T>,
    ) -> Result<(T, Outcomes)> {
        let answered =
            (0..PUSHERS.len() + LOOKERS + slow_body::BODIES.len()).map(|_| AtomicUsize::new(0)).collect();
        let (is_over, seen) = (AtomicBool::new(false), Mutex::default());
        let feeding = Feeding { ledger: self, client, is_over, answered, seen };
        let outcome = thread::scope(|scope| {
            let feeding = &feeding;
            let mut start = |number: usize| {
                let client = thread::Builder::new().name(format!("client-{number}"));
                client.spawn_scoped(scope, move || feeding.work(number)).map(drop)
            };
            let started = (0..feeding.answered.len()).try_for_each(&mut start);
            let outcome =
                started.map_err(Into::into).and_then(|()| feeding.wait_until_warm()).and_then(|()| work());
            let outcome = outcome.and_then(|done| feeding.wait_until_warm().map(|()| done));
            feeding.is_over.store(true, Ordering::Relaxed);
            outcome
        });
        let seen = feeding.seen.into_inner();
        let done = outcome.with_context(|| format!("under load: {}", seen.text()))?;
        Ok((done, seen))
    }

    /// Looks up all values of the first `bodies` bodies that were acknowledged; returns how many values that are.
    ///
    /// # Errors
    ///
    /// When one is not found: it is lost.
    pub(super) fn check(&self, client: &mut Client, bodies: usize) -> Result<usize> {
        let ranges: Vec<_> = self.acknowledged.lock().iter().take(bodies).cloned().collect();
        let (mut body, mut count, mut checked) = (Vec::new(), 0, 0);
        for index in ranges.into_iter().flatten() {
            count += usize::from(self.write_object(index, &mut body));
            if count == CHECKED_AT_ONCE {
                checked += check_values(client, &mut body, &mut count)?;
            }
        }
        Ok(checked + check_values(client, &mut body, &mut count)?)
    }

    /// The next elements of an array that is sent in pieces, of which `sent` are those before.
    fn next_piece(&self, sent: &mut Vec<Range<usize>>) -> Vec<u8> {
        let start = self.next.fetch_add(PIECE_ELEMENTS, Ordering::Relaxed);
        let indexes = start..start + PIECE_ELEMENTS;
        let mut piece = self.body(indexes.clone());
        piece.pop();
        if let (false, Some(bracket)) = (sent.is_empty(), piece.first_mut()) {
            *bracket = b',';
        }
        sent.push(indexes);
        piece
    }

    /// Takes note that the first `count` elements were acknowledged.
    fn acknowledge_first(&self, mut count: usize, sent: Vec<Range<usize>>) {
        for indexes in sent {
            let taken = count.min(indexes.len());
            if taken != 0 {
                self.acknowledge(indexes.start..indexes.start + taken);
            }
            count -= taken;
        }
    }

    /// Appends what looks a value up; false, and nothing, for one that is not to be looked up.
    fn write_object(&self, index: usize, body: &mut Vec<u8>) -> bool {
        let start = body.len();
        body.extend_from_slice(if body.is_empty() { b"[{\"object\":\"" } else { b",{\"object\":\"" });
        let is_written = self.feed.write_value(index, body);
        if is_written {
            body.extend_from_slice(b"\"}");
        } else {
            body.truncate(start);
        }
        is_written
    }

    /// The body of indicators by their index.
    fn body(&self, indexes: Range<usize>) -> Vec<u8> {
        let mut body = Vec::new();
        self.feed.write_body(indexes, &mut body);
        body
    }

    /// A body of indicators that no other has, of at least so many bytes; and which they are.
    pub(super) fn large_body(&self, bytes: usize) -> (Vec<u8>, Range<usize>) {
        // An element of a feed has some 200 bytes.
        let mut count = bytes / 400;
        loop {
            let start = self.next.fetch_add(count, Ordering::Relaxed);
            let body = self.body(start..start + count);
            if bytes <= body.len() {
                return (body, start..start + count);
            }
            // A little more than what was short.
            count = count * bytes / body.len().max(1) + count / 64 + 1;
        }
    }

    /// Takes note of what was acknowledged.
    pub(super) fn acknowledge(&self, indexes: Range<usize>) {
        self.acknowledged.lock().push(indexes);
    }
}

/// Looks up `count` values, of which all must be found, and empties the body.
fn check_values(client: &mut Client, body: &mut Vec<u8>, count: &mut usize) -> Result<usize> {
    if *count == 0 {
        return Ok(0);
    }
    body.push(b']');
    let answer = client.ask("POST", LOOKUP_PATH, body)?.answer;
    ensure!(answer.status == 200, "a lookup is answered with {}: {}", answer.status, answer.text());
    let found = memmem::find_iter(&answer.body, DETECTED).count();
    ensure!(found == *count, "{} of {count} acknowledged values are lost", *count - found);
    body.clear();
    *count = 0;
    Ok(found)
}

/// Path of pushes.
pub(super) fn push_path() -> String {
    indicators_path(SUPPLIER)
}

impl Feeding<'_> {
    fn work(&self, number: usize) {
        let slow =
            number.checked_sub(PUSHERS.len() + LOOKERS).and_then(|number| slow_body::BODIES.get(number));
        match (PUSHERS.get(number), slow) {
            (Some((elements, pause)), _) => self.push(number, *elements, *pause),
            (None, Some(slow)) => self.send_slowly(number, *slow),
            (None, None) => self.look_up(number),
        }
    }

    /// Pushes new bodies until it is over.
    fn push(&self, number: usize, elements: usize, pause: Duration) {
        let (mut client, path) = ((self.client)(), push_path());
        while !self.is_over.load(Ordering::Relaxed) {
            let start = self.ledger.next.fetch_add(elements, Ordering::Relaxed);
            let indexes = start..start + elements;
            let body = self.ledger.body(indexes.clone());
            let Some(answer) = self.ask(&mut client, "PUT", &path, &body) else { return };
            if matches!(answer.status, 201 | 202) {
                self.ledger.acknowledge(indexes);
                let mut seen = self.seen.lock();
                seen.bodies += 1;
                seen.indicators += elements;
            } else {
                self.seen.lock().wrong.push(format!("a push: {} {}", answer.status, answer.text()));
            }
            self.answered(number);
            thread::sleep(pause);
        }
    }

    /// Looks up values that are acknowledged until it is over.
    fn look_up(&self, number: usize) {
        let (mut client, mut dice) = ((self.client)(), Dice::new(&[number as u64]));
        while !self.is_over.load(Ordering::Relaxed) {
            thread::sleep(LOOKER_PAUSE);
            let index = {
                let ranges = self.ledger.acknowledged.lock();
                let range = if ranges.is_empty() { None } else { ranges.get(dice.index(ranges.len())) };
                range.map(|range| range.start + dice.index(range.len()))
            };
            let mut body = Vec::new();
            if !index.is_some_and(|index| self.ledger.write_object(index, &mut body)) {
                continue;
            }
            body.push(b']');
            let Some(answer) = self.ask(&mut client, "POST", LOOKUP_PATH, &body) else { return };
            if answer.status == 200 && memmem::find(&answer.body, DETECTED).is_some() {
                self.seen.lock().lookups += 1;
            } else {
                self.seen.lock().wrong.push(format!("a lookup: {} {}", answer.status, answer.text()));
            }
            self.answered(number);
        }
    }

    /// Sends one slow body after another until it is over.
    fn send_slowly(&self, number: usize, body: SlowBody) {
        while !self.is_over.load(Ordering::Relaxed) {
            let (wait, began) = (self.send_one(number, body), Instant::now());
            while began.elapsed() < wait && !self.is_over.load(Ordering::Relaxed) {
                thread::sleep(AGAIN_PAUSE);
            }
        }
    }

    /// Sends one slow body; returns for how long to wait then.
    fn send_one(&self, number: usize, body: SlowBody) -> Duration {
        let mut sent = Vec::new();
        let mut next = || {
            self.answered(number);
            let is_over = self.is_over.load(Ordering::Relaxed);
            (!is_over).then(|| match body {
                SlowBody::Announced => slow_body::BLANKS.to_vec(),
                SlowBody::Endless => self.ledger.next_piece(&mut sent),
            })
        };
        let answer = match body.send(&(self.client)(), SUPPLIER, &mut next) {
            Ok(Some(answer)) => answer,
            Ok(None) => return Duration::ZERO,
            Err(error) => {
                self.note_failure(&error, &format!("a slow body ({body:?})"));
                return AGAIN_PAUSE;
            }
        };
        match (answer.status, answer.retry_after_seconds) {
            (200, _) if body == SlowBody::Endless => self.ledger.acknowledge_first(usize::MAX, sent),
            (429 | 503, Some(seconds)) => {
                self.ledger.acknowledge_first(slow_body::committed_count(&answer), sent);
                self.seen.lock().told += 1;
                return Duration::from_secs(seconds);
            }
            (status, _) => {
                let text = format!("a slow body ({body:?}): {status} {}", answer.text());
                self.seen.lock().wrong.push(text);
            }
        }
        AGAIN_PAUSE
    }

    /// Takes note of a request without an answer.
    fn note_failure(&self, error: &io::Error, what: &str) {
        let mut seen = self.seen.lock();
        let is_refused = error.kind() == ErrorKind::ConnectionRefused;
        let list = if is_refused { &mut seen.refused } else { &mut seen.cut };
        list.push(format!("{what}: {error}"));
    }

    /// Sends a request until it is answered; `None` when that takes too long, which is noted.
    fn ask(&self, client: &mut Client, method: &str, path: &str, body: &[u8]) -> Option<Answer> {
        let began = Instant::now();
        while began.elapsed() < ANSWER_WAIT {
            match client.request(method, path, body) {
                Ok(Answer { status: 429, retry_after_seconds: Some(seconds), .. }) => {
                    self.seen.lock().busy += 1;
                    thread::sleep(Duration::from_secs(seconds));
                }
                Ok(answer) => {
                    let mut seen = self.seen.lock();
                    seen.longest = seen.longest.max(began.elapsed());
                    return Some(answer);
                }
                Err(error) => {
                    self.note_failure(&error, &format!("{method} of {} bytes", body.len()));
                    thread::sleep(AGAIN_PAUSE);
                }
            }
        }
        self.seen.lock().wrong.push(format!("a {method} is not answered for {ANSWER_WAIT:?}"));
        None
    }

    fn answered(&self, number: usize) {
        if let Some(count) = self.answered.get(number) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until each client has had some answers more.
    fn wait_until_warm(&self) -> Result<()> {
        let counts =
            || -> Vec<usize> { self.answered.iter().map(|count| count.load(Ordering::Relaxed)).collect() };
        let (before, began) = (counts(), Instant::now());
        while !counts().iter().zip(&before).all(|(now, before)| before + WARM_REQUESTS <= *now) {
            if ANSWER_WAIT < began.elapsed() {
                bail!("a client is not answered any more");
            }
            thread::sleep(LOOKER_PAUSE);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
