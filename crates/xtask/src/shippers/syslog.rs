//! rsyslog and syslog-ng, which read documents from a file and ship them.
//!
//! In: where they are unpacked, documents and where to push them. Out: what they have made of the documents, once all are
//! accounted for or nothing has happened for a while. rsyslog writes what it gives up to a file; syslog-ng says nothing of
//! items, so it is told to hide refused ones, which are in batches then.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use test_support::daemon::CREDENTIALS;

use super::{client::Kind, outcome::Told, push::Push};
use crate::program::RunningProgram;

/// Longest time until all documents are accounted for, and longest without a request.
const DONE_WAIT: Duration = Duration::from_mins(2);
const QUIET_WAIT: Duration = Duration::from_secs(15);
/// Pause between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Ships the documents of a push.
///
/// # Errors
///
/// When the program does not start, or ends by itself.
pub(super) fn ship(kind: Kind, at: &Path, push: &Push<'_>, dir: &Path) -> Result<Told> {
    let (input, given_up) = (dir.join("documents"), dir.join("given-up"));
    let lines = push.documents.iter().map(|document| format!("{{\"indicator\":\"{document}\"}}\n"));
    fs::write(&input, lines.collect::<String>())?;
    let mut command = match kind {
        Kind::Rsyslog => rsyslog(at, push, dir)?,
        _ => syslog_ng(at, push, dir)?,
    };
    let mut program = RunningProgram::start(&mut command, dir)?;
    let (mut changed, mut requests, began) = (Instant::now(), 0, Instant::now());
    loop {
        thread::sleep(LOOK_INTERVAL);
        ensure!(program.ended()?.is_none(), "it has ended by itself: {}", program.said());
        let told = told(push, &fs::read_to_string(&given_up).unwrap_or_default());
        let found = push.found()?;
        let is_there = |number: &usize| found.stored.contains(number) || found.kept.contains(number);
        let is_done = told.acknowledged.iter().all(is_there);
        if push.requests() != requests {
            (requests, changed) = (push.requests(), Instant::now());
        }
        if is_done || QUIET_WAIT < changed.elapsed() || DONE_WAIT < began.elapsed() {
            return Ok(told);
        }
    }
}

/// What it has given up by now; all else it takes for shipped, or will.
fn told(push: &Push<'_>, given_up: &str) -> Told {
    let (mut told, given_up) = (Told::default(), read_given_up(given_up));
    for (number, document) in push.documents.iter().enumerate() {
        let into = match given_up.get(document) {
            None => &mut told.acknowledged,
            Some(Fate::Refused) => &mut told.refused,
            Some(Fate::Failed) => &mut told.failed,
        };
        into.insert(number);
    }
    told
}

/// What became of a document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Refused,
    Failed,
}

/// Reads the requests in rsyslog's file of errors, each with its answer: of a request that has items, those that were refused;
/// otherwise all. The last one may not be whole yet.
fn read_given_up(text: &str) -> BTreeMap<String, Fate> {
    let mut fates = BTreeMap::new();
    for request in serde_json::Deserializer::from_str(text).into_iter::<Value>().map_while(Result::ok) {
        let posted = request.pointer("/request/postdata").and_then(Value::as_str).unwrap_or_default();
        let items = request.pointer("/reply/items").and_then(Value::as_array);
        for (nth, line) in posted.lines().skip(1).step_by(2).enumerate() {
            let document: Value = serde_json::from_str(line).unwrap_or_default();
            let Some(indicator) = document.get("indicator").and_then(Value::as_str) else { continue };
            let fate = items.map(|items| items.get(nth).and_then(|item| item.pointer("/index/error")));
            let fate = match fate {
                None => Fate::Failed,
                Some(Some(_error)) => Fate::Refused,
                Some(None) => continue,
            };
            fates.insert(indicator.to_owned(), fate);
        }
    }
    fates
}

fn rsyslog(at: &Path, push: &Push<'_>, dir: &Path) -> Result<Command> {
    let (libraries, work) = (at.join("usr/lib/x86_64-linux-gnu"), dir.display());
    let (user, password) = CREDENTIALS;
    let text = format!(
        r#"global(workDirectory="{work}" net.enableDNS="off")
module(load="imfile" mode="polling" pollingInterval="1")
module(load="omelasticsearch")
template(name="document" type="string" string="%msg%")
input(type="imfile" file="{work}/documents" tag="feed" ruleset="ship" freshStartTail="off")
ruleset(name="ship") {{
  action(type="omelasticsearch" server="http://{}/es" searchIndex="{}" searchType="" template="document"
    bulkmode="on" maxbytes="4k" uid="{user}" pwd="{password}" errorFile="{work}/given-up"
    action.resumeRetryCount="-1" action.resumeInterval="1")
}}
"#,
        push.address, push.index
    );
    let configuration = dir.join("rsyslog.conf");
    fs::write(&configuration, text)?;
    let mut command = Command::new(at.join("usr/sbin/rsyslogd"));
    command.args(["-n", "-f"]).arg(configuration).arg("-i").arg(dir.join("pid"));
    command.arg("-M").arg(libraries.join("rsyslog")).env("LD_LIBRARY_PATH", libraries);
    Ok(command)
}

fn syslog_ng(at: &Path, push: &Push<'_>, dir: &Path) -> Result<Command> {
    let modules = fs::read_dir(at.join("usr/lib/syslog-ng"))?.filter_map(|entry| Some(entry.ok()?.path()));
    let modules = modules.into_iter().find(|path| path.is_dir()).context("syslog-ng has no modules")?;
    let version = modules.file_name().context("no version")?.display().to_string();
    let (user, password) = CREDENTIALS;
    let text = format!(
        r#"@version: {version}
@module json-plugin
@module http
@include "{}/usr/share/syslog-ng/include/scl/elasticsearch/elastic-http.conf"
options {{ stats-freq(0); }};
source documents {{ file("{}/documents" flags(no-parse) follow-freq(1)); }};
destination ship {{
  elasticsearch-http(url("http://{}/es/_bulk?bad_items=ok") index("{}") type("") user("{user}") password("{password}")
    template("$MSG") batch-lines(40) workers(4) time-reopen(1));
}};
log {{ source(documents); destination(ship); flags(flow-control); }};
"#,
        at.display(),
        dir.display(),
        push.address,
        push.index
    );
    let configuration = dir.join("syslog-ng.conf");
    fs::write(&configuration, text)?;
    let libraries = [at.join("usr/lib/syslog-ng"), at.join("usr/lib/x86_64-linux-gnu")];
    let mut command = Command::new(at.join("usr/sbin/syslog-ng"));
    command.args(["-F", "--no-caps", "-f"]).arg(configuration).arg("--module-path").arg(modules);
    for (option, file) in [("-R", "persist"), ("-p", "pid"), ("-c", "control")] {
        command.arg(option).arg(dir.join(file));
    }
    command.env("LD_LIBRARY_PATH", std::env::join_paths(libraries)?);
    Ok(command)
}

#[cfg(test)]
mod tests;
