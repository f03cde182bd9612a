//! The real daemon as a child process, started, watched and killed.
//!
//! In: its binary and a directory. Out: its address, once it has printed it, and its readiness. What it says goes
//! to a file, so that a failed test can show it. Dropping kills it.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use crate::client::Client;

/// Name and password of the administrator; some clients take no blanks in it.
pub const CREDENTIALS: (&str, &str) = ("admin", "a-password-for-one-test");
/// Longest time from start to ready.
const READY_WAIT: Duration = Duration::from_mins(1);
/// Longest time from SIGTERM to the end.
const STOP_WAIT: Duration = Duration::from_secs(40);
/// Pause between two questions.
const ASK_INTERVAL: Duration = Duration::from_millis(5);

/// A running daemon.
pub struct Daemon {
    child: Child,
    addresses: Mutex<Receiver<SocketAddr>>,
    address: Option<SocketAddr>,
    said: PathBuf,
    started: Instant,
}

impl Daemon {
    /// Starts the daemon on a port of its own choice with its data in `dir`.
    pub fn start(binary: &Path, dir: &Path) -> Self {
        Self::start_with(binary, dir, &[])
    }

    /// The same, with these variables in its environment.
    pub fn start_with(binary: &Path, dir: &Path, settings: &[(&str, &str)]) -> Self {
        Self::start_at(binary, dir, "127.0.0.1:0", settings)
    }

    /// The same, on this address, where clients of a killed one look for it.
    pub fn start_at(binary: &Path, dir: &Path, listen: &str, settings: &[(&str, &str)]) -> Self {
        let password_file = dir.join("password");
        std::fs::write(&password_file, CREDENTIALS.1).unwrap();
        let said = dir.join("said");
        let mut command = Command::new(binary);
        // Variables of the test's own are none of the daemon's configuration.
        command.env_clear().env("RUST_BACKTRACE", "1").envs(settings.iter().copied());
        command.args(["--listen", listen, "--data-dir"]).arg(dir.join("data"));
        command.arg("--admin-password-file").arg(password_file);
        let stderr = File::options().create(true).append(true).open(&said).unwrap();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let (address_out, addresses) = mpsc::sync_channel(1);
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let read = move || {
            for line in stdout.lines().map_while(Result::ok) {
                if let Some(address) = printed_address(&line) {
                    let _is_waited_for = address_out.try_send(address).is_ok();
                }
            }
        };
        thread::Builder::new().name("said".to_owned()).spawn(read).unwrap();
        Self { child, addresses: Mutex::new(addresses), address: None, said, started: Instant::now() }
    }

    /// Number of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the daemon takes requests; returns the time since its start.
    pub fn wait_until_ready(&mut self) -> Duration {
        match self.try_ready(READY_WAIT) {
            Ok(took) => took,
            Err(ended) => panic!("the daemon is not ready, {ended:?}: {}", self.said()),
        }
    }

    /// Waits until the daemon takes requests; returns the time since its start.
    ///
    /// # Errors
    ///
    /// How it has ended instead; `None` when it has done neither for so long.
    pub fn try_ready(&mut self, limit: Duration) -> Result<Duration, Option<ExitStatus>> {
        self.try_state(limit, &[200])
    }

    /// Waits until the daemon answers lookups, though its disk may be too full for writes.
    pub fn wait_until_open(&mut self) {
        if let Err(ended) = self.try_state(READY_WAIT, &[200, 507]) {
            panic!("the store is not open, {ended:?}: {}", self.said());
        }
    }

    /// Waits until `/readyz` has one of these.
    fn try_state(&mut self, limit: Duration, states: &[u16]) -> Result<Duration, Option<ExitStatus>> {
        while self.started.elapsed() < limit {
            if let Some(address) = self.address {
                let answer = Client::new(address, "", "").request("GET", "/readyz", b"");
                if answer.is_ok_and(|answer| states.contains(&answer.status)) {
                    return Ok(self.started.elapsed());
                }
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                return Err(Some(status));
            }
            self.pause(ASK_INTERVAL);
        }
        Err(None)
    }

    /// A client of the daemon, which must have been ready.
    pub fn client(&self) -> Client {
        Client::new(self.address.unwrap(), CREDENTIALS.0, CREDENTIALS.1)
    }

    /// Its address; it must have been ready.
    pub fn address(&self) -> SocketAddr {
        self.address.unwrap()
    }

