//! What commands print on standard output: a table, a JSON array, or a JSON object a line.

use std::io::{self, Write as _};

use serde_json::{Value, value::RawValue};
use unicode_width::UnicodeWidthStr as _;
use url::Url;

use crate::{
    arguments::OutputForm,
    escaping::{plain, plain_json},
    failure::{Ended, Failure},
    server::Server,
};

/// Spaces between columns.
const GAP: &str = "  ";

/// Prints a line.
///
/// # Errors
///
/// [`Failure::Local`] when standard output takes nothing.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    write(&format!("{text}\n"))
}

/// Prints lines of JSON, each with its end.
///
/// # Errors
///
/// As [`say`].
pub(crate) fn say_lines(lines: &str) -> Result<(), Failure> {
    let mut shown = String::new();
    for line in lines.split_terminator('\n') {
        shown += &plain_json(line);
        shown.push('\n');
    }
    write(&shown)
}

/// Says what has been done.
///
/// # Errors
///
/// As [`say`].
pub(crate) fn done(text: &str) -> Result<Ended, Failure> {
    say(text)?;
    Ok(Ended::Well)
}

/// Reads objects, and prints them as of [`print()`].
///
/// # Errors
///
/// Whatever came of the question instead.
pub(crate) async fn list(
    server: &Server,
    url: Url,
    columns: &[&str],
    form: OutputForm,
) -> Result<Ended, Failure> {
    let objects: Vec<Box<RawValue>> = server.read(url).await?;
    print(form, columns, &objects)?;
    Ok(Ended::Well)
}

fn write(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| Failure::Local(format!("cannot write to standard output: {error}")))
}

/// Prints objects of an answer, as they came. A table has these columns; each is a member of an object.
///
/// # Errors
///
/// [`Failure::Local`] when standard output takes nothing.
pub(crate) fn print(form: OutputForm, columns: &[&str], objects: &[Box<RawValue>]) -> Result<(), Failure> {
    match form {
        OutputForm::Json => {
            let lines: Vec<_> =
                objects.iter().map(|object| format!("  {}", plain_json(object.get()))).collect();
            if lines.is_empty() { say("[]") } else { say(&format!("[\n{}\n]", lines.join(",\n"))) }
        }
        OutputForm::Ndjson => {
            let mut lines = String::new();
            for object in objects {
                lines.push_str(&plain_json(object.get()));
                lines.push('\n');
            }
            write(&lines)
        }
        OutputForm::Table => {
            let mut rows = Vec::new();
            for object in objects {
                let object: Value = serde_json::from_str(object.get()).unwrap_or(Value::Null);
                rows.push(columns.iter().map(|column| cell(object.get(*column))).collect());
            }
            print_table(columns, rows)
        }
    }
}

/// Prints a table.
///
/// # Errors
///
/// [`Failure::Local`] when standard output takes nothing.
pub(crate) fn print_table(columns: &[&str], rows: Vec<Vec<String>>) -> Result<(), Failure> {
    let mut lines = vec![columns.iter().map(|column| column.to_uppercase()).collect::<Vec<_>>()];
    lines.extend(rows);
    write(&table(&lines))
}

/// What a table shows of a value: a text as it is, texts of a list with commas between them, anything else as JSON.
pub(crate) fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => plain(text).into_owned(),
        Some(Value::Array(values)) if values.iter().all(Value::is_string) => {
            values.iter().map(Some).map(cell).collect::<Vec<_>>().join(",")
        }
        Some(value) => plain_json(&value.to_string()).into_owned(),
    }
}

/// Rows of cells as lines with aligned columns.
fn table(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line += cell;
            line += &" ".repeat(width.saturating_sub(cell.width()));
            line += GAP;
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests;
