//! The command `lookup`: values in, what is known of each out.
//!
//! Values come from the command line, or from standard input, where they are looked up as soon as no more are there at the moment.
//! With NDJSON, results are printed as they come; tables and arrays when all are there.

mod extract;
mod input;

use serde_json::{Value, json, value::RawValue};

use self::input::{VALUES_MAX, batches_of_stdin};
use crate::{
    answer,
    arguments::OutputForm,
    failure::{Ended, Failure},
    output::{cell, print, print_table},
    server::{Asked, Server},
};

/// The argument that stands for standard input.
const STDIN: &str = "-";
/// Columns of a table.
const COLUMNS: [&str; 5] = ["value", "result", "category", "indicator", "context"];

/// What is found so far.
struct Findings {
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
    extract: bool,
    only_detected: bool,
    form: OutputForm,
) -> Result<Ended, Failure> {
    let mut findings = Findings { form, only_detected, is_any_detected: false, results: Vec::new() };
    if values == [STDIN] {
        let mut batches = batches_of_stdin(extract)?;
        while let Some(batch) = batches.recv().await {
            let batch =
                batch.map_err(|error| Failure::Local(format!("cannot read standard input: {error}")))?;
            findings.add(look_up(server, &batch).await?)?;
        }
    } else {
        let values = if extract { input::extract_of_arguments(values) } else { values.to_vec() };
        for batch in values.chunks(VALUES_MAX) {
            findings.add(look_up(server, batch).await?)?;
        }
    }
    findings.end()
}

async fn look_up(server: &Server, values: &[String]) -> Result<Vec<Box<RawValue>>, Failure> {
    let body: Vec<_> = values.iter().map(|value| json!({"object": value})).collect();
    let url = server.cybertrace_of_tenant(&["lookup"]);
    let answer = server.ask(Asked::LookUp, url, Value::Array(body).to_string()).await?;
    serde_json::from_slice(&answer).map_err(|error| answer::unreadable(&error))
}

impl Findings {
    fn add(&mut self, results: Vec<Box<RawValue>>) -> Result<(), Failure> {
        for result in results {
            let is_detected = member(&parsed(&result), "result") == "detected";
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
                print_table(
                    &COLUMNS,
                    self.results.iter().flat_map(|result| rows(&parsed(result))).collect(),
                )?;
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
