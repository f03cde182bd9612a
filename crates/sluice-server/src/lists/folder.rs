//! The folder of lists in the data directory: definitions in `lists.json`, and a file for each format below the name of its tenant.
//!
//! In: definitions, names of lists. Out: the same after a restart, and paths. What stands in a file is for `file.rs`. Blocking.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sluice_model::ListName;

use super::{definition::ListDefinition, device_list::DeviceList, format::ListFormat};
use crate::auth::private_files::{create_private_dir, replace_private};

/// Where definitions are kept.
const DEFINITIONS: &str = "lists.json";

/// Longest file of definitions, in bytes.
const DEFINITIONS_BYTES_MAX: u64 = 16 << 20;

/// The folder.
pub(super) struct ListsFolder {
    dir: PathBuf,
    /// Definitions that make no sense to this daemon, as they are kept: a newer one may know them.
    unread: Vec<Value>,
}

/// A definition as it is kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptList {
    tenant: String,
    name: String,
    definition: ListDefinition,
}

/// A definition, with the tenant and name of its list.
type DefinedList = (String, ListName, ListDefinition);

/// Lists by tenant and name.
type ByName = BTreeMap<(String, ListName), Arc<DeviceList>>;

impl ListsFolder {
    /// Reads the definitions.
    ///
    /// # Errors
    ///
    /// They cannot be read, or are not what is kept. One that makes no sense costs that list alone.
    pub(super) fn open(data_dir: &Path) -> io::Result<(Self, Vec<DefinedList>)> {
        let dir = data_dir.join("lists");
        let path = dir.join(DEFINITIONS);
        let text = match fs::metadata(&path) {
            Ok(metadata) if DEFINITIONS_BYTES_MAX < metadata.len() => {
                return Err(io::Error::other(format!("{} is too long", path.display())));
            }
            Ok(_) => fs::read(&path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => b"[]".to_vec(),
            Err(error) => return Err(error),
        };
        let kept: Vec<Value> = serde_json::from_slice(&text)
            .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
        let (mut defined, mut unread) = (Vec::new(), Vec::new());
        for one in kept {
            match KeptList::read(&one) {
                Ok(list) => defined.push(list),
                Err(error) => {
                    // This daemon has more to do than lists.
                    let list = one.get("name").map(ToString::to_string);
                    tracing::error!(list, error, "a list is not served: its definition makes no sense");
                    unread.push(one);
                }
            }
        }
        Ok((Self { dir, unread }, defined))
    }

    /// Writes the definitions.
    ///
    /// # Errors
    ///
    /// They cannot be written; then those before are still there.
    pub(super) fn keep(&self, all: &ByName) -> io::Result<()> {
        let mut kept = Vec::new();
        for list in all.values() {
            let (tenant, name) = (list.tenant.clone(), list.name.to_string());
            let one = KeptList { tenant, name, definition: list.definition.clone() };
            kept.push(serde_json::to_value(one)?);
        }
        for one in &self.unread {
            // A list of the name may have been defined since.
            if !kept.iter().any(|known| known["tenant"] == one["tenant"] && known["name"] == one["name"]) {
                kept.push(one.clone());
            }
        }
        create_private_dir(&self.dir)?;
        replace_private(&self.dir.join(DEFINITIONS), &serde_json::to_vec_pretty(&kept)?)
    }

    /// Makes the folder of a tenant.
    ///
    /// # Errors
    ///
    /// It cannot be made.
    pub(super) fn make_for(&self, tenant: &str) -> io::Result<()> {
        create_private_dir(&self.dir.join(tenant))
    }

    /// Where a list is in a format.
    pub(super) fn path(&self, list: &DeviceList, format: ListFormat) -> PathBuf {
        self.dir.join(&list.tenant).join(format!("{}.{}", list.name, format.extension()))
    }

    /// Removes the files of a list.
    pub(super) fn remove_files(&self, list: &DeviceList) {
        for format in ListFormat::all() {
            let path = self.path(list, format);
            for path in [path.with_added_extension("new"), path.with_added_extension("damaged"), path] {
                remove(&path);
            }
        }
    }

    /// Removes files of lists that there are not.
    pub(super) fn sweep(&self, all: &ByName) {
        if !self.unread.is_empty() {
            return;
        }
        let Ok(tenants) = fs::read_dir(&self.dir) else { return };
        for tenant in tenants.flatten() {
            let Ok(files) = fs::read_dir(tenant.path()) else { continue };
            for file in files.flatten() {
                let (tenant, file_name) = (tenant.file_name(), file.file_name());
                let (tenant, file_name) = (tenant.to_string_lossy(), file_name.to_string_lossy());
                let name = file_name.split('.').next().and_then(ListName::parse);
                if name.is_none_or(|name| !all.contains_key(&(tenant.to_string(), name))) {
                    remove(&file.path());
                }
            }
        }
    }
}

/// Removes a file of a list. If it stays, the next start removes it, and no list ever serves it: files say of which definition they are.
pub(super) fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::error!(path = %path.display(), %error, "a file of a list cannot be removed");
        }
        _ => {}
    }
}

/// Keeps a damaged file out of the way of the next one, for whoever looks into it.
pub(super) fn set_aside(path: &Path) {
    if let Err(error) = fs::rename(path, path.with_added_extension("damaged")) {
        tracing::error!(path = %path.display(), %error, "a damaged file of a list cannot be set aside");
    }
}

impl KeptList {
    /// Reads a definition that is kept.
    fn read(kept: &Value) -> Result<DefinedList, String> {
        let Self { tenant, name, definition } =
            serde_json::from_value(kept.clone()).map_err(|error| error.to_string())?;
        let definition = serde_json::to_vec(&definition).map_err(|error| error.to_string())?;
        let Some(name) = ListName::parse(&name) else { return Err(format!("{name:?} names no list")) };
        Ok((tenant, name, ListDefinition::parse(&definition)?))
    }
}
