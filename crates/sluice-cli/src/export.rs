//! Exports: rows out of the daemon, into a file or standard output, whole or not at all.
//!
//! In: which rows are wanted. Out: their lines, and what came of it. The last line of the daemon, which says that nothing is missing and how many
//! rows there were, is checked and not passed on, so the lines can be pushed as they are. After a break it goes on behind the last row
//! that came, which is told, because the rows from there on are of a later moment; a table, whose rows cannot be told apart without
//! reading it, is begun anew if it goes to a file. A file gets its name once it is whole.

mod telling;
mod writing;

use std::time::Duration;

use serde::Deserialize;
use sluice_model::cursor::Cursor;
use tokio::time::Instant;
use url::Url;

use self::{telling::Telling, writing::Output};
use crate::{
    answer,
    arguments::ExportArguments,
    failure::{Ended, Failure},
    interruption::interruption,
    patience::Patience,
    server::{Download, NoAnswer, Server},
};

/// Header that names the moment that an answer shows.
const CURSOR: &str = "sluice-cursor";

/// The end of an answer that is whole.
#[derive(Deserialize)]
struct End {
    end: bool,
    rows: u64,
}

/// What is read of a row to go on behind it.
#[derive(Deserialize)]
struct Row {
    indicator: String,
}

/// How an answer ended.
enum Broken {
    /// It can be gone on with.
    Off(NoAnswer),
    /// It cannot.
    For(Failure),
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::For(failure)
    }
}

/// Exports rows.
///
/// # Errors
///
/// Whatever came of it instead.
pub(crate) async fn run(server: &Server, arguments: &ExportArguments) -> Result<Ended, Failure> {
    let output = Output::open(arguments.file.as_deref())?;
    let mut export =
        Export { server, arguments, output, telling: Telling::begin(), moment: None, last_line: Vec::new() };
    tokio::select! {
        biased;
        () = interruption() => Err(Failure::Interrupted("")),
        ended = export.carry_out() => ended,
    }
}

/// An export under way.
struct Export<'a> {
    server: &'a Server,
    arguments: &'a ExportArguments,
    output: Output,
    telling: Telling,
    /// What the last answer shows.
    moment: Option<Cursor>,
    /// The last row that came, as it came; empty for none.
    last_line: Vec<u8>,
}

