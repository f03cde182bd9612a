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
    cursor_file::CursorFile,
    failure::{Ended, Failure},
    interruption::interruption,
    line_buffer::LineBuffer,
    patience::Patience,
    server::{Broken, Download, NoAnswer, Server},
};

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

/// Exports rows.
///
/// # Errors
///
/// Whatever came of it instead.
pub(crate) async fn run(server: &Server, arguments: &ExportArguments) -> Result<Ended, Failure> {
    let output = Output::open(arguments.file.as_deref())?;
    let cursor_file = arguments.cursor_file.as_deref().map(CursorFile::create).transpose()?;
    let mut export = Export {
        server,
        arguments,
        output,
        cursor_file,
        telling: Telling::begin(),
        first_moment: None,
        moment: None,
        last_line: Vec::new(),
    };
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
    cursor_file: Option<CursorFile>,
    telling: Telling,
    /// What the first answer shows: what has changed since is not in all rows.
    first_moment: Option<Cursor>,
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
                self.first_moment = None;
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
        self.keep_cursor()?;
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
        let (mut rows, mut text) = (0, LineBuffer::default());
        while let Some(chunk) = download.next().await.map_err(Broken::Off)? {
            self.telling.add_bytes(chunk.len());
            let lines = text.take(&chunk);
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
        let cursor = download.cursor();
        if let (Some(before), Some(now)) = (self.moment, cursor) {
            if before.store != now.store {
                return Err(Failure::Refused("another daemon answers now; begin anew".to_owned()));
            }
            if before.commit != now.commit {
                self.telling.remark("goes on behind the last row; what follows is of a later moment");
            }
        }
        self.moment = cursor.or(self.moment);
        self.first_moment = self.first_moment.or(cursor);
        Ok(())
    }

    /// Keeps from where on the changes of what was exported are to be asked for.
    fn keep_cursor(&self) -> Result<(), Failure> {
        match (&self.cursor_file, self.first_moment) {
            (None, _) => Ok(()),
            (Some(file), Some(cursor)) => file.write(cursor),
            (Some(_), None) => Err(Failure::Refused("the daemon tells no cursor".to_owned())),
        }
    }

    fn accept(&self) -> &'static str {
        if self.arguments.csv { "text/csv" } else { "application/x-ndjson" }
    }

    fn url(&self) -> Result<Url, Failure> {
        let filters = &self.arguments.filters;
        // Of one supplier, rows come in the form in which it sends them.
        let (mut url, named) = match filters.suppliers.as_slice() {
            [one] => (self.server.v1(&["suppliers", one, "indicators"]), "supplier"),
            _ => (self.server.v1(&["indicators"]), ""),
        };
        let mut query = url.query_pairs_mut();
        query.extend_pairs(filters.parameters().iter().filter(|(name, _)| *name != named));
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
