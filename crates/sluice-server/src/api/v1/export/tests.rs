//! An answer that was given up must not end as one that is whole.

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use super::body_of;

#[tokio::test]
async fn a_body_without_its_end_ends_in_an_error() {
    for is_whole in [true, false] {
        let (pieces, pieces_in) = mpsc::channel(4);
        pieces.send(Some(Bytes::from_static(b"a row"))).await.unwrap();
        if is_whole {
            pieces.send(None).await.unwrap();
        }
        drop(pieces);
        let body: Vec<bool> = body_of(pieces_in).map(|piece| piece.is_ok()).collect().await;
        assert_eq!(body, if is_whole { &[true][..] } else { &[true, false] });
    }
}
