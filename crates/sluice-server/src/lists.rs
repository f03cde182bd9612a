//! Lists for devices: what firewalls, resolvers and proxies load, built when something has changed, and served as files.
//!
//! In: definitions, made by requests and kept in `lists/lists.json`, and the store. Out: for each list and format a file (`file.rs`) that is replaced as
//! a whole. What was decided:
//!
//! * A list is built again when a commit has come since, or something on it has expired, but not within its `refresh_seconds`. The number of the
//!   newest commit tells that something has changed, which costs nothing; a text that comes out the same is not written again.
//! * A format is built from its first request on, which waits for it, or from the beginning if the definition names it.
//! * One thread builds, one list after the other ([`Lists::build_due`], called by `life::list_builder`): so lists cost no more than one processor,
//!   and the memory of one, which permits stand for ([`contents`]).
//! * A list that cannot be built keeps its last good bytes, and says so; it is tried again. A supplier or tag that is gone is such a failure, so
//!   that a renamed supplier opens nothing.
//! * Of a supplier that allows, nothing is ever on a list, not even what `InternalTI` holds; lookups differ there.

mod addresses;
mod building;
pub(crate) mod contents;
pub(crate) mod definition;
mod device_list;
pub(crate) mod file;
mod folder;
pub(crate) mod format;
mod keys;
mod render;

use std::{
    collections::BTreeMap,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use parking_lot::{Mutex, RwLock};
use sluice_ingest::Ingestor;
use sluice_model::ListName;
use sluice_store::Health;

pub(crate) use self::device_list::{Asker, DeviceList, ServedList};
use self::{
    building::{Basis, Build},
    contents::{BuildError, LISTS_BYTES_MAX},
    definition::ListDefinition,
    file::ListFile,
    folder::ListsFolder,
    format::ListFormat,
};
use crate::clock::now_seconds;

#[cfg(test)]
mod tests;

/// Lists of all tenants.
pub(crate) const LISTS_MAX: usize = 100;

/// Time that a request waits for the first build of a format.
const FIRST_BUILD_TIME: Duration = Duration::from_secs(10);

/// How often it is looked whether it is there: another definition may have come.
const ASK_AGAIN_TIME: Duration = Duration::from_millis(500);

/// Bytes of the disk above its reserve that lists leave to the store.
const ROOM_LEFT_BYTES: u64 = 64 << 20;

/// All lists.
pub(crate) struct Lists {
    folder: ListsFolder,
    /// By tenant and name.
    all: RwLock<BTreeMap<(String, ListName), Arc<DeviceList>>>,
    /// Held while definitions are changed.
    changing: Mutex<()>,
    wake: SyncSender<()>,
    woken: Mutex<Receiver<()>>,
    /// Builds that went well, and that did not.
    pub(crate) built_count: AtomicU64,
    /// See above.
    pub(crate) failed_count: AtomicU64,
}

/// How many lists there are, and how many of these are not as the store is because they cannot be built.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct ListCounts {
    pub(crate) lists: u64,
    pub(crate) stale: u64,
}

impl Lists {
    /// Reads the definitions; the files of lists are looked at when the first list is built.
    ///
    /// # Errors
    ///
    /// They cannot be read, or make no sense.
    pub(crate) fn open(data_dir: &Path) -> io::Result<Arc<Self>> {
        let (folder, kept) = ListsFolder::open(data_dir)?;
        let mut all = BTreeMap::new();
        for (tenant, name, definition) in kept {
            let key = (tenant.clone(), name.clone());
            all.insert(key, Arc::new(DeviceList::new(tenant, name, definition, BTreeMap::new())));
        }
        folder.sweep(&all);
        let (wake, woken) = sync_channel(1);
        Ok(Arc::new(Self {
            folder,
            all: RwLock::new(all),
            changing: Mutex::new(()),
            wake,
            woken: Mutex::new(woken),
            built_count: AtomicU64::new(0),
            failed_count: AtomicU64::new(0),
        }))
    }

    /// The list of this name.
    pub(crate) fn get(&self, tenant: &str, name: &ListName) -> Option<Arc<DeviceList>> {
        self.all.read().get(&(tenant.to_owned(), name.clone())).cloned()
    }

    /// The lists of a tenant, by name.
    pub(crate) fn of_tenant(&self, tenant: &str) -> Vec<Arc<DeviceList>> {
        self.all.read().values().filter(|list| list.tenant == tenant).cloned().collect()
    }

    /// How many there are.
    pub(crate) fn counts(&self) -> ListCounts {
        let mut counts = ListCounts::default();
        for list in self.all.read().values() {
            counts.lists += 1;
            counts.stale += u64::from(list.standing.lock().failure.is_some());
        }
        counts
    }

