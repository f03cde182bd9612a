//! Asks a daemon by the thousand what its document says that it takes, and holds every answer to the document.
//!
//! In: the program `python3` with its module venv, and a registry of Python packages. Out: what was asked, or the first round in
//! which an answer was not as the document has it: an error of the service (5xx), a status, a media type or a header that is not
//! documented, a body of another form, a method that is not refused, or something that is still there after it was removed.
//! The daemon runs meanwhile on loopback, with its data in a scratch directory; it has to end well afterwards, without a panic.
//!
//! Left out are the requests that remove or replace credentials, because they would end those that all others are made with.
//! What else is removed is made again (`schemathesis/hooks.py`).
//! Which values exist is told to schemathesis (`config.toml`), because those that it makes up are not found. The document
//! itself is first held to the schema of OpenAPI 3.1.
//!
//! Checks that are left out: `ignored_auth`, because who tries wrong credentials again and again gets 429, as is documented
//! (the wire tests ask every request without credentials); `negative_data_rejection`, because one bad element of an array is told in
//! the answer and costs no other; `positive_data_acceptance`, because a name that exists already is 400.

mod python;

use std::{
    fs,
    path::Path,
    process::{Child, Command},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use test_support::{client::Client, daemon::Daemon, exposition};

use crate::{
    command::{ended_within, output_of, run},
    prometheus::scrape,
    workspace::{Profile, build},
};

/// What is asked for, and how.
#[derive(Args, Debug)]
pub(crate) struct Schemathesis {
    /// Number of requests to make at least. About a fifth of them are not drawn: they make again what was removed.
    #[arg(long, default_value_t = 25_000)]
    examples: u32,
    /// What the requests of the first round are drawn from; the others count on.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Requests that are drawn for each operation in a round, beside those that the document itself suggests.
    #[arg(long, default_value_t = 200)]
    of_operation: u32,
    /// How the daemon is built.
    #[arg(long, value_enum, default_value_t = Profile::Dev)]
    profile: Profile,
}

/// What an answer is held to.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,unsupported_method,allow_header_conformance,use_after_free";

/// Requests that would end the credentials in use.
const LEFT_OUT: [&str; 3] = ["SetPassword", "RemoveUser", "RevokeToken"];
/// What the daemon counts its answers under.
const ANSWERED: &str = "sluice_http_requests_total";
/// Longest time of a round.
const ROUND_TIME_MAX: Duration = Duration::from_mins(30);
/// Rounds after which something is wrong: each makes some thousand requests.
const ROUNDS_MAX: u64 = 50;

impl Schemathesis {
    /// Asks.
    ///
    /// # Errors
    ///
    /// What is missing, or which round failed.
    pub(crate) fn run(&self) -> Result<()> {
        let python = python::environment()?;
        let binary = build("sluice-server", "sluiced", self.profile)?;
        let dir = tempfile::tempdir()?;
        let mut daemon = start(&binary, dir.path());
        let token = token(&binary, dir.path())?;
        let document = dir.path().join("openapi.json");
        let mut client = Client::new(daemon.address(), "", "");
        let answer = client.request("GET", "/openapi.json", b"")?;
        ensure!(answer.status == 200, "the document is answered with {}", answer.status);
        fs::write(&document, answer.body)?;
        run(Command::new(python.join("openapi-spec-validator")).arg("--schema").arg("3.1").arg(&document))?;
        for (name, text) in [
            ("hooks.py", include_str!("schemathesis/hooks.py")),
            ("config.toml", include_str!("schemathesis/config.toml")),
        ] {
            fs::write(dir.path().join(name), text)?;
        }
        let (began, mut made, mut round) = (Instant::now(), 0.0, 0);
        while made < f64::from(self.examples) {
            ensure!(round < ROUNDS_MAX, "only {made} requests were made in {round} rounds");
            let url = format!("http://{}", daemon.address());
            let mut command = Command::new(python.join("schemathesis"));
            command.current_dir(dir.path()).env("SLUICE_URL", &url).env("SLUICE_TOKEN", &token);
            command.env("SCHEMATHESIS_HOOKS", "hooks");
            command.env("PYTHONPATH", dir.path()).env("PYTHONDONTWRITEBYTECODE", "1");
            command.args(["--config-file", "config.toml", "run", &format!("{url}/openapi.json")]);
            command.args(["--header", &format!("Authorization: Bearer {token}"), "--checks", CHECKS]);
            command.args(["--max-examples", &self.of_operation.to_string(), "--workers", "1", "--no-color"]);
            command.args(["--seed", &(self.seed + round).to_string(), "--generation-database", "none"]);
            command.args(["--warnings", "off", "--request-timeout", "60", "--continue-on-failure"]);
            for name in LEFT_OUT {
                command.args(["--exclude-operation-id", name]);
            }
            let before = requests(&mut daemon)?.0;
            watch(command.spawn().context("schemathesis does not run")?).with_context(|| {
                format!("round {round} failed; --seed {} begins with it", self.seed + round)
            })?;
            let (after, errors) = requests(&mut daemon)?;
            ensure!(errors < 1.0, "the daemon has answered {errors} requests with 5xx");
            (made, round) = (made + after - before, round + 1);
            println!("{made} requests in {round} rounds, {:.0} s", began.elapsed().as_secs_f64());
        }
        let said = daemon.said();
        ensure!(!said.contains("panicked"), "the daemon panicked: {said}");
        let ended = daemon.terminate();
        ensure!(ended.success(), "the daemon ended with {ended}");
        println!("every answer of {made} is as the document has it");
        Ok(())
    }
}

/// Starts a daemon with a tenant of its own.
fn start(binary: &Path, dir: &Path) -> Daemon {
    let settings = [("SLUICE_TENANTS", "[\"acme\"]"), ("SLUICE_DISK_RESERVE", "1MiB")];
    let mut daemon = Daemon::start_with(binary, dir, &settings);
    daemon.wait_until_ready();
    daemon
}

/// Makes a token that may do everything.
fn token(binary: &Path, dir: &Path) -> Result<String> {
    let mut command = Command::new(binary);
    command.arg("--data-dir").arg(dir.join("data")).args([
        "token",
        "create",
        "schemathesis",
        "--scope",
        "admin",
    ]);
    Ok(output_of(&mut command)?.trim().to_owned())
}

/// Requests that the daemon has answered, and those of them with an error of its own.
fn requests(daemon: &mut Daemon) -> Result<(f64, f64)> {
    let text = scrape(&mut daemon.client())?;
    let families = exposition::parse(&text).map_err(anyhow::Error::msg)?;
    let answered =
        families.iter().find(|family| family.name == ANSWERED).context("there is no count of requests")?;
    let (mut all, mut errors) = (0.0, 0.0);
    for sample in &answered.samples {
        all += sample.value;
        errors += if sample.label("status").starts_with('5') { sample.value } else { 0.0 };
    }
    Ok((all, errors))
}

/// Waits for a round.
fn watch(mut round: Child) -> Result<()> {
    if let Some(status) = ended_within(&mut round, ROUND_TIME_MAX)? {
        ensure!(status.success(), "schemathesis has found something");
        return Ok(());
    }
    round.kill()?;
    round.wait()?;
    bail!("schemathesis has not ended after {} s", ROUND_TIME_MAX.as_secs())
}
