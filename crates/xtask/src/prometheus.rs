//! Tries what `deploy` has for Prometheus with a real one: rules, scrapes, and every query of alerts and dashboard.
//!
//! In: the programs `prometheus` and `promtool`, as Debian's package `prometheus` has them. Out: a line for each step, or
//! the first that fails. Two daemons run meanwhile, on loopback and in a scratch directory: one that is pushed to and asked,
//! and one that speaks TLS. Both are scraped where no credentials are asked for, and the latter with a token as well. The
//! text format of Prometheus is judged by promtool, that of `OpenMetrics` by Prometheus, which prefers it.

pub(crate) mod server;

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use test_support::{
    client::{Client, LOOKUP_PATH, indicators_path},
    daemon::{CREDENTIALS, Daemon},
    exposition,
};

use self::server::{INTERVAL, Prometheus, job};
use crate::{
    command::output_of,
    workspace::{Profile, build, root},
};

/// Longest time until every query answers: rates need a few scrapes.
const ANSWERS_WAIT: Duration = Duration::from_mins(2);
/// Longest time for a daemon to say where its metrics are.
const SAID_WAIT: Duration = Duration::from_mins(1);
/// Pause between two questions.
const ASK_INTERVAL: Duration = Duration::from_millis(500);
/// What a daemon says before the address of its metrics.
const METRICS_AT: &str = "metrics are served to whoever asks there address=";
/// What is scraped: both daemons without credentials, and one of them with a token.
const TARGETS: usize = 3;
/// Words of the query language that begin like a metric of ours do not exist, so this tells them apart.
const PREFIX: &str = "sluice_";

/// Tries everything.
///
/// # Errors
///
/// The first that is not as it should be.
pub(crate) fn run(profile: Profile) -> Result<()> {
    for program in ["prometheus", "promtool"] {
        let version = Command::new(program).arg("--version").output();
        ensure!(version.is_ok(), "{program} is missing: apt-get install prometheus");
    }
    check_files()?;
    let deploy = root()?.join("deploy");
    let binary = build("sluice-server", "sluiced", profile)?;
    let dir = tempfile::tempdir()?;
    let mut daemon = Daemons::start(&binary, dir.path())?;
    let scrape = daemon.scrape()?;
    promtool(&deploy, &["check", "metrics"], &scrape)?;
    println!("a scrape of {} lines: good", scrape.lines().count());
    let prometheus = Prometheus::start(dir.path(), &deploy.join("alerts.yml"), &daemon.jobs()?)?;
    daemon.make_traffic()?;
    wait_for_targets(&prometheus)?;
    println!("{TARGETS} targets are up");
    println!("{} metrics are told in the format of OpenMetrics", check_metadata(&prometheus)?);
    let queries = dashboard_queries(&fs::read_to_string(deploy.join("grafana.json"))?)?;
    let answered = wait_for_answers(&prometheus, &queries, &mut daemon)?;
    println!("{answered} queries of the dashboard answer");
    let rules = check_rules(&prometheus)?;
    println!("{rules} alerts are evaluated, and all of their metrics are there");
    Ok(())
}

/// Tries what needs no daemon, where promtool is.
///
/// # Errors
///
/// What is wrong with a file.
pub(crate) fn check_files_if_possible() -> Result<()> {
    if Command::new("promtool").arg("--version").output().is_err() {
        println!(
            "rules and their tests: left out, because there is no promtool (apt-get install prometheus)"
        );
        return Ok(());
    }
    check_files()
}

fn check_files() -> Result<()> {
    let deploy = root()?.join("deploy");
    promtool(&deploy, &["check", "rules", "alerts.yml"], "")?;
    promtool(&deploy, &["test", "rules", "alerts_test.yml"], "")?;
    promtool(&deploy, &["check", "config", "--syntax-only", "prometheus.yml"], "")?;
    println!("rules and their tests: good");
    Ok(())
}

/// Runs promtool in `deploy` with `input` on its standard input.
///
/// # Errors
///
/// When it finds a fault; the error has what it said.
pub(crate) fn promtool(deploy: &Path, arguments: &[&str], input: &str) -> Result<()> {
    let mut command = Command::new("promtool");
    command.args(arguments).current_dir(deploy);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    // It reads all of it before it says anything; without input, it may have ended already.
    let mut stdin = child.stdin.take().context("no input")?;
    if !input.is_empty() {
        stdin.write_all(input.as_bytes())?;
    }
    drop(stdin);
    let output = child.wait_with_output()?;
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    ensure!(output.status.success(), "promtool {}: {told}", arguments.join(" "));
    Ok(())
}

