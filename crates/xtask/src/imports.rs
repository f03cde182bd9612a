//! One feed by every way in: each form that is taken, by bare requests and by the client.
//!
//! In: a feed. Out: a table of rates, processor time and peak memory beside those of the CyberTrace array, measured in
//! turns against one daemon; an error when a way counts or stores anything but what a plain reading of the contract
//! finds in the feed. Bodies are made before the clock starts.

mod forms;
mod stored;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::Value;
use test_support::{
    client::{Client, indicators_path},
    daemon::{CREDENTIALS, Daemon},
    import_form::ImportForm,
};

use self::{forms::Forms, stored::Stored};
use crate::{
    compare::summary::Figure,
    feed::FeedOptions,
    load::{
        figures::float,
        phase::{Cost, Phase},
    },
    workspace::{Profile, build},
};

/// Time between two pushes, in which the daemon ends its work for the last one.
const PAUSE: Duration = Duration::from_millis(3_500);
const BYTES_PER_MIB: f64 = 1_048_576.0;

/// What to push, and how often.
#[derive(Args, Debug)]
pub(crate) struct Imports {
    #[command(flatten)]
    source: FeedOptions,
    /// How often each way is taken; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How daemon and client are built.
    #[arg(long, value_enum, default_value_t = Profile::Release)]
    profile: Profile,
    /// Daemon to measure; without it the workspace's own is built.
    #[arg(long, requires = "client")]
    daemon: Option<PathBuf>,
    /// Client to measure; without it the workspace's own is built.
    #[arg(long, requires = "daemon")]
    client: Option<PathBuf>,
    /// Directory to work in, which is kept; a throw-away one when absent.
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Who sends.
#[derive(Clone, Copy, Debug)]
enum Sender {
    /// A request of the CyberTrace API for each body, on so many connections.
    CyberTrace(usize),
    /// One request to `/v1`.
    V1,
    /// `sluice push` with so many connections.
    Client(usize),
}

/// A way in.
type Way = (&'static str, ImportForm, Sender);

/// All of them; the others are held against the first.
const WAYS: [Way; 11] = [
    ("array, CyberTrace", ImportForm::Array, Sender::CyberTrace(1)),
    ("NDJSON", ImportForm::Ndjson, Sender::V1),
    ("array", ImportForm::Array, Sender::V1),
    ("CSV", ImportForm::Csv, Sender::V1),
    ("lines", ImportForm::Lines, Sender::V1),
    ("STIX", ImportForm::Stix, Sender::V1),
    ("MISP", ImportForm::Misp, Sender::V1),
    ("array, CyberTrace, 2 connections", ImportForm::Array, Sender::CyberTrace(2)),
    ("client, NDJSON, 2 connections", ImportForm::Ndjson, Sender::Client(2)),
    ("client, NDJSON", ImportForm::Ndjson, Sender::Client(1)),
    ("client, CSV", ImportForm::Csv, Sender::Client(1)),
];

/// What all pushes share.
struct Ways<'run> {
    daemon: &'run Daemon,
    client: &'run Path,
    dir: &'run Path,
    forms: &'run Forms,
}

impl Imports {
    /// Takes every way.
    ///
    /// # Errors
    ///
    /// When the daemon refuses what it should take, or stores something else.
    pub(crate) fn run(&self) -> Result<()> {
        ensure!(0 < self.rounds, "a figure takes a round");
        let (daemon, client) = match (&self.daemon, &self.client) {
            (Some(daemon), Some(client)) => (daemon.clone(), client.clone()),
            _ => (
                build("sluice-server", "sluiced", self.profile)?,
                build("sluice-cli", "sluice", self.profile)?,
            ),
        };
        let scratch = tempfile::tempdir()?;
        let dir = self.dir.as_deref().unwrap_or(scratch.path());
        fs::create_dir_all(dir)?;
        let forms = Forms::write(self.source.open()?, dir)?;
        let expected = Stored::of_values(forms.values());
        println!("{} rows, {} indicators, {} refused", forms.rows(), expected.count(), expected.refused());

        let mut daemon = Daemon::start(&daemon, dir);
        daemon.wait_until_ready();
        daemon.client().prepare("Unused", &self.source.tags()?)?;
        let ways = Ways { daemon: &daemon, client: &client, dir, forms: &forms };
        let mut costs = WAYS.map(|_way| Vec::new());
        for round in 1..=self.rounds {
            for (number, (way, costs)) in WAYS.iter().zip(&mut costs).enumerate() {
                let supplier = format!("Way{number}Round{round}");
                let (name, ..) = way;
                costs.push(ways.push(*way, &supplier, &expected).with_context(|| format!("by {name}"))?);
            }
        }
        ensure!(daemon.terminate().success(), "the daemon does not stop");
        tell(forms.rows(), &costs)
    }
}

impl Ways<'_> {
    /// Pushes the feed for a new supplier, and looks at what it has then.
    fn push(&self, (_, form, sender): Way, supplier: &str, expected: &Stored) -> Result<Cost> {
        let mut client = self.daemon.client();
        client.prepare(supplier, &[])?;
        // Bodies are made before the clock starts.
        let bodies = match sender {
            Sender::CyberTrace(_) => self.forms.short_arrays()?,
            Sender::V1 => vec![self.forms.body(form)?],
            Sender::Client(_) => Vec::new(),
        };
        thread::park_timeout(PAUSE);
        let rows = self.forms.rows();
        let phase = Phase::begin(self.daemon, "push", rows)?;
        let (accepted, refused) = match sender {
            Sender::CyberTrace(connections) => self.put(&bodies, connections, supplier)?,
            Sender::V1 => post(&mut client, form, bodies.first().context("no body")?, supplier)?,
            Sender::Client(connections) => self.push_by_client(form, connections, supplier)?,
        };
        let cost = phase.end(rows)?;
        ensure!(
            accepted + refused == rows && refused == expected.refused(),
            "{accepted} of {rows} rows accepted and {refused} refused; {} had to be",
            expected.refused()
        );
        let stored = Stored::of_supplier(&mut client, supplier)?;
        expected.compare(&stored)?;
        Ok(cost)
    }

