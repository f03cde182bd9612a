//! Batches: what the daemon keeps of requests that pushed or deleted rows.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::{
    answer,
    arguments::BatchesCommand,
    failure::{Ended, Failure},
    output::{print, say, say_lines},
    server::{Server, asking::Asked},
};

/// Columns of a table.
const COLUMNS: [&str; 8] = ["batch", "supplier", "action", "state", "began", "rows", "accepted", "refused"];

/// Carries out a command.
///
/// # Errors
///
/// Whatever came of it instead.
pub(crate) async fn run(server: &Server, command: BatchesCommand) -> Result<Ended, Failure> {
    match command {
        BatchesCommand::List { suppliers, limit, output } => {
            let mut url = server.v1(&["batches"]);
            url.query_pairs_mut().append_pair("limit", &limit.to_string());
            for supplier in suppliers {
                url.query_pairs_mut().append_pair("supplier", &supplier);
            }
            let mut list: BTreeMap<String, Box<RawValue>> = server.read(url).await?;
            let batches = list.remove("batches");
            let batches: Vec<Box<RawValue>> =
                serde_json::from_str(batches.as_deref().map_or("", RawValue::get))
                    .map_err(|error| answer::unreadable(&error))?;
            print(output.form, &COLUMNS, &batches)?;
        }
        BatchesCommand::Show { id, output } => {
            let batch: Box<RawValue> = server.read(server.v1(&["batches", &id])).await?;
            print(output.form, &COLUMNS, &[batch])?;
        }
        BatchesCommand::Rejects { id } => {
            // What is no whole line yet.
            let mut held = Vec::new();
            let print_lines = |piece: &[u8]| {
                held.extend_from_slice(piece);
                let end = memchr::memrchr(b'\n', &held).map_or(0, |index| index + 1);
                let lines: Vec<_> = held.drain(..end).collect();
                say_lines(&String::from_utf8_lossy(&lines))
            };
            server.read_long(server.v1(&["batches", &id, "rejects"]), print_lines).await?;
        }
        BatchesCommand::Cancel { id } => {
            server.ask(Asked::Remove, server.v1(&["batches", &id]), String::new()).await?;
            say(&format!("batch {id} cancelled"))?;
        }
    }
    Ok(Ended::Well)
}
