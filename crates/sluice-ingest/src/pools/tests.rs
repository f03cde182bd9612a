//! Jobs give their results, panics stay with them, and what takes much memory waits.

use std::time::Duration;

use sluice_model::{limits, memory_plan::MemoryPlan};
use sluice_store::Workers;

use super::{Pool, PoolWorkers, Pools};

fn pool() -> Pool {
    Pool::new("ingest", 1, 0).unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

#[test]
fn a_job_runs_on_a_named_thread() {
    let name = block_on(pool().start(|| std::thread::current().name().map(str::to_owned)));
    assert_eq!(name.unwrap().as_deref(), Some("ingest-0"));
}

#[test]
fn a_panic_is_an_error_of_its_own_job() {
    let pool = pool();
    let bad = pool.start(|| panic!("as the test wants it"));
    let good = pool.start(|| 7);
    assert!(block_on::<Result<(), _>>(bad).is_err());
    assert_eq!(block_on(good), Ok(7));
}

#[test]
fn started_jobs_end_though_the_pool_is_dropped() {
    let pool = pool();
    let jobs: Vec<_> = (0..100).map(|number| pool.start(move || number)).collect();
    drop(pool);
    for (number, job) in jobs.into_iter().enumerate() {
        assert_eq!(block_on(job), Ok(number));
    }
}

/// A job that waits for others does further jobs of its pool meanwhile, so short lookups, whose memory is counted by
/// thread, must not.
#[test]
fn who_works_alone_begins_no_other_job_meanwhile() {
    let pool = Pool::new("lookup-short", 2, 0).unwrap();
    let on_one_thread = |workers: PoolWorkers| {
        let threads = move || workers.map(vec![(); 64], |()| std::thread::current().id());
        (
            workers.count(),
            block_on(pool.start(move || (workers.count(), threads(), std::thread::current().id()))).unwrap(),
        )
    };
    let (outside, (inside, threads, own)) = on_one_thread(PoolWorkers::Caller);
    assert_eq!((outside, inside), (1, 1));
    assert!(threads.iter().all(|thread| *thread == own));
    assert_eq!(on_one_thread(PoolWorkers::All).1.0, 2);
}

/// Reads that take much memory wait for one another, and not on a thread; light ones go on beside them.
#[test]
fn heavy_reads_take_turns() {
    const HEAVY: usize = limits::HEAVY_READ_BYTES_MAX / 8 * 5;
    block_on(async {
        let pools = Pools::start(2, &MemoryPlan::of(usize::MAX)).unwrap();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let first = pools.read(HEAVY, move |bytes| (bytes, wait.recv().is_ok()));
        let mut first = std::pin::pin!(first);
        assert!(tokio::time::timeout(Duration::ZERO, &mut first).await.is_err());
        let mut others = [HEAVY, usize::MAX].map(|bytes| Box::pin(pools.read(bytes, |bytes| bytes)));
        for other in &mut others {
            assert!(tokio::time::timeout(Duration::from_millis(20), other).await.is_err());
        }
        // The second thread is free, and there would be room for this one, but others were there before.
        pools.read_heavy.start(|| ()).await.unwrap();
        let mut least = std::pin::pin!(pools.read(limits::LIGHT_READ_BYTES_MAX + 1, |bytes| bytes));
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut least).await.is_err());
        assert_eq!(pools.read(limits::LIGHT_READ_BYTES_MAX, |bytes| bytes).await.unwrap(), 16 << 20);
        assert!(tokio::time::timeout(Duration::ZERO, &mut least).await.is_err());
        go.send(()).unwrap();
        assert_eq!(first.await.unwrap(), (HEAVY, true));
        let [second, third] = others;
        assert_eq!(second.await.unwrap(), HEAVY);
        assert_eq!(third.await.unwrap(), limits::HEAVY_READ_BYTES_MAX);
        assert_eq!(least.await.unwrap(), (16 << 20) + 1);
    });
}

#[test]
fn waits_for_slots_and_threads_are_told() {
    let pool = Pool::new("ingest", 1, 2 * limits::KIB).unwrap();
    block_on(async {
        let first = pool.slot(2 * limits::KIB).await.unwrap();
        assert_eq!(pool.measures().bytes, 2 * limits::KIB);
        let (second, ()) = tokio::join!(pool.slot(1), async { drop(first) });
        assert_eq!(pool.measures().bytes, limits::KIB);
        drop(second);
    });
    assert_eq!(pool.measures().slot_waits.counts.iter().sum::<u64>(), 2);
    let (release, released) = std::sync::mpsc::channel::<()>();
    let holder = pool.start(move || released.recv());
    let waiting = pool.start(|| ());
    let began = std::time::Instant::now();
    while began.elapsed() < Duration::from_millis(2) {}
    release.send(()).unwrap();
    block_on(holder).unwrap().unwrap();
    block_on(waiting).unwrap();
    let measures = pool.measures();
    assert_eq!((measures.pool, measures.bytes), ("ingest", 0));
    assert_eq!(measures.thread_waits.counts.iter().sum::<u64>(), 2);
    // In microseconds: the second one waited for the first.
    assert!(2_000 <= measures.thread_waits.sum, "{measures:?}");
}
