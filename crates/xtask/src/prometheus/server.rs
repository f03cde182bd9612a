//! A Prometheus of our own: started on a free port of loopback, asked over its API, and ended.

use std::{
    fmt::Write as _,
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use test_support::client::Client;

/// Time from one scrape to the next.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);
/// Longest time to start, and until all rules were evaluated once.
const START_WAIT: Duration = Duration::from_mins(1);
/// Pause between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// What it says before its address.
const LISTENING_ON: &str = "msg=\"Listening on\" address=";

/// A running Prometheus; ended when dropped.
pub(crate) struct Prometheus {
    child: Child,
    said: PathBuf,
    address: Option<SocketAddr>,
}

impl Prometheus {
    /// Starts one that scrapes these addresses and evaluates these alerts.
    pub(crate) fn start(dir: &Path, alerts: &Path, targets: &[String]) -> Result<Self> {
        let seconds = INTERVAL.as_secs();
        let config = format!(
            "global:\n  scrape_interval: {seconds}s\n  evaluation_interval: {seconds}s\n\
             rule_files: [{}]\nscrape_configs:\n  - job_name: sluice\n    static_configs:\n      - targets: [{}]\n",
            alerts.display(),
            targets.join(", ")
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

    fn get(&self, path: &str) -> Result<Vec<u8>> {
        let address = self.address.context("it has no address")?;
        let answer = Client::new(address, "", "").request("GET", path, b"")?;
        let text = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status == 200, "prometheus answers {}: {text}", answer.status);
        Ok(answer.body)
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
