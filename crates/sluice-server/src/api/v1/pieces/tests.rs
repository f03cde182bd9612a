//! An answer that was given up must not end as one that is whole.

use std::{io, rc::Rc};

use actix_web::dev::RequestHead;
use bytes::Bytes;
use futures_util::StreamExt as _;
use sluice_store::ReadError;
use tokio::sync::{mpsc, oneshot};

use super::{Cause, RequestRecord, body_of, cause_of};

#[tokio::test]
async fn a_body_without_its_end_ends_in_an_error_and_the_record_knows_why() {
    let damage = Cause::Unreadable("piece 4 is damaged".into());
    for (is_whole, said, want) in [
        (true, None, None),
        (false, Some(damage.clone()), Some(&damage)),
        (false, None, Some(&Cause::Internal)),
    ] {
        let (pieces, pieces_in) = mpsc::channel(4);
        pieces.send(Some(Bytes::from_static(b"a row"))).await.unwrap();
        if is_whole {
            pieces.send(None).await.unwrap();
        }
        drop(pieces);
        let (failed, failed_in) = oneshot::channel();
        if let Some(cause) = said {
            failed.send(cause).unwrap();
        }
        let record = Rc::new(RequestRecord::begin(&RequestHead::default(), None, &[]));
        let body = body_of(pieces_in, failed_in, Rc::clone(&record));
        let body: Vec<bool> = body.map(|piece| piece.is_ok()).collect().await;
        assert_eq!(body, if is_whole { &[true][..] } else { &[true, false] });
        assert_eq!(record.failure.get(), want);
    }
}

#[test]
fn a_cause_tells_damage_from_a_client_that_takes_too_long() {
    let damage = ReadError::Damaged { part: 3, piece: 4, detail: "checksum".to_owned() };
    assert!(matches!(cause_of(io::Error::other(damage)), Cause::Unreadable(_)));
    let late = io::Error::new(io::ErrorKind::TimedOut, "too long");
    assert_eq!(cause_of(late), Cause::BadRequest("too long".into()));
    assert_eq!(cause_of(io::Error::other("no room")), Cause::Internal);
}