impl Export<'_> {
    async fn carry_out(&mut self) -> Result<Ended, Failure> {
        let mut patience = Patience::new(self.arguments.retry_for);
        loop {
            let (began, rows_before) = (Instant::now(), self.telling.rows());
            let broken = match self.take_answer().await {
                Ok(()) => break,
                Err(Broken::For(failure)) => return Err(failure),
                Err(Broken::Off(no_answer)) => no_answer,
            };
            let failure = Failure::Unavailable(broken.text);
            if broken.is_for_good {
                return Err(failure);
            }
            if self.arguments.csv && self.telling.rows() != 0 {
                if !self.output.begin_anew()? {
                    return Err(failure);
                }
                self.telling.begin_anew();
            } else if rows_before < self.telling.rows() {
                // It gets on.
                patience = Patience::new(self.arguments.retry_for);
            }
            let silence = if rows_before < self.telling.rows() { Duration::ZERO } else { began.elapsed() };
            if !patience
                .wait(&failure.to_string(), broken.retry_after, silence, |text| self.telling.remark(text))
                .await
            {
                return Err(failure);
            }
        }
        self.output.finish()?;
        self.telling.end();
        Ok(Ended::Well)
    }

    /// Takes an answer to its end.
    async fn take_answer(&mut self) -> Result<(), Broken> {
        let mut download = self.server.download(self.url()?, self.accept()).await.map_err(Broken::Off)??;
        self.note_moment(&download)?;
        if self.arguments.csv {
            return self.take_table(&mut download).await;
        }
        let (mut rows, mut rest) = (0, Vec::new());
        while let Some(chunk) = download.next().await.map_err(Broken::Off)? {
            self.telling.add_bytes(chunk.len());
            rest.extend_from_slice(&chunk);
            let whole = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            let (lines, _) = rest.split_at(whole);
            let Some(last) =
                lines.strip_suffix(b"\n").and_then(|lines| lines.rsplit(|byte| *byte == b'\n').next())
            else {
                continue;
            };
            let end: Option<End> = serde_json::from_slice(last).ok();
            let end = end.filter(|end| end.end);
            let of_rows = if end.is_some() { lines.len() - last.len() - 1 } else { lines.len() };
            let (of_rows, _) = lines.split_at(of_rows);
            let count = line_ends(of_rows);
            rows += count;
            self.output.write(of_rows)?;
            self.telling.add_rows(count);
            if let Some(end) = end {
                return if end.rows == rows { Ok(()) } else { Err(Broken::For(miscounted(end.rows, rows))) };
            }
            self.last_line = last.to_vec();
            rest.drain(..whole);
        }
        // As HTTP says it was whole, and yet it was not.
        Err(Broken::Off(NoAnswer::of_break("the answer ends without its last line")))
    }

    async fn take_table(&mut self, download: &mut Download<'_>) -> Result<(), Broken> {
        let mut lines = 0_u64;
        while let Some(chunk) = download.next().await.map_err(Broken::Off)? {
            self.telling.add_bytes(chunk.len());
            self.output.write(&chunk)?;
            let count = line_ends(&chunk);
            // The first line is no row.
            self.telling.add_rows((lines + count).saturating_sub(1) - lines.saturating_sub(1));
            lines += count;
        }
        Ok(())
    }

    /// Notes which moment the rows that come are of.
    fn note_moment(&mut self, download: &Download<'_>) -> Result<(), Failure> {
        let cursor = download.header(CURSOR).and_then(|text| text.parse::<Cursor>().ok());
        if let (Some(before), Some(now)) = (self.moment, cursor) {
            if before.store != now.store {
                return Err(Failure::Refused("another daemon answers now; begin anew".to_owned()));
            }
            if before.commit != now.commit {
                self.telling.remark("goes on behind the last row; what follows is of a later moment");
            }
        }
        self.moment = cursor.or(self.moment);
        Ok(())
    }

    fn accept(&self) -> &'static str {
        if self.arguments.csv { "text/csv" } else { "application/x-ndjson" }
    }

    fn url(&self) -> Result<Url, Failure> {
        let ExportArguments { suppliers, tags, kinds, min_confidence, updated_after, .. } = self.arguments;
        // Of one supplier, rows come in the form in which it sends them.
        let (mut url, suppliers) = match suppliers.as_slice() {
            [one] => (self.server.v1(&["suppliers", one, "indicators"]), &[][..]),
            some => (self.server.v1(&["indicators"]), some),
        };
        let mut query = url.query_pairs_mut();
        let repeated = [("supplier", suppliers), ("tag", tags), ("kind", kinds)];
        for (name, values) in repeated {
            query.extend_pairs(values.iter().map(|value| (name, value)));
        }
        if let Some(confidence) = min_confidence {
            query.append_pair("min_confidence", &confidence.to_string());
        }
        if let Some(time) = updated_after {
            query.append_pair("updated_after", time);
        }
        if !self.last_line.is_empty() {
            let row: Row =
                serde_json::from_slice(&self.last_line).map_err(|error| answer::unreadable(&error))?;
            query.append_pair("after", &row.indicator);
        }
        drop(query);
        Ok(url)
    }
}

/// How many lines end in some bytes.
fn line_ends(bytes: &[u8]) -> u64 {
    bytes.split(|byte| *byte == b'\n').skip(1).count() as u64
}

fn miscounted(told: u64, came: u64) -> Failure {
    Failure::Refused(format!("the daemon tells of {told} rows, and {came} came"))
}
