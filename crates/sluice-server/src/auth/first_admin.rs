//! The first start: somebody must be able to log in.
//!
//! In: a data directory and possibly a password file. Out: the directory, made or left with mode 0700, and in it
//! the administrator `admin`, created when there are no accounts yet, with the given password or a random one that
//! is kept in the data directory, mode 0600. Blocking.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::{
    auth::{
        accounts::{AccountsError, AccountsFile, User},
        password::{self, PasswordError, hash_password},
        private_files::{create_private_dir, replace_private},
        role::Role,
    },
    config::Config,
};

#[cfg(test)]
mod tests;

/// Name of the first administrator.
pub const FIRST_ADMINISTRATOR: &str = "admin";

/// Why there is no first administrator.
#[derive(Debug, thiserror::Error)]
pub enum FirstAdminError {
    /// A file cannot be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The password is empty or too long.
    #[error("a password has 1 to {} bytes", password::PASSWORD_BYTES_MAX)]
    BadPassword,
    /// The password could not be hashed.
    #[error("the password could not be hashed")]
    Hash(#[source] PasswordError),
    /// The accounts could not be read or changed.
    #[error("the accounts could not be used")]
    Accounts(#[source] AccountsError),
}

/// A password that was made up.
pub struct MadePassword {
    /// The password, to be shown once.
    pub password: Zeroizing<String>,
    /// Where it is kept.
    pub path: PathBuf,
}

/// Reads a password file: its text without the line end.
///
/// # Errors
///
/// [`FirstAdminError::File`] or [`FirstAdminError::BadPassword`].
pub fn read_password_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, FirstAdminError> {
    let bytes = fs::read(path).map_err(|source| FirstAdminError::File { path: path.to_owned(), source })?;
    trim_password(Zeroizing::new(bytes))
}

/// Takes the line end off a password and checks its length.
///
/// # Errors
///
/// [`FirstAdminError::BadPassword`].
pub fn trim_password(mut bytes: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, FirstAdminError> {
    while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        bytes.pop();
    }
    if bytes.is_empty() || password::PASSWORD_BYTES_MAX < bytes.len() {
        return Err(FirstAdminError::BadPassword);
    }
    Ok(bytes)
}

/// Makes the data directory private, and the administrator `admin` when there are no accounts; gives the password if it made one up.
///
/// # Errors
///
/// By variant of [`FirstAdminError`].
pub fn ensure_administrator(config: &Config) -> Result<Option<MadePassword>, FirstAdminError> {
    create_private_dir(&config.data_dir)
        .map_err(|source| FirstAdminError::File { path: config.data_dir.clone(), source })?;
    let file = AccountsFile::new(&config.data_dir);
    let accounts = file.read().map_err(FirstAdminError::Accounts)?;
    if !accounts.users.is_empty() || !accounts.tokens.is_empty() {
        return Ok(None);
    }
    let (password, made) = if let Some(path) = &config.admin_password_file {
        (read_password_file(path)?, None)
    } else {
        let made = make_password(&config.data_dir)?;
        (Zeroizing::new(made.password.as_bytes().to_vec()), Some(made))
    };
    let user = User {
        name: FIRST_ADMINISTRATOR.to_owned(),
        password_hash: hash_password(&password).map_err(FirstAdminError::Hash)?,
        role: Role::Administrator,
        tenants: vec![],
    };
    file.change(|accounts| accounts.add_user(user)).map_err(FirstAdminError::Accounts)?;
    Ok(made)
}

fn make_password(data_dir: &Path) -> Result<MadePassword, FirstAdminError> {
    let random = password::random_bytes::<18>().map_err(FirstAdminError::Hash)?;
    let password = Zeroizing::new(URL_SAFE_NO_PAD.encode(random));
    let path = data_dir.join("admin-password");
    let text = Zeroizing::new(format!("{}\n", password.as_str()));
    replace_private(&path, text.as_bytes())
        .map_err(|source| FirstAdminError::File { path: path.clone(), source })?;
    Ok(MadePassword { password, path })
}
