//! Users and API tokens: `accounts.json` in the data directory.
//!
//! In: changes from the command line and from the first start. Out: what the daemon checks credentials against. The
//! file is replaced as a whole under a lock (written beside, synced, renamed, directory synced), so a reader sees the
//! old file or the new one, and two writers never lose each other's change. Its mode is 0600, and it belongs to the
//! owner of the directory, whoever writes it. It holds password hashes and token digests, never a secret that logs
//! in.
//!
//! Blocking. The command line calls it, and the daemon at its start and when the file has changed.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sluice_model::TenantName;
use zeroize::Zeroizing;

use super::{
    error::AuthError,
    password,
    private_files::{create_private_dir, open_lock, replace_private},
    role::Role,
    scope::Scope,
    token,
};
use crate::clock::{DAY_SECONDS, date, now_seconds};

#[cfg(test)]
mod tests;

/// Longest name of a user or token, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// Users, and tokens, in one file.
const ENTRIES_MAX: usize = 10_000;

/// Changes that are remembered.
const CHANGES_MAX: usize = 100;

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
    /// The last changes, oldest first.
    #[serde(default)]
    pub changes: Vec<AccountChange>,
    /// Who makes changes now, if it is not whoever runs the process.
    #[serde(skip)]
    author: Option<String>,
}

/// A change of the accounts, for the log of the daemon: whoever makes it is another process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountChange {
    /// One more than that of the change before.
    pub number: u64,
    /// Seconds since 1970.
    pub at_seconds: u64,
    /// Who: numbers of users of the system, or a user of the daemon.
    pub by: String,
    /// What, as a sentence without its subject.
    pub change: String,
}

/// An account with a password.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Unique; no colon, no control characters.
    pub name: String,
    /// `Argon2id` PHC string.
    pub password_hash: String,
    /// What the user may do.
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
    /// What the program may do.
    pub scope: Scope,
    /// Tenants that a `write` token may change, or whose list that of a list fetches.
    #[serde(default)]
    pub tenants: Vec<String>,
    /// Seconds since 1970 at which the token expires.
    pub expires_at_seconds: u64,
}

impl Token {
    /// One that is valid from now on for some days, of tenant General if none is named, with its text, which is to be shown once.
    ///
    /// # Errors
    ///
    /// When the operating system gives no randomness.
    pub fn make(
        name: String,
        scope: Scope,
        mut tenants: Vec<String>,
        days: u32,
    ) -> Result<(Zeroizing<String>, Self), AuthError> {
        if tenants.is_empty() {
            tenants.push(TenantName::GENERAL.to_owned());
        }
        let text = token::print(&password::random_bytes()?);
        let expires_at_seconds = u64::from(now_seconds()) + u64::from(days) * DAY_SECONDS;
        let digest = token::digest(&text);
        Ok((text, Self { name, digest, scope, tenants, expires_at_seconds }))
    }
}

