//! Who is asking: from an `Authorization` header, or a client certificate, to an identity.
//!
//! In: the header, the client's certificates and its address. Out: an `Identity`, or a refusal that does not say why. An unknown user, a
//! wrong password and a malformed header cost one hash each. Hashes are computed on a thread of their own, the password
//! worker, so they neither block the HTTP threads nor wait behind the parsing of bodies. Whoever has logged in before is
//! remembered across restarts and comes before strangers (`lines`), so guessing from everywhere locks nobody out.
//!
//! What an identity may do is [`role`]'s table. A change of the accounts counts within a second.

pub mod accounts;
pub(crate) mod administration;
pub(crate) mod basic;
pub(crate) mod checks;
pub(crate) mod client_authority;
pub mod error;
pub(crate) mod expiring;
pub(crate) mod fingerprint;
pub mod first_admin;
pub(crate) mod keeper;
pub(crate) mod known;
pub(crate) mod lines;
pub(crate) mod network;
pub mod password;
pub(crate) mod password_worker;
pub mod private_files;
pub(crate) mod refusal;
pub mod role;
pub mod scope;
pub(crate) mod share;
pub(crate) mod throttle;
pub(crate) mod token;
mod told;

use std::{net::IpAddr, path::Path, sync::Arc, time::Instant};

use hmac::Hmac;
use parking_lot::Mutex;
use sha2::Sha256;
use zeroize::Zeroizing;

use self::{
    accounts::{Accounts, AccountsFile, User},
    basic::Claim,
    checks::{Checks, Step},
    client_authority::ClientAuthority,
    error::AuthError,
    keeper::Keeper,
    password_worker::{PasswordJob, PasswordWorker},
    refusal::{RefusalReason, Refused},
    role::Identity,
    told::ToldChanges,
};
use crate::{
    clock::now_seconds,
    http::{peer::PeerCertificates, problem::Cause},
};

#[cfg(test)]
mod tests;

/// Checks credentials. Shared by all requests.
pub(crate) struct Auth {
    file: AccountsFile,
    cached: Mutex<CachedAccounts>,
    told: Mutex<ToldChanges>,
    fingerprint_key: Hmac<Sha256>,
    checks: Arc<Mutex<Checks>>,
    password_worker: PasswordWorker,
    known: Keeper,
    /// Vouches for client certificates.
    pub(crate) client_authority: Arc<ClientAuthority>,
}

struct CachedAccounts {
    accounts: Arc<Accounts>,
    /// What the file looked like when it was read.
    stamp: Option<[u64; 4]>,
    /// Whether it could not be read since, which is told once.
    is_unreadable: bool,
}

/// Accounts that were read, and are not in force yet.
pub(crate) struct AccountsRead {
    accounts: Arc<Accounts>,
    /// What the file looked like.
    stamp: Option<[u64; 4]>,
    /// What it looked like when the accounts were read that were in force then.
    replaces: Option<[u64; 4]>,
}

impl Auth {
    /// Reads the accounts and the known logins, and starts the password worker.
    ///
    /// # Errors
    ///
    /// By variant of [`AuthError`].
    pub(crate) fn start(data_dir: &Path) -> Result<Self, AuthError> {
        let file = AccountsFile::new(data_dir);
        let stamp = file.stamp();
        let accounts = Arc::new(file.read()?);
        let mut told = ToldChanges::read(data_dir);
        told.tell(&accounts);
        Ok(Self {
            told: Mutex::new(told),
            file,
            cached: Mutex::new(CachedAccounts { accounts, stamp, is_unreadable: false }),
            fingerprint_key: fingerprint::keyed(&password::random_bytes()?),
            checks: Arc::default(),
            password_worker: PasswordWorker::start().map_err(AuthError::Thread)?,
            known: Keeper::start(data_dir)?,
            client_authority: Arc::default(),
        })
    }

