//! The first start: there must be a user who can log in.
//!
//! In: a data directory and possibly a password file. Out: the directory with mode 0700 and, if it held no accounts
//! yet, the administrator `admin`, with the given password or with a random one that is kept in the data directory
//! with mode 0600. Blocking.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::{
    accounts::{Accounts, AccountsFile, User},
    error::AuthError,
    password::{self, hash_password},
    private_files::{create_private_dir, replace_private},
    role::Role,
};
use crate::config::Config;

#[cfg(test)]
mod tests;

/// Name of the first administrator.
pub const FIRST_ADMINISTRATOR: &str = "admin";

/// Where a password that was made up is kept.
const PASSWORD_FILE: &str = "admin-password";

/// The file with the password of the first administrator: the configured one, or the one that is made.
pub fn password_file(config: &Config) -> PathBuf {
    match &config.admin_password_file {
        Some(path) => path.clone(),
        None => config.data_dir.join(PASSWORD_FILE),
    }
}

/// Removes the file with the password that was made up for the first administrator, once `name` no longer has it; true
/// if there was one.
///
/// # Errors
///
/// [`AuthError::Io`].
pub fn forget_password(data_dir: &Path, name: &str) -> Result<bool, AuthError> {
    if name != FIRST_ADMINISTRATOR {
        return Ok(false);
    }
    let path = data_dir.join(PASSWORD_FILE);
    match fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(AuthError::Io { action: "remove", path, source }),
    }
}

/// Reads a password file: its text without the line end.
///
/// # Errors
///
/// [`AuthError::Io`] or [`AuthError::BadPassword`].
pub fn read_password_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, AuthError> {
    let bytes = fs::read(path).map_err(AuthError::io("read", path))?;
    trim_password(Zeroizing::new(bytes))
}

/// Takes the line end off a password and checks its length.
///
/// # Errors
///
/// [`AuthError::BadPassword`].
pub fn trim_password(mut bytes: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, AuthError> {
    while let Some(b'\n' | b'\r') = bytes.last() {
        bytes.pop();
    }
    if bytes.is_empty() || password::PASSWORD_BYTES_MAX < bytes.len() {
        return Err(AuthError::BadPassword { bytes_max: password::PASSWORD_BYTES_MAX });
    }
    Ok(bytes)
}

/// What a start found, or made, of the first administrator.
#[derive(Debug)]
pub enum FirstAdministrator {
    /// There are accounts already.
    Known,
    /// Just made, with the password of the file that is configured.
    Given,
    /// Just made, with this password, to be shown once.
    MadeUp(Zeroizing<String>),
}

/// Makes the data directory private, and the administrator `admin` if there are no accounts.
///
/// # Errors
///
/// By variant of [`AuthError`].
pub fn ensure_administrator(config: &Config) -> Result<FirstAdministrator, AuthError> {
    create_private_dir(&config.data_dir).map_err(AuthError::io("use", &config.data_dir))?;
    let file = AccountsFile::new(&config.data_dir);
    if !file.read()?.is_empty() {
        return Ok(FirstAdministrator::Known);
    }
    // Of several that start at once, the one that writes the password is the one whose password counts.
    file.change(|accounts| {
        if accounts.is_empty() { add_administrator(config, accounts) } else { Ok(FirstAdministrator::Known) }
    })
}

/// Adds the administrator; returns the password if it was made up.
fn add_administrator(config: &Config, accounts: &mut Accounts) -> Result<FirstAdministrator, AuthError> {
    let (password, made) = if let Some(path) = &config.admin_password_file {
        (read_password_file(path)?, FirstAdministrator::Given)
    } else {
        let made = make_password(&password_file(config))?;
        (Zeroizing::new(made.as_bytes().to_vec()), FirstAdministrator::MadeUp(made))
    };
    let user = User {
        name: FIRST_ADMINISTRATOR.to_owned(),
        password_hash: hash_password(&password)?,
        role: Role::Administrator,
        tenants: vec![],
    };
    accounts.add_user(user)?;
    Ok(made)
}

fn make_password(path: &Path) -> Result<Zeroizing<String>, AuthError> {
    let password = Zeroizing::new(URL_SAFE_NO_PAD.encode(password::random_bytes::<18>()?));
    let line = Zeroizing::new(format!("{}\n", password.as_str()));
    replace_private(path, line.as_bytes()).map_err(AuthError::io("write", path))?;
    Ok(password)
}
