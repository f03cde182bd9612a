//! The command `lookup`: values in, what is known of each out.
//!
//! Values come from the command line, or from standard input, where they are looked up as soon as no more are there at the moment.
//! With NDJSON, results are printed as they come; tables and arrays when all are there.

mod explanation;
mod extract;
mod input;

use serde_json::{Value, json, value::RawValue};

use self::input::{VALUES_MAX, batches_of_stdin};
use crate::{
    answer,
    arguments::OutputForm,
    failure::{Ended, Failure},
    output::{cell, print, print_table},
    server::{Server, asking::Asked},
};

/// The argument that stands for standard input.
const STDIN: &str = "-";
/// Columns of a table.
const COLUMNS: [&str; 5] = ["value", "result", "category", "indicator", "context"];

/// What is asked of each value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// Whether it is detected.
    Result,
    /// Why it is listed, or not.
    Reasons,
}

/// What is found so far.
struct Findings {
    question: Question,
    form: OutputForm,
    only_detected: bool,
    is_any_detected: bool,
    /// What is not printed yet.
    results: Vec<Box<RawValue>>,
}

/// Looks up and prints.
///
/// # Errors
///
/// Whatever came of it instead.
pub(crate) async fn run(
    server: &Server,
    values: &[String],
    question: Question,
    extract: bool,
    only_detected: bool,
    form: OutputForm,
) -> Result<Ended, Failure> {
    let (is_any_detected, results) = (false, Vec::new());
    let mut findings = Findings { question, form, only_detected, is_any_detected, results };
    if values == [STDIN] {
        let mut batches = batches_of_stdin(extract)?;
        while let Some(batch) = batches.recv().await {
            let batch =
                batch.map_err(|error| Failure::Local(format!("cannot read standard input: {error}")))?;
            findings.look_up(server, &batch).await?;
        }
    } else {
        let values = if extract { input::extract_of_arguments(values) } else { values.to_vec() };
        findings.look_up(server, &values).await?;
    }
    findings.end()
}

async fn look_up(
    server: &Server,
    values: &[String],
    question: Question,
) -> Result<Vec<Box<RawValue>>, Failure> {
    let body: Vec<_> = values.iter().map(|value| json!({"object": value})).collect();
    let url = match question {
        Question::Result => server.cybertrace_of_tenant(&["lookup"]),
        Question::Reasons => server.v1(&["lookup"]),
    };
    let answer = server.ask(Asked::LookUp, url, Value::Array(body).to_string()).await?;
    match question {
        Question::Result => serde_json::from_slice(&answer).map_err(|error| answer::unreadable(&error)),
        Question::Reasons => explanation::lines(&answer),
    }
}

impl Findings {
    /// Looks values up, in requests that the daemon takes whatever memory it has.
    async fn look_up(&mut self, server: &Server, values: &[String]) -> Result<(), Failure> {
        for values in values.chunks(VALUES_MAX) {
            self.add(look_up(server, values, self.question).await?)?;
        }
        Ok(())
    }

    fn add(&mut self, results: Vec<Box<RawValue>>) -> Result<(), Failure> {
        for result in results {
            let is_detected = match self.question {
                Question::Result => member(&parsed(&result), "result") == "detected",
                Question::Reasons => explanation::is_listed(&parsed(&result)),
            };
            self.is_any_detected |= is_detected;
            if is_detected || !self.only_detected {
                self.results.push(result);
            }
        }
        if self.form == OutputForm::Ndjson {
            print(self.form, &[], &std::mem::take(&mut self.results))?;
        }
        Ok(())
    }

    fn end(self) -> Result<Ended, Failure> {
        match self.form {
            OutputForm::Ndjson => {}
            OutputForm::Json => print(self.form, &[], &self.results)?,
            OutputForm::Table => {
                let results = self.results.iter().map(|result| parsed(result));
                match self.question {
                    Question::Result => print_table(&COLUMNS, results.flat_map(|one| rows(&one)).collect())?,
                    Question::Reasons => {
                        let rows = results.flat_map(|one| explanation::rows(&one)).collect();
                        print_table(&explanation::COLUMNS, rows)?;
                    }
                }
            }
        }
        Ok(if self.is_any_detected { Ended::Well } else { Ended::WithRemarks })
    }
}

fn parsed(result: &RawValue) -> Value {
    // What is raw has been read as JSON before.
    serde_json::from_str(result.get()).unwrap_or(Value::Null)
}

fn member(object: &Value, name: &str) -> String {
    cell(object.get(name))
}

/// The lines of a table for the result of one value: one for each category, or one alone.
fn rows(result: &Value) -> Vec<Vec<String>> {
    let (value, word) = (member(result, "object"), member(result, "result"));
    let categories = result.get("categories").and_then(Value::as_array);
    let mut rows = Vec::new();
    for category in categories.into_iter().flatten() {
        let [name, indicator, context] =
            ["category", "detected_indicator", "context"].map(|name| member(category, name));
        rows.push(vec![value.clone(), word.clone(), name, indicator, context]);
    }
    if rows.is_empty() {
        rows.push(vec![value, word]);
    }
    rows
}