    /// Puts bodies by the CyberTrace API, a share of them on each connection.
    fn put(&self, bodies: &[Vec<u8>], connections: usize, supplier: &str) -> Result<(usize, usize)> {
        let refused = self.daemon.deal_out(bodies, connections, "put", |client, body| -> Result<usize> {
            Ok(client.ask("PUT", &indicators_path(supplier), body)?.answer.rejected()?)
        })?;
        Ok((self.forms.rows() - refused, refused))
    }

    /// Lets the client push, which takes the form from the file.
    fn push_by_client(&self, form: ImportForm, connections: usize, supplier: &str) -> Result<(usize, usize)> {
        let mut command = Command::new(self.client);
        // A profile, a journal or a proxy of whoever runs this is none of this one's.
        command.env_clear().env("HOME", self.dir);
        command.env("SLUICE_CLIENT_URL", format!("http://{}", self.daemon.address()));
        command.env("SLUICE_CLIENT_USER", CREDENTIALS.0).env("SLUICE_CLIENT_PASSWORD", CREDENTIALS.1);
        command.args(["push", "--json", "--supplier", supplier]);
        command.args(["--connections", &connections.to_string()]);
        if 1 < connections {
            command.arg("--any-order");
        }
        let output = command.arg(self.forms.file(form)).output().context("the client does not start")?;
        let said = String::from_utf8_lossy(&output.stderr);
        // 1: rows were refused.
        ensure!(matches!(output.status.code(), Some(0 | 1)), "{}: {said}", output.status);
        let last = output.stdout.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
        let summary = serde_json::from_slice(last.context("the client says nothing")?)?;
        Ok((count(&summary, "accepted")?, count(&summary, "refused")?))
    }
}

/// Posts a body to `/v1`.
fn post(client: &mut Client, form: ImportForm, body: &[u8], supplier: &str) -> Result<(usize, usize)> {
    let path = format!("/v1/suppliers/{supplier}/indicators?format={}", form.word());
    let answer = client.ask("POST", &path, body)?.answer;
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
    let summary = serde_json::from_slice(&answer.body)?;
    Ok((count(&summary, "accepted")?, count(&summary, "refused")?))
}

/// A count of a summary.
fn count(summary: &Value, name: &str) -> Result<usize> {
    let count =
        summary.get(name).and_then(Value::as_u64).with_context(|| format!("no {name} in {summary}"))?;
    Ok(usize::try_from(count)?)
}

/// Prints the table: medians, and the rate beside that of the first way.
///
/// # Errors
///
/// When a way was not taken.
fn tell(rows: usize, costs: &[Vec<Cost>]) -> Result<()> {
    println!(
        "| way | s | rows/s | of the first | daemon's CPU, s | its peak, MiB |\n|---|---|---|---|---|---|"
    );
    let mut first = None;
    for ((name, ..), costs) in WAYS.iter().zip(costs) {
        let figure =
            |read: fn(&Cost) -> f64| Figure::of(costs.iter().map(read).collect()).context("no round");
        let seconds = figure(|cost| cost.seconds)?.median;
        let cpu_seconds = figure(|cost| cost.daemon_cpu_seconds_per_million)?.median * float(rows) / 1e6;
        let peak = figure(|cost| float(cost.peak_resident_bytes))?.most / BYTES_PER_MIB;
        let (rate, ratio) = (float(rows) / seconds, *first.get_or_insert(seconds) / seconds);
        println!("| {name} | {seconds:.2} | {rate:.0} | {ratio:.2} | {cpu_seconds:.2} | {peak:.0} |");
    }
    Ok(())
}