/// The text of a scrape.
///
/// # Errors
///
/// When it is not answered with one.
pub(crate) fn scrape(client: &mut Client) -> Result<String> {
    let answer = client.request("GET", "/metrics", b"")?;
    ensure!(answer.status == 200, "a scrape is answered with {}", answer.status);
    Ok(String::from_utf8(answer.body)?)
}

/// Two daemons, and where their metrics are.
struct Daemons {
    binary: PathBuf,
    plain: Daemon,
    tls: Daemon,
    tls_dir: PathBuf,
    client: Client,
    /// Where no credentials are asked for.
    open: Vec<String>,
}

impl Daemons {
    fn start(binary: &Path, dir: &Path) -> Result<Self> {
        let (plain_dir, tls_dir) = (dir.join("plain"), dir.join("tls"));
        fs::create_dir(&plain_dir)?;
        fs::create_dir(&tls_dir)?;
        let url = format!("file://{}", dir.join("backup").display());
        let common = [("SLUICE_METRICS_LISTEN", "127.0.0.1:0"), ("SLUICE_DISK_RESERVE", "1MiB")];
        let [listen, reserve] = common;
        let mut plain =
            Daemon::start_with(binary, &plain_dir, &[listen, reserve, ("SLUICE_SNAPSHOT__URL", &url)]);
        plain.wait_until_ready();
        let tls =
            Daemon::start_with(binary, &tls_dir, &[listen, reserve, ("SLUICE_TLS__SELF_SIGNED", "true")]);
        let open = vec![said_address(&plain_dir)?, said_address(&tls_dir)?];
        let client = plain.client();
        Ok(Self { binary: binary.to_owned(), plain, tls, tls_dir, client, open })
    }

    /// What is to be scraped, as Prometheus is told it.
    fn jobs(&mut self) -> Result<String> {
        let address = self.tls.wait_for_address();
        let data_dir = self.tls_dir.join("data");
        let mut command = Command::new(&self.binary);
        command.arg("--data-dir").arg(&data_dir).args([
            "token",
            "create",
            "prometheus",
            "--scope",
            "metrics",
        ]);
        let token = self.tls_dir.join("token");
        fs::write(&token, output_of(&mut command).context("no token")?)?;
        let (token, certificate) = (token.display(), data_dir.join("tls-certificate.pem"));
        Ok(format!(
            "{}  - job_name: token\n    scheme: https\n    authorization:\n      credentials_file: {token}\n    \
             tls_config:\n      ca_file: {}\n      server_name: localhost\n    static_configs:\n      \
             - targets: [\"{address}\"]\n",
            job(&self.open),
            certificate.display()
        ))
    }

    /// The text of a scrape, which our own reading of the format takes too.
    fn scrape(&mut self) -> Result<String> {
        self.make_traffic()?;
        let text = scrape(&mut self.client)?;
        exposition::parse(&text).map_err(anyhow::Error::msg)?;
        Ok(text)
    }

    /// Pushes and looks up, so that rates have something to tell.
    fn make_traffic(&mut self) -> Result<()> {
        let supplier = br#"[{"name":"Trial","confidence":80,"retention":10080}]"#;
        self.client.request("POST", "/api/1.3/suppliers", supplier)?;
        let body = br#"[{"indicator":"bad.example.com","context":{"a":1}},{"indicator":"192.0.2.7"},{"indicator":"443"}]"#;
        let pushed = self.client.request("PUT", &indicators_path("Trial"), body)?;
        ensure!(pushed.status == 202, "a push is answered with {}: {}", pushed.status, self.plain.said());
        let body = br#"[{"object":"https://www.bad.example.com/"},{"object":"203.0.113.1"}]"#;
        let found = self.client.request("POST", LOOKUP_PATH, body)?;
        ensure!(found.status == 200, "a lookup is answered with {}", found.status);
        let mut stranger = Client::new(self.plain.address(), CREDENTIALS.0, "a wrong password");
        let refused = stranger.request("GET", "/api/1.3/suppliers", b"")?;
        ensure!(matches!(refused.status, 401 | 429), "a wrong password is answered with {}", refused.status);
        Ok(())
    }
}

