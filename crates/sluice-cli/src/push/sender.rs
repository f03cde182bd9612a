//! Pieces to requests: each is sent until it has an answer that counts.
//!
//! A request without an answer, and one that finds the daemon busy, starting, stopping or full, is sent again: after as long as the
//! daemon says in `Retry-After`, or else after pauses that double. Before that the daemon is asked what became of it; so what is stored is counted
//! once, and the next try begins with the line after it.

use std::{
    convert::Infallible,
    fs::File,
    future, io,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::Body;
use tokio::time::{Instant, sleep};
use url::Url;

use super::{
    attempt::Attempt,
    batch::{self, Became, Unknown},
    pieces::{Cutting, Piece},
    progress::Progress,
    receipt::Receipt,
    verb::Verb,
};
use crate::{
    answer::{self, Problem},
    arguments::{Format, PushArguments, SendingArguments},
    failure::Failure,
    patience::Patience,
    server::{NoAnswer, Request, Server},
};

/// Time between two looks at what the daemon has of a request.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// Where pieces go.
pub(super) struct Sender<'server> {
    server: &'server Server,
    verb: Verb,
    url: Url,
    cutting: Cutting,
    retry_for: Duration,
    /// The file into which all rows go that are refused, if there is one.
    rejects: Option<PathBuf>,
}

