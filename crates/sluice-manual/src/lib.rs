//! The command `manual` of each program: man pages and completions, made of the command line's own definition.
//!
//! In: the command line of a program, its version, a directory. Out: files below it, laid out as in `/usr/share`, readable for
//! everybody. Commands that are hidden have no page.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Command;
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use rustix::fs::Mode;

/// Writes all of it. `section` is that of the manual: 1 for everybody, 8 for administrators; `version` and `date` are of the
/// build.
///
/// # Errors
///
/// When a file cannot be written.
pub fn write(
    arguments: &Command,
    section: &str,
    [version, date]: [&str; 2],
    dir: &Path,
) -> anyhow::Result<()> {
    // Nothing of it is secret.
    rustix::process::umask(Mode::WGRP | Mode::WOTH);
    let name = arguments.get_name().to_owned();
    let mut command = arguments.clone().disable_help_subcommand(true);
    command.build();
    let page = |of: &Command| {
        let source = format!("{name} {version}");
        Man::new(of.clone()).section(section).date(date).source(source).manual("Sluice")
    };
    write_pages(&command, &page, &make_dir(dir, &format!("man/man{section}"))?)?;
    // Where each shell looks for completions, and the name that it wants.
    for (shell, folder, file) in [
        (Shell::Bash, "bash-completion/completions", name.clone()),
        (Shell::Zsh, "zsh/site-functions", format!("_{name}")),
        (Shell::Fish, "fish/vendor_completions.d", format!("{name}.fish")),
    ] {
        let path = make_dir(dir, folder)?.join(file);
        let mut text = Vec::new();
        generate(shell, &mut arguments.clone(), name.clone(), &mut text);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Writes the page of a command that has been built, and those of its commands.
fn write_pages(command: &Command, page: &impl Fn(&Command) -> Man, dir: &Path) -> anyhow::Result<()> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        write_pages(below, page, dir)?;
    }
    let page = page(command);
    let path = dir.join(page.get_filename());
    let written = File::create(&path).and_then(|mut file| page.render(&mut file));
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn make_dir(dir: &Path, folder: &str) -> anyhow::Result<PathBuf> {
    let path = dir.join(folder);
    fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
    Ok(path)
}
