//! Batches: what the daemon keeps of requests that pushed or deleted rows.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::{
    answer,
    arguments::BatchesCommand,
    failure::{Ended, Failure},
    output::{print, say},
    server::{Asked, Server},
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
            let body = ask(server, Asked::Read, &["batches", &id, "rejects"]).await?;
            let lines = String::from_utf8_lossy(&body);
            if !lines.is_empty() {
                say(lines.trim_end())?;
            }
        }
        BatchesCommand::Cancel { id } => {
            ask(server, Asked::Remove, &["batches", &id]).await?;
            say(&format!("batch {id} cancelled"))?;
        }
    }
    Ok(Ended::Well)
}

async fn ask(server: &Server, asked: Asked, path: &[&str]) -> Result<Bytes, Failure> {
    server.ask(asked, server.v1(path), String::new()).await
}
