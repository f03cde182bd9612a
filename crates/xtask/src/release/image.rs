//! The image with nothing but the static binary, as `deploy/Dockerfile` describes it.
//!
//! In: the binary, and buildah, or docker with an engine. Out: an archive that `docker load` and `podman load` read.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
};

use anyhow::{Result, bail};

use super::build_info::BuildInfo;
use crate::{command::run, workspace::root};

/// Whoever builds images here.
#[derive(Clone, Copy, Debug)]
pub(super) enum Builder {
    /// Needs no engine.
    Buildah,
    /// Needs an engine that runs.
    Docker,
}

impl Builder {
    /// Looks for one.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(super) fn find() -> Result<Self> {
        for (builder, program) in [(Self::Buildah, "buildah"), (Self::Docker, "docker")] {
            let asked = Command::new(program).arg("info").output();
            if asked.is_ok_and(|output| output.status.success()) {
                return Ok(builder);
            }
        }
        bail!(
            "nothing here builds images: apt-get install buildah, or start the engine of docker; --leave-out image makes the \
             rest"
        )
    }

    /// Builds the image and writes its archive into `out`.
    ///
    /// # Errors
    ///
    /// When the builder fails.
    pub(super) fn make(self, binary: &Path, build_info: &BuildInfo, out: &Path) -> Result<()> {
        let context = tempfile::tempdir()?;
        let dir = context.path();
        let deploy = root()?.join("deploy");
        copy(binary, &dir.join("sluiced"), 0o755)?;
        for file in ["Dockerfile", "container.toml"] {
            copy(&deploy.join(file), &dir.join(file), 0o644)?;
        }
        // The owner of what is made in a volume is that of the directory in the image.
        fs::create_dir(dir.join("data"))?;
        let tag = format!("sluice:{}", build_info.version);
        let archive = out.join(format!("sluice-{}-image.tar", build_info.version));
        match self {
            Self::Buildah => {
                // Health checks are in images of docker's format only.
                let mut build = Command::new("buildah");
                build.args([
                    "build",
                    "--quiet",
                    "--format",
                    "docker",
                    "--timestamp",
                    &build_info.epoch_seconds,
                ]);
                run(build.args(["--tag", &tag]).arg(dir))?;
                let to = format!("docker-archive:{}:{tag}", archive.display());
                run(Command::new("buildah").args(["push", "--quiet", &tag, &to]))
            }
            Self::Docker => {
                run(Command::new("docker").args(["build", "--quiet", "--tag", &tag]).arg(dir))?;
                run(Command::new("docker").args(["save", "--output"]).arg(archive).arg(&tag))
            }
        }
    }
}

/// Copies a file; whoever runs the image must be able to read it, whatever the umask here is.
fn copy(from: &Path, to: &Path, mode: u32) -> Result<()> {
    fs::copy(from, to)?;
    Ok(fs::set_permissions(to, Permissions::from_mode(mode))?)
}
