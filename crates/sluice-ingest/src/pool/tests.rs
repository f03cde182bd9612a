//! Jobs give their results, and panics stay with them.

use super::{CpuPool, JobPanicked};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn a_job_runs_on_a_named_thread() {
    let pool = CpuPool::new("parse", 1).unwrap();
    let name = block_on(pool.start(|| std::thread::current().name().map(str::to_owned)));
    assert_eq!(name.unwrap().as_deref(), Some("parse-0"));
}

#[test]
fn a_panic_is_an_error_of_its_own_job() {
    let pool = CpuPool::new("parse", 1).unwrap();
    let bad = pool.start(|| panic!("as the test wants it"));
    let good = pool.start(|| 7);
    assert_eq!(block_on(bad), Err::<(), _>(JobPanicked));
    assert_eq!(block_on(good), Ok(7));
}

#[test]
fn started_jobs_end_though_the_pool_is_dropped() {
    let pool = CpuPool::new("parse", 1).unwrap();
    let jobs: Vec<_> = (0..100).map(|number| pool.start(move || number)).collect();
    drop(pool);
    for (number, job) in jobs.into_iter().enumerate() {
        assert_eq!(block_on(job), Ok(number));
    }
}
