//! How far a connection is with its requests: shared by its stream, which gives bytes, and by the requests.
//!
//! In: bytes that arrive, and calls that tell when a request begins, when its body is wanted and when it is answered.
//! Out: how many bytes may be given now, and until when a head must be complete. One request at a time: of the next one
//! nothing is given before the present one is answered, and nothing at all after one that closes the connection.

use std::{cell::Cell, sync::Arc, task::Waker, time::Duration};

use actix_web::dev::RequestHead;
use tokio::time::Instant;

use super::framing::{BodyScan, HeadScan, plain_length};
use crate::http::{
    head::{self, HEAD_BYTES_MAX},
    stopping::Stopping,
};

/// Bytes that are given of a head, or of a body before it is wanted. A head between its own limit and this one gets an
/// answer, a longer one only has its connection closed. As many bytes of the next requests are read ahead.
pub(super) const AHEAD_BYTES_MAX: usize = 2 * HEAD_BYTES_MAX;

/// What a connection is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Between two requests, or inside the head of the next.
    Between,
    /// A request is being judged, or carried out without a body.
    Judged,
    /// A body is being read.
    Body,
    /// The last answer is given.
    Closing,
}

/// See the module.
pub(crate) struct RequestProgress {
    /// Time for a head, from its first byte on.
    head_timeout: Duration,
    /// Time without any byte between two requests.
    keep_alive: Duration,
    pub(super) stopping: Arc<Stopping>,
    stage: Cell<Stage>,
    /// Of the present request.
    head: Cell<HeadScan>,
    body: Cell<BodyScan>,
    /// The length of the body that has begun to be given with its head, before the request began.
    early_length: Cell<Option<u64>>,
    /// Whether the present request is the last one.
    closes: Cell<bool>,
    /// Bytes given in this stage.
    given_bytes: Cell<usize>,
    /// The last of these: this stage began, its first byte was given, a part of the last answer was written.
    since: Cell<Instant>,
    /// Whether bytes that have arrived are kept back.
    pub(super) has_held: Cell<bool>,
    /// Wakes whoever waits to read in the next stage.
    reader: Cell<Option<Waker>>,
}

impl RequestProgress {
    pub(super) fn new(head_timeout: Duration, keep_alive: Duration, stopping: Arc<Stopping>) -> Self {
        Self {
            head_timeout,
            keep_alive,
            stopping,
            stage: Cell::new(Stage::Between),
            head: Cell::default(),
            body: Cell::new(BodyScan::Length(0)),
            early_length: Cell::default(),
            closes: Cell::new(false),
            given_bytes: Cell::new(0),
            since: Cell::new(Instant::now()),
            has_held: Cell::new(false),
            reader: Cell::new(None),
        }
    }

    /// The head of a request is complete. Told again of the same request, this does nothing.
    pub(crate) fn begin(&self, head: &RequestHead) {
        if self.stage.get() != Stage::Between {
            return;
        }
        let body = BodyScan::of(head);
        self.closes.set(head::asks_to_close(head) || body == BodyScan::Endless);
        match self.early_length.take() {
            None => self.body.set(body),
            Some(length) if body == BodyScan::Length(length) => {}
            // More of it than its head announces has been given.
            Some(_) => self.break_off(),
        }
        self.enter(Stage::Judged);
    }

    /// The body of the request is wanted.
    pub(crate) fn want_body(&self) {
        self.enter(Stage::Body);
    }

    /// The request is to be answered; `is_read` tells whether its body has been read to its end. Returns true if the
    /// answer is the last one of the connection.
    pub(crate) fn answer(&self, is_read: bool) -> bool {
        if !is_read || !self.body.get().is_complete() || self.stopping.has_begun() {
            self.closes.set(true);
        }
        self.closes.get()
    }

    /// The answer is given.
    pub(crate) fn end(&self) {
        self.head.set(HeadScan::Before);
        self.body.set(BodyScan::Length(0));
        self.enter(if self.closes.get() { Stage::Closing } else { Stage::Between });
    }