impl Accounts {
    /// Returns true if nobody can log in: there has been no start yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.users.is_empty() && self.tokens.is_empty()
    }

    /// The user of this name.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }

    /// Adds a user.
    ///
    /// # Errors
    ///
    /// [`AuthError::BadName`], [`AuthError::BadTenant`], [`AuthError::NoTenant`], [`AuthError::AlreadyExists`] or
    /// [`AuthError::TooMany`].
    pub fn add_user(&mut self, user: User) -> Result<(), AuthError> {
        check_name(&user.name)?;
        check_tenants(&user.tenants)?;
        if user.role == Role::TenantManager && user.tenants.is_empty() {
            return Err(AuthError::NoTenant);
        }
        if self.user(&user.name).is_some() {
            return Err(AuthError::AlreadyExists(user.name));
        }
        if ENTRIES_MAX <= self.users.len() {
            return Err(AuthError::TooMany { count_max: ENTRIES_MAX });
        }
        let User { name, role, tenants, .. } = &user;
        self.note(format!("user {name} added, role={} tenants={}", role.name(), tenants.join(",")));
        self.users.push(user);
        Ok(())
    }

    /// Gives a user another password.
    ///
    /// # Errors
    ///
    /// [`AuthError::NotFound`].
    pub fn set_password(&mut self, name: &str, password_hash: String) -> Result<(), AuthError> {
        let Some(user) = self.users.iter_mut().find(|user| user.name == name) else {
            return Err(AuthError::NotFound(name.to_owned()));
        };
        user.password_hash = password_hash;
        self.note(format!("password of user {name} changed"));
        Ok(())
    }

    /// Removes a user.
    ///
    /// # Errors
    ///
    /// [`AuthError::NotFound`] or [`AuthError::LastAdministrator`].
    pub fn remove_user(&mut self, name: &str) -> Result<(), AuthError> {
        let is_administrator = |user: &User| user.role == Role::Administrator;
        if self.user(name).is_some_and(is_administrator)
            && !self.users.iter().any(|other| other.name != name && is_administrator(other))
        {
            return Err(AuthError::LastAdministrator(name.to_owned()));
        }
        let count = self.users.len();
        self.users.retain(|user| user.name != name);
        if self.users.len() == count {
            return Err(AuthError::NotFound(name.to_owned()));
        }
        self.note(format!("user {name} removed"));
        Ok(())
    }

    /// Adds a token.
    ///
    /// # Errors
    ///
    /// [`AuthError::BadName`], [`AuthError::BadTenant`], [`AuthError::AlreadyExists`] or [`AuthError::TooMany`].
    pub fn add_token(&mut self, token: Token) -> Result<(), AuthError> {
        check_name(&token.name)?;
        check_tenants(&token.tenants)?;
        if self.tokens.iter().any(|known| known.name == token.name) {
            return Err(AuthError::AlreadyExists(token.name));
        }
        if ENTRIES_MAX <= self.tokens.len() {
            return Err(AuthError::TooMany { count_max: ENTRIES_MAX });
        }
        let Token { name, scope, tenants, expires_at_seconds, .. } = &token;
        let (tenants, expires_at) = (tenants.join(","), date(*expires_at_seconds));
        self.note(format!("token {name} created, scope={scope} tenants={tenants} expires_at={expires_at}"));
        self.tokens.push(token);
        Ok(())
    }

    /// Removes a token; it is not accepted from then on.
    ///
    /// # Errors
    ///
    /// [`AuthError::NotFound`].
    pub fn revoke_token(&mut self, name: &str) -> Result<(), AuthError> {
        let count = self.tokens.len();
        self.tokens.retain(|token| token.name != name);
        if self.tokens.len() == count {
            return Err(AuthError::NotFound(name.to_owned()));
        }
        self.note(format!("token {name} revoked"));
        Ok(())
    }

    /// Number of the last change; 0 before the first.
    fn last_change(&self) -> u64 {
        self.changes.last().map_or(0, |last| last.number)
    }

    fn note(&mut self, change: String) {
        let number = self.last_change().saturating_add(1);
        let surplus = (self.changes.len() + 1).saturating_sub(CHANGES_MAX);
        self.changes.drain(..surplus);
        let at_seconds = u64::from(now_seconds());
        let by = self.author.clone().unwrap_or_else(who);
        self.changes.push(AccountChange { number, at_seconds, by, change });
    }
}

/// What tells users of the system from those of the daemon.
pub(super) const SYSTEM_USER: &str = "uid ";

/// Who runs this process: the user of the system, and who became that user by `sudo`.
fn who() -> String {
    let user = rustix::process::getuid().as_raw();
    match std::env::var("SUDO_UID").map(|before| before.parse::<u32>()) {
        Ok(Ok(before)) => format!("{SYSTEM_USER}{user}, by sudo from {SYSTEM_USER}{before}"),
        _ => format!("{SYSTEM_USER}{user}"),
    }
}

fn check_name(name: &str) -> Result<(), AuthError> {
    let is_good = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.chars().any(|character| character == ':' || character.is_control());
    if is_good { Ok(()) } else { Err(AuthError::BadName { bytes_max: NAME_BYTES_MAX }) }
}

