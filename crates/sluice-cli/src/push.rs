//! The commands `push` and `delete`: files in, counts out.
//!
//! ```text
//! files ──► source: whole, or cut where lines end ──► sender: one request for each piece, again while ──► journal, rejects,
//!           (a thread for each file)                  the daemon is away or busy                          progress
//! ```
//!
//! Everything but the reading of files happens on one thread. Pieces of a file are sent one after the other, so that of a value
//! that it has twice the later row counts. What is stored is in the journal before the next piece is sent; so a command that is
//! broken off, in whatever way, is gone on with: the daemon is asked what became of the last request, and rows that are sent twice change
//! nothing.

mod attempt;
mod batch;
mod journal;
mod pieces;
mod pipe;
mod progress;
mod receipt;
mod rejects;
mod sender;
mod source;
mod standing;
mod verb;

use std::{cell::RefCell, time::Duration};

use futures_util::{StreamExt as _, stream};
use tokio::{
    sync::Semaphore,
    time::{MissedTickBehavior, interval},
};

use self::{
    journal::{FileEntries, Journal},
    pieces::Piece,
    rejects::Rejects,
    sender::{Note, Sender},
    source::Source,
    standing::Standing,
};

pub(crate) use self::{progress::Progress, verb::Verb};
use crate::{
    arguments::{PushArguments, SendingArguments},
    failure::{Ended, Failure},
    server::Server,
};

/// Time between two looks at how far it is.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Files on their way.
pub(crate) struct Sending<'server> {
    sender: Sender<'server>,
    sources: Vec<Source>,
    connections: usize,
    /// Pieces of one file on their way at the same time.
    pieces_at_once: usize,
    /// What is on its way at the same time, of all files.
    permits: Semaphore,
    journal: RefCell<Journal>,
    rejects: RefCell<Rejects>,
    progress: &'server Progress,
}

impl<'server> Sending<'server> {
    /// Looks at the files, and at what is stored of them already.
    ///
    /// # Errors
    ///
    /// [`Failure::Local`] when a file cannot be read, [`Failure::Usage`] when the arguments do not go together,
    /// [`Failure::Unavailable`] when it depends on the daemon what is to be sent.
    pub(crate) async fn new(
        server: &'server Server,
        verb: Verb,
        arguments: &SendingArguments,
        pushing: Option<PushArguments>,
        progress: &'server Progress,
    ) -> Result<Self, Failure> {
        let sources = arguments.files.iter().map(|path| Source::look_at(path));
        let sources = sources.collect::<Result<Vec<_>, _>>()?;
        if 1 < sources.iter().filter(|source| source.is_stdin()).count() {
            return Err(Failure::Usage("standard input can be read once only".to_owned()));
        }
        if pushing.is_some_and(|pushing| pushing.replace) && sources.len() != 1 {
            let text = "--replace takes one file: the supplier holds exactly its rows afterwards";
            return Err(Failure::Usage(text.to_owned()));
        }
        let sender = Sender::new(server, verb, arguments, pushing);
        let mut journal = Journal::open(sender.identity().as_deref(), &sources, arguments.restart)?;
        match standing::standing(server, &arguments.supplier, verb, &journal).await? {
            Standing::Sound => {}
            Standing::Doubtful(why) => journal.forget(why)?,
            Standing::Untold(why) => {
                let text =
                    "may not ask whether what was stored before is still there, and goes on all the same";
                journal.keep(format!("{text}: {why}"));
            }
        }
        let rejects = Rejects::open(arguments.rejects.as_deref(), &sources, journal.is_resumed())?;
        progress.begin(verb, &sources, &journal);
        let connections = usize::from(arguments.connections);
        Ok(Self {
            sender,
            sources,
            connections,
            pieces_at_once: if arguments.any_order { connections } else { 1 },
            permits: Semaphore::new(connections),
            journal: RefCell::new(journal),
            rejects: RefCell::new(rejects),
            progress,
        })
    }

    /// Sends everything, and tells what came of it.
    ///
    /// # Errors
    ///
    /// Why not all of it is stored; of several files, the first reason. Other files are sent all the same where that has a point.
    pub(crate) async fn run(self) -> Result<Ended, Failure> {
        let ended = self.send_all().await?;
        self.journal.into_inner().remove();
        Ok(ended)
    }

    async fn send_all(&self) -> Result<Ended, Failure> {
        let mut files = stream::iter(self.sources.iter().enumerate())
            .map(|(number, source)| self.send_file(number, source))
            .buffer_unordered(self.connections);
        let mut looks = interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut first_failure = None;
        loop {
            let sent = tokio::select! {
                sent = files.next() => sent,
                _ = looks.tick() => {
                    self.progress.look();
                    continue;
                }
            };
            match sent {
                None => break,
                Some(Ok(())) => {}
                Some(Err(failure)) if failure.is_of_one_file() && 1 < self.sources.len() => {
                    self.progress.remark(&failure.to_string());
                    first_failure.get_or_insert(failure);
                }
                Some(Err(failure)) => return Err(failure),
            }
        }
        let is_refused = self.progress.end(&self.rejects.borrow(), first_failure.is_some())?;
        match first_failure {
            Some(failure) => Err(failure),
            None if is_refused => Ok(Ended::WithRemarks),
            None => Ok(Ended::Well),
        }
    }

    async fn send_file(&self, number: usize, source: &Source) -> Result<(), Failure> {
        let stored = self.journal.borrow().entries_of(number);
        let mut pieces = pieces::cut(source, self.sender.cutting(), stored.clone())?;
        let pieces = stream::poll_fn(|context| pieces.poll_recv(context));
        let mut sent = pieces
            .map(|piece| async { self.send_piece(number, source, &stored, piece?).await })
            .buffer_unordered(self.pieces_at_once);
        while let Some(sent) = sent.next().await {
            sent.map_err(|failure| failure.of(&source.name()))?;
        }
        if !source.is_unchanged() {
            let text = "has changed while it was sent; send it again".to_owned();
            return Err(Failure::Local(text).of(&source.name()));
        }
        Ok(())
    }

    async fn send_piece(
        &self,
        number: usize,
        source: &Source,
        stored: &FileEntries,
        piece: Piece,
    ) -> Result<(), Failure> {
        // Fails once the semaphore is closed, which nobody does.
        let _permit = self.permits.acquire().await;
        let lines_stored = stored.lines_stored(piece.start);
        let begun = stored.key_of(piece.start).map(str::to_owned);
        let note = |note: Note<'_>| -> Result<(), Failure> {
            let (part, end) = match note {
                Note::Begun(key) => {
                    return self.journal.borrow_mut().begin(number, piece.start..piece.end(), key);
                }
                Note::Part(part) => (part, None),
                Note::All(part) => (part, Some(piece.end())),
            };
            let lines = end.and(piece.lines).unwrap_or(part.committed_lines);
            self.rejects.borrow_mut().write(source, &piece, part)?;
            self.journal.borrow_mut().add(number, piece.start, (end, lines), part)?;
            self.progress.count(part);
            Ok(())
        };
        self.sender.send(&piece, lines_stored + 1, begun, self.progress, note).await
    }
}