    /// Waits until it has printed its address, which it does before it is ready; gives it.
    pub fn wait_for_address(&mut self) -> SocketAddr {
        while self.started.elapsed() < READY_WAIT {
            if let Some(address) = self.address {
                return address;
            }
            self.pause(ASK_INTERVAL);
        }
        panic!("the daemon does not print its address: {}", self.said());
    }

    /// Does the same work on so many connections, each with a thread of its own, and gives what each came to.
    ///
    /// # Errors
    ///
    /// The first error of `work`, once all threads have ended.
    pub fn on_connections<T: Send, E: From<io::Error> + Send>(
        &self,
        count: usize,
        name: &str,
        work: impl Fn(Client) -> Result<T, E> + Sync,
    ) -> Result<Vec<T>, E> {
        thread::scope(|scope| {
            let work = &work;
            let spawn = |number| {
                let client = self.client();
                thread::Builder::new()
                    .name(format!("{name}-{number}"))
                    .spawn_scoped(scope, move || work(client))
            };
            let workers: Vec<_> = (0..count).map(spawn).collect();
            // All of them, also after an error.
            let ended: Vec<Result<T, E>> = workers.into_iter().map(join).collect();
            ended.into_iter().collect()
        })
    }

    /// Deals requests out to so many connections, each with a thread of its own, and adds up what `send` counts.
    ///
    /// # Errors
    ///
    /// The first error of `send`, once all threads have ended.
    pub fn deal_out<E: From<io::Error> + Send>(
        &self,
        requests: &[Vec<u8>],
        connections: usize,
        name: &str,
        send: impl Fn(&mut Client, &[u8]) -> Result<usize, E> + Sync,
    ) -> Result<usize, E> {
        let next = AtomicUsize::new(0);
        let sums = self.on_connections(connections, name, |mut client| -> Result<usize, E> {
            let mut sum = 0;
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                sum += send(&mut client, request)?;
            }
            Ok(sum)
        })?;
        Ok(sums.into_iter().sum())
    }

    /// Lets time pass, less when the daemon closes its output: then it has ended.
    pub fn pause(&mut self, duration: Duration) {
        let end = Instant::now() + duration;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            match self.addresses.get_mut().unwrap().recv_timeout(left) {
                Ok(address) => self.address = Some(address),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Kills the daemon; fails when it had ended by itself.
    pub fn kill(&mut self) {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "the daemon ended by itself, {ended:?}: {}", self.said());
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the daemon to stop, and does not wait.
    pub fn ask_to_stop(&self) {
        let asked = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().unwrap();
        assert!(asked.success());
    }

    /// Kills the daemon after it was asked to stop; it may have done so.
    pub fn kill_while_stopping(&mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            assert!(status.success(), "the daemon stopped with {status}: {}", self.said());
        } else {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }

    /// Asks the daemon to stop and waits for its end.
    pub fn terminate(mut self) -> ExitStatus {
        self.stop()
    }

    /// The same, and keeps what it said.
    pub fn stop(&mut self) -> ExitStatus {
        self.ask_to_stop();
        match self.wait_for_end(STOP_WAIT) {
            Some(status) => status,
            None => panic!("the daemon does not stop: {}", self.said()),
        }
    }

    /// Waits for the end of the daemon; `None` when it has not come for so long.
    pub fn wait_for_end(&mut self, limit: Duration) -> Option<ExitStatus> {
        let give_up = Instant::now() + limit;
        loop {
            let status = self.child.try_wait().unwrap();
            if status.is_some() || give_up <= Instant::now() {
                return status;
            }
            thread::park_timeout(ASK_INTERVAL);
        }
    }

    /// The end of what it said on standard error, over all its starts.
    pub fn said(&self) -> String {
        let said = std::fs::read_to_string(&self.said).unwrap_or_default();
        let lines: Vec<_> = said.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended long ago.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Waits for a thread of a scope.
///
/// # Errors
///
/// That of the thread; or it was not started, or panicked.
pub fn join<T, E: From<io::Error>>(
    worker: io::Result<thread::ScopedJoinHandle<'_, Result<T, E>>>,
) -> Result<T, E> {
    worker?.join().unwrap_or_else(|_panic| Err(io::Error::other("a thread of the client panicked").into()))
}

fn printed_address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("listens on http")?;
    let rest = rest.strip_prefix('s').unwrap_or(rest).strip_prefix("://")?;
    rest.split([' ', '/']).next()?.trim_end_matches('.').parse().ok()
}
