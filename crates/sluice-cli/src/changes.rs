//! What has become of rows: out of the daemon, onto standard output, for who keeps a copy of them.
//!
//! In: a cursor, which rows are wanted, and whether it goes on. Out: the daemon's lines, and after those of each answer one with the cursor up to
//! which a copy then is. Whatever breaks off is asked for again with the cursor before, so lines may come more than once and none is
//! left out. A cursor is kept once all before it was written out. Without going on, one answer brings all up to the present.

use std::time::Duration;

use sluice_model::cursor::Cursor;
use tokio::time::Instant;
use url::Url;

use crate::{
    arguments::ChangesArguments,
    cursor_file::CursorFile,
    failure::{Ended, Failure},
    interruption::interruption,
    line_buffer::LineBuffer,
    output::{say, say_lines},
    patience::Patience,
    server::{Broken, NoAnswer, Server},
};

/// Seconds for which the daemon is asked to hold an empty answer back, if it may be silent for longer.
const WAIT_SECONDS: u64 = 30;

/// Tells what has changed.
///
/// # Errors
///
/// Whatever came of it instead.
pub(crate) async fn run(server: &Server, arguments: &ChangesArguments) -> Result<Ended, Failure> {
    let (file, cursor) = match (&arguments.cursor_file, arguments.since) {
        (Some(path), _) => {
            let (file, cursor) = CursorFile::open(path)?;
            (Some(file), cursor)
        }
        (None, Some(cursor)) => (None, cursor),
        (None, None) => return Err(Failure::Usage("nothing says since when".to_owned())),
    };
    let mut follower = Follower { server, arguments, file, cursor };
    tokio::select! {
        biased;
        () = interruption() => Err(Failure::Interrupted("")),
        ended = follower.carry_out() => ended,
    }
}

/// A copy that is told of, and how far.
struct Follower<'a> {
    server: &'a Server,
    arguments: &'a ChangesArguments,
    file: Option<CursorFile>,
    /// Up to where all was written out.
    cursor: Cursor,
}

impl Follower<'_> {
    async fn carry_out(&mut self) -> Result<Ended, Failure> {
        let mut patience = Patience::new(self.arguments.retry_for);
        loop {
            let mut began = Instant::now();
            let broken = match self.take_answer(&mut began).await {
                Ok(()) if self.arguments.follow => {
                    patience = Patience::new(self.arguments.retry_for);
                    continue;
                }
                Ok(()) => return Ok(Ended::Well),
                Err(Broken::For(failure)) => return Err(failure),
                Err(Broken::Off(no_answer)) => no_answer,
            };
            let failure = Failure::Unavailable(broken.text);
            let tell = |text: &str| self.server.tell(text);
            if broken.is_for_good
                || !patience.wait(&failure.to_string(), broken.retry_after, began.elapsed(), tell).await
            {
                return Err(failure);
            }
        }
    }

    /// Takes an answer to its end. `lately` is then the last time at which something came.
    async fn take_answer(&mut self, lately: &mut Instant) -> Result<(), Broken> {
        let download = self.server.download(self.url(), "application/x-ndjson").await;
        let mut download = download.map_err(Broken::Off)?.map_err(with_advice)?;
        let Some(cursor) = download.cursor() else {
            return Err(Failure::Refused("the daemon tells no cursor".to_owned()).into());
        };
        let (mut text, mut has_lines) = (LineBuffer::default(), false);
        while let Some(chunk) = download.next().await.map_err(Broken::Off)? {
            *lately = Instant::now();
            let lines = text.take(&chunk);
            say_lines(&String::from_utf8_lossy(&lines))?;
            has_lines |= !lines.is_empty();
        }
        if text.is_within_line() {
            return Err(Broken::Off(NoAnswer::of_break("the answer ends within a line")));
        }
        self.cursor = cursor;
        if has_lines || !self.arguments.follow {
            say(&format!("{{\"op\":\"cursor\",\"cursor\":\"{cursor}\"}}"))?;
        }
        if let Some(file) = &self.file {
            file.write(cursor)?;
        }
        Ok(())
    }

    fn url(&self) -> Url {
        let mut url = self.server.v1(&["changes"]);
        let mut query = url.query_pairs_mut();
        query
            .append_pair("after", &self.cursor.to_string())
            .extend_pairs(self.arguments.filters.parameters());
        if self.arguments.follow {
            // An answer that comes too late would be none.
            let wait = (self.server.silence_max() / 2).min(Duration::from_secs(WAIT_SECONDS));
            query.append_pair("wait", &wait.as_secs().max(1).to_string());
        } else {
            query.append_pair("limit", &u64::MAX.to_string());
        }
        drop(query);
        url
    }
}

fn with_advice(failure: Failure) -> Broken {
    Broken::For(match failure {
        Failure::Gone(text) => {
            Failure::Gone(format!("{text}; `sluice export --cursor-file FILE` makes the copy anew"))
        }
        other => other,
    })
}
