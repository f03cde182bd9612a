//! What all engines do: two pushes of the same batches, then lookups of known and unknown values.
//!
//! In: an [`Engine`] and a [`Plan`]. Out: the [`Outcome`]. Everything an engine makes of rows and values before it is
//! asked is made before the clock starts.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use sluice_model::Indicator;

use crate::{
    measure::{Outcome, Work, measure},
    rows::{Row, read_batches},
};

/// What an engine is fed with.
#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// File of one JSON object a line.
    #[arg(long)]
    feed: PathBuf,
    /// Lines of each batch, that is, of each acknowledgment.
    #[arg(long, value_delimiter = ',', required = true)]
    batches: Vec<usize>,
    /// Values that are stored, one a line.
    #[arg(long)]
    known: PathBuf,
    /// Values that are not, one a line.
    #[arg(long)]
    unknown: PathBuf,
    /// Directory for the engine's files, which must not exist.
    #[arg(long)]
    dir: PathBuf,
    /// Threads or connections that write a batch together; the engine's best number when absent.
    #[arg(long)]
    writers: Option<usize>,
}

/// An engine that is open and empty.
pub(crate) trait Engine {
    /// Rows, ready to be pushed.
    type Batch;
    /// Values, ready to be looked up.
    type Values;

    /// Version, and a sentence on settings.
    fn about(&self) -> (String, String);

    /// The process that serves, if it is not this one.
    fn server(&self) -> Option<u32> {
        None
    }

    /// Makes ready what `push` needs.
    fn prepare(&self, rows: Vec<Row>) -> Self::Batch;

    /// Makes ready what `look_up` needs.
    fn ask(&self, values: &[Indicator]) -> Self::Values;

    /// Stores a batch; it is durable when this returns.
    fn push(&mut self, batch: &Self::Batch) -> Result<()>;

    /// Does what is usual between large pushes and lookups, untimed.
    fn settle(&mut self) -> Result<()> {
        Ok(())
    }

    /// Looks up all values and counts those that are stored, with context and tags in hand for each.
    fn look_up(&mut self, values: &Self::Values) -> Result<usize>;
}

impl Plan {
    /// Runs all rounds on the engine that `open` gives for a directory and, if it was said, a number of writers.
    pub(crate) fn run<E: Engine>(
        &self,
        open: impl FnOnce(&Path, Option<usize>) -> Result<E>,
    ) -> Result<Outcome> {
        let known = read_values(&self.known)?;
        let unknown = read_values(&self.unknown)?;
        fs::create_dir(&self.dir).with_context(|| format!("cannot create {}", self.dir.display()))?;
        let mut engine = open(&self.dir, self.writers)?;
        let mut count = 0;
        let mut batches = Vec::new();
        for rows in read_batches(&self.feed, &self.batches)? {
            count += rows.len() as u64;
            batches.push(engine.prepare(rows));
        }
        let mut rounds = Vec::new();
        for work in [Work::Push, Work::PushAgain] {
            let server = engine.server();
            let push_all = || batches.iter().try_for_each(|batch| engine.push(batch));
            rounds.push(measure(work, count, server, &self.dir, push_all)?);
        }
        drop(batches);
        engine.settle()?;
        for (work, values, found_want) in [(Work::Hits, &known, known.len()), (Work::Misses, &unknown, 0)] {
            let queries = engine.ask(values);
            let (mut found, server) = (0, engine.server());
            rounds.push(measure(work, values.len() as u64, server, &self.dir, || {
                found = engine.look_up(&queries)?;
                Ok(())
            })?);
            ensure!(found == found_want, "{work:?}: {found} values found, not {found_want}");
        }
        let (version, settings) = engine.about();
        Ok(Outcome { version, settings, rounds })
    }
}

fn read_values(path: &Path) -> Result<Vec<Indicator>> {
    let file = fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let parse = |line: std::io::Result<String>| Ok(Indicator::recognize(&line?)?);
    BufReader::new(file).lines().map(parse).collect()
}

/// Cuts rows or values into pieces, one for each of so many threads.
pub(crate) fn deal<T>(mut all: Vec<T>, hands: usize) -> Vec<Vec<T>> {
    let each = all.len().div_ceil(hands).max(1);
    let mut dealt = Vec::new();
    while !all.is_empty() {
        let rest = all.split_off(each.min(all.len()));
        dealt.push(std::mem::replace(&mut all, rest));
    }
    dealt
}

/// Does a piece of work on a thread of its own for each part, and gives the sum of what they count.
pub(crate) fn side_by_side<T: Send>(
    parts: impl IntoIterator<Item = T>,
    work: impl Fn(T) -> Result<usize> + Sync,
) -> Result<usize> {
    let work = &work;
    thread::scope(|scope| {
        let spawn = |(number, part)| {
            thread::Builder::new().name(format!("engine-{number}")).spawn_scoped(scope, move || work(part))
        };
        let threads = (0..).zip(parts).map(spawn).collect::<std::io::Result<Vec<_>>>()?;
        let join = |thread: thread::ScopedJoinHandle<'_, Result<usize>>| {
            thread.join().map_err(|_panic| anyhow!("a thread panicked"))?
        };
        threads.into_iter().map(join).sum()
    })
}
