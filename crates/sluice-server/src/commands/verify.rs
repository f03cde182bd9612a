//! `sluiced verify DIR`: reads everything in the data directory of a daemon that does not run.

use std::{fmt::Write as _, io::Write as _, path::Path};

use anyhow::{Context as _, bail};
use sluice_server::auth::{accounts::AccountsFile, private_files::give_to_owner};
use sluice_store::{Damage, OpenError, verify};

use super::progress::Progress;

/// Checks every checksum below `data_dir`; what is damaged is printed, and an error.
pub(super) fn run(data_dir: &Path) -> anyhow::Result<String> {
    let mut progress = Progress::new("verified");
    let verified = match verify(data_dir, &mut |done, total| progress.show(done, total)) {
        Err(error @ OpenError::Locked { .. }) => {
            return Err(error).context(
                "a running daemon cannot be verified: stop it first, or verify a restored snapshot",
            );
        }
        verified => verified?,
    };
    drop(progress);
    // The engine leaves files of its own at every opening.
    give_to_owner(data_dir).context("cannot give the files back to the owner of the directory")?;
    let mut damages = verified.damages;
    let mut damages_count = verified.damages_count;
    if let Err(error) = AccountsFile::new(data_dir).read() {
        let (place, detail) = ("accounts.json".to_owned(), format!("{:#}", anyhow::Error::new(error)));
        let meaning =
            "nobody can log in: restore the file from a snapshot, or remove it to start with a new admin";
        damages.push(Damage { place, detail, meaning: meaning.to_owned() });
        damages_count += 1;
    }
    if 0 < damages_count {
        let lines = list(&damages, damages_count);
        std::io::stdout().write_all(lines.as_bytes()).context("cannot write to standard output")?;
        bail!("{} is damaged in {damages_count} places; they are listed above", data_dir.display());
    }
    let mut said = format!(
        "{} is whole: commit {}, {} rows, {} bytes of rows and contexts, {} frames of log",
        data_dir.display(),
        verified.sequence,
        verified.rows,
        verified.stored_bytes,
        verified.frames
    );
    if 0 < verified.torn_bytes {
        let torn_bytes = verified.torn_bytes;
        write!(
            said,
            "\nThe last {torn_bytes} bytes of the log were not written whole, as after a kill; nothing says that they were \
             ever acknowledged, and the next start cuts them off"
        )?;
    }
    Ok(said)
}

fn list(damages: &[Damage], damages_count: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for Damage { place, detail, meaning } in damages {
        lines.push(format!("{place}: {detail}. This means: {meaning}.\n"));
    }
    let more = damages_count - damages.len();
    if 0 < more {
        lines.push(format!("and {more} more\n"));
    }
    lines.concat()
}
