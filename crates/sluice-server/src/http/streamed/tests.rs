//! What the record knows of an answer that is given while it is made.

use std::{cell::RefCell, io, rc::Rc};

use actix_web::{
    body::{BodyStream, BoxBody, MessageBody as _},
    dev::RequestHead,
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use super::{Cause, RequestRecord, StreamedBody};

/// What is told at the end of an answer of two pieces, of which so many are taken, and of which the last is bad.
async fn told(taken: usize, is_whole: bool) -> Option<(u64, bool, Option<Cause>)> {
    let told = Rc::new(RefCell::new(None));
    let record = Rc::new(RequestRecord::begin(&RequestHead::default(), None, &[]));
    let seen = Rc::clone(&told);
    record.tell_at_end(Box::new(move |record: &RequestRecord| {
        let state = (record.sent_bytes.get(), record.is_answered.get(), record.failure.get().cloned());
        seen.replace(Some(state));
    }));
    let last = if is_whole { Ok(Bytes::from_static(b"row")) } else { Err(io::Error::other("cut")) };
    let pieces = BodyStream::new(stream::iter([Ok(Bytes::from_static(b"a row")), last]));
    let mut body = StreamedBody::new(BoxBody::new(pieces), record);
    let pieces = stream::poll_fn(move |context| std::pin::Pin::new(&mut body).poll_next(context));
    let mut pieces = Box::pin(pieces.take(taken));
    while pieces.next().await.is_some() {
        assert_eq!(*told.borrow(), None, "it has not ended");
    }
    drop(pieces);
    told.take()
}

#[tokio::test]
async fn it_is_told_of_once_it_has_ended_or_is_given_up() {
    assert_eq!(told(9, true).await, Some((8, true, None)));
    assert_eq!(told(1, true).await, Some((5, false, None)));
    assert_eq!(told(0, true).await, Some((0, false, None)));
    assert_eq!(told(2, false).await, Some((5, true, Some(Cause::Internal))));
}