    /// Makes a list, or gives one another definition; returns whether it is new, or `None` if there are too many. Blocking.
    ///
    /// # Errors
    ///
    /// The definitions cannot be written; then nothing has changed.
    pub(crate) fn put(
        &self,
        tenant: &str,
        name: ListName,
        definition: ListDefinition,
    ) -> io::Result<Option<bool>> {
        let _changing = self.changing.lock();
        let before = self.get(tenant, &name);
        if before.is_none() && LISTS_MAX <= self.all.read().len() {
            return Ok(None);
        }
        let list = defined(tenant, name.clone(), definition, before.as_deref());
        if before.is_none() {
            // What a list of the name has left behind is not of this one.
            self.folder.remove_files(&list);
        }
        let list = Arc::new(list);
        let mut all = self.all.read().clone();
        all.insert((tenant.to_owned(), name), list);
        self.folder.keep(&all)?;
        *self.all.write() = all;
        self.wake();
        Ok(Some(before.is_none()))
    }

    /// Removes a list; returns false if there is none. Blocking.
    ///
    /// # Errors
    ///
    /// The definitions cannot be written; then nothing has changed.
    pub(crate) fn remove(&self, tenant: &str, name: &ListName) -> io::Result<bool> {
        let _changing = self.changing.lock();
        let mut all = self.all.read().clone();
        let Some(list) = all.remove(&(tenant.to_owned(), name.clone())) else { return Ok(false) };
        self.folder.keep(&all)?;
        *self.all.write() = all;
        self.folder.remove_files(&list);
        Ok(true)
    }

    /// Has the thread that builds look now.
    fn wake(&self) {
        // If it is to look already, that is enough.
        let _is_asked = self.wake.try_send(());
    }

    /// Waits until something is to be built at once, for a time at most. For the thread that builds.
    pub(crate) fn wait(&self, time: Duration) {
        let _is_woken = self.woken.lock().recv_timeout(time);
    }

    /// A list as it is served in a format, which is built first if it never was; waits for that, but not for long.
    ///
    /// # Errors
    ///
    /// Why there is nothing to serve.
    pub(crate) async fn serve(
        &self,
        list: &DeviceList,
        format: ListFormat,
        asker: Asker,
    ) -> Result<ServedList, String> {
        let mut tries = list.tries.subscribe();
        tries.mark_unchanged();
        let deadline = tokio::time::Instant::now() + FIRST_BUILD_TIME;
        loop {
            // It may have another definition by now.
            let present = self.get(&list.tenant, &list.name);
            let present = present.as_deref().unwrap_or(list);
            if let Some(served) = present.served(format, asker) {
                return Ok(served);
            }
            if let Some(failure) = present.failure() {
                return Err(failure);
            }
            self.wake();
            let outcome = tokio::time::timeout(ASK_AGAIN_TIME, tries.changed()).await;
            if deadline <= tokio::time::Instant::now() || matches!(outcome, Ok(Err(_gone))) {
                return Err("it is being built".to_owned());
            }
        }
    }

    /// Builds what is due: first what somebody waits for. For the thread that builds.
    pub(crate) fn build_due(&self, ingestor: &Ingestor, is_stopping: &dyn Fn() -> bool) {
        let mut all: Vec<Arc<DeviceList>> = self.all.read().values().cloned().collect();
        // What was built before is served before anything is built.
        for list in &all {
            if is_stopping() {
                return;
            }
            self.load(list);
            for format in list.forget(Instant::now()) {
                folder::remove(&self.folder.path(list, format));
            }
        }
        all.sort_by_key(|list| !list.is_waited_for());
        for list in all {
            if is_stopping() {
                return;
            }
            if !list.is_due(ingestor.store().sequence(), Instant::now()) {
                continue;
            }
            // One that cannot be built must not cost the others theirs.
            let build = AssertUnwindSafe(|| self.build(&list, ingestor, is_stopping));
            if catch_unwind(build).is_err() {
                // The hook for panics has told where.
                self.note(&list, ingestor.store().sequence(), Err(BuildError::Panicked));
            }
        }
    }

