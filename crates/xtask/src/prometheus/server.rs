//! A Prometheus of our own: started on a free port of loopback, asked over its API, and ended.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use memchr::memmem;
use serde_json::Value;

/// Time from one scrape to the next.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);
/// Longest time to start, and until all rules were evaluated once.
const START_WAIT: Duration = Duration::from_mins(1);
/// Longest wait for an answer.
const ANSWER_WAIT: Duration = Duration::from_secs(30);
/// Pause between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// What it says before its address.
const LISTENING_ON: &str = "msg=\"Listening on\" address=";

/// The job that the alerts expect, for addresses where no credentials are asked for.
pub(crate) fn job(targets: &[String]) -> String {
    let targets = targets.join(", ");
    format!("  - job_name: sluice\n    static_configs:\n      - targets: [{targets}]\n")
}

/// A running Prometheus; ended when dropped.
pub(crate) struct Prometheus {
    child: Child,
    said: PathBuf,
    address: Option<SocketAddr>,
}

impl Prometheus {
    /// Starts one that scrapes what these jobs say and evaluates these alerts.
    pub(crate) fn start(dir: &Path, alerts: &Path, jobs: &str) -> Result<Self> {
        let seconds = INTERVAL.as_secs();
        let config = format!(
            "global:\n  scrape_interval: {seconds}s\n  evaluation_interval: {seconds}s\n\
             rule_files: [{}]\nscrape_configs:\n{jobs}",
            alerts.display(),
        );
        let (file, said) = (dir.join("prometheus.yml"), dir.join("prometheus-said"));
        fs::write(&file, config)?;
        let log = File::create(&said)?;
        let mut command = Command::new("prometheus");
        command.arg("--config.file").arg(&file).arg("--storage.tsdb.path").arg(dir.join("prometheus"));
        command.args(["--web.listen-address", "127.0.0.1:0"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?;
        let mut prometheus = Self { child, said, address: None };
        prometheus.wait_until_ready()?;
        Ok(prometheus)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < START_WAIT {
            let said = fs::read_to_string(&self.said)?;
            ensure!(self.child.try_wait()?.is_none(), "prometheus has ended: {said}");
            if self.address.is_none()
                && let Some((_, rest)) = said.split_once(LISTENING_ON)
                && let Some(address) = rest.split_whitespace().next()
            {
                self.address = Some(address.parse()?);
            }
            if self.address.is_some() && self.get("/-/ready").is_ok() {
                return Ok(());
            }
            thread::sleep(LOOK_INTERVAL);
        }
        bail!("prometheus is not ready: {}", fs::read_to_string(&self.said)?)
    }

    /// Asks with HTTP/1.0, so that the answer comes in one piece, up to the end of the connection.
    fn get(&self, path: &str) -> Result<Vec<u8>> {
        let mut stream = TcpStream::connect(self.address.context("it has no address")?)?;
        stream.set_read_timeout(Some(ANSWER_WAIT))?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let end = memmem::find(&answer, b"\r\n\r\n").context("no answer")?;
        let (head, body) = answer.split_at(end + 4);
        let (head, text) = (String::from_utf8_lossy(head), String::from_utf8_lossy(body));
        ensure!(head.split(' ').nth(1) == Some("200"), "prometheus answers {head}{text}");
        Ok(body.to_vec())
    }

    /// What a query comes to now: its series.
    pub(crate) fn query(&self, query: &str) -> Result<Vec<Value>> {
        let mut path = String::from("/api/v1/query?query=");
        for byte in query.bytes() {
            write!(path, "%{byte:02X}")?;
        }
        let answer: Value = serde_json::from_slice(&self.get(&path)?)?;
        let result = answer.pointer("/data/result").and_then(Value::as_array);
        let series = result.with_context(|| format!("{query} is answered with {answer}"))?;
        Ok(series.clone())
    }

    /// What it says of its targets.
    pub(super) fn targets(&self) -> Result<String> {
        Ok(String::from_utf8(self.get("/api/v1/targets?state=active")?)?)
    }

    /// Kind, help and unit of each metric of each target.
    pub(super) fn metadata(&self) -> Result<Vec<Value>> {
        let answer: Value = serde_json::from_slice(&self.get("/api/v1/targets/metadata")?)?;
        let metrics = answer.get("data").and_then(Value::as_array).context("there are no metadata")?;
        Ok(metrics.clone())
    }

    /// Names and expressions of all rules, once each was evaluated without an error.
    pub(crate) fn rules(&self) -> Result<Vec<(String, String)>> {
        let began = Instant::now();
        loop {
            let answer: Value = serde_json::from_slice(&self.get("/api/v1/rules")?)?;
            let groups = answer.pointer("/data/groups").and_then(Value::as_array).context("no groups")?;
            let rules: Vec<&Value> =
                groups.iter().filter_map(|group| group.get("rules")?.as_array()).flatten().collect();
            let text =
                |rule: &Value, key: &str| rule.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
            for rule in &rules {
                ensure!(text(rule, "lastError").is_empty(), "a rule fails: {rule}");
            }
            if !rules.is_empty() && rules.iter().all(|rule| text(rule, "health") == "ok") {
                return Ok(rules.iter().map(|rule| (text(rule, "name"), text(rule, "query"))).collect());
            }
            ensure!(began.elapsed() < START_WAIT, "not all rules were evaluated: {answer}");
            thread::sleep(LOOK_INTERVAL);
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
