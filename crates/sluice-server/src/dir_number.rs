//! The number of a data directory, by which it is told from every other one, its own copies restored elsewhere among them.
//!
//! In: the directory. Out: the number in its file `IDENTITY`, drawn when it is first wanted. Snapshots say with it whose a place is,
//! cursors of which store they are. No snapshot has the file, so a restored directory draws another number. Blocking.

use std::{fs, io, path::Path};

use sluice_model::hex;

use crate::auth::{password::random_bytes, private_files::replace_private};

/// Its file.
const FILE: &str = "IDENTITY";
/// Digits of it.
const DIGITS: usize = 32;
/// Digits of it that cursors have: as many as nobody meets twice.
const CURSOR_DIGITS: usize = 16;

/// Reads the digits of the number; `None` if none was drawn yet.
///
/// # Errors
///
/// When the file cannot be read, or has something else in it.
pub fn read(data_dir: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(data_dir.join(FILE)) {
        Ok(text) if is_number(text.trim_end()) => Ok(Some(text.trim_end().to_owned())),
        Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "it is not what was written; remove it")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads the digits of the number, and draws it first if there is none.
///
/// # Errors
///
/// As of [`read`], and when the file cannot be written.
pub fn read_or_draw(data_dir: &Path) -> io::Result<String> {
    if let Some(number) = read(data_dir)? {
        return Ok(number);
    }
    let number = hex::encode(&random_bytes::<{ DIGITS / 2 }>().map_err(io::Error::other)?);
    replace_private(&data_dir.join(FILE), format!("{number}\n").as_bytes())?;
    Ok(number)
}

/// Whether a text is such a number.
pub fn is_number(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What cursors have of the number.
///
/// Without one that stays, because the disk is full for example, it is one of this life: after a restart, cursors are taken for
/// those of another store, and their readers begin again.
pub(crate) fn for_cursors(data_dir: &Path) -> u64 {
    match read_or_draw(data_dir) {
        Ok(number) => {
            number.get(..CURSOR_DIGITS).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0)
        }
        Err(error) => {
            tracing::warn!(%error, file = FILE, "the data directory has no number; cursors of now mean nothing after a restart");
            random_bytes().map_or(0, u64::from_be_bytes)
        }
    }
}

#[cfg(test)]
mod tests;
