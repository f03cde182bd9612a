//! The commands that keep and check copies of the data.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use tempfile::TempDir;
use test_support::{
    client::{Client, DETECTED, LOOKUP_PATH, indicators_path},
    daemon::Daemon,
    exposition,
};

use crate::commands::{first_start, for_each_below, run};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_sluiced");

pub(crate) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn verify_tells_a_whole_directory_from_a_damaged_one_and_one_that_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let name = data_dir.to_str().unwrap();
    let output = run(&data_dir, &["verify", name]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!data_dir.exists(), "a command made the directory");

    first_start(&data_dir, &[]);
    let output = run(&data_dir, &["verify", name]);
    assert!(output.status.success(), "{output:?}");
    assert!(text(output.stdout).contains("is whole: commit "));
    assert!(text(output.stderr).contains("verified 100 %"));

    fs::write(data_dir.join("accounts.json"), "{").unwrap();
    let mut manifest = fs::read(data_dir.join("MANIFEST")).unwrap();
    manifest[30] ^= 1;
    fs::write(data_dir.join("MANIFEST"), manifest).unwrap();
    let output = run(&data_dir, &["verify", name]);
    assert_eq!(output.status.code(), Some(1));
    let (listed, told) = (text(output.stdout), text(output.stderr));
    assert!(listed.contains("MANIFEST: it fails its checksum"), "{listed}");
    assert!(listed.contains("This means: the daemon does not start"), "{listed}");
    assert!(listed.contains("accounts.json: "), "{listed}");
    assert!(told.ends_with("is damaged in 2 places; they are listed above\n"), "{told}");
}

#[test]
fn a_superusers_verify_leaves_files_that_the_daemon_can_read() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    first_start(&data_dir, &[]);
    if rustix::process::geteuid().is_root() {
        for_each_below(&data_dir, &mut |path, _| chown(path, Some(54_321), Some(54_322)).unwrap());
    }
    let owner = fs::metadata(&data_dir).unwrap();
    assert!(run(&data_dir, &["verify", data_dir.to_str().unwrap()]).status.success());
    for_each_below(&data_dir, &mut |path, metadata| {
        assert_eq!((metadata.uid(), metadata.gid()), (owner.uid(), owner.gid()), "{}", path.display());
    });
}

/// A daemon with a supplier, and a place for its snapshots.
pub(crate) struct Backed {
    pub(crate) dir: TempDir,
    pub(crate) daemon: Daemon,
}

impl Backed {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut daemon = start(dir.path());
        daemon.client().prepare("Feed", &[]).unwrap();
        daemon.wait_until_ready();
        Self { dir, daemon }
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.dir.path().join("backup").display())
    }

    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.dir.path().join("backup").join(name)
    }

    pub(crate) fn push(&self, from: usize, to: usize) {
        push(&mut self.daemon.client(), from, to);
    }

    pub(crate) fn snapshot(&self, more: &[&str]) -> String {
        let output = run(&self.data_dir(), &[&["snapshot", &self.url()], more].concat());
        assert!(output.status.success(), "{output:?}");
        text(output.stdout)
    }

    /// Restores into another directory, which then is that of `other`.
    pub(crate) fn restore(&self, other: &TempDir) -> Output {
        let target = other.path().join("data");
        run(&target, &["restore", &self.url(), target.to_str().unwrap()])
    }

    /// Restores, starts a daemon of it, and looks which of the values are there.
    #[track_caller]
    pub(crate) fn check_restores(&self, to: usize) {
        let other = tempfile::tempdir().unwrap();
        let output = self.restore(&other);
        assert!(output.status.success(), "{output:?}");
        let data_dir = other.path().join("data");
        for_each_below(&data_dir, &mut |path, metadata| {
            assert_eq!(metadata.permissions().mode() & 0o077, 0, "{}", path.display());
        });
        let verified = run(&data_dir, &["verify", data_dir.to_str().unwrap()]);
        assert!(verified.status.success(), "{verified:?}");
        let daemon = start(other.path());
        for number in 0..=to {
            assert_eq!(is_found(&mut daemon.client(), number), number < to, "value {number} of {to}");
        }
    }
}

pub(crate) fn start(dir: &Path) -> Daemon {
    let mut daemon = Daemon::start_with(Path::new(BINARY), dir, &[("SLUICE_DISK_RESERVE", "0")]);
    daemon.wait_until_ready();
    daemon
}