    fn enter(&self, stage: Stage) {
        self.stage.set(stage);
        self.given_bytes.set(0);
        self.since.set(Instant::now());
        // Between requests, what arrives wakes the reader; what is here already does not.
        let is_awaited = match stage {
            Stage::Between => self.has_held.get(),
            Stage::Judged | Stage::Body => self.wants_more(),
            Stage::Closing => true,
        };
        if is_awaited && let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    fn break_off(&self) {
        self.body.set(BodyScan::Broken);
        self.closes.set(true);
    }

    /// Returns true if bytes of the present request may be given now.
    pub(super) fn wants_more(&self) -> bool {
        let is_body_missing = !self.body.get().is_complete();
        match self.stage.get() {
            Stage::Between => self.head.get() != HeadScan::Complete,
            Stage::Judged => is_body_missing && self.given_bytes.get() < AHEAD_BYTES_MAX,
            Stage::Body => is_body_missing,
            Stage::Closing => false,
        }
    }

    /// Wakes `waker` when more may be given.
    pub(super) fn wake_later(&self, waker: &Waker) {
        self.reader.set(Some(waker.clone()));
    }

    /// Counts the next bytes; returns how many of them may be given.
    pub(super) fn give(&self, bytes: &[u8]) -> usize {
        if self.is_between() && self.given_bytes.get() == 0 {
            self.since.set(Instant::now());
        }
        let given = if self.is_between() { self.give_head(bytes) } else { self.give_body(bytes) };
        self.given_bytes.set(self.given_bytes.get().saturating_add(given));
        given
    }

    fn give_head(&self, bytes: &[u8]) -> usize {
        let mut head = self.head.get();
        let is_whole = head == HeadScan::Before;
        let given = head.take(bytes);
        self.head.set(head);
        let Some((head_bytes, rest)) = bytes.split_at_checked(given) else { return given };
        if !is_whole || head != HeadScan::Complete || rest.is_empty() {
            return given;
        }
        // Most requests arrive in one piece, and are given so.
        let Some(length) = plain_length(head_bytes) else { return given };
        self.early_length.set(Some(length));
        self.body.set(BodyScan::Length(length));
        given + self.give_body(rest)
    }

    fn give_body(&self, bytes: &[u8]) -> usize {
        let mut body = self.body.get();
        let given = body.take(bytes);
        self.body.set(body);
        if body == BodyScan::Broken {
            self.break_off();
        }
        given
    }

    /// A part of an answer was written. A client that still receives cannot be expected to send its next request.
    pub(super) fn note_written(&self) {
        if self.is_between() && self.given_bytes.get() == 0 {
            self.since.set(Instant::now());
        }
    }

    /// Until when the head, or its first byte, must be there; `None` when none is awaited.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if !self.is_between() || self.head.get() == HeadScan::Complete {
            return None;
        }
        let since = self.since.get();
        if self.given_bytes.get() != 0 {
            return Some(since + self.head_timeout);
        }
        // Before the first byte actix-web's own timers, where it has not cleared them, come first.
        let kept = since + self.keep_alive.max(self.head_timeout);
        Some(self.stopping.idle_deadline(since).map_or(kept, |stopped| stopped.min(kept)))
    }

    fn is_between(&self) -> bool {
        self.stage.get() == Stage::Between
    }

    /// Returns true if the head is incomplete and longer than any that gets an answer.
    pub(super) fn is_head_too_long(&self) -> bool {
        self.is_between()
            && self.head.get() != HeadScan::Complete
            && AHEAD_BYTES_MAX <= self.given_bytes.get()
    }

    /// Returns true if a whole head was given of which no request has come.
    pub(super) fn is_no_request(&self) -> bool {
        self.is_between() && self.head.get() == HeadScan::Complete
    }

    /// Returns true if the last answer is given.
    pub(super) fn is_closing(&self) -> bool {
        self.stage.get() == Stage::Closing
    }

    /// Returns true if the present request is the last one.
    pub(super) fn closes(&self) -> bool {
        self.closes.get()
    }

    /// Returns true if nothing of a request has been given since the last one was answered.
    pub(super) fn is_idle(&self) -> bool {
        self.is_between() && self.given_bytes.get() == 0
    }
}
