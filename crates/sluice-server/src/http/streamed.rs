//! The body of an answer that is given while it is made.
//!
//! In: such a body, and the record of its request. Out: the same body, and in the record how much of it was given, how long its client
//! was waited for, and whether it has ended, and how. The record lives as long as the body; whoever goes on with the request when its
//! client is gone keeps the record too.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Instant,
};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;

use super::{problem::Cause, record::RequestRecord};

#[cfg(test)]
mod tests;

/// See the module.
pub(crate) struct StreamedBody {
    inner: BoxBody,
    record: Rc<RequestRecord>,
    /// When the last piece was given, until the next one is asked for: as long as the client takes.
    given: Option<Instant>,
}

impl StreamedBody {
    /// Begins.
    pub(crate) fn new(inner: BoxBody, record: Rc<RequestRecord>) -> Self {
        Self { inner, record, given: None }
    }
}

impl MessageBody for StreamedBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.inner.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let Self { inner, record, given } = self.get_mut();
        if let Some(given) = given.take() {
            record.note_wait(given.elapsed());
        }
        let polled = Pin::new(inner).poll_next(context);
        match &polled {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(piece))) => {
                record.sent_bytes.set(record.sent_bytes.get() + piece.len() as u64);
                *given = Some(Instant::now());
            }
            Poll::Ready(Some(Err(_cut_off))) => {
                record.is_answered.set(true);
                // Whoever knows more has said so.
                let _cause = record.failure.get_or_init(|| Cause::Internal);
            }
            Poll::Ready(None) => record.is_answered.set(true),
        }
        polled
    }
}
