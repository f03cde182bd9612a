//! Passwords as somebody hands them to a command: in a file, typed on a terminal, or through a pipe.
//!
//! In: one of these. Out: the password. It is never an argument, which all users of the machine could see. What is typed is
//! not shown, and so it is asked for twice.

use std::{
    io::{self, IsTerminal as _, Read as _},
    path::Path,
};

use anyhow::{Context as _, ensure};
use sluice_server::auth::first_admin::{read_password_file, trim_password};
use zeroize::Zeroizing;

#[cfg(test)]
mod tests;

/// Bytes that are read of a pipe; a password is far shorter.
const PIPE_BYTES_MAX: u64 = 1 << 16;

/// Reads the password: from the file, if one is named; else from standard input.
pub(super) fn read(file: Option<&Path>) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    if let Some(path) = file {
        return Ok(read_password_file(path)?);
    }
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return ask_twice(&mut |prompt| rpassword::prompt_password(prompt));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    stdin.lock().take(PIPE_BYTES_MAX).read_to_end(&mut bytes).context("cannot read standard input")?;
    Ok(trim_password(bytes)?)
}

fn ask_twice(ask: &mut dyn FnMut(&str) -> io::Result<String>) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let mut ask = |prompt: &str| -> anyhow::Result<_> {
        let typed = ask(prompt).context("cannot ask on the terminal; use --password-file, or a pipe")?;
        Ok(trim_password(Zeroizing::new(typed.into_bytes()))?)
    };
    let first = ask("Password: ")?;
    ensure!(first == ask("The same again: ")?, "the two are not the same; nothing has changed");
    Ok(first)
}