fn check_tenants(tenants: &[String]) -> Result<(), AuthError> {
    for tenant in tenants {
        TenantName::parse(tenant).map_err(AuthError::BadTenant)?;
    }
    Ok(())
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
    /// [`AuthError::Missing`], so that a command on the wrong directory fails instead of making accounts there, or
    /// [`AuthError::Io`].
    pub fn existing(data_dir: &Path) -> Result<Self, AuthError> {
        let file = Self::new(data_dir);
        match file.path().try_exists() {
            Ok(true) => Ok(file),
            Ok(false) => Err(AuthError::Missing { dir: file.dir }),
            Err(source) => Err(AuthError::Io { action: "read", path: file.path(), source }),
        }
    }

    /// Refuses a file that is missing.
    ///
    /// # Errors
    ///
    /// [`AuthError::Io`].
    pub(crate) fn check_present(&self) -> Result<(), AuthError> {
        fs::metadata(self.path()).map(drop).map_err(AuthError::io("read", &self.path()))
    }

    /// The directory that it is in.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    fn path(&self) -> PathBuf {
        self.dir.join("accounts.json")
    }

    /// Reads the file; a missing one has no accounts.
    ///
    /// # Errors
    ///
    /// [`AuthError::Io`], [`AuthError::TooLong`] or [`AuthError::Malformed`].
    pub fn read(&self) -> Result<Accounts, AuthError> {
        let path = self.path();
        let text = match read_text(&path) {
            Ok(Some(text)) => text,
            Ok(None) => return Err(AuthError::TooLong { path, bytes_max: FILE_BYTES_MAX }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Accounts::default()),
            Err(source) => return Err(AuthError::Io { action: "read", path, source }),
        };
        match serde_json::from_str(&text) {
            Ok(accounts) => Ok(accounts),
            Err(source) => Err(AuthError::Malformed { path, source }),
        }
    }

    /// Inode, length and time of modification: some of it changes when the file is replaced. `None` when it is
    /// missing.
    pub(crate) fn stamp(&self) -> Option<[u64; 4]> {
        let metadata = fs::metadata(self.path()).ok()?;
        let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
        Some([metadata.ino(), metadata.len(), seconds.cast_unsigned(), nanoseconds.cast_unsigned()])
    }

    /// Reads, changes and replaces the file, alone: other writers wait. The change is durable on return.
    ///
    /// # Errors
    ///
    /// As [`AccountsFile::read`], or whatever `change` says; then the file is as before.
    pub fn change<T>(
        &self,
        change: impl FnOnce(&mut Accounts) -> Result<T, AuthError>,
    ) -> Result<T, AuthError> {
        self.change_as(None, change)
    }

    /// The same in the name of somebody else than who runs the process.
    ///
    /// # Errors
    ///
    /// As [`AccountsFile::change`].
    pub(crate) fn change_as<T>(
        &self,
        author: Option<String>,
        change: impl FnOnce(&mut Accounts) -> Result<T, AuthError>,
    ) -> Result<T, AuthError> {
        create_private_dir(&self.dir).map_err(AuthError::io("create", &self.dir))?;
        let (path, lock_path) = (self.path(), self.dir.join("accounts.lock"));
        let lock = open_lock(&lock_path).map_err(AuthError::io("open", &lock_path))?;
        // Released when `lock` is closed, also by a kill.
        lock.lock().map_err(AuthError::io("lock", &lock_path))?;
        let mut accounts = self.read()?;
        accounts.author = author;
        let result = change(&mut accounts)?;
        let text = match serde_json::to_string_pretty(&accounts) {
            Ok(text) => text,
            Err(source) => return Err(AuthError::Malformed { path, source }),
        };
        replace_private(&path, text.as_bytes()).map_err(AuthError::io("write", &path))?;
        drop(lock);
        Ok(result)
    }
}

fn read_text(path: &Path) -> io::Result<Option<String>> {
    let file = File::open(path)?;
    if FILE_BYTES_MAX < file.metadata()?.len() {
        return Ok(None);
    }
    io::read_to_string(file).map(Some)
}