    /// Finds out who is asking, and by which name: that of the user, or `token:` and that of the token. `headers` are all
    /// `Authorization` headers of the request; without any, the client's certificate tells.
    ///
    /// # Errors
    ///
    /// [`Cause::Unauthorized`], or [`Cause::TooManyAttempts`] before anything is checked, or
    /// [`Cause::Internal`], each with what the log is told.
    pub(crate) async fn identify(
        &self,
        mut headers: impl Iterator<Item = &[u8]>,
        peer: Option<&PeerCertificates>,
        address: IpAddr,
    ) -> Result<(String, Identity), Refused> {
        let Some(header) = headers.next() else { return self.by_certificate(peer) };
        let claim = match headers.next() {
            None => basic::read_claim(header),
            Some(_) => Claim::Malformed,
        };
        let accounts = self.accounts();
        let address = network::of_client(address);
        match claim {
            Claim::Token(token) => by_token(&accounts, &token),
            Claim::Password { user, password } => {
                match self.by_password(&accounts, &user, password, address).await {
                    Ok(identity) => Ok((user, identity)),
                    Err(cause) => Err(refused(&user, reason(&accounts, &user, &cause), cause)),
                }
            }
            Claim::Malformed => match self.by_password(&accounts, "", Zeroizing::default(), address).await {
                // There is no user without a name.
                Ok(_) => Err(refused("-", RefusalReason::Malformed, Cause::Unauthorized)),
                Err(cause) => Err(refused("-", RefusalReason::Malformed, cause)),
            },
        }
    }

    fn by_certificate(&self, peer: Option<&PeerCertificates>) -> Result<(String, Identity), Refused> {
        let unauthorized = |user: &str, reason| Err(refused(user, reason, Cause::Unauthorized));
        let Some(peer) = peer else { return unauthorized("-", RefusalReason::NoCredentials) };
        match self.client_authority.user(peer, u64::from(now_seconds())) {
            Ok(name) => match self.accounts().user(&name) {
                Some(known) => Ok((name, Identity::of_user(known))),
                None => unauthorized(&name, RefusalReason::UnknownUserOfCertificate),
            },
            Err(reason) => unauthorized("-", reason),
        }
    }

    async fn by_password(
        &self,
        accounts: &Accounts,
        user: &str,
        password: Zeroizing<Vec<u8>>,
        address: IpAddr,
    ) -> Result<Identity, Cause> {
        if password::PASSWORD_BYTES_MAX < password.len() {
            return Err(Cause::Unauthorized);
        }
        let known = accounts.user(user);
        let hash = known.map(|known| known.password_hash.as_str());
        let fingerprint = fingerprint::of(&self.fingerprint_key, user, hash, &password);
        let recalled = self.checks.lock().recall(&fingerprint, address, Instant::now());
        if recalled != Some(false) {
            let account = hash.map(|hash| fingerprint::of_account(user, hash));
            if recalled.is_none() {
                let standing = self.known.standing(address, account.as_ref());
                let now = Instant::now();
                match Checks::begin(&self.checks, fingerprint, standing, address, user, now)? {
                    Step::Passed => {}
                    Step::Wait(outcome) => outcome.wait().await?,
                    Step::Check(check, outcome) => {
                        let job = PasswordJob { check, password, hash: hash.map(str::to_owned) };
                        self.password_worker.enter(standing, address, job);
                        outcome.wait().await?;
                    }
                }
            }
            if let Some(account) = account {
                self.known.note(address, account);
            }
        }
        let Some(known) = known else { return Err(Cause::Unauthorized) };
        Ok(Identity::of_user(known))
    }

