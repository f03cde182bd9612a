//! Users and API tokens: `accounts.json` in the data directory.
//!
//! In: changes from the command line and from the first start. Out: what the daemon checks credentials against.
//! The file is replaced as a whole (written beside, synced, renamed, directory synced) under a lock, mode 0600,
//! so that a reader sees the old file or the new one and two writers never lose each other's change; it belongs
//! to the owner of the directory, whoever writes it. It holds password hashes and token digests, never a secret
//! that logs in.
//!
//! Blocking; the command line calls it, and the daemon at start and when the file has changed.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::private_files::{create_private_dir, open_lock, replace_private};
use super::role::Role;

#[cfg(test)]
mod tests;

/// Longest name of a user or token, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// Users, and tokens, in one file.
const ENTRIES_MAX: usize = 10_000;

/// Longest accounts file, in bytes.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// All users and tokens.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// Users by name, in order of creation.
    pub users: Vec<User>,
    /// API tokens, in order of creation.
    pub tokens: Vec<Token>,
}

/// Somebody with a password.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Unique; no colon, no control characters.
    pub name: String,
    /// `Argon2id` PHC string.
    pub password_hash: String,
    /// What the user may.
    pub role: Role,
    /// Tenants that a tenant manager holds.
    #[serde(default)]
    pub tenants: Vec<String>,
}

/// A program with an API token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Unique among the tokens.
    pub name: String,
    /// SHA-256 of the token, in hex.
    pub digest: String,
    /// What the program may.
    pub scope: Scope,
    /// Tenants that a `write` token may change.
    #[serde(default)]
    pub tenants: Vec<String>,
    /// Seconds since 1970 from which on the token is no longer taken.
    pub expires_at_seconds: u64,
}

/// What a token may.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// As an analyst.
    Read,
    /// As a tenant manager.
    Write,
    /// As an administrator.
    Admin,
}

impl Scope {
    /// The role that the scope amounts to.
    pub(crate) fn role(self) -> Role {
        match self {
            Self::Read => Role::Analyst,
            Self::Write => Role::TenantManager,
            Self::Admin => Role::Administrator,
        }
    }
}

/// Why accounts could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// The file system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("{} is not an accounts file", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// There is no accounts file where one is expected.
    #[error("{} holds no accounts; name the daemon's data directory by --data-dir or --config", dir.display())]
    Missing {
        /// The directory.
        dir: PathBuf,
    },
    /// The file is longer than any accounts file may be.
    #[error("{} is longer than {FILE_BYTES_MAX} bytes", path.display())]
    TooLong {
        /// Which file.
        path: PathBuf,
    },
    /// The name is taken.
    #[error("the name {0} already exists")]
    AlreadyExists(String),
    /// There is nothing of this name.
    #[error("the name {0} does not exist")]
    NotFound(String),
    /// The name breaks the rule.
    #[error("a name has 1 to {NAME_BYTES_MAX} bytes, no colon and no control characters")]
    BadName,
    /// There are too many already.
    #[error("there are {ENTRIES_MAX} of them already, which is the limit")]
    TooMany,
}

impl Accounts {
    /// The user of this name.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }

    /// Adds a user.
    ///
    /// # Errors
    ///
    /// [`AccountsError::BadName`], [`AccountsError::AlreadyExists`] or [`AccountsError::TooMany`].
    pub fn add_user(&mut self, user: User) -> Result<(), AccountsError> {
        check_name(&user.name)?;
        if self.user(&user.name).is_some() {
            return Err(AccountsError::AlreadyExists(user.name));
        }
        if ENTRIES_MAX <= self.users.len() {
            return Err(AccountsError::TooMany);
        }
        self.users.push(user);
        Ok(())
    }

    /// Gives a user another password.
    ///
    /// # Errors
    ///
    /// [`AccountsError::NotFound`].
    pub fn set_password(&mut self, name: &str, password_hash: String) -> Result<(), AccountsError> {
        let user = self.users.iter_mut().find(|user| user.name == name);
        user.ok_or_else(|| AccountsError::NotFound(name.to_owned()))?.password_hash = password_hash;
        Ok(())
    }

    /// Removes a user.
    ///
    /// # Errors
    ///
    /// [`AccountsError::NotFound`].
    pub fn remove_user(&mut self, name: &str) -> Result<(), AccountsError> {
        let at = self.users.iter().position(|user| user.name == name);
        self.users.remove(at.ok_or_else(|| AccountsError::NotFound(name.to_owned()))?);
        Ok(())
    }

