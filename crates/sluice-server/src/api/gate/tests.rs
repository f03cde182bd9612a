//! How long a bulk request waits for room.

use std::time::Duration;

use sluice_ingest::IngestError;
use sluice_store::WriteError;

use super::{ROOM_RETRY_TIME, patiently};

const WAIT_MAX: Duration = Duration::from_secs(8);

const BUSY: IngestError = IngestError::Write(WriteError::Busy { retry_after_seconds: 7 });

#[tokio::test(start_paused = true)]
async fn there_is_room_after_a_while() {
    let mut asked = 0_u32;
    let got = patiently(WAIT_MAX, || {
        asked += 1;
        if asked < 4 { Err(BUSY) } else { Ok(asked) }
    })
    .await
    .unwrap();
    assert_eq!(got, (4, WAIT_MAX.checked_sub(3 * ROOM_RETRY_TIME).unwrap()));
}

#[tokio::test(start_paused = true)]
async fn there_is_none_in_the_end() {
    let began = tokio::time::Instant::now();
    let refused = patiently(WAIT_MAX, || Err::<(), _>(BUSY)).await;
    assert!(matches!(refused, Err(IngestError::Write(WriteError::Busy { retry_after_seconds: 7 }))));
    assert_eq!(began.elapsed(), WAIT_MAX);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_is_not_waited_for() {
    let began = tokio::time::Instant::now();
    let refused = patiently(WAIT_MAX, || Err::<(), _>(IngestError::Write(WriteError::DiskFull))).await;
    assert!(matches!(refused, Err(IngestError::Write(WriteError::DiskFull))));
    assert_eq!(began.elapsed(), Duration::ZERO);
}