    /// Reads the accounts now; [`Auth::replace`] then puts them in force.
    ///
    /// # Errors
    ///
    /// Why the file cannot be read; the earlier accounts stay in force. That it is missing is an error too once there were
    /// accounts: otherwise whoever moves it away for a moment locks everybody out.
    pub(crate) fn read_accounts(&self) -> Result<AccountsRead, AuthError> {
        let (earlier, replaces) = {
            let cached = self.cached.lock();
            (Arc::clone(&cached.accounts), cached.stamp)
        };
        let stamp = self.file.stamp();
        let accounts = Arc::new(self.file.read()?);
        if *earlier != Accounts::default() && *accounts == Accounts::default() {
            self.file.check_present()?;
        }
        Ok(AccountsRead { accounts, stamp, replaces })
    }

    /// Writes what is not on the disk yet. Blocking.
    pub(crate) fn close(&self) {
        self.known.close();
    }

    /// The accounts in force.
    pub(crate) fn accounts(&self) -> Arc<Accounts> {
        Arc::clone(&self.cached.lock().accounts)
    }

    /// Reads the accounts again if their file has changed. Blocking: requests never ask the disk for them.
    pub(crate) fn reread(&self) {
        let stamp = self.cached.lock().stamp;
        if self.file.stamp() == stamp {
            self.cached.lock().is_unreadable = false;
            return;
        }
        match self.read_accounts() {
            Ok(read) => self.replace(read),
            Err(error) => {
                if !std::mem::replace(&mut self.cached.lock().is_unreadable, true) {
                    let cause = format!("{:#}", anyhow::Error::new(error));
                    tracing::error!(
                        cause,
                        "the accounts cannot be read again; the earlier ones stay in force"
                    );
                }
            }
        }
    }

    /// Puts accounts in force. If others were since they were read, the file tells which are the newest.
    pub(crate) fn replace(&self, read: AccountsRead) {
        let AccountsRead { accounts, stamp, replaces } = read;
        {
            let mut cached = self.cached.lock();
            if cached.stamp != replaces {
                drop(cached);
                return self.reread();
            }
            cached.stamp = stamp;
            cached.is_unreadable = false;
            cached.accounts = Arc::clone(&accounts);
        }
        {
            let mut told = self.told.lock();
            // Others may have been put in force meanwhile: the newest, so that nothing is told twice.
            told.tell(&self.accounts());
        }
        tracing::info!(users = accounts.users.len(), tokens = accounts.tokens.len(), "accounts read again");
    }
}

fn refused(user: &str, reason: RefusalReason, cause: Cause) -> Refused {
    // Some clients send a token in place of the name of a user, and the log must not have it.
    let user = if token::is_like_one(user) { "(a token)" } else { user };
    Refused { cause, user: user.to_owned(), reason }
}

/// Why a user and a password were refused.
fn reason(accounts: &Accounts, user: &str, cause: &Cause) -> RefusalReason {
    match cause {
        Cause::Unauthorized if accounts.user(user).is_none() => RefusalReason::UnknownUser,
        Cause::Unauthorized => RefusalReason::WrongPassword,
        Cause::TooManyAttempts { .. } => RefusalReason::TooManyAttempts,
        _ => RefusalReason::NotChecked,
    }
}

fn by_token(accounts: &Accounts, text: &str) -> Result<(String, Identity), Refused> {
    let digest = token::digest(text);
    let mut found = None;
    // Every digest is compared, so that time does not tell which one matched.
    for known in &accounts.tokens {
        if token::same_digest(&digest, &known.digest) {
            found = Some(known);
        }
    }
    let Some(known) = found else {
        return Err(refused("token:", RefusalReason::UnknownToken, Cause::Unauthorized));
    };
    let name = format!("token:{}", known.name);
    if known.expires_at_seconds <= u64::from(now_seconds()) {
        return Err(refused(&name, RefusalReason::ExpiredToken, Cause::Unauthorized));
    }
    let (role, tenants) = (known.scope.role(), known.tenants.clone());
    Ok((name, Identity { role, tenants, list: known.scope.list().cloned() }))
}

impl Identity {
    fn of_user(user: &User) -> Self {
        Self { role: user.role, tenants: user.tenants.clone(), list: None }
    }
}
