//! One push by one client: its documents, where they go, and what the daemon has of them afterwards.
//!
//! In: a client and a fault. Out: what the client told, and what was found. Each push has a supplier of its own.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use test_support::{
    client::{Client, LOOKUP_PATH},
    daemon::{CREDENTIALS, Daemon},
};

use super::{
    client::{Kind, Shipper},
    outcome::{Found, Numbers, Told},
    proxy::Proxy,
};
use crate::program::RunningProgram;

/// Documents of a push, and of a request where the client can be told.
const DOCUMENTS: usize = 400;
const DOCUMENTS_OF_A_REQUEST: usize = 40;
/// One of so many is refused, if any are.
const BAD_ONE_OF: usize = 37;

const PYTHON: &str = include_str!("push.py");
const JAVASCRIPT: &str = include_str!("push.cjs");

/// See the module.
pub(super) struct Push<'d> {
    daemon: &'d Daemon,
    proxy: &'d Proxy,
    pub(super) address: SocketAddr,
    /// Its supplier, too.
    pub(super) index: String,
    pub(super) documents: Vec<String>,
    pub(super) bad: Numbers,
}

impl<'d> Push<'d> {
    /// Makes the supplier and the documents.
    ///
    /// # Errors
    ///
    /// When the supplier is not made.
    pub(super) fn begin(daemon: &'d Daemon, proxy: &'d Proxy, index: String, has_bad: bool) -> Result<Self> {
        let supplier = json!([{"name": index, "confidence": 50, "retention": 10_080}]).to_string();
        let made = daemon.client().request("POST", "/api/1.3/suppliers", supplier.as_bytes())?;
        ensure!(made.status == 201, "the supplier is answered with {}", made.status);
        let is_bad = |number: &usize| has_bad && number % BAD_ONE_OF == BAD_ONE_OF / 2;
        let bad: Numbers = (0..DOCUMENTS).filter(is_bad).collect();
        let documents = (0..DOCUMENTS).map(|number| {
            let begin = if bad.contains(&number) { "no name " } else { "d" };
            format!("{begin}{number}.{index}.example.com")
        });
        let documents = documents.collect();
        Ok(Self { daemon, proxy, address: proxy.address, index, documents, bad })
    }

    /// Runs the script of a client that is unpacked at `at`, with `dir` for its files.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub(super) fn run_script(&self, shipper: Shipper, at: &Path, dir: &Path) -> Result<Told> {
        let (program, script, name) = match shipper.kind {
            Kind::Python => ("python3", PYTHON, "push.py"),
            Kind::JavaScript => ("node", JAVASCRIPT, "push.cjs"),
            Kind::Rsyslog | Kind::SyslogNg => bail!("it reads documents from a file"),
        };
        let (user, password) = CREDENTIALS;
        let task = json!({
            "url": format!("http://{}/es", self.address),
            "index": self.index,
            "user": user,
            "password": password,
            "package": shipper.package,
            "modules": at,
            "chunk": DOCUMENTS_OF_A_REQUEST,
            "documents": self.documents,
        });
        let script_file = dir.join(name);
        fs::write(&script_file, script)?;
        let mut command = Command::new(program);
        let printed = RunningProgram::run(command.arg(script_file).arg(task.to_string()), dir)?;
        serde_json::from_str(&printed).with_context(|| format!("it printed {printed}"))
    }

    /// Bulk requests so far.
    pub(super) fn requests(&self) -> u32 {
        self.proxy.counts().0
    }

    /// What the daemon has.
    ///
    /// # Errors
    ///
    /// When it does not say so.
    pub(super) fn found(&self) -> Result<Found> {
        let mut client = self.daemon.client();
        let objects: Vec<Value> = self.documents.iter().map(|document| json!({"object": document})).collect();
        let results = ask(&mut client, "POST", LOOKUP_PATH, &Value::from(objects).to_string())?;
        let results = results.as_array().context("no results")?;
        ensure!(results.len() == self.documents.len(), "{} results", results.len());
        let is_stored =
            |(_, result): &(usize, &Value)| result.get("result").is_some_and(|told| told == "detected");
        let stored = results.iter().enumerate().filter(is_stored).map(|(number, _)| number).collect();
        let kept = self.kept(&mut client)?;
        Ok(Found { count: self.documents.len(), bad: self.bad.clone(), stored, kept })
    }

    /// Refused documents that are in batches.
    fn kept(&self, client: &mut Client) -> Result<Numbers> {
        let told = ask(client, "GET", &format!("/v1/batches?limit=1000&supplier={}", self.index), "")?;
        let mut text = String::new();
        for batch in told.get("batches").and_then(Value::as_array).context("no batches")? {
            let url = batch.get("rejects_url").and_then(Value::as_str).context("no URL of rejects")?;
            let rejects = client.request("GET", url, b"")?;
            ensure!(rejects.status == 200, "rejects are answered with {}", rejects.status);
            text.push_str(&rejects.text());
        }
        let is_kept = |number: &usize| {
            self.documents.get(*number).is_some_and(|document| text.contains(&format!("\"{document}\"")))
        };
        Ok(self.bad.iter().copied().filter(is_kept).collect())
    }
}

fn ask(client: &mut Client, method: &str, path: &str, body: &str) -> Result<Value> {
    let answer = client.request(method, path, body.as_bytes())?;
    ensure!(answer.status == 200, "{method} {path} is answered with {}", answer.status);
    Ok(serde_json::from_slice(&answer.body)?)
}