    /// Looks at the files of a list, once. One that is damaged is set aside, and built again.
    fn load(&self, list: &DeviceList) {
        if list.standing.lock().is_loaded {
            return;
        }
        let mut found = BTreeMap::new();
        for format in ListFormat::all().filter(|format| list.definition.refusal(*format).is_none()) {
            let path = self.folder.path(list, format);
            let file = match ListFile::open(&path).and_then(|file| file.verify().map(|()| file)) {
                // Whoever may have that need not be who may have this.
                Ok(file) => {
                    Some(ServedList::of(file)).filter(|served| served.file.figures.definition == list.digest)
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    let path = path.display();
                    tracing::error!(%path, %error, "a list cannot be read; it is built again");
                    if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) {
                        folder::set_aside(&self.folder.path(list, format));
                    }
                    None
                }
            };
            found.insert(format, file);
        }
        let mut standing = list.standing.lock();
        for (format, file) in found {
            // What was asked for meanwhile has none.
            let known = standing.formats.entry(format).or_default();
            *known = known.take().or(file);
        }
        standing.is_loaded = true;
        drop(standing);
        list.tries.send_modify(|tries| *tries += 1);
    }

    fn build(&self, list: &Arc<DeviceList>, ingestor: &Ingestor, is_stopping: &dyn Fn() -> bool) {
        let wanted: Vec<_> = {
            let mut standing = list.standing.lock();
            standing.began = Some(Instant::now());
            let formats = standing.formats.iter();
            formats
                .map(|(format, served)| {
                    let before = served.as_ref().map(|served| served.file.figures.clone());
                    (*format, self.folder.path(list, *format), before)
                })
                .collect()
        };
        let now_seconds = now_seconds();
        let store = ingestor.store();
        let is_wanted = || !is_stopping() && self.is_in_force(list);
        let may_go_on = || {
            if !is_wanted() {
                return Err(io::Error::other("the list is not wanted any more"));
            }
            if store.health() == Health::DiskFull || store.disk_left_bytes() < ROOM_LEFT_BYTES {
                return Err(io::ErrorKind::StorageFull.into());
            }
            Ok(())
        };
        let build = Build {
            tenant: &list.tenant,
            name: &list.name,
            definition: &list.definition,
            digest: &list.digest,
            now_seconds,
            is_wanted: &is_wanted,
            may_go_on: &may_go_on,
        };
        let formats = wanted.iter().map(|(format, path, before)| (*format, path.as_path(), before.clone()));
        let note = |format, written| list.note(format, written, now_seconds.into());
        let mut outcome = self.folder.make_for(&list.tenant).map_err(BuildError::Io);
        let mut all_bytes = Vec::new();
        for list in self.all.read().values() {
            all_bytes.push(list.bytes());
        }
        // Those that take less than their share must not wait for one that takes more.
        let share = LISTS_BYTES_MAX / (all_bytes.len() as u64).max(1);
        if LISTS_BYTES_MAX < all_bytes.iter().sum() && share < list.bytes() {
            outcome = Err(BuildError::NoRoom);
        }
        let outcome = match outcome.and_then(|()| build.run(ingestor, formats, note)) {
            Err(BuildError::Io(_)) if !is_wanted() => Err(BuildError::Stopping),
            outcome => outcome,
        };
        self.note(list, store.sequence(), outcome);
    }

    /// Whether a list is defined as it is here, and not otherwise by now.
    fn is_in_force(&self, list: &Arc<DeviceList>) -> bool {
        self.get(&list.tenant, &list.name).is_some_and(|present| Arc::ptr_eq(&present, list))
    }

    /// Notes how a build has ended, as of a commit.
    fn note(&self, list: &DeviceList, sequence: u64, outcome: Result<Basis, BuildError>) {
        let mut standing = list.standing.lock();
        let (tenant, name) = (list.tenant.as_str(), list.name.as_str());
        match outcome {
            Ok(basis) => {
                self.built_count.fetch_add(1, Ordering::Relaxed);
                (standing.basis, standing.failures_count, standing.hopeless_at) = (Some(basis), 0, None);
                if standing.failure.take().is_some() {
                    tracing::info!(tenant, list = name, "the list is built again");
                }
            }
            Err(BuildError::Stopping) => {}
            Err(error) => {
                self.failed_count.fetch_add(1, Ordering::Relaxed);
                standing.failures_count = standing.failures_count.saturating_add(1);
                standing.hopeless_at = matches!(error, BuildError::TooLong).then_some(sequence);
                let cause = format!("{:#}", anyhow::Error::new(error));
                if standing.failure.as_ref() != Some(&cause) {
                    tracing::warn!(
                        tenant,
                        list = name,
                        cause,
                        "the list cannot be built; what was built before is still served"
                    );
                }
                standing.failure = Some(cause);
            }
        }
        drop(standing);
        list.tries.send_modify(|tries| *tries += 1);
    }
}

/// A list with a definition, in the place of another one. What that has built is served until its own is there, but to nobody who could
/// not have had it.
fn defined(
    tenant: &str,
    name: ListName,
    definition: ListDefinition,
    before: Option<&DeviceList>,
) -> DeviceList {
    let (mut formats, mut is_loaded) = (BTreeMap::new(), true);
    let is_newly_public = definition.public && before.is_some_and(|before| !before.definition.public);
    if let Some(before) = before {
        let standing = before.standing.lock();
        is_loaded = standing.is_loaded;
        formats.clone_from(&standing.formats);
    }
    let list = DeviceList::new(tenant.to_owned(), name, definition, formats);
    {
        let mut standing = list.standing.lock();
        standing.is_loaded = is_loaded;
        if is_newly_public {
            for served in standing.formats.values_mut() {
                *served = served.take().filter(|served| served.file.figures.definition == list.digest);
            }
        }
    }
    list
}
