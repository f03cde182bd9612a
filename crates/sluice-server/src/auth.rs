//! Who is asking: from an `Authorization` header to an identity.
//!
//! In: the header and the client's address. Out: an `Identity`, or a refusal that tells nothing about why. An
//! unknown user, a wrong password and a malformed header cost one hash each. Hashing happens on a thread of its
//! own with a bounded queue, so that it neither holds up the runtime nor waits behind the parsing of bodies.
//!
//! What an identity may do is [`role`]'s table. Accounts are read again within a second of a change.

pub mod accounts;
pub(crate) mod basic;
pub(crate) mod cache;
pub(crate) mod checks;
pub mod first_admin;
pub mod password;
pub(crate) mod private_files;
pub mod role;
pub(crate) mod throttle;
pub(crate) mod token;

use std::{
    io,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use zeroize::Zeroizing;

use self::{
    accounts::{Accounts, AccountsError, AccountsFile, Stamp},
    basic::Claim,
    cache::Tagger,
    checks::{Checks, Flight, Landing, Step, Verdict},
    role::Identity,
};
use crate::{http::problem::Cause, worker::Worker};

#[cfg(test)]
mod tests;

/// Passwords waiting to be checked. At 33 ms each, the last one waits about two seconds.
const CHECKS_QUEUED_MAX: usize = 64;

/// Seconds to wait when that many are waiting.
const FULL_RETRY_SECONDS: u32 = 2;

/// How often the accounts file is looked at, at most.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Checks credentials. Shared by all requests.
#[derive(Debug)]
pub(crate) struct Auth {
    file: AccountsFile,
    known: Mutex<Known>,
    tagger: Tagger,
    checks: Checks,
    password_worker: Worker,
}

#[derive(Debug)]
struct Known {
    accounts: Arc<Accounts>,
    stamp: Option<Stamp>,
    looked: Instant,
}

/// Why credentials cannot be checked at all.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The accounts could not be read.
    #[error("the accounts could not be read")]
    Accounts(#[source] AccountsError),
    /// No random key for the cache of successes.
    #[error("there is no randomness")]
    Random(#[source] password::PasswordError),
    /// No thread for the checks.
    #[error("the password worker could not be started")]
    Thread(#[source] io::Error),
}

impl Auth {
    /// Reads the accounts and starts the password worker.
    ///
    /// # Errors
    ///
    /// By variant of [`AuthError`].
    pub(crate) fn start(file: AccountsFile) -> Result<Self, AuthError> {
        let stamp = file.stamp();
        let accounts = Arc::new(file.read().map_err(AuthError::Accounts)?);
        let key = password::random_bytes().map_err(AuthError::Random)?;
        Ok(Self {
            file,
            known: Mutex::new(Known { accounts, stamp, looked: Instant::now() }),
            tagger: Tagger::new(&key),
            checks: Checks::default(),
            password_worker: Worker::start("password-worker", CHECKS_QUEUED_MAX)
                .map_err(AuthError::Thread)?,
        })
    }

    /// Finds out who is asking. `headers` are all `Authorization` headers of the request.
    ///
    /// # Errors
    ///
    /// [`Cause::Unauthorized`], or [`Cause::TooManyAttempts`] before anything is checked, or
    /// [`Cause::Internal`].
    pub(crate) async fn identify(
        &self,
        mut headers: impl Iterator<Item = &[u8]>,
        address: IpAddr,
    ) -> Result<Identity, Cause> {
        let Some(header) = headers.next() else {
            return Err(Cause::Unauthorized);
        };
        let claim = match headers.next() {
            None => basic::read_claim(header),
            Some(_) => Claim::Malformed,
        };
        let accounts = self.accounts();
        match claim {
            Claim::Token(token) => by_token(&accounts, &token).ok_or(Cause::Unauthorized),
            Claim::Password { user, password } => self.by_password(accounts, user, password, address).await,
            Claim::Malformed => {
                self.by_password(accounts, String::new(), Zeroizing::default(), address).await
            }
        }
    }

    async fn by_password(
        &self,
        accounts: Arc<Accounts>,
        user: String,
        password: Zeroizing<Vec<u8>>,
        address: IpAddr,
    ) -> Result<Identity, Cause> {
        if password::PASSWORD_BYTES_MAX < password.len() {
            return Err(Cause::Unauthorized);
        }
        let known = accounts.user(&user);
        let identity = known.map(|known| Identity { role: known.role, tenants: known.tenants.clone() });
        let hash = known.map(|known| known.password_hash.clone());
        let tag = self.tagger.tag(&user, hash.as_deref(), &password);
        let verdict = match self.checks.ask(tag, address, &user, Instant::now()) {
            Step::Known => Verdict::Fits,
            Step::Wait(landing) => landing.verdict().await,
            Step::Check(flight, landing) => self.check(flight, landing, password, hash).await,
            Step::Refuse(retry_after_seconds) => {
                return Err(Cause::TooManyAttempts { retry_after_seconds });
            }
        };
        match verdict {
            Verdict::Fits => identity.ok_or(Cause::Unauthorized),
            Verdict::Wrong => Err(Cause::Unauthorized),
            Verdict::Unchecked => Err(Cause::TooManyAttempts { retry_after_seconds: FULL_RETRY_SECONDS }),
            Verdict::Failed => Err(Cause::Internal),
        }
    }

    async fn check(
        &self,
        flight: Flight,
        landing: Landing,
        password: Zeroizing<Vec<u8>>,
        hash: Option<String>,
    ) -> Verdict {
        let check = move || match password::verify_password(&password, hash.as_deref()) {
            Ok(true) => Verdict::Fits,
            Ok(false) => Verdict::Wrong,
            Err(error) => {
                tracing::error!(%error, "a password could not be checked");
                Verdict::Failed
            }
        };
        // Refused or lost, the job is dropped, and the flight in it lands all the same.
        let _heard_by_landing = self.password_worker.run(move || flight.run(check)).await;
        landing.verdict().await
    }

    /// The accounts as they are on file, or were half a second ago.
    fn accounts(&self) -> Arc<Accounts> {
        let (accounts, stamp) = {
            let mut known = self.known.lock();
            if known.looked.elapsed() < LOOK_INTERVAL {
                return Arc::clone(&known.accounts);
            }
            known.looked = Instant::now();
            (Arc::clone(&known.accounts), known.stamp)
        };
        let stamp_now = self.file.stamp();
        if stamp_now == stamp {
            return accounts;
        }
        match self.file.read() {
            Ok(read) => self.replace(Arc::new(read), stamp_now),
            Err(error) => {
                tracing::error!(%error, "the accounts could not be read again; the earlier ones stay in force");
                accounts
            }
        }
    }

    fn replace(&self, accounts: Arc<Accounts>, stamp: Option<Stamp>) -> Arc<Accounts> {
        {
            let mut known = self.known.lock();
            known.accounts = Arc::clone(&accounts);
            known.stamp = stamp;
        }
        tracing::info!(users = accounts.users.len(), tokens = accounts.tokens.len(), "accounts read again");
        accounts
    }
}

/// Makes an API token: its text, to be shown once, and its digest, to be kept.
///
/// # Errors
///
/// When the operating system gives no randomness.
pub fn make_token() -> Result<(Zeroizing<String>, String), password::PasswordError> {
    let text = token::print(&password::random_bytes()?);
    let digest = token::digest(&text);
    Ok((text, digest))
}

fn by_token(accounts: &Accounts, token: &str) -> Option<Identity> {
    let digest = token::digest(token);
    let now_seconds = u64::from(crate::now_seconds());
    // Every digest is compared, so that time does not tell which one fitted.
    let known = accounts.tokens.iter().fold(None, |found, known| {
        if token::same_digest(&digest, &known.digest) { Some(known) } else { found }
    })?;
    (now_seconds < known.expires_at_seconds)
        .then(|| Identity { role: known.scope.role(), tenants: known.tenants.clone() })
}