/// Waits until a daemon has said where its metrics are.
fn said_address(dir: &Path) -> Result<String> {
    let began = Instant::now();
    while began.elapsed() < SAID_WAIT {
        let said = fs::read_to_string(dir.join("said"))?;
        if let Some((_, rest)) = said.split_once(METRICS_AT)
            && let Some(address) = rest.split_whitespace().next()
        {
            return Ok(address.to_owned());
        }
        thread::sleep(ASK_INTERVAL);
    }
    bail!("a daemon does not say where its metrics are")
}

/// Every query of a dashboard, with what Grafana would put in the places of its variables.
fn dashboard_queries(text: &str) -> Result<Vec<String>> {
    let dashboard: Value = serde_json::from_str(text)?;
    let panels = dashboard.get("panels").and_then(Value::as_array).context("there are no panels")?;
    let targets = panels.iter().filter_map(|panel| panel.get("targets")?.as_array()).flatten();
    let expressions = targets.filter_map(|target| target.get("expr")?.as_str());
    let range = format!("{}s", 4 * INTERVAL.as_secs());
    let filled = |text: &str| {
        text.replace("$__rate_interval", &range).replace("$job", ".*").replace("$instance", ".*")
    };
    let queries: Vec<String> = expressions.map(filled).collect();
    ensure!(
        !queries.is_empty() && !queries.iter().any(|query| query.contains('$')),
        "unknown variables: {queries:?}"
    );
    Ok(queries)
}

/// Waits until all targets are scraped.
fn wait_for_targets(prometheus: &Prometheus) -> Result<()> {
    let began = Instant::now();
    while prometheus.query("up == 1")?.len() != TARGETS {
        ensure!(began.elapsed() < ANSWERS_WAIT, "not all targets are up: {}", prometheus.targets()?);
        thread::sleep(ASK_INTERVAL);
    }
    Ok(())
}

/// Checks what Prometheus knows of our metrics, and that it has it from the format that tells units; gives their number.
fn check_metadata(prometheus: &Prometheus) -> Result<usize> {
    let (mut names, mut units) = (BTreeSet::new(), BTreeSet::new());
    for metric in prometheus.metadata()? {
        let text = |key: &str| metric.get(key).and_then(Value::as_str).unwrap_or_default();
        let (name, unit) = (text("metric"), text("unit"));
        if name.starts_with(PREFIX) {
            ensure!(
                text("type") != "unknown" && !text("help").is_empty(),
                "nothing is known of {name}: {metric}"
            );
            ensure!(unit.is_empty() || name.ends_with(unit), "{name} has the unit {unit}");
            names.insert(name.to_owned());
            units.insert(unit.to_owned());
        }
    }
    ensure!(units.len() == 3, "the units are {units:?}, not seconds, bytes and none");
    Ok(names.len())
}

/// Waits until every query has an answer that holds a number, and tells how many there are.
fn wait_for_answers(prometheus: &Prometheus, queries: &[String], daemons: &mut Daemons) -> Result<usize> {
    let (mut open, began): (Vec<&String>, _) = (queries.iter().collect(), Instant::now());
    while !open.is_empty() {
        daemons.make_traffic()?;
        let mut unanswered = Vec::new();
        for query in open {
            if prometheus.query(query)?.is_empty() {
                unanswered.push(query);
            }
        }
        open = unanswered;
        ensure!(began.elapsed() < ANSWERS_WAIT, "these queries have no answer: {open:#?}");
        thread::sleep(ASK_INTERVAL);
    }
    Ok(queries.len())
}

/// Checks that Prometheus evaluates all rules without an error and knows every metric in them; tells how many there are.
fn check_rules(prometheus: &Prometheus) -> Result<usize> {
    let (rules, began) = (prometheus.rules()?, Instant::now());
    let mut names = BTreeSet::new();
    for (name, expression) in &rules {
        prometheus.query(expression).with_context(|| format!("the alert {name}"))?;
        names.extend(metric_names(expression));
    }
    ensure!(!names.is_empty(), "no alert names a metric");
    for name in names {
        while prometheus.query(name)?.is_empty() {
            ensure!(began.elapsed() < ANSWERS_WAIT, "no daemon has the metric {name}, which an alert names");
            thread::sleep(ASK_INTERVAL);
        }
    }
    Ok(rules.len())
}

/// The names of our metrics in an expression.
fn metric_names(expression: &str) -> impl Iterator<Item = &str> {
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    expression.split(move |character| !is_name(character)).filter(|word| word.starts_with(PREFIX))
}

#[cfg(test)]
mod tests;
