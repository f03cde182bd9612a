//! What must not happen to snapshots: whatever else is in their place, whatever the clock says, and whoever else works there.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    backup::{BINARY, Backed, files, start, text},
    commands::run,
};

/// The one object of a daemon that is played here.
const OBJECT: &[u8] = b"bytes of a catalogue";

/// A daemon that is played: it has one object, and says what it is told to say.
struct Played {
    dir: tempfile::TempDir,
    command: Child,
    requests: BufReader<UnixStream>,
}

impl Played {
    /// Runs the command with the arguments; asks `prepare` first to fill its place.
    fn snapshot(arguments: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["data", "backup/objects", "backup/snapshots"] {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        prepare(&dir.path().join("backup"));
        let listener = UnixListener::bind(dir.path().join("data/control.sock")).unwrap();
        let mut command = Command::new(BINARY);
        command.arg("--data-dir").arg(dir.path().join("data")).arg("snapshot");
        command.arg(format!("file://{}", dir.path().join("backup").display())).args(arguments);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stream, _) = listener.accept().unwrap();
        Self { dir, command, requests: BufReader::new(stream) }
    }

    /// The next request; nothing once the command has closed.
    fn request(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.requests.read_line(&mut line).unwrap();
        if line.is_empty() { None } else { Some(serde_json::from_str(&line).unwrap()) }
    }

    fn reply(&mut self, reply: &Value) {
        writeln!(self.requests.get_mut(), "{reply}").unwrap();
    }

    /// Answers until the object is asked for, which is then not answered yet.
    fn until_read(&mut self) {
        assert_eq!(self.request(), Some(json!({"pin": 1})));
        self.reply(&json!({"pinned": {"manifest": "", "sequence": 7, "objects": ["catalogue"]}}));
        assert_eq!(self.request(), Some(json!({"digest": "catalogue"})));
        self.reply(&digest());
        assert_eq!(self.request(), Some(json!({"read": "catalogue"})));
    }

    fn hand_out(&mut self) {
        self.reply(&digest());
        self.requests.get_mut().write_all(OBJECT).unwrap();
    }

    fn backup(&self) -> PathBuf {
        self.dir.path().join("backup")
    }
}

fn digest() -> Value {
    json!({"digest": {"bytes": OBJECT.len(), "sha256": format!("{:x}", Sha256::digest(OBJECT))}})
}

#[test]
fn what_another_snapshot_is_copying_is_not_removed_with_the_old_ones() {
    let mut played = Played::snapshot(&["--keep", "1"], |backup| {
        fs::write(backup.join("objects/part-0000000001-00"), "nobody lists it").unwrap();
    });
    played.until_read();
    // Of a command that has come since.
    let of_another = played.backup().join("objects/part-0000000009-00");
    fs::write(&of_another, "it is not listed yet").unwrap();
    played.hand_out();
    while played.request().is_some() {
        played.reply(&digest());
    }
    // The turn ends with the connection, and then everything is done.
    assert!(!played.backup().join("objects/part-0000000001-00").exists());
    let output = played.command.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(of_another.exists());
}

#[test]
fn a_command_that_has_lost_its_turn_lists_nothing() {
    let mut played = Played::snapshot(&[], |_| {});
    played.until_read();
    played.hand_out();
    drop(played.requests);
    let output = played.command.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(output.stderr).contains("the daemon has ended the connection"));
    assert!(files(&played.dir.path().join("backup/snapshots")).is_empty());
}

/// Makes the only snapshot one that was taken at another time.
fn date(backed: &Backed, taken_at: &str, name: &str) {
    let [list] = &files(&backed.folder("snapshots"))[..] else { panic!("one list is expected") };
    let old = fs::read_to_string(list).unwrap();
    let (_, body) = old.split_once('\n').unwrap();
    let mut body: Value = serde_json::from_str(body).unwrap();
    body["taken_at"] = Value::from(taken_at);
    let body = body.to_string();
    fs::remove_file(list).unwrap();
    let text = format!("sha256 {:x}\n{body}", Sha256::digest(&body));
    fs::write(backed.folder("snapshots").join(name), text).unwrap();
}

/// Snapshots that were taken under a clock that was years ahead neither hold up later ones nor outlive them.
#[test]
fn a_clock_that_was_ahead_costs_no_snapshot() {
    let backed = Backed::start();
    backed.push(0, 10);
    backed.snapshot(&[]);
    date(&backed, "2099-01-01T00:00:00Z", "20990101T000000Z-00000000000000000002");
    backed.push(10, 20);
    assert!(backed.snapshot(&["--every", "1day", "--keep", "1"]).contains("snapshot 20990101T000001Z-"));
    let names = files(&backed.folder("snapshots"));
    assert_eq!(names.len(), 1);
    backed.check_restores(20);
    // What counts is when it was taken.
    assert_eq!(backed.snapshot(&["--every", "1day"]).trim(), "");
    assert!(backed.snapshot(&["--every", "0s"]).contains("taken"));
}

#[test]
fn a_newest_list_that_is_damaged_does_not_count_as_a_snapshot() {
    let backed = Backed::start();
    backed.snapshot(&[]);
    fs::write(&files(&backed.folder("snapshots"))[0], "sha256 0\n{}").unwrap();
    assert!(backed.snapshot(&["--every", "1000days"]).contains("taken"));
}

