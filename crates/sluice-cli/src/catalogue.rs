//! Suppliers and tags: listed, created, removed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    arguments::{SuppliersCommand, TagsCommand},
    failure::{Ended, Failure},
    output::{done, list},
    server::{Server, asking::Asked},
};

const SECONDS_PER_MINUTE: u64 = 60;

/// Carries out a command of suppliers.
///
/// # Errors
///
/// Whatever came of it instead.
pub(crate) async fn suppliers(server: &Server, command: SuppliersCommand) -> Result<Ended, Failure> {
    match command {
        SuppliersCommand::List { output } => {
            list(server, server.cybertrace(&["suppliers"]), &["name", "status"], output.form).await
        }
        SuppliersCommand::Show { name, output } => {
            let columns = ["name", "status", "confidence", "retention", "vendor"];
            list(server, server.cybertrace(&["suppliers", &name]), &columns, output.form).await
        }
        SuppliersCommand::Create { name, confidence, retention, vendor } => {
            create_supplier(server, &name, confidence, retention, vendor.as_deref()).await?;
            done(&format!("supplier {name} created"))
        }
        SuppliersCommand::Delete { name } => {
            remove(server, &["suppliers", &name]).await?;
            done(&format!("supplier {name} removed"))
        }
    }
}

/// Carries out a command of tags.
///
/// # Errors
///
/// Whatever came of it instead.
pub(crate) async fn tags(server: &Server, command: TagsCommand) -> Result<Ended, Failure> {
    match command {
        TagsCommand::List { output } => {
            list(server, server.cybertrace(&["tags"]), &["name", "weight"], output.form).await
        }
        TagsCommand::Create { name, weight } => {
            let body = json!([{"name": name, "weight": weight}]);
            server.ask(Asked::Create, server.cybertrace(&["tags"]), body.to_string()).await?;
            done(&format!("tag {name} created"))
        }
        TagsCommand::Delete { name } => {
            remove(server, &["tags", &name]).await?;
            done(&format!("tag {name} removed"))
        }
    }
}

/// Creates a supplier unless there is one of this name; returns whether it did.
///
/// # Errors
///
/// Whatever came of it instead.
pub(crate) async fn ensure_supplier(
    server: &Server,
    name: &str,
    confidence: u8,
    retention: Duration,
) -> Result<bool, Failure> {
    let listed: Vec<Value> = server.read(server.cybertrace(&["suppliers"])).await?;
    let is_there = listed.iter().any(|supplier| supplier.get("name").and_then(Value::as_str) == Some(name));
    if !is_there {
        create_supplier(server, name, confidence, retention, None).await?;
    }
    Ok(!is_there)
}

async fn create_supplier(
    server: &Server,
    name: &str,
    confidence: u8,
    retention: Duration,
    vendor: Option<&str>,
) -> Result<(), Failure> {
    let retention_minutes = retention.as_secs() / SECONDS_PER_MINUTE;
    let mut supplier = json!({"name": name, "confidence": confidence, "retention": retention_minutes});
    if let (Some(vendor), Some(members)) = (vendor, supplier.as_object_mut()) {
        members.insert("vendor".to_owned(), vendor.into());
    }
    let body = Value::Array(vec![supplier]).to_string();
    server.ask(Asked::Create, server.cybertrace(&["suppliers"]), body).await.map(drop)
}

async fn remove(server: &Server, path: &[&str]) -> Result<(), Failure> {
    server.ask(Asked::Remove, server.cybertrace(path), String::new()).await.map(drop)
}
