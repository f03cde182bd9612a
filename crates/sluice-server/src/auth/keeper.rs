//! The file of known logins, `known-logins` in the data directory, and the thread that writes it.
//!
//! In: logins that were right. Out: how well an address and an account are known, across restarts. A new login is
//! written at once, mode 0600 and atomically, but not more often than every few seconds; the rest at the end. What a kill
//! takes with it is at most the logins of these seconds. A file that cannot be read or written costs no login: it is
//! warned of, and whoever is not known queues with strangers. A disk that never answers holds up nothing but the thread.

use std::{
    fs::File,
    io::{self, Read as _},
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::{
    error::AuthError,
    known::{AccountDigest, KnownLogins, Standing, TEXT_BYTES_MAX},
    private_files::put_private,
};

#[cfg(test)]
mod tests;

/// Shortest time between two writes.
const WRITE_INTERVAL: Duration = Duration::from_secs(5);

/// Shortest time from a write that failed to the next.
const RETRY_INTERVAL: Duration = Duration::from_mins(1);

/// How long the end waits for the last write.
const CLOSE_WAIT: Duration = Duration::from_secs(3);

/// See the module.
pub(crate) struct Keeper {
    kept: Arc<Kept>,
    /// Closed when the thread ends; `None` once that was waited for.
    ended: Mutex<Option<mpsc::Receiver<()>>>,
}

/// What requests and the thread share.
struct Kept {
    path: PathBuf,
    unsaved: Mutex<Unsaved>,
    /// Told when there is something to write, or nothing any more.
    changed: Condvar,
}

struct Unsaved {
    logins: KnownLogins,
    is_changed: bool,
    is_closed: bool,
}

impl Keeper {
    /// Reads the file and starts the thread.
    ///
    /// # Errors
    ///
    /// [`AuthError::Thread`].
    pub(crate) fn start(data_dir: &Path) -> Result<Self, AuthError> {
        let path = data_dir.join("known-logins");
        let logins = match read(&path) {
            Ok(text) => KnownLogins::of_text(&text),
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "the known logins are not read; nobody is known");
                KnownLogins::default()
            }
        };
        let unsaved = Mutex::new(Unsaved { logins, is_changed: false, is_closed: false });
        let kept = Arc::new(Kept { path, unsaved, changed: Condvar::new() });
        let for_thread = Arc::clone(&kept);
        let (running, ended) = mpsc::channel();
        let keep = move || {
            let _running = running;
            for_thread.keep();
        };
        thread::Builder::new().name("known-logins".to_owned()).spawn(keep).map_err(AuthError::Thread)?;
        Ok(Self { kept, ended: Mutex::new(Some(ended)) })
    }

    /// How well an address and an account are known; `None` is an account that does not exist.
    pub(crate) fn standing(&self, address: IpAddr, account: Option<&AccountDigest>) -> Standing {
        self.kept.unsaved.lock().logins.standing(address, account)
    }

    /// Remembers a login that was right.
    pub(crate) fn note(&self, address: IpAddr, account: AccountDigest) {
        let mut unsaved = self.kept.unsaved.lock();
        if unsaved.logins.note(address, account) {
            unsaved.is_changed = true;
            self.kept.changed.notify_all();
        }
    }

    /// Writes what is not written yet and ends the thread, which is left behind when the disk does not answer. Blocking, a
    /// few seconds at most.
    pub(crate) fn close(&self) {
        self.kept.unsaved.lock().is_closed = true;
        self.kept.changed.notify_all();
        let Some(ended) = self.ended.lock().take() else { return };
        if ended.recv_timeout(CLOSE_WAIT) == Err(RecvTimeoutError::Timeout) {
            let path = self.kept.path.display();
            tracing::warn!(%path, "the known logins could not be written: the disk does not answer");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.close();
    }
}

impl Kept {
    /// Writes what changes until it is closed.
    fn keep(&self) {
        let mut unsaved = self.unsaved.lock();
        loop {
            self.changed.wait_while(&mut unsaved, |unsaved| !unsaved.is_changed && !unsaved.is_closed);
            if !unsaved.is_changed {
                return;
            }
            unsaved.is_changed = false;
            let text = unsaved.logins.to_text();
            let written = MutexGuard::unlocked(&mut unsaved, || put_private(&self.path, text.as_bytes()));
            let mut pause = WRITE_INTERVAL;
            if let Err(error) = written {
                tracing::warn!(%error, path = %self.path.display(), "the known logins could not be written");
                // Not at the end, where it would be tried again without a pause.
                unsaved.is_changed |= !unsaved.is_closed;
                pause = RETRY_INTERVAL;
            }
            self.changed.wait_while_for(&mut unsaved, |unsaved| !unsaved.is_closed, pause);
        }
    }
}

/// The text of the file; a missing one is empty. A longer one than is ever written is damaged and cut.
fn read(path: &Path) -> io::Result<String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    file.take(TEXT_BYTES_MAX as u64).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
