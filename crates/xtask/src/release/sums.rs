//! The files of a release: their names, checksums and sizes.

use std::{fs, path::Path, process::Command};

use anyhow::{Result, bail, ensure};

use crate::command::output_of;

/// The file with the checksums.
const SUMS: &str = "SHA256SUMS";

/// The names of all files, sorted.
pub(super) fn list(dir: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        let Ok(name) = entry?.file_name().into_string() else { bail!("a file has no name in UTF-8") };
        names.push(name);
    }
    names.sort();
    Ok(names)
}

/// Writes their checksums as `sha256sum --check` reads them.
pub(super) fn write(dir: &Path, files: &[String]) -> Result<()> {
    ensure!(!files.is_empty(), "nothing was made");
    let sums = output_of(Command::new("sha256sum").args(files).current_dir(dir))?;
    Ok(fs::write(dir.join(SUMS), sums)?)
}

/// Names and sizes.
pub(super) fn table(dir: &Path, files: &[String]) -> Result<String> {
    let mut lines = vec![dir.display().to_string()];
    for name in files.iter().map(String::as_str).chain([SUMS]) {
        lines.push(format!("{:>12}  {name}", fs::metadata(dir.join(name))?.len()));
    }
    Ok(lines.join("\n"))
}