fn push(client: &mut Client, from: usize, to: usize) {
    let elements: Vec<_> =
        (from..to).map(|number| format!("{{\"indicator\":\"h{number}.example.com\"}}")).collect();
    let body = format!("[{}]", elements.join(","));
    let answer = client.request("PUT", &indicators_path("Feed"), body.as_bytes()).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
}

fn is_found(client: &mut Client, number: usize) -> bool {
    let body = format!("[{{\"object\":\"h{number}.example.com\"}}]");
    let answer = client.request("POST", LOOKUP_PATH, body.as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.body.windows(DETECTED.len()).any(|window| window == DETECTED)
}

pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn a_snapshot_beside_a_running_daemon_is_restored_with_its_accounts() {
    let backed = Backed::start();
    backed.push(0, 50);
    let said = backed.snapshot(&[]);
    assert!(said.contains(" taken: commit "), "{said}");
    // It is still the daemon's, and nobody else reaches it.
    let socket = fs::metadata(backed.data_dir().join("control.sock")).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    backed.push(50, 60);
    backed.check_restores(50);
}

/// Devices have tokens for them, which are restored: a list that is not there is no list that they keep.
#[test]
fn lists_are_restored_with_the_accounts() {
    let backed = Backed::start();
    let defined = backed.daemon.client().request("PUT", "/v1/lists/edge", b"{}").unwrap();
    assert_eq!(defined.status, 201, "{}", defined.text());
    backed.push(0, 1);
    backed.snapshot(&[]);
    let other = tempfile::tempdir().unwrap();
    assert!(backed.restore(&other).status.success());
    let restored = start(other.path());
    let list = restored.client().request("GET", "/v1/lists/edge.txt", b"").unwrap();
    assert_eq!((list.status, list.text()), (200, "h0.example.com\n".into()));
}

#[test]
fn only_what_is_new_travels() {
    let backed = Backed::start();
    backed.push(0, 50);
    backed.snapshot(&[]);
    let said = backed.snapshot(&[]);
    assert!(said.contains("of which 0 with 0 bytes were new"), "{said}");
    backed.push(50, 60);
    let objects = files(&backed.folder("objects"));
    backed.snapshot(&[]);
    let after = files(&backed.folder("objects"));
    assert!(objects.iter().all(|object| after.contains(object)) && objects.len() < after.len());
    backed.check_restores(60);
}

#[test]
fn a_stopped_daemon_is_copied_by_the_command_itself() {
    let mut backed = Backed::start();
    backed.push(0, 50);
    backed.daemon.stop();
    assert!(!backed.data_dir().join("control.sock").exists());
    let is_superuser = rustix::process::geteuid().is_root();
    if is_superuser {
        for_each_below(&backed.data_dir(), &mut |path, _| chown(path, Some(54_321), Some(54_322)).unwrap());
    }
    let owner = fs::metadata(backed.data_dir()).unwrap();
    backed.snapshot(&[]);
    for_each_below(&backed.data_dir(), &mut |path, metadata| {
        assert_eq!((metadata.uid(), metadata.gid()), (owner.uid(), owner.gid()), "{}", path.display());
    });
    backed.check_restores(50);
    // As after a kill, a socket may be there that nobody listens on.
    backed.daemon = start(backed.dir.path());
    backed.push(50, 60);
    backed.daemon.kill();
    assert!(backed.data_dir().join("control.sock").exists());
    backed.snapshot(&[]);
    backed.check_restores(60);
}

#[test]
fn a_snapshot_that_is_not_due_is_not_taken() {
    let backed = Backed::start();
    assert!(backed.snapshot(&["--every", "1000days"]).contains("taken"));
    assert_eq!(backed.snapshot(&["--every", "1000days"]).trim(), "");
    assert_eq!(files(&backed.folder("snapshots")).len(), 1);
}

#[test]
fn the_daemon_takes_snapshots_by_the_clock() {
    let dir = tempfile::tempdir().unwrap();
    let backup = dir.path().join("backup");
    let url = format!("file://{}", backup.display());
    let settings = [("SLUICE_DISK_RESERVE", "0"), ("SLUICE_SNAPSHOT__URL", &url)];
    let mut daemon = Daemon::start_with(Path::new(BINARY), dir.path(), &settings);
    daemon.wait_until_ready();
    let mut told = told_of_snapshots(&mut daemon, "taken");
    let newest = told.remove("sluice_snapshot_newest_timestamp_seconds").unwrap();
    let age = f64::from(sluice_server::now_seconds()) - newest;
    assert!((0.0..3_600.0).contains(&age), "{age}");
    assert_eq!(told, BTreeMap::from([("sluice_snapshot_interval_seconds".to_owned(), 86_400.0)]));
    assert_eq!(files(&backup.join("snapshots")).len(), 1);
    daemon.stop();
    let other = tempfile::tempdir().unwrap();
    let output = run(other.path(), &["restore", &url, other.path().join("data").to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_scheduled_snapshot_that_fails_is_told() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let url = format!("file://{}/file/backup", dir.path().display());
    let settings = [("SLUICE_DISK_RESERVE", "0"), ("SLUICE_SNAPSHOT__URL", &url)];
    let mut daemon = Daemon::start_with(Path::new(BINARY), dir.path(), &settings);
    daemon.wait_until_ready();
    let told = told_of_snapshots(&mut daemon, "failed");
    // There is none, so there is no newest one.
    assert_eq!(told, BTreeMap::from([("sluice_snapshot_interval_seconds".to_owned(), 86_400.0)]));
    assert!(daemon.said().contains("the scheduled snapshot failed"), "{}", daemon.said());
    daemon.stop();
}

/// Waits until metrics tell of one scheduled snapshot with this outcome, and of none with another one; gives what else they
/// tell of snapshots.
fn told_of_snapshots(daemon: &mut Daemon, outcome: &str) -> BTreeMap<String, f64> {
    loop {
        let answer = daemon.client().request("GET", "/metrics", b"").unwrap();
        let families = exposition::parse(&answer.text()).unwrap();
        let samples = families.iter().flat_map(|family| &family.samples);
        let (ended, others): (Vec<_>, Vec<_>) = samples
            .filter(|sample| sample.name.contains("snapshot"))
            .partition(|sample| sample.name == "sluice_scheduled_snapshots_total");
        let counted: Vec<_> = ended.iter().filter(|sample| sample.value != 0.0).collect();
        if let [counted] = counted[..] {
            assert_eq!((counted.label("outcome"), counted.value.to_bits()), (outcome, 1.0_f64.to_bits()));
            return others.into_iter().map(|sample| (sample.name.clone(), sample.value)).collect();
        }
        daemon.pause(Duration::from_millis(20));
    }
}

#[test]
fn old_snapshots_go_and_what_newer_ones_need_stays() {
    let backed = Backed::start();
    for round in 0..4 {
        backed.push(round * 10, round * 10 + 10);
        backed.snapshot(&["--keep", "2"]);
    }
    assert_eq!(files(&backed.folder("snapshots")).len(), 2);
    // What a killed snapshot left goes as well.
    fs::write(backed.folder("objects").join("part-0000009999-00"), "left").unwrap();
    fs::write(backed.folder("objects").join("part-0000009998-00#1"), "half written").unwrap();
    backed.snapshot(&["--keep", "1"]);
    let objects = files(&backed.folder("objects"));
    assert!(objects.iter().all(|path| !path.to_str().unwrap().contains("part-000000999")), "{objects:?}");
    backed.check_restores(40);
}

#[test]
fn nothing_is_removed_while_a_list_is_damaged() {
    let backed = Backed::start();
    backed.push(0, 10);
    backed.snapshot(&[]);
    let list = files(&backed.folder("snapshots")).remove(0);
    let mut bytes = fs::read(&list).unwrap();
    bytes[100] ^= 1;
    fs::write(&list, bytes).unwrap();
    backed.push(10, 20);
    let before = files(&backed.folder("objects"));
    let output = run(&backed.data_dir(), &["snapshot", &backed.url(), "--keep", "2"]);
    let told = text(output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("the snapshot is good, but old ones stay: nothing was removed"), "{told}");
    assert!(text(output.stdout).contains(" taken: "), "what was taken is told all the same");
    let after = files(&backed.folder("objects"));
    assert!(before.iter().all(|object| after.contains(object)));
    backed.check_restores(20);
}

#[test]
fn missing_and_damaged_objects_are_told_before_anything_counts() {
    let backed = Backed::start();
    backed.push(0, 50);
    backed.snapshot(&[]);
    for path in files(&backed.folder("objects")).into_iter().chain(files(&backed.folder("snapshots"))) {
        let whole = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut damaged = whole.clone();
        damaged[whole.len() / 2] ^= 1;
        for bytes in [None, Some(&damaged[..]), Some(&whole[..whole.len() - 1])] {
            match bytes {
                Some(bytes) => fs::write(&path, bytes).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let other = tempfile::tempdir().unwrap();
            let output = backed.restore(&other);
            assert_eq!(output.status.code(), Some(1), "{output:?}");
            let told = text(output.stderr);
            assert!(told.contains(&name) || told.contains("there is no snapshot"), "{name}: {told}");
            let data_dir = other.path().join("data");
            assert!(!data_dir.join("MANIFEST").exists());
            if data_dir.exists() {
                let mut daemon = Daemon::start(Path::new(BINARY), other.path());
                let ended = daemon.try_ready(Duration::from_mins(1));
                assert!(ended.is_err_and(|status| status.is_some_and(|status| !status.success())));
            }
        }
        fs::write(&path, &whole).unwrap();
    }
    backed.check_restores(50);
}

/// Whoever is killed when, the last snapshot that was told to be taken is there, and the next one is taken.
#[test]
fn a_kill_of_either_side_leaves_the_last_good_snapshot() {
    let mut backed = Backed::start();
    let mut count = 10;
    backed.push(0, count);
    backed.snapshot(&[]);
    let mut good = count;
    for kill in 0..16 {
        backed.push(count, count + 10);
        count += 10;
        let mut command = Command::new(BINARY);
        command.args(["--data-dir"]).arg(backed.data_dir()).args(["snapshot", &backed.url(), "--keep", "3"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Spread over the time that one takes.
        thread::park_timeout(Duration::from_millis(4 * (kill / 2)));
        if kill % 2 == 0 {
            child.kill().unwrap();
        } else {
            backed.daemon.kill();
        }
        if child.wait().unwrap().success() {
            good = count;
        }
        if kill % 2 == 1 {
            backed.daemon = start(backed.dir.path());
        }
        let other = tempfile::tempdir().unwrap();
        let output = backed.restore(&other);
        assert!(output.status.success(), "{output:?}");
        let daemon = start(other.path());
        assert!((0..good).all(|number| is_found(&mut daemon.client(), number)), "kill {kill}");
    }
    backed.snapshot(&["--keep", "1"]);
    backed.check_restores(count);
}

#[test]
fn a_restore_into_a_directory_with_something_in_it_changes_nothing() {
    let backed = Backed::start();
    backed.push(0, 10);
    backed.snapshot(&[]);
    let other = tempfile::tempdir().unwrap();
    fs::create_dir(other.path().join("data")).unwrap();
    fs::write(other.path().join("data/letter"), "mine").unwrap();
    let told = text(backed.restore(&other).stderr);
    assert!(told.contains("is not empty"), "{told}");
    assert_eq!(files(&other.path().join("data")).len(), 1);
}

#[test]
fn places_that_cannot_be_used_are_refused_with_a_sentence() {
    let backed = Backed::start();
    for (url, wanted) in [
        ("/backup", "is no URL; a directory is file:///"),
        ("ftp://backup.example.com/", "cannot be used; schemes are"),
        // It would be gone with the command.
        ("memory:///backup", "cannot be used; schemes are"),
        ("file:backup", "is no URL; a directory is file:///"),
        ("file:///proc/sluice", "cannot create /proc/sluice/objects"),
        ("https://key:secret@backup.example.com/", "cannot be used; schemes are"),
        ("az://container/prefix?sig=secret", "has no `?` or `#`"),
        ("secret/of/a/token", "is no URL"),
    ] {
        let output = run(&backed.data_dir(), &["snapshot", url]);
        let told = text(output.stderr);
        assert!(!told.contains("secret"), "{told}");
        assert!(output.status.code() == Some(1) && told.contains(wanted), "{url}: {told}");
    }
    let nothing = tempfile::tempdir().unwrap();
    let output = run(&nothing.path().join("data"), &["snapshot", &backed.url()]);
    assert!(text(output.stderr).contains("holds no data of a daemon"));
}
