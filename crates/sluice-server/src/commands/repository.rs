//! Where snapshots are kept: named objects below a URL.
//!
//! Objects appear whole or not at all, whoever is killed when. Those of a directory are synced before they get their
//! names.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow, bail};
use futures_util::TryStreamExt as _;
use object_store::{
    ObjectStore, ObjectStoreExt as _, WriteMultipart, local::LocalFileSystem, parse_url_opts,
    path::Path as ObjectPath,
};
use sluice_server::config::parse_snapshot_url;
use tokio::runtime::Runtime;

/// Bytes that travel at once; services want at least 5 MiB.
const CHUNK_BYTES: usize = 8 << 20;
/// Chunks on their way while the next one is read.
const CHUNKS_MAX: usize = 2;
/// What variables begin with that say how to reach a service and log in there.
const SERVICE_VARIABLES: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];

/// Folder of objects.
pub(super) const OBJECTS_FOLDER: &str = "objects";
/// Folder of the lists of objects, one for each snapshot.
pub(super) const LISTS_FOLDER: &str = "snapshots";
/// Folder of whom the place belongs to.
pub(super) const OWNER_FOLDER: &str = "owner";

/// Returns true if there are variables by which a service could be logged in to.
pub(super) fn has_service_variables() -> bool {
    service_variables().next().is_some()
}

fn service_variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
        SERVICE_VARIABLES.iter().any(|begin| name.starts_with(begin)).then_some((name, value))
    })
}

/// See the module.
pub(super) struct Repository {
    store: Box<dyn ObjectStore>,
    prefix: ObjectPath,
    /// Of a `file://` URL.
    dir: Option<PathBuf>,
    runtime: Runtime,
}

impl Repository {
    /// Opens a URL. Touches nothing.
    pub(super) fn open(text: &str) -> anyhow::Result<Self> {
        let url = parse_snapshot_url(text).map_err(anyhow::Error::msg)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        if url.scheme() == "file" {
            let no_path = || anyhow!("{text} names no directory; it must be file:///path/of/the/directory");
            let dir = url.to_file_path().map_err(|()| no_path())?;
            let store = Box::new(LocalFileSystem::new().with_fsync(true));
            let prefix = ObjectPath::from_absolute_path(&dir)?;
            return Ok(Self { store, prefix, dir: Some(dir), runtime });
        }
        // Without it, the HTTP client has no TLS. Only the first call in a process counts.
        drop(rustls::crypto::ring::default_provider().install_default());
        let (store, prefix) =
            parse_url_opts(&url, service_variables()).with_context(|| format!("{text} cannot be used"))?;
        Ok(Self { store, prefix, dir: None, runtime })
    }

    /// Prepares a place to write to: makes the directory, and removes what a kill left half written there.
    pub(super) fn prepare(&self) -> anyhow::Result<()> {
        let Some(dir) = &self.dir else { return Ok(()) };
        for below in [OBJECTS_FOLDER, LISTS_FOLDER, OWNER_FOLDER] {
            let below = dir.join(below);
            fs::create_dir_all(&below).with_context(|| format!("cannot create {}", below.display()))?;
            remove_half_written(&below).with_context(|| {
                format!("cannot remove what a killed snapshot left in {}", below.display())
            })?;
        }
        Ok(())
    }

    /// Names below `folder`, with their lengths in bytes.
    pub(super) fn list(&self, folder: &str) -> anyhow::Result<BTreeMap<String, u64>> {
        let prefix = self.prefix.clone().join(folder);
        let found = self.runtime.block_on(self.store.list(Some(&prefix)).try_collect::<Vec<_>>());
        let found = found.with_context(|| format!("cannot list {folder}"))?;
        let named =
            found.into_iter().filter_map(|meta| Some((meta.location.filename()?.to_owned(), meta.size)));
        Ok(named.collect())
    }

    /// Writes an object of known bytes.
    pub(super) fn put(&self, folder: &str, name: &str, bytes: Vec<u8>) -> anyhow::Result<()> {
        let put = self.runtime.block_on(self.store.put(&self.path(folder, name), bytes.into()));
        put.map(drop).with_context(|| format!("cannot write {folder}/{name}"))
    }

    /// Writes an object from a reader. `check` is asked at the end whether it is what it should be; if not, nothing is
    /// written. Holds a few chunks in memory.
    pub(super) fn put_from(
        &self,
        folder: &str,
        name: &str,
        from: &mut dyn Read,
        check: &mut dyn FnMut(Option<&[u8]>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let path = self.path(folder, name);
        let write = async {
            let mut writer =
                WriteMultipart::new_with_chunk_size(self.store.put_multipart(&path).await?, CHUNK_BYTES);
            match copy(&mut writer, from, check).await {
                Ok(()) => writer.finish().await.map(drop).map_err(anyhow::Error::new),
                Err(error) => {
                    // What is left of it is told apart from whole objects.
                    drop(writer.abort().await);
                    Err(error)
                }
            }
        };
        self.runtime.block_on(write).with_context(|| format!("cannot write {folder}/{name}"))
    }

    /// Reads an object, chunk by chunk.
    pub(super) fn get(
        &self,
        folder: &str,
        name: &str,
        take: &mut dyn FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let read = async {
            let mut chunks = self.store.get(&self.path(folder, name)).await?.into_stream();
            while let Some(chunk) = chunks.try_next().await? {
                take(&chunk)?;
            }
            Ok(())
        };
        let read: anyhow::Result<()> = self.runtime.block_on(read);
        read.with_context(|| format!("cannot read {folder}/{name}"))
    }

    /// Removes an object.
    pub(super) fn delete(&self, folder: &str, name: &str) -> anyhow::Result<()> {
        let deleted = self.runtime.block_on(self.store.delete(&self.path(folder, name)));
        deleted.with_context(|| format!("cannot remove {folder}/{name}"))
    }

    fn path(&self, folder: &str, name: &str) -> ObjectPath {
        self.prefix.clone().join(folder).join(name)
    }
}

async fn copy(
    writer: &mut WriteMultipart,
    from: &mut dyn Read,
    check: &mut dyn FnMut(Option<&[u8]>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = from.read(&mut chunk).context("the daemon has ended the connection")?;
        let Some(bytes) = chunk.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        check(Some(bytes))?;
        writer.wait_for_capacity(CHUNKS_MAX).await?;
        writer.write(bytes);
    }
    check(None)
}

/// Files that the library for objects writes to before it gives them their names: `name#number`.
fn remove_half_written(dir: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.rsplit_once('#'));
        if number.is_some_and(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit())) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Refuses names that would lead elsewhere: they come from files that may be damaged.
pub(super) fn check_name(name: &str) -> anyhow::Result<()> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    if is_plain && !name.is_empty() { Ok(()) } else { bail!("{name:?} is no name of an object") }
}
