//! Questions and changes whose requests are short: each is made again while that may help.
//!
//! In: what is asked. Out: the body of a success, whole, or piece by piece as it comes. What changes something is sent again only if it was not taken.

use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use url::Url;

use super::{Method, NoAnswer, Request, Server};
use crate::{
    answer::{self, Answer, Problem},
    failure::Failure,
    patience::Patience,
};

/// How long a request is made again of commands that say nothing of it.
const RETRY_FOR: Duration = Duration::from_secs(30);

/// What a request does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Asked {
    /// Reads.
    Read,
    /// Looks values up, which is read as well.
    LookUp,
    /// Creates something.
    Create,
    /// Puts something in the place of what is there.
    Put,
    /// Removes something.
    Remove,
}

impl Asked {
    fn method(self) -> Method {
        match self {
            Self::Read => Method::GET,
            Self::LookUp | Self::Create => Method::POST,
            Self::Put => Method::PUT,
            Self::Remove => Method::DELETE,
        }
    }

    /// Whether it changes nothing.
    fn is_question(self) -> bool {
        matches!(self, Self::Read | Self::LookUp)
    }

    fn fault_of(self, problem: Problem) -> Fault {
        let is_again = problem.is_untaken() || self.is_question() && problem.is_temporary();
        let pause = problem.retry_after;
        Fault { failure: problem.into_failure(), is_again, pause }
    }
}

/// Why a question or a change came to nothing.
struct Fault {
    failure: Failure,
    /// Whether the request may be made again.
    is_again: bool,
    /// The pause that was asked for.
    pause: Option<Duration>,
}

impl Server {
    /// Asks for what is at an address, as of [`Server::ask`].
    ///
    /// # Errors
    ///
    /// Whatever else came of it, or that it is no such thing.
    pub(crate) async fn read<T: DeserializeOwned>(&self, url: Url) -> Result<T, Failure> {
        let body = self.ask(Asked::Read, url, String::new()).await?;
        serde_json::from_slice(&body).map_err(|error| answer::unreadable(&error))
    }

    /// Sends a request, and gives the body of a success. It is sent again while the daemon does not take it; a question, which changes
    /// nothing, also when it has no answer.
    ///
    /// # Errors
    ///
    /// Whatever else came of it.
    pub(crate) async fn ask(&self, asked: Asked, url: Url, body: String) -> Result<Bytes, Failure> {
        let mut patience = self.patience();
        loop {
            let began = Instant::now();
            let request = Request::plain(asked.method(), url.clone(), body.clone());
            let fault = match self.send(request).await.map(Answer::into_success) {
                Ok(Ok(body)) => return Ok(body),
                Ok(Err(problem)) => asked.fault_of(problem),
                Err(no_answer) => self.fault_of(asked, no_answer),
            };
            self.wait(&mut patience, fault, began).await?;
        }
    }

    /// Asks for what is at an address, however long it is, and hands it on as it comes. If it breaks off, it is asked for again, and what
    /// was handed on is passed over.
    ///
    /// # Errors
    ///
    /// Whatever else came of it, or what `take` failed with.
    pub(crate) async fn read_long(
        &self,
        url: Url,
        mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (mut patience, mut taken) = (self.patience(), 0);
        loop {
            let (mut began, taken_before) = (Instant::now(), taken);
            let fault = match self.read_once(url.clone(), &mut taken, &mut take).await {
                Ok(()) => return Ok(()),
                Err(fault) => fault,
            };
            // Only time counts in which nothing came.
            if taken_before < taken {
                (patience, began) = (self.patience(), Instant::now());
            }
            self.wait(&mut patience, fault, began).await?;
        }
    }

    async fn read_once(
        &self,
        url: Url,
        taken: &mut usize,
        take: &mut impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Fault> {
        let no_answer = |no_answer| self.fault_of(Asked::Read, no_answer);
        let download = self.download(url, "application/x-ndjson").await.map_err(no_answer)?;
        let mut download = download.map_err(Fault::for_good)?;
        let mut at = 0;
        while let Some(piece) = download.next().await.map_err(no_answer)? {
            let fresh = piece.get(taken.saturating_sub(at)..).unwrap_or(&[]);
            at += piece.len();
            take(fresh).map_err(Fault::for_good)?;
            *taken = at.max(*taken);
        }
        Ok(())
    }

    fn patience(&self) -> Patience {
        Patience::new(self.timing.retry_for.unwrap_or(RETRY_FOR))
    }

    /// Waits until a request is made again that began then.
    ///
    /// # Errors
    ///
    /// Why it is not.
    async fn wait(&self, patience: &mut Patience, fault: Fault, began: Instant) -> Result<(), Failure> {
        let Fault { failure, is_again, pause } = fault;
        let is_again =
            is_again && patience.wait(&failure.to_string(), pause, began.elapsed(), &self.tell).await;
        if is_again { Ok(()) } else { Err(failure) }
    }

    fn fault_of(&self, asked: Asked, no_answer: NoAnswer) -> Fault {
        let NoAnswer { text, is_for_good, retry_after, is_unsent } = no_answer;
        let is_again = if is_unsent { self.timing.retry_for.is_some() } else { asked.is_question() };
        Fault { failure: Failure::Unavailable(text), is_again: is_again && !is_for_good, pause: retry_after }
    }
}

impl Fault {
    /// One that nothing changes.
    fn for_good(failure: Failure) -> Self {
        Self { failure, is_again: false, pause: None }
    }
}
