//! The three ends of a job: a result, a refusal, a panic.

use std::sync::mpsc;

use super::{Cause, Worker};

#[tokio::test(flavor = "current_thread")]
async fn a_job_gives_its_result() {
    let worker = Worker::start("test-worker", 1).unwrap();
    assert_eq!(worker.run(|| 6 * 7).await, Ok(42));
}

#[tokio::test(flavor = "current_thread")]
async fn a_panic_is_one_callers_error() {
    let worker = Worker::start("test-worker", 1).unwrap();
    assert_eq!(worker.run(|| -> u8 { panic!("on purpose") }).await, Err(Cause::Internal));
    assert_eq!(worker.run(|| 1).await, Ok(1));
}

#[tokio::test(flavor = "current_thread")]
async fn a_full_queue_refuses_at_once() {
    let worker = Worker::start("test-worker", 1).unwrap();
    let (started_out, started_in) = mpsc::channel();
    let (go_out, go_in) = mpsc::channel::<()>();
    let busy = worker.clone();
    let first = tokio::task::LocalSet::new();
    first
        .run_until(async move {
            let running = tokio::task::spawn_local(async move {
                busy.run(move || {
                    started_out.send(()).unwrap();
                    go_in.recv().unwrap();
                })
                .await
            });
            tokio::task::yield_now().await;
            started_in.recv().unwrap();
            let queued = tokio::task::spawn_local({
                let worker = worker.clone();
                async move { worker.run(|| 1).await }
            });
            tokio::task::yield_now().await;
            assert_eq!(worker.run(|| 2).await, Err(Cause::Busy { retry_after_seconds: 1 }));
            go_out.send(()).unwrap();
            assert_eq!(running.await.unwrap(), Ok(()));
            assert_eq!(queued.await.unwrap(), Ok(1));
        })
        .await;
}
