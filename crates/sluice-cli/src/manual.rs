//! The command `manual`: man pages and completions, made of the command line's own definition.
//!
//! In: a directory. Out: files below it, laid out as in `/usr/share`, readable for everybody.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use rustix::fs::Mode;

use crate::{arguments::Arguments, version};

/// Section of commands for everybody.
const SECTION: &str = "1";
/// Where each shell looks for completions, and the name that it wants.
const COMPLETIONS: [(Shell, &str, &str); 3] = [
    (Shell::Bash, "bash-completion/completions", "sluice"),
    (Shell::Zsh, "zsh/site-functions", "_sluice"),
    (Shell::Fish, "fish/vendor_completions.d", "sluice.fish"),
];

/// Writes all of it.
///
/// # Errors
///
/// When a file cannot be written.
pub(crate) fn write(dir: &Path) -> anyhow::Result<()> {
    // Nothing of it is secret.
    rustix::process::umask(Mode::WGRP | Mode::WOTH);
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    write_pages(&command, &make_dir(dir, &format!("man/man{SECTION}"))?)?;
    for (shell, folder, name) in COMPLETIONS {
        let path = make_dir(dir, folder)?.join(name);
        let mut text = Vec::new();
        generate(shell, &mut Arguments::command(), "sluice", &mut text);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Writes the page of a command that has been built, and those of its commands.
fn write_pages(command: &clap::Command, dir: &Path) -> anyhow::Result<()> {
    for below in command.get_subcommands() {
        write_pages(below, dir)?;
    }
    let page = Man::new(command.clone())
        .section(SECTION)
        .date(version::DATE)
        .source(format!("sluice {}", version::NUMBER))
        .manual("Sluice");
    let path = dir.join(page.get_filename());
    let written = File::create(&path).and_then(|mut file| page.render(&mut file));
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn make_dir(dir: &Path, folder: &str) -> anyhow::Result<PathBuf> {
    let path = dir.join(folder);
    fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
    Ok(path)
}