    /// Adds a token.
    ///
    /// # Errors
    ///
    /// [`AccountsError::BadName`], [`AccountsError::AlreadyExists`] or [`AccountsError::TooMany`].
    pub fn add_token(&mut self, token: Token) -> Result<(), AccountsError> {
        check_name(&token.name)?;
        if self.tokens.iter().any(|known| known.name == token.name) {
            return Err(AccountsError::AlreadyExists(token.name));
        }
        if ENTRIES_MAX <= self.tokens.len() {
            return Err(AccountsError::TooMany);
        }
        self.tokens.push(token);
        Ok(())
    }

    /// Removes a token, which from then on is not taken any more.
    ///
    /// # Errors
    ///
    /// [`AccountsError::NotFound`].
    pub fn revoke_token(&mut self, name: &str) -> Result<(), AccountsError> {
        let at = self.tokens.iter().position(|token| token.name == name);
        self.tokens.remove(at.ok_or_else(|| AccountsError::NotFound(name.to_owned()))?);
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), AccountsError> {
    let is_good = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.chars().any(|character| character == ':' || character.is_control());
    if is_good { Ok(()) } else { Err(AccountsError::BadName) }
}

/// What changes when the file is replaced; compared to notice that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    inode: u64,
    modified: (i64, i64),
    bytes: u64,
}

/// The accounts file of one data directory.
#[derive(Clone, Debug)]
pub struct AccountsFile {
    dir: PathBuf,
}

impl AccountsFile {
    /// Names the file; touches nothing.
    pub fn new(data_dir: &Path) -> Self {
        Self { dir: data_dir.to_owned() }
    }

    /// Names the file of a daemon that has been started before; touches nothing.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Missing`], so that a command on the wrong directory is told apart from one that worked, or
    /// [`AccountsError::Io`].
    pub fn existing(data_dir: &Path) -> Result<Self, AccountsError> {
        let file = Self::new(data_dir);
        match file.path().try_exists() {
            Ok(true) => Ok(file),
            Ok(false) => Err(AccountsError::Missing { dir: file.dir }),
            Err(source) => Err(failed("read", &file.path(), source)),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.join("accounts.json")
    }

    /// Reads the file; a missing one has no accounts.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Io`], [`AccountsError::TooLong`] or [`AccountsError::Malformed`].
    pub fn read(&self) -> Result<Accounts, AccountsError> {
        let path = self.path();
        let text = match File::open(&path).and_then(|file| read_text(&file)) {
            Ok(Some(text)) => text,
            Ok(None) => return Err(AccountsError::TooLong { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Accounts::default()),
            Err(source) => return Err(AccountsError::Io { action: "read", path, source }),
        };
        serde_json::from_str(&text).map_err(|source| AccountsError::Malformed { path, source })
    }

    /// What the file looks like from outside; `None` when it is missing.
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        let metadata = fs::metadata(self.path()).ok()?;
        Some(Stamp {
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            bytes: metadata.len(),
        })
    }

    /// Reads, changes and replaces the file, alone: other writers wait. The change is durable on return.
    ///
    /// # Errors
    ///
    /// As [`AccountsFile::read`], or whatever `change` says; then the file is as before.
    pub fn change<T>(
        &self,
        change: impl FnOnce(&mut Accounts) -> Result<T, AccountsError>,
    ) -> Result<T, AccountsError> {
        create_private_dir(&self.dir).map_err(|source| failed("create", &self.dir, source))?;
        let lock_path = self.dir.join("accounts.lock");
        let lock = open_lock(&lock_path).map_err(|source| failed("open", &lock_path, source))?;
        // Released when `lock` is closed, also by a kill.
        lock.lock().map_err(|source| failed("lock", &lock_path, source))?;
        let mut accounts = self.read()?;
        let result = change(&mut accounts)?;
        let text = serde_json::to_string_pretty(&accounts)
            .map_err(|source| AccountsError::Malformed { path: self.path(), source })?;
        replace_private(&self.path(), text.as_bytes())
            .map_err(|source| failed("write", &self.path(), source))?;
        drop(lock);
        Ok(result)
    }
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> AccountsError {
    AccountsError::Io { action, path: path.to_owned(), source }
}

fn read_text(file: &File) -> io::Result<Option<String>> {
    if FILE_BYTES_MAX < file.metadata()?.len() {
        return Ok(None);
    }
    io::read_to_string(file).map(Some)
}
