//! Pieces to requests: each is sent until it has an answer that counts.
//!
//! A request without an answer, and one that finds the daemon busy, starting, stopping or full, is sent again: after as long as the
//! daemon says in `Retry-After`, or else after pauses that double. What an answer says is stored is not sent for nothing: the next
//! try begins with the line after it. Rows are upserts, so what was stored without an answer is stored again and changes nothing.

use std::time::Duration;

use reqwest::Body;
use tokio::time::{Instant, sleep};
use url::Url;

use super::{
    attempt::Attempt,
    pieces::{Cutting, Piece},
    progress::Progress,
    receipt::Receipt,
    verb::Verb,
};
use crate::{
    answer::{self, Problem},
    arguments::{Format, SendingArguments},
    failure::Failure,
    server::{NoAnswer, Request, Server},
};

/// First pause after a request that came to nothing; each further one is twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
/// Longest pause, also if the daemon asks for a longer one.
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// Longest pause that is not told.
const QUIET_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Where pieces go.
pub(super) struct Sender<'server> {
    server: &'server Server,
    verb: Verb,
    url: Url,
    cutting: Cutting,
    retry_for: Duration,
    /// Whether rows that are refused are to be told, all of them.
    wants_rejects: bool,
}

/// How long a request has come to nothing.
struct Patience {
    retry_for: Duration,
    since: Option<Instant>,
    pause: Duration,
}

/// What came of a try.
enum Tried {
    Done(Receipt),
    /// To be sent again, perhaps after a pause that was asked for.
    Again {
        why: String,
        pause: Option<Duration>,
        stored: Receipt,
    },
}

impl<'server> Sender<'server> {
    /// Sends as the arguments say.
    pub(super) fn new(server: &'server Server, verb: Verb, arguments: &SendingArguments) -> Self {
        let mut url = server.v1(&["suppliers", &arguments.supplier, "indicators"]);
        if arguments.refang {
            url.query_pairs_mut().append_pair("refang", "true");
        }
        if let Some(column) = &arguments.column {
            url.query_pairs_mut().append_pair("column", column);
        }
        let cutting = Cutting { format: arguments.format, piece_bytes: arguments.piece_size.as_u64().max(1) };
        let wants_rejects = arguments.rejects.is_some();
        Self { server, verb, url, cutting, retry_for: arguments.retry_for, wants_rejects }
    }

    /// How sources are cut.
    pub(super) fn cutting(&self) -> Cutting {
        self.cutting
    }

    /// What tells this errand from others.
    pub(super) fn identity(&self) -> String {
        format!("{} {} {:?}", self.verb.method(), self.url, self.cutting.format)
    }

    /// Sends a piece from a line of it on. `note` takes what is stored, part by part, and whether that was all.
    ///
    /// # Errors
    ///
    /// Why the daemon does not take it, or what `note` failed with.
    pub(super) async fn send(
        &self,
        piece: &Piece,
        mut from_line: u64,
        progress: &Progress,
        note: impl Fn(&Receipt, bool) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut patience = Patience { retry_for: self.retry_for, since: None, pause: PAUSE_FIRST };
        loop {
            match self.try_once(piece, from_line, progress).await? {
                Tried::Done(receipt) => return note(&receipt, true),
                Tried::Again { why, pause, stored } => {
                    let has_moved = from_line <= stored.committed_lines;
                    // Refused rows that are counted and not listed can only be had by sending them again.
                    if has_moved && !(self.wants_rejects && stored.refused != 0) {
                        note(&stored, false)?;
                        from_line = stored.committed_lines + 1;
                        patience = Patience { retry_for: self.retry_for, since: None, pause: PAUSE_FIRST };
                    }
                    patience.wait(&why, pause, progress).await?;
                }
            }
        }
    }

    async fn try_once(&self, piece: &Piece, from_line: u64, progress: &Progress) -> Result<Tried, Failure> {
        let mut url = self.url.clone();
        if let Some(format) = piece.nature.format.name() {
            url.query_pairs_mut().append_pair("format", format);
        }
        if from_line != 1 {
            url.query_pairs_mut().append_pair("from_line", &from_line.to_string());
        }
        let (attempt, body) = Attempt::begin(&piece.content, progress.sent_bytes());
        let request = Request {
            method: self.verb.method(),
            url,
            content_type: None,
            encoding: piece.nature.packing,
            body: Body::wrap(body),
        };
        let answer = match self.server.send(request).await {
            Ok(answer) => answer,
            Err(NoAnswer { text, is_for_good: true }) => return Err(Failure::Unavailable(text)),
            Err(NoAnswer { text: why, .. }) => {
                return Ok(Tried::Again { why, pause: None, stored: Receipt::default() });
            }
        };
        match answer.into_success() {
            Ok(body) => {
                attempt.succeed();
                serde_json::from_slice(&body).map(Tried::Done).map_err(|error| answer::unreadable(&error))
            }
            Err(problem) => self.of_problem(piece, attempt, problem),
        }
    }

    fn of_problem(&self, piece: &Piece, attempt: Attempt, problem: Problem) -> Result<Tried, Failure> {
        let told = || serde_json::from_value(problem.details.clone()).unwrap_or_default();
        // Of a file in pieces, one may well have nothing but comments, or rows that are refused.
        if problem.name == "no-usable-row" && !piece.is_whole {
            attempt.succeed();
            return Ok(Tried::Done(told()));
        }
        if problem.is_temporary() {
            let (why, pause, stored) = (problem.to_string(), problem.retry_after, told());
            return Ok(Tried::Again { why, pause, stored });
        }
        let hint = match (problem.status, self.verb) {
            (404, Verb::Push) => "; --create-supplier creates it",
            (422, _) if self.cutting.format == Format::Auto && problem.name == "no-usable-row" => {
                "; --format names the format"
            }
            _ => "",
        };
        let text = format!("{}{hint}", problem.text);
        Err(Problem { text, ..problem }.into_failure())
    }
}

impl Patience {
    /// Lets a pause pass.
    async fn wait(&mut self, why: &str, asked: Option<Duration>, progress: &Progress) -> Result<(), Failure> {
        let pause = asked.unwrap_or(self.pause).min(PAUSE_MAX);
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        let waited = self.since.get_or_insert_with(Instant::now).elapsed();
        if self.retry_for < waited + pause {
            return Err(Failure::Unavailable(format!("{why}; the same command goes on from there")));
        }
        if QUIET_PAUSE_MAX < pause || self.pause == PAUSE_FIRST * 2 {
            progress.remark(&format!("{why}; tries again in {}", humantime::format_duration(pause)));
        }
        sleep(pause).await;
        Ok(())
    }
}