/// What is to be kept of a piece on its way.
pub(super) enum Note<'note> {
    /// It is sent under this key.
    Begun(&'note str),
    /// A part of it is stored.
    Part(&'note Receipt),
    /// All of it is stored.
    All(&'note Receipt),
}

/// What came of a try.
enum Tried {
    Done(Receipt),
    /// To be sent again, perhaps after a pause that was asked for. Nothing of it was done, or the daemon knows.
    Again {
        why: String,
        pause: Option<Duration>,
        is_known: bool,
        /// Time in which the daemon took nothing.
        silence: Duration,
    },
    /// Not to be sent again, for this reason. A part of it may be stored.
    Refused(Failure, Option<Receipt>),
}

impl<'server> Sender<'server> {
    /// Sends as the arguments say.
    pub(super) fn new(
        server: &'server Server,
        verb: Verb,
        arguments: &SendingArguments,
        pushing: Option<PushArguments>,
    ) -> Self {
        let mut url = server.v1(&["suppliers", &arguments.supplier, "indicators"]);
        let mut add = |name: &str, value: &str| {
            url.query_pairs_mut().append_pair(name, value);
        };
        if arguments.refang {
            add("refang", "true");
        }
        if let Some(column) = &arguments.column {
            add("column", column);
        }
        if let Some(only_to_ids) = arguments.misp.only_to_ids {
            add("only_to_ids", &only_to_ids.to_string());
        }
        if arguments.misp.domain_ips {
            add("domain_ips", "true");
        }
        let is_replacement = pushing.is_some_and(|pushing| pushing.replace);
        if is_replacement {
            add("mode", "replace");
        }
        if let Some(percent) = pushing.and_then(|pushing| pushing.max_shrink) {
            add("max_shrink", &percent.to_string());
        }
        if pushing.is_some_and(|pushing| pushing.create_tags) {
            add("missing_tags", "create");
        }
        if verb == Verb::Plan {
            add("plan", "true");
        }
        let cutting = Cutting {
            format: arguments.format,
            piece_bytes: arguments.piece_size.as_u64().max(1),
            is_whole: is_replacement || verb == Verb::Plan,
        };
        let (retry_for, rejects) = (arguments.retry_for, arguments.rejects.clone());
        Self { server, verb, url, cutting, retry_for, rejects }
    }

    /// How sources are cut.
    pub(super) fn cutting(&self) -> Cutting {
        self.cutting
    }

    /// What tells this errand from others; none if there is nothing to go on with.
    pub(super) fn identity(&self) -> Option<String> {
        let identity = format!("{} {} {:?}", self.verb.method(), self.url, self.cutting.format);
        (self.verb != Verb::Plan).then_some(identity)
    }

    /// Sends a piece from a line of it on; `begun` is the key of a request with it whose end is not known. `note` takes what is to be
    /// kept.
    ///
    /// # Errors
    ///
    /// Why the daemon does not take it, or what `note` failed with.
    pub(super) async fn send(
        &self,
        piece: &Piece,
        mut from_line: u64,
        mut begun: Option<String>,
        progress: &Progress,
        note: impl Fn(Note<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut patience = Patience::new(self.retry_for);
        loop {
            let (why, pause, silence) = if let Some(key) = begun.take() {
                let asked = Instant::now();
                match batch::settle(self.server, &key).await {
                    Err(Unknown::ForGood(failure)) => return Err(failure),
                    Err(Unknown::Untold(why)) => {
                        let text = "may not ask what became of the last request, and sends it again";
                        progress.remark(&format!("{text}: {why}"));
                        continue;
                    }
                    Err(unknown) => {
                        begun = Some(key);
                        (unknown.to_string(), None, asked.elapsed())
                    }
                    Ok(Became::Done(receipt)) => {
                        let receipt = self.with_rejects(&key, receipt, progress).await?;
                        return conclude(piece, &receipt, note);
                    }
                    Ok(Became::Part(receipt)) => {
                        if from_line <= receipt.committed_lines {
                            from_line = receipt.committed_lines + 1;
                            patience = Patience::new(self.retry_for);
                            note(Note::Part(&self.with_rejects(&key, receipt, progress).await?))?;
                        }
                        continue;
                    }
                    Ok(Became::Nothing) => continue,
                }
            } else {
                let key = batch::make_key();
                note(Note::Begun(&key))?;
                match self.try_once(piece, from_line, &key, progress).await? {
                    Tried::Done(receipt) => {
                        let receipt = self.with_rejects(&key, receipt, progress).await?;
                        return conclude(piece, &receipt, note);
                    }
                    Tried::Again { why, pause, is_known, silence } => {
                        begun = is_known.then_some(key);
                        (why, pause, silence)
                    }
                    Tried::Refused(failure, part) => {
                        if let Some(part) = part {
                            note(Note::Part(&self.with_rejects(&key, part, progress).await?))?;
                        }
                        return Err(failure);
                    }
                }
            };
            if !patience.wait(&why, pause, silence, |text| progress.notice(text)).await {
                return Err(Failure::Unavailable(format!("{why}{}", progress.goes_on())));
            }
        }
    }

    /// The same receipt with all rows that were refused, if they are wanted.
    async fn with_rejects(
        &self,
        key: &str,
        receipt: Receipt,
        progress: &Progress,
    ) -> Result<Receipt, Failure> {
        let Some(path) = self.rejects.as_deref() else { return Ok(receipt) };
        if receipt.refused == 0 {
            return Ok(receipt);
        }
        let failed = |error| Failure::of_file("write beside", path, &error);
        let file = spool(path).map_err(failed)?;
        match batch::read_rejects(self.server, key, &file).await {
            Ok(()) => Ok(Receipt { all_rejects: Some(file), ..receipt }),
            Err(Failure::Local(error)) => Err(failed(io::Error::other(error))),
            Err(failure) => {
                // Those that the receipt has are better than none.
                progress.remark(&format!("cannot read the rows that were refused: {failure}"));
                Ok(receipt)
            }
        }
    }

    async fn try_once(
        &self,
        piece: &Piece,
        from_line: u64,
        key: &str,
        progress: &Progress,
    ) -> Result<Tried, Failure> {
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
            key: Some(key.to_owned()),
            body: Body::wrap(body),
        };
        let answer = tokio::select! {
            answer = self.server.send_until(request, self.silence(&attempt, key)) => answer,
            never = self.watch(&attempt, key, progress) => match never {},
        };
        progress.show(key, None);
        let answer = match answer {
            Ok(answer) => answer,
            Err(_no_answer) if attempt.read_error().is_some() => {
                let error = attempt.read_error().unwrap_or_else(String::new);
                return Err(Failure::Local(format!("cannot be read any more: {error}")));
            }
            Err(NoAnswer { text, is_for_good: true, .. }) => return Err(Failure::Unavailable(text)),
            Err(NoAnswer { text: why, .. }) => {
                return Ok(Tried::Again { why, pause: None, is_known: true, silence: attempt.idle() });
            }
        };
        match answer.into_success() {
            Ok(body) => {
                let receipt: Receipt =
                    serde_json::from_slice(&body).map_err(|error| answer::unreadable(&error))?;
                if receipt.batch != key {
                    return Err(Failure::Refused("the answer is not one to this request".to_owned()));
                }
                attempt.succeed();
                Ok(Tried::Done(receipt))
            }
            Err(problem) => self.of_problem(piece.is_whole && from_line == 1, attempt, problem),
        }
    }

    /// Ends once the daemon has taken and said nothing for too long, and does not say either that it is at work. If it may not be asked,
    /// or is too busy to say, it has as long as a request is made again.
    async fn silence(&self, attempt: &Attempt, key: &str) {
        let silence_max = self.server.silence_max();
        loop {
            let left = silence_max.saturating_sub(attempt.idle());
            if !left.is_zero() {
                sleep(left).await;
                continue;
            }
            match batch::is_running(self.server, key).await {
                Some(true) => attempt.refresh(),
                None if attempt.idle() < self.retry_for => sleep(silence_max).await,
                _ => return,
            }
        }
    }

    /// Shows what the daemon has of a long request, for as long as it takes more of it. Never ends.
    async fn watch(&self, attempt: &Attempt, key: &str, progress: &Progress) -> Infallible {
        let mut sent_before = None;
        loop {
            sleep(WATCH_INTERVAL).await;
            let sent_bytes = Some(attempt.sent_bytes());
            let is_moving = sent_before.is_some() && sent_before != sent_bytes;
            sent_before = sent_bytes;
            if is_moving {
                match batch::look_at(self.server, key).await {
                    Ok(receipt) => progress.show(key, Some(&receipt)),
                    // Who may not know now may not know later.
                    Err(Unknown::Untold(_) | Unknown::ForGood(_)) => return future::pending().await,
                    Err(Unknown::ForNow(_) | Unknown::NoBatch | Unknown::Ended) => {}
                }
            }
        }
    }

    /// `is_all` is whether the request had everything of its source.
    fn of_problem(&self, is_all: bool, attempt: Attempt, problem: Problem) -> Result<Tried, Failure> {
        // A part of a file may well have nothing but comments, or rows that are refused.
        if problem.name == "no-usable-row" && !is_all {
            attempt.succeed();
            let told = serde_json::from_value(problem.details);
            return told.map(Tried::Done).map_err(|error| answer::unreadable(&error));
        }
        if problem.is_temporary() {
            // Who is told to come later has stored nothing.
            let is_known = !matches!(problem.status, 425 | 429);
            let (why, pause, silence) = (problem.to_string(), problem.retry_after, attempt.idle());
            return Ok(Tried::Again { why, pause, is_known, silence });
        }
        let hint = match (problem.status, problem.name.as_str()) {
            (404, _) if self.verb == Verb::Push => "; --create-supplier creates it",
            (_, "no-usable-row") if self.cutting.format == Format::Auto => "; --format names the format",
            (_, "shrink-guard") => "; --max-shrink PERCENT allows it, --plan tells more",
            _ => "",
        };
        let text = format!("{}{hint}", problem.text);
        // Rows before the fault are stored. If none could be read, all of them are refused.
        let told = serde_json::from_value(problem.details.clone()).ok();
        let is_part = |told: &Receipt| told.committed_lines != 0 || problem.name == "no-usable-row";
        let part = told.filter(|told| problem.name != "shrink-guard" && is_part(told));
        Ok(Tried::Refused(Problem { text, ..problem }.into_failure(), part))
    }
}

/// A file without a name for what goes into a file once all of it is there: beside that one, which has room for it, if that can be.
fn spool(path: &Path) -> io::Result<File> {
    let file = path.canonicalize()?;
    match tempfile::tempfile_in(file.parent().unwrap_or(Path::new("/"))) {
        Err(_it_is_no_place_for_it) => tempfile::tempfile(),
        made => made,
    }
}

/// Notes what came of a piece: the daemon has to tell of as many lines as it was sent.
fn conclude(
    piece: &Piece,
    receipt: &Receipt,
    note: impl Fn(Note<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let told = receipt.committed_lines;
    match piece.lines {
        // Of a plan, and where no row could be read, no line is told.
        Some(lines) if lines != told && (told, receipt.accepted) != (0, 0) => {
            note(Note::Part(receipt))?;
            Err(Failure::Refused(format!("the daemon tells of {told} lines, and {lines} were sent")))
        }
        _ => note(Note::All(receipt)),
    }
}
