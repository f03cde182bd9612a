//! A small file system that nobody else uses, in memory, mounted where only its own processes see it.
//!
//! In: a directory and a size. Out: a file system there that can be filled to the last byte. A process holds the mount
//! namespace, and ends when the test does, however that ends; then the file system is gone too. Whoever may neither make a
//! user namespace nor mount has none.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, ErrorKind, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// What takes the space.
const BALLAST: &str = "ballast";
/// First with a user namespace, for which no rights are needed; then without, for which root's are.
const WAYS: [&[&str]; 2] = [&["--user", "--map-root-user", "--mount"], &["--mount"]];
/// Mounts, says so, and holds the namespace until its standard input ends.
const HOLD: &str =
    "mount -t tmpfs -o size=\"$1\"m,mode=700 none \"$0\" && echo mounted && exec cat >/dev/null";

/// See the module.
pub(super) struct SmallDisk {
    holder: Child,
    is_of_user: bool,
    dir: PathBuf,
}

impl SmallDisk {
    /// Mounts one of so many MiB; `None` where that is not allowed.
    pub(super) fn mount(dir: &Path, mib: u32) -> Option<Self> {
        WAYS.iter().find_map(|way| {
            let mut command = Command::new("unshare");
            command.args(*way).args(["sh", "-c", HOLD]).arg(dir).arg(mib.to_string());
            let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
            let mut holder = spawned.ok()?;
            let mut line = String::new();
            BufReader::new(holder.stdout.take()?).read_line(&mut line).ok()?;
            let disk = Self { holder, is_of_user: way.contains(&"--user"), dir: dir.to_owned() };
            (line == "mounted\n").then_some(disk)
        })
    }

    /// Writes a script that runs a program where the file system is seen, as the same process.
    pub(super) fn wrap(&self, program: &Path, script: &Path) -> PathBuf {
        let namespaces = format!("/proc/{}/ns", self.holder.id());
        let user = if self.is_of_user {
            format!("--user={namespaces}/user --preserve-credentials ")
        } else {
            String::new()
        };
        let program = program.display();
        let text = format!("#!/bin/sh\nexec nsenter {user}--mount={namespaces}/mnt '{program}' \"$@\"\n");
        fs::write(script, text).unwrap();
        fs::set_permissions(script, fs::Permissions::from_mode(0o700)).unwrap();
        script.to_owned()
    }

    /// Length of a file in it; 0 when it is not there.
    pub(super) fn length_of(&self, name: &str) -> u64 {
        fs::metadata(self.path(name)).map_or(0, |metadata| metadata.len())
    }

    /// Writes until nothing more goes in.
    pub(super) fn fill(&self) {
        let mut ballast = File::options().create(true).append(true).open(self.path(BALLAST)).unwrap();
        // Large pieces first; the last one of a length may go in half.
        for piece in [vec![1; 1 << 20], vec![1; 1 << 12], vec![1]] {
            loop {
                match ballast.write_all(&piece) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("the ballast cannot be written: {error}"),
                }
            }
        }
    }

    /// Removes what [`Self::fill`] wrote.
    pub(super) fn empty(&self) {
        fs::remove_file(self.path(BALLAST)).unwrap();
    }

    /// Where a file of it is for processes outside.
    fn path(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.dir.strip_prefix("/").unwrap()).join(name)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}
