//! Lists as programs load them, and what these answer then.
//!
//! In: a daemon and names of lists. Out: files, and questions that were answered otherwise than they should be.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, ensure};
use test_support::daemon::Daemon;

use super::{
    corpus::{self, NAMES, Reached},
    probe::get,
};

/// Lists as they were fetched.
pub(super) struct Fetched {
    pub(super) daemon: Daemon,
    pub(super) dir: PathBuf,
}

/// What a program made of a list.
pub(super) struct LoadedList {
    pub(super) program: &'static str,
    pub(super) version: String,
    /// Name and extension of the list.
    pub(super) list: &'static str,
    pub(super) asked: usize,
    /// Questions that were answered otherwise.
    pub(super) wrong: Vec<String>,
}

/// What a question expects of a format, and what came of it.
pub(super) fn judge(
    questions: &[(&str, bool)],
    mut is_blocked: impl FnMut(&str) -> Result<bool>,
) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for (question, wanted) in questions {
        if is_blocked(question)? != *wanted {
            wrong.push(format!("{question} should be {}", if *wanted { "blocked" } else { "let through" }));
        }
    }
    Ok(wrong)
}

/// The questions about names, with what a format that reaches so far answers.
pub(super) fn names(reach: &[Reached]) -> Vec<(&'static str, bool)> {
    NAMES.iter().map(|(name, reached)| (*name, reach.contains(reached))).collect()
}

impl Fetched {
    /// Where a list is, which is fetched now.
    pub(super) fn file(&self, list: &str) -> Result<PathBuf> {
        let answer = get(self.daemon.address(), &format!("/v1/lists/{list}"), &corpus::login())?;
        ensure!(answer.status == 200, "{list}: {}", answer.body);
        let path = self.dir.join(list);
        fs::write(&path, answer.body)?;
        Ok(path)
    }

    /// What the daemon tells of a list beside it.
    pub(super) fn figure(&self, list: &str, header: &str) -> Result<String> {
        let answer = get(self.daemon.address(), &format!("/v1/lists/{list}"), &corpus::login())?;
        answer.header(header).with_context(|| format!("{list} has no {header}"))
    }
}
