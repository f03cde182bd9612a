//! The clients that are tried, each of one version, and how they come here.
//!
//! In: a client. Out: the directory that it is unpacked in, below the target directory, where it stays. Python's and
//! JavaScript's come from their registries by pip and npm, programs as packages of the Debian that this runs on, unpacked and
//! not installed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    command::{output_of, run},
    workspace::target_dir,
};

/// How a client is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Python,
    JavaScript,
    Rsyslog,
    SyslogNg,
}

/// A client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shipper {
    pub(super) kind: Kind,
    /// As its registry has it.
    pub(super) package: &'static str,
    /// Empty for that of the Debian.
    version: &'static str,
    /// Packages that it needs beside itself.
    needs: &'static [&'static str],
}

const fn of(kind: Kind, package: &'static str, version: &'static str) -> Shipper {
    Shipper { kind, package, version, needs: &[] }
}

/// All of them.
pub(super) const SHIPPERS: [Shipper; 10] = [
    of(Kind::Python, "elasticsearch", "7.17.12"),
    of(Kind::Python, "elasticsearch", "8.19.1"),
    of(Kind::Python, "elasticsearch", "9.5.1"),
    of(Kind::Python, "opensearch-py", "3.2.0"),
    of(Kind::JavaScript, "@elastic/elasticsearch", "7.17.14"),
    of(Kind::JavaScript, "@elastic/elasticsearch", "8.19.2"),
    of(Kind::JavaScript, "@elastic/elasticsearch", "9.4.3"),
    of(Kind::JavaScript, "@opensearch-project/opensearch", "3.9.0"),
    Shipper {
        kind: Kind::Rsyslog,
        package: "rsyslog",
        version: "",
        needs: &["rsyslog-elasticsearch", "libestr0", "libfastjson4"],
    },
    Shipper {
        kind: Kind::SyslogNg,
        package: "syslog-ng-core",
        version: "",
        needs: &["syslog-ng-mod-http", "syslog-ng-scl", "libivykis0", "libnet1"],
    },
];

impl Shipper {
    /// What it is called here, as a name of a supplier.
    pub(super) fn name(&self) -> String {
        let package = self.package.trim_start_matches('@').replace('/', "-");
        let (major, _) = self.version.split_once('.').unwrap_or(("", ""));
        format!("{package}-{major}").trim_end_matches('-').to_owned()
    }

    /// Brings it here, unless that has been done.
    ///
    /// # Errors
    ///
    /// When it cannot be had.
    pub(super) fn install(&self) -> Result<PathBuf> {
        let shippers = target_dir()?.join("tools/shippers");
        let dir = shippers.join(format!("{}{}", self.name(), self.version));
        if dir.exists() {
            return Ok(dir);
        }
        fs::create_dir_all(&shippers)?;
        println!("fetches {} {}", self.package, self.version);
        // What is fetched in part must not be taken for whole.
        let scratch = tempfile::tempdir_in(&shippers)?;
        let to = scratch.path().join("whole");
        fs::create_dir(&to)?;
        match self.kind {
            Kind::Python => {
                let mut pip = Command::new("python3");
                pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]);
                run(pip.arg(&to).arg(format!("{}=={}", self.package, self.version)))?;
            }
            Kind::JavaScript => {
                let mut npm = Command::new("npm");
                npm.args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]);
                run(npm.arg(&to).arg(format!("{}@{}", self.package, self.version)))?;
            }
            Kind::Rsyslog | Kind::SyslogNg => self.unpack(scratch.path(), &to)?,
        }
        fs::rename(&to, &dir)?;
        Ok(dir)
    }

    fn unpack(&self, scratch: &Path, to: &Path) -> Result<()> {
        let mut apt = Command::new("apt-get");
        apt.args(["download", "--quiet=2"]).arg(self.package).args(self.needs);
        output_of(apt.current_dir(scratch))?;
        let mut count = 0;
        for entry in fs::read_dir(scratch)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                run(Command::new("dpkg").arg("-x").arg(&path).arg(to))?;
                count += 1;
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if let Some(rest) = name.strip_prefix(&format!("{}_", self.package)) {
                    fs::write(to.join("version"), rest.split('_').next().unwrap_or_default())?;
                }
            }
        }
        ensure!(count == 1 + self.needs.len(), "{count} packages were fetched");
        Ok(())
    }

    /// Its version.
    ///
    /// # Errors
    ///
    /// When it is not installed.
    pub(super) fn version(&self, dir: &Path) -> Result<String> {
        if self.version.is_empty() {
            return fs::read_to_string(dir.join("version")).context("no version of the package");
        }
        Ok(self.version.to_owned())
    }
}