#[test]
fn files_of_others_among_the_lists_are_passed_over() {
    let backed = Backed::start();
    backed.push(0, 10);
    for name in ["README", "snapshots", "zzz", "20990101T000000Z-1", "20991399T000000Z-00000000000000000002"]
    {
        fs::create_dir_all(backed.folder("snapshots")).unwrap();
        fs::write(backed.folder("snapshots").join(name), "mine").unwrap();
    }
    backed.snapshot(&["--keep", "1", "--every", "1day"]);
    backed.check_restores(10);
    assert_eq!(files(&backed.folder("snapshots")).len(), 6);
}

#[test]
fn a_place_is_the_one_that_was_written() {
    let backed = Backed::start();
    backed.push(0, 10);
    let dir = backed.dir.path();
    for (name, wanted) in [("a%20b", Some("a b")), ("%E2%82%AC%25", Some("€%")), ("a?b", None), ("a#b", None)]
    {
        let url = format!("file://{}/{name}", dir.display());
        let output = run(&backed.data_dir(), &["snapshot", &url]);
        if let Some(wanted) = wanted {
            assert!(output.status.success(), "{output:?}");
            assert_eq!(files(&dir.join(wanted).join("snapshots")).len(), 1);
            let target = dir.join("restored").join(wanted);
            let output = run(&target, &["restore", &url, target.to_str().unwrap()]);
            assert!(output.status.success(), "{output:?}");
        } else {
            assert_eq!(output.status.code(), Some(1));
            assert!(text(output.stderr).contains("has no `?` or `#`"));
        }
    }
    assert!(!dir.join("a").exists());
    let output = run(&backed.data_dir(), &["snapshot", "s3://key:secret@bucket/prefix"]);
    let told = text(output.stderr);
    assert!(told.contains("credentials come from variables") && !told.contains("secret"), "{told}");
}

/// A path of a socket has 107 bytes at most.
#[test]
fn a_data_directory_with_a_long_name_is_copied_too() {
    let dir = tempfile::tempdir().unwrap();
    let long = dir.path().join("long".repeat(40));
    fs::create_dir(&long).unwrap();
    let daemon = start(&long);
    let url = format!("file://{}", dir.path().join("backup").display());
    let output = run(&long.join("data"), &["snapshot", &url]);
    assert!(output.status.success(), "{output:?}");
    drop(daemon);
}

#[test]
fn a_directory_in_use_is_told_by_the_exit_code_that_says_to_try_later() {
    let backed = Backed::start();
    backed.snapshot(&[]);
    let data_dir = backed.data_dir();
    let name = data_dir.to_str().unwrap();
    assert_eq!(run(&data_dir, &["verify", name]).status.code(), Some(75));
    // As while a daemon starts.
    fs::remove_file(data_dir.join("control.sock")).unwrap();
    assert_eq!(run(&data_dir, &["snapshot", &backed.url()]).status.code(), Some(75));
    // It is no empty directory either.
    assert_eq!(run(&data_dir, &["restore", &backed.url(), name]).status.code(), Some(1));
    assert!(!data_dir.join("RESTORING").exists());
}

/// Two daemons with one place once removed each other's snapshots, or took the other's for their own and took none.
#[test]
fn a_place_belongs_to_one_data_directory_until_another_takes_it_over() {
    let (first, second) = (Backed::start(), Backed::start());
    first.push(0, 10);
    first.snapshot(&["--keep", "1"]);
    let snapshot = |data_dir: &Path, more: &[&str]| {
        let output = run(data_dir, &[&["snapshot", &first.url()], more].concat());
        (output.status.success(), text(output.stderr))
    };
    let before = files(&first.folder("snapshots"));
    for more in [&[][..], &["--keep", "1"], &["--every", "1000days"]] {
        let (is_taken, told) = snapshot(&second.data_dir(), more);
        let wanted =
            format!("holds the snapshots of another data directory, {} on ", first.data_dir().display());
        assert!(!is_taken && told.contains(&wanted), "{told}");
    }
    assert_eq!(files(&first.folder("snapshots")), before);
    first.push(10, 20);
    first.snapshot(&["--keep", "1"]);
    first.check_restores(20);

    // What is restored is another one, too, and goes on in the same place when it is told that the first is gone.
    let other = tempfile::tempdir().unwrap();
    let restored = other.path().join("data");
    assert!(text(first.restore(&other).stdout).contains("--take-over"));
    assert!(!snapshot(&restored, &[]).0);
    for more in [&["--take-over", "--keep", "1"][..], &["--keep", "1"]] {
        let (is_taken, told) = snapshot(&restored, more);
        assert!(is_taken, "{told}");
    }
    let (is_taken, told) = snapshot(&first.data_dir(), &[]);
    assert!(!is_taken && told.contains(&format!("{} on ", restored.display())), "{told}");
    first.check_restores(20);
}

#[test]
fn a_place_from_before_places_had_owners_becomes_that_of_the_next_snapshot() {
    let backed = Backed::start();
    backed.snapshot(&[]);
    fs::remove_dir_all(backed.folder("owner")).unwrap();
    fs::remove_file(backed.data_dir().join("IDENTITY")).unwrap();
    backed.snapshot(&[]);
    let owners = files(&backed.folder("owner"));
    let identity = fs::read_to_string(backed.data_dir().join("IDENTITY")).unwrap();
    assert_eq!(owners, [backed.folder("owner").join(identity.trim_end())]);
}
